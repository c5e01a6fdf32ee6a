/* The clocks of a machine: each its own. */
#include "sim/clocks.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#define HOUR_US INT64_C(3600000000)

static void a_right_clock_is_right(void **state)
{
    (void)state;
    struct clocks clocks;
    clocks_init(&clocks, 500, 7000000);
    assert_int_equal(clocks_monotonic_us(&clocks, 500), 7000000);
    assert_int_equal(clocks_monotonic_us(&clocks, 1500), 7001000);
    assert_int_equal(clocks_wall_us(&clocks, 1500), CLOCKS_WORLD_BEGINS_US + 1500);
    assert_int_equal(clocks_wall_error_us(&clocks, 1500), 0);
}

static void a_drift_gains_and_never_jumps(void **state)
{
    (void)state;
    struct clocks clocks;
    clocks_init(&clocks, 0, 0);
    clocks_set_drift(&clocks, 1000000, 100);
    assert_int_equal(clocks_monotonic_us(&clocks, 1000000), 1000000);
    assert_int_equal(clocks_monotonic_us(&clocks, 11000000), 11001000);
    clocks_set_drift(&clocks, 11000000, -100);
    assert_int_equal(clocks_monotonic_us(&clocks, 11000000), 11001000);
    assert_int_equal(clocks_monotonic_us(&clocks, 21000000), 21000000);
    assert_int_equal(clocks_wall_error_us(&clocks, 21000000), 0);
}

static void a_jump_is_of_the_wall_clock_alone(void **state)
{
    (void)state;
    struct clocks clocks;
    clocks_init(&clocks, 0, 5000);
    clocks_jump(&clocks, -HOUR_US);
    assert_int_equal(clocks_monotonic_us(&clocks, 10), 5010);
    assert_int_equal(clocks_wall_error_us(&clocks, 10), -HOUR_US);
    clocks_jump(&clocks, 2 * HOUR_US);
    assert_int_equal(clocks_wall_error_us(&clocks, 10), HOUR_US);
    clocks_jump(&clocks, INT64_MIN / 4); /* before 1970 there is nothing */
    assert_int_equal(clocks_wall_us(&clocks, 10), 0);
}

/* A machine that was off begins to count anew, and knows the time of day as wrongly as before. */
static void a_reboot_keeps_the_wall_clock(void **state)
{
    (void)state;
    struct clocks clocks;
    clocks_init(&clocks, 0, 0);
    clocks_jump(&clocks, 123);
    clocks_reboot(&clocks, 9000000, 50);
    assert_int_equal(clocks_monotonic_us(&clocks, 9000000), 50);
    assert_int_equal(clocks_wall_error_us(&clocks, 9000000), 123);
}

/* A deadline comes at the first moment that shows it, not before and not after. */
static void a_deadline_is_met_to_the_microsecond(void **state)
{
    (void)state;
    struct random random = random_begin(__func__);
    for (int i = 0; i < 20000; i++) {
        struct clocks clocks;
        uint64_t world_us = random_below(&random, 1000000000);
        clocks_init(&clocks, world_us, random_below(&random, 1000000000));
        clocks_set_drift(&clocks, world_us,
                         (int64_t)random_below(&random, 2 * CLOCKS_DRIFT_PPM_MAX) - CLOCKS_DRIFT_PPM_MAX);
        world_us += random_below(&random, 1000000000);
        uint64_t deadline_ms = clocks_monotonic_us(&clocks, world_us) / 1000 + random_below(&random, 10000000);
        uint64_t at_us = clocks_world_at(&clocks, world_us, deadline_ms);
        assert_true(clocks_monotonic_us(&clocks, at_us) >= deadline_ms * 1000);
        if (at_us > world_us) assert_true(clocks_monotonic_us(&clocks, at_us - 1) < deadline_ms * 1000);
    }
    struct clocks clocks;
    clocks_init(&clocks, 0, 0);
    assert_true(clocks_world_at(&clocks, 0, UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_clock_is_right),
        cmocka_unit_test(a_drift_gains_and_never_jumps),
        cmocka_unit_test(a_jump_is_of_the_wall_clock_alone),
        cmocka_unit_test(a_reboot_keeps_the_wall_clock),
        cmocka_unit_test(a_deadline_is_met_to_the_microsecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
