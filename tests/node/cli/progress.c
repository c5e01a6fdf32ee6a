/* The line of progress at every width. */
#include "node/cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct progress_state HALF = {.name = "insert-batch",
                                           .items_word = "items stored",
                                           .bytes_word = "read",
                                           .items = 12000,
                                           .bytes = 5 << 20,
                                           .bytes_total = 10 << 20,
                                           .elapsed_us = 2000000};

static void expect(const struct progress_state *state, size_t columns, const char *expected)
{
    char line[PROGRESS_LINE_BYTES];
    progress_line(state, columns, line);
    assert_string_equal(line, expected);
}

static void a_known_total_has_a_bar_a_share_and_a_time_left(void **state)
{
    (void)state;
    expect(&HALF, 120,
           "insert-batch  [==============>             ]   50 %  12,000 items stored  5.0 MiB of 10.0 MiB read  "
           "2.5 MiB/s  0:02 left");
    struct progress_state all = HALF;
    all.bytes = all.bytes_total;
    expect(&all, 65, "insert-batch  [==========]  100 %  12,000 items stored  0:00 left");
}

static void an_unknown_total_has_the_time_it_took(void **state)
{
    (void)state;
    struct progress_state received = {.name = "read-batch", .bytes_word = "received", .elapsed_us = 65000000};
    expect(&received, 79, "read-batch  1:05");
    received.bytes = 65 << 20;
    expect(&received, 79, "read-batch  65.0 MiB received  1.0 MiB/s  1:05");
}

/* Nothing ever goes beyond the width, and the name is the last to go. */
static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    expect(&HALF, 51, "insert-batch   50 %  12,000 items stored  0:02 left");
    expect(&HALF, 50, "insert-batch  [========>       ]   50 %  0:02 left");
    expect(&HALF, 44, "insert-batch  [=====>    ]   50 %  0:02 left"); /* the shortest bar */
    expect(&HALF, 43, "insert-batch   50 %  0:02 left");
    expect(&HALF, 29, "insert-batch   50 %");
    expect(&HALF, 18, "insert-batch");
    for (size_t columns = 1; columns <= TERMINAL_COLUMNS_MAX; columns++) {
        char line[PROGRESS_LINE_BYTES];
        progress_line(&HALF, columns, line);
        assert_true(strlen(line) <= columns);
        assert_memory_equal(line, "insert-batch", columns < 12 ? columns : 12);
    }
}

static void numbers_at_their_ends_fit(void **state)
{
    (void)state;
    struct progress_state most = HALF;
    char line[PROGRESS_LINE_BYTES];
    most.items = most.bytes = UINT64_MAX;
    most.bytes_total = 1;
    most.elapsed_us = 1;
    progress_line(&most, TERMINAL_COLUMNS_MAX, line);
    assert_non_null(strstr(line, "100 %"));
    assert_non_null(strstr(line, "888.2 PiB/s")); /* what is beyond 10^18 is shown as that */
    most.bytes = 20;
    most.bytes_total = 10; /* a file that grew meanwhile */
    progress_line(&most, TERMINAL_COLUMNS_MAX, line);
    assert_non_null(strstr(line, "[========================================]  100 %"));
    most.elapsed_us = 0;
    progress_line(&most, TERMINAL_COLUMNS_MAX, line);
    assert_null(strstr(line, "/s"));
    most.bytes = 0;
    most.bytes_total = UINT64_MAX;
    most.elapsed_us = UINT64_MAX;
    progress_line(&most, TERMINAL_COLUMNS_MAX, line);
    assert_non_null(strstr(line, "  0 %"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_total_has_a_bar_a_share_and_a_time_left),
        cmocka_unit_test(an_unknown_total_has_the_time_it_took),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(numbers_at_their_ends_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
