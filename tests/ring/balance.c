/* The best loads by example, and what of them is said to be free against all loads there are. */
#include "ring/balance.h"
#include "tests/lib/ring_brute.h"

static void make(struct ring_layout *layout, uint32_t partitions, uint32_t replication, uint32_t zones)
{
    rig_init(layout, partitions, replication, 0);
    rig_zones(layout, zones);
}

static void fixed_are(const struct ring_balance *balance, const uint32_t *fixed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(balance->fixed[i], fixed[i]);
}

static void an_even_division_leaves_nothing_free(void **state)
{
    (void)state;
    static struct ring_layout layout;
    struct ring_balance balance;
    make(&layout, 16, 3, 3);
    for (uint32_t i = 0; i < 6; i++)
        rig_add(&layout, i, i % 3, 4000);
    ring_balance(&layout, &balance);
    fixed_are(&balance, (const uint32_t[]){8, 8, 8, 8, 8, 8}, 6);
    assert_int_equal(balance.partition_capacity, 500);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(balance.remainder_of[i], RING_BALANCE_NONE);
}

static void an_uneven_one_leaves_a_remainder_among_equals(void **state)
{
    (void)state;
    static struct ring_layout layout;
    struct ring_balance balance;
    make(&layout, 8, 1, 1);
    for (uint32_t i = 0; i < 4; i++)
        rig_add(&layout, i, 0, i == 0 ? 2000 : 1000); /* shares of 3.2, 1.6, 1.6, 1.6 */
    ring_balance(&layout, &balance);
    fixed_are(&balance, (const uint32_t[]){4, 1, 1, 1},
              4); /* 4, 2, 1, 1: two are full; so they are with 3, 2, 2, 1 */
    assert_int_equal(balance.remainder_of[0], RING_BALANCE_NONE);
    assert_int_equal(balance.remainder_of[1], balance.remainder_of[3]);
    assert_int_equal(balance.remainder_of[2], balance.remainder_of[3]);
    assert_int_equal(balance.total[balance.remainder_of[3]], 1);
    assert_int_equal(balance.partition_capacity, 500);
}

/* Sizes below a byte are 0, and capacities up to the largest are compared without loss. */
static void the_smallest_and_the_largest_capacities_are_told_apart(void **state)
{
    (void)state;
    static struct ring_layout layout;
    struct ring_balance balance;
    make(&layout, 8, 1, 1);
    rig_add(&layout, 0, 0, 1);
    rig_add(&layout, 1, 0, 3);
    ring_balance(&layout, &balance);
    fixed_are(&balance, (const uint32_t[]){2, 6}, 2);
    assert_int_equal(balance.partition_capacity, 0);

    make(&layout, 1, 1, 1);
    for (uint32_t i = 0; i < 3; i++)
        rig_add(&layout, i, 0, RING_CAPACITY_MAX - (i != 1));
    ring_balance(&layout, &balance);
    fixed_are(&balance, (const uint32_t[]){0, 1, 0}, 3);
    assert_true(balance.partition_capacity == RING_CAPACITY_MAX);
}

static bool keeps_to(const struct brute *brute, const struct ring_balance *balance, uint32_t state)
{
    uint32_t more[RING_NODES_MAX] = {0};
    for (uint32_t i = 0; i < brute->nodes_count; i++) {
        uint32_t load = brute_load(brute, state, i), fixed = balance->fixed[i];
        bool is_free = balance->remainder_of[i] != RING_BALANCE_NONE;
        if (load < fixed || load > fixed + is_free) return false;
        if (is_free) more[balance->remainder_of[i]] += load - fixed;
    }
    for (uint32_t i = 0; i < balance->remainders_count; i++)
        if (more[i] != balance->total[i]) return false;
    return true;
}

/* All loads there are: the best ones are those that keep to what is fixed and what is free, and no others. */
static void what_is_free_are_all_the_best_loads_and_no_others(void **state)
{
    (void)state;
    static struct brute brute;
    struct random random = random_begin(__func__);
    uint32_t rounds = getenv("TESTS_LONG") != NULL ? 20000 : 1500, several = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        static struct ring_layout layout;
        struct ring_balance balance;
        uint32_t zones = 1 + random_below(&random, 4);
        make(&layout, 4, 1 + random_below(&random, zones), zones);
        layout.zone_redundancy = (uint8_t)random_below(&random, layout.replication + 1u);
        for (uint32_t i = 0; i < 5; i++) {
            uint32_t capacity = 1 + random_below(&random, 3);
            rig_add(&layout, i, i < zones ? i : random_below(&random, zones), capacity);
        }
        ring_balance(&layout, &balance);
        assert_true(brute_run(&brute, NULL, &layout));
        for (uint32_t at = 0; at < brute.states_count; at++) {
            if (brute.moves[0][at] == BRUTE_NEVER) continue;
            bool is_best = brute_order(&brute, at, brute.best_state) == 0;
            if (keeps_to(&brute, &balance, at) == is_best) continue;
            rig_print("layout", &layout);
            fail_msg("%s", is_best ? "best loads are missed" : "what is free is too much");
        }
        several += brute.best_states_count > 1;
    }
    assert_true(several > rounds / 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_division_leaves_nothing_free),
        cmocka_unit_test(an_uneven_one_leaves_a_remainder_among_equals),
        cmocka_unit_test(the_smallest_and_the_largest_capacities_are_told_apart),
        cmocka_unit_test(what_is_free_are_all_the_best_loads_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
