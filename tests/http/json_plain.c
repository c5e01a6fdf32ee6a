/* The plain form of an element: what it is, what it is not, and that both ways of reading say the same. */
#include "http/json_plain.h"

#include "http/json.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory of exactly its size, so that a byte read beyond it is seen. */
static bool read_plain(const char *text, size_t length, struct http_json_plain *out, char **kept)
{
    *kept = malloc(length + (length == 0));
    assert_non_null(*kept);
    memcpy(*kept, text, length);
    return http_json_plain_insert(*kept, length, out);
}

static void expect(const char *text, bool is_plain)
{
    char *kept = NULL;
    struct http_json_plain plain;
    if (read_plain(text, strlen(text), &plain, &kept) != is_plain) fail_msg("%s", text);
    if (is_plain) assert_int_equal(plain.length, strlen(text));
    free(kept);
}

static void expect_span(struct http_span span, const char *text)
{
    assert_int_equal(span.at != NULL, text != NULL);
    if (text == NULL) return;
    assert_int_equal(span.length, strlen(text));
    assert_memory_equal(span.at, text, span.length);
}

static void fields_are_found_in_any_order(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"pk\":\"p\",\"sk\":\"s\",\"ct\":\"c\",\"v\":\"dg==\"}",
        "{ \"v\" : \"dg==\" ,\n\t\"ct\":\"c\",\r\n \"sk\":\"s\",\"pk\":\"p\" }",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *kept = NULL;
        struct http_json_plain plain;
        assert_true(read_plain(texts[i], strlen(texts[i]), &plain, &kept));
        expect_span(plain.partition_key, "p");
        expect_span(plain.sort_key, "s");
        expect_span(plain.causality_token, "c");
        expect_span(plain.value, "dg==");
        free(kept);
    }
}

static void null_and_absent_are_alike_and_the_empty_string_is_not(void **state)
{
    (void)state;
    char *kept = NULL;
    struct http_json_plain plain;
    const char *text = "{\"pk\":\"\",\"sk\":\"s\",\"ct\":null}";
    assert_true(read_plain(text, strlen(text), &plain, &kept));
    expect_span(plain.partition_key, "");
    expect_span(plain.causality_token, NULL);
    expect_span(plain.value, NULL);
    free(kept);
}

static void the_length_is_that_of_the_element(void **state)
{
    (void)state;
    char *kept = NULL;
    struct http_json_plain plain;
    const char *text = "{\"pk\":\"p\",\"sk\":\"s\"},{\"pk\"";
    assert_true(read_plain(text, strlen(text), &plain, &kept));
    assert_int_equal(plain.length, strlen("{\"pk\":\"p\",\"sk\":\"s\"}"));
    free(kept);
}

static void all_else_is_left_to_the_general_way(void **state)
{
    (void)state;
    expect("{\"pk\":\"p\",\"sk\":\"s\"}", true);
    expect("{\"pk\":\"p\",\"sk\":\" ~\"}", true);
    static const char *const others[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"pk\":\"p\"}",
        "{\"sk\":\"s\",\"v\":null}",
        "{\"pk\":\"p\",\"sk\":null}",
        "{\"pk\":\"p\",\"sk\":1}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"x\":\"\"}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"sk\":\"s\"}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":null,\"v\":null}",
        "{\"pk\":\"p\",\"sk\":\"\\u0073\"}",
        "{\"pk\":\"p\",\"sk\":\"\\\"\"}",
        "{\"p\\u006b\":\"p\",\"sk\":\"s\"}",
        "{\"pk\":\"p\",\"sk\":\"\xc3\xa9\"}",
        "{\"pk\":\"p\",\"sk\":\"\x7f\"}",
        "{\"pk\":\"p\",\"sk\":\"\x1f\"}",
        "{\"pk\":\"p\",\"sk\":\"s\",}",
        "{,\"pk\":\"p\",\"sk\":\"s\"}",
        "{\"pk\":\"p\" \"sk\":\"s\"}",
        "{\"pk\" \"p\",\"sk\":\"s\"}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":nul}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":nulll}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":n",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":true}",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":{}}",
        "{\"pk\":\"p\",\"sk\":\"s",
        "{\"pk\":\"p\",\"sk\":\"s\"",
        "{\"PK\":\"p\",\"sk\":\"s\"}",
        "{\"pk\":\"p\",\"sk\":\"s\"]",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        expect(others[i], false);
}

