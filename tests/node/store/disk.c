/* The memory disk: the contract of kv.h, and failing as it is told to. */
#include "sim/disk.h"
#include "tests/lib/kv_contract.h"

static int set_up(void **state)
{
    static struct disk disk;
    disk_init(&disk);
    *state = &disk.kv;
    return 0;
}

static struct disk *disk_of(void **state)
{
    return (struct disk *)*state;
}

static int tear_down(void **state)
{
    disk_deinit(disk_of(state));
    disk_deinit(disk_of(state));
    return 0;
}

static enum err put_three(struct kv *kv)
{
    struct kv_txn *txn = NULL;
    enum err err = kv_begin(kv, true, &txn);
    if (err != ERR_OK) return err;
    err = kv_put(txn, KV_DOCS, span_text("a"), span_text("1"));
    if (err == ERR_OK) err = kv_put(txn, KV_DOCS, span_text("b"), span_text("2"));
    if (err == ERR_OK) err = kv_delete(txn, KV_DOCS, span_text("c"));
    if (err == ERR_OK) return kv_commit(txn);
    kv_abort(txn);
    return err;
}

static void the_nth_change_fails_once_and_nothing_of_its_transaction_stays(void **state)
{
    struct disk *disk = disk_of(state);
    for (uint64_t n = 1; n <= 4; n++) {
        disk_fail_next(disk, n, n == 4 ? ERR_IO : ERR_FULL);
        assert_err(put_three(*state), n == 4 ? ERR_IO : ERR_FULL);
        assert_int_equal(disk_rows_count(disk, KV_DOCS), 0);
        assert_int_equal(disk->commits_count, 0);
    }
    assert_ok(put_three(*state));
    assert_int_equal(disk_rows_count(disk, KV_DOCS), 2);
    disk_fail_next(disk, 1, ERR_IO);
    disk_fail_next(disk, 0, ERR_OK);
    assert_ok(put_three(*state));
}

static void a_transaction_in_which_a_change_failed_can_only_be_ended(void **state)
{
    struct disk *disk = disk_of(state);
    struct kv_txn *txn = kv_contract_begin(*state, true);
    struct span value;
    disk_fail_next(disk, 1, ERR_MEMORY);
    assert_err(kv_put(txn, KV_DOCS, span_text("a"), span_text("1")), ERR_MEMORY);
    assert_err(kv_put(txn, KV_DOCS, span_text("a"), span_text("1")), ERR_MEMORY);
    assert_err(kv_get(txn, KV_DOCS, span_text("a"), &value), ERR_MEMORY);
    assert_err(kv_commit(txn), ERR_MEMORY);
    assert_int_equal(disk_rows_count(disk, KV_DOCS), 0);
}

static void the_nth_call_of_any_kind_fails(void **state)
{
    struct disk *disk = disk_of(state);
    disk_fail_call(disk, 1, ERR_IO);
    assert_err(put_three(*state), ERR_IO);
    disk_fail_call(disk, 5, ERR_IO); /* the commit */
    assert_err(put_three(*state), ERR_IO);
    assert_ok(put_three(*state));
    struct kv_txn *txn = kv_contract_begin(*state, false);
    struct span value;
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = true;
    disk_fail_call(disk, 1, ERR_IO);
    assert_err(kv_get(txn, KV_DOCS, span_text("a"), &value), ERR_IO);
    assert_null(value.bytes);
    disk_fail_call(disk, 1, ERR_IO);
    assert_err(kv_cursor_open(txn, KV_DOCS, &cursor), ERR_IO);
    assert_ok(kv_cursor_open(txn, KV_DOCS, &cursor));
    disk_fail_call(disk, 1, ERR_IO);
    assert_err(kv_cursor_step(cursor, KV_AT_OR_AFTER, span_text("a"), &pair, &found), ERR_IO);
    assert_false(found);
    assert_ok(kv_cursor_step(cursor, KV_AT_OR_AFTER, span_text("a"), &pair, &found));
    assert_true(found);
    kv_cursor_close(cursor);
    kv_abort(txn);
}

static void a_crash_drops_what_was_not_committed(void **state)
{
    struct disk *disk = disk_of(state);
    assert_ok(put_three(*state));
    struct kv_txn *txn = kv_contract_begin(*state, true);
    struct kv_cursor *cursor = NULL;
    assert_ok(kv_put(txn, KV_DOCS, span_text("late"), span_text("1")));
    assert_ok(kv_cursor_open(txn, KV_DOCS, &cursor));
    kv_contract_seek(cursor, KV_AT_OR_AFTER, "late", "late");
    (void)kv_contract_begin(*state, false);
    disk_crash(disk);
    assert_int_equal(disk_rows_count(disk, KV_DOCS), 2);
    assert_ok(put_three(*state)); /* there is room for a writer again */
}

static void a_flipped_bit_is_seen_by_later_readers_only(void **state)
{
    struct disk *disk = disk_of(state);
    assert_ok(put_three(*state));
    struct kv_txn *before = kv_contract_begin(*state, false);
    assert_true(disk_flip(disk, KV_DOCS, 1, 0));
    struct kv_txn *after = kv_contract_begin(*state, false);
    kv_contract_has(before, KV_DOCS, "b", "2");
    kv_contract_has(after, KV_DOCS, "b", "3");
    kv_contract_has(after, KV_DOCS, "a", "1");
    assert_false(disk_flip(disk, KV_DOCS, 2, 0));
    assert_false(disk_flip(disk, KV_DOCS, 1, 8));
    assert_false(disk_flip(disk, KV_META, 0, 0));
    kv_abort(before);
    kv_abort(after);
}

static void a_copy_goes_its_own_way(void **state)
{
    struct disk *disk = disk_of(state);
    struct disk copy;
    assert_ok(put_three(*state));
    disk_copy(disk, &copy);
    kv_contract_put(*state, KV_DOCS, "a", "of the first");
    kv_contract_put(&copy.kv, KV_DOCS, "a", "of the copy");
    kv_contract_put(&copy.kv, KV_DOCS, "d", "4");
    struct kv_txn *txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_DOCS, "a", "of the first");
    kv_contract_has(txn, KV_DOCS, "d", NULL);
    kv_abort(txn);
    txn = kv_contract_begin(&copy.kv, false);
    kv_contract_has(txn, KV_DOCS, "a", "of the copy");
    kv_contract_has(txn, KV_DOCS, "b", "2");
    kv_abort(txn);
    disk_deinit(&copy);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        KV_CONTRACT_TESTS(set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_nth_change_fails_once_and_nothing_of_its_transaction_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_transaction_in_which_a_change_failed_can_only_be_ended, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_nth_call_of_any_kind_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_crash_drops_what_was_not_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_seen_by_later_readers_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_goes_its_own_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
