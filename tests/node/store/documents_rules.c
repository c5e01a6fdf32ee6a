/* What may be a document, and how many: kept in the transaction, for what is written here and for what others
 * wrote.
 */
#include "tests/lib/store_rig.h"

enum { LARGE_BYTES = 1000, BYTES_MAX = 8 * LARGE_BYTES, AHEAD_US = 500, CLOCK_MAX_US = 1 << 20 };

static bool check(const struct op_document *document, const char **why)
{
    bool is_bad = document->register_.payload_bytes > 0 && document->register_.payload[0] == '!';
    *why = is_bad ? "a bad one" : NULL;
    return !is_bad;
}

/* "Wx" stands on "Wy" when its payload is "y". */
static size_t stands_on(const struct op_document *document, uint8_t key[KV_KEY_BYTES_MAX])
{
    if (document->key.bytes[0] != 'W' || document->register_.payload_bytes == 0) return 0;
    key[0] = 'W';
    key[1] = document->register_.payload[0];
    return 2;
}

#define REST (OP_DOCS_LETTER('A') | OP_DOCS_LETTER('B') | OP_DOCS_LETTER('C'))
static const struct op_docs_bound BOUNDS[] = {{REST, 12, BYTES_MAX, "too many or too large"},
                                              {OP_DOCS_LETTER('V'), 4, 100, "too many versions"}};
static const struct op_docs_rules RULES = {
    .check = check,
    .bounds = BOUNDS,
    .bounds_count = 2,
    .own_percent = 75,
    .clock_max_us = CLOCK_MAX_US,
    .clock_why = "no such time",
    .ahead_max_us = AHEAD_US,
    .ahead_why = "the future",
    .stands_on = stands_on,
    .stands_why = "nothing to stand on",
};

static struct op_document document(const char *key, const char *payload, uint64_t time_us)
{
    return (struct op_document){.key = span_text(key),
                                .register_ = {.time_us = time_us,
                                              .actor = 7,
                                              .payload = (const uint8_t *)payload,
                                              .payload_bytes = strlen(payload)}};
}

static struct op run(struct rig *rig, enum op_kind kind, struct op_document *documents, uint32_t count)
{
    struct op op = {.kind = kind,
                    .arena = &rig->arena,
                    .docs = {.rules = &RULES, .documents = documents, .documents_count = count}};
    rig_run(rig, &op, 1);
    return op;
}

static struct op write_one(struct rig *rig, const char *key, const char *payload)
{
    struct op_document one = document(key, payload, 0);
    return run(rig, OP_DOCS_WRITE, &one, 1);
}

static struct op merge_one(struct rig *rig, const char *key, const char *payload, uint64_t time_us)
{
    struct op_document one = document(key, payload, time_us);
    return run(rig, OP_DOCS_MERGE, &one, 1);
}

static uint32_t documents_count(struct rig *rig)
{
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op.docs.documents_count;
}

static void expect_refused(const struct op *op, const char *why, bool is_full)
{
    assert_err(op->err, ERR_REFUSED);
    assert_string_equal(op->docs.why, why);
    assert_true(op->docs.is_full == is_full);
}

static void expect_left_out(const struct op *op, const char *why)
{
    assert_ok(op->err);
    assert_int_equal(op->docs.left_out_count, 1);
    assert_int_equal(op->docs.documents_count, 0);
    assert_string_equal(op->docs.why, why);
}

/* What no other node would take is not stored; nor is what was to be written with it. */
static void a_malformed_document_is_not_written(void **state)
{
    struct rig *rig = *state;
    struct op_document two[2] = {document("Aone", "good", 0), document("Btwo", "!bad", 0)};
    struct op op = run(rig, OP_DOCS_WRITE, two, 2);
    expect_refused(&op, "a bad one", false);
    assert_int_equal(documents_count(rig), 0);
    assert_ok(write_one(rig, "Aone", "good").err);
    assert_int_equal(documents_count(rig), 1);
}

