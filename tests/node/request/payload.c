/* Bodies against what was promised: vector (e) of the reference, every split, every truncation, every flipped
 * byte. */
#include "node/request/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const char vector_e[] =
    "8;chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a55\r\nabcdefgh\r\n"
    "2;chunk-signature=f86a05f6bb6036a7a19e8996e9a8ab55a6f4b385f1a1868bd45ed82c4048b390\r\nij\r\n"
    "0;chunk-signature=c7a3b9bc6d3f5af4c9dc6be16d30ee62d012611db032741158223814b82a6db4\r\n\r\n";

/* What auth would have left for the request of vector (e). */
static struct auth_payload promise(enum auth_payload_mode mode)
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

static void take_part(struct payload *payload, const uint8_t *part, size_t length, struct taken *taken)
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
static struct taken take(const struct auth_payload *promised, const void *body, size_t length, size_t cut_a,
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

static struct taken take_bytewise(const struct auth_payload *promised, const void *body, size_t length)
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

static struct taken take_whole(const struct auth_payload *promised, const void *body, size_t length)
{
    return take(promised, body, length, length, length);
}

static void assert_decoded(const struct auth_payload *promised, const char *body, const char *decoded)
{
    struct taken taken = take_whole(promised, body, strlen(body));
    assert_int_equal(taken.ended, PAYLOAD_OK);
    assert_int_equal(taken.decoded, strlen(decoded));
    assert_memory_equal(taken.bytes, decoded, taken.decoded);
}

static void assert_bad_chunk(const struct auth_payload *promised, const char *body)
{
    struct taken whole = take_whole(promised, body, strlen(body));
    struct taken bytewise = take_bytewise(promised, body, strlen(body));
    if (whole.ended != PAYLOAD_BAD_CHUNK) fail_msg("taken: %s", body);
    if (bytewise.ended != PAYLOAD_BAD_CHUNK) fail_msg("taken byte by byte: %s", body);
}

/* The same verdict and, when it is yes, the same bytes, however the body comes. */
static void assert_same_for_every_split(const struct auth_payload *promised, const void *body, size_t length)
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

/* ---- a signer of chunks, written from the reference's words ---- */

struct stream {
    const struct auth_payload *promised;
    char text[4096];
    size_t used;
    char previous[65];
};

static void stream_add(struct stream *stream, const char *text)
{
    size_t length = strlen(text);
    assert_true(length < sizeof stream->text - stream->used);
    memcpy(stream->text + stream->used, text, length);
    stream->used += length;
}

static void hash_text(const char *text, char hex[65])
{
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256(text, strlen(text), hash);
    hash_hex(hash, sizeof hash, hex);
    hex[64] = '\0';
}

static void stream_begin(struct stream *stream, const struct auth_payload *promised)
{
    *stream = (struct stream){.promised = promised};
    hash_hex(promised->seed_signature, sizeof promised->seed_signature, stream->previous);
}

/* The signature of `data`'s hash behind the previous one; `middle` is the line of the empty hash, or nothing. */
static void stream_sign(struct stream *stream, const char *label, const char *middle, const char *data,
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

#define EMPTY_HASH_LINE "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"

static void stream_chunk(struct stream *stream, const char *data)
{
    char head[128];
    char hex[65];
    stream_sign(stream, "AWS4-HMAC-SHA256-PAYLOAD", EMPTY_HASH_LINE, data, hex);
    snprintf(head, sizeof head, "%zx;chunk-signature=%s\r\n", strlen(data), hex);
    stream_add(stream, head);
    stream_add(stream, data);
    if (*data != '\0') stream_add(stream, "\r\n");
}

static void stream_trailer(struct stream *stream, const char *label, const char *line, const char *end)
{
    char signature[128];
    char data[256];
    char hex[65];
    snprintf(data, sizeof data, "%s\n", line);
    stream_sign(stream, label, "", data, hex);
    snprintf(signature, sizeof signature, "x-amz-trailer-signature:%s\r\n", hex);
    stream_add(stream, line);
    stream_add(stream, end);
    stream_add(stream, signature);
}

static void signed_trailer_stream(struct stream *stream, const struct auth_payload *promised, const char *label,
                                  const char *end)
{
    stream_begin(stream, promised);
    stream_chunk(stream, "some data of a body");
    stream_chunk(stream, "and more");
    stream_chunk(stream, "");
    stream_trailer(stream, label, "x-amz-checksum-crc32:AAAAAA==", end);
}

/* ---- plain bodies ---- */

static void a_body_of_the_promised_hash_is_taken_however_it_comes(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_HASH);
    hash_sha256("Hello, world!", 13, promised.hash);
    assert_decoded(&promised, "Hello, world!", "Hello, world!");
    assert_same_for_every_split(&promised, "Hello, world!", 13);
    hash_sha256("", 0, promised.hash);
    assert_decoded(&promised, "", "");
}

static void a_body_of_another_hash_is_a_bad_digest(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_HASH);
    hash_sha256("Hello, world!", 13, promised.hash);
    static const char *const others[] = {"", "Hello, world", "Hello, world!!", "hello, world!"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct taken taken = take_whole(&promised, others[i], strlen(others[i]));
        assert_int_equal(taken.added, PAYLOAD_OK);
        assert_int_equal(taken.ended, PAYLOAD_BAD_DIGEST);
        assert_same_for_every_split(&promised, others[i], strlen(others[i]));
    }
}

