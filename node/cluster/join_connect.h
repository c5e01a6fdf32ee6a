/* The operator's wish: a node connected to another one. Of join.c. */
#ifndef NODE_CLUSTER_JOIN_CONNECT_H
#define NODE_CLUSTER_JOIN_CONNECT_H

#include "node/cluster/join.h"

/* What an operator who waits for this link is told: once. `channel` NULL: whatever link it is. */
void join_connect_ends(struct cluster *cluster, const struct channel *channel, bool is_done, const char *what,
                       struct span detail);

/* The node an operator named is there: the one of both that is fresh asks; of two fresh ones the other does. */
void join_connect_ready(struct cluster *cluster, struct channel *channel);

/* The other end of the link holds us for a member, as we do it. */
void join_connect_greeted(struct cluster *cluster, struct channel *channel);

#endif
