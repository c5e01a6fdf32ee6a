/* The layout, what is staged, what a plan comes to, and all versions, as JSON for the operator. */
#ifndef NODE_REQUEST_ADMIN_LAYOUT_SHOW_H
#define NODE_REQUEST_ADMIN_LAYOUT_SHOW_H

#include "node/cluster/plan.h"
#include "node/request/request.h"

/* GET /v1/layout, and the answer to what changes it. `is_changed` and `message` are of a change; NULL without
 * one. */
void admin_layout_show(const struct plan_input *input, const struct staged *staged, const bool *is_changed,
                       const char *message, struct http_json_writer *writer);

/* POST /v1/layout/plan */
void admin_layout_show_plan(const struct plan_input *input, const struct plan *plan,
                            struct http_json_writer *writer);

/* GET /v1/layout/history, the newest first. `scratch` is written over: one layout for the walk over all. */
void admin_layout_show_history(const struct history *history, struct ring_layout *scratch,
                               struct http_json_writer *writer);

#endif
