/* Seeded numbers for tests (splitmix64). The seed is printed; SEED in the environment replaces it. */
#ifndef TESTS_LIB_RANDOM_H
#define TESTS_LIB_RANDOM_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_u64(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 … bound - 1 */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)(random_u64(random) % bound);
}

/* True once in `times`. */
static inline bool random_once_in(struct random *random, uint32_t times)
{
    return random_below(random, times) == 0;
}

/* The generator of one test; its seed is printed with the test's name. */
static inline struct random random_begin(const char *name)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240607;
    printf("%s: SEED=%" PRIu64 "\n", name, seed);
    return (struct random){seed};
}

#endif
