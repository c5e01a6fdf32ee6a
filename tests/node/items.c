/* ReadItem, InsertItem and DeleteItem as a client meets them: forms, tokens, bounds, connections
 * (reference 3.2, 3.4, 3.5; design 4, 9). */
#include "tests/lib/node_say.h"

static const char *const ACCEPTS[4] = {"*/*", NULL, "application/octet-stream", "application/json"};

static void expect_forms(struct world *world, const char *either, const char *none, const char *binary,
                         const char *json)
{
    const char *const expected[4] = {either, none, binary, json};
    for (int i = 0; i < 4; i++) {
        uint32_t slot = say_begin(
            world, (struct ask){.method = "GET", .target = "/demo/p?sort_key=a", .accept = ACCEPTS[i]});
        world_pump(world);
        expect_answer(world, slot, expected[i]);
        const struct answer *answer = world_answer(world, slot);
        bool is_json = answer->body_bytes > 0 && answer->body[0] == '[';
        bool has_type = answer->status == 200 || answer->status == 204;
        struct span type = answer_header(answer, "content-type");
        if (has_type) assert_span_text(type, is_json ? "application/json" : "application/octet-stream");
        if (answer->status == 409) assert_null(type.bytes);
        if (answer->status == 409) assert_true(answer_header_is(answer, "content-length", "0"));
        assert_non_null(answer_header(answer, "x-garage-causality-token").bytes); /* on the 404 too */
        say_close(world, slot);
    }
}

/* The reference's table, row by row. */
static void every_state_in_every_form(void **state)
{
    struct world *world = *state;
    expect_forms(world, "404 NoSuchKey", "404 NoSuchKey", "404 NoSuchKey", "404 NoSuchKey");
    struct token first = say_put(world, "a", NULL, "v");
    expect_forms(world, "200 v", "200 [\"v\"]", "200 v", "200 [\"v\"]");
    say_put(world, "a", NULL, "w");
    expect_forms(world, "200 [\"v\",\"w\"]", "200 [\"v\",\"w\"]", "409", "200 [\"v\",\"w\"]");
    say_put(world, "a", &first, NULL);
    expect_forms(world, "200 [\"w\",null]", "200 [\"w\",null]", "409", "200 [\"w\",null]");
    struct token current = expect_item(world, "a", "200 [\"w\",null]");
    say_put(world, "a", &current, NULL);
    expect_forms(world, "204", "200 [null]", "204", "200 [null]");
    current = expect_item(world, "a", "200 [null]");
    say_put(world, "a", &current, "");
    expect_forms(world, "200", "200 [\"\"]", "200", "200 [\"\"]"); /* an empty value is a value */
    say_put(world, "a", NULL, "");
    expect_forms(world, "200", "200 [\"\"]", "200", "200 [\"\"]"); /* the same twice is one */
}

static void head_is_get_without_the_body(void **state)
{
    struct world *world = *state;
    say_put(world, "a", NULL, "value");
    for (int i = 0; i < 4; i++) {
        uint32_t get = say_begin(
            world, (struct ask){.method = "GET", .target = "/demo/p?sort_key=a", .accept = ACCEPTS[i]});
        uint32_t head = say_begin(
            world, (struct ask){.method = "HEAD", .target = "/demo/p?sort_key=a", .accept = ACCEPTS[i]});
        world_pump(world);
        assert_span(world_answer(world, head)->head, world_answer(world, get)->head);
        assert_int_equal(world_answer(world, head)->body_bytes, 0);
        say_close(world, get);
        say_close(world, head);
    }
    expect_ask(world, ((struct ask){.method = "HEAD", .target = "/demo/p?sort_key=b"}), "404");
    expect_ask(world, ((struct ask){.method = "HEAD", .target = "/demo"}), "400");
}

/* --- tokens --------------------------------------------------------------------------------------------- */

