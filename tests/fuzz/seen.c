/* Seen markers: any bytes are refused, or are the one form of the marker they give. And a marker that was told of
 * items, in any order and however full it is, misses no news (H9, I17): what is newer than what it was told is new
 * to it, and what it was told is new again only where something had to be forgotten.
 *
 * The input is read twice: as a marker, and as a sequence of items told, two bytes each.
 */
#include "crdt/seen.h"

#include <stdlib.h>
#include <string.h>

enum { DOTS = CRDT_SEEN_BYTES_MAX / 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, struct crdt_dot *dots, uint8_t *out)
{
    struct crdt_dot clock[CRDT_VCLOCK_MAX];
    struct crdt_seen_item items[CRDT_SEEN_ITEMS_MAX];
    struct crdt_seen seen = {
        .clock = crdt_vclock_over(clock, CRDT_VCLOCK_MAX), .items = items, .items_capacity = CRDT_SEEN_ITEMS_MAX};
    if (!crdt_seen_decode(data, size, &seen, dots, DOTS)) return;
    if (!crdt_interval_contains(&seen.interval, &seen.interval)) abort();
    size_t length = crdt_seen_encode(&seen, out, CRDT_SEEN_BYTES_MAX);
    if (length != size || memcmp(out, data, size) != 0) abort();
}

/* --- a marker of items told ------------------------------------------------------------------------------ */

enum { KEYS = 16, ACTORS = 4, OWN_ACTOR = 1, ITEMS_ROOM = 6, STEPS_MAX = 256 };

/* The newest state told of each key: counters by actor. A marker borrows them, so each is written once. */
struct told {
    uint8_t names[KEYS][2];
    struct crdt_dot dots[STEPS_MAX][ACTORS];
    struct crdt_vclock contexts[KEYS];
};

static bool is_new(const struct crdt_seen *seen, const struct told *told, uint32_t key)
{
    return crdt_seen_is_new(seen, told->names[key], 1 + key % 2, &told->contexts[key]);
}

/* Tell of each item, its counter of one actor raised. Says whether something had to be forgotten. */
static bool tell(const uint8_t *data, size_t size, struct told *told, struct crdt_seen *seen)
{
    static const uint64_t own = OWN_ACTOR;
    bool has_forgotten = false;
    uint64_t counter = 0; /* of all writes: dots are unique (I5), and grow (I6) */
    for (uint32_t step = 0; step < STEPS_MAX && size >= 2; step++, data += 2, size -= 2) {
        uint32_t key = data[0] % KEYS;
        struct crdt_dot dot = {1 + data[1] % ACTORS, ++counter};
        struct crdt_vclock context = crdt_vclock_over(told->dots[step], ACTORS);
        if (!crdt_vclock_join(&context, &told->contexts[key]) || !crdt_vclock_raise(&context, dot)) abort();
        told->contexts[key] = context;
        if (!is_new(seen, told, key)) abort(); /* or a change would be missed */
        crdt_seen_absorb(seen, &own, 1, told->names[key], 1 + key % 2, &context);
        has_forgotten |= is_new(seen, told, key);
    }
    return has_forgotten;
}

static void check_told(const uint8_t *data, size_t size, struct crdt_dot *dots, uint8_t *out)
{
    static struct told told;
    struct crdt_dot clocks[2][CRDT_VCLOCK_MAX];
    struct crdt_seen_item items[2][ITEMS_ROOM];
    const struct crdt_interval everything = {.low = (const uint8_t *)""};
    struct crdt_seen seen = {.interval = everything,
                             .clock = crdt_vclock_over(clocks[0], CRDT_VCLOCK_MAX),
                             .items = items[0],
                             .items_capacity = ITEMS_ROOM};
    struct crdt_seen read = {
        .clock = crdt_vclock_over(clocks[1], CRDT_VCLOCK_MAX), .items = items[1], .items_capacity = ITEMS_ROOM};
    for (uint32_t key = 0; key < KEYS; key++) {
        told.names[key][0] = (uint8_t)(key / 2);
        told.contexts[key] = (struct crdt_vclock){0};
    }
    bool has_forgotten = tell(data, size, &told, &seen);
    size_t length = crdt_seen_encode(&seen, out, CRDT_SEEN_BYTES_MAX);
    if (length == 0 || !crdt_seen_decode(out, length, &read, dots, DOTS)) abort();
    for (uint32_t key = 0; key < KEYS; key++) {
        bool was_told = told.contexts[key].count > 0;
        if (was_told && is_new(&read, &told, key) && !has_forgotten) abort();
        if (is_new(&read, &told, key) != is_new(&seen, &told, key)) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crdt_dot dots[DOTS];
    static uint8_t out[CRDT_SEEN_BYTES_MAX];
    check(data, size, dots, out);
    check_told(data, size, dots, out);
    return 0;
}
