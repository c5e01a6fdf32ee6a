/* Pieces that came over a link, put together to messages. Of link.c.
 *
 * Memory grows with the bytes that really came: no piece tells how long its message will be, and a half message
 * takes at most twice its bytes (three times while it moves to larger memory).
 */
#ifndef NODE_CORE_LINK_INBOX_H
#define NODE_CORE_LINK_INBOX_H

#include "node/core/link_frame.h"

/* A message that grows. */
struct link_half {
    struct arena arena;
    uint8_t *bytes; /* NULL: there is none */
    size_t length;
    size_t capacity;
};

struct link_inbox {
    struct link_half halves[LINK_MESSAGES_MAX]; /* by slot */
    struct link_half whole;                     /* the one handed out last */
    size_t halves_bytes;                        /* of all halves */
    uint32_t halves_count;
    size_t message_bytes_max;
    size_t halves_bytes_max;
    struct arena_budget *budget;
};

/* `budget` outlives it; NULL: none. */
void link_inbox_init(struct link_inbox *inbox, struct arena_budget *budget);
/* As link_set_message_max() says. */
void link_inbox_set_message_max(struct link_inbox *inbox, size_t bytes);
void link_inbox_deinit(struct link_inbox *inbox); /* accepts a zeroed one, and itself twice */

/* Take a piece. NULL, or why it is refused (LINK_REASON_…). `is_whole`: it was the last of `message`, which lies
 * in the piece or in the inbox until the next call. */
const char *link_inbox_add(struct link_inbox *inbox, const struct link_piece *piece, bool *is_whole,
                           struct span *message);

/* Give back the memory of the message handed out last. */
void link_inbox_forget(struct link_inbox *inbox);

#endif
