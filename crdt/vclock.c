/* Version vectors: look up, raise, join, compare. */
#include "crdt/vclock.h"

#include <assert.h>
#include <string.h>

struct crdt_vclock crdt_vclock_over(struct crdt_dot *entries, uint32_t capacity)
{
    return (struct crdt_vclock){.entries = entries, .count = 0, .capacity = capacity};
}

/* The index of the first entry whose actor is not below `actor`. */
static uint32_t position_of(const struct crdt_vclock *clock, uint64_t actor)
{
    uint32_t low = 0;
    uint32_t high = clock->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (clock->entries[middle].actor < actor) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t crdt_vclock_get(const struct crdt_vclock *clock, uint64_t actor)
{
    uint32_t at = position_of(clock, actor);
    return at < clock->count && clock->entries[at].actor == actor ? clock->entries[at].counter : 0;
}

bool crdt_vclock_raise(struct crdt_vclock *clock, struct crdt_dot dot)
{
    assert(clock->count <= clock->capacity);
    if (dot.counter == 0) return true;

    uint32_t at = position_of(clock, dot.actor);
    if (at < clock->count && clock->entries[at].actor == dot.actor) {
        if (clock->entries[at].counter < dot.counter) clock->entries[at].counter = dot.counter;
        return true;
    }
    if (clock->count == clock->capacity) return false;
    memmove(&clock->entries[at + 1], &clock->entries[at], (clock->count - at) * sizeof clock->entries[0]);
    clock->entries[at] = dot;
    clock->count++;
    return true;
}

bool crdt_vclock_join(struct crdt_vclock *into, const struct crdt_vclock *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        if (!crdt_vclock_raise(into, from->entries[i])) return false;
    }
    return true;
}

bool crdt_vclock_is_newer(const struct crdt_vclock *a, const struct crdt_vclock *b)
{
    uint32_t in_b = 0;
    for (uint32_t in_a = 0; in_a < a->count; in_a++) {
        struct crdt_dot dot = a->entries[in_a];
        while (in_b < b->count && b->entries[in_b].actor < dot.actor) {
            in_b++;
        }
        bool is_known = in_b < b->count && b->entries[in_b].actor == dot.actor;
        if (dot.counter > (is_known ? b->entries[in_b].counter : 0)) return true;
    }
    return false;
}

bool crdt_vclock_is_equal(const struct crdt_vclock *a, const struct crdt_vclock *b)
{
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->entries[i].actor != b->entries[i].actor) return false;
        if (a->entries[i].counter != b->entries[i].counter) return false;
    }
    return true;
}
