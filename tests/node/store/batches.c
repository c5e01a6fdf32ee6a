/* Many ops in one transaction, many items in one op: each op whole or not at all, one commit for all. */
#include "tests/lib/store_rig.h"

#include <stdlib.h>

static void ops_of_one_batch_share_one_commit(void **state)
{
    enum { OPS = 100 };
    struct rig *rig = *state;
    static struct op_write_item items[OPS];
    static struct op ops[OPS];
    static char keys[OPS][8];
    for (int i = 0; i < OPS; i++) {
        snprintf(keys[i], sizeof keys[i], "%03d", i);
        items[i] = rig_item(rig_key("room", keys[i]), NULL, keys[i]);
        ops[i] = rig_write_op(rig, &items[i], 1);
    }
    uint64_t commits = rig->disk.commits_count;
    rig_run(rig, ops, OPS);
    assert_int_equal(rig->disk.commits_count, commits + 1);
    for (int i = 0; i < OPS; i++) {
        assert_ok(ops[i].err);
        rig_expect(rig, "room", keys[i], keys[i]);
    }
    rig_expect_index(rig, "room", "100/0/100/300");
    rig_expect_exact_index(rig);
}

static void ops_of_one_batch_see_each_other_in_order(void **state)
{
    struct rig *rig = *state;
    struct op_write_item items[3] = {
        rig_item(rig_key("room", "a"), NULL, "1"),
        rig_item(rig_key("room", "a"), NULL, "2"),
        rig_item(rig_key("room", "a"), NULL, "3"),
    };
    struct op ops[3];
    for (int i = 0; i < 3; i++)
        ops[i] = rig_write_op(rig, &items[i], 1);
    rig_run(rig, ops, 3);
    rig_expect(rig, "room", "a", "1, 2, 3");
    assert_true(ops[0].write.last_counter == 1000 && ops[2].write.last_counter == 1002);
}

static void an_empty_batch_is_harmless(void **state)
{
    struct rig *rig = *state;
    struct disk before;
    struct list none;
    list_init(&none);
    disk_copy(&rig->disk, &before);
    store_run_writes(&rig->store, &none, 5);
    store_run_reads(&rig->store, &none);
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
    struct op op = rig_write_op(rig, NULL, 0); /* an empty InsertBatch */
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.write.outcome, OP_DONE);
}

static void all_items_of_an_op_are_written(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "b", NULL, "old");
    struct crdt_vclock token = rig_context(rig, "room", "b");
    struct op_write_item items[5] = {
        rig_item(rig_key("room", "a"), NULL, "1"),        rig_item(rig_key("room", "b"), &token, "2"),
        rig_item(rig_key("hall", "c"), NULL, "3"),        rig_item(rig_key("room", "a"), NULL, "4"),
        rig_item(rig_key("yard", "nothing"), NULL, NULL),
    };
    struct op op = rig_write_op(rig, items, 5);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.write.outcome, OP_DONE);
    rig_expect(rig, "room", "a", "1, 4");
    rig_expect(rig, "room", "b", "2");
    rig_expect(rig, "hall", "c", "3");
    rig_expect(rig, "yard", "nothing", "null");
    rig_expect_index(rig, "room", "2/1/3/3");
    rig_expect_exact_index(rig);
    for (int i = 0; i < 5; i++) {
        uint8_t hash[RING_HASH_BYTES];
        keys_hash(rig->store.hash_key, RIG_BUCKET, items[i].key.partition_key, hash);
        assert_memory_equal(items[i].hash, hash, sizeof hash);
    }
}

/* --- all or none ---------------------------------------------------------------------------------------- */

/* An op whose last item is refused, between two that are not; nothing of it may stay. */
struct story {
    struct op_write_item items[6];
    struct op_write_item before;
    struct op_write_item after;
    struct op ops[3];
    struct crdt_vclock token;
};

static void story_begin(struct story *story, struct rig *rig)
{
    rig_put(rig, "room", "a", NULL, "a");
    rig_put(rig, "room", "b", NULL, "b");
    story->token = rig_context(rig, "room", "a");
    story->items[0] = rig_item(rig_key("room", "a"), &story->token, "changed");
    story->items[1] = rig_item(rig_key("room", "new"), NULL, "made");
    story->items[2] = rig_item(rig_key("new room", "new"), NULL, "made");
    story->items[3] = rig_item(rig_key("room", "new"), NULL, "made again");
    story->items[4] = rig_item(rig_key("room", "b"), NULL, NULL);
    story->items[5] = rig_item(rig_key("bad", "bad"), NULL, "refused");
    story->before = rig_item(rig_key("room", "b"), NULL, "before");
    story->after = rig_item(rig_key("room", "b"), NULL, "after");
    story->ops[0] = rig_write_op(rig, &story->before, 1);
    story->ops[1] = rig_write_op(rig, story->items, 6);
    story->ops[2] = rig_write_op(rig, &story->after, 1);
}

