/* A seeded generator: the only randomness a decision may use. ChaCha20 of a seed and a counter, so that keys and
 * ids made from it are as secret as the seed; the simulator gives a seed of its own and gets the same run. */
#ifndef NODE_BASE_PRNG_H
#define NODE_BASE_PRNG_H

#include "node/base/span.h"

enum { PRNG_SEED_BYTES = 32 };

struct prng {
    uint8_t seed[PRNG_SEED_BYTES];
};

void prng_init(struct prng *prng, const uint8_t seed[PRNG_SEED_BYTES]);

/* `length` random bytes (at most 2^20). What was given before cannot be computed from what is kept. */
void prng_bytes(struct prng *prng, void *bytes, size_t length);

uint64_t prng_u64(struct prng *prng);

#endif
