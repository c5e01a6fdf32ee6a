/* Who is let in: the rules of both modes, one a test (reference 4, 5.2 to 5.4; H29). */
#include "tests/node/request/asking.h"

/* ---- vectors ---- */

static struct client *begin_vector_a(void)
{
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add_usual(client, HASH_OF_NOTHING);
    client_add(client, "Accept", "application/octet-stream, application/json");
    client_add(client, "Authorization",
               "AWS4-HMAC-SHA256 Credential=GK0123456789abcdef01234567/20250615/garage/k2v/aws4_request, "
               "SignedHeaders=accept;host;x-amz-content-sha256;x-amz-date, "
               "Signature=d9ed36ba760d2cdbb1c1919fa886138bd72b306bb975b9ebaa45018b3c8d989a");
    return client;
}

static void vector_a_is_allowed(void **state)
{
    (void)state;
    struct client *client = begin_vector_a();
    struct auth_answer answer = ask_at(client, NOW_S);
    uint8_t hash[HASH_SHA256_BYTES];
    assert_true(hash_unhex(span_text(HASH_OF_NOTHING), hash, sizeof hash));
    assert_true(answer.is_allowed);
    assert_int_equal(answer.payload.mode, AUTH_PAYLOAD_HASH);
    assert_memory_equal(answer.payload.hash, hash, sizeof hash);
    static const uint8_t nothing[HASH_SHA256_BYTES] = {0};
    assert_memory_equal(answer.payload.signing_key, nothing, sizeof nothing); /* no key where none is needed */
    client_end(client);
}

static struct client *begin_vector_b(const char *signature)
{
    char value[512];
    struct client *client = client_begin("PUT",
                                         "/mails/root%40pl%C3%A9pp?sort_key=%E2%89%A4%E2%89%A4%C2%AB%C2%AB");
    client_add_usual(client, "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3");
    client_add(client, "X-Garage-Causality-Token", "CgsNmn165hAKCwwNDg8QEQAAAZdzdfYB");
    snprintf(value, sizeof value,
             "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ";x-garage-causality-token,Signature=%s",
             signature);
    client_add(client, "Authorization", value);
    return client;
}

static void vector_b_is_allowed_and_its_wrong_results_are_not(void **state)
{
    (void)state;
    expect_allowed(begin_vector_b("8e2157d338388847cc90402297a1f8da5e3a20e5b3a3ba09461553de7e9fa529"));
    expect_denied(begin_vector_b("2b2854d7ad83f03da269904af6bb4521618cc0c54f85a97b7bee451c0b05beda"));
    expect_denied(begin_vector_b("5f1120e777d3ecad696f49a559ba6f7b6474bc981c9aeecacbe49a8d11d751b7"));
}

static void vector_d_is_allowed(void **state)
{
    (void)state;
    static const char *const targets[] = {"/mails?search", "/mails?search="};
    for (size_t i = 0; i < 2; i++) {
        struct client *client = client_begin("POST", targets[i]);
        client_add_usual(client, "c14c2328806be2a3125967615305aa30e93ec95a0a215dfac80b4b5da70ea4fe");
        client_add(client, "Authorization",
                   "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=" USUAL
                   ", Signature=26574ca9cf7cd4ad0df2525187e03752875666b19fe03781e3b455cf85f10731");
        expect_allowed(client);
    }
}

/* ---- what must be there, and be signed ---- */

static void host_must_be_signed(void **state)
{
    (void)state;
    struct client *client = begin_usual();
    client_authorize(client, "x-amz-content-sha256;x-amz-date");
    expect_invalid(client, "host must be signed");
}

static void every_amz_header_must_be_signed(void **state)
{
    (void)state;
    struct client *client = begin_usual();
    client_authorize(client, "host;x-amz-content-sha256");
    expect_invalid(client, "X-Amz-Date must be signed");
    client = begin_usual();
    client_authorize(client, "host;x-amz-date");
    expect_invalid(client, "x-amz-content-sha256 must be signed");
    client = begin_usual();
    client_add(client, "X-AMZ-Security-Token", "token");
    client_authorize(client, USUAL);
    expect_invalid(client, "X-AMZ-Security-Token must be signed");
    client = begin_usual();
    client_add(client, "x-amz-", "nameless");
    client_authorize(client, USUAL);
    expect_invalid(client, "x-amz- must be signed");
    client = begin_usual();
    client_add(client, "X-AMZ-Security-Token", "token");
    client_authorize(client, USUAL ";x-amz-security-token");
    expect_allowed(client);
}

