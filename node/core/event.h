/* All that can happen to a node. An event and what it points to is borrowed for one node_step(). */
#ifndef NODE_CORE_EVENT_H
#define NODE_CORE_EVENT_H

#include "http/parse.h"
#include "node/store/store.h"

enum event_kind {
    EVENT_START,   /* once, first */
    EVENT_REQUEST, /* a request's head is complete on the connection `slot` */
    EVENT_BODY,    /* the next bytes of its body, after EFFECT_READ_BODY */
    EVENT_SENT,    /* what EFFECT_SEND gave is out of our hands; its memory may go */
    EVENT_GONE,    /* the connection is closed; the request, if any, is over */
    EVENT_STORED,  /* the store has answered `op`; of writes in the order in which they were run */
    EVENT_TIME,    /* node_deadline_ms() has come */
    EVENT_DRAIN,   /* stop: finish what is under way, let polls go */

    EVENT_LINK_OPEN,  /* a connection to another node is there: the answer to EFFECT_LINK_DIAL, or one that came in
                       */
    EVENT_LINK_BYTES, /* bytes came over it, cut anyhow */
    EVENT_LINK_SENT,  /* all that EFFECT_LINK_SEND gave has left us */
    EVENT_LINK_GONE,  /* it is closed, or could not be made; its number is free. Also the answer to LINK_CLOSE */
    EVENT_DATAGRAM,   /* a datagram came */
};

/* Where a connection came in. */
enum event_door { EVENT_DOOR_K2V, EVENT_DOOR_ADMIN };

struct event {
    enum event_kind kind;
    uint64_t now_ms;  /* monotonic clock */
    uint64_t now_us;  /* the same finer, for durations that are shown; decides nothing */
    uint64_t wall_us; /* wall clock, microseconds since 1970 */
    uint32_t slot;    /* the connection, below the settings' connections_max; one request at a time */
    union {
        struct {
            enum event_door door;
            const struct http_head *head;
        } request;
        struct {
            uint8_t *bytes; /* may be changed in place */
            size_t length;
            bool is_last; /* the body is complete (length may be 0) */
        } body;
        struct op *op;
        struct {
            uint32_t number;    /* of the link: LIMITS_LINKS_DIALLED_MAX and above have come in */
            struct span bytes;  /* LINK_BYTES */
            struct span remote; /* LINK_OPEN: "HOST:PORT" of the other end, for the log */
            const char *why;    /* LINK_GONE: a few words for the log; NULL when we closed it */
        } link;
        struct {
            struct span bytes;
            struct span from; /* "HOST:PORT", numeric */
        } datagram;
    };
};

#endif
