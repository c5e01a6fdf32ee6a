/* PollRange, story by story: what it answers, to whom, how much it holds (reference 3.10, H8, H9, I17, I25). */
#include "tests/lib/node_say.h"

static uint32_t begin_poll(struct world *world, const char *fields, const struct token *marker)
{
    bool has_both = fields[0] != '\0' && marker != NULL;
    struct text body = marker == NULL
                           ? text_of("{%s}", fields)
                           : text_of("{%s%s\"seenMarker\":\"%s\"}", fields, has_both ? "," : "", marker->text);
    return say_begin_post(world, "/demo/p?poll_range", body.text);
}

/* Poll to an answer that is there at once. */
static struct token poll_now(struct world *world, const char *fields, const struct token *marker,
                             const char *expected)
{
    uint32_t slot = begin_poll(world, fields, marker);
    world_pump(world);
    expect_answer(world, slot, expected);
    struct token next = say_marker(world, slot);
    say_close(world, slot);
    return next;
}

/* Poll and see it wait. */
static uint32_t poll_waiting(struct world *world, const char *fields, const struct token *marker)
{
    uint32_t slot = begin_poll(world, fields, marker);
    world_pump(world);
    expect_answer(world, slot, "nothing yet");
    return slot;
}

static void the_first_call_answers_at_once_with_all_there_is(void **state)
{
    struct world *world = *state;
    poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    say_put(world, "b", NULL, "2");
    say_put(world, "a", NULL, "1");
    say_put(world, "c", NULL, NULL);
    poll_now(world, "", NULL,
             "200 {\"items\":[{\"sk\":\"a\",\"ct\":_,\"v\":[\"1\"]},{\"sk\":\"b\",\"ct\":_,\"v\":[\"2\"]},"
             "{\"sk\":\"c\",\"ct\":_,\"v\":[null]}],\"seenMarker\":_}");
}

/* The marker of an empty partition has seen nothing, and waits. */
static void the_marker_of_nothing_waits_for_the_first_write(void **state)
{
    struct world *world = *state;
    struct token marker = poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    uint32_t slot = poll_waiting(world, "", &marker);
    say_put(world, "a", NULL, "x");
    expect_answer(world, slot, "200 {\"items\":[{\"sk\":\"a\",\"ct\":_,\"v\":[\"x\"]}],\"seenMarker\":_}");
    marker = say_marker(world, slot);
    say_close(world, slot);
    slot = poll_waiting(world, "", &marker);
    say_put(world, "b", NULL, NULL);
    expect_answer(world, slot, "200 {\"items\":[{\"sk\":\"b\",\"ct\":_,\"v\":[null]}],\"seenMarker\":_}");
}

