/* Read, discard what the context covers, add under a new dot, write record and counters: one item after another.
 */
#include "node/store/write.h"

#include "node/store/count.h"
#include "node/store/documents.h"
#include "node/store/identity.h"
#include "node/store/undo.h"

#include <assert.h>

/* --- one item ------------------------------------------------------------------------------------------- */

/* The partition that items of an op stand in, one behind the other: what is the same for all of them. */
struct partition {
    const struct op_key *key; /* of one of them; NULL before the first */
    uint8_t hash[RING_HASH_BYTES];
    struct count_row count; /* written with the last of them */
};

static bool partition_has(const struct partition *partition, const struct op_key *key)
{
    return partition->key != NULL && span_is_equal(partition->key->partition_key, key->partition_key) &&
           memcmp(partition->key->bucket_id, key->bucket_id, KEYS_BUCKET_ID_BYTES) == 0;
}

static void partition_enter(struct partition *partition, const struct store *store, const struct op_key *key)
{
    if (partition_has(partition, key)) return;
    partition->key = key;
    keys_hash(store->hash_key, key->bucket_id, key->partition_key, partition->hash);
    count_begin(&partition->count, key->bucket_id, key->partition_key);
}

/* One item under change. */
struct change {
    struct op_write_item *write;
    struct partition *partition;
    bool is_last; /* of those that stand in the partition one behind the other */
    struct keys_buffer key_buffer;
    struct span key;
    struct record_item item;
    bool is_new;
    struct crdt_tally before;
    struct crdt_dot dot;
};

/* Read the item, with room for one more write, the columns a context may add, and our own. */
static enum err change_read(struct store *store, struct kv_txn *txn, struct change *change, struct undo *undo)
{
    struct op_write_item *write = change->write;
    uint32_t spare_columns = write->context.count + 1;
    struct span row = {0};
    enum err err = kv_get(txn, KV_ITEMS, change->key, &row);
    if (err == ERR_OK) err = undo_note(undo, KV_ITEMS, change->key, row);
    if (err != ERR_OK) return err;
    change->is_new = row.bytes == NULL;
    if (!change->is_new) {
        return record_decode_item(store->hash_key, change->key, row, spare_columns, &store->scratch,
                                  &change->item);
    }
    struct crdt_column *columns = arena_take_array(&store->scratch, spare_columns, sizeof *columns);
    struct crdt_write *writes = arena_take_array(&store->scratch, 1, sizeof *writes);
    if (columns == NULL || writes == NULL) return ERR_MEMORY;
    change->item.state = crdt_dvvs_over(columns, spare_columns, writes, 1);
    return ERR_OK;
}

static uint64_t siblings_bytes(const struct crdt_dvvs *state)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < state->writes_count; i++)
        bytes += state->writes[i].value_bytes;
    return bytes;
}

/* May this client's write be added to what its context leaves? */
static enum op_outcome bounds_outcome(const struct crdt_dvvs *state, uint64_t actor, struct span value,
                                      uint64_t item_bytes_max)
{
    if (state->writes_count >= OP_SIBLINGS_MAX) return OP_TOO_MANY_SIBLINGS;
    bool has_column = crdt_dvvs_top(state, actor) > 0;
    if (state->columns_count + (has_column ? 0u : 1u) > CRDT_VCLOCK_MAX) return OP_TOO_MANY_ACTORS;
    if (state->writes_count > 0 && siblings_bytes(state) + value.length > item_bytes_max) return OP_TOO_MANY_BYTES;
    return OP_DONE;
}

/* Give the write its dot and add it. */
static void change_apply(struct store *store, struct change *change, uint64_t wall_us)
{
    struct op_write_item *write = change->write;
    struct crdt_dvvs *state = &change->item.state;
    uint64_t top = crdt_dvvs_top(state, store->actor.id);
    change->dot = (struct crdt_dot){store->actor.id, actor_next(&store->actor, top, wall_us)};
    bool has_room = crdt_dvvs_add(state, change->dot.actor,
                                  (struct crdt_write){.counter = change->dot.counter,
                                                      .value = write->value.bytes,
                                                      .value_bytes = (uint32_t)write->value.length,
                                                      .kind = write->kind});
    assert(has_room); /* change_read() made it */
}

