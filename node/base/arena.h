/* Bump memory with a ceiling: the only allocator of the pure code.
 *
 * A request, a store batch, a poll each live in an arena and are freed whole. Never shared between threads at
 * one time; it may be lent with what lies in it.
 */
#ifndef NODE_BASE_ARENA_H
#define NODE_BASE_ARENA_H

#include "node/base/span.h"

struct arena_block;

/* What several arenas may hold together. Arenas of one budget may be on different threads. */
struct arena_budget {
    _Atomic size_t held_bytes;
    _Atomic size_t ceiling_bytes; /* may change under way; what is held stays */
};

struct arena {
    struct arena_block *newest;
    size_t held_bytes;           /* taken from the system, headers included */
    size_t ceiling_bytes;        /* held_bytes never goes above it */
    struct arena_budget *budget; /* shared with others, or NULL */
};

/* Count `bytes` held outside of arenas; false, and nothing counted, when the budget has not as much left. NULL is
 * a budget without end. */
bool arena_budget_take(struct arena_budget *budget, size_t bytes);
void arena_budget_give(struct arena_budget *budget, size_t bytes);

/* An empty arena; takes nothing from the system yet. */
void arena_init(struct arena *arena, size_t ceiling_bytes);

/* The same within a budget, which outlives the arena; NULL for none. */
void arena_init_within(struct arena *arena, size_t ceiling_bytes, struct arena_budget *budget);

/* `bytes` of zeroed memory, aligned for any type. NULL when the system has none, or the ceiling or
 * the budget is reached. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* As arena_alloc, for count * bytes; NULL also when the product wraps. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/* A copy of `bytes` with a NUL behind it. NULL as above. */
uint8_t *arena_copy(struct arena *arena, const void *bytes, size_t length);

/* Make `old` (length `old_bytes`, from this arena, or NULL with 0) `new_bytes` long: in place when it is the last
 * allocation and there is room, else a copy. New bytes are not zeroed. NULL as above; `old` is then as it was. */
void *arena_grow(struct arena *arena, void *old, size_t old_bytes, size_t new_bytes);

/* As arena_array, but not zeroed. */
void *arena_take_array(struct arena *arena, size_t count, size_t bytes);

/* Forget all that was taken, keeping the first block for the next use. */
void arena_reset(struct arena *arena);

/* Give all back to the system. Accepts an arena already given back. */
void arena_deinit(struct arena *arena);

#endif
