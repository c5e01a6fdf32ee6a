/* Single items: what a write leaves, what a reader sees, what the index counts. */
#include "tests/lib/store_rig.h"

#include <stdlib.h>

/* --- the protocol's worked trace ------------------------------------------------------------------------ */

/* "1001; 1002:v2, 1003:v3": the one column a single node makes. */
static const char *column_text(const struct crdt_dvvs *state, char text[RIG_TEXT_BYTES])
{
    assert_int_equal(state->columns_count, 1);
    int at = snprintf(text, RIG_TEXT_BYTES, "%llu;", (unsigned long long)state->columns[0].discard);
    for (uint32_t i = 0; i < state->writes_count; i++) {
        const struct crdt_write *write = &state->writes[i];
        at += snprintf(text + at, RIG_TEXT_BYTES - (size_t)at, "%s %llu:%.*s", i == 0 ? "" : ",",
                       (unsigned long long)write->counter, write->kind == CRDT_VALUE ? (int)write->value_bytes : 1,
                       write->kind == CRDT_VALUE ? (const char *)write->value : "-");
    }
    return text;
}

static void expect_trace(struct rig *rig, const char *column, const char *values, const char *tally)
{
    char text[RIG_TEXT_BYTES];
    struct op op = rig_read(rig, "room", "item");
    assert_ok(op.err);
    assert_string_equal(column_text(&op.read.state, text), column);
    rig_expect(rig, "room", "item", values);
    rig_expect_index(rig, "room", tally);
    rig_expect_exact_index(rig);
}

/* The steps of node A of the protocol's trace; what B does there a single node cannot. */
static void the_worked_trace_of_one_node(void **state)
{
    struct rig *rig = *state;
    rig->wall_us = 1001;
    rig_put(rig, "room", "item", NULL, "v1");
    expect_trace(rig, "0; 1001:v1", "v1", "1/0/1/2");
    struct crdt_vclock token_of_1 = rig_context(rig, "room", "item");
    rig_put(rig, "room", "item", &token_of_1, "v2");
    expect_trace(rig, "1001; 1002:v2", "v2", "1/0/1/2");
    struct crdt_vclock token_of_2 = rig_context(rig, "room", "item");
    rig_put(rig, "room", "item", &token_of_1, "v3");
    expect_trace(rig, "1001; 1002:v2, 1003:v3", "v2, v3", "1/1/2/4");
    rig_put(rig, "room", "item", NULL, "v2");
    expect_trace(rig, "1001; 1002:v2, 1003:v3, 1004:v2", "v2, v3", "1/1/2/4");
    rig->wall_us = 2001;
    rig_put(rig, "room", "item", &token_of_2, NULL);
    expect_trace(rig, "1002; 1003:v3, 1004:v2, 2001:-", "v3, v2, null", "1/1/2/4");
    struct crdt_vclock token_of_5 = rig_context(rig, "room", "item");
    rig->wall_us = 2501;
    rig_put(rig, "room", "item", &token_of_5, NULL);
    expect_trace(rig, "2001; 2501:-", "null", "unlisted");
    rig->wall_us = 3001;
    rig_put(rig, "room", "item", NULL, "new");
    expect_trace(rig, "2001; 2501:-, 3001:new", "null, new", "1/1/1/3");
}

/* --- values --------------------------------------------------------------------------------------------- */

static void what_was_never_written_is_absent(void **state)
{
    struct rig *rig = *state;
    rig_expect(rig, "room", "item", "absent");
    rig_expect_index(rig, "room", "unlisted");
    rig_put(rig, "room", "item", NULL, "1");
    rig_expect(rig, "room", "ite", "absent");
    rig_expect(rig, "room", "item2", "absent");
    rig_expect(rig, "roo", "mitem", "absent");
    rig_expect(rig, "room", "", "absent");
}

static void an_empty_value_is_a_value(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "item", NULL, "");
    struct op op = rig_read(rig, "room", "item");
    assert_ok(op.err);
    assert_true(op.read.has_item);
    assert_int_equal(op.read.state.writes[0].kind, CRDT_VALUE);
    assert_non_null(op.read.state.writes[0].value);
    rig_expect_index(rig, "room", "1/0/1/0");
}

