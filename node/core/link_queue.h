/* Messages on their way out of a link, cut into pieces by priority. Of link.c.
 *
 * Each priority sends its oldest message, a piece at a time; a piece of a higher priority goes first. So at most
 * one message of each priority is half sent, and its slot is the priority.
 */
#ifndef NODE_CORE_LINK_QUEUE_H
#define NODE_CORE_LINK_QUEUE_H

#include "node/base/list.h"
#include "node/core/link_frame.h"

struct link_queue {
    struct list messages[LINK_PRIORITIES_COUNT];
    size_t held_bytes;    /* memory of all of them */
    size_t waiting_bytes; /* of messages, not taken yet */
    struct arena_budget *budget;
};

/* `budget` outlives it; NULL: none. */
void link_queue_init(struct link_queue *queue, struct arena_budget *budget);
void link_queue_deinit(struct link_queue *queue); /* accepts a zeroed one, and itself twice */

/* Append a copy. False, and nothing changed: LINK_QUEUE_BYTES_MAX, or memory. */
bool link_queue_add(struct link_queue *queue, enum link_priority priority, struct span message);

/* The piece that is to go next; false when there is none. It stays there until link_queue_took(). */
bool link_queue_next(const struct link_queue *queue, struct link_piece *piece);
/* That piece is on its way, and its memory may go. */
void link_queue_took(struct link_queue *queue, const struct link_piece *piece);

#endif
