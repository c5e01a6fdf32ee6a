/* Feeding bodies to payload checks in any parts, and a signer of chunks written from the reference's words: shared
 * by the tests of payloads. */
#ifndef TESTS_NODE_REQUEST_STREAM_H
#define TESTS_NODE_REQUEST_STREAM_H

#include "node/request/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* The body of the reference's vector (e). */
static const char vector_e[] =
    "8;chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a55\r\nabcdefgh\r\n"
    "2;chunk-signature=f86a05f6bb6036a7a19e8996e9a8ab55a6f4b385f1a1868bd45ed82c4048b390\r\nij\r\n"
    "0;chunk-signature=c7a3b9bc6d3f5af4c9dc6be16d30ee62d012611db032741158223814b82a6db4\r\n\r\n";

/* What auth would have left for the request of vector (e). */
static inline struct auth_payload promise(enum auth_payload_mode mode)
{
    struct auth_payload promised = {.mode = mode, .region = "garage", .region_chars = 6};
    const char *key = "9421277a38a2d49097e7bd6a5c73e224ccbd547cac204e661a2b5fe5d62262a3";
    const char *seed = "b436ee741f4ab11066ac0cdb8d42546da441e94fcc2873584e80fd22877fe6be";
    assert_true(hash_unhex(span_text(key), promised.signing_key, sizeof promised.signing_key));
    assert_true(hash_unhex(span_text(seed), promised.seed_signature, sizeof promised.seed_signature));
    memcpy(promised.datetime, "20250615T120000Z", sizeof promised.datetime);
    if (mode == AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER || mode == AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER) {
        memcpy(promised.trailer_name, "x-amz-checksum-crc32", 21);
    }
    return promised;
}

/* What became of a body. */
struct taken {
    enum payload_verdict added; /* the worst of all payload_add() */
    enum payload_verdict ended;
    size_t decoded;
    uint8_t bytes[4096];
};

static inline void take_part(struct payload *payload, const uint8_t *part, size_t length, struct taken *taken)
{
    uint8_t copy[4096];
    size_t decoded = 0;
    memcpy(copy, part, length);
    enum payload_verdict verdict = payload_add(payload, copy, length, &decoded);
    assert_true(decoded <= length);
    memcpy(taken->bytes + taken->decoded, copy, decoded);
    taken->decoded += decoded;
    if (verdict != PAYLOAD_OK) taken->added = verdict;
    assert_true(verdict == taken->added); /* once not OK, stays so */
}

/* Feed a body in three parts (of any of them empty). */
static inline struct taken take(const struct auth_payload *promised, const void *body, size_t length, size_t cut_a,
                                size_t cut_b)
{
    const uint8_t *bytes = body;
    struct payload payload;
    struct taken taken = {.added = PAYLOAD_OK};
    payload_init(&payload, promised);
    take_part(&payload, bytes, cut_a, &taken);
    take_part(&payload, bytes + cut_a, cut_b - cut_a, &taken);
    take_part(&payload, bytes + cut_b, length - cut_b, &taken);
    taken.ended = payload_end(&payload);
    assert_true(payload_end(&payload) == taken.ended);
    assert_int_equal(payload.reason != NULL, taken.ended != PAYLOAD_OK);
    if (taken.added != PAYLOAD_OK) assert_true(taken.ended == taken.added);
    return taken;
}

static inline struct taken take_bytewise(const struct auth_payload *promised, const void *body, size_t length)
{
    const uint8_t *bytes = body;
    struct payload payload;
    struct taken taken = {.added = PAYLOAD_OK};
    payload_init(&payload, promised);
    for (size_t i = 0; i < length; i++) {
        take_part(&payload, bytes + i, 1, &taken);
    }
    taken.ended = payload_end(&payload);
    return taken;
}

static inline struct taken take_whole(const struct auth_payload *promised, const void *body, size_t length)
{
    return take(promised, body, length, length, length);
}

static inline void assert_decoded(const struct auth_payload *promised, const char *body, const char *decoded)
{
    struct taken taken = take_whole(promised, body, strlen(body));
    assert_int_equal(taken.ended, PAYLOAD_OK);
    assert_int_equal(taken.decoded, strlen(decoded));
    assert_memory_equal(taken.bytes, decoded, taken.decoded);
}

