/* Every request with too little memory, for every amount of too little: it fails as a whole, tells no lies, and
 * the node goes on (I20, I23, I25). */
#include "tests/lib/node_say.h"

enum { CEILING_BYTES_MAX = 1 << 20, ROOM = 4096 };

/* One request to be tried under every ceiling. %zu in target and body becomes the ceiling, so that each try has an
 * item of its own. */
struct story {
    const char *name;
    enum event_door door;
    const char *method;
    const char *target;
    const char *body;
    const char *expected;  /* in the end, with memory enough; NULL: any 200 */
    const char *look;      /* a target whose answer tells whether the change was made; NULL: nothing is changed */
    const char *looks_old; /* …what it says when not */
    const char *looks_new; /* …or what it says when so */
    const char *before_target; /* an operator's POST before each try; NULL: none */
    const char *before_body;
};

/* Make the settings such that a request's arenas end at `ceiling_bytes` (a multiple of 8). The sums wrap. */
static void set_ceiling(struct world *world, size_t ceiling_bytes)
{
    world->settings.max_batch_bytes = 0;
    uint32_t slot = world_free_slot(world);
    world_ask(world, slot, EVENT_DOOR_ADMIN, (struct ask){.method = "GET", .target = "/v1/none", .bearer = ""});
    uint64_t ceiling_of_none = world->node.requests.slots[slot]->arena.ceiling_bytes;
    world_pump(world);
    say_close(world, slot);
    world->settings.max_batch_bytes = (ceiling_bytes - ceiling_of_none) / 8 & UINT64_MAX >> 3;
}

static void set_enough(struct world *world)
{
    world->settings.max_batch_bytes = 8 << 20;
}

static const char *filled(char room[ROOM], const char *format, size_t number)
{
    size_t used = 0;
    const char *mark = strstr(format, "%zu");
    for (; mark != NULL; format = mark + 3, mark = strstr(format, "%zu"))
        used += (size_t)snprintf(room + used, ROOM - used, "%.*s%zu", (int)(mark - format), format, number);
    used += (size_t)snprintf(room + used, ROOM - used, "%s", format);
    assert_true(used < ROOM);
    return room;
}

static void expect_look(struct world *world, const struct story *story, size_t ceiling_bytes, bool is_changed)
{
    char target[ROOM];
    uint32_t slot = world_free_slot(world);
    world_ask(world, slot, story->door,
              (struct ask){.method = "GET", .target = filled(target, story->look, ceiling_bytes)});
    world_pump(world);
    char *line = say_line(world, slot);
    bool is_old = story->looks_old != NULL ? strcmp(line, story->looks_old) == 0
                                           : strcmp(line, story->looks_new) != 0;
    if (is_old == is_changed)
        print_error("%s with %zu bytes: there is %.200s, changed should be %d\n", story->name, ceiling_bytes, line,
                    is_changed);
    assert_true(is_old != is_changed);
    free(line);
    say_close(world, slot);
}

/* One try; true when it succeeded. */
static bool try_story(struct world *world, const struct story *story, size_t ceiling_bytes)
{
    char target[ROOM];
    char body[ROOM];
    if (story->before_target != NULL) {
        uint32_t before = say_begin_admin(world, "POST", story->before_target,
                                          filled(body, story->before_body, ceiling_bytes));
        world_pump(world);
        assert_int_equal(world_status(world, before), 200);
        say_close(world, before);
    }
    uint32_t slot = world_free_slot(world);
    set_ceiling(world, ceiling_bytes);
    world_ask(world, slot, story->door,
              (struct ask){.method = story->method,
                           .target = filled(target, story->target, ceiling_bytes),
                           .body = span_text(filled(body, story->body, ceiling_bytes))});
    bool has_request = node_has_request(&world->node, slot);
    set_enough(world);
    if (has_request) assert_int_equal(world->node.requests.slots[slot]->arena.ceiling_bytes, ceiling_bytes);
    world_pump(world);
    const struct connection *connection = &world->connections[slot];
    if (!connection->is_done) { /* no request was made, or its connection was closed */
        assert_true(!has_request || !connection->is_open);
        say_close(world, slot);
        return false;
    }
    char *line = say_line(world, slot);
    bool is_refused = strcmp(line, "503 ServiceUnavailable") == 0;
    bool is_uncertain = strcmp(line, "503 OutcomeUncertain") == 0;
    bool is_right = story->expected == NULL ? strncmp(line, "200 ", 4) == 0 : strcmp(line, story->expected) == 0;
    if (!is_refused && !is_uncertain && !is_right)
        fail_msg("%s with %zu bytes: %s", story->name, ceiling_bytes, line);
    free(line);
    say_close(world, slot);
    if (story->look != NULL && !is_uncertain) expect_look(world, story, ceiling_bytes, is_right);
    return is_right;
}

