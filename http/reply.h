/* Status and headers -> the bytes of a reply's head, and the framing of a streamed body. Pure. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/json.h"

enum http_body_kind {
    HTTP_BODY_NONE,    /* 204 and 304: no content-length */
    HTTP_BODY_LENGTH,  /* content-length, 0 included */
    HTTP_BODY_CHUNKED, /* length not known: chunked for HTTP/1.1, ended by closing for 1.0 */
};

/* A reply's head begins here, is added to by http_reply_header() and ends with http_reply_end(). Names are written
 * as given: lower case. `unix_time_s` is for the date header (IMF-fixdate, RFC 9110 5.6.7). */
void http_reply_begin(struct http_out *out, int status, uint64_t unix_time_s);

/* A value from outside (an origin) must hold no control characters (asserted): check it before. */
void http_reply_header(struct http_out *out, const char *name, struct http_span value);
void http_reply_header_text(struct http_out *out, const char *name, const char *value);

/* Framing and connection headers, then the blank line. For `minor` 0 a kept connection says "connection:
 * keep-alive"; one that will close says "connection: close". A chunked body in HTTP/1.0 forces closing: the return
 * value says whether the connection is kept after this reply. */
bool http_reply_end(struct http_out *out, enum http_body_kind kind, uint64_t content_length, uint8_t minor,
                    bool keep_alive);

/* Frame `length` bytes (not 0) that the caller adds right behind as one chunk: the size line. */
void http_chunk_begin(struct http_out *out, size_t length);
void http_chunk_end(struct http_out *out);
void http_chunk_last(struct http_out *out);

/* "HTTP/1.1 100 Continue\r\n\r\n" */
struct http_span http_continue(void);

/* A whole reply of the server's own when it has no room for a request: 503 with the error object of the protocol,
 * then close. `region`, `code` and `message` are NUL-terminated, together at most 256 chars. */
void http_reply_unavailable(struct http_out *out, uint64_t unix_time_s, const char *region, const char *code,
                            const char *message);

/* A whole reply without a body for a connection that broke HTTP: status 400, 408, 414, 431 or 503, then close. */
void http_reply_broken(struct http_out *out, int status, uint64_t unix_time_s);

#endif
