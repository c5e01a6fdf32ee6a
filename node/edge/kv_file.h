/* kv.h over a data.mdb that no server has open, without LMDB and read only: for repairs. What is damaged is met by
 * scans, told, and passed; nothing read here can end the process. Only begin, abort, scans and snapshot are there;
 * all else answers ERR_ACCESS. One transaction at a time. */
#ifndef NODE_EDGE_KV_FILE_H
#define NODE_EDGE_KV_FILE_H

#include "node/edge/lmdb_scan.h"

struct kv_file_txn {
    struct kv_txn txn; /* first */
    struct kv_file *db;
};

struct kv_file {
    struct kv kv; /* first */
    int fd;
    struct lmdb_file file;
    struct lmdb_finding passed; /* why another snapshot than the newest, or parts of one, had to be taken */
    struct kv_file_txn txn;
};

/* Open DIR/data.mdb, whose lock the caller holds (files.h). A damaged file is opened too: kv_file_is_readable().
 * ERR_ACCESS: there is none, or it cannot be read; ERR_MEMORY. Do not move `db` after. */
MUST_USE enum err kv_file_open(struct kv_file *db, const char *dir);
void kv_file_close(struct kv_file *db);

/* Could the tables be found? If not, db->file.finding says why. With `any_snapshot` a meta page that is damaged or
 * out of turn is passed over, and what can be read is taken (lmdb_file_open_any()): db->passed then says what was
 * wrong, and db->file.commits what was taken. */
bool kv_file_is_readable(struct kv_file *db, bool any_snapshot);

#endif