static void a_deletion_of_what_never_was_is_kept_and_not_counted(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "item", NULL, NULL);
    rig_expect(rig, "room", "item", "null");
    rig_expect_index(rig, "room", "unlisted");
    rig_expect_exact_index(rig);
}

/* I19 */
static void a_delete_discards_only_what_its_token_covers(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "item", NULL, "read");
    struct crdt_vclock token = rig_context(rig, "room", "item");
    rig_put(rig, "room", "item", NULL, "unread");
    rig_put(rig, "room", "item", &token, NULL);
    rig_expect(rig, "room", "item", "unread, null");
    rig_expect_index(rig, "room", "1/1/1/6");
}

static void an_empty_token_replaces_nothing(void **state)
{
    struct rig *rig = *state;
    struct crdt_vclock empty = crdt_vclock_over(NULL, 0);
    rig_put(rig, "room", "item", &empty, "1");
    rig_put(rig, "room", "item", &empty, "2");
    rig_expect(rig, "room", "item", "1, 2");
}

/* I18 */
static void items_of_other_keys_and_buckets_are_apart(void **state)
{
    struct rig *rig = *state;
    uint8_t bucket[KEYS_BUCKET_ID_BYTES];
    memcpy(bucket, RIG_BUCKET, sizeof bucket);
    bucket[3] ^= 1;
    struct op_write_item item = rig_item((struct op_key){bucket, span_text("room"), span_text("item")}, NULL,
                                         "other");
    struct op op = rig_write_op(rig, &item, 1);
    rig_put(rig, "room", "item", NULL, "1");
    rig_put(rig, "room", "item2", NULL, "2");
    rig_put(rig, "hall", "item", NULL, "3");
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    rig_expect(rig, "room", "item", "1");
    rig_expect(rig, "room", "item2", "2");
    rig_expect(rig, "hall", "item", "3");
    rig_expect_index(rig, "room", "2/0/2/2");
    rig_expect_index(rig, "hall", "1/0/1/1");
    rig_expect_exact_index(rig);
}

static void empty_and_longest_keys_and_keys_with_any_character_are_kept(void **state)
{
    struct rig *rig = *state;
    char longest[KEYS_SORT_KEY_BYTES_MAX + 1];
    memset(longest, 'k', KEYS_SORT_KEY_BYTES_MAX);
    longest[KEYS_SORT_KEY_BYTES_MAX] = '\0';
    rig_put(rig, "", "", NULL, "1");
    rig_put(rig, "", longest, NULL, "2");
    rig_put(rig, longest, "", NULL, "3");
    rig_put(rig, longest, longest, NULL, "4");
    rig_put(rig, "\xf4\x8f\xbf\xbf", "\x01", NULL, "5");
    rig_expect(rig, "", "", "1");
    rig_expect(rig, "", longest, "2");
    rig_expect(rig, longest, "", "3");
    rig_expect(rig, longest, longest, "4");
    rig_expect(rig, "\xf4\x8f\xbf\xbf", "\x01", "5");
    rig_expect_index(rig, "", "2/0/2/2");
    rig_expect_exact_index(rig);
}

static void a_value_of_sixteen_mebibytes_comes_back(void **state)
{
    struct rig *rig = *state;
    char *large = malloc(RIG_ITEM_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'v', RIG_ITEM_BYTES_MAX);
    large[RIG_ITEM_BYTES_MAX] = '\0';
    rig_put(rig, "room", "item", NULL, large);
    struct op op = rig_read(rig, "room", "item");
    assert_ok(op.err);
    assert_true(span_is_equal(span_of(op.read.state.writes[0].value, op.read.state.writes[0].value_bytes),
                              span_text(large)));
    rig_expect_index(rig, "room", "1/0/1/16777216");
    free(large);
}

