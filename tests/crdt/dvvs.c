/* The state of one item, one behaviour at a time; whole histories are in laws.c, the protocol's trace in trace.c.
 */
#include "cmocka_all.h"
#include "item.h"
#include "random.h"

static void assert_text(const struct item *item, const char *expected)
{
    char text[ITEM_TEXT_MAX];
    assert_true(crdt_dvvs_is_valid(&item->state));
    assert_string_equal(item_text(&item->state, text), expected);
}

static void assert_values(const struct item *item, const char *expected)
{
    char text[ITEM_TEXT_MAX];
    assert_string_equal(item_values_text(&item->state, text), expected);
}

/* A{5; 6:x, 9:y} B{0; 3:null} C{4; -} */
static void sample(struct item *item)
{
    item_init(item);
    item_discard(item, ACTOR_C, 4);
    item_write(item, ACTOR_B, 3, NULL);
    item_discard(item, ACTOR_A, 5);
    item_write(item, ACTOR_A, 6, "x");
    item_write(item, ACTOR_A, 9, "y");
    assert_text(item, "A{5; 6:x, 9:y} B{0; 3:null} C{4; -}");
}

static void an_empty_state_is_valid_and_knows_nothing(void **state)
{
    (void)state;
    struct crdt_dvvs item = crdt_dvvs_over(NULL, 0, NULL, 0);
    struct crdt_vclock context = crdt_vclock_over(NULL, 0);
    assert_true(crdt_dvvs_is_valid(&item));
    assert_true(crdt_dvvs_context(&item, &context));
    assert_int_equal(context.count, 0);
    assert_int_equal(crdt_dvvs_top(&item, ACTOR_A), 0);
    assert_int_equal(crdt_dvvs_values(&item, NULL), 0);
    assert_false(crdt_dvvs_is_tombstoned(&item));
    struct crdt_tally tally = crdt_dvvs_tally(&item, NULL);
    assert_int_equal(tally.entries + tally.conflicts + tally.values + tally.bytes, 0);
    assert_true(crdt_dvvs_is_equal(&item, &item));
    struct crdt_dvvs merged = crdt_dvvs_over(NULL, 0, NULL, 0);
    crdt_dvvs_merge(&item, &item, &merged);
    assert_int_equal(merged.columns_count, 0);
}

static void columns_stand_in_order_of_actor_whatever_the_order_of_writing(void **state)
{
    (void)state;
    struct item item;
    item_init(&item);
    item_write(&item, ACTOR_C, 1, "c");
    item_write(&item, ACTOR_A, 7, "a");
    item_write(&item, ACTOR_B, 4, "b");
    item_write(&item, ACTOR_A, 8, "d");
    assert_text(&item, "A{0; 7:a, 8:d} B{0; 4:b} C{0; 1:c}");
    assert_values(&item, "a, d, b, c");
}

static void the_context_is_the_top_of_every_column_also_of_those_without_writes(void **state)
{
    (void)state;
    struct item item;
    sample(&item);
    struct crdt_dot entries[3];
    struct crdt_vclock context = crdt_vclock_over(entries, 3);
    assert_true(crdt_dvvs_context(&item.state, &context));
    assert_int_equal(context.count, 3);
    assert_int_equal(crdt_vclock_get(&context, ACTOR_A), 9);
    assert_int_equal(crdt_vclock_get(&context, ACTOR_B), 3);
    assert_int_equal(crdt_vclock_get(&context, ACTOR_C), 4);
    assert_int_equal(crdt_dvvs_top(&item.state, ACTOR_A), 9);
    assert_int_equal(crdt_dvvs_top(&item.state, ACTOR_B), 3);
    assert_int_equal(crdt_dvvs_top(&item.state, ACTOR_C), 4);
    assert_int_equal(crdt_dvvs_top(&item.state, ACTOR_A + 1), 0);
    assert_int_equal(crdt_dvvs_top(&item.state, UINT64_MAX), 0);

    struct crdt_vclock too_small = {.entries = entries, .count = 1, .capacity = 2};
    assert_false(crdt_dvvs_context(&item.state, &too_small));
    assert_int_equal(too_small.count, 0);
}

/* I19 */
static void a_delete_discards_only_what_its_token_covers(void **state)
{
    (void)state;
    struct item item;
    sample(&item);
    struct crdt_dot dots[] = {{ACTOR_A, 6}, {ACTOR_B, 2}};
    struct crdt_vclock context = {.entries = dots, .count = 2, .capacity = 2};
    assert_true(crdt_dvvs_discard(&item.state, &context));
    item_write(&item, ACTOR_C, 5, NULL);
    assert_text(&item, "A{6; 9:y} B{2; 3:null} C{4; 5:null}");
}

