/* Requests of the client: endpoints, encoding, and the signatures of the protocol's vectors. */
#include "node/cli/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { VECTORS_UNIX_TIME_S = 1749988800 }; /* 20250615T120000Z */

static struct arena memory_of_test(void)
{
    struct arena memory;
    arena_init(&memory, 1 << 20);
    return memory;
}

static struct call_account account_of_vectors(void)
{
    struct call_account account = {
        .bucket = "mails",
        .key_id = "GK0123456789abcdef01234567",
        .region = "garage",
        .secret = span_text("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    };
    assert_null(call_endpoint_read("http://k2v.example.org:3904/", &account.endpoint));
    assert_null(call_account_check(&account));
    return account;
}

/* The header of that name is `line`, whole. */
static void assert_header(const struct call_request *request, const char *line)
{
    for (size_t i = 0; i < request->headers_count; i++) {
        if (strcmp(request->headers[i], line) == 0) return;
    }
    fail_msg("no header: %s", line);
}

static void assert_signature(const struct call_request *request, const char *names, const char *signature)
{
    char line[600];
    snprintf(
        line, sizeof line,
        "authorization: AWS4-HMAC-SHA256 Credential=GK0123456789abcdef01234567/20250615/garage/k2v/aws4_request, "
        "SignedHeaders=%s, Signature=%s",
        names, signature);
    assert_string_equal(request->headers[request->headers_count - 1], line);
}

static void a_read_is_signed_as_in_vector_a(void **state)
{
    (void)state;
    struct arena memory = memory_of_test();
    struct call_account account = account_of_vectors();
    struct call call = {.method = "GET",
                        .partition_key = span_text("mailboxes"),
                        .accept = "application/octet-stream, application/json"};
    call_add_parameter(&call, "sort_key", span_text("INBOX"));
    struct call_request request;
    assert_int_equal(call_build(&call, &account, VECTORS_UNIX_TIME_S, &memory, &request), ERR_OK);
    assert_string_equal(request.url, "http://k2v.example.org:3904/mails/mailboxes?sort_key=INBOX");
    assert_string_equal(request.method, "GET");
    assert_false(request.has_body);
    assert_int_equal(request.headers_count, 5);
    assert_header(&request, "accept: application/octet-stream, application/json");
    assert_header(&request, "host: k2v.example.org:3904");
    assert_header(&request, "x-amz-date: 20250615T120000Z");
    assert_signature(&request, "accept;host;x-amz-content-sha256;x-amz-date",
                     "d9ed36ba760d2cdbb1c1919fa886138bd72b306bb975b9ebaa45018b3c8d989a");
    arena_deinit(&memory);
}

static void a_write_with_foreign_letters_is_signed_as_in_vector_b(void **state)
{
    (void)state;
    struct arena memory = memory_of_test();
    struct call_account account = account_of_vectors();
    struct call call = {.method = "PUT",
                        .partition_key = span_text("root@plépp"),
                        .causality_token = "CgsNmn165hAKCwwNDg8QEQAAAZdzdfYB",
                        .has_body = true,
                        .body = span_text("Hello, world!")};
    call_add_parameter(&call, "sort_key", span_text("≤≤««"));
    struct call_request request;
    assert_int_equal(call_build(&call, &account, VECTORS_UNIX_TIME_S, &memory, &request), ERR_OK);
    assert_string_equal(request.url, "http://k2v.example.org:3904/mails/root%40pl%C3%A9pp"
                                     "?sort_key=%E2%89%A4%E2%89%A4%C2%AB%C2%AB");
    assert_header(&request, "x-garage-causality-token: CgsNmn165hAKCwwNDg8QEQAAAZdzdfYB");
    assert_header(&request,
                  "x-amz-content-sha256: 315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3");
    assert_signature(&request, "host;x-amz-content-sha256;x-amz-date;x-garage-causality-token",
                     "8e2157d338388847cc90402297a1f8da5e3a20e5b3a3ba09461553de7e9fa529");
    arena_deinit(&memory);
}

static void a_keyword_is_signed_as_in_vector_d(void **state)
{
    (void)state;
    struct arena memory = memory_of_test();
    struct call_account account = account_of_vectors();
    struct call call = {.method = "POST",
                        .parameters = {{"search", span_text("")}},
                        .parameters_count = 1,
                        .has_body = true,
                        .body = span_text("[{\"partitionKey\":\"mailboxes\"}]")};
    struct call_request request;
    assert_int_equal(call_build(&call, &account, VECTORS_UNIX_TIME_S, &memory, &request), ERR_OK);
    assert_string_equal(request.url, "http://k2v.example.org:3904/mails?search=");
    assert_signature(&request, "host;x-amz-content-sha256;x-amz-date",
                     "26574ca9cf7cd4ad0df2525187e03752875666b19fe03781e3b455cf85f10731");
    arena_deinit(&memory);
}

static void every_byte_but_the_unreserved_is_percent_encoded(void **state)
{
    (void)state;
    struct arena memory = memory_of_test();
    const char *plain = "ABCXYZabcxyz0189-_.~";
    assert_string_equal(call_encode(span_text(plain), &memory), plain);
    assert_string_equal(call_encode(span_text("/a//b /%2F+?&=#é"), &memory),
                        "%2Fa%2F%2Fb%20%2F%252F%2B%3F%26%3D%23%C3%A9");
    assert_string_equal(call_encode(span_of("\0\x7f\xff", 3), &memory), "%00%7F%FF");
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        const char *encoded = call_encode(span_of(&byte, 1), &memory);
        bool is_plain = byte != 0 &&
                        strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~", byte) != NULL;
        assert_int_equal(strlen(encoded), is_plain ? 1 : 3);
    }
    arena_deinit(&memory);
}

static void a_partition_key_stays_one_segment(void **state)
{
    (void)state;
    static const char *const keys[][2] = {
        {"/lead", "http://h/b/%2Flead"}, {"a/b", "http://h/b/a%2Fb"}, {"..", "http://h/b/.."},
        {"tail/", "http://h/b/tail%2F"}, {"%2F", "http://h/b/%252F"},
    };
    struct arena memory = memory_of_test();
    struct call_account account = account_of_vectors();
    account.bucket = "b";
    assert_null(call_endpoint_read("http://h", &account.endpoint));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct call call = {.method = "GET", .partition_key = span_text(keys[i][0])};
        struct call_request request;
        assert_int_equal(call_build(&call, &account, 0, &memory, &request), ERR_OK);
        assert_string_equal(request.url, keys[i][1]);
    }
    arena_deinit(&memory);
}

