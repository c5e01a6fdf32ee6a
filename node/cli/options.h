/* The words of a command line, read by tables: what a command takes, its messages and its --help come from the
 * same rows. Pure: prints nothing but the help it is asked for.
 *
 * Options stand anywhere among the arguments; after `--` all words are arguments. The word behind an option that
 * takes a value is its value even when it begins with '-' (a causality token may). Names are not abbreviated.
 */
#ifndef NODE_CLI_OPTIONS_H
#define NODE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    OPTIONS_ARGUMENTS_MAX = 8,
    OPTIONS_LIST_MAX = 64,
    OPTIONS_MESSAGE_CHARS = 600,
};

enum option_kind {
    OPTION_FLAG,   /* bool: given or not */
    OPTION_TEXT,   /* const char *: NULL when not given; once */
    OPTION_LIST,   /* struct option_list: any number of times */
    OPTION_NUMBER, /* struct option_number: once, min … max */
    OPTION_CHOICE, /* unsigned: the place of the word in `choices`; the last one given counts */
};

struct option_list {
    const char *values[OPTIONS_LIST_MAX];
    size_t count;
};

struct option_number {
    bool is_given;
    uint64_t value;
};

/* One row. Unused members are left out (0). */
struct option {
    char letter;            /* 0: none */
    const char *name;       /* without the dashes */
    const char *value_word; /* in the help: "TOKEN" */
    const char *help;       /* one line, or several with '\n' */
    const char *variable;   /* of the environment, which is asked when the option is not given */
    enum option_kind kind;
    void *target;
    uint64_t min, max;          /* of a number */
    const char *const *choices; /* NULL-terminated */
};

struct option_group {
    const char *title; /* "Options" */
    const struct option *options;
    size_t count;
};

/* What a command is, in words. */
struct usage {
    const char *command;  /* "skerry k2v read" */
    const char *synopsis; /* "PK SK [OPTIONS]"; several forms on lines of their own */
    const char *about;
    const char *examples; /* lines, each indented by two */
    size_t arguments_min, arguments_max;
};

struct arguments {
    const char *words[OPTIONS_ARGUMENTS_MAX];
    size_t count;
};

enum options_result {
    OPTIONS_READ,
    OPTIONS_HELP, /* --help or -h was among the words; nothing else counts */
    OPTIONS_BAD,  /* `message` says why, without a newline */
};

/* Read argv[1] … into the targets, which hold their defaults before. Text is borrowed from argv. */
enum options_result options_read(const struct usage *usage, const struct option_group *groups, size_t groups_count,
                                 int argc, char **argv, struct arguments *arguments,
                                 char message[OPTIONS_MESSAGE_CHARS]);

void options_print_help(FILE *out, const struct usage *usage, const struct option_group *groups,
                        size_t groups_count);

/* A decimal number without sign or blanks, min … max. */
bool options_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif
