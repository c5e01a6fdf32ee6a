/* Documents: the last writer wins, all of them are read at once, several are written together or not at all. */
#include "tests/lib/store_rig.h"

static struct op_document document(const char *key, const char *payload)
{
    return (struct op_document){
        .key = span_text(key),
        .register_ = {.payload = (const uint8_t *)payload, .payload_bytes = strlen(payload)},
    };
}

static struct op docs_write_op(struct rig *rig, struct op_document *documents, uint32_t count)
{
    return (struct op){
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = documents, .documents_count = count}};
}

static void write_document(struct rig *rig, struct op_document *one)
{
    struct op op = docs_write_op(rig, one, 1);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
}

static struct op read_documents(struct rig *rig)
{
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op;
}

static void expect_document(const struct op *op, uint32_t index, const char *key, const char *payload)
{
    assert_true(index < op->docs.documents_count);
    const struct op_document *one = &op->docs.documents[index];
    assert_span_text(one->key, key);
    assert_span_text(span_of(one->register_.payload, one->register_.payload_bytes), payload);
}

static void documents_come_back_in_order_of_their_keys(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(read_documents(rig).docs.documents_count, 0);
    struct op_document documents[3] = {document("key/b", "2"), document("bucket/a", "1"), document("key/c", "")};
    struct op op = docs_write_op(rig, documents, 3);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    op = read_documents(rig);
    assert_int_equal(op.docs.documents_count, 3);
    expect_document(&op, 0, "bucket/a", "1");
    expect_document(&op, 1, "key/b", "2");
    expect_document(&op, 2, "key/c", "");
    assert_true(op.docs.documents[0].register_.actor == rig->store.actor.id);
    assert_true(op.docs.documents[0].register_.time_us == rig->wall_us);
}

static void a_later_write_wins_whatever_the_clock_says(void **state)
{
    struct rig *rig = *state;
    struct op_document first = document("bucket/a", "first");
    struct op_document second = document("bucket/a", "second");
    rig->wall_us = 5000;
    write_document(rig, &first);
    rig->wall_us = 4000;
    write_document(rig, &second);
    assert_true(first.register_.time_us == 5000);
    assert_true(second.register_.time_us == 5001); /* as it was written */
    assert_true(crdt_lww_compare(&first.register_, &second.register_) < 0);
    struct op op = read_documents(rig);
    assert_int_equal(op.docs.documents_count, 1);
    expect_document(&op, 0, "bucket/a", "second");
    assert_int_equal(crdt_lww_compare(&op.docs.documents[0].register_, &second.register_), 0);
}

static void many_documents_are_all_read(void **state)
{
    enum { COUNT = 700 };
    struct rig *rig = *state;
    static char keys[COUNT][8];
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "%05d", i);
        struct op_document one = document(keys[i], keys[i]);
        write_document(rig, &one);
    }
    struct op op = read_documents(rig);
    assert_int_equal(op.docs.documents_count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        expect_document(&op, i, keys[i], keys[i]);
}

static void documents_outlive_a_restart(void **state)
{
    struct rig *rig = *state;
    struct op_document one = document("bucket/a", "1");
    write_document(rig, &one);
    rig_restart(rig);
    struct op op = read_documents(rig);
    expect_document(&op, 0, "bucket/a", "1");
}

/* One of several is corrupt: the others of the op are taken back, those of other ops stay. */
static void documents_of_one_op_are_written_all_or_none(void **state)
{
    struct rig *rig = *state;
    struct op_document before[2] = {document("a", "old"), document("z", "old")};
    struct op op = docs_write_op(rig, before, 2);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_true(disk_flip(&rig->disk, KV_DOCS, 1, 80));
    struct op_document several[4] = {document("a", "new"), document("b", "new"), document("a", "newer"),
                                     document("z", "new")};
    struct op_document other = document("c", "other");
    struct op ops[2] = {docs_write_op(rig, several, 4), docs_write_op(rig, &other, 1)};
    rig_run(rig, ops, 2);
    assert_err(ops[0].err, ERR_CORRUPT);
    assert_string_equal(ops[0].corrupt.table, "docs"); /* for the log */
    assert_true(ops[0].corrupt.row == keys_name(rig->store.hash_key, KV_DOCS, span_text("z")));
    assert_ok(ops[1].err);
    assert_true(disk_flip(&rig->disk, KV_DOCS, 2, 80));
    op = read_documents(rig);
    assert_int_equal(op.docs.documents_count, 3);
    expect_document(&op, 0, "a", "old");
    expect_document(&op, 1, "c", "other");
    expect_document(&op, 2, "z", "old");
}