static void other_headers_may_be_unsigned_given_twice_and_changed(void **state)
{
    (void)state;
    struct client *client = begin_signed();
    client_add(client, "accept", "*/*");
    client_add(client, "accept", "application/json");
    client_add(client, "x-garage-causality-token", "AAAAAAAAAAA");
    client_add(client, "x-amzn-trace-id", "1"); /* not x-amz- */
    client_add_bytes(client, "user-agent", "\xff\xfe", 2);
    expect_allowed(client);
}

static void a_signed_header_that_is_absent_is_refused(void **state)
{
    (void)state;
    struct client *client = begin_usual();
    client_add(client, "accept", "*/*");
    client_authorize(client, "accept;" USUAL);
    client_change(client, "accept", NULL);
    expect_invalid(client, "signed header accept is missing");
}

static void a_signed_header_given_twice_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"host", "x-amz-date", "X-Amz-Content-Sha256"};
    for (size_t i = 0; i < 3; i++) {
        struct client *client = begin_signed();
        client_add(client, names[i], client_value(client, names[i]));
        expect_invalid(client, "is given twice");
    }
}

static void two_authorization_headers_are_refused(void **state)
{
    (void)state;
    struct client *client = begin_signed();
    client_add(client, "authorization", client_value(client, "authorization"));
    expect_invalid(client, "authorization is given twice");
}

static void inner_blanks_of_a_value_are_part_of_it(void **state)
{
    (void)state;
    struct client *client = begin_usual();
    client_add(client, "x-amz-note", "a  b");
    client_authorize(client, USUAL ";x-amz-note");
    client_change(client, "x-amz-note", "a b");
    expect_denied(client);
}

static void signed_values_must_be_utf8(void **state)
{
    (void)state;
    struct client *client = begin_usual();
    client_add(client, "x-amz-note", "caf\xc3\xa9");
    client_authorize(client, USUAL ";x-amz-note");
    expect_allowed(client);
    client = begin_usual();
    client_add(client, "x-amz-note", "caf\xe9");
    client_authorize(client, USUAL ";x-amz-note");
    expect_refused_at(client, NOW_S, 400, "InvalidUtf8String", "x-amz-note");
}

/* ---- time ---- */

static void a_date_beyond_the_skew_is_refused_either_way(void **state)
{
    (void)state;
    expect_allowed_at(begin_signed(), NOW_S + SKEW_S);
    expect_allowed_at(begin_signed(), NOW_S - SKEW_S);
    expect_refused_at(begin_signed(), NOW_S + SKEW_S + 1, 400, "InvalidRequest", "in the past");
    expect_refused_at(begin_signed(), NOW_S - SKEW_S - 1, 400, "InvalidRequest", "in the future");
    expect_refused_at(begin_signed(), UINT64_MAX, 400, "InvalidRequest", "in the past");
    expect_refused_at(begin_signed(), 0, 400, "InvalidRequest", "in the future");
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const dates[] = {"", "20250615", "Sun, 15 Jun 2025 12:00:00 GMT", "20250631T120000Z"};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        struct client *client = begin_signed();
        client_change(client, "x-amz-date", dates[i]);
        expect_invalid(client, "is no date");
    }
}

/* ---- scope, key, signature ---- */

static void a_foreign_scope_is_refused_even_when_rightly_signed(void **state)
{
    (void)state;
    static const char *const scopes[] = {
        "20250614/garage/k2v/aws4_request",  "20250615/us-east-1/k2v/aws4_request",
        "20250615/garage/s3/aws4_request",   "20250615/garage/k2v/aws4",
        "20250615/garage/k2v/aws4_request/", "20250615/garage/k2v",
        "20250615/Garage/k2v/aws4_request",  "",
        "/20250615/garage/k2v/aws4_request",
    };
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        struct client *client = begin_usual();
        client_authorize_as(client, KEY_ID, SECRET, scopes[i], USUAL);
        expect_refused_at(client, NOW_S, 400, "AuthorizationHeaderMalformed", "garage/k2v/aws4_request");
    }
}

