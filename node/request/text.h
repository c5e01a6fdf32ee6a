/* Cutting and judging the small texts of headers and parameters: spans, never copies. Pure. */
#ifndef NODE_REQUEST_TEXT_H
#define NODE_REQUEST_TEXT_H

#include "http/parse.h"

/* A span of a C string of ours, and whether a span is exactly that. */
struct http_span text_of(const char *text);
bool text_is(struct http_span span, const char *text);

/* Without blanks and tabs at both ends. */
struct http_span text_trim(struct http_span text);

/* Cut `text` at the first `separator`: what is before it goes to `first`, what is behind it stays. False, with
 * nothing changed, when there is none. */
bool text_cut(struct http_span *text, char separator, struct http_span *first);

/* The next of a list's parts; false after the last one. A list has at least one part, perhaps an empty one. `rest`
 * begins as the whole list. */
bool text_next_part(struct http_span *rest, char separator, struct http_span *part);

/* Can it be the name of a header (RFC 9110 5.6.2)? */
bool text_is_token(struct http_span name);

/* Is it all visible ASCII, blanks and tabs? */
bool text_is_visible(struct http_span value);

/* Has it control characters, which no header's value can have? */
bool text_has_controls(struct http_span value);

#endif
