/* Version vectors, one behaviour at a time, then against a plain array. */
#include "cmocka_all.h"
#include "crdt/vclock.h"
#include "random.h"

#include <string.h>

static struct crdt_vclock clock_of(struct crdt_dot *entries, uint32_t capacity, const struct crdt_dot *dots,
                                   uint32_t count)
{
    struct crdt_vclock clock = crdt_vclock_over(entries, capacity);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(crdt_vclock_raise(&clock, dots[i]));
    }
    return clock;
}

static void a_new_clock_knows_nobody(void **state)
{
    (void)state;
    struct crdt_dot entries[2];
    struct crdt_vclock clock = crdt_vclock_over(entries, 2);
    assert_int_equal(clock.count, 0);
    assert_int_equal(clock.capacity, 2);
    assert_int_equal(crdt_vclock_get(&clock, 0), 0);
    assert_int_equal(crdt_vclock_get(&clock, UINT64_MAX), 0);
}

static void raising_keeps_the_actors_ascending_as_unsigned_numbers(void **state)
{
    (void)state;
    struct crdt_dot entries[4];
    const struct crdt_dot dots[] = {{UINT64_MAX, 4}, {0, 1}, {UINT64_C(1) << 63, 3}, {7, 2}};
    struct crdt_vclock clock = clock_of(entries, 4, dots, 4);
    const uint64_t actors[] = {0, 7, UINT64_C(1) << 63, UINT64_MAX};
    assert_int_equal(clock.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(clock.entries[i].actor == actors[i]);
        assert_int_equal(clock.entries[i].counter, i + 1);
        assert_int_equal(crdt_vclock_get(&clock, actors[i]), i + 1);
    }
    assert_int_equal(crdt_vclock_get(&clock, 8), 0);
}

static void raising_never_lowers(void **state)
{
    (void)state;
    struct crdt_dot entries[1];
    const struct crdt_dot dots[] = {{5, 9}, {5, 3}, {5, 9}, {5, 0}};
    struct crdt_vclock clock = clock_of(entries, 1, dots, 4);
    assert_int_equal(clock.count, 1);
    assert_int_equal(crdt_vclock_get(&clock, 5), 9);
    assert_true(crdt_vclock_raise(&clock, (struct crdt_dot){5, 10}));
    assert_int_equal(crdt_vclock_get(&clock, 5), 10);
}

static void a_counter_of_zero_adds_nothing_even_where_there_is_no_room(void **state)
{
    (void)state;
    struct crdt_vclock clock = crdt_vclock_over(NULL, 0);
    assert_true(crdt_vclock_raise(&clock, (struct crdt_dot){5, 0}));
    assert_int_equal(clock.count, 0);
}

static void a_full_clock_refuses_a_new_actor_and_stays_as_it_was(void **state)
{
    (void)state;
    struct crdt_dot entries[2];
    const struct crdt_dot dots[] = {{5, 9}, {6, 1}};
    struct crdt_vclock clock = clock_of(entries, 2, dots, 2);
    assert_false(crdt_vclock_raise(&clock, (struct crdt_dot){4, 1}));
    assert_int_equal(clock.count, 2);
    assert_int_equal(crdt_vclock_get(&clock, 4), 0);
    assert_int_equal(crdt_vclock_get(&clock, 5), 9);
    assert_true(crdt_vclock_raise(&clock, (struct crdt_dot){6, 2}));
}

static void a_join_is_the_maximum_of_both(void **state)
{
    (void)state;
    struct crdt_dot entries_a[4];
    struct crdt_dot entries_b[4];
    const struct crdt_dot dots_a[] = {{1, 5}, {3, 1}};
    const struct crdt_dot dots_b[] = {{1, 4}, {2, 7}, {3, 2}};
    struct crdt_vclock a = clock_of(entries_a, 4, dots_a, 2);
    struct crdt_vclock b = clock_of(entries_b, 4, dots_b, 3);
    assert_true(crdt_vclock_join(&a, &b));
    assert_int_equal(a.count, 3);
    assert_int_equal(crdt_vclock_get(&a, 1), 5);
    assert_int_equal(crdt_vclock_get(&a, 2), 7);
    assert_int_equal(crdt_vclock_get(&a, 3), 2);
}

static void a_join_without_room_is_refused(void **state)
{
    (void)state;
    struct crdt_dot entries_a[2];
    struct crdt_dot entries_b[4];
    const struct crdt_dot dots_a[] = {{1, 5}, {3, 1}};
    const struct crdt_dot dots_b[] = {{1, 6}, {2, 7}};
    struct crdt_vclock a = clock_of(entries_a, 2, dots_a, 2);
    struct crdt_vclock b = clock_of(entries_b, 4, dots_b, 2);
    assert_false(crdt_vclock_join(&a, &b));
    assert_int_equal(crdt_vclock_get(&a, 3), 1);
}

