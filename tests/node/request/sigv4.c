/* Canonical requests, signatures and dates: the reference's vectors (5.7) and rules (5.2). */
#include "tests/node/request/client.h"

static void assert_hex(const uint8_t *bytes, const char *expected)
{
    char text[2 * HASH_SHA256_BYTES + 1] = {0};
    hash_hex(bytes, HASH_SHA256_BYTES, text);
    assert_string_equal(text, expected);
}

static void sign(const uint8_t hash[HASH_SHA256_BYTES], uint8_t signature[HASH_SHA256_BYTES])
{
    uint8_t key[HASH_SHA256_BYTES];
    sigv4_signing_key(span_text(SECRET), DATETIME, span_text(REGION), key);
    sigv4_signature(key, DATETIME, span_text(REGION), hash, signature);
}

static void assert_vector(struct client *client, const char *const *names, const char *payload_hash,
                          const char *hash_hex_text, const char *signature_hex)
{
    uint8_t hash[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    client_canonical_hash(client, names, payload_hash, hash);
    assert_hex(hash, hash_hex_text);
    sign(hash, signature);
    assert_hex(signature, signature_hex);
}

static void the_signing_key_is_the_one_of_the_vectors(void **state)
{
    (void)state;
    uint8_t key[HASH_SHA256_BYTES];
    sigv4_signing_key(span_text(SECRET), DATETIME, span_text(REGION), key);
    assert_hex(key, "9421277a38a2d49097e7bd6a5c73e224ccbd547cac204e661a2b5fe5d62262a3");
}

/* RFC 2104 hashes keys longer than a block: "AWS4" and 60, 61, 200 chars of secret, against HMAC done directly. */
static void secrets_of_any_length_make_a_key(void **state)
{
    (void)state;
    char secret[4 + 200 + 1] = "AWS4";
    memset(secret + 4, 's', 200);
    static const size_t lengths[] = {0, 1, 59, 60, 61, 200};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t key[HASH_SHA256_BYTES];
        uint8_t expected[HASH_SHA256_BYTES];
        sigv4_signing_key(span_of(secret + 4, lengths[i]), DATETIME, span_text(REGION), key);
        hash_hmac_sha256(span_of(secret, 4 + lengths[i]), span_of(DATETIME, 8), expected);
        hash_hmac_sha256(span_of(expected, sizeof expected), span_text(REGION), expected);
        hash_hmac_sha256(span_of(expected, sizeof expected), span_text("k2v"), expected);
        hash_hmac_sha256(span_of(expected, sizeof expected), span_text("aws4_request"), expected);
        assert_memory_equal(key, expected, sizeof key);
    }
}

static void vector_a_get_with_header(void **state)
{
    (void)state;
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add_usual(client, HASH_OF_NOTHING);
    client_add(client, "Accept", "application/octet-stream, application/json");
    client_add(client, "User-Agent", "k2v/0.0.4");
    const char *names[] = {"accept", "host", "x-amz-content-sha256", "x-amz-date", NULL};
    assert_vector(client, names, HASH_OF_NOTHING,
                  "2861e48a67f301644192b1f8c163fac5ef902d7b77c1b2598808040398a13974",
                  "d9ed36ba760d2cdbb1c1919fa886138bd72b306bb975b9ebaa45018b3c8d989a");
    const char *unsorted[] = {"x-amz-date", "host", "accept", "x-amz-content-sha256", NULL};
    assert_vector(client, unsorted, HASH_OF_NOTHING,
                  "2861e48a67f301644192b1f8c163fac5ef902d7b77c1b2598808040398a13974",
                  "d9ed36ba760d2cdbb1c1919fa886138bd72b306bb975b9ebaa45018b3c8d989a");
    client_end(client);
}

static void vector_b_put_of_keys_beyond_ascii(void **state)
{
    (void)state;
    const char *body_hash = "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3";
    struct client *client = client_begin("PUT",
                                         "/mails/root%40pl%C3%A9pp?sort_key=%E2%89%A4%E2%89%A4%C2%AB%C2%AB");
    client_add_usual(client, body_hash);
    client_add(client, "x-garage-causality-token", "CgsNmn165hAKCwwNDg8QEQAAAZdzdfYB");
    const char *names[] = {"host", "x-amz-content-sha256", "x-amz-date", "x-garage-causality-token", NULL};
    assert_vector(client, names, body_hash, "d94971d71a23dbee10a4436c87a8cf5174de3dd3f929daf130a5d4adf43b4806",
                  "8e2157d338388847cc90402297a1f8da5e3a20e5b3a3ba09461553de7e9fa529");
    client_end(client);
}

