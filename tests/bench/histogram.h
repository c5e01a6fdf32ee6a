/* Latencies counted in buckets that grow with the value: exact below 256 ns, within one percent above. */
#ifndef TESTS_BENCH_HISTOGRAM_H
#define TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEPS = 128,  /* buckets for each doubling */
    HISTOGRAM_OCTAVES = 40, /* up to 2^47 ns; what is longer counts as that */
    HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * (HISTOGRAM_OCTAVES + 1),
};

/* All zero is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max_ns;
};

void histogram_add(struct histogram *histogram, uint64_t value_ns);

/* The least value that `parts` of a million lie at or below, as the middle of its bucket; 0 when empty. */
uint64_t histogram_at(const struct histogram *histogram, uint64_t parts_per_million);

#endif
