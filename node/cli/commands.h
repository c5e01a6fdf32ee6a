/* The commands a person types: their tables, their exit codes, how one is chosen by its name, and how all that the
 * tables say of a command can be had by others than the person who asks for --help. */
#ifndef NODE_CLI_COMMANDS_H
#define NODE_CLI_COMMANDS_H

#include "node/cli/options.h"

/* What a command ends with. Scripts rely on the numbers: they stay. */
enum exit_code {
    CLI_GO = -1, /* not an end: the command goes on */
    CLI_DONE = 0,
    CLI_FAILED = 1,      /* network, server, disk, or output that could not be written */
    CLI_USAGE = 2,       /* the command line, a setting or a file given cannot be used; nothing was sent */
    CLI_NOT_FOUND = 3,   /* no such item, bucket or key */
    CLI_CONFLICT = 4,    /* several values where one was asked for */
    CLI_NOTHING_NEW = 5, /* a poll ended without news */
    CLI_DENIED = 6,      /* the key or the token may not do this */
};

/* What the codes mean; each row's place is its code. */
enum { EXIT_CODES = 7 };
extern const char *const EXIT_CODE_MEANINGS[EXIT_CODES];

/* `run` gets the words from its own name on (argv[0] is the name); the answer is an exit code. */
struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

/* Commands that share a beginning. */
struct command_group {
    const char *name;  /* "skerry k2v" */
    const char *about; /* stands above the list in its help */
    const char *more;  /* and below it */
    const struct command *commands;
    size_t commands_count;
};

/* Run the command that argv[1] names, or print the help of the group. argv[0] is not looked at. */
int commands_run(const struct command_group *group, int argc, char **argv);

/* Read a command's words (argv[0] is its name) by its tables. CLI_GO, or the code to end with: --help was shown,
 * or what is wrong was said. */
int commands_read_line(const struct usage *usage, const struct option_group *groups, size_t groups_count, int argc,
                       char **argv, struct arguments *arguments);

/* The paragraph of every --help that lists the codes. */
void commands_print_exit_codes(FILE *out);

/* --- the tables, for who makes something else of them than --help --------------------------------------- */

/* Who is shown the tables. Completion scripts and the manual are made from what a command shows for --help: from
 * the rows that read its command line, which therefore they cannot contradict. */
struct commands_reader {
    void (*on_group)(struct commands_reader *reader, const struct command_group *group);
    void (*on_command)(struct commands_reader *reader, const struct usage *usage,
                       const struct option_group *groups, size_t groups_count);
};

/* Ask `command` for its help, which goes to the reader: once on_group or on_command. on_group may ask on. */
void commands_describe(const struct command *command, struct commands_reader *reader);

/* The reader of the commands_describe() under way, or NULL. */
struct commands_reader *commands_reader_now(void);

/* The groups and commands of node/cli. */
extern const struct command_group SKERRY_COMMANDS;
int skerry_main(int argc, char **argv);
int server_command(int argc, char **argv);
int k2v_main(int argc, char **argv);
int bucket_main(int argc, char **argv);
int key_main(int argc, char **argv);
int node_main(int argc, char **argv);
int layout_main(int argc, char **argv);
int status_main(int argc, char **argv);
int repair_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int completion_main(int argc, char **argv);
int manual_main(int argc, char **argv);

#endif
