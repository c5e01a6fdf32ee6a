/* What is typed after a command of skerry-sim, read and held to its limits before anything is run. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "sim/run.h"

enum options_command { OPTIONS_RUN, OPTIONS_SWEEP, OPTIONS_GOSSIP };

enum {
    OPTIONS_SIZES_MAX = 16, /* clusters that one command measures, one after the other */
    OPTIONS_MINUTES_MAX = 100000,
    OPTIONS_WHY_CHARS = 300,
};

struct options {
    struct run_settings run; /* for run and sweep: filled in; a sweep sets the seeds itself */
    uint64_t seed, nodes, minutes;
    uint64_t seeds[2]; /* of a sweep: the first and the last */
    uint64_t sizes[OPTIONS_SIZES_MAX];
    uint32_t sizes_count;
    uint64_t loss_per_cent, slow;
    bool has_seed, has_seeds; /* was it typed? */
    bool with_trace;
};

/* Read `words` (`count` of them: options and their values) for `command`.
 *
 * False when they make no sense: `why` then names what was typed and what would do, and `options` means nothing.
 */
bool options_read(struct options *options, enum options_command command, int count, char *const *words,
                  char why[OPTIONS_WHY_CHARS]);

#endif