static void after_a_bad_digest_nothing_more_is_taken(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_HASH);
    struct payload payload;
    uint8_t more[1] = {'x'};
    size_t decoded = 1;
    payload_init(&payload, &promised);
    assert_int_equal(payload_end(&payload), PAYLOAD_BAD_DIGEST);
    assert_int_equal(payload_add(&payload, more, 1, &decoded), PAYLOAD_BAD_DIGEST);
    assert_int_equal(decoded, 0);
}

static void an_unsigned_body_is_taken_as_it_is(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_UNSIGNED);
    assert_decoded(&promised, "", "");
    assert_decoded(&promised, vector_e, vector_e);
    assert_same_for_every_split(&promised, vector_e, sizeof vector_e - 1);
}

/* ---- signed chunks ---- */

static void vector_e_is_decoded(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    assert_decoded(&promised, vector_e, "abcdefghij");
}

static void vector_e_is_the_same_for_every_split(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    assert_same_for_every_split(&promised, vector_e, sizeof vector_e - 1);
    for (size_t a = 0; a < sizeof vector_e; a += 3) {
        for (size_t b = a; b < sizeof vector_e; b += 5) {
            struct taken taken = take(&promised, vector_e, sizeof vector_e - 1, a, b);
            assert_int_equal(taken.ended, PAYLOAD_OK);
            assert_int_equal(taken.decoded, 10);
            assert_memory_equal(taken.bytes, "abcdefghij", 10);
        }
    }
}

/* After the last chunk's head nothing more is required (reference 5.6); anything shorter is cut short. */
static void every_truncation_of_signed_chunks_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    size_t length = sizeof vector_e - 1;
    for (size_t kept = 0; kept < length; kept++) {
        struct taken taken = take_whole(&promised, vector_e, kept);
        assert_int_equal(taken.ended, kept == length - 2 ? PAYLOAD_OK : PAYLOAD_BAD_CHUNK);
    }
}

/* Two flips do not change what is said: of the case of a hex digit, and of a name's letter. */
static bool is_flip_of_case(uint8_t before, uint8_t after)
{
    bool is_letter = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z');
    return is_letter && (before ^ after) == 0x20;
}

static void assert_every_flip_refused(const struct auth_payload *promised, const char *body, size_t length,
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

static void every_flipped_bit_of_signed_chunks_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    size_t data = (size_t)(strstr(vector_e, "abcdefgh") - vector_e);
    assert_every_flip_refused(&promised, vector_e, sizeof vector_e - 1, data, data + 8);
    data = (size_t)(strstr(vector_e, "ij\r\n") - vector_e);
    assert_every_flip_refused(&promised, vector_e, sizeof vector_e - 1, data, data + 2);
}