/* I9: the 204 names what the writer knows, and never what it has not read. */
static void a_write_tells_what_the_writer_now_knows(void **state)
{
    struct world *world = *state;
    struct token one = say_put(world, "a", NULL, "1");
    struct token two = say_put(world, "a", &one, "2"); /* it can go on with it alone */
    struct token three = say_put(world, "a", &two, "3");
    expect_item(world, "a", "200 [\"3\"]");
    struct token blind = say_put(world, "a", NULL, "4"); /* a sibling lies below it: nothing can be said */
    assert_string_equal(blind.text, "");
    struct token stale = say_put(world, "a", &two, "5"); /* the same: what was sent is said again */
    assert_string_equal(stale.text, two.text);
    expect_item(world, "a", "200 [\"3\",\"4\",\"5\"]");
    say_put(world, "a", &three, "6");
    struct token all = expect_item(world, "a", "200 [\"4\",\"5\",\"6\"]");
    struct token last = say_put(world, "a", &all, NULL);
    say_put(world, "a", &last, "7");
    expect_item(world, "a", "200 [\"7\"]");
}

static void bad_tokens_store_nothing(void **state)
{
    struct world *world = *state;
    struct token foreign = say_put(world, "b", NULL, "x");
    const char *const texts[] = {
        "", "tra$h", "AAAAAAAAAAA=", "AAAAAAAAAAB", foreign.text, "AAAAAAAAAAUAAAAAAAAABQ"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (int deletes = 0; deletes < 2; deletes++) {
            uint32_t slot = say_begin(world, (struct ask){.method = deletes ? "DELETE" : "PUT",
                                                          .target = "/demo/p?sort_key=a",
                                                          .token = span_text(texts[i])});
            world_pump(world);
            expect_answer(world, slot, "400 CausalityToken");
            say_close(world, slot);
        }
    }
    expect_ask(world,
               ((struct ask){.method = "PUT", .target = "/demo/p?sort_key=a", .token = span_text("caf\xc3\xa9")}),
               "400 InvalidHeaderValue");
    expect_item(world, "a", "404 NoSuchKey");
    struct token empty = expect_item(world, "a", "404 NoSuchKey");
    say_put(world, "a", &empty, "x"); /* the token of nothing is good for everything */
}

/* --- bounds --------------------------------------------------------------------------------------------- */

static void keys_and_values_have_bounds(void **state)
{
    struct world *world = *state;
    char key[KEYS_SORT_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    for (int which = 0; which < 2; which++) {
        struct text too_long = which == 0 ? text_of("/demo/p?sort_key=%s", key)
                                          : text_of("/demo/%s?sort_key=s", key);
        struct text longest = which == 0 ? text_of("/demo/p?sort_key=%s", key + 1)
                                         : text_of("/demo/%s?sort_key=s", key + 1);
        static const char *const methods[] = {"GET", "PUT", "DELETE"};
        for (int i = 0; i < 3; i++) {
            uint32_t slot = say_begin(world, (struct ask){.method = methods[i], .target = too_long.text});
            world_pump(world);
            expect_answer(world, slot, "400 InvalidRequest");
            expect_message(world, slot, "481 bytes; at most 480");
            say_close(world, slot);
        }
        expect_ask(world, ((struct ask){.method = "PUT", .target = longest.text, .body = span_text("x")}), "204");
        expect_ask(world, ((struct ask){.method = "GET", .target = longest.text}), "200 [\"x\"]");
    }
    world->settings.max_value_bytes = 5;
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        struct ask ask = {
            .method = "PUT", .target = "/demo/p?sort_key=a", .body = span_text("12345"), .is_chunked = is_chunked};
        expect_ask(world, ask, "204");
        ask.body = span_text("123456");
        expect_ask(world, ask, "413 InvalidRequest");
    }
    expect_item(world, "a", "200 [\"12345\"]");
}

