/* Which lines the configuration's reader takes, and what it says of the others. */
#include "node/edge/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* All visits as text: "1 [section]", "2 section.key string=text", "3 ! problem". */
struct visits {
    char text[1024];
};

static void note(struct visits *visits, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct visits *visits, const char *format, ...)
{
    size_t length = strlen(visits->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(visits->text + length, sizeof visits->text - length, format, arguments);
    va_end(arguments);
}

static bool on_section(void *context, unsigned line, const char *name)
{
    note(context, "%u [%s]\n", line, name);
    return strcmp(name, "stop") != 0;
}

static bool on_pair(void *context, const struct toml_pair *pair)
{
    static const char *const types[] = {"string", "integer", "bool", "strings", "other"};
    note(context, "%u %s.%s %s=%s\n", pair->line, pair->section, pair->key, types[pair->type], pair->text);
    return strcmp(pair->key, "stop") != 0;
}

static void on_error(void *context, unsigned line, const char *problem)
{
    note(context, "%u ! %s\n", line, problem);
}

static void assert_reads_bytes(const void *bytes, size_t length, bool is_right, const char *expected)
{
    struct visits visits = {{0}};
    struct toml_visitor visitor = {&visits, on_section, on_pair, on_error};
    assert_int_equal(toml_read(span_of(bytes, length), &visitor), is_right);
    assert_string_equal(visits.text, expected);
}

static void assert_reads(const char *text, bool is_right, const char *expected)
{
    assert_reads_bytes(text, strlen(text), is_right, expected);
}

static void sections_pairs_and_comments_are_read_with_their_lines(void **state)
{
    (void)state;
    assert_reads("", true, "");
    assert_reads("\n\r\n  \t\n# x\n  # [x]\n", true, "");
    assert_reads("a=1\n[b]\n\nc-_9 = \"x\" # y\n  [d]  # z\ne\t=\ttrue", true,
                 "1 .a integer=1\n2 [b]\n4 b.c-_9 string=x\n5 [d]\n6 d.e bool=true\n");
    assert_reads("a = -12\nb = [\"x\", \"y\"]\nc = 1.5\nd = x\ne = false\n", true,
                 "1 .a integer=-12\n2 .b strings=x,y\n3 .c other=\n4 .d other=\n5 .e bool=false\n");
}

static void what_inih_would_cut_or_join_stays_as_it_is(void **state)
{
    (void)state;
    assert_reads("a = \"x ; y\"\n", true, "1 .a string=x ; y\n");
    assert_reads("a = \"x # y\"\n", true, "1 .a string=x # y\n");
    assert_reads("a = \"x\\\" # y\"\n", true, "1 .a string=x\" # y\n");
    assert_reads("a = \"x\\\\\" # y\"\n", true, "1 .a string=x\\\n");
    assert_reads("a = \"[=]:\"\n  b = \"2\"\n", true, "1 .a string=[=]:\n2 .b string=2\n");
    assert_reads("a = 1 ; 2\n", true, "1 .a other=\n");
}

static void lines_outside_the_subset_are_refused_with_their_number(void **state)
{
    (void)state;
    const char *shape = "1 ! none of [section], key = value, # comment\n";
    const char *shapes[] = {"a", "a: 1", "= 1", "a b = 1", "\"a\" = 1", "a.b = 1", "; x", "\xef\xbb\xbf[a]",
                            "]", "{}"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        assert_reads(shapes[i], false, shape);
    }
    const char *sections[] = {"[", "[]", "[ a ]", "[a", "[a] b", "[[a]]", "[a.b]", "[a]]", "[\"a\"]"};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        assert_reads(sections[i], false, "1 ! not a section: sections are written [name]\n");
    }
    assert_reads("a =", false, "1 ! a key without a value\n");
    assert_reads("\na = # 1", false, "2 ! a key without a value\n");
    assert_reads("a = \"x\n\"", false, "1 ! a string without its end\n");
    assert_reads("a = \"x\\\"", false, "1 ! a string without its end\n");
    assert_reads("a = [\n1]", false, "1 .a other=\n2 ! none of [section], key = value, # comment\n");
}