static void upper_case_digits_and_leading_zeros_are_taken(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    char body[512];
    snprintf(body, sizeof body, "0000000000000%s", vector_e);
    assert_decoded(&promised, body, "abcdefghij");
    char *signature = strchr(body, '=') + 1;
    for (size_t i = 0; i < 64; i++) {
        if (signature[i] >= 'a') signature[i] = (char)(signature[i] - 'a' + 'A');
    }
    assert_decoded(&promised, body, "abcdefghij");

    struct auth_payload unsigned_chunks = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    assert_decoded(&unsigned_chunks, "A\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:\r\n\r\n", "0123456789");
    assert_decoded(&unsigned_chunks, "a\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:\r\n\r\n", "0123456789");
}

static void a_signed_chunk_without_signature_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    assert_bad_chunk(&promised, "2\r\nij\r\n0\r\n\r\n");
    assert_bad_chunk(&promised, "0\r\n\r\n");
    promised.mode = AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER;
    assert_bad_chunk(&promised, "0\r\nx-amz-checksum-crc32:AA==\r\n\r\n");
}

/* Chunks moved, repeated or left out have right signatures of their own, but not behind these before them. */
static void chunks_out_of_their_order_are_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    const char *second = strstr(vector_e, "2;chunk");
    const char *third = strstr(vector_e, "0;chunk-signature=c7");
    int first_length = (int)(second - vector_e);
    int second_length = (int)(third - second);
    char body[1024];
    snprintf(body, sizeof body, "%.*s%.*s%s", second_length, second, first_length, vector_e, third);
    assert_bad_chunk(&promised, body);
    snprintf(body, sizeof body, "%.*s%.*s%s", first_length, vector_e, first_length, vector_e, second);
    assert_bad_chunk(&promised, body);
    snprintf(body, sizeof body, "%.*s%s", first_length, vector_e, third);
    assert_bad_chunk(&promised, body);
    assert_bad_chunk(&promised, second);
    assert_bad_chunk(&promised, third);
}

static void another_seed_key_date_or_region_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    promised.seed_signature[31] ^= 1;
    assert_bad_chunk(&promised, vector_e);
    promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    promised.signing_key[0] ^= 1;
    assert_bad_chunk(&promised, vector_e);
    promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    promised.datetime[14] = '1';
    assert_bad_chunk(&promised, vector_e);
    promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    promised.region_chars = 5;
    assert_bad_chunk(&promised, vector_e);
}

static void an_empty_signed_stream_is_an_empty_body(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    struct stream stream;
    stream_begin(&stream, &promised);
    stream_chunk(&stream, "");
    assert_decoded(&promised, stream.text, "");
    stream_add(&stream, "\r\n");
    assert_decoded(&promised, stream.text, "");
    assert_same_for_every_split(&promised, stream.text, stream.used);
}

static void nothing_may_follow_the_end(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    static const char *const behind[] = {"x", "\r", "\r\n", "2\r\nij\r\n"};
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body, "%s%s", vector_e, behind[i]);
        assert_bad_chunk(&promised, body);
    }
    char body[1024];
    snprintf(body, sizeof body, "%.*sxy", (int)(sizeof vector_e - 3), vector_e);
    assert_bad_chunk(&promised, body);
}

/* ---- unsigned chunks with a trailer ---- */

#define UNSIGNED_BODY "4\r\nabcd\r\n3\r\nefg\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"

static void unsigned_chunks_with_trailer_are_decoded(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    assert_decoded(&promised, UNSIGNED_BODY, "abcdefg");
    assert_decoded(&promised, "0\r\nx-amz-checksum-crc32:AAAAAA==\n\r\n\r\n", "");
    assert_decoded(&promised, "0\r\nX-Amz-Checksum-CRC32:\r\n\r\n", "");
    assert_decoded(&promised, "4\r\n\r\n\r\n\r\n0\r\nx-amz-checksum-crc32:\r\n\r\n", "\r\n\r\n");
    assert_same_for_every_split(&promised, UNSIGNED_BODY, strlen(UNSIGNED_BODY));
}