static void discarding_never_lowers_and_remembers_actors_without_writes(void **state)
{
    (void)state;
    struct item item;
    item_init(&item);
    item_discard(&item, ACTOR_B, 7);
    assert_text(&item, "B{7; -}");
    item_discard(&item, ACTOR_B, 3);
    item_discard(&item, ACTOR_A, 1);
    item_discard(&item, ACTOR_C, 0); /* says nothing */
    assert_text(&item, "A{1; -} B{7; -}");
    struct crdt_vclock nothing = crdt_vclock_over(NULL, 0);
    assert_true(crdt_dvvs_discard(&item.state, &nothing));
    assert_text(&item, "A{1; -} B{7; -}");
}

static void discarding_can_go_above_all_writes_of_the_actor(void **state)
{
    (void)state;
    struct item item;
    sample(&item);
    item_discard(&item, ACTOR_A, 100);
    assert_text(&item, "A{100; -} B{0; 3:null} C{4; -}");
    item_write(&item, ACTOR_A, 101, "z");
    assert_text(&item, "A{100; 101:z} B{0; 3:null} C{4; -}");
}

static void a_discard_without_room_for_its_columns_changes_nothing(void **state)
{
    (void)state;
    struct crdt_column columns[2];
    struct crdt_write writes[2];
    struct crdt_dvvs item = crdt_dvvs_over(columns, 2, writes, 2);
    assert_true(crdt_dvvs_add(&item, ACTOR_A, write_of(1, "a")));
    struct crdt_dot dots[] = {{ACTOR_A, 1}, {ACTOR_B, 1}, {ACTOR_C, 1}};
    struct crdt_vclock context = {.entries = dots, .count = 3, .capacity = 3};
    char text[ITEM_TEXT_MAX];
    assert_false(crdt_dvvs_discard(&item, &context));
    assert_string_equal(item_text(&item, text), "A{0; 1:a}");
    context.count = 2;
    assert_true(crdt_dvvs_discard(&item, &context));
    assert_string_equal(item_text(&item, text), "A{1; -} B{1; -}");
    dots[2].counter = 0; /* an entry that says nothing needs no room */
    context.count = 3;
    assert_true(crdt_dvvs_discard(&item, &context));
    assert_string_equal(item_text(&item, text), "A{1; -} B{1; -}");
}

static void a_write_without_room_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct crdt_column columns[1];
    struct crdt_write writes[2];
    struct crdt_dvvs item = crdt_dvvs_over(columns, 1, writes, 2);
    char text[ITEM_TEXT_MAX];
    assert_true(crdt_dvvs_add(&item, ACTOR_B, write_of(1, "a")));
    assert_false(crdt_dvvs_add(&item, ACTOR_A, write_of(1, "b"))); /* no column left */
    assert_string_equal(item_text(&item, text), "B{0; 1:a}");
    assert_true(crdt_dvvs_add(&item, ACTOR_B, write_of(2, "b")));
    assert_false(crdt_dvvs_add(&item, ACTOR_B, write_of(3, "c"))); /* no write left */
    assert_string_equal(item_text(&item, text), "B{0; 1:a, 2:b}");
}

static void a_state_of_another_shape_is_not_valid(void **state)
{
    (void)state;
    struct item good;
    sample(&good);

    struct item bad;
#define BAD(change)                                                                                               \
    do {                                                                                                          \
        item_copy(&bad, &good.state);                                                                             \
        change;                                                                                                   \
        assert_false(crdt_dvvs_is_valid(&bad.state));                                                             \
    } while (0)
    BAD(bad.state.columns_capacity = 2);
    BAD(bad.state.writes_capacity = 2);
    BAD(bad.columns[1].actor = ACTOR_A); /* twice */
    BAD(bad.columns[1].actor = ACTOR_A - 1);
    BAD(bad.columns[2].discard = 0); /* a column that says nothing */
    BAD(bad.columns[0].writes_count = 1);
    BAD(bad.columns[0].writes_count = 3);
    BAD(bad.columns[0].writes_count = UINT32_MAX);
    BAD(bad.columns[2].writes_count = 1);
    BAD(bad.state.writes_count = 2);
    BAD(bad.writes[0].counter = 5); /* not above the discard */
    BAD(bad.writes[1].counter = 6); /* not ascending */
    BAD(bad.writes[2].counter = 0);
    BAD(bad.writes[0].kind = 2);
    BAD(bad.writes[2].value_bytes = 1); /* a tombstone with bytes */
    BAD(bad.writes[2].value_bytes = 1; bad.writes[2].value = (const uint8_t *)"t");
    BAD(bad.writes[0].value = NULL);
#undef BAD
    item_copy(&bad, &good.state);
    bad.writes[0].value_bytes = 0;
    bad.writes[0].value = NULL; /* an empty value needs no pointer */
    assert_true(crdt_dvvs_is_valid(&bad.state));
}

