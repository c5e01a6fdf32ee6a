/* Presigned requests, one rule a test (reference 5.5). */
#include "tests/node/request/asking.h"

static void vector_c_is_allowed_and_its_wrong_result_is_not(void **state)
{
    (void)state;
    struct client *client = begin_vector_c("4d59df0b8bc8412da5d91b29d9a051a0de0e97ae9b3d20aa8634897eff3ba91c");
    struct auth_answer answer = ask_at(client, NOW_S + 60);
    assert_true(answer.is_allowed);
    assert_int_equal(answer.payload.mode, AUTH_PAYLOAD_UNSIGNED);
    client_end(client);
    expect_denied(begin_vector_c("09b9df1a66e08b4ae53bffb08b8f2d28f4582f9f72d0e94bd45f4a6eb1d1ef5d"));
}

static void a_presigned_request_of_any_method_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *target;
    } cases[] = {{"GET", "/b/k?sort_key=s"},
                 {"PUT", "/b/k?sort_key=s"},
                 {"DELETE", "/b/k?sort_key=s"},
                 {"POST", "/b?search"},
                 {"SEARCH", "/b?x=y"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *client = client_begin(cases[i].method, cases[i].target);
        client_add(client, "host", HOST);
        client_presign(client, DATETIME, "host", PRESIGNED_QUERY);
        expect_allowed(client);
    }
}

static void presigned_names_are_found_in_any_case_but_signed_as_sent(void **state)
{
    (void)state;
    expect_allowed(begin_presigned("&x-amz-algorithm=AWS4-HMAC-SHA256&x-amz-credential=" KEY_ID
                                   "%2F20250615%2Fgarage%2Fk2v%2Faws4_request&X-AMZ-DATE=" DATETIME
                                   "&x-amz-EXPIRES=3600&x-amz-signedheaders=Host"));
    struct client *client = begin_presigned(PRESIGNED_QUERY);
    char target[1024];
    snprintf(target, sizeof target, "%s", client->head.target.at);
    memcpy(strstr(target, "X-Amz-Date"), "x-amz-date", 10);
    client_retarget(client, target);
    expect_denied(client);
}

static void a_presigned_request_ignores_the_authorization_header(void **state)
{
    (void)state;
    struct client *client = begin_presigned(PRESIGNED_QUERY);
    client_add(client, "authorization", "nonsense");
    expect_allowed(client);
    client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX" PRESIGNED_QUERY);
    client_add_usual(client, HASH_OF_NOTHING);
    client_authorize(client, USUAL);
    expect_invalid(client, "x-amz-signature is missing");
}

static void a_presigned_request_lives_as_long_as_it_says(void **state)
{
    (void)state;
    expect_allowed_at(begin_expiring("3600"), NOW_S + 3600);
    expect_refused_at(begin_expiring("3600"), NOW_S + 3601, 400, "InvalidRequest", "expired");
    expect_allowed_at(begin_expiring("604800"), NOW_S + 604800);
    expect_refused_at(begin_expiring("604800"), NOW_S + 604801, 400, "InvalidRequest", "expired");
    expect_allowed_at(begin_expiring("0"), NOW_S);
    expect_refused_at(begin_expiring("0"), NOW_S + 1, 400, "InvalidRequest", "expired");
    expect_refused_at(begin_expiring("60"), NOW_S + 61, 400, "InvalidRequest", "expired"); /* within the skew */
    expect_allowed_at(begin_expiring("60"), NOW_S - SKEW_S);
    expect_refused_at(begin_expiring("60"), NOW_S - SKEW_S - 1, 400, "InvalidRequest", "in the future");
    expect_allowed(begin_expiring("000000000000000000000000000060"));
}

