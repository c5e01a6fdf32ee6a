/* Rows of documents, one by one, within the rules of the op. */
#include "node/store/documents.h"

#include "node/store/count.h"
#include "node/store/undo.h"

static enum err read_document(struct store *store, struct kv_txn *txn, const struct op_document *document,
                              struct span *row, struct crdt_lww *register_)
{
    enum err err = kv_get(txn, KV_DOCS, document->key, row);
    if (err != ERR_OK || row->bytes == NULL) return err;
    return record_decode_document(store->hash_key, document->key, *row, register_);
}

static enum err put_document(struct store *store, struct kv_txn *txn, const struct op_document *document)
{
    struct span row = record_encode_document(store->hash_key, document->key, &document->register_,
                                             &store->scratch);
    return row.bytes == NULL ? ERR_MEMORY : kv_put(txn, KV_DOCS, document->key, row);
}

/* --- how much there is -------------------------------------------------------------------------------------- */

static uint64_t bytes_of(struct span key, const struct crdt_lww *register_)
{
    return key.length + register_->payload_bytes;
}

/* `document` is there now, in the place of `before` (NULL: of nothing). */
static void add(struct store_documents *totals, const struct op_document *document, const struct crdt_lww *before)
{
    uint8_t first = document->key.bytes[0];
    if (first < 'A' || first > 'Z') return;
    struct store_letter *letter = &totals->letters[first - 'A'];
    letter->bytes += bytes_of(document->key, &document->register_);
    if (before == NULL) {
        letter->count++;
    } else {
        letter->bytes -= bytes_of(document->key, before);
    }
}

/* Once after the start; then each change is added. What is damaged counts nothing: whoever reads it says so. */
static enum err count_all(struct store *store, struct kv_txn *txn)
{
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    const uint8_t lowest = 0;
    store->documents = (struct store_documents){0};
    enum err err = kv_cursor_open(txn, KV_DOCS, &cursor);
    if (err != ERR_OK) return err;
    err = kv_cursor_step(cursor, KV_AT_OR_AFTER, span_of(&lowest, 1), &pair, &found);
    while (err == ERR_OK && found) {
        struct op_document document = {.key = pair.key};
        if (record_decode_document(store->hash_key, pair.key, pair.value, &document.register_) == ERR_OK)
            add(&store->documents, &document, NULL);
        err = kv_cursor_step(cursor, KV_NEXT, (struct span){0}, &pair, &found);
    }
    kv_cursor_close(cursor);
    if (err == ERR_CORRUPT) err = ERR_OK;
    store->documents.is_known = err == ERR_OK;
    return err;
}

/* --- rules -------------------------------------------------------------------------------------------------- */

const char *documents_refusal(const struct op_docs_rules *rules, const struct op_document *document,
                              uint64_t wall_us)
{
    const char *why = NULL;
    uint64_t time_us = document->register_.time_us;
    if (rules == NULL || !rules->check(document, &why)) return why;
    if (wall_us > rules->clock_max_us) return rules->clock_why;
    return time_us > wall_us && time_us - wall_us > rules->ahead_max_us ? rules->ahead_why : NULL;
}

/* What there is of some letters. */
static struct store_letter sum_of(const struct store_documents *totals, uint32_t letters)
{
    struct store_letter sum = {0};
    for (uint32_t i = 0; i < sizeof totals->letters / sizeof totals->letters[0]; i++) {
        if ((letters >> i & 1) == 0) continue;
        sum.count += totals->letters[i].count;
        sum.bytes += totals->letters[i].bytes;
    }
    return sum;
}

static uint32_t letter_of(const struct op_document *document)
{
    uint8_t first = document->key.bytes[0];
    return first >= 'A' && first <= 'Z' ? OP_DOCS_LETTER(first) : 0;
}