static void a_signature_nobody_promised_is_not_used(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    char body[1024];
    snprintf(body, sizeof body, "%.*s%s", (int)(sizeof vector_e - 3), vector_e, "x-amz-checksum-crc32:x\r\n\r\n");
    assert_decoded(&promised, body, "abcdefghij");
}

static void every_truncation_of_unsigned_chunks_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    for (size_t kept = 0; kept < strlen(UNSIGNED_BODY); kept++) {
        assert_int_equal(take_whole(&promised, UNSIGNED_BODY, kept).ended, PAYLOAD_BAD_CHUNK);
    }
}

static void another_trailer_than_the_promised_one_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    static const char *const trailers[] = {
        "\r\n",
        "\r\n\r\n",
        "x-amz-checksum-crc32\r\n\r\n",
        "x-amz-checksum-crc32c:AAAA\r\n\r\n",
        "x-amz-checksum-crc3:AAAA\r\n\r\n",
        " x-amz-checksum-crc32:AAAA\r\n\r\n",
        "x-amz-checksum-crc32 :AAAA\r\n\r\n",
        "x-amz-checksum-crc32:AAAA\r\nx-amz-checksum-crc32:AAAA\r\n\r\n",
        "x-amz-checksum-crc32:AAAA\n\n\r\n\r\n",
        "x-amz-checksum-crc32:AA\rAA\r\n\r\n",
        "x-amz-checksum-crc32:AA\x80\r\n\r\n",
        "x-amz-checksum-crc32:AA\x7f\r\n\r\n",
        "x-amz-checksum-crc32:AA\x01\r\n\r\n",
        "x-amz-checksum-crc32:AAAA\n\n",
        "x-amz-checksum-crc32:AAAA\r\nx\r\n",
    };
    for (size_t i = 0; i < sizeof trailers / sizeof trailers[0]; i++) {
        char body[256];
        snprintf(body, sizeof body, "1\r\na\r\n0\r\n%s", trailers[i]);
        assert_bad_chunk(&promised, body);
        assert_same_for_every_split(&promised, body, strlen(body));
    }
}

static void malformed_chunks_are_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    static const char *const begins[] = {
        "\r\n",
        "g\r\n",
        " 1\r\na\r\n",
        "1 \r\na\r\n",
        "+1\r\na\r\n",
        "-1\r\na\r\n",
        "0x1\r\na\r\n",
        "1\na\r\n",
        "1\n\r\na\r\n",
        "1\r\r\na\r\n",
        "1;\r\na\r\n",
        "1;name=value\r\na\r\n",
        "1;chunk-signature=\r\na\r\n",
        "1;chunk-signature=00\r\na\r\n",
        ";chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a55\r\n",
        "1;chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a5g\r\na\r\n",
        "1;chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a555\r\na\r\n",
        "1;chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a55;x\r\na\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1\r\na\r\r",
        "1\r\na",
        "1\r\na1\r\n",
    };
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        char body[512];
        snprintf(body, sizeof body, "%s0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", begins[i]);
        assert_bad_chunk(&promised, body);
        assert_same_for_every_split(&promised, body, strlen(body));
    }
}

/* Sizes at the edge of 64 bits neither wrap nor make a short chunk; 17 digits are too many, even of zeros. */
static void huge_chunk_sizes_do_not_wrap(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    static const char *const sizes[] = {"ffffffffffffffff", "fffffffffffffffe", "8000000000000000",
                                        "7fffffffffffffff", "100000000",        "ffffffff"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "%s\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", sizes[i]);
        struct taken taken = take_whole(&promised, body, strlen(body));
        assert_int_equal(taken.added, PAYLOAD_OK); /* all of it may be data */
        assert_int_equal(taken.decoded, strlen(body) - strlen(sizes[i]) - 2);
        assert_int_equal(taken.ended, PAYLOAD_BAD_CHUNK);
    }
    assert_bad_chunk(&promised, "00000000000000001\r\na\r\n0\r\nx-amz-checksum-crc32:A\r\n\r\n");
    assert_bad_chunk(&promised, "10000000000000000\r\n0\r\nx-amz-checksum-crc32:A\r\n\r\n");
    assert_bad_chunk(&promised, "10000000000000001\r\na\r\n0\r\nx-amz-checksum-crc32:A\r\n\r\n");
}