static void amz_headers_of_a_presigned_request_must_be_signed(void **state)
{
    (void)state;
    struct client *client = begin_presigned(PRESIGNED_QUERY);
    client_add(client, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    expect_invalid(client, "x-amz-content-sha256 must be signed");
    client = begin_presigned(PRESIGNED_QUERY);
    client_add(client, "x-amz-acl", "private");
    expect_invalid(client, "x-amz-acl must be signed");
}

/* The body of a presigned request is never checked, whatever is said of it besides (5.5). */
static void a_presigned_payload_is_unsigned_whatever_else_is_said(void **state)
{
    (void)state;
    static const char *const values[] = {HASH_OF_NOTHING, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "nonsense"};
    for (size_t i = 0; i < 3; i++) {
        struct client *client = client_begin("PUT", "/mails/mailboxes?sort_key=INBOX");
        client_add(client, "host", HOST);
        client_add(client, "x-amz-content-sha256", values[i]);
        client_presign(client, DATETIME, "host;x-amz-content-sha256",
                       "&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
                       "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host;x-amz-content-sha256");
        struct auth_answer answer = ask_at(client, NOW_S);
        assert_true(answer.is_allowed);
        assert_int_equal(answer.payload.mode, AUTH_PAYLOAD_UNSIGNED);
        client_end(client);
    }
    expect_allowed(begin_presigned(PRESIGNED_QUERY "&X-Amz-Content-Sha256=" HASH_OF_NOTHING));
}

static void a_parameter_may_not_contradict_a_signed_header(void **state)
{
    (void)state;
    expect_invalid(begin_presigned("&host=other" PRESIGNED_QUERY), "host contradicts");
    expect_invalid(begin_presigned("&HOST=" PRESIGNED_QUERY), "HOST contradicts");
    expect_allowed(begin_presigned("&Host=k2v.example.org:3904" PRESIGNED_QUERY));
    expect_allowed(begin_presigned("&accept=text" PRESIGNED_QUERY)); /* not signed */
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX&host=other");
    client_add_usual(client, HASH_OF_NOTHING);
    client_authorize(client, USUAL); /* a rule of presigned requests only */
    expect_allowed(client);
}

static void an_amz_parameter_acts_as_a_header_that_may_be_signed(void **state)
{
    (void)state;
    static const char query[] = "&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
                                "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host;x-amz-meta&X-Amz-Meta=%20v%20";
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add(client, "host", HOST);
    client_add(client, "x-amz-meta", "v"); /* as a header only while it is signed */
    client_presign(client, DATETIME, "host;x-amz-meta", query);
    client_change(client, "x-amz-meta", NULL);
    expect_allowed(client);

    client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add(client, "host", HOST);
    client_add(client, "x-amz-meta", "w");
    client_presign(client, DATETIME, "host;x-amz-meta", query);
    client_change(client, "x-amz-meta", NULL);
    expect_denied(client);

    client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add(client, "host", HOST);
    client_add(client, "x-meta", "v");
    client_presign(client, DATETIME, "host;x-meta",
                   "&x-meta=v&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
                   "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host;x-meta");
    client_change(client, "x-meta", NULL);
    expect_invalid(client, "signed header x-meta is missing");

    client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add(client, "host", HOST);
    client_presign(client, DATETIME, "host",
                   "&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
                   "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host;x-amz-none");
    expect_invalid(client, "signed header x-amz-none is missing");
}

static void what_is_presigned_cannot_be_changed(void **state)
{
    (void)state;
    struct client *client = begin_presigned(PRESIGNED_QUERY);
    char target[1024];
    snprintf(target, sizeof target, "%s&more=1", client->head.target.at);
    client_retarget(client, target);
    expect_denied(client);
    client = begin_presigned(PRESIGNED_QUERY);
    snprintf(target, sizeof target, "%s", client->head.target.at);
    memcpy(strstr(target, "INBOX"), "inbox", 5);
    client_retarget(client, target);
    expect_denied(client);
    client = begin_presigned(PRESIGNED_QUERY);
    snprintf(target, sizeof target, "%s", client->head.target.at);
    memcpy(strstr(target, "Expires=3600"), "Expires=9600", 12);
    client_retarget(client, target);
    expect_denied(client);
    client = begin_presigned(PRESIGNED_QUERY);
    client_change(client, "host", "other");
    expect_denied(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_c_is_allowed_and_its_wrong_result_is_not),
        cmocka_unit_test(a_presigned_request_of_any_method_is_allowed),
        cmocka_unit_test(presigned_names_are_found_in_any_case_but_signed_as_sent),
        cmocka_unit_test(a_presigned_request_ignores_the_authorization_header),
        cmocka_unit_test(a_presigned_request_lives_as_long_as_it_says),
        cmocka_unit_test(amz_headers_of_a_presigned_request_must_be_signed),
        cmocka_unit_test(a_presigned_payload_is_unsigned_whatever_else_is_said),
        cmocka_unit_test(a_parameter_may_not_contradict_a_signed_header),
        cmocka_unit_test(an_amz_parameter_acts_as_a_header_that_may_be_signed),
        cmocka_unit_test(what_is_presigned_cannot_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
