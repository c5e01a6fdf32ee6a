/* The reading ops: one item, pages of items and of index rows, all documents. */
#ifndef NODE_STORE_READ_H
#define NODE_STORE_READ_H

#include "node/store/op.h"

/* Bytes of a row up to which it is checked when it stands beside the place of an item that is said to be absent.
 * It may be anybody's and as large as rows get, and the check of a large one would keep all others waiting. */
enum { READ_NEIGHBOUR_BYTES_MAX = 4096 };

/* Run one reading op inside `txn`; sets op->err. What it returns is copied into the op's arena. */
void read_run(const uint8_t hash_key[HASH_KEY_BYTES], struct kv_txn *txn, struct op *op);

#endif
