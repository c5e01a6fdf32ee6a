/* The operator's door: every route, every refusal, and changes one after another. */
#include "tests/lib/node_say.h"

#define CREATED "\"created\":\"2025-06-15T12:00:00Z\""

/* A bucket's id, 64 hex digits, as its answer gives it. */
static struct text bucket_id(struct world *world, const char *name)
{
    struct text target = text_of("/v1/buckets/%s", name);
    uint32_t slot = say_begin_admin(world, "GET", target.text, "");
    world_pump(world);
    assert_int_equal(world_status(world, slot), 200);
    char *id = say_member(world_answer(world, slot), "id");
    struct text text = text_of("%s", id);
    free(id);
    say_close(world, slot);
    return text;
}

static void admin_ok(struct world *world, const char *method, const char *target, const char *body)
{
    uint32_t slot = say_begin_admin(world, method, target, body);
    world_pump(world);
    int status = world_status(world, slot);
    if (status != 200 && status != 204) {
        char *line = say_line(world, slot);
        print_error("%s %s: %s\n", method, target, line);
        free(line);
        fail();
    }
    say_close(world, slot);
}

static void use_key(struct ask *ask, const char *key_id, const char *secret)
{
    ask->key_id = key_id;
    ask->secret = secret;
}

/* Ask for an item of a bucket as the client of a key. */
static void expect_access(struct world *world, const char *method, const char *bucket, const char *key_id,
                          const char *secret, const char *expected)
{
    struct text target = text_of("/%s/p?sort_key=a", bucket);
    struct ask ask = {.method = method, .target = target.text};
    use_key(&ask, key_id, secret);
    expect_ask(world, ask, expected);
}

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

static void expect_part(struct world *world, const char *target, const char *part)
{
    uint32_t slot = say_begin_admin(world, "GET", target, "");
    world_pump(world);
    char *line = say_line(world, slot);
    if (strstr(line, part) == NULL) print_error("%s is not in %s\n", part, line);
    assert_non_null(strstr(line, part));
    free(line);
    say_close(world, slot);
}

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

/* --- permissions ---------------------------------------------------------------------------------------- */

static void permissions_are_set_one_by_one(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *flags;
        const char *get, *put;
    } rows[] = {
        {"\"read\":true", "404 NoSuchKey", "403 AccessDenied"},
        {"\"write\":true", "404 NoSuchKey", "204"},
        {"\"read\":false", "403 AccessDenied", "204"},
        {"\"owner\":true", "403 AccessDenied", "204"},
        {"\"write\":false", "403 AccessDenied", "403 AccessDenied"},
        {"\"read\":true,\"write\":true,\"owner\":false", "200 [\"\"]", "204"},
    };
    admin_ok(world, "POST", "/v1/keys", "{\"key_id\":\"GKone\",\"secret\":\"secret-one\"}");
    expect_access(world, "GET", "demo", "GKone", "secret-one", "403 AccessDenied");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text body = text_of("{\"key_id\":\"GKone\",%s}", rows[i].flags);
        admin_ok(world, "POST", "/v1/buckets/demo/permissions", body.text);
        if (i == 5)
            admin_ok(world, "POST", "/v1/buckets/demo/permissions", "{\"key_id\":\"GKone\"}"); /* nothing */
        if (i < 5) expect_access(world, "GET", "demo", "GKone", "secret-one", rows[i].get);
        struct text target = text_of("/demo/p?sort_key=%s", i == 5 ? "a" : "b");
        struct ask ask = {.method = "PUT", .target = target.text};
        use_key(&ask, "GKone", "secret-one");
        expect_ask(world, ask, rows[i].put);
        if (i == 5) expect_access(world, "GET", "demo", "GKone", "secret-one", rows[i].get);
    }
    expect_admin(world, "POST", "/v1/buckets/demo/permissions", "{\"read\":true}", "400 InvalidRequest");
    expect_admin(world, "POST", "/v1/buckets/demo/permissions", "{\"key_id\":\"GKnone\"}", "404 NoSuchKey");
    expect_admin(world, "POST", "/v1/buckets/none/permissions", "{\"key_id\":\"GKone\"}", "404 NoSuchBucket");
}

