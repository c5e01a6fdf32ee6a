/* A range of keys, as the flags of several commands give it and the protocol's JSON has it. */
#ifndef NODE_CLI_RANGE_H
#define NODE_CLI_RANGE_H

#include "node/cli/options.h"

#include <jansson.h>

struct range {
    const char *prefix, *start, *end; /* NULL: not given */
    struct option_number limit;
    bool reverse;
};

enum { RANGE_OPTIONS = 5 };

/* The rows of --prefix, --start, --end, and with `has_direction` of --limit and --reverse. `keys` is "sort keys"
 * or "partition keys". Returns how many. */
size_t range_options(struct range *range, bool has_direction, struct option options[RANGE_OPTIONS]);

/* All given keys are UTF-8; else false, said. */
bool range_check(const struct range *range);

bool range_is_given(const struct range *range);

/* Set prefix, start and end in the object; null for what was not given. */
void range_set(const struct range *range, json_t *object);

#endif