static void escapes_are_those_of_toml_and_json(void **state)
{
    (void)state;
    const char *escape = "1 ! an escape other than \\b \\t \\n \\f \\r \\\" \\\\ and \\uXXXX\n";
    assert_reads("a = \"\\b\\t\\n\\f\\r\\\"\\\\\\u0041\\ud7ff\\ue000\"", true,
                 "1 .a string=\b\t\n\f\r\"\\A\xed\x9f\xbf\xee\x80\x80\n");
    const char *bad[] = {"\\/", "\\x", "\\e", "\\U00000041", "\\'", "\\ ", "\\ud83d\\ude00", "\\uDFFF", "\\uDc00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "a = \"%s\"", bad[i]);
        assert_reads(text, false, escape);
    }
    assert_reads("a = \"\\u00\"", true, "1 .a other=\n");
    assert_reads("a = \"\\u0000\"", true, "1 .a other=\n");
    assert_reads("a = \"\xff\"", true, "1 .a other=\n");
}

static void control_characters_are_refused_everywhere(void **state)
{
    (void)state;
    const char *control = "1 ! a control character\n";
    assert_reads_bytes("a = \"\0\"", 7, false, control);
    assert_reads_bytes("#\0", 2, true, "");
    assert_reads_bytes("\0", 1, false, control);
    assert_reads("a = 1\r", false, control);
    assert_reads("a = \"\x7f\"", false, control);
    assert_reads("a = 1\r\r\n", false, control);
    assert_reads("\x1b[2J", false, control);
}

static void the_longest_line_is_read_and_one_more_byte_refused(void **state)
{
    (void)state;
    char text[TOML_LINE_BYTES_MAX + 8];
    for (size_t length = TOML_LINE_BYTES_MAX - 2; length <= TOML_LINE_BYTES_MAX + 2; length++) {
        memset(text, 'x', sizeof text);
        memcpy(text, "a=\"", 3);
        text[length - 1] = '"';
        memcpy(text + length, "\nb=1\n", 6);
        struct visits visits = {{0}};
        struct toml_visitor visitor = {&visits, on_section, on_pair, on_error};
        bool fits = length <= TOML_LINE_BYTES_MAX;
        size_t whole = length + 5 < sizeof text ? length + 5 : sizeof text;
        assert_int_equal(toml_read(span_of(text, whole), &visitor), fits);
        assert_int_equal(strstr(visits.text, "a line longer than 4096 bytes") != NULL, !fits);
    }
    char name[128];
    memset(name, 'k', sizeof name);
    memcpy(name + TOML_NAME_BYTES - 1, "=1", 3);
    struct visits visits = {{0}};
    struct toml_visitor visitor = {&visits, on_section, on_pair, on_error};
    assert_true(toml_read(span_text(name), &visitor));
    memcpy(name + TOML_NAME_BYTES - 1, "k=1", 4);
    assert_reads(name, false, "1 ! a key of more than 49 characters\n");
    name[0] = '[';
    memcpy(name + TOML_NAME_BYTES, "k]", 3);
    assert_reads(name, false, "1 ! a section name of more than 49 characters\n");
}

static void nothing_is_read_after_a_refusal(void **state)
{
    (void)state;
    assert_reads("stop = 1\nb = 2\nc\n", false, "1 .stop integer=1\n");
    assert_reads("[stop]\nb = 2\nc\n", false, "1 [stop]\n");
    assert_reads("x\ny\n", false, "1 ! none of [section], key = value, # comment\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_pairs_and_comments_are_read_with_their_lines),
        cmocka_unit_test(what_inih_would_cut_or_join_stays_as_it_is),
        cmocka_unit_test(lines_outside_the_subset_are_refused_with_their_number),
        cmocka_unit_test(escapes_are_those_of_toml_and_json),
        cmocka_unit_test(control_characters_are_refused_everywhere),
        cmocka_unit_test(the_longest_line_is_read_and_one_more_byte_refused),
        cmocka_unit_test(nothing_is_read_after_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
