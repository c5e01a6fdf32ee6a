/* What a request may say of its own signature, and how it may not say it (reference 5.3, 5.5). */
#include "tests/node/request/asking.h"

static void parts_come_in_any_order_with_or_without_blanks(void **state)
{
    (void)state;
    static const char *const values[] = {
        "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=" USUAL ", Signature=SIGNATURE",
        "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE",
        "AWS4-HMAC-SHA256   Signature=SIGNATURE\t,  " CREDENTIAL "  ,SignedHeaders=" USUAL,
        "AWS4-HMAC-SHA256 Future=1,SignedHeaders=" USUAL ",credential=x,Note=~\t~," CREDENTIAL
        ",Signature=SIGNATURE,Future=",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        expect_allowed(begin_authorized(values[i]));
    }
}

static void a_malformed_authorization_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *about;
    } cases[] = {
        {"", "does not begin with"},
        {"AWS4-HMAC-SHA256", "does not begin with"},
        {"AWS4-HMAC-SHA512 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE", "does not begin with"},
        {"aws4-hmac-sha256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE", "does not begin with"},
        {"AWS4-HMAC-SHA256\t" CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE", "does not begin with"},
        {"Basic R0s6c2VjcmV0", "does not begin with"},
        {"AWS4-HMAC-SHA256 ", "no '='"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE,", "no '='"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",word,SignedHeaders=" USUAL ",Signature=SIGNATURE", "no '='"},
        {"AWS4-HMAC-SHA256 SignedHeaders=" USUAL ",Signature=SIGNATURE", "needs Credential"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",Signature=SIGNATURE", "needs Credential"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL, "needs Credential"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",signedheaders=" USUAL ",Signature=SIGNATURE", "needs Credential"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL "," CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE", "twice"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE,Signature=00", "twice"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID ",SignedHeaders=" USUAL ",Signature=SIGNATURE", "key id"},
        {"AWS4-HMAC-SHA256 Credential=/20250615/garage/k2v/aws4_request,SignedHeaders=" USUAL
         ",Signature=SIGNATURE",
         "key id"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=", "64 hex digits"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=SIGNATURE0", "64 hex digits"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ",Signature=xSIGNATURE", "64 hex digits"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=,Signature=SIGNATURE", "list of header names"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ";,Signature=SIGNATURE", "list of header names"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=;" USUAL ",Signature=SIGNATURE", "list of header names"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=a b;" USUAL ",Signature=SIGNATURE",
         "list of header names"},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=" USUAL ";Host,Signature=SIGNATURE", "names Host twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_invalid(begin_authorized(cases[i].value), cases[i].about);
    }
}

static void key_ids_longer_than_the_bound_are_refused(void **state)
{
    (void)state;
    for (size_t length = AUTH_KEY_ID_CHARS_MAX; length <= AUTH_KEY_ID_CHARS_MAX + 1; length++) {
        char key_id[AUTH_KEY_ID_CHARS_MAX + 2] = "";
        memset(key_id, 'G', length);
        struct client *client = begin_usual();
        client_authorize_as(client, key_id, SECRET, "20250615/garage/k2v/aws4_request", USUAL);
        if (length > AUTH_KEY_ID_CHARS_MAX) {
            expect_invalid(client, "more than 128");
        } else {
            expect_denied(client);
        }
    }
}

static void more_than_100_signed_names_are_refused(void **state)
{
    (void)state;
    for (unsigned count = 97; count <= 98; count++) {
        char list[2048] = USUAL;
        struct client *client = begin_usual();
        for (unsigned i = 0; i < count; i++) {
            char name[16];
            snprintf(name, sizeof name, ";n%u", i);
            strcat(list, name);
            if (i < 96) client_add(client, name + 1, "v"); /* 100 headers with Authorization */
        }
        char value[4096];
        snprintf(value, sizeof value,
                 "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=%s,Signature=" HASH_OF_NOTHING, list);
        client_add(client, "Authorization", value);
        expect_invalid(client, count == 97 ? "signed header n96 is missing" : "more than 100");
    }
}

static void a_signature_in_upper_case_is_accepted(void **state)
{
    (void)state;
    struct client *client = begin_signed();
    char value[1024];
    snprintf(value, sizeof value, "%s", client_value(client, "authorization"));
    for (char *at = strstr(value, "Signature=") + strlen("Signature="); *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'f') *at = (char)(*at - 'a' + 'A');
    }
    client_change(client, "authorization", value);
    expect_allowed(client);
}

