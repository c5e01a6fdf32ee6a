/* Latencies counted in buckets that grow with the value: exact below 256 ns, within one percent above. */
#ifndef TESTS_BENCH_LATENCIES_H
#define TESTS_BENCH_LATENCIES_H

#include "tests/bench/options.h"

enum {
    LATENCIES_STEPS = 128,  /* buckets for each doubling */
    LATENCIES_OCTAVES = 40, /* up to 2^47 ns; what is longer counts as that */
    LATENCIES_BUCKETS = LATENCIES_STEPS * (LATENCIES_OCTAVES + 1),
};

/* All zero is empty. */
struct latencies {
    uint64_t counts[LATENCIES_BUCKETS];
    uint64_t total;
    uint64_t max_ns;
};

void latencies_add(struct latencies *latencies, uint64_t value_ns);

/* The least value that `parts` of a million lie at or below, as the middle of its bucket; 0 when empty. */
uint64_t latencies_at(const struct latencies *latencies, uint64_t parts_per_million);

/* Print {"p50": …, "p90": …, "p99": …, "p999": …, "max": …} of the numbers on standard input, to be checked by
 * others. */
void latencies_run(const struct options *options);

#endif
