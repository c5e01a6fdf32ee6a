/* The streaming writer: the form of documents, the escapes of strings, base64, outputs that grow or fail. */
#include "http/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct page {
    char bytes[16 * 1024];
    struct http_out out;
    struct http_json_writer writer;
};

static struct http_json_writer *turn(struct page *page)
{
    page->out = (struct http_out){.bytes = page->bytes, .capacity = sizeof page->bytes};
    http_json_writer_init(&page->writer, &page->out);
    return &page->writer;
}

static void check(const struct page *page, const char *expected)
{
    assert_false(page->out.failed);
    if (page->out.used != strlen(expected) || memcmp(page->bytes, expected, page->out.used) != 0) {
        fail_msg("%.*s", (int)page->out.used, page->bytes);
    }
}

/* The answer of reference 3.6, written as a handler would. */
static void write_index(struct http_json_writer *writer)
{
    http_json_begin_object(writer);
    http_json_name(writer, "prefix");
    http_json_string_or_null(writer, (struct http_span){NULL, 0});
    http_json_name(writer, "limit");
    http_json_u64(writer, UINT64_MAX);
    http_json_name(writer, "reverse");
    http_json_bool(writer, false);
    http_json_name(writer, "partitionKeys");
    http_json_begin_array(writer);
    http_json_begin_object(writer);
    http_json_name(writer, "pk");
    http_json_string_or_null(writer, (struct http_span){"root", 4});
    http_json_name(writer, "v");
    http_json_begin_array(writer);
    http_json_base64(writer, "hi", 2);
    http_json_null(writer);
    http_json_end_array(writer);
    http_json_name(writer, "empty");
    http_json_begin_object(writer);
    http_json_end_object(writer);
    http_json_end_object(writer);
    http_json_begin_array(writer);
    http_json_end_array(writer);
    http_json_end_array(writer);
    http_json_name(writer, "more");
    http_json_bool(writer, true);
    http_json_end_object(writer);
}

static const char INDEX[] = "{\n"
                            "  \"prefix\": null,\n"
                            "  \"limit\": 18446744073709551615,\n"
                            "  \"reverse\": false,\n"
                            "  \"partitionKeys\": [\n"
                            "    {\n"
                            "      \"pk\": \"root\",\n"
                            "      \"v\": [\n"
                            "        \"aGk=\",\n"
                            "        null\n"
                            "      ],\n"
                            "      \"empty\": {}\n"
                            "    },\n"
                            "    []\n"
                            "  ],\n"
                            "  \"more\": true\n"
                            "}";

static void a_document_is_pretty_with_two_blanks(void **state)
{
    (void)state;
    struct page page;
    write_index(turn(&page));
    check(&page, INDEX);
}

static void empty_containers_stay_on_their_line(void **state)
{
    (void)state;
    struct page page;
    struct http_json_writer *writer = turn(&page);
    http_json_begin_array(writer);
    http_json_end_array(writer);
    check(&page, "[]");
    writer = turn(&page);
    http_json_begin_object(writer);
    http_json_end_object(writer);
    check(&page, "{}");
}

static void a_scalar_alone_is_a_document(void **state)
{
    (void)state;
    struct page page;
    http_json_u64(turn(&page), 0);
    check(&page, "0");
    http_json_text(turn(&page), "x");
    check(&page, "\"x\"");
}

static void nesting_goes_to_its_bound(void **state)
{
    (void)state;
    struct page page;
    struct http_json_writer *writer = turn(&page);
    for (int i = 0; i < HTTP_JSON_WRITER_DEPTH_MAX; i++) {
        http_json_begin_array(writer);
    }
    http_json_null(writer);
    for (int i = 0; i < HTTP_JSON_WRITER_DEPTH_MAX; i++) {
        http_json_end_array(writer);
    }
    assert_non_null(strstr(page.bytes, "[\n                null\n              ]\n"));
}

/* Trap 10: the reference's client cannot read other escapes. */
static void strings_escape_only_what_they_must(void **state)
{
    (void)state;
    struct page page;
    http_json_text(turn(&page), "a\"b\\c/\b\t\n\f\r\x01\x1f\x7f\xc3\xa9\xe2\x89\xa4<>&'");
    check(&page, "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\xc3\xa9\xe2\x89\xa4<>&'\"");
    http_json_string(turn(&page), (struct http_span){"\0z", 2});
    check(&page, "\"\\u0000z\"");
    http_json_text(turn(&page), "");
    check(&page, "\"\"");
    http_json_string(turn(&page), (struct http_span){NULL, 0});
    check(&page, "\"\"");
    struct http_json_writer *writer = turn(&page);
    http_json_begin_object(writer);
    http_json_name(writer, "a\"");
    http_json_null(writer);
    http_json_end_object(writer);
    check(&page, "{\n  \"a\\\"\": null\n}");
}

