/* A layout version as a document: which bytes it is, and what names them.
 *
 *   key      'V' ‖ number (8, big-endian) ‖ hash (32)
 *   payload  [1, number, parent (32 bytes), partitions, replication, zone redundancy, [zone…], [node…], holders]
 *   node     [node id, capacity, index of its zone]
 *   holders  a byte for each copy, partition by partition: the index of the node
 *   hash     BLAKE2b-256 of the payload under the key "skerry layout version"
 *
 * The hash names number, parent and all the rest (H11): two versions of one number are two documents, and none can
 * be changed into another.
 */
#ifndef NODE_CORE_LAYOUT_DOCUMENT_H
#define NODE_CORE_LAYOUT_DOCUMENT_H

#include "node/core/document.h"
#include "ring/layout.h"

enum {
    LAYOUT_DOCUMENT_ID_BYTES = 8 + RING_LAYOUT_HASH_BYTES, /* of the key, behind its letter */
    LAYOUT_DOCUMENT_NODE_BYTES_MAX = 1 + 2 + RING_NODE_ID_BYTES + 9 + 2,
    LAYOUT_DOCUMENT_BYTES_MAX = 128 + RING_ZONES_MAX * (RING_ZONE_NAME_BYTES + 2) +
                                RING_NODES_MAX * LAYOUT_DOCUMENT_NODE_BYTES_MAX +
                                RING_PARTITIONS * RING_REPLICATION_MAX,
};
_Static_assert(RING_NODES_MAX <= 256, "a holder is a byte");

/* The document of a layout, whose hash is computed here and set in it. Key and payload lie in `arena`; time and
 * actor are the store's to give. The layout holds together (ring_layout_check(), asserted). False when out of
 * memory. */
bool layout_document_encode(struct arena *arena, struct ring_layout *layout, struct op_document *document);

/* Read a version: `id` is its key behind the letter. Total and bounded. False, with nothing to be said of what
 * `layout` then holds, for all that layout_document_encode() did not write: other bytes, another hash or number,
 * what ring_layout_check() refuses. */
bool layout_document_decode(struct span id, struct span payload, struct ring_layout *layout);

/* Only the number of a version and the hash of the one before, for a walk over many: nothing is checked but the
 * shape so far, and that the number is the key's. */
bool layout_document_names(struct span id, struct span payload, uint64_t *number, const uint8_t **parent);

/* Only its number of partitions, which the first version of a cluster sets for all that follow; 0 when it cannot
 * be read. */
uint64_t layout_document_partitions(struct span payload);

#endif
