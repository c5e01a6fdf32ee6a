/* What a store knows of its node in a cluster, and how that changes: the incarnation, and the cluster's keys.
 *
 *   meta "incarnation"   a document row whose payload is [incarnation]; there from the first OP_BOOT on
 */
#ifndef NODE_STORE_IDENTITY_H
#define NODE_STORE_IDENTITY_H

#include "node/store/store.h"

/* The row's key. */
struct span identity_incarnation_name(void);

/* OP_BOOT. As write_run() says. */
MUST_USE enum err identity_boot(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us);

/* OP_ADOPT. As write_run() says; sets store->is_adopted when the keys were replaced. */
MUST_USE enum err identity_adopt(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us);

#endif
