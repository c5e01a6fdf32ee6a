/* Any target to the router: every span lies in the target or in the memory lent, what is decoded is UTF-8, and a
 * refusal has its code and a printable message. The first byte chooses the method.
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
    } else {
        check_refusal(&refusal);
    }
    free(route);
    free(decoded);
    free(target);
    return 0;
}
