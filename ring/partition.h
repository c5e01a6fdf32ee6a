/* From the hash of a key to its place on the ring: the top bits are the ring partition. Pure. */
#ifndef RING_PARTITION_H
#define RING_PARTITION_H

#include <stdint.h>

enum {
    RING_HASH_BYTES = 16,
    RING_PARTITIONS =
        1024, /* the most there can be, and as many as there are unless a cluster is made with fewer */
};

/* The ring partition of a hash, 0 … partitions_count - 1. The caller guarantees a power of two, 1 …
 * RING_PARTITIONS. */
uint32_t ring_partition_among(const uint8_t hash[RING_HASH_BYTES], uint32_t partitions_count);

/* The same among RING_PARTITIONS. */
uint32_t ring_partition_of(const uint8_t hash[RING_HASH_BYTES]);

#endif
