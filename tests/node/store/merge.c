/* Documents of other nodes: each as it is, the winner stays; and incarnations, which only rise. */
#include "tests/lib/store_rig.h"

static struct op_document document(const char *key, uint64_t time_us, uint64_t actor, const char *payload)
{
    return (struct op_document){.key = span_text(key),
                                .register_ = {.time_us = time_us,
                                              .actor = actor,
                                              .payload = (const uint8_t *)payload,
                                              .payload_bytes = strlen(payload)}};
}

static struct op merge_op(struct rig *rig, struct op_document *documents, uint32_t count)
{
    return (struct op){
        .kind = OP_DOCS_MERGE, .arena = &rig->arena, .docs = {.documents = documents, .documents_count = count}};
}

static uint32_t merge(struct rig *rig, struct op_document *documents, uint32_t count)
{
    struct op op = merge_op(rig, documents, count);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op.docs.changed_count;
}

static void expect(const struct op_document *one, uint64_t time_us, uint64_t actor, const char *payload)
{
    assert_true(one->register_.time_us == time_us && one->register_.actor == actor);
    assert_span_text(span_of(one->register_.payload, one->register_.payload_bytes), payload);
}

/* The documents there are, in order of their keys. */
static struct op_docs stored(struct rig *rig)
{
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op.docs;
}

static void a_foreign_document_is_kept_as_it_is(void **state)
{
    struct rig *rig = *state;
    struct op_document foreign[2] = {document("Aone", 77, 5, "one"), document("Atwo", UINT64_MAX, 6, "")};
    assert_int_equal(merge(rig, foreign, 2), 2);
    rig_restart(rig);
    struct op_docs docs = stored(rig);
    assert_int_equal(docs.documents_count, 2);
    expect(&docs.documents[0], 77, 5, "one");
    expect(&docs.documents[1], UINT64_MAX, 6, "");
    expect(&foreign[0], 77, 5, "one");
}

/* Time, then actor, then payload. */
static void the_winner_stays(void **state)
{
    struct rig *rig = *state;
    struct op_document first[4] = {document("Aa", 10, 5, "m"), document("Ab", 10, 5, "m"),
                                   document("Ac", 10, 5, "m"), document("Ad", 10, 5, "m")};
    struct op_document second[4] = {document("Aa", 9, 9, "z"), document("Ab", 10, 6, "a"),
                                    document("Ac", 10, 5, "l"), document("Ad", 10, 5, "m")};
    assert_int_equal(merge(rig, first, 4), 4);
    assert_int_equal(merge(rig, second, 4), 1);
    struct op_docs docs = stored(rig);
    for (int i = 0; i < 4; i++) {
        expect(&docs.documents[i], 10, i == 1 ? 6 : 5, i == 1 ? "a" : "m");
    }
}

static void an_operators_change_wins_over_a_document_of_the_future(void **state)
{
    struct rig *rig = *state;
    struct op_document foreign = document("Aone", UINT64_C(1) << 61, 5, "from the year 75,000");
    struct op_document own = document("Aone", 0, 0, "now");
    assert_int_equal(merge(rig, &foreign, 1), 1);
    struct op op = {
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = &own, .documents_count = 1}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(merge(rig, &foreign, 1), 0);
    struct op_docs docs = stored(rig);
    expect(&docs.documents[0], (UINT64_C(1) << 61) + 1, rig->store.actor.id, "now");
}

/* One of several cannot be put: none is taken. */
static void a_merge_is_all_or_none(void **state)
{
    struct rig *rig = *state;
    static uint8_t large[200000];
    struct op_document several[2] = {document("Aa", 2, 2, "new"), document("Az", 2, 2, "new")};
    several[1].register_.payload = large;
    several[1].register_.payload_bytes = sizeof large;
    rig->store.scratch.ceiling_bytes = 100000;
    struct op op = merge_op(rig, several, 2);
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_MEMORY);
    assert_int_equal(disk_rows_count(&rig->disk, KV_DOCS), 0);
}

static uint64_t boot(struct rig *rig, uint64_t above)
{
    struct op op = {.kind = OP_BOOT, .arena = &rig->arena, .boot = {.above = above}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    return op.boot.incarnation;
}

static void an_incarnation_is_above_all_before_whatever_the_clock_says(void **state)
{
    struct rig *rig = *state;
    rig->wall_us = 5000;
    assert_true(boot(rig, 0) == 5000);
    rig_restart(rig);
    rig->wall_us = 10;
    assert_true(boot(rig, 0) == 5001);
    assert_true(boot(rig, 9000) == 9001); /* somebody has seen more of us: the database went back in time */
    rig_restart(rig);
    assert_true(boot(rig, 0) == 9002);
    assert_true(boot(rig, UINT64_MAX) == UINT64_MAX);
    assert_true(boot(rig, 0) == UINT64_MAX);
}

/* It is written anew: the clock is above what it was, or somebody has seen us and says so. */
static void a_rotten_incarnation_does_not_stop_a_node(void **state)
{
    struct rig *rig = *state;
    rig->wall_us = 5000;
    assert_true(boot(rig, 0) == 5000);
    assert_true(disk_flip(&rig->disk, KV_META, 2, 90)); /* actor, format, incarnation */
    rig->wall_us = 6000;
    assert_true(boot(rig, 0) == 6000);
    rig_restart(rig);
    assert_true(boot(rig, 0) == 6001);
}

/* The disk fails at each call in turn: each op is done or not, as it was told; then all go on. */
static void a_failing_disk_leaves_each_op_done_or_undone(void **state)
{
    (void)state;
    static const enum err errors[3] = {ERR_FULL, ERR_IO, ERR_MEMORY};
    for (int i = 0; i < 6; i++) {
        bool has_failed = true;
        for (uint64_t call = 1; has_failed; call++) {
            struct rig rig;
            rig_init(&rig);
            struct op_document documents[2] = {document("Aa", 1, 1, "a"), document("Ab", 1, 1, "b")};
            struct op ops[2] = {merge_op(&rig, documents, 2), {.kind = OP_BOOT, .arena = &rig.arena}};
            disk_fail_call(&rig.disk, call, errors[i % 3]);
            rig_run(&rig, ops, 2);
            has_failed = rig.disk.call_fault.calls_left == 0;
            disk_fail_call(&rig.disk, 0, ERR_OK);
            if (i >= 3) rig_restart(&rig);
            assert_int_equal(stored(&rig).documents_count, ops[0].err == ERR_OK ? 2 : 0);
            assert_int_equal(disk_rows_count(&rig.disk, KV_META), ops[1].err == ERR_OK ? 4 : 3);
            assert_true(has_failed || (ops[0].err == ERR_OK && ops[1].err == ERR_OK));
            struct op_document again[2] = {document("Aa", 1, 1, "a"), document("Ab", 1, 1, "b")};
            (void)merge(&rig, again, 2);
            assert_true(boot(&rig, 0) >= 1000);
            assert_int_equal(stored(&rig).documents_count, 2);
            rig_deinit(&rig);
            assert_true(has_failed || call > 8);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_foreign_document_is_kept_as_it_is),
        rig_test(the_winner_stays),
        rig_test(an_operators_change_wins_over_a_document_of_the_future),
        rig_test(a_merge_is_all_or_none),
        rig_test(an_incarnation_is_above_all_before_whatever_the_clock_says),
        rig_test(a_rotten_incarnation_does_not_stop_a_node),
        cmocka_unit_test(a_failing_disk_leaves_each_op_done_or_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
