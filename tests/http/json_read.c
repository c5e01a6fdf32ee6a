/* The reader of batch bodies: what reference 3.0 says of JSON bodies, the bounds of H31, the base64 of H32. */
#include "http/json.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A body in memory of exactly its size. */
struct body {
    char *bytes;
    struct http_json_reader reader;
};

static void load(struct body *body, const char *text, size_t length)
{
    body->bytes = malloc(length + (length == 0));
    assert_non_null(body->bytes);
    memcpy(body->bytes, text, length);
    http_json_reader_init(&body->reader, body->bytes, length);
}

static void check_span(struct http_span span, const char *expected)
{
    if (expected == NULL) {
        assert_null(span.at);
        return;
    }
    assert_non_null(span.at);
    assert_int_equal(span.length, strlen(expected));
    assert_memory_equal(span.at, expected, span.length);
}

/* Read inserts until the end; `elements` good ones must come before the end or before `message`. */
static void check_inserts_of(const char *text, size_t length, uint64_t elements, const char *message)
{
    struct body body;
    load(&body, text, length);
    enum http_json_step step;
    struct http_json_insert insert;
    while ((step = http_json_next_insert(&body.reader, &insert)) == HTTP_JSON_ELEMENT) {
        for (size_t i = 0; i < insert.value.length; i++) {
            (void)*(const volatile char *)&insert.value.at[i];
        }
    }
    if (message == NULL) {
        if (step != HTTP_JSON_DONE) fail_msg("%s: %s", text, body.reader.message);
        assert_int_equal(body.reader.elements_count, elements);
    } else {
        if (step != HTTP_JSON_BAD) fail_msg("%s is read", text);
        assert_string_equal(body.reader.message, message);
        assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_BAD); /* for good */
        assert_string_equal(body.reader.message, message);
    }
    free(body.bytes);
}

static void check_inserts(const char *text, uint64_t elements, const char *message)
{
    check_inserts_of(text, strlen(text), elements, message);
}

#define A "{\"pk\":\"p\",\"sk\":\"s\"}"

/* --- the array ------------------------------------------------------------------------------------------ */

static void an_array_is_read_to_its_end(void **state)
{
    (void)state;
    check_inserts("[]", 0, NULL);
    check_inserts(" \t\r\n[ \t\r\n] \t\r\n", 0, NULL);
    check_inserts("[" A "]", 1, NULL);
    check_inserts("[" A "," A "]", 2, NULL);
    check_inserts(" [ " A "\n,\r\n" A " ] ", 2, NULL);
}

static void what_is_no_array_is_refused(void **state)
{
    (void)state;
    const char *const no_array = "the body is not a JSON array";
    const char *const cut = "the array is cut off, or lacks a comma";
    check_inserts("", 0, no_array);
    check_inserts("  ", 0, no_array);
    check_inserts("{}", 0, no_array);
    check_inserts("null", 0, no_array);
    check_inserts("\xef\xbb\xbf[]", 0, no_array); /* a byte order mark is no JSON */
    check_inserts("\v[]", 0, no_array);
    check_inserts("[", 0, "element 0: is not an object");
    check_inserts("[" A, 1, cut);
    check_inserts("[" A " " A "]", 1, cut);
    check_inserts("[" A ";" A "]", 1, cut);
    check_inserts("[" A "}", 1, cut);
    check_inserts("[" A ",", 1, "element 1: is not an object");
    check_inserts("[" A ",]", 1, "element 1: is not an object"); /* Garage's test of error codes */
    check_inserts("[,]", 0, "element 0: is not an object");
    check_inserts("[[]]", 0, "element 0: is not an object");
    check_inserts("[null]", 0, "element 0: is not an object");
    check_inserts("[[\"p\",\"s\",null,null]]", 0, "element 0: is not an object");
    check_inserts("[]]", 0, "bytes behind the array");
    check_inserts("[] x", 0, "bytes behind the array");
    check_inserts_of("[]\0", 3, 0, "bytes behind the array");
    check_inserts("[" A "][]", 1, "bytes behind the array");
}

