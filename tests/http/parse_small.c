/* A head buffer that begins small and moves while a head is read: what is told is the same as with a whole one, at
 * every size it may begin with and every cut; and a head that gets no more room is refused. */
#include "http/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEADERS_MANY = HTTP_HEADERS_MAX, TEXT_BYTES = 16 * 1024 };

/* A buffer of exactly its size, given anew at each wish, so that whoever looks at the old one is found out. */
struct room {
    char *bytes;
    size_t capacity;
    size_t ceiling;
    int moves;
};

static bool give_more(struct http_parser *parser, size_t bytes)
{
    struct room *room = parser->owner;
    assert_true(bytes > room->capacity && bytes <= HTTP_HEAD_BYTES_MAX);
    if (bytes > room->ceiling) return false;
    char *larger = malloc(bytes);
    assert_non_null(larger);
    http_parser_move(parser, larger, bytes);
    memset(room->bytes, 'x', room->capacity);
    free(room->bytes);
    room->bytes = larger;
    room->capacity = bytes;
    room->moves++;
    return true;
}

static void room_init(struct room *room, struct http_parser *parser, size_t capacity, size_t ceiling)
{
    *room = (struct room){.bytes = malloc(capacity + 1), .capacity = capacity, .ceiling = ceiling};
    assert_non_null(room->bytes);
    http_parser_init_small(parser, room->bytes, capacity, give_more, room);
}

/* Feed in pieces until something else than HTTP_MORE is said, or the bytes are used up. */
static enum http_verdict feed(struct http_parser *parser, const char *bytes, size_t length, size_t step,
                              size_t *used)
{
    enum http_verdict verdict = HTTP_MORE;
    *used = 0;
    while (verdict == HTTP_MORE && *used < length) {
        size_t taken = 0;
        size_t piece = length - *used < step ? length - *used : step;
        verdict = http_parse(parser, bytes + *used, piece, &taken);
        *used += taken;
    }
    return verdict;
}

static void assert_same(struct http_span one, struct http_span other)
{
    assert_int_equal(one.length, other.length);
    assert_memory_equal(one.at, other.at, one.length);
}

static void assert_same_head(const struct http_head *one, const struct http_head *other)
{
    assert_same(one->method, other->method);
    assert_same(one->target, other->target);
    assert_int_equal(one->headers_count, other->headers_count);
    for (uint32_t i = 0; i < one->headers_count; i++) {
        assert_same(one->headers[i].name, other->headers[i].name);
        assert_same(one->headers[i].value, other->headers[i].value);
    }
}

static void check_text(const char *text, size_t length, size_t capacity, size_t step)
{
    static struct http_parser whole, small;
    static char buffer[HTTP_HEAD_BYTES_MAX];
    struct room room;
    size_t used[2];
    http_parser_init(&whole, buffer);
    assert_int_equal(feed(&whole, text, length, length, &used[0]), HTTP_HEAD);
    memset(&small, 0xa5, sizeof small);
    room_init(&room, &small, capacity, HTTP_HEAD_BYTES_MAX);
    for (int i = 0; i < 2; i++) { /* the second message finds what the first one left */
        assert_int_equal(feed(&small, text, length, step, &used[1]), HTTP_HEAD);
        assert_int_equal(used[0], used[1]);
        assert_same_head(&whole.head, &small.head);
        assert_int_equal(http_parse(&small, "", 0, &used[1]), HTTP_END);
    }
    assert_true(room.moves > 0 || capacity >= length);
    free(room.bytes);
}

static void a_buffer_that_moves_changes_nothing_that_is_told(void **state)
{
    (void)state;
    static const char text[] = "DELETE /bucket/key?sort_key=a HTTP/1.1\r\nHost: h\r\nEmpty:\r\nX-Blank:  a b \r\n"
                               "Authorization: AWS4-HMAC-SHA256 Credential=x\r\n\r\n";
    for (size_t capacity = 0; capacity <= sizeof text; capacity++) {
        for (size_t step = 1; step < sizeof text; step += step < 16 ? 1 : 13)
            check_text(text, sizeof text - 1, capacity, step);
    }
}

static void as_many_headers_as_there_may_be_move_too(void **state)
{
    (void)state;
    static char text[TEXT_BYTES];
    size_t length = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 1; i < HEADERS_MANY; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "X-%d: %d\r\n", i, i);
    length += (size_t)snprintf(text + length, sizeof text - length, "\r\n");
    for (size_t step = 1; step < 40; step += 3)
        check_text(text, length, 16, step);
}

static void a_head_without_room_is_refused(void **state)
{
    (void)state;
    static const char text[] = "GET /a/long/enough/path HTTP/1.1\r\nHost: h\r\n\r\n";
    for (size_t ceiling = 8; ceiling < sizeof text + 1; ceiling++) {
        static struct http_parser parser;
        struct room room;
        size_t used = 0;
        room_init(&room, &parser, 8, ceiling);
        enum http_verdict verdict = feed(&parser, text, sizeof text - 1, 1, &used);
        bool fits = ceiling >= sizeof text - 1;
        assert_int_equal(verdict, fits ? HTTP_HEAD : HTTP_REFUSED);
        if (!fits) {
            assert_int_equal(parser.status, 503);
            assert_string_equal(parser.reason, "no memory for the head");
        }
        free(room.bytes);
    }
}

static void bodies_and_trailers_need_no_room(void **state)
{
    (void)state;
    static const char text[] = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char rest[] =
        "5;extension\r\nhello\r\n0\r\nTrailer: with a value much longer than the whole head was, "
        "lest it fits by chance into what is left of the buffer\r\n\r\n";
    static struct http_parser parser;
    struct room room;
    size_t used = 0;
    room_init(&room, &parser, 8, sizeof text - 1);
    assert_int_equal(feed(&parser, text, sizeof text - 1, 5, &used), HTTP_HEAD);
    size_t at = 0;
    for (enum http_verdict verdict = HTTP_MORE; verdict != HTTP_END; at += used) {
        verdict = feed(&parser, rest + at, sizeof rest - 1 - at, 5, &used);
        assert_true(verdict == HTTP_BODY || verdict == HTTP_END);
    }
    assert_int_equal(at, sizeof rest - 1);
    free(room.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_that_moves_changes_nothing_that_is_told),
        cmocka_unit_test(as_many_headers_as_there_may_be_move_too),
        cmocka_unit_test(a_head_without_room_is_refused),
        cmocka_unit_test(bodies_and_trailers_need_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
