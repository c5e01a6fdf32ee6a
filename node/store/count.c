/* One row a partition key, kept as long as it has records. */
#include "node/store/count.h"

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

enum err count_change(struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES], struct span count_key,
                      struct crdt_tally before, struct crdt_tally after, bool is_new, struct arena *scratch)
{
    if (!is_new && tally_is_equal(&before, &after)) return ERR_OK;
    struct span row = {0};
    struct record_count count = {0};
    enum err err = kv_get(txn, KV_COUNTS, count_key, &row);
    if (err == ERR_OK && row.bytes != NULL) err = record_decode_count(hash_key, count_key, row, &count);
    if (err != ERR_OK) return err;
    bool is_sound = change(&count.tally.entries, before.entries, after.entries) &&
                    change(&count.tally.conflicts, before.conflicts, after.conflicts) &&
                    change(&count.tally.values, before.values, after.values) &&
                    change(&count.tally.bytes, before.bytes, after.bytes);
    if (!is_sound) return ERR_CORRUPT;
    if (is_new) count.items++;
    row = record_encode_count(hash_key, count_key, &count, scratch);
    if (row.bytes == NULL) return ERR_MEMORY;
    return kv_put(txn, KV_COUNTS, count_key, row);
}

bool count_is_listed(const struct record_count *count)
{
    const struct crdt_tally *tally = &count->tally;
    return (tally->entries | tally->conflicts | tally->values | tally->bytes) != 0;
}