static void a_merge_keeps_what_neither_side_has_discarded(void **state)
{
    (void)state;
    struct item a;
    struct item b;
    struct item both;
    sample(&a);
    item_init(&b);
    item_discard(&b, ACTOR_A, 6);
    item_write(&b, ACTOR_A, 9, "y");
    item_write(&b, ACTOR_A, 12, "z");
    item_discard(&b, ACTOR_B, 3);
    item_merge(&both, &a, &b);
    assert_text(&both, "A{6; 9:y, 12:z} B{3; -} C{4; -}");
    item_merge(&both, &b, &a);
    assert_text(&both, "A{6; 9:y, 12:z} B{3; -} C{4; -}");
}

static void a_merge_with_the_empty_state_is_the_state(void **state)
{
    (void)state;
    struct item a;
    struct item empty;
    struct item both;
    sample(&a);
    item_init(&empty);
    item_merge(&both, &a, &empty);
    assert_true(crdt_dvvs_is_equal(&both.state, &a.state));
    item_merge(&both, &empty, &a);
    assert_true(crdt_dvvs_is_equal(&both.state, &a.state));
}

static void equality_sees_every_field(void **state)
{
    (void)state;
    struct item a;
    struct item b;
    sample(&a);
    item_copy(&b, &a.state);
    assert_true(crdt_dvvs_is_equal(&a.state, &b.state));
#define DIFFERENT(change)                                                                                         \
    do {                                                                                                          \
        item_copy(&b, &a.state);                                                                                  \
        change;                                                                                                   \
        assert_false(crdt_dvvs_is_equal(&a.state, &b.state));                                                     \
        assert_false(crdt_dvvs_is_equal(&b.state, &a.state));                                                     \
    } while (0)
    DIFFERENT(b.state.columns_count = 2);
    DIFFERENT(b.state.writes_count = 2);
    DIFFERENT(b.columns[2].actor++);
    DIFFERENT(b.columns[0].discard--);
    DIFFERENT(b.columns[0].writes_count = 1; b.columns[1].writes_count = 2);
    DIFFERENT(b.writes[1].counter++);
    DIFFERENT(b.writes[1].expires_at_ms = 1);
    DIFFERENT(b.writes[1].flags = 1);
    DIFFERENT(b.writes[2].kind = CRDT_VALUE);
    DIFFERENT(b.writes[0].value = (const uint8_t *)"X");
    DIFFERENT(b.writes[0].value = (const uint8_t *)"xx"; b.writes[0].value_bytes = 2);
    DIFFERENT(b.writes[0].value_bytes = 0);
#undef DIFFERENT
    char copy[] = "y"; /* the bytes count, not where they are */
    item_copy(&b, &a.state);
    b.writes[1].value = (const uint8_t *)copy;
    assert_true(crdt_dvvs_is_equal(&a.state, &b.state));
}

/* H5 */
static void values_equal_in_bytes_are_one_value_and_the_first_stands_for_them(void **state)
{
    (void)state;
    struct item item;
    uint32_t indexes[ITEM_WRITES_MAX];
    item_init(&item);
    item_write(&item, ACTOR_A, 1, "x");
    item_write(&item, ACTOR_A, 2, NULL);
    item_write(&item, ACTOR_A, 3, "");
    item_write(&item, ACTOR_A, 4, "x");
    item_write(&item, ACTOR_B, 1, NULL);
    item_write(&item, ACTOR_B, 2, "xy");
    item_write(&item, ACTOR_B, 3, "y");
    item_write(&item, ACTOR_C, 1, "");
    assert_int_equal(crdt_dvvs_values(&item.state, indexes), 5);
    static const uint32_t expected[] = {0, 1, 2, 5, 6};
    assert_memory_equal(indexes, expected, sizeof expected);
    assert_values(&item, "x, null, , xy, y");
}

