/* Memory for jansson, which does not survive without: a text whose buffer cannot grow loses chars, is then read
 * otherwise than it was sent, or fails an assertion. So when the system has no more it is given some of a reserve,
 * and what a step decided on such a reading is not carried out.
 */
#ifndef NODE_EDGE_JSON_MEMORY_H
#define NODE_EDGE_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    JSON_MEMORY_RESERVE_BYTES = 64 * 1024 * 1024, /* address space; an element of 8 MiB needs less */
};

/* Give jansson its memory from now on. Before its first use; JSON is read on one thread. False when there is no
 * address space for the reserve. */
bool json_memory_begin(void);

/* Was the reserve needed since this was last asked? What was read meanwhile is whole, unless the reserve ended
 * too: then jansson may have ended the process. */
bool json_memory_was_short(void);

#endif
