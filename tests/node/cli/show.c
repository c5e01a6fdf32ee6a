/* Keys and values for people: what is quoted, what is marked, and that nothing steers a terminal. */
#include "node/cli/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "node/cli/output.h"

typedef void show_function(struct buffer *out, struct span text);

static void assert_shown_span(show_function *show, struct span text, const char *expected)
{
    struct buffer out = {0};
    show(&out, text);
    assert_string_equal(buffer_text(&out), expected);
    buffer_deinit(&out);
}

static void assert_shown(show_function *show, const char *text, const char *expected)
{
    assert_shown_span(show, span_text(text), expected);
}

static void show_line(struct buffer *out, struct span value)
{
    show_value_line(out, value, 0);
}

static void show_short_line(struct buffer *out, struct span value)
{
    show_value_line(out, value, 5);
}

static void a_plain_key_stays_as_it_is(void **state)
{
    (void)state;
    assert_shown(show_key, "INBOX", "INBOX");
    assert_shown(show_key, "root@plépp/≤≤ ««😀", "root@plépp/≤≤ ««😀");
    assert_shown(show_key, "a\"b\\", "a\"b\\");
}

static void a_key_that_could_mislead_is_quoted(void **state)
{
    (void)state;
    assert_shown(show_key, "", "\"\"");
    assert_shown(show_key, " a", "\" a\"");
    assert_shown(show_key, "a ", "\"a \"");
    assert_shown(show_key, "\"a", "\"\\\"a\"");
    assert_shown(show_key, "a\nb\tc\r", "\"a\\nb\\tc\\r\"");
    assert_shown(show_key, "\x1b[31m", "\"\\u001b[31m\"");
    assert_shown(show_key, "a\xe2\x80\xaegnp", "\"a\\u202egnp\"");
    assert_shown(show_key, "\xc2\x9b", "\"\\u009b\"");
    assert_shown(show_key, "a\xff", "\"a\xef\xbf\xbd\"");
    assert_shown_span(show_key, span_of("a\0b", 3), "\"a\\u0000b\"");
}

static void what_is_no_utf8_is_not_printable(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",         "\xc0\xaf", "\xc3", "\xe2\x89", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xe0\x80\x80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(show_is_printable(span_text(bad[i]), true));
    }
    assert_true(show_is_printable(span_text("\xf4\x8f\xbf\xbd ퟿"), false));
    assert_false(show_is_printable(span_text("\n"), false));
    assert_true(show_is_printable(span_text("a\n\tb"), true));
    assert_false(show_is_printable(span_text("\r"), true));
}

static void a_single_value_is_shown_whole_or_marked(void **state)
{
    (void)state;
    assert_shown(show_value, "two\nlines\n", "two\nlines\n");
    assert_shown(show_value, "", "");
    assert_shown_span(show_value, span_of(NULL, 0), "(deleted)");
    assert_shown(show_value, "\xff", "base64:/w==");
    assert_shown_span(show_value, span_of("a\0", 2), "base64:YQA=");
    assert_shown(show_value, "\x1b]0;x\x07", "base64:G10wO3gH");
}

static void a_value_that_looks_like_a_mark_is_not_taken_for_one(void **state)
{
    (void)state;
    assert_shown(show_value, "(deleted)", "base64:KGRlbGV0ZWQp");
    assert_shown(show_value, "base64:/w==", "base64:YmFzZTY0Oi93PT0=");
    assert_shown(show_line, "(deleted)", "\"(deleted)\"");
    assert_shown(show_line, "base64:/w==", "\"base64:/w==\"");
    assert_shown_span(show_line, span_of(NULL, 0), "(deleted)");
}

static void a_value_in_a_list_is_one_line(void **state)
{
    (void)state;
    assert_shown(show_line, "plain", "plain");
    assert_shown(show_line, "", "\"\"");
    assert_shown(show_line, "two\nlines", "\"two\\nlines\"");
    assert_shown(show_line, "\"quoted\"", "\"\\\"quoted\\\"\"");
    assert_shown(show_line, "\xff", "base64:/w==");
}

static void a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    assert_shown(show_short_line, "12345", "12345");
    assert_shown(show_short_line, "123456", "12345… (6 bytes)");
    assert_shown(show_short_line, "ééééé", "ééééé");
    assert_shown(show_short_line, "éééééé", "ééééé… (12 bytes)");
}

static void a_message_loses_what_steers_a_terminal(void **state)
{
    (void)state;
    char text[] = "a\x1b[2Jé\xff\n\xc2\x9b"
                  "b\xe2\x80\xae";
    show_make_printable(text);
    assert_string_equal(text, "a?[2Jé?\n??b???");
}

static void a_word_for_a_shell_is_quoted_when_it_must_be(void **state)
{
    (void)state;
    assert_shown(show_shell_word, "2026-01/x", "2026-01/x");
    assert_shown(show_shell_word, "", "''");
    assert_shown(show_shell_word, "a b", "'a b'");
    assert_shown(show_shell_word, "it's $HOME", "'it'\\''s $HOME'");
    assert_shown(show_shell_word, "a\n'\\\x01", "$'a\\x0a\\'\\\\\\x01'");
}

static void base64_goes_both_ways(void **state)
{
    (void)state;
    for (size_t length = 0; length < 100; length++) {
        uint8_t bytes[100];
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(i * 37 + length);
        }
        struct buffer text = {0};
        struct buffer back = {0};
        show_base64(&text, span_of(bytes, length));
        assert_int_equal(text.length, (length + 2) / 3 * 4);
        assert_true(show_unbase64(&back, buffer_span(&text)));
        assert_true(span_is_equal(buffer_span(&back), span_of(bytes, length)));
        buffer_deinit(&text);
        buffer_deinit(&back);
    }
}

static void a_table_lines_its_columns_up(void **state)
{
    (void)state;
    static const char *const titles[] = {"KEY", "COUNT", "VALUE", NULL};
    struct table table;
    table_init(&table, titles, 2);
    table_add_key(&table, span_text("é≤"));
    table_add_text(&table, "7");
    table_add_text(&table, "a long value");
    table_add_key(&table, span_text("longer key"));
    table_add_text(&table, "123456");
    table_add_text(&table, "b");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    table_print(&table, out);
    fclose(out);
    assert_string_equal(text, "KEY          COUNT  VALUE\n"
                              "é≤               7  a long value\n"
                              "longer key  123456  b\n");
    free(text);
    table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_key_stays_as_it_is),
        cmocka_unit_test(a_key_that_could_mislead_is_quoted),
        cmocka_unit_test(what_is_no_utf8_is_not_printable),
        cmocka_unit_test(a_single_value_is_shown_whole_or_marked),
        cmocka_unit_test(a_value_that_looks_like_a_mark_is_not_taken_for_one),
        cmocka_unit_test(a_value_in_a_list_is_one_line),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
        cmocka_unit_test(a_message_loses_what_steers_a_terminal),
        cmocka_unit_test(a_word_for_a_shell_is_quoted_when_it_must_be),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(a_table_lines_its_columns_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
