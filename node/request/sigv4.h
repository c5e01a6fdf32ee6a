/* Signature Version 4 for service k2v: the canonical request, the string to sign, the keys (reference 5.2).
 *
 * Pure. Used on both ends: auth.c verifies with it, the client commands sign with it. Where K2V differs from S3 —
 * the path is encoded twice, the query sorted as finished name=value texts — it is done here and nowhere else.
 */
#ifndef NODE_REQUEST_SIGV4_H
#define NODE_REQUEST_SIGV4_H

#include "http/route.h"
#include "node/base/arena.h"
#include "node/base/hash.h"

enum {
    SIGV4_DATE_CHARS = 8,      /* YYYYMMDD */
    SIGV4_DATETIME_CHARS = 16, /* YYYYMMDDTHHMMSSZ */
    SIGV4_SIGNED_HEADERS_MAX = HTTP_HEADERS_MAX,
    SIGV4_REGION_CHARS_MAX = 64,
    SIGV4_SCOPE_CHARS_MAX = SIGV4_DATE_CHARS + 1 + SIGV4_REGION_CHARS_MAX + 1 + 3 + 1 + 12,
};

/* Are two names equal but for the case of ASCII letters? */
bool sigv4_is_same_name(struct http_span a, struct http_span b);

/* What is signed. Names in `headers` are compared without case; values are trimmed by the parser already. */
struct sigv4_request {
    struct http_span method;
    struct http_span path;                   /* raw, still percent-encoded; empty counts as "/" */
    const struct http_parameter *parameters; /* decoded query, in any order */
    uint32_t parameters_count;
    struct http_span
        skip_parameter; /* this one, compared without case, is left out (X-Amz-Signature); absent: none */
    const struct http_header *headers; /* all of the request; the first of a name counts */
    uint32_t headers_count;
    const struct http_span *signed_names; /* lower-case names to sign, any order */
    uint32_t signed_names_count;
    struct http_span payload_hash; /* text, as it goes into the canonical request */
};

/* SHA-256 of the canonical request. Memory for sorting comes from `scratch`. False when scratch is out of memory
 * or a signed name is no header of the request. */
bool sigv4_canonical_hash(const struct sigv4_request *request, struct arena *scratch,
                          uint8_t hash[HASH_SHA256_BYTES]);

/* The signing key of a secret (taken as text) for one day and region. */
void sigv4_signing_key(struct span secret, const char date[SIGV4_DATE_CHARS], struct span region,
                       uint8_t key[HASH_SHA256_BYTES]);

/* "YYYYMMDD/region/k2v/aws4_request", without NUL; the date is the first 8 chars of `date`. Returns its length. */
size_t sigv4_scope_encode(const char date[SIGV4_DATE_CHARS], struct span region,
                          char scope[SIGV4_SCOPE_CHARS_MAX]);

/* HMAC of the string to sign. */
void sigv4_signature(const uint8_t key[HASH_SHA256_BYTES], const char datetime[SIGV4_DATETIME_CHARS],
                     struct span region, const uint8_t canonical_hash[HASH_SHA256_BYTES],
                     uint8_t signature[HASH_SHA256_BYTES]);

/* YYYYMMDDTHHMMSSZ <-> seconds since 1970, up to the year 9999 (asserted). Parsing refuses anything that is no
 * date of the proleptic calendar, or lies before 1970. */
void sigv4_datetime_encode(uint64_t unix_time_s, char datetime[SIGV4_DATETIME_CHARS]);
bool sigv4_datetime_decode(struct http_span text, uint64_t *unix_time_s);

#endif
