/* The operator's door: who gets in, what is no request, status and buckets, every refusal. */
#include "tests/node/operator.h"

/* --- the door ------------------------------------------------------------------------------------------- */

static void without_the_token_nothing_is_said(void **state)
{
    struct world *world = *state;
    static const char *const bearers[] = {"", "wrong", WORLD_ADMIN_TOKEN "x", "the operator's toke",
                                          "THE OPERATOR'S TOKEN"};
    static const char *const targets[] = {"/v1/status", "/v1/none", "/", "/v1/keys?secret=true"};
    for (size_t i = 0; i < sizeof bearers / sizeof bearers[0]; i++) {
        for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
            uint32_t slot = world_free_slot(world);
            world_ask(world, slot, EVENT_DOOR_ADMIN,
                      (struct ask){.method = "GET", .target = targets[j], .bearer = bearers[i]});
            world_pump(world);
            expect_answer(world, slot, "401 Unauthorized");
            say_close(world, slot);
        }
    }
    /* Twice, or in another scheme. */
    uint32_t slot = world_free_slot(world);
    world_ask(world, slot, EVENT_DOOR_ADMIN,
              (struct ask){.method = "GET",
                           .target = "/v1/status",
                           .more_names = {"authorization"},
                           .more_values = {"Bearer " WORLD_ADMIN_TOKEN}});
    world_pump(world);
    expect_answer(world, slot, "401 Unauthorized");
    say_close(world, slot);
    slot = world_free_slot(world);
    world_ask(world, slot, EVENT_DOOR_ADMIN,
              (struct ask){.method = "GET",
                           .target = "/v1/status",
                           .bearer = "",
                           .more_names = {"authorization"},
                           .more_values = {"Basic " WORLD_ADMIN_TOKEN}});
    world_pump(world);
    expect_answer(world, slot, "401 Unauthorized");
    say_close(world, slot);
    world->settings.admin_token[0] = '\0'; /* no token is no door */
    expect_admin(world, "GET", "/v1/status", "", "401 Unauthorized");
}

/* The doors do not lead to each other's rooms. */
static void each_door_has_its_own_requests(void **state)
{
    struct world *world = *state;
    expect_ask(world, ((struct ask){.method = "GET", .target = "/v1/status?sort_key=a"}), "404 NoSuchBucket");
    expect_admin(world, "PUT", "/demo/p?sort_key=a", "", "404 NoSuchRequest");
}

static void what_is_no_request_is_404(void **state)
{
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"GET", "/"},
        {"GET", "/v1"},
        {"GET", "/v1/"},
        {"GET", "/v2/status"},
        {"GET", "/v1/statuses"},
        {"POST", "/v1/status"},
        {"GET", "/v1/status/x"},
        {"PUT", "/v1/buckets"},
        {"DELETE", "/v1/buckets"},
        {"DELETE", "/v1/keys"},
        {"POST", "/v1/buckets/demo"},
        {"PUT", "/v1/buckets/demo"},
        {"GET", "/v1/buckets/demo/permissions"},
        {"PUT", "/v1/buckets/demo/permissions"},
        {"DELETE", "/v1/buckets/demo/permissions"},
        {"GET", "/v1/buckets/demo/aliases"},
        {"PUT", "/v1/buckets/demo/aliases"},
        {"GET", "/v1/buckets/demo/cors"},
        {"POST", "/v1/buckets/demo/cors"},
        {"GET", "/v1/buckets/demo/none"},
        {"POST", "/v1/keys/GKx"},
        {"GET", "/v1/keys/GKx/none"},
        {"GET", "/v1/buckets/demo/a/b"},
        {"GET", "/v1/status?x=y"},
        {"GET", "/v1/keys?secret=false"},
        {"GET", "/v1/%zz"},
        {"HEAD", "/v1/status"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t slot = say_begin_admin(world, rows[i][0], rows[i][1], "");
        world_pump(world);
        if (world_status(world, slot) != 404) print_error("%s %s\n", rows[i][0], rows[i][1]);
        assert_int_equal(world_status(world, slot), 404);
        say_close(world, slot);
    }
}

/* --- status --------------------------------------------------------------------------------------------- */

