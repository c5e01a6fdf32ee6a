/* Buffers that begin small, and the one place that counts them. */
#include "node/edge/input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD_BYTES_FIRST = 2 * 1024, /* a signed request with a long key fits */
    HEAD_BYTES_FACTOR = 4,       /* then 8, 32 and 64 KiB */
};

/* A parser with room for a usual head in one piece; a longer one lies beside it. */
struct input_parser {
    struct http_parser parser;
    char *larger;
    size_t larger_bytes;
    char first[HEAD_BYTES_FIRST];
};

_Static_assert(sizeof(struct input_parser) <= INPUT_FREE_BYTES,
               "a usual head is never refused for others' long ones");

/* --- counting ------------------------------------------------------------------------------------------- */

static size_t beyond(size_t held_bytes)
{
    return held_bytes > INPUT_FREE_BYTES ? held_bytes - INPUT_FREE_BYTES : 0;
}

static bool hold(struct input *input, size_t bytes)
{
    struct input_budget *budget = input->budget;
    size_t added = beyond(input->held_bytes + bytes) - beyond(input->held_bytes);
    if (budget->memory != NULL && added > 0) {
        size_t share = budget->memory->ceiling_bytes / INPUT_SHARE;
        if (budget->beyond_bytes > share || added > share - budget->beyond_bytes) return false;
    }
    if (!arena_budget_take(budget->memory, bytes)) return false;
    budget->beyond_bytes += added;
    input->held_bytes += bytes;
    return true;
}

static void let_go(struct input *input, size_t bytes)
{
    assert(bytes <= input->held_bytes);
    input->budget->beyond_bytes -= beyond(input->held_bytes) - beyond(input->held_bytes - bytes);
    arena_budget_give(input->budget->memory, bytes);
    input->held_bytes -= bytes;
}

static void *counted_alloc(struct input *input, size_t bytes)
{
    if (!hold(input, bytes)) return NULL;
    void *memory = malloc(bytes);
    if (memory == NULL) let_go(input, bytes);
    return memory;
}

static void counted_free(struct input *input, void *memory, size_t bytes)
{
    if (memory == NULL) return;
    free(memory);
    let_go(input, bytes);
}

/* --- the parser ----------------------------------------------------------------------------------------- */

static bool enlarge(struct http_parser *parser, size_t bytes)
{
    struct input *input = parser->owner;
    struct input_parser *taken = input->taken;
    size_t wanted = (taken->larger == NULL ? sizeof taken->first : taken->larger_bytes) * HEAD_BYTES_FACTOR;
    if (wanted > HTTP_HEAD_BYTES_MAX) wanted = HTTP_HEAD_BYTES_MAX;
    if (wanted < bytes) wanted = bytes;
    char *larger = counted_alloc(input, wanted);
    if (larger == NULL) return false;
    http_parser_move(parser, larger, wanted);
    counted_free(input, taken->larger, taken->larger_bytes);
    taken->larger = larger;
    taken->larger_bytes = wanted;
    return true;
}

struct http_parser *input_take_parser(struct input *input)
{
    if (input->taken == NULL) {
        input->taken = counted_alloc(input, sizeof *input->taken);
        if (input->taken == NULL) return NULL;
        input->taken->larger = NULL;
        input->taken->larger_bytes = 0;
        http_parser_init_small(&input->taken->parser, input->taken->first, sizeof input->taken->first, enlarge,
                               input);
    }
    return &input->taken->parser;
}

struct http_parser *input_parser(const struct input *input)
{
    return input->taken == NULL ? NULL : &input->taken->parser;
}

void input_give_parser(struct input *input)
{
    if (input->taken == NULL) return;
    counted_free(input, input->taken->larger, input->taken->larger_bytes);
    counted_free(input, input->taken, sizeof *input->taken);
    input->taken = NULL;
}

/* --- what waits ----------------------------------------------------------------------------------------- */

/* Room for `length` bytes behind those that wait. */
static bool make_room(struct input *input, size_t length)
{
    size_t kept = input_waiting_bytes(input);
    size_t capacity = kept + (length > kept ? length : kept); /* doubled, lest each byte copies all before it */
    if (length <= input->waiting_capacity - input->waiting_to) return true;
    char *moved = counted_alloc(input, capacity);
    if (moved == NULL && capacity > kept + length) {
        capacity = kept + length;
        moved = counted_alloc(input, capacity);
    }
    if (moved == NULL) return false;
    if (kept > 0) memcpy(moved, input->waiting + input->waiting_from, kept);
    counted_free(input, input->waiting, input->waiting_capacity);
    input->waiting = moved;
    input->waiting_capacity = capacity;
    input->waiting_from = 0;
    input->waiting_to = kept;
    return true;
}

bool input_keep(struct input *input, const char *bytes, size_t length)
{
    if (length == 0) return true;
    if (!make_room(input, length)) return false;
    memcpy(input->waiting + input->waiting_to, bytes, length);
    input->waiting_to += length;
    return true;
}

void input_use(struct input *input, size_t length)
{
    assert(length <= input_waiting_bytes(input));
    input->waiting_from += length;
    if (input_waiting_bytes(input) == 0) input_drop(input);
}

void input_drop(struct input *input)
{
    counted_free(input, input->waiting, input->waiting_capacity);
    input->waiting = NULL;
    input->waiting_capacity = 0;
    input->waiting_from = 0;
    input->waiting_to = 0;
}

void input_init(struct input *input, struct input_budget *budget)
{
    *input = (struct input){.budget = budget};
}

void input_deinit(struct input *input)
{
    input_give_parser(input);
    input_drop(input);
}
