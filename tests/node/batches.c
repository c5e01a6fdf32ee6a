/* InsertBatch, ReadBatch and DeleteBatch as wholes: order, refusals, pages, what comes in between (I19, I20). */
#include "tests/lib/node_say.h"

#include "node/core/limits.h"

enum { BODY_BYTES_MAX = 4 << 20 };

struct body {
    char *text;
    size_t used;
};

static struct body body_begin(void)
{
    struct body body = {.text = malloc(BODY_BYTES_MAX)};
    assert_non_null(body.text);
    strcpy(body.text, "[]");
    body.used = 1;
    return body;
}

/* One element more; `value` is base64, "null" without quotes for NULL. */
static void body_add(struct body *body, const char *partition_key, const char *sort_key, const char *value)
{
    char quoted[64] = "null";
    if (value != NULL) snprintf(quoted, sizeof quoted, "\"%s\"", value);
    int length = snprintf(body->text + body->used, BODY_BYTES_MAX - body->used,
                          "%s{\"pk\":\"%s\",\"sk\":\"%s\",\"ct\":null,\"v\":%s}]", body->used == 1 ? "" : ",",
                          partition_key, sort_key, quoted);
    assert_true(length > 0 && (size_t)length < BODY_BYTES_MAX - body->used);
    body->used += (size_t)length - 1;
}

/* An item that can take no further sibling (H5). */
static void fill_item(struct world *world, const char *sort_key)
{
    struct body body = body_begin();
    for (int i = 0; i < OP_SIBLINGS_MAX; i++) {
        char value[16];
        snprintf(value, sizeof value, "Y%c%c%c", "ABCD"[i % 4], 'A' + i / 4 % 16, 'A' + i / 64);
        body_add(&body, "p", sort_key, value);
    }
    expect_post(world, "/demo", body.text, "204");
    free(body.text);
}

static void post(struct world *world, struct body body, const char *expected, const char *about)
{
    uint32_t slot = say_begin_post(world, "/demo", body.text);
    world_pump(world);
    expect_answer(world, slot, expected);
    if (about != NULL) expect_message(world, slot, about);
    say_close(world, slot);
    free(body.text);
}

/* --- InsertBatch ---------------------------------------------------------------------------------------- */

static void elements_are_applied_in_their_order(void **state)
{
    struct world *world = *state;
    struct body body = body_begin();
    post(world, body, "204", NULL); /* an empty one is done at once */
    body = body_begin();
    body_add(&body, "p", "a", "MQ==");
    body_add(&body, "q", "a", "MQ==");
    body_add(&body, "p", "a", "Mg==");
    body_add(&body, "p", "a", NULL);
    body_add(&body, "p", "a", "MQ==");
    body_add(&body, "p", "", "");
    post(world, body, "204", NULL);
    expect_item(world, "a", "200 [\"1\",\"2\",null]");
    expect_ask(world, ((struct ask){.method = "GET", .target = "/demo/q?sort_key=a"}), "200 [\"1\"]");
    expect_post(world, "/demo", "[{\"pk\":\"p\",\"sk\":\"b\"}]", "204"); /* a missing v is a deletion */
    expect_item(world, "b", "200 [null]");
}

static void tokens_supersede_what_they_cover(void **state)
{
    struct world *world = *state;
    struct token token = say_put(world, "a", NULL, "1");
    say_put(world, "a", NULL, "2");
    struct text body = text_of("[{\"pk\":\"p\",\"sk\":\"a\",\"ct\":\"%s\",\"v\":\"Mw==\"},"
                               "{\"pk\":\"p\",\"sk\":\"a\",\"ct\":\"AAAAAAAAAAA\",\"v\":\"NA==\"}]",
                               token.text);
    expect_post(world, "/demo", body.text, "204");
    expect_item(world, "a", "200 [\"2\",\"3\",\"4\"]");
}

