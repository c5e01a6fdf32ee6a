/* What rows were before an op of several of them changed them, so that it can be taken back inside its
 * transaction, whose other ops stay. */
#ifndef NODE_STORE_UNDO_H
#define NODE_STORE_UNDO_H

#include "node/base/arena.h"
#include "node/store/kv.h"

struct undo_row;

struct undo {
    struct arena arena;
    struct undo_row *newest;
    bool is_wanted; /* an op of one item fails before it changes anything */
};

void undo_init(struct undo *undo, bool is_wanted);
void undo_deinit(struct undo *undo);

/* Note what the row is, before it is written; `value` with bytes NULL: there was none. */
MUST_USE enum err undo_note(struct undo *undo, enum kv_space space, struct span key, struct span value);

/* Write all back, the newest first. */
MUST_USE enum err undo_run(struct undo *undo, struct kv_txn *txn);

#endif
