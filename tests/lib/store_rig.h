/* A store on a memory disk, spoken to in C strings: what tests of the store share. */
#ifndef TESTS_LIB_STORE_RIG_H
#define TESTS_LIB_STORE_RIG_H

#include "node/store/store.h"
#include "sim/disk.h"
#include "tests/lib/check.h"

enum { RIG_ARENA_BYTES = 512 << 20, RIG_ITEM_BYTES_MAX = 16 << 20, RIG_TEXT_BYTES = 4096 };

static const uint8_t RIG_BUCKET[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";
static const uint8_t RIG_SEAL_KEY[SEAL_KEY_BYTES] = "the seal key of the test's node";
static const uint8_t RIG_PLACE[ACTOR_PLACE_BYTES] = "where it lies..";

struct rig {
    struct disk disk;
    struct store store;
    struct arena arena; /* of the ops; emptied by rig_forget() */
    uint64_t wall_us;
    uint8_t seed; /* of the next opening */
};

/* --- life ----------------------------------------------------------------------------------------------- */

static inline enum err rig_try_open(struct rig *rig, const uint8_t *seal_key, const uint8_t *place, char *message)
{
    uint8_t seed[PRNG_SEED_BYTES] = {++rig->seed};
    return store_open(&rig->store, &rig->disk.kv, seal_key, seed, place, message);
}

static inline void rig_open(struct rig *rig)
{
    char message[200] = "";
    assert_ok(rig_try_open(rig, RIG_SEAL_KEY, RIG_PLACE, message));
    assert_string_equal(message, "");
}

static inline void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    disk_init(&rig->disk);
    arena_init(&rig->arena, RIG_ARENA_BYTES);
    rig->wall_us = 1000;
    rig_open(rig);
}

static inline void rig_deinit(struct rig *rig)
{
    store_close(&rig->store);
    arena_deinit(&rig->arena);
    disk_deinit(&rig->disk);
}

/* The program ends, by kill -9, and starts again. */
static inline void rig_restart(struct rig *rig)
{
    disk_crash(&rig->disk);
    store_close(&rig->store);
    rig_open(rig);
}

static inline int rig_set_up(void **state)
{
    static struct rig rig;
    rig_init(&rig);
    *state = &rig;
    return 0;
}

static inline int rig_tear_down(void **state)
{
    rig_deinit(*state);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, rig_set_up, rig_tear_down)

/* --- ops ------------------------------------------------------------------------------------------------ */

static inline struct op_key rig_key(const char *partition_key, const char *sort_key)
{
    return (struct op_key){RIG_BUCKET, span_text(partition_key), span_text(sort_key)};
}

/* A value, or a deletion for NULL. `context` NULL: none. */
static inline struct op_write_item rig_item(struct op_key key, const struct crdt_vclock *context,
                                            const char *value)
{
    struct op_write_item item = {.key = key, .kind = value == NULL ? CRDT_TOMBSTONE : CRDT_VALUE};
    if (value != NULL) item.value = span_text(value);
    if (context != NULL) {
        item.context = *context;
        item.has_context = true;
    }
    return item;
}

static inline struct op rig_write_op(struct rig *rig, struct op_write_item *items, uint32_t count)
{
    return (struct op){
        .kind = OP_WRITE,
        .arena = &rig->arena,
        .write = {.items = items, .items_count = count, .item_bytes_max = RIG_ITEM_BYTES_MAX},
    };
}

/* Run the ops as one batch, in order; whether they read or write says the first. */
static inline void rig_run(struct rig *rig, struct op *ops, size_t count)
{
    struct list list;
    list_init(&list);
    for (size_t i = 0; i < count; i++) {
        ops[i].err = (enum err) - 1; /* must be set */
        list_init(&ops[i].link);
        list_append(&list, &ops[i].link);
    }
    if (op_is_write(&ops[0])) {
        store_run_writes(&rig->store, &list, rig->wall_us);
    } else {
        store_run_reads(&rig->store, &list);
    }
    for (size_t i = 0; i < count; i++)
        assert_in_range(ops[i].err, ERR_OK, ERR_REFUSED);
}

