/* One client connection: bytes to requests, answers to bytes, one request at a time.
 *
 *     HEAD --head--> BUSY --READ_BODY--> BODY --end--> BUSY
 *      ^               |                   |             |
 *      |             answered, kept      answered      answered
 *      +--end--- REST <--------------------+-------------+        not kept: LINGER --> closed
 *
 * A request without a body is at its end with its head: it goes from BUSY straight to HEAD.
 *
 * REST reads past what is left of the request. Input that comes while BUSY waits in a bounded buffer; when there
 * is no memory for it, what was kept is still served, and 503 answers the rest.
 *
 * A connection with a deadline is in the loop's list of watched ones; one that is idle or waits for a change is
 * not.
 */
#ifndef NODE_EDGE_CLIENT_H
#define NODE_EDGE_CLIENT_H

#include "node/edge/input.h"
#include "node/edge/loop.h"
#include "node/edge/pace.h"

enum {
    CLIENT_WAITING_BYTES_MAX = 64 * 1024, /* input kept while a request is under way; then reading pauses */
    CLIENT_LINGER_BYTES_MAX = 64 * 1024 *
                              1024, /* dropped after a last answer, so that the client gets to read it */
    CLIENT_LINGER_MS = 2 * 1000,
    CLIENT_LEAVING_MS = 2 *
                        1000, /* while draining: an answer for a client that sends no more may not move at all */
    CLIENT_KEEPALIVE_S = 60,  /* TCP asks whether a silent client is still there */
    CLIENT_TURNED_AWAY_MAX = 64, /* connections without a slot that are told so, at one time */
};

enum client_state { CLIENT_HEAD, CLIENT_BUSY, CLIENT_BODY, CLIENT_REST, CLIENT_LINGER, CLIENT_CLOSED };

struct client {
    uv_tcp_t tcp;
    struct loop *loop;
    uint32_t slot; /* UINT32_MAX: turned away */
    enum event_door door;
    enum client_state state;
    struct input input;
    bool is_overrun; /* there was no memory for input that came: it is lost */
    bool is_reading;
    bool is_ended;   /* the message of the request under way is read to its end */
    bool is_at_end;  /* the client sends no more */
    bool has_answer; /* some of the answer to the request under way was given out */
    bool is_sending;
    bool is_writing; /* a uv_write is under way */
    bool send_is_last;
    bool send_keeps_alive;
    bool expects_continue;
    uint64_t since_ms; /* when it last moved, for the deadline of its state */
    struct pace body_pace;
    size_t queued_bytes; /* of the answer, at the last sweep */
    size_t linger_bytes;
    struct list sent_link;
    struct list runnable_link;
    struct list watched_link;
};

/* Serve the connection `fd` at a slot, or answer it 503 when there is none. Out of memory: it is closed. */
void client_create(struct loop *loop, enum event_door door, int fd);

/* Effects. */
void client_read_body(struct client *client);
void client_send(struct client *client, const struct effect *effect);
void client_close(struct client *client);

/* There is no memory to answer its request: 503 with `code` and `message`, which needs none, then it lingers. With
 * NULL, or when an answer has begun, it is closed: what is not whole must not look like an answer. */
void client_give_up(struct client *client, const char *code, const char *message);

/* The last piece went out and the node was told. */
void client_on_sent(struct client *client);

/* Go on with what is waiting. */
void client_run(struct client *client);

/* End a connection that broke HTTP, took too long, or that there is no memory for: 400, 408, 414, 431 or 503, then
 * it lingers. Who has the answer already gets no second one. */
void client_refuse(struct client *client, int status);

/* Is its deadline over? Then close it. It was taken out of the list of watched ones, and is put back if it still
 * has a deadline. */
void client_sweep(struct client *client, uint64_t now_ms);

/* Close it if it has no request. For draining. */
void client_close_if_idle(struct client *client);

#endif
