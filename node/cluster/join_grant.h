/* Letting in: the side of a member, or of a fresh node that founds its cluster by it. Of join.c. */
#ifndef NODE_CLUSTER_JOIN_GRANT_H
#define NODE_CLUSTER_JOIN_GRANT_H

#include "node/cluster/join.h"

/* JOIN_ASK came over a ready link. */
void join_grant_on_ask(struct cluster *cluster, struct channel *channel, const struct message *message);

/* Refused for what passes by itself: not worth a line of the log each time. */
static inline bool join_is_passing(uint64_t reason)
{
    return reason == MESSAGE_REASON_FRESH || reason == MESSAGE_REASON_BUSY;
}

/* Both ends proved to be members of this cluster: of its id, that is; documents may say otherwise. */
bool join_is_same_cluster(const struct cluster *cluster, const struct channel *channel);

#endif
