/* What a node does first: the demo once, the same buckets and keys after a restart, and what may go wrong. */
#include "tests/lib/node_say.h"

static void copy_text(char *to, const char *from)
{
    strcpy(to, from);
}

/* The demo is made on an empty store and found again; its key goes on working. */
static void the_demo_is_made_once(void **state)
{
    struct world *world = *state;
    char key_id[LIMITS_KEY_ID_CHARS_MAX + 1];
    char secret[LIMITS_SECRET_CHARS_MAX + 1];
    copy_text(key_id, world->key_id);
    copy_text(secret, world->secret);
    assert_memory_equal(key_id, "GK", 2);
    assert_int_equal(strlen(key_id), 26);
    assert_int_equal(strlen(secret), 64);
    say_put(world, "a", NULL, "x");
    /* Others, in order before the demo's: of another name, of its name but without its right. */
    static const char *const others[] = {"{\"key_id\":\"AAone\",\"secret\":\"secret-one\"}",
                                         "{\"key_id\":\"AAtwo\",\"secret\":\"secret-two\",\"name\":\"demo\"}"};
    for (int i = 0; i < 2; i++) {
        uint32_t slot = say_begin_admin(world, "POST", "/v1/keys", others[i]);
        world_pump(world);
        assert_int_equal(world_status(world, slot), 200);
        say_close(world, slot);
    }
    world_restart(world);
    assert_true(world->is_ready && world->has_demo);
    assert_string_equal(world->key_id, key_id);
    assert_string_equal(world->secret, secret);
    expect_item(world, "a", "200 [\"x\"]");
}

static void a_demo_that_was_deleted_does_not_come_back(void **state)
{
    struct world *world = *state;
    struct text target = text_of("/v1/keys/%s", world->key_id);
    expect_admin(world, "DELETE", target.text, "", "204");
    expect_admin(world, "DELETE", "/v1/buckets/demo", "", "204");
    world_restart(world);
    assert_true(world->is_ready);
    assert_false(world->has_demo);
    expect_admin(world, "GET", "/v1/buckets", "", "200 {\"buckets\":[]}");
    expect_admin(world, "GET", "/v1/keys", "", "200 {\"keys\":[]}");
}

static void no_demo_is_made_when_none_is_wanted(void **state)
{
    (void)state;
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    world_set_up(world);
    world->settings.wants_demo = false;
    world_start(world);
    world_pump(world);
    assert_true(world->is_ready);
    assert_false(world->has_demo);
    assert_int_equal(disk_rows_count(&world->disk, KV_DOCS), 0);
    world->settings.wants_demo = true; /* still nothing there: now it is made */
    world_restart(world);
    assert_true(world->has_demo);
    world_deinit(world);
    free(world);
}

/* With buckets of one's own a wish for the demo comes too late. */
static void a_store_that_is_in_use_gets_no_demo(void **state)
{
    (void)state;
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    world_set_up(world);
    world->settings.wants_demo = false;
    world_start(world);
    world_pump(world);
    expect_admin(world, "POST", "/v1/keys",
                 "{\"key_id\":\"GKmine\",\"secret\":\"a-secret-of-mine\",\"name\":\"demo\"}",
                 "200 {\"key_id\":\"GKmine\",\"name\":\"demo\",\"created\":\"2025-06-15T12:00:00Z\","
                 "\"secret\":\"a-secret-of-mine\",\"buckets\":[]}");
    world->settings.wants_demo = true;
    world_restart(world);
    assert_true(world->is_ready);
    assert_false(world->has_demo);
    expect_admin(world, "GET", "/v1/buckets", "", "200 {\"buckets\":[]}");
    world_deinit(world);
    free(world);
}