/* Would there be more than there may be? NULL: not. */
static const char *over_bound(const struct store_documents *totals, const struct op_docs_rules *rules,
                              const struct op_document *document, const struct crdt_lww *before, uint32_t percent)
{
    uint64_t bytes = bytes_of(document->key, &document->register_);
    uint64_t bytes_before = before == NULL ? 0 : bytes_of(document->key, before);
    for (uint32_t i = 0; i < rules->bounds_count; i++) {
        const struct op_docs_bound *bound = &rules->bounds[i];
        if ((bound->letters & letter_of(document)) == 0) continue;
        struct store_letter sum = sum_of(totals, bound->letters);
        bool is_one_more = before == NULL && sum.count >= (uint64_t)bound->count_max * percent / 100;
        bool is_over = sum.bytes - bytes_before + bytes > bound->bytes_max * percent / 100;
        if (is_one_more || (bytes > bytes_before && is_over)) return bound->why;
    }
    return NULL;
}

/* Is what the document stands on not there? */
static enum err lacks_ground(struct kv_txn *txn, const struct op_docs_rules *rules,
                             const struct op_document *document, bool *is_lacking)
{
    uint8_t key[KV_KEY_BYTES_MAX];
    struct span row = {0};
    size_t length = rules->stands_on == NULL ? 0 : rules->stands_on(document, key);
    enum err err = length == 0 ? ERR_OK : kv_get(txn, KV_DOCS, span_of(key, length), &row);
    *is_lacking = err == ERR_OK && length > 0 && row.bytes == NULL;
    return err;
}

/* May the document be in the place of `before` (NULL: of nothing)? ERR_REFUSED, and why in the op, if not. */
static enum err judge(const struct store *store, struct kv_txn *txn, struct op *op,
                      const struct op_document *document, const struct crdt_lww *before, uint64_t wall_us)
{
    const struct op_docs_rules *rules = op->docs.rules;
    bool is_full = false;
    bool is_lacking = false;
    const char *why = documents_refusal(rules, document, wall_us);
    if (rules == NULL) return ERR_OK;
    if (why == NULL) {
        uint32_t percent = op->kind == OP_DOCS_WRITE ? rules->own_percent : 100;
        enum err err = lacks_ground(txn, rules, document, &is_lacking);
        if (err != ERR_OK) return err;
        why = is_lacking ? rules->stands_why : over_bound(&store->documents, rules, document, before, percent);
        is_full = why != NULL && !is_lacking;
    }
    if (why == NULL) return ERR_OK;
    if (op->docs.why == NULL) {
        op->docs.why = why;
        op->docs.is_full = is_full;
    }
    return ERR_REFUSED;
}

/* --- changes ------------------------------------------------------------------------------------------------ */

static enum err put_judged(struct store *store, struct kv_txn *txn, struct op *op,
                           const struct op_document *document, const struct crdt_lww *before, uint64_t wall_us)
{
    enum err err = judge(store, txn, op, document, before, wall_us);
    if (err != ERR_OK) return err;
    add(&store->documents, document, before); /* before the put: `before` lies in the row that goes */
    return put_document(store, txn, document);
}

static enum err write_document(struct store *store, struct kv_txn *txn, struct op *op,
                               struct op_document *document, uint64_t wall_us, bool *is_kept)
{
    struct span row = {0};
    struct crdt_lww before = {0};
    *is_kept = false;
    enum err err = read_document(store, txn, document, &row, &before);
    if (err != ERR_OK) return err;
    document->register_.actor = store->actor.id;
    document->register_.time_us = crdt_lww_next_time(before.time_us, wall_us);
    return put_judged(store, txn, op, document, row.bytes == NULL ? NULL : &before, wall_us);
}

/* Does any partition key of the bucket hold something? */
static enum err bucket_is_empty(struct store *store, struct kv_txn *txn, struct op *op, bool *is_empty)
{
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    struct span prefix = span_of(op->docs.empty_bucket_id, KEYS_BUCKET_PREFIX_BYTES);
    *is_empty = true;
    enum err err = kv_cursor_open(txn, KV_COUNTS, &cursor);
    if (err != ERR_OK) return err;
    err = kv_cursor_step(cursor, KV_AT_OR_AFTER, prefix, &pair, &found);
    while (err == ERR_OK && found && span_has_prefix(pair.key, prefix) && *is_empty) {
        struct record_count count;
        err = op_note(op, store->hash_key, KV_COUNTS, pair.key,
                      record_decode_count(store->hash_key, pair.key, pair.value, &count));
        *is_empty = err == ERR_OK && !count_is_listed(&count);
        if (err == ERR_OK) err = kv_cursor_step(cursor, KV_NEXT, (struct span){0}, &pair, &found);
    }
    kv_cursor_close(cursor);
    return err;
}

