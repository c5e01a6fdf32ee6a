/* The writing ops: clients' writes merged into items with their dots and counters, and documents. */
#ifndef NODE_STORE_WRITE_H
#define NODE_STORE_WRITE_H

#include "node/store/store.h"

/* Run one writing op inside `txn`; sets op->err and its outcome. When the answer is not both ERR_OK and OP_DONE,
 * nothing of the op is in the transaction, unless the error is ERR_FULL or ERR_IO: the transaction is then spoiled
 * and must be aborted. */
void write_run(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us);

#endif
