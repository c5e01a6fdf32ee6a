/* What must still hold in the transaction that depends on it: a bucket's document under its writes, a bucket's
 * emptiness under its deletion, and room on the disk. */
#include "tests/lib/store_rig.h"

static const char BUCKET_KEY[] = "bucket/b";

static struct op_document document(const char *key, const char *payload)
{
    return (struct op_document){
        .key = span_text(key),
        .register_ = {.payload = (const uint8_t *)payload, .payload_bytes = strlen(payload)},
    };
}

static struct op document_op(struct rig *rig, struct op_document *one)
{
    return (struct op){
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = one, .documents_count = 1}};
}

static void write_document(struct rig *rig, const char *key, const char *payload)
{
    struct op_document one = document(key, payload);
    struct op op = document_op(rig, &one);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
}

static uint32_t documents_count(struct rig *rig)
{
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op.docs.documents_count;
}

static struct op_guard guard_of(const char *payload)
{
    return (struct op_guard){.key = span_text(BUCKET_KEY), .payload = span_text(payload)};
}

static struct op guarded_op(struct rig *rig, struct op_write_item *items, uint32_t count,
                            const struct op_guard *guard)
{
    struct op op = rig_write_op(rig, items, count);
    op.write.guard = guard;
    return op;
}

static void expect_guarded_put(struct rig *rig, const char *payload, enum op_outcome expected)
{
    struct op_write_item item = rig_item(rig_key("guarded", "a"), NULL, "value");
    struct op_guard guard = guard_of(payload);
    struct op op = guarded_op(rig, &item, 1, &guard);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.write.outcome, expected);
}

/* --- the guard of writes -------------------------------------------------------------------------------- */

static void a_write_is_done_while_its_document_is_the_same(void **state)
{
    struct rig *rig = *state;
    write_document(rig, BUCKET_KEY, "live");
    expect_guarded_put(rig, "live", OP_DONE);
    write_document(rig, "bucket/another", "changes");
    write_document(rig, BUCKET_KEY, "live"); /* written again, but the same */
    expect_guarded_put(rig, "live", OP_DONE);
    rig_expect(rig, "guarded", "a", "value");
}

static void a_write_whose_document_changed_or_is_absent_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    struct disk before;
    disk_init(&before);
    disk_copy(&rig->disk, &before);
    expect_guarded_put(rig, "live", OP_STALE);
    expect_guarded_put(rig, "", OP_STALE); /* no document is not an empty one */
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
    static const char *const others[] = {"deleted", "liv", "live2", ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        write_document(rig, BUCKET_KEY, others[i]);
        expect_guarded_put(rig, "live", OP_STALE);
    }
    rig_expect(rig, "guarded", "a", "absent");
    rig_expect_index(rig, "guarded", "unlisted");
    assert_int_equal(disk_rows_count(&rig->disk, KV_ITEMS), 0);
}

static void a_stale_write_of_many_leaves_none_and_spoils_no_other(void **state)
{
    struct rig *rig = *state;
    write_document(rig, BUCKET_KEY, "deleted");
    struct op_write_item many[3] = {rig_item(rig_key("p", "a"), NULL, "1"),
                                    rig_item(rig_key("p", "b"), NULL, NULL),
                                    rig_item(rig_key("q", "c"), NULL, "3")};
    struct op_write_item free_item = rig_item(rig_key("p", "free"), NULL, "4");
    struct op_guard guard = guard_of("live");
    struct op ops[2] = {guarded_op(rig, many, 3, &guard), rig_write_op(rig, &free_item, 1)};
    rig_run(rig, ops, 2);
    assert_ok(ops[0].err);
    assert_int_equal(ops[0].write.outcome, OP_STALE);
    assert_ok(ops[1].err);
    assert_int_equal(ops[1].write.outcome, OP_DONE);
    assert_int_equal(disk_rows_count(&rig->disk, KV_ITEMS), 1);
    rig_expect(rig, "p", "free", "4");
    rig_expect_exact_index(rig);
}

