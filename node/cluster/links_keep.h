/* Which links stay: how many that have proved nothing, how many of one node, and which of two. Of links.c. */
#ifndef NODE_CLUSTER_LINKS_KEEP_H
#define NODE_CLUSTER_LINKS_KEEP_H

#include "node/cluster/links.h"

/* A link comes in from `remote` ("HOST:PORT"): whom it would be one too many of lets another go, the oldest that
 * has proved nothing or the one that is idle for longest. */
void links_keep_room(struct cluster *cluster, struct span remote);

/* A link has become ready: those that are too many of this node go.
 *
 * Who dialled decides between two members, so that not both ends close one: of two dialled the later goes, and
 * when both dialled, that of the node with the higher id. A node that does not keep to it has LINKS_OF_NODE_MAX
 * that came in from it; of more the idlest goes. */
void links_keep_one(struct cluster *cluster, struct channel *channel);

#endif
