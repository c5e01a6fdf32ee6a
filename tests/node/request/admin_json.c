/* What operators send: one object of known fields, each of its type and within its bound (H31). */
#include "node/request/admin_json.h"
#include "tests/lib/check.h"

#include <stdlib.h>

enum { ARENA_BYTES = 1 << 22 };

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

static struct admin_body read_good(struct arena *arena, const char *text)
{
    struct admin_body body;
    char message[AUTH_MESSAGE_CHARS] = "";
    if (!admin_json_read(span_text(text), arena, &body, message)) fail_msg("%s: %s", text, message);
    return body;
}

static void expect_refused(struct arena *arena, struct span text, const char *about)
{
    struct admin_body body;
    char message[AUTH_MESSAGE_CHARS] = "";
    assert_false(admin_json_read(text, arena, &body, message));
    assert_false(body.is_memory);
    if (strstr(message, about) == NULL) fail_msg("'%s' does not speak of '%s'", message, about);
    assert_true(http_is_utf8((struct http_span){message, strlen(message)}));
}

static void nothing_is_an_empty_object(void **state)
{
    static const char *const texts[] = {"", "{}", " {\n} "};
    for (int i = 0; i < 3; i++) {
        struct admin_body body = read_good(*state, texts[i]);
        assert_null(body.alias.bytes);
        assert_null(body.name.bytes);
        assert_null(body.key_id.bytes);
        assert_null(body.secret.bytes);
        assert_int_equal(body.read, ADMIN_FLAG_ABSENT);
        assert_int_equal(body.write, ADMIN_FLAG_ABSENT);
        assert_int_equal(body.owner, ADMIN_FLAG_ABSENT);
        assert_false(body.has_rules);
    }
}

static void every_field_is_read(void **state)
{
    struct admin_body body = read_good(
        *state, "{\"alias\":\"a\",\"name\":\"\",\"key_id\":\"GK\\u00e9\",\"secret\":\"s\\\"\","
                "\"read\":true,\"write\":false,\"owner\":true,\"rules\":[]}");
    assert_span_text(body.alias, "a");
    assert_non_null(body.name.bytes); /* empty is not absent */
    assert_int_equal(body.name.length, 0);
    assert_span_text(body.key_id, "GK\xc3\xa9");
    assert_span_text(body.secret, "s\"");
    assert_int_equal(body.read, ADMIN_FLAG_TRUE);
    assert_int_equal(body.write, ADMIN_FLAG_FALSE);
    assert_int_equal(body.owner, ADMIN_FLAG_TRUE);
    assert_true(body.has_rules);
}

static void what_is_no_such_object_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {"[]", "one JSON object"},
        {"null", "one JSON object"},
        {"\"a\"", "one JSON object"},
        {"{", "one JSON object"},
        {"{}}", "one JSON object"},
        {"{} {}", "one JSON object"},
        {"{\"alias\":\"a\",}", "one JSON object"},
        {"{'alias':'a'}", "one JSON object"},
        {"{\"alias\":\"a\",\"alias\":\"a\"}", "one JSON object"},
        {"{\"alias\":\"\\ud800\"}", "one JSON object"},
        {"{\"alias\":\"\\u0000\"}", "one JSON object"},
        {"{\"alias\":\"\xff\"}", "one JSON object"},
        {"{\"alias\":null}", "field \"alias\" must be a string"},
        {"{\"name\":1}", "field \"name\" must be a string"},
        {"{\"key_id\":[]}", "field \"key_id\" must be a string"},
        {"{\"secret\":{}}", "field \"secret\" must be a string"},
        {"{\"read\":1}", "field \"read\" must be true or false"},
        {"{\"write\":\"true\"}", "field \"write\" must be true or false"},
        {"{\"owner\":null}", "field \"owner\" must be true or false"},
        {"{\"rules\":{}}", "\"rules\" must be an array"},
        {"{\"Alias\":\"a\"}", "unknown field \"Alias\""},
        {"{\"\":\"a\"}", "unknown field \"\""},
        {"{\"keyId\":\"a\"}", "unknown field \"keyId\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_refused(*state, span_text(rows[i][0]), rows[i][1]);
    expect_refused(*state, span_of("{}\0", 3), "one JSON object");
}

/* A long name of an unknown field is cut between two characters: the message goes into an answer, which is UTF-8.
 */
static void a_message_is_utf8_whatever_the_field_is_called(void **state)
{
    for (size_t before = 0; before < 70; before++) {
        char text[256] = "{\"";
        memset(text + 2, 'n', before);
        strcpy(text + 2 + before, "\xc3\xa9\xe2\x89\xa4\xf0\x9f\x90\x9f\xc3\xa9\xe2\x89\xa4\":1}");
        expect_refused(*state, span_text(text), "unknown field \"");
    }
}

/* --- rules ---------------------------------------------------------------------------------------------- */

