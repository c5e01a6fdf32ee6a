/* LMDB's calls and errors, translated. */
#include "node/edge/kv_lmdb.h"

#include "node/edge/fault.h"
#include "node/edge/lmdb_birth.h"
#include "node/edge/lmdb_root.h"
#include "node/edge/lmdb_scan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600,
    FULL_MAP_PERCENT = 90,                 /* of the map in use: then only deletions and metadata go on (H20) */
    DISK_RESERVE_BYTES = 64 * 1024 * 1024, /* free on the disk, or a tenth of a small one: the same */
    DISK_FULL_BYTES = 1024 * 1024,         /* free on the disk: less is none */
    WHOLE_CHECK_BYTES = 128 * 1024 * 1024, /* a file up to here is checked whole at the start: 0.1 s in memory */
};

struct lmdb_txn {
    struct kv_txn txn; /* first */
    struct kv_lmdb *db;
    MDB_txn *inner;
    bool is_writing;
    enum err broken;        /* of the first call that failed: LMDB then may take no further one but the end */
    struct lmdb_file *file; /* the snapshot as its scans see it; NULL before the first of them */
};

struct lmdb_cursor {
    struct kv_cursor cursor; /* first */
    struct lmdb_txn *txn;
    MDB_cursor *inner;
};

static const struct kv_calls CALLS;

static struct kv_lmdb *db_of(struct kv *kv)
{
    return (struct kv_lmdb *)(void *)kv;
}

static struct lmdb_txn *txn_of(struct kv_txn *txn)
{
    return (struct lmdb_txn *)(void *)txn;
}

static struct lmdb_cursor *cursor_of(struct kv_cursor *cursor)
{
    return (struct lmdb_cursor *)(void *)cursor;
}

/* What went wrong, in our words. What is not listed is a disk that cannot be trusted: ERR_IO (H18). */
static enum err err_of(int code)
{
    switch (code) {
    case 0: return ERR_OK;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL: /* more dirty pages than one transaction may have: smaller ones still go */
    case ENOSPC:
    case EDQUOT: return ERR_FULL;
    case MDB_CORRUPTED:
    case MDB_CURSOR_FULL: /* pages that lead down and down */
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH: return ERR_CORRUPT;
    case MDB_READERS_FULL:
    case ENOMEM: return ERR_MEMORY;
    default: return ERR_IO;
    }
}

/* On a disk without room a write of several pages comes out short before one fails with ENOSPC, and LMDB says EIO
 * to both. Nothing of the transaction is kept either way; with the disk full it is a full disk, not a failing one.
 */
