/* Random signed requests are allowed, and no small change of them is. */
#include "tests/node/request/asking.h"

/* A random signed request; `list` is what it signs. */
static struct client *begin_random(uint64_t *seed, char *list)
{
    static const char *const names[] = {"accept", "content-type", "x-amz-meta", "x-garage-causality-token"};
    char target[1024] = "/bucket/";
    for (uint64_t i = draw(seed) % 10 + 1; i > 0; i--) {
        static const char *const pieces[] = {"a", "Z", "9", "%40", "%C3%A9", "~", "%2F", "-", ".", "@"};
        strcat(target, pieces[draw(seed) % 10]);
    }
    strcat(target, "?sort_key=");
    for (uint64_t i = draw(seed) % 10 + 1; i > 0; i--) {
        static const char *const pieces[] = {"a", "Z", "9", "%40", "%C3%A9", "~", "%2F", "+", "%00", "@"};
        strcat(target, pieces[draw(seed) % 10]);
    }
    if (draw(seed) % 2) strcat(target, "&Extra=1&another=%25");
    struct client *client = client_begin(draw(seed) % 2 ? "GET" : "PUT", target);
    strcpy(list, USUAL);
    client_add_usual(client, draw(seed) % 2 ? HASH_OF_NOTHING : "UNSIGNED-PAYLOAD");
    for (size_t i = 0; i < 4; i++) {
        if (draw(seed) % 2) continue;
        client_add(client, names[i], "some value");
        sprintf(list + strlen(list), ";%s", names[i]);
    }
    client_authorize(client, list);
    return client;
}

/* Change one byte of a signed text to another printable one. */
static void change_byte(struct client *client, uint64_t *seed, struct http_span *text)
{
    struct http_span copy = client_keep(client, text->at, text->length);
    char *at = (char *)(uintptr_t)copy.at + draw(seed) % copy.length;
    char before = *at;
    while (*at == before) {
        *at = (char)('!' + draw(seed) % 94);
    }
    *text = copy;
}

static void assert_not_allowed(struct client *client, const char *what, const struct http_span *text)
{
    struct auth_answer answer = ask_at(client, NOW_S);
    if (answer.is_allowed) fail_msg("allowed with a changed %s: %.*s", what, (int)text->length, text->at);
}

static void change_request(struct client *client, uint64_t *seed)
{
    for (uint32_t i = 0; i < client->head.headers_count; i++) {
        struct http_header *header = &client->head.headers[i];
        struct http_header before = *header;
        if (http_is_equal_nocase(header->name, "authorization")) continue;
        change_byte(client, seed, &header->value);
        assert_not_allowed(client, "value", &header->value);
        *header = before;
        change_byte(client, seed, &header->name);
        if (!sigv4_is_same_name(header->name, before.name)) assert_not_allowed(client, "name", &header->name);
        *header = before;
    }
    struct http_route *route = &client->route;
    for (uint32_t i = 0; i < route->parameters_count; i++) {
        struct http_parameter before = route->parameters[i];
        change_byte(client, seed, &route->parameters[i].value);
        assert_not_allowed(client, "parameter", &route->parameters[i].value);
        route->parameters[i] = before;
        change_byte(client, seed, &route->parameters[i].name);
        assert_not_allowed(client, "parameter's name", &route->parameters[i].name);
        route->parameters[i] = before;
    }
    struct http_span path = route->path;
    change_byte(client, seed, &route->path);
    assert_not_allowed(client, "path", &route->path);
    route->path = path;
    struct http_span method = client->head.method;
    change_byte(client, seed, &client->head.method);
    assert_not_allowed(client, "method", &client->head.method);
    client->head.method = method;
}

/* Every hex digit of the signature, every signed name left out. */
static void change_authorization(struct client *client, uint64_t *seed, const char *list)
{
    char value[4096];
    snprintf(value, sizeof value, "%s", client_value(client, "authorization"));
    char *signature = strstr(value, "Signature=") + strlen("Signature=");
    for (size_t i = 0; i < 64; i++) {
        char before = signature[i];
        signature[i] = "0123456789abcdef"[draw(seed) % 16];
        if (signature[i] != before) {
            client_change(client, "authorization", value);
            struct http_span text = {value, strlen(value)};
            assert_not_allowed(client, "signature", &text);
        }
        signature[i] = before;
    }
    char shorter[1024];
    snprintf(shorter, sizeof shorter, "%s", list);
    *strrchr(shorter, ';') = '\0';
    snprintf(value, sizeof value, "AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=%s,Signature=%.64s", shorter,
             strstr(client_value(client, "authorization"), "Signature=") + strlen("Signature="));
    client_change(client, "authorization", value);
    struct http_span text = {value, strlen(value)};
    assert_not_allowed(client, "list of signed names", &text);
}

static void random_requests_are_allowed_and_no_change_of_them_is(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 41;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 100; round++) {
        char list[1024];
        struct client *client = begin_random(&seed, list);
        struct auth_answer answer = ask_at(client, NOW_S);
        if (!answer.is_allowed) fail_msg("%s refused: %s", client->head.target.at, answer.message);
        change_request(client, &seed);
        assert_true(ask_at(client, NOW_S).is_allowed);
        change_authorization(client, &seed, list);
        client_end(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_requests_are_allowed_and_no_change_of_them_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
