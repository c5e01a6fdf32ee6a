/* How far a long command is: one line on standard error that is drawn again and cleared at the end. Only on a
 * terminal; in a pipe or a file there is never a byte of it. */
#ifndef NODE_CLI_PROGRESS_H
#define NODE_CLI_PROGRESS_H

#include "node/cli/options.h"
#include "node/cli/terminal.h"

enum {
    PROGRESS_FIRST_MS = 500, /* a command that is done by then shows none */
    PROGRESS_AGAIN_MS = 100, /* at most ten lines a second */
    PROGRESS_LINE_BYTES = TERMINAL_COLUMNS_MAX + 1,
};

/* How far it is. */
struct progress_state {
    const char *name;       /* of the command: "insert-batch" */
    const char *items_word; /* "items stored"; NULL: they are not counted */
    const char *bytes_word; /* "read", "received" */
    uint64_t items;
    uint64_t bytes;
    uint64_t bytes_total; /* 0: not known */
    uint64_t elapsed_us;
};

/* The line of a state, at most `columns` (1 … TERMINAL_COLUMNS_MAX) wide: the parts that fit, the most telling
 * ones first; a bar takes what room is left. ASCII, with a NUL. Pure. */
void progress_line(const struct progress_state *state, size_t columns, char line[PROGRESS_LINE_BYTES]);

/* {0} is one that is off. */
struct progress {
    struct progress_state state; /* elapsed_us is seen to; the rest is the command's */
    bool is_on;
    bool is_drawn;
    uint64_t begun_us;
    uint64_t drawn_us;
};

/* The row of --no-progress. */
struct option progress_option(bool *is_unwanted);

/* On when wanted and standard error is a terminal. */
void progress_begin(struct progress *progress, const struct progress_state *state, bool is_unwanted);

/* Draw the line if it is time to. */
void progress_show(struct progress *progress);

/* Clear the line, if one is there: before anything else is written, and at the end. It may come again. */
void progress_clear(struct progress *progress);

#endif