/* Change one row, of a document that is given. `is_kept` out: what was there stays. */
typedef enum err change_document(struct store *store, struct kv_txn *txn, struct op *op,
                                 struct op_document *document, uint64_t wall_us, bool *is_kept);

/* An op of documents changes rows one by one, all or none; but those that a merge may not take are left out. */
static enum err change_all(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us,
                           change_document *change)
{
    struct op_docs *docs = &op->docs;
    const struct store_documents before = store->documents;
    uint32_t kept = 0;
    struct undo undo;
    undo_init(&undo, true);
    enum err err = store->documents.is_known ? ERR_OK : count_all(store, txn);
    for (uint32_t i = 0; i < docs->documents_count && err == ERR_OK; i++) {
        struct op_document *document = &docs->documents[i];
        struct span was = {0};
        bool is_kept = false;
        err = kv_get(txn, KV_DOCS, document->key, &was);
        if (err == ERR_OK) err = undo_note(&undo, KV_DOCS, document->key, was);
        if (err == ERR_OK) err = change(store, txn, op, document, wall_us, &is_kept);
        err = op_note(op, store->hash_key, KV_DOCS, document->key, err);
        bool is_left_out = err == ERR_REFUSED && op->kind == OP_DOCS_MERGE;
        if (is_left_out) docs->left_out_letters |= letter_of(document);
        if (is_left_out) docs->left_out_count++;
        if (err == ERR_OK && !is_kept) docs->documents[kept++] = *document;
        if (is_left_out) err = ERR_OK;
    }
    if (err == ERR_OK) docs->documents_count = kept;
    if (err != ERR_OK) store->documents = before;
    if (err != ERR_OK && err != ERR_FULL && err != ERR_IO) {
        enum err undone = undo_run(&undo, txn);
        if (undone != ERR_OK) err = undone;
    }
    undo_deinit(&undo);
    return err;
}

/* Nothing is said of the op yet; but an op that is run again, for another that did not fit, keeps the count of
 * what was left out, and is without it already. */
static void begin(struct store *store, struct op_docs *docs)
{
    arena_reset(&store->scratch);
    docs->is_refused = false;
    docs->is_full = false;
    if (docs->left_out_count == 0) docs->why = NULL;
    docs->changed_count = 0;
}

enum err documents_write(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    begin(store, &op->docs);
    bool is_allowed = true;
    enum err err = op->docs.empty_bucket_id == NULL ? ERR_OK : bucket_is_empty(store, txn, op, &is_allowed);
    op->docs.is_refused = !is_allowed;
    return err == ERR_OK && is_allowed ? change_all(store, txn, op, wall_us, write_document) : err;
}

/* What is there stays unless the given one wins. A row that has rotted counts for nothing: it is named, and what
 * another node has of the document heals it. How much there is must then be counted again: what the row was part
 * of may have been read before it rotted. */
static enum err merge_document(struct store *store, struct kv_txn *txn, struct op *op,
                               struct op_document *document, uint64_t wall_us, bool *is_kept)
{
    struct span row = {0};
    struct crdt_lww before = {0};
    enum err err = kv_get(txn, KV_DOCS, document->key, &row);
    if (err != ERR_OK) return err;
    bool is_there = row.bytes != NULL;
    if (is_there) err = record_decode_document(store->hash_key, document->key, row, &before);
    bool is_rotten = err == ERR_CORRUPT;
    if (err != ERR_OK && !is_rotten) return err;
    *is_kept = is_there && !is_rotten && crdt_lww_compare(&before, &document->register_) >= 0;
    if (*is_kept) return ERR_OK;
    if (is_rotten) (void)op_note(op, store->hash_key, KV_DOCS, document->key, err);
    err = put_judged(store, txn, op, document, is_there && !is_rotten ? &before : NULL, wall_us);
    if (err == ERR_OK) op->docs.changed_count++;
    if (err == ERR_OK && is_rotten) store->documents.is_known = false;
    return err;
}

enum err documents_merge(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    begin(store, &op->docs);
    return change_all(store, txn, op, wall_us, merge_document);
}
