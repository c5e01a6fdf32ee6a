/* Letting in: the side of a member, or of a fresh node that founds its cluster by it. Of join.c. */
#ifndef NODE_CLUSTER_JOIN_GRANT_H
#define NODE_CLUSTER_JOIN_GRANT_H

#include "node/cluster/join.h"

/* JOIN_ASK came over a ready link. */
void join_grant_on_ask(struct cluster *cluster, struct channel *channel, const struct message *message);

/* Both ends proved to be members of this cluster: of its id, that is; documents may say otherwise. */
bool join_is_same_cluster(const struct cluster *cluster, const struct channel *channel);

#endif
