/* Every way through a test that asks "which next?": run it again and again, each time with the next answers. */
#ifndef TESTS_LIB_CHOICES_H
#define TESTS_LIB_CHOICES_H

#include "tests/lib/check.h"

enum { CHOICES_MAX = 64 };

struct choices {
    uint8_t picks[CHOICES_MAX];
    uint8_t limits[CHOICES_MAX];
    uint32_t count; /* of picks made so far in this run, or to be made again */
    uint32_t at;
    uint64_t runs_count;
};

/* One of 0 … limit - 1. */
static inline uint32_t choices_take(struct choices *choices, uint32_t limit)
{
    assert_true(limit > 0 && limit < 256 && choices->at < CHOICES_MAX);
    if (choices->at == choices->count) {
        choices->picks[choices->count] = 0;
        choices->limits[choices->count++] = (uint8_t)limit;
    }
    assert_int_equal(choices->limits[choices->at], limit); /* the same picks lead to the same question */
    return choices->picks[choices->at++];
}

/* Go to the next way; false after the last. */
static inline bool choices_next(struct choices *choices)
{
    assert_int_equal(choices->at, choices->count);
    choices->at = 0;
    choices->runs_count++;
    while (choices->count > 0 && choices->picks[choices->count - 1] + 1 == choices->limits[choices->count - 1])
        choices->count--;
    if (choices->count == 0) return false;
    choices->picks[choices->count - 1]++;
    return true;
}

/* Say which way failed. */
static inline void choices_print(const struct choices *choices)
{
    print_error("run %llu, picks", (unsigned long long)choices->runs_count);
    for (uint32_t i = 0; i < choices->at; i++)
        print_error(" %u/%u", choices->picks[i], choices->limits[i]);
    print_error("\n");
}

#endif
