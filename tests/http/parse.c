/* The request parser: every request here is fed whole, byte by byte and cut in two at every place, and must be
 * told the same way each time (H27). What the parser says is written down as text and compared with what was
 * expected.
 */
#include "http/parse.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STORY_CHARS = 256 * 1024, NO_CUT = SIZE_MAX };

/* What the parser said: one line per head, body (its parts joined), end and refusal. */
struct story {
    char text[STORY_CHARS];
    size_t used;
    bool is_in_body;
    bool is_over; /* refused */
};

static void tell(struct story *story, const char *bytes, size_t length)
{
    assert_true(story->used + length < STORY_CHARS);
    memcpy(story->text + story->used, bytes, length);
    story->used += length;
    story->text[story->used] = '\0';
}

static void tell_text(struct story *story, const char *text)
{
    tell(story, text, strlen(text));
}

static void tell_head(struct story *story, const struct http_head *head)
{
    tell_text(story, "HEAD ");
    tell(story, head->method.at, head->method.length);
    tell_text(story, " ");
    tell(story, head->target.at, head->target.length);
    tell_text(story, head->minor == 1 ? " 1.1" : " 1.0");
    if (head->keep_alive) tell_text(story, " keep");
    if (head->expects_continue) tell_text(story, " continue");
    if (head->is_chunked) tell_text(story, " chunked");
    if (head->content_length > 0) {
        char number[32];
        snprintf(number, sizeof number, " %llu", (unsigned long long)head->content_length);
        tell_text(story, number);
    }
    for (uint32_t i = 0; i < head->headers_count; i++) {
        tell_text(story, " [");
        tell(story, head->headers[i].name.at, head->headers[i].name.length);
        tell_text(story, "=");
        tell(story, head->headers[i].value.at, head->headers[i].value.length);
        tell_text(story, "]");
    }
    tell_text(story, "\n");
}

static void tell_verdict(struct story *story, const struct http_parser *parser, enum http_verdict verdict)
{
    if (verdict == HTTP_BODY && !story->is_in_body) tell_text(story, "BODY ");
    if (verdict != HTTP_BODY && verdict != HTTP_MORE && story->is_in_body) {
        tell_text(story, "\n");
        story->is_in_body = false;
    }
    switch (verdict) {
    case HTTP_MORE: break;
    case HTTP_HEAD: tell_head(story, &parser->head); break;
    case HTTP_BODY:
        tell(story, parser->part.at, parser->part.length);
        story->is_in_body = true;
        break;
    case HTTP_END: tell_text(story, "END\n"); break;
    case HTTP_REFUSED: {
        char status[32];
        snprintf(status, sizeof status, "REFUSED %d ", parser->status);
        tell_text(story, status);
        tell_text(story, parser->reason);
        tell_text(story, "\n");
        story->is_over = true;
        break;
    }
    }
}

static bool is_inside(struct http_span span, const char *memory, size_t length)
{
    return span.at >= memory && span.at + span.length <= memory + length;
}

/* Feed one read's bytes, from memory of exactly their size, until the parser wants more. */
static void feed(struct http_parser *parser, struct story *story, const char *bytes, size_t length)
{
    char *copy = malloc(length + (length == 0));
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    size_t at = 0;
    enum http_verdict verdict;
    do {
        size_t taken = 0;
        verdict = http_parse(parser, copy + at, length - at, &taken);
        assert_true(taken <= length - at);
        if (verdict == HTTP_BODY) assert_true(is_inside(parser->part, copy + at, taken));
        if (verdict == HTTP_HEAD) assert_true(is_inside(parser->head.target, parser->buffer, HTTP_HEAD_BYTES_MAX));
        at += taken;
        tell_verdict(story, parser, verdict);
    } while (verdict != HTTP_MORE && verdict != HTTP_REFUSED);
    if (verdict == HTTP_MORE) assert_int_equal(at, length);
    free(copy);
}

/* The story of a connection, its bytes cut at `first` and then every `step` bytes. */
static void read_in_pieces(const char *bytes, size_t length, size_t first, size_t step, struct story *story)
{
    struct http_parser *parser = malloc(sizeof *parser);
    char *buffer = malloc(HTTP_HEAD_BYTES_MAX);
    assert_non_null(parser);
    assert_non_null(buffer);
    memset(parser, 0xa5, sizeof *parser);
    http_parser_init(parser, buffer);
    story->used = 0;
    story->text[0] = '\0';
    story->is_in_body = story->is_over = false;
    for (size_t at = 0, end = first; at < length && !story->is_over; at = end, end = at + step) {
        if (end > length) end = length;
        feed(parser, story, bytes + at, end - at);
    }
    if (story->is_in_body) tell_text(story, "\n");
    free(buffer);
    free(parser);
}

