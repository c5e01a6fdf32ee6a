/* An acknowledgement follows the commit that covers it, and only that (H18, H19, I1, I20, I22, I23, I24). */
#include "tests/lib/node_say.h"

/* I1: nothing is said before the test says that the commit is done. */
static void a_write_is_answered_after_its_commit_only(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    uint32_t slot = say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    expect_answer(world, slot, "nothing yet");
    assert_int_equal(world_count(&world->writes), 1);
    world_commit(world);
    expect_answer(world, slot, "nothing yet");
    world_pump(world);
    expect_answer(world, slot, "204");
    say_close(world, slot);
    expect_item(world, "a", "200 [\"x\"]");
}

/* The same for each way to write. */
static void batches_and_deletes_too_are_answered_after_their_commits_only(void **state)
{
    struct world *world = *state;
    say_put(world, "b", NULL, "y");
    world->holds.commits = true;
    uint32_t slots[3] = {
        say_begin_put(world, "a", NULL, NULL),
        say_begin_post(world, "/demo", "[{\"pk\":\"p\",\"sk\":\"c\",\"ct\":null,\"v\":\"eg==\"}]"),
        say_begin_post(world, "/demo?delete", "[{\"partitionKey\":\"p\"}]"),
    };
    world_pump(world);
    for (int i = 0; i < 3; i++)
        expect_answer(world, slots[i], "nothing yet");
    assert_int_equal(world_count(&world->writes), 3);
    world_commit(world);
    world_pump(world);
    expect_answer(world, slots[0], "204");
    expect_answer(world, slots[1], "204");
    expect_answer(world, slots[2],
                  "200 [{\"partitionKey\":\"p\",\"prefix\":null,\"start\":null,\"end\":null,\"singleItem\":false,"
                  "\"deletedItems\":1}]");
}

/* Group commit: all that was lent is one transaction. */
static void writes_that_came_together_share_one_commit(void **state)
{
    struct world *world = *state;
    uint32_t slots[20];
    world->holds.commits = true;
    for (uint32_t i = 0; i < 20; i++)
        slots[i] = say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    uint32_t commits = world->commits_count;
    uint64_t disk_commits = world->disk.commits_count;
    world_commit(world);
    world_pump(world);
    for (uint32_t i = 0; i < 20; i++)
        expect_answer(world, slots[i], "204");
    assert_int_equal(world->commits_count, commits + 1);
    assert_int_equal(world->disk.commits_count, disk_commits + 1);
}

/* --- errors of the disk --------------------------------------------------------------------------------- */

/* Every change or commit of a write made to fail in turn: 507 or 503, never 204; and nothing was stored (I23). */
static void expect_failing_writes(struct world *world, enum err err, const char *expected)
{
    for (uint64_t k = 1;; k++) {
        char sort_key[32];
        snprintf(sort_key, sizeof sort_key, "%s%llu", err_name(err), (unsigned long long)k);
        disk_fail_next(&world->disk, k, err);
        uint32_t slot = say_begin_put(world, sort_key, NULL, "x");
        world_pump(world);
        bool has_failed = world->disk.change_fault.calls_left == 0;
        disk_fail_next(&world->disk, 0, ERR_OK);
        if (!has_failed) {
            expect_answer(world, slot, "204");
            assert_true(k > 3);
            say_close(world, slot);
            return;
        }
        expect_answer(world, slot, expected);
        say_close(world, slot);
        expect_item(world, sort_key, "404 NoSuchKey");
    }
}

static void a_full_disk_is_507_and_nothing_is_stored(void **state)
{
    expect_failing_writes(*state, ERR_FULL, "507 InsufficientStorage");
}

static void a_failing_disk_is_never_acknowledged(void **state)
{
    expect_failing_writes(*state, ERR_IO, "503 OutcomeUncertain");
}

/* Three puts in one commit, which fails; the answer of each, and whether it is stored. */
static void expect_of_a_failed_commit(struct world *world, enum err err, const char *answer, const char *item)
{
    static const char *const keys[3] = {"a", "b", "c"};
    uint32_t slots[3];
    world->holds.commits = true;
    for (uint32_t i = 0; i < 3; i++)
        slots[i] = say_begin_put(world, keys[i], NULL, "x");
    world_pump(world);
    disk_fail_next(&world->disk, 3 * 2 + 2, err); /* record and counter of each, actor, commit */
    world_commit(world);
    world_pump(world);
    for (uint32_t i = 0; i < 3; i++)
        expect_answer(world, slots[i], answer);
    world->holds.commits = false;
    expect_item(world, "a", item);
}