/* What a read returned is the asker's own: later writes do not reach it. */
static void what_was_read_stays_as_it_was(void **state)
{
    struct rig *rig = *state;
    char text[RIG_TEXT_BYTES];
    rig_put(rig, "room", "item", NULL, "before");
    struct op op = rig_read(rig, "room", "item");
    struct crdt_vclock token = rig_context(rig, "room", "item");
    rig_put(rig, "room", "item", &token, "after!");
    assert_string_equal(rig_state_text(&op.read.state, text), "before");
}

/* --- what the writer is told ---------------------------------------------------------------------------- */

/* Write and return the op, with the writer's context. */
static struct op write_asking(struct rig *rig, const struct crdt_vclock *context, const char *value)
{
    struct op_write_item item = rig_item(rig_key("room", "item"), context, value);
    struct op op = rig_write_op(rig, &item, 1);
    op.write.wants_context = true;
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.write.outcome, OP_DONE);
    return op;
}

static void alone_on_an_item_a_writer_can_replace_its_own_value(void **state)
{
    struct rig *rig = *state;
    struct op op = write_asking(rig, NULL, "1");
    assert_true(op.write.has_writer_context);
    assert_int_equal(op.write.writer_context.count, 1);
    assert_true(op.write.writer_context.entries[0].actor == rig->store.actor.id);
    assert_true(op.write.writer_context.entries[0].counter == 1000);
    for (int i = 0; i < 5; i++) {
        char value[2] = {(char)('a' + i), 0};
        struct crdt_vclock context = op.write.writer_context;
        op = write_asking(rig, &context, value);
        assert_true(op.write.has_writer_context);
        rig_expect(rig, "room", "item", value);
    }
}

/* I9: the clock cannot name the new write without naming the one below it. */
static void a_writer_is_not_told_of_a_sibling_it_has_not_read(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, "room", "item", NULL, "unread");
    struct op op = write_asking(rig, NULL, "mine");
    assert_false(op.write.has_writer_context);
    struct crdt_vclock token = rig_context(rig, "room", "item");
    op = write_asking(rig, &token, "replaces both");
    assert_true(op.write.has_writer_context);
}

/* The token names other actors too: all of it is kept, in the item and in what the writer is told. */
static void a_token_of_other_actors_is_part_of_what_the_writer_knows(void **state)
{
    struct rig *rig = *state;
    struct crdt_dot dots[3] = {{1, 10}, {2, 20}, {UINT64_MAX, 30}};
    struct crdt_vclock context = {.entries = dots, .count = 3, .capacity = 3};
    struct op op = write_asking(rig, &context, "1");
    assert_true(op.write.has_writer_context);
    assert_int_equal(op.write.writer_context.count, 4);
    struct crdt_vclock token = rig_context(rig, "room", "item");
    assert_true(crdt_vclock_is_equal(&token, &op.write.writer_context));
    rig_expect(rig, "room", "item", "1");
}

static void nobody_is_told_who_did_not_ask(void **state)
{
    struct rig *rig = *state;
    struct op_write_item item = rig_item(rig_key("room", "item"), NULL, "1");
    struct op op = rig_write_op(rig, &item, 1);
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_false(op.write.has_writer_context);
    uint8_t hash[RING_HASH_BYTES];
    keys_hash(rig->store.hash_key, RIG_BUCKET, span_text("room"), hash);
    assert_memory_equal(item.hash, hash, sizeof hash);
}

/* --- bounds --------------------------------------------------------------------------------------------- */

static void expect_refused(struct rig *rig, const struct crdt_vclock *context, const char *value,
                           enum op_outcome expected)
{
    struct disk before;
    enum op_outcome outcome = OP_DONE;
    disk_copy(&rig->disk, &before);
    assert_ok(rig_try_put(rig, "room", "item", context, value, &outcome));
    assert_int_equal(outcome, expected);
    rig_expect_same_rows(&rig->disk, &before);
    disk_deinit(&before);
}

