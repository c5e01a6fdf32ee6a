/* The router: the table of reference 3.0 row by row, each trap about paths and queries, decoding and its refusals.
 */
#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    char target[64 * 1024]; /* a copy of just the length is routed */
    char *memory;
    char *copy;
    struct http_route route;
    struct http_refusal refusal;
};

static struct http_span text_of(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL;
}

static void release(struct fixture *fixture)
{
    free(fixture->memory);
    free(fixture->copy);
    fixture->memory = fixture->copy = NULL;
}

static int teardown(void **state)
{
    release(*state);
    free(*state);
    return 0;
}

/* Route with memory of exactly the promised size, the route's memory poisoned before. */
static bool route(struct fixture *fixture, const char *method, const char *target)
{
    release(fixture);
    size_t length = strlen(target);
    fixture->copy = malloc(length + (length == 0));
    fixture->memory = malloc(length + (length == 0));
    assert_non_null(fixture->copy);
    assert_non_null(fixture->memory);
    memcpy(fixture->copy, target, length);
    memset(&fixture->route, 0xa5, sizeof fixture->route);
    memset(&fixture->refusal, 0xa5, sizeof fixture->refusal);
    struct http_span span = {fixture->copy, length};
    bool is_routed = http_route(text_of(method), span, fixture->memory, &fixture->route, &fixture->refusal);
    if (!is_routed) assert_true(strlen(fixture->refusal.message) < sizeof fixture->refusal.message);
    return is_routed;
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

static void check_operation(struct fixture *fixture, const char *method, const char *target, const char *operation)
{
    if (!route(fixture, method, target)) fail_msg("%s %s: %s", method, target, fixture->refusal.message);
    assert_string_equal(http_operation_name(fixture->route.operation), operation);
    assert_false(fixture->route.is_head);
}

static void check_refused(struct fixture *fixture, const char *method, const char *target, const char *message)
{
    if (route(fixture, method, target)) fail_msg("%s %s is routed", method, target);
    assert_string_equal(fixture->refusal.code, "InvalidRequest");
    assert_string_equal(fixture->refusal.message, message);
}

#define NO_ITEM_OPERATION   "no such operation on an item: method and query do not go together"
#define NO_BUCKET_OPERATION "no such operation on a bucket: method and query do not go together"

/* --- dispatch ------------------------------------------------------------------------------------------- */

static void every_row_of_the_table_is_dispatched(void **state)
{
    struct fixture *fixture = *state;
    check_operation(fixture, "GET", "/b/k?sort_key=s", "ReadItem");
    check_operation(fixture, "GET", "/b/k?sort_key=s&causality_token=t", "PollItem");
    check_operation(fixture, "GET", "/b", "ReadIndex");
    check_operation(fixture, "PUT", "/b/k?sort_key=s", "InsertItem");
    check_operation(fixture, "DELETE", "/b/k?sort_key=s", "DeleteItem");
    check_operation(fixture, "POST", "/b", "InsertBatch");
    check_operation(fixture, "POST", "/b?search", "ReadBatch");
    check_operation(fixture, "SEARCH", "/b", "ReadBatch");
    check_operation(fixture, "POST", "/b?delete", "DeleteBatch");
    check_operation(fixture, "POST", "/b/k?poll_range", "PollRange");
    check_operation(fixture, "SEARCH", "/b/k?poll_range", "PollRange");
    check_operation(fixture, "OPTIONS", "/b", "CORS preflight");
    check_operation(fixture, "OPTIONS", "/b/k?search&delete", "CORS preflight");
}

static void what_is_in_no_row_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const bucket[][2] = {
        {"SEARCH", "/b?search"},
        {"SEARCH", "/b?delete"},
        {"POST", "/b?poll_range"},
        {"GET", "/b?poll_range"},
        {"GET", "/b?search"},
        {"GET", "/b?delete"},
        {"PUT", "/b"},
        {"DELETE", "/b"},
        {"PATCH", "/b"},
        {"get", "/b"},
        {"SEARCH", "/b?poll_range"},
        {"HEAD", "/b"},
        {"DELETE", "/b?delete"},
        {"", "/b"},
        {"GETS", "/b"},
    };
    const char *const item[][2] = {
        {"SEARCH", "/b/k"},          {"POST", "/b/k"},           {"POST", "/b/k?search"},
        {"GET", "/b/k?poll_range"},  {"PATCH", "/b/k"},          {"PUT", "/b/k?search"},
        {"DELETE", "/b/k?delete"},   {"POST", "/b/k?delete"},    {"options", "/b/k"},
        {"HEAD", "/b/k?poll_range"}, {"PUT", "/b/k?poll_range"}, {"SEARCH", "/b/k?search"},
    };
    for (size_t i = 0; i < sizeof bucket / sizeof bucket[0]; i++) {
        check_refused(fixture, bucket[i][0], bucket[i][1], NO_BUCKET_OPERATION);
    }
    for (size_t i = 0; i < sizeof item / sizeof item[0]; i++) {
        check_refused(fixture, item[i][0], item[i][1], NO_ITEM_OPERATION);
    }
}

