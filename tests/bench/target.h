/* Whom to ask, and with which key: the five lines of a node's demo.env. */
#ifndef TESTS_BENCH_TARGET_H
#define TESTS_BENCH_TARGET_H

#include "tests/bench/options.h"

#include <netinet/in.h>

enum { TARGET_TEXT_BYTES = 160 };

struct target {
    char host[TARGET_TEXT_BYTES]; /* "127.0.0.1:3904", as in the header Host */
    char bucket[TARGET_TEXT_BYTES];
    char key_id[TARGET_TEXT_BYTES];
    char secret[TARGET_TEXT_BYTES];
    char region[TARGET_TEXT_BYTES];
    struct sockaddr_in address; /* where to connect: the same, or --address */
};

/* Ends the process when the file or the address cannot be used. */
void target_init(struct target *target, const struct options *options);

#endif
