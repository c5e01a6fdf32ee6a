/* A causality token or a seen marker that an earlier command showed: typed, or taken from the file that its output
 * went to. */
#ifndef NODE_CLI_SHOWN_H
#define NODE_CLI_SHOWN_H

#include "node/cli/buffer.h"
#include "node/cli/options.h"

enum { SHOWN_OPTIONS = 2 };

/* What may be shown, and how. */
struct shown_kind {
    const char *name;   /* "causality token" */
    const char *label;  /* it stands behind, at the beginning of a line of text */
    const char *member; /* it is in the object that -o json shows */
    char letter;        /* of the option with the word, or 0 */
    char file_letter;
    const char *option; /* "causality-token"; the one with the file has "-file" behind it */
    const char *file_option;
    const char *value_word;
    const char *help;
};

extern const struct shown_kind SHOWN_TOKEN, SHOWN_MARKER;

/* As the command line has it. */
struct shown {
    const char *word; /* NULL: not given */
    const char *file; /* the same */
    struct buffer memory;
};

/* The two rows. */
size_t shown_options(const struct shown_kind *kind, struct shown *shown, struct option options[SHOWN_OPTIONS]);

/* Make `word` what was given, by itself or in a file; NULL when neither was. A file holds the word alone, or what
 * a command printed with it: of several the last one counts. False, said, when it cannot be such a word. */
bool shown_find(const struct shown_kind *kind, struct shown *shown);

void shown_deinit(struct shown *shown);

#endif