/* Design section 9: where the reference answers 400. */
static void head_of_an_item_is_a_read(void **state)
{
    struct fixture *fixture = *state;
    assert_true(route(fixture, "HEAD", "/b/k?sort_key=s"));
    assert_int_equal(fixture->route.operation, HTTP_READ_ITEM);
    assert_true(fixture->route.is_head);
    assert_true(route(fixture, "HEAD", "/b/k?sort_key=s&causality_token=t"));
    assert_int_equal(fixture->route.operation, HTTP_POLL_ITEM);
    assert_true(fixture->route.is_head);
}

/* Trap 26. */
static void keywords_are_known_with_or_without_a_value(void **state)
{
    struct fixture *fixture = *state;
    check_operation(fixture, "POST", "/b?search=", "ReadBatch");
    check_operation(fixture, "POST", "/b?search=false", "ReadBatch");
    check_operation(fixture, "POST", "/b?x=y&delete=&z", "DeleteBatch");
    check_operation(fixture, "POST", "/b?%73earch", "ReadBatch");
    check_operation(fixture, "POST", "/b?Search", "InsertBatch"); /* names have case */
    check_operation(fixture, "POST", "/b?searching", "InsertBatch");
    check_refused(fixture, "POST", "/b?search&search", "more than one of delete, search and poll_range");
    check_refused(fixture, "POST", "/b?search&delete=1", "more than one of delete, search and poll_range");
}

/* --- the path ------------------------------------------------------------------------------------------- */

static void check_path(struct fixture *fixture, const char *target, const char *path, const char *bucket,
                       const char *partition_key)
{
    char with_query[1000];
    snprintf(with_query, sizeof with_query, "%s%s", target, partition_key == NULL ? "" : "?sort_key=s");
    if (!route(fixture, "GET", with_query)) fail_msg("%s: %s", target, fixture->refusal.message);
    check_span(fixture->route.path, path);
    check_span(fixture->route.bucket, bucket);
    check_span(fixture->route.partition_key, partition_key);
}

static void a_path_is_split_raw_and_decoded_once(void **state)
{
    struct fixture *fixture = *state;
    check_path(fixture, "/b", "/b", "b", NULL);
    check_path(fixture, "/b/", "/b/", "b", NULL);
    check_path(fixture, "//b//", "//b//", "b", NULL);
    check_path(fixture, "b", "b", "b", NULL);
    check_path(fixture, "/b//x", "/b//x", "b", "x");
    check_path(fixture, "/b/%2Fx", "/b/%2Fx", "b", "/x");
    check_path(fixture, "/b/a/b", "/b/a/b", "b", "a/b");
    check_path(fixture, "/b/a%2fb", "/b/a%2fb", "b", "a/b");
    check_path(fixture, "/b/x/", "/b/x/", "b", "x/");
    check_path(fixture, "/b/a+b", "/b/a+b", "b", "a+b");
    check_path(fixture, "/b/%2541", "/b/%2541", "b", "%41");
    check_path(fixture, "/b/../c", "/b/../c", "b", "../c");
    check_path(fixture, "/b/root%40pl%C3%A9pp", "/b/root%40pl%C3%A9pp", "b", "root@pl\xc3\xa9pp");
    check_path(fixture, "/b/pl\xc3\xa9pp", "/b/pl\xc3\xa9pp", "b", "pl\xc3\xa9pp");
    check_path(fixture, "/b%2Fc/k", "/b%2Fc/k", "b%2Fc", "k"); /* trap 54: the bucket is raw */
    check_path(fixture, "*", "*", "*", NULL);
}

