/* Rows that rotted and databases that went back in time: never served (I24), never a dot twice (I5, H1). */
#include "node/store/read.h"
#include "tests/lib/store_rig.h"

/* The number of an item's row among all of them. */
static uint64_t row_index_of(struct rig *rig, const char *partition_key, const char *sort_key)
{
    struct kv_txn *txn = rig_look(&rig->disk);
    struct kv_pair row = {0};
    struct keys_buffer buffer;
    uint8_t hash[RING_HASH_BYTES];
    keys_hash(rig->store.hash_key, RIG_BUCKET, span_text(partition_key), hash);
    struct span key = keys_item(&buffer, hash, span_text(sort_key));
    uint64_t index = 0;
    while (rig_next_row(txn, KV_ITEMS, &row) && !span_is_equal(row.key, key))
        index++;
    kv_abort(txn);
    return index;
}

static enum err read_err(struct rig *rig, const char *partition_key, const char *sort_key)
{
    return rig_read(rig, partition_key, sort_key).err;
}

static enum err range_err(struct rig *rig, const char *partition_key, uint32_t *items_count)
{
    struct op op = {.kind = OP_RANGE,
                    .arena = &rig->arena,
                    .range = {.key = rig_key(partition_key, ""), .items_max = OP_RANGE_ITEMS_MAX}};
    rig_run(rig, &op, 1);
    *items_count = op.range.items_count;
    return op.err;
}

static enum err index_err(struct rig *rig)
{
    struct op op = {.kind = OP_INDEX, .arena = &rig->arena, .index = {.bucket_id = RIG_BUCKET, .rows_max = 10}};
    rig_run(rig, &op, 1);
    return op.err;
}

static enum err write_err(struct rig *rig, const char *partition_key, const char *sort_key,
                          const struct crdt_vclock *context)
{
    enum op_outcome outcome = OP_DONE;
    return rig_try_put(rig, partition_key, sort_key, context, "new", &outcome);
}

/* --- rot ------------------------------------------------------------------------------------------------ */

static void no_flipped_bit_of_an_item_is_ever_served(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "a", NULL, "value");
    uint64_t bits = 0;
    for (; disk_flip(&rig->disk, KV_ITEMS, 0, bits); bits++) {
        uint32_t items_count = 0;
        assert_err(read_err(rig, "room", "a"), ERR_CORRUPT);
        assert_err(range_err(rig, "room", &items_count), ERR_CORRUPT);
        assert_int_equal(items_count, 0);
        assert_true(disk_flip(&rig->disk, KV_ITEMS, 0, bits));
    }
    assert_true(bits > 400);
    rig_expect(rig, "room", "a", "value");
}

static void no_flipped_bit_of_a_counter_is_ever_served(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "a", NULL, "value");
    for (uint64_t bit = 0; disk_flip(&rig->disk, KV_COUNTS, 0, bit); bit++) {
        assert_err(index_err(rig), ERR_CORRUPT);
        assert_true(disk_flip(&rig->disk, KV_COUNTS, 0, bit));
    }
    rig_expect_index(rig, "room", "1/0/1/5");
}

static void other_items_go_on_beside_a_corrupt_one(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "a", NULL, "1");
    rig_put(rig, "room", "b", NULL, "2");
    rig_put(rig, "hall", "c", NULL, "3");
    assert_true(disk_flip(&rig->disk, KV_ITEMS, row_index_of(rig, "room", "a"), 77));
    assert_err(read_err(rig, "room", "a"), ERR_CORRUPT);
    rig_expect(rig, "room", "b", "2");
    rig_expect(rig, "hall", "c", "3");
    rig_put(rig, "room", "b", NULL, "4");
    rig_expect(rig, "room", "b", "2, 4");
}

/* A corrupt own record may hide dots of ours: a new actor, but once, or a client could burn ids with one row. */
static void a_write_to_a_corrupt_item_is_refused_and_takes_a_new_actor_once(void **state)
{
    struct rig *rig = *state;
    struct disk before;
    uint64_t first = rig->store.actor.id;
    rig_put(rig, "room", "a", NULL, "1");
    rig_put(rig, "room", "b", NULL, "2");
    assert_true(disk_flip(&rig->disk, KV_ITEMS, row_index_of(rig, "room", "a"), 99));
    disk_copy(&rig->disk, &before);
    for (int i = 0; i < 3; i++)
        assert_err(write_err(rig, "room", "a", NULL), ERR_CORRUPT);
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
    uint64_t second = rig->store.actor.id;
    assert_true(second != first);
    assert_int_equal(rig->store.former_actors_taken, 1);
    rig_restart(rig);
    assert_true(rig->store.actor.id == second);
    struct crdt_vclock token = rig_context(rig, "room", "b");
    rig_put(rig, "room", "b", &token, "3");
    rig_expect(rig, "room", "b", "3");
    assert_int_equal(rig_context(rig, "room", "b").count, 2);
}