/* I20: a refused element leaves nothing of its batch, and is named. */
static void a_full_item_refuses_the_whole_batch(void **state)
{
    struct world *world = *state;
    fill_item(world, "full");
    struct body body = body_begin();
    body_add(&body, "p", "a", "MQ==");
    body_add(&body, "p", "a", "Mg==");
    body_add(&body, "p", "full", "MQ==");
    body_add(&body, "p", "b", "MQ==");
    post(world, body, "400 InvalidRequest", "element 2: the item has 256 concurrent values");
    expect_item(world, "a", "404 NoSuchKey");
    expect_item(world, "b", "404 NoSuchKey");
    assert_int_equal(world->node.requests.service.counts.sibling_refusals, 1);
    struct token token = say_get(world, "a", "404 NoSuchKey", __FILE__, __LINE__);
    assert_string_equal(token.text, "AAAAAAAAAAA");
}

/* Others in the same commit are not concerned. */
static void a_refusal_does_not_concern_the_neighbours(void **state)
{
    struct world *world = *state;
    fill_item(world, "full");
    world->holds.commits = true;
    uint32_t before = say_begin_put(world, "a", NULL, "1");
    uint32_t refused = say_begin_post(world, "/demo",
                                      "[{\"pk\":\"p\",\"sk\":\"a\",\"v\":\"Mg==\"},"
                                      "{\"pk\":\"p\",\"sk\":\"full\",\"v\":\"Mg==\"}]");
    uint32_t after = say_begin_put(world, "a", NULL, "3");
    world_pump(world);
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, before, "204");
    expect_answer(world, refused, "400 InvalidRequest");
    expect_answer(world, after, "204");
    expect_item(world, "a", "200 [\"1\",\"3\"]");
}

/* Element numbers count over the commits of a large batch, also when the last commit holds one element only. */
static void a_refusal_in_a_later_commit_names_its_element(void **state)
{
    struct world *world = *state;
    fill_item(world, "full");
    for (int behind = 0; behind < 2; behind++) {
        struct body body = body_begin();
        char sort_key[32];
        for (int i = 0; i < LIMITS_BATCH_ITEMS_PER_COMMIT; i++) {
            snprintf(sort_key, sizeof sort_key, "%d-%d", behind, i);
            body_add(&body, "q", sort_key, "");
        }
        body_add(&body, "p", "full", "MQ==");
        snprintf(sort_key, sizeof sort_key, "behind-%d", behind);
        for (int i = 0; i < behind; i++)
            body_add(&body, "q", sort_key, "");
        uint32_t commits = world->commits_count;
        post(world, body, "400 InvalidRequest", "element 16384: ");
        assert_int_equal(world->commits_count, commits + 2);
        expect_ask(world, ((struct ask){.method = "GET", .target = "/demo/q?sort_key=behind-1"}), "404 NoSuchKey");
    }
}