static enum err disk_err(const struct kv_lmdb *db, int code)
{
    struct statvfs disk;
    enum err err = err_of(code);
    if (code != EIO || statvfs(db->dir, &disk) != 0) return err;
    return (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES ? ERR_FULL : err;
}

/* The answer of a call inside a transaction. After a change failed, or a damaged page was met, LMDB says
 * MDB_BAD_TXN to every call; the reason is then said again, since neither a full disk nor a damaged page must look
 * like a failing disk. A writing transaction that met such a page cannot be trusted with what it has done: the
 * process ends (H18). */
static enum err txn_err(struct lmdb_txn *txn, int code)
{
    if (code == 0 || code == MDB_NOTFOUND) return ERR_OK;
    enum err err = code == MDB_BAD_TXN && txn->broken != ERR_OK ? txn->broken : disk_err(txn->db, code);
    if (err == ERR_CORRUPT && txn->is_writing) fault_end("a write met it");
    if (txn->broken == ERR_OK) txn->broken = err;
    return err;
}

static MDB_val val_of(struct span bytes)
{
    /* LMDB reads from keys and values only; its type does not say so. */
    return (MDB_val){.mv_size = bytes.length, .mv_data = (void *)(uintptr_t)bytes.bytes};
}

/* Never NULL, also for no bytes. */
static struct span span_of_val(const MDB_val *val)
{
    static const uint8_t nothing[1];
    return span_of(val->mv_data == NULL ? nothing : val->mv_data, val->mv_size);
}

/* --- transactions --------------------------------------------------------------------------------------- */

static enum err txn_create(struct kv_lmdb *db, bool is_writing, struct lmdb_txn **out)
{
    struct lmdb_txn *txn = malloc(sizeof *txn);
    if (txn == NULL) return ERR_MEMORY;
    *txn = (struct lmdb_txn){.txn = {&CALLS}, .db = db, .is_writing = is_writing};
    int code = mdb_txn_begin(db->env, NULL, is_writing ? 0 : MDB_RDONLY, &txn->inner);
    if (code != 0) {
        free(txn);
        return err_of(code);
    }
    *out = txn;
    return ERR_OK;
}

static void txn_destroy(struct lmdb_txn *txn)
{
    if (txn == NULL) return;
    if (txn->inner != NULL) mdb_txn_abort(txn->inner);
    free(txn->file);
    free(txn);
}

static enum err lmdb_begin(struct kv *kv, bool for_writing, struct kv_txn **out)
{
    struct kv_lmdb *db = db_of(kv);
    struct lmdb_txn *txn = for_writing ? NULL : atomic_exchange(&db->idle_reader, NULL);
    enum err err = ERR_OK;
    if (txn == NULL) {
        err = txn_create(db, for_writing, &txn);
    } else if ((err = err_of(mdb_txn_renew(txn->inner))) != ERR_OK) {
        txn_destroy(txn);
    }
    if (err == ERR_OK) *out = &txn->txn;
    return err;
}

/* A reading transaction lets go of its snapshot and is kept, or given back when one is kept already. */
static void lmdb_abort(struct kv_txn *kv_txn)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    struct lmdb_txn *none = NULL;
    if (!txn->is_writing) {
        mdb_txn_reset(txn->inner);
        free(txn->file);
        txn->file = NULL;
        txn->broken = ERR_OK;
        if (atomic_compare_exchange_strong(&txn->db->idle_reader, &none, txn)) return;
    }
    txn_destroy(txn);
}

static enum err lmdb_commit(struct kv_txn *kv_txn)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    if (!txn->is_writing) {
        lmdb_abort(kv_txn);
        return ERR_OK;
    }
    enum err err = txn_err(txn, lmdb_root_commit(txn->db->env, txn->inner));
    txn->inner = NULL; /* the commit freed it, whatever it answered */
    txn_destroy(txn);
    return err;
}

/* --- single keys ---------------------------------------------------------------------------------------- */

static bool is_key(struct span key)
{
    return key.length >= 1 && key.length <= KV_KEY_BYTES_MAX;
}

static enum err lmdb_get(struct kv_txn *kv_txn, enum kv_space space, struct span key, struct span *value)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    assert(is_key(key));
    MDB_val name = val_of(key);
    MDB_val found;
    int code = mdb_get(txn->inner, txn->db->tables[space], &name, &found);
    *value = code == 0 ? span_of_val(&found) : (struct span){NULL, 0};
    return txn_err(txn, code);
}

static enum err lmdb_put(struct kv_txn *kv_txn, enum kv_space space, struct span key, struct span value)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    assert(txn->is_writing && is_key(key));
    MDB_val name = val_of(key);
    MDB_val content = val_of(value);
    return txn_err(txn, mdb_put(txn->inner, txn->db->tables[space], &name, &content, 0));
}

static enum err lmdb_del(struct kv_txn *kv_txn, enum kv_space space, struct span key)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    assert(txn->is_writing && is_key(key));
    MDB_val name = val_of(key);
    return txn_err(txn, mdb_del(txn->inner, txn->db->tables[space], &name, NULL));
}

/* --- cursors -------------------------------------------------------------------------------------------- */

static enum err lmdb_cursor_open(struct kv_txn *kv_txn, enum kv_space space, struct kv_cursor **out)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    struct lmdb_cursor *cursor = malloc(sizeof *cursor);
    if (cursor == NULL) return ERR_MEMORY;
    *cursor = (struct lmdb_cursor){.cursor = {&CALLS}, .txn = txn};
    int code = mdb_cursor_open(txn->inner, txn->db->tables[space], &cursor->inner);
    if (code != 0) {
        free(cursor);
        return txn_err(txn, code);
    }
    *out = &cursor->cursor;
    return ERR_OK;
}

