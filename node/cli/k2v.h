/* The commands of `skerry k2v`, and what several of them show. */
#ifndef NODE_CLI_K2V_H
#define NODE_CLI_K2V_H

#include "node/cli/session.h"

enum {
    K2V_POLL_DEFAULT_S = 300,
    K2V_POLL_MAX_S = 600,
    K2V_POLL_GRACE_S = 30,       /* beyond the time asked for, until the server counts as gone */
    K2V_VALUE_CHARS_SHOWN = 160, /* of one value in a table */
};

int k2v_read(int argc, char **argv);
int k2v_insert(int argc, char **argv);
int k2v_delete(int argc, char **argv);
int k2v_poll(int argc, char **argv);
int k2v_poll_range(int argc, char **argv);
int k2v_index(int argc, char **argv);
int k2v_read_batch(int argc, char **argv);
int k2v_insert_batch(int argc, char **argv);
int k2v_delete_batch(int argc, char **argv);

/* The names of an item on the command line, checked. */
bool k2v_check_item(const struct arguments *arguments);

/* Show the answer to a read of one item: its values, and the token on standard error. */
int k2v_show_item(const struct session *session, bool is_raw);

/* Send a read (or poll) of one item, already filled but for Accept, and show the answer. CLI_CONFLICT and
 * CLI_NOT_FOUND are put into words; CLI_NOTHING_NEW is not. */
int k2v_read_item(struct session *session, struct call *call, const struct arguments *arguments, bool is_raw,
                  unsigned timeout_s);

/* Print a table of items ({"sk","ct","v"}), one row a value. False, said, when the document is not as it must be.
 */
bool k2v_print_items(const json_t *items);

/* "more: go on with --start …" on standard error, when the document has such a nextStart. */
void k2v_say_more(const json_t *document);

#endif