static inline enum err rig_try_put(struct rig *rig, const char *partition_key, const char *sort_key,
                                   const struct crdt_vclock *context, const char *value, enum op_outcome *outcome)
{
    struct op_write_item item = rig_item(rig_key(partition_key, sort_key), context, value);
    struct op op = rig_write_op(rig, &item, 1);
    rig_run(rig, &op, 1);
    *outcome = op.write.outcome;
    return op.err;
}

static inline void rig_put(struct rig *rig, const char *partition_key, const char *sort_key,
                           const struct crdt_vclock *context, const char *value)
{
    enum op_outcome outcome = OP_DONE;
    assert_ok(rig_try_put(rig, partition_key, sort_key, context, value, &outcome));
    assert_int_equal(outcome, OP_DONE);
}

static inline struct op rig_read(struct rig *rig, const char *partition_key, const char *sort_key)
{
    struct op op = {.kind = OP_READ, .arena = &rig->arena, .read = {.key = rig_key(partition_key, sort_key)}};
    rig_run(rig, &op, 1);
    return op;
}

/* What a reader of the item would bring back; lies in the rig's arena. */
static inline struct crdt_vclock rig_context(struct rig *rig, const char *partition_key, const char *sort_key)
{
    struct op op = rig_read(rig, partition_key, sort_key);
    assert_ok(op.err);
    struct crdt_dot *entries = arena_array(&rig->arena, CRDT_VCLOCK_MAX, sizeof *entries);
    struct crdt_vclock context = crdt_vclock_over(entries, CRDT_VCLOCK_MAX);
    if (op.read.has_item) assert_true(crdt_dvvs_context(&op.read.state, &context));
    return context;
}

/* --- what a client would see ---------------------------------------------------------------------------- */

/* "v2, v3, null"; "" for a state without writes. */
static inline const char *rig_state_text(const struct crdt_dvvs *state, char text[RIG_TEXT_BYTES])
{
    uint32_t indexes[OP_SIBLINGS_MAX + 1];
    assert_true(state->writes_count <= OP_SIBLINGS_MAX + 1);
    uint32_t count = crdt_dvvs_values(state, indexes);
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        const struct crdt_write *write = &state->writes[indexes[i]];
        if (i > 0) at += (size_t)snprintf(text + at, RIG_TEXT_BYTES - at, ", ");
        if (write->kind == CRDT_TOMBSTONE) {
            at += (size_t)snprintf(text + at, RIG_TEXT_BYTES - at, "null");
        } else {
            assert_true(at + write->value_bytes < RIG_TEXT_BYTES);
            memcpy(text + at, write->value, write->value_bytes); /* a sanitizer looks here */
            at += write->value_bytes;
            text[at] = '\0';
        }
        assert_true(at < RIG_TEXT_BYTES);
    }
    return text;
}

static inline void rig_expect(struct rig *rig, const char *partition_key, const char *sort_key,
                              const char *expected)
{
    char text[RIG_TEXT_BYTES];
    struct op op = rig_read(rig, partition_key, sort_key);
    assert_ok(op.err);
    assert_string_equal(op.read.has_item ? rig_state_text(&op.read.state, text) : "absent", expected);
}

