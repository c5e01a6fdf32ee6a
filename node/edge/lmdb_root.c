/* One sector is read before each commit, and written back when it went wrong. */
#include "node/edge/lmdb_root.h"

#include <lmdb.h>
#include <stdbool.h>
#include <unistd.h>

enum { ROOT_BYTES = 512 }; /* a root's 152 are at the beginning of its page */

/* What will be overwritten. */
struct root {
    char bytes[ROOT_BYTES];
    off_t offset;
    int fd;
    bool is_read;
};

static struct root read_root(MDB_env *env, MDB_txn *txn)
{
    struct root root = {.fd = -1};
    MDB_stat stat;
    if (mdb_env_get_fd(env, &root.fd) != 0 || mdb_env_stat(env, &stat) != 0) return root;
    root.offset = (mdb_txn_id(txn) & 1) == 0 ? 0 : (off_t)stat.ms_psize;
    root.is_read = pread(root.fd, root.bytes, sizeof root.bytes, root.offset) == (ssize_t)sizeof root.bytes;
    return root;
}

static bool is_given_up(MDB_env *env)
{
    MDB_txn *reader = NULL;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, &reader);
    if (code == 0) mdb_txn_abort(reader);
    return code == MDB_PANIC;
}

/* On a disk that fails this may fail, too: nothing was acknowledged, and LMDB passes over what is left. */
static void put_back(const struct root *root)
{
    if (!root->is_read) return;
    ssize_t written = pwrite(root->fd, root->bytes, sizeof root->bytes, root->offset);
    (void)written;
}

int lmdb_root_commit(MDB_env *env, MDB_txn *txn)
{
    struct root root = read_root(env, txn);
    int code = mdb_txn_commit(txn);
    if (code == 0 || !is_given_up(env)) return code;
    put_back(&root);
    return MDB_PANIC;
}
