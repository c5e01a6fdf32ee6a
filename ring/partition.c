/* The top bits of a hash name its ring partition. */
#include "ring/partition.h"

#include <assert.h>

_Static_assert(RING_PARTITIONS <= 1 << 16, "two bytes of the hash are enough");

uint32_t ring_partition_among(const uint8_t hash[RING_HASH_BYTES], uint32_t partitions_count)
{
    assert(partitions_count > 0 && partitions_count <= RING_PARTITIONS);
    assert((partitions_count & (partitions_count - 1)) == 0);
    uint32_t top = (uint32_t)hash[0] << 8 | hash[1];
    return top * partitions_count >> 16;
}

uint32_t ring_partition_of(const uint8_t hash[RING_HASH_BYTES])
{
    return ring_partition_among(hash, RING_PARTITIONS);
}
