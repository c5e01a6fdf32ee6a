/* A signer of requests and chunks, written from the reference's words (5.2, 5.6) and knowing nothing of
 * node/request/sigv4 and payload but their hashes: what fuzzers need to get past a signature, and a second opinion
 * on what is signed. It writes everything out as text; whatever cannot be had ends the process. */
#ifndef TESTS_LIB_SIGNER_H
#define TESTS_LIB_SIGNER_H

#include "http/route.h"
#include "node/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNER_DAY   "20250615"
#define SIGNER_SCOPE SIGNER_DAY "/garage/k2v/aws4_request"

static inline void signer_require(bool condition)
{
    if (!condition) abort();
}

/* Text that grows. */
struct signer_text {
    char *bytes;
    size_t length;
    size_t capacity;
};

static inline void signer_add(struct signer_text *text, const void *bytes, size_t length)
{
    if (text->capacity - text->length <= length) {
        text->capacity = 2 * text->capacity + length + 64;
        text->bytes = realloc(text->bytes, text->capacity);
        signer_require(text->bytes != NULL);
    }
    if (length > 0) memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0'; /* for those that want to read it as a string */
}

static inline void signer_say(struct signer_text *text, const char *words)
{
    signer_add(text, words, strlen(words));
}

static inline void signer_end(struct signer_text *text)
{
    free(text->bytes);
    *text = (struct signer_text){0};
}

static inline void signer_add_encoded(struct signer_text *text, struct http_span plain, const char *kept)
{
    for (size_t i = 0; i < plain.length; i++) {
        unsigned char c = (unsigned char)plain.at[i];
        bool is_kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       (c != '\0' && strchr(kept, c) != NULL);
        char escape[4];
        snprintf(escape, sizeof escape, "%%%02X", c);
        signer_add(text, is_kept ? (const char *)&plain.at[i] : escape, is_kept ? 1 : 3);
    }
}

static inline int signer_compare(const void *a, const void *b)
{
    const struct signer_text *one = a;
    const struct signer_text *other = b;
    return strcmp(one->bytes, other->bytes); /* all is encoded: no NUL inside */
}

static inline void signer_add_query(struct signer_text *text, const struct http_route *route)
{
    static struct signer_text pairs[HTTP_PARAMETERS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        if (http_is_equal_nocase(route->parameters[i].name, "x-amz-signature")) continue;
        struct signer_text *pair = &pairs[count++];
        pair->length = 0;
        signer_add_encoded(pair, route->parameters[i].name, "-_.~");
        signer_say(pair, "=");
        signer_add_encoded(pair, route->parameters[i].value, "-_.~");
    }
    qsort(pairs, count, sizeof pairs[0], signer_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) signer_say(text, "&");
        signer_add(text, pairs[i].bytes, pairs[i].length);
    }
}

/* The canonical request. `names`: sorted, separated by ';'. */
static inline void signer_canonical(struct signer_text *text, const struct http_head *head,
                                    const struct http_route *route, const char *names,
                                    struct http_span payload_hash)
{
    signer_add(text, head->method.at, head->method.length);
    signer_say(text, "\n");
    signer_add_encoded(text, route->path, "-_.~/");
    signer_say(text, "\n");
    signer_add_query(text, route);
    signer_say(text, "\n");
    for (const char *name = names; *name != '\0';) {
        char one[256];
        size_t length = strcspn(name, ";");
        snprintf(one, sizeof one, "%.*s", (int)length, name);
        const struct http_header *header = http_head_find(head, one);
        signer_say(text, one);
        signer_say(text, ":");
        if (header != NULL) signer_add(text, header->value.at, header->value.length);
        signer_say(text, "\n");
        name += length + (name[length] == ';');
    }
    signer_say(text, "\n");
    signer_say(text, names);
    signer_say(text, "\n");
    signer_add(text, payload_hash.at, payload_hash.length);
}

static inline void signer_hex(const uint8_t hash[HASH_SHA256_BYTES], char hex[65])
{
    hash_hex(hash, HASH_SHA256_BYTES, hex);
    hex[64] = '\0';
}

static inline void signer_hash(const void *bytes, size_t length, char hex[65])
{
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256(bytes, length, hash);
    signer_hex(hash, hex);
}

/* The signing key of SIGNER_SCOPE. */
static inline void signer_key(const char *secret, uint8_t key[HASH_SHA256_BYTES])
{
    static const char *const parts[] = {SIGNER_DAY, "garage", "k2v", "aws4_request"};
    char first[256];
    snprintf(first, sizeof first, "AWS4%s", secret);
    hash_hmac_sha256(span_text(first), span_text(parts[0]), key);
    for (size_t i = 1; i < sizeof parts / sizeof parts[0]; i++) {
        uint8_t next[HASH_SHA256_BYTES];
        hash_hmac_sha256(span_of(key, HASH_SHA256_BYTES), span_text(parts[i]), next);
        memcpy(key, next, sizeof next);
    }
}

/* The HMAC of lines, in hex. */
static inline void signer_sign(const uint8_t key[HASH_SHA256_BYTES], const char *text, char hex[65])
{
    uint8_t signature[HASH_SHA256_BYTES];
    hash_hmac_sha256(span_of(key, HASH_SHA256_BYTES), span_text(text), signature);
    signer_hex(signature, hex);
}

/* The signature of a request. */
static inline void signer_sign_request(const uint8_t key[HASH_SHA256_BYTES], const char *datetime,
                                       const struct signer_text *canonical, char hex[65])
{
    char text[512];
    char hash[65];
    signer_hash(canonical->bytes, canonical->length, hash);
    snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", datetime, SIGNER_SCOPE, hash);
    signer_sign(key, text, hex);
}

/* The signature behind `previous` (changed to it) of a chunk's data, or of a trailer's line. */
static inline void signer_sign_part(const uint8_t key[HASH_SHA256_BYTES], const char *datetime, const char *label,
                                    bool is_chunk, const void *data, size_t length, char previous[65])
{
    char text[768];
    char hash[65];
    char nothing[65];
    signer_hash(data, length, hash);
    signer_hash("", 0, nothing);
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s%s%s", label, datetime, SIGNER_SCOPE, previous,
             is_chunk ? nothing : "", is_chunk ? "\n" : "", hash);
    signer_sign(key, text, previous);
}

#endif
