/* What the files of `skerry bucket` share. */
#ifndef NODE_CLI_BUCKET_H
#define NODE_CLI_BUCKET_H

#include "node/cli/operator.h"

/* What one bucket is, as a whole: names, counts, keys, CORS rules. Gives `bucket` up. Always CLI_DONE. */
int bucket_show(const struct operator* operator, json_t * bucket);

/* The same for a list. */
int bucket_show_list(const struct operator* operator, json_t * document);

int bucket_cors(int argc, char **argv);

#endif
