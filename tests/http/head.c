/* What the headers of a head say of its framing, asked without a parser: each rule stands by itself, also where
 * the parser in front has refused before (H27). */
#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct http_span text_of(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

enum { LINES_MAX = 4 };

/* A head of HTTP/1.`minor` with these headers, name and value by turns. */
static struct http_head head_of(uint8_t minor, const char *const lines[LINES_MAX][2])
{
    struct http_head head = {.method = text_of("PUT"), .target = text_of("/b/k?sort_key=s"), .minor = minor};
    for (size_t i = 0; i < LINES_MAX && lines[i][0] != NULL; i++)
        head.headers[head.headers_count++] = (struct http_header){text_of(lines[i][0]), text_of(lines[i][1])};
    return head;
}

static void each_fault_is_found_whatever_the_parser_took_it_for(void **state)
{
    (void)state;
    static const struct {
        const char *lines[LINES_MAX][2];
        uint8_t minor;
        const char *fault;
    } rows[] = {
        {{{"Host", "a"}, {"Content-Length", "1"}}, 1, NULL},
        {{{"Host", "a"}, {"HOST", "a"}}, 1, "more than one Host"},
        {{{"Accept", "a"}}, 1, "HTTP/1.1 without Host"},
        {{{"Accept", "a"}}, 0, NULL},
        {{{"Host", "a"}, {"Content-Length", "1"}, {"content-length", "1"}}, 1, "more than one Content-Length"},
        {{{"Host", "a"}, {"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}},
         1,
         "Content-Length beside Transfer-Encoding"},
        {{{"Transfer-Encoding", "chunked"}}, 0, "Transfer-Encoding in HTTP/1.0"},
        {{{"Host", "a"}, {"Transfer-Encoding", "gzip"}}, 1, "Transfer-Encoding is not exactly one chunked"},
        {{{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
         1,
         "Transfer-Encoding is not exactly one chunked"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
            struct http_head head = head_of(rows[i].minor, rows[i].lines);
            const char *fault = http_head_read_framing(&head, is_chunked != 0, 1);
            if (rows[i].fault == NULL) {
                assert_null(fault);
            } else {
                assert_non_null(fault);
                assert_string_equal(fault, rows[i].fault);
            }
        }
    }
}

/* The two must agree, or another body would be read than was announced. */
static void an_encoding_the_parser_did_not_see_is_refused(void **state)
{
    (void)state;
    static const char *const lines[LINES_MAX][2] = {{"Host", "a"}, {"Transfer-Encoding", "chunked"}};
    struct http_head head = head_of(1, lines);
    const char *fault = http_head_read_framing(&head, false, 0);
    assert_non_null(fault);
    assert_string_equal(fault, "Transfer-Encoding is not exactly one chunked");
    assert_null(http_head_read_framing(&head, true, 7));
    assert_true(head.is_chunked);
    assert_int_equal(head.content_length, 0);
}

static void blanks_are_trimmed_at_both_ends(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},    {" ", ""},     {"\t \t", ""},       {"a", "a"},
                                          {" a", "a"}, {"a\t ", "a"}, {" \ta b\t", "a b"}, {"\r", "\r"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_span trimmed = http_trim(text_of(rows[i][0]));
        assert_int_equal(trimmed.length, strlen(rows[i][1]));
        if (trimmed.length > 0) assert_memory_equal(trimmed.at, rows[i][1], trimmed.length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_found_whatever_the_parser_took_it_for),
        cmocka_unit_test(an_encoding_the_parser_did_not_see_is_refused),
        cmocka_unit_test(blanks_are_trimmed_at_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
