/* What operators asked for and nobody has applied yet: the staged documents, and what versions changed that lost
 * (H11), put over the layout in force. Pure over the view.
 *
 * A staged document wins over a lost version's change to the same thing, a later lost version over an earlier
 * one. What is already so in the layout in force is not staged any more. Of very many changes, which only a broken
 * or a lying node makes, the later ones are shown; all nodes leave out the same. They can all be reverted.
 */
#ifndef NODE_CLUSTER_STAGED_H
#define NODE_CLUSTER_STAGED_H

#include "node/cluster/history.h"

enum {
    STAGED_CAPACITY_BITS = 60,
    STAGED_ROLES_MAX = LIMITS_MEMBERS_MAX, /* one for each member; a layout has room for far fewer */
    STAGED_LOST_MAX = 64, /* lost versions whose changes are looked at, the newest: a cut has not more sides on
                             which somebody applies; each takes some 0.1 ms, in every look at the layout */
};

/* The parameters of a layout that can be staged, as their documents name them. */
#define STAGED_REPLICATION     "replication"
#define STAGED_ZONE_REDUNDANCY "zone_redundancy"
#define STAGED_PARTITIONS      "partitions" /* of the first version; fixed from then on */

/* A node's role as it shall be. */
struct staged_role {
    uint8_t node_id[RING_NODE_ID_BYTES];
    bool is_removal;
    char zone[RING_ZONE_NAME_BYTES];
    uint64_t capacity;
    const struct history_version *lost; /* the version that lost it comes from; NULL: an operator staged it */
};

/* A parameter of the layout as it shall be. */
struct staged_number {
    bool is_set;
    uint64_t value;
    const struct history_version *lost; /* as above */
};

struct staged {
    const struct ring_layout *in_force; /* of the view; NULL while there is none */
    struct history history;
    struct staged_role *roles; /* in order of node id */
    uint32_t roles_count;
    struct staged_number replication, zone_redundancy, partitions;
};

/* Memory from `arena`. False when it is out of memory. */
bool staged_read(const struct view *view, struct arena *arena, struct staged *staged);

/* Would applying change nothing? */
bool staged_is_empty(const struct staged *staged);

/* The staged role of a node, or NULL. */
const struct staged_role *staged_role_of(const struct staged *staged, const uint8_t node_id[RING_NODE_ID_BYTES]);

/* Is the role so in the layout already (NULL: there is none)? */
bool staged_is_so(const struct ring_layout *in_force, const struct staged_role *role);

/* Is this the name of a zone: 1 … 63 bytes of A-Z a-z 0-9 . _ -, a letter or digit among them? */
bool staged_is_zone(struct span text);

/* May a node have this capacity: 1 … 2^60 bytes? */
bool staged_is_capacity(uint64_t capacity);

/* May a layout have so many partitions: a power of two, at most RING_PARTITIONS? */
bool staged_is_partitions(uint64_t number);

#endif
