/* A request's body against what its signature promised: hash, or signed and unsigned streaming chunks with
 * trailers (reference 5.6). Fed the body in parts as they arrive (HTTP's own chunked framing already undone);
 * gives the decoded bytes, in place.
 *
 * Pure, no allocation. Nothing may be stored before payload_end() has said yes.
 */
#ifndef NODE_REQUEST_PAYLOAD_H
#define NODE_REQUEST_PAYLOAD_H

#include "node/request/auth.h"

enum {
    PAYLOAD_CHUNK_HEAD_BYTES_MAX = 256, /* "hexsize;chunk-signature=…\r\n" */
    PAYLOAD_TRAILER_BYTES_MAX = 1024,   /* the trailer's lines */
};

enum payload_verdict {
    PAYLOAD_OK,
    PAYLOAD_BAD_DIGEST, /* 400 InvalidDigest: the body's hash is not the one signed */
    PAYLOAD_BAD_CHUNK,  /* 400 InvalidRequest: malformed framing, a wrong chunk or trailer signature, or cut short
                         */
};

struct payload {
    struct auth_payload promised;
    struct hash_sha256 hash;
    uint8_t previous_signature[HASH_SHA256_BYTES];
    uint8_t claimed_signature[HASH_SHA256_BYTES];
    uint64_t chunk_left_bytes;
    uint8_t phase;
    uint32_t line_bytes;
    char line[PAYLOAD_TRAILER_BYTES_MAX];
    const char *reason; /* static text, for the message, when not OK */
};

void payload_init(struct payload *payload, const struct auth_payload *promised);

/* Take the next `length` bytes; the decoded bytes are moved to the front of `bytes` and counted in `decoded`
 * (never more than `length`). Once not OK, stays so. */
enum payload_verdict payload_add(struct payload *payload, uint8_t *bytes, size_t length, size_t *decoded);

/* The body is complete: does it show what was promised? A chunk stream cut short is BAD_CHUNK, never a short body.
 */
enum payload_verdict payload_end(struct payload *payload);

#endif
