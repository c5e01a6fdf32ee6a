/* The state of one item: a dotted version vector set.
 *
 * Per actor one column: how far its writes are superseded (`discard`) and the writes above that, which are
 * the concurrent siblings. Almeida, Baquero et al., "Scalable and accurate causality tracking for eventually
 * consistent stores" (DAIS 2014). Replicas exchange whole states only, so the writes of a column are always
 * *all* of that actor's writes of the item with discard < counter <= top; merge is right only because of it.
 *
 * Pure: no I/O, no clock, no allocation. The caller owns the arrays and the value bytes; a state borrows both.
 */
#ifndef CRDT_DVVS_H
#define CRDT_DVVS_H

#include "crdt/vclock.h"

enum crdt_kind { CRDT_VALUE = 0, CRDT_TOMBSTONE = 1 };

/* One sibling. A tombstone has no bytes. `expires_at_ms` and `flags` are 0 today: room for expiry and
 * tiers without a new format. */
struct crdt_write {
    uint64_t counter;
    uint64_t expires_at_ms;
    const uint8_t *value; /* borrowed; may be NULL when value_bytes is 0 */
    uint32_t value_bytes;
    uint8_t kind; /* enum crdt_kind */
    uint8_t flags;
};

struct crdt_column {
    uint64_t actor;
    uint64_t discard;      /* every write of the actor up to here is superseded */
    uint32_t writes_count; /* may be 0: the column then only remembers `discard` */
};

/* Columns in strictly ascending order of actor; the writes of all columns in one array, column after column,
 * each column's in strictly ascending order of counter, all above its discard. A column with discard 0 and
 * no writes does not occur. Equal states have equal arrays. */
struct crdt_dvvs {
    struct crdt_column *columns;
    uint32_t columns_count;
    uint32_t columns_capacity;
    struct crdt_write *writes;
    uint32_t writes_count;
    uint32_t writes_capacity;
};

/* What an item adds to its partition's index counters, over its values without repetition. */
struct crdt_tally {
    uint64_t entries;   /* 1 if it has a value that is not a tombstone */
    uint64_t conflicts; /* 1 if it has at least two values, a tombstone counting as one */
    uint64_t values;    /* values that are not tombstones */
    uint64_t bytes;     /* their lengths, added */
};

/* An empty state over the caller's arrays. */
struct crdt_dvvs crdt_dvvs_over(struct crdt_column *columns, uint32_t columns_capacity, struct crdt_write *writes,
                                uint32_t writes_capacity);

/* Is the shape as the comment of the struct says? For states that came from outside. */
bool crdt_dvvs_is_valid(const struct crdt_dvvs *item);

/* What a reader of this state has seen: every column's top. Columns without writes count too.
 * False when `out` has no room; `out` is then empty. */
bool crdt_dvvs_context(const struct crdt_dvvs *item, struct crdt_vclock *out);

/* The highest counter the state names for `actor`; 0 when it names none. */
uint64_t crdt_dvvs_top(const struct crdt_dvvs *item, uint64_t actor);

/* Supersede all that `context` covers. False when a new column has no room; the state is then untouched. */
bool crdt_dvvs_discard(struct crdt_dvvs *item, const struct crdt_vclock *context);

/* Add the write named (actor, write.counter). The counter must be above crdt_dvvs_top() of the actor
 * (asserted). False when there is no room; the state is then untouched. */
bool crdt_dvvs_add(struct crdt_dvvs *item, uint64_t actor, struct crdt_write write);

/* The join of `a` and `b` into `out`, an empty state whose capacities are at least the sums of both counts
 * (asserted). Idempotent, commutative, associative. `out` borrows the value bytes of both. */
void crdt_dvvs_merge(const struct crdt_dvvs *a, const struct crdt_dvvs *b, struct crdt_dvvs *out);

bool crdt_dvvs_is_equal(const struct crdt_dvvs *a, const struct crdt_dvvs *b);

/* The values a client sees: indexes into `writes`, by actor and then by counter, the first of equal contents
 * only (all tombstones are equal). `indexes` has room for writes_count. Returns how many. */
uint32_t crdt_dvvs_values(const struct crdt_dvvs *item, uint32_t *indexes);

/* Is every value a tombstone? False for a state without writes. */
bool crdt_dvvs_is_tombstoned(const struct crdt_dvvs *item);

/* Needs room for writes_count indexes in `scratch`. */
struct crdt_tally crdt_dvvs_tally(const struct crdt_dvvs *item, uint32_t *scratch);

/* What the writer of `dot` knows after its write: `sent` (the context it brought, NULL for none) and its own
 * dot. False when that cannot be said without covering a sibling it has not read, that is, when another write
 * survives below the dot in the same column, or when `out` has no room; `out` is then empty. `item` is the state
 * that the write (and the discard of `sent` before it) left behind; `out` is not `sent`. */
bool crdt_dvvs_writer_context(const struct crdt_dvvs *item, struct crdt_dot dot, const struct crdt_vclock *sent,
                              struct crdt_vclock *out);

#endif