static void run_story(struct world *world, const struct story *story)
{
    size_t ceiling_bytes = 0;
    uint32_t failures = 0;
    for (; !try_story(world, story, ceiling_bytes); failures++) {
        assert_true(ceiling_bytes < CEILING_BYTES_MAX);
        ceiling_bytes += ceiling_bytes < 8192 ? 32 : ceiling_bytes / 32 / 16 * 16;
    }
    print_message("%s: needs %zu bytes, failed %u times\n", story->name, ceiling_bytes, failures);
    assert_true(failures > 8);
}

#define ELEMENT       "{\"pk\":\"s\",\"sk\":\"%zu-\"},"
#define TEN_ELEMENTS  ELEMENT ELEMENT ELEMENT ELEMENT ELEMENT ELEMENT ELEMENT ELEMENT ELEMENT ELEMENT
#define MANY_ELEMENTS TEN_ELEMENTS TEN_ELEMENTS TEN_ELEMENTS TEN_ELEMENTS
#define ITEM_A        "{\"sk\":\"a\",\"ct\":_,\"v\":[\"a\"]}"

static void a_request_without_memory_fails_as_a_whole(void **state)
{
    struct world *world = *state;
    static const struct story stories[] = {
        {.name = "PUT",
         .method = "PUT",
         .target = "/demo/q?sort_key=%zu",
         .body = "a value",
         .expected = "204",
         .look = "/demo/q?sort_key=%zu",
         .looks_old = "404 NoSuchKey"},
        {.name = "DELETE",
         .method = "DELETE",
         .target = "/demo/r?sort_key=%zu",
         .body = "",
         .expected = "204",
         .look = "/demo/r?sort_key=%zu",
         .looks_old = "404 NoSuchKey"},
        {.name = "InsertBatch",
         .method = "POST",
         .target = "/demo",
         .body = "[{\"pk\":\"s\",\"sk\":\"%zu\",\"v\":\"YQ==\"}," MANY_ELEMENTS "{\"pk\":\"s\",\"sk\":\"%zu.\"}]",
         .expected = "204",
         .look = "/demo/s?sort_key=%zu",
         .looks_old = "404 NoSuchKey"},
        {.name = "GET", .method = "GET", .target = "/demo/p?sort_key=a", .body = "", .expected = "200 [\"a\"]"},
        {.name = "HEAD", .method = "HEAD", .target = "/demo/p?sort_key=a", .body = "", .expected = "200"},
        {.name = "ReadIndex",
         .method = "GET",
         .target = "/demo?limit=1",
         .body = "",
         .expected =
             "200 {\"prefix\":null,\"start\":null,\"end\":null,\"limit\":1,\"reverse\":false,\"partitionKeys\":"
             "[{\"pk\":\"big\",\"entries\":2,\"conflicts\":0,\"values\":2,\"bytes\":0}],\"more\":true,"
             "\"nextStart\":\"p\"}"},
        {.name = "ReadBatch",
         .method = "POST",
         .target = "/demo?search",
         .body =
             "[{\"partitionKey\":\"p\",\"limit\":1},{\"partitionKey\":\"p\",\"start\":\"a\",\"singleItem\":true},"
             "{\"partitionKey\":\"big\",\"conflictsOnly\":true,\"prefix\":\"x\"}]",
         .expected =
             "200 [{\"partitionKey\":\"p\",\"prefix\":null,\"start\":null,\"end\":null,\"limit\":1,"
             "\"reverse\":false,\"singleItem\":false,\"conflictsOnly\":false,\"tombstones\":false,\"items\":"
             "[" ITEM_A "],\"more\":true,\"nextStart\":\"b\"},{\"partitionKey\":\"p\",\"prefix\":null,"
             "\"start\":\"a\",\"end\":null,\"limit\":null,\"reverse\":false,\"singleItem\":true,"
             "\"conflictsOnly\":false,\"tombstones\":false,\"items\":[" ITEM_A
             "],\"more\":false,\"nextStart\":null},{\"partitionKey\":\"big\",\"prefix\":\"x\",\"start\":null,"
             "\"end\":null,\"limit\":null,\"reverse\":false,\"singleItem\":false,\"conflictsOnly\":true,"
             "\"tombstones\":false,\"items\":[],\"more\":false,\"nextStart\":null}]"},
        {.name = "PollItem",
         .method = "GET",
         .target = "/demo/p?sort_key=a&causality_token=AAAAAAAAAAA",
         .body = "",
         .expected = "200 [\"a\"]"},
        {.name = "PollRange",
         .method = "POST",
         .target = "/demo/p?poll_range",
         .body = "{\"prefix\":\"a\"}",
         .expected = "200 {\"items\":[" ITEM_A "],\"seenMarker\":_}"},
        {.name = "preflight",
         .method = "OPTIONS",
         .target = "/demo",
         .body = "",
         .expected = "400 InvalidRequest"},
        {.name = "no such bucket",
         .method = "GET",
         .target = "/none/p?sort_key=a",
         .body = "",
         .expected = "404 NoSuchBucket"},
    };
    expect_post(world, "/demo",
                "[{\"pk\":\"p\",\"sk\":\"a\",\"v\":\"YQ==\"},{\"pk\":\"p\",\"sk\":\"b\",\"v\":\"YQ==\"},"
                "{\"pk\":\"big\",\"sk\":\"x\",\"v\":\"\"},{\"pk\":\"big\",\"sk\":\"y\",\"v\":\"\"}]",
                "204");
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        run_story(world, &stories[i]);
    }
}

