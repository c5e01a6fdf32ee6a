/* What operators send about layout and members: one object of the fields its request knows (H31). */
#include "node/request/admin_json.h"
#include "tests/lib/check.h"

enum {
    ARENA_BYTES = 1 << 20,
    ALL_FIELDS = ADMIN_LAYOUT_NODE | ADMIN_LAYOUT_ZONE | ADMIN_LAYOUT_CAPACITY | ADMIN_LAYOUT_REMOVE |
                 ADMIN_LAYOUT_REPLICATION | ADMIN_LAYOUT_ZONE_REDUNDANCY | ADMIN_LAYOUT_VERSION |
                 ADMIN_LAYOUT_TARGET | ADMIN_LAYOUT_FORCE | ADMIN_LAYOUT_PARTITIONS,
};

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

static void every_field_is_read(void **state)
{
    struct admin_layout_body body;
    char message[AUTH_MESSAGE_CHARS] = "";
    const char *text =
        "{\"node\":\"ab\\u0000c\",\"zone\":\"z\",\"target\":\"h:1\",\"capacity\":9223372036854775807,"
        "\"replication\":3,\"zone_redundancy\":0,\"partitions\":64,\"version\":7,\"remove\":false,\"force\":true}";
    const char *without_nul =
        "{\"node\":\"abc\",\"zone\":\"z\",\"target\":\"h:1\",\"capacity\":9223372036854775807,"
        "\"replication\":3,\"zone_redundancy\":0,\"partitions\":64,\"version\":7,\"remove\":false,\"force\":true}";
    assert_false(admin_layout_json_read(span_text(text), ALL_FIELDS, *state, &body, message)); /* NUL in a text */
    assert_true(admin_layout_json_read(span_text(without_nul), ALL_FIELDS, *state, &body, message));
    assert_int_equal(body.given, ALL_FIELDS);
    assert_span_text(body.node, "abc");
    assert_span_text(body.zone, "z");
    assert_span_text(body.target, "h:1");
    assert_int_equal(body.capacity, INT64_MAX);
    assert_int_equal(body.replication, 3);
    assert_int_equal(body.zone_redundancy, 0);
    assert_int_equal(body.partitions, 64);
    assert_int_equal(body.version, 7);
    assert_false(body.is_removal);
    assert_true(body.is_forced);
}

static void nothing_is_an_empty_object(void **state)
{
    static const char *const texts[] = {"", "{}", " {\n} "};
    for (int i = 0; i < 3; i++) {
        struct admin_layout_body body;
        char message[AUTH_MESSAGE_CHARS] = "";
        assert_true(admin_layout_json_read(span_text(texts[i]), 0, *state, &body, message));
        assert_int_equal(body.given, 0);
        assert_null(body.node.bytes);
    }
}

static void what_a_request_does_not_know_is_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned fields;
        const char *about;
    } rows[] = {
        {"{\"node\":\"a\"}", ADMIN_LAYOUT_ZONE, "unknown field \"node\""},
        {"{\"nodes\":\"a\"}", ALL_FIELDS, "unknown field \"nodes\""},
        {"{\"\":1}", ALL_FIELDS, "unknown field \"\""},
        {"{\"node\":null}", ALL_FIELDS, "\"node\" must be a string"},
        {"{\"node\":{}}", ALL_FIELDS, "\"node\" must be a string"},
        {"{\"capacity\":-1}", ALL_FIELDS, "\"capacity\" must be an integer"},
        {"{\"capacity\":1.0}", ALL_FIELDS, "\"capacity\" must be an integer"},
        {"{\"capacity\":\"1\"}", ALL_FIELDS, "\"capacity\" must be an integer"},
        {"{\"capacity\":9223372036854775808}", ALL_FIELDS, "one JSON object"},
        {"{\"remove\":1}", ALL_FIELDS, "\"remove\" must be true or false"},
        {"{\"node\":\"a\",\"node\":\"a\"}", ALL_FIELDS, "one JSON object"},
        {"{\"node\":\"\\ud800\"}", ALL_FIELDS, "one JSON object"},
        {"{\"node\":\"\xff\"}", ALL_FIELDS, "one JSON object"},
        {"{}x", ALL_FIELDS, "one JSON object"},
        {"[]", ALL_FIELDS, "one JSON object"},
        {"null", ALL_FIELDS, "one JSON object"},
        {"{", ALL_FIELDS, "one JSON object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct admin_layout_body body;
        char message[AUTH_MESSAGE_CHARS] = "";
        assert_false(admin_layout_json_read(span_text(rows[i].text), rows[i].fields, *state, &body, message));
        assert_false(body.is_memory);
        if (strstr(message, rows[i].about) == NULL) fail_msg("%s: %s", rows[i].text, message);
        assert_true(http_is_utf8((struct http_span){message, strlen(message)}));
    }
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    struct arena none;
    struct admin_layout_body body;
    char message[AUTH_MESSAGE_CHARS] = "";
    arena_init(&none, 0);
    assert_false(admin_layout_json_read(span_text("{\"node\":\"a\"}"), ALL_FIELDS, &none, &body, message));
    assert_true(body.is_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_test(every_field_is_read),
        arena_test(nothing_is_an_empty_object),
        arena_test(what_a_request_does_not_know_is_refused),
        arena_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