/* H5: a cap with a clear refusal; a token clears it. */
static void siblings_beyond_the_cap_are_refused_until_a_token_covers_some(void **state)
{
    struct rig *rig = *state;
    char value[16];
    for (int i = 0; i < OP_SIBLINGS_MAX; i++) {
        snprintf(value, sizeof value, "%d", i);
        rig_put(rig, "room", "item", NULL, value);
    }
    expect_refused(rig, NULL, "one more", OP_TOO_MANY_SIBLINGS);
    expect_refused(rig, NULL, NULL, OP_TOO_MANY_SIBLINGS);
    rig_put(rig, "room", "other item", NULL, "goes on");
    struct op op = rig_read(rig, "room", "item");
    assert_int_equal(op.read.state.writes_count, OP_SIBLINGS_MAX);
    struct crdt_dot first = {rig->store.actor.id, op.read.state.writes[0].counter};
    struct crdt_vclock covers_one = {.entries = &first, .count = 1, .capacity = 1};
    rig_put(rig, "room", "item", &covers_one, "one more");
    expect_refused(rig, &covers_one, "and one more", OP_TOO_MANY_SIBLINGS);
    struct crdt_vclock token = rig_context(rig, "room", "item");
    rig_put(rig, "room", "item", &token, NULL);
    rig_expect(rig, "room", "item", "null");
    rig_expect_exact_index(rig);
}

static void actors_beyond_the_cap_are_refused(void **state)
{
    struct rig *rig = *state;
    struct crdt_dot dots[CRDT_VCLOCK_MAX];
    struct crdt_vclock context = {.entries = dots, .count = CRDT_VCLOCK_MAX, .capacity = CRDT_VCLOCK_MAX};
    for (uint64_t i = 0; i < CRDT_VCLOCK_MAX; i++)
        dots[i] = (struct crdt_dot){i + 1, 5};
    expect_refused(rig, &context, "1", OP_TOO_MANY_ACTORS); /* 128 of others, and our own */
    context.count--;
    rig_put(rig, "room", "item", &context, "1");
    rig_put(rig, "room", "item", &context, "2"); /* our column is there now */
    assert_int_equal(rig_context(rig, "room", "item").count, CRDT_VCLOCK_MAX);
    struct crdt_dot another = {1000, 5};
    struct crdt_vclock one_more = {.entries = &another, .count = 1, .capacity = 1};
    expect_refused(rig, &one_more, "3", OP_TOO_MANY_ACTORS);
    struct crdt_vclock token = rig_context(rig, "room", "item");
    rig_put(rig, "room", "item", &token, "3");
    rig_expect(rig, "room", "item", "3");
}

static void siblings_with_too_many_bytes_are_refused(void **state)
{
    struct rig *rig = *state;
    struct op_write_item item = rig_item(rig_key("room", "item"), NULL, "12345");
    struct op op = rig_write_op(rig, &item, 1);
    op.write.item_bytes_max = 9;
    for (int i = 0; i < 2; i++) {
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        assert_int_equal(op.write.outcome, i == 0 ? OP_DONE : OP_TOO_MANY_BYTES);
    }
    item.value.length = 4;
    rig_run(rig, &op, 1);
    assert_int_equal(op.write.outcome, OP_DONE);
    item.value.length = 0;
    item.kind = CRDT_TOMBSTONE; /* which has no bytes */
    rig_run(rig, &op, 1);
    assert_int_equal(op.write.outcome, OP_DONE);
    rig_expect(rig, "room", "item", "12345, 1234, null");
    struct crdt_vclock token = rig_context(rig, "room", "item");
    item = rig_item(rig_key("room", "item"), &token, "123456789");
    rig_run(rig, &op, 1);
    assert_int_equal(op.write.outcome, OP_DONE);
    rig_expect(rig, "room", "item", "123456789");
}

/* A value alone on its item is as long as its writer was allowed to send: that bound is not the item's. */
static void a_value_alone_is_not_held_to_the_bound_of_siblings(void **state)
{
    struct rig *rig = *state;
    struct op_write_item item = rig_item(rig_key("room", "item"), NULL, "1234567890");
    struct op op = rig_write_op(rig, &item, 1);
    op.write.item_bytes_max = 9;
    rig_run(rig, &op, 1);
    assert_ok(op.err);
    assert_int_equal(op.write.outcome, OP_DONE);
    rig_expect(rig, "room", "item", "1234567890");
}

