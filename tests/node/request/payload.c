/* Bodies against what was promised: vector (e) of the reference, every split, every truncation, every flipped bit.
 */
#include "tests/node/request/stream.h"

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
    assert_decoded(&unsigned_chunks, "F\r\n0123456789abcde\r\n0\r\nx-amz-checksum-crc32:\r\n\r\n",
                   "0123456789abcde");
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

    /* No size is not the size 0. */
    assert_bad_chunk(&promised, "\r\nx-amz-checksum-crc32:AAAA\r\n\r\n");
    assert_bad_chunk(&promised, "00000000000000000\r\nx-amz-checksum-crc32:AAAA\r\n\r\n");
    assert_bad_chunk(&promised,
                     ";chunk-signature=cfb07b9c88cc2991f02da9b9e73c6edc5e26fd5c7dd609731764d7f475af0a55\r\n"
                     "x-amz-checksum-crc32:AAAA\r\n\r\n");
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
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(huge_chunk_sizes_do_not_wrap),
        cmocka_unit_test(random_streams_survive_random_splits_and_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
