/* One version of a cluster's layout: which nodes hold which ring partitions. Plain memory, no pointers.
 *
 * A version is named by number, hash and the hash of its parent (H11); the hash is computed outside, over the
 * bytes of all the rest. Pure.
 */
#ifndef RING_LAYOUT_H
#define RING_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/partition.h"

enum {
    RING_NODE_ID_BYTES = 32,
    RING_LAYOUT_HASH_BYTES = 32,
    RING_NODES_MAX = 256, /* with a role in one layout; more nodes may be members */
    RING_ZONES_MAX = 64,
    RING_ZONE_NAME_BYTES = 64, /* with its NUL; 1 … 63 bytes of A-Z a-z 0-9 . _ - */
    RING_REPLICATION_MAX = 8,
};

#define RING_CAPACITY_MAX ((uint64_t)1 << 60) /* bytes; sums over all nodes fit into 2^68: none is made */

struct ring_node {
    uint8_t id[RING_NODE_ID_BYTES];
    uint64_t capacity; /* bytes; 1 … RING_CAPACITY_MAX */
    uint16_t zone;     /* index into zones */
};

struct ring_layout {
    uint64_t number; /* from 1 */
    uint8_t hash[RING_LAYOUT_HASH_BYTES];
    uint8_t parent[RING_LAYOUT_HASH_BYTES]; /* zeros for number 1, and only for it */
    uint16_t partitions_count; /* a power of two, 1 … RING_PARTITIONS; fixed when the cluster is made */
    uint8_t replication;       /* copies of each partition, 1 … RING_REPLICATION_MAX */
    uint8_t zone_redundancy;   /* copies are in at least so many zones, 1 … replication; 0: in as many as
                                  there can be: min(replication, zones) */
    uint16_t zones_count;
    char zones[RING_ZONES_MAX][RING_ZONE_NAME_BYTES]; /* in bytewise order, each with at least one node */
    uint16_t nodes_count;
    struct ring_node nodes[RING_NODES_MAX];                  /* in bytewise order of id */
    uint16_t holders[RING_PARTITIONS][RING_REPLICATION_MAX]; /* of each partition, `replication` indexes into
                                                                nodes, ascending */
};

/* Does all of it hold together: orders, bounds, distinct holders, enough zones for each partition? What comes from
 * others is asked this before it is used. `why` out, NULL when it does: a few words, for ever. Any bytes may be in
 * `layout`. */
bool ring_layout_check(const struct ring_layout *layout, const char **why);

/* The same of what an assignment is made from, no more: partitions_count, replication, zone_redundancy, zones and
 * nodes. That there are enough nodes and zones is not asked: ring_assign() says so in numbers. */
bool ring_layout_check_roles(const struct ring_layout *layout, const char **why);

/* The index of a node, or -1. */
int ring_layout_node(const struct ring_layout *layout, const uint8_t node_id[RING_NODE_ID_BYTES]);

/* Zones that must be in each partition: zone_redundancy with 0 resolved. */
uint32_t ring_layout_zones_wanted(const struct ring_layout *layout);

/* How many partitions a node holds. */
uint32_t ring_layout_load(const struct ring_layout *layout, uint32_t node_index);

#endif
