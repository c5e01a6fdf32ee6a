/* Keys and what they may do: made, imported, permitted, deleted, and what is refused on the way. */
#include "tests/node/operator.h"

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

/* A right that was taken away is gone for polls that wait, too. */
static void a_poll_ends_when_its_right_was_taken(void **state)
{
    struct world *world = *state;
    admin_ok(world, "POST", "/v1/keys", "{\"key_id\":\"GKone\",\"secret\":\"secret-one\"}");
    for (int deletes_key = 0; deletes_key < 2; deletes_key++) {
        admin_ok(world, "POST", "/v1/buckets/demo/permissions", "{\"key_id\":\"GKone\",\"read\":true}");
        struct ask ask = {.method = "POST", .target = "/demo/p?poll_range", .body = span_text("{}")};
        use_key(&ask, "GKone", "secret-one");
        uint32_t range = say_begin(world, ask);
        world_pump(world);
        struct token marker = say_marker(world, range);
        say_close(world, range);
        struct text body = text_of("{\"seenMarker\":\"%s\"}", marker.text);
        ask.body = span_text(body.text);
        range = say_begin(world, ask);
        struct text target = text_of("/demo/p?sort_key=%d&causality_token=AAAAAAAAAAA", deletes_key);
        ask = (struct ask){.method = "GET", .target = target.text};
        use_key(&ask, "GKone", "secret-one");
        uint32_t item = say_begin(world, ask);
        world_pump(world);
        expect_answer(world, item, "nothing yet");
        expect_answer(world, range, "nothing yet");
        if (deletes_key) {
            expect_admin(world, "DELETE", "/v1/keys/GKone", "", "204");
        } else {
            admin_ok(world, "POST", "/v1/buckets/demo/permissions", "{\"key_id\":\"GKone\",\"read\":false}");
        }
        say_put(world, deletes_key ? "1" : "0", NULL, "x");
        expect_answer(world, item, "403 AccessDenied");
        expect_answer(world, range, "403 AccessDenied");
        assert_int_equal(world->node.requests.service.waiting_polls, 0);
        say_close(world, item);
        say_close(world, range);
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

/* A bucket's answer and a key's, whole: every list with more than one element. */
static void what_is_shown_is_complete(void **state)
{
    struct world *world = *state;
    struct text id = bucket_id(world, "demo");
    struct text taken = text_of("{\"key_id\":\"%s\",\"read\":false,\"write\":false,\"owner\":false}",
                                world->key_id);
    admin_ok(world, "POST", "/v1/buckets", "{\"alias\":\"other\"}");
    struct text other = bucket_id(world, "other");
    admin_ok(world, "POST", "/v1/buckets/demo/permissions", taken.text); /* what may nothing is not shown */
    for (int i = 1; i <= 3; i++) {
        struct text key = text_of("{\"key_id\":\"GK%d\",\"secret\":\"a-good-secret\",\"name\":\"name %d\"}", i, i);
        struct text permission = text_of("{\"key_id\":\"GK%d\",\"read\":true,\"owner\":%s}", i,
                                         i == 2 ? "true" : "false");
        struct text alias = text_of("{\"key_id\":\"GK%d\",\"alias\":\"own-%d\"}", i, i);
        struct text global = text_of("{\"alias\":\"name-%d\"}", i);
        admin_ok(world, "POST", "/v1/keys", key.text);
        admin_ok(world, "POST", "/v1/buckets/demo/permissions", permission.text);
        admin_ok(world, "POST", "/v1/buckets/demo/aliases", alias.text);
        admin_ok(world, "POST", "/v1/buckets/demo/aliases", global.text);
    }
    admin_ok(world, "DELETE", "/v1/buckets/demo/aliases", "{\"alias\":\"name-2\"}");
    admin_ok(world, "POST", "/v1/buckets/other/permissions", "{\"key_id\":\"GK2\",\"write\":true}");
    admin_ok(world, "DELETE", "/v1/buckets/other/aliases", "{\"alias\":\"other\"}");
    expect_admin(world, "DELETE", "/v1/keys/GK3", "", "204");
    struct text bucket = text_of(
        "200 {\"id\":\"%s\"," CREATED ",\"aliases\":[\"demo\",\"name-1\",\"name-3\"],"
        "\"local_aliases\":[{\"key_id\":\"GK1\",\"alias\":\"own-1\"},{\"key_id\":\"GK2\",\"alias\":\"own-2\"}],"
        "\"keys\":[{\"key_id\":\"GK1\",\"name\":\"name 1\",\"read\":true,\"write\":false,\"owner\":false},"
        "{\"key_id\":\"GK2\",\"name\":\"name 2\",\"read\":true,\"write\":false,\"owner\":true}],\"cors\":[],"
        "\"partitions\":0,\"entries\":0,\"conflicts\":0,\"values\":0,\"bytes\":0}",
        id.text);
    expect_admin(world, "GET", "/v1/buckets/demo", "", bucket.text);
    const char *first = strcmp(id.text, other.text) < 0 ? id.text : other.text;
    struct text of_id = text_of("{\"id\":\"%s\",\"alias\":\"demo\",\"read\":true,\"write\":false,\"owner\":true}",
                                id.text);
    struct text of_other = text_of("{\"id\":\"%s\",\"alias\":null,\"read\":false,\"write\":true,\"owner\":false}",
                                   other.text);
    struct text key = text_of("200 {\"key_id\":\"GK2\",\"name\":\"name 2\"," CREATED ",\"buckets\":[%s,%s]}",
                              first == id.text ? of_id.text : of_other.text,
                              first == id.text ? of_other.text : of_id.text);
    expect_admin(world, "GET", "/v1/keys/GK2", "", key.text);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(permissions_are_set_one_by_one),
        world_test(every_operation_asks_for_its_permission),
        world_test(a_poll_ends_when_its_right_was_taken),
        world_test(keys_are_made_shown_and_renamed),
        world_test(names_and_imports_have_bounds),
        world_test(an_import_may_be_repeated_but_not_changed),
        world_test(a_key_that_comes_back_has_no_permissions),
        world_test(what_is_shown_is_complete),
        world_test(a_local_alias_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
