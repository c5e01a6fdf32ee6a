/* Every row is copied out of the transaction, then checked and decoded: a corrupt one is an error, never an
 * answer. */
#include "node/store/read.h"

#include "node/store/check.h"
#include "node/store/count.h"

#include <assert.h>

/* Copy and decode one item's row. */
static enum err item_take(const uint8_t *hash_key, struct span key, struct span row, struct arena *arena,
                          struct crdt_dvvs *state)
{
    uint8_t *copy = arena_copy(arena, row.bytes, row.length);
    if (copy == NULL) return ERR_MEMORY;
    struct record_item item;
    enum err err = record_decode_item(hash_key, key, span_of(copy, row.length), 0, arena, &item);
    if (err == ERR_OK) *state = item.state;
    return err;
}

/* Is the row beside `key` on that side, if there is one that is not too large, what was written? */
static enum err neighbour_check(const uint8_t *hash_key, struct kv_cursor *cursor, enum kv_step step,
                                struct span key, struct op *op)
{
    struct kv_pair pair;
    bool found = false;
    enum err err = kv_cursor_step(cursor, step, key, &pair, &found);
    if (err != ERR_OK || !found || pair.value.length > READ_NEIGHBOUR_BYTES_MAX) return err;
    if (record_is_item(hash_key, pair.key, pair.value)) return ERR_OK;
    return op_note(op, hash_key, KV_ITEMS, pair.key, ERR_CORRUPT);
}

/* There is no row of this key, or the search for it was led astray by a flipped bit in a key: in its own, or in
 * one that it was compared with. Either way that row then stands beside the place where the search ended, and
 * fails its hash (H22). A large row is not looked at: `skerry repair check` finds it. */
static enum err absence_check(const uint8_t *hash_key, struct kv_txn *txn, struct span key, struct op *op)
{
    struct kv_cursor *cursor = NULL;
    enum err err = kv_cursor_open(txn, KV_ITEMS, &cursor);
    if (err != ERR_OK) return err;
    err = neighbour_check(hash_key, cursor, KV_AFTER, key, op);
    if (err == ERR_OK) err = neighbour_check(hash_key, cursor, KV_BEFORE, key, op);
    kv_cursor_close(cursor);
    return err;
}

static enum err read_item(const uint8_t *hash_key, struct kv_txn *txn, struct op *op)
{
    struct op_read *read = &op->read;
    uint8_t hash[RING_HASH_BYTES];
    struct keys_buffer buffer;
    keys_hash(hash_key, read->key.bucket_id, read->key.partition_key, hash);
    struct span key = keys_item(&buffer, hash, read->key.sort_key);
    struct span row = {0};
    enum err err = kv_get(txn, KV_ITEMS, key, &row);
    read->has_item = err == ERR_OK && row.bytes != NULL;
    if (err == ERR_OK && !read->has_item) return absence_check(hash_key, txn, key, op);
    if (err != ERR_OK) return err;
    op->is_put_off = op->may_be_put_off && row.length > OP_LARGE_BYTES;
    if (op->is_put_off) return ERR_OK;
    return op_note(op, hash_key, KV_ITEMS, key, item_take(hash_key, key, row, op->arena, &read->state));
}

/* --- walking an interval -------------------------------------------------------------------------------- */

/* The keys of one 16-byte prefix inside an interval, in either direction. */
struct walk {
    struct kv_cursor *cursor;
    struct kv_pair pair;
    struct span prefix;
    const struct op_interval *interval;
    bool is_reverse;
    bool is_end;
};

static enum err walk_step(struct walk *walk, enum kv_step step, struct span key)
{
    bool found = false;
    enum err err = kv_cursor_step(walk->cursor, step, key, &walk->pair, &found);
    if (err != ERR_OK) return err;
    walk->is_end = !found || !span_has_prefix(walk->pair.key, walk->prefix) ||
                   !op_interval_has(walk->interval, keys_rest(walk->pair.key));
    return ERR_OK;
}

