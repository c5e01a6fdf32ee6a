/* Which known word did someone mean who typed another? Pure. */
#ifndef NODE_CLI_NEAREST_H
#define NODE_CLI_NEAREST_H

#include <stddef.h>

enum { NEAREST_WORD_CHARS_MAX = 32 }; /* longer words get no suggestion */

struct nearest {
    const char *word;
    const char *best; /* NULL while nothing offered is near enough */
    size_t best_distance;
};

void nearest_init(struct nearest *nearest, const char *word);

/* Consider `known`, which must outlive `nearest`. */
void nearest_offer(struct nearest *nearest, const char *known);

#endif