/* Lines without an end stop at their bounds, and at once. */
static void lines_without_end_are_refused_at_their_bounds(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    char body[2048];
    memset(body, '0', sizeof body);
    assert_int_equal(take_whole(&promised, body, PAYLOAD_CHUNK_HEAD_BYTES_MAX - 1).added, PAYLOAD_OK);
    assert_int_equal(take_whole(&promised, body, PAYLOAD_CHUNK_HEAD_BYTES_MAX).added, PAYLOAD_BAD_CHUNK);

    const char begin[] = "0\r\nx-amz-checksum-crc32:";
    memcpy(body, begin, sizeof begin - 1);
    size_t line = 3; /* where the trailer begins */
    assert_int_equal(take_whole(&promised, body, line + PAYLOAD_TRAILER_BYTES_MAX - 1).added, PAYLOAD_OK);
    assert_int_equal(take_whole(&promised, body, line + PAYLOAD_TRAILER_BYTES_MAX).added, PAYLOAD_BAD_CHUNK);
    memcpy(body + line + PAYLOAD_TRAILER_BYTES_MAX - 2, "\r\n\r\n", 4);
    assert_int_equal(take_whole(&promised, body, line + PAYLOAD_TRAILER_BYTES_MAX + 2).ended, PAYLOAD_OK);
}

/* ---- signed chunks with a signed trailer ---- */

static void a_signed_trailer_is_taken_under_either_label(void **state)
{
    (void)state;
    static const char *const labels[] = {"AWS4-HMAC-SHA256-PAYLOAD", "AWS4-HMAC-SHA256-TRAILER"};
    static const char *const ends[] = {"\r\n", "\n\r\n"};
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER);
    for (size_t i = 0; i < 4; i++) {
        struct stream stream;
        signed_trailer_stream(&stream, &promised, labels[i % 2], ends[i / 2]);
        assert_decoded(&promised, stream.text, "some data of a bodyand more");
        stream_add(&stream, "\r\n");
        assert_decoded(&promised, stream.text, "some data of a bodyand more");
        assert_same_for_every_split(&promised, stream.text, stream.used);
        stream_add(&stream, "\r\n");
        assert_bad_chunk(&promised, stream.text);
    }
}

static void a_trailer_signed_under_another_label_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER);
    struct stream stream;
    signed_trailer_stream(&stream, &promised, "AWS4-HMAC-SHA256", "\r\n");
    assert_bad_chunk(&promised, stream.text);
}

static void every_truncation_of_a_signed_trailer_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER);
    struct stream stream;
    signed_trailer_stream(&stream, &promised, "AWS4-HMAC-SHA256-PAYLOAD", "\r\n");
    for (size_t kept = 0; kept < stream.used; kept++) {
        assert_int_equal(take_whole(&promised, stream.text, kept).ended, PAYLOAD_BAD_CHUNK);
    }
}

static void every_flipped_bit_of_a_signed_trailer_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER);
    struct stream stream;
    signed_trailer_stream(&stream, &promised, "AWS4-HMAC-SHA256-PAYLOAD", "\r\n");
    size_t value = (size_t)(strstr(stream.text, "x-amz-checksum") - stream.text);
    assert_every_flip_refused(&promised, stream.text, stream.used, value,
                              value + strlen("x-amz-checksum-crc32:AAAAAA=="));
}

static void a_signed_stream_without_its_trailer_is_refused(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER);
    assert_bad_chunk(&promised, vector_e);
    char body[1024];
    snprintf(body, sizeof body, "%.*sx-amz-checksum-crc32:AAAA\r\n\r\n", (int)(sizeof vector_e - 3), vector_e);
    assert_bad_chunk(&promised, body);
}

