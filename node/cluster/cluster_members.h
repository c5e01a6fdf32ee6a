/* Who is spoken to, when there may be more members than rows. Of cluster.c. */
#ifndef NODE_CLUSTER_CLUSTER_MEMBERS_H
#define NODE_CLUSTER_CLUSTER_MEMBERS_H

#include "node/cluster/cluster.h"

/* The ids of the members that get a row, this node among them, in order: in the memory of the step. Those beyond
 * LIMITS_MEMBERS_MAX are left out, counted and said. NULL when out of memory. */
uint8_t *cluster_members_ids(struct cluster *cluster, uint32_t *count);

#endif