/* Every operation needs its permission, and no other. */
static void every_operation_asks_for_its_permission(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *method, *target, *body;
        bool needs_write;
    } rows[] = {
        {"GET", "/demo/p?sort_key=a", "", false},
        {"HEAD", "/demo/p?sort_key=a", "", false},
        {"GET", "/demo/p?sort_key=a&causality_token=AAAAAAAAAAA", "", false},
        {"GET", "/demo", "", false},
        {"POST", "/demo?search", "[]", false},
        {"SEARCH", "/demo", "[]", false},
        {"POST", "/demo/p?poll_range", "{}", false},
        {"SEARCH", "/demo/p?poll_range", "{}", false},
        {"PUT", "/demo/p?sort_key=a", "", true},
        {"DELETE", "/demo/p?sort_key=b", "", true},
        {"POST", "/demo", "[]", true},
        {"POST", "/demo?delete", "[]", true},
    };
    say_put(world, "a", NULL, "x");
    for (int flags = 0; flags < 4; flags++) {
        struct text body = text_of("{\"key_id\":\"%s\",\"read\":%s,\"write\":%s,\"owner\":true}", world->key_id,
                                   flags & 1 ? "true" : "false", flags & 2 ? "true" : "false");
        admin_ok(world, "POST", "/v1/buckets/demo/permissions", body.text);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            uint32_t slot = say_begin(
                world,
                (struct ask){.method = rows[i].method, .target = rows[i].target, .body = span_text(rows[i].body)});
            world_pump(world);
            bool is_allowed = (flags & (rows[i].needs_write ? 2 : 1)) != 0;
            int status = world_status(world, slot);
            assert_true(is_allowed ? status == 200 || status == 204 : status == 403);
            say_close(world, slot);
        }
    }
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static void keys_are_made_shown_and_renamed(void **state)
{
    struct world *world = *state;
    uint32_t slot = say_begin_admin(world, "POST", "/v1/keys", "{\"name\":\"mine\"}");
    world_pump(world);
    char *key_id = say_member(world_answer(world, slot), "key_id");
    char *secret = say_member(world_answer(world, slot), "secret");
    assert_int_equal(strlen(key_id), 26);
    assert_int_equal(strlen(secret), 64);
    say_close(world, slot);
    struct text target = text_of("/v1/keys/%s", key_id);
    struct text plain = text_of("200 {\"key_id\":\"%s\",\"name\":\"mine\"," CREATED ",\"buckets\":[]}", key_id);
    struct text open = text_of(
        "200 {\"key_id\":\"%s\",\"name\":\"mine\"," CREATED ",\"secret\":\"%s\",\"buckets\":[]}", key_id, secret);
    struct text with_secret = text_of("%s?secret=true", target.text);
    expect_admin(world, "GET", target.text, "", plain.text);
    expect_admin(world, "GET", with_secret.text, "", open.text);
    expect_admin(world, "PUT", target.text, "{}", "400 InvalidRequest");
    struct text renamed = text_of("200 {\"key_id\":\"%s\",\"name\":\"\\\"new\\\"\"," CREATED ",\"buckets\":[]}",
                                  key_id);
    expect_admin(world, "PUT", target.text, "{\"name\":\"\\\"new\\\"\"}", renamed.text);
    struct text permission = text_of("{\"key_id\":\"%s\",\"read\":true}", key_id);
    admin_ok(world, "POST", "/v1/buckets/demo/permissions", permission.text);
    expect_part(world, target.text, "\"alias\":\"demo\",\"read\":true,\"write\":false,\"owner\":false}]}");
    expect_access(world, "GET", "demo", key_id, secret, "404 NoSuchKey");
    free(key_id);
    free(secret);
    expect_admin(world, "GET", "/v1/keys/GKnone", "", "404 NoSuchKey");
    expect_admin(world, "PUT", "/v1/keys/GKnone", "{\"name\":\"x\"}", "404 NoSuchKey");
    expect_admin(world, "DELETE", "/v1/keys/GKnone", "", "404 NoSuchKey");
}