static void a_nul_ends_nothing_quietly(void **state)
{
    (void)state;
    static const char inside[] = "{\"pk\":\"p\",\"sk\":\"s\0\"}";
    static const char between[] = "{\"pk\":\"p\",\0\"sk\":\"s\"}";
    char *kept = NULL;
    struct http_json_plain plain;
    assert_false(read_plain(inside, sizeof inside - 1, &plain, &kept));
    free(kept);
    assert_false(read_plain(between, sizeof between - 1, &plain, &kept));
    free(kept);
}

/* --- the two ways, compared -------------------------------------------------------------------------------- */

static void read_array(const char *element, const char *tail, struct http_json_reader *reader,
                       struct http_json_insert *insert, enum http_json_step *step, char **body)
{
    size_t length = strlen(element) + strlen(tail) + 2;
    *body = malloc(length + 1);
    assert_non_null(*body);
    snprintf(*body, length + 1, "[%.*s%s]", (int)strlen(element) - 1, element, tail);
    http_json_reader_init(reader, *body, strlen(*body));
    *step = http_json_next_insert(reader, insert);
}

static void expect_same_span(struct http_span a, struct http_span b)
{
    assert_int_equal(a.at != NULL, b.at != NULL);
    assert_int_equal(a.length, b.length);
    if (a.length > 0) assert_memory_equal(a.at, b.at, a.length);
}

/* An unknown field is ignored, but only the general way knows it. */
static void expect_same(const char *element)
{
    struct http_json_reader plain, general;
    struct http_json_insert by_plain, by_general;
    enum http_json_step plain_step, general_step;
    char *plain_body, *general_body;
    expect(element, true);
    read_array(element, "}", &plain, &by_plain, &plain_step, &plain_body);
    read_array(element, ",\"unknown\":0}", &general, &by_general, &general_step, &general_body);
    assert_int_equal(plain_step, general_step);
    assert_string_equal(plain.message, general.message);
    if (plain_step == HTTP_JSON_ELEMENT) {
        expect_same_span(by_plain.partition_key, by_general.partition_key);
        expect_same_span(by_plain.sort_key, by_general.sort_key);
        expect_same_span(by_plain.causality_token, by_general.causality_token);
        expect_same_span(by_plain.value, by_general.value);
        assert_int_equal(http_json_next_insert(&plain, &by_plain), HTTP_JSON_DONE);
    } else {
        assert_int_equal(http_json_next_insert(&plain, &by_plain), HTTP_JSON_BAD);
    }
    free(plain_body);
    free(general_body);
}

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Mostly base64, now and then something that is none. */
static void draw_text(uint64_t *seed, char *text, size_t chars_max)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = draw(seed) % chars_max;
    if (draw(seed) % 4 > 0) length -= length % 4;
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[draw(seed) % 64];
    if (length > 0 && draw(seed) % 3 == 0) text[length - 1] = '=';
    if (length > 1 && text[length - 1] == '=' && draw(seed) % 2 == 0) text[length - 2] = '=';
    if (length > 0 && draw(seed) % 8 == 0) text[draw(seed) % length] = " ~!=-_{}[],:"[draw(seed) % 12];
    text[length] = '\0';
}

static void both_ways_say_the_same(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t seed = given == NULL ? 20260102 : strtoull(given, NULL, 10);
    print_message("SEED=%" PRIu64 "\n", seed);
    seed = seed * 2 + 1;
    for (int i = 0; i < 5000; i++) {
        char texts[4][80];
        char element[512];
        size_t order = draw(&seed) % 4;
        static const char *const names[] = {"pk", "sk", "ct", "v"};
        size_t used = (size_t)snprintf(element, sizeof element, "{");
        for (size_t j = 0; j < 4; j++) {
            size_t field = (j + order) % 4;
            draw_text(&seed, texts[field], sizeof texts[field]);
            bool is_null = field > 1 && draw(&seed) % 4 == 0;
            used += (size_t)snprintf(element + used, sizeof element - used, "%s\"%s\":%s%s%s", j == 0 ? "" : ", ",
                                     names[field], is_null ? "null" : "\"", is_null ? "" : texts[field],
                                     is_null ? "" : "\"");
        }
        snprintf(element + used, sizeof element - used, "}");
        expect_same(element);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_in_any_order),
        cmocka_unit_test(null_and_absent_are_alike_and_the_empty_string_is_not),
        cmocka_unit_test(the_length_is_that_of_the_element),
        cmocka_unit_test(all_else_is_left_to_the_general_way),
        cmocka_unit_test(a_nul_ends_nothing_quietly),
        cmocka_unit_test(both_ways_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
