/* What plan.h knows, written out. */
#include "node/request/admin_layout_show.h"

#include "node/request/admin_write.h"

static void write_node(const struct plan_input *input, struct http_json_writer *writer, const char *member,
                       const uint8_t *id)
{
    admin_write_hex(writer, member, id, RING_NODE_ID_BYTES);
    admin_write_text(writer, "name", plan_node_name(input, id));
}

static void write_hash(struct http_json_writer *writer, const char *name, const uint8_t *hash)
{
    admin_write_hex(writer, name, hash, RING_LAYOUT_HASH_BYTES);
}

/* --- the layout in force -------------------------------------------------------------------------------- */

static void write_layout(const struct plan_input *input, const struct ring_layout *layout,
                         struct http_json_writer *writer)
{
    http_json_begin_object(writer);
    admin_write_u64(writer, "version", layout->number);
    write_hash(writer, "hash", layout->hash);
    if (layout->number > 1) {
        write_hash(writer, "parent", layout->parent);
    } else {
        admin_write_null(writer, "parent");
    }
    admin_write_u64(writer, "partitions", layout->partitions_count);
    admin_write_u64(writer, "replication", layout->replication);
    admin_write_u64(writer, "zone_redundancy", layout->zone_redundancy);
    http_json_name(writer, "nodes");
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        const struct ring_node *node = &layout->nodes[i];
        http_json_begin_object(writer);
        write_node(input, writer, "node", node->id);
        admin_write_text(writer, "zone", span_text(layout->zones[node->zone]));
        admin_write_u64(writer, "capacity", node->capacity);
        admin_write_u64(writer, "partitions", ring_layout_load(layout, i));
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
    http_json_end_object(writer);
}

/* --- what is staged ------------------------------------------------------------------------------------- */

/* The version that lost and from which a change comes; null when an operator staged it. */
static void write_lost(const struct history_version *lost, struct http_json_writer *writer)
{
    if (lost == NULL) {
        admin_write_null(writer, "lost");
        return;
    }
    http_json_name(writer, "lost");
    http_json_begin_object(writer);
    admin_write_u64(writer, "version", lost->number);
    write_hash(writer, "hash", lost->hash);
    http_json_end_object(writer);
}

static void write_staged_number(const char *name, const struct staged_number *number,
                                struct http_json_writer *writer)
{
    if (!number->is_set) return;
    http_json_begin_object(writer);
    admin_write_u64(writer, name, number->value);
    write_lost(number->lost, writer);
    http_json_end_object(writer);
}

static void write_staged(const struct plan_input *input, const struct staged *staged,
                         struct http_json_writer *writer)
{
    http_json_name(writer, "staged");
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < staged->roles_count; i++) {
        const struct staged_role *role = &staged->roles[i];
        http_json_begin_object(writer);
        write_node(input, writer, "node", role->node_id);
        if (role->is_removal) {
            admin_write_bool(writer, "remove", true);
        } else {
            admin_write_text(writer, "zone", span_text(role->zone));
            admin_write_u64(writer, "capacity", role->capacity);
        }
        write_lost(role->lost, writer);
        http_json_end_object(writer);
    }
    write_staged_number("replication", &staged->replication, writer);
    write_staged_number("zone_redundancy", &staged->zone_redundancy, writer);
    write_staged_number("partitions", &staged->partitions, writer);
    http_json_end_array(writer);
}

static uint64_t next_number(const struct staged *staged)
{
    return staged->in_force == NULL ? 1 : staged->in_force->number + 1;
}

void admin_layout_show(const struct plan_input *input, const struct staged *staged, const bool *is_changed,
                       const char *message, struct http_json_writer *writer)
{
    http_json_begin_object(writer);
    if (is_changed != NULL) admin_write_bool(writer, "changed", *is_changed);
    if (message != NULL && message[0] != '\0') admin_write_text(writer, "message", span_text(message));
    http_json_name(writer, "in_force");
    if (staged->in_force == NULL) {
        http_json_null(writer);
    } else {
        write_layout(input, staged->in_force, writer);
    }
    write_staged(input, staged, writer);
    admin_write_u64(writer, "next_version", next_number(staged));
    admin_write_u64(writer, "lost_versions", staged->history.lost_count);
    http_json_end_object(writer);
}

/* --- a plan --------------------------------------------------------------------------------------------- */

static void write_plan_node(const struct plan_input *input, const struct plan_node *node,
                            struct http_json_writer *writer)
{
    http_json_begin_object(writer);
    write_node(input, writer, "node", node->id);
    admin_write_text(writer, "zone", span_text(node->zone));
    admin_write_u64(writer, "capacity", node->capacity);
    admin_write_text(writer, "state", span_text(member_state_name(node->state)));
    admin_write_text(writer, "change",
                     span_text(!node->is_before ? "joins"
                               : node->is_after ? "stays"
                                                : "leaves"));
    admin_write_u64(writer, "partitions_before", node->load_before);
    admin_write_u64(writer, "partitions_after", node->load_after);
    admin_write_u64(writer, "gained", node->gained);
    admin_write_u64(writer, "dropped", node->dropped);
    http_json_end_object(writer);
}

