/* Without an operator: finding a cluster by the peers of the configuration, or our own again by where its members
 * were last reached; founding one (bootstrap "auto"); roles for those who wish for them.
 *
 * One timer. Each round dials what is worth it, and the rounds come the more seldom the longer nothing comes of
 * them.
 */
#ifndef NODE_CLUSTER_FORMATION_H
#define NODE_CLUSTER_FORMATION_H

#include "node/cluster/join.h"

enum {
    FORMATION_ROUND_MS = 1000,      /* the first rounds… */
    FORMATION_ROUND_MS_MAX = 16000, /* …and those after many that came to nothing */
    FORMATION_DIALS_MAX = 3,        /* members looked for in a round; peers of the configuration come besides */
    FORMATION_HEARD_MS = 40000,     /* what a peer was found to be counts for so long: two of the longest rounds */
    FORMATION_STILL_MS = 5000,      /* roles are given when nothing has changed for so long */
};

/* What answers at an address of the configuration. */
enum formation_peer_kind {
    FORMATION_PEER_UNKNOWN,
    FORMATION_PEER_SELF,
    FORMATION_PEER_FRESH,
    FORMATION_PEER_MEMBER,  /* of a cluster we may join, or of ours */
    FORMATION_PEER_FOREIGN, /* of another cluster than ours */
};

struct formation_peer {
    enum formation_peer_kind kind;
    uint64_t heard_ms;
    uint8_t node_id[LINK_NODE_ID_BYTES];
};

struct formation {
    struct timer timer;
    struct formation_peer peers[CLUSTER_PEERS_MAX];
    uint32_t failures;    /* rounds that came to nothing */
    uint32_t next_member; /* where the search among the members goes on */
    bool is_writing;      /* a document of ours is with the store */
    uint64_t still_since_ms;
    bool is_content;    /* there was nothing to do for these wishes */
    uint8_t wishes[16]; /* of whom is alive, what they wish for and the layout: has it changed? */
};

bool formation_init(struct cluster *cluster);

/* The node has started. */
void formation_start(struct cluster *cluster);

/* A link dialled FOR_FINDING is ready, or came to nothing. */
void formation_on_ready(struct cluster *cluster, struct channel *channel);
void formation_on_gone(struct cluster *cluster, struct channel *channel);

void formation_on_time(struct cluster *cluster);

/* Something has changed that makes a search worth while: look soon. */
void formation_hurry(struct cluster *cluster);

#endif
