/* What the files of `skerry layout` share. */
#ifndef NODE_CLI_LAYOUT_H
#define NODE_CLI_LAYOUT_H

#include "node/cli/roster.h"

/* A plan as tables: what is staged, the nodes before and after, what moves from where to where, warnings. */
void layout_print_plan(const json_t *plan);

#endif