static void base64_is_padded_whatever_the_length(void **state)
{
    (void)state;
    struct page page;
    const struct {
        const char *bytes;
        const char *text;
    } rows[] = {{"", "\"\""},
                {"f", "\"Zg==\""},
                {"fo", "\"Zm8=\""},
                {"foo", "\"Zm9v\""},
                {"foob", "\"Zm9vYg==\""},
                {"\xfb\xff\xbf", "\"+/+/\""},
                {"\xff\xff", "\"//8=\""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_json_base64(turn(&page), rows[i].bytes, strlen(rows[i].bytes));
        check(&page, rows[i].text);
    }
    http_json_base64(turn(&page), NULL, 0);
    check(&page, "\"\"");
}

/* --- outputs -------------------------------------------------------------------------------------------- */

/* Grows by exactly what is asked, so that every write past it would be seen; fails at the k-th call. */
struct growth {
    size_t calls;
    size_t calls_max;
};

static bool grow(struct http_out *out, size_t bytes)
{
    struct growth *growth = out->owner;
    if (growth->calls++ == growth->calls_max) return false;
    char *moved = malloc(out->used + bytes);
    assert_non_null(moved);
    if (out->used > 0) memcpy(moved, out->bytes, out->used);
    free(out->bytes);
    out->bytes = moved;
    out->capacity = out->used + bytes;
    return true;
}

static void an_output_grows_as_needed(void **state)
{
    (void)state;
    struct growth growth = {0, SIZE_MAX};
    struct http_out out = {.more = grow, .owner = &growth};
    struct http_json_writer writer;
    http_json_writer_init(&writer, &out);
    write_index(&writer);
    assert_false(out.failed);
    assert_int_equal(out.used, sizeof INDEX - 1);
    assert_memory_equal(out.bytes, INDEX, out.used);
    assert_true(growth.calls > 10);
    free(out.bytes);
}

static void an_output_that_failed_takes_nothing_more(void **state)
{
    (void)state;
    struct growth counted = {0, SIZE_MAX};
    struct http_out whole = {.more = grow, .owner = &counted};
    struct http_json_writer writer;
    http_json_writer_init(&writer, &whole);
    write_index(&writer);
    free(whole.bytes);
    for (size_t k = 0; k < counted.calls; k++) {
        struct growth growth = {0, k};
        struct http_out out = {.more = grow, .owner = &growth};
        http_json_writer_init(&writer, &out);
        write_index(&writer);
        assert_true(out.failed);
        assert_int_equal(growth.calls, k + 1);
        assert_true(out.used < sizeof INDEX - 1);
        if (out.used > 0) assert_memory_equal(out.bytes, INDEX, out.used);
        free(out.bytes);
    }
}

static void an_output_without_growth_fails_when_full(void **state)
{
    (void)state;
    char bytes[4];
    struct http_out out = {.bytes = bytes, .capacity = sizeof bytes};
    http_out_add(&out, "abcd", 4);
    assert_false(out.failed);
    http_out_add(&out, "", 0);
    assert_false(out.failed);
    http_out_add(&out, "e", 1);
    assert_true(out.failed);
    assert_memory_equal(bytes, "abcd", 4);
}

/* --- there and back -------------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void check_round_trip(const char *bytes, size_t length)
{
    struct growth growth = {0, SIZE_MAX};
    struct http_out out = {.more = grow, .owner = &growth};
    struct http_json_writer writer;
    http_json_writer_init(&writer, &out);
    http_json_begin_array(&writer);
    http_json_begin_object(&writer);
    http_json_name(&writer, "pk");
    http_json_text(&writer, "p");
    http_json_name(&writer, "sk");
    http_json_text(&writer, "s");
    http_json_name(&writer, "v");
    http_json_base64(&writer, bytes, length);
    http_json_end_object(&writer);
    http_json_end_array(&writer);

    struct http_json_reader reader;
    struct http_json_insert insert;
    http_json_reader_init(&reader, out.bytes, out.used);
    assert_int_equal(http_json_next_insert(&reader, &insert), HTTP_JSON_ELEMENT);
    assert_int_equal(insert.value.length, length);
    if (length > 0) assert_memory_equal(insert.value.at, bytes, length);
    assert_int_equal(http_json_next_insert(&reader, &insert), HTTP_JSON_DONE);
    free(out.bytes);
}

static void values_survive_writing_and_reading(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20240607;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    seed |= 1;
    static char bytes[10000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)next_random(&seed);
    }
    for (size_t length = 0; length < 100; length++) {
        check_round_trip(bytes, length);
    }
    for (size_t length = 3070; length < 3080; length++) { /* all three endings of a long value */
        check_round_trip(bytes, length);
    }
    check_round_trip(bytes, sizeof bytes);
}

static void numbers_below_zero_have_their_sign(void **state)
{
    (void)state;
    struct page page;
    struct http_json_writer *writer = turn(&page);
    http_json_begin_array(writer);
    http_json_i64(writer, INT64_MIN);
    http_json_i64(writer, -1);
    http_json_i64(writer, 0);
    http_json_i64(writer, INT64_MAX);
    http_json_end_array(writer);
    check(&page, "[\n  -9223372036854775808,\n  -1,\n  0,\n  9223372036854775807\n]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_below_zero_have_their_sign),
        cmocka_unit_test(a_document_is_pretty_with_two_blanks),
        cmocka_unit_test(empty_containers_stay_on_their_line),
        cmocka_unit_test(a_scalar_alone_is_a_document),
        cmocka_unit_test(nesting_goes_to_its_bound),
        cmocka_unit_test(strings_escape_only_what_they_must),
        cmocka_unit_test(base64_is_padded_whatever_the_length),
        cmocka_unit_test(an_output_grows_as_needed),
        cmocka_unit_test(an_output_that_failed_takes_nothing_more),
        cmocka_unit_test(an_output_without_growth_fails_when_full),
        cmocka_unit_test(values_survive_writing_and_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