/* A deletion may fail after its commit; it never says that it deleted what it did not. */
static void a_delete_batch_without_memory_is_an_error(void **state)
{
    struct world *world = *state;
    static const struct story story = {
        .name = "DeleteBatch", .method = "POST", .target = "/demo?delete", .body = "[{\"partitionKey\":\"d\"}]"};
    expect_post(world, "/demo",
                "[{\"pk\":\"d\",\"sk\":\"a\",\"v\":\"\"},{\"pk\":\"d\",\"sk\":\"b\",\"v\":\"\"},"
                "{\"pk\":\"d\",\"sk\":\"c\",\"v\":\"\"}]",
                "204");
    run_story(world, &story);
    expect_post(world, "/demo?search", "[{\"partitionKey\":\"d\",\"limit\":0}]",
                "200 [{\"partitionKey\":\"d\",\"prefix\":null,\"start\":null,\"end\":null,\"limit\":0,"
                "\"reverse\":false,\"singleItem\":false,\"conflictsOnly\":false,\"tombstones\":false,\"items\":[],"
                "\"more\":false,\"nextStart\":null}]");
}

/* A poll that waits is woken with no memory left: it ends, and is counted no more. */
static void a_woken_poll_without_memory_ends(void **state)
{
    struct world *world = *state;
    uint32_t slot = say_begin_post(world, "/demo/p?poll_range", "{}");
    world_pump(world);
    struct token marker = say_marker(world, slot);
    say_close(world, slot);
    for (int kind = 0; kind < 2; kind++) {
        uint32_t failures = 0;
        for (size_t spare_bytes = 0;; spare_bytes += spare_bytes < 8192 ? 64 : spare_bytes / 64 / 64 * 64) {
            struct text key = text_of("k%d-%zu", kind, spare_bytes);
            struct text target = text_of("/demo/p?sort_key=%s&causality_token=AAAAAAAAAAA", key.text);
            struct text body = text_of("{\"seenMarker\":\"%s\",\"prefix\":\"%s\"}", marker.text, key.text);
            slot = kind == 0 ? say_begin(world, (struct ask){.method = "GET", .target = target.text})
                             : say_begin_post(world, "/demo/p?poll_range", body.text);
            world_pump(world);
            struct request *request = world->node.requests.slots[slot];
            assert_non_null(request);
            assert_true(node_is_waiting(&world->node, slot));
            request->arena.ceiling_bytes = request->arena.held_bytes + spare_bytes;
            request->scratch.ceiling_bytes = request->scratch.held_bytes + spare_bytes;
            request->walk.ceiling_bytes = request->walk.held_bytes + spare_bytes;
            say_put(world, key.text, NULL, "x");
            assert_int_equal(world->node.requests.service.waiting_polls, 0);
            int status = world_status(world, slot);
            say_close(world, slot);
            if (status == 200) break;
            assert_true(status == 503 || status == 0);
            failures++;
        }
        print_message("kind %d failed %u times\n", kind, failures);
        assert_true(failures > 4);
    }
}

