/* Numbers for people: every unit's borders. */
#include "node/cli/amount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
    uint64_t number;
    const char *text;
};

static void check(const char *(*amount)(char *, uint64_t), const struct row *rows, size_t count)
{
    char text[AMOUNT_CHARS];
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(amount(text, rows[i].number), rows[i].text);
    }
}

static void bytes_have_the_unit_that_keeps_them_short(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, "0 B"},           {1023, "1023 B"},     {1024, "1.0 KiB"},      {1048524, "1023.9 KiB"},
        {1048525, "1.0 MiB"}, {1048576, "1.0 MiB"}, {16090726, "15.3 MiB"}, {UINT64_MAX, "16.0 EiB"}};
    check(amount_bytes, rows, sizeof rows / sizeof rows[0]);
}

static void counts_are_cut_into_thousands(void **state)
{
    (void)state;
    static const struct row rows[] = {{0, "0"},
                                      {999, "999"},
                                      {1000, "1,000"},
                                      {1234567, "1,234,567"},
                                      {UINT64_MAX, "18,446,744,073,709,551,615"}};
    check(amount_count, rows, sizeof rows / sizeof rows[0]);
}

static void durations_have_three_digits_that_count(void **state)
{
    (void)state;
    static const struct row rows[] = {{0, "0 us"},          {999, "999 us"},     {1000, "1.00 ms"},
                                      {12345, "12.3 ms"},   {999000, "999 ms"},  {1500000, "1.50 s"},
                                      {90000000, "90.0 s"}, {600000000, "600 s"}};
    check(amount_us, rows, sizeof rows / sizeof rows[0]);
}

static void clocks_and_ages_have_their_two_largest_units(void **state)
{
    (void)state;
    static const struct row clocks[] = {{0, "0:00"}, {65, "1:05"}, {3599, "59:59"}, {3600, "1:00:00"}};
    static const struct row ages[] = {{0, "0 s"},           {59, "59 s"},           {60, "1 min"},
                                      {3600, "1 h 00 min"}, {86399, "23 h 59 min"}, {90000, "1 d 01 h"}};
    check(amount_clock, clocks, sizeof clocks / sizeof clocks[0]);
    check(amount_age, ages, sizeof ages / sizeof ages[0]);
}

static void bytes_are_read_with_their_unit(void **state)
{
    (void)state;
    static const struct row good[] = {
        {0, "0"},
        {1500000, "1500000"},
        {1, "1B"},
        {1000, "1k"},
        {1000, "1KB"},
        {1024, "1KiB"},
        {1024, "1 Ki"},
        {100000000000, "100G"},
        {100000000000, "100 GB"},
        {1500000000000, "1.5T"},
        {1649267441664, "1.5TiB"},
        {1234, "1.234K"},
        {0, "0.001"},
        {(uint64_t)1 << 60, "1EiB"},
        {(uint64_t)7 << 60, "7EiB"},
        {INT64_MAX, "9223372036854775807"},
    };
    static const char *const bad[] = {"",
                                      "G",
                                      "-1",
                                      "+1",
                                      "1.",
                                      ".5G",
                                      "1..5G",
                                      "1.2345G",
                                      "1X",
                                      "1GG",
                                      "1GiBB",
                                      "1 G B",
                                      "1e9",
                                      "0x10",
                                      " 1",
                                      "1iB",
                                      "8EiB",
                                      "1.5.5",
                                      "1b",
                                      "9223372036854775808",
                                      "99999999999999999999999",
                                      "1\xc2\xa0G"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t bytes = 1;
        if (!amount_read_bytes(good[i].text, &bytes)) fail_msg("%s is refused", good[i].text);
        assert_int_equal(bytes, good[i].number);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t bytes = 0;
        if (amount_read_bytes(bad[i], &bytes)) fail_msg("%s is read as %llu", bad[i], (unsigned long long)bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_read_with_their_unit),
        cmocka_unit_test(bytes_have_the_unit_that_keeps_them_short),
        cmocka_unit_test(counts_are_cut_into_thousands),
        cmocka_unit_test(durations_have_three_digits_that_count),
        cmocka_unit_test(clocks_and_ages_have_their_two_largest_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
