/* Counts of answers: classes, durations, codes, and the bound on codes. */
#include "node/request/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void answers_count_by_operation_and_class(void **state)
{
    (void)state;
    static struct stats stats;
    static const int statuses[] = {200, 204, 304, 400, 404, 409, 500, 503, 507, 0};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        stats_count(&stats, STATS_K2V + HTTP_READ_ITEM, statuses[i], 10 * i);
    }
    const struct stats_operation *reads = &stats.operations[STATS_K2V + HTTP_READ_ITEM];
    assert_int_equal(reads->classes[STATS_2XX], 2);
    assert_int_equal(reads->classes[STATS_3XX], 1);
    assert_int_equal(reads->classes[STATS_4XX], 3);
    assert_int_equal(reads->classes[STATS_5XX], 3);
    assert_int_equal(reads->classes[STATS_GONE], 1);
    assert_int_equal(reads->durations.count, 9); /* who went away waited for no answer */
    assert_int_equal(reads->durations.longest_us, 80);
    assert_int_equal(stats.operations[STATS_ADMIN].durations.count, 0);
}

static void every_row_and_class_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < STATS_ROWS; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(stats_row_name((enum stats_row)i), stats_row_name((enum stats_row)j));
        }
    }
    for (int i = 0; i < STATS_CLASSES; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(stats_class_name((enum stats_class)i), stats_class_name((enum stats_class)j));
        }
    }
    assert_string_equal(stats_row_name(STATS_K2V + HTTP_READ_ITEM), "ReadItem");
}

static void codes_are_told_apart_up_to_the_bound(void **state)
{
    (void)state;
    static struct stats stats;
    static char codes[STATS_CODES_MAX + 2][20];
    for (int i = 0; i < STATS_CODES_MAX + 2; i++) {
        snprintf(codes[i], sizeof codes[i], "Code%d", i);
        stats_refuse(&stats, codes[i]);
    }
    stats_refuse(&stats, "Code0"); /* the same word at another address */
    stats_refuse(&stats, codes[STATS_CODES_MAX - 1]);
    assert_int_equal(stats.refusals[0].count, 2);
    assert_int_equal(stats.refusals[1].count, 1);
    assert_int_equal(stats.refusals[STATS_CODES_MAX - 1].count, 2);
    assert_int_equal(stats.other_refusals, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_count_by_operation_and_class),
        cmocka_unit_test(every_row_and_class_has_a_name_of_its_own),
        cmocka_unit_test(codes_are_told_apart_up_to_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
