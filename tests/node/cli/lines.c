/* The lines of a text, and the blanks around a word. */
#include "node/cli/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void assert_line(struct span *rest, const char *expected)
{
    struct span line = lines_take(rest);
    assert_true(span_is_equal(line, span_text(expected)));
}

static void lines_come_without_their_ends(void **state)
{
    (void)state;
    struct span rest = span_text("one\n\n two\r\nlast");
    assert_line(&rest, "one");
    assert_line(&rest, "");
    assert_line(&rest, " two\r");
    assert_line(&rest, "last");
    assert_int_equal(rest.length, 0);
    assert_line(&rest, "");
    rest = span_text("with an end\n");
    assert_line(&rest, "with an end");
    assert_int_equal(rest.length, 0);
}

static void assert_trimmed(const char *text, const char *expected)
{
    assert_true(span_is_equal(lines_trim(span_text(text)), span_text(expected)));
}

static void blanks_go_at_both_ends(void **state)
{
    (void)state;
    assert_trimmed("", "");
    assert_trimmed(" \t\r\n", "");
    assert_trimmed("word", "word");
    assert_trimmed("\n \ta b\t \r\n", "a b");
    struct span with_nul = span_of("a\0", 2);
    assert_int_equal(lines_trim(with_nul).length, 2);
    assert_int_equal(lines_trim((struct span){0}).length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_without_their_ends),
        cmocka_unit_test(blanks_go_at_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
