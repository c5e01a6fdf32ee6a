/* The top ten bits of a hash name its ring partition. */
#include "ring/partition.h"

_Static_assert(RING_PARTITIONS == 1 << 10, "the shift below takes ten bits");

uint32_t ring_partition_of(const uint8_t hash[RING_HASH_BYTES])
{
    return (uint32_t)hash[0] << 2 | (uint32_t)hash[1] >> 6;
}