/* What can be seen from the body alone is refused before anything is stored. */
static void a_bad_element_is_refused_before_anything_is_stored(void **state)
{
    struct world *world = *state;
    struct token token = say_put(world, "other", NULL, "x");
    const struct text foreign = text_of("\"sk\":\"b\",\"ct\":\"%s\"", token.text); /* of another item (H7) */
    const struct {
        const char *element;
        const char *expected;
        const char *about;
    } rows[] = {
        {"\"sk\":\"b\",\"ct\":\"tra$h\"", "400 CausalityToken", "element 1: "},
        {foreign.text, "400 CausalityToken", "element 1: "},
        {"\"sk\":\"b\",\"v\":\"$\"", "400 InvalidRequest", "element 1"},
        {"\"sk\":\"b\",\"v\":\"YQ\"", "400 InvalidRequest", "element 1"},
        {"\"sk\":\"b\",\"v\":1", "400 InvalidRequest", "element 1"},
        {"\"v\":\"\"", "400 InvalidRequest", "element 1"},
        {"\"sk\":null", "400 InvalidRequest", "element 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text body = text_of("[{\"pk\":\"p\",\"sk\":\"a\",\"v\":\"\"},{\"pk\":\"p\",%s}]", rows[i].element);
        uint32_t slot = say_begin_post(world, "/demo", body.text);
        world_pump(world);
        expect_answer(world, slot, rows[i].expected);
        expect_message(world, slot, rows[i].about);
        say_close(world, slot);
        expect_item(world, "a", "404 NoSuchKey");
    }
    expect_post(world, "/demo", "[{\"pk\":\"p\",\"sk\":\"a\",\"v\":\"\"}", "400 InvalidRequest");
    expect_post(world, "/demo", "", "400 InvalidRequest");
    expect_post(world, "/demo", "{}", "400 InvalidRequest");
    expect_item(world, "a", "404 NoSuchKey");
}

static void bounds_are_exact(void **state)
{
    struct world *world = *state;
    char key[KEYS_SORT_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    struct body body = body_begin();
    body_add(&body, "p", key, "");
    post(world, body, "400 InvalidRequest", "481 bytes");
    body = body_begin();
    body_add(&body, key, "a", "");
    post(world, body, "400 InvalidRequest", "481 bytes");
    body = body_begin();
    body_add(&body, key + 1, key + 1, "");
    post(world, body, "204", NULL);
    world->settings.max_value_bytes = 6;
    body = body_begin();
    body_add(&body, "p", "six", "YWFhYWFh");
    post(world, body, "204", NULL);
    body = body_begin();
    body_add(&body, "p", "seven", "YWFhYWFhYQ==");
    post(world, body, "413 InvalidRequest", "7 bytes; at most 6");
    world->settings.max_batch_bytes = 10;
    expect_post(world, "/demo", "[        ]", "204");
    expect_post(world, "/demo", "[         ]", "413 InvalidRequest");
}

/* --- ReadBatch ------------------------------------------------------------------------------------------ */

#define SEARCH(rest) "{\"partitionKey\":\"p\"" rest "}"
#define ECHO(prefix, start, end, limit, reverse, single, conflicts, tombstones)                                   \
    "{\"partitionKey\":\"p\",\"prefix\":" prefix ",\"start\":" start ",\"end\":" end ",\"limit\":" limit          \
    ",\"reverse\":" reverse ",\"singleItem\":" single ",\"conflictsOnly\":" conflicts                             \
    ",\"tombstones\":" tombstones ",\"items\":["
#define ITEM_A "{\"sk\":\"a\",\"ct\":_,\"v\":[\"1\"]}"
#define ITEM_B "{\"sk\":\"b\",\"ct\":_,\"v\":[\"1\",\"2\"]}"
#define ITEM_C "{\"sk\":\"c\",\"ct\":_,\"v\":[null]}"
#define ITEM_D "{\"sk\":\"d\",\"ct\":_,\"v\":[\"1\",null]}"
#define END    "],\"more\":false,\"nextStart\":null}"

static void searches_filter_and_echo(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *search;
        const char *expected;
    } rows[] = {
        {SEARCH(""), ECHO("null", "null", "null", "null", "false", "false", "false", "false") ITEM_A
         "," ITEM_B "," ITEM_D END},
        {SEARCH(",\"tombstones\":true"), ECHO("null", "null", "null", "null", "false", "false", "false", "true")
                                             ITEM_A "," ITEM_B "," ITEM_C "," ITEM_D END},
        {SEARCH(",\"conflictsOnly\":true"),
         ECHO("null", "null", "null", "null", "false", "false", "true", "false") ITEM_B "," ITEM_D END},
        {SEARCH(",\"reverse\":true,\"limit\":2"),
         ECHO("null", "null", "null", "2", "true", "false", "false", "false") ITEM_D
         "," ITEM_B "],\"more\":true,\"nextStart\":\"a\"}"},
        {SEARCH(",\"limit\":0"), ECHO("null", "null", "null", "0", "false", "false", "false",
                                      "false") "],\"more\":true,\"nextStart\":\"a\"}"},
        {SEARCH(",\"limit\":3"),
         ECHO("null", "null", "null", "3", "false", "false", "false", "false") ITEM_A "," ITEM_B "," ITEM_D END},
        {SEARCH(",\"limit\":18446744073709551615,\"start\":\"c\""),
         ECHO("null", "\"c\"", "null", "18446744073709551615", "false", "false", "false", "false") ITEM_D END},
        {SEARCH(",\"start\":\"b\",\"singleItem\":true"),
         ECHO("null", "\"b\"", "null", "null", "false", "true", "false", "false") ITEM_B END},
        {SEARCH(",\"start\":\"c\",\"singleItem\":true"),
         ECHO("null", "\"c\"", "null", "null", "false", "true", "false", "false") END},
        {SEARCH(",\"start\":\"c\",\"singleItem\":true,\"tombstones\":true"),
         ECHO("null", "\"c\"", "null", "null", "false", "true", "false", "true") ITEM_C END},
        {SEARCH(",\"start\":\"a\",\"singleItem\":true,\"conflictsOnly\":true"),
         ECHO("null", "\"a\"", "null", "null", "false", "true", "true", "false") END},
        {SEARCH(",\"start\":\"zz\",\"singleItem\":true"),
         ECHO("null", "\"zz\"", "null", "null", "false", "true", "false", "false") END},
    };
    struct token token = say_put(world, "c", NULL, "1");
    say_put(world, "a", NULL, "1");
    say_put(world, "b", NULL, "1");
    say_put(world, "b", NULL, "2");
    say_put(world, "c", &token, NULL);
    say_put(world, "d", NULL, "1");
    say_put(world, "d", NULL, NULL);
    for (uint32_t page_rows = 1; page_rows < 5; page_rows++) {
        world->page_rows_max = page_rows;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct text body = text_of("[%s]", rows[i].search);
            struct text expected = text_of("200 [%s]", rows[i].expected);
            expect_post(world, "/demo?search", body.text, expected.text);
            expect_ask(world, ((struct ask){.method = "SEARCH", .target = "/demo", .body = span_text(body.text)}),
                       expected.text);
        }
        struct text both = text_of("[%s,%s]", rows[0].search, rows[3].search);
        struct text expected = text_of("200 [%s,%s]", rows[0].expected, rows[3].expected);
        expect_post(world, "/demo?search", both.text, expected.text);
    }
    expect_post(world, "/demo?search", "[]", "200 []");
}

static void bad_searches_are_refused_and_named(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *target;
        const char *element;
        const char *about;
    } rows[] = {
        {"/demo?search", SEARCH(",\"singleItem\":true"), "element 1: singleItem needs start"},
        {"/demo?search", SEARCH(",\"singleItem\":true,\"start\":\"a\",\"end\":\"b\""),
         "element 1: singleItem goes without"},
        {"/demo?search", SEARCH(",\"singleItem\":true,\"start\":\"a\",\"prefix\":\"a\""),
         "element 1: singleItem goes without"},
        {"/demo?search", SEARCH(",\"singleItem\":true,\"start\":\"a\",\"limit\":1"),
         "element 1: singleItem goes without"},
        {"/demo?search", SEARCH(",\"singleItem\":true,\"start\":\"a\",\"reverse\":true"),
         "element 1: singleItem goes without"},
        {"/demo?search", SEARCH(",\"start\":\"a\",\"prefix\":\"b\""),
         "element 1: start does not begin with prefix"},
        {"/demo?search", SEARCH(",\"start\":\"\",\"prefix\":\"b\""),
         "element 1: start does not begin with prefix"},
        {"/demo?search", SEARCH(",\"reverse\":null"), "element 1"},
        {"/demo?search", SEARCH(",\"limit\":-1"), "element 1"},
        {"/demo?search", SEARCH(",\"limit\":1.0"), "element 1"},
        {"/demo?search", "{\"partition_key\":\"p\"}", "element 1"},
        {"/demo?delete", SEARCH(",\"singleItem\":true"), "element 1: singleItem needs start"},
        {"/demo?delete", SEARCH(",\"singleItem\":true,\"start\":\"a\",\"end\":\"b\""),
         "element 1: singleItem goes without"},
        {"/demo?delete", SEARCH(",\"start\":\"a\",\"prefix\":\"b\""),
         "element 1: start does not begin with prefix"},
    };
    say_put(world, "a", NULL, "1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text body = text_of("[%s,%s]", SEARCH(""), rows[i].element);
        uint32_t slot = say_begin_post(world, rows[i].target, body.text);
        world_pump(world);
        expect_answer(world, slot, "400 InvalidRequest");
        expect_message(world, slot, rows[i].about);
        say_close(world, slot);
    }
    expect_item(world, "a", "200 [\"1\"]"); /* no deletion began */
}

