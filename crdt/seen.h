/* The seen marker: what the client of a range poll has already received.
 *
 * A clock ("every write of this actor in the range up to here was delivered") and, for single items the clock
 * does not cover, the context that was delivered. Bound to one interval of sort keys [low, high): it may be
 * used for that or for a part of it. Pure: no I/O, no clock, no allocation; the seal (over bucket, partition
 * key and these bytes) and the base64 text are made outside.
 *
 * Shape, all integers big-endian: version 1 (1 byte); low: length (2), bytes; has_high (1); high: length (2),
 * bytes; clock: count (2), then actor (8), counter (8); items: count (2), each: sort key length (2), bytes, count
 * (2), then actor (8), counter (8). Clocks ascending by actor, items ascending by sort key, nothing after the end.
 */
#ifndef CRDT_SEEN_H
#define CRDT_SEEN_H

#include "crdt/vclock.h"

enum {
    CRDT_SEEN_KEY_BYTES_MAX = 512, /* longer than any sort key or the end of a prefix's range */
    CRDT_SEEN_ITEMS_MAX = 512,     /* items kept apart from the clock; one more is forgotten, hence sent again */
    CRDT_SEEN_BYTES_MAX = 256 * 1024, /* encoded; keeps the marker's text under a request body's sane size */
};

struct crdt_seen_item {
    const uint8_t *sort_key; /* borrowed */
    size_t sort_key_bytes;
    struct crdt_vclock context; /* entries borrowed */
};

/* An interval of sort keys, bytewise: low inclusive, high exclusive; without has_high, to the end. */
struct crdt_interval {
    const uint8_t *low;
    size_t low_bytes;
    const uint8_t *high;
    size_t high_bytes;
    bool has_high;
};

struct crdt_seen {
    struct crdt_interval interval;
    struct crdt_vclock clock;
    struct crdt_seen_item *items; /* ascending by sort key */
    uint32_t items_count;
    uint32_t items_capacity;
};

/* Does [inner) lie within [outer)? An empty inner interval lies in every one. */
bool crdt_interval_contains(const struct crdt_interval *outer, const struct crdt_interval *inner);

/* Is the item with this context news to the marker's holder? */
bool crdt_seen_is_new(const struct crdt_seen *seen, const uint8_t *sort_key, size_t sort_key_bytes,
                      const struct crdt_vclock *context);

/* Note that the item was delivered by a node that answers completely for `complete` (its own actors, ascending):
 * their entries in `context` raise the clock; what stays newer is kept as an item whose arrays are borrowed
 * from the arguments, joined by the caller's rule that `context` is the newest known state of the item.
 * When the clock or the items are full it is forgotten (delivered again later, never missed). Ask
 * crdt_seen_is_new() about all items of an answer before absorbing the first of them: absorbing raises the clock
 * over its neighbours of the same answer. */
void crdt_seen_absorb(struct crdt_seen *seen, const uint64_t *complete, uint32_t complete_count,
                      const uint8_t *sort_key, size_t sort_key_bytes, const struct crdt_vclock *context);

/* Forget items outside `interval` and those the clock covers; make `interval` (borrowed) the marker's own. */
void crdt_seen_restrict(struct crdt_seen *seen, const struct crdt_interval *interval);

/* Write the marker; `out` has room for `capacity` bytes. Left out are items the clock covers or outside the
 * interval, and trailing items that do not fit `capacity` or CRDT_SEEN_BYTES_MAX. Returns the bytes written; 0
 * when not even interval and clock fit, or an end of the interval is longer than CRDT_SEEN_KEY_BYTES_MAX. */
size_t crdt_seen_encode(const struct crdt_seen *seen, uint8_t *out, size_t capacity);

/* Read a marker from bytes of others. `seen` comes in with its clock and items over the caller's arrays;
 * `dots` gives memory for the items' clocks. Spans point into `bytes`. False for anything crdt_seen_encode()
 * cannot have written or that does not fit the arrays; the outputs are then meaningless. */
bool crdt_seen_decode(const uint8_t *bytes, size_t length, struct crdt_seen *seen, struct crdt_dot *dots,
                      uint32_t dots_capacity);

#endif
