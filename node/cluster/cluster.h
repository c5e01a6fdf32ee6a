/* What nodes do for each other: one struct for links, gossip, shared documents, joining and forming a cluster.
 *
 * node/node.c hands it the events that are its own; it asks for effects through its outbox. It knows nothing of
 * requests; node/request reads it, through this header, for the operator's questions.
 */
#ifndef NODE_CLUSTER_CLUSTER_H
#define NODE_CLUSTER_CLUSTER_H

#include "node/base/timers.h"
#include "node/cluster/gossip.h"
#include "node/core/event.h"
#include "node/core/view.h"

enum {
    CLUSTER_PEERS_MAX = 64, /* addresses in a configuration */
    CLUSTER_NAME_BYTES = LIMITS_ZONE_BYTES_MAX + 1,
    CLUSTER_ADDRESS_BYTES = LIMITS_ADDRESS_BYTES_MAX + 1,
};

enum cluster_bootstrap { CLUSTER_MANUAL, CLUSTER_AUTO };

/* Of the configuration. All texts NUL-terminated; empty is absent. */
struct cluster_settings {
    bool is_enabled;                                      /* false: no port for nodes, all of this is idle */
    char address[CLUSTER_ADDRESS_BYTES];                  /* where others reach us */
    char name[CLUSTER_NAME_BYTES];                        /* for people */
    char zone[CLUSTER_NAME_BYTES];                        /* wished for */
    uint64_t capacity;                                    /* wished for, bytes; 0: none */
    char peers[CLUSTER_PEERS_MAX][CLUSTER_ADDRESS_BYTES]; /* to begin with */
    uint32_t peers_count;
    enum cluster_bootstrap bootstrap;
    uint64_t replication;                 /* of the first layout made without hands… */
    uint64_t zone_redundancy, partitions; /* …and these; partitions 0: RING_PARTITIONS */
    uint64_t probe_interval_ms;
    uint8_t secrets[LINK_SECRETS_MAX][LINK_SECRET_BYTES]; /* may change under way: cluster_on_settings() */
    uint32_t secrets_count;
};

/* Where the node stands on the way into a cluster. */
enum cluster_stage {
    CLUSTER_ALONE,   /* a cluster of its own, with no other member */
    CLUSTER_JOINING, /* asks the peers of its configuration, or one an operator named */
    CLUSTER_MEMBER,  /* of a cluster with others */
    CLUSTER_REMOVED, /* the others took it out */
};

struct links;
struct exchange;
struct join;
struct formation;

struct cluster {
    const struct cluster_settings *settings;
    const struct store *store; /* identity and keys; replaced only by a restart */
    struct view **view;        /* the node's one view: replaced after each merge of documents */
    struct view *seen;         /* what cluster_on_view() last looked at, held; NULL before */
    struct link_identity identity;
    uint64_t boot; /* random, drawn at each start: tells this run from a copy of its data directory (H2). Said in
                      the handshake of links (it is identity.boot, too) and in announcements */
    struct members members;
    struct gossip *gossip;
    struct links *links;
    struct exchange *exchange;
    struct join *join;
    struct formation *formation;
    struct arena arena; /* for the node's life */
    struct arena step;  /* emptied with each step */
    struct outbox outbox;
    struct prng prng;
    struct timers timers;
    struct effects *effects; /* of the step under way */
    uint64_t now_ms, now_us, wall_us;
    uint64_t started_ms;
    uint64_t used_bytes; /* what the store holds, roughly; the owner's to keep */
    enum cluster_stage stage;
    bool has_started;
    bool is_on; /* has_started, and the settings want it */
    bool is_draining;
    bool is_booting;          /* OP_BOOT is with the store */
    uint64_t refused_said_ms; /* that documents of our own were refused; 0: never */
    bool is_mute;             /* what it would announce cannot be stored: said in the log */
    uint32_t unwatched_count; /* members beyond LIMITS_MEMBERS_MAX: they are not spoken to */
    uint64_t incarnation;     /* above all this node ever announced; 0: not known yet */
    uint64_t reserved;        /* and up to here what is announced is durable: the next start is above it */
    uint64_t said_ms;         /* when we last looked whether there is something new to say of us */
    uint64_t taken_before;    /* exchange->documents_taken, when the view was last another one */
    uint32_t jobs_count;      /* ops lent to the store */
};

/* `settings`, `store` and `view` outlive it. False when out of memory. */
bool cluster_init(struct cluster *cluster, const struct cluster_settings *settings, const struct store *store,
                  struct view **view, const uint8_t seed[PRNG_SEED_BYTES]);
void cluster_deinit(struct cluster *cluster);

/* A step of the node begins: what was asked for in the one before is given back, and what is asked for from now on
 * is added to `effects`. Before each of the calls below, once a step. */
void cluster_begin(struct cluster *cluster, const struct event *event, struct effects *effects);

/* The documents are loaded (EFFECT_READY was made): begin. Nothing happens without settings->is_enabled. */
void cluster_start(struct cluster *cluster);

/* One of EVENT_LINK_…, EVENT_DATAGRAM, EVENT_TIME, EVENT_DRAIN, or EVENT_STORED of an op whose asker is
 * OP_ASKER_CLUSTER. A link or a datagram that comes while the cluster is idle is closed, or dropped. */
void cluster_step(struct cluster *cluster, const struct event *event);
uint64_t cluster_deadline_ms(const struct cluster *cluster);

/* Settings that may change under way have: the secrets. */
void cluster_on_settings(struct cluster *cluster);

/* Look whether the view is another one than before (an operator's change, or an exchange): at the end of each
 * step, after all else. */
void cluster_on_view(struct cluster *cluster);

/* Does another process have the identity of this node (H2), as gossip tells or a link has met? Then this node
 * changes nothing in the cluster's name. */
bool cluster_is_doubled(const struct cluster *cluster);

/* --- for the operator's requests ------------------------------------------------------------------------ */

/* Begin to connect to "ID@HOST:PORT" or "HOST:PORT". The one of both that is fresh joins the other's cluster; when
 * both are, the other joins ours. False, with `why` (200 chars), when that cannot be. What comes of it:
 * cluster_connect_state(). */
bool cluster_connect(struct cluster *cluster, struct span target, char why[200]);

enum cluster_connect_outcome {
    CLUSTER_CONNECT_IDLE,
    CLUSTER_CONNECT_TRYING,
    CLUSTER_CONNECT_DONE,
    CLUSTER_CONNECT_FAILED
};
struct cluster_connect_state {
    enum cluster_connect_outcome outcome;
    char message[200]; /* what happened, with the address: for people */
};
struct cluster_connect_state cluster_connect_state(const struct cluster *cluster);

/* What is stuck and on what, worst first: a line each, for `skerry status`. `index` from 0; false behind the last.
 */
bool cluster_problem(const struct cluster *cluster, uint32_t index, char line[256]);

#endif