/* --- DeleteBatch ---------------------------------------------------------------------------------------- */

static char *deleted(const char *prefix, const char *start, const char *end, const char *single, int count)
{
    static char text[512];
    snprintf(
        text, sizeof text,
        "{\"partitionKey\":\"p\",\"prefix\":%s,\"start\":%s,\"end\":%s,\"singleItem\":%s,\"deletedItems\":%d}",
        prefix, start, end, single, count);
    return text;
}

static void expect_deleted(struct world *world, const char *element, const char *answer)
{
    struct text body = text_of("[%s]", element);
    struct text expected = text_of("200 [%s]", answer);
    expect_post(world, "/demo?delete", body.text, expected.text);
}

static void make_items(struct world *world, int count)
{
    struct body body = body_begin();
    for (int i = 0; i < count; i++) {
        char sort_key[16];
        snprintf(sort_key, sizeof sort_key, "k%04d", i);
        body_add(&body, "p", sort_key, "");
    }
    post(world, body, "204", NULL);
}

static void deletions_walk_page_after_page(void **state)
{
    struct world *world = *state;
    make_items(world, 2500); /* three pages of the store's own size */
    expect_deleted(world, SEARCH(",\"start\":\"k0100\",\"end\":\"k0110\",\"limit\":1"),
                   deleted("null", "\"k0100\"", "\"k0110\"", "false", 10)); /* a limit is no field here */
    expect_deleted(world, SEARCH(",\"prefix\":\"k00\""), deleted("\"k00\"", "null", "null", "false", 100));
    expect_deleted(world, SEARCH(",\"start\":\"k0200\",\"singleItem\":true"),
                   deleted("null", "\"k0200\"", "null", "true", 1));
    expect_deleted(world, SEARCH(",\"start\":\"k0200\",\"singleItem\":true"),
                   deleted("null", "\"k0200\"", "null", "true", 0));
    expect_deleted(world, SEARCH(",\"start\":\"none\",\"singleItem\":true"),
                   deleted("null", "\"none\"", "null", "true", 0));
    expect_deleted(world, SEARCH(""), deleted("null", "null", "null", "false", 2500 - 111));
    expect_deleted(world, SEARCH(""), deleted("null", "null", "null", "false", 0));
    expect_ask(world, ((struct ask){.method = "GET", .target = "/demo"}),
               "200 {\"prefix\":null,\"start\":null,\"end\":null,\"limit\":null,\"reverse\":false,"
               "\"partitionKeys\":[],\"more\":false,\"nextStart\":null}");
    expect_item(world, "k2499", "200 [null]");
    expect_post(world, "/demo?delete", "[]", "200 []");
}

