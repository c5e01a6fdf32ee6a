/* jansson has one allocator for the whole process, without a context: hence the variable. */
#include "node/edge/json_memory.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 16 };

static struct {
    uint8_t *bytes; /* JSON_MEMORY_RESERVE_BYTES, never touched unless needed */
    size_t used;
    size_t pieces_count; /* given out of it and not back yet */
    bool was_short;
} reserve;

static void *reserve_take(size_t bytes)
{
    reserve.was_short = true;
    if (bytes > JSON_MEMORY_RESERVE_BYTES - reserve.used) return NULL; /* both are multiples of the alignment */
    void *memory = reserve.bytes + reserve.used;
    reserve.used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    reserve.pieces_count++;
    return memory;
}

static bool is_reserve(const void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    uintptr_t begin = (uintptr_t)reserve.bytes;
    return at >= begin && at - begin < JSON_MEMORY_RESERVE_BYTES;
}

/* All of it goes back at once, when the last piece does. */
static void reserve_give(void)
{
    if (--reserve.pieces_count > 0) return;
    (void)madvise(reserve.bytes, reserve.used, MADV_DONTNEED);
    reserve.used = 0;
}

static void *take(size_t bytes)
{
    void *memory = malloc(bytes);
    return memory != NULL ? memory : reserve_take(bytes);
}

static void give(void *memory)
{
    if (is_reserve(memory)) {
        reserve_give();
    } else {
        free(memory);
    }
}

bool json_memory_begin(void)
{
    if (reserve.bytes == NULL) {
        void *bytes = mmap(NULL, JSON_MEMORY_RESERVE_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (bytes == MAP_FAILED) return false;
        reserve.bytes = bytes;
    }
    json_set_alloc_funcs(take, give);
    return true;
}

bool json_memory_was_short(void)
{
    bool was_short = reserve.was_short;
    reserve.was_short = false;
    return was_short;
}
