/* How long a process had a core: what a request costs its server, whoever else is on the machine. */
#ifndef TESTS_BENCH_PROCESS_H
#define TESTS_BENCH_PROCESS_H

#include <stdint.h>

/* Nanoseconds, user and system, of all its threads that still run. 0 when that cannot be read, and for pid 0. */
uint64_t process_cpu_ns(uint32_t pid);

#endif