/* Keys are bytes with a length, NUL and all; they are decoded once (H30). */
static void keys_may_hold_anything(void **state)
{
    struct world *world = *state;
    static const char *const keys[] = {"%00",   "%00a",  "a%00",      "%2F",  "..",  ".",
                                       "a%2Fb", "%2525", "%E2%89%A4", "+%2B", "%0A", "a%26b%3Dc"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct text target = text_of("/demo/x%s?sort_key=%s", keys[i], keys[i]);
        struct text value = text_of("%zu", i);
        expect_ask(world, ((struct ask){.method = "PUT", .target = target.text, .body = span_text(value.text)}),
                   "204");
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct text target = text_of("/demo/x%s?sort_key=%s", keys[i], keys[i]);
        struct text expected = text_of("200 [\"%zu\"]", i);
        expect_ask(world, ((struct ask){.method = "GET", .target = target.text}), expected.text);
    }
}

/* H5: an item takes so many siblings and no more; reading and writing with its token helps. */
static void a_full_item_is_helped_by_a_token(void **state)
{
    struct world *world = *state;
    char value[8];
    for (int i = 0; i < OP_SIBLINGS_MAX; i++) {
        snprintf(value, sizeof value, "%d", i % 300);
        say_put(world, "a", NULL, value);
    }
    uint32_t slot = say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    expect_answer(world, slot, "400 InvalidRequest");
    expect_message(world, slot, "256 concurrent values");
    say_close(world, slot);
    slot = say_begin_put(world, "a", NULL, NULL); /* a deletion without a token is one more */
    world_pump(world);
    expect_answer(world, slot, "400 InvalidRequest");
    say_close(world, slot);
    slot = say_begin_get(world, "a");
    world_pump(world);
    struct token token = say_token(world, slot);
    say_close(world, slot);
    say_put(world, "a", &token, "x");
    expect_item(world, "a", "200 [\"x\"]");
}

/* --- connections ---------------------------------------------------------------------------------------- */

static void a_connection_serves_one_request_after_another(void **state)
{
    struct world *world = *state;
    uint32_t slot = say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    expect_answer(world, slot, "204");
    for (int i = 0; i < 3; i++) {
        world_ask(world, slot, EVENT_DOOR_K2V, (struct ask){.method = "GET", .target = "/demo/p?sort_key=a"});
        world_pump(world);
        expect_answer(world, slot, "200 [\"x\"]");
        assert_true(world->connections[slot].is_open);
    }
    world_ask(world, slot, EVENT_DOOR_K2V,
              (struct ask){.method = "GET", .target = "/demo/p?sort_key=a", .wants_close = true});
    world_pump(world);
    assert_false(world->connections[slot].is_open);
    world_drain(world); /* a node that stops says so with every answer */
    slot = say_begin_get(world, "a");
    world_pump(world);
    expect_answer(world, slot, "200 [\"x\"]");
    assert_false(world_answer(world, slot)->keeps_alive);
}

/* A body that nobody reads is read past when it is small, else the connection ends. */
static void an_unread_body_may_end_the_connection(void **state)
{
    struct world *world = *state;
    static char body[LIMITS_UNREAD_BODY_BYTES_MAX + 1];
    static const struct {
        size_t length;
        bool is_chunked;
        bool keeps_alive;
    } rows[] = {{0, false, true},
                {LIMITS_UNREAD_BODY_BYTES_MAX, false, true},
                {LIMITS_UNREAD_BODY_BYTES_MAX + 1, false, false},
                {10, true, false}};
    memset(body, 'b', sizeof body);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t slot = say_begin(world, (struct ask){.method = "DELETE", /* has a body, and no use for it */
                                                      .target = "/demo/p?sort_key=a",
                                                      .body = span_of(body, rows[i].length),
                                                      .is_chunked = rows[i].is_chunked});
        world_pump(world);
        expect_answer(world, slot, "204");
        assert_int_equal(world_answer(world, slot)->keeps_alive, rows[i].keeps_alive);
        say_close(world, slot);
    }
}

