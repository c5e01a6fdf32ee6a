/* Round trips and clocks, smoothed; whatever a clock says does no harm. */
#include "node/cluster/gossip_clock.h"
#include "node/cluster/gossip.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { PERIOD_MS = 1000 };
static const uint64_t NOW_US = UINT64_C(1700000000000000);

static void a_steady_round_trip_is_found(void **state)
{
    (void)state;
    struct member member = {0};
    assert_int_equal(gossip_clock_timeout_ms(&member, PERIOD_MS), PERIOD_MS / 2); /* nothing is known yet */
    for (uint32_t i = 0; i < 50; i++)
        gossip_clock_measure(&member, 80000, NOW_US + 5000000 - 40000, NOW_US);
    assert_int_equal(member.round_trip_us, 80000);
    assert_true(member.round_trip_spread_us < 100);
    assert_int_equal(member.clock_offset_us, 5000000);
    assert_int_equal(gossip_clock_timeout_ms(&member, PERIOD_MS), PERIOD_MS / 5);
    for (uint32_t i = 0; i < 50; i++)
        gossip_clock_measure(&member, 320000, NOW_US, NOW_US);
    assert_in_range(gossip_clock_timeout_ms(&member, PERIOD_MS), 320, PERIOD_MS / 2);
}

static void a_clock_that_is_set_is_followed_at_once_and_a_jitter_slowly(void **state)
{
    (void)state;
    struct member member = {0};
    gossip_clock_measure(&member, 1000, NOW_US, NOW_US + 500);
    assert_int_equal(member.clock_offset_us, 0);
    gossip_clock_measure(&member, 1000, NOW_US + 800, NOW_US + 500);
    assert_int_equal(member.clock_offset_us, 100);
    gossip_clock_measure(&member, 1000, NOW_US - 600000000, NOW_US + 500);
    assert_int_equal(member.clock_offset_us, -600000000);
    assert_true(gossip_clock_is_off(&member));
    gossip_clock_measure(&member, 1000, NOW_US, NOW_US + 500);
    assert_false(gossip_clock_is_off(&member));
}

static void no_clock_does_harm(void **state)
{
    (void)state;
    struct random random = random_begin("clocks");
    static const uint64_t extremes[] = {0, 1, UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_C(1) << 62};
    struct member member = {0};
    for (uint32_t i = 0; i < 100000; i++) {
        uint64_t its = extremes[random_below(&random, 6)];
        uint64_t ours = extremes[random_below(&random, 6)];
        uint64_t round_trip = extremes[random_below(&random, 6)];
        gossip_clock_measure(&member, round_trip, its, ours);
        assert_in_range(gossip_clock_timeout_ms(&member, PERIOD_MS), PERIOD_MS / 5, PERIOD_MS / 2);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_round_trip_is_found),
        cmocka_unit_test(a_clock_that_is_set_is_followed_at_once_and_a_jitter_slowly),
        cmocka_unit_test(no_clock_does_harm),
    };
    return cmocka_run_group_tests_name("gossip_clock", tests, NULL, NULL);
}