static void a_clock_is_newer_when_one_actor_is_higher(void **state)
{
    (void)state;
    struct crdt_dot entries[3][4];
    const struct crdt_dot small[] = {{2, 5}};
    const struct crdt_dot large[] = {{2, 5}, {4, 1}};
    const struct crdt_dot other[] = {{1, 1}, {2, 4}};
    struct crdt_vclock a = clock_of(entries[0], 4, small, 1);
    struct crdt_vclock b = clock_of(entries[1], 4, large, 2);
    struct crdt_vclock c = clock_of(entries[2], 4, other, 2);
    struct crdt_vclock empty = crdt_vclock_over(NULL, 0);
    assert_false(crdt_vclock_is_newer(&a, &a));
    assert_false(crdt_vclock_is_newer(&a, &b));
    assert_true(crdt_vclock_is_newer(&b, &a));
    assert_true(crdt_vclock_is_newer(&a, &c)); /* concurrent: each is newer than the other */
    assert_true(crdt_vclock_is_newer(&c, &a));
    assert_true(crdt_vclock_is_newer(&a, &empty));
    assert_false(crdt_vclock_is_newer(&empty, &a));
    assert_false(crdt_vclock_is_newer(&empty, &empty));
}

static void clocks_are_equal_when_every_entry_is(void **state)
{
    (void)state;
    struct crdt_dot entries[4][2];
    const struct crdt_dot dots[] = {{2, 5}, {4, 1}};
    const struct crdt_dot other_counter[] = {{2, 5}, {4, 2}};
    const struct crdt_dot other_actor[] = {{2, 5}, {3, 1}};
    struct crdt_vclock a = clock_of(entries[0], 2, dots, 2);
    struct crdt_vclock same = clock_of(entries[1], 2, dots, 2);
    struct crdt_vclock counter = clock_of(entries[2], 2, other_counter, 2);
    struct crdt_vclock actor = clock_of(entries[3], 2, other_actor, 2);
    struct crdt_vclock empty = crdt_vclock_over(NULL, 0);
    assert_true(crdt_vclock_is_equal(&a, &same));
    assert_false(crdt_vclock_is_equal(&a, &counter));
    assert_false(crdt_vclock_is_equal(&a, &actor));
    assert_false(crdt_vclock_is_equal(&a, &empty));
    assert_true(crdt_vclock_is_equal(&empty, &empty));
}

enum { MODEL_ACTORS = 12 };

/* The model: counter by actor, in an array. */
static void compare_with_model(const struct crdt_vclock *clock, const uint64_t *model)
{
    uint32_t known = 0;
    for (uint32_t actor = 0; actor < MODEL_ACTORS; actor++) {
        assert_int_equal(crdt_vclock_get(clock, actor), model[actor]);
        known += model[actor] > 0;
    }
    assert_int_equal(clock->count, known);
    for (uint32_t i = 1; i < clock->count; i++) {
        assert_true(clock->entries[i - 1].actor < clock->entries[i].actor);
    }
}

static void random_clocks_agree_with_an_array(void **state)
{
    (void)state;
    uint64_t random = random_seed();
    for (uint32_t run = 0; run < 3000; run++) {
        struct crdt_dot entries[2][MODEL_ACTORS];
        struct crdt_vclock clocks[2] = {crdt_vclock_over(entries[0], MODEL_ACTORS),
                                        crdt_vclock_over(entries[1], MODEL_ACTORS)};
        uint64_t models[2][MODEL_ACTORS] = {{0}};
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t which = random_below(&random, 2);
            struct crdt_dot dot = {random_below(&random, MODEL_ACTORS), random_below(&random, 4)};
            assert_true(crdt_vclock_raise(&clocks[which], dot));
            uint64_t *counter = &models[which][dot.actor];
            *counter = *counter > dot.counter ? *counter : dot.counter;
            compare_with_model(&clocks[which], models[which]);
        }
        bool is_newer = false;
        for (uint32_t actor = 0; actor < MODEL_ACTORS; actor++) {
            is_newer = is_newer || models[0][actor] > models[1][actor];
        }
        assert_int_equal(crdt_vclock_is_newer(&clocks[0], &clocks[1]), is_newer);
        assert_int_equal(crdt_vclock_is_equal(&clocks[0], &clocks[1]),
                         memcmp(models[0], models[1], sizeof models[0]) == 0);
        for (uint32_t actor = 0; actor < MODEL_ACTORS; actor++) {
            if (models[0][actor] < models[1][actor]) models[0][actor] = models[1][actor];
        }
        assert_true(crdt_vclock_join(&clocks[0], &clocks[1]));
        compare_with_model(&clocks[0], models[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_clock_knows_nobody),
        cmocka_unit_test(raising_keeps_the_actors_ascending_as_unsigned_numbers),
        cmocka_unit_test(raising_never_lowers),
        cmocka_unit_test(a_counter_of_zero_adds_nothing_even_where_there_is_no_room),
        cmocka_unit_test(a_full_clock_refuses_a_new_actor_and_stays_as_it_was),
        cmocka_unit_test(a_join_is_the_maximum_of_both),
        cmocka_unit_test(a_join_without_room_is_refused),
        cmocka_unit_test(a_clock_is_newer_when_one_actor_is_higher),
        cmocka_unit_test(clocks_are_equal_when_every_entry_is),
        cmocka_unit_test(random_clocks_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
