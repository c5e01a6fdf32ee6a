/* Bump memory: blocks from the system that double in size, given back all at once. */
#include "node/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    ALIGNMENT = alignof(max_align_t),
    BLOCK_BYTES_MIN = 1264,       /* an idle poll fits one of these */
    BLOCK_BYTES_MAX = 256 * 1024, /* larger wishes get a block of their own size */
};

struct arena_block {
    struct arena_block *older;
    size_t room_bytes;
    size_t used_bytes;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_init(struct arena *arena, size_t ceiling_bytes)
{
    *arena = (struct arena){.ceiling_bytes = ceiling_bytes};
}

void arena_init_within(struct arena *arena, size_t ceiling_bytes, struct arena_budget *budget)
{
    *arena = (struct arena){.ceiling_bytes = ceiling_bytes, .budget = budget};
}

bool arena_budget_take(struct arena_budget *budget, size_t bytes)
{
    if (budget == NULL) return true;
    size_t before = atomic_fetch_add_explicit(&budget->held_bytes, bytes, memory_order_relaxed);
    if (before <= budget->ceiling_bytes && bytes <= budget->ceiling_bytes - before) return true;
    atomic_fetch_sub_explicit(&budget->held_bytes, bytes, memory_order_relaxed);
    return false;
}

void arena_budget_give(struct arena_budget *budget, size_t bytes)
{
    if (budget != NULL) atomic_fetch_sub_explicit(&budget->held_bytes, bytes, memory_order_relaxed);
}

static void block_destroy(struct arena *arena, struct arena_block *block)
{
    size_t whole = sizeof *block + block->room_bytes;
    arena_budget_give(arena->budget, whole);
    free(block);
}

/* How large the next block should be so that `bytes` fit and the number of blocks stays logarithmic. */
static size_t block_room(const struct arena *arena, size_t bytes)
{
    size_t room = arena->newest == NULL ? BLOCK_BYTES_MIN - sizeof(struct arena_block) : arena->held_bytes;
    if (room > BLOCK_BYTES_MAX) room = BLOCK_BYTES_MAX;
    return room < bytes ? bytes : room;
}

static struct arena_block *block_create(struct arena *arena, size_t bytes)
{
    size_t room = block_room(arena, bytes);
    size_t whole = 0;
    if (!size_add(room, sizeof(struct arena_block), &whole)) return NULL;
    if (whole > arena->ceiling_bytes - arena->held_bytes) {
        room = bytes; /* near the ceiling only what was asked for */
        if (!size_add(room, sizeof(struct arena_block), &whole)) return NULL;
        if (whole > arena->ceiling_bytes - arena->held_bytes) return NULL;
    }
    if (!arena_budget_take(arena->budget, whole)) return NULL;
    struct arena_block *block = malloc(whole);
    if (block == NULL) {
        arena_budget_give(arena->budget, whole);
        return NULL;
    }
    block->older = arena->newest;
    block->room_bytes = room;
    block->used_bytes = 0;
    arena->newest = block;
    arena->held_bytes += whole;
    return block;
}

/* `bytes` rounded up to the alignment; false when that wraps. */
static bool round_up(size_t bytes, size_t *rounded)
{
    if (!size_add(bytes, ALIGNMENT - 1, rounded)) return false;
    *rounded &= ~(size_t)(ALIGNMENT - 1);
    return true;
}

static void *arena_take(struct arena *arena, size_t bytes)
{
    size_t rounded = 0;
    if (!round_up(bytes, &rounded)) return NULL;
    struct arena_block *block = arena->newest;
    if (block == NULL || rounded > block->room_bytes - block->used_bytes) block = block_create(arena, rounded);
    if (block == NULL) return NULL;
    void *memory = block->bytes + block->used_bytes;
    block->used_bytes += rounded;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    void *memory = arena_take(arena, bytes);
    if (memory != NULL) memset(memory, 0, bytes);
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t whole = 0;
    if (!size_multiply(count, bytes, &whole)) return NULL;
    return arena_alloc(arena, whole);
}

void *arena_take_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t whole = 0;
    if (!size_multiply(count, bytes, &whole)) return NULL;
    return arena_take(arena, whole);
}

uint8_t *arena_copy(struct arena *arena, const void *bytes, size_t length)
{
    size_t whole = 0;
    if (!size_add(length, 1, &whole)) return NULL;
    uint8_t *copy = arena_take(arena, whole);
    if (copy == NULL) return NULL;
    if (length > 0) memcpy(copy, bytes, length);
    copy[length] = 0;
    return copy;
}

/* Is `old` the last thing taken from the newest block? Then it can grow where it is. */
static bool is_last(const struct arena_block *block, const uint8_t *old, size_t old_rounded)
{
    return block != NULL && old != NULL && old_rounded <= block->used_bytes &&
           old == block->bytes + block->used_bytes - old_rounded;
}

void *arena_grow(struct arena *arena, void *old, size_t old_bytes, size_t new_bytes)
{
    assert(old != NULL || old_bytes == 0);
    assert(new_bytes >= old_bytes);
    size_t old_rounded = 0;
    size_t new_rounded = 0;
    if (!round_up(old_bytes, &old_rounded) || !round_up(new_bytes, &new_rounded)) return NULL;
    struct arena_block *block = arena->newest;
    if (is_last(block, old, old_rounded) && new_rounded - old_rounded <= block->room_bytes - block->used_bytes) {
        block->used_bytes += new_rounded - old_rounded;
        return old;
    }
    void *moved = arena_take(arena, new_bytes);
    if (moved != NULL && old_bytes > 0) memcpy(moved, old, old_bytes);
    return moved;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->newest;
    if (block == NULL) return;
    while (block->older != NULL) {
        struct arena_block *older = block->older;
        block_destroy(arena, block);
        block = older;
    }
    block->used_bytes = 0;
    arena->newest = block;
    arena->held_bytes = sizeof(struct arena_block) + block->room_bytes;
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->newest;
    while (block != NULL) {
        struct arena_block *older = block->older;
        block_destroy(arena, block);
        block = older;
    }
    arena->newest = NULL;
    arena->held_bytes = 0;
}