/* There is no such item; beside a row that rotted nobody can tell. */
static void expect_absent(struct rig *rig, const char *partition_key, const char *sort_key)
{
    struct op op = rig_read(rig, partition_key, sort_key);
    assert_true(op.err == ERR_OK || op.err == ERR_CORRUPT);
    assert_false(op.read.has_item);
}

static void story_run_and_check(struct story *story, struct rig *rig)
{
    uint64_t counts = disk_rows_count(&rig->disk, KV_COUNTS);
    uint64_t items = disk_rows_count(&rig->disk, KV_ITEMS);
    rig_run(rig, story->ops, 3);
    assert_ok(story->ops[0].err);
    assert_ok(story->ops[2].err);
    rig_expect(rig, "room", "a", "a");
    expect_absent(rig, "room", "new");
    expect_absent(rig, "new room", "new");
    struct op b = rig_read(rig, "room", "b");
    assert_ok(b.err);
    assert_int_equal(b.read.state.writes_count, 3); /* in an order that a new actor may change */
    rig_expect_index(rig, "room", "2/1/4/13");
    rig_expect_index(rig, "new room", "unlisted");
    assert_int_equal(disk_rows_count(&rig->disk, KV_COUNTS), counts);
    assert_int_equal(disk_rows_count(&rig->disk, KV_ITEMS), items);
}

static void an_op_that_meets_a_full_item_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    struct story story;
    for (int i = 0; i < OP_SIBLINGS_MAX; i++)
        rig_put(rig, "bad", "bad", NULL, "x");
    story_begin(&story, rig);
    story_run_and_check(&story, rig);
    assert_ok(story.ops[1].err);
    assert_int_equal(story.ops[1].write.outcome, OP_TOO_MANY_SIBLINGS);
    assert_int_equal(story.ops[1].write.refused_index, 5);
    rig_expect_exact_index(rig);
}

static void an_op_of_two_items_leaves_nothing_when_the_second_is_refused(void **state)
{
    struct rig *rig = *state;
    struct disk before;
    for (int i = 0; i < OP_SIBLINGS_MAX; i++)
        rig_put(rig, "bad", "bad", NULL, "x");
    rig_put(rig, "room", "a", NULL, "a");
    disk_copy(&rig->disk, &before);
    struct op_write_item items[2] = {rig_item(rig_key("room", "a"), NULL, "b"),
                                     rig_item(rig_key("bad", "bad"), NULL, "y")};
    struct op op = rig_write_op(rig, items, 2);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.write.outcome, OP_TOO_MANY_SIBLINGS);
    assert_int_equal(op.write.refused_index, 1);
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
}

static void an_op_that_meets_a_corrupt_item_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    struct story story;
    rig_put(rig, "bad", "bad", NULL, "x");
    assert_true(disk_flip(&rig->disk, KV_ITEMS, 0, 200));
    story_begin(&story, rig);
    story_run_and_check(&story, rig);
    assert_err(story.ops[1].err, ERR_CORRUPT);
}

static void an_op_that_meets_a_corrupt_counter_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    struct story story;
    rig_put(rig, "bad", "bad", NULL, "x");
    assert_true(disk_flip(&rig->disk, KV_COUNTS, 0, 100));
    story_begin(&story, rig);
    story_run_and_check(&story, rig);
    assert_err(story.ops[1].err, ERR_CORRUPT);
}

static void an_op_that_runs_out_of_memory_leaves_nothing(void **state)
{
    enum { LARGE_BYTES = 400000 };
    struct rig *rig = *state;
    struct story story;
    char *large = malloc(LARGE_BYTES + 1);
    assert_non_null(large);
    memset(large, 'x', LARGE_BYTES);
    large[LARGE_BYTES] = '\0';
    story_begin(&story, rig);
    story.items[5].value = span_text(large);
    rig->store.scratch.ceiling_bytes = 300000;
    story_run_and_check(&story, rig);
    assert_err(story.ops[1].err, ERR_MEMORY);
    rig->store.scratch.ceiling_bytes = STORE_SCRATCH_BYTES_MAX;
    rig_run(rig, &story.ops[1], 1);
    assert_ok(story.ops[1].err);
    rig_expect(rig, "room", "a", "changed");
    rig_expect_exact_index(rig);
    free(large);
}

