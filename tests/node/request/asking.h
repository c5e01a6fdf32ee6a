/* Asking whether a request is authentic, and what the answer must be: shared by the tests of authentication. */
#ifndef TESTS_NODE_REQUEST_ASKING_H
#define TESTS_NODE_REQUEST_ASKING_H

#include "tests/node/request/client.h"

enum { SKEW_S = 900 };

/* The one key's secret, sealed by nothing at all. */
static inline struct span sealed_of(const void *owner, struct span key_id)
{
    const char *secret = owner;
    if (!span_is_equal(key_id, span_text(KEY_ID))) return (struct span){0};
    return span_text(secret);
}

/* How often a secret was opened, or something in place of one. */
static uint64_t opened_count;

static inline size_t open_secret(const void *owner, struct span key_id, struct span sealed,
                                 uint8_t secret[LIMITS_SECRET_CHARS_MAX])
{
    (void)owner;
    opened_count++;
    if (!span_is_equal(key_id, span_text(KEY_ID))) return 0;
    memcpy(secret, sealed.bytes, sealed.length);
    return sealed.length;
}

/* Ask as the one key's owner would be asked, at a time, with a cache. */
static inline struct auth_answer ask_with(struct client *client, const char *secret, uint64_t now_s,
                                          struct signing_cache *cache)
{
    struct auth_settings settings = {span_text(REGION), SKEW_S};
    struct auth_keys keys = {sealed_of, open_secret, secret};
    struct auth_answer answer;
    memset(&answer, 0x5a, sizeof answer);
    auth_check(&settings, &keys, cache, &client->head, &client->route, now_s, &client->scratch, &answer);
    if (answer.is_allowed) {
        assert_true(span_is_equal(answer.key_id, span_text(KEY_ID)));
    } else {
        assert_true(answer.status == 400 || answer.status == 403 || answer.status == 503);
        assert_non_null(answer.code);
        assert_true(strlen(answer.message) > 0);
        for (const char *at = answer.message; *at != '\0'; at++) {
            assert_true(*at >= 0x20 && *at < 0x7f);
        }
    }
    return answer;
}

static inline struct auth_answer ask_at(struct client *client, uint64_t now_s)
{
    struct signing_cache *cache = calloc(1, sizeof *cache);
    assert_non_null(cache);
    struct auth_answer answer = ask_with(client, SECRET, now_s, cache);
    free(cache);
    return answer;
}

/* Each of these ends the client. */
static inline void expect_allowed_at(struct client *client, uint64_t now_s)
{
    struct auth_answer answer = ask_at(client, now_s);
    if (!answer.is_allowed) fail_msg("refused: %d %s, %s", answer.status, answer.code, answer.message);
    client_end(client);
}

static inline void expect_allowed(struct client *client)
{
    expect_allowed_at(client, NOW_S);
}

/* `about`: what the message must speak of. */
static inline void expect_refused_at(struct client *client, uint64_t now_s, int status, const char *code,
                                     const char *about)
{
    struct auth_answer answer = ask_at(client, now_s);
    if (answer.is_allowed) fail_msg("allowed, instead of %d %s about %s", status, code, about);
    if (strstr(answer.message, about) == NULL) fail_msg("'%s' does not speak of '%s'", answer.message, about);
    assert_string_equal(answer.code, code);
    assert_int_equal(answer.status, status);
    client_end(client);
}

static inline void expect_invalid(struct client *client, const char *about)
{
    expect_refused_at(client, NOW_S, 400, "InvalidRequest", about);
}

static inline void expect_denied(struct client *client)
{
    expect_refused_at(client, NOW_S, 403, "AccessDenied", "the key is not known or the signature is not right");
}

#define USUAL "host;x-amz-content-sha256;x-amz-date"

#define CREDENTIAL           "Credential=" KEY_ID "/20250615/garage/k2v/aws4_request"
#define PRESIGNED_CREDENTIAL "&X-Amz-Credential=" KEY_ID "%2F20250615%2Fgarage%2Fk2v%2Faws4_request"
#define PRESIGNED_QUERY                                                                                           \
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256" PRESIGNED_CREDENTIAL "&X-Amz-Date=" DATETIME "&X-Amz-Expires=3600"        \
    "&X-Amz-SignedHeaders=host"

/* A GET with the usual headers, not signed yet. */
static inline struct client *begin_usual(void)
{
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add_usual(client, HASH_OF_NOTHING);
    return client;
}

/* The same, rightly signed. */
static inline struct client *begin_signed(void)
{
    struct client *client = begin_usual();
    client_authorize(client, USUAL);
    return client;
}

static inline struct client *begin_signed_as(const char *key_id, const char *secret)
{
    struct client *client = begin_usual();
    client_authorize_as(client, key_id, secret, "20250615/garage/k2v/aws4_request", USUAL);
    return client;
}

/* The same with an Authorization header of one's own making; SIGNATURE in it becomes the right signature. */
static inline struct client *begin_authorized(const char *format)
{
    char hex[65];
    char value[2048];
    struct client *client = begin_usual();
    client_signature(client, SECRET, DATETIME, USUAL, HASH_OF_NOTHING, hex);
    const char *at = strstr(format, "SIGNATURE");
    if (at == NULL) {
        snprintf(value, sizeof value, "%s", format);
    } else {
        snprintf(value, sizeof value, "%.*s%s%s", (int)(at - format), format, hex, at + strlen("SIGNATURE"));
    }
    client_add(client, "Authorization", value);
    return client;
}

static inline struct client *begin_presigned(const char *query)
{
    struct client *client = client_begin("GET", "/mails/mailboxes?sort_key=INBOX");
    client_add(client, "host", HOST);
    client_presign(client, DATETIME, "host", query);
    return client;
}

static inline uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline struct client *begin_payload(const char *form)
{
    struct client *client = client_begin("PUT", "/mails/mailboxes?sort_key=s1");
    client_add_usual(client, form);
    return client;
}

static inline struct client *begin_expiring(const char *expires)
{
    char query[1024];
    snprintf(query, sizeof query,
             "&X-Amz-Algorithm=AWS4-HMAC-SHA256%s&X-Amz-Date=%s&X-Amz-Expires=%s&X-Amz-SignedHeaders=host",
             PRESIGNED_CREDENTIAL, DATETIME, expires);
    return begin_presigned(query);
}

static inline struct client *begin_vector_c(const char *signature)
{
    char target[1024];
    snprintf(target, sizeof target, "/mails/mailboxes?sort_key=INBOX%s&X-Amz-Signature=%s", PRESIGNED_QUERY,
             signature);
    struct client *client = client_begin("GET", target);
    client_add(client, "Host", HOST);
    return client;
}

#endif