static void signed_names_are_lowered_and_sorted_by_the_server(void **state)
{
    (void)state;
    expect_allowed(begin_authorized("AWS4-HMAC-SHA256 " CREDENTIAL
                                    ",SignedHeaders=x-amz-date;Host;X-Amz-Content-SHA256,Signature=SIGNATURE"));
    static const char *const names[] = {"A", "Z", "M"}; /* the alphabet's ends are letters too */
    for (size_t i = 0; i < 3; i++) {
        char hex[65];
        char value[1024];
        char list[128];
        struct client *client = begin_usual();
        client_add(client, names[i], "v");
        snprintf(list, sizeof list, "%c;" USUAL, names[i][0] - 'A' + 'a');
        client_signature(client, SECRET, DATETIME, list, HASH_OF_NOTHING, hex);
        snprintf(value, sizeof value, "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=%s;" USUAL ",Signature=%s",
                 names[i], hex);
        client_add(client, "Authorization", value);
        expect_allowed(client);
    }
}

static void mandatory_headers_are_missed(void **state)
{
    (void)state;
    struct client *client = begin_signed();
    client_change(client, "x-amz-date", NULL);
    client_add(client, "Date", "Sun, 15 Jun 2025 12:00:00 GMT"); /* never used */
    expect_invalid(client, "x-amz-date is missing");
    client = begin_signed();
    client_change(client, "x-amz-content-sha256", NULL);
    expect_invalid(client, "x-amz-content-sha256 is missing");
}

static void headers_read_as_text_must_be_visible_ascii(void **state)
{
    (void)state;
    static const char *const names[] = {"authorization", "x-amz-date", "x-amz-content-sha256"};
    for (size_t i = 0; i < 3; i++) {
        struct client *client = begin_signed();
        char value[1024];
        snprintf(value, sizeof value, "%s\xc3\xa9", client_value(client, names[i]));
        client_change(client, names[i], value);
        expect_refused_at(client, NOW_S, 400, "InvalidHeaderValue", names[i]);
    }
}

static void every_presigned_parameter_is_needed_once(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256", PRESIGNED_CREDENTIAL,
        ("&X-Amz-Date=" DATETIME),           "&X-Amz-Expires=3600",
        "&X-Amz-SignedHeaders=host",
    };
    for (size_t skipped = 1; skipped < 5; skipped++) {
        char query[1024] = "";
        for (size_t i = 0; i < 5; i++) {
            if (i != skipped) strcat(query, parts[i]);
        }
        expect_invalid(begin_presigned(query), "is missing");
    }
    for (size_t doubled = 0; doubled < 5; doubled++) {
        char query[1024] = PRESIGNED_QUERY;
        strcat(query, parts[doubled]);
        expect_invalid(begin_presigned(query), "given twice");
    }
    struct client *client = begin_presigned(PRESIGNED_QUERY);
    char target[1024];
    snprintf(target, sizeof target, "%s&x-amz-signature=00", client->head.target.at);
    client_retarget(client, target);
    expect_invalid(client, "given twice");
}

