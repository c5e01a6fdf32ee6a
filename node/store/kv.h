/* Ordered key-value with transactions: the interface under the store. The node's edge implements it over LMDB, the
 * simulator in memory.
 *
 * One writing transaction at a time; any number of reading ones beside it, each a snapshot that never waits. A
 * reading transaction should last well under a second (H21). Keys are 1 … KV_KEY_BYTES_MAX bytes, ordered
 * bytewise.
 */
#ifndef NODE_STORE_KV_H
#define NODE_STORE_KV_H

#include "node/base/err.h"
#include "node/base/span.h"

enum { KV_KEY_BYTES_MAX = 511 }; /* LMDB's own bound */

/* The tables. Their numbers are on disk nowhere; their names are (docs/disk-format.md). */
enum kv_space {
    KV_META,   /* format, actor, cluster keys */
    KV_DOCS,   /* buckets, keys, permissions: last-writer-wins documents */
    KV_ITEMS,  /* one record an item */
    KV_COUNTS, /* one row of index counters a partition key */
    KV_SPACES_COUNT,
};

struct kv_pair {
    struct span key;
    struct span value; /* both until the next change in, or the end of, the transaction */
};

enum kv_step {
    KV_AT_OR_AFTER,  /* the first key >= the given one */
    KV_AFTER,        /* the first key > the given one */
    KV_AT_OR_BEFORE, /* the last key <= the given one */
    KV_BEFORE,       /* the last key < the given one */
    KV_NEXT,         /* the key after the cursor's; the given one is not used */
    KV_PREVIOUS,     /* the key before the cursor's */
};

/* Damage below the rows: what a scan was led to and could not believe. */
struct kv_damage {
    const char *table; /* whose page it is */
    uint64_t page;     /* its number in the file */
    const char *what;  /* "has keys out of order": the end of a sentence that begins with the page */
};

enum kv_scan_step {
    KV_SCAN_ROW,    /* the pair is the next row */
    KV_SCAN_DAMAGE, /* rows below a damaged page are left out; the scan goes on behind it */
    KV_SCAN_END,
};

struct kv;
struct kv_txn;
struct kv_cursor;
struct kv_scan;

/* What an implementation provides. Each owns structs that begin with the ones below. */
struct kv_calls {
    enum err (*begin)(struct kv *kv, bool for_writing, struct kv_txn **txn);
    enum err (*commit)(struct kv_txn *txn);
    void (*abort)(struct kv_txn *txn);
    enum err (*get)(struct kv_txn *txn, enum kv_space space, struct span key, struct span *value);
    enum err (*put)(struct kv_txn *txn, enum kv_space space, struct span key, struct span value);
    enum err (*del)(struct kv_txn *txn, enum kv_space space, struct span key);
    enum err (*cursor_open)(struct kv_txn *txn, enum kv_space space, struct kv_cursor **cursor);
    enum err (*cursor_step)(struct kv_cursor *cursor, enum kv_step step, struct span key, struct kv_pair *pair,
                            bool *found);
    void (*cursor_close)(struct kv_cursor *cursor);
    bool (*is_nearly_full)(struct kv *kv);
    enum err (*scan_open)(struct kv_txn *txn, enum kv_space space, struct span from, struct kv_scan **scan);
    enum err (*scan_step)(struct kv_scan *scan, enum kv_scan_step *step, struct kv_pair *pair,
                          struct kv_damage *damage);
    void (*scan_close)(struct kv_scan *scan);
    uint64_t (*snapshot)(struct kv_txn *txn);
};

struct kv {
    const struct kv_calls *calls;
};

struct kv_txn {
    const struct kv_calls *calls;
};

struct kv_cursor {
    const struct kv_calls *calls;
};

struct kv_scan {
    const struct kv_calls *calls;
};

