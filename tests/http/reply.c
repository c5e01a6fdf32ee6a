/* Replies, byte by byte: heads, framing, dates, and what happens when there is no room. */
#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { NOW_S = 784111777 }; /* RFC 9110's example of a date */

#define DATE "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

struct page {
    char bytes[4096];
    struct http_out out;
};

static struct http_out *turn(struct page *page)
{
    page->out = (struct http_out){.bytes = page->bytes, .capacity = sizeof page->bytes};
    return &page->out;
}

static void check(const struct page *page, const char *expected)
{
    assert_false(page->out.failed);
    assert_int_equal(page->out.used, strlen(expected));
    assert_memory_equal(page->bytes, expected, page->out.used);
}

static void a_reply_is_status_date_headers_and_framing(void **state)
{
    (void)state;
    struct page page;
    struct http_out *out = turn(&page);
    http_reply_begin(out, 200, NOW_S);
    http_reply_header_text(out, "content-type", "application/json");
    http_reply_header(out, "x-garage-causality-token", (struct http_span){"abc", 2});
    assert_true(http_reply_end(out, HTTP_BODY_LENGTH, 18446744073709551615u, 1, true));
    check(&page, "HTTP/1.1 200 OK\r\n" DATE "content-type: application/json\r\nx-garage-causality-token: ab\r\n"
                 "content-length: 18446744073709551615\r\n\r\n");
}

