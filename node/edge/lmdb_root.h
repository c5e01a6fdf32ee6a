/* The end of a writing transaction, when its root cannot be written.
 *
 * LMDB has two roots (its meta pages) and writes the older one anew. When that write fails it gives the
 * environment up, and so that the new root is not used it writes the old transaction number and the old size back:
 * beside the new tables. Who then looks at the file finds a root that names pages outside of it. Here the old root
 * is put back whole.
 */
#ifndef NODE_EDGE_LMDB_ROOT_H
#define NODE_EDGE_LMDB_ROOT_H

struct MDB_env;
struct MDB_txn;

/* mdb_txn_commit() of a writing transaction. 0: it is durable. MDB_PANIC: its root could not be written, for
 * whatever reason, and LMDB takes no further call; whether the transaction is kept is known after the next
 * opening. Any other code of LMDB or errno: nothing of it is kept. */
int lmdb_root_commit(struct MDB_env *env, struct MDB_txn *txn);

#endif