static void a_partition_key_may_hold_nul(void **state)
{
    struct fixture *fixture = *state;
    assert_true(route(fixture, "GET", "/b/a%00b?sort_key=%00"));
    assert_int_equal(fixture->route.partition_key.length, 3);
    assert_memory_equal(fixture->route.partition_key.at, "a\0b", 3);
    assert_int_equal(fixture->route.sort_key.length, 1);
    assert_memory_equal(fixture->route.sort_key.at, "", 1);
}

static void the_absolute_form_is_read_as_its_path(void **state)
{
    struct fixture *fixture = *state;
    check_path(fixture, "http://h:3904/b/k", "/b/k", "b", "k");
    check_path(fixture, "HTTPS://h/b", "/b", "b", NULL);
    check_refused(fixture, "GET", "http://h", "no bucket in the path");
    check_refused(fixture, "GET", "http://h?x=y", "no bucket in the path");
    const char *const relative[] = {"b:c", "b:", "b:/", "b", "b:cd", "b:cde"};
    for (size_t i = 0; i < sizeof relative / sizeof relative[0]; i++)
        check_path(fixture, relative[i], relative[i],
                   relative[i][strlen(relative[i]) - 1] == '/' ? "b:" : relative[i], NULL);
    check_path(fixture, "/http://x/y", "/http://x/y", "http:", "x/y");
}

static void a_request_without_bucket_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const targets[] = {"/", "", "//", "/?search", "?x", "///?a=b"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        check_refused(fixture, "GET", targets[i], "no bucket in the path");
        check_refused(fixture, "OPTIONS", targets[i], "no bucket in the path");
    }
    check_span(fixture->route.path, "///");
    assert_false(route(fixture, "GET", "?x"));
    check_span(fixture->route.path, "/");
}

/* --- the query ------------------------------------------------------------------------------------------ */

static void parameters_are_decoded_by_form_rules(void **state)
{
    struct fixture *fixture = *state;
    assert_true(route(fixture, "GET", "/b?&prefix=a+b%2Bc%26&&x&=y&z=1=2&+=&"));
    check_span(fixture->route.prefix, "a b+c&");
    assert_int_equal(fixture->route.parameters_count, 5);
    const char *const expected[][2] = {{"prefix", "a b+c&"}, {"x", ""}, {"", "y"}, {"z", "1=2"}, {" ", ""}};
    for (uint32_t i = 0; i < 5; i++) {
        check_span(fixture->route.parameters[i].name, expected[i][0]);
        check_span(fixture->route.parameters[i].value, expected[i][1]);
    }
}

static void text_arguments_are_kept(void **state)
{
    struct fixture *fixture = *state;
    assert_true(route(fixture, "GET", "/b?start=s&end=e&prefix=p"));
    check_span(fixture->route.start, "s");
    check_span(fixture->route.end, "e");
    check_span(fixture->route.prefix, "p");
    check_span(fixture->route.sort_key, NULL);
    assert_true(route(fixture, "GET", "/b/k?causality_token=t&sort_key=%E2%89%A4"));
    check_span(fixture->route.causality_token, "t");
    check_span(fixture->route.sort_key, "\xe2\x89\xa4");
    check_span(fixture->route.prefix, NULL);
}

/* Traps 24 and 25. */
static void an_empty_value_is_absent(void **state)
{
    struct fixture *fixture = *state;
    check_operation(fixture, "GET", "/b/k?sort_key=s&causality_token=", "ReadItem");
    check_operation(fixture, "GET", "/b?prefix=&start=&end=&limit=&reverse=", "ReadIndex");
    check_span(fixture->route.prefix, NULL);
    check_span(fixture->route.start, NULL);
    check_span(fixture->route.end, NULL);
    assert_false(fixture->route.has_limit);
    assert_false(fixture->route.reverse);
    check_operation(fixture, "GET", "/b/k?sort_key=&sort_key=s&sort_key", "ReadItem");
    check_operation(fixture, "GET", "/b/k?sort_key=s&causality_token=t&timeout=", "PollItem");
    assert_false(fixture->route.has_timeout);
    assert_int_equal(fixture->route.parameters_count, 3);
}

static void a_repeated_argument_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const names[] = {"prefix",  "start",    "end",     "limit",
                                 "reverse", "sort_key", "timeout", "causality_token"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char target[100];
        char message[100];
        snprintf(target, sizeof target, "/b?%s=1&%s=1", names[i], names[i]);
        snprintf(message, sizeof message, "repeated argument %s", names[i]);
        check_refused(fixture, "POST", target, message);
    }
    check_operation(fixture, "POST", "/b?x=1&x=2&Prefix=1&Prefix=2", "InsertBatch");
}