/* Everything an operator made is the same after a restart, to the byte. */
static void the_view_after_a_restart_is_the_same(void **state)
{
    struct world *world = *state;
    static const char *const changes[][3] = {
        {"POST", "/v1/buckets", "{\"alias\":\"mails\"}"},
        {"POST", "/v1/buckets", "{\"alias\":\"gone\"}"},
        {"POST", "/v1/keys", "{\"key_id\":\"GKone\",\"secret\":\"secret-one\",\"name\":\"one \\u00e9\"}"},
        {"POST", "/v1/keys", "{\"key_id\":\"GKtwo\",\"secret\":\"secret-two\"}"},
        {"PUT", "/v1/keys/GKtwo", "{\"name\":\"two\"}"},
        {"POST", "/v1/buckets/mails/permissions", "{\"key_id\":\"GKone\",\"read\":true,\"owner\":true}"},
        {"POST", "/v1/buckets/mails/permissions", "{\"key_id\":\"GKtwo\",\"write\":true}"},
        {"POST", "/v1/buckets/mails/aliases", "{\"alias\":\"post\"}"},
        {"POST", "/v1/buckets/mails/aliases", "{\"alias\":\"own\",\"key_id\":\"GKone\"}"},
        {"DELETE", "/v1/buckets/mails/aliases", "{\"alias\":\"mails\"}"},
        {"PUT", "/v1/buckets/post/cors",
         "{\"rules\":[{\"allowed_origins\":[\"https://a.example\"],\"allowed_methods\":[\"*\"],"
         "\"expose_headers\":[\"x-garage-causality-token\"]}]}"},
        {"DELETE", "/v1/buckets/gone", ""},
    };
    static const char *const looks[] = {"/v1/buckets", "/v1/keys", "/v1/buckets/post",
                                        "/v1/keys/GKone?secret=true"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint32_t slot = say_begin_admin(world, changes[i][0], changes[i][1], changes[i][2]);
        world_pump(world);
        assert_true(world_status(world, slot) == 200 || world_status(world, slot) == 204);
        say_close(world, slot);
    }
    char *before[4];
    for (int i = 0; i < 4; i++) {
        uint32_t slot = say_begin_admin(world, "GET", looks[i], "");
        world_pump(world);
        assert_int_equal(world_status(world, slot), 200);
        before[i] = say_line(world, slot);
        say_close(world, slot);
    }
    assert_non_null(strstr(before[2], "\"local_aliases\":[{\"key_id\":\"GKone\",\"alias\":\"own\"}]"));
    for (int restart = 0; restart < 2; restart++) {
        world_restart(world);
        for (int i = 0; i < 4; i++)
            expect_admin(world, "GET", looks[i], "", before[i]);
    }
    for (int i = 0; i < 4; i++)
        free(before[i]);
}

/* Rules of CORS with 1,000 origins of some 200 bytes. */
static char *large_rules(void)
{
    size_t room = 256 * 1024;
    char *rules = malloc(room);
    assert_non_null(rules);
    size_t used = (size_t)snprintf(rules, room, "{\"rules\":[");
    for (int i = 0; i < 1000; i++) {
        used += (size_t)snprintf(rules + used, room - used, "%s\"https://%0180d\"",
                                 i % 100 != 0 ? ","
                                 : i == 0     ? "{\"allowed_origins\":["
                                              : "],\"allowed_methods\":[\"GET\"]},{\"allowed_origins\":[",
                                 i);
    }
    snprintf(rules + used, room - used, "],\"allowed_methods\":[\"GET\"]}]}");
    return rules;
}

/* What requests may hold says nothing of how much there is to load. */
static void more_than_a_request_may_hold_is_loaded(void **state)
{
    enum { BUCKETS = 28 }; /* within the share of CORS rules, and more than a request of these settings holds */
    (void)state;
    char *rules = large_rules();
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    world_set_up(world);
    world->settings.max_value_bytes = 1024;
    world->settings.max_batch_bytes = 1024;
    world_start(world);
    world_pump(world);
    for (int i = 0; i < BUCKETS; i++) {
        struct text bucket = text_of("{\"alias\":\"large-%d\"}", i);
        struct text target = text_of("/v1/buckets/large-%d/cors", i);
        const char *const calls[2][3] = {{"POST", "/v1/buckets", bucket.text}, {"PUT", target.text, rules}};
        for (int call = 0; call < 2; call++) {
            uint32_t slot = say_begin_admin(world, calls[call][0], calls[call][1], calls[call][2]);
            world_pump(world);
            assert_int_equal(world_status(world, slot), 200);
            say_close(world, slot);
        }
    }
    free(rules);
    world_restart(world);
    assert_true(world->is_ready);
    world_deinit(world);
    free(world);
}