/* H29: one answer for both, to the byte. */
static void an_unknown_key_and_a_wrong_signature_have_one_answer(void **state)
{
    (void)state;
    struct client *unknown = begin_signed_as("GK0123456789abcdef01234568", SECRET);
    struct client *wrong = begin_signed_as(KEY_ID,
                                           "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    struct auth_answer a = ask_at(unknown, NOW_S);
    struct auth_answer b = ask_at(wrong, NOW_S);
    assert_false(a.is_allowed);
    assert_int_equal(a.status, 403);
    assert_string_equal(a.code, "AccessDenied");
    assert_int_equal(a.status, b.status);
    assert_string_equal(a.code, b.code);
    assert_string_equal(a.message, b.message);
    assert_null(a.key_id.bytes);
    assert_null(b.key_id.bytes);
    client_end(unknown);
    client_end(wrong);
}

/* The work is the same as well, whether the key was asked for before or not, and its owner has none again. */
static void a_refusal_costs_the_same_for_any_key(void **state)
{
    (void)state;
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    struct client *clients[] = {
        begin_signed_as("GKunknown", SECRET), begin_signed_as("GKunknown", SECRET),
        begin_signed_as("GKanother", SECRET), begin_signed_as(KEY_ID, "wrong"),
        begin_signed_as(KEY_ID, "wrong"),     begin_signed_as("GKunknown", SECRET),
    };
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        opened_count = 0;
        assert_false(ask_with(clients[i], SECRET, NOW_S, cache).is_allowed);
        assert_int_equal(opened_count, 1);
        client_end(clients[i]);
    }
    struct client *right = begin_signed();
    opened_count = 0;
    assert_true(ask_with(right, SECRET, NOW_S, cache).is_allowed);
    assert_int_equal(opened_count, 0);
    client_end(right);
    free(cache);
}

/* The secret that stands in for an unknown key's is known to all who read the source. */
static void knowing_the_stand_in_secret_does_not_help(void **state)
{
    (void)state;
    expect_denied(
        begin_signed_as("GKunknown", "0000000000000000000000000000000000000000000000000000000000000000"));
    expect_denied(begin_signed_as("GKunknown", ""));
}

static void a_key_with_an_empty_secret_lets_nobody_in(void **state)
{
    (void)state;
    struct client *client = begin_signed_as(KEY_ID, "");
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    assert_false(ask_with(client, "", NOW_S, cache).is_allowed);
    free(cache);
    client_end(client);
}

