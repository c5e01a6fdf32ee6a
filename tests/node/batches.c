/* InsertBatch and ReadBatch as wholes: order, refusals, pages, filters (I20). */
#include "tests/node/batch_body.h"

#include "node/core/limits.h"

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

/* A batch has at most so many searches or deletions: each keeps a place in memory (I25). */
static void searches_are_bounded(void **state)
{
    struct world *world = *state;
    static const char element[] = "{\"partitionKey\":\"none\"},";
    size_t element_bytes = sizeof element - 1;
    char *body = malloc((LIMITS_SEARCHES_MAX + 1) * element_bytes + 2);
    assert_non_null(body);
    for (int i = 0; i < 4; i++) {
        size_t count = i % 2 == 0 ? LIMITS_SEARCHES_MAX + 1 : LIMITS_SEARCHES_MAX;
        body[0] = '[';
        for (size_t j = 0; j < count; j++)
            memcpy(body + 1 + j * element_bytes, element, element_bytes);
        strcpy(body + count * element_bytes, "]"); /* over the last comma */
        uint32_t slot = say_begin_post(world, i < 2 ? "/demo?search" : "/demo?delete", body);
        for (int moves = 0; moves < 100; moves++) /* to see a good one end would take long */
            world_move(world);
        if (i % 2 == 0) {
            expect_answer(world, slot, "400 InvalidRequest");
            expect_message(world, slot, "element 100000: ");
        } else {
            assert_int_equal(world_status(world, slot), 0);
        }
        say_close(world, slot);
        world_pump(world);
    }
    free(body);
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
        world_test(searches_are_bounded),
        world_test(a_body_may_come_in_any_pieces),
        world_test(a_body_that_was_changed_stores_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
