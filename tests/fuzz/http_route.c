/* Any target to the router: every span lies in the target or in the memory lent, what is decoded is UTF-8, and a
 * refusal has its code and a printable message. What was understood, written down with all of it escaped, is
 * understood the same again: nothing is decoded twice, and no key can be mistaken for a path (H30). The first byte
 * chooses the method.
 */
#include "http/route.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const char *target;
    const char *decoded;
    size_t length; /* of each */
};

static void require(bool condition)
{
    if (!condition) abort();
}

static bool is_inside(struct http_span span, const char *memory, size_t length)
{
    return span.at >= memory && span.at <= memory + length && span.length <= (size_t)(memory + length - span.at);
}

static void check_raw(struct http_span span, const struct memory *memory)
{
    require(is_inside(span, memory->target, memory->length));
}

static void check_decoded(struct http_span span, const struct memory *memory)
{
    if (span.at == NULL) return;
    require(is_inside(span, memory->decoded, memory->length));
    require(http_is_utf8(span));
}

static void check_route(const struct http_route *route, const struct memory *memory)
{
    require(route->bucket.length > 0);
    check_raw(route->bucket, memory);
    check_raw(route->path, memory); /* not empty, so never the "/" in its place */
    const struct http_span texts[] = {route->partition_key, route->sort_key, route->prefix,
                                      route->start,         route->end,      route->causality_token};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_decoded(texts[i], memory);
        require(texts[i].at == NULL || texts[i].length > 0);
    }
    require(route->parameters_count <= HTTP_PARAMETERS_MAX);
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        check_decoded(route->parameters[i].name, memory);
        check_decoded(route->parameters[i].value, memory);
    }
    require(strlen(http_operation_name(route->operation)) > 0);
}

/* --- written down again ---------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t length;
};

static void say(struct text *text, const char *words)
{
    size_t length = strlen(words);
    memcpy(text->bytes + text->length, words, length);
    text->length += length;
}

static void say_escaped(struct text *text, struct http_span plain)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < plain.length; i++) {
        unsigned char c = (unsigned char)plain.at[i];
        const char escape[] = {'%', digits[c >> 4], digits[c & 15], '\0'};
        say(text, escape);
    }
}

/* The bucket as it was, and behind it every byte escaped. */
static struct text write_target(const struct http_route *route)
{
    size_t bytes_max = 3 * (route->bucket.length + route->partition_key.length) + 16;
    for (uint32_t i = 0; i < route->parameters_count; i++)
        bytes_max += 3 * (route->parameters[i].name.length + route->parameters[i].value.length) + 4;
    struct text text = {malloc(bytes_max), 0};
    require(text.bytes != NULL);
    say(&text, "/");
    memcpy(text.bytes + text.length, route->bucket.at, route->bucket.length);
    text.length += route->bucket.length;
    say(&text, "/");
    say_escaped(&text, route->partition_key);
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        say(&text, i == 0 ? "?" : "&");
        say_escaped(&text, route->parameters[i].name);
        say(&text, "=");
        say_escaped(&text, route->parameters[i].value);
    }
    return text;
}

static void check_same(struct http_span a, struct http_span b)
{
    require((a.at == NULL) == (b.at == NULL) && a.length == b.length);
    require(a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

static void check_again(struct http_span method, const struct http_route *route)
{
    struct text target = write_target(route);
    char *decoded = malloc(target.length);
    struct http_route *again = malloc(sizeof *again);
    struct http_refusal refusal;
    require(decoded != NULL && again != NULL);
    require(http_route(method, (struct http_span){target.bytes, target.length}, decoded, again, &refusal));
    require(again->operation == route->operation && again->is_head == route->is_head);
    require(again->has_limit == route->has_limit && again->limit == route->limit);
    require(again->has_timeout == route->has_timeout && again->timeout_s == route->timeout_s);
    require(again->reverse == route->reverse && again->parameters_count == route->parameters_count);
    check_same(again->bucket, route->bucket);
    check_same(again->partition_key, route->partition_key);
    check_same(again->sort_key, route->sort_key);
    check_same(again->prefix, route->prefix);
    check_same(again->start, route->start);
    check_same(again->end, route->end);
    check_same(again->causality_token, route->causality_token);
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        check_same(again->parameters[i].name, route->parameters[i].name);
        check_same(again->parameters[i].value, route->parameters[i].value);
    }
    free(again);
    free(decoded);
    free(target.bytes);
}

static void check_refusal(const struct http_refusal *refusal)
{
    require(strcmp(refusal->code, "InvalidRequest") == 0 || strcmp(refusal->code, "InvalidUtf8String") == 0);
    size_t length = strnlen(refusal->message, sizeof refusal->message);
    require(length > 0 && length < sizeof refusal->message);
    for (size_t i = 0; i < length; i++) {
        require(refusal->message[i] >= 0x20 && refusal->message[i] < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "PUT", "DELETE", "POST", "SEARCH", "HEAD", "OPTIONS", "PATCH"};
    if (size < 2) return 0;
    const char *method = methods[data[0] % 8];
    size_t length = size - 1;
    char *target = malloc(length);
    char *decoded = malloc(length);
    struct http_route *route = malloc(sizeof *route);
    require(target != NULL && decoded != NULL && route != NULL);
    memcpy(target, data + 1, length);

    struct http_refusal refusal;
    struct http_span method_span = {method, strlen(method)};
    const struct memory memory = {target, decoded, length};
    if (http_route(method_span, (struct http_span){target, length}, decoded, route, &refusal)) {
        check_route(route, &memory);
        if (route->operation != HTTP_PREFLIGHT) check_again(method_span, route);
    } else {
        check_refusal(&refusal);
    }
    free(route);
    free(decoded);
    free(target);
    return 0;
}
