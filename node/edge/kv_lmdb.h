/* kv.h over LMDB: what an acknowledged write rests on.
 *
 * LMDB's safe defaults, all of them: a commit returns after data and root are synced (H18), no writable map and no
 * delayed sync (H19). Four named databases, one for each space. One writing transaction at a time, begun and ended
 * by one thread; reading ones may begin on any thread, each is used by one thread at a time.
 */
#ifndef NODE_EDGE_KV_LMDB_H
#define NODE_EDGE_KV_LMDB_H

#include "node/store/kv.h"

#include <stdatomic.h>

enum { KV_LMDB_DIR_BYTES = 1280, KV_LMDB_MESSAGE_BYTES = KV_LMDB_DIR_BYTES + 256 };

struct MDB_env;
struct lmdb_txn;

/* All zero is a closed database. */
struct kv_lmdb {
    struct kv kv; /* first: what the calls of kv.h are given */
    char dir[KV_LMDB_DIR_BYTES];
    struct MDB_env *env;
    unsigned int tables[KV_SPACES_COUNT];
    _Atomic(struct lmdb_txn *) idle_reader; /* kept between reads: beginning anew costs an allocation and a slot */
};

/* Open, or make, data.mdb and lock.mdb in `dir`, which exists and which this process alone has (H2, files.h).
 *
 *   map_bytes  how large the database may grow; a file already larger keeps its size
 *   message    out on failure: one line, KV_LMDB_MESSAGE_BYTES with its NUL
 *
 * The file's pages are looked at first, as far as that is cheap (lmdb_file.h).
 *
 * Errors: ERR_CORRUPT (not a database, or a damaged one; `message` names file, page and what to do), ERR_ACCESS,
 * ERR_FULL, ERR_MEMORY, ERR_IO. After one `db` is closed. */
MUST_USE enum err kv_lmdb_open(struct kv_lmdb *db, const char *dir, uint64_t map_bytes, char *message);

/* Close it. Every transaction has ended. Accepts what kv_lmdb_open() leaves after any failure, and itself twice.
 */
void kv_lmdb_close(struct kv_lmdb *db);

/* Bytes of pages in use, those on the list of free pages not counted; 0 when that cannot be read. */
uint64_t kv_lmdb_used_bytes(const struct kv_lmdb *db);

/* How large the database may grow, in the end. */
uint64_t kv_lmdb_map_bytes(const struct kv_lmdb *db);

/* Is the file that is written still the one called data.mdb in its directory? */
bool kv_lmdb_is_in_place(const struct kv_lmdb *db);

#endif
