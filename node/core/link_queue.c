/* A list of messages for each priority; a message is freed when its last piece was taken. */
#include "node/core/link_queue.h"

#include <assert.h>

struct waiting {
    struct list link;
    struct arena arena; /* holds this struct and the bytes */
    struct span bytes;
    size_t taken_bytes;
};

_Static_assert((int)LINK_PRIORITIES_COUNT <= (int)LINK_MESSAGES_MAX, "a slot for each");
_Static_assert((int)LINK_MESSAGE_BYTES_MAX <= (int)LINK_QUEUE_BYTES_MAX / 2, "the largest message fits");

void link_queue_init(struct link_queue *queue, struct arena_budget *budget)
{
    *queue = (struct link_queue){.budget = budget};
    for (int i = 0; i < LINK_PRIORITIES_COUNT; i++)
        list_init(&queue->messages[i]);
}

static void forget(struct link_queue *queue, struct waiting *waiting)
{
    struct arena arena = waiting->arena; /* which it lies in itself */
    list_remove(&waiting->link);
    queue->waiting_bytes -= waiting->bytes.length - waiting->taken_bytes;
    queue->held_bytes -= arena.held_bytes;
    arena_deinit(&arena);
}

static struct waiting *oldest(const struct link_queue *queue, int priority)
{
    const struct list *list = &queue->messages[priority];
    return list_is_empty(list) ? NULL : LIST_OWNER(list->next, struct waiting, link);
}

void link_queue_deinit(struct link_queue *queue)
{
    if (queue->messages[0].next == NULL) return;
    for (int i = 0; i < LINK_PRIORITIES_COUNT; i++) {
        struct waiting *waiting = NULL;
        while ((waiting = oldest(queue, i)) != NULL)
            forget(queue, waiting);
    }
    *queue = (struct link_queue){0};
}

bool link_queue_add(struct link_queue *queue, enum link_priority priority, struct span message)
{
    struct arena arena;
    assert(message.length <= LINK_MESSAGE_BYTES_MAX && priority < LINK_PRIORITIES_COUNT);
    arena_init_within(&arena, LINK_QUEUE_BYTES_MAX - queue->held_bytes, queue->budget);
    struct waiting *waiting = arena_alloc(&arena, sizeof *waiting);
    const uint8_t *bytes = waiting == NULL ? NULL : arena_copy(&arena, message.bytes, message.length);
    if (bytes == NULL) {
        arena_deinit(&arena);
        return false;
    }
    list_init(&waiting->link);
    waiting->arena = arena;
    waiting->bytes = span_of(bytes, message.length);
    list_append(&queue->messages[priority], &waiting->link);
    queue->held_bytes += arena.held_bytes;
    queue->waiting_bytes += message.length;
    return true;
}

bool link_queue_next(const struct link_queue *queue, struct link_piece *piece)
{
    const struct waiting *waiting = NULL;
    int priority = 0;
    while (priority < LINK_PRIORITIES_COUNT && (waiting = oldest(queue, priority)) == NULL)
        priority++;
    if (waiting == NULL) return false;
    size_t rest = waiting->bytes.length - waiting->taken_bytes;
    size_t length = rest < LINK_PIECE_BYTES_MAX ? rest : LINK_PIECE_BYTES_MAX;
    *piece = (struct link_piece){.slot = (uint8_t)priority,
                                 .is_last = length == rest,
                                 .bytes = span_of(waiting->bytes.bytes + waiting->taken_bytes, length)};
    return true;
}

void link_queue_took(struct link_queue *queue, const struct link_piece *piece)
{
    struct waiting *waiting = oldest(queue, piece->slot);
    assert(waiting != NULL && piece->bytes.bytes == waiting->bytes.bytes + waiting->taken_bytes);
    waiting->taken_bytes += piece->bytes.length;
    queue->waiting_bytes -= piece->bytes.length;
    if (piece->is_last) forget(queue, waiting);
}