/* Every way of cutting must tell `expected`. */
static void check_bytes(const char *bytes, size_t length, const char *expected)
{
    static struct story story;
    read_in_pieces(bytes, length, length, length, &story);
    if (strcmp(story.text, expected) != 0) print_error("request:\n%.*s\n", (int)length, bytes);
    assert_string_equal(story.text, expected);
    for (size_t step = 1; step <= 3; step++) {
        read_in_pieces(bytes, length, step, step, &story);
        assert_string_equal(story.text, expected);
    }
    for (size_t cut = 1; cut < length; cut++) {
        read_in_pieces(bytes, length, cut, length, &story);
        if (strcmp(story.text, expected) != 0) print_error("cut at %zu of:\n%.*s\n", cut, (int)length, bytes);
        assert_string_equal(story.text, expected);
    }
}

#define CHECK(bytes, expected) check_bytes(bytes, sizeof(bytes) - 1, expected)
#define HOST                   "Host: h\r\n"
#define OTHER                  "GET /other HTTP/1.1\r\nHost: h\r\n\r\n"
#define OTHER_TOLD             "HEAD GET /other 1.1 keep [Host=h]\nEND\n"

/* --- what is served ------------------------------------------------------------------------------------- */

static void a_get_is_a_head_and_an_end(void **state)
{
    (void)state;
    CHECK("GET /b/k?sort_key=s HTTP/1.1\r\nHost: h\r\nAccept:*/*\r\n\r\n",
          "HEAD GET /b/k?sort_key=s 1.1 keep [Host=h] [Accept=*/*]\nEND\n");
}

static void a_body_by_length_is_told_in_parts(void **state)
{
    (void)state;
    CHECK("PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
          "HEAD PUT /b/k 1.1 keep 5 [Host=h] [Content-Length=5]\nBODY hello\nEND\n");
    CHECK("PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" OTHER,
          "HEAD PUT /b/k 1.1 keep [Host=h] [Content-Length=0]\nEND\n" OTHER_TOLD);
    CHECK("POST /b HTTP/1.1\r\nHost: h\r\ncontent-length: 007\r\n\r\n\r\n\r\n\r\nx" OTHER,
          "HEAD POST /b 1.1 keep 7 [Host=h] [content-length=007]\nBODY \r\n\r\n\r\nx\nEND\n" OTHER_TOLD);
}

static void a_body_of_zero_bytes_too_long_to_send_is_only_announced(void **state)
{
    (void)state;
    CHECK("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\nab",
          "HEAD PUT / 1.1 keep 18446744073709551615 [Host=h] [Content-Length=18446744073709551615]\nBODY ab\n");
    CHECK("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n",
          "REFUSED 400 Content-Length overflow\n");
}

#define CHUNKED      "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_TOLD "HEAD POST /b 1.1 keep chunked [Host=h] [Transfer-Encoding=chunked]\n"

static void chunks_are_unframed(void **state)
{
    (void)state;
    CHECK(CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n" OTHER,
          CHUNKED_TOLD "BODY hello world\nEND\n" OTHER_TOLD);
    CHECK(CHUNKED "0\r\n\r\n", CHUNKED_TOLD "END\n");
    CHECK(CHUNKED "000000000000000a\r\n0123456789\r\n00\r\n\r\n", CHUNKED_TOLD "BODY 0123456789\nEND\n");
    CHECK(CHUNKED "A\r\n0123456789\r\n0\r\n\r\n", CHUNKED_TOLD "BODY 0123456789\nEND\n");
    CHECK("POST /b HTTP/1.1\r\nHost: h\r\ntransfer-encoding:\tCHUNKED \r\n\r\n0\r\n\r\n",
          "HEAD POST /b 1.1 keep chunked [Host=h] [transfer-encoding=CHUNKED]\nEND\n");
}

static void chunk_extensions_and_trailers_are_dropped(void **state)
{
    (void)state;
    CHECK(CHUNKED "2;a\r\nhi\r\n2;a=b;c=\"d e\";f\r\nho\r\n0;;;\r\n\r\n", CHUNKED_TOLD "BODY hiho\nEND\n");
    CHECK(CHUNKED "0\r\nX-Sum: 1\r\nEmpty:\r\n\r\n" OTHER, CHUNKED_TOLD "END\n" OTHER_TOLD);
    CHECK(CHUNKED "1;n=\tv\xc3\xa9\r\nx\r\n0\r\n\r\n", CHUNKED_TOLD "BODY x\nEND\n");
}

/* A trailer must not frame anything, nor end the connection's life. */
static void trailers_have_no_say_about_framing(void **state)
{
    (void)state;
    CHECK(CHUNKED "0\r\nConnection: close\r\nHost: i\r\n\r\n" OTHER, CHUNKED_TOLD "END\n" OTHER_TOLD);
    CHECK(CHUNKED "0\r\nContent-Length: 7\r\n\r\n" OTHER, CHUNKED_TOLD "END\n" OTHER_TOLD);
    CHECK(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n",
          CHUNKED_TOLD "REFUSED 400 Invalid `Transfer-Encoding` header value\n");
}