/* --- the seal of tokens --------------------------------------------------------------------------------- */

/* H7: bound to bucket, keys and every number. */
static void a_seal_is_of_one_key_and_one_clock(void **state)
{
    (void)state;
    static const uint8_t token_key[HASH_KEY_BYTES] = "token key";
    static const uint8_t other_key[HASH_KEY_BYTES] = "token kez";
    static const uint8_t other_bucket[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 byteS";
    struct crdt_dot dots[3] = {{1, 2}, {3, 4}, {3, 5}};
    struct crdt_dot swapped[2] = {{2, 1}, {3, 4}};
    struct crdt_vclock clock = {.entries = dots, .count = 2, .capacity = 2};
    struct crdt_vclock shorter = {.entries = dots, .count = 1, .capacity = 2};
    struct crdt_vclock higher = {.entries = dots + 2, .count = 1, .capacity = 1};
    struct crdt_vclock other = {.entries = swapped, .count = 2, .capacity = 2};
    struct crdt_dot later[2] = {{1, 2}, {3, 5}};
    struct crdt_vclock later_clock = {.entries = later, .count = 2, .capacity = 2};
    struct op_key key = rig_key("ab", "c");
    struct op_key shifted = rig_key("a", "bc");
    struct op_key elsewhere = {other_bucket, span_text("ab"), span_text("c")};
    uint64_t seals[8] = {
        store_token_seal(token_key, &key, &clock),     store_token_seal(other_key, &key, &clock),
        store_token_seal(token_key, &shifted, &clock), store_token_seal(token_key, &elsewhere, &clock),
        store_token_seal(token_key, &key, &shorter),   store_token_seal(token_key, &key, &higher),
        store_token_seal(token_key, &key, &other),     store_token_seal(token_key, &key, &later_clock),
    };
    for (int i = 0; i < 8; i++) {
        assert_true(seals[i] != 0);
        for (int j = 0; j < i; j++)
            assert_true(seals[i] != seals[j]);
    }
    assert_true(store_token_seal(token_key, &key, &clock) == seals[0]);
}

static void the_empty_clock_has_the_seal_zero_everywhere(void **state)
{
    struct rig *rig = *state;
    struct op_key key = rig_key("a", "b");
    struct crdt_vclock empty = crdt_vclock_over(NULL, 0);
    assert_true(store_token_seal(rig->store.token_key, &key, &empty) == 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(the_worked_trace_of_one_node),
        rig_test(what_was_never_written_is_absent),
        rig_test(an_empty_value_is_a_value),
        rig_test(a_deletion_of_what_never_was_is_kept_and_not_counted),
        rig_test(a_delete_discards_only_what_its_token_covers),
        rig_test(an_empty_token_replaces_nothing),
        rig_test(items_of_other_keys_and_buckets_are_apart),
        rig_test(empty_and_longest_keys_and_keys_with_any_character_are_kept),
        rig_test(a_value_of_sixteen_mebibytes_comes_back),
        rig_test(what_was_read_stays_as_it_was),
        rig_test(alone_on_an_item_a_writer_can_replace_its_own_value),
        rig_test(a_writer_is_not_told_of_a_sibling_it_has_not_read),
        rig_test(a_token_of_other_actors_is_part_of_what_the_writer_knows),
        rig_test(nobody_is_told_who_did_not_ask),
        rig_test(siblings_beyond_the_cap_are_refused_until_a_token_covers_some),
        rig_test(actors_beyond_the_cap_are_refused),
        rig_test(siblings_with_too_many_bytes_are_refused),
        rig_test(a_value_alone_is_not_held_to_the_bound_of_siblings),
        rig_test(a_seal_is_of_one_key_and_one_clock),
        rig_test(the_empty_clock_has_the_seal_zero_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
