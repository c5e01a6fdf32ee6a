/* What the operator's commands (bucket, key, status) share: finding the admin API of a server, one call to it, and
 * what its errors mean. */
#ifndef NODE_CLI_OPERATOR_H
#define NODE_CLI_OPERATOR_H

#include "node/cli/commands.h"
#include "node/cli/options.h"
#include "node/cli/output.h"
#include "node/cli/transfer.h"

struct operator
{
    /* As given by flags; NULL when not. */
    const char *endpoint_flag, *token_file_flag, *data_dir_flag;
    unsigned form; /* enum output_form */

    struct call_endpoint endpoint;
    struct buffer header; /* "authorization: Bearer …" */
    struct transfer transfer;
    struct answer answer;
};

void operator_init(struct operator* operator);
void operator_deinit(struct operator* operator);

/* Read the command line (`own` options, then those of all). CLI_GO, or the exit code to end with. */
int operator_open(struct operator* operator, const struct usage * usage, const struct option *own,
                  size_t own_count, int argc, char **argv, struct arguments *arguments);

/* The server's data directory, as it was given. */
const char *operator_data_dir(const struct operator* operator);

/* Find the admin API and its token. CLI_GO, or the code of what was said. */
int operator_connect(struct operator* operator);

/* One call. `path` begins with "/v1/"; `body` is given up, NULL for none. CLI_GO and *document (NULL for 204, else
 * the caller's to give up), or the code of what was said. `document` may be NULL when it is not wanted. */
int operator_call(struct operator* operator, const char * method, const char *path, json_t *body,
                  json_t **document);

/* One GET, quietly: false when there was no answer, or none that says 2xx and is JSON. For a server that may be
 * away for a moment. `document` is the caller's to give up. */
bool operator_try(struct operator* operator, const char * path, json_t **document);

/* "/v1/FIRST/SECOND[LAST]" with SECOND percent-encoded; cleared and filled. */
const char *operator_path(struct buffer *path, const char *first, const char *second, const char *last);

/* The id of a key given by its id or by its unique name. CLI_GO with `id` filled, or the code of what was said. */
int operator_find_key(struct operator* operator, const char * key, struct buffer *id);

/* "yes" or "-". */
const char *operator_yes(const json_t *object, const char *name);

/* Print "LABEL  VALUE" with the value of a member: a key's text, a number, a truth. */
void operator_print_member(const char *label, const json_t *object, const char *name);

#endif
