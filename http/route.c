/* Method and target -> operation and raw arguments, exactly as reference 3.0 dispatches.
 *
 * The order of the checks is the order in which the reference answers: bucket, OPTIONS, partition key, query,
 * dispatch, arguments of the operation found.
 */
#include "http/route.h"

#include <assert.h>
#include <string.h>

enum keyword { KEYWORD_NONE, KEYWORD_DELETE, KEYWORD_SEARCH, KEYWORD_POLL_RANGE };

/* What the query says, before it is known who will use it. Absent is at == NULL. */
struct query {
    enum keyword keyword;
    struct http_span limit;
    struct http_span reverse;
    struct http_span timeout;
};

static bool is_text(struct http_span a, const char *b)
{
    return a.length == strlen(b) && memcmp(a.at, b, a.length) == 0;
}

/* --- refusing ------------------------------------------------------------------------------------------- */

static bool refuse_joined(struct http_refusal *refusal, const char *code, const char *text, const char *more)
{
    size_t text_length = strlen(text);
    size_t more_length = strlen(more);
    assert(text_length + more_length < sizeof refusal->message);
    memcpy(refusal->message, text, text_length);
    memcpy(refusal->message + text_length, more, more_length + 1);
    refusal->code = code;
    return false;
}

static bool refuse(struct http_refusal *refusal, const char *text)
{
    return refuse_joined(refusal, "InvalidRequest", text, "");
}

/* --- decoding ------------------------------------------------------------------------------------------- */

/* 0 to 15, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool http_percent_decode(struct http_span text, bool plus_is_blank, char *memory, struct http_span *decoded)
{
    size_t used = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '%') {
            if (text.length - i < 3) return false;
            int high = hex_value(text.at[i + 1]);
            int low = hex_value(text.at[i + 2]);
            if (high < 0 || low < 0) return false;
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        memory[used++] = c;
    }
    *decoded = (struct http_span){memory, used};
    return true;
}

/* Bytes of the sequence that begins with `first`, or 0; `low` and `high` out: the bounds of the second byte, which
 * exclude longer forms than needed, surrogates and what lies above U+10FFFF (RFC 3629, section 4). */
static size_t utf8_sequence(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return 2;
    if (first >= 0xe0 && first <= 0xef) return 3;
    if (first >= 0xf0 && first <= 0xf4) return 4;
    return 0;
}

bool http_is_utf8(struct http_span text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t left = text.length;
    while (left > 0) {
        unsigned char low = 0, high = 0;
        size_t length = utf8_sequence(at[0], &low, &high);
        if (length == 0 || length > left) return false;
        if (length > 1 && (at[1] < low || at[1] > high)) return false;
        for (size_t i = 2; i < length; i++) {
            if ((at[i] & 0xc0) != 0x80) return false;
        }
        at += length;
        left -= length;
    }
    return true;
}

/* Decoded text goes one behind the other into the caller's memory: what is decoded never grows. */
struct decoder {
    char *memory;
    struct http_refusal *refusal;
};

static bool decode(struct decoder *decoder, struct http_span raw, bool is_form, const char *what,
                   struct http_span *decoded)
{
    if (!http_percent_decode(raw, is_form, decoder->memory, decoded)) {
        return refuse_joined(decoder->refusal, "InvalidRequest", "malformed percent escape in ", what);
    }
    if (!http_is_utf8(*decoded)) {
        return refuse_joined(decoder->refusal, "InvalidUtf8String", "invalid UTF-8 in ", what);
    }
    decoder->memory += decoded->length;
    return true;
}

/* Digits only, at most 2^64-1. */
static bool read_u64(struct http_span text, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = value;
    return text.length > 0;
}

/* --- the path ------------------------------------------------------------------------------------------- */

/* The target without scheme and authority: RFC 9112 3.2.2 wants the absolute form understood. */
static struct http_span strip_authority(struct http_span target)
{
    if (target.length == 0 || target.at[0] == '/') return target;
    const char *end = target.at + target.length;
    const char *colon = memchr(target.at, ':', target.length);
    if (colon == NULL || end - colon < 3 || memcmp(colon, "://", 3) != 0) return target;
    const char *at = colon + 3;
    while (at < end && *at != '/' && *at != '?') {
        at++;
    }
    return (struct http_span){at, (size_t)(end - at)};
}

