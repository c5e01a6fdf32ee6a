/* What is said of links that came to nothing: whom, why, and not too often. Of links.c. */
#ifndef NODE_CLUSTER_LINKS_REFUSALS_H
#define NODE_CLUSTER_LINKS_REFUSALS_H

#include "node/cluster/links.h"

/* The handshake was refused for `why`: a line of the log, and for a copy of this node a problem. That a node
 * dialled itself is no news: so it finds out whether it is the one meant. */
void links_refusals_note(struct cluster *cluster, const struct channel *channel, const char *why);

/* It asked, and was not let in. Nor must those that pass by themselves keep from being said what does not. */
void links_refusals_note_unwanted(struct cluster *cluster, const struct channel *channel, const char *why,
                                  bool is_passing);

/* The other end proved who it is, is no member, and sent what no sound node sends. */
void links_refusals_note_offence(struct cluster *cluster, const struct channel *channel, const char *what);

#endif