static void an_item_needs_its_sort_key(void **state)
{
    struct fixture *fixture = *state;
    const char *const methods[] = {"GET", "PUT", "DELETE", "HEAD"};
    const char *const targets[] = {"/b/k", "/b/k?sort_key", "/b/k?sort_key=", "/b/k?Sort_Key=s",
                                   "/b/k?causality_token=t"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
            check_refused(fixture, methods[i], targets[j], "argument sort_key is missing or empty");
        }
    }
    check_operation(fixture, "POST", "/b/k?poll_range", "PollRange");
}

static void check_limit(struct fixture *fixture, const char *text, bool is_good, uint64_t expected)
{
    char target[200];
    snprintf(target, sizeof target, "/b?limit=%s", text);
    if (is_good) {
        check_operation(fixture, "GET", target, "ReadIndex");
        assert_true(fixture->route.has_limit);
        assert_true(fixture->route.limit == expected);
    } else {
        check_refused(fixture, "GET", target, "argument limit is not an integer from 0 to 2^64-1");
    }
    snprintf(target, sizeof target, "/b/k?sort_key=s&causality_token=t&timeout=%s", text);
    if (is_good) {
        check_operation(fixture, "GET", target, "PollItem");
        assert_true(fixture->route.has_timeout);
        assert_true(fixture->route.timeout_s == expected);
    } else {
        check_refused(fixture, "GET", target, "argument timeout is not an integer from 0 to 2^64-1");
    }
}

static void numbers_are_unsigned_decimals_of_64_bits(void **state)
{
    struct fixture *fixture = *state;
    check_limit(fixture, "0", true, 0);
    check_limit(fixture, "1000", true, 1000);
    check_limit(fixture, "007", true, 7);
    check_limit(fixture, "18446744073709551615", true, UINT64_MAX);
    const char *const bad[] = {"18446744073709551616",
                               "99999999999999999999",
                               "-1",
                               "1.0",
                               "1e3",
                               "0x10",
                               "abc",
                               "+1",
                               "%2B1x",
                               "1+",
                               "%00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_limit(fixture, bad[i], false, 0);
    }
}

static void reverse_is_true_or_false(void **state)
{
    struct fixture *fixture = *state;
    check_operation(fixture, "GET", "/b?reverse=true", "ReadIndex");
    assert_true(fixture->route.reverse);
    check_operation(fixture, "GET", "/b?reverse=false", "ReadIndex");
    assert_false(fixture->route.reverse);
    const char *const bad[] = {"/b?reverse=1", "/b?reverse=True", "/b?reverse=true+"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_refused(fixture, "GET", bad[i], "argument reverse is neither true nor false");
    }
}

static void arguments_of_others_are_not_parsed(void **state)
{
    struct fixture *fixture = *state;
    check_operation(fixture, "GET", "/b/k?sort_key=s&timeout=abc&limit=x&reverse=y", "ReadItem");
    check_operation(fixture, "PUT", "/b/k?sort_key=s&timeout=abc&limit=x&reverse=y", "InsertItem");
    check_operation(fixture, "GET", "/b/k?sort_key=s&causality_token=t&limit=x&reverse=y", "PollItem");
    check_operation(fixture, "GET", "/b?timeout=abc&sort_key=s&causality_token=t", "ReadIndex");
    check_operation(fixture, "POST", "/b?search&limit=x&timeout=y&reverse=z", "ReadBatch");
    check_operation(fixture, "POST", "/b/k?poll_range&timeout=abc", "PollRange");
}

static void the_query_has_100_pairs_at_most(void **state)
{
    struct fixture *fixture = *state;
    strcpy(fixture->target, "/b?");
    for (int i = 0; i < HTTP_PARAMETERS_MAX; i++) {
        strcat(fixture->target, "x&");
    }
    assert_true(route(fixture, "GET", fixture->target));
    assert_int_equal(fixture->route.parameters_count, HTTP_PARAMETERS_MAX);
    strcat(fixture->target, "x");
    check_refused(fixture, "GET", fixture->target, "more than 100 query parameters");
}

/* --- refusals of decoding (design section 9) ------------------------------------------------------------- */

