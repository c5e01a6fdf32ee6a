/* Cross-origin rules: which rule allows what, and the headers it gives (reference 6.2, 6.3). */
#include "node/request/admin_json.h"
#include "node/request/cors.h"
#include "tests/lib/check.h"

enum { ARENA_BYTES = 1 << 20 };

static int set_up(void **state)
{
    static struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(*state);
    return 0;
}

#define arena_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* Rules as an operator sends them become the payload of a document. */
static struct span rules_of(struct arena *arena, const char *rules)
{
    char text[4096];
    char message[AUTH_MESSAGE_CHARS] = "";
    struct admin_body body;
    snprintf(text, sizeof text, "{\"rules\":%s}", rules);
    if (!admin_json_read(span_text(text), arena, &body, message)) fail_msg("%s", message);
    return body.rules;
}

static struct http_span span_or_none(const char *text)
{
    return (struct http_span){text, text == NULL ? 0 : strlen(text)};
}

static bool is_allowed(struct span rules, const char *origin, const char *method, const char *headers)
{
    struct document_rule rule;
    const struct cors_query query = {span_or_none(origin), span_or_none(method), span_or_none(headers)};
    return cors_find(rules, &query, &rule);
}

#define RULE(origins, methods, headers)                                                                           \
    "{\"allowed_origins\":[" origins "],\"allowed_methods\":[" methods "],\"allowed_headers\":[" headers "]}"

static void the_decision_table(void **state)
{
    static const struct {
        const char *rules;
        const char *origin, *method, *headers;
        bool is_allowed;
    } rows[] = {
        {"[]", "https://a.example", "GET", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://a.example", "GET", NULL, true},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://a.example", "GET", "", true},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://a.example", "PUT", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://a.example", "get", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://b.example", "GET", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://a.exampl", "GET", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "https://a.example.evil", "GET", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "HTTPS://A.EXAMPLE", "GET", NULL, false},
        {"[" RULE("\"https://a.example\"", "\"GET\"", "") "]", "", "GET", NULL, false},
        {"[" RULE("\"*\"", "\"GET\"", "") "]", "https://any.example", "GET", NULL, true},
        {"[" RULE("\"*\"", "\"*\"", "") "]", "null", "SEARCH", NULL, true},
        {"[" RULE("\"*\"", "\"*\"", "") "]", "https://a", "GET", "x-amz-date", false},
        {"[" RULE("\"*\"", "\"*\"", "\"*\"") "]", "https://a", "GET", "x-amz-date,anything", true},
        {"[" RULE("\"*\"", "\"*\"", "\"X-Amz-Date\"") "]", "https://a", "GET", "x-amz-date", true},
        {"[" RULE("\"*\"", "\"*\"", "\"x-amz-date\"") "]", "https://a", "GET", "X-AMZ-DATE", true},
        {"[" RULE("\"*\"", "\"*\"", "\"x-amz-date\"") "]", "https://a", "GET", " x-amz-date\t,\t x-amz-date ",
         true},
        {"[" RULE("\"*\"", "\"*\"", "\"x-amz-date\"") "]", "https://a", "GET", "x-amz-date,x-other", false},
        {"[" RULE("\"*\"", "\"*\"", "\"x-amz-date\"") "]", "https://a", "GET", "x-amz-dat", false},
        {"[" RULE("\"*\"", "\"*\"", "\"x-amz-date\",\"x-other\"") "]", "https://a", "GET", "x-other,x-amz-date",
         true},
        {"[" RULE("\"*\"", "\"*\"", "\"x-amz-date\"") "]", "https://a", "GET", ",,x-amz-date,", true},
        {"[" RULE("\"https://b\"", "\"*\"", "") "," RULE("\"https://a\"", "\"GET\"", "") "]", "https://a", "GET",
         NULL, true},
        {"[" RULE("\"https://a\"", "\"PUT\"", "") "," RULE("\"https://a\"", "\"GET\"", "\"x-b\"") "]", "https://a",
         "GET", "x-b", true},
        {"[" RULE("\"https://a\"", "\"PUT\"", "") "," RULE("\"https://b\"", "\"GET\"", "") "]", "https://a", "GET",
         NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span rules = rules_of(*state, rows[i].rules);
        bool allowed = is_allowed(rules, rows[i].origin, rows[i].method, rows[i].headers);
        if (allowed != rows[i].is_allowed) fail_msg("row %zu: %s %s", i, rows[i].origin, rows[i].rules);
    }
}

static void without_rules_nothing_is_allowed(void **state)
{
    (void)state;
    assert_false(is_allowed((struct span){NULL, 0}, "https://a", "GET", NULL));
    assert_false(
        is_allowed(span_of("\x90", 1), "https://a", "GET", NULL)); /* and no sense allows nothing either */
    assert_false(is_allowed(span_of("\x91\x91\x94", 3), "https://a", "GET", NULL));
}

/* --- headers -------------------------------------------------------------------------------------------- */

static bool no_more(struct http_out *out, size_t bytes)
{
    (void)out;
    (void)bytes;
    return false;
}

static void expect_headers(struct arena *arena, const char *rules, const char *origin, const char *expected)
{
    char bytes[2048];
    struct http_out out = {.bytes = bytes, .capacity = sizeof bytes, .more = no_more};
    struct document_rule rule;
    const struct cors_query query = {span_or_none(origin), span_or_none("GET"), {NULL, 0}};
    assert_true(cors_find(rules_of(arena, rules), &query, &rule));
    cors_headers(&out, rule, span_or_none(origin));
    assert_false(out.failed);
    assert_span_text(span_of(out.bytes, out.used), expected);
}

/* The one matching origin, never all of them; the lists of the first rule that matches; none is no header. */
static void the_first_matching_rule_gives_its_headers(void **state)
{
    expect_headers(*state,
                   "[" RULE("\"https://b\"", "\"GET\"", "") "," RULE("\"https://c\",\"https://a\"",
                                                                     "\"GET\",\"PUT\"", "\"x-a\",\"x-b\"") "]",
                   "https://a",
                   "access-control-allow-origin: https://a\r\n"
                   "access-control-allow-methods: GET, PUT\r\n"
                   "access-control-allow-headers: x-a, x-b\r\n"
                   "vary: origin\r\n");
    expect_headers(*state,
                   "[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"*\"],"
                   "\"expose_headers\":[\"x-garage-causality-token\",\"date\"]}]",
                   "https://any.example",
                   "access-control-allow-origin: https://any.example\r\n"
                   "access-control-allow-methods: *\r\n"
                   "access-control-expose-headers: x-garage-causality-token, date\r\n"
                   "vary: origin\r\n");
}

/* What a client sent goes into a header only when it can break none. */
static void only_plain_text_is_plain(void **state)
{
    (void)state;
    assert_true(cors_is_plain(span_or_none("https://a.example:8080 ~!")));
    assert_true(cors_is_plain(span_or_none("")));
    for (int c = 0; c < 256; c++) {
        const char text[3] = {'a', (char)c, 'b'};
        assert_int_equal(cors_is_plain((struct http_span){text, 3}), c >= ' ' && c <= '~');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_test(the_decision_table),
        cmocka_unit_test(without_rules_nothing_is_allowed),
        arena_test(the_first_matching_rule_gives_its_headers),
        cmocka_unit_test(only_plain_text_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