/* Go to the first key of the interval in the walk's direction. */
static enum err walk_begin(struct walk *walk)
{
    static const uint8_t beyond[1] = {0xff}; /* above every key: they are UTF-8 */
    const struct op_interval *interval = walk->interval;
    struct keys_buffer buffer;
    if (!walk->is_reverse) {
        struct span low = keys_item(&buffer, walk->prefix.bytes, interval->low);
        return walk_step(walk, interval->low_is_open ? KV_AFTER : KV_AT_OR_AFTER, low);
    }
    if (!interval->has_high)
        return walk_step(walk, KV_BEFORE, keys_item(&buffer, walk->prefix.bytes, span_of(beyond, 1)));
    struct span high = keys_item(&buffer, walk->prefix.bytes, interval->high);
    return walk_step(walk, interval->high_is_in ? KV_AT_OR_BEFORE : KV_BEFORE, high);
}

static enum err walk_next(struct walk *walk)
{
    return walk_step(walk, walk->is_reverse ? KV_PREVIOUS : KV_NEXT, (struct span){0});
}

/* --- pages ---------------------------------------------------------------------------------------------- */

static enum err range_take(const uint8_t *hash_key, struct op *op, const struct kv_pair *pair)
{
    struct op_range_item *item = &op->range.items[op->range.items_count];
    struct span sort_key = keys_rest(pair->key);
    uint8_t *copy = arena_copy(op->arena, sort_key.bytes, sort_key.length);
    if (copy == NULL) return ERR_MEMORY;
    item->sort_key = span_of(copy, sort_key.length);
    enum err err = item_take(hash_key, pair->key, pair->value, op->arena, &item->state);
    if (err == ERR_OK) op->range.items_count++;
    return op_note(op, hash_key, KV_ITEMS, pair->key, err);
}

static enum err range_page(const uint8_t *hash_key, struct walk *walk, struct op *op)
{
    struct op_range *range = &op->range;
    size_t bytes = 0;
    enum err err = walk_begin(walk);
    while (err == ERR_OK && !walk->is_end) {
        if (range->items_count == range->items_max || bytes >= OP_RANGE_BYTES_MAX) return ERR_OK;
        bytes += walk->pair.value.length;
        err = range_take(hash_key, op, &walk->pair);
        if (err == ERR_OK) err = walk_next(walk);
    }
    range->is_end = err == ERR_OK;
    return err;
}

static enum err read_range(const uint8_t *hash_key, struct kv_txn *txn, struct op *op)
{
    struct op_range *range = &op->range;
    assert(range->items_max >= 1 && range->items_max <= OP_RANGE_ITEMS_MAX);
    uint8_t hash[RING_HASH_BYTES];
    keys_hash(hash_key, range->key.bucket_id, range->key.partition_key, hash);
    range->items_count = 0;
    range->is_end = false;
    range->items = arena_take_array(op->arena, range->items_max, sizeof *range->items);
    if (range->items == NULL) return ERR_MEMORY;
    struct walk walk = {
        .prefix = span_of(hash, sizeof hash), .interval = &range->interval, .is_reverse = range->is_reverse};
    enum err err = kv_cursor_open(txn, KV_ITEMS, &walk.cursor);
    if (err != ERR_OK) return err;
    err = range_page(hash_key, &walk, op);
    kv_cursor_close(walk.cursor);
    return err;
}

static enum err index_take(const uint8_t *hash_key, struct op *op, const struct kv_pair *pair)
{
    struct op_index *index = &op->index;
    struct record_count count;
    enum err err = record_decode_count(hash_key, pair->key, pair->value, &count);
    if (err != ERR_OK) return op_note(op, hash_key, KV_COUNTS, pair->key, err);
    struct span rest = keys_rest(pair->key);
    uint8_t *copy = arena_copy(op->arena, rest.bytes, rest.length);
    if (copy == NULL) return ERR_MEMORY;
    index->last = span_of(copy, rest.length);
    if (count_is_listed(&count)) {
        index->rows[index->rows_count++] = (struct op_index_row){index->last, count.tally};
    }
    return ERR_OK;
}

static enum err index_page(const uint8_t *hash_key, struct walk *walk, struct op *op)
{
    struct op_index *index = &op->index;
    uint32_t seen = 0; /* unlisted rows bound the page too */
    enum err err = walk_begin(walk);
    while (err == ERR_OK && !walk->is_end) {
        if (seen++ == index->rows_max) return ERR_OK;
        err = index_take(hash_key, op, &walk->pair);
        if (err == ERR_OK) err = walk_next(walk);
    }
    index->is_end = err == ERR_OK;
    return err;
}

