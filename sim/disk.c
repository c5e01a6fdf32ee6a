/* Transactions are sets of tables held: a snapshot costs four counts, a commit four pointers. */
#include "sim/disk.h"

#include "sim/table.h"

#include <assert.h>
#include <stdlib.h>

struct disk_txn {
    struct kv_txn txn; /* first */
    struct disk *disk;
    struct disk_txn *next;
    struct disk_cursor *cursors;
    bool is_writing;
    enum err broken; /* why it can only be ended */
    struct table *tables[KV_SPACES_COUNT];
};

struct disk_cursor {
    struct kv_cursor cursor; /* first */
    struct disk_txn *txn;
    struct disk_cursor *next;
    enum kv_space space;
    struct row *row; /* held; NULL before the first step that found */
};

static const struct kv_calls CALLS;

/* --- faults --------------------------------------------------------------------------------------------- */

static enum err fault_step(struct disk_fault *fault)
{
    if (fault->calls_left == 0 || --fault->calls_left > 0) return ERR_OK;
    return fault->err;
}

/* What this call must answer before it does anything. */
static enum err call_fault(struct disk *disk, bool is_change)
{
    enum err err = fault_step(&disk->call_fault);
    enum err change = is_change ? fault_step(&disk->change_fault) : ERR_OK;
    return err == ERR_OK ? change : err;
}

static enum err txn_fault(struct disk_txn *txn, bool is_change)
{
    if (txn->broken != ERR_OK) return txn->broken;
    enum err err = call_fault(txn->disk, is_change);
    if (is_change) txn->broken = err;
    return err;
}

/* --- the calls ------------------------------------------------------------------------------------------ */

static struct disk_txn *txn_of(struct kv_txn *txn)
{
    return (struct disk_txn *)(void *)txn;
}

static bool has_writer(const struct disk *disk)
{
    const struct disk_txn *txn = disk->open;
    while (txn != NULL && !txn->is_writing)
        txn = txn->next;
    return txn != NULL;
}

static enum err disk_begin(struct kv *kv, bool for_writing, struct kv_txn **out)
{
    struct disk *disk = (struct disk *)(void *)kv;
    assert(!for_writing || !has_writer(disk));
    enum err err = call_fault(disk, false);
    if (err != ERR_OK) return err;
    struct disk_txn *txn = table_take(NULL, sizeof *txn);
    *txn = (struct disk_txn){.txn = {&CALLS}, .disk = disk, .next = disk->open, .is_writing = for_writing};
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        txn->tables[space] = table_hold(disk->tables[space]);
    disk->open = txn;
    *out = &txn->txn;
    return ERR_OK;
}

static void txn_end(struct disk_txn *txn)
{
    assert(txn->cursors == NULL); /* as kv.h asks */
    struct disk_txn **link = &txn->disk->open;
    while (*link != txn)
        link = &(*link)->next;
    *link = txn->next;
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        table_release(txn->tables[space]);
    free(txn);
}

static void disk_abort(struct kv_txn *txn)
{
    txn_end(txn_of(txn));
}

static enum err disk_commit(struct kv_txn *kv_txn)
{
    struct disk_txn *txn = txn_of(kv_txn);
    struct disk *disk = txn->disk;
    enum err err = txn->is_writing ? txn_fault(txn, true) : ERR_OK;
    if (err == ERR_OK && txn->is_writing) {
        for (int space = 0; space < KV_SPACES_COUNT; space++) {
            struct table *old = disk->tables[space];
            disk->tables[space] = txn->tables[space];
            txn->tables[space] = old;
        }
        disk->commits_count++;
    }
    txn_end(txn);
    return err;
}

static bool is_key(struct span key)
{
    return key.length >= 1 && key.length <= KV_KEY_BYTES_MAX;
}

static enum err disk_get(struct kv_txn *kv_txn, enum kv_space space, struct span key, struct span *value)
{
    struct disk_txn *txn = txn_of(kv_txn);
    assert(is_key(key));
    *value = (struct span){NULL, 0};
    enum err err = txn_fault(txn, false);
    if (err != ERR_OK) return err;
    const struct row *row = table_get(txn->tables[space], key);
    if (row != NULL) *value = row_value(row);
    return ERR_OK;
}

static enum err disk_put(struct kv_txn *kv_txn, enum kv_space space, struct span key, struct span value)
{
    struct disk_txn *txn = txn_of(kv_txn);
    assert(txn->is_writing && is_key(key));
    enum err err = txn_fault(txn, true);
    size_t bytes_max = txn->disk->value_bytes_max;
    bool is_too_long = bytes_max > 0 && value.length > bytes_max;
    if (err == ERR_OK && (txn->disk->is_full || is_too_long)) err = txn->broken = ERR_FULL;
    if (err == ERR_OK) table_put(&txn->tables[space], row_create(key, value));
    return err;
}

static enum err disk_del(struct kv_txn *kv_txn, enum kv_space space, struct span key)
{
    struct disk_txn *txn = txn_of(kv_txn);
    assert(txn->is_writing && is_key(key));
    enum err err = txn_fault(txn, true);
    if (err == ERR_OK) table_delete(&txn->tables[space], key);
    return err;
}

static enum err disk_cursor_open(struct kv_txn *kv_txn, enum kv_space space, struct kv_cursor **out)
{
    struct disk_txn *txn = txn_of(kv_txn);
    enum err err = txn_fault(txn, false);
    if (err != ERR_OK) return err;
    struct disk_cursor *cursor = table_take(NULL, sizeof *cursor);
    *cursor = (struct disk_cursor){.cursor = {&CALLS}, .txn = txn, .next = txn->cursors, .space = space};
    txn->cursors = cursor;
    *out = &cursor->cursor;
    return ERR_OK;
}

