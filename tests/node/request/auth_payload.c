/* What authentication says the body must show, and which forms of it are refused (reference 5.6). */
#include "tests/node/request/asking.h"

static void each_form_of_payload_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *form;
        enum auth_payload_mode mode;
    } cases[] = {
        {HASH_OF_NOTHING, AUTH_PAYLOAD_HASH},
        {"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", AUTH_PAYLOAD_HASH},
        {"UNSIGNED-PAYLOAD", AUTH_PAYLOAD_UNSIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", AUTH_PAYLOAD_CHUNKS_SIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER},
        {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *client = begin_payload(cases[i].form);
        client_add(client, "x-amz-trailer", "x-amz-checksum-crc64nvme");
        client_authorize(client, USUAL ";x-amz-trailer");
        struct auth_answer answer = ask_at(client, NOW_S);
        assert_true(answer.is_allowed);
        assert_int_equal(answer.payload.mode, cases[i].mode);
        bool has_trailer = strstr(cases[i].form, "TRAILER") != NULL;
        assert_string_equal(answer.payload.trailer_name, has_trailer ? "x-amz-checksum-crc64nvme" : "");
        client_end(client);
    }
}

static void an_unknown_form_of_payload_is_refused_after_the_signature(void **state)
{
    (void)state;
    static const char *const forms[] = {"",
                                        "STREAMING-UNSIGNED-PAYLOAD",
                                        "unsigned-payload",
                                        "UNSIGNED-PAYLOAD ",
                                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
                                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
                                        "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct client *client = begin_payload(forms[i]);
        client_authorize(client, USUAL);
        expect_invalid(client, "known form of payload");
        client = begin_payload(forms[i]);
        client_authorize_as(client, KEY_ID, "wrong", "20250615/garage/k2v/aws4_request", USUAL);
        expect_denied(client);
    }
}

static void streaming_needs_its_content_encoding_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *encoding;
        bool is_allowed;
    } cases[] = {
        {"aws-chunked", true}, {"aws-chunked,gzip", true},  {"aws-chunked, gzip", true}, {"aws-chunked,", true},
        {"gzip", false},       {"gzip,aws-chunked", false}, {"aws-chunkedx", false},     {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *client = begin_payload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        client_add(client, "content-encoding", cases[i].encoding);
        client_authorize(client, USUAL);
        if (cases[i].is_allowed) {
            expect_allowed(client);
        } else {
            expect_invalid(client, "aws-chunked");
        }
    }
    struct client *client = begin_payload("UNSIGNED-PAYLOAD");
    client_add(client, "content-encoding", "gzip");
    client_authorize(client, USUAL);
    expect_allowed(client);
}

static void a_trailer_must_be_one_of_the_known_checksums(void **state)
{
    (void)state;
    static const char *const known[] = {"x-amz-checksum-crc32", "x-amz-checksum-crc32c", "X-Amz-Checksum-SHA1",
                                        "x-amz-checksum-sha256", "x-amz-checksum-crc64nvme"};
    static const char *const unknown[] = {"", "x-amz-checksum-md5", "x-amz-checksum-crc32,x-amz-checksum-sha1",
                                          "host"};
    for (size_t i = 0; i < 5; i++) {
        struct client *client = begin_payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        client_add(client, "x-amz-trailer", known[i]);
        client_authorize(client, USUAL ";x-amz-trailer");
        expect_allowed(client);
    }
    for (size_t i = 0; i < 4; i++) {
        struct client *client = begin_payload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
        client_add(client, "x-amz-trailer", unknown[i]);
        client_authorize(client, USUAL ";x-amz-trailer");
        expect_invalid(client, "x-amz-trailer names none");
    }
    struct client *client = begin_payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    client_authorize(client, USUAL);
    expect_invalid(client, "x-amz-trailer is missing");
}

static void vector_e_is_allowed_and_hands_on_what_chunks_need(void **state)
{
    (void)state;
    static const char signature[] = "b436ee741f4ab11066ac0cdb8d42546da441e94fcc2873584e80fd22877fe6be";
    struct client *client = client_begin("PUT", "/mails/mailboxes?sort_key=s1");
    client_add_usual(client, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    client_add(client, "Content-Encoding", "aws-chunked");
    client_add(client, "x-amz-decoded-content-length", "10");
    client_add(
        client, "Authorization",
        "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=content-encoding;" USUAL
        ";x-amz-decoded-content-length, Signature=b436ee741f4ab11066ac0cdb8d42546da441e94fcc2873584e80fd22877f"
        "e6be");
    struct auth_answer answer = ask_at(client, NOW_S);
    uint8_t expected[HASH_SHA256_BYTES];
    assert_true(answer.is_allowed);
    assert_int_equal(answer.payload.mode, AUTH_PAYLOAD_CHUNKS_SIGNED);
    assert_true(hash_unhex(span_text(signature), expected, sizeof expected));
    assert_memory_equal(answer.payload.seed_signature, expected, sizeof expected);
    sigv4_signing_key(span_text(SECRET), DATETIME, span_text(REGION), expected);
    assert_memory_equal(answer.payload.signing_key, expected, sizeof expected);
    assert_memory_equal(answer.payload.datetime, DATETIME, SIGV4_DATETIME_CHARS);
    assert_int_equal(answer.payload.region_chars, strlen(REGION));
    assert_memory_equal(answer.payload.region, REGION, strlen(REGION));
    client_end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_payload_is_told_apart),
        cmocka_unit_test(an_unknown_form_of_payload_is_refused_after_the_signature),
        cmocka_unit_test(streaming_needs_its_content_encoding_or_none),
        cmocka_unit_test(a_trailer_must_be_one_of_the_known_checksums),
        cmocka_unit_test(vector_e_is_allowed_and_hands_on_what_chunks_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
