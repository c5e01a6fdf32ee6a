/* The lines of a text, and the blanks around a word. Pure; everything points into the text. */
#ifndef NODE_CLI_LINES_H
#define NODE_CLI_LINES_H

#include "node/base/span.h"

/* Cut the first line off `rest`, and its end: that is not in the line. Empty at the end of the text. */
struct span lines_take(struct span *rest);

/* Without the blanks, tabs and line ends before and behind. */
struct span lines_trim(struct span text);

#endif