static enum err tally(struct store *store, const struct crdt_dvvs *state, struct crdt_tally *out)
{
    uint32_t *scratch = arena_take_array(&store->scratch, state->writes_count + 1, sizeof *scratch);
    if (scratch == NULL) return ERR_MEMORY;
    *out = crdt_dvvs_tally(state, scratch);
    return ERR_OK;
}

/* The counters of the partition, with what this item adds to them now; in the database with the last item. */
static enum err change_count(struct store *store, struct kv_txn *txn, struct change *change, struct undo *undo)
{
    struct count_row *count = &change->partition->count;
    struct crdt_tally after;
    enum err err = tally(store, &change->item.state, &after);
    if (err == ERR_OK && count_is_changed(change->before, after, change->is_new)) {
        struct span was = {0};
        if (!count->is_loaded) {
            err = count_load(count, txn, store->hash_key, &was);
            if (err == ERR_OK) err = undo_note(undo, KV_COUNTS, count->key, was);
        }
        if (err == ERR_OK) err = count_change(count, change->before, after, change->is_new);
    }
    if (err != ERR_OK || !change->is_last || !count->is_loaded) return err;
    return count_store(count, txn, store->hash_key, &store->scratch);
}

/* Counters first: they can still fail without a trace; after them only the disk can. */
static enum err change_store(struct store *store, struct kv_txn *txn, struct op *op, struct change *change,
                             struct undo *undo)
{
    struct op_write_item *write = change->write;
    change->item.bucket_id = span_of(write->key.bucket_id, KEYS_BUCKET_ID_BYTES);
    change->item.partition_key = write->key.partition_key;
    struct span row = record_encode_item(store->hash_key, change->key, &change->item, &store->scratch);
    if (row.bytes == NULL) return ERR_MEMORY;
    enum err err = change_count(store, txn, change, undo);
    if (err != ERR_OK) return op_note(op, store->hash_key, KV_COUNTS, change->partition->count.key, err);
    return kv_put(txn, KV_ITEMS, change->key, row);
}

/* What the writer now knows, into the op. */
static enum err writer_context(struct op *op, const struct change *change)
{
    struct op_write *write = &op->write;
    uint32_t capacity = change->write->context.count + 1;
    struct crdt_dot *entries = arena_take_array(op->arena, capacity, sizeof *entries);
    if (entries == NULL) return ERR_MEMORY;
    write->writer_context = crdt_vclock_over(entries, capacity);
    write->has_writer_context = crdt_dvvs_writer_context(
        &change->item.state, change->dot, change->write->has_context ? &change->write->context : NULL,
        &write->writer_context);
    return ERR_OK;
}

static enum err write_item(struct store *store, struct kv_txn *txn, struct op *op, uint32_t index,
                           uint64_t wall_us, struct partition *partition, struct undo *undo)
{
    struct op_write_item *write = &op->write.items[index];
    struct change change = {.write = write, .partition = partition};
    partition_enter(partition, store, &write->key);
    change.is_last = index + 1 == op->write.items_count || !partition_has(partition, &write[1].key);
    memcpy(write->hash, partition->hash, RING_HASH_BYTES);
    change.key = keys_item(&change.key_buffer, write->hash, write->key.sort_key);
    enum err err = op_note(op, store->hash_key, KV_ITEMS, change.key, change_read(store, txn, &change, undo));
    if (err == ERR_OK) err = tally(store, &change.item.state, &change.before);
    if (err != ERR_OK) return err;
    if (write->has_context && !crdt_dvvs_discard(&change.item.state, &write->context)) return ERR_MEMORY;
    op->write.outcome = bounds_outcome(&change.item.state, store->actor.id, write->value,
                                       op->write.item_bytes_max);
    op->write.refused_index = index;
    if (op->write.outcome != OP_DONE) return ERR_OK;
    change_apply(store, &change, wall_us);
    if (op->write.wants_context) err = writer_context(op, &change);
    return err == ERR_OK ? change_store(store, txn, op, &change, undo) : err;
}

