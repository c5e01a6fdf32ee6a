/* May documents that came from a member be taken? */
#ifndef NODE_CLUSTER_EXCHANGE_CHECK_H
#define NODE_CLUSTER_EXCHANGE_CHECK_H

#include "node/core/view.h"

/* NULL, or what is wrong with the batch as a whole, for ever: then nothing of it is to be taken, and no sound node
 * sends it. How many documents there may be, and of what time, is not asked here but by the store
 * (document_rules()).
 *
 *   documents, count  in: the batch; out: without the layout versions that stand on none we have. Those are
 * nobody's fault: who sent them, or we, may have left out what is between */
const char *exchange_check(const struct view *view, struct op_document *documents, uint32_t *count);

/* The same for what a JOIN_GRANT brings: documents of members and their addresses only. */
const char *exchange_check_grant(const struct op_document *documents, uint32_t count);

#endif