/* The partition's row of the index as "entries/conflicts/values/bytes"; "unlisted" when it is not there. */
static inline void rig_expect_index(struct rig *rig, const char *partition_key, const char *expected)
{
    char text[100] = "unlisted";
    struct op op = {.kind = OP_INDEX,
                    .arena = &rig->arena,
                    .index = {.bucket_id = RIG_BUCKET,
                              .interval = {.low = span_text(partition_key),
                                           .high = span_text(partition_key),
                                           .has_high = true,
                                           .high_is_in = true},
                              .rows_max = 10}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    if (op.index.rows_count > 0) {
        const struct crdt_tally *tally = &op.index.rows[0].tally;
        snprintf(text, sizeof text, "%llu/%llu/%llu/%llu", (unsigned long long)tally->entries,
                 (unsigned long long)tally->conflicts, (unsigned long long)tally->values,
                 (unsigned long long)tally->bytes);
    }
    assert_string_equal(text, expected);
}

/* Give back the memory of all ops so far. */
static inline void rig_forget(struct rig *rig)
{
    arena_reset(&rig->arena);
}

/* --- what is on the disk -------------------------------------------------------------------------------- */

static inline struct kv_txn *rig_look(struct disk *disk)
{
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&disk->kv, false, &txn));
    return txn;
}

/* The first row (pair->key empty before), or the one behind pair->key. */
static inline bool rig_next_row(struct kv_txn *txn, enum kv_space space, struct kv_pair *pair)
{
    static const uint8_t lowest[1] = {0};
    struct kv_cursor *cursor = NULL;
    bool found = false;
    assert_ok(kv_cursor_open(txn, space, &cursor));
    enum kv_step step = pair->key.bytes == NULL ? KV_AT_OR_AFTER : KV_AFTER;
    assert_ok(
        kv_cursor_step(cursor, step, pair->key.bytes == NULL ? span_of(lowest, 1) : pair->key, pair, &found));
    kv_cursor_close(cursor);
    return found;
}

/* Are both disks equal, but for the actor's row? A failed batch may have used up counters. */
static inline void rig_expect_same_rows(struct disk *a, struct disk *b)
{
    struct kv_txn *txn_a = rig_look(a);
    struct kv_txn *txn_b = rig_look(b);
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        struct kv_pair row_a = {0};
        struct kv_pair row_b = {0};
        while (rig_next_row(txn_a, (enum kv_space)space, &row_a)) {
            assert_true(rig_next_row(txn_b, (enum kv_space)space, &row_b));
            assert_span(row_a.key, row_b.key);
            if (!span_is_equal(row_a.key, span_text("actor"))) assert_span(row_a.value, row_b.value);
        }
        assert_false(rig_next_row(txn_b, (enum kv_space)space, &row_b));
    }
    kv_abort(txn_a);
    kv_abort(txn_b);
}

/* The counters of one partition key, counted from its items. */
static inline struct record_count rig_recount(struct rig *rig, struct kv_txn *txn, struct span count_key)
{
    struct record_count sum = {0};
    struct kv_pair row = {0};
    while (rig_next_row(txn, KV_ITEMS, &row)) {
        struct record_item item;
        uint32_t scratch[OP_SIBLINGS_MAX + 1];
        struct keys_buffer buffer;
        assert_ok(record_decode_item(rig->store.hash_key, row.key, row.value, 0, &rig->arena, &item));
        struct span its_key = keys_count(&buffer, item.bucket_id.bytes, item.partition_key);
        if (!span_is_equal(its_key, count_key)) continue;
        struct crdt_tally tally = crdt_dvvs_tally(&item.state, scratch);
        sum.tally.entries += tally.entries;
        sum.tally.conflicts += tally.conflicts;
        sum.tally.values += tally.values;
        sum.tally.bytes += tally.bytes;
        sum.items++;
    }
    return sum;
}

/* I15: every row of the index equals a recount, and every item has its row. */
static inline void rig_expect_exact_index(struct rig *rig)
{
    struct kv_txn *txn = rig_look(&rig->disk);
    struct kv_pair row = {0};
    uint64_t items = 0;
    while (rig_next_row(txn, KV_COUNTS, &row)) {
        struct record_count count;
        assert_ok(record_decode_count(rig->store.hash_key, row.key, row.value, &count));
        struct record_count recount = rig_recount(rig, txn, row.key);
        assert_memory_equal(&count, &recount, sizeof count);
        items += count.items;
    }
    assert_int_equal(items, disk_rows_count(&rig->disk, KV_ITEMS));
    kv_abort(txn);
}

#endif