static void a_write_beside_a_corrupt_counter_is_refused_whole(void **state)
{
    struct rig *rig = *state;
    struct disk before;
    rig_put(rig, "room", "a", NULL, "1");
    assert_true(disk_flip(&rig->disk, KV_COUNTS, 0, 99));
    disk_copy(&rig->disk, &before);
    assert_err(write_err(rig, "room", "a", NULL), ERR_CORRUPT);
    assert_err(write_err(rig, "room", "b", NULL), ERR_CORRUPT);
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
    rig_expect(rig, "room", "a", "1");
}

/* H24: a counter that would fall below zero is said, not kept. */
static void a_counter_that_is_too_low_is_corrupt(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "a", NULL, "1");
    struct crdt_vclock token = rig_context(rig, "room", "a");
    struct kv_txn *txn = NULL;
    struct keys_buffer buffer;
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    assert_ok(kv_delete(txn, KV_COUNTS, keys_count(&buffer, RIG_BUCKET, span_text("room"))));
    assert_ok(kv_commit(txn));
    enum op_outcome outcome = OP_DONE;
    assert_err(write_err(rig, "room", "a", &token), ERR_CORRUPT);
    assert_err(rig_try_put(rig, "room", "a", &token, NULL, &outcome), ERR_CORRUPT);
    rig_expect(rig, "room", "a", "1");
}

/* A flipped bit in a key hides the row: who asks for it is not told that there is none. */
static void an_item_whose_key_rotted_is_not_said_to_be_absent(void **state)
{
    static const char *const others[] = {"b", "d"}; /* below and above "c", between its neighbours */
    struct rig *rig = *state;
    struct keys_buffer right_buffer;
    struct keys_buffer wrong_buffer;
    uint8_t hash[RING_HASH_BYTES];
    rig_put(rig, "p", "a", NULL, "1");
    rig_put(rig, "p", "c", NULL, "2");
    rig_put(rig, "p", "e", NULL, "3");
    keys_hash(rig->store.hash_key, RIG_BUCKET, span_text("p"), hash);
    struct span right = keys_item(&right_buffer, hash, span_text("c"));
    for (size_t i = 0; i < 2; i++) {
        struct span wrong = keys_item(&wrong_buffer, hash, span_text(others[i]));
        struct span row = {0};
        struct kv_txn *txn = NULL;
        assert_ok(kv_begin(&rig->disk.kv, true, &txn));
        assert_ok(kv_get(txn, KV_ITEMS, right, &row));
        row = span_of(arena_copy(&rig->arena, row.bytes, row.length), row.length);
        assert_ok(kv_put(txn, KV_ITEMS, wrong, row));
        assert_ok(kv_delete(txn, KV_ITEMS, right));
        assert_ok(kv_commit(txn));
        assert_err(read_err(rig, "p", "c"), ERR_CORRUPT);
        assert_err(read_err(rig, "p", others[i]), ERR_CORRUPT);
        rig_expect(rig, "p", "a", "1");
        rig_expect(rig, "p", "e", "3");
        rig_expect(rig, "p", "f", "absent");
        assert_ok(kv_begin(&rig->disk.kv, true, &txn));
        assert_ok(kv_put(txn, KV_ITEMS, right, row));
        assert_ok(kv_delete(txn, KV_ITEMS, wrong));
        assert_ok(kv_commit(txn));
    }
    rig_expect(rig, "p", "b", "absent");
}

/* Bytes of the item's row, of which one bit is then flipped. */
static size_t rot(struct rig *rig, const char *sort_key)
{
    struct keys_buffer buffer;
    uint8_t hash[RING_HASH_BYTES];
    struct kv_txn *txn = NULL;
    struct span row = {0};
    keys_hash(rig->store.hash_key, RIG_BUCKET, span_text("p"), hash);
    assert_ok(kv_begin(&rig->disk.kv, false, &txn));
    assert_ok(kv_get(txn, KV_ITEMS, keys_item(&buffer, hash, span_text(sort_key)), &row));
    size_t bytes = row.length;
    kv_abort(txn);
    assert_true(disk_flip(&rig->disk, KV_ITEMS, row_index_of(rig, "p", sort_key), bytes * 8 - 1));
    return bytes;
}

