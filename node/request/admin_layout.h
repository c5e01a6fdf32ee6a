/* The operator's requests about the layout, and the removal of a member: shown from the view, or a change that
 * waits for its turn and is written as documents.
 *
 *     route --> (body) --> turn --> node/cluster/plan.h: documents or a refusal --> store --> new view --> answer
 */
#ifndef NODE_REQUEST_ADMIN_LAYOUT_H
#define NODE_REQUEST_ADMIN_LAYOUT_H

#include "node/cluster/plan.h"
#include "node/request/answer.h"

enum {
    ADMIN_LAYOUT_MEMORY_BYTES_MAX = 64 << 20, /* an assignment of the largest layout takes 12 MiB, what a change
                                                 takes back 8 MiB, each version of the history 200 bytes */
};

enum admin_layout_action {
    ADMIN_LAYOUT_SHOW,
    ADMIN_LAYOUT_HISTORY,
    ADMIN_LAYOUT_STAGE,
    ADMIN_LAYOUT_PLAN,
    ADMIN_LAYOUT_APPLY,
    ADMIN_LAYOUT_REVERT,
    ADMIN_MEMBER_REMOVE, /* POST /v1/cluster/remove */
};

/* The request was let in and routed. */
void admin_layout_begin(struct request *request, enum admin_layout_action action);

/* What plan.h is asked with, in the request's own memory for this. */
struct plan_input admin_layout_input(struct request *request);

#endif
