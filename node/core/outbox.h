/* Where the cluster's modules put what they ask for: effects and their bytes, in the memory of the step. */
#ifndef NODE_CORE_OUTBOX_H
#define NODE_CORE_OUTBOX_H

#include "node/base/arena.h"
#include "node/core/effect.h"
#include "node/core/limits.h"

/* `arena` is emptied when the next step begins. Without memory an effect is left out and counted: a datagram that
 * is lost, a link that is closed by its deadline. */
struct outbox {
    struct arena *arena;
    struct effects *effects;
    uint64_t lost_count; /* effects for which there was no memory */
};

/* All spans are copied. */
void outbox_dial(struct outbox *outbox, uint32_t link, struct span address);
void outbox_send(struct outbox *outbox, uint32_t link, struct span bytes);
void outbox_close(struct outbox *outbox, uint32_t link, bool is_at_once);
void outbox_datagram(struct outbox *outbox, struct span address, struct span bytes);

/* A line of the log. Returns the effect, to which outbox_text() and outbox_number() add fields; NULL without
 * memory, which they accept. At most EFFECT_FIELDS_MAX fields (asserted). */
struct effect *outbox_log(struct outbox *outbox, enum effect_level level, const char *event);
void outbox_text(struct outbox *outbox, struct effect *line, const char *name, struct span text);
void outbox_number(struct effect *line, const char *name, uint64_t number);
/* A node's id as people see it: its first 16 hex digits. */
void outbox_node(struct outbox *outbox, struct effect *line, const char *name, const uint8_t *node_id);

#endif
