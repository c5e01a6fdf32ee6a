/* A binary heap in an array. */
#include "sim/queue.h"

#include "sim/table.h"

#include <assert.h>
#include <stdlib.h>

static bool is_before(const struct happening *a, const struct happening *b)
{
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->number < b->number;
}

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
}

void queue_deinit(struct queue *queue)
{
    free(queue->heap);
    *queue = (struct queue){0};
}

void queue_put(struct queue *queue, struct happening happening)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 256 : 2 * queue->capacity;
        queue->heap = table_take(queue->heap, queue->capacity * sizeof *queue->heap);
    }
    happening.number = ++queue->numbers_given;
    size_t place = queue->count++;
    for (; place > 0; place = (place - 1) / 2) {
        struct happening *parent = &queue->heap[(place - 1) / 2];
        if (is_before(parent, &happening)) break;
        queue->heap[place] = *parent;
    }
    queue->heap[place] = happening;
}

const struct happening *queue_first(const struct queue *queue)
{
    return queue->count == 0 ? NULL : &queue->heap[0];
}

/* Where the last one goes when the first is out. */
static void sink(struct queue *queue, struct happening happening)
{
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= queue->count) break;
        if (child + 1 < queue->count && is_before(&queue->heap[child + 1], &queue->heap[child])) child++;
        if (is_before(&happening, &queue->heap[child])) break;
        queue->heap[place] = queue->heap[child];
        place = child;
    }
    queue->heap[place] = happening;
}

struct happening queue_take(struct queue *queue)
{
    assert(queue->count > 0);
    struct happening first = queue->heap[0];
    struct happening last = queue->heap[--queue->count];
    if (queue->count > 0) sink(queue, last);
    return first;
}
