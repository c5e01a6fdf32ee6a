/* One row a partition key, kept as long as it has records. */
#include "node/store/count.h"

#include <assert.h>

static bool change(uint64_t *counter, uint64_t before, uint64_t after)
{
    if (*counter < before) return false;
    return !__builtin_add_overflow(*counter - before, after, counter);
}

static bool tally_is_equal(const struct crdt_tally *a, const struct crdt_tally *b)
{
    return a->entries == b->entries && a->conflicts == b->conflicts && a->values == b->values &&
           a->bytes == b->bytes;
}

void count_begin(struct count_row *row, const uint8_t bucket_id[KEYS_BUCKET_ID_BYTES], struct span partition_key)
{
    row->key = keys_count(&row->key_buffer, bucket_id, partition_key);
    row->is_loaded = false;
}

bool count_is_changed(struct crdt_tally before, struct crdt_tally after, bool is_new)
{
    return is_new || !tally_is_equal(&before, &after);
}

enum err count_load(struct count_row *row, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES],
                    struct span *was)
{
    *was = (struct span){0};
    row->count = (struct record_count){0};
    enum err err = kv_get(txn, KV_COUNTS, row->key, was);
    if (err == ERR_OK && was->bytes != NULL) err = record_decode_count(hash_key, row->key, *was, &row->count);
    row->is_loaded = err == ERR_OK;
    return err;
}

enum err count_change(struct count_row *row, struct crdt_tally before, struct crdt_tally after, bool is_new)
{
    assert(row->is_loaded);
    struct crdt_tally *tally = &row->count.tally;
    bool is_sound = change(&tally->entries, before.entries, after.entries) &&
                    change(&tally->conflicts, before.conflicts, after.conflicts) &&
                    change(&tally->values, before.values, after.values) &&
                    change(&tally->bytes, before.bytes, after.bytes);
    if (!is_sound) return ERR_CORRUPT;
    if (is_new) row->count.items++;
    return ERR_OK;
}

enum err count_store(const struct count_row *row, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES],
                     struct arena *scratch)
{
    assert(row->is_loaded);
    struct span bytes = record_encode_count(hash_key, row->key, &row->count, scratch);
    return bytes.bytes == NULL ? ERR_MEMORY : kv_put(txn, KV_COUNTS, row->key, bytes);
}

bool count_is_listed(const struct record_count *count)
{
    const struct crdt_tally *tally = &count->tally;
    return (tally->entries | tally->conflicts | tally->values | tally->bytes) != 0;
}