static void vector_c_presigned(void **state)
{
    (void)state;
    static const char target[] =
        "/mails/mailboxes?sort_key=INBOX&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY_ID
        "%2F20250615%2Fgarage%2Fk2v%2Faws4_request&X-Amz-Date=20250615T120000Z&X-Amz-Expires=3600"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    struct client *client = client_begin("GET", target);
    client_add(client, "host", HOST);
    const char *names[] = {"host", NULL};
    assert_vector(client, names, "UNSIGNED-PAYLOAD",
                  "346b223927bfa16a32526fb03cc2f79a47e9408ccfee0a8ed497a3d9c1c4bb20",
                  "4d59df0b8bc8412da5d91b29d9a051a0de0e97ae9b3d20aa8634897eff3ba91c");

    /* The wrong result that names its cause: the hash of no body instead of UNSIGNED-PAYLOAD. */
    uint8_t hash[HASH_SHA256_BYTES];
    uint8_t signature[HASH_SHA256_BYTES];
    client_canonical_hash(client, names, HASH_OF_NOTHING, hash);
    sign(hash, signature);
    assert_hex(signature, "09b9df1a66e08b4ae53bffb08b8f2d28f4582f9f72d0e94bd45f4a6eb1d1ef5d");
    client_end(client);
}

static void vector_d_keyword_with_or_without_equals_sign(void **state)
{
    (void)state;
    const char *body_hash = "c14c2328806be2a3125967615305aa30e93ec95a0a215dfac80b4b5da70ea4fe";
    static const char *const targets[] = {"/mails?search", "/mails?search="};
    for (size_t i = 0; i < 2; i++) {
        struct client *client = client_begin("POST", targets[i]);
        client_add_usual(client, body_hash);
        const char *names[] = {"host", "x-amz-content-sha256", "x-amz-date", NULL};
        assert_vector(client, names, body_hash, "edfda9c1b7b497f24267688bd0fec337b4b1580f7d8cebc4ace47e1f56301fc2",
                      "26574ca9cf7cd4ad0df2525187e03752875666b19fe03781e3b455cf85f10731");
        client_end(client);
    }
}