/* A row beside the place of an absent item is checked up to a bound: it may be anybody's, and as large as rows
 * get. */
static void a_large_row_beside_an_absent_item_is_not_looked_at(void **state)
{
    static char value[READ_NEIGHBOUR_BYTES_MAX + 1];
    struct rig *rig = *state;
    memset(value, 'v', sizeof value - 1);
    rig_put(rig, "p", "a", NULL, "1");
    rig_put(rig, "p", "c", NULL, value);
    size_t bytes = rot(rig, "c");
    size_t beside = bytes - (sizeof value - 1);
    assert_true(bytes > READ_NEIGHBOUR_BYTES_MAX);
    rig_expect(rig, "p", "b", "absent");
    rig_expect(rig, "p", "d", "absent");
    assert_err(read_err(rig, "p", "c"), ERR_CORRUPT);

    value[READ_NEIGHBOUR_BYTES_MAX - beside] = '\0';
    rig_put(rig, "p", "g", NULL, value);
    assert_int_equal(rot(rig, "g"), READ_NEIGHBOUR_BYTES_MAX);
    assert_err(read_err(rig, "p", "f"), ERR_CORRUPT);
    assert_err(read_err(rig, "p", "h"), ERR_CORRUPT);
}

static void a_record_moved_to_another_key_is_corrupt(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "a", NULL, "1");
    struct kv_txn *txn = NULL;
    struct keys_buffer buffer;
    uint8_t hash[RING_HASH_BYTES];
    struct kv_pair row = {0};
    keys_hash(rig->store.hash_key, RIG_BUCKET, span_text("room"), hash);
    assert_ok(kv_begin(&rig->disk.kv, true, &txn));
    assert_true(rig_next_row(txn, KV_ITEMS, &row));
    assert_ok(kv_put(txn, KV_ITEMS, keys_item(&buffer, hash, span_text("b")), row.value));
    assert_ok(kv_commit(txn));
    assert_err(read_err(rig, "room", "b"), ERR_CORRUPT);
    rig_expect(rig, "room", "a", "1");
}

/* --- back in time --------------------------------------------------------------------------------------- */

/* Put the backup in the place of the disk, and start. */
static void restore(struct rig *rig, const struct disk *backup)
{
    struct disk copy;
    store_close(&rig->store);
    disk_deinit(&rig->disk);
    disk_copy(backup, &copy);
    disk_copy(&copy, &rig->disk);
    disk_deinit(&copy);
    rig_open(rig);
}

static void a_token_of_a_counter_never_issued_means_a_new_actor(void **state)
{
    struct rig *rig = *state;
    struct disk backup;
    rig_put(rig, "room", "a", NULL, "1");
    disk_copy(&rig->disk, &backup);
    uint64_t first = rig->store.actor.id;
    rig->wall_us = 5000;
    rig_put(rig, "room", "a", NULL, "lost");
    struct crdt_vclock lost = rig_context(rig, "room", "a");
    restore(rig, &backup);
    disk_deinit(&backup);
    assert_true(rig->store.actor.id == first); /* nothing shows it yet */
    rig->wall_us = 2000;                       /* and the clock went back as well */
    rig_put(rig, "room", "a", &lost, "2");
    assert_true(rig->store.actor.id != first);
    assert_true(rig->store.actor.former[0] == first);
    assert_int_equal(rig->store.former_actors_taken, 1);
    rig_expect(rig, "room", "a", "2"); /* the lost write's dot does not cover the new one */
    struct crdt_vclock token = rig_context(rig, "room", "a");
    assert_true(crdt_vclock_get(&token, first) == 5000);
    rig_restart(rig);
    assert_true(rig->store.actor.id != first);
    rig_put(rig, "room", "a", &token, "3");
    assert_int_equal(rig->store.former_actors_taken, 0); /* once is enough */
    rig_expect(rig, "room", "a", "3");
}

