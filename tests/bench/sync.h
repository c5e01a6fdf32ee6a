/* The ceiling of a durable write: what the disk takes for a sync, with nothing above it. */
#ifndef TESTS_BENCH_SYNC_H
#define TESTS_BENCH_SYNC_H

#include "tests/bench/options.h"

/* In options->directory, append 4 KiB to a file and fdatasync it, again and again for the time given; then the
 * same, overwriting blocks that are there. The two are interleaved. Prints the percentiles of both as JSON. */
void sync_run(const struct options *options);

#endif
