/* From the hash of a key to its place on the ring: the top bits are the ring partition. Pure. */
#ifndef RING_PARTITION_H
#define RING_PARTITION_H

#include <stdint.h>

enum {
    RING_HASH_BYTES = 16,
    RING_PARTITIONS = 1024, /* a power of two; fixed when a cluster is created */
};

/* The ring partition of a hash, 0 … RING_PARTITIONS - 1. */
uint32_t ring_partition_of(const uint8_t hash[RING_HASH_BYTES]);

#endif
