/* From a hash to the nodes that hold it: a table read. Pure. */
#ifndef RING_LOOKUP_H
#define RING_LOOKUP_H

#include "ring/layout.h"

/* The ring partition of a hash in this layout: its top bits. */
uint32_t ring_lookup_partition(const struct ring_layout *layout, const uint8_t hash[RING_HASH_BYTES]);

/* The holders of a partition: `layout->replication` indexes into its nodes. */
const uint16_t *ring_lookup_holders(const struct ring_layout *layout, uint32_t partition);

/* Does the node of this index hold the partition? */
bool ring_lookup_is_holder(const struct ring_layout *layout, uint32_t partition, uint32_t node_index);

#endif
