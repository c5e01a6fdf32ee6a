/* A whole head: its headers by name, and what they say about the body and the connection.
 *
 * Behind http/parse.h and for http/parse.c alone; the lookups declared there are defined here.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "http/parse.h"

/* The text without blanks and tabs at both ends. */
struct http_span http_trim(struct http_span text);

/* Fill keep_alive, expects_continue, is_chunked and content_length of a head whose other fields are filled.
 *
 *   is_chunked       does the parser take the body for chunked?
 *   content_length   what the parser read from the one Content-Length, or 0
 *
 * Returns what makes the head refused (H27), as static text, or NULL. */
const char *http_head_read_framing(struct http_head *head, bool is_chunked, uint64_t content_length);

#endif
