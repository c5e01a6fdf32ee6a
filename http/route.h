/* Method and target -> which of the K2V operations is meant, and its raw arguments (reference 3.0).
 *
 * Pure. What is decoded here is decoded once (H30): path segments and query values carry lengths, may hold NUL,
 * and are never C strings. Who may do it, and whether the arguments make sense together, is decided elsewhere.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/parse.h"

enum { HTTP_PARAMETERS_MAX = 100 }; /* pairs in one query; every API call needs at most 15 */

enum http_operation {
    HTTP_READ_ITEM,
    HTTP_POLL_ITEM,
    HTTP_READ_INDEX,
    HTTP_INSERT_ITEM,
    HTTP_DELETE_ITEM,
    HTTP_INSERT_BATCH,
    HTTP_READ_BATCH,
    HTTP_DELETE_BATCH,
    HTTP_POLL_RANGE,
    HTTP_PREFLIGHT, /* OPTIONS */
};

/* "ReadItem", "PollItem"… */
const char *http_operation_name(enum http_operation operation);

/* One pair of the query: decoded by form rules ('+' is a blank), in the order sent. */
struct http_parameter {
    struct http_span name;
    struct http_span value;
};

/* A text argument: absent is at == NULL. An empty query value is absent. */
struct http_route {
    enum http_operation operation;
    bool is_head;                   /* HEAD of an item: READ_ITEM or POLL_ITEM, answered without its body */
    struct http_span bucket;        /* raw, not decoded; never empty */
    struct http_span path;          /* raw path as sent, without query; "/" when empty */
    struct http_span partition_key; /* decoded, UTF-8; absent for bucket operations */
    struct http_span sort_key;
    struct http_span prefix;
    struct http_span start;
    struct http_span end;
    struct http_span causality_token;
    bool has_limit;
    uint64_t limit;
    bool reverse;
    bool has_timeout;
    uint64_t timeout_s; /* as sent, not clamped */
    struct http_parameter parameters[HTTP_PARAMETERS_MAX];
    uint32_t parameters_count;
};

/* Why a request was not routed. */
struct http_refusal {
    const char *code;  /* "InvalidRequest" or "InvalidUtf8String" */
    char message[200]; /* NUL-terminated; names the argument and what was expected; printable ASCII */
};

/* Route a request. `memory` has at least target.length chars and holds all decoded text; spans point there or into
 * the target. False with `refusal` filled for all the reference answers 400 before authentication (routing,
 * unknown or repeated arguments, unparsable limit/reverse/timeout of the operations that use them, missing
 * sort_key, empty bucket), and, unlike it, for malformed percent escapes and invalid UTF-8 anywhere in path or
 * query (design section 9). Arguments the operation does not use are not parsed. HEAD is routed as GET for items,
 * else refused. */
bool http_route(struct http_span method, struct http_span target, char *memory, struct http_route *route,
                struct http_refusal *refusal);

/* Percent-decode `text` into `memory` (text.length chars are enough); `plus_is_blank` for form rules. False for a
 * malformed escape. */
bool http_percent_decode(struct http_span text, bool plus_is_blank, char *memory, struct http_span *decoded);

/* Is the text UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF)? */
bool http_is_utf8(struct http_span text);

#endif
