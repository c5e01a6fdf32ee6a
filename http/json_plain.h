/* Elements of InsertBatch as nearly all clients write them, read without a general parser.
 *
 * jansson takes every char through several calls and copies; of a batch of small values that was half of all work.
 * This reader knows one form only and says so of everything else: it is then read the general way, which also
 * finds the words for what is wrong. What it does take, it takes as the general way would.
 */
#ifndef HTTP_JSON_PLAIN_H
#define HTTP_JSON_PLAIN_H

#include "http/parse.h"

/* Spans of the text, as they stand there; null and absent are at == NULL. */
struct http_json_plain {
    struct http_span partition_key;
    struct http_span sort_key;
    struct http_span causality_token;
    struct http_span value; /* base64, not looked at */
    size_t length;          /* of the element, from its brace to its brace */
};

/* Read the element at `text`, of which `length` bytes are there at most. True for an object that has "pk" and
 * "sk", may have "ct" and "v", has nothing else and nothing twice, whose values are strings of printable ASCII
 * without backslash, or null for the last two. False for everything else, right or wrong; `out` then holds
 * nothing. */
bool http_json_plain_insert(const char *text, size_t length, struct http_json_plain *out);

#endif