/* LMDB seeks forward only: go to the first key >= `wanted`, then, when the step wants another one, beside it. */
static int seek(MDB_cursor *cursor, enum kv_step step, struct span wanted, MDB_val *key, MDB_val *value)
{
    assert(is_key(wanted));
    bool is_backward = step == KV_AT_OR_BEFORE || step == KV_BEFORE;
    bool is_self_in = step == KV_AT_OR_AFTER || step == KV_AT_OR_BEFORE;
    *key = val_of(wanted);
    int code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND && is_backward) return mdb_cursor_get(cursor, key, value, MDB_LAST);
    if (code != 0) return code;
    bool is_self = span_is_equal(span_of_val(key), wanted);
    if (is_self && is_self_in) return 0;
    if (is_backward) return mdb_cursor_get(cursor, key, value, MDB_PREV);
    return is_self ? mdb_cursor_get(cursor, key, value, MDB_NEXT) : 0;
}

static enum err lmdb_cursor_step(struct kv_cursor *kv_cursor, enum kv_step step, struct span wanted,
                                 struct kv_pair *pair, bool *found)
{
    struct lmdb_cursor *cursor = cursor_of(kv_cursor);
    MDB_val key = {0};
    MDB_val value = {0};
    int code = 0;
    switch (step) {
    case KV_NEXT: code = mdb_cursor_get(cursor->inner, &key, &value, MDB_NEXT); break;
    case KV_PREVIOUS: code = mdb_cursor_get(cursor->inner, &key, &value, MDB_PREV); break;
    case KV_AT_OR_AFTER:
    case KV_AFTER:
    case KV_AT_OR_BEFORE:
    case KV_BEFORE: code = seek(cursor->inner, step, wanted, &key, &value); break;
    }
    *found = code == 0;
    if (*found) *pair = (struct kv_pair){span_of_val(&key), span_of_val(&value)};
    return txn_err(cursor->txn, code);
}

static void lmdb_cursor_close(struct kv_cursor *kv_cursor)
{
    struct lmdb_cursor *cursor = cursor_of(kv_cursor);
    mdb_cursor_close(cursor->inner);
    free(cursor);
}

/* --- scans ---------------------------------------------------------------------------------------------- */

/* The root of the snapshot is in a meta page until the second commit behind it: when that has passed already, take
 * the newest snapshot instead. */
static enum err open_snapshot(struct lmdb_txn *txn)
{
    enum { ATTEMPTS = 100 }; /* two commits within a few reads, so often: no disk syncs that fast */
    int fd = -1;
    bool is_gone = true;
    enum err err = err_of(mdb_env_get_fd(txn->db->env, &fd));
    for (int i = 0; i < ATTEMPTS && err == ERR_OK && is_gone; i++) {
        if (i > 0) {
            mdb_txn_reset(txn->inner);
            err = err_of(mdb_txn_renew(txn->inner));
        }
        if (err == ERR_OK) err = lmdb_file_open_at(txn->file, fd, mdb_txn_id(txn->inner), &is_gone);
        if (err == ERR_CORRUPT &&
            i + 1 < ATTEMPTS) { /* written over at this moment, or damaged: then it stays so */
            is_gone = true;
            err = ERR_OK;
        }
    }
    if (err == ERR_CORRUPT) return ERR_OK; /* the scan tells it */
    return err == ERR_OK && is_gone ? ERR_MEMORY : err;
}

static enum err scan_open(struct kv_txn *kv_txn, enum kv_space space, struct span from, struct kv_scan **scan)
{
    struct lmdb_txn *txn = txn_of(kv_txn);
    assert(!txn->is_writing);
    if (txn->file == NULL) {
        txn->file = calloc(1, sizeof *txn->file);
        enum err err = txn->file == NULL ? ERR_MEMORY : open_snapshot(txn);
        if (err != ERR_OK) {
            free(txn->file);
            txn->file = NULL;
            return err;
        }
    }
    return lmdb_scan_create(txn->file, &CALLS, space, from, scan);
}

static uint64_t snapshot(struct kv_txn *kv_txn)
{
    return mdb_txn_id(txn_of(kv_txn)->inner);
}