static void check_tally(const struct item *item, uint64_t entries, uint64_t conflicts, uint64_t values,
                        uint64_t bytes)
{
    uint32_t scratch[ITEM_WRITES_MAX];
    struct crdt_tally tally = crdt_dvvs_tally(&item->state, scratch);
    assert_int_equal(tally.entries, entries);
    assert_int_equal(tally.conflicts, conflicts);
    assert_int_equal(tally.values, values);
    assert_int_equal(tally.bytes, bytes);
}

static void the_tally_counts_values_once_and_tombstones_only_as_conflicts(void **state)
{
    (void)state;
    struct item item;
    item_init(&item);
    check_tally(&item, 0, 0, 0, 0);
    item_write(&item, ACTOR_A, 1, NULL);
    check_tally(&item, 0, 0, 0, 0);
    assert_true(crdt_dvvs_is_tombstoned(&item.state));
    item_write(&item, ACTOR_B, 1, NULL); /* two concurrent deletes are no conflict */
    check_tally(&item, 0, 0, 0, 0);
    assert_true(crdt_dvvs_is_tombstoned(&item.state));
    item_write(&item, ACTOR_B, 2, "");
    check_tally(&item, 1, 1, 1, 0);
    assert_false(crdt_dvvs_is_tombstoned(&item.state));
    item_write(&item, ACTOR_B, 3, "");
    check_tally(&item, 1, 1, 1, 0);
    item_write(&item, ACTOR_B, 4, "abc");
    check_tally(&item, 1, 1, 2, 3);
    item_discard(&item, ACTOR_A, 1);
    item_discard(&item, ACTOR_B, 3);
    check_tally(&item, 1, 0, 1, 3);
    item_discard(&item, ACTOR_B, 4);
    check_tally(&item, 0, 0, 0, 0);
    assert_false(crdt_dvvs_is_tombstoned(&item.state)); /* nothing is left that could be one */
}

static void a_writer_learns_what_it_sent_and_its_own_dot(void **state)
{
    (void)state;
    struct item item;
    struct crdt_dot sent_dots[] = {{ACTOR_A, 9}, {ACTOR_C, 4}};
    struct crdt_vclock sent = {.entries = sent_dots, .count = 2, .capacity = 2};
    struct crdt_dot entries[3];
    struct crdt_vclock out = crdt_vclock_over(entries, 3);
    sample(&item);
    assert_true(crdt_dvvs_discard(&item.state, &sent));
    item_write(&item, ACTOR_A, 10, "mine");
    assert_text(&item, "A{9; 10:mine} B{0; 3:null} C{4; -}");
    assert_true(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 10}, &sent, &out));
    assert_int_equal(out.count, 2);
    assert_int_equal(crdt_vclock_get(&out, ACTOR_A), 10);
    assert_int_equal(crdt_vclock_get(&out, ACTOR_C), 4);
    assert_int_equal(crdt_vclock_get(&out, ACTOR_B), 0); /* the concurrent delete is unread */
}

/* I9 */
static void a_writer_learns_nothing_when_an_unread_sibling_sits_below_its_dot(void **state)
{
    (void)state;
    struct item item;
    struct crdt_dot entries[3];
    struct crdt_vclock out = crdt_vclock_over(entries, 3);
    sample(&item);
    item_write(&item, ACTOR_A, 10, "mine");
    out.count = 1; /* whatever was there before */
    assert_false(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 10}, NULL, &out));
    assert_int_equal(out.count, 0);
}

static void a_writer_still_learns_its_dot_when_later_writes_have_come_or_superseded_it(void **state)
{
    (void)state;
    struct item item;
    struct crdt_dot entry;
    struct crdt_vclock out = crdt_vclock_over(&entry, 1);
    item_init(&item);
    item_write(&item, ACTOR_A, 1, "mine");
    item_write(&item, ACTOR_A, 2, "later");
    assert_true(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 1}, NULL, &out));
    assert_int_equal(crdt_vclock_get(&out, ACTOR_A), 1);
    item_discard(&item, ACTOR_A, 2);
    assert_true(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 1}, NULL, &out));
    assert_int_equal(crdt_vclock_get(&out, ACTOR_A), 1);
    item_init(&item); /* collected meanwhile */
    assert_true(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 1}, NULL, &out));
    assert_int_equal(crdt_vclock_get(&out, ACTOR_A), 1);
}