/* Begin a transaction. Errors: ERR_MEMORY, ERR_IO, ERR_FULL. */
static inline MUST_USE enum err kv_begin(struct kv *kv, bool for_writing, struct kv_txn **txn)
{
    return kv->calls->begin(kv, for_writing, txn);
}

/* Is so little room left that what makes the database larger should be refused, so that deletions still fit (H20)?
 */
static inline bool kv_is_nearly_full(struct kv *kv)
{
    return kv->calls->is_nearly_full(kv);
}

/* End it, for a writing one only after the sync that makes it durable. The transaction is gone either way; on an
 * error nothing of it is kept. ERR_FULL: nothing changed, go on. ERR_IO: stop acknowledging (H18). */
static inline MUST_USE enum err kv_commit(struct kv_txn *txn)
{
    return txn->calls->commit(txn);
}

/* End it and keep nothing. Accepts NULL. */
static inline void kv_abort(struct kv_txn *txn)
{
    if (txn != NULL) txn->calls->abort(txn);
}

/* The value of `key`; absent is value->bytes == NULL (a stored empty value is not NULL).
 *
 * ERR_CORRUPT of this or of a cursor: a page on the way to the row is damaged. A reading transaction may answer so
 * to every further call; another one is as good as new. A writing one never answers so: it ends the process (H18).
 */
static inline MUST_USE enum err kv_get(struct kv_txn *txn, enum kv_space space, struct span key,
                                       struct span *value)
{
    return txn->calls->get(txn, space, key, value);
}

/* After a put or delete has failed, every further call but abort answers the same error: what was half done cannot
 * be committed. */
static inline MUST_USE enum err kv_put(struct kv_txn *txn, enum kv_space space, struct span key, struct span value)
{
    return txn->calls->put(txn, space, key, value);
}

/* Deleting what is not there is no error. */
static inline MUST_USE enum err kv_delete(struct kv_txn *txn, enum kv_space space, struct span key)
{
    return txn->calls->del(txn, space, key);
}

/* A cursor must be closed before its transaction ends. */
static inline MUST_USE enum err kv_cursor_open(struct kv_txn *txn, enum kv_space space, struct kv_cursor **cursor)
{
    return txn->calls->cursor_open(txn, space, cursor);
}

/* Move and read. `found` false when there is no such key; NEXT and PREVIOUS only after a step that found. */
static inline MUST_USE enum err kv_cursor_step(struct kv_cursor *cursor, enum kv_step step, struct span key,
                                               struct kv_pair *pair, bool *found)
{
    return cursor->calls->cursor_step(cursor, step, key, pair, found);
}

static inline void kv_cursor_close(struct kv_cursor *cursor)
{
    if (cursor != NULL) cursor->calls->cursor_close(cursor);
}

/* A scan reads rows in order as a cursor does, but from the file itself, checking the pages it comes by: for what
 * must not trust them (H22). Slower than a cursor. In reading transactions only; closed before its transaction
 * ends.
 *
 * It begins at the first key >= `from`; with no bytes, at the first. Errors: ERR_MEMORY. */
static inline MUST_USE enum err kv_scan_open(struct kv_txn *txn, enum kv_space space, struct span from,
                                             struct kv_scan **scan)
{
    return txn->calls->scan_open(txn, space, from, scan);
}

/* The next row, or damage, or the end. What comes out is valid until the next step. Errors: ERR_MEMORY. */
static inline MUST_USE enum err kv_scan_step(struct kv_scan *scan, enum kv_scan_step *step, struct kv_pair *pair,
                                             struct kv_damage *damage)
{
    return scan->calls->scan_step(scan, step, pair, damage);
}

static inline void kv_scan_close(struct kv_scan *scan)
{
    if (scan != NULL) scan->calls->scan_close(scan);
}

/* Equal numbers, equal contents: nothing was committed between two reading transactions that answer the same. */
static inline uint64_t kv_snapshot(struct kv_txn *txn)
{
    return txn->calls->snapshot(txn);
}

#endif
