/* The least rate of a body, minute by minute. */
#include "node/edge/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { BEGIN_MS = 1000000 };

static const struct pace_limits LIMITS = {.grace_ms = 10000, .stall_ms = 30000, .bytes_per_s = 1024};

/* How long after it was asked for a body is too late that brings `bytes` every `every_ms`; at most an hour. */
static uint64_t lives_ms(const struct pace_limits *limits, size_t first, size_t bytes, uint64_t every_ms)
{
    struct pace pace;
    pace_begin(&pace, limits, BEGIN_MS);
    pace_came(&pace, limits, first, BEGIN_MS);
    uint64_t now_ms = 0;
    for (; now_ms < 3600000 && !pace_is_late(&pace, limits, BEGIN_MS + now_ms); now_ms++) {
        if (now_ms % every_ms == every_ms - 1) pace_came(&pace, limits, bytes, BEGIN_MS + now_ms);
    }
    return now_ms;
}

static void without_a_byte_it_is_late_after_the_grace(void **state)
{
    (void)state;
    assert_int_equal(lives_ms(&LIMITS, 0, 0, 1000), 10001);
}

static void at_the_rate_it_is_never_late_and_just_under_it_soon(void **state)
{
    (void)state;
    assert_int_equal(lives_ms(&LIMITS, 0, 1024, 1000), 3600000);
    uint64_t under_ms = lives_ms(&LIMITS, 0, 1000, 1000);
    assert_in_range(under_ms, 10001, 600000);
}

/* The bytes come one by one: nothing is lost by rounding. */
static void single_bytes_count_as_well(void **state)
{
    (void)state;
    const struct pace_limits fast = {.grace_ms = 1000, .stall_ms = 1000, .bytes_per_s = 3000};
    assert_int_equal(lives_ms(&fast, 0, 3, 1), 3600000);
    assert_in_range(lives_ms(&fast, 0, 2, 1), 1001, 4000);
}

static void a_burst_counts_ahead_for_a_stall_and_no_longer(void **state)
{
    (void)state;
    assert_int_equal(lives_ms(&LIMITS, 5 * 1024, 0, 1000), 15001);
    assert_int_equal(lives_ms(&LIMITS, 64 << 20, 0, 1000), 30001);
    assert_in_range(lives_ms(&LIMITS, 64 << 20, 1, 1000), 30001, 31000);
}

static void no_pause_is_longer_than_a_stall(void **state)
{
    (void)state;
    const struct pace_limits patient = {.grace_ms = 60000, .stall_ms = 2000, .bytes_per_s = 1};
    assert_int_equal(lives_ms(&patient, 0, 0, 1000), 2001);
    assert_int_equal(lives_ms(&patient, 100, 100, 1900), 3600000);
    assert_int_equal(lives_ms(&patient, 100, 100, 2100), 2001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_byte_it_is_late_after_the_grace),
        cmocka_unit_test(at_the_rate_it_is_never_late_and_just_under_it_soon),
        cmocka_unit_test(single_bytes_count_as_well),
        cmocka_unit_test(a_burst_counts_ahead_for_a_stall_and_no_longer),
        cmocka_unit_test(no_pause_is_longer_than_a_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