static void names_and_imports_have_bounds(void **state)
{
    struct world *world = *state;
    char name[LIMITS_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    struct text body = text_of("{\"name\":\"%s\"}", name);
    struct text target = text_of("/v1/keys/%s", world->key_id);
    expect_admin(world, "POST", "/v1/keys", body.text, "400 InvalidRequest");
    expect_admin(world, "PUT", target.text, body.text, "400 InvalidRequest");
    body = text_of("{\"name\":\"%s\"}", name + 1);
    admin_ok(world, "POST", "/v1/keys", body.text);
    admin_ok(world, "PUT", target.text, body.text);
    static const char *const bad[][2] = {
        {"", "a-good-secret"},
        {"GK", "a-good-secret"},
        {"GK one", "a-good-secret"},
        {"GK/one", "a-good-secret"},
        {"GK\\u00e9", "a-good-secret"},
        {"GKone", "short"},
        {"GKone", ""},
        {"GKone", "with a blank"},
        {"GKone", "tab\\tinside"},
        {"GKone", "\\u00e9\\u00e9\\u00e9\\u00e9"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        body = text_of("{\"key_id\":\"%s\",\"secret\":\"%s\"}", bad[i][0], bad[i][1]);
        expect_admin(world, "POST", "/v1/keys", body.text, "400 InvalidRequest");
    }
    expect_admin(world, "POST", "/v1/keys", "{\"key_id\":\"GKone\"}", "400 InvalidRequest");
    expect_admin(world, "POST", "/v1/keys", "{\"secret\":\"a-good-secret\"}", "400 InvalidRequest");
}

static void an_import_may_be_repeated_but_not_changed(void **state)
{
    struct world *world = *state;
    const char *body = "{\"key_id\":\"GKone\",\"secret\":\"secret-one\",\"name\":\"x\"}";
    admin_ok(world, "POST", "/v1/keys", body);
    admin_ok(world, "POST", "/v1/keys", body);
    admin_ok(world, "POST", "/v1/keys", "{\"key_id\":\"GKone\",\"secret\":\"secret-one\",\"name\":\"y\"}");
    expect_part(world, "/v1/keys/GKone", "\"name\":\"y\"");
    expect_admin(world, "POST", "/v1/keys", "{\"key_id\":\"GKone\",\"secret\":\"secret-two\"}",
                 "409 KeyAlreadyExists");
    expect_admin(world, "POST", "/v1/keys", "{\"key_id\":\"GKone\",\"secret\":\"secret-onelonger\"}",
                 "409 KeyAlreadyExists");
    expect_part(world, "/v1/keys/GKone?secret=true", "\"secret\":\"secret-one\"");
}

/* A key that was deleted and imported again begins with nothing: no permission, no alias. */
static void a_key_that_comes_back_has_no_permissions(void **state)
{
    struct world *world = *state;
    const char *import = "{\"key_id\":\"GKone\",\"secret\":\"secret-one\"}";
    admin_ok(world, "POST", "/v1/keys", import);
    admin_ok(world, "POST", "/v1/keys", "{\"key_id\":\"GKone1\",\"secret\":\"secret-one\"}"); /* its neighbour */
    admin_ok(world, "POST", "/v1/buckets/demo/permissions", "{\"key_id\":\"GKone\",\"read\":true,\"write\":true}");
    admin_ok(world, "POST", "/v1/buckets/demo/permissions", "{\"key_id\":\"GKone1\",\"read\":true}");
    admin_ok(world, "POST", "/v1/buckets/demo/aliases", "{\"key_id\":\"GKone\",\"alias\":\"own\"}");
    admin_ok(world, "POST", "/v1/buckets/demo/aliases", "{\"key_id\":\"GKone1\",\"alias\":\"own\"}");
    expect_access(world, "GET", "own", "GKone", "secret-one", "404 NoSuchKey");
    expect_admin(world, "DELETE", "/v1/keys/GKone", "", "204");
    expect_access(world, "GET", "demo", "GKone", "secret-one", "403 AccessDenied");
    expect_access(world, "GET", "own", "GKone1", "secret-one", "404 NoSuchKey");
    expect_admin(world, "GET", "/v1/keys/GKone", "", "404 NoSuchKey");
    admin_ok(world, "POST", "/v1/keys", import);
    expect_access(world, "GET", "demo", "GKone", "secret-one", "403 AccessDenied");
    expect_access(world, "GET", "own", "GKone", "secret-one", "404 NoSuchBucket");
    expect_admin(world, "GET", "/v1/keys/GKone", "",
                 "200 {\"key_id\":\"GKone\",\"name\":\"\"," CREATED ",\"buckets\":[]}");
    world_restart(world);
    expect_access(world, "GET", "demo", "GKone", "secret-one", "403 AccessDenied");
    admin_ok(world, "POST", "/v1/keys", "{\"key_id\":\"GKtwo\",\"secret\":\"secret-two\"}");
    expect_admin(world, "DELETE", "/v1/keys/GKtwo", "", "204");
    admin_ok(world, "POST", "/v1/keys",
             "{\"key_id\":\"GKtwo\",\"secret\":\"another-secret\"}"); /* it may differ now */
}

/* A key's own alias goes before the others'; one that names a deleted bucket does not fall through to them. */
static void a_local_alias_goes_first(void **state)
{
    struct world *world = *state;
    admin_ok(world, "POST", "/v1/buckets", "{\"alias\":\"other\"}");
    struct text body = text_of("{\"key_id\":\"%s\",\"alias\":\"demo\"}", world->key_id);
    expect_access(world, "GET", "demo", NULL, NULL, "404 NoSuchKey");
    admin_ok(world, "POST", "/v1/buckets/other/aliases", body.text);
    expect_access(world, "GET", "demo", NULL, NULL,
                  "403 AccessDenied"); /* of the other bucket, where it may nothing */
    expect_admin(world, "POST", "/v1/buckets/demo/aliases", body.text, "409 BucketAlreadyExists");
    expect_admin(world, "DELETE", "/v1/buckets/other", "", "204");
    expect_access(world, "GET", "demo", NULL, NULL, "404 NoSuchKey"); /* the alias went with its bucket */
    expect_admin(world, "POST", "/v1/buckets/demo/aliases", "{\"key_id\":\"GKnone\",\"alias\":\"own\"}",
                 "404 NoSuchKey");
    expect_admin(world, "DELETE", "/v1/buckets/demo/aliases", "{\"key_id\":\"GKnone\",\"alias\":\"own\"}",
                 "404 NoSuchAlias");
    admin_ok(world, "POST", "/v1/buckets/demo/aliases", body.text);
    admin_ok(world, "DELETE", "/v1/buckets/demo/aliases", body.text);
    expect_admin(world, "DELETE", "/v1/buckets/demo/aliases", body.text, "404 NoSuchAlias");
}

/* --- one after another ---------------------------------------------------------------------------------- */

/* Two who want the same name at once: one gets it. */
static void two_changes_at_once_are_one_after_the_other(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    uint32_t slots[4];
    for (int i = 0; i < 4; i++)
        slots[i] = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"wanted\"}");
    world_pump(world);
    assert_int_equal(world_count(&world->writes), 1); /* one turn at a time */
    world->holds.commits = false;
    world_pump(world);
    assert_int_equal(world_status(world, slots[0]), 200);
    for (int i = 1; i < 4; i++)
        expect_answer(world, slots[i], "409 BucketAlreadyExists");
    expect_part(world, "/v1/status", "\"buckets\":2,");
}

/* What one operator read was true when the change was made: create and delete, in the order they came. */
static void a_turn_that_fails_or_is_left_goes_to_the_next(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    uint32_t first = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"first\"}");
    uint32_t second = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"second\"}");
    uint32_t third = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"third\"}");
    uint32_t fourth = say_begin_admin(world, "POST", "/v1/buckets", "{\"alias\":\"first\"}");
    world_pump(world);
    world_leave(world, second); /* it waited for its turn: never begun */
    world_leave(world, first);  /* its change is lent: it will be made, and seen */
    disk_fail_next(&world->disk, 0, ERR_OK);
    world_commit(world);
    world_pump(world);
    disk_fail_next(&world->disk, 1, ERR_FULL); /* the third fails */
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, third, "507 InsufficientStorage");
    expect_answer(world, fourth, "409 BucketAlreadyExists");
    expect_admin(world, "GET", "/v1/buckets/second", "", "404 NoSuchBucket");
    expect_admin(world, "GET", "/v1/buckets/third", "", "404 NoSuchBucket");
    admin_ok(world, "GET", "/v1/buckets/first", "");
    admin_ok(world, "POST", "/v1/buckets", "{\"alias\":\"third\"}");
}