static inline void assert_bad_chunk(const struct auth_payload *promised, const char *body)
{
    struct taken whole = take_whole(promised, body, strlen(body));
    struct taken bytewise = take_bytewise(promised, body, strlen(body));
    if (whole.ended != PAYLOAD_BAD_CHUNK) fail_msg("taken: %s", body);
    if (bytewise.ended != PAYLOAD_BAD_CHUNK) fail_msg("taken byte by byte: %s", body);
}

/* The same verdict and, when it is yes, the same bytes, however the body comes. */
static inline void assert_same_for_every_split(const struct auth_payload *promised, const void *body,
                                               size_t length)
{
    struct taken whole = take_whole(promised, body, length);
    struct taken bytewise = take_bytewise(promised, body, length);
    assert_int_equal(bytewise.ended, whole.ended);
    if (whole.ended == PAYLOAD_OK) {
        assert_int_equal(bytewise.decoded, whole.decoded);
        assert_memory_equal(bytewise.bytes, whole.bytes, whole.decoded);
    }
    for (size_t cut = 0; cut <= length; cut++) {
        struct taken parts = take(promised, body, length, cut, cut);
        assert_int_equal(parts.ended, whole.ended);
        if (whole.ended != PAYLOAD_OK) continue;
        assert_int_equal(parts.decoded, whole.decoded);
        assert_memory_equal(parts.bytes, whole.bytes, whole.decoded);
    }
}

/* Two flips do not change what is said: of the case of a hex digit, and of a name's letter. */
static inline bool is_flip_of_case(uint8_t before, uint8_t after)
{
    bool is_letter = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z');
    return is_letter && (before ^ after) == 0x20;
}

static inline void assert_every_flip_refused(const struct auth_payload *promised, const char *body, size_t length,
                                             size_t decoded_from, size_t decoded_to)
{
    uint8_t copy[4096];
    for (size_t i = 0; i < length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, body, length);
            copy[i] ^= (uint8_t)(1u << bit);
            bool is_data = i >= decoded_from && i < decoded_to;
            if (!is_data && is_flip_of_case((uint8_t)body[i], copy[i])) continue;
            struct taken taken = take_whole(promised, copy, length);
            if (taken.ended != PAYLOAD_BAD_CHUNK) fail_msg("bit %u of byte %zu does not matter", bit, i);
        }
    }
}

/* ---- a signer of chunks ---- */

struct stream {
    const struct auth_payload *promised;
    char text[4096];
    size_t used;
    char previous[65];
};

static inline void stream_add(struct stream *stream, const char *text)
{
    size_t length = strlen(text);
    assert_true(length < sizeof stream->text - stream->used);
    memcpy(stream->text + stream->used, text, length);
    stream->used += length;
}

static inline void hash_text(const char *text, char hex[65])
{
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256(text, strlen(text), hash);
    hash_hex(hash, sizeof hash, hex);
    hex[64] = '\0';
}

static inline void stream_begin(struct stream *stream, const struct auth_payload *promised)
{
    *stream = (struct stream){.promised = promised};
    hash_hex(promised->seed_signature, sizeof promised->seed_signature, stream->previous);
}

#define EMPTY_HASH_LINE "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"

/* The signature of `data`'s hash behind the previous one; `middle` is the line of the empty hash, or nothing. */
static inline void stream_sign(struct stream *stream, const char *label, const char *middle, const char *data,
                               char hex[65])
{
    char text[1024];
    char data_hex[65];
    uint8_t signature[HASH_SHA256_BYTES];
    hash_text(data, data_hex);
    snprintf(text, sizeof text, "%s\n20250615T120000Z\n20250615/garage/k2v/aws4_request\n%s\n%s%s", label,
             stream->previous, middle, data_hex);
    hash_hmac_sha256(span_of(stream->promised->signing_key, HASH_SHA256_BYTES), span_text(text), signature);
    hash_hex(signature, sizeof signature, hex);
    hex[64] = '\0';
    memcpy(stream->previous, hex, 65);
}

static inline void stream_chunk(struct stream *stream, const char *data)
{
    char head[128];
    char hex[65];
    stream_sign(stream, "AWS4-HMAC-SHA256-PAYLOAD", EMPTY_HASH_LINE, data, hex);
    snprintf(head, sizeof head, "%zx;chunk-signature=%s\r\n", strlen(data), hex);
    stream_add(stream, head);
    stream_add(stream, data);
    if (*data != '\0') stream_add(stream, "\r\n");
}

static inline uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