static void pipelined_requests_are_told_one_by_one(void **state)
{
    (void)state;
    CHECK("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" OTHER
          "DELETE /c HTTP/1.1\r\nHost: h\r\n\r\n",
          "HEAD PUT /a 1.1 keep 3 [Host=h] [Content-Length=3]\nBODY abc\nEND\n" OTHER_TOLD
          "HEAD DELETE /c 1.1 keep [Host=h]\nEND\n");
}

static void empty_lines_before_a_request_are_skipped(void **state)
{
    (void)state;
    CHECK("\r\n\r\n" OTHER "\r\n" OTHER, OTHER_TOLD OTHER_TOLD);
    CHECK("\n" OTHER, "REFUSED 400 a line feed without carriage return\n");
    CHECK("\r" OTHER, "REFUSED 400 a carriage return without line feed\n");
    CHECK(OTHER "\r\r\n", OTHER_TOLD "REFUSED 400 a carriage return without line feed\n");
}

static void every_method_of_the_api_is_known(void **state)
{
    (void)state;
    const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "SEARCH", "PATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char request[100];
        char expected[100];
        int length = snprintf(request, sizeof request, "%s /b HTTP/1.1\r\nHost: h\r\n\r\n", methods[i]);
        snprintf(expected, sizeof expected, "HEAD %s /b 1.1 keep [Host=h]\nEND\n", methods[i]);
        check_bytes(request, (size_t)length, expected);
    }
}

static void keep_alive_follows_version_and_connection(void **state)
{
    (void)state;
    CHECK("GET / HTTP/1.0\r\n\r\n", "HEAD GET / 1.0\nEND\n");
    CHECK("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" OTHER,
          "HEAD GET / 1.0 keep [Connection=Keep-Alive]\nEND\n" OTHER_TOLD);
    CHECK("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
          "HEAD GET / 1.0 [Connection=keep-alive, close]\nEND\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE ,\tCLOSE\r\n\r\n",
          "HEAD GET / 1.1 [Host=h] [Connection=TE ,\tCLOSE]\nEND\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nConnection: x\r\nConnection: close\r\n\r\n",
          "HEAD GET / 1.1 [Host=h] [Connection=x] [Connection=close]\nEND\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n",
          "HEAD GET / 1.1 keep [Host=h] [Connection=closed]\nEND\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nConnection:\r\n\r\n", "HEAD GET / 1.1 keep [Host=h] [Connection=]\nEND\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nProxy-Connection: close\r\n\r\n",
          "HEAD GET / 1.1 keep [Host=h] [Proxy-Connection=close]\nEND\n");
}

static void bytes_behind_a_closing_message_are_dropped(void **state)
{
    (void)state;
    CHECK("PUT / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx" OTHER "\x01\x02",
          "HEAD PUT / 1.0 1 [Content-Length=1]\nBODY x\nEND\n");
}

static void a_body_can_wait_for_permission(void **state)
{
    (void)state;
    CHECK("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
          "HEAD PUT / 1.1 keep continue 1 [Host=h] [Expect=100-Continue] [Content-Length=1]\nBODY x\nEND\n");
    CHECK(
        "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HEAD PUT / 1.1 keep continue chunked [Host=h] [Expect=100-continue] [Transfer-Encoding=chunked]\nEND\n");
    CHECK("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
          "HEAD PUT / 1.1 keep [Host=h] [Expect=100-continue]\nEND\n");
    CHECK("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
          "HEAD PUT / 1.0 1 [Expect=100-continue] [Content-Length=1]\nBODY x\nEND\n");
    CHECK("PUT / HTTP/1.1\r\nHost: h\r\nExpect: coffee\r\nContent-Length: 1\r\n\r\nx",
          "HEAD PUT / 1.1 keep 1 [Host=h] [Expect=coffee] [Content-Length=1]\nBODY x\nEND\n");
}

/* A server may ignore an offered upgrade (RFC 9110, 7.8); HTTP clients that probe for HTTP/2 send one. */
static void an_offered_upgrade_is_ignored(void **state)
{
    (void)state;
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" OTHER,
          "HEAD GET / 1.1 keep [Host=h] [Connection=Upgrade] [Upgrade=h2c]\nEND\n" OTHER_TOLD);
    CHECK("PUT / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx" OTHER,
          "HEAD PUT / 1.1 keep 1 [Host=h] [Connection=Upgrade] [Upgrade=x] [Content-Length=1]\nBODY "
          "x\nEND\n" OTHER_TOLD);
}

static void blanks_around_values_are_trimmed_and_inside_kept(void **state)
{
    (void)state;
    CHECK("GET / HTTP/1.1\r\nHost: \t h \t\r\nA:\r\nB: \t \r\nC: a  b\tc\r\nD: \xc3\xa9\r\n\r\n",
          "HEAD GET / 1.1 keep [Host=h] [A=] [B=] [C=a  b\tc] [D=\xc3\xa9]\nEND\n");
}

