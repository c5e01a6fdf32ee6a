/* Bytes -> HTTP/1.x requests, for any split of the bytes. The only user of llhttp (RFC 9112, strict).
 *
 * Pure: no I/O, no clock, no allocation. The parser is fed bytes and stops at each thing worth knowing: a
 * head, a part of a body (chunked framing already undone), the end of a message, or a refusal.
 *
 *     HEAD --> (BODY)* --> END --> HEAD ...        any --> REFUSED (for good: answer once and close)
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEADERS_MAX = 100,            /* fields of one head; the reference's bound */
    HTTP_HEAD_BYTES_MAX = 64 * 1024,   /* method, target, names and values together; else 431 */
    HTTP_TARGET_BYTES_MAX = 16 * 1024, /* else 414; a key of 480 bytes, every byte escaped, needs 1,440 */
    HTTP_PARSER_STATE_BYTES = 128,     /* room for llhttp's own state */
};

struct http_span {
    const char *at;
    size_t length;
};

struct http_header {
    struct http_span name;  /* as sent, any case */
    struct http_span value; /* blanks at both ends removed */
};

/* One request's head. The spans point into the head buffer given to the parser. */
struct http_head {
    struct http_span method; /* as sent, case-sensitive; any method llhttp knows, SEARCH included */
    struct http_span target; /* as sent */
    struct http_header headers[HTTP_HEADERS_MAX];
    uint32_t headers_count;
    uint8_t minor;           /* HTTP/1.minor, 0 or 1 */
    bool keep_alive;         /* may another request follow on this connection? */
    bool expects_continue;   /* Expect: 100-continue, of a 1.1 client that has a body */
    bool is_chunked;         /* the length of the body is not known before its end */
    uint64_t content_length; /* 0 without a body or when chunked */
};

/* The first header of that name (compared without case), or NULL. */
const struct http_header *http_head_find(const struct http_head *head, const char *name);

/* How many headers have that name. */
uint32_t http_head_count(const struct http_head *head, const char *name);

/* Are the two texts equal but for the case of ASCII letters? */
bool http_is_equal_nocase(struct http_span a, const char *b);

enum http_verdict {
    HTTP_MORE,    /* all bytes taken, nothing complete yet */
    HTTP_HEAD,    /* parser->head is whole */
    HTTP_BODY,    /* parser->part is the next bytes of the body, pointing into the bytes given */
    HTTP_END,     /* the message is complete; the next byte begins another */
    HTTP_REFUSED, /* parser->status and parser->reason say why; takes no more bytes */
};

struct http_parser {
    struct http_head head;
    struct http_span part;
    int status;         /* 400, 414, 431 or 503 when refused */
    const char *reason; /* static text naming what is wrong and the limit */

    char *buffer; /* the caller's: method, target, names and values are gathered there */
    uint32_t buffer_capacity;
    uint32_t buffer_used;
    bool (*more)(struct http_parser *parser, size_t bytes); /* see http_parser_init_small(); NULL: it is whole */
    void *owner;                                            /* for `more` */
    uint32_t item_index;    /* where in the buffer the name or value being read begins */
    uint32_t framing_bytes; /* of the head, or of the trailers and chunk extensions, so far */
    uint32_t unit_bytes;    /* of the target, the line or the digits of a chunk size being read, so far */
    int trap_status;        /* the refusal due behind the bytes that may still be parsed */
    const char *trap_reason;
    uint8_t phase;
    uint8_t verdict; /* what a callback found */
    char last_byte;  /* of the line being read */
    _Alignas(8) unsigned char llhttp[HTTP_PARSER_STATE_BYTES];
};

/* Ready for the first byte of a connection. `buffer` has HTTP_HEAD_BYTES_MAX chars and lives until the next head
 * is no longer needed; it may be NULL and given by http_parser_lend() before the first bytes of a head, so that an
 * idle connection costs none. The parser must not move in memory. */
void http_parser_init(struct http_parser *parser, char *buffer);

/* The same with a buffer of `capacity` chars, for heads are rarely long. When one needs `bytes` of them, at most
 * HTTP_HEAD_BYTES_MAX, http_parse() calls `more`, which gives them by http_parser_move() and answers true, or
 * answers false: the head is then refused with 503. */
void http_parser_init_small(struct http_parser *parser, char *buffer, size_t capacity,
                            bool (*more)(struct http_parser *parser, size_t bytes), void *owner);

/* Go on in another buffer, which has at least as many chars. The spans of the head follow; the old one is free. */
void http_parser_move(struct http_parser *parser, char *buffer, size_t capacity);

/* Lend (or, with NULL between two messages, take back) a head buffer of HTTP_HEAD_BYTES_MAX chars. */
void http_parser_lend(struct http_parser *parser, char *buffer);

/* Is the parser between two messages, with not a byte of the next one seen? */
bool http_parser_is_idle(const struct http_parser *parser);

/* Take bytes until something is worth knowing. `taken` out: how many were used; the rest is to be given again, and
 * even when there is no rest: only HTTP_MORE (and HTTP_REFUSED) says that the parser has nothing further to tell.
 * The head stays valid until the first bytes after HTTP_END are given. After the HTTP_END of a message that does
 * not keep the connection alive all further bytes are taken and dropped. Empty lines (CRLF) before a request are
 * skipped and do not end idleness.
 *
 * Refused, by RFC 9112 and H27: Content-Length with Transfer-Encoding, repeated or listed Content-Length, signs, a
 * Transfer-Encoding other than exactly one "chunked", chunk sizes over 16 digits, bare LF, folded headers, two
 * Host, HTTP/1.1 without Host, control characters in values, a version other than 1.0 or 1.1, Upgrade to a tunnel
 * (CONNECT), Transfer-Encoding in HTTP/1.0, and the bounds above. Chunk extensions and trailers are read and
 * dropped, bounded by HTTP_HEAD_BYTES_MAX a message. */
enum http_verdict http_parse(struct http_parser *parser, const char *bytes, size_t length, size_t *taken);

#endif
