/* Look-ups in a layout: the holders of a hash are one row of a table. */
#include "ring/lookup.h"

#include <assert.h>

uint32_t ring_lookup_partition(const struct ring_layout *layout, const uint8_t hash[RING_HASH_BYTES])
{
    return ring_partition_among(hash, layout->partitions_count);
}

const uint16_t *ring_lookup_holders(const struct ring_layout *layout, uint32_t partition)
{
    assert(partition < layout->partitions_count);
    return layout->holders[partition];
}

bool ring_lookup_is_holder(const struct ring_layout *layout, uint32_t partition, uint32_t node_index)
{
    assert(partition < layout->partitions_count);
    for (uint32_t i = 0; i < layout->replication; i++)
        if (layout->holders[partition][i] == node_index) return true;
    return false;
}