/* A trailer is no chunk: the signature of one does not do for the other. */
static void a_chunk_signature_does_not_sign_a_trailer(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER);
    struct stream stream;
    char hex[65];
    char line[128];
    stream_begin(&stream, &promised);
    stream_chunk(&stream, "");
    stream_sign(&stream, "AWS4-HMAC-SHA256-PAYLOAD", EMPTY_HASH_LINE, "x-amz-checksum-crc32:AAAA\n", hex);
    snprintf(line, sizeof line, "x-amz-checksum-crc32:AAAA\r\nx-amz-trailer-signature:%s\r\n", hex);
    stream_add(&stream, line);
    assert_bad_chunk(&promised, stream.text);
}

/* ---- large and random ---- */

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void random_streams_survive_random_splits_and_no_change(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 7;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_SIGNED);
    for (int round = 0; round < 500; round++) {
        struct stream stream;
        char expected[1024] = "";
        stream_begin(&stream, &promised);
        for (uint64_t chunks = draw(&seed) % 6; chunks > 0; chunks--) {
            char data[128] = "";
            for (uint64_t i = draw(&seed) % 100 + 1; i > 0; i--) {
                data[i - 1] = "\r\n0a;=:x"[draw(&seed) % 8];
            }
            stream_chunk(&stream, data);
            strcat(expected, data);
        }
        stream_chunk(&stream, "");
        size_t a = draw(&seed) % (stream.used + 1);
        size_t b = a + draw(&seed) % (stream.used - a + 1);
        struct taken taken = take(&promised, stream.text, stream.used, a, b);
        assert_int_equal(taken.ended, PAYLOAD_OK);
        assert_int_equal(taken.decoded, strlen(expected));
        assert_memory_equal(taken.bytes, expected, taken.decoded);

        size_t changed = draw(&seed) % stream.used;
        char before = stream.text[changed];
        stream.text[changed] = (char)(before ^ (1 + (char)(draw(&seed) % 31))); /* no flip of case alone */
        taken = take(&promised, stream.text, stream.used, a, b);
        assert_int_equal(taken.ended, PAYLOAD_BAD_CHUNK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_the_promised_hash_is_taken_however_it_comes),
        cmocka_unit_test(a_body_of_another_hash_is_a_bad_digest),
        cmocka_unit_test(after_a_bad_digest_nothing_more_is_taken),
        cmocka_unit_test(an_unsigned_body_is_taken_as_it_is),
        cmocka_unit_test(vector_e_is_decoded),
        cmocka_unit_test(vector_e_is_the_same_for_every_split),
        cmocka_unit_test(every_truncation_of_signed_chunks_is_refused),
        cmocka_unit_test(every_flipped_bit_of_signed_chunks_is_refused),
        cmocka_unit_test(upper_case_digits_and_leading_zeros_are_taken),
        cmocka_unit_test(a_signed_chunk_without_signature_is_refused),
        cmocka_unit_test(chunks_out_of_their_order_are_refused),
        cmocka_unit_test(another_seed_key_date_or_region_is_refused),
        cmocka_unit_test(an_empty_signed_stream_is_an_empty_body),
        cmocka_unit_test(nothing_may_follow_the_end),
        cmocka_unit_test(unsigned_chunks_with_trailer_are_decoded),
        cmocka_unit_test(a_signature_nobody_promised_is_not_used),
        cmocka_unit_test(every_truncation_of_unsigned_chunks_is_refused),
        cmocka_unit_test(another_trailer_than_the_promised_one_is_refused),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(huge_chunk_sizes_do_not_wrap),
        cmocka_unit_test(lines_without_end_are_refused_at_their_bounds),
        cmocka_unit_test(a_signed_trailer_is_taken_under_either_label),
        cmocka_unit_test(a_trailer_signed_under_another_label_is_refused),
        cmocka_unit_test(every_truncation_of_a_signed_trailer_is_refused),
        cmocka_unit_test(every_flipped_bit_of_a_signed_trailer_is_refused),
        cmocka_unit_test(a_signed_stream_without_its_trailer_is_refused),
        cmocka_unit_test(a_chunk_signature_does_not_sign_a_trailer),
        cmocka_unit_test(random_streams_survive_random_splits_and_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