static void a_writer_learns_nothing_when_there_is_no_room_for_it(void **state)
{
    (void)state;
    struct item item;
    struct crdt_dot sent_dots[] = {{ACTOR_B, 9}, {ACTOR_C, 4}};
    struct crdt_vclock sent = {.entries = sent_dots, .count = 2, .capacity = 2};
    struct crdt_dot entries[3];
    item_init(&item);
    assert_true(crdt_dvvs_discard(&item.state, &sent));
    item_write(&item, ACTOR_A, 10, "mine");
    for (uint32_t capacity = 0; capacity <= 3; capacity++) {
        struct crdt_vclock out = crdt_vclock_over(entries, capacity);
        bool is_told = crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 10}, &sent, &out);
        assert_int_equal(is_told, capacity == 3);
        assert_int_equal(out.count, capacity == 3 ? 3 : 0);
    }
}

/* Any valid state, also such as no history reaches: columns with holes, one dot with two contents. */
static void random_state(struct item *item, uint64_t *random)
{
    static const uint64_t actors[] = {ACTOR_A, ACTOR_B, ACTOR_C};
    static const char *const values[] = {NULL, "", "x", "xy"};
    item_init(item);
    for (uint32_t i = 0; i < 3; i++) {
        item_discard(item, actors[i], random_below(random, 4));
        for (uint64_t counter = crdt_dvvs_top(&item->state, actors[i]) + 1; counter < 8; counter++) {
            if (random_below(random, 2) == 0) continue;
            struct crdt_write write = write_of(counter, values[random_below(random, 4)]);
            write.flags = (uint8_t)(random_below(random, 8) == 0);
            write.expires_at_ms = random_below(random, 8) == 0;
            assert_true(crdt_dvvs_add(&item->state, actors[i], write));
        }
    }
}

/* I8, for more than the reachable states: replicas become equal even where an invariant was broken. */
static void merge_is_a_join_on_any_valid_states(void **state)
{
    (void)state;
    uint64_t random = random_seed();
    static struct item a, b, c, ab, ba, bc, ab_c, a_bc, again;
    for (uint32_t run = 0; run < 20000; run++) {
        random_state(&a, &random);
        random_state(&b, &random);
        random_state(&c, &random);
        item_merge(&ab, &a, &b);
        item_merge(&ba, &b, &a);
        item_merge(&bc, &b, &c);
        item_merge(&ab_c, &ab, &c);
        item_merge(&a_bc, &a, &bc);
        assert_true(crdt_dvvs_is_valid(&ab_c.state));
        assert_true(crdt_dvvs_is_equal(&ab.state, &ba.state));
        assert_true(crdt_dvvs_is_equal(&ab_c.state, &a_bc.state));
        item_merge(&again, &a, &a);
        assert_true(crdt_dvvs_is_equal(&again.state, &a.state));
        item_merge(&again, &ab_c, &b);
        assert_true(crdt_dvvs_is_equal(&again.state, &ab_c.state));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_state_is_valid_and_knows_nothing),
        cmocka_unit_test(columns_stand_in_order_of_actor_whatever_the_order_of_writing),
        cmocka_unit_test(the_context_is_the_top_of_every_column_also_of_those_without_writes),
        cmocka_unit_test(a_delete_discards_only_what_its_token_covers),
        cmocka_unit_test(discarding_never_lowers_and_remembers_actors_without_writes),
        cmocka_unit_test(discarding_can_go_above_all_writes_of_the_actor),
        cmocka_unit_test(a_discard_without_room_for_its_columns_changes_nothing),
        cmocka_unit_test(a_write_without_room_is_refused_and_changes_nothing),
        cmocka_unit_test(a_state_of_another_shape_is_not_valid),
        cmocka_unit_test(a_merge_keeps_what_neither_side_has_discarded),
        cmocka_unit_test(a_merge_with_the_empty_state_is_the_state),
        cmocka_unit_test(equality_sees_every_field),
        cmocka_unit_test(values_equal_in_bytes_are_one_value_and_the_first_stands_for_them),
        cmocka_unit_test(the_tally_counts_values_once_and_tombstones_only_as_conflicts),
        cmocka_unit_test(a_writer_learns_what_it_sent_and_its_own_dot),
        cmocka_unit_test(a_writer_learns_nothing_when_an_unread_sibling_sits_below_its_dot),
        cmocka_unit_test(a_writer_still_learns_its_dot_when_later_writes_have_come_or_superseded_it),
        cmocka_unit_test(a_writer_learns_nothing_when_there_is_no_room_for_it),
        cmocka_unit_test(merge_is_a_join_on_any_valid_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
