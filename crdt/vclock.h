/* A version vector: actor -> counter, "every write of this actor up to here".
 *
 * Pure: no I/O, no clock, no allocation; the caller owns every array. The idea is from Parker et al.,
 * "Detection of mutual inconsistency in distributed systems" (IEEE TSE, 1983).
 */
#ifndef CRDT_VCLOCK_H
#define CRDT_VCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Actors one item may know of. A cluster coordinates an item on a few nodes; each disk loss adds one.
 * The bound keeps a token under 3 KiB, so that it always fits a request's head. */
enum { CRDT_VCLOCK_MAX = 128 };

/* The unique name of one write. */
struct crdt_dot {
    uint64_t actor;
    uint64_t counter; /* an absent actor counts as 0 */
};

/* Entries in strictly ascending order of actor (unsigned). The array belongs to the caller. */
struct crdt_vclock {
    struct crdt_dot *entries;
    uint32_t count;
    uint32_t capacity;
};

/* An empty clock over `capacity` entries of the caller's memory. */
struct crdt_vclock crdt_vclock_over(struct crdt_dot *entries, uint32_t capacity);

/* The counter of `actor`; 0 when it has none. */
uint64_t crdt_vclock_get(const struct crdt_vclock *clock, uint64_t actor);

/* Raise `dot.actor` to at least `dot.counter`. False when a new entry has no room; the clock is then as it
 * was. A counter of 0 adds nothing and is true. */
bool crdt_vclock_raise(struct crdt_vclock *clock, struct crdt_dot dot);

/* Pointwise maximum of both into `into`. False when there is no room; `into` then holds a part. */
bool crdt_vclock_join(struct crdt_vclock *into, const struct crdt_vclock *from);

/* "a is not dominated by b": some actor has a higher counter in a than in b. */
bool crdt_vclock_is_newer(const struct crdt_vclock *a, const struct crdt_vclock *b);

bool crdt_vclock_is_equal(const struct crdt_vclock *a, const struct crdt_vclock *b);

#endif
