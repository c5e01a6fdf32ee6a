/* The index counters of a partition key, changed in the item's own transaction (H24, I15). */
#ifndef NODE_STORE_COUNT_H
#define NODE_STORE_COUNT_H

#include "node/store/record.h"

/* The counters of one partition key under change, by one item or by several. */
struct count_row {
    struct keys_buffer key_buffer;
    struct span key;
    struct record_count count;
    bool is_loaded;
};

/* Stand at the counters of a partition key; nothing is read yet. */
void count_begin(struct count_row *row, const uint8_t bucket_id[KEYS_BUCKET_ID_BYTES], struct span partition_key);

/* Would an item that added `before` and adds `after` change them? `is_new`: it had no record before. */
bool count_is_changed(struct crdt_tally before, struct crdt_tally after, bool is_new);

/* Read the counters. `was`, out: the row as it lies in the database until that is written to; bytes NULL for none.
 * ERR_CORRUPT when it fails its check. */
MUST_USE enum err count_load(struct count_row *row, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES],
                             struct span *was);

/* Replace what one item added to the loaded counters by what it adds now. ERR_CORRUPT when a counter would fall
 * below zero. */
MUST_USE enum err count_change(struct count_row *row, struct crdt_tally before, struct crdt_tally after,
                               bool is_new);

/* Write the loaded counters. */
MUST_USE enum err count_store(const struct count_row *row, struct kv_txn *txn,
                              const uint8_t hash_key[HASH_KEY_BYTES], struct arena *scratch);

/* Does the row make its partition appear in the index? */
bool count_is_listed(const struct record_count *count);

#endif
