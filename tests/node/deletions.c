/* DeleteBatch: page after page, and what comes in between (I19). */
#include "tests/node/batch_body.h"

#define SEARCH(rest) "{\"partitionKey\":\"p\"" rest "}"

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

/* I25: pages come and go; a partition ten times as large needs no more memory. */
static void memory_does_not_grow_with_what_is_deleted(void **state)
{
    struct world *world = *state;
    size_t held_bytes[2];
    for (int i = 0; i < 2; i++) {
        make_items(world, i == 0 ? 100 : 1000);
        world->page_rows_max = 100;
        uint32_t slot = say_begin_post(world, "/demo?delete", "[{\"partitionKey\":\"p\"}]");
        held_bytes[i] = say_pump_watching(world, slot);
        assert_int_equal(world_status(world, slot), 200);
        say_close(world, slot);
    }
    print_message("%zu and %zu bytes held\n", held_bytes[0], held_bytes[1]);
    assert_true(held_bytes[1] < held_bytes[0] * 2);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(deletions_walk_page_after_page),
        world_test(memory_does_not_grow_with_what_is_deleted),
        world_test(entries_are_answered_in_their_order),
        world_test(a_concurrent_write_survives_a_deletion),
        world_test(a_write_in_the_commit_of_a_deletion_survives),
        world_test(a_deletion_may_be_left_half_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
