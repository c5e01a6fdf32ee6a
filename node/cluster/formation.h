/* Without an operator: finding a cluster by the peers of the configuration, or our own again by where its members
 * were last reached; founding one (bootstrap "auto"); roles for those who wish for them.
 *
 * One timer. Each round dials what is worth it, and the rounds come the more seldom the longer nothing comes of
 * them.
 */
#ifndef NODE_CLUSTER_FORMATION_H
#define NODE_CLUSTER_FORMATION_H

#include "node/cluster/join.h"

/* Times are counted in periods of gossip (probe_interval_ms): a network that is slow for one is so for the other.
 */
enum {
    FORMATION_ROUNDS = 4,         /* so many a period apart, then so many two periods apart, … */
    FORMATION_DOUBLINGS = 4,      /* …up to 16 periods: what comes of it by then can wait */
    FORMATION_SOON_PARTS = 4,     /* a fourth of a period: something has changed, and more is about to */
    FORMATION_DIALS_MAX = 3,      /* members looked for in a round; peers of the configuration come besides */
    FORMATION_HEARD_PERIODS = 40, /* what a peer was found to be counts for so long: two of the longest rounds */
    FORMATION_STILL_PERIODS = 2,  /* roles are given when nothing has changed for so long */
    FORMATION_TURN_PERIODS = 20,  /* and by the next who wishes for one when nothing came of it for so long: longer
                                   * than the rarest round, the stillness and the way of a version together */
};

/* What answers at an address of the configuration. */
enum formation_peer_kind {
    FORMATION_PEER_UNKNOWN,
    FORMATION_PEER_SELF, /* this run of this node */
    FORMATION_PEER_COPY, /* another process with the identity of this node (H2) */
    FORMATION_PEER_FRESH,
    FORMATION_PEER_MEMBER,  /* of a cluster we may join, or of ours */
    FORMATION_PEER_FOREIGN, /* of another cluster than ours */
    FORMATION_PEER_CLOSES,  /* one that ends the link in its handshake: it has another secret, or it is no node */
};

struct formation_peer {
    enum formation_peer_kind kind;
    uint64_t heard_ms;
    uint8_t node_id[LINK_NODE_ID_BYTES];
};

struct formation {
    struct timer timer;
    struct formation_peer peers[CLUSTER_PEERS_MAX];
    uint32_t failures;    /* rounds that came to nothing, in a row */
    uint32_t next_member; /* where the search among the members goes on */
    bool is_writing;      /* a document of ours is with the store */
    uint64_t still_since_ms;
    bool is_content;    /* there was nothing to do for these wishes */
    uint8_t wishes[16]; /* of whom is alive, what they wish for and the layout in force: has it
                         * changed? */
};

bool formation_init(struct cluster *cluster);

/* The node has started. */
void formation_start(struct cluster *cluster);

/* A link dialled FOR_FINDING is ready, or came to nothing. */
void formation_on_ready(struct cluster *cluster, struct channel *channel);
void formation_on_gone(struct cluster *cluster, struct channel *channel);

void formation_on_time(struct cluster *cluster);

/* Something has changed, or is about to: look soon. */
void formation_hurry(struct cluster *cluster);

#endif
