/* The ceiling of a signed GET: libuv and llhttp, and an answer that is always the same.
 *
 * It parses every head as Skerry's parser must, notes where names and values lie, and knows nothing else: no
 * signature, no routing, no store. What it does in a second, no server made of the same two libraries exceeds.
 */
#ifndef TESTS_BENCH_BARE_H
#define TESTS_BENCH_BARE_H

#include "tests/bench/options.h"

/* Listen on a free port of loopback, print {"port": N}, and answer until killed: 200, with value_bytes of body and
 * answer_bytes in all. */
void bare_run(const struct options *options);

#endif