static void every_status_has_its_reason(void **state)
{
    (void)state;
    const struct {
        int status;
        const char *line;
    } rows[] = {
        {200, "200 OK"},
        {204, "204 No Content"},
        {304, "304 Not Modified"},
        {400, "400 Bad Request"},
        {401, "401 Unauthorized"},
        {403, "403 Forbidden"},
        {404, "404 Not Found"},
        {405, "405 Method Not Allowed"},
        {406, "406 Not Acceptable"},
        {408, "408 Request Timeout"},
        {409, "409 Conflict"},
        {413, "413 Content Too Large"},
        {414, "414 URI Too Long"},
        {431, "431 Request Header Fields Too Large"},
        {500, "500 Internal Server Error"},
        {501, "501 Not Implemented"},
        {503, "503 Service Unavailable"},
        {507, "507 Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page page;
        char expected[200];
        http_reply_begin(turn(&page), rows[i].status, NOW_S);
        snprintf(expected, sizeof expected, "HTTP/1.1 %s\r\n" DATE, rows[i].line);
        check(&page, expected);
    }
}

static void framing_and_connection_follow_version_and_wish(void **state)
{
    (void)state;
    const struct {
        enum http_body_kind kind;
        uint8_t minor;
        bool keep_alive;
        bool is_kept;
        const char *expected;
    } rows[] = {
        {HTTP_BODY_NONE, 1, true, true, "\r\n"},
        {HTTP_BODY_NONE, 1, false, false, "connection: close\r\n\r\n"},
        {HTTP_BODY_NONE, 0, true, true, "connection: keep-alive\r\n\r\n"},
        {HTTP_BODY_NONE, 0, false, false, "connection: close\r\n\r\n"},
        {HTTP_BODY_LENGTH, 1, true, true, "content-length: 0\r\n\r\n"},
        {HTTP_BODY_LENGTH, 1, false, false, "content-length: 0\r\nconnection: close\r\n\r\n"},
        {HTTP_BODY_LENGTH, 0, true, true, "content-length: 0\r\nconnection: keep-alive\r\n\r\n"},
        {HTTP_BODY_CHUNKED, 1, true, true, "transfer-encoding: chunked\r\n\r\n"},
        {HTTP_BODY_CHUNKED, 1, false, false, "transfer-encoding: chunked\r\nconnection: close\r\n\r\n"},
        {HTTP_BODY_CHUNKED, 0, true, false, "connection: close\r\n\r\n"},
        {HTTP_BODY_CHUNKED, 0, false, false, "connection: close\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page page;
        bool is_kept = http_reply_end(turn(&page), rows[i].kind, 0, rows[i].minor, rows[i].keep_alive);
        assert_int_equal(is_kept, rows[i].is_kept);
        check(&page, rows[i].expected);
    }
}

static void chunks_have_their_size_before_them(void **state)
{
    (void)state;
    struct page page;
    struct http_out *out = turn(&page);
    http_chunk_begin(out, 1);
    http_chunk_begin(out, 0xfedcba9876543210);
    http_chunk_begin(out, 16384);
    http_chunk_end(out);
    http_chunk_last(out);
    check(&page, "1\r\nfedcba9876543210\r\n4000\r\n\r\n0\r\n\r\n");
}

static void a_broken_connection_gets_an_empty_reply(void **state)
{
    (void)state;
    struct page page;
    http_reply_broken(turn(&page), 431, NOW_S);
    check(&page, "HTTP/1.1 431 Request Header Fields Too Large\r\n" DATE
                 "content-length: 0\r\nconnection: close\r\n\r\n");
}

static void a_reply_for_want_of_room_is_the_error_object(void **state)
{
    (void)state;
    struct page page;
    http_reply_unavailable(turn(&page), NOW_S, "garage", "ServiceUnavailable", "no \"room\"");
    check(&page, "HTTP/1.1 503 Service Unavailable\r\n" DATE
                 "content-type: application/json\r\ncontent-length: 98\r\nconnection: close\r\n\r\n"
                 "{\n  \"code\": \"ServiceUnavailable\",\n  \"message\": \"no \\\"room\\\"\",\n"
                 "  \"region\": \"garage\",\n  \"path\": \"\"\n}");
}

static void permission_to_send_the_body_is_one_line(void **state)
{
    (void)state;
    struct http_span text = http_continue();
    assert_int_equal(text.length, 25);
    assert_memory_equal(text.at, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Every day of 400 years and then some, against the C library. */
static void dates_are_those_of_the_calendar(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < 150000; day++) {
        time_t now = (time_t)(day * 86400 + day * 7919 % 86400);
        struct tm parts;
        char expected[100];
        assert_non_null(gmtime_r(&now, &parts));
        assert_true(strftime(expected, sizeof expected, "HTTP/1.1 200 OK\r\ndate: %a, %d %b %Y %H:%M:%S GMT\r\n",
                             &parts) > 0);
        struct page page;
        http_reply_begin(turn(&page), 200, (uint64_t)now);
        check(&page, expected);
    }
}

static void the_last_date_is_the_end_of_9999(void **state)
{
    (void)state;
    struct page page;
    http_reply_begin(turn(&page), 204, UINT64_MAX);
    check(&page, "HTTP/1.1 204 No Content\r\ndate: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
}

static void an_output_without_room_fails_and_stays_whole(void **state)
{
    (void)state;
    struct page whole;
    http_reply_broken(turn(&whole), 400, NOW_S);
    for (size_t capacity = 0; capacity < whole.out.used; capacity++) {
        char *bytes = malloc(capacity + (capacity == 0));
        assert_non_null(bytes);
        struct http_out out = {.bytes = bytes, .capacity = capacity};
        http_reply_broken(&out, 400, NOW_S);
        assert_true(out.failed);
        assert_true(out.used <= capacity);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_status_date_headers_and_framing),
        cmocka_unit_test(every_status_has_its_reason),
        cmocka_unit_test(framing_and_connection_follow_version_and_wish),
        cmocka_unit_test(chunks_have_their_size_before_them),
        cmocka_unit_test(a_broken_connection_gets_an_empty_reply),
        cmocka_unit_test(a_reply_for_want_of_room_is_the_error_object),
        cmocka_unit_test(permission_to_send_the_body_is_one_line),
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(the_last_date_is_the_end_of_9999),
        cmocka_unit_test(an_output_without_room_fails_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
