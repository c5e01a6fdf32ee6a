/* The server's loop: callbacks of libuv become events, node_step() decides, effects become calls.
 * What is done in a turn of it is in turn.h; here it begins and ends. No decision about K2V is made in either.
 */
#ifndef NODE_EDGE_LOOP_H
#define NODE_EDGE_LOOP_H

#include "node/edge/committer.h"
#include "node/edge/config.h"
#include "node/edge/input.h"
#include "node/edge/kv_lmdb.h"
#include "node/edge/listener.h"
#include "node/edge/log.h"
#include "node/edge/peer.h"
#include "node/edge/rot_log.h"
#include "node/node.h"

struct client;

enum {
    LOOP_READ_BYTES = 64 * 1024,     /* one read from a socket */
    LOOP_ADMIN_CONNECTIONS_MAX = 64, /* beside the K2V ones: the operator gets in when clients fill the rest */
    LOOP_DRAIN_MS = 10 * 1000,       /* after SIGTERM connections are cut */
    LOOP_SWEEP_MS = 1000,            /* how often deadlines of connections are looked at */
    LOOP_TURNS_PER_LARGE = 4,        /* turns full of other work, until a large item gets its turn */
    LOOP_TURN_MS = 5,                /* work of one turn; what is left goes on after the sockets were looked at */
};

/* The ports of a server: they outlive a loop, so that the next one goes on with them. */
struct loop_ports {
    struct port k2v, admin, rpc;
};

struct loop {
    uv_loop_t uv;
    bool has_uv; /* it is there: the start got so far */
    const struct config *config;
    struct log *log;
    struct rot_log rot_log;
    struct node node;
    struct store *store;
    struct kv_lmdb *kv;
    struct committer committer;
    struct effects effects;

    struct loop_ports *ports;
    struct listener k2v, admin;
    struct peers peers;
    uv_async_t commit_done;
    uv_check_t turn_end;
    uv_idle_t busy; /* runs while a turn left work: the loop then does not wait */
    uv_timer_t deadline;
    uv_timer_t sweep;
    uv_signal_t sigterm, sigint, sighup;
    bool has_terminal; /* at the start: its end is then a reason to stop */

    struct client **clients; /* by slot */
    uint32_t *free_slots;
    uint32_t free_count;
    uint32_t clients_count;
    uint32_t admin_count;
    uint32_t turned_away_count;           /* without a slot, lingering */
    struct list watched;                  /* clients with a deadline */
    struct input_budget input_budgets[2]; /* by door */

    struct list reads; /* each gets a snapshot of its own (H21) */
    struct list large; /* reads of large items: after the others, or when it is their turn */
    uint32_t turns_without_large;
    struct list writes; /* ops for the next batch */
    bool is_committing;
    struct list stored;   /* writes that are durable; the node is not told yet */
    struct list sent;     /* clients whose piece went out */
    struct list runnable; /* clients with input to go on with */

    struct list finished; /* a batch that came back from a failing disk; answered at the end */
    bool is_ready;
    bool wants_restart; /* the store's keys are others now: the owner opens it again, and another loop */
    bool is_draining;
    uint64_t drain_ends_ms;
    enum err failure; /* why the loop ended, if not by request */
    char read_buffer[LOOP_READ_BYTES];

    /* Calls to the owner, all set before loop_init(). */
    void (*on_ready)(struct loop *loop, const struct effect *effect);
    void (*on_reload)(struct loop *loop);   /* SIGHUP */
    void (*on_alive)(struct loop *loop);    /* every LOOP_SWEEP_MS */
    void (*on_draining)(struct loop *loop); /* told to stop */
    void *owner;
};

/* Watch the open ports and start the committer; nothing is served yet. `ports` outlives the loop. On failure
 * `message` (CONFIG_MESSAGE_BYTES) says why. */
MUST_USE enum err loop_init(struct loop *loop, const struct config *config, struct log *log,
                            const struct settings *settings, struct store *store, struct kv_lmdb *kv,
                            struct loop_ports *ports, char *message);

/* Serve until told to stop (SIGTERM, SIGINT), until the disk fails, or until the node wants to begin again
 * (wants_restart). */
void loop_run(struct loop *loop);

/* The ports are closed after a stop, and stay open for the next loop after wants_restart. */
void loop_deinit(struct loop *loop);

/* --- for client.c --------------------------------------------------------------------------------------- */

/* A client's slot is free again; its memory is not needed. */
void loop_forget(struct loop *loop, struct client *client);

#endif
