/* Database keys, put together. */
#include "node/store/keys.h"

#include <assert.h>

void keys_hash(const uint8_t hash_key[HASH_KEY_BYTES], const uint8_t bucket_id[KEYS_BUCKET_ID_BYTES],
               struct span partition_key, uint8_t hash[RING_HASH_BYTES])
{
    struct hash_keyed keyed;
    hash_keyed_init(&keyed, hash_key);
    hash_keyed_add(&keyed, bucket_id, KEYS_BUCKET_ID_BYTES);
    hash_keyed_add(&keyed, partition_key.bytes, partition_key.length);
    hash_keyed_128(&keyed, hash);
}

static struct span prefixed(struct keys_buffer *buffer, const uint8_t *prefix, size_t prefix_bytes,
                            struct span rest)
{
    assert(prefix_bytes + rest.length <= sizeof buffer->bytes);
    memcpy(buffer->bytes, prefix, prefix_bytes);
    if (rest.length > 0) memcpy(buffer->bytes + prefix_bytes, rest.bytes, rest.length);
    buffer->length = prefix_bytes + rest.length;
    return span_of(buffer->bytes, buffer->length);
}

struct span keys_item(struct keys_buffer *buffer, const uint8_t hash[RING_HASH_BYTES], struct span sort_key)
{
    return prefixed(buffer, hash, RING_HASH_BYTES, sort_key);
}

struct span keys_count(struct keys_buffer *buffer, const uint8_t bucket_id[KEYS_BUCKET_ID_BYTES],
                       struct span partition_key)
{
    return prefixed(buffer, bucket_id, KEYS_BUCKET_PREFIX_BYTES, partition_key);
}

uint64_t keys_name(const uint8_t hash_key[HASH_KEY_BYTES], enum kv_space space, struct span key)
{
    struct hash_keyed keyed;
    const uint8_t table = (uint8_t)space;
    hash_keyed_init(&keyed, hash_key);
    hash_keyed_add(&keyed, "row", 3);
    hash_keyed_add(&keyed, &table, 1);
    hash_keyed_add(&keyed, key.bytes, key.length);
    return hash_keyed_64(&keyed);
}

const char *keys_table_name(enum kv_space space)
{
    static const char *const names[KV_SPACES_COUNT] = {"meta", "docs", "items", "counts"};
    return names[space];
}

struct span keys_rest(struct span key)
{
    assert(key.length >= KEYS_BUCKET_PREFIX_BYTES);
    return span_of(key.bytes + KEYS_BUCKET_PREFIX_BYTES, key.length - KEYS_BUCKET_PREFIX_BYTES);
}