static void write_amounts(const struct plan_move *move, struct http_json_writer *writer)
{
    admin_write_u64(writer, "partitions", move->partitions);
    admin_write_u64(writer, "bytes", move->bytes);
    http_json_end_object(writer);
}

static void write_moves(const struct plan *plan, struct http_json_writer *writer)
{
    http_json_name(writer, "moves");
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < plan->moves_count; i++) {
        const struct plan_move *move = &plan->moves[i];
        http_json_begin_object(writer);
        if (move->from == PLAN_NOWHERE) {
            admin_write_null(writer, "from");
        } else {
            admin_write_hex(writer, "from", plan->nodes[move->from].id, RING_NODE_ID_BYTES);
        }
        admin_write_hex(writer, "to", plan->nodes[move->to].id, RING_NODE_ID_BYTES);
        write_amounts(move, writer);
    }
    http_json_end_array(writer);
}

static void write_zone_moves(const struct plan *plan, struct http_json_writer *writer)
{
    http_json_name(writer, "zone_moves");
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < plan->zone_moves_count; i++) {
        const struct plan_move *move = &plan->zone_moves[i];
        http_json_begin_object(writer);
        if (move->from == PLAN_NOWHERE) {
            admin_write_null(writer, "from");
        } else {
            admin_write_text(writer, "from", span_text(plan->zones[move->from]));
        }
        admin_write_text(writer, "to", span_text(plan->zones[move->to]));
        write_amounts(move, writer);
    }
    http_json_end_array(writer);
}

static void write_verdict(const struct plan *plan, struct http_json_writer *writer)
{
    admin_write_u64(writer, "version", plan->number);
    admin_write_bool(writer, "possible", plan->next != NULL);
    if (plan->refusal[0] != '\0') {
        admin_write_text(writer, "reason", span_text(plan->refusal));
    } else if (plan->next == NULL) {
        admin_write_text(writer, "reason", span_text("nothing is staged"));
    } else {
        admin_write_null(writer, "reason");
    }
}

void admin_layout_show_plan(const struct plan_input *input, const struct plan *plan,
                            struct http_json_writer *writer)
{
    const struct ring_layout *shown = plan->next != NULL ? plan->next : plan->staged.in_force;
    http_json_begin_object(writer);
    write_verdict(plan, writer);
    admin_write_u64(writer, "replication", shown == NULL ? 0 : shown->replication);
    admin_write_u64(writer, "zone_redundancy", shown == NULL ? 0 : shown->zone_redundancy);
    admin_write_u64(writer, "partitions", shown == NULL ? 0 : shown->partitions_count);
    write_staged(input, &plan->staged, writer);
    http_json_name(writer, "nodes");
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < plan->nodes_count; i++)
        write_plan_node(input, &plan->nodes[i], writer);
    http_json_end_array(writer);
    admin_write_u64(writer, "moved_partitions", plan->moved_partitions);
    admin_write_u64(writer, "moved_bytes", plan->moved_bytes);
    admin_write_u64(writer, "partition_bytes", plan->partition_bytes);
    admin_write_u64(writer, "partition_capacity", plan->ring.partition_capacity);
    write_moves(plan, writer);
    write_zone_moves(plan, writer);
    http_json_name(writer, "warnings");
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < plan->warnings_count; i++)
        http_json_text(writer, plan->warnings[i]);
    http_json_end_array(writer);
    http_json_end_object(writer);
}

/* --- all versions --------------------------------------------------------------------------------------- */

/* What a version says beside its name; nothing is known of one that cannot be read. */
static void write_numbers(const struct ring_layout *layout, struct http_json_writer *writer)
{
    static const char *const names[] = {"nodes", "zones", "replication", "zone_redundancy"};
    for (size_t i = 0; layout == NULL && i < sizeof names / sizeof names[0]; i++)
        admin_write_null(writer, names[i]);
    if (layout == NULL) return;
    admin_write_u64(writer, names[0], layout->nodes_count);
    admin_write_u64(writer, names[1], layout->zones_count);
    admin_write_u64(writer, names[2], layout->replication);
    admin_write_u64(writer, names[3], layout->zone_redundancy);
}

void admin_layout_show_history(const struct history *history, struct ring_layout *scratch,
                               struct http_json_writer *writer)
{
    http_json_begin_object(writer);
    http_json_name(writer, "versions");
    http_json_begin_array(writer);
    for (uint32_t i = history->count; i-- > 0;) {
        const struct history_version *version = &history->versions[i];
        http_json_begin_object(writer);
        admin_write_u64(writer, "version", version->number);
        write_hash(writer, "hash", version->hash);
        if (version->number > 1) {
            write_hash(writer, "parent", version->parent);
        } else {
            admin_write_null(writer, "parent");
        }
        admin_write_text(writer, "fate", span_text(history_fate_name(version->fate)));
        admin_write_time(writer, "made", version->time_us);
        write_numbers(history_layout(version, scratch) ? scratch : NULL, writer);
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
    http_json_end_object(writer);
}