static void an_operator_without_memory_changes_nothing(void **state)
{
    struct world *world = *state;
    static const struct story stories[] = {
        {.name = "create a bucket",
         .method = "POST",
         .target = "/v1/buckets",
         .body = "{\"alias\":\"bucket-%zu\"}",
         .look = "/v1/buckets/bucket-%zu",
         .looks_old = "404 NoSuchBucket"},
        {.name = "import a key",
         .method = "POST",
         .target = "/v1/keys",
         .body = "{\"key_id\":\"GK%zu\",\"secret\":\"a-secret-of-sorts\"}",
         .look = "/v1/keys/GK%zu",
         .looks_old = "404 NoSuchKey"},
        {.name = "create a key", .method = "POST", .target = "/v1/keys", .body = "{\"name\":\"%zu\"}"},
        {.name = "add an alias",
         .method = "POST",
         .target = "/v1/buckets/demo/aliases",
         .body = "{\"alias\":\"alias-%zu\"}",
         .look = "/v1/buckets/alias-%zu",
         .looks_old = "404 NoSuchBucket"},
        {.name = "set rules",
         .method = "PUT",
         .target = "/v1/buckets/demo/cors",
         .body = "{\"rules\":[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"GET\",\"PUT\"]}]}"},
        {.name = "set permissions",
         .method = "POST",
         .target = "/v1/buckets/demo/permissions",
         .body = "{\"key_id\":\"GKfriend\",\"read\":true,\"write\":false,\"owner\":false}"},
        {.name = "stats", .method = "GET", .target = "/v1/stats", .body = ""},
        {.name = "status", .method = "GET", .target = "/v1/status", .body = ""},
        {.name = "buckets", .method = "GET", .target = "/v1/buckets", .body = ""},
        {.name = "keys", .method = "GET", .target = "/v1/keys", .body = ""},
        {.name = "bucket", .method = "GET", .target = "/v1/buckets/demo", .body = ""},
        {.name = "nothing", .method = "GET", .target = "/v1/none", .body = "", .expected = "404 NoSuchRequest"},
    };
    uint32_t friend = say_begin_admin(world, "POST", "/v1/keys",
                                      "{\"key_id\":\"GKfriend\",\"secret\":\"a-secret-of-sorts\"}");
    world_pump(world);
    assert_int_equal(world_status(world, friend), 200);
    say_close(world, friend);
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        struct story story = stories[i];
        story.door = EVENT_DOOR_ADMIN;
        run_story(world, &story);
    }
}