/* Headers are told apart by the length of their names first. */
static void names_as_long_as_those_that_frame_mean_nothing(void **state)
{
    (void)state;
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nFrom: a\r\nAccept: b\r\nUser-Agent: close\r\nAccept-Charset: 5\r\n"
          "Content-Encodings: chunked\r\n\r\n",
          "HEAD GET / 1.1 keep [Host=h] [From=a] [Accept=b] [User-Agent=close] [Accept-Charset=5] "
          "[Content-Encodings=chunked]\nEND\n");
}

static void the_absolute_form_and_the_asterisk_are_targets(void **state)
{
    (void)state;
    CHECK("GET http://h:1/b?x HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD GET http://h:1/b?x 1.1 keep [Host=h]\nEND\n");
    CHECK("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD OPTIONS * 1.1 keep [Host=h]\nEND\n");
}

/* --- what is refused (H27) ------------------------------------------------------------------------------ */

static void two_framings_of_one_body_are_refused(void **state)
{
    (void)state;
    CHECK("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "REFUSED 400 Content-Length can't be present with Transfer-Encoding\n");
    CHECK("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
          "REFUSED 400 Content-Length can't be present with Transfer-Encoding\n");
    CHECK("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \r\nContent-Length: 5\r\n\r\nhello",
          "REFUSED 400 Content-Length beside Transfer-Encoding\n");
}

static void a_content_length_is_one_plain_number(void **state)
{
    (void)state;
#define LENGTH(value) "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:" value "\r\n\r\nhello"
    CHECK(LENGTH(" 5\r\nContent-Length: 5"), "REFUSED 400 Duplicate Content-Length\n");
    CHECK(LENGTH(" 5\r\nContent-Length: 6"), "REFUSED 400 Duplicate Content-Length\n");
    CHECK(LENGTH(" 5, 5"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" 5 5"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" +5"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" -5"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" 0x5"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" 5.0"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" 5\t"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(" five"), "REFUSED 400 Invalid character in Content-Length\n");
    CHECK(LENGTH(""), "REFUSED 400 Empty Content-Length\n");
    CHECK(LENGTH(" "), "REFUSED 400 Empty Content-Length\n");
}

static void a_transfer_encoding_is_exactly_one_chunked(void **state)
{
    (void)state;
#define ENCODING(value) "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:" value "\r\n\r\n0\r\n\r\n"
#define NOT_CHUNKED     "REFUSED 400 Transfer-Encoding is not exactly one chunked\n"
#define LLHTTP_REFUSES  "REFUSED 400 Invalid `Transfer-Encoding` header value\n"
    CHECK(ENCODING(" identity"), NOT_CHUNKED);
    CHECK(ENCODING(" gzip, chunked"), NOT_CHUNKED);
    CHECK(ENCODING(" chunked, identity"), LLHTTP_REFUSES);
    CHECK(ENCODING(" chunked, chunked"), LLHTTP_REFUSES);
    CHECK(ENCODING(" chunked\r\nTransfer-Encoding: chunked"), LLHTTP_REFUSES);
    CHECK(ENCODING(" gzip\r\nTransfer-Encoding: chunked"), NOT_CHUNKED);
    CHECK(ENCODING(" \"chunked\""), NOT_CHUNKED);
    CHECK(ENCODING(" xchunked"), NOT_CHUNKED);
    CHECK(ENCODING(" chunkedx"), NOT_CHUNKED);
    CHECK(ENCODING(" chunked;q=1"), NOT_CHUNKED);
    CHECK(ENCODING(" chunked\t"), NOT_CHUNKED);
    CHECK(ENCODING(""), NOT_CHUNKED);
    CHECK("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "REFUSED 400 Transfer-Encoding in HTTP/1.0\n");
    CHECK(ENCODING("\x0b chunked"), "REFUSED 400 Invalid header value char\n");
}

static void names_of_headers_are_tokens(void **state)
{
    (void)state;
#define NAME(name) "POST / HTTP/1.1\r\nHost: h\r\n" name " 5\r\n\r\nhello"
    CHECK(NAME("Content-Length :"), "REFUSED 400 Invalid header field char\n");
    CHECK(NAME("Content-Length\t:"), "REFUSED 400 Invalid header token\n");
    CHECK(NAME("X Y:"), "REFUSED 400 Invalid header token\n");
    CHECK(NAME("X\xc3\xa9:"), "REFUSED 400 Invalid header token\n");
    CHECK(NAME("X\r:"), "REFUSED 400 Invalid header token\n");
    CHECK(NAME(":"), "REFUSED 400 a header without a name\n");
    CHECK(CHUNKED "0\r\n: b\r\n\r\n", CHUNKED_TOLD "REFUSED 400 a header without a name\n");
    CHECK(NAME("no colon"), "REFUSED 400 Invalid header token\n");
}

static void lines_end_in_carriage_return_and_line_feed(void **state)
{
    (void)state;
#define BARE "REFUSED 400 a line feed without carriage return\n"
    CHECK("GET / HTTP/1.1\nHost: h\r\n\r\n", BARE);
    CHECK("GET / HTTP/1.1\r\nHost: h\n\r\n", BARE);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\n\n", BARE);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA:\nB: c\r\n\r\n", BARE);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n",
          "REFUSED 400 Missing expected LF after header value\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA:\rC: d\r\n\r\n", "REFUSED 400 Expected LF after CR\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\n\rX", "REFUSED 400 Expected LF after headers\n");
    CHECK("GET / HTTP/1.1\rHost: h\r\n\r\n", "REFUSED 400 Expected CRLF after version\n");
    CHECK("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", "REFUSED 400 Missing expected LF after header value\n");
    CHECK(CHUNKED "0\r\nA: b\n\r\n", CHUNKED_TOLD BARE);
    CHECK(CHUNKED "0\r\n\n", CHUNKED_TOLD BARE);
}

/* llhttp 8 would join the lines of a folded header; so would some proxies, and some not. */
static void folded_headers_are_refused(void **state)
{
    (void)state;
#define FOLDED "REFUSED 400 a folded header\n"
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", FOLDED);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n", FOLDED);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA:\r\n b\r\n\r\n", FOLDED);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nA: \r\n \r\n\r\n", FOLDED);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", FOLDED);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 5\r\n\r\nhello", FOLDED);
    CHECK("GET / HTTP/1.1\r\n Host: h\r\n\r\n", FOLDED);
    CHECK("GET / HTTP/1.1\r\nHost: h\r\n \r\n", FOLDED);
    CHECK(CHUNKED "0\r\nA: b\r\n c\r\n\r\n", CHUNKED_TOLD FOLDED);
}