static void parameters_without_a_value_are_left_out(void **state)
{
    (void)state;
    struct arena memory = memory_of_test();
    struct call_account account = account_of_vectors();
    struct call call = {.method = "GET"};
    call_add_parameter(&call, "prefix", span_text(""));
    call_add_parameter(&call, "start", span_text("a&b"));
    call_add_parameter(&call, "end", span_of(NULL, 0));
    call_add_parameter(&call, "limit", span_text("3"));
    struct call_request request;
    assert_int_equal(call_build(&call, &account, 0, &memory, &request), ERR_OK);
    assert_string_equal(request.url, "http://k2v.example.org:3904/mails?start=a%26b&limit=3");
    arena_deinit(&memory);
}

static void an_endpoint_gives_the_host_as_it_is_signed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *authority;
        bool is_https, is_loopback;
    } good[] = {
        {"http://127.0.0.1:3904", "127.0.0.1:3904", false, true},
        {"http://127.0.0.1:3904//", "127.0.0.1:3904", false, true},
        {"http://k2v.example.org", "k2v.example.org", false, false},
        {"http://k2v.example.org:80/", "k2v.example.org", false, false},
        {"http://k2v.example.org:443", "k2v.example.org:443", false, false},
        {"https://k2v.example.org:443", "k2v.example.org", true, false},
        {"https://k2v.example.org:80", "k2v.example.org:80", true, false},
        {"http://[::1]:3904", "[::1]:3904", false, true},
        {"http://[2001:db8::1]", "[2001:db8::1]", false, false},
        {"http://localhost:65535", "localhost:65535", false, true},
        {"http://127.example.org", "127.example.org", false, false},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct call_endpoint endpoint;
        assert_null(call_endpoint_read(good[i].text, &endpoint));
        assert_string_equal(endpoint.authority, good[i].authority);
        assert_int_equal(endpoint.is_https, good[i].is_https);
        assert_int_equal(endpoint.is_loopback, good[i].is_loopback);
    }
}