/* I20: what shares a failed commit fails with it. */
static void a_failed_commit_fails_everyone_in_it(void **state)
{
    struct world *world = *state;
    expect_of_a_failed_commit(world, ERR_MEMORY, "503 ServiceUnavailable", "404 NoSuchKey");
    say_put(world, "a", NULL, "y");
    expect_item(world, "a", "200 [\"y\"]");
}

/* What did not fit together is tried in smaller parts (tests/node/store/full.c). */
static void a_commit_that_was_too_large_is_done_in_parts(void **state)
{
    expect_of_a_failed_commit(*state, ERR_FULL, "204", "200 [\"x\"]");
}

/* A batch in several commits: the first is there, the second failed; the answer is an error (I20). */
static void a_batch_that_fails_half_way_is_no_success(void **state)
{
    struct world *world = *state;
    enum { ELEMENTS = LIMITS_BATCH_ITEMS_PER_COMMIT + 1 };
    char *body = malloc(ELEMENTS * 48 + 3);
    assert_non_null(body);
    size_t used = 0;
    for (int i = 0; i < ELEMENTS; i++)
        used += (size_t)sprintf(body + used, "%c{\"pk\":\"q\",\"sk\":\"%d\",\"v\":\"\"}", i == 0 ? '[' : ',', i);
    strcpy(body + used, "]");
    world->holds.commits = true;
    uint32_t slot = say_begin_post(world, "/demo", body);
    world_pump(world);
    world_commit(world);
    world_pump(world);
    expect_answer(world, slot, "nothing yet");
    disk_fail_next(&world->disk, 1, ERR_FULL);
    world_commit(world);
    world_pump(world);
    expect_answer(world, slot, "507 InsufficientStorage");
    expect_message(world, slot, "this step"); /* the first step's elements are stored: do not say otherwise */
    say_close(world, slot);
    expect_ask(world, ((struct ask){.method = "GET", .target = "/demo/q?sort_key=16383"}), "200 [\"\"]");
    expect_ask(world, ((struct ask){.method = "GET", .target = "/demo/q?sort_key=16384"}), "404 NoSuchKey");
    free(body);
}

/* --- corruption ----------------------------------------------------------------------------------------- */

/* I24, H22: whichever bit of a record is flipped, no read serves it, no write builds on it. */
static void a_corrupt_record_is_never_served(void **state)
{
    struct world *world = *state;
    static const char *const posts[][3] = {
        {"/demo?search", "[{\"partitionKey\":\"p\"}]"},
        {"/demo?search", "[{\"partitionKey\":\"p\",\"start\":\"a\",\"singleItem\":true}]"},
        {"/demo?delete", "[{\"partitionKey\":\"p\"}]"},
        {"/demo/p?poll_range", "{}"},
        {"/demo", "[{\"pk\":\"p\",\"sk\":\"a\",\"v\":\"\"}]"},
    };
    say_put(world, "a", NULL, "x");
    for (uint64_t bit = 0; disk_flip(&world->disk, KV_ITEMS, 0, bit); bit++) {
        expect_item(world, "a", "500 InternalError");
        if (bit % 64 == 5) {
            for (size_t i = 0; i < 5; i++)
                expect_post(world, posts[i][0], posts[i][1], "500 InternalError");
            uint32_t slot = say_begin_put(world, "a", NULL, "y");
            world_pump(world);
            expect_answer(world, slot, "500 InternalError");
            say_close(world, slot);
            expect_ask(world,
                       ((struct ask){.method = "GET", .target = "/demo/p?sort_key=a&causality_token=AAAAAAAAAAA"}),
                       "500 InternalError");
        }
        assert_true(disk_flip(&world->disk, KV_ITEMS, 0, bit));
    }
    expect_item(world, "a", "200 [\"x\"]");
    assert_true(world->node.requests.service.counts.corrupt_rows > 100);
}