static void malformed_escapes_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const bad[] = {"%", "%4", "%zz", "%4z", "%z4", "a%", "%%41", "%\xc3\xa9"};
    const struct {
        const char *form;
        const char *message;
    } places[] = {
        {"/%s", "malformed percent escape in the bucket's name"},
        {"/b/%s", "malformed percent escape in the partition key"},
        {"/b?x=%s", "malformed percent escape in a query parameter's value"},
        {"/b?%s=x", "malformed percent escape in a query parameter's name"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            char target[200];
            const char *mark = strstr(places[i].form, "%s");
            snprintf(target, sizeof target, "%.*s%s%s", (int)(mark - places[i].form), places[i].form, bad[j],
                     mark + 2);
            check_refused(fixture, "GET", target, places[i].message);
            assert_true(places[i].form[1] == '%' || route(fixture, "OPTIONS", target)); /* not looked at */
        }
    }
}

static void invalid_utf8_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const targets[] = {"/b/%ff?sort_key=s", "/b/k?sort_key=%80",  "/b?x=%C3",
                                   "/b?%ED%A0%80",      "/b/\xff?sort_key=s", "/%fe",
                                   "/b?x=\xc3&y=\xa9"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        assert_false(route(fixture, "GET", targets[i]));
        assert_string_equal(fixture->refusal.code, "InvalidUtf8String");
        assert_non_null(strstr(fixture->refusal.message, "invalid UTF-8 in "));
    }
}

/* Every sequence of up to three bytes from the interesting ones, against a decoder written another way. */
static bool is_utf8_by_code_points(const unsigned char *at, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t count = at[i] < 0x80             ? 1
                       : (at[i] & 0xe0) == 0xc0 ? 2
                       : (at[i] & 0xf0) == 0xe0 ? 3
                       : (at[i] & 0xf8) == 0xf0 ? 4
                                                : 0;
        if (count == 0 || i + count > length) return false;
        uint32_t point = count == 1 ? at[i] : at[i] & (0x7fu >> count);
        for (size_t j = 1; j < count; j++) {
            if ((at[i + j] & 0xc0) != 0x80) return false;
            point = point << 6 | (at[i + j] & 0x3f);
        }
        const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < least[count] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
        i += count;
    }
    return true;
}

static void utf8_is_what_rfc_3629_says(void **state)
{
    (void)state;
    const unsigned char bytes[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                   0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xfe, 0xff};
    const size_t n = sizeof bytes;
    unsigned valid_count = 0;
    for (size_t i = 0; i < n * n * n * n; i++) {
        unsigned char text[4] = {bytes[i % n], bytes[i / n % n], bytes[i / n / n % n], bytes[i / n / n / n]};
        for (size_t length = 1; length <= 4; length++) {
            bool is_valid = is_utf8_by_code_points(text, length);
            valid_count += is_valid;
            if (http_is_utf8((struct http_span){(const char *)text, length}) != is_valid) {
                fail_msg("%02x %02x %02x %02x, %zu bytes", text[0], text[1], text[2], text[3], length);
            }
        }
    }
    assert_true(valid_count > 1000);
    assert_true(http_is_utf8((struct http_span){NULL, 0}));
}

static void percent_decoding_can_leave_the_plus(void **state)
{
    (void)state;
    char memory[8];
    struct http_span decoded;
    assert_true(http_percent_decode(text_of("a+%2b%2B"), false, memory, &decoded));
    check_span(decoded, "a+++");
    assert_true(http_percent_decode(text_of("a+%2b%2B"), true, memory, &decoded));
    check_span(decoded, "a ++");
    assert_true(http_percent_decode((struct http_span){NULL, 0}, true, memory, &decoded));
    check_span(decoded, "");
    assert_false(http_percent_decode(text_of("%2"), true, memory, &decoded));
    assert_false(http_percent_decode(text_of("%g0"), true, memory, &decoded));
    assert_false(http_percent_decode(text_of("%0G"), true, memory, &decoded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_of_the_table_is_dispatched, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_in_no_row_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(head_of_an_item_is_a_read, setup, teardown),
        cmocka_unit_test_setup_teardown(keywords_are_known_with_or_without_a_value, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_is_split_raw_and_decoded_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_partition_key_may_hold_nul, setup, teardown),
        cmocka_unit_test_setup_teardown(the_absolute_form_is_read_as_its_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_without_bucket_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_are_decoded_by_form_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(text_arguments_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_value_is_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repeated_argument_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_item_needs_its_sort_key, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_are_unsigned_decimals_of_64_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(reverse_is_true_or_false, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_of_others_are_not_parsed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_query_has_100_pairs_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_escapes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(invalid_utf8_is_refused, setup, teardown),
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
        cmocka_unit_test(percent_decoding_can_leave_the_plus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