/* Each allocation fails in turn: an op is there whole or not at all, and what was told is so. */
static void every_shortage_of_memory_leaves_each_op_done_or_undone(void **state)
{
    (void)state;
    int refused_count = 0;
    for (size_t ceiling = 0; ceiling < 12000; ceiling += 48) {
        struct rig rig;
        struct story story;
        rig_init(&rig);
        story_begin(&story, &rig);
        arena_deinit(&rig.store.scratch); /* or its first block would be room enough */
        rig.store.scratch.ceiling_bytes = ceiling;
        rig_run(&rig, story.ops, 3);
        rig.store.scratch.ceiling_bytes = STORE_SCRATCH_BYTES_MAX;
        for (int i = 0; i < 3; i++)
            assert_true(story.ops[i].err == ERR_OK || story.ops[i].err == ERR_MEMORY);
        rig_expect(&rig, "room", "a", story.ops[1].err == ERR_OK ? "changed" : "a");
        rig_expect(&rig, "room", "new", story.ops[1].err == ERR_OK ? "made, made again" : "absent");
        rig_expect(&rig, "bad", "bad", story.ops[1].err == ERR_OK ? "refused" : "absent");
        uint32_t siblings_count = 1;
        for (int i = 0; i < 3; i++)
            siblings_count += story.ops[i].err == ERR_OK;
        assert_int_equal(rig_read(&rig, "room", "b").read.state.writes_count, siblings_count);
        rig_expect_exact_index(&rig);
        refused_count += story.ops[1].err != ERR_OK;
        rig_deinit(&rig);
    }
    assert_in_range(refused_count, 5, 245);
}

/* What one item needed is given back before the next: a batch of any length runs in the room of its largest item.
 */
static void a_long_op_needs_no_more_memory_than_its_largest_item(void **state)
{
    enum { ITEMS = 100, VALUE_BYTES = 20000 };
    struct rig *rig = *state;
    static struct op_write_item items[ITEMS];
    static char keys[ITEMS][8];
    static char value[VALUE_BYTES + 1];
    memset(value, 'x', VALUE_BYTES);
    for (int i = 0; i < ITEMS; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        items[i] = rig_item(rig_key("room", keys[i]), NULL, value);
    }
    rig->store.scratch.ceiling_bytes = 10 * VALUE_BYTES;
    struct op ops[2] = {rig_write_op(rig, items, ITEMS), rig_write_op(rig, items, ITEMS)};
    rig_run(rig, ops, 2);
    assert_ok(ops[0].err);
    assert_ok(ops[1].err);
}

static void a_writer_whose_own_memory_is_full_has_written_nothing(void **state)
{
    struct rig *rig = *state;
    struct op_write_item item = rig_item(rig_key("room", "a"), NULL, "1");
    struct op op = rig_write_op(rig, &item, 1);
    struct arena none;
    arena_init(&none, 0);
    op.arena = &none;
    op.write.wants_context = true;
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_MEMORY);
    rig_expect(rig, "room", "a", "absent");
    rig_expect_exact_index(rig);
}

static void a_reader_whose_own_memory_is_full_is_told_so(void **state)
{
    struct rig *rig = *state;
    struct arena none;
    rig_put(rig, "room", "a", NULL, "1");
    struct op ops[4] = {
        {.kind = OP_READ, .read = {.key = rig_key("room", "a")}},
        {.kind = OP_RANGE, .range = {.key = rig_key("room", ""), .items_max = 5}},
        {.kind = OP_INDEX, .index = {.bucket_id = RIG_BUCKET, .rows_max = 5}},
        {.kind = OP_READ, .read = {.key = rig_key("room", "absent")}},
    };
    arena_init(&none, 0);
    for (int i = 0; i < 4; i++)
        ops[i].arena = &none;
    rig_run(rig, ops, 4);
    for (int i = 0; i < 3; i++)
        assert_err(ops[i].err, ERR_MEMORY);
    assert_ok(ops[3].err);
    /* and with room for a part only */
    for (size_t ceiling = 100; ceiling < 3000; ceiling += 50) {
        arena_init(&none, ceiling);
        for (int i = 0; i < 3; i++) {
            rig_run(rig, &ops[i], 1);
            assert_true(ops[i].err == ERR_MEMORY || ops[i].err == ERR_OK);
            arena_deinit(&none);
        }
    }
    for (int i = 0; i < 3; i++)
        assert_ok(ops[i].err);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(ops_of_one_batch_share_one_commit),
        rig_test(ops_of_one_batch_see_each_other_in_order),
        rig_test(an_empty_batch_is_harmless),
        rig_test(all_items_of_an_op_are_written),
        rig_test(an_op_that_meets_a_full_item_leaves_nothing),
        rig_test(an_op_of_two_items_leaves_nothing_when_the_second_is_refused),
        rig_test(a_long_op_needs_no_more_memory_than_its_largest_item),
        rig_test(an_op_that_meets_a_corrupt_item_leaves_nothing),
        rig_test(an_op_that_meets_a_corrupt_counter_leaves_nothing),
        rig_test(an_op_that_runs_out_of_memory_leaves_nothing),
        cmocka_unit_test(every_shortage_of_memory_leaves_each_op_done_or_undone),
        rig_test(a_writer_whose_own_memory_is_full_has_written_nothing),
        rig_test(a_reader_whose_own_memory_is_full_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