/* Answered in the middle of its body: whatever its size, the next request cannot be told from the rest of it. */
static void an_answer_in_the_middle_of_a_body_ends_the_connection(void **state)
{
    struct world *world = *state;
    static char value[4001];
    memset(value, 'v', sizeof value - 1);
    world->body_piece_bytes = 10;
    world->holds.bodies = true;
    uint32_t slot = say_begin_put(world, "a", NULL, value);
    struct request *request = world->node.requests.slots[slot];
    request->arena.ceiling_bytes = request->arena.held_bytes + 3500; /* an answer fits, the body does not */
    world->holds.bodies = false;
    world_pump(world);
    expect_answer(world, slot, "503 ServiceUnavailable");
    assert_false(world->connections[slot].is_open);
    world->settings.max_value_bytes = 5; /* known from the head: the body is small, and read past */
    slot = say_begin_put(world, "a", NULL, "123456");
    assert_false(world->connections[slot].wants_body);
    world_pump(world);
    expect_answer(world, slot, "413 InvalidRequest");
    assert_true(world->connections[slot].is_open);
}

static void http_1_0_is_answered_in_its_terms(void **state)
{
    struct world *world = *state;
    say_put(world, "a", NULL, "x");
    uint32_t slot = say_begin(world,
                              (struct ask){.method = "GET", .target = "/demo/p?sort_key=a", .is_http_1_0 = true});
    world_pump(world);
    expect_answer(world, slot, "200 [\"x\"]");
    assert_false(world->connections[slot].is_open);
}

/* --- errors --------------------------------------------------------------------------------------------- */

/* Four strings, always; the path as it came, or nothing when it is no text. */
static void an_error_has_its_four_fields(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *target, *path;
    } rows[] = {
        {"/none/p?sort_key=a", "/none/p"},
        {"/none/%41%2f?sort_key=a&x=y", "/none/%41%2f"},
        {"/none/\"q\"?sort_key=a", "/none/\\\"q\\\""},
        {"/none/\xc3\xa9?sort_key=a", "/none/\xc3\xa9"},
        {"/none/\xff?sort_key=a", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t slot = say_begin(world, (struct ask){.method = "GET", .target = rows[i].target});
        world_pump(world);
        const struct answer *answer = world_answer(world, slot);
        char *line = answer_one_line(span_of(answer->body, answer->body_bytes));
        struct text end = text_of("\",\"region\":\"garage\",\"path\":\"%s\"}", rows[i].path);
        assert_memory_equal(line, "{\"code\":\"", 9);
        assert_non_null(strstr(line, "\",\"message\":\""));
        assert_non_null(strstr(line, end.text));
        free(line);
        say_close(world, slot);
    }
}

/* --- other origins -------------------------------------------------------------------------------------- */

static void expect_origin(struct world *world, struct ask ask, int status, const char *origin)
{
    uint32_t slot = say_begin(world, ask);
    world_pump(world);
    const struct answer *answer = world_answer(world, slot);
    assert_int_equal(answer->status, status);
    struct span found = answer_header(answer, "access-control-allow-origin");
    if (origin == NULL) {
        assert_null(found.bytes);
    } else {
        assert_span_text(found, origin);
    }
    say_close(world, slot);
}