static void bad_rules_are_refused(void **state)
{
    static const char *const rows[][2] = {
        {"[1]", "a rule is an object"},
        {"[{}]", "a rule is an object"},
        {"[[]]", "a rule is an object"},
        {"[{\"allowed_origins\":[\"*\"]}]", "a rule is an object"},
        {"[{\"allowed_methods\":[\"*\"]}]", "a rule is an object"},
        {"[{\"allowed_origins\":[],\"allowed_methods\":[\"*\"]}]", "not empty"},
        {"[{\"allowed_origins\":\"*\",\"allowed_methods\":[\"*\"]}]", "not empty"},
        {"[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"*\"],\"max_age\":1}]", "a rule has"},
        {"[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"*\"],\"allowed_headers\":\"*\"}]",
         "\"allowed_headers\" must be an array"},
        {"[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"*\"],\"allowed_headers\":null}]",
         "\"allowed_headers\" must be an array"},
        {"[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"*\"],\"expose_headers\":[1]}]",
         "\"expose_headers\" holds"},
        {"[{\"allowed_origins\":[\"\"],\"allowed_methods\":[\"*\"]}]", "\"allowed_origins\" holds"},
        {"[{\"allowed_origins\":[\"a b\"],\"allowed_methods\":[\"*\"]}]", "\"allowed_origins\" holds"},
        {"[{\"allowed_origins\":[\"a\\r\\nx: y\"],\"allowed_methods\":[\"*\"]}]", "\"allowed_origins\" holds"},
        {"[{\"allowed_origins\":[\"\\u00e9\"],\"allowed_methods\":[\"*\"]}]", "\"allowed_origins\" holds"},
        {"[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"*\"]},null]", "a rule is an object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "{\"rules\":%s}", rows[i][0]);
        expect_refused(*state, span_text(text), rows[i][1]);
    }
}

/* `count` rules, each with `entries` origins of `bytes` bytes. */
static char *many_rules(size_t count, size_t entries, size_t bytes)
{
    char *text = malloc(64 + count * (64 + entries * (bytes + 3)));
    char *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"rules\":[");
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "%s{\"allowed_methods\":[\"*\"],\"allowed_origins\":[", i == 0 ? "" : ",");
        for (size_t j = 0; j < entries; j++) {
            at += sprintf(at, "%s\"", j == 0 ? "" : ",");
            memset(at, 'o', bytes);
            at += bytes;
            at += sprintf(at, "\"");
        }
        at += sprintf(at, "]}");
    }
    sprintf(at, "]}");
    return text;
}

static void rules_are_bounded(void **state)
{
    static const struct {
        size_t count, entries, bytes;
        const char *about; /* NULL: good */
    } rows[] = {
        {LIMITS_CORS_RULES_MAX, 1, 1, NULL},
        {LIMITS_CORS_RULES_MAX + 1, 1, 1, "at most 100 rules"},
        {1, LIMITS_CORS_ENTRIES_MAX, 1, NULL},
        {1, LIMITS_CORS_ENTRIES_MAX + 1, 1, "at most 100 strings"},
        {1, 1, LIMITS_CORS_ENTRY_BYTES_MAX, NULL},
        {1, 1, LIMITS_CORS_ENTRY_BYTES_MAX + 1, "1 to 256"},
        {0, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = many_rules(rows[i].count, rows[i].entries, rows[i].bytes);
        if (rows[i].about != NULL) {
            expect_refused(*state, span_text(text), rows[i].about);
        } else {
            struct admin_body body = read_good(*state, text);
            struct wire_in in;
            uint32_t count = 0;
            assert_true(document_rules_begin(body.rules, &in, &count));
            assert_int_equal(count, rows[i].count);
        }
        free(text);
    }
}

/* --- memory --------------------------------------------------------------------------------------------- */

static void a_body_without_memory_says_so(void **state)
{
    const char *text = "{\"alias\":\"an alias\",\"name\":\"a name\",\"rules\":[{\"allowed_origins\":[\"*\"],"
                       "\"allowed_methods\":[\"GET\"]}]}";
    (void)state;
    for (size_t ceiling_bytes = 0;; ceiling_bytes += 16) {
        struct arena arena;
        struct admin_body body;
        char message[AUTH_MESSAGE_CHARS] = "";
        arena_init(&arena, ceiling_bytes);
        bool is_read = admin_json_read(span_text(text), &arena, &body, message);
        arena_deinit(&arena);
        if (is_read) {
            assert_true(ceiling_bytes > 64);
            return;
        }
        assert_true(body.is_memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_test(nothing_is_an_empty_object),
        arena_test(every_field_is_read),
        arena_test(what_is_no_such_object_is_refused),
        arena_test(a_message_is_utf8_whatever_the_field_is_called),
        arena_test(bad_rules_are_refused),
        arena_test(rules_are_bounded),
        cmocka_unit_test(a_body_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