static void the_deletion_before_a_write_in_the_same_batch_counts(void **state)
{
    struct rig *rig = *state;
    write_document(rig, BUCKET_KEY, "live");
    struct op_document gone = document(BUCKET_KEY, "deleted");
    struct op_write_item item = rig_item(rig_key("guarded", "a"), NULL, "value");
    struct op_guard guard = guard_of("live");
    struct op ops[2] = {document_op(rig, &gone), guarded_op(rig, &item, 1, &guard)};
    ops[0].docs.empty_bucket_id = RIG_BUCKET;
    rig_run(rig, ops, 2);
    assert_ok(ops[0].err);
    assert_ok(ops[1].err);
    assert_false(ops[0].docs.is_refused);
    assert_int_equal(ops[1].write.outcome, OP_STALE);
    rig_expect(rig, "guarded", "a", "absent");
}

static void a_corrupt_guard_is_neither_there_nor_absent(void **state)
{
    struct rig *rig = *state;
    write_document(rig, BUCKET_KEY, "live");
    assert_true(disk_flip(&rig->disk, KV_DOCS, 0, 3));
    struct op_write_item item = rig_item(rig_key("guarded", "a"), NULL, "value");
    struct op_guard guard = guard_of("live");
    struct op op = guarded_op(rig, &item, 1, &guard);
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_CORRUPT);
    assert_int_equal(disk_rows_count(&rig->disk, KV_ITEMS), 0);
}

/* --- the emptiness of a bucket -------------------------------------------------------------------------- */

static bool deletion_is_refused(struct rig *rig, const uint8_t *bucket_id)
{
    struct op_document gone = document(BUCKET_KEY, "deleted");
    struct op op = document_op(rig, &gone);
    uint32_t count = documents_count(rig);
    op.docs.empty_bucket_id = bucket_id;
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    if (op.docs.is_refused) assert_int_equal(documents_count(rig), count);
    return op.docs.is_refused;
}

static void a_bucket_with_a_value_is_not_deleted(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "a", "gone", NULL, NULL); /* before the one that counts */
    rig_put(rig, "p", "a", NULL, "value");
    rig_put(rig, "q", "gone", NULL, NULL);
    assert_true(deletion_is_refused(rig, RIG_BUCKET));
    assert_int_equal(documents_count(rig), 0);
    rig_expect(rig, "p", "a", "value");
}

static void a_bucket_of_tombstones_alone_is_deleted(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "p", "a", NULL, "value");
    struct crdt_vclock context = rig_context(rig, "p", "a");
    rig_put(rig, "p", "a", &context, NULL);
    rig_put(rig, "q", "never", NULL, NULL);
    assert_int_equal(disk_rows_count(&rig->disk, KV_ITEMS), 2);
    assert_false(deletion_is_refused(rig, RIG_BUCKET));
    assert_int_equal(documents_count(rig), 1);
}

static void values_of_other_buckets_do_not_count(void **state)
{
    struct rig *rig = *state;
    uint8_t before[KEYS_BUCKET_ID_BYTES];
    uint8_t behind[KEYS_BUCKET_ID_BYTES];
    memcpy(before, RIG_BUCKET, sizeof before);
    memcpy(behind, RIG_BUCKET, sizeof behind);
    before[0]--;
    behind[0]++;
    rig_put(rig, "p", "a", NULL, "value");
    assert_false(deletion_is_refused(rig, before));
    assert_false(deletion_is_refused(rig, behind));
    assert_true(deletion_is_refused(rig, RIG_BUCKET));
}

static void a_write_before_the_deletion_in_the_same_batch_counts(void **state)
{
    struct rig *rig = *state;
    struct op_write_item item = rig_item(rig_key("p", "a"), NULL, "value");
    struct op_document gone = document(BUCKET_KEY, "deleted");
    struct op ops[2] = {rig_write_op(rig, &item, 1), document_op(rig, &gone)};
    ops[1].docs.empty_bucket_id = RIG_BUCKET;
    rig_run(rig, ops, 2);
    assert_ok(ops[0].err);
    assert_ok(ops[1].err);
    assert_true(ops[1].docs.is_refused);
    assert_int_equal(documents_count(rig), 0);
    rig_expect(rig, "p", "a", "value");
}

