/* Chunk streams that end with a trailer, unsigned and signed (reference 5.6). */
#include "tests/node/request/stream.h"

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

#define UNSIGNED_BODY "4\r\nabcd\r\n3\r\nefg\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"

static void unsigned_chunks_with_trailer_are_decoded(void **state)
{
    (void)state;
    struct auth_payload promised = promise(AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER);
    assert_decoded(&promised, UNSIGNED_BODY, "abcdefg");
    assert_decoded(&promised, "0\r\nx-amz-checksum-crc32:AAAAAA==\n\r\n\r\n", "");
    assert_decoded(&promised, "0\r\nX-Amz-Checksum-CRC32:\r\n\r\n", "");
    assert_decoded(&promised, "0\r\nx-amz-checksum-crc32: ~\r\n\r\n", "");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_chunks_with_trailer_are_decoded),
        cmocka_unit_test(a_signature_nobody_promised_is_not_used),
        cmocka_unit_test(every_truncation_of_unsigned_chunks_is_refused),
        cmocka_unit_test(another_trailer_than_the_promised_one_is_refused),
        cmocka_unit_test(lines_without_end_are_refused_at_their_bounds),
        cmocka_unit_test(a_signed_trailer_is_taken_under_either_label),
        cmocka_unit_test(a_trailer_signed_under_another_label_is_refused),
        cmocka_unit_test(every_truncation_of_a_signed_trailer_is_refused),
        cmocka_unit_test(every_flipped_bit_of_a_signed_trailer_is_refused),
        cmocka_unit_test(a_signed_stream_without_its_trailer_is_refused),
        cmocka_unit_test(a_chunk_signature_does_not_sign_a_trailer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
