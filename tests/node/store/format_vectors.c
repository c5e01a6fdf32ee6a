/* The disk format, held to the bytes that docs/disk-format.md shows (tests/vectors/disk-format.txt): a database
 * put together from them is read as the page says, and what the page says is written as these bytes. */
#include "crdt/token.h"
#include "node/store/store.h"
#include "sim/disk.h"
#include "tests/lib/check.h"
#include "tests/vectors/vectors.h"

#define ACTOR  UINT64_C(0x1111111111111111)
#define FORMER UINT64_C(0x0505050505050505)

static const uint64_t TIME_US = 1767323045678000; /* 2026-01-02T03:04:05.678Z */

/* A store over a disk with the rows of the vectors and no others. */
struct made {
    struct vectors vectors;
    struct disk disk;
    struct store store;
    struct arena arena;
};

static struct span get(const struct made *made, const char *name)
{
    return vectors_get(&made->vectors, name);
}

static void put_row(struct made *made, struct kv_txn *txn, enum kv_space space, const char *name)
{
    char key[VECTORS_NAME_CHARS + 4];
    char row[VECTORS_NAME_CHARS + 4];
    snprintf(key, sizeof key, "%s_key", name);
    snprintf(row, sizeof row, "%s_row", name);
    assert_ok(kv_put(txn, space, get(made, key), get(made, row)));
}

static void put_rows(struct made *made)
{
    static const char *const documents[] = {
        "bucket", "alias",      "alias_removed", "cors", "key",          "local_alias", "permission", "address",
        "number", "number_not", "member",        "role", "role_removal", "role_not",    "layout",     "dismissed"};
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(&made->disk.kv, true, &txn));
    put_row(made, txn, KV_META, "format");
    put_row(made, txn, KV_META, "secrets");
    put_row(made, txn, KV_META, "actor");
    put_row(made, txn, KV_META, "incarnation");
    put_row(made, txn, KV_ITEMS, "inbox");
    put_row(made, txn, KV_ITEMS, "drafts");
    put_row(made, txn, KV_COUNTS, "count");
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        put_row(made, txn, KV_DOCS, documents[i]);
    assert_ok(kv_commit(txn));
}

static int set_up(void **state)
{
    static struct made made;
    const uint8_t seed[PRNG_SEED_BYTES] = {1};
    char message[200] = "";
    memset(&made, 0, sizeof made);
    vectors_read(&made.vectors, "disk-format.txt");
    disk_init(&made.disk);
    arena_init(&made.arena, 1 << 20);
    put_rows(&made);
    assert_ok(store_open(&made.store, &made.disk.kv, get(&made, "seal_key").bytes, seed, get(&made, "place").bytes,
                         message));
    *state = &made;
    return 0;
}

static int tear_down(void **state)
{
    struct made *made = *state;
    store_close(&made->store);
    arena_deinit(&made->arena);
    disk_deinit(&made->disk);
    return 0;
}

static void run(struct made *made, struct op *op)
{
    struct list list;
    list_init(&list);
    list_init(&op->link);
    op->arena = &made->arena;
    list_append(&list, &op->link);
    store_run_reads(&made->store, &list);
    assert_ok(op->err);
}

static struct op_key key_of(const struct made *made, const char *sort_key)
{
    return (struct op_key){get(made, "bucket_id").bytes, get(made, "partition_key"), span_text(sort_key)};
}

