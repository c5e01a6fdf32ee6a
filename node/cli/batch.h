/* What `skerry k2v read-batch` and `delete-batch` share: one range by flags, or several ranges and items as the
 * protocol's JSON; one request, one answer with an element for each. */
#ifndef NODE_CLI_BATCH_H
#define NODE_CLI_BATCH_H

#include "node/cli/range.h"
#include "node/cli/session.h"

/* What the command line asks for. */
struct batch_ask {
    struct range range;
    bool is_single, conflicts_only, tombstones;
    const char *partition; /* --partition */
    const char *file;      /* --file */
    bool no_progress;
};

enum { BATCH_OWN_OPTIONS = 3 };

/* One of the two commands. */
struct batch_command {
    const struct usage *usage;
    const char *keyword;               /* of the query */
    const char *const *members;        /* an element may have, up to a NULL; NULL: any */
    const char *foreign_member_reason; /* why no others */
    bool has_direction;                /* --limit and --reverse */
    bool has_long_answer;              /* what comes is worth measuring */
    /* The rows of options that the other has not; how many. */
    size_t (*add_options)(struct batch_ask *ask, struct option options[BATCH_OWN_OPTIONS]);
    /* Add to an element what the other has not. */
    void (*set_more)(const struct batch_ask *ask, json_t *element);
    /* Show the answer, an array, as text. The exit code. */
    int (*show)(const json_t *answer);
};

/* The whole command, from its words to its exit code. */
int batch_run(const struct batch_command *command, int argc, char **argv);

struct option batch_flag(const char *name, const char *help, bool *target);

#endif
