/* An acknowledgement follows the commit that covers it, and only that (H18, I1, I20, I23). */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_write_is_answered_after_its_commit_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
