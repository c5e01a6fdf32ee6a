/* What a person types, and the exit codes. */
#include "sim/command.h"
#include "tests/lib/check.h"

#include <stdio.h>
#include <string.h>

#define DOC TESTS_VECTORS "/../../docs/simulator.md"

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
    assert_int_equal(type("run", "--seed", "1", "--nodes", "0", NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "1", "--nodes", "101", NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "1", "--fast", NULL, NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "1", "--plant", "a tree", NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "1", "--without", "cut,rain", NULL), COMMAND_USAGE);
    assert_int_equal(type("run", "--seed", "1", "--only", "rain", NULL), COMMAND_USAGE);
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

/* The command by which docs/simulator.md shows that the oracle finds a planted bug does show it. */
static void the_plant_of_the_docs_is_found(void **state)
{
    (void)state;
    char line[300];
    char *words[16] = {NULL};
    char *command = NULL;
    int count = 0;
    FILE *file = fopen(DOC, "r");
    assert_non_null(file);
    while (command == NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "`skerry-sim sweep", 17) == 0 && strstr(line, " --plant ") != NULL) command = line + 1;
    }
    fclose(file);
    assert_non_null(command);
    command[strcspn(command, "`")] = '\0';
    for (char *word = strtok(command, " "); word != NULL && count < 15; word = strtok(NULL, " "))
        words[count++] = word;
    assert_int_equal(command_run(count, words), COMMAND_FAILED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_2),
        cmocka_unit_test(what_passes_is_0),
        cmocka_unit_test(what_fails_is_1),
        cmocka_unit_test(the_plant_of_the_docs_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