static void deletions_without_memory_change_nothing(void **state)
{
    struct world *world = *state;
    static const struct story stories[] = {
        {.name = "delete a key",
         .door = EVENT_DOOR_ADMIN,
         .method = "DELETE",
         .target = "/v1/keys/GK%zu",
         .body = "",
         .expected = "204",
         .before_target = "/v1/keys",
         .before_body = "{\"key_id\":\"GK%zu\",\"secret\":\"a-secret-of-sorts\"}",
         .look = "/v1/keys/GK%zu",
         .looks_new = "404 NoSuchKey"},
        {.name = "delete a bucket",
         .door = EVENT_DOOR_ADMIN,
         .method = "DELETE",
         .target = "/v1/buckets/bucket-%zu",
         .body = "",
         .expected = "204",
         .before_target = "/v1/buckets",
         .before_body = "{\"alias\":\"bucket-%zu\"}",
         .look = "/v1/buckets/bucket-%zu",
         .looks_new = "404 NoSuchBucket"},
    };
    for (size_t i = 0; i < 2; i++) {
        run_story(world, &stories[i]);
    }
}

/* I25: all requests of clients together have a bound; the newest wish beyond is refused, operators get in, and
 * what is given back can be had again. */
static void all_requests_together_have_a_bound(void **state)
{
    struct world *world = *state;
    struct arena_budget *budget = &world->node.requests.service.memory;
    uint32_t polls[4];
    for (int i = 0; i < 4; i++)
        polls[i] = say_begin(
            world, (struct ask){.method = "GET", .target = "/demo/p?sort_key=a&causality_token=AAAAAAAAAAA"});
    world_pump(world);
    size_t held_bytes = budget->held_bytes;
    assert_true(held_bytes > 0);
    uint32_t failures = 0;
    for (size_t spare_bytes = 0;; spare_bytes += 64) {
        budget->ceiling_bytes = held_bytes + spare_bytes;
        uint32_t slot = say_begin_get(world, "b");
        bool has_request = node_has_request(&world->node, slot);
        world_pump(world);
        int status = world_status(world, slot);
        assert_true(status == 404 || status == 503 ||
                    (status == 0 && (!has_request || !world->connections[slot].is_open)));
        say_close(world, slot);
        assert_int_equal(budget->held_bytes, held_bytes);
        if (status == 404) break;
        expect_admin(world, "GET", "/v1/keys/GKnone", "", "404 NoSuchKey");
        failures++;
    }
    assert_true(failures > 8);
    budget->ceiling_bytes = 1 << 20;
    for (int i = 0; i < 4; i++)
        expect_answer(world, polls[i], "nothing yet"); /* who was there before is not concerned */
    say_put(world, "a", NULL, "x");
    for (int i = 0; i < 4; i++) {
        expect_answer(world, polls[i], "200 [\"x\"]");
        say_close(world, polls[i]);
    }
    assert_int_equal(budget->held_bytes, 0);
}

/* A node that cannot start for want of memory says so or asks for nothing, and starts when there is some. */
static void a_start_without_memory_fails(void **state)
{
    (void)state;
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    world_init(world);
    uint32_t failures = 0;
    bool is_new = false;
    for (size_t ceiling_bytes = 0;; ceiling_bytes += 64) {
        set_ceiling(world, ceiling_bytes);
        world_stop(world);
        if (!is_new) { /* once from the empty disk on, the demo being made; then with the demo there */
            disk_deinit(&world->disk);
            disk_init(&world->disk);
        }
        memset(world->connections, 0, sizeof world->connections);
        world_start(world);
        world_pump(world);
        set_enough(world);
        if (world->is_ready) {
            expect_item(world, "a", "404 NoSuchKey");
            if (is_new) break;
            print_message("an empty node starts with %zu bytes\n", ceiling_bytes);
            is_new = true;
            ceiling_bytes = 0;
        } else {
            assert_true(world->failure == ERR_MEMORY || world->failure == ERR_OK);
            failures++;
        }
    }
    assert_true(failures > 20);
    world_deinit(world);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_request_without_memory_fails_as_a_whole),
        world_test(a_delete_batch_without_memory_is_an_error),
        world_test(a_woken_poll_without_memory_ends),
        world_test(an_operator_without_memory_changes_nothing),
        world_test(deletions_without_memory_change_nothing),
        world_test(all_requests_together_have_a_bound),
        cmocka_unit_test(a_start_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
