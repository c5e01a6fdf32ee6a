/* The bytes of every database key, and the bounds that follow from LMDB's 511.
 *
 *   items   hash (16) ‖ sort key          one K2V partition is contiguous, in order, inside one ring partition
 *   counts  bucket id's first 16 bytes ‖ partition key     a bucket's partition keys in order
 */
#ifndef NODE_STORE_KEYS_H
#define NODE_STORE_KEYS_H

#include "node/base/hash.h"
#include "node/store/kv.h"
#include "ring/partition.h"

enum {
    KEYS_BUCKET_ID_BYTES = 32,
    KEYS_BUCKET_PREFIX_BYTES = 16, /* 128 random bits name a bucket well enough inside one cluster */
    KEYS_SORT_KEY_BYTES_MAX = 480, /* 16 + 480 stays under KV_KEY_BYTES_MAX, with room for a tag later */
    KEYS_PARTITION_KEY_BYTES_MAX = 480,
};
_Static_assert(RING_HASH_BYTES + KEYS_SORT_KEY_BYTES_MAX <= KV_KEY_BYTES_MAX, "an item's key fits");
_Static_assert(KEYS_BUCKET_PREFIX_BYTES + KEYS_PARTITION_KEY_BYTES_MAX <= KV_KEY_BYTES_MAX,
               "a counter's key fits");

struct keys_buffer {
    uint8_t bytes[KV_KEY_BYTES_MAX];
    size_t length;
};

/* h = BLAKE2b-128(hash key, bucket id ‖ partition key). */
void keys_hash(const uint8_t hash_key[HASH_KEY_BYTES], const uint8_t bucket_id[KEYS_BUCKET_ID_BYTES],
               struct span partition_key, uint8_t hash[RING_HASH_BYTES]);

/* The keys' spans point into `buffer`. Lengths are within the bounds above (asserted). */
struct span keys_item(struct keys_buffer *buffer, const uint8_t hash[RING_HASH_BYTES], struct span sort_key);
struct span keys_count(struct keys_buffer *buffer, const uint8_t bucket_id[KEYS_BUCKET_ID_BYTES],
                       struct span partition_key);

/* A row's name for logs and messages: 64 bits of a keyed hash over table and key, which tell nothing of either. */
uint64_t keys_name(const uint8_t hash_key[HASH_KEY_BYTES], enum kv_space space, struct span key);

/* "meta", "docs", "items", "counts". */
const char *keys_table_name(enum kv_space space);

/* The part of an item's or counter's key behind its 16-byte prefix. */
struct span keys_rest(struct span key);

#endif