/* Nobody can say that the bucket is empty: the counters that rotted are named, for the log. */
static void a_deletion_that_meets_a_rotten_counter_says_which(void **state)
{
    struct rig *rig = *state;
    struct keys_buffer buffer;
    struct op_document gone = document(BUCKET_KEY, "deleted");
    struct op op = document_op(rig, &gone);
    rig_put(rig, "p", "a", NULL, "value");
    assert_true(disk_flip(&rig->disk, KV_COUNTS, 0, 99));
    op.docs.empty_bucket_id = RIG_BUCKET;
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_CORRUPT);
    assert_string_equal(op.corrupt.table, "counts");
    assert_true(op.corrupt.row ==
                keys_name(rig->store.hash_key, KV_COUNTS, keys_count(&buffer, RIG_BUCKET, span_text("p"))));
    assert_int_equal(documents_count(rig), 0);
}

/* --- a disk that is nearly full ------------------------------------------------------------------------- */

static void a_nearly_full_disk_takes_deletions_and_documents_but_no_values(void **state)
{
    struct rig *rig = *state;
    enum op_outcome outcome = OP_DONE;
    rig_put(rig, "p", "a", NULL, "value");
    struct crdt_vclock context = rig_context(rig, "p", "a");
    rig->disk.is_nearly_full = true;
    assert_err(rig_try_put(rig, "p", "b", NULL, "value", &outcome), ERR_FULL);
    assert_err(rig_try_put(rig, "p", "a", &context, "", &outcome), ERR_FULL);
    rig_expect(rig, "p", "a", "value");
    rig_put(rig, "p", "a", &context, NULL);
    rig_expect(rig, "p", "a", "null");
    write_document(rig, BUCKET_KEY, "live");
    assert_int_equal(documents_count(rig), 1);
    rig->disk.is_nearly_full = false;
    rig_put(rig, "p", "b", NULL, "value");
    rig_expect_exact_index(rig);
}

static void what_is_refused_for_room_spoils_nothing_beside_it(void **state)
{
    struct rig *rig = *state;
    struct op_write_item value = rig_item(rig_key("p", "value"), NULL, "value");
    struct op_write_item gone = rig_item(rig_key("p", "gone"), NULL, NULL);
    struct op_write_item mixed[2] = {rig_item(rig_key("p", "mixed gone"), NULL, NULL),
                                     rig_item(rig_key("p", "mixed value"), NULL, "value")};
    struct op_write_item last = rig_item(rig_key("p", "last"), NULL, NULL);
    struct op_document one = document(BUCKET_KEY, "live");
    struct op ops[5] = {rig_write_op(rig, &value, 1), rig_write_op(rig, &gone, 1), rig_write_op(rig, mixed, 2),
                        document_op(rig, &one), rig_write_op(rig, &last, 1)};
    static const enum err expected[5] = {ERR_FULL, ERR_OK, ERR_FULL, ERR_OK, ERR_OK};
    rig->disk.is_nearly_full = true;
    rig_run(rig, ops, 5);
    for (size_t i = 0; i < 5; i++)
        assert_err(ops[i].err, expected[i]);
    rig_restart(rig);
    rig_expect(rig, "p", "value", "absent");
    rig_expect(rig, "p", "gone", "null");
    rig_expect(rig, "p", "mixed gone", "absent");
    rig_expect(rig, "p", "mixed value", "absent");
    rig_expect(rig, "p", "last", "null");
    assert_int_equal(documents_count(rig), 1);
    rig_expect_exact_index(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_write_is_done_while_its_document_is_the_same),
        rig_test(a_write_whose_document_changed_or_is_absent_leaves_nothing),
        rig_test(a_stale_write_of_many_leaves_none_and_spoils_no_other),
        rig_test(the_deletion_before_a_write_in_the_same_batch_counts),
        rig_test(a_corrupt_guard_is_neither_there_nor_absent),
        rig_test(a_bucket_with_a_value_is_not_deleted),
        rig_test(a_bucket_of_tombstones_alone_is_deleted),
        rig_test(values_of_other_buckets_do_not_count),
        rig_test(a_write_before_the_deletion_in_the_same_batch_counts),
        rig_test(a_deletion_that_meets_a_rotten_counter_says_which),
        rig_test(a_nearly_full_disk_takes_deletions_and_documents_but_no_values),
        rig_test(what_is_refused_for_room_spoils_nothing_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