static void vector_e_signed_chunks(void **state)
{
    (void)state;
    struct client *client = client_begin("PUT", "/mails/mailboxes?sort_key=s1");
    client_add_usual(client, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    client_add(client, "Content-Encoding", "aws-chunked");
    client_add(client, "x-amz-decoded-content-length", "10");
    const char *names[] = {
        "content-encoding", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", NULL};
    assert_vector(client, names, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                  "bd512117ec149ae5fe4a341c1627bf03c13664dce91ee7feb6a8f124b066d5bd",
                  "b436ee741f4ab11066ac0cdb8d42546da441e94fcc2873584e80fd22877fe6be");
    client_end(client);
}

/* The other wrong results of the reference's table, so that a slip back to them is named by this test. */
static void other_ways_to_write_the_path_give_other_signatures(void **state)
{
    (void)state;
    static const char *const paths[] = {"/mails/root%40pl%C3%A9pp", "/mails/root@pl\xc3\xa9pp"};
    static const char *const signatures[] = {
        "2b2854d7ad83f03da269904af6bb4521618cc0c54f85a97b7bee451c0b05beda",
        "5f1120e777d3ecad696f49a559ba6f7b6474bc981c9aeecacbe49a8d11d751b7",
    };
    for (size_t i = 0; i < 2; i++) {
        char text[1024];
        const char *body_hash = "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3";
        snprintf(text, sizeof text,
                 "PUT\n%s\nsort_key=%%E2%%89%%A4%%E2%%89%%A4%%C2%%AB%%C2%%AB\nhost:" HOST
                 "\nx-amz-content-sha256:%s\nx-amz-date:" DATETIME
                 "\nx-garage-causality-token:CgsNmn165hAKCwwNDg8QEQAAAZdzdfYB\n\n"
                 "host;x-amz-content-sha256;x-amz-date;x-garage-causality-token\n%s",
                 paths[i], body_hash, body_hash);
        uint8_t hash[HASH_SHA256_BYTES];
        uint8_t signature[HASH_SHA256_BYTES];
        hash_sha256(text, strlen(text), hash);
        sign(hash, signature);
        assert_hex(signature, signatures[i]);
    }
}

static void assert_equal_hash(const char *target_a, const char *target_b, bool is_equal)
{
    const char *names[] = {NULL};
    uint8_t hash_a[HASH_SHA256_BYTES];
    uint8_t hash_b[HASH_SHA256_BYTES];
    struct client *a = client_begin("GET", target_a);
    struct client *b = client_begin("GET", target_b);
    client_canonical_hash(a, names, "", hash_a);
    client_canonical_hash(b, names, "", hash_b);
    assert_int_equal(memcmp(hash_a, hash_b, sizeof hash_a) == 0, is_equal);
    client_end(a);
    client_end(b);
}

static void the_query_is_sorted_as_finished_texts(void **state)
{
    (void)state;
    assert_equal_hash("/b/k?sort_key=x&a=1&B=2", "/b/k?B=2&a=1&sort_key=x", true);
    assert_equal_hash("/b/k?sort_key=a+b", "/b/k?sort_key=a%20b", true);
    assert_equal_hash("/b/k?sort_key=x&&z", "/b/k?z=&sort_key=x", true);
    assert_equal_hash("/b/k?sort_key=a%2fb", "/b/k?sort_key=a/b", true);
    assert_equal_hash("/b/k?sort_key=a%2Bb", "/b/k?sort_key=a+b", false);
    assert_equal_hash("/b/k?sort_key=x&a=1", "/b/k?sort_key=x&a=2", false);
}

static void the_path_is_neither_decoded_nor_normalised(void **state)
{
    (void)state;
    assert_equal_hash("/b/k%40?sort_key=x", "/b/k@?sort_key=x", false);
    assert_equal_hash("/b//k?sort_key=x", "/b/k?sort_key=x", false);
    assert_equal_hash("/b/./k?sort_key=x", "/b/k?sort_key=x", false);
    assert_equal_hash("/b/k/?sort_key=x", "/b/k?sort_key=x", false);
    assert_equal_hash("/b/", "/b", false);
}

static void an_empty_path_counts_as_a_slash(void **state)
{
    (void)state;
    const char *names[] = {NULL};
    uint8_t empty[HASH_SHA256_BYTES];
    uint8_t slash[HASH_SHA256_BYTES];
    struct client *client = client_begin("GET", "/b");
    client->route.path = (struct http_span){"", 0};
    client_canonical_hash(client, names, "", empty);
    client->route.path = (struct http_span){"/", 1};
    client_canonical_hash(client, names, "", slash);
    assert_memory_equal(empty, slash, sizeof empty);
    client_end(client);
}

static void only_the_named_parameter_is_left_out(void **state)
{
    (void)state;
    assert_equal_hash("/b?x-AMZ-signature=1", "/b", true);
    assert_equal_hash("/b?x-AMZ-signature=1&a=2", "/b?a=2", true);
    assert_equal_hash("/b?x-amz-signatures=1", "/b", false);
}

static void a_signed_name_that_is_no_header_is_refused(void **state)
{
    (void)state;
    struct client *client = client_begin("GET", "/b");
    client_add(client, "hos", "x");
    struct http_span name = {"host", 4};
    struct sigv4_request request = {.method = client->head.method,
                                    .headers = client->head.headers,
                                    .headers_count = client->head.headers_count,
                                    .signed_names = &name,
                                    .signed_names_count = 1};
    uint8_t hash[HASH_SHA256_BYTES];
    assert_false(sigv4_canonical_hash(&request, &client->scratch, hash));
    client_add(client, "HOST", "x");
    request.headers_count = client->head.headers_count;
    assert_true(sigv4_canonical_hash(&request, &client->scratch, hash));
    client_end(client);
}

static void without_memory_to_sort_there_is_no_hash(void **state)
{
    (void)state;
    struct client *client = client_begin("GET", "/b?a=1&b=2");
    struct sigv4_request request = {.method = client->head.method,
                                    .parameters = client->route.parameters,
                                    .parameters_count = client->route.parameters_count};
    uint8_t hash[HASH_SHA256_BYTES];
    struct arena none;
    arena_init(&none, 0);
    assert_false(sigv4_canonical_hash(&request, &none, hash));
    request.parameters_count = 1; /* nothing to sort */
    assert_true(sigv4_canonical_hash(&request, &none, hash));
    arena_deinit(&none);
    client_end(client);
}

/* ---- dates ---- */

static bool decode(const char *text, uint64_t *unix_time_s)
{
    return sigv4_datetime_decode((struct http_span){text, strlen(text)}, unix_time_s);
}

static void dates_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t unix_time_s;
    } dates[] = {{"19700101T000000Z", 0},          {"19700101T000001Z", 1},
                 {"19991231T235959Z", 946684799},  {"20000229T120000Z", 951825600},
                 {"20000301T000000Z", 951868800},  {DATETIME, NOW_S},
                 {"20240229T235959Z", 1709251199}, {"20380119T031408Z", 2147483648},
                 {"21000301T000000Z", 4107542400}, {"99991231T235959Z", 253402300799}};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char text[SIGV4_DATETIME_CHARS + 1] = {0};
        uint64_t unix_time_s = 1;
        assert_true(decode(dates[i].text, &unix_time_s));
        assert_int_equal(unix_time_s, dates[i].unix_time_s);
        sigv4_datetime_encode(unix_time_s, text);
        assert_string_equal(text, dates[i].text);
    }
}