static void entries_are_answered_in_their_order(void **state)
{
    struct world *world = *state;
    make_items(world, 10);
    world->page_rows_max = 3;
    struct text first = text_of("%s", deleted("\"k0001\"", "null", "null", "false", 1));
    struct text second = text_of("%s", deleted("null", "null", "\"k0005\"", "false", 4));
    struct text third = text_of("%s", deleted("null", "null", "null", "false", 5));
    struct text all = text_of("%s,%s,%s", first.text, second.text, third.text);
    expect_deleted(world, SEARCH(",\"prefix\":\"k0001\"") "," SEARCH(",\"end\":\"k0005\"") "," SEARCH(""),
                   all.text);
}

/* I19: what is written between the deletion's read and its write survives, whatever else is deleted. */
static void a_concurrent_write_survives_a_deletion(void **state)
{
    struct world *world = *state;
    make_items(world, 4);
    world->holds.reads = true;
    uint32_t slot = say_begin_post(world, "/demo?delete", "[{\"partitionKey\":\"p\"}]");
    world_pump(world);
    world_run_read(world, 0); /* the deletion has seen what it will delete */
    world->holds.answers = true;
    uint32_t writer = say_begin_put(world, "k0001", NULL, "new");
    uint32_t added = say_begin_put(world, "k0009", NULL, "added");
    world_pump(world);
    world->holds = (struct world_holds){false};
    world_pump(world);
    expect_answer(world, writer, "204");
    expect_answer(world, added, "204");
    struct text expected = text_of("200 [%s]", deleted("null", "null", "null", "false", 4));
    expect_answer(world, slot, expected.text);
    expect_item(world, "k0000", "200 [null]");
    expect_item(world, "k0001", "200 [\"new\",null]");
    expect_item(world, "k0009", "200 [\"added\"]");
}