/* --- calls ---------------------------------------------------------------------------------------------- */

/* Room on the disk is what the file system has left and what the file, which never shrinks, has free inside. */
static bool lmdb_is_nearly_full(struct kv *kv)
{
    struct kv_lmdb *db = (struct kv_lmdb *)(void *)kv;
    uint64_t map_bytes = kv_lmdb_map_bytes(db);
    uint64_t used_bytes = kv_lmdb_used_bytes(db);
    if (used_bytes > map_bytes / 100 * FULL_MAP_PERCENT) return true;
    struct statvfs disk;
    struct stat file;
    int fd = -1;
    if (statvfs(db->dir, &disk) != 0 || mdb_env_get_fd(db->env, &fd) != 0 || fstat(fd, &file) != 0) return false;
    uint64_t size_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
    uint64_t reserve_bytes = size_bytes / 10 < DISK_RESERVE_BYTES ? size_bytes / 10 : DISK_RESERVE_BYTES;
    uint64_t inside_bytes = (uint64_t)file.st_size > used_bytes ? (uint64_t)file.st_size - used_bytes : 0;
    return (uint64_t)disk.f_bavail * disk.f_frsize + inside_bytes < reserve_bytes;
}

static const struct kv_calls CALLS = {
    .is_nearly_full = lmdb_is_nearly_full,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .cursor_open = lmdb_cursor_open,
    .cursor_step = lmdb_cursor_step,
    .cursor_close = lmdb_cursor_close,
    .scan_open = scan_open,
    .scan_step = lmdb_scan_step,
    .scan_close = lmdb_scan_destroy,
    .snapshot = snapshot,
};

/* --- opening and closing -------------------------------------------------------------------------------- */

/* Whole pages, as LMDB wants them. */
static size_t map_size(uint64_t wish_bytes)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    if (wish_bytes > SIZE_MAX - page_bytes) wish_bytes = SIZE_MAX - page_bytes;
    return (size_t)((wish_bytes + page_bytes - 1) / page_bytes * page_bytes);
}

static int open_tables(struct kv_lmdb *db)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (code != 0) return code;
    for (int space = 0; space < KV_SPACES_COUNT && code == 0; space++)
        code = mdb_dbi_open(txn, LMDB_FILE_TABLES[space], MDB_CREATE, &db->tables[space]);
    if (code == 0) return lmdb_root_commit(db->env, txn);
    mdb_txn_abort(txn);
    return code;
}

/* LMDB met what it takes for a fault of its own: a page that rotted since it was checked. */
static void on_assert(MDB_env *env, const char *text)
{
    (void)env;
    (void)text; /* an expression of LMDB's source, which tells an operator nothing */
    fault_end("LMDB gave up");
}

static int open_all(struct kv_lmdb *db, const char *dir, uint64_t map_bytes)
{
    int code = mdb_env_create(&db->env);
    if (code != 0) return code;
    int dead_readers = 0;
    if ((code = mdb_env_set_assert(db->env, on_assert)) != 0) return code;
    if ((code = mdb_env_set_mapsize(db->env, map_size(map_bytes))) != 0) return code;
    if ((code = mdb_env_set_maxdbs(db->env, KV_SPACES_COUNT)) != 0) return code;
    if ((code = lmdb_birth(dir)) != 0) return code;
    if ((code = mdb_env_open(db->env, dir, MDB_NOTLS, FILE_MODE)) != 0) return code;
    if ((code = mdb_reader_check(db->env, &dead_readers)) != 0) return code; /* of a process that was killed */
    return open_tables(db);
}

struct first_finding {
    struct lmdb_finding finding;
    bool is_there;
};

static void on_finding(void *owner, const struct lmdb_finding *finding)
{
    struct first_finding *first = owner;
    if (!first->is_there) first->finding = *finding;
    first->is_there = true;
}

static enum err check_file(int fd, struct first_finding *first)
{
    struct lmdb_file file;
    uint64_t pages = 0;
    enum err err = lmdb_file_open(&file, fd);
    if (err == ERR_CORRUPT) on_finding(first, &file.finding);
    return err == ERR_OK ? lmdb_file_check(&file, file.bytes <= WHOLE_CHECK_BYTES, on_finding, first, &pages)
                         : err;
}

