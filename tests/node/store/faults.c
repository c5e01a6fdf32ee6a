/* A disk that fails at each call in turn: no false answer, nothing half-stored, and afterwards all goes on (I23).
 */
#include "tests/lib/store_rig.h"

static const enum err ERRORS[3] = {ERR_FULL, ERR_IO, ERR_MEMORY};

/* Four ops: a new item; several items, one of them replaced; a document; a deletion. */
struct story {
    struct op_write_item create;
    struct op_write_item several[3];
    struct op_document document;
    struct op_write_item remove;
    struct op ops[4];
    struct crdt_vclock token_of_old;
    struct crdt_vclock token_of_gone;
};

static void story_begin(struct story *story, struct rig *rig)
{
    rig_put(rig, "room", "old", NULL, "old");
    rig_put(rig, "room", "gone", NULL, "gone");
    story->token_of_old = rig_context(rig, "room", "old");
    story->token_of_gone = rig_context(rig, "room", "gone");
    story->create = rig_item(rig_key("room", "created"), NULL, "1");
    story->several[0] = rig_item(rig_key("room", "old"), &story->token_of_old, "2");
    story->several[1] = rig_item(rig_key("hall", "several"), NULL, "3");
    story->several[2] = rig_item(rig_key("hall", "several"), NULL, "4");
    story->document = (struct op_document){.key = span_text("document"),
                                           .register_ = {.payload = (const uint8_t *)"5", .payload_bytes = 1}};
    story->remove = rig_item(rig_key("room", "gone"), &story->token_of_gone, NULL);
    story->ops[0] = rig_write_op(rig, &story->create, 1);
    story->ops[1] = rig_write_op(rig, story->several, 3);
    story->ops[2] = (struct op){.kind = OP_DOCS_WRITE,
                                .arena = &rig->arena,
                                .docs = {.documents = &story->document, .documents_count = 1}};
    story->ops[3] = rig_write_op(rig, &story->remove, 1);
}

static bool has_document(struct rig *rig)
{
    struct op op = {.kind = OP_DOCS, .arena = &rig->arena};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_true(op.docs.documents_count <= 1);
    return op.docs.documents_count == 1;
}

/* Each op's writes are there exactly when it was told so. */
static void expect_what_was_said(struct rig *rig, const struct story *story)
{
    bool is_done[4];
    for (int i = 0; i < 4; i++)
        is_done[i] = story->ops[i].err == ERR_OK;
    rig_expect(rig, "room", "created", is_done[0] ? "1" : "absent");
    rig_expect(rig, "room", "old", is_done[1] ? "2" : "old");
    rig_expect(rig, "hall", "several", is_done[1] ? "3, 4" : "absent");
    assert_int_equal(has_document(rig), is_done[2]);
    rig_expect(rig, "room", "gone", is_done[3] ? "null" : "gone");
    rig_expect_exact_index(rig);
}

static void run_failed_again(struct rig *rig, struct story *story)
{
    for (int i = 0; i < 4; i++) {
        if (story->ops[i].err == ERR_OK) continue;
        rig_run(rig, &story->ops[i], 1);
        assert_ok(story->ops[i].err);
    }
}

typedef void fail_at(struct disk *disk, uint64_t calls_count, enum err err);

/* Fail at the call with this number. Returns false when there were fewer. */
static bool fail_and_go_on(fail_at *plan, const struct disk_fault *(*fault_of)(const struct disk *), uint64_t call,
                           enum err err, bool is_restarted)
{
    struct rig rig;
    struct story story;
    struct disk before;
    rig_init(&rig);
    story_begin(&story, &rig);
    disk_copy(&rig.disk, &before);
    uint64_t commits = rig.disk.commits_count;
    plan(&rig.disk, call, err);
    rig_run(&rig, story.ops, 4);
    bool has_failed = fault_of(&rig.disk)->calls_left == 0;
    plan(&rig.disk, 0, ERR_OK);
    if (rig.disk.commits_count == commits) {
        for (int i = 0; i < 4; i++) /* nothing reached the disk: every asker is told so */
            assert_err(story.ops[i].err, err);
        rig_expect_same_rows(&rig.disk, &before);
    }
    if (is_restarted) rig_restart(&rig);
    expect_what_was_said(&rig, &story);
    run_failed_again(&rig, &story);
    expect_what_was_said(&rig, &story);
    disk_deinit(&before);
    rig_deinit(&rig);
    return has_failed;
}

