/* Who sent this request? SigV4 in header mode, presigned, with every payload form of the reference (section 5).
 *
 * A function of the request, the hour and a way to find a key's secret: pure, deny by default. It runs once, after
 * routing and before any work; nothing else decides whether a request is authentic (H29). What the *body* must
 * show (its hash, its chunk signatures) comes out as `payload` and is checked by request/payload.
 */
#ifndef NODE_REQUEST_AUTH_H
#define NODE_REQUEST_AUTH_H

#include "node/request/signing.h"

enum {
    AUTH_KEY_ID_CHARS_MAX = 128,
    AUTH_PRESIGNED_SECONDS_MAX = 604800,
    AUTH_MESSAGE_CHARS = 200,
};

enum auth_payload_mode {
    AUTH_PAYLOAD_HASH,                    /* SHA-256 of the body */
    AUTH_PAYLOAD_UNSIGNED,                /* nothing to check */
    AUTH_PAYLOAD_CHUNKS_SIGNED,           /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER,   /* …-TRAILER */
    AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

/* What the body must show. */
struct auth_payload {
    enum auth_payload_mode mode;
    uint8_t hash[HASH_SHA256_BYTES];        /* of AUTH_PAYLOAD_HASH */
    uint8_t signing_key[HASH_SHA256_BYTES]; /* for chunk signatures */
    uint8_t seed_signature[HASH_SHA256_BYTES];
    char datetime[SIGV4_DATETIME_CHARS];
    char region[SIGV4_REGION_CHARS_MAX];
    uint32_t region_chars;
    char trailer_name[32]; /* NUL-terminated lower-case x-amz-checksum-…; empty without a trailer */
};

struct auth_settings {
    struct span region;
    uint64_t max_skew_s; /* either way */
};

struct auth_answer {
    bool is_allowed;
    int status;       /* 400 or 403 when not allowed */
    const char *code; /* InvalidRequest, AuthorizationHeaderMalformed, AccessDenied, InvalidHeaderValue,
                         InvalidUtf8String */
    char message[AUTH_MESSAGE_CHARS]; /* NUL-terminated, printable ASCII */
    struct span key_id;               /* when allowed; points into head or route */
    struct auth_payload payload;
};

/* Check `head`, routed as `route`, at wall-clock second `now_s`. Order of refusals as in reference 4 "Which error
 * wins": query parameters well-formed for signing (400), Authorization syntax, date, signed headers (400), scope
 * (400 AuthorizationHeaderMalformed), key known and signature right (one and the same 403 AccessDenied for both,
 * after the same work), x-amz-content-sha256 syntax (400), streaming set-up (400), anonymous (403). Refused
 * besides (H29): a date further than max_skew_s from now either way; any signed header given twice; x-amz-* or
 * authorization headers given twice; presigned parameters given twice. `scratch` gives memory that may be dropped
 * afterwards; out of memory is status 503, code ServiceUnavailable. */
void auth_check(const struct auth_settings *settings, const struct auth_keys *keys, struct signing_cache *cache,
                const struct http_head *head, const struct http_route *route, uint64_t now_s,
                struct arena *scratch, struct auth_answer *answer);

#endif
