/* One request of a client, from its head to the last byte of its answer, and what all requests of a node share.
 *
 *     head --> (body)* --> [store] --> answer (in pieces) --> over
 *                            ^-----------'
 *
 * A request lives in an arena of its own and waits for one thing at a time: the store, the connection, a change,
 * or a deadline. An operation is a table of what it does when each of these comes.
 */
#ifndef NODE_REQUEST_REQUEST_H
#define NODE_REQUEST_REQUEST_H

#include "http/reply.h"
#include "http/route.h"
#include "node/base/timers.h"
#include "node/cluster/cluster.h"
#include "node/core/effect.h"
#include "node/core/event.h"
#include "node/core/view.h"
#include "node/request/payload.h"
#include "node/request/stats.h"

struct request;
struct polls_chain;

/* The settings a node's decisions need; the rest of the configuration is the edge's. */
struct settings {
    char region[SIGV4_REGION_CHARS_MAX + 1];
    uint64_t max_skew_s;
    uint64_t max_value_bytes;
    uint64_t max_batch_bytes;
    uint64_t max_memory_bytes; /* of all K2V requests together; 0: no bound */
    uint32_t connections_max;  /* slots, both doors together */
    bool wants_demo;
    char admin_token[256]; /* NUL-terminated */
    uint8_t seal_key[SEAL_KEY_BYTES];
    struct cluster_settings cluster;
};

/* Counted since the start; read by the status request. */
struct service_counts {
    uint64_t requests;
    uint64_t refused;      /* answered 4xx */
    uint64_t failed;       /* answered 5xx */
    uint64_t corrupt_rows; /* met by reads and writes (H22) */
    uint64_t sibling_refusals;
};

/* What the edge knows and status shows. Filled by the edge at its leisure. */
struct service_gauges {
    uint64_t store_writes; /* ops that were done, not those refused or failed */
    uint64_t store_syncs;  /* commits, each at most one sync: one without a change needs none */
    uint64_t store_used_bytes;
    uint64_t store_map_bytes;
    uint64_t connections;
    uint64_t connections_accepted;
    uint64_t connections_refused; /* no slot was free */
    uint64_t connections_broken;  /* ended by the edge, for bad or slow HTTP */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* What all requests of one worker share. */
struct service {
    const struct settings *settings;
    const uint8_t *hash_key;      /* the store's */
    const uint8_t *token_key;     /* the store's */
    const uint8_t *documents_key; /* the same: seals what documents must not show */
    struct actor actor;           /* the store's, as of the last batch of writes that was answered */
    struct view *view;
    struct cluster *cluster;    /* the node's, for the operator's questions; NULL in tests without one */
    struct arena_budget memory; /* of all K2V requests: the newest wish beyond is refused (I25) */
    struct signing_cache signing_cache;
    struct prng prng;
    struct timers timers;
    struct list *item_polls; /* LIMITS_POLL_CHAINS chains each */
    struct polls_chain *range_polls;
    struct list changed_chains; /* of range polls that are to be told */
    struct list late_polls;     /* at their deadline, until the writes under way are told; in order */
    uint64_t waiting_polls;
    uint64_t polls_looked_at; /* to find who is told of a change: what waking costs */
    struct list lent_writes;  /* requests whose writes are under way, in the order they were lent… */
    uint64_t writes_count;    /* …and numbered */
    struct list admin_queue;  /* admin requests that wait for their turn to change documents */
    struct request *admin_turn;
    struct service_counts counts;
    struct service_gauges gauges;
    struct stats stats;
    uint64_t next_request_id;
    uint64_t started_ms;
    bool is_ready; /* the documents are loaded */
    bool is_draining;

