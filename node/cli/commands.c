/* Choosing a command by its name, and the help of a group of commands. */
#include "node/cli/commands.h"

#include "node/cli/nearest.h"
#include "node/cli/say.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *const EXIT_CODE_MEANINGS[EXIT_CODES] = {
    [CLI_DONE] = "done",
    [CLI_FAILED] = "failure: the network, the server, the disk",
    [CLI_USAGE] = "usage: the command line or a file it names; nothing was sent",
    [CLI_NOT_FOUND] = "not found",
    [CLI_CONFLICT] = "conflict: several values where one was asked for (--raw)",
    [CLI_NOTHING_NEW] = "nothing new (a poll that ended without news)",
    [CLI_DENIED] = "access denied",
};

/* A program of one thread that asks its own commands for their tables; see commands_describe(). */
static struct commands_reader *current_reader;

void commands_print_exit_codes(FILE *out)
{
    fputs("Exit codes:\n", out);
    for (int code = 0; code < EXIT_CODES; code++) {
        fprintf(out, "  %d  %s\n", code, EXIT_CODE_MEANINGS[code]);
    }
}

static void print_help(FILE *out, const struct command_group *group)
{
    fprintf(out, "%s\n\nUsage: %s COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n", group->about, group->name);
    for (size_t i = 0; i < group->commands_count; i++) {
        fprintf(out, "  %-13s %s\n", group->commands[i].name, group->commands[i].summary);
    }
    fprintf(out, "\n%s\n`%s COMMAND --help` tells more about a command.\n\n", group->more, group->name);
    commands_print_exit_codes(out);
}

static int refuse_unknown(const struct command_group *group, const char *word)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (size_t i = 0; i < group->commands_count; i++) {
        nearest_offer(&nearest, group->commands[i].name);
    }
    if (word[0] == '-') nearest_offer(&nearest, "--help");
    if (word[0] == '-' && group == &SKERRY_COMMANDS) nearest_offer(&nearest, "--version");
    if (nearest.best != NULL) {
        say("unknown command \"%s\"; did you mean `%s %s`?", word, group->name, nearest.best);
    } else {
        say("unknown command \"%s\"; `%s --help` lists all", word, group->name);
    }
    return CLI_USAGE;
}

/* "skerry help k2v read" is "skerry k2v read --help". */
static int run_help(const struct command_group *group, int argc, char **argv)
{
    enum { WORDS_MAX = 4 };
    static char help[] = "--help";
    char *words[WORDS_MAX + 2] = {argv[0]};
    int count = 1;
    for (int i = 2; i < argc && count < WORDS_MAX; i++) {
        words[count++] = argv[i];
    }
    words[count++] = help;
    return commands_run(group, count, words);
}

int commands_run(const struct command_group *group, int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr, group);
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 && argc > 2) return run_help(group, argc, argv);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        if (current_reader != NULL) {
            current_reader->on_group(current_reader, group);
        } else {
            print_help(stdout, group);
        }
        return CLI_DONE;
    }
    for (size_t i = 0; i < group->commands_count; i++) {
        if (strcmp(word, group->commands[i].name) == 0) return group->commands[i].run(argc - 1, argv + 1);
    }
    return refuse_unknown(group, word);
}

static void show_help(const struct usage *usage, const struct option_group *groups, size_t groups_count)
{
    if (current_reader != NULL) {
        current_reader->on_command(current_reader, usage, groups, groups_count);
        return;
    }
    options_print_help(stdout, usage, groups, groups_count);
    fputc('\n', stdout);
    commands_print_exit_codes(stdout);
}

int commands_read_line(const struct usage *usage, const struct option_group *groups, size_t groups_count, int argc,
                       char **argv, struct arguments *arguments)
{
    char message[OPTIONS_MESSAGE_CHARS];
    switch (options_read(usage, groups, groups_count, argc, argv, arguments, message)) {
    case OPTIONS_HELP: show_help(usage, groups, groups_count); return CLI_DONE;
    case OPTIONS_BAD: say("%s (`%s --help`)", message, usage->command); return CLI_USAGE;
    case OPTIONS_READ: break;
    }
    return CLI_GO;
}

void commands_describe(const struct command *command, struct commands_reader *reader)
{
    char name[64];
    char help[] = "--help";
    char *words[] = {name, help, NULL};
    struct commands_reader *before = current_reader;
    snprintf(name, sizeof name, "%s", command->name);
    current_reader = reader;
    (void)command->run(2, words);
    current_reader = before;
}

struct commands_reader *commands_reader_now(void)
{
    return current_reader;
}