static void a_request_names_one_host(void **state)
{
    (void)state;
    CHECK("GET / HTTP/1.1\r\n\r\n", "REFUSED 400 HTTP/1.1 without Host\n");
    CHECK("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", "REFUSED 400 more than one Host\n");
    CHECK("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "REFUSED 400 more than one Host\n");
    CHECK("GET / HTTP/1.1\r\nHost:\r\n\r\n", "HEAD GET / 1.1 keep [Host=]\nEND\n");
}

static void values_hold_no_control_characters(void **state)
{
    (void)state;
    const char controls[] = {'\0', '\x01', '\x07', '\x08', '\x0b', '\x0c', '\x1f', '\x7f'};
    for (size_t i = 0; i < sizeof controls; i++) {
        char request[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b?c\r\n\r\n";
        *strchr(request, '?') = controls[i];
        check_bytes(request, sizeof request - 1, "REFUSED 400 Invalid header value char\n");
    }
}

static void only_versions_1_0_and_1_1_are_spoken(void **state)
{
    (void)state;
#define VERSION "REFUSED 400 the version is not HTTP/1.0 or HTTP/1.1\n"
    CHECK("GET /\r\n\r\n", VERSION);
    CHECK("GET / HTTP/0.9\r\nHost: h\r\n\r\n", VERSION);
    CHECK("GET / HTTP/2.0\r\nHost: h\r\n\r\n", VERSION);
    CHECK("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid HTTP version\n");
    CHECK("GET / HTTP/3.0\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid HTTP version\n");
    CHECK("GET / HTTP/1.10\r\nHost: h\r\n\r\n", "REFUSED 400 Expected CRLF after version\n");
    CHECK("GET / HTTP/x.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid major version\n");
    CHECK("GET / http/1.1\r\nHost: h\r\n\r\n", VERSION);
    CHECK("GET / \r\n\r\n", VERSION);
    CHECK("GET / RTSP/1.0\r\n\r\n", VERSION);
    CHECK("SOURCE / ICE/1.0\r\n\r\n", VERSION);
}

static void strange_methods_are_refused(void **state)
{
    (void)state;
    CHECK("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid method encountered\n");
    CHECK("get / HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid method encountered\n");
    CHECK("GETX / HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Expected space after method\n");
    CHECK(" GET / HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid method encountered\n");
    CHECK("\x16\x03\x01\x02", "REFUSED 400 Invalid method encountered\n"); /* TLS */
    CHECK("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 CONNECT is not served\n");
    CHECK("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION);
#define PREFACE "REFUSED 400 the method PRI is the preface of HTTP/2\n"
    CHECK("PRI * HTTP/1.0\r\n\r\nSM\r\n\r\n", PREFACE);
    CHECK("PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", PREFACE);
    CHECK("PRI * HTTP/1.0\r\n\r\nSMPOST / HTTP/\r\n\r\n1.1\r\n\r\n", PREFACE); /* once read as two lines of one */
}

static void a_request_line_has_two_blanks(void **state)
{
    (void)state;
    CHECK("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 more than one blank before the target\n");
    CHECK("GET /  HTTP/1.1\r\nHost: h\r\n\r\n", VERSION);
    CHECK("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Expected space after method\n");
    CHECK("GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid characters in url (strict mode)\n");
    CHECK("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "REFUSED 400 Expected CRLF after version\n");
    CHECK("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", VERSION);
}

static void strange_targets_are_refused(void **state)
{
    (void)state;
    CHECK("GET b HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid characters in url\n");
    CHECK("GET ?x HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Unexpected start char in url\n");
    CHECK("GET /a\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid char in url path\n");
    CHECK("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 the target holds a fragment\n");
    CHECK("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", "REFUSED 400 Invalid char in url path\n");
}

static void broken_chunks_are_refused(void **state)
{
    (void)state;
#define CHUNK(rest, told) CHECK(CHUNKED rest, CHUNKED_TOLD told)
    CHUNK("00000000000000005\r\nhello\r\n", "REFUSED 400 a chunk size of more than 16 digits\n");
    CHUNK("10000000000000000\r\n", "REFUSED 400 a chunk size of more than 16 digits\n");
    CHUNK("ffffffffffffffff\r\nab", "BODY ab\n");
    CHUNK("\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK(";a\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK("-1\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK("+1\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK("0x1\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK(" 1\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK("1 \r\nx\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK("1\nx\r\n0\r\n\r\n", "REFUSED 400 Invalid character in chunk size\n");
    CHUNK("1\r\rx", "REFUSED 400 Expected LF after chunk size\n");
    CHUNK("1\r\nxy\r\n", "BODY x\nREFUSED 400 Expected CRLF after chunk\n");
    CHUNK("1\r\nx\n0\r\n", "BODY x\nREFUSED 400 Expected CRLF after chunk\n");
    CHUNK("1;a\nx\r\n", "REFUSED 400 a control character in a chunk extension\n");
    CHUNK("1;a\x7f\r\nx\r\n", "REFUSED 400 a control character in a chunk extension\n");
    CHUNK("1;a\rb\r\nx\r\n", "REFUSED 400 Expected LF after chunk size\n");
    CHUNK("0\r\nA b: c\r\n\r\n", "REFUSED 400 Invalid header token\n");
}

/* --- bounds --------------------------------------------------------------------------------------------- */

/* `count` times the same byte between two texts; the caller frees. */
static char *padded(const char *before, char fill, size_t count, const char *after, size_t *length)
{
    size_t before_length = strlen(before);
    size_t after_length = strlen(after);
    *length = before_length + count + after_length;
    char *text = malloc(*length);
    assert_non_null(text);
    memcpy(text, before, before_length);
    memset(text + before_length, fill, count);
    memcpy(text + before_length + count, after, after_length);
    return text;
}

/* The last line of the story, for few ways of cutting: long requests have too many. */
static void check_long(const char *bytes, size_t length, const char *last_line)
{
    static struct story story;
    const size_t steps[] = {length, 1, 7, 4096, length - 1, length / 2};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        read_in_pieces(bytes, length, steps[i], steps[i], &story);
        size_t expected_length = strlen(last_line);
        assert_true(story.used >= expected_length);
        assert_string_equal(story.text + story.used - expected_length, last_line);
        if (strncmp(last_line, "REFUSED", 7) == 0) assert_true(story.is_over);
    }
}

static void check_padded(const char *before, char fill, size_t count, const char *after, const char *last_line)
{
    size_t length;
    char *text = padded(before, fill, count, after, &length);
    check_long(text, length, last_line);
    free(text);
}

static void a_target_has_16384_bytes_at_most(void **state)
{
    (void)state;
    const char *rest = " HTTP/1.1\r\nHost: h\r\n\r\n";
    const char *refused = "REFUSED 414 the target is longer than 16384 bytes\n";
    check_padded("GET /", 'a', HTTP_TARGET_BYTES_MAX - 1, rest, "END\n");
    check_padded("GET /", 'a', HTTP_TARGET_BYTES_MAX, rest, refused);
    check_padded("GET /", 'a', 40000, "", refused);
    check_padded("GET /", 'a', HTTP_TARGET_BYTES_MAX - 2, "\x01 HTTP/1.1\r\n",
                 "REFUSED 400 Invalid char in url path\n");
    check_padded("GET /", 'a', HTTP_TARGET_BYTES_MAX - 1, "\x01 HTTP/1.1\r\n", refused);
}

static void a_head_has_65536_bytes_at_most(void **state)
{
    (void)state;
    const char *refused = "REFUSED 431 the head or the trailers are longer than 65536 bytes\n";
    const char *before = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
    size_t room = HTTP_HEAD_BYTES_MAX - strlen(before) - 4;
    check_padded(before, 'a', room, "\r\n\r\n", "END\n");
    check_padded(before, 'a', room + 1, "\r\n\r\n", refused);
    check_padded(before, ' ', room + 1, "\r\n\r\n", refused); /* blanks that are not kept count too */
    check_padded(before, 'a', 200000, "", refused);
    check_padded("GET / HTTP/1.1\r\nHost: h\r\n", 'a', 70000, ": b\r\n\r\n", refused);
    check_padded(before, 'a', room - 1, "\x01\r\n\r\n", "REFUSED 400 Invalid header value char\n");
}

static void a_head_has_100_fields_at_most(void **state)
{
    (void)state;
    char request[2000] = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++) {
        strcat(request, "A: b\r\n");
    }
    size_t length = strlen(request);
    memcpy(request + length, "\r\n", 3);
    check_long(request, length + 2, "[A=b]\nEND\n");
    memcpy(request + length, "A: b\r\n\r\n", 9);
    check_long(request, length + 8, "REFUSED 431 more than 100 header fields\n");
    memcpy(request + length, "A b\r\n\r\n", 8); /* what is no header at all is not one too many */
    check_long(request, length + 7, "REFUSED 400 Invalid header token\n");
}

static void trailers_and_extensions_are_bounded(void **state)
{
    (void)state;
    const char *refused = "REFUSED 431 the head or the trailers are longer than 65536 bytes\n";
    check_padded(CHUNKED "0\r\nA: ", 'a', 65536 - 7, "\r\n\r\n", "END\n");
    check_padded(CHUNKED "0\r\nA: ", 'a', 65536 - 6, "\r\n\r\n", refused);
    check_padded(CHUNKED "0;", 'a', 65535, "\r\n\r\n",
                 "REFUSED 431 the head or the trailers are longer than 65536 bytes\n");
    check_padded(CHUNKED "0;", 'a', 65536 - 3, "\r\n\r\n", "END\n");
    check_padded(CHUNKED "0;", 'a', 65536, "\r\n\r\n", "REFUSED 431 chunk extensions longer than 65536 bytes\n");
}

/* Extensions of many chunks add up. */
static void extensions_are_bounded_for_the_message_not_the_chunk(void **state)
{
    (void)state;
    enum { CHUNKS = 70 };
    size_t capacity = 200 + CHUNKS * 1100;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, capacity, "%s", CHUNKED);
    for (int i = 0; i < CHUNKS; i++) {
        text[used++] = '1';
        text[used++] = ';';
        memset(text + used, 'e', 1000);
        used += 1000;
        memcpy(text + used, "\r\nx\r\n", 5);
        used += 5;
    }
    check_long(text, used, "REFUSED 431 chunk extensions longer than 65536 bytes\n");
    free(text);
}

static void empty_lines_before_a_request_are_bounded(void **state)
{
    (void)state;
    size_t length = 2 * HTTP_HEAD_BYTES_MAX;
    char *text = malloc(length);
    assert_non_null(text);
    for (size_t i = 0; i < length; i += 2) {
        memcpy(text + i, "\r\n", 2);
    }
    check_long(text, length, "REFUSED 431 the head or the trailers are longer than 65536 bytes\n");
    free(text);
}

/* --- the parser's life ---------------------------------------------------------------------------------- */

static void the_end_is_told_without_further_bytes(void **state)
{
    (void)state;
    static struct http_parser parser;
    static char buffer[HTTP_HEAD_BYTES_MAX];
    const char text[] = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
    size_t taken = 0;
    http_parser_init(&parser, buffer);
    assert_int_equal(http_parse(&parser, text, sizeof text - 1, &taken), HTTP_HEAD);
    assert_int_equal(taken, sizeof text - 3);
    assert_int_equal(http_parse(&parser, text + taken, 2, &taken), HTTP_BODY);
    assert_int_equal(taken, 2);
    assert_int_equal(http_parse(&parser, NULL, 0, &taken), HTTP_END);
    assert_int_equal(taken, 0);
    assert_int_equal(http_parse(&parser, NULL, 0, &taken), HTTP_MORE);
}

static void an_idle_parser_needs_no_buffer(void **state)
{
    (void)state;
    static struct http_parser parser;
    static char buffer[HTTP_HEAD_BYTES_MAX];
    size_t taken = 0;
    http_parser_init(&parser, NULL);
    assert_true(http_parser_is_idle(&parser));
    assert_int_equal(http_parse(&parser, "\r\n", 2, &taken), HTTP_MORE); /* empty lines are not a head */
    assert_true(http_parser_is_idle(&parser));
    for (int i = 0; i < 2; i++) {
        http_parser_lend(&parser, buffer);
        assert_int_equal(http_parse(&parser, "G", 1, &taken), HTTP_MORE);
        assert_false(http_parser_is_idle(&parser));
        const char rest[] = "ET / HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_int_equal(http_parse(&parser, rest, sizeof rest - 1, &taken), HTTP_HEAD);
        assert_false(http_parser_is_idle(&parser));
        assert_int_equal(http_parse(&parser, rest, 0, &taken), HTTP_END);
        assert_true(http_parser_is_idle(&parser));
        http_parser_lend(&parser, NULL);
    }
}

/* Nothing follows, so the buffer may go although bytes may still come. */
static void a_parser_behind_a_closing_message_is_idle(void **state)
{
    (void)state;
    static struct http_parser parser;
    static char buffer[HTTP_HEAD_BYTES_MAX];
    const char text[] = "GET / HTTP/1.0\r\n\r\n";
    size_t taken = 0;
    http_parser_init(&parser, buffer);
    assert_int_equal(http_parse(&parser, text, sizeof text - 1, &taken), HTTP_HEAD);
    assert_int_equal(http_parse(&parser, text, 0, &taken), HTTP_END);
    assert_true(http_parser_is_idle(&parser));
    http_parser_lend(&parser, NULL);
    assert_int_equal(http_parse(&parser, text, sizeof text - 1, &taken), HTTP_MORE);
    assert_int_equal(taken, sizeof text - 1);
    assert_true(http_parser_is_idle(&parser));
}

static void a_refusal_is_for_good(void **state)
{
    (void)state;
    static struct http_parser parser;
    static char buffer[HTTP_HEAD_BYTES_MAX];
    size_t taken = 0;
    http_parser_init(&parser, buffer);
    assert_int_equal(http_parse(&parser, "?", 1, &taken), HTTP_REFUSED);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(http_parse(&parser, OTHER, sizeof OTHER - 1, &taken), HTTP_REFUSED);
        assert_int_equal(taken, 0);
        assert_int_equal(parser.status, 400);
        assert_string_equal(parser.reason, "Invalid method encountered");
    }
}

static void headers_are_found_without_case(void **state)
{
    (void)state;
    static struct http_parser parser;
    static char buffer[HTTP_HEAD_BYTES_MAX];
    const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nX-a: 1\r\nx-A: 2\r\nX-ab: 3\r\n\r\n";
    size_t taken = 0;
    http_parser_init(&parser, buffer);
    assert_int_equal(http_parse(&parser, text, sizeof text - 1, &taken), HTTP_HEAD);
    assert_ptr_equal(http_head_find(&parser.head, "x-a"), &parser.head.headers[1]);
    assert_ptr_equal(http_head_find(&parser.head, "X-AB"), &parser.head.headers[3]);
    assert_null(http_head_find(&parser.head, "x-"));
    assert_null(http_head_find(&parser.head, "x-abc"));
    assert_int_equal(http_head_count(&parser.head, "X-A"), 2);
    assert_int_equal(http_head_count(&parser.head, "accept"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_a_head_and_an_end),
        cmocka_unit_test(a_body_by_length_is_told_in_parts),
        cmocka_unit_test(a_body_of_zero_bytes_too_long_to_send_is_only_announced),
        cmocka_unit_test(chunks_are_unframed),
        cmocka_unit_test(chunk_extensions_and_trailers_are_dropped),
        cmocka_unit_test(trailers_have_no_say_about_framing),
        cmocka_unit_test(pipelined_requests_are_told_one_by_one),
        cmocka_unit_test(empty_lines_before_a_request_are_skipped),
        cmocka_unit_test(every_method_of_the_api_is_known),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(bytes_behind_a_closing_message_are_dropped),
        cmocka_unit_test(a_body_can_wait_for_permission),
        cmocka_unit_test(an_offered_upgrade_is_ignored),
        cmocka_unit_test(blanks_around_values_are_trimmed_and_inside_kept),
        cmocka_unit_test(names_as_long_as_those_that_frame_mean_nothing),
        cmocka_unit_test(the_absolute_form_and_the_asterisk_are_targets),
        cmocka_unit_test(two_framings_of_one_body_are_refused),
        cmocka_unit_test(a_content_length_is_one_plain_number),
        cmocka_unit_test(a_transfer_encoding_is_exactly_one_chunked),
        cmocka_unit_test(names_of_headers_are_tokens),
        cmocka_unit_test(lines_end_in_carriage_return_and_line_feed),
        cmocka_unit_test(folded_headers_are_refused),
        cmocka_unit_test(a_request_names_one_host),
        cmocka_unit_test(values_hold_no_control_characters),
        cmocka_unit_test(only_versions_1_0_and_1_1_are_spoken),
        cmocka_unit_test(strange_methods_are_refused),
        cmocka_unit_test(a_request_line_has_two_blanks),
        cmocka_unit_test(strange_targets_are_refused),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(a_target_has_16384_bytes_at_most),
        cmocka_unit_test(a_head_has_65536_bytes_at_most),
        cmocka_unit_test(a_head_has_100_fields_at_most),
        cmocka_unit_test(trailers_and_extensions_are_bounded),
        cmocka_unit_test(extensions_are_bounded_for_the_message_not_the_chunk),
        cmocka_unit_test(empty_lines_before_a_request_are_bounded),
        cmocka_unit_test(the_end_is_told_without_further_bytes),
        cmocka_unit_test(an_idle_parser_needs_no_buffer),
        cmocka_unit_test(a_parser_behind_a_closing_message_is_idle),
        cmocka_unit_test(a_refusal_is_for_good),
        cmocka_unit_test(headers_are_found_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