/* A token of ours that names a counter we never gave: the database went back in time (H1). */
static bool shows_rollback(const struct store *store, const struct op_write *write)
{
    for (uint32_t i = 0; i < write->items_count; i++) {
        if (crdt_vclock_get(&write->items[i].context, store->actor.id) > store->actor.last_counter) return true;
    }
    return false;
}

static void replace_actor(struct store *store)
{
    actor_replace(&store->actor, &store->prng);
    store->former_actors_taken++;
}

/* Is the op's guard as it was when the request was let in? A bucket deleted in between takes no more items. */
static enum err check_guard(struct store *store, struct kv_txn *txn, struct op *op, bool *holds)
{
    const struct op_guard *guard = op->write.guard;
    struct span row = {0};
    struct crdt_lww document = {0};
    *holds = true;
    if (guard == NULL) return ERR_OK;
    enum err err = kv_get(txn, KV_DOCS, guard->key, &row);
    if (err == ERR_OK && row.bytes != NULL)
        err = record_decode_document(store->hash_key, guard->key, row, &document);
    if (err != ERR_OK) return op_note(op, store->hash_key, KV_DOCS, guard->key, err);
    *holds = row.bytes != NULL && span_is_equal(span_of(document.payload, document.payload_bytes), guard->payload);
    return ERR_OK;
}

static enum err write_items(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    struct op_write *write = &op->write;
    struct undo undo;
    undo_init(&undo, write->items_count > 1);
    write->outcome = OP_DONE;
    if (shows_rollback(store, write)) replace_actor(store);
    bool holds = true;
    struct partition partition = {0};
    enum err err = check_guard(store, txn, op, &holds);
    if (!holds) write->outcome = OP_STALE;
    for (uint32_t i = 0; i < write->items_count && err == ERR_OK && write->outcome == OP_DONE; i++) {
        arena_reset(&store->scratch);
        err = write_item(store, txn, op, i, wall_us, &partition, &undo);
    }
    bool is_spoiled = err == ERR_FULL || err == ERR_IO;
    if ((err != ERR_OK || write->outcome != OP_DONE) && !is_spoiled) {
        enum err undone = undo_run(&undo, txn);
        if (undone != ERR_OK) err = undone;
    }
    if (err == ERR_CORRUPT && !store->has_met_corruption) {
        store->has_met_corruption =
            true; /* once a start: a client must not burn ids by writing to one bad record */
        replace_actor(store);
    }
    undo_deinit(&undo);
    write->actor_id = store->actor.id;
    write->last_counter = store->actor.last_counter;
    return err;
}

void write_run(struct store *store, struct kv_txn *txn, struct op *op, uint64_t wall_us)
{
    assert(op_is_write(op));
    op->corrupt = (struct op_corrupt){0};
    switch (op->kind) {
    case OP_WRITE: op->err = write_items(store, txn, op, wall_us); break;
    case OP_DOCS_WRITE: op->err = documents_write(store, txn, op, wall_us); break;
    case OP_DOCS_MERGE: op->err = documents_merge(store, txn, op, wall_us); break;
    case OP_BOOT: op->err = identity_boot(store, txn, op, wall_us); break;
    case OP_ADOPT: op->err = identity_adopt(store, txn, op, wall_us); break;
    case OP_READ:
    case OP_RANGE:
    case OP_INDEX:
    case OP_DOCS:
    case OP_CHECK: break; /* not here, as asserted above */
    }
}