/* The index serves no corrupt counters either, and a write over them is refused. */
static void a_corrupt_counter_is_never_served(void **state)
{
    struct world *world = *state;
    say_put(world, "a", NULL, "x");
    assert_true(disk_flip(&world->disk, KV_COUNTS, 0, 70));
    expect_ask(world, ((struct ask){.method = "GET", .target = "/demo"}), "500 InternalError");
    expect_admin(world, "GET", "/v1/buckets/demo", "", "500 InternalError");
    expect_admin(world, "DELETE", "/v1/buckets/demo", "", "500 InternalError");
    uint32_t slot = say_begin_put(world, "b", NULL, "y");
    world_pump(world);
    expect_answer(world, slot, "500 InternalError");
    say_close(world, slot);
    expect_item(world, "a", "200 [\"x\"]");
    expect_item(world, "b", "404 NoSuchKey");
}

/* One client's corrupt record is no other's error, though they share the commit. */
static void a_corrupt_record_does_not_spoil_the_batch_of_others(void **state)
{
    struct world *world = *state;
    say_put(world, "a", NULL, "x");
    assert_true(disk_flip(&world->disk, KV_ITEMS, 0, 99));
    world->holds.commits = true;
    uint32_t before = say_begin_put(world, "b", NULL, "1");
    uint32_t bad = say_begin_put(world, "a", NULL, "2");
    uint32_t after = say_begin_put(world, "c", NULL, "3");
    world_pump(world);
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, before, "204");
    expect_answer(world, bad, "500 InternalError");
    expect_answer(world, after, "204");
    expect_item(world, "b", "200 [\"1\"]");
    expect_item(world, "c", "200 [\"3\"]");
}

/* --- what is acknowledged stays ------------------------------------------------------------------------- */

/* I1, I23: killed at each moment of a write's life, an acknowledged value is there after the restart; one that was
 * not may be. */
static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct world *world = *state;
    struct token known = say_put(world, "a", NULL, "first");
    world->holds.commits = true;
    uint32_t slot = say_begin_put(world, "a", &known, "second");
    world_pump(world);
    world->holds.commits = false;
    world_restart(world);
    expect_item(world, "a", "200 [\"first\"]");
    world->holds.answers = true;
    slot = say_begin_put(world, "a", &known, "third");
    world_pump(world);
    expect_answer(world, slot, "nothing yet"); /* committed, but nobody knows */
    world->holds.answers = false;
    world_restart(world);
    expect_item(world, "a", "200 [\"third\"]");
    say_put(world, "b", NULL, "fourth");
    world_restart(world);
    expect_item(world, "b", "200 [\"fourth\"]");
}

/* A client that left before the answer: its write is stored or not, but the node goes on. */
static void a_client_that_leaves_takes_nothing_with_it(void **state)
{
    struct world *world = *state;
    world->holds.commits = true;
    world->holds.answers = true;
    for (int moment = 0; moment < 3; moment++) {
        uint32_t slot = say_begin_put(world, "a", NULL, "x");
        world_pump(world);
        if (moment >= 1) world_commit(world);
        world_leave(world, slot);
        uint32_t next = say_begin_get(world, "b"); /* on the same slot, while the old one's op is lent */
        assert_int_equal(next, slot);
        if (moment == 0) world_commit(world);
        world->holds.answers = false;
        world_pump(world);
        expect_answer(world, next, "404 NoSuchKey");
        say_close(world, next);
        world->holds.answers = true;
    }
    world->holds.commits = false;
    world->holds.answers = false;
    expect_item(world, "a", "200 [\"x\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_write_is_answered_after_its_commit_only),
        world_test(batches_and_deletes_too_are_answered_after_their_commits_only),
        world_test(writes_that_came_together_share_one_commit),
        world_test(a_full_disk_is_507_and_nothing_is_stored),
        world_test(a_failing_disk_is_never_acknowledged),
        world_test(a_failed_commit_fails_everyone_in_it),
        world_test(a_commit_that_was_too_large_is_done_in_parts),
        world_test(a_batch_that_fails_half_way_is_no_success),
        world_test(a_corrupt_record_is_never_served),
        world_test(a_corrupt_counter_is_never_served),
        world_test(a_corrupt_record_does_not_spoil_the_batch_of_others),
        world_test(what_was_acknowledged_survives_a_kill),
        world_test(a_client_that_leaves_takes_nothing_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