/* The same when both are in one commit, in either order. */
static void a_write_in_the_commit_of_a_deletion_survives(void **state)
{
    struct world *world = *state;
    for (int order = 0; order < 2; order++) {
        struct text sort_key = text_of("o%d", order);
        struct text body = text_of("[{\"partitionKey\":\"p\",\"start\":\"%s\",\"singleItem\":true}]",
                                   sort_key.text);
        say_put(world, sort_key.text, NULL, "old");
        world->holds.commits = true;
        uint32_t slots[2];
        for (int i = 0; i < 2; i++) {
            slots[i] = i == order ? say_begin_post(world, "/demo?delete", body.text)
                                  : say_begin_put(world, sort_key.text, NULL, "new");
            world_pump(world);
        }
        world->holds.commits = false;
        world_pump(world);
        assert_int_equal(world_status(world, slots[order]), 200);
        expect_answer(world, slots[1 - order], "204");
        expect_item(world, sort_key.text, order == 0 ? "200 [null,\"new\"]" : "200 [\"new\",null]");
        say_close(world, slots[0]);
        say_close(world, slots[1]);
    }
}

/* A client that leaves in the middle: pages done are done, the rest stays; the node goes on. */
static void a_deletion_may_be_left_half_way(void **state)
{
    struct world *world = *state;
    make_items(world, 6);
    world->page_rows_max = 2;
    world->holds.commits = true;
    uint32_t slot = say_begin_post(world, "/demo?delete", "[{\"partitionKey\":\"p\"}]");
    world_pump(world);
    world_commit(world);
    world_pump(world); /* the first page is deleted, the second is lent */
    world_leave(world, slot);
    world->holds.commits = false;
    world_pump(world);
    expect_item(world, "k0000", "200 [null]");
    expect_item(world, "k0003", "200 [null]");
    expect_item(world, "k0004", "200 [\"\"]");
}

/* --- bodies --------------------------------------------------------------------------------------------- */

/* However the body is cut into pieces, it is the same body. */
static void a_body_may_come_in_any_pieces(void **state)
{
    struct world *world = *state;
    for (size_t piece = 1; piece < 40; piece++) {
        struct text body = text_of("[{\"pk\":\"p\",\"sk\":\"%zu\",\"ct\":null,\"v\":\"YWJj\"}]", piece);
        struct text sort_key = text_of("%zu", piece);
        world->body_piece_bytes = piece;
        expect_ask(
            world,
            ((struct ask){
                .method = "POST", .target = "/demo", .body = span_text(body.text), .is_chunked = piece % 2 == 0}),
            "204");
        expect_item(world, sort_key.text, "200 [\"abc\"]");
    }
}

/* A body that is not what was signed stores nothing (H29). */
static void a_body_that_was_changed_stores_nothing(void **state)
{
    struct world *world = *state;
    world->holds.bodies = true;
    uint32_t slot = say_begin_put(world, "a", NULL, "value");
    world->connections[slot].body[2] ^= 1;
    world->holds.bodies = false;
    world_pump(world);
    expect_answer(world, slot, "400 InvalidDigest");
    say_close(world, slot);
    expect_item(world, "a", "404 NoSuchKey");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(elements_are_applied_in_their_order),
        world_test(tokens_supersede_what_they_cover),
        world_test(a_full_item_refuses_the_whole_batch),
        world_test(a_refusal_does_not_concern_the_neighbours),
        world_test(a_refusal_in_a_later_commit_names_its_element),
        world_test(a_bad_element_is_refused_before_anything_is_stored),
        world_test(bounds_are_exact),
        world_test(searches_filter_and_echo),
        world_test(bad_searches_are_refused_and_named),
        world_test(deletions_walk_page_after_page),
        world_test(entries_are_answered_in_their_order),
        world_test(a_concurrent_write_survives_a_deletion),
        world_test(a_write_in_the_commit_of_a_deletion_survives),
        world_test(a_deletion_may_be_left_half_way),
        world_test(a_body_may_come_in_any_pieces),
        world_test(a_body_that_was_changed_stores_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