    struct effects *effects; /* of the step under way */
    uint64_t now_ms;
    uint64_t now_us;
    uint64_t wall_us;
};

/* What an operation does when something comes; NULL: cannot come. */
struct request_calls {
    const char *name;
    void (*on_body)(struct request *request); /* the body is complete, in request->body */
    void (*on_stored)(struct request *request);
    void (*on_sent)(struct request *request); /* a piece of a streamed answer went out */
    void (*on_notify)(struct request *request, struct span low, struct span high); /* what it polls has changed,
                                                                                       in [low, high] */
    void (*on_time)(struct request *request);
    void (*on_drain)(struct request *request);
    void (*on_over)(struct request *request); /* the connection is gone: let go of what others can reach */
};

/* What the answer needs to know of the request after its head is gone. */
struct request_envelope {
    uint8_t minor;
    bool keep_alive;        /* as the client wishes */
    bool is_body_droppable; /* small enough to be read past when nobody asked for it */
    bool is_head;
    uint64_t content_length; /* of the body; 0 when not known */
    struct http_span path;   /* raw; copied */
    struct http_span method; /* copied */
    struct http_span origin; /* the Origin header, copied; absent without one */
};

struct request {
    struct service *service;
    struct arena arena;   /* the request lies in it */
    struct arena scratch; /* what the body is checked with, then one op's results, one page */
    struct arena walk;    /* what a poll remembers while it scans, given back before it waits */
    const struct request_calls *calls;
    uint64_t id;
    uint64_t started_us;
    const char *operation; /* its name for the log; NULL when not routed */
    enum stats_row stats_row;
    uint32_t slot;
    enum event_door door;

    struct effect effect; /* one at a time */
    struct op op;
    bool op_is_out;   /* lent to the store */
    bool has_stored;  /* something of what it asks is durable */
    bool is_gone;     /* the connection is; free as soon as nothing is lent */
    bool is_answered; /* the last piece was given out */
    bool is_cut;      /* …but there will be no more: the connection is ended in the middle */
    struct timer timer;
    struct list turn_link; /* in the queue of admin requests, or among those whose writes are lent */

    struct request_envelope envelope;
    bool has_bucket;
    bool any_origin; /* a preflight for a name that means nothing */
    uint8_t bucket_id[KEYS_BUCKET_ID_BYTES];
    struct op_guard *guard; /* of writes: the bucket's document as it was when the request was let in */
    struct span key_id;     /* copied */

    struct payload *payload; /* in scratch while a body is on its way; else NULL */
    bool body_is_asked;
    bool body_is_done;
    bool body_is_brief; /* needed until the first call to the store only: it lies in scratch */
    uint8_t *body;
    size_t body_bytes;
    size_t body_capacity;
    uint64_t body_bytes_max;

    struct http_out out;     /* the answer's body */
    struct http_out framing; /* a stream's head, then the line before each piece */
    bool is_streaming;       /* its first piece went out */
    uint32_t refused_base;   /* of a batch in several commits: elements stored before this one */
    bool stream_keeps_alive;
    struct http_span answer_token; /* goes with the error, when set */
    int status;                    /* of the answer; 0 before */
    void *work;                    /* the operation's own, in the arena */
};

/* A new request on `slot`; NULL when out of memory. */
struct request *request_create(struct service *service, uint32_t slot, enum event_door door);

/* Give back all of it. Nothing may be lent. */
void request_destroy(struct request *request);

/* Ask the store. The op's kind and inputs are set; results will lie in request->scratch, which is emptied first
 * unless `keep_scratch`. */
void request_store(struct request *request, bool keep_scratch);

/* The documents of the op that was answered are durable: make the view that shows them. False when out of memory:
 * the old view stays until the next change or start. */
bool request_renew_view(struct request *request);

/* Ask for the body, at most `bytes_max` of it once decoded; on_body comes when it is whole and shows what
 * `promised` says. */
void request_read_body(struct request *request, const struct auth_payload *promised, uint64_t bytes_max);

/* The next bytes of the body came. */
void request_on_body(struct request *request, uint8_t *bytes, size_t length, bool is_last);

/* A copy in the request's arena; at == NULL when out of memory (or when the source is absent). */
struct http_span request_copy(struct request *request, struct http_span text);

/* http's span as ours, and back. */
static inline struct span span_http(struct http_span text)
{
    return span_of(text.at, text.length);
}

static inline struct http_span http_span(struct span bytes)
{
    return (struct http_span){(const char *)bytes.bytes, bytes.length};
}

#endif