static void done_is_told_once(void **state)
{
    (void)state;
    struct body body;
    struct http_json_delete delete;
    load(&body, "[]", 2);
    assert_int_equal(http_json_next_delete(&body.reader, &delete), HTTP_JSON_DONE);
    assert_int_equal(http_json_next_delete(&body.reader, &delete), HTTP_JSON_BAD);
    assert_int_equal(http_json_next_delete(&body.reader, &delete), HTTP_JSON_BAD);
    free(body.bytes);
}

static void broken_json_is_refused(void **state)
{
    (void)state;
    const char *const cut[] = {"[{",     "[{\"pk\\\"",   "[{\"pk\":\"p\",\"sk\":\"s\"",
                               "[{\"pk", "[{\"pk\\\"}]", "[{\"pk\":[}"};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        check_inserts(cut[i], 0, "element 0: is cut off");
    }
    const char *const invalid[] = {
        "[{\"pk\":\"p\",\"sk\":\"s\",}]",
        "[{\"pk\":\"p\" \"sk\":\"s\"}]",
        "[{\"pk\":\"p\",\"sk\":'s'}]",
        "[{pk:\"p\",\"sk\":\"s\"}]",
        "[{\"pk\":\"p\",\"sk\":\"s\"]",
        "[{\"pk\":\"p\",\"sk\":\"\\x\"}]",
        "[{\"pk\":\"\\ud800\",\"sk\":\"s\"}]",
        "[{\"pk\":\"\\udc00\",\"sk\":\"s\"}]",
        "[{\"pk\":\"\\ud800\\u0041\",\"sk\":\"s\"}]",
        "[{\"pk\":\"\\u12\",\"sk\":\"s\"}]",
        "[{\"pk\":\"\xff\",\"sk\":\"s\"}]",
        "[{\"pk\":\"\xed\xa0\x80\",\"sk\":\"s\"}]",
        "[{\"pk\":\"\xc0\x80\",\"sk\":\"s\"}]",
        "[{\"pk\":\"a\nb\",\"sk\":\"s\"}]",
        "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":tru}]",
        "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":01}]",
        "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":NaN}]",
        "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":+1}]",
        "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":.5}]",
        "[{\"pk\":\"p\",\"sk\":\"s\"/**/}]",
        "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":1e999}]",
        "[{\"pk\":[}]",
    };
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        struct body body;
        struct http_json_insert insert;
        load(&body, invalid[i], strlen(invalid[i]));
        if (http_json_next_insert(&body.reader, &insert) != HTTP_JSON_BAD) fail_msg("%s is read", invalid[i]);
        if (strncmp(body.reader.message, "element 0: is ", 14) != 0) fail_msg("%s", body.reader.message);
        free(body.bytes);
    }
}

static void a_control_character_in_a_string_is_refused(void **state)
{
    (void)state;
    for (char c = 1; c < 0x20; c++) {
        char text[] = "[{\"pk\":\"?\",\"sk\":\"s\"}]";
        *strchr(text, '?') = c;
        struct body body;
        struct http_json_insert insert;
        load(&body, text, strlen(text));
        assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_BAD);
        free(body.bytes);
    }
}

static void messages_quote_nothing_from_the_body(void **state)
{
    (void)state;
    struct body body;
    struct http_json_insert insert;
    const char text[] = "[" A ",{\"pk\":\"p\",\"sk\":\"s\",\"v\":secret}]";
    load(&body, text, sizeof text - 1);
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_ELEMENT);
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_BAD);
    assert_string_equal(body.reader.message, "element 1: is not valid JSON: invalid token");
    free(body.bytes);
    /* Nor what is too long to be quoted by jansson. */
    check_inserts("[{\"pk\":averylongwordthatisnojsonatall}]", 0, "element 0: is not valid JSON: invalid token");
}

/* --- bounds (H31) --------------------------------------------------------------------------------------- */

/* An element with `count` copies of `text` between two others. */
static void check_repeated(const char *before, const char *text, size_t count, const char *after,
                           const char *message)
{
    size_t capacity = strlen(before) + count * strlen(text) + strlen(after) + 1;
    char *body = malloc(capacity);
    assert_non_null(body);
    size_t used = (size_t)snprintf(body, capacity, "%s", before);
    for (size_t i = 0; i < count; i++) {
        memcpy(body + used, text, strlen(text));
        used += strlen(text);
    }
    snprintf(body + used, capacity - used, "%s", after);
    check_inserts(body, message == NULL, message);
    free(body);
}