static struct crdt_dvvs read_item(struct made *made, const char *sort_key)
{
    struct op op = {.kind = OP_READ, .read = {.key = key_of(made, sort_key)}};
    run(made, &op);
    assert_true(op.read.has_item);
    return op.read.state;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static void a_database_of_these_bytes_opens(void **state)
{
    struct made *made = *state;
    assert_span(span_of(made->store.hash_key, HASH_KEY_BYTES), get(made, "hash_key"));
    assert_span(span_of(made->store.token_key, HASH_KEY_BYTES), get(made, "token_key"));
    assert_span(span_of(made->store.documents_key, SEAL_KEY_BYTES), get(made, "documents_key"));
    assert_span(span_of(made->store.node_seed, STORE_NODE_SEED_BYTES), get(made, "node_seed"));
    assert_span(span_of(made->store.cluster_id, STORE_CLUSTER_ID_BYTES), get(made, "cluster_id"));
    assert_true(made->store.is_member);
    assert_true(made->store.actor.id == ACTOR); /* the place is the one recorded */
    assert_true(made->store.actor.last_counter == TIME_US + 9);
    assert_int_equal(made->store.actor.former_count, 1);
    assert_true(made->store.actor.former[0] == FORMER);
}

static void items_of_these_bytes_are_read(void **state)
{
    struct made *made = *state;
    struct crdt_dvvs inbox = read_item(made, "INBOX");
    assert_int_equal(inbox.columns_count, 1);
    assert_int_equal(inbox.writes_count, 1);
    assert_true(inbox.columns[0].actor == ACTOR && inbox.columns[0].discard == 0);
    assert_true(inbox.writes[0].counter == TIME_US && inbox.writes[0].kind == CRDT_VALUE);
    assert_span_text(span_of(inbox.writes[0].value, inbox.writes[0].value_bytes), "hello");

    struct crdt_dvvs drafts = read_item(made, "Drafts");
    assert_int_equal(drafts.columns_count, 2);
    assert_int_equal(drafts.writes_count, 2);
    assert_true(drafts.columns[0].actor == FORMER && drafts.columns[0].discard == 7);
    assert_int_equal(drafts.columns[0].writes_count, 0);
    assert_true(drafts.columns[1].actor == ACTOR && drafts.columns[1].discard == TIME_US + 2);
    assert_span_text(span_of(drafts.writes[0].value, drafts.writes[0].value_bytes), "a value");
    assert_true(drafts.writes[1].counter == TIME_US + 9 && drafts.writes[1].kind == CRDT_TOMBSTONE);
}

static void the_index_of_these_bytes_is_what_a_recount_gives(void **state)
{
    struct made *made = *state;
    struct op op = {.kind = OP_INDEX, .index = {.bucket_id = get(made, "bucket_id").bytes, .rows_max = 10}};
    uint32_t scratch[4];
    op.index.interval.low = span_text("");
    run(made, &op);
    assert_int_equal(op.index.rows_count, 1);
    const struct crdt_tally *tally = &op.index.rows[0].tally;
    struct crdt_dvvs inbox = read_item(made, "INBOX");
    struct crdt_dvvs drafts = read_item(made, "Drafts");
    struct crdt_tally a = crdt_dvvs_tally(&inbox, scratch);
    struct crdt_tally b = crdt_dvvs_tally(&drafts, scratch);
    assert_span(op.index.rows[0].partition_key, get(made, "partition_key"));
    assert_int_equal(tally->entries, a.entries + b.entries);
    assert_int_equal(tally->conflicts, a.conflicts + b.conflicts);
    assert_int_equal(tally->values, a.values + b.values);
    assert_int_equal(tally->bytes, a.bytes + b.bytes);
}

static void documents_of_these_bytes_are_read(void **state)
{
    struct made *made = *state;
    struct op op = {.kind = OP_DOCS};
    run(made, &op);
    assert_int_equal(op.docs.documents_count, 16);
    for (uint32_t i = 0; i < op.docs.documents_count; i++) {
        assert_true(op.docs.documents[i].register_.time_us == TIME_US);
        assert_true(op.docs.documents[i].register_.actor == ACTOR);
    }
}

static void boot(struct made *made, struct op *op)
{
    struct list list;
    list_init(&list);
    list_init(&op->link);
    op->arena = &made->arena;
    list_append(&list, &op->link);
    store_run_writes(&made->store, &list, TIME_US);
    assert_ok(op->err);
}

static void an_incarnation_of_these_bytes_is_read_and_written(void **state)
{
    struct made *made = *state;
    struct op op = {.kind = OP_BOOT};
    struct kv_txn *txn = NULL;
    struct span row = {0};
    boot(made, &op);
    assert_true(op.boot.incarnation == TIME_US + 21); /* above the one in the row, whatever the clock says */
    assert_ok(kv_begin(&made->disk.kv, true, &txn));
    assert_ok(kv_delete(txn, KV_META, get(made, "incarnation_key")));
    assert_ok(kv_commit(txn));
    op.boot.above = TIME_US + 19;
    boot(made, &op);
    assert_ok(kv_begin(&made->disk.kv, false, &txn));
    assert_ok(kv_get(txn, KV_META, get(made, "incarnation_key"), &row));
    assert_span(row, get(made, "incarnation_row"));
    kv_abort(txn);
}

/* The same rows as a program before clusters left them: with two keys only. */
static void a_database_of_the_former_format_is_opened_and_written_anew(void **state)
{
    struct made *made = *state;
    const uint8_t seed[PRNG_SEED_BYTES] = {3};
    char message[200] = "";
    struct kv_txn *txn = NULL;
    struct span row = {0};
    store_close(&made->store);
    assert_ok(kv_begin(&made->disk.kv, true, &txn));
    assert_ok(kv_put(txn, KV_META, get(made, "format_key"), get(made, "former_format_row")));
    assert_ok(kv_put(txn, KV_META, get(made, "secrets_key"), get(made, "former_secrets_row")));
    assert_ok(kv_commit(txn));
    assert_ok(store_open(&made->store, &made->disk.kv, get(made, "seal_key").bytes, seed, get(made, "place").bytes,
                         message));
    assert_span(span_of(made->store.hash_key, HASH_KEY_BYTES), get(made, "hash_key"));
    assert_span(span_of(made->store.token_key, HASH_KEY_BYTES), get(made, "token_key"));
    assert_span(span_of(made->store.documents_key, SEAL_KEY_BYTES), get(made, "seal_key"));
    assert_false(made->store.is_member);
    assert_ok(kv_begin(&made->disk.kv, false, &txn));
    assert_ok(kv_get(txn, KV_META, get(made, "format_key"), &row));
    assert_span(row, get(made, "format_row"));
    assert_ok(kv_get(txn, KV_META, get(made, "secrets_key"), &row));
    assert_int_equal(row.length, get(made, "secrets_row").length);
    kv_abort(txn);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void keys_are_written_as_these_bytes(void **state)
{
    struct made *made = *state;
    struct keys_buffer buffer;
    uint8_t hash[RING_HASH_BYTES];
    keys_hash(made->store.hash_key, get(made, "bucket_id").bytes, get(made, "partition_key"), hash);
    assert_span(span_of(hash, sizeof hash), get(made, "partition_hash"));
    assert_span(keys_item(&buffer, hash, span_text("INBOX")), get(made, "inbox_key"));
    assert_span(keys_item(&buffer, hash, span_text("Drafts")), get(made, "drafts_key"));
    assert_span(keys_count(&buffer, get(made, "bucket_id").bytes, get(made, "partition_key")),
                get(made, "count_key"));
}

static void check_item_row(struct made *made, const char *sort_key, const char *key, const char *row)
{
    struct record_item item = {.bucket_id = get(made, "bucket_id"),
                               .partition_key = get(made, "partition_key"),
                               .state = read_item(made, sort_key)};
    assert_span(record_encode_item(made->store.hash_key, get(made, key), &item, &made->arena), get(made, row));
}

static void rows_are_written_as_these_bytes(void **state)
{
    struct made *made = *state;
    struct record_count count = {.tally = {.entries = 2, .conflicts = 1, .values = 2, .bytes = 12}, .items = 2};
    check_item_row(made, "INBOX", "inbox_key", "inbox_row");
    check_item_row(made, "Drafts", "drafts_key", "drafts_row");
    assert_span(record_encode_count(made->store.hash_key, get(made, "count_key"), &count, &made->arena),
                get(made, "count_row"));
}

static void the_actors_row_is_written_as_these_bytes(void **state)
{
    struct made *made = *state;
    struct kv_txn *txn = NULL;
    struct span row = {0};
    assert_ok(kv_begin(&made->disk.kv, true, &txn));
    assert_ok(actor_store(&made->store.actor, txn, made->store.hash_key, &made->arena));
    assert_ok(kv_get(txn, KV_META, get(made, "actor_key"), &row));
    assert_span(row, get(made, "actor_row"));
    kv_abort(txn);
}

static void a_new_database_begins_with_the_format_row(void **state)
{
    struct made *made = *state;
    struct disk disk;
    struct store store;
    const uint8_t seed[PRNG_SEED_BYTES] = {2};
    char message[200] = "";
    struct kv_txn *txn = NULL;
    struct span row = {0};
    disk_init(&disk);
    assert_ok(store_open(&store, &disk.kv, get(made, "seal_key").bytes, seed, get(made, "place").bytes, message));
    assert_ok(kv_begin(&disk.kv, false, &txn));
    assert_ok(kv_get(txn, KV_META, get(made, "format_key"), &row));
    assert_span(row, get(made, "format_row"));
    kv_abort(txn);
    store_close(&store);
    disk_deinit(&disk);
}

static void a_token_is_sealed_as_these_bytes(void **state)
{
    struct made *made = *state;
    struct crdt_dot dots[2] = {{FORMER, 7}, {ACTOR, TIME_US + 9}};
    struct crdt_vclock clock = {dots, 2, 2};
    struct op_key key = key_of(made, "Drafts");
    uint8_t token[8 + 2 * 16];
    wire_store_u64(token, store_token_seal(made->store.token_key, &key, &clock));
    assert_int_equal(crdt_token_clock_bytes(&clock, token + 8), sizeof token - 8);
    assert_span(span_of(token, sizeof token), get(made, "drafts_token"));
}

#define on_made(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_made(a_database_of_these_bytes_opens),
        on_made(items_of_these_bytes_are_read),
        on_made(the_index_of_these_bytes_is_what_a_recount_gives),
        on_made(documents_of_these_bytes_are_read),
        on_made(an_incarnation_of_these_bytes_is_read_and_written),
        on_made(a_database_of_the_former_format_is_opened_and_written_anew),
        on_made(keys_are_written_as_these_bytes),
        on_made(rows_are_written_as_these_bytes),
        on_made(the_actors_row_is_written_as_these_bytes),
        on_made(a_new_database_begins_with_the_format_row),
        on_made(a_token_is_sealed_as_these_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
