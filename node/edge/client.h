/* One client connection: bytes to requests, answers to bytes, one request at a time.
 *
 *     HEAD --head--> BUSY --READ_BODY--> BODY --end--> BUSY
 *      ^               |                   |             |
 *      |             answered, kept      answered      answered
 *      +--end--- REST <--------------------+-------------+        not kept: LINGER --> closed
 *
 * A request without a body is at its end with its head: it goes from BUSY straight to HEAD.
 *
 * REST reads past what is left of the request. Input that comes while BUSY waits in a bounded buffer.
 */
#ifndef NODE_EDGE_CLIENT_H
#define NODE_EDGE_CLIENT_H

#include "node/edge/loop.h"

enum {
    CLIENT_WAITING_BYTES_MAX = 64 * 1024, /* input kept while a request is under way; then reading pauses */
    CLIENT_LINGER_BYTES_MAX = 64 * 1024 *
                              1024, /* dropped after a last answer, so that the client gets to read it */
    CLIENT_HEAD_MS = 10 * 1000,     /* from a head's first byte to its last */
    CLIENT_STALL_MS = 30 * 1000,    /* a body or an answer that does not move */
    CLIENT_LINGER_MS = 2 * 1000,
    CLIENT_BODY_GRACE_MS = 10 * 1000,   /* after which a body must come at… */
    CLIENT_BODY_BYTES_PER_S_MIN = 1024, /* …this rate on average (H28) */
    CLIENT_KEEPALIVE_S = 60,            /* TCP asks whether a silent client is still there */
};

enum client_state { CLIENT_HEAD, CLIENT_BUSY, CLIENT_BODY, CLIENT_REST, CLIENT_LINGER, CLIENT_CLOSED };

struct client {
    uv_tcp_t tcp;
    struct loop *loop;
    uint32_t slot;
    enum event_door door;
    enum client_state state;
    struct http_parser *parser; /* with its head buffer; only while there is something to parse */
    char *waiting;              /* input not yet parsed */
    size_t waiting_bytes;
    size_t waiting_capacity;
    bool is_reading;
    bool is_ended;  /* the message of the request under way is read to its end */
    bool is_at_end; /* the client sends no more */
    bool is_sending;
    bool is_writing; /* a uv_write is under way */
    bool send_is_last;
    bool send_keeps_alive;
    bool expects_continue;
    uint64_t since_ms;      /* when it last moved, for the deadline of its state */
    uint64_t body_since_ms; /* when its body was asked for… */
    uint64_t body_bytes;    /* …and what came of it */
    size_t queued_bytes;    /* of the answer, at the last sweep */
    size_t linger_bytes;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct list sent_link;
    struct list runnable_link;
};

/* Take a connection from a listener. */
void client_accept(struct listener *listener);

/* Effects. */
void client_read_body(struct client *client);
void client_send(struct client *client, const struct effect *effect);
void client_close(struct client *client);

/* The last piece went out and the node was told. */
void client_on_sent(struct client *client);

/* Go on with what is waiting. */
void client_run(struct client *client);

/* Is its deadline over? Then close it. */
void client_sweep(struct client *client, uint64_t now_ms);

/* Close it if it has no request. For draining. */
void client_close_if_idle(struct client *client);

#endif