/* The item that shows it may be any of the op's, and the op's first writes must already have the new name. */
static void a_rollback_is_seen_before_the_ops_first_write(void **state)
{
    struct rig *rig = *state;
    uint64_t first = rig->store.actor.id;
    struct crdt_dot dot = {first, 900000};
    struct crdt_vclock future = {.entries = &dot, .count = 1, .capacity = 1};
    struct op_write_item items[2] = {rig_item(rig_key("room", "a"), NULL, "1"),
                                     rig_item(rig_key("room", "b"), &future, "2")};
    struct op op = rig_write_op(rig, items, 2);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    struct crdt_vclock context = rig_context(rig, "room", "a");
    assert_int_equal(context.count, 1);
    assert_true(context.entries[0].actor == rig->store.actor.id);
    assert_true(context.entries[0].actor != first);
    assert_true(op.write.actor_id == rig->store.actor.id);
    assert_true(op.write.last_counter == rig->store.actor.last_counter);
    rig_expect(rig, "room", "b", "2");
}

static void tokens_of_counters_that_were_issued_change_nothing(void **state)
{
    struct rig *rig = *state;
    uint64_t first = rig->store.actor.id;
    rig_put(rig, "room", "a", NULL, "1");
    rig->wall_us = 700000;
    rig_put(rig, "room", "b", NULL, "2");
    struct crdt_dot dot = {first, 700000}; /* of another item, but issued */
    struct crdt_vclock context = {.entries = &dot, .count = 1, .capacity = 1};
    rig_put(rig, "room", "a", &context, "3");
    assert_true(rig->store.actor.id == first);
    rig_expect(rig, "room", "a", "3");
}

/* A batch that failed has used its counters up: they are not given again. */
static void counters_of_a_failed_batch_are_not_given_again(void **state)
{
    struct rig *rig = *state;
    struct op_write_item item = rig_item(rig_key("room", "a"), NULL, "1");
    struct op op = rig_write_op(rig, &item, 1);
    disk_fail_next(&rig->disk, 3, ERR_FULL);
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_FULL);
    rig->wall_us = 1;
    rig_put(rig, "room", "a", NULL, "2");
    assert_true(rig->store.actor.last_counter > 1000);
    rig_restart(rig);
    assert_true(rig->store.actor.last_counter > 1000);
}

/* A new actor taken in a batch that failed is not on the disk: the next batch must put it there, whatever it
 * writes.
 */
static void an_actor_taken_in_a_failed_batch_is_kept_with_the_next(void **state)
{
    struct rig *rig = *state;
    struct crdt_dot dot = {rig->store.actor.id, 900000};
    struct crdt_vclock future = {.entries = &dot, .count = 1, .capacity = 1};
    struct op_write_item item = rig_item(rig_key("room", "a"), &future, "1");
    struct op op = rig_write_op(rig, &item, 1);
    disk_fail_next(&rig->disk, 4, ERR_FULL); /* the commit, behind item, counters and actor */
    rig_run(rig, &op, 1);
    assert_err(op.err, ERR_FULL);
    uint64_t taken = rig->store.actor.id;
    assert_true(taken != dot.actor);
    struct op_document document = {.key = span_text("document")};
    op = (struct op){
        .kind = OP_DOCS_WRITE, .arena = &rig->arena, .docs = {.documents = &document, .documents_count = 1}};
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_true(document.register_.actor == taken);
    rig_restart(rig);
    assert_true(rig->store.actor.id == taken);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(no_flipped_bit_of_an_item_is_ever_served),
        rig_test(no_flipped_bit_of_a_counter_is_ever_served),
        rig_test(other_items_go_on_beside_a_corrupt_one),
        rig_test(a_write_to_a_corrupt_item_is_refused_and_takes_a_new_actor_once),
        rig_test(a_write_beside_a_corrupt_counter_is_refused_whole),
        rig_test(a_counter_that_is_too_low_is_corrupt),
        rig_test(an_item_whose_key_rotted_is_not_said_to_be_absent),
        rig_test(a_large_row_beside_an_absent_item_is_not_looked_at),
        rig_test(a_record_moved_to_another_key_is_corrupt),
        rig_test(a_token_of_a_counter_never_issued_means_a_new_actor),
        rig_test(a_rollback_is_seen_before_the_ops_first_write),
        rig_test(tokens_of_counters_that_were_issued_change_nothing),
        rig_test(an_actor_taken_in_a_failed_batch_is_kept_with_the_next),
        rig_test(counters_of_a_failed_batch_are_not_given_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