/* LMDB believes every page, and a file that was cut off kills who reads behind its end: look before (H22). */
static enum err check_pages(const char *dir, char *message)
{
    char path[KV_LMDB_DIR_BYTES + 16];
    struct first_finding first = {0};
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ERR_OK; /* a new one; or LMDB says why */
    struct stat info;
    if (fstat(fd, &info) == 0 && info.st_size == 0) { /* none of ours: a new one is there whole or not at all */
        close(fd);
        snprintf(message, KV_LMDB_MESSAGE_BYTES,
                 "%s is empty: it was cut off. Restore it from a copy, or remove it to begin without data", path);
        return ERR_CORRUPT;
    }
    enum err err = check_file(fd, &first);
    close(fd);
    if (err == ERR_MEMORY) snprintf(message, KV_LMDB_MESSAGE_BYTES, "out of memory");
    if (!first.is_there) return err;
    snprintf(message, KV_LMDB_MESSAGE_BYTES,
             "%s: page %llu (%s) %s. The file is damaged: restore it from a copy, or see `skerry repair --help`",
             path, (unsigned long long)first.finding.page, first.finding.table,
             lmdb_fault_text(first.finding.fault));
    return ERR_CORRUPT;
}

enum err kv_lmdb_open(struct kv_lmdb *db, const char *dir, uint64_t map_bytes, char *message)
{
    *db = (struct kv_lmdb){.kv = {&CALLS}};
    snprintf(db->dir, sizeof db->dir, "%s", dir);
    enum err damage = check_pages(dir, message);
    if (damage != ERR_OK) return damage;
    int code = open_all(db, dir, map_bytes);
    if (code == 0) return ERR_OK;
    bool is_refused = code == EACCES || code == EPERM || code == EROFS;
    enum err err = is_refused ? ERR_ACCESS : err_of(code);
    const char *advice = err == ERR_CORRUPT ? "; restore it from a copy" : "";
    snprintf(message, KV_LMDB_MESSAGE_BYTES, "cannot open the database in %s: %.60s%s", db->dir,
             mdb_strerror(code), advice);
    kv_lmdb_close(db);
    return err;
}

void kv_lmdb_close(struct kv_lmdb *db)
{
    assert(db != NULL);
    txn_destroy(atomic_exchange(&db->idle_reader, NULL));
    if (db->env != NULL) mdb_env_close(db->env);
    db->env = NULL;
}

/* --- size ----------------------------------------------------------------------------------------------- */

static uint64_t pages_of(const MDB_stat *stat)
{
    return (uint64_t)stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

uint64_t kv_lmdb_used_bytes(const struct kv_lmdb *db)
{
    enum { META_PAGES = 2, FREE_TABLE = 0, MAIN_TABLE = 1 }; /* LMDB's own two tables have fixed numbers */
    MDB_txn *txn = NULL;
    MDB_stat stat = {0};
    uint64_t pages = META_PAGES;
    if (mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn) != 0) return 0;
    for (unsigned int table = FREE_TABLE; table <= MAIN_TABLE; table++)
        if (mdb_stat(txn, table, &stat) == 0) pages += pages_of(&stat);
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        if (mdb_stat(txn, db->tables[space], &stat) == 0) pages += pages_of(&stat);
    mdb_txn_abort(txn);
    return pages * stat.ms_psize;
}

uint64_t kv_lmdb_map_bytes(const struct kv_lmdb *db)
{
    MDB_envinfo info;
    return mdb_env_info(db->env, &info) == 0 ? info.me_mapsize : 0;
}

bool kv_lmdb_is_in_place(const struct kv_lmdb *db)
{
    char path[KV_LMDB_DIR_BYTES + 16];
    struct stat named;
    struct stat opened;
    int fd = -1;
    if (mdb_env_get_fd(db->env, &fd) != 0 || fstat(fd, &opened) != 0) return true; /* cannot tell */
    snprintf(path, sizeof path, "%s/data.mdb", db->dir);
    if (stat(path, &named) != 0) return errno != ENOENT;
    return named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}