/* On every method and on errors too, but only for an origin that a rule allows. */
static void answers_carry_the_headers_of_their_rule(void **state)
{
    struct world *world = *state;
    expect_origin(world, (struct ask){.method = "GET", .target = "/demo/p?sort_key=a", .origin = "https://a"}, 404,
                  NULL);
    uint32_t slot = say_begin_admin(
        world, "PUT", "/v1/buckets/demo/cors",
        "{\"rules\":[{\"allowed_origins\":[\"https://a\"],\"allowed_methods\":[\"GET\",\"PUT\","
        "\"HEAD\"],\"expose_headers\":[\"x-garage-causality-token\"]}]}");
    world_pump(world);
    assert_int_equal(world_status(world, slot), 200);
    say_close(world, slot);
    static const struct {
        const char *method, *target, *origin;
        bool is_unsigned;
        int status;
        const char *expected;
    } rows[] = {
        {"GET", "/demo/p?sort_key=a", "https://a", false, 404, "https://a"},
        {"PUT", "/demo/p?sort_key=a", "https://a", false, 204, "https://a"},
        {"GET", "/demo/p?sort_key=a", "https://a", false, 200, "https://a"},
        {"HEAD", "/demo/p?sort_key=a", "https://a", false, 200, "https://a"},
        {"DELETE", "/demo/p?sort_key=a", "https://a", false, 204, NULL},
        {"GET", "/demo/p?sort_key=a", "https://b", false, 200, NULL},
        {"GET", "/demo/p?sort_key=a", NULL, false, 200, NULL},
        {"GET", "/demo/p?sort_key=a", "https://a", true, 403, "https://a"},
        {"GET", "/none/p?sort_key=a", "https://a", false, 404, NULL},
        {"GET", "/demo/p", "https://a", false, 400, NULL},
        {"GET", "/demo/p?sort_key=a", "https://a\x01", false, 200, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_origin(world,
                      (struct ask){.method = rows[i].method,
                                   .target = rows[i].target,
                                   .origin = rows[i].origin,
                                   .is_unsigned = rows[i].is_unsigned},
                      rows[i].status, rows[i].expected);
    }
}

static void preflights_are_answered_unsigned(void **state)
{
    struct world *world = *state;
    uint32_t slot = say_begin_admin(
        world, "PUT", "/v1/buckets/demo/cors",
        "{\"rules\":[{\"allowed_origins\":[\"https://a\"],\"allowed_methods\":[\"PUT\"],"
        "\"allowed_headers\":[\"x-amz-date\"]}]}");
    world_pump(world);
    say_close(world, slot);
    static const struct {
        const char *target, *origin, *method, *headers;
        int status;
        const char *expected;
    } rows[] = {
        {"/demo/p", "https://a", "PUT", NULL, 200, "https://a"},
        {"/demo/p", "https://a", "PUT", "X-Amz-Date", 200, "https://a"},
        {"/demo/p", "https://a", "PUT", "x-other", 400, NULL},
        {"/demo/p", "https://a", "GET", NULL, 400, NULL},
        {"/demo/p", "https://b", "PUT", NULL, 400, NULL},
        {"/demo/p", NULL, "PUT", NULL, 400, NULL},
        {"/demo/p", "https://a", NULL, NULL, 400, NULL},
        {"/none/p", "https://any", "DELETE", "x-any", 200, "*"},
        {"/none/p", NULL, NULL, NULL, 200, "*"},
        {"/", "https://a", "PUT", NULL, 400, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ask ask = {
            .method = "OPTIONS", .target = rows[i].target, .origin = rows[i].origin, .is_unsigned = true};
        int count = 0;
        if (rows[i].method != NULL) {
            ask.more_names[count] = "Access-Control-Request-Method";
            ask.more_values[count++] = rows[i].method;
        }
        if (rows[i].headers != NULL) {
            ask.more_names[count] = "Access-Control-Request-Headers";
            ask.more_values[count++] = rows[i].headers;
        }
        expect_origin(world, ask, rows[i].status, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(every_state_in_every_form),
        world_test(head_is_get_without_the_body),
        world_test(a_write_tells_what_the_writer_now_knows),
        world_test(bad_tokens_store_nothing),
        world_test(keys_and_values_have_bounds),
        world_test(keys_may_hold_anything),
        world_test(a_full_item_is_helped_by_a_token),
        world_test(a_connection_serves_one_request_after_another),
        world_test(an_unread_body_may_end_the_connection),
        world_test(an_answer_in_the_middle_of_a_body_ends_the_connection),
        world_test(http_1_0_is_answered_in_its_terms),
        world_test(an_error_has_its_four_fields),
        world_test(answers_carry_the_headers_of_their_rule),
        world_test(preflights_are_answered_unsigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
