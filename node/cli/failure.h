/* Answers that are errors, of the K2V API and the admin API alike: what they say and the exit code they mean. */
#ifndef NODE_CLI_FAILURE_H
#define NODE_CLI_FAILURE_H

#include "node/base/span.h"

#include <jansson.h>

struct failure {
    int exit_code;
    char code[80];      /* the server's, or "" */
    char message[1024]; /* the server's, or what can be said without it */
};

void failure_read(struct failure *failure, long status, struct span body);
void failure_say(const struct failure *failure);

/* A document from the server; NULL, said, when it is none. */
json_t *failure_json(struct span body);

#endif