static void a_merge_leaves_out_what_may_not_be(void **state)
{
    struct rig *rig = *state;
    struct op_document three[3] = {document("Aone", "good", 5), document("Btwo", "!bad", 5),
                                   document("Cthree", "good", 5)};
    struct op op = run(rig, OP_DOCS_MERGE, three, 3);
    assert_ok(op.err);
    assert_int_equal(op.docs.changed_count, 2);
    assert_int_equal(op.docs.left_out_count, 1);
    assert_int_equal(op.docs.documents_count, 2);
    assert_span_text(op.docs.documents[1].key, "Cthree");
    assert_int_equal(documents_count(rig), 2);
}

/* Own writes stop at three quarters, what others wrote at the bound; what is there already can always be changed.
 * A start, which counts anew, changes nothing of it. */
static void there_are_so_many_of_a_kind(void **state)
{
    struct rig *rig = *state;
    static const char *const keys[] = {"V1", "V2", "V3", "V4", "V5"};
    for (int i = 0; i < 3; i++)
        assert_ok(write_one(rig, keys[i], "version").err);
    struct op op = write_one(rig, keys[3], "version");
    expect_refused(&op, "too many versions", true);
    rig_restart(rig);
    op = write_one(rig, keys[3], "version");
    expect_refused(&op, "too many versions", true);
    assert_ok(write_one(rig, "Aother", "of another kind").err);
    assert_int_equal(merge_one(rig, keys[3], "version", 5).docs.changed_count, 1);
    op = merge_one(rig, keys[4], "version", 5);
    expect_left_out(&op, "too many versions");
    assert_true(op.docs.is_full);
    assert_ok(write_one(rig, keys[0], "changed").err);
    assert_int_equal(merge_one(rig, keys[1], "changed", 1400).docs.changed_count, 1);
    assert_int_equal(documents_count(rig), 5);
}

static void there_are_so_many_in_all(void **state)
{
    struct rig *rig = *state;
    char key[3] = "Aa";
    for (int i = 0; i < 12; i++) {
        key[1] = (char)('a' + i);
        struct op op = write_one(rig, key, "");
        assert_err(op.err, i < 9 ? ERR_OK : ERR_REFUSED);
        if (i >= 9) assert_int_equal(merge_one(rig, key, "", 5).docs.changed_count, 1);
    }
    struct op op = merge_one(rig, "Az", "", 5);
    expect_left_out(&op, "too many or too large");
}

static void bytes_are_bounded_and_what_shrinks_is_taken(void **state)
{
    struct rig *rig = *state;
    static char large[LARGE_BYTES + 1];
    memset(large, 'x', LARGE_BYTES);
    large[LARGE_BYTES - 2] = '\0'; /* with its key of two: LARGE_BYTES */
    static const char *const keys[] = {"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"};
    for (int i = 0; i < 6; i++)
        assert_ok(write_one(rig, keys[i], large).err);
    struct op op = write_one(rig, "B1", "");
    expect_refused(&op, "too many or too large", true);
    for (int i = 6; i < 8; i++)
        assert_int_equal(merge_one(rig, keys[i], large, 5).docs.changed_count, 1);
    op = merge_one(rig, keys[8], "", 5);
    expect_left_out(&op, "too many or too large");
    assert_int_equal(op.docs.left_out_letters, OP_DOCS_LETTER('A'));
    assert_int_equal(merge_one(rig, "V1", "", 5).docs.changed_count, 1); /* has a share of its own */
    assert_ok(write_one(rig, keys[0], large).err);                       /* as large as before */
    static char larger[LARGE_BYTES];
    memset(larger, 'x', LARGE_BYTES - 1);
    op = write_one(rig, keys[0], larger);
    expect_refused(&op, "too many or too large", true);
    for (int i = 0; i < 3; i++)
        assert_ok(write_one(rig, keys[i], "").err); /* deleted */
    assert_ok(write_one(rig, "B1", "").err);
    assert_int_equal(merge_one(rig, keys[8], large, 5).docs.changed_count, 1);
}

