/* What the log says of rows that fail their check: once for each row, as long as it is among the last so many
 * (H22); and that pages are damaged, once for each table. Rows are named by their table and a short keyed hash,
 * which `skerry repair check` shows too; keys never appear. */
#ifndef NODE_EDGE_ROT_LOG_H
#define NODE_EDGE_ROT_LOG_H

#include "node/edge/log.h"
#include "node/store/op.h"

enum { ROT_LOG_ROWS = 256 };

/* All zero: nothing was said yet. */
struct rot_log {
    uint64_t told[ROT_LOG_ROWS];
    uint32_t next;
    const char *tables[KV_SPACES_COUNT]; /* of which damaged pages were told, in the order of that */
};

/* Say which row, or of which table a page, an op met that is damaged, unless that was said; other ops are passed.
 */
void rot_log_op(struct rot_log *rot, const struct log *log, const struct op *op);

#endif
