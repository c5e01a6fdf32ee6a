/* Choosing a command by its name, and the help of a group of commands. */
#include "node/cli/commands.h"

#include "node/cli/nearest.h"
#include "node/cli/say.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *const EXIT_CODES_HELP = "Exit codes:\n"
                                    "  0  done\n"
                                    "  1  failure: the network, the server, the disk\n"
                                    "  2  usage: the command line or a file it names; nothing was sent\n"
                                    "  3  not found\n"
                                    "  4  conflict: several values where one was asked for (--raw)\n"
                                    "  5  nothing new (a poll that ended without news)\n"
                                    "  6  access denied\n";

static void print_help(FILE *out, const struct command_group *group)
{
    fprintf(out, "%s\n\nUsage: %s COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n", group->about, group->name);
    for (size_t i = 0; i < group->commands_count; i++) {
        fprintf(out, "  %-13s %s\n", group->commands[i].name, group->commands[i].summary);
    }
    fprintf(out, "\n%s\n`%s COMMAND --help` tells more about a command.\n\n%s", group->more, group->name,
            EXIT_CODES_HELP);
}

static int refuse_unknown(const struct command_group *group, const char *word)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (size_t i = 0; i < group->commands_count; i++) {
        nearest_offer(&nearest, group->commands[i].name);
    }
    if (nearest.best != NULL) {
        say("unknown command \"%s\"; did you mean `%s %s`?", word, group->name, nearest.best);
    } else {
        say("unknown command \"%s\"; `%s --help` lists all", word, group->name);
    }
    return CLI_USAGE;
}

int commands_run(const struct command_group *group, int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr, group);
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help(stdout, group);
        return CLI_DONE;
    }
    for (size_t i = 0; i < group->commands_count; i++) {
        if (strcmp(word, group->commands[i].name) == 0) return group->commands[i].run(argc - 1, argv + 1);
    }
    return refuse_unknown(group, word);
}
