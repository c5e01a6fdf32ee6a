/* A growing piece of memory for each slot. A message of one piece is handed on as it lies in its frame. */
#include "node/core/link_inbox.h"

#include <assert.h>

enum { ARENA_BYTES_MAX = LINK_MESSAGE_BYTES_MAX + 4096 /* the arena's own */ };

_Static_assert((int)LINK_PIECE_BYTES_MAX < (int)LINK_MESSAGE_BYTES_MAX,
               "a message of one piece is within the bound");
_Static_assert((int)LINK_MESSAGE_BYTES_MAX <= (int)LINK_HALF_BYTES_MAX, "the largest message fits");

void link_inbox_init(struct link_inbox *inbox, struct arena_budget *budget)
{
    *inbox = (struct link_inbox){
        .budget = budget, .message_bytes_max = LINK_MESSAGE_BYTES_MAX, .halves_bytes_max = LINK_HALF_BYTES_MAX};
}

void link_inbox_set_message_max(struct link_inbox *inbox, size_t bytes)
{
    assert(bytes <= LINK_MESSAGE_BYTES_MAX);
    size_t together = bytes * LINK_PRIORITIES_COUNT;
    inbox->message_bytes_max = bytes;
    inbox->halves_bytes_max = together < LINK_HALF_BYTES_MAX ? together : LINK_HALF_BYTES_MAX;
}

static void half_deinit(struct link_half *half)
{
    arena_deinit(&half->arena);
    *half = (struct link_half){0};
}

void link_inbox_deinit(struct link_inbox *inbox)
{
    for (uint32_t i = 0; i < LINK_MESSAGES_MAX; i++)
        half_deinit(&inbox->halves[i]);
    half_deinit(&inbox->whole);
    *inbox = (struct link_inbox){0};
}

void link_inbox_forget(struct link_inbox *inbox)
{
    half_deinit(&inbox->whole);
}

/* Room for `length` bytes in all: twice what there was, so that a byte moves once or twice. False: no memory. */
static bool half_reserve(struct link_half *half, size_t length, struct arena_budget *budget)
{
    if (length <= half->capacity) return true;
    struct link_half grown = {.length = half->length, .capacity = 2 * half->capacity};
    if (grown.capacity < length) grown.capacity = length;
    if (grown.capacity > LINK_MESSAGE_BYTES_MAX) grown.capacity = LINK_MESSAGE_BYTES_MAX;
    arena_init_within(&grown.arena, ARENA_BYTES_MAX, budget);
    grown.bytes = arena_take_array(&grown.arena, grown.capacity, 1);
    if (grown.bytes == NULL) return false;
    if (half->length > 0) memcpy(grown.bytes, half->bytes, half->length);
    half_deinit(half);
    *half = grown;
    return true;
}

static const char *append(struct link_inbox *inbox, struct link_half *half, struct span bytes)
{
    if (bytes.length == 0) return LINK_REASON_SHAPE; /* a message of many pieces has no empty one */
    if (half->length + bytes.length > inbox->message_bytes_max) return LINK_REASON_SIZE;
    if (inbox->halves_bytes + bytes.length > inbox->halves_bytes_max) return LINK_REASON_SIZE;
    bool is_new = half->bytes == NULL;
    if (!half_reserve(half, half->length + bytes.length, inbox->budget)) return LINK_REASON_MEMORY;
    if (is_new) inbox->halves_count++;
    memcpy(half->bytes + half->length, bytes.bytes, bytes.length);
    half->length += bytes.length;
    inbox->halves_bytes += bytes.length;
    return NULL;
}

/* The half is whole: hand it out. */
static struct span finish(struct link_inbox *inbox, struct link_half *half)
{
    inbox->whole = *half;
    *half = (struct link_half){0};
    inbox->halves_count--;
    inbox->halves_bytes -= inbox->whole.length;
    return span_of(inbox->whole.bytes, inbox->whole.length);
}

const char *link_inbox_add(struct link_inbox *inbox, const struct link_piece *piece, bool *is_whole,
                           struct span *message)
{
    assert(piece->slot < LINK_MESSAGES_MAX);
    link_inbox_forget(inbox);
    struct link_half *half = &inbox->halves[piece->slot];
    *is_whole = piece->is_last;
    if (piece->is_last && half->bytes == NULL) {
        if (piece->bytes.length > inbox->message_bytes_max) return LINK_REASON_SIZE;
        *message = piece->bytes;
        return NULL;
    }
    const char *reason = append(inbox, half, piece->bytes);
    if (reason == NULL && piece->is_last) *message = finish(inbox, half);
    return reason;
}