static void only_what_is_in_the_range_is_heard(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *fields;
        const char *inside;
        const char *outside[3];
    } rows[] = {
        {"\"start\":\"b\"", "b", {"a", "Z", "a~"}},
        {"\"end\":\"b\"", "a~", {"b", "c", "z"}},
        {"\"prefix\":\"b\"", "b", {"a", "c", "a~"}},
        {"\"prefix\":\"b\"", "bz", {"a", "c", "B"}},
        {"\"prefix\":\"b\",\"start\":\"a\"", "b", {"a", "c", "az"}}, /* start below the prefix is no error here */
        {"\"prefix\":\"b\",\"start\":\"bb\"", "bb", {"b", "ba", "c"}},
        {"\"prefix\":\"b\",\"end\":\"bb\"", "ba", {"bb", "bc", "a"}},
        {"\"prefix\":\"b\",\"start\":\"ba\",\"end\":\"bc\"", "bb", {"bc", "b", "c"}},
        {"\"prefix\":\"\"", "q", {NULL, NULL, NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t first = begin_poll(world, rows[i].fields, NULL);
        world_pump(world);
        struct token marker = say_marker(world, first);
        say_close(world, first);
        uint32_t slot = poll_waiting(world, rows[i].fields, &marker);
        for (int j = 0; j < 3 && rows[i].outside[j] != NULL; j++) {
            say_put(world, rows[i].outside[j], NULL, "x");
            expect_answer(world, slot, "nothing yet");
        }
        expect_ask(world, ((struct ask){.method = "PUT", .target = "/demo/other?sort_key=b"}), "204");
        expect_answer(world, slot, "nothing yet");
        say_put(world, rows[i].inside, NULL, "x");
        assert_int_equal(world_status(world, slot), 200);
        say_close(world, slot);
    }
}

/* Nothing can be in an empty range; its poll waits all the same. */
static void an_empty_range_waits_for_its_deadline(void **state)
{
    struct world *world = *state;
    const char *fields = "\"start\":\"c\",\"end\":\"b\",\"timeout\":5";
    struct token marker = poll_now(world, fields, NULL, "200 {\"items\":[],\"seenMarker\":_}");
    uint32_t slot = poll_waiting(world, fields, &marker);
    say_put(world, "b", NULL, "x");
    say_put(world, "c", NULL, "x");
    expect_answer(world, slot, "nothing yet");
    world_pass_ms(world, 5000);
    world_pump(world);
    expect_answer(world, slot, "304");
}

/* H8: a marker is good for its partition and its range or a part of it, unchanged. */
static void a_marker_is_good_for_its_own_range_only(void **state)
{
    struct world *world = *state;
    say_put(world, "b", NULL, "x");
    struct token marker = poll_now(world, "\"start\":\"b\",\"end\":\"n\"", NULL,
                                   "200 {\"items\":[{\"sk\":\"b\",\"ct\":_,\"v\":[\"x\"]}],\"seenMarker\":_}");
    static const struct {
        const char *fields;
        bool is_good;
    } rows[] = {
        {"\"start\":\"b\",\"end\":\"n\"", true},
        {"\"start\":\"c\",\"end\":\"n\"", true},
        {"\"start\":\"b\",\"end\":\"m\"", true},
        {"\"prefix\":\"k\"", true},
        {"", false},
        {"\"start\":\"b\"", false},
        {"\"start\":\"a\",\"end\":\"n\"", false},
        {"\"start\":\"b\",\"end\":\"na\"", false},
        {"\"prefix\":\"n\"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t slot = begin_poll(world, rows[i].fields, &marker);
        world_pump(world);
        expect_answer(world, slot, rows[i].is_good ? "nothing yet" : "400 InvalidRequest");
        say_close(world, slot);
    }
    struct text body = text_of("{\"start\":\"b\",\"end\":\"n\",\"seenMarker\":\"%s\"}", marker.text);
    expect_post(world, "/demo/other?poll_range", body.text, "400 InvalidRequest");
    assert_int_equal(world->node.requests.service.waiting_polls, 0);
}

/* H8: any single character changed is refused; so is any cut. */
static void a_changed_marker_is_refused(void **state)
{
    struct world *world = *state;
    say_put(world, "b", NULL, "x");
    uint32_t slot = begin_poll(world, "", NULL);
    world_pump(world);
    struct token marker = say_marker(world, slot);
    say_close(world, slot);
    size_t length = strlen(marker.text);
    for (size_t i = 0; i < length; i++) {
        struct token changed = marker;
        changed.text[i] = changed.text[i] == 'B' ? 'C' : 'B';
        slot = begin_poll(world, "", &changed);
        world_pump(world);
        expect_answer(world, slot, "400 InvalidRequest");
        say_close(world, slot);
        struct token cut = marker;
        cut.text[i] = '\0';
        slot = begin_poll(world, "", &cut);
        world_pump(world);
        expect_answer(world, slot, "400 InvalidRequest");
        say_close(world, slot);
    }
    poll_waiting(world, "", &marker);
}

static void bad_bodies_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{",
                                         "null",
                                         "{\"prefix\":1}",
                                         "{\"timeout\":-1}",
                                         "{\"timeout\":1.5}",
                                         "{\"seenMarker\":\"\"}",
                                         "{\"seenMarker\":\"!\"}",
                                         "{\"seenMarker\":\"AAAA\"}",
                                         "{\"start\":\"a\",\"start\":\"a\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        expect_post(world, "/demo/p?poll_range", bodies[i], "400 InvalidRequest");
    char *body = malloc(600);
    assert_non_null(body);
    memset(body, 'k', 600);
    memcpy(body, "{\"start\":\"", 10);
    strcpy(body + 10 + KEYS_SORT_KEY_BYTES_MAX + 1, "\"}");
    expect_post(world, "/demo/p?poll_range", body, "400 InvalidRequest");
    strcpy(body + 10 + KEYS_SORT_KEY_BYTES_MAX, "\"}");
    poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    free(body);
    assert_int_equal(world->node.requests.service.waiting_polls, 0);
}

/* A waiting poll survives what happens to others, and ends at its deadline or with the node. */
static void the_deadline_is_304_and_the_drain_too(void **state)
{
    struct world *world = *state;
    struct token marker = poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    uint32_t timed = poll_waiting(world, "\"timeout\":2", &marker);
    assert_int_equal(node_deadline_ms(&world->node), world->now_ms + 2000);
    world_pass_ms(world, 1999);
    world_pump(world);
    expect_answer(world, timed, "nothing yet");
    world_pass_ms(world, 1);
    world_pump(world);
    expect_answer(world, timed, "304");
    uint32_t waiting = poll_waiting(world, "", &marker);
    world->holds.reads = true;
    uint32_t scanning = begin_poll(world, "", &marker);
    world_pump(world);
    world->holds.bodies = true;
    uint32_t unread = begin_poll(world, "", &marker); /* not even its body has come */
    world_drain(world);
    world->holds = (struct world_holds){false};
    world_pump(world);
    expect_answer(world, waiting, "304");
    expect_answer(world, scanning, "304");
    expect_answer(world, unread, "304");
    assert_int_equal(world->node.requests.service.waiting_polls, 0);
}

/* A deadline that comes while a scan is under way waits for what the scan finds. */
static void a_deadline_during_a_scan_does_not_cut_it(void **state)
{
    struct world *world = *state;
    struct token marker = poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    uint32_t slot = poll_waiting(world, "\"timeout\":2", &marker);
    world->holds.reads = true;
    say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    world_pass_ms(world, 2000);
    world_pump(world);
    expect_answer(world, slot, "nothing yet");
    world->holds.reads = false;
    world_pump(world);
    expect_answer(world, slot, "200 {\"items\":[{\"sk\":\"a\",\"ct\":_,\"v\":[\"x\"]}],\"seenMarker\":_}");
}

/* I25: what a waiting range poll holds does not grow with what was scanned or with what passes by. */
static void an_idle_range_poll_is_small(void **state)
{
    struct world *world = *state;
    struct token marker = poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    uint32_t slot = poll_waiting(world, "\"start\":\"m\",\"end\":\"n\"", &marker);
    const struct request *request = world->node.requests.slots[slot];
    size_t held_bytes = request->arena.held_bytes;
    print_message("an idle range poll holds %zu bytes\n", held_bytes);
    assert_int_equal(request->scratch.held_bytes, 0);
    assert_int_equal(request->walk.held_bytes, 0);
    assert_true(held_bytes <= 1280);
    for (int i = 0; i < 100; i++)
        say_put(world, i % 2 == 0 ? "a" : "z", NULL, "x");
    assert_int_equal(request->scratch.held_bytes, 0);
    assert_int_equal(request->arena.held_bytes, held_bytes);
    assert_int_equal(request->walk.held_bytes, 0);
}

/* One move of the world that is not the slow reader's. */
static bool move_all_but(struct world *world, uint32_t slot)
{
    struct connection *connection = &world->connections[slot];
    bool was_sending = connection->is_sending;
    connection->is_sending = false;
    bool has_moved = world_move(world);
    connection->is_sending = was_sending;
    return has_moved;
}

/* Other nodes' ids, and more than one page: every item once, in order, in pieces (I17, I25). */
static void a_large_range_comes_in_pieces(void **state)
{
    struct world *world = *state;
    enum { ITEMS = 2500, VALUE_BYTES = 3000 };
    char *value = malloc(VALUE_BYTES + 1);
    assert_non_null(value);
    memset(value, 'Q', VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    for (int i = 0; i < ITEMS; i += 100) {
        char *body = malloc(100 * (VALUE_BYTES + 60));
        size_t used = 0;
        assert_non_null(body);
        for (int j = i; j < i + 100; j++)
            used += (size_t)sprintf(body + used, "%s{\"pk\":\"p\",\"sk\":\"k%05d\",\"v\":\"%s\"}",
                                    j == i ? "[" : ",", j, value);
        strcpy(body + used, "]");
        expect_post(world, "/demo", body, "204");
        free(body);
    }
    world->holds.sends = true;
    uint32_t slot = begin_poll(world, "", NULL);
    world_pump(world);
    uint32_t steps = 0;
    while (!world->connections[slot].is_done) {
        assert_true(world->connections[slot].is_sending);
        assert_true(list_is_empty(&world->reads)); /* the next page is read after this one is out */
        world->holds.sends = false;                /* others go on; the range changes under the walk */
        uint32_t other = say_begin_put(world, "k00000", NULL, "BBBB");
        while (!world->connections[other].is_done)
            assert_true(move_all_but(world, slot));
        say_close(world, other);
        world->holds.sends = true;
        world_send(world, slot);
        world_pump(world);
        steps++;
    }
    assert_true(steps > 20);
    const struct answer *answer = world_answer(world, slot);
    char *line = say_line(world, slot);
    const char *at = line;
    const char *end = line + strlen(line);
    for (int i = 0; i < ITEMS; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "{\"sk\":\"k%05d\",", i);
        at = say_find(at, end, wanted);
        assert_true(at < end);
    }
    assert_true(answer->is_chunked);
    free(line);
    struct token marker = say_marker(world, slot);
    say_close(world, slot);
    world->holds.sends = false;
    slot = begin_poll(world, "", &marker); /* the item that changed, and no other */
    size_t held_bytes_max = say_pump_watching(world, slot);
    print_message("at most %zu bytes held\n", held_bytes_max);
    assert_true(held_bytes_max < 4 * OP_RANGE_BYTES_MAX); /* of 7.5 MB that were read */
    line = say_line(world, slot);
    assert_non_null(strstr(line, "\"k00000\""));
    assert_null(strstr(line, "\"k00001\""));
    marker = say_marker(world, slot);
    say_close(world, slot);
    free(line);
    poll_waiting(world, "", &marker);
    free(value);
}

/* A page that fails cuts the stream; what came before is seen to be incomplete. */
static void a_stream_that_fails_is_cut_off(void **state)
{
    struct world *world = *state;
    char *value = malloc(400001);
    assert_non_null(value);
    memset(value, 'A', 400000);
    value[400000] = '\0';
    for (int i = 0; i < 6; i++) {
        char sort_key[2] = {(char)('a' + i), '\0'};
        say_put(world, sort_key, NULL, value);
    }
    free(value);
    world->holds.sends = true;
    uint32_t slot = begin_poll(world, "", NULL);
    world_pump(world);
    disk_fail_call(&world->disk, 2, ERR_IO);
    world_send(world, slot);
    world->holds.sends = false;
    world_pump(world);
    assert_false(world->connections[slot].is_open);
    assert_false(world->connections[slot].is_done);
    assert_int_equal(world->node.requests.service.waiting_polls, 0);
}

/* H1, I17: over more ids than a marker's clock has room for, a chain hears each new item, once, and then waits. */
static void a_chain_goes_on_over_many_ids_of_the_node(void **state)
{
    struct world *world = *state;
    enum { IDS = CRDT_VCLOCK_MAX + 20 };
    struct token marker = poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    for (int i = 0; i < IDS; i++) {
        uint64_t actor = world->store.actor.id;
        struct text sort_key = text_of("k%03d", i);
        struct text expected = text_of("200 {\"items\":[{\"sk\":\"%s\",\"ct\":_,\"v\":[\"x\"]}],\"seenMarker\":_}",
                                       sort_key.text);
        world->place++; /* as if the database had been copied */
        world_restart(world);
        assert_int_not_equal(world->store.actor.id, actor);
        uint32_t slot = poll_waiting(world, "", &marker);
        say_put(world, sort_key.text, NULL, "x");
        expect_answer(world, slot, expected.text);
        marker = say_marker(world, slot);
        say_close(world, slot);
    }
    poll_waiting(world, "", &marker);
}

static void reading_is_permission_enough(void **state)
{
    struct world *world = *state;
    struct text body = text_of("{\"key_id\":\"%s\",\"write\":false,\"owner\":false}", world->key_id);
    uint32_t slot = say_begin_admin(world, "POST", "/v1/buckets/demo/permissions", body.text);
    world_pump(world);
    assert_int_equal(world_status(world, slot), 200);
    say_close(world, slot);
    poll_now(world, "", NULL, "200 {\"items\":[],\"seenMarker\":_}");
    expect_ask(world, ((struct ask){.method = "PUT", .target = "/demo/p?sort_key=a"}), "403 AccessDenied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(the_first_call_answers_at_once_with_all_there_is),
        world_test(the_marker_of_nothing_waits_for_the_first_write),
        world_test(only_what_is_in_the_range_is_heard),
        world_test(an_empty_range_waits_for_its_deadline),
        world_test(a_marker_is_good_for_its_own_range_only),
        world_test(a_changed_marker_is_refused),
        world_test(bad_bodies_are_refused),
        world_test(the_deadline_is_304_and_the_drain_too),
        world_test(a_deadline_during_a_scan_does_not_cut_it),
        world_test(an_idle_range_poll_is_small),
        world_test(a_large_range_comes_in_pieces),
        world_test(a_stream_that_fails_is_cut_off),
        world_test(a_chain_goes_on_over_many_ids_of_the_node),
        world_test(reading_is_permission_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
