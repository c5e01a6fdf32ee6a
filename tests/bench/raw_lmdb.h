/* The ceiling of batches and ranges: LMDB alone, with rows as long as Skerry's and keys that lie as Skerry's do.
 *
 * A row's key is 16 bytes that look drawn at random for each partition, then the sort key; so a batch is one run
 * of neighbours somewhere in the table. One table; no counters, no dots, no hashes, no HTTP.
 */
#ifndef TESTS_BENCH_RAW_LMDB_H
#define TESTS_BENCH_RAW_LMDB_H

#include "tests/bench/options.h"

/* Write options->requests batches of options->batch rows from item options->first on, each batch in order and in a
 * transaction of its own, synced. Prints items a second and the percentiles of a batch as JSON. */
void lmdb_write_run(const struct options *options);

/* For the time given, read ranges of options->batch neighbours that lie in different places, copying keys and
 * values out. options->items were written before. Prints items a second. */
void lmdb_scan_run(const struct options *options);

#endif