static void the_status_counts(void **state)
{
    struct world *world = *state;
    expect_part(world, "/v1/status", "200 {\"version\":\"" SKERRY_VERSION "\",\"node\":\"");
    expect_part(world, "/v1/status",
                "\"region\":\"garage\",\"uptime_s\":0,\"draining\":false,\"buckets\":1,\"keys\":1,");
    expect_access(world, "GET", "demo", NULL, NULL, "404 NoSuchKey");
    expect_access(world, "GET", "none", NULL, NULL, "404 NoSuchBucket");
    uint32_t poll = say_begin(
        world, (struct ask){.method = "GET", .target = "/demo/p?sort_key=a&causality_token=AAAAAAAAAAA"});
    world_pump(world);
    world_pass_ms(world, 61999);
    expect_part(world, "/v1/status", "\"uptime_s\":61,");
    expect_part(world, "/v1/status", "\"waiting_polls\":1,");
    expect_part(world, "/v1/status", "\"refused\":2,\"failed\":0,");
    world_drain(world);
    expect_part(world, "/v1/status", "\"draining\":true,");
    (void)poll;
}

/* --- buckets -------------------------------------------------------------------------------------------- */

static void aliases_have_a_form(void **state)
{
    struct world *world = *state;
    static const char *const good[] = {"abc", "a.b-c", "0-9",
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const char *const bad[] = {
        "",     "ab",        "-abc", "abc-",
        ".abc", "abc.",      "Abc",  "a_b",
        "a b",  "\\u00e9ab", "a/b",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct text body = text_of("{\"alias\":\"%s\"}", good[i]);
        admin_ok(world, "POST", "/v1/buckets", body.text);
        expect_admin(world, "POST", "/v1/buckets", body.text, "409 BucketAlreadyExists");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct text body = text_of("{\"alias\":\"%s\"}", bad[i]);
        expect_admin(world, "POST", "/v1/buckets", body.text, "400 InvalidRequest");
        expect_admin(world, "POST", "/v1/buckets/demo/aliases", body.text, "400 InvalidRequest");
    }
    expect_admin(world, "POST", "/v1/buckets", "{}", "400 InvalidRequest");
    expect_admin(world, "POST", "/v1/buckets", "", "400 InvalidRequest");
}

static void a_bucket_is_known_by_its_aliases_and_its_id(void **state)
{
    struct world *world = *state;
    struct text id = bucket_id(world, "demo");
    assert_int_equal(strlen(id.text), 64);
    struct text target = text_of("/v1/buckets/%s", id.text);
    admin_ok(world, "GET", target.text, "");
    admin_ok(world, "POST", "/v1/buckets/demo/aliases", "{\"alias\":\"second\"}");
    admin_ok(world, "POST", "/v1/buckets/demo/aliases", "{\"alias\":\"second\"}"); /* again: nothing to do */
    struct text second = bucket_id(world, "second");
    assert_string_equal(second.text, id.text);
    admin_ok(world, "POST", "/v1/buckets", "{\"alias\":\"other\"}");
    expect_admin(world, "POST", "/v1/buckets/other/aliases", "{\"alias\":\"second\"}", "409 BucketAlreadyExists");
    expect_admin(world, "DELETE", "/v1/buckets/other/aliases", "{\"alias\":\"second\"}", "404 NoSuchAlias");
    admin_ok(world, "DELETE", "/v1/buckets/demo/aliases", "{\"alias\":\"second\"}");
    expect_admin(world, "DELETE", "/v1/buckets/demo/aliases", "{\"alias\":\"second\"}", "404 NoSuchAlias");
    expect_admin(world, "DELETE", "/v1/buckets/demo/aliases", "{}", "404 NoSuchAlias");
    expect_admin(world, "GET", "/v1/buckets/second", "", "404 NoSuchBucket");
    expect_admin(world, "POST", "/v1/buckets/second/aliases", "{\"alias\":\"third\"}", "404 NoSuchBucket");
    admin_ok(world, "POST", "/v1/buckets/other/aliases", "{\"alias\":\"second\"}");
    struct text again = bucket_id(world, "second");
    assert_string_not_equal(again.text, id.text);
    target = text_of("/%s/p?sort_key=a", id.text); /* clients may use the id too */
    expect_ask(world, ((struct ask){.method = "GET", .target = target.text}), "404 NoSuchKey");
}

static void only_an_empty_bucket_can_be_deleted(void **state)
{
    struct world *world = *state;
    struct text id = bucket_id(world, "demo");
    struct text by_id = text_of("/v1/buckets/%s", id.text);
    struct token token = say_put(world, "a", NULL, "x");
    admin_ok(world, "POST", "/v1/buckets/demo/aliases", "{\"alias\":\"second\"}");
    expect_admin(world, "DELETE", "/v1/buckets/demo", "", "409 BucketNotEmpty");
    expect_part(world, "/v1/buckets/demo",
                "\"partitions\":1,\"entries\":1,\"conflicts\":0,\"values\":1,\"bytes\":1}");
    say_put(world, "a", &token, NULL);
    expect_part(world, "/v1/buckets/demo",
                "\"partitions\":0,\"entries\":0,\"conflicts\":0,\"values\":0,\"bytes\":0}");
    expect_admin(world, "DELETE", "/v1/buckets/demo", "", "204");
    expect_admin(world, "GET", by_id.text, "", "404 NoSuchBucket");
    expect_admin(world, "GET", "/v1/buckets/second", "", "404 NoSuchBucket");
    expect_admin(world, "DELETE", by_id.text, "", "404 NoSuchBucket");
    expect_access(world, "GET", "demo", NULL, NULL, "404 NoSuchBucket");
    admin_ok(world, "POST", "/v1/buckets",
             "{\"alias\":\"demo\"}"); /* the name is free again, the items are not back */
    expect_access(world, "GET", "demo", NULL, NULL, "403 AccessDenied");
    expect_part(world, "/v1/buckets/demo", "\"keys\":[],\"cors\":[],\"partitions\":0,");
}

/* I1: a write that was let in before its bucket went is either there, and the bucket too, or refused. */
static void a_write_and_the_deletion_of_its_bucket_do_not_pass_each_other(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    uint32_t writer = say_begin_put(world, "a", NULL, "x");
    uint32_t deleter = say_begin_admin(world, "DELETE", "/v1/buckets/demo", "");
    world_pump(world);
    world_commit(world);
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, writer, "204");
    expect_answer(world, deleter, "409 BucketNotEmpty");
    expect_item(world, "a", "200 [\"x\"]");
    expect_post(world, "/demo?delete", "[{\"partitionKey\":\"p\"}]",
                "200 [{\"partitionKey\":\"p\",\"prefix\":null,\"start\":null,\"end\":null,\"singleItem\":false,"
                "\"deletedItems\":1}]");
    static const char *const ways[] = {"PUT", "DELETE", "POST"};
    uint32_t slots[3];
    world->holds.bodies = true;
    world->holds.commits = true;
    for (int i = 0; i < 3; i++)
        slots[i] = say_begin(
            world, (struct ask){.method = ways[i],
                                .target = i == 2 ? "/demo" : "/demo/p?sort_key=b",
                                .body = span_text(i == 2 ? "[{\"pk\":\"p\",\"sk\":\"b\",\"v\":\"\"}]" : "")});
    uint32_t second = say_begin_admin(world, "DELETE", "/v1/buckets/demo", "");
    world_give_body(world, second);
    struct op *first = world_nth(&world->writes, 0); /* the deletion of the item needs no body: put it behind */
    list_remove(&first->link);
    list_append(&world->writes, &first->link);
    world->holds = (struct world_holds){false};
    world_pump(world);
    expect_answer(world, second, "204");
    for (int i = 0; i < 3; i++)
        expect_answer(world, slots[i], "404 NoSuchBucket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(without_the_token_nothing_is_said),
        world_test(each_door_has_its_own_requests),
        world_test(what_is_no_request_is_404),
        world_test(the_status_counts),
        world_test(aliases_have_a_form),
        world_test(a_bucket_is_known_by_its_aliases_and_its_id),
        world_test(only_an_empty_bucket_can_be_deleted),
        world_test(a_write_and_the_deletion_of_its_bucket_do_not_pass_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