static void every_day_for_centuries_comes_back(void **state)
{
    (void)state;
    char before[SIGV4_DATETIME_CHARS + 1] = "";
    for (uint64_t day = 0; day < 500 * 366; day++) {
        char text[SIGV4_DATETIME_CHARS + 1] = {0};
        uint64_t second = day * 86400 + day * 7919 % 86400;
        uint64_t back = 0;
        sigv4_datetime_encode(second, text);
        assert_true(decode(text, &back));
        assert_int_equal(back, second);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "20250615",
        "20250615T120000",
        "20250615T120000Z0",
        "20250615 120000Z",
        "20250615t120000Z",
        "20250615T120000z",
        "2025-06-15T12:00",
        "20251315T120000Z",
        "20250015T120000Z",
        "20250600T120000Z",
        "20250631T120000Z",
        "20250229T120000Z",
        "21000229T120000Z",
        "20250615T240000Z",
        "20250615T126000Z",
        "20250615T120060Z",
        "19691231T235959Z",
        "00000101T000000Z",
        "2025061 T120000Z",
        "+0250615T120000Z",
        "2025061\xb5T120000Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t unix_time_s;
        if (decode(texts[i], &unix_time_s)) fail_msg("'%s' is taken for a date", texts[i]);
    }
}

static void names_are_compared_without_the_case_of_ascii_letters(void **state)
{
    (void)state;
    struct http_span name = {"x-Amz-Date", 10};
    assert_true(sigv4_is_same_name(name, (struct http_span){"X-aMZ-dATE", 10}));
    assert_false(sigv4_is_same_name(name, (struct http_span){"x-amz-dat", 9}));
    assert_false(sigv4_is_same_name(name, (struct http_span){"x-amz-datf", 10}));
    assert_false(sigv4_is_same_name((struct http_span){"@[`{", 4}, (struct http_span){"`{@[", 4}));
}

static void a_scope_is_day_region_service_and_end(void **state)
{
    (void)state;
    char scope[SIGV4_SCOPE_CHARS_MAX + 1] = {0};
    size_t chars = sigv4_scope_encode(DATETIME, span_text(REGION), scope);
    assert_string_equal(scope, "20250615/garage/k2v/aws4_request");
    assert_int_equal(chars, strlen(scope));
    char region[SIGV4_REGION_CHARS_MAX];
    memset(region, 'r', sizeof region);
    assert_int_equal(sigv4_scope_encode(DATETIME, span_of(region, sizeof region), scope), SIGV4_SCOPE_CHARS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signing_key_is_the_one_of_the_vectors),
        cmocka_unit_test(secrets_of_any_length_make_a_key),
        cmocka_unit_test(vector_a_get_with_header),
        cmocka_unit_test(vector_b_put_of_keys_beyond_ascii),
        cmocka_unit_test(vector_c_presigned),
        cmocka_unit_test(vector_d_keyword_with_or_without_equals_sign),
        cmocka_unit_test(vector_e_signed_chunks),
        cmocka_unit_test(other_ways_to_write_the_path_give_other_signatures),
        cmocka_unit_test(the_query_is_sorted_as_finished_texts),
        cmocka_unit_test(the_path_is_neither_decoded_nor_normalised),
        cmocka_unit_test(an_empty_path_counts_as_a_slash),
        cmocka_unit_test(only_the_named_parameter_is_left_out),
        cmocka_unit_test(a_signed_name_that_is_no_header_is_refused),
        cmocka_unit_test(without_memory_to_sort_there_is_no_hash),
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(every_day_for_centuries_comes_back),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(names_are_compared_without_the_case_of_ascii_letters),
        cmocka_unit_test(a_scope_is_day_region_service_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