static enum err read_index(const uint8_t *hash_key, struct kv_txn *txn, struct op *op)
{
    struct op_index *index = &op->index;
    assert(index->rows_max >= 1 && index->rows_max <= OP_RANGE_ITEMS_MAX);
    index->rows_count = 0;
    index->is_end = false;
    index->rows = arena_take_array(op->arena, index->rows_max, sizeof *index->rows);
    if (index->rows == NULL) return ERR_MEMORY;
    struct walk walk = {.prefix = span_of(index->bucket_id, KEYS_BUCKET_PREFIX_BYTES),
                        .interval = &index->interval,
                        .is_reverse = index->is_reverse};
    enum err err = kv_cursor_open(txn, KV_COUNTS, &walk.cursor);
    if (err != ERR_OK) return err;
    err = index_page(hash_key, &walk, op);
    kv_cursor_close(walk.cursor);
    return err;
}

/* --- documents ------------------------------------------------------------------------------------------ */

static enum err document_take(const uint8_t *hash_key, struct op *op, const struct kv_pair *pair)
{
    struct op_docs *docs = &op->docs;
    if ((docs->documents_count & (docs->documents_count - 1)) == 0) { /* full at each power of two */
        size_t held = docs->documents_count * sizeof *docs->documents;
        size_t wanted = held == 0 ? sizeof *docs->documents : held * 2;
        void *moved = arena_grow(op->arena, docs->documents, held, wanted);
        if (moved == NULL) return ERR_MEMORY;
        docs->documents = moved;
    }
    uint8_t *key = arena_copy(op->arena, pair->key.bytes, pair->key.length);
    uint8_t *row = arena_copy(op->arena, pair->value.bytes, pair->value.length);
    if (key == NULL || row == NULL) return ERR_MEMORY;
    struct op_document *document = &docs->documents[docs->documents_count];
    document->key = span_of(key, pair->key.length);
    enum err err = record_decode_document(hash_key, document->key, span_of(row, pair->value.length),
                                          &document->register_);
    if (err == ERR_OK) docs->documents_count++;
    return op_note(op, hash_key, KV_DOCS, document->key, err);
}

static enum err read_docs(const uint8_t *hash_key, struct kv_txn *txn, struct op *op)
{
    static const uint8_t lowest[1] = {0};
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    op->docs = (struct op_docs){0};
    enum err err = kv_cursor_open(txn, KV_DOCS, &cursor);
    if (err != ERR_OK) return err;
    err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(lowest, 1), &pair, &found);
    while (err == ERR_OK && found) {
        err = document_take(hash_key, op, &pair);
        if (err == ERR_OK) err = kv_cursor_step(cursor, KV_NEXT, (struct span){0}, &pair, &found);
    }
    kv_cursor_close(cursor);
    return err;
}

/* Every row that is corrupt was named: what was not named is a page above the rows of the op's table. */
static void note_page(struct op *op, enum kv_space space)
{
    if (op->err == ERR_CORRUPT && op->corrupt.table == NULL)
        op->corrupt = (struct op_corrupt){keys_table_name(space), true, 0};
}

void read_run(const uint8_t hash_key[HASH_KEY_BYTES], struct kv_txn *txn, struct op *op)
{
    op->corrupt = (struct op_corrupt){0};
    op->is_put_off = false;
    switch (op->kind) {
    case OP_READ:
        op->err = read_item(hash_key, txn, op);
        note_page(op, KV_ITEMS);
        break;
    case OP_RANGE:
        op->err = read_range(hash_key, txn, op);
        note_page(op, KV_ITEMS);
        break;
    case OP_INDEX:
        op->err = read_index(hash_key, txn, op);
        note_page(op, KV_COUNTS);
        break;
    case OP_DOCS:
        op->err = read_docs(hash_key, txn, op);
        note_page(op, KV_DOCS);
        break;
    case OP_CHECK: check_run(hash_key, txn, op); break;
    case OP_WRITE:
    case OP_DOCS_MERGE:
    case OP_BOOT:
    case OP_ADOPT:
    case OP_DOCS_WRITE: assert(false && "a writing op among the reads"); break;
    }
}
