/* May documents that came from a member be taken? */
#ifndef NODE_CLUSTER_EXCHANGE_CHECK_H
#define NODE_CLUSTER_EXCHANGE_CHECK_H

#include "node/core/view.h"

/* NULL, or what is wrong with the batch as a whole, for ever: then nothing of it is to be taken. */
const char *exchange_check(const struct view *view, const struct op_document *documents, uint32_t count);

/* The same for what a JOIN_GRANT brings: documents of members and their addresses only. `view` NULL: they replace all
 * there is. */
const char *exchange_check_grant(const struct view *view, const struct op_document *documents, uint32_t count);

#endif