/* At every moment of a change its client may go: the node stays able to change, and shows what is stored. */
static void an_operator_may_leave_at_any_moment(void **state)
{
    struct world *world = *state;
    for (int moment = 0; moment < 5; moment++) {
        struct text body = text_of("{\"alias\":\"bucket-%d\"}", moment);
        struct text target = text_of("/v1/buckets/bucket-%d", moment);
        world->holds = (struct world_holds){.bodies = true, .commits = true, .answers = true, .sends = true};
        uint32_t slot = say_begin_admin(world, "POST", "/v1/buckets", body.text);
        if (moment >= 1) world_give_body(world, slot);
        if (moment >= 2) world_commit(world);
        if (moment >= 3) world_deliver(world, 0);
        if (moment >= 4) world_send(world, slot);
        world_leave(world, slot);
        world->holds = (struct world_holds){false};
        world_pump(world);
        uint32_t look = say_begin_admin(world, "GET", target.text, "");
        world_pump(world);
        assert_int_equal(world_status(world, look),
                         moment >= 1 ? 200 : 404); /* once lent it cannot be taken back */
        say_close(world, look);
        body = text_of("{\"alias\":\"after-%d\"}", moment);
        admin_ok(world, "POST", "/v1/buckets", body.text);
    }
}

/* --- bodies and rules ----------------------------------------------------------------------------------- */