static void depth_is_bounded_before_anything_recurses(void **state)
{
    (void)state;
    const char *const deep = "element 0: is nested deeper than 32";
    char text[300] = "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":";
    for (int i = 0; i < HTTP_JSON_DEPTH_MAX - 1; i++) {
        strcat(text, "[");
    }
    size_t opened = strlen(text);
    for (int i = 0; i < HTTP_JSON_DEPTH_MAX - 1; i++) {
        strcat(text, "]");
    }
    strcat(text, "}]");
    check_inserts(text, 1, NULL);
    memmove(text + opened + 1, text + opened, strlen(text + opened) + 1);
    text[opened] = '[';
    check_inserts(text, 0, deep);
    check_repeated("[{\"x\":", "[", 1000000, "", deep);
    check_repeated("[", "{\"x\":", 1000000, "", deep);
}

static void tokens_are_bounded_per_element(void **state)
{
    (void)state;
    const char *const many = "element 0: has more than 1000 commas, colons and brackets";
    const char *const before = "[{\"pk\":\"p\",\"sk\":\"s\",\"x\":[1";
    const size_t others = 9; /* both braces, both brackets, three colons, two commas */
    check_repeated(before, ",1", HTTP_JSON_ELEMENT_TOKENS_MAX - others, "]}]", NULL);
    check_repeated(before, ",1", HTTP_JSON_ELEMENT_TOKENS_MAX - others + 1, "]}]", many);
    check_repeated("[{\"pk\":\"p\",\"sk\":\"", ",:[]{}\\\"", 5000, "\"}]", NULL); /* in strings they are free */
    check_repeated("[" A, "," A, 5000, ",]", "element 5001: is not an object");   /* per element */
}

static void many_escaped_quotes_are_scanned_once(void **state)
{
    (void)state;
    check_repeated("[{\"pk\":\"p\",\"sk\":\"", "\\\\\\\"", 200000, "\"}]", NULL);
    check_repeated("[{\"pk\":\"p\",\"sk\":\"", "\\\\", 200000, "\"}]", NULL);
    check_repeated("[{\"pk\":\"p\",\"sk\":\"", "\\\\", 200000, "\\\"}]", "element 0: is cut off");
}

/* --- fields --------------------------------------------------------------------------------------------- */

static void an_insert_has_four_fields(void **state)
{
    (void)state;
    struct body body;
    struct http_json_insert insert;
    const char text[] = "[{\"sk\":\"b\",\"v\":\"aGVsbG8=\",\"pk\":\"a\",\"ct\":\"t\",\"more\":{\"v\":1}},"
                        "{\"pk\":\"\",\"sk\":\"\",\"ct\":null,\"v\":null}," A
                        ",{\"pk\":\"p\",\"sk\":\"s\",\"v\":\"\",\"ct\":\"\"}]";
    load(&body, text, sizeof text - 1);
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_ELEMENT);
    check_span(insert.partition_key, "a");
    check_span(insert.sort_key, "b");
    check_span(insert.causality_token, "t");
    check_span(insert.value, "hello");
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_ELEMENT);
    check_span(insert.partition_key, "");
    check_span(insert.sort_key, "");
    check_span(insert.causality_token, NULL);
    check_span(insert.value, NULL);
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_ELEMENT);
    check_span(insert.causality_token, NULL);
    check_span(insert.value, NULL); /* trap 18 */
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_ELEMENT);
    check_span(insert.causality_token, "");
    check_span(insert.value, "");
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_DONE);
    assert_int_equal(body.reader.elements_count, 4);
    free(body.bytes);
}