static void malformed_presigned_parameters_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *code;
        const char *about;
    } cases[] = {
        {"&X-Amz-Algorithm=AWS4-HMAC-SHA512" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
         "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host",
         "InvalidRequest", "Algorithm"},
        {"&X-Amz-Algorithm=" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
         "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host",
         "InvalidRequest", "Algorithm"},
        {"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=&X-Amz-Date=" DATETIME
         "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host",
         "InvalidRequest", "key id"},
        {"&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL
         "&X-Amz-Date=&X-Amz-Expires=3600&X-Amz-SignedHeaders=host",
         "InvalidRequest", "no date"},
        {"&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
         "&X-Amz-Expires=3600&X-Amz-SignedHeaders=",
         "InvalidRequest", "SignedHeaders"},
        {"&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME
         "&X-Amz-Expires=3600&X-Amz-SignedHeaders=accept",
         "InvalidRequest", "host must be signed"},
        {"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY_ID
         "%2F20250615%2Fgarage%2Fs3%2Faws4_request&X-Amz-Date=" DATETIME
         "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host",
         "AuthorizationHeaderMalformed", "scope"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_refused_at(begin_presigned(cases[i].query), NOW_S, 400, cases[i].code, cases[i].about);
    }
    expect_invalid(begin_vector_c(""), "64 hex digits");
    expect_invalid(begin_vector_c("4d59df0b8bc8412da5d91b29d9a051a0de0e97ae9b3d20aa8634897eff3ba91"), "64 hex");
}

static void an_expiry_that_is_no_number_up_to_a_week_is_refused(void **state)
{
    (void)state;
    static const char *const expiries[] = {"",
                                           "604801",
                                           "-1",
                                           "%2B1",
                                           "1.0",
                                           "1e3",
                                           "0x10",
                                           "+1",
                                           "1+",
                                           "18446744073709551616",
                                           "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        expect_invalid(begin_expiring(expiries[i]), "X-Amz-Expires");
    }
}

static void an_amz_parameter_must_hold_what_a_header_can(void **state)
{
    (void)state;
    expect_invalid(begin_presigned(PRESIGNED_QUERY "&x-amz-meta=a%0Ahost:evil"), "control characters");
    expect_invalid(begin_presigned(PRESIGNED_QUERY "&x-amz-meta=%00"), "control characters");
    expect_invalid(begin_presigned(PRESIGNED_QUERY "&x-amz-meta=%7F"), "control characters");
    expect_allowed(begin_presigned(PRESIGNED_QUERY "&x-amz-meta=%09%C3%A9&other=%00%0A"));
}

static void long_foreign_names_do_not_break_the_message(void **state)
{
    (void)state;
    char target[2048] = "/b/k?sort_key=s&";
    size_t used = strlen(target);
    for (size_t i = 0; i < 300; i++) {
        memcpy(target + used, i % 2 ? "%01" : "%7F", 3);
        used += 3;
    }
    memcpy(target + used, "=1", 3);
    struct client *client = client_begin("GET", target);
    client_add_usual(client, HASH_OF_NOTHING);
    client_authorize(client, USUAL);
    expect_invalid(client, "?\?\?' is not made of the characters of a header name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_in_any_order_with_or_without_blanks),
        cmocka_unit_test(a_malformed_authorization_is_refused),
        cmocka_unit_test(key_ids_longer_than_the_bound_are_refused),
        cmocka_unit_test(more_than_100_signed_names_are_refused),
        cmocka_unit_test(a_signature_in_upper_case_is_accepted),
        cmocka_unit_test(signed_names_are_lowered_and_sorted_by_the_server),
        cmocka_unit_test(mandatory_headers_are_missed),
        cmocka_unit_test(headers_read_as_text_must_be_visible_ascii),
        cmocka_unit_test(every_presigned_parameter_is_needed_once),
        cmocka_unit_test(malformed_presigned_parameters_are_refused),
        cmocka_unit_test(an_expiry_that_is_no_number_up_to_a_week_is_refused),
        cmocka_unit_test(an_amz_parameter_must_hold_what_a_header_can),
        cmocka_unit_test(long_foreign_names_do_not_break_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