static void what_is_signed_cannot_be_changed(void **state)
{
    (void)state;
    struct client *client = begin_signed();
    client->head.method = (struct http_span){"PUT", 3};
    expect_denied(client);
    client = begin_signed();
    client_retarget(client, "/mails/mailboxes?sort_key=INBOXES");
    expect_denied(client);
    client = begin_signed();
    client_retarget(client, "/mails/mailboxes?sort_key=INBOX&x=");
    expect_denied(client);
    client = begin_signed();
    client_retarget(client, "/mail/mailboxes?sort_key=INBOX");
    expect_denied(client);
    client = begin_signed();
    client_retarget(client, "/mails//mailboxes?sort_key=INBOX");
    expect_denied(client);
    client = begin_signed();
    client_change(client, "host", "k2v.example.org");
    expect_denied(client);
    client = begin_signed();
    client_change(client, "x-amz-date", "20250615T120001Z");
    expect_denied(client);
    client = begin_signed();
    client_change(client, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    expect_denied(client);
}

/* ---- query parameters, both modes (5.4) ---- */

static void parameter_names_must_be_those_of_headers_and_unique(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *about;
    } cases[] = {
        {"&=x", "header name"},        {"&a+b=1", "header name"},     {"&caf%C3%A9=1", "header name"},
        {"&a%00=1", "header name"},    {"&a%2Fb=1", "header name"},   {"&a=1&A=2", "'A' is given twice"},
        {"&sort_key=", "given twice"}, {"&SORT_KEY=", "given twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char target[256];
        snprintf(target, sizeof target, "/mails/mailboxes?sort_key=INBOX%s", cases[i].query);
        struct client *client = client_begin("GET", target);
        client_add_usual(client, HASH_OF_NOTHING);
        client_authorize(client, USUAL);
        expect_invalid(client, cases[i].about);
        char query[1024];
        snprintf(query, sizeof query, "%s%s", cases[i].query, PRESIGNED_QUERY);
        expect_invalid(begin_presigned(query), cases[i].about);
    }
    expect_invalid(client_begin("GET", "/mails/mailboxes?sort_key=INBOX&x-amz-algorithm=&a+b="), "header name");
}

static void an_unknown_parameter_is_signed_like_any_other(void **state)
{
    (void)state;
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX&%21%23%24%25%27*-.%5E_%60%7C~=1");
    client_add_usual(client, HASH_OF_NOTHING);
    client_authorize(client, USUAL);
    expect_allowed(client);
}

/* ---- no signature ---- */

static void an_anonymous_request_is_denied(void **state)
{
    (void)state;
    expect_refused_at(client_begin("GET", "/b"), NOW_S, 403, "AccessDenied", "not signed");
    expect_refused_at(begin_usual(), NOW_S, 403, "AccessDenied", "not signed");
    expect_refused_at(client_begin("GET", "/b?a=1&A=2"), NOW_S, 403, "AccessDenied", "not signed");
    struct client *client = client_begin("GET", "/b?X-Amz-Signature=00&X-Amz-Date=" DATETIME);
    expect_refused_at(client, NOW_S, 403, "AccessDenied", "not signed");
}

static void an_anonymous_request_is_refused_first_for_what_is_malformed(void **state)
{
    (void)state;
    struct client *client = client_begin("GET", "/b");
    client_add(client, "x-amz-content-sha256", "nonsense");
    expect_invalid(client, "known form of payload");
    client = client_begin("GET", "/b");
    client_add(client, "x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    expect_invalid(client, "x-amz-trailer is missing");
    client = client_begin("GET", "/b");
    client_add(client, "x-amz-content-sha256", "\x80");
    expect_refused_at(client, NOW_S, 400, "InvalidHeaderValue", "x-amz-content-sha256");
}

/* ---- which error wins (reference 4): each request has two faults, and the first of the list is told ---- */

static void refusals_come_in_the_order_of_the_reference(void **state)
{
    (void)state;
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX&a=1&A=1");
    client_add_usual(client, HASH_OF_NOTHING);
    client_add(client, "authorization", "nonsense");
    expect_invalid(client, "given twice");

    client = begin_authorized("AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=x-amz-date");
    expect_refused_at(client, NOW_S + 100000, 400, "InvalidRequest", "needs Credential");

    client = begin_usual();
    client_authorize(client, "x-amz-date");
    expect_refused_at(client, NOW_S + 100000, 400, "InvalidRequest", "in the past");

    client = begin_usual();
    client_authorize_as(client, KEY_ID, SECRET, "wrong", "x-amz-date");
    expect_invalid(client, "must be signed");

    client = begin_usual();
    client_authorize_as(client, "GKunknown", "wrong", "wrong", USUAL);
    expect_refused_at(client, NOW_S, 400, "AuthorizationHeaderMalformed", "scope");

    client = begin_payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    client_authorize_as(client, KEY_ID, "wrong", "20250615/garage/k2v/aws4_request", USUAL);
    expect_denied(client);
}

/* ---- the cache ---- */

static void the_cached_key_is_used_and_no_other_is_made(void **state)
{
    (void)state;
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    struct client *client = begin_signed();
    assert_true(ask_with(client, SECRET, NOW_S, cache).is_allowed);
    size_t used = 0;
    for (size_t i = 0; i < SIGNING_SLOTS; i++) {
        if (cache->slots[i].label_bytes == 0) continue;
        used++;
        cache->slots[i].key[0] ^= 1;
    }
    assert_int_equal(used, 1);
    assert_false(ask_with(client, SECRET, NOW_S, cache).is_allowed); /* it believes the slot that was changed */
    free(cache);
    client_end(client);
}

static void a_changed_secret_needs_no_flush(void **state)
{
    (void)state;
    static const char other[] = "11112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    struct client *before = begin_signed();
    struct client *after = begin_signed_as(KEY_ID, other);
    for (int round = 0; round < 3; round++) {
        assert_true(ask_with(before, SECRET, NOW_S, cache).is_allowed);
        assert_false(ask_with(after, SECRET, NOW_S, cache).is_allowed);
        assert_false(ask_with(before, other, NOW_S, cache).is_allowed);
        assert_true(ask_with(after, other, NOW_S, cache).is_allowed);
    }
    free(cache);
    client_end(before);
    client_end(after);
}

/* Far more key ids than slots: collisions cost time, never the answer. */
static void a_full_cache_gives_the_same_answers(void **state)
{
    (void)state;
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    struct client *right = begin_signed();
    for (int i = 0; i < 1000; i++) {
        char key_id[32];
        snprintf(key_id, sizeof key_id, "GK%d", i);
        struct client *unknown = begin_signed_as(key_id, SECRET);
        assert_false(ask_with(unknown, SECRET, NOW_S, cache).is_allowed);
        assert_true(ask_with(right, SECRET, NOW_S, cache).is_allowed);
        client_end(unknown);
    }
    free(cache);
    client_end(right);
}

/* ---- memory ---- */

/* Two presigned requests; the second signs a header that only the query gives, and so needs memory of its own. */
static void without_memory_a_request_is_put_off_not_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"host", "host;x-amz-expires"};
    for (size_t i = 0; i < 2; i++) {
        int allowed = 0;
        for (size_t ceiling = 0; ceiling < 16384; ceiling += 64) {
            char query[1024];
            struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
            client_add(client, "host", HOST);
            client_add(client, "x-amz-expires", "3600");
            snprintf(query, sizeof query,
                     "&X-Amz-Algorithm=AWS4-HMAC-SHA256%s&X-Amz-Date=%s&X-Amz-Expires=3600&X-Amz-SignedHeaders=%s",
                     PRESIGNED_CREDENTIAL, DATETIME, names[i]);
            client_presign(client, DATETIME, names[i], query);
            client_change(client, "x-amz-expires", NULL);
            arena_deinit(&client->scratch);
            arena_init(&client->scratch, ceiling);
            struct auth_answer answer = ask_at(client, NOW_S);
            allowed += answer.is_allowed;
            if (!answer.is_allowed) {
                assert_int_equal(answer.status, 503);
                assert_string_equal(answer.code, "ServiceUnavailable");
            }
            client_end(client);
        }
        assert_true(allowed > 0 && allowed < 256);
    }
}