/* The body's memory is the only memory: what an element gave stays while the next are read. */
static void spans_outlive_the_next_elements(void **state)
{
    (void)state;
    struct body body;
    struct http_json_insert first, second;
    const char text[] = "[{\"pk\":\"\\u0061bc\",\"sk\":\"d\\ne\",\"v\":\"AQID\"},{\"pk\":\"x\",\"sk\":\"y\"}]";
    load(&body, text, sizeof text - 1);
    assert_int_equal(http_json_next_insert(&body.reader, &first), HTTP_JSON_ELEMENT);
    assert_int_equal(http_json_next_insert(&body.reader, &second), HTTP_JSON_ELEMENT);
    assert_int_equal(http_json_next_insert(&body.reader, &second), HTTP_JSON_DONE);
    check_span(first.partition_key, "abc");
    check_span(first.sort_key, "d\ne");
    check_span(first.value, "\x01\x02\x03");
    assert_true(first.partition_key.at >= body.bytes);
    assert_true(first.value.at + first.value.length <= body.bytes + sizeof text - 1);
    free(body.bytes);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    struct body body;
    struct http_json_insert insert;
    const char text[] = "[{\"\\u0070k\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\xc3\xa9\\ud83d\\ude00\\uFFFF\","
                        "\"sk\":\"a\\u0000b\"}]";
    load(&body, text, sizeof text - 1);
    assert_int_equal(http_json_next_insert(&body.reader, &insert), HTTP_JSON_ELEMENT);
    check_span(insert.partition_key, "\"\\/\b\f\n\r\t\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbf");
    assert_int_equal(insert.sort_key.length, 3);
    assert_memory_equal(insert.sort_key.at, "a\0b", 3);
    free(body.bytes);
}

static void wrong_fields_are_named(void **state)
{
    (void)state;
    check_inserts("[{}]", 0, "element 0: field \"pk\" is missing");
    check_inserts("[{\"PK\":\"p\",\"sk\":\"s\"}]", 0, "element 0: field \"pk\" is missing");
    check_inserts("[" A ",{\"pk\":\"p\"}]", 1, "element 1: field \"sk\" is missing");
    check_inserts("[{\"pk\":null,\"sk\":\"s\"}]", 0, "element 0: field \"pk\" is not a string");
    check_inserts("[{\"pk\":1,\"sk\":\"s\"}]", 0, "element 0: field \"pk\" is not a string");
    check_inserts("[{\"pk\":\"p\",\"sk\":[\"s\"]}]", 0, "element 0: field \"sk\" is not a string");
    check_inserts("[{\"pk\":\"p\",\"sk\":\"s\",\"ct\":1}]", 0,
                  "element 0: field \"ct\" is neither a string nor null");
    check_inserts("[{\"pk\":\"p\",\"sk\":\"s\",\"v\":true}]", 0,
                  "element 0: field \"v\" is neither a string nor null");
    check_inserts("[{\"pk\":1,\"sk\":2,\"ct\":3,\"v\":4}]", 0, "element 0: field \"pk\" is not a string");
}

static void a_field_given_twice_is_refused(void **state)
{
    (void)state;
    const char *const twice = "element 0: is not valid JSON: duplicate object key";
    check_inserts("[{\"pk\":\"p\",\"sk\":\"s\",\"pk\":\"p\"}]", 0, twice);
    check_inserts("[{\"pk\":\"p\",\"sk\":\"s\",\"\\u0070k\":\"q\"}]", 0, twice);
    check_inserts("[{\"pk\":\"p\",\"sk\":\"s\",\"v\":null,\"v\":null}]", 0, twice);
}

