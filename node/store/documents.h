/* The writing ops of documents. */
#ifndef NODE_STORE_DOCUMENTS_H
#define NODE_STORE_DOCUMENTS_H

#include "node/store/store.h"

/* OP_DOCS_WRITE. As write_run() says. */
MUST_USE enum err documents_write(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us);

#endif
