/* Asking to be let in, and what becomes of it. Of join.c. */
#ifndef NODE_CLUSTER_JOIN_ASK_H
#define NODE_CLUSTER_JOIN_ASK_H

#include "node/cluster/join.h"

/* Ask the node at the other end to be let in: unless this one asks somebody already, or holds data of its own, or
 * is of a cluster by whose documents the other end is no member. Then the other end is told why not. */
void join_ask(struct cluster *cluster, struct channel *channel);

void join_ask_on_grant(struct cluster *cluster, struct channel *channel, const struct message *grant);
void join_ask_on_refused(struct cluster *cluster, struct channel *channel, const struct message *message);
void join_ask_on_invited(struct cluster *cluster, struct channel *channel);

#endif