/* The text up to the first `mark`; `text` becomes what is behind it, at == NULL without a mark. */
static struct http_span cut(struct http_span *text, char mark)
{
    struct http_span left = *text;
    const char *found = text->length == 0 ? NULL : memchr(text->at, mark, text->length);
    if (found == NULL) {
        *text = (struct http_span){NULL, 0};
        return left;
    }
    left.length = (size_t)(found - text->at);
    *text = (struct http_span){found + 1, text->length - left.length - 1};
    return left;
}

static struct http_span skip_slashes(struct http_span text)
{
    while (text.length > 0 && text.at[0] == '/') {
        text.at++;
        text.length--;
    }
    return text;
}

/* --- the query ------------------------------------------------------------------------------------------ */

static enum keyword keyword_of(struct http_span name)
{
    if (is_text(name, "delete")) return KEYWORD_DELETE;
    if (is_text(name, "search")) return KEYWORD_SEARCH;
    if (is_text(name, "poll_range")) return KEYWORD_POLL_RANGE;
    return KEYWORD_NONE;
}

/* Where an argument of that name is kept, or NULL; `known` out: the name as literal text. */
static struct http_span *argument_of(struct http_route *route, struct query *query, struct http_span name,
                                     const char **known)
{
    const struct {
        const char *name;
        struct http_span *kept;
    } arguments[] = {
        {"sort_key", &route->sort_key}, {"prefix", &route->prefix},
        {"start", &route->start},       {"end", &route->end},
        {"limit", &query->limit},       {"reverse", &query->reverse},
        {"timeout", &query->timeout},   {"causality_token", &route->causality_token},
    };
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        if (!is_text(name, arguments[i].name)) continue;
        *known = arguments[i].name;
        return arguments[i].kept;
    }
    return NULL;
}

/* File one pair away by its name. Unknown names are kept as parameters only: signatures cover them. */
static bool take_parameter(struct http_route *route, struct query *query, const struct http_parameter *parameter,
                           struct http_refusal *refusal)
{
    enum keyword keyword = keyword_of(parameter->name);
    if (keyword != KEYWORD_NONE) {
        if (query->keyword != KEYWORD_NONE) {
            return refuse(refusal, "more than one of delete, search and poll_range");
        }
        query->keyword = keyword;
        return true;
    }
    const char *known = NULL;
    struct http_span *kept = argument_of(route, query, parameter->name, &known);
    if (kept == NULL || parameter->value.length == 0) return true; /* an empty value is absent */
    if (kept->at != NULL) return refuse_joined(refusal, "InvalidRequest", "repeated argument ", known);
    *kept = parameter->value;
    return true;
}

static bool read_query(struct http_route *route, struct query *query, struct http_span raw,
                       struct decoder *decoder)
{
    while (raw.length > 0) {
        struct http_span raw_value = cut(&raw, '&');
        if (raw_value.length == 0) continue;
        if (route->parameters_count == HTTP_PARAMETERS_MAX) {
            return refuse(decoder->refusal, "more than 100 query parameters");
        }
        struct http_span raw_name = cut(&raw_value, '=');
        struct http_parameter *parameter = &route->parameters[route->parameters_count++];
        if (!decode(decoder, raw_name, true, "a query parameter's name", &parameter->name)) return false;
        if (!decode(decoder, raw_value, true, "a query parameter's value", &parameter->value)) return false;
        if (!take_parameter(route, query, parameter, decoder->refusal)) return false;
    }
    return true;
}

/* --- dispatch ------------------------------------------------------------------------------------------- */

static const char *const OPERATION_NAMES[] = {
    [HTTP_READ_ITEM] = "ReadItem",       [HTTP_POLL_ITEM] = "PollItem",       [HTTP_READ_INDEX] = "ReadIndex",
    [HTTP_INSERT_ITEM] = "InsertItem",   [HTTP_DELETE_ITEM] = "DeleteItem",   [HTTP_INSERT_BATCH] = "InsertBatch",
    [HTTP_READ_BATCH] = "ReadBatch",     [HTTP_DELETE_BATCH] = "DeleteBatch", [HTTP_POLL_RANGE] = "PollRange",
    [HTTP_PREFLIGHT] = "CORS preflight",
};

const char *http_operation_name(enum http_operation operation)
{
    assert((size_t)operation < sizeof OPERATION_NAMES / sizeof OPERATION_NAMES[0]);
    return OPERATION_NAMES[operation];
}

/* One row of the reference's table. HEAD is ours: read as GET of an item. */
struct rule {
    const char *method;
    bool has_partition_key;
    enum keyword keyword;
    enum http_operation operation;
};