static void a_search_has_nine_fields(void **state)
{
    (void)state;
    struct body body;
    struct http_json_search search;
    const char text[] =
        "[{\"partitionKey\":\"p\",\"prefix\":\"a\",\"start\":\"b\",\"end\":\"c\",\"limit\":7,\"reverse\":true,"
        "\"singleItem\":true,\"conflictsOnly\":true,\"tombstones\":true},"
        "{\"partitionKey\":\"p\",\"prefix\":null,\"start\":null,\"end\":null,\"limit\":null,\"reverse\":false,"
        "\"singleItem\":false,\"conflictsOnly\":false,\"tombstones\":false},{\"partitionKey\":\"q\"}]";
    load(&body, text, sizeof text - 1);
    assert_int_equal(http_json_next_search(&body.reader, &search), HTTP_JSON_ELEMENT);
    check_span(search.partition_key, "p");
    check_span(search.prefix, "a");
    check_span(search.start, "b");
    check_span(search.end, "c");
    assert_true(search.has_limit && search.limit == 7);
    assert_true(search.reverse && search.single_item && search.conflicts_only && search.tombstones);
    for (int i = 0; i < 2; i++) {
        memset(&search, 0xa5, sizeof search);
        assert_int_equal(http_json_next_search(&body.reader, &search), HTTP_JSON_ELEMENT);
        check_span(search.partition_key, i == 0 ? "p" : "q");
        check_span(search.prefix, NULL);
        check_span(search.start, NULL);
        check_span(search.end, NULL);
        assert_true(!search.has_limit && search.limit == 0);
        assert_false(search.reverse || search.single_item || search.conflicts_only || search.tombstones);
    }
    assert_int_equal(http_json_next_search(&body.reader, &search), HTTP_JSON_DONE);
    free(body.bytes);
}

static void a_delete_has_five_fields_and_no_limit(void **state)
{
    (void)state;
    struct body body;
    struct http_json_delete delete;
    const char text[] =
        "[{\"partitionKey\":\"p\",\"prefix\":\"a\",\"start\":\"b\",\"end\":\"c\",\"singleItem\":true,"
        "\"limit\":\"ignored\",\"reverse\":null}]";
    load(&body, text, sizeof text - 1);
    assert_int_equal(http_json_next_delete(&body.reader, &delete), HTTP_JSON_ELEMENT);
    check_span(delete.partition_key, "p");
    check_span(delete.prefix, "a");
    check_span(delete.start, "b");
    check_span(delete.end, "c");
    assert_true(delete.single_item);
    assert_int_equal(http_json_next_delete(&body.reader, &delete), HTTP_JSON_DONE);
    free(body.bytes);
    load(&body, "[{}]", 4);
    assert_int_equal(http_json_next_delete(&body.reader, &delete), HTTP_JSON_BAD);
    assert_string_equal(body.reader.message, "element 0: field \"partitionKey\" is missing");
    free(body.bytes);
}

/* One search with a member besides its partition key: how it ends. */
static enum http_json_step read_search(const char *member, struct http_json_search *search, char *message)
{
    char text[500];
    int length = snprintf(text, sizeof text, "[{\"partitionKey\":\"p\",%s}]", member);
    struct body body;
    load(&body, text, (size_t)length);
    enum http_json_step step = http_json_next_search(&body.reader, search);
    memcpy(message, body.reader.message, sizeof body.reader.message);
    free(body.bytes);
    return step;
}

/* Trap 20. */
static void booleans_are_not_null(void **state)
{
    (void)state;
    const char *const names[] = {"reverse", "singleItem", "conflictsOnly", "tombstones"};
    const char *const bad[] = {"null", "0", "1", "\"true\"", "[]", "{}"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            char member[100];
            char message[200];
            char expected[200];
            struct http_json_search search;
            snprintf(member, sizeof member, "\"%s\":%s", names[i], bad[j]);
            assert_int_equal(read_search(member, &search, message), HTTP_JSON_BAD);
            snprintf(expected, sizeof expected, "element 0: field \"%s\" is neither true nor false", names[i]);
            assert_string_equal(message, expected);
        }
    }
}

