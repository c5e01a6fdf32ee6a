/* All a node can ask for. Effects live in the memory of who asks and are linked into the list that node_step()
 * fills; the edge carries them out in order before the next event of the same connection. */
#ifndef NODE_CORE_EFFECT_H
#define NODE_CORE_EFFECT_H

#include "node/base/err.h"
#include "node/base/list.h"
#include "node/base/span.h"

struct op;

enum effect_kind {
    EFFECT_READ_BODY, /* bring the request's body as EVENT_BODY; say "100 Continue" if the client waits for it */
    EFFECT_SEND,      /* write the parts in order; EVENT_SENT when done */
    EFFECT_STORE,     /* run `op`; EVENT_STORED when done */
    EFFECT_CLOSE,     /* end the connection: an answer cannot be made, or not be completed; EVENT_GONE follows */
    EFFECT_READY,     /* requests may come; with the demo's bucket and key, for the newcomer */
    EFFECT_FAILED,    /* the node cannot start */

    /* Of the cluster. What these point to stays until the next node_step() only: who carries them out copies. */
    EFFECT_LINK_DIAL,  /* connect to `address`; EVENT_LINK_OPEN or EVENT_LINK_GONE follows */
    EFFECT_LINK_SEND,  /* write `bytes` to the link, behind all before; EVENT_LINK_SENT when none are left */
    EFFECT_LINK_CLOSE, /* end the link, behind what was sent unless is_at_once; EVENT_LINK_GONE follows */
    EFFECT_DATAGRAM,   /* send one datagram to `address`; it may be lost */
    EFFECT_LOG,        /* say what was decided */
    EFFECT_RESTART, /* the store's keys are others now: close everything, open it and begin again (EVENT_START) */
};

/* One `name=value` of a log line: a number when `text` is absent. */
struct effect_field {
    const char *name; /* for ever */
    struct span text;
    uint64_t number;
};

enum effect_level { EFFECT_DEBUG, EFFECT_INFO, EFFECT_WARN, EFFECT_ERROR };

enum {
    EFFECT_PARTS_MAX = 3,
    EFFECT_FIELDS_MAX = 6,
};

struct effect {
    struct list link;
    enum effect_kind kind;
    uint32_t slot;
    union {
        struct {
            struct span parts[EFFECT_PARTS_MAX]; /* stay until EVENT_SENT or EVENT_GONE */
            bool is_last;                        /* the answer is complete */
            bool keep_alive;                     /* with is_last: may another request follow? */
        } send;
        struct {
            const char *code; /* of the 503 that is to be said first; NULL: an answer has begun, none may follow */
            const char *message; /* both for ever */
        } close;
        struct op *op;
        struct {
            bool has_demo;
            struct span bucket, key_id, secret; /* until the next event */
        } ready;
        enum err err;
        struct {
            uint32_t number;     /* of the link; a dialled one is below LIMITS_LINKS_DIALLED_MAX */
            struct span address; /* of a dial: "HOST:PORT", HOST a name or a literal */
            struct span bytes;
            bool is_at_once; /* of a close: nothing was sent, or it need not arrive */
        } peer;
        struct {
            struct span address;
            struct span bytes; /* at most LIMITS_DATAGRAM_BYTES_MAX */
        } datagram;
        struct {
            enum effect_level level;
            const char *event;           /* the message, in words that stand in docs/operations.md; for ever */
            struct effect_field *fields; /* EFFECT_FIELDS_MAX at most; not in here: every request has an effect */
            uint32_t fields_count;
        } log;
    };
};

struct effects {
    struct list list;
};

static inline void effects_init(struct effects *effects)
{
    list_init(&effects->list);
}

/* Append; the effect must be in no list. */
static inline void effects_add(struct effects *effects, struct effect *effect)
{
    list_append(&effects->list, &effect->link);
}

/* Take the oldest, or NULL. */
static inline struct effect *effects_take(struct effects *effects)
{
    if (list_is_empty(&effects->list)) return NULL;
    struct effect *effect = LIST_OWNER(effects->list.next, struct effect, link);
    list_remove(&effect->link);
    return effect;
}

#endif
