/* Roles without hands: the alive member with the lowest id that wishes for a role itself writes the next layout
 * version, when nothing has changed for a while; when it does not, the next one. Of formation.c. */
#ifndef NODE_CLUSTER_FORMATION_ROLES_H
#define NODE_CLUSTER_FORMATION_ROLES_H

#include "node/cluster/formation.h"

/* In each round of a member. Returns whether there is something to wait for: look again soon. */
bool formation_roles(struct cluster *cluster);

/* Say of ourselves where we are reached, if the documents say something else. */
void formation_address(struct cluster *cluster);

#endif