static enum err disk_cursor_step(struct kv_cursor *kv_cursor, enum kv_step step, struct span key,
                                 struct kv_pair *pair, bool *found)
{
    struct disk_cursor *cursor = (struct disk_cursor *)(void *)kv_cursor;
    *found = false;
    enum err err = txn_fault(cursor->txn, false);
    if (err != ERR_OK) return err;
    if (step == KV_NEXT || step == KV_PREVIOUS) {
        assert(cursor->row != NULL); /* as kv.h asks */
        key = row_key(cursor->row);
    }
    assert(is_key(key));
    struct row *row = table_seek(cursor->txn->tables[cursor->space], step, key);
    *found = row != NULL;
    if (row != NULL) row_hold(row);
    row_release(cursor->row);
    cursor->row = row;
    if (row != NULL) *pair = (struct kv_pair){row_key(row), row_value(row)};
    return ERR_OK;
}

static void disk_cursor_close(struct kv_cursor *kv_cursor)
{
    struct disk_cursor *cursor = (struct disk_cursor *)(void *)kv_cursor;
    struct disk_cursor **link = &cursor->txn->cursors;
    while (*link != cursor)
        link = &(*link)->next;
    *link = cursor->next;
    row_release(cursor->row);
    free(cursor);
}

/* Memory has no pages to distrust: a scan is a cursor. */
struct disk_scan {
    struct kv_scan scan; /* first */
    struct kv_cursor *cursor;
    struct span from;
    bool is_begun;
};

static enum err disk_scan_open(struct kv_txn *kv_txn, enum kv_space space, struct span from, struct kv_scan **out)
{
    static const uint8_t lowest[1] = {0};
    struct kv_cursor *cursor = NULL;
    enum err err = disk_cursor_open(kv_txn, space, &cursor);
    if (err != ERR_OK) return err;
    struct disk_scan *scan = table_take(NULL, sizeof *scan);
    *scan = (struct disk_scan){{&CALLS}, cursor, from.length > 0 ? from : span_of(lowest, 1), false};
    *out = &scan->scan;
    return ERR_OK;
}

static enum err disk_scan_step(struct kv_scan *kv_scan, enum kv_scan_step *step, struct kv_pair *pair,
                               struct kv_damage *damage)
{
    struct disk_scan *scan = (struct disk_scan *)(void *)kv_scan;
    bool found = false;
    (void)damage;
    enum err err = disk_cursor_step(scan->cursor, scan->is_begun ? KV_NEXT : KV_AT_OR_AFTER, scan->from, pair,
                                    &found);
    scan->is_begun = true;
    *step = found ? KV_SCAN_ROW : KV_SCAN_END;
    return err;
}

static void disk_scan_close(struct kv_scan *kv_scan)
{
    struct disk_scan *scan = (struct disk_scan *)(void *)kv_scan;
    disk_cursor_close(scan->cursor);
    free(scan);
}

static uint64_t disk_snapshot(struct kv_txn *txn)
{
    return txn_of(txn)->disk->commits_count;
}

static bool disk_is_nearly_full(struct kv *kv)
{
    return ((struct disk *)(void *)kv)->is_nearly_full;
}

static const struct kv_calls CALLS = {
    .is_nearly_full = disk_is_nearly_full,
    .begin = disk_begin,
    .commit = disk_commit,
    .abort = disk_abort,
    .get = disk_get,
    .put = disk_put,
    .del = disk_del,
    .cursor_open = disk_cursor_open,
    .cursor_step = disk_cursor_step,
    .cursor_close = disk_cursor_close,
    .scan_open = disk_scan_open,
    .scan_step = disk_scan_step,
    .scan_close = disk_scan_close,
    .snapshot = disk_snapshot,
};

/* --- the disk ------------------------------------------------------------------------------------------- */

void disk_init(struct disk *disk)
{
    *disk = (struct disk){.kv = {&CALLS}};
}

void disk_deinit(struct disk *disk)
{
    disk_crash(disk);
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        table_release(disk->tables[space]);
        disk->tables[space] = NULL;
    }
}

void disk_fail_next(struct disk *disk, uint64_t calls_count, enum err err)
{
    disk->change_fault = (struct disk_fault){calls_count, err};
}

void disk_fail_call(struct disk *disk, uint64_t calls_count, enum err err)
{
    disk->call_fault = (struct disk_fault){calls_count, err};
}

void disk_crash(struct disk *disk)
{
    while (disk->open != NULL) {
        while (disk->open->cursors != NULL)
            disk_cursor_close(&disk->open->cursors->cursor);
        txn_end(disk->open);
    }
}

bool disk_flip(struct disk *disk, enum kv_space space, uint64_t row_index, uint64_t bit_index)
{
    const struct row *row = table_row(disk->tables[space], row_index);
    if (row == NULL || bit_index / 8 >= row->value_bytes) return false;
    struct row *flipped = row_create(row_key(row), row_value(row));
    flipped->bytes[flipped->key_bytes + bit_index / 8] ^= (uint8_t)(1u << (bit_index % 8));
    table_put(&disk->tables[space], flipped);
    return true;
}

void disk_copy(const struct disk *disk, struct disk *copy)
{
    disk_init(copy);
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        copy->tables[space] = table_hold(disk->tables[space]);
}

uint64_t disk_rows_count(const struct disk *disk, enum kv_space space)
{
    return table_rows_count(disk->tables[space]);
}
