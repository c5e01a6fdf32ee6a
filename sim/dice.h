/* Draws of the simulator: numbers and chances out of the seeded generator (node/base/prng.h). */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include "node/base/prng.h"

/* A generator of its own for each part of the world, so that a draw more in one leaves the others as they were. */
static inline void dice_init(struct prng *prng, uint64_t seed, const char *part)
{
    uint8_t bytes[PRNG_SEED_BYTES] = {0};
    size_t length = strlen(part);
    memcpy(bytes, &seed, sizeof seed);
    memcpy(bytes + sizeof seed, part, length < 24 ? length : 24);
    prng_init(prng, bytes);
}

/* 0 … bound - 1; 0 for a bound of 0. */
static inline uint64_t dice_below(struct prng *prng, uint64_t bound)
{
    return bound == 0 ? 0 : prng_u64(prng) % bound;
}

/* low … high, both in. */
static inline uint64_t dice_between(struct prng *prng, uint64_t low, uint64_t high)
{
    return low + dice_below(prng, high - low + 1);
}

/* True in so many of a thousand; draws nothing for 0. */
static inline bool dice_chance(struct prng *prng, uint32_t per_mille)
{
    return per_mille > 0 && dice_below(prng, 1000) < per_mille;
}

#endif
