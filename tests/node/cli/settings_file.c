/* NAME=value files, and the word someone meant. */
#include "node/cli/settings_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "node/cli/nearest.h"

/* The file as "name<value>" pieces, then "@line" of the end or "!line" of a refusal. */
static void assert_file(const char *text, const char *expected)
{
    char all[500] = "";
    struct span rest = span_text(text);
    struct span name, value;
    size_t line = 0;
    int step = 1;
    while ((step = settings_file_next(&rest, &line, &name, &value)) == 1) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%.*s<%.*s>", (int)name.length, (const char *)name.bytes,
                 (int)value.length, (const char *)value.bytes);
    }
    size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%zu", step == 0 ? "@" : "!", line);
    assert_string_equal(all, expected);
}

static void names_and_values_are_read_line_by_line(void **state)
{
    (void)state;
    assert_file("", "@0");
    assert_file("K2V_ENDPOINT=http://127.0.0.1:3904\nK2V_BUCKET=demo\n",
                "K2V_ENDPOINT<http://127.0.0.1:3904>K2V_BUCKET<demo>@2");
    assert_file("# a comment\n\n  A = b=c \r\nB=\nC=d", "A<b=c>B<>C<d>@5");
    assert_file("export A=b\nexport  B = 'c d'\nC=\"e\"\nD='f\"\nE='", "A<b>B<c d>C<e>D<'f\">E<'>@5");
}

static void a_line_that_is_neither_is_refused(void **state)
{
    (void)state;
    assert_file("A=b\nnothing\nC=d", "A<b>!2");
    assert_file("=b", "!1");
    assert_file("A B=c", "!1");
    assert_file("1A=c", "!1");
    assert_file("export", "!1");
}

static const char *meant(const char *word)
{
    static const char *const known[] = {"read", "insert", "delete", "poll", "poll-range", "index", "read-batch"};
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        nearest_offer(&nearest, known[i]);
    }
    return nearest.best != NULL ? nearest.best : "";
}

static void the_nearest_word_is_offered(void **state)
{
    (void)state;
    assert_string_equal(meant("raed"), "read");
    assert_string_equal(meant("inser"), "insert");
    assert_string_equal(meant("delet"), "delete");
    assert_string_equal(meant("poll-rnage"), "poll-range");
    assert_string_equal(meant("pool"), "poll");
    assert_string_equal(meant("del"), "delete");
}

static void a_word_unlike_all_is_not_guessed_at(void **state)
{
    (void)state;
    assert_string_equal(meant(""), "");
    assert_string_equal(meant("write"), "");
    assert_string_equal(meant("xyz"), "");
    assert_string_equal(meant("rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrread"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_read_line_by_line),
        cmocka_unit_test(a_line_that_is_neither_is_refused),
        cmocka_unit_test(the_nearest_word_is_offered),
        cmocka_unit_test(a_word_unlike_all_is_not_guessed_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
