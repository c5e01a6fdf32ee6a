/* A seen marker with its own memory, for the tests of crdt/seen.c. */
#ifndef TESTS_CRDT_MARKER_H
#define TESTS_CRDT_MARKER_H

#include "cmocka_all.h"
#include "crdt/seen.h"

#include <string.h>

enum { DOTS_MAX = 4096, CLOCK_MAX = 64 };

/* A marker with its own memory. */
struct marker {
    struct crdt_seen seen;
    struct crdt_dot clock[CLOCK_MAX];
    struct crdt_seen_item items[CRDT_SEEN_ITEMS_MAX + 1];
    struct crdt_dot dots[DOTS_MAX];
};

static inline struct crdt_interval interval_of(const char *low, const char *high)
{
    return (struct crdt_interval){.low = (const uint8_t *)low,
                                  .low_bytes = strlen(low),
                                  .high = (const uint8_t *)high,
                                  .high_bytes = high != NULL ? strlen(high) : 0,
                                  .has_high = high != NULL};
}

static inline void marker_init(struct marker *marker)
{
    marker->seen = (struct crdt_seen){
        .interval = interval_of("", NULL),
        .clock = crdt_vclock_over(marker->clock, CLOCK_MAX),
        .items = marker->items,
        .items_capacity = CRDT_SEEN_ITEMS_MAX + 1,
    };
}

/* One or two entries over memory of the caller; an actor of 0 leaves the entry out. */
static inline struct crdt_vclock context_of(struct crdt_dot dots[2], uint64_t actor, uint64_t counter,
                                            uint64_t second_actor, uint64_t second_counter)
{
    struct crdt_vclock context = crdt_vclock_over(dots, 2);
    if (actor > 0) assert_true(crdt_vclock_raise(&context, (struct crdt_dot){actor, counter}));
    if (second_actor > 0)
        assert_true(crdt_vclock_raise(&context, (struct crdt_dot){second_actor, second_counter}));
    return context;
}

static inline void absorb(struct marker *marker, const char *sort_key, uint64_t complete,
                          const struct crdt_vclock *context)
{
    crdt_seen_absorb(&marker->seen, &complete, complete > 0, (const uint8_t *)sort_key, strlen(sort_key), context);
}

static inline bool is_new(const struct marker *marker, const char *sort_key, const struct crdt_vclock *context)
{
    return crdt_seen_is_new(&marker->seen, (const uint8_t *)sort_key, strlen(sort_key), context);
}

static inline bool decode(struct marker *marker, const uint8_t *bytes, size_t length)
{
    marker_init(marker);
    return crdt_seen_decode(bytes, length, &marker->seen, marker->dots, DOTS_MAX);
}

#endif