static void what_is_no_endpoint_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "127.0.0.1:3904", "ftp://h",          "http://",     "http:///path",     "http://h/path",
        "http://h?q", "http://u:p@h/",  "http://h:",        "http://h:0",  "http://h:65536",   "http://h:1x",
        "http://h h", "http://[::1",    "http://[]:3904",   "HTTP://h",    "http://h\r\nx: y", "http://h:123456",
        "http://h#f", "http://é",       "http://[::1]3904", "http://h:+1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call_endpoint endpoint;
        if (call_endpoint_read(bad[i], &endpoint) == NULL) fail_msg("taken for an endpoint: %s", bad[i]);
    }
    char text[2 * CALL_AUTHORITY_CHARS_MAX] = "http://";
    memset(text + 7, 'h', CALL_AUTHORITY_CHARS_MAX + 1);
    struct call_endpoint endpoint;
    assert_string_equal(call_endpoint_read(text, &endpoint), "is too long");
    text[7 + CALL_AUTHORITY_CHARS_MAX] = '\0';
    assert_null(call_endpoint_read(text, &endpoint));
}

static void nothing_that_could_break_a_url_or_a_header_is_signed(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "a b", "a?b", "a%62", "a\r\nb", "é"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call_account account = account_of_vectors();
        account.bucket = bad[i];
        assert_non_null(call_account_check(&account));
        account = account_of_vectors();
        account.key_id = bad[i];
        assert_non_null(call_account_check(&account));
        account = account_of_vectors();
        account.region = bad[i];
        assert_non_null(call_account_check(&account));
    }
    struct call_account account = account_of_vectors();
    account.secret = span_text("");
    assert_non_null(call_account_check(&account));
}

static void a_token_is_visible_ascii(void **state)
{
    (void)state;
    assert_true(call_is_token("AAAAAAAAAAA"));
    assert_true(call_is_token("-_D-aJzKCQH78P__77__AAAAAZdzdfYB"));
    assert_false(call_is_token(""));
    assert_false(call_is_token("a b"));
    assert_false(call_is_token("a\r\nx: y"));
    assert_false(call_is_token("é"));
}

static void a_full_arena_is_an_error_at_every_allocation(void **state)
{
    (void)state;
    struct call_account account = account_of_vectors();
    struct call call = {.method = "GET", .partition_key = span_text("mailboxes"), .accept = "application/json"};
    call_add_parameter(&call, "sort_key", span_text("INBOX"));
    bool has_failed = false;
    bool has_passed = false;
    for (size_t ceiling = 0; !has_passed; ceiling += 64) {
        struct arena memory;
        struct call_request request;
        arena_init(&memory, ceiling);
        enum err err = call_build(&call, &account, VECTORS_UNIX_TIME_S, &memory, &request);
        has_passed = err == ERR_OK;
        has_failed = has_failed || err == ERR_MEMORY;
        arena_deinit(&memory);
    }
    assert_true(has_failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_signed_as_in_vector_a),
        cmocka_unit_test(a_write_with_foreign_letters_is_signed_as_in_vector_b),
        cmocka_unit_test(a_keyword_is_signed_as_in_vector_d),
        cmocka_unit_test(every_byte_but_the_unreserved_is_percent_encoded),
        cmocka_unit_test(a_partition_key_stays_one_segment),
        cmocka_unit_test(parameters_without_a_value_are_left_out),
        cmocka_unit_test(an_endpoint_gives_the_host_as_it_is_signed),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
        cmocka_unit_test(nothing_that_could_break_a_url_or_a_header_is_signed),
        cmocka_unit_test(a_token_is_visible_ascii),
        cmocka_unit_test(a_full_arena_is_an_error_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