static const struct rule RULES[] = {
    {"GET", true, KEYWORD_NONE, HTTP_READ_ITEM},         {"PUT", true, KEYWORD_NONE, HTTP_INSERT_ITEM},
    {"DELETE", true, KEYWORD_NONE, HTTP_DELETE_ITEM},    {"GET", false, KEYWORD_NONE, HTTP_READ_INDEX},
    {"POST", false, KEYWORD_NONE, HTTP_INSERT_BATCH},    {"POST", false, KEYWORD_SEARCH, HTTP_READ_BATCH},
    {"SEARCH", false, KEYWORD_NONE, HTTP_READ_BATCH},    {"POST", false, KEYWORD_DELETE, HTTP_DELETE_BATCH},
    {"POST", true, KEYWORD_POLL_RANGE, HTTP_POLL_RANGE}, {"SEARCH", true, KEYWORD_POLL_RANGE, HTTP_POLL_RANGE},
    {"HEAD", true, KEYWORD_NONE, HTTP_READ_ITEM},
};

static bool dispatch(struct http_span method, enum keyword keyword, struct http_route *route,
                     struct http_refusal *refusal)
{
    bool has_partition_key = route->partition_key.at != NULL;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        const struct rule *rule = &RULES[i];
        if (rule->has_partition_key != has_partition_key || rule->keyword != keyword) continue;
        if (!is_text(method, rule->method)) continue;
        bool is_poll = rule->operation == HTTP_READ_ITEM && route->causality_token.at != NULL;
        route->operation = is_poll ? HTTP_POLL_ITEM : rule->operation;
        route->is_head = is_text(method, "HEAD");
        return true;
    }
    return refuse(refusal, has_partition_key
                               ? "no such operation on an item: method and query do not go together"
                               : "no such operation on a bucket: method and query do not go together");
}

/* The arguments that the operation uses. */
static bool read_arguments(struct http_route *route, const struct query *query, struct http_refusal *refusal)
{
    bool is_item = route->partition_key.at != NULL && route->operation != HTTP_POLL_RANGE;
    if (is_item && route->sort_key.at == NULL) {
        return refuse(refusal, "argument sort_key is missing or empty");
    }
    if (route->operation == HTTP_POLL_ITEM && query->timeout.at != NULL) {
        route->has_timeout = read_u64(query->timeout, &route->timeout_s);
        if (!route->has_timeout) return refuse(refusal, "argument timeout is not an integer from 0 to 2^64-1");
    }
    if (route->operation != HTTP_READ_INDEX) return true;
    if (query->limit.at != NULL) {
        route->has_limit = read_u64(query->limit, &route->limit);
        if (!route->has_limit) return refuse(refusal, "argument limit is not an integer from 0 to 2^64-1");
    }
    if (query->reverse.at != NULL) {
        route->reverse = is_text(query->reverse, "true");
        if (!route->reverse && !is_text(query->reverse, "false")) {
            return refuse(refusal, "argument reverse is neither true nor false");
        }
    }
    return true;
}

/* All but the parameters, which are many and counted. */
static void clear(struct http_route *route)
{
    const struct http_span absent = {NULL, 0};
    route->operation = HTTP_PREFLIGHT;
    route->is_head = false;
    route->bucket = route->path = absent;
    route->partition_key = route->sort_key = absent;
    route->prefix = route->start = route->end = absent;
    route->causality_token = absent;
    route->has_limit = route->reverse = route->has_timeout = false;
    route->limit = route->timeout_s = 0;
    route->parameters_count = 0;
}

bool http_route(struct http_span method, struct http_span target, char *memory, struct http_route *route,
                struct http_refusal *refusal)
{
    clear(route);
    struct http_span raw_query = strip_authority(target);
    route->path = cut(&raw_query, '?');
    if (route->path.length == 0) route->path = (struct http_span){"/", 1};

    struct http_span raw_key = skip_slashes(route->path);
    route->bucket = cut(&raw_key, '/');
    raw_key = skip_slashes(raw_key);
    if (route->bucket.length == 0) return refuse(refusal, "no bucket in the path");
    if (is_text(method, "OPTIONS")) return true;

    struct decoder decoder = {memory, refusal};
    struct http_span bucket_decoded; /* looked at, not kept: the bucket is taken raw */
    if (!decode(&decoder, route->bucket, false, "the bucket's name", &bucket_decoded)) return false;
    if (raw_key.length > 0 && !decode(&decoder, raw_key, false, "the partition key", &route->partition_key)) {
        return false;
    }
    struct query query = {.keyword = KEYWORD_NONE};
    return read_query(route, &query, raw_query, &decoder) && dispatch(method, query.keyword, route, refusal) &&
           read_arguments(route, &query, refusal);
}
