/* Into a cluster: who may speak of what over a link, asking to be let in, letting in, and founding.
 *
 *     the one that is fresh                       a member, or a fresh one that founds its cluster now
 *                                           <--   JOIN_INVITE (only when an operator there said so)
 *     JOIN_ASK                              -->
 *                                                 the documents of both as members, durable
 *                                           <--   JOIN_GRANT: cluster id, keys, the members' documents
 *     adopts them in one transaction
 *     and begins anew (EFFECT_RESTART)
 *
 * A member that was taken out and is invited again does the same, but for the keys, which it has: what it wrote
 * since is not the cluster's.
 *
 * Every step can be repeated: an asker that is a member by the documents is granted again, and one that is fresh
 * still asks again.
 */
#ifndef NODE_CLUSTER_JOIN_H
#define NODE_CLUSTER_JOIN_H

#include "node/cluster/cluster_job.h"
#include "node/cluster/links.h"

enum {
    JOIN_TEXT_CHARS = 200,
    JOIN_CONNECT_MS = 30000,        /* an operator is told by then what came of it */
    JOIN_LOOK_MS = 20,              /* until a node that has just started can speak: two commits */
    JOIN_UNKNOWN_PERIODS = 60,      /* a member that others do not know for so long (in probe intervals) asks them
                                       to be let in once more… */
    JOIN_UNKNOWN_GAP_PERIODS = 600, /* …when nobody says so for so long, what was said before is forgotten */
    JOIN_ADMISSIONS_AT_ONCE = 256,  /* newcomers that one member lets in without an operator's word, … */
    JOIN_ADMISSIONS_A_MINUTE = 16,  /* …and so many once that is used up */
};

struct join {
    struct cluster_connect_state connect;
    char connect_address[CLUSTER_ADDRESS_BYTES];
    uint64_t connect_since_ms;
    uint32_t connect_link; /* UINT32_MAX: none, or none yet */
    uint64_t connect_serial;
    bool has_connect_id; /* the operator named the node, too */
    uint8_t connect_id[LINK_NODE_ID_BYTES];
    struct timer timer; /* the beginning, or the end of the operator's patience */

    bool is_asking; /* a trial, or a JOIN_ASK, over this link is under way: only one at a time */
    uint32_t asked_link;
    uint64_t asked_serial;
    bool is_granted;  /* what we were granted is with the store: the link is not needed any more */
    bool is_adopting; /* another cluster's keys are with the store: nothing is said or done any more */
    bool is_founding; /* "is a member" is with the store */
    uint64_t unknown_since_ms, unknown_last_ms; /* members say that they do not know us; 0: nobody said so */
    bool is_grant_behind;                       /* the last grant knew less than we do, who were taken out */
    bool is_known;                              /* a member by our documents, when last looked at */
    uint32_t admissions_count;                  /* whose documents are with the store */
    uint64_t admitted_until_ms;                 /* those let in of late are accounted for then */
    struct effect restart;
    char stuck[JOIN_TEXT_CHARS]; /* why we are not in the cluster we want; empty: nothing is wrong */
};

bool join_init(struct cluster *cluster);

/* Is this node a member by the documents it holds? */
bool join_is_self_known(const struct cluster *cluster);

/* Has the other end sent so much that made no sense that it is not listened to (H12)? Do two processes have its
 * identity, as it says itself (H2)? */
bool join_is_quarantined(const struct cluster *cluster, const struct channel *channel);
bool join_is_doubled(const struct cluster *cluster, const struct channel *channel);

void join_on_ready(struct cluster *cluster, struct channel *channel);
void join_on_message(struct cluster *cluster, struct channel *channel, const struct message *message);
void join_on_gone(struct cluster *cluster, struct channel *channel, const char *why);
void join_on_time(struct cluster *cluster);

/* Links to nodes that are no members any more are closed, all of them when we are none. Who has become one over a
 * link is greeted on the next. */
void join_on_view(struct cluster *cluster);

/* The document that says whether the node is a member, of those that came with the message; or NULL. */
const struct op_document *join_document_of(const struct message *message, const uint8_t *node_id);

/* Make this fresh node the first member of its cluster; or mend one that died while it did. */
void join_found(struct cluster *cluster);

#endif
