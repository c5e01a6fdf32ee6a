/* The commands a person types: their table, their exit codes, and how one is chosen by its name. */
#ifndef NODE_CLI_COMMANDS_H
#define NODE_CLI_COMMANDS_H

#include <stddef.h>

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

/* The paragraph of every --help that lists the codes. */
extern const char *const EXIT_CODES_HELP;

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

/* The groups and commands of node/cli. */
int k2v_main(int argc, char **argv);
int bucket_main(int argc, char **argv);
int key_main(int argc, char **argv);
int status_main(int argc, char **argv);

#endif