static const struct disk_fault *change_fault_of(const struct disk *disk)
{
    return &disk->change_fault;
}

static const struct disk_fault *call_fault_of(const struct disk *disk)
{
    return &disk->call_fault;
}

static void fail_at_every_call(fail_at *plan, const struct disk_fault *(*fault_of)(const struct disk *),
                               uint64_t calls_min)
{
    for (int i = 0; i < 3; i++) {
        for (int is_restarted = 0; is_restarted < 2; is_restarted++) {
            uint64_t call = 1;
            while (fail_and_go_on(plan, fault_of, call, ERRORS[i], is_restarted))
                call++;
            assert_true(call > calls_min);
        }
    }
}

static void a_change_or_commit_that_fails_takes_the_whole_batch_with_it(void **state)
{
    (void)state;
    fail_at_every_call(disk_fail_next, change_fault_of, 12);
}

static void any_call_that_fails_leaves_each_op_done_or_undone(void **state)
{
    (void)state;
    fail_at_every_call(disk_fail_call, call_fault_of, 23);
}

/* Reads of a failing disk answer its error, and the right thing afterwards. */
static void a_read_that_fails_says_so_and_a_later_one_is_right(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "a", NULL, "1");
    rig_put(rig, "room", "b", NULL, "2");
    for (int i = 0; i < 3; i++) {
        bool has_failed = true;
        for (uint64_t call = 1; has_failed; call++) {
            struct op ops[4] = {
                {.kind = OP_READ, .read = {.key = rig_key("room", "a")}},
                {.kind = OP_RANGE, .range = {.key = rig_key("room", ""), .items_max = 5}},
                {.kind = OP_INDEX, .index = {.bucket_id = RIG_BUCKET, .rows_max = 5}},
                {.kind = OP_DOCS},
            };
            int failed_count = 0;
            for (int j = 0; j < 4; j++)
                ops[j].arena = &rig->arena;
            disk_fail_call(&rig->disk, call, ERRORS[i]);
            rig_run(rig, ops, 4);
            has_failed = rig->disk.call_fault.calls_left == 0;
            disk_fail_call(&rig->disk, 0, ERR_OK);
            for (int j = 0; j < 4; j++)
                failed_count += ops[j].err == ERRORS[i];
            assert_int_equal(failed_count, has_failed ? 1 : 0);
            if (ops[0].err == ERR_OK) assert_true(ops[0].read.has_item);
            if (ops[1].err == ERR_OK) assert_int_equal(ops[1].range.items_count, 2);
            if (ops[2].err == ERR_OK) assert_int_equal(ops[2].index.rows_count, 1);
            rig_expect(rig, "room", "a", "1");
        }
    }
}

/* A node killed at any moment has what it acknowledged and nothing it did not. */
static void a_crash_between_batches_loses_nothing(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 20; i++) {
        char value[4];
        snprintf(value, sizeof value, "%d", i);
        struct crdt_vclock token = rig_context(rig, "room", "a");
        rig_put(rig, "room", "a", &token, value);
        rig_restart(rig);
        rig_expect(rig, "room", "a", value);
        rig_expect_exact_index(rig);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_or_commit_that_fails_takes_the_whole_batch_with_it),
        cmocka_unit_test(any_call_that_fails_leaves_each_op_done_or_undone),
        rig_test(a_read_that_fails_says_so_and_a_later_one_is_right),
        rig_test(a_crash_between_batches_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
