/* What a person types, and the exit codes. */
#include "sim/command.h"
#include "tests/lib/check.h"

static int type(const char *a, const char *b, const char *c, const char *d, const char *e, const char *f)
{
    char *words[8] = {
        (char *)"skerry-sim", (char *)a, (char *)b, (char *)c, (char *)d, (char *)e, (char *)f, NULL};
    int count = 0;
    while (words[count] != NULL)
        count++;
    return command_run(count, words);
}

static void what_makes_no_sense_is_2(void **state)
{
    (void)state;
    assert_int_equal(type(NULL, NULL, NULL, NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("walk", NULL, NULL, NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", NULL, NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "-1", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "1x", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--nodes", "0", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--nodes", "101", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--fast", NULL, NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--plant", "a tree", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--without", "cut,rain", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--only", "rain", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("sweep", NULL, NULL, NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("sweep", "--seeds", "5..3", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("sweep", "--seeds", "1..", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("gossip", "--nodes", "10,1", NULL, NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("gossip", "--loss", "101", NULL, NULL, NULL), COMMAND_USAGE);
}

static void what_passes_is_0(void **state)
{
    (void)state;
    assert_int_equal(type("--help", NULL, NULL, NULL, NULL, NULL), COMMAND_OK);
    assert_int_equal(type("run", "--help", NULL, NULL, NULL, NULL), COMMAND_OK);
    assert_int_equal(type("run", "--seed", "3", "--isolated", "--minutes", "2"), COMMAND_OK);
    assert_int_equal(type("sweep", "--seeds", "3..4", "--isolated", "--minutes", "2"), COMMAND_OK);
    assert_int_equal(type("gossip", "--nodes", "3,5", "--minutes", "1", NULL), COMMAND_OK);
}

static void what_fails_is_1(void **state)
{
    (void)state;
    assert_int_equal(type("sweep", "--seeds", "1..4", "--isolated", "--plant", "lost-write"), COMMAND_FAILED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_2),
        cmocka_unit_test(what_passes_is_0),
        cmocka_unit_test(what_fails_is_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
