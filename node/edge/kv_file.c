/* One descriptor, one snapshot. */
#include "node/edge/kv_file.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct kv_calls CALLS;

static struct kv_file *db_of(struct kv_txn *txn)
{
    return ((struct kv_file_txn *)(void *)txn)->db;
}

static enum err file_begin(struct kv *kv, bool for_writing, struct kv_txn **txn)
{
    struct kv_file *db = (struct kv_file *)(void *)kv;
    if (for_writing) return ERR_ACCESS;
    db->txn = (struct kv_file_txn){{&CALLS}, db};
    *txn = &db->txn.txn;
    return ERR_OK;
}

static enum err file_commit(struct kv_txn *txn)
{
    (void)txn;
    return ERR_OK;
}

static void file_abort(struct kv_txn *txn)
{
    (void)txn;
}

static enum err file_get(struct kv_txn *txn, enum kv_space space, struct span key, struct span *value)
{
    (void)txn;
    (void)space;
    (void)key;
    *value = (struct span){NULL, 0};
    return ERR_ACCESS;
}

static enum err file_put(struct kv_txn *txn, enum kv_space space, struct span key, struct span value)
{
    (void)txn;
    (void)space;
    (void)key;
    (void)value;
    return ERR_ACCESS;
}

static enum err file_del(struct kv_txn *txn, enum kv_space space, struct span key)
{
    (void)txn;
    (void)space;
    (void)key;
    return ERR_ACCESS;
}

static enum err file_cursor_open(struct kv_txn *txn, enum kv_space space, struct kv_cursor **cursor)
{
    (void)txn;
    (void)space;
    *cursor = NULL;
    return ERR_ACCESS;
}

static bool file_is_nearly_full(struct kv *kv)
{
    (void)kv;
    return true;
}

static enum err file_scan_open(struct kv_txn *txn, enum kv_space space, struct span from, struct kv_scan **scan)
{
    return lmdb_scan_create(&db_of(txn)->file, &CALLS, space, from, scan);
}

static uint64_t file_snapshot(struct kv_txn *txn)
{
    return db_of(txn)->file.meta.transaction;
}

static const struct kv_calls CALLS = {
    .is_nearly_full = file_is_nearly_full,
    .begin = file_begin,
    .commit = file_commit,
    .abort = file_abort,
    .get = file_get,
    .put = file_put,
    .del = file_del,
    .cursor_open = file_cursor_open, /* never answers one, so that its steps need not be there */
    .scan_open = file_scan_open,
    .scan_step = lmdb_scan_step,
    .scan_close = lmdb_scan_destroy,
    .snapshot = file_snapshot,
};

enum err kv_file_open(struct kv_file *db, const char *dir)
{
    char path[FILENAME_MAX];
    *db = (struct kv_file){.kv = {&CALLS}, .fd = -1};
    int length = snprintf(path, sizeof path, "%s/data.mdb", dir);
    if (length < 0 || (size_t)length >= sizeof path) return ERR_ACCESS;
    db->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (db->fd < 0) return ERR_ACCESS;
    enum err err = lmdb_file_open(&db->file, db->fd);
    if (err == ERR_MEMORY) kv_file_close(db);
    return err == ERR_MEMORY ? err : ERR_OK;
}

void kv_file_close(struct kv_file *db)
{
    if (db->fd >= 0) close(db->fd);
    db->fd = -1;
}

bool kv_file_is_readable(struct kv_file *db, bool any_snapshot)
{
    assert(db->fd >= 0);
    struct lmdb_file other;
    if (db->file.finding.fault == LMDB_SOUND) return true;
    if (!any_snapshot || lmdb_file_open_any(&other, db->fd) != ERR_OK) return false;
    db->passed = db->file.finding;
    db->file = other;
    db->file.source.owner = &db->file;
    return true;
}
