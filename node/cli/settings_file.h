/* NAME=value files such as demo.env. Pure. */
#ifndef NODE_CLI_SETTINGS_FILE_H
#define NODE_CLI_SETTINGS_FILE_H

#include "node/base/span.h"

/* Cut the next "NAME=value" off `rest`: blank lines and those that begin with # are skipped, "export " before a
 * name is allowed, so is one pair of quotation marks around a value. `line` counts the lines taken.
 *
 * 1: name and value are set (pointing into the text). 0: the end. -1: the line is neither. */
int settings_file_next(struct span *rest, size_t *line, struct span *name, struct span *value);

#endif