static void integers_are_exact_to_64_bits(void **state)
{
    (void)state;
    const struct {
        const char *member;
        uint64_t expected;
    } good[] = {
        {"\"limit\":0", 0},
        {"\"limit\":1", 1},
        {"\"limit\" : \t\n9007199254740993 \r\n", 9007199254740993},
        {"\"limit\":9223372036854775807", INT64_MAX},
        {"\"limit\":9223372036854775808", (uint64_t)INT64_MAX + 1},
        {"\"limit\":18446744073709551615", UINT64_MAX},
        {"\"l\\u0069mit\":18446744073709551614", UINT64_MAX - 1},
        {"\"x\":[1,{\"limit\":2}],\"y\":{\"limit\":3},\"limit\":4,\"z\":\"limit\\\":5,\"", 4},
        {"\"a\\\"b\":99,\"limit\":18446744073709551615,\"c\":-1.5e3", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char message[200];
        struct http_json_search search;
        if (read_search(good[i].member, &search, message) != HTTP_JSON_ELEMENT) fail_msg("%s", message);
        assert_true(search.has_limit);
        if (search.limit != good[i].expected) fail_msg("%s is read as %" PRIu64, good[i].member, search.limit);
    }
    const char *const bad[] = {"-1",
                               "-0",
                               "3.0",
                               "1e3",
                               "1E0",
                               "0.5",
                               "18446744073709551616",
                               "\"3\"",
                               "true",
                               "[3]",
                               "{}",
                               "99999999999999999999999999",
                               "-18446744073709551615",
                               "1e-3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char member[100];
        char message[200];
        struct http_json_search search;
        snprintf(member, sizeof member, "\"limit\":%s", bad[i]);
        if (read_search(member, &search, message) != HTTP_JSON_BAD) fail_msg("%s is read", member);
        assert_string_equal(message, "element 0: field \"limit\" is neither an integer from 0 to 2^64-1 nor null");
    }
}

/* Numbers in fields nobody asked for may be anything JSON allows. */
static void unknown_numbers_may_be_large(void **state)
{
    (void)state;
    char message[200];
    struct http_json_search search;
    assert_int_equal(read_search("\"x\":99999999999999999999999999,\"y\":-0.0e-7", &search, message),
                     HTTP_JSON_ELEMENT);
    assert_false(search.has_limit);
}

/* --- the single object of a range poll ------------------------------------------------------------------- */

static bool read_poll(const char *text, struct body *body, struct http_json_poll *poll, char *message)
{
    load(body, text, strlen(text));
    return http_json_read_poll(body->bytes, strlen(text), poll, message);
}

static void a_poll_is_one_object(void **state)
{
    (void)state;
    struct body body;
    struct http_json_poll poll;
    char message[200];
    assert_true(read_poll(" {\"prefix\":\"a\",\"start\":\"b\",\"end\":\"c\",\"timeout\":18446744073709551615,"
                          "\"seenMarker\":\"m\"}\r\n",
                          &body, &poll, message));
    check_span(poll.prefix, "a");
    check_span(poll.start, "b");
    check_span(poll.end, "c");
    check_span(poll.seen_marker, "m");
    assert_true(poll.has_timeout && poll.timeout_s == UINT64_MAX);
    free(body.bytes);

    const char *const empty[] = {"{}", "{\"prefix\":null,\"start\":null,\"end\":null,\"timeout\":null,"
                                       "\"seenMarker\":null,\"partitionKey\":1}"};
    for (size_t i = 0; i < 2; i++) {
        memset(&poll, 0xa5, sizeof poll);
        assert_true(read_poll(empty[i], &body, &poll, message));
        check_span(poll.prefix, NULL);
        check_span(poll.start, NULL);
        check_span(poll.end, NULL);
        check_span(poll.seen_marker, NULL);
        assert_false(poll.has_timeout);
        free(body.bytes);
    }
}

static void a_bad_poll_is_refused(void **state)
{
    (void)state;
    const char *const bad[][2] = {
        {"", "the body is empty, not a JSON object"},
        {" \n", "the body is empty, not a JSON object"},
        {"[]", "is not an object"},
        {"null", "is not an object"},
        {"{", "is cut off"},
        {"{}{}", "bytes behind the object"},
        {"{},", "bytes behind the object"},
        {"{\"a\"}", "is not valid JSON: ':' expected"},
        {"{\"timeout\":-1}", "field \"timeout\" is neither an integer from 0 to 2^64-1 nor null"},
        {"{\"timeout\":\"1\"}", "field \"timeout\" is neither an integer from 0 to 2^64-1 nor null"},
        {"{\"seenMarker\":1}", "field \"seenMarker\" is neither a string nor null"},
        {"{\"prefix\":false}", "field \"prefix\" is neither a string nor null"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct body body;
        struct http_json_poll poll;
        char message[200];
        if (read_poll(bad[i][0], &body, &poll, message)) fail_msg("%s is read", bad[i][0]);
        assert_string_equal(message, bad[i][1]);
        free(body.bytes);
    }
}

/* --- base64 (H32) --------------------------------------------------------------------------------------- */

static void check_value(const char *base64, const char *expected, size_t expected_length)
{
    char text[200];
    int length = snprintf(text, sizeof text, "[{\"pk\":\"p\",\"sk\":\"s\",\"v\":\"%s\"}]", base64);
    if (expected == NULL) {
        check_inserts(text, 0, "element 0: field \"v\" is not standard base64 with padding");
        return;
    }
    struct body body;
    struct http_json_insert insert;
    load(&body, text, (size_t)length);
    if (http_json_next_insert(&body.reader, &insert) != HTTP_JSON_ELEMENT) fail_msg("%s", body.reader.message);
    assert_int_equal(insert.value.length, expected_length);
    assert_memory_equal(insert.value.at, expected, expected_length);
    free(body.bytes);
}

static void base64_is_canonical(void **state)
{
    (void)state;
    check_value("", "", 0);
    check_value("Zg==", "f", 1);
    check_value("Zm8=", "fo", 2);
    check_value("Zm9v", "foo", 3);
    check_value("Zm9vYg==", "foob", 4);
    check_value("AAAA", "\0\0\0", 3);
    check_value("+/+/", "\xfb\xff\xbf", 3);
    check_value("\\/\\u002b/+", "\xff\xef\xfe", 3); /* escaped as JSON may */
    const char *const bad[] = {"Z",      "Zg",   "Zg=",  "Zm8",  "Zh==",       "Zm9=",     "Zm9v=",
                               "Zm9vYg", "====", "Z===", "=Zg=", "Zg==Zg==",   "Zm9v\\n",  "Zm 9v",
                               "-_-_",   "Zm9$", "Zg=A", "Zm=v", "\\u0000m9v", "Zm8=Zm9v", "Z\xc3\xa9v",
                               "tra$h",  "//8",  "@@@@", "[[[[", "````",       "{{{{",     "::::"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_value(bad[i], NULL, 0);
    }
}

/* Every last quantum of one and of two bytes: exactly one text means it. */
static void each_value_has_one_base64_text(void **state)
{
    (void)state;
    const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned good_count = 0;
    for (unsigned i = 0; i < 64 * 64; i++) {
        char text[] = "[{\"pk\":\"p\",\"sk\":\"s\",\"v\":\"!!==\"}]";
        char *mark = strchr(text, '!');
        mark[0] = alphabet[i / 64];
        mark[1] = alphabet[i % 64];
        struct body body;
        struct http_json_insert insert;
        load(&body, text, strlen(text));
        if (http_json_next_insert(&body.reader, &insert) == HTTP_JSON_ELEMENT) {
            assert_int_equal(insert.value.length, 1);
            assert_int_equal((unsigned char)insert.value.at[0], good_count++);
        }
        free(body.bytes);
    }
    assert_int_equal(good_count, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_read_to_its_end),
        cmocka_unit_test(what_is_no_array_is_refused),
        cmocka_unit_test(done_is_told_once),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(a_control_character_in_a_string_is_refused),
        cmocka_unit_test(messages_quote_nothing_from_the_body),
        cmocka_unit_test(depth_is_bounded_before_anything_recurses),
        cmocka_unit_test(tokens_are_bounded_per_element),
        cmocka_unit_test(many_escaped_quotes_are_scanned_once),
        cmocka_unit_test(an_insert_has_four_fields),
        cmocka_unit_test(spans_outlive_the_next_elements),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(a_field_given_twice_is_refused),
        cmocka_unit_test(a_search_has_nine_fields),
        cmocka_unit_test(a_delete_has_five_fields_and_no_limit),
        cmocka_unit_test(booleans_are_not_null),
        cmocka_unit_test(integers_are_exact_to_64_bits),
        cmocka_unit_test(unknown_numbers_may_be_large),
        cmocka_unit_test(a_poll_is_one_object),
        cmocka_unit_test(a_bad_poll_is_refused),
        cmocka_unit_test(base64_is_canonical),
        cmocka_unit_test(each_value_has_one_base64_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