static void bodies_are_bounded(void **state)
{
    struct world *world = *state;
    char *body = malloc(LIMITS_ADMIN_BODY_BYTES_MAX + 2);
    assert_non_null(body);
    memset(body, ' ', LIMITS_ADMIN_BODY_BYTES_MAX + 1);
    memcpy(body, "{\"alias\":\"large\"}", 17);
    body[LIMITS_ADMIN_BODY_BYTES_MAX + 1] = '\0';
    expect_admin(world, "POST", "/v1/buckets", body, "413 InvalidRequest");
    body[LIMITS_ADMIN_BODY_BYTES_MAX] = '\0';
    admin_ok(world, "POST", "/v1/buckets", body);
    free(body);
}

static void rules_are_set_and_taken_away(void **state)
{
    struct world *world = *state;
    expect_admin(world, "PUT", "/v1/buckets/demo/cors", "{}", "400 InvalidRequest");
    expect_admin(world, "PUT", "/v1/buckets/none/cors", "{\"rules\":[]}", "404 NoSuchBucket");
    admin_ok(
        world, "PUT", "/v1/buckets/demo/cors",
        "{\"rules\":[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"GET\"],\"allowed_headers\":[\"x-a\"],"
        "\"expose_headers\":[\"x-b\",\"x-c\"]}]}");
    expect_part(
        world, "/v1/buckets/demo",
        "\"cors\":[{\"allowed_origins\":[\"*\"],\"allowed_methods\":[\"GET\"],\"allowed_headers\":[\"x-a\"],"
        "\"expose_headers\":[\"x-b\",\"x-c\"]}]");
    admin_ok(world, "PUT", "/v1/buckets/demo/cors", "{\"rules\":[]}");
    expect_part(world, "/v1/buckets/demo", "\"cors\":[]");
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
        world_test(permissions_are_set_one_by_one),
        world_test(every_operation_asks_for_its_permission),
        world_test(keys_are_made_shown_and_renamed),
        world_test(names_and_imports_have_bounds),
        world_test(an_import_may_be_repeated_but_not_changed),
        world_test(a_key_that_comes_back_has_no_permissions),
        world_test(a_local_alias_goes_first),
        world_test(two_changes_at_once_are_one_after_the_other),
        world_test(a_turn_that_fails_or_is_left_goes_to_the_next),
        world_test(an_operator_may_leave_at_any_moment),
        world_test(bodies_are_bounded),
        world_test(rules_are_set_and_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
