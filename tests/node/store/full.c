/* Ops of one batch of which some do not fit: those are refused, and their neighbours are done (H20). */
#include "tests/lib/store_rig.h"

enum { OPS_MAX = 19, FITS_BYTES = 400 };

static char too_large[FITS_BYTES + 1];

/* A batch of `count` ops: a value, a deletion, a value, … each to an item of its own. */
struct batch {
    struct op_write_item items[OPS_MAX];
    struct op ops[OPS_MAX];
    char keys[OPS_MAX][12]; /* the digits of any number */
    uint32_t count;
};

static bool is_deletion(uint32_t i)
{
    return i % 2 == 1;
}

static void batch_begin(struct batch *batch, struct rig *rig, uint32_t count)
{
    memset(too_large, 'x', sizeof too_large - 1);
    batch->count = count;
    rig->disk.value_bytes_max = 0;
    for (uint32_t i = 0; i < count; i++) {
        snprintf(batch->keys[i], sizeof batch->keys[i], "%02u", i);
        rig_put(rig, "room", batch->keys[i], NULL, "old");
    }
    for (uint32_t i = 0; i < count; i++) {
        static struct crdt_vclock tokens[OPS_MAX];
        tokens[i] = rig_context(rig, "room", batch->keys[i]);
        batch->items[i] = rig_item(rig_key("room", batch->keys[i]), &tokens[i], is_deletion(i) ? NULL : "new");
        batch->ops[i] = rig_write_op(rig, &batch->items[i], 1);
    }
    rig->disk.value_bytes_max = FITS_BYTES;
}

static void batch_enlarge(struct batch *batch, uint32_t i)
{
    batch->items[i].kind = CRDT_VALUE;
    batch->items[i].value = span_text(too_large);
}

static bool is_enlarged(const struct batch *batch, uint32_t i)
{
    return batch->items[i].value.length > FITS_BYTES - 100;
}

static void expect_only_the_enlarged_refused(struct rig *rig, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        bool is_refused = is_enlarged(batch, i);
        assert_err(batch->ops[i].err, is_refused ? ERR_FULL : ERR_OK);
        rig_expect(rig, "room", batch->keys[i], is_refused ? "old" : is_deletion(i) ? "null" : "new");
    }
    rig_expect_exact_index(rig);
}

static void one_that_does_not_fit_is_refused_alone(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= OPS_MAX; count++) {
        for (uint32_t large = 0; large < count; large++) {
            struct rig rig;
            struct batch batch;
            rig_init(&rig);
            batch_begin(&batch, &rig, count);
            batch_enlarge(&batch, large);
            uint64_t commits = rig.disk.commits_count;
            uint64_t counted = rig.store.commits;
            rig_run(&rig, batch.ops, count);
            assert_int_equal(rig.store.commits - counted, rig.disk.commits_count - commits);
            expect_only_the_enlarged_refused(&rig, &batch);
            assert_in_range(rig.disk.commits_count - commits, count > 1, 9); /* about twice the logarithm */
            rig_restart(&rig);
            expect_only_the_enlarged_refused(&rig, &batch);
            rig_deinit(&rig);
        }
    }
}

static void any_number_that_do_not_fit_are_refused_and_the_rest_is_done(void **state)
{
    (void)state;
    for (uint32_t step = 1; step <= 4; step++) {
        struct rig rig;
        struct batch batch;
        rig_init(&rig);
        batch_begin(&batch, &rig, OPS_MAX);
        for (uint32_t i = 0; i < OPS_MAX; i += step)
            batch_enlarge(&batch, i);
        uint64_t commits = rig.disk.commits_count;
        uint64_t counted = rig.store.commits;
        rig_run(&rig, batch.ops, OPS_MAX);
        assert_int_equal(rig.store.commits - counted, rig.disk.commits_count - commits);
        expect_only_the_enlarged_refused(&rig, &batch);
        if (step == 1) assert_int_equal(rig.disk.commits_count, commits);
        rig_deinit(&rig);
    }
}

static void the_ops_of_a_divided_batch_keep_their_order(void **state)
{
    struct rig *rig = *state;
    struct op_write_item items[OPS_MAX];
    struct op ops[OPS_MAX];
    for (uint32_t i = 0; i < OPS_MAX; i++) {
        items[i] = rig_item(rig_key("room", "one"), NULL, "1");
        ops[i] = rig_write_op(rig, &items[i], 1);
    }
    memset(too_large, 'x', sizeof too_large - 1);
    items[7].value = span_text(too_large);
    rig->disk.value_bytes_max = FITS_BYTES;
    rig_run(rig, ops, OPS_MAX);
    uint64_t last_counter = 0;
    for (uint32_t i = 0; i < OPS_MAX; i++) {
        assert_err(ops[i].err, i == 7 ? ERR_FULL : ERR_OK);
        if (i == 7) continue;
        assert_true(ops[i].write.last_counter > last_counter);
        last_counter = ops[i].write.last_counter;
    }
    rig_expect_exact_index(rig);
}

/* The disk fails while a divided batch is under way: from there on nothing is acknowledged (H18). */
static void a_disk_that_fails_between_the_parts_fails_all_that_is_left(void **state)
{
    (void)state;
    bool has_failed = true;
    for (uint64_t call = 1; has_failed; call++) {
        struct rig rig;
        struct batch batch;
        rig_init(&rig);
        batch_begin(&batch, &rig, OPS_MAX);
        batch_enlarge(&batch, 9);
        disk_fail_next(&rig.disk, call, ERR_IO);
        rig_run(&rig, batch.ops, OPS_MAX);
        has_failed = rig.disk.change_fault.calls_left == 0;
        disk_fail_next(&rig.disk, 0, ERR_OK);
        bool is_over = false;
        for (uint32_t i = 0; i < OPS_MAX; i++) {
            is_over |= batch.ops[i].err == ERR_IO;
            assert_true(!is_over || batch.ops[i].err == ERR_IO);
            bool is_done = batch.ops[i].err == ERR_OK;
            rig_expect(&rig, "room", batch.keys[i], !is_done ? "old" : is_deletion(i) ? "null" : "new");
        }
        assert_int_equal(is_over, has_failed);
        rig_deinit(&rig);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_does_not_fit_is_refused_alone),
        cmocka_unit_test(any_number_that_do_not_fit_are_refused_and_the_rest_is_done),
        rig_test(the_ops_of_a_divided_batch_keep_their_order),
        cmocka_unit_test(a_disk_that_fails_between_the_parts_fails_all_that_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
