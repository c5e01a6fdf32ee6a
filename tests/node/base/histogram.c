/* Buckets of durations, beside a sorted list of the same durations. */
#include "node/base/histogram.h"

#include "node/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { DURATIONS = 5000 };

static const uint64_t LAST = UINT64_C(0xffffffff);

/* Every bucket begins where the one before ends, and an end lies in its own bucket. */
static void buckets_cover_everything_without_a_gap(void **state)
{
    (void)state;
    uint64_t next = 0;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t end = histogram_bucket_end_us(bucket);
        assert_int_equal(histogram_bucket(next), bucket);
        assert_int_equal(histogram_bucket(end), bucket);
        assert_true(end >= next && (end - next) * HISTOGRAM_STEPS <= next + HISTOGRAM_STEPS);
        next = end + 1;
    }
    assert_true(next == LAST + 1);
    assert_int_equal(histogram_bucket(LAST + 1), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void an_empty_one_has_no_durations(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    assert_int_equal(histogram_quantile_us(&histogram, 0), 0);
    assert_int_equal(histogram_quantile_us(&histogram, 1000), 0);
    assert_int_equal(histogram_count_up_to(&histogram, UINT64_MAX), 0);
}

static void one_duration_is_every_quantile(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, 12345);
    assert_int_equal(histogram_quantile_us(&histogram, 0), 12345);
    assert_int_equal(histogram_quantile_us(&histogram, 500), 12345);
    assert_int_equal(histogram_quantile_us(&histogram, 1000), 12345);
    assert_int_equal(histogram.sum_us, 12345);
}

/* Half of three is two of them. */
static void a_share_is_rounded_up_to_whole_durations(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    for (uint64_t duration = 1; duration <= 3; duration++) {
        histogram_add(&histogram, duration);
    }
    assert_int_equal(histogram_quantile_us(&histogram, 333), 1);
    assert_int_equal(histogram_quantile_us(&histogram, 334), 2);
    assert_int_equal(histogram_quantile_us(&histogram, 500), 2);
    assert_int_equal(histogram_quantile_us(&histogram, 667), 3);
}

static void what_is_longer_than_the_last_bucket_keeps_its_length(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, LAST * 10);
    assert_true(histogram.longest_us == LAST * 10);
    assert_true(histogram_quantile_us(&histogram, 999) == LAST);
    assert_int_equal(histogram_count_up_to(&histogram, LAST), 1);
}

static int by_length(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_are_those_of_a_sorted_list_up_to_an_eighth(void **state)
{
    (void)state;
    static uint64_t durations[DURATIONS];
    uint8_t seed[PRNG_SEED_BYTES] = {7};
    struct prng prng;
    struct histogram histogram = {0};
    prng_init(&prng, seed);
    for (int i = 0; i < DURATIONS; i++) {
        durations[i] = prng_u64(&prng) >> (32 + prng_u64(&prng) % 32);
        histogram_add(&histogram, durations[i]);
    }
    qsort(durations, DURATIONS, sizeof durations[0], by_length);
    for (uint32_t share = 1; share <= 1000; share++) {
        uint64_t exact = durations[(DURATIONS * share + 999) / 1000 - 1];
        uint64_t told = histogram_quantile_us(&histogram, share);
        assert_true(told >= exact && (told - exact) * HISTOGRAM_STEPS <= exact);
    }
    assert_true(histogram_quantile_us(&histogram, 1000) == durations[DURATIONS - 1]);
    for (uint64_t end = 1; end <= LAST; end = end * 2 + 1) { /* ends of doublings are ends of buckets */
        uint64_t count = 0;
        while (count < DURATIONS && durations[count] <= end) {
            count++;
        }
        assert_int_equal(histogram_count_up_to(&histogram, end), count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_cover_everything_without_a_gap),
        cmocka_unit_test(an_empty_one_has_no_durations),
        cmocka_unit_test(one_duration_is_every_quantile),
        cmocka_unit_test(a_share_is_rounded_up_to_whole_durations),
        cmocka_unit_test(what_is_longer_than_the_last_bucket_keeps_its_length),
        cmocka_unit_test(quantiles_are_those_of_a_sorted_list_up_to_an_eighth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