static void without_memory_for_a_lower_case_name_a_request_is_put_off(void **state)
{
    (void)state;
    struct client *client = begin_authorized(
        "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=HOST;x-amz-content-sha256;x-amz-date,Signature=SIGNATURE");
    arena_deinit(&client->scratch);
    arena_init(&client->scratch, 0);
    expect_refused_at(client, NOW_S, 503, "ServiceUnavailable", "memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_a_is_allowed),
        cmocka_unit_test(vector_b_is_allowed_and_its_wrong_results_are_not),
        cmocka_unit_test(vector_d_is_allowed),
        cmocka_unit_test(host_must_be_signed),
        cmocka_unit_test(every_amz_header_must_be_signed),
        cmocka_unit_test(other_headers_may_be_unsigned_given_twice_and_changed),
        cmocka_unit_test(a_signed_header_that_is_absent_is_refused),
        cmocka_unit_test(a_signed_header_given_twice_is_refused),
        cmocka_unit_test(two_authorization_headers_are_refused),
        cmocka_unit_test(inner_blanks_of_a_value_are_part_of_it),
        cmocka_unit_test(signed_values_must_be_utf8),
        cmocka_unit_test(a_date_beyond_the_skew_is_refused_either_way),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(a_foreign_scope_is_refused_even_when_rightly_signed),
        cmocka_unit_test(an_unknown_key_and_a_wrong_signature_have_one_answer),
        cmocka_unit_test(a_refusal_costs_the_same_for_any_key),
        cmocka_unit_test(knowing_the_stand_in_secret_does_not_help),
        cmocka_unit_test(a_key_with_an_empty_secret_lets_nobody_in),
        cmocka_unit_test(what_is_signed_cannot_be_changed),
        cmocka_unit_test(parameter_names_must_be_those_of_headers_and_unique),
        cmocka_unit_test(an_unknown_parameter_is_signed_like_any_other),
        cmocka_unit_test(an_anonymous_request_is_denied),
        cmocka_unit_test(an_anonymous_request_is_refused_first_for_what_is_malformed),
        cmocka_unit_test(refusals_come_in_the_order_of_the_reference),
        cmocka_unit_test(the_cached_key_is_used_and_no_other_is_made),
        cmocka_unit_test(a_changed_secret_needs_no_flush),
        cmocka_unit_test(a_full_cache_gives_the_same_answers),
        cmocka_unit_test(without_memory_a_request_is_put_off_not_refused),
        cmocka_unit_test(without_memory_for_a_lower_case_name_a_request_is_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