static void a_corrupt_document_is_said_and_not_left_out(void **state)
{
    struct rig *rig = *state;
    struct op_document one = document("key/a", "1");
    write_document(rig, &one);
    for (uint64_t bit = 0; disk_flip(&rig->disk, KV_DOCS, 0, bit); bit++) {
        struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
        rig_run(rig, &op, 1);
        assert_err(op.err, ERR_CORRUPT);
        assert_true(disk_flip(&rig->disk, KV_DOCS, 0, bit));
    }
}

/* What another node has of it heals it, whichever bit it was, and is counted as what it is; and what the merge
 * brings beside it is taken, too. */
static void a_merge_heals_a_rotten_document(void **state)
{
    struct rig *rig = *state;
    struct op_document two[2] = {document("Aone", "sound"), document("Btwo", "old")};
    struct op op = docs_write_op(rig, two, 2);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    const struct op_document sound = two[0];
    const uint64_t bytes = rig->store.documents.letters[0].bytes;
    for (uint64_t bit = 0; disk_flip(&rig->disk, KV_DOCS, 0, bit); bit++) {
        struct op_document theirs[2] = {sound, document("Btwo", "new")};
        theirs[1].register_.time_us = rig->wall_us + bit + 1;
        op = docs_write_op(rig, theirs, 2);
        op.kind = OP_DOCS_MERGE;
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        assert_int_equal(op.docs.changed_count, 2);
        assert_string_equal(op.corrupt.table, "docs"); /* for the log */
        op = read_documents(rig);
        expect_document(&op, 0, "Aone", "sound");
        expect_document(&op, 1, "Btwo", "new");
        struct op_document other = document("Cthree", "");
        write_document(rig, &other);
        assert_true(rig->store.documents.letters[0].bytes == bytes);
        assert_int_equal(rig->store.documents.letters[0].count, 1);
    }
}

static void a_merge_answers_only_what_it_changed(void **state)
{
    struct rig *rig = *state;
    struct op_document two[2] = {document("Aone", "1"), document("Btwo", "2")};
    struct op op = docs_write_op(rig, two, 2);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    struct op_document theirs[3] = {document("Aone", "older"), document("Btwo", "newer"), document("Cthree", "3")};
    theirs[1].register_.time_us = rig->wall_us + 1;
    op = docs_write_op(rig, theirs, 3);
    op.kind = OP_DOCS_MERGE;
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.docs.documents_count, 2);
    expect_document(&op, 0, "Btwo", "newer");
    expect_document(&op, 1, "Cthree", "3");
}

static void too_little_memory_is_said(void **state)
{
    struct rig *rig = *state;
    static uint8_t large[200000];
    struct op_document several[2] = {document("a", "1"), document("b", "2")};
    several[1].register_.payload = large;
    several[1].register_.payload_bytes = sizeof large;
    rig->store.scratch.ceiling_bytes = 100000;
    struct op op = docs_write_op(rig, several, 2);
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_MEMORY);
    rig->store.scratch.ceiling_bytes = STORE_SCRATCH_BYTES_MAX;
    assert_int_equal(read_documents(rig).docs.documents_count, 0);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    for (size_t ceiling = 0; ceiling < 1500; ceiling += 100) {
        struct arena small;
        arena_init(&small, ceiling);
        struct op read = {.kind = OP_DOCS, .arena = &small};
        rig_run(rig, &read, 1);
        assert_err(read.err, ERR_MEMORY);
        arena_deinit(&small);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(documents_come_back_in_order_of_their_keys),
        rig_test(a_later_write_wins_whatever_the_clock_says),
        rig_test(many_documents_are_all_read),
        rig_test(documents_outlive_a_restart),
        rig_test(documents_of_one_op_are_written_all_or_none),
        rig_test(a_corrupt_document_is_said_and_not_left_out),
        rig_test(a_merge_heals_a_rotten_document),
        rig_test(a_merge_answers_only_what_it_changed),
        rig_test(too_little_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
