/* What an operator should know before applying a plan that can be applied. */
#include "node/cluster/plan_build.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* The last one says that there are more. */
__attribute__((format(printf, 2, 3))) static void warn(struct plan *plan, const char *format, ...)
{
    if (plan->warnings_count == PLAN_WARNINGS_MAX) {
        snprintf(plan->warnings[PLAN_WARNINGS_MAX - 1], PLAN_MESSAGE_CHARS, "and more of these");
        return;
    }
    va_list values;
    va_start(values, format);
    vsnprintf(plan->warnings[plan->warnings_count++], PLAN_MESSAGE_CHARS, format, values);
    va_end(values);
}

static const struct plan_node *node_of(const struct plan *plan, const uint8_t *id)
{
    for (uint32_t i = 0; i < plan->nodes_count; i++) {
        if (memcmp(plan->nodes[i].id, id, RING_NODE_ID_BYTES) == 0) return &plan->nodes[i];
    }
    return NULL;
}

/* Is it known not to answer? A suspect may still. */
static bool is_away(const struct plan_node *node)
{
    return node->state == MEMBER_DOWN || node->state == MEMBER_UNKNOWN;
}

/* A role by hand does not stay where the configuration says another. */
static void warn_of_wish(const struct plan_input *input, struct plan *plan, const struct plan_node *node)
{
    char text[PLAN_NODE_CHARS];
    const struct member *member = plan_member(input, node->id);
    if (!node->is_after || member == NULL || !plan_has_wish(input, member)) return;
    const struct announcement *wish = &member->announcement;
    if (span_is_equal(wish->zone, span_text(node->zone)) && wish->capacity == node->capacity) return;
    warn(plan,
         "node %s is configured for zone %.*s and %" PRIu64
         " bytes with bootstrap auto, and gets that again by itself: "
         "change its configuration",
         plan_node_text(input, node->id, text), (int)wish->zone.length, (const char *)wish->zone.bytes,
         wish->capacity);
}

static void warn_of_node(const struct plan_input *input, struct plan *plan, const struct plan_node *node)
{
    char text[PLAN_NODE_CHARS];
    plan_node_text(input, node->id, text);
    if (!node->is_after) return;
    if (node->load_after == 0) {
        warn(plan,
             "node %s would hold nothing: its capacity is too small beside the others', or its zone has enough",
             text);
    } else if (node->gained > 0 && input->members != NULL && is_away(node)) {
        warn(plan, "node %s is %s: the %" PRIu32 " partitions it gains have a copy less until it is back", text,
             node->state == MEMBER_DOWN ? "down" : "not known yet", node->gained);
    }
    if (!plan_is_member(input, node->id))
        warn(plan, "node %s has a role but is no member any more: remove its role", text);
}

/* Partitions of the layout in force none of whose holders answers, where something of it is to move. */
static void warn_of_lost_partitions(const struct plan_input *input, struct plan *plan)
{
    const struct ring_layout *before = plan->staged.in_force;
    uint32_t unreachable = 0;
    uint32_t single = 0;
    const uint8_t *last = NULL;
    if (before == NULL || input->members == NULL) return;
    for (uint32_t i = 0; i < before->partitions_count; i++) {
        uint32_t up = 0;
        bool is_kept = false;
        for (uint32_t j = 0; j < before->replication; j++) {
            const uint8_t *id = before->nodes[before->holders[i][j]].id;
            const struct plan_node *node = node_of(plan, id);
            if (is_away(node)) {
                last = id;
            } else {
                up++;
                is_kept = is_kept || node->is_after;
            }
        }
        unreachable += up == 0;
        single += up == 1 && before->replication > 1 && !is_kept;
    }
    char text[PLAN_NODE_CHARS];
    if (unreachable > 0)
        warn(plan,
             "%" PRIu32 " partitions have no holder that is up (%s is one that is not): bring one back first, or "
             "what only they hold is lost",
             unreachable, plan_node_text(input, last, text));
    if (single > 0)
        warn(plan,
             "%" PRIu32 " partitions have one holder that is up, and it leaves: keep it running until they are "
             "copied",
             single);
}

/* Of the layout in force, when there is no next one to look at. */
static void warn_of_gone(const struct plan_input *input, struct plan *plan)
{
    const struct ring_layout *in_force = plan->staged.in_force;
    char text[PLAN_NODE_CHARS];
    for (uint32_t i = 0; in_force != NULL && i < in_force->nodes_count; i++) {
        if (plan_is_member(input, in_force->nodes[i].id)) continue;
        warn(plan, "node %s has a role but is no member any more: remove its role",
             plan_node_text(input, in_force->nodes[i].id, text));
    }
}

void plan_warn(const struct plan_input *input, struct plan *plan)
{
    if (plan->next == NULL) {
        warn_of_gone(input, plan);
        return;
    }
    warn_of_lost_partitions(input, plan);
    if (plan->partition_bytes > plan->ring.partition_capacity)
        warn(plan,
             "a partition holds about %" PRIu64 " bytes and would have room for %" PRIu64
             ": the fullest node would be over its capacity",
             plan->partition_bytes, plan->ring.partition_capacity);
    for (uint32_t i = 0; i < plan->nodes_count; i++) {
        warn_of_node(input, plan, &plan->nodes[i]);
        warn_of_wish(input, plan, &plan->nodes[i]);
    }
}
