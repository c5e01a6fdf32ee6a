/* The writing ops of documents. */
#ifndef NODE_STORE_DOCUMENTS_H
#define NODE_STORE_DOCUMENTS_H

#include "node/store/store.h"

/* OP_DOCS_WRITE, OP_DOCS_MERGE. Nothing of the op is in the transaction when the answer is not ERR_OK, as
 * write_run() says. Keys are 1 … KV_KEY_BYTES_MAX bytes. The op's rules are kept here, and nowhere else. */
MUST_USE enum err documents_write(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us);
MUST_USE enum err documents_merge(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us);

/* Why the document may not be by the rules, whatever else there is; NULL when it may. `rules` NULL: all may. */
const char *documents_refusal(const struct op_docs_rules *rules, const struct op_document *document,
                              uint64_t wall_us);

#endif
