/* The steps of a plan, shared by the files of plan.h: from roles to the next layout, its holders, and words for
 * what is refused. */
#ifndef NODE_CLUSTER_PLAN_BUILD_H
#define NODE_CLUSTER_PLAN_BUILD_H

#include "node/cluster/plan.h"

enum { PLAN_NODE_CHARS = 96 }; /* a node's name and the beginning of its id */

/* "NAME (0123456789abcdef)", or the digits alone. Returns `text`. */
const char *plan_node_text(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES],
                           char text[PLAN_NODE_CHARS]);

/* Is it a member, by the documents or because it is this node? */
bool plan_is_member(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES]);

/* The member's row, or NULL. */
const struct member *plan_member(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES]);

/* Does the member say where it wants to be and how much it may hold, and is it there? Then it gets that without
 * an operator (plan_auto()). */
bool plan_has_wish(const struct plan_input *input, const struct member *member);

/* How it fares; this node is alive. */
enum member_state plan_node_state(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES]);

/* The layout in force with the roles and numbers of `staged` over it; number and parent are set, holders and hash
 * not. False with `refusal` filled. */
bool plan_build_next(const struct plan_input *input, const struct staged *staged, struct ring_layout *next,
                     char refusal[PLAN_MESSAGE_CHARS]);

enum plan_assigned { PLAN_ASSIGNED, PLAN_ASSIGN_REFUSED, PLAN_ASSIGN_NO_MEMORY };

/* Fill in its holders. `refusal` is filled when refused. */
enum plan_assigned plan_assign(const struct plan_input *input, const struct ring_layout *in_force,
                               struct ring_layout *next, struct ring_plan *ring, char refusal[PLAN_MESSAGE_CHARS]);

/* What would move, and what is worth a warning: the plan has `next`, `ring` and `staged`. False when out of
 * memory. */
bool plan_moves(const struct plan_input *input, struct plan *plan);
void plan_warn(const struct plan_input *input, struct plan *plan);

/* --- results -------------------------------------------------------------------------------------------- */

/* Fill in a verdict without documents. `code` lives for ever; NULL when it is no refusal. */
__attribute__((format(printf, 4, 5))) void plan_say(struct plan_result *result, enum plan_verdict verdict,
                                                    const char *code, const char *format, ...);

/* Room for `count` documents; then add each. False when out of memory: the verdict says so. */
bool plan_take(const struct plan_input *input, struct plan_result *result, size_t count);
void plan_put(struct plan_result *result, struct span key, struct span payload);

/* The version's document, and its hash in `next->hash`. */
void plan_put_version(const struct plan_input *input, struct ring_layout *next, struct plan_result *result);

#endif
