/* The index counters of a partition key, changed in the item's own transaction (H24, I15). */
#ifndef NODE_STORE_COUNT_H
#define NODE_STORE_COUNT_H

#include "node/store/record.h"

/* Replace what one item added to its partition's counters by what it adds now. `is_new`: the item had no record
 * before. ERR_CORRUPT when the row is, or when a counter would fall below zero. */
MUST_USE enum err count_change(struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES], struct span count_key,
                               struct crdt_tally before, struct crdt_tally after, bool is_new,
                               struct arena *scratch);

/* Does the row make its partition appear in the index? */
bool count_is_listed(const struct record_count *count);

#endif
