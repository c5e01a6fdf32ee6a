/* A client for the tests of authentication: puts a request together, routes it, signs it as a client would. */
#ifndef TESTS_NODE_REQUEST_CLIENT_H
#define TESTS_NODE_REQUEST_CLIENT_H

#include "node/request/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* The credentials of the reference's vectors (5.7). */
#define KEY_ID          "GK0123456789abcdef01234567"
#define SECRET          "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define REGION          "garage"
#define DATETIME        "20250615T120000Z"
#define HOST            "k2v.example.org:3904"
#define HASH_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NOW_S           UINT64_C(1749988800)

struct client {
    struct http_head head;
    struct http_route route;
    struct arena scratch;
    char decoded[HTTP_TARGET_BYTES_MAX];
    char text[256 * 1024];
    size_t text_used;
};

static inline struct http_span client_keep(struct client *client, const void *bytes, size_t length)
{
    assert_true(length < sizeof client->text - client->text_used);
    char *at = client->text + client->text_used;
    if (length > 0) memcpy(at, bytes, length);
    at[length] = '\0';
    client->text_used += length + 1;
    return (struct http_span){at, length};
}

static inline void client_add_bytes(struct client *client, const char *name, const void *value, size_t length)
{
    assert_true(client->head.headers_count < HTTP_HEADERS_MAX);
    struct http_header *header = &client->head.headers[client->head.headers_count++];
    header->name = client_keep(client, name, strlen(name));
    header->value = client_keep(client, value, length);
}

static inline void client_add(struct client *client, const char *name, const char *value)
{
    client_add_bytes(client, name, value, strlen(value));
}

/* Replace the value of a header, or take the header away (value NULL). */
static inline void client_change(struct client *client, const char *name, const char *value)
{
    for (uint32_t i = 0; i < client->head.headers_count; i++) {
        struct http_header *header = &client->head.headers[i];
        if (!http_is_equal_nocase(header->name, name)) continue;
        if (value != NULL) {
            header->value = client_keep(client, value, strlen(value));
        } else {
            uint32_t behind = --client->head.headers_count - i;
            memmove(header, header + 1, behind * sizeof *header);
        }
        return;
    }
    fail_msg("no header %s", name);
}

static inline const char *client_value(const struct client *client, const char *name)
{
    const struct http_header *header = http_head_find(&client->head, name);
    assert_non_null(header);
    return header->value.at;
}

static inline void client_retarget(struct client *client, const char *target)
{
    struct http_refusal refusal;
    client->head.target = client_keep(client, target, strlen(target));
    if (!http_route(client->head.method, client->head.target, client->decoded, &client->route, &refusal)) {
        fail_msg("%s is not routed: %s", target, refusal.message);
    }
}

/* A request without headers. To be ended with client_end(). */
static inline struct client *client_begin(const char *method, const char *target)
{
    struct client *client = calloc(1, sizeof *client);
    assert_non_null(client);
    arena_init(&client->scratch, 1024 * 1024);
    client->head.method = client_keep(client, method, strlen(method));
    client->head.minor = 1;
    client_retarget(client, target);
    return client;
}

static inline void client_end(struct client *client)
{
    arena_deinit(&client->scratch);
    free(client);
}

/* A signature of the request as it is, over the headers listed ("a;b;c", lower case). */
static inline void client_signature(struct client *client, const char *secret, const char *datetime,
                                    const char *signed_headers, const char *payload_hash, char hex[65])
{
    struct http_span names[SIGV4_SIGNED_HEADERS_MAX];
    uint32_t names_count = 0;
    for (const char *at = signed_headers; at != NULL && *at != '\0';) {
        const char *end = strchr(at, ';');
        names[names_count++] = (struct http_span){at, end == NULL ? strlen(at) : (size_t)(end - at)};
        at = end == NULL ? NULL : end + 1;
    }
    struct sigv4_request request = {
        .method = client->head.method,
        .path = client->route.path,
        .parameters = client->route.parameters,
        .parameters_count = client->route.parameters_count,
        .skip_parameter = {"x-amz-signature", 15},
        .headers = client->head.headers,
        .headers_count = client->head.headers_count,
        .signed_names = names,
        .signed_names_count = names_count,
        .payload_hash = {payload_hash, strlen(payload_hash)},
    };
    uint8_t hash[HASH_SHA256_BYTES];
    uint8_t key[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    assert_true(sigv4_canonical_hash(&request, &client->scratch, hash));
    sigv4_signing_key(span_text(secret), datetime, span_text(REGION), key);
    sigv4_signature(key, datetime, span_text(REGION), hash, signature);
    hash_hex(signature, sizeof signature, hex);
    hex[64] = '\0';
}

/* The hash of a client's canonical request over the named headers. */
static inline void client_canonical_hash(struct client *client, const char *const *names, const char *payload_hash,
                                         uint8_t hash[HASH_SHA256_BYTES])
{
    struct http_span spans[SIGV4_SIGNED_HEADERS_MAX];
    uint32_t count = 0;
    while (names[count] != NULL) {
        spans[count] = (struct http_span){names[count], strlen(names[count])};
        count++;
    }
    struct sigv4_request request = {
        .method = client->head.method,
        .path = client->route.path,
        .parameters = client->route.parameters,
        .parameters_count = client->route.parameters_count,
        .skip_parameter = {"x-amz-signature", 15},
        .headers = client->head.headers,
        .headers_count = client->head.headers_count,
        .signed_names = spans,
        .signed_names_count = count,
        .payload_hash = {payload_hash, strlen(payload_hash)},
    };
    assert_true(sigv4_canonical_hash(&request, &client->scratch, hash));
}

/* Add host, date and body hash, as every client does. */
static inline void client_add_usual(struct client *client, const char *payload_hash)
{
    client_add(client, "Host", HOST);
    client_add(client, "X-Amz-Date", DATETIME);
    client_add(client, "x-amz-content-sha256", payload_hash);
}

/* Sign in header mode, as the client of `key_id` and `secret`, with the scope's text given. */
static inline void client_authorize_as(struct client *client, const char *key_id, const char *secret,
                                       const char *scope, const char *signed_headers)
{
    char hex[65];
    char value[8192];
    client_signature(client, secret, client_value(client, "x-amz-date"), signed_headers,
                     client_value(client, "x-amz-content-sha256"), hex);
    int length = snprintf(value, sizeof value, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                          key_id, scope, signed_headers, hex);
    assert_true(length > 0 && (size_t)length < sizeof value);
    client_add(client, "Authorization", value);
}

static inline void client_authorize(struct client *client, const char *signed_headers)
{
    char scope[128];
    snprintf(scope, sizeof scope, "%.8s/" REGION "/k2v/aws4_request", client_value(client, "x-amz-date"));
    client_authorize_as(client, KEY_ID, SECRET, scope, signed_headers);
}

/* Put a presigned query behind the target: `query` (with its '?' or '&'), then the right signature for it. */
static inline void client_presign(struct client *client, const char *datetime, const char *signed_headers,
                                  const char *query)
{
    char hex[65];
    char target[HTTP_TARGET_BYTES_MAX];
    snprintf(target, sizeof target, "%s%s", client->head.target.at, query);
    client_retarget(client, target);
    client_signature(client, SECRET, datetime, signed_headers, "UNSIGNED-PAYLOAD", hex);
    strncat(target, "&X-Amz-Signature=", sizeof target - strlen(target) - 1);
    strncat(target, hex, sizeof target - strlen(target) - 1);
    client_retarget(client, target);
}

#endif
