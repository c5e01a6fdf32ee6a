/* Rows of documents, one by one. */
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

static enum err write_document(struct store *store, struct kv_txn *txn, struct op *op,
                               struct op_document *document, uint64_t wall_us)
{
    struct span row = {0};
    struct crdt_lww before = {0};
    (void)op;
    enum err err = read_document(store, txn, document, &row, &before);
    if (err != ERR_OK) return err;
    document->register_.actor = store->actor.id;
    document->register_.time_us = crdt_lww_next_time(before.time_us, wall_us);
    return put_document(store, txn, document);
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

/* Change one row, of a document that is given. */
typedef enum err change_document(struct store *store, struct kv_txn *txn, struct op *op,
                                 struct op_document *document, uint64_t wall_us);

/* An op of documents changes rows one by one, all or none. */
static enum err change_all(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us,
                           change_document *change)
{
    enum err err = ERR_OK;
    struct undo undo;
    undo_init(&undo, true);
    for (uint32_t i = 0; i < op->docs.documents_count && err == ERR_OK; i++) {
        struct op_document *document = &op->docs.documents[i];
        struct span was = {0};
        err = kv_get(txn, KV_DOCS, document->key, &was);
        if (err == ERR_OK) err = undo_note(&undo, KV_DOCS, document->key, was);
        if (err == ERR_OK) err = change(store, txn, op, document, wall_us);
        err = op_note(op, store->hash_key, KV_DOCS, document->key, err);
    }
    if (err != ERR_OK && err != ERR_FULL && err != ERR_IO) {
        enum err undone = undo_run(&undo, txn);
        if (undone != ERR_OK) err = undone;
    }
    undo_deinit(&undo);
    return err;
}

enum err documents_write(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    arena_reset(&store->scratch);
    bool is_allowed = true;
    enum err err = op->docs.empty_bucket_id == NULL ? ERR_OK : bucket_is_empty(store, txn, op, &is_allowed);
    op->docs.is_refused = !is_allowed;
    return err == ERR_OK && is_allowed ? change_all(store, txn, op, wall_us, write_document) : err;
}

/* What is there stays unless the given one wins. A winner that was there is copied for the asker. */
static enum err merge_document(struct store *store, struct kv_txn *txn, struct op *op,
                               struct op_document *document, uint64_t wall_us)
{
    struct span row = {0};
    struct crdt_lww before = {0};
    (void)wall_us;
    enum err err = read_document(store, txn, document, &row, &before);
    if (err != ERR_OK) return err;
    if (row.bytes != NULL && crdt_lww_compare(&before, &document->register_) >= 0) {
        before.payload = arena_copy(op->arena, before.payload, before.payload_bytes);
        document->register_ = before;
        return before.payload == NULL ? ERR_MEMORY : ERR_OK;
    }
    op->docs.changed_count++;
    return put_document(store, txn, document);
}

enum err documents_merge(struct store *store, struct kv_txn *txn, struct op *op)
{
    arena_reset(&store->scratch);
    op->docs.is_refused = false;
    op->docs.changed_count = 0;
    return change_all(store, txn, op, 0, merge_document);
}
