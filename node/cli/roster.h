/* What `skerry node`, `skerry layout` and `skerry status` share: beginning, and nodes as people see them. */
#ifndef NODE_CLI_ROSTER_H
#define NODE_CLI_ROSTER_H

#include "node/cli/operator.h"

struct roster_ask {
    struct operator operator;
    struct arguments arguments;
};

/* Read the command line and find the server; words that will go into JSON are checked first. CLI_GO, or the code
 * to end with. roster_end() in either case. */
int roster_begin(struct roster_ask *ask, const struct usage *usage, const struct option *own, size_t own_count,
                 int argc, char **argv);
void roster_end(struct roster_ask *ask);

/* Print the document as JSON when that was asked for, and give it up: true. Else false, and it is kept. */
bool roster_print_json(const struct roster_ask *ask, json_t *document);

enum { ROSTER_SHORT_CHARS = 17 };

/* The first 16 digits of an id or a hash; "-" when there is none. */
const char *roster_short(const json_t *object, const char *member, char text[ROSTER_SHORT_CHARS]);

/* Cells: a text that may be empty or missing, bytes with their unit, a count; "-" for null. */
void roster_add_text(struct table *table, const json_t *object, const char *member);
void roster_add_short(struct table *table, const json_t *object, const char *member);
void roster_add_bytes(struct table *table, const json_t *object, const char *member);
void roster_add_count(struct table *table, const json_t *object, const char *member);

/* A member that is a number; 0 for anything else. */
uint64_t roster_number(const json_t *object, const char *member);
/* A member that is a text; "" for anything else. Not fit for a terminal. */
const char *roster_text(const json_t *object, const char *member);

/* Print a member of text, made printable, and a newline. */
void roster_print_text(const char *before, const json_t *value);

/* Nodes of GET /v1/cluster, an array, as a table: 80 columns where names and addresses are short. */
void roster_print_nodes(const json_t *nodes);

/* What is staged, one line each; nothing when nothing is. */
void roster_print_staged(const json_t *staged);

#endif
