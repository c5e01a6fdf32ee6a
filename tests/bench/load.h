/* The load: closed (every connection asks again when it is answered) or open (requests are due at moments of
 * their own, whatever the server does).
 *
 * Open, a request's latency is counted from the moment it was due, not from when a connection was free to send it:
 * a server that stalls is charged for all that should have been sent meanwhile. Closed, latency is that of one
 * request after the other, and throughput is the figure to look at.
 *
 *     PREPARING (tokens are learned) --> WARMING --> MEASURING --> DRAINING (open: what was due is answered)
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include "tests/bench/options.h"

/* Run, and print one line of JSON: counts, requests a second, latencies, and the share of the time in which this
 * process had its core. Ends the process with code 1 when any answer is not the one it must be. */
void load_run(const struct options *options);

#endif