/* Whichever call of the disk fails, the start fails and says why, or is as good as ever; the next one is. */
static void a_start_that_meets_a_failing_disk_fails(void **state)
{
    struct world *world = *state;
    const enum err errors[] = {ERR_IO, ERR_FULL};
    uint32_t failures = 0;
    expect_admin(world, "GET", "/v1/none", "", "404 NoSuchRequest");
    for (int i = 0; i < 2; i++) {
        for (uint64_t call = 1;; call++) {
            world_stop(world);
            memset(world->connections, 0, sizeof world->connections);
            world->holds.reads = true;
            world->holds.commits = true;
            world_start(world); /* the store is open; what comes is the node's */
            disk_fail_call(&world->disk, call, errors[i]);
            world->holds = (struct world_holds){false};
            world_pump(world);
            bool has_failed = world->disk.call_fault.calls_left == 0;
            disk_fail_call(&world->disk, 0, ERR_OK);
            assert_true(world->is_ready != (world->failure != ERR_OK));
            if (has_failed) assert_int_equal(world->failure, errors[i]);
            failures += has_failed;
            if (!has_failed) break;
        }
    }
    assert_true(failures > 6);
    assert_true(world->is_ready && world->has_demo);
}

/* The same on an empty disk, whose start writes: it is all there or not at all. */
static void a_first_start_that_fails_leaves_no_half_demo(void **state)
{
    (void)state;
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    for (uint64_t call = 1;; call++) {
        world_set_up(world);
        world_start(world);
        disk_fail_call(&world->disk, call, ERR_FULL);
        world_pump(world);
        bool has_failed = world->disk.call_fault.calls_left == 0;
        disk_fail_call(&world->disk, 0, ERR_OK);
        if (has_failed) {
            assert_false(world->is_ready);
            assert_int_equal(disk_rows_count(&world->disk, KV_DOCS), 0);
        }
        world_restart(world);
        assert_true(world->is_ready && world->has_demo);
        say_put(world, "a", NULL, "x");
        world_deinit(world);
        if (!has_failed) {
            assert_true(call > 10);
            break;
        }
    }
    free(world);
}

/* A corrupt document stops the start: nobody can say any more who may do what (I24). */
static void a_corrupt_document_stops_the_start(void **state)
{
    struct world *world = *state;
    uint64_t rows = disk_rows_count(&world->disk, KV_DOCS);
    assert_int_equal(rows, 4); /* bucket, alias, key, permission */
    for (uint64_t row = 0; row < rows; row++) {
        assert_true(disk_flip(&world->disk, KV_DOCS, row, 77));
        world_restart(world);
        assert_false(world->is_ready);
        assert_int_equal(world->failure, ERR_CORRUPT);
        assert_true(disk_flip(&world->disk, KV_DOCS, row, 77));
    }
    world_restart(world);
    assert_true(world->is_ready && world->has_demo);
}

/* Tokens and markers outlive the process. */
static void tokens_and_markers_survive_a_restart(void **state)
{
    struct world *world = *state;
    struct token token = say_put(world, "a", NULL, "1");
    uint32_t slot = say_begin_post(world, "/demo/p?poll_range", "{}");
    world_pump(world);
    struct token marker = say_marker(world, slot);
    say_close(world, slot);
    world_restart(world);
    struct text body = text_of("{\"seenMarker\":\"%s\"}", marker.text);
    slot = say_begin_post(world, "/demo/p?poll_range", body.text);
    world_pump(world);
    expect_answer(world, slot, "nothing yet");
    say_put(world, "a", &token, "2");
    expect_answer(world, slot, "200 {\"items\":[{\"sk\":\"a\",\"ct\":_,\"v\":[\"2\"]}],\"seenMarker\":_}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(the_demo_is_made_once),
        world_test(a_demo_that_was_deleted_does_not_come_back),
        cmocka_unit_test(no_demo_is_made_when_none_is_wanted),
        cmocka_unit_test(a_store_that_is_in_use_gets_no_demo),
        cmocka_unit_test(more_than_a_request_may_hold_is_loaded),
        world_test(the_view_after_a_restart_is_the_same),
        world_test(a_start_that_meets_a_failing_disk_fails),
        cmocka_unit_test(a_first_start_that_fails_leaves_no_half_demo),
        world_test(a_corrupt_document_stops_the_start),
        world_test(tokens_and_markers_survive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
