/* The tables of all commands, as others than --help are shown them. */
#include "node/cli/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What was shown, and where in the tree. */
struct seen {
    struct commands_reader reader;
    char path[100];
    int groups_count;
    int commands_count;
};

static void on_group(struct commands_reader *reader, const struct command_group *group)
{
    struct seen *seen = (struct seen *)reader;
    char path[sizeof seen->path];
    assert_string_equal(group->name, seen->path);
    memcpy(path, seen->path, sizeof path);
    seen->groups_count++;
    for (size_t i = 0; i < group->commands_count; i++) {
        int before = seen->groups_count + seen->commands_count;
        snprintf(seen->path, sizeof seen->path, "%.60s %.30s", path, group->commands[i].name);
        commands_describe(&group->commands[i], reader);
        assert_true(seen->groups_count + seen->commands_count > before);
    }
    memcpy(seen->path, path, sizeof path);
}

static void check_option(const struct option *option)
{
    assert_non_null(option->name);
    assert_non_null(option->help);
    assert_true((option->kind == OPTION_FLAG) == (option->value_word == NULL));
    assert_true((option->kind == OPTION_CHOICE) == (option->choices != NULL));
}

static void on_command(struct commands_reader *reader, const struct usage *usage,
                       const struct option_group *groups, size_t groups_count)
{
    struct seen *seen = (struct seen *)reader;
    assert_string_equal(usage->command, seen->path);
    assert_true(strlen(usage->about) > 0 && usage->about[strlen(usage->about) - 1] == '\n');
    assert_non_null(strstr(usage->examples, usage->command));
    for (size_t i = 0; i < groups_count; i++) {
        for (size_t j = 0; j < groups[i].count; j++) {
            check_option(&groups[i].options[j]);
        }
    }
    seen->commands_count++;
}

/* Each command is shown once, under the name that leads to it, with whole rows and with an example of itself. */
static void every_command_shows_its_tables(void **state)
{
    (void)state;
    struct seen seen = {.reader = {on_group, on_command}, .path = "skerry"};
    const struct command all = {"skerry", "all", skerry_main};
    assert_null(commands_reader_now());
    commands_describe(&all, &seen.reader);
    assert_null(commands_reader_now());
    assert_true(seen.groups_count >= 4);
    assert_true(seen.commands_count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_shows_its_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
