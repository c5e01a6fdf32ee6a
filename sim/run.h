/* One seed's run, from an empty world to a verdict:
 *
 *     set up --> formed --> faults, and checks all the while --> heal --> everything equal? --> verdict
 *
 * Virtual time only; the same settings give the same run, line for line (I27).
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/faults.h"
#include "sim/oracle.h"

enum { RUN_NODES_MAX = 100 }; /* to begin with; some may join */

struct run_settings {
    uint64_t seed;
    uint32_t nodes;           /* 0: drawn */
    uint64_t faults_s;        /* how long faults last; 0: drawn, 1 … 10 minutes */
    bool is_isolated;         /* each node for itself: no cluster */
    bool is_calm;             /* no faults at all: to try a run that exercises nothing */
    bool lacks[FAULTS_COUNT]; /* faults that are left out */
    bool is_chosen;           /* `has` says which there are, not the seed */
    bool has[FAULTS_COUNT];
    enum world_plant plant;
    FILE *trace_out;   /* NULL: not printed */
    bool with_packets; /* in what is printed */
};

enum run_verdict {
    RUN_PASSED,
    RUN_VACUOUS, /* nothing failed, for nothing was tried */
    RUN_FAILED,
};

struct run_result {
    enum run_verdict verdict;
    char what[WORLD_FAILURE_CHARS]; /* why it failed, or what was not tried */
    uint64_t hash;                  /* of the trace */
    uint64_t lines_count;
    uint64_t virtual_us;
    uint64_t settled_us; /* from the heal until all was equal */
    uint32_t nodes, sites;
    uint32_t layout_conflicts;
    uint64_t links_broken, links_stalled, datagrams_cut;
    uint64_t rotted, rotations, identities_named, lies, offences, liars_named;
    bool is_by_hand;
    struct world_counts world;
    struct operators_counts operators;
    uint64_t faults[FAULTS_COUNT];
};

void run_seed(const struct run_settings *settings, struct run_result *result);

/* "passed", "vacuous", "FAILED". */
const char *run_verdict_name(enum run_verdict verdict);

#endif