/* A transaction that the disk did not take has added nothing to what is counted. */
static void what_was_not_stored_is_not_counted(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 8; i++) {
        disk_fail_next(&rig->disk, 1 + (uint64_t)i % 3, ERR_FULL);
        (void)write_one(rig, "V1", "version");
        disk_fail_next(&rig->disk, 0, ERR_OK);
    }
    struct op_document three[3] = {document("V1", "", 0), document("V2", "", 0), document("V3", "!bad", 0)};
    for (int i = 0; i < 4; i++)
        assert_err(run(rig, OP_DOCS_WRITE, three, 3).err, ERR_REFUSED);
    assert_ok(write_one(rig, "V1", "").err);
    assert_ok(write_one(rig, "V2", "").err);
    assert_ok(write_one(rig, "V3", "").err);
    assert_err(write_one(rig, "V4", "").err, ERR_REFUSED);
}

/* Taken when it is no longer so far ahead; and what is written over the latest one that is taken is taken by
 * another node whose clock is the same. */
static void a_document_of_the_far_future_waits(void **state)
{
    struct rig *rig = *state;
    uint64_t latest_us = rig->wall_us + AHEAD_US;
    struct op op = merge_one(rig, "Alatest", "", latest_us + 1);
    expect_left_out(&op, "the future");
    assert_false(op.docs.is_full);
    assert_int_equal(merge_one(rig, "Alatest", "", latest_us).docs.changed_count, 1);
    rig->wall_us++;
    struct op_document over = document("Alatest", "over it", 0);
    op = run(rig, OP_DOCS_WRITE, &over, 1);
    assert_ok(op.err);
    assert_true(over.register_.time_us == latest_us + 1);
    assert_int_equal(merge_one(rig, "Btheirs", "", latest_us + 1).docs.changed_count, 1);
}

/* What is written here and what is taken have one bound of time: what this node stores, others store. */
static void who_has_an_absurd_clock_writes_and_takes_nothing(void **state)
{
    struct rig *rig = *state;
    const uint64_t right_us = rig->wall_us;
    rig->wall_us = CLOCK_MAX_US;
    assert_ok(write_one(rig, "Cmine", "").err);
    rig->wall_us = CLOCK_MAX_US + 1;
    struct op op = write_one(rig, "Cmine", "");
    expect_refused(&op, "no such time", false);
    op = merge_one(rig, "Ctheirs", "", CLOCK_MAX_US + 1);
    expect_left_out(&op, "no such time");
    rig->wall_us = right_us; /* others leave out what is above "Cmine" now: so it is not written either */
    op = write_one(rig, "Cmine", "");
    expect_refused(&op, "the future", false);
    rig->wall_us = CLOCK_MAX_US - AHEAD_US + 1;
    assert_ok(write_one(rig, "Cmine", "").err);
}

/* And comes in behind it when both come together. */
static void what_stands_on_nothing_is_left_out(void **state)
{
    struct rig *rig = *state;
    struct op op = merge_one(rig, "W2", "1", 5);
    expect_left_out(&op, "nothing to stand on");
    assert_false(op.docs.is_full);
    op = write_one(rig, "W2", "1");
    expect_refused(&op, "nothing to stand on", false);
    struct op_document three[3] = {document("W1", "", 5), document("W2", "1", 5), document("W4", "3", 5)};
    op = run(rig, OP_DOCS_MERGE, three, 3);
    assert_ok(op.err);
    assert_int_equal(op.docs.changed_count, 2);
    assert_int_equal(op.docs.left_out_count, 1);
    assert_int_equal(op.docs.left_out_letters, OP_DOCS_LETTER('W'));
    assert_ok(write_one(rig, "W3", "2").err);
    assert_int_equal(merge_one(rig, "W4", "3", 5).docs.changed_count, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_malformed_document_is_not_written),
        rig_test(a_merge_leaves_out_what_may_not_be),
        rig_test(there_are_so_many_of_a_kind),
        rig_test(there_are_so_many_in_all),
        rig_test(bytes_are_bounded_and_what_shrinks_is_taken),
        rig_test(what_was_not_stored_is_not_counted),
        rig_test(a_document_of_the_far_future_waits),
        rig_test(who_has_an_absurd_clock_writes_and_takes_nothing),
        rig_test(what_stands_on_nothing_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
