/* What operators change: each a set of documents, or a refusal. */
#include "node/cluster/exchange.h"
#include "node/cluster/plan_build.h"

#include <inttypes.h>
#include <stdio.h>

/* --- documents ------------------------------------------------------------------------------------------ */

static void put_role(const struct plan_input *input, struct plan_result *result, const uint8_t *node_id,
                     const struct document_staged_role *role)
{
    plan_put(result, document_key_of(input->arena, DOCUMENT_STAGED_ROLE, span_of(node_id, RING_NODE_ID_BYTES)),
             document_encode_staged_role(input->arena, role));
}

static void put_number(const struct plan_input *input, struct plan_result *result, struct span name,
                       const struct document_staged_number *number)
{
    plan_put(result, document_key_of(input->arena, DOCUMENT_STAGED_NUMBER, name),
             document_encode_staged_number(input->arena, number));
}

/* Room for a version, and all that put_cleared() can put. */
static bool take_cleared(const struct plan_input *input, struct plan_result *result)
{
    uint32_t count = view_documents_count(input->view);
    return plan_take(input, result, (count < PLAN_CLEARED_MAX ? count : PLAN_CLEARED_MAX) + 1);
}

static bool has_room(const struct plan_result *result)
{
    return result->verdict == PLAN_DONE && result->documents_count < PLAN_CLEARED_MAX;
}

/* Nothing is staged any more, and what lost is not shown. */
static void put_cleared(const struct plan_input *input, const struct history *history, struct plan_result *result)
{
    const struct document_staged_role no_role = {0};
    const struct document_staged_number no_number = {0};
    struct document_staged_role role;
    struct document_staged_number number;
    struct span id;
    struct span payload;
    for (uint32_t i = 0; i < history->count && has_room(result); i++) {
        const struct history_version *version = &history->versions[i];
        if (version->fate != HISTORY_LOST) continue;
        plan_put(result,
                 document_key_of(input->arena, DOCUMENT_DISMISSED, span_of(version->hash, sizeof version->hash)),
                 document_encode_dismissed(input->arena, true));
    }
    for (uint32_t i = 0; has_room(result) && view_nth(input->view, DOCUMENT_STAGED_NUMBER, i, &id, &payload);
         i++) {
        if (!document_decode_staged_number(payload, &number) || number.is_staged)
            put_number(input, result, id, &no_number);
    }
    for (uint32_t i = 0; has_room(result) && view_nth(input->view, DOCUMENT_STAGED_ROLE, i, &id, &payload); i++) {
        if (id.length != RING_NODE_ID_BYTES) continue;
        if (!document_decode_staged_role(payload, &role) || role.is_staged)
            put_role(input, result, id.bytes, &no_role);
    }
}

static bool read_staged(const struct plan_input *input, struct staged *staged, struct plan_result *result)
{
    *result = (struct plan_result){0};
    if (staged_read(input->view, input->arena, staged)) return true;
    plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory");
    return false;
}

/* --- staging -------------------------------------------------------------------------------------------- */

/* What the role of the node does not say comes from the one it has. False when it has none. */
static bool complete_role(const struct staged *staged, const uint8_t *node_id, struct span *zone,
                          uint64_t *capacity, bool has_capacity)
{
    const struct ring_layout *in_force = staged->in_force;
    const struct staged_role *role = staged_role_of(staged, node_id);
    int index = in_force == NULL ? -1 : ring_layout_node(in_force, node_id);
    if (role != NULL && !role->is_removal) {
        if (zone->bytes == NULL) *zone = span_text(role->zone);
        if (!has_capacity) *capacity = role->capacity;
    } else if (index >= 0) {
        const struct ring_node *node = &in_force->nodes[index];
        if (zone->bytes == NULL) *zone = span_text(in_force->zones[node->zone]);
        if (!has_capacity) *capacity = node->capacity;
    }
    return (role != NULL && !role->is_removal) || index >= 0 || (zone->bytes != NULL && has_capacity);
}

void plan_stage_role(const struct plan_input *input, struct span node, struct span zone, const uint64_t *capacity,
                     struct plan_result *result)
{
    uint8_t node_id[RING_NODE_ID_BYTES];
    char text[PLAN_NODE_CHARS];
    struct staged staged;
    struct document_staged_role role = {.is_staged = true};
    if (!read_staged(input, &staged, result) || !plan_find_node(input, node, node_id, result)) return;
    role.zone = zone;
    role.capacity = capacity == NULL ? 0 : *capacity;
    if (!complete_role(&staged, node_id, &role.zone, &role.capacity, capacity != NULL)) {
        plan_say(result, PLAN_BAD, "InvalidRequest", "node %s has no role yet: give its zone and its capacity",
                 plan_node_text(input, node_id, text));
    } else if (!staged_is_zone(role.zone)) {
        plan_say(
            result, PLAN_BAD, "InvalidRequest",
            "a zone's name has 1 to %d characters of A-Z a-z 0-9 . _ -, not these three alone; name the site the "
            "node is in",
            RING_ZONE_NAME_BYTES - 1);
    } else if (!staged_is_capacity(role.capacity)) {
        plan_say(result, PLAN_BAD, "InvalidRequest",
                 "a capacity is 1 byte to 2^%d bytes: give what the node may hold, or remove its role",
                 STAGED_CAPACITY_BITS);
    } else if (!plan_is_member(input, node_id)) {
        plan_say(result, PLAN_CONFLICT, "NoSuchNode", "node %s is no member any more: connect it first",
                 plan_node_text(input, node_id, text));
    } else if (plan_take(input, result, 1)) {
        put_role(input, result, node_id, &role);
    }
}

void plan_stage_removal(const struct plan_input *input, struct span node, struct plan_result *result)
{
    uint8_t node_id[RING_NODE_ID_BYTES];
    char text[PLAN_NODE_CHARS];
    struct staged staged;
    const struct document_staged_role role = {.is_staged = true, .is_removal = true};
    if (!read_staged(input, &staged, result) || !plan_find_node(input, node, node_id, result)) return;
    bool has_role = staged.in_force != NULL && ring_layout_node(staged.in_force, node_id) >= 0;
    if (!has_role && staged_role_of(&staged, node_id) == NULL) {
        plan_say(result, PLAN_NOT_FOUND, "NoSuchRole", "node %s has no role, and none is staged for it",
                 plan_node_text(input, node_id, text));
    } else if (plan_take(input, result, 1)) {
        put_role(input, result, node_id, &role);
    }
}

static bool check_number(const char *name, const uint64_t *number, uint64_t min, struct plan_result *result)
{
    if (number == NULL || (*number >= min && *number <= RING_REPLICATION_MAX)) return true;
    plan_say(result, PLAN_BAD, "InvalidRequest", "%s is %" PRIu64 " to %d%s", name, min, RING_REPLICATION_MAX,
             min == 0 ? "; 0 is as many zones as there can be" : "");
    return false;
}

/* All items of a partition lie together: another number would be another place for each. */
static bool check_partitions(const struct plan_input *input, const uint64_t *number, struct plan_result *result)
{
    const struct ring_layout *in_force = view_layout(input->view);
    if (number == NULL || (in_force != NULL && *number == in_force->partitions_count)) return true;
    if (in_force != NULL) {
        plan_say(result, PLAN_CONFLICT, "PartitionsFixed",
                 "the number of partitions is fixed with version 1: it is %u, and stays so in this cluster",
                 in_force->partitions_count);
    } else if (!staged_is_partitions(*number)) {
        plan_say(result, PLAN_BAD, "InvalidRequest", "partitions is a power of two, 1 to %d", RING_PARTITIONS);
    }
    return result->verdict == PLAN_DONE;
}

static void stage_number(const struct plan_input *input, const char *name, const uint64_t *number,
                         struct plan_result *result)
{
    if (number == NULL) return;
    put_number(input, result, span_text(name), &(struct document_staged_number){true, *number});
}

void plan_stage_numbers(const struct plan_input *input, struct plan_numbers numbers, struct plan_result *result)
{
    *result = (struct plan_result){0};
    if (numbers.replication == NULL && numbers.zone_redundancy == NULL && numbers.partitions == NULL) {
        plan_say(result, PLAN_BAD, "InvalidRequest",
                 "give a node with its zone and capacity, or with remove, or replication, zone_redundancy or "
                 "partitions");
        return;
    }
    if (!check_number(STAGED_REPLICATION, numbers.replication, 1, result)) return;
    if (!check_number(STAGED_ZONE_REDUNDANCY, numbers.zone_redundancy, 0, result)) return;
    if (!check_partitions(input, numbers.partitions, result) || !plan_take(input, result, 3)) return;
    stage_number(input, STAGED_REPLICATION, numbers.replication, result);
    stage_number(input, STAGED_ZONE_REDUNDANCY, numbers.zone_redundancy, result);
    stage_number(input, STAGED_PARTITIONS, numbers.partitions, result);
}

void plan_revert(const struct plan_input *input, struct plan_result *result)
{
    struct history history;
    *result = (struct plan_result){0};
    if (!history_read(input->view, input->arena, &history)) {
        plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory");
        return;
    }
    if (!take_cleared(input, result)) return;
    put_cleared(input, &history, result);
    if (result->verdict == PLAN_DONE && result->documents_count == 0)
        plan_say(result, PLAN_NOTHING, NULL, "nothing is staged");
}

/* --- applying ------------------------------------------------------------------------------------------- */

/* Is `number` the one that can be made now? */
static bool check_apply(const struct staged *staged, uint64_t number, struct plan_result *result)
{
    uint64_t in_force = staged->in_force == NULL ? 0 : staged->in_force->number;
    bool is_empty = staged_is_empty(staged);
    result->number = in_force;
    if (is_empty && number == in_force && in_force > 0) {
        plan_say(result, PLAN_NOTHING, NULL, "version %" PRIu64 " is in force already, and nothing is staged",
                 number);
    } else if (is_empty && in_force > 0) {
        plan_say(result, PLAN_CONFLICT, "NothingStaged",
                 "nothing is staged: version %" PRIu64 " is in force and stays; assign or remove a node first",
                 in_force);
    } else if (is_empty) {
        plan_say(result, PLAN_CONFLICT, "NothingStaged",
                 "nothing is staged and there is no layout: assign nodes first");
    } else if (number == in_force && in_force > 0) {
        plan_say(result, PLAN_CONFLICT, "WrongNumber",
                 "version %" PRIu64 " is in force already, and other changes are staged: look at the plan, then "
                 "apply %" PRIu64,
                 number, in_force + 1);
    } else if (number != in_force + 1) {
        plan_say(result, PLAN_CONFLICT, "WrongNumber",
                 "the next version is %" PRIu64 ", not %" PRIu64 ": look at the plan, then apply %" PRIu64,
                 in_force + 1, number, in_force + 1);
    } else {
        return true;
    }
    return false;
}

/* Build the next layout out of what is staged; its document is the first of the result. */
static bool make_version(const struct plan_input *input, const struct staged *staged, struct plan_result *result)
{
    char refusal[PLAN_MESSAGE_CHARS];
    struct ring_plan ring;
    struct ring_layout *next = arena_alloc(input->arena, sizeof *next);
    if (staged->history.count >= EXCHANGE_VERSIONS_MAX) {
        plan_say(result, PLAN_CONFLICT, "TooManyVersions",
                 "there are %" PRIu32 " versions of the layout, as many as a cluster may have: the one in force "
                 "stays",
                 staged->history.count);
        return false;
    }
    enum plan_assigned assigned = PLAN_ASSIGN_NO_MEMORY;
    if (next != NULL) {
        assigned = plan_build_next(input, staged, next, refusal)
                       ? plan_assign(input, staged->in_force, next, &ring, refusal)
                       : PLAN_ASSIGN_REFUSED;
    }
    switch (assigned) {
    case PLAN_ASSIGNED:
        plan_put_version(input, next, result);
        result->number = next->number;
        break;
    case PLAN_ASSIGN_REFUSED: plan_say(result, PLAN_CONFLICT, "ImpossibleLayout", "%s", refusal); break;
    case PLAN_ASSIGN_NO_MEMORY: plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory"); break;
    }
    return result->verdict == PLAN_DONE;
}

void plan_apply(const struct plan_input *input, uint64_t number, struct plan_result *result)
{
    struct staged staged;
    if (!read_staged(input, &staged, result) || !check_apply(&staged, number, result)) return;
    if (!take_cleared(input, result) || !make_version(input, &staged, result)) return;
    put_cleared(input, &staged.history, result);
}

/* --- without hands -------------------------------------------------------------------------------------- */

/* Leave out who has no role, but had one in a version that led to the one in force: an operator took it. One look
 * at each version, however many wish. */
static void drop_removed(struct staged *wishes, struct ring_layout *scratch)
{
    for (uint32_t i = wishes->history.count; i-- > 0 && wishes->roles_count > 0;) {
        if (wishes->history.versions[i].fate != HISTORY_ANCESTOR) continue;
        uint32_t kept = 0;
        if (!history_layout(&wishes->history.versions[i], scratch)) continue;
        for (uint32_t j = 0; j < wishes->roles_count; j++) {
            const uint8_t *id = wishes->roles[j].node_id;
            bool had_role = ring_layout_node(scratch, id) >= 0;
            if (!had_role || ring_layout_node(wishes->in_force, id) >= 0) wishes->roles[kept++] = wishes->roles[j];
        }
        wishes->roles_count = kept;
    }
}

static void add_wish(struct staged *wishes, const struct member *member)
{
    struct staged_role role = {.capacity = member->announcement.capacity};
    memcpy(role.node_id, member->id, sizeof role.node_id);
    memcpy(role.zone, member->announcement.zone.bytes, member->announcement.zone.length);
    if (!staged_is_so(wishes->in_force, &role)) wishes->roles[wishes->roles_count++] = role;
}

/* Members come in order of id, as roles must. Whoever was removed from the layout by hand stays out. */
static bool read_wishes(const struct plan_input *input, struct staged *wishes)
{
    *wishes = (struct staged){.in_force = view_layout(input->view)};
    uint32_t members_count = input->members == NULL ? 0 : input->members->count;
    wishes->roles = arena_array(input->arena, (size_t)members_count + 1, sizeof *wishes->roles);
    if (wishes->roles == NULL) return false;
    for (uint32_t i = 0; i < members_count; i++) {
        if (plan_has_wish(input, input->members->rows[i])) add_wish(wishes, input->members->rows[i]);
    }
    if (wishes->in_force == NULL || wishes->roles_count == 0) return true;
    struct ring_layout *scratch = arena_alloc(input->arena, sizeof *scratch);
    if (scratch == NULL || !history_read(input->view, input->arena, &wishes->history)) return false;
    drop_removed(wishes, scratch);
    return true;
}

/* The first that is up and could help, if its configuration said where it is. */
static void name_wishless(const struct plan_input *input, struct plan_result *result)
{
    for (uint32_t i = 0; i < input->members->count; i++) {
        const struct member *member = input->members->rows[i];
        bool is_up = member->has_announcement && (member->is_self || member->state == MEMBER_ALIVE);
        if (!is_up || plan_has_wish(input, member)) continue;
        const struct span name = plan_node_name(input, member->id);
        size_t length = strlen(result->message);
        snprintf(result->message + length, sizeof result->message - length,
                 "; the configuration of %.*s has no zone, no capacity or not \"auto\"", (int)name.length,
                 (const char *)name.bytes);
        return;
    }
}

void plan_auto(const struct plan_input *input, struct plan_result *result)
{
    struct staged wishes;
    *result = (struct plan_result){0};
    if (!read_wishes(input, &wishes)) {
        plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory");
        return;
    }
    if (wishes.in_force != NULL) result->number = wishes.in_force->number;
    if (wishes.roles_count == 0) {
        plan_say(result, PLAN_NOTHING, NULL,
                 wishes.in_force != NULL ? "nobody wishes for another role than it has"
                                         : "no member that is up is configured with a zone and a capacity");
        return;
    }
    if (!plan_take(input, result, 1) || make_version(input, &wishes, result)) return;
    if (result->verdict != PLAN_CONFLICT) return;
    result->verdict = PLAN_NOTHING; /* the message says what is missing */
    name_wishless(input, result);
}

/* --- members -------------------------------------------------------------------------------------------- */

void plan_remove_member(const struct plan_input *input, struct span node, bool is_forced, uint64_t wall_us,
                        struct plan_result *result)
{
    uint8_t id[RING_NODE_ID_BYTES];
    char text[PLAN_NODE_CHARS];
    struct staged staged;
    if (!read_staged(input, &staged, result) || !plan_find_node(input, node, id, result)) return;
    const struct staged_role *role = staged_role_of(&staged, id);
    bool has_role = staged.in_force != NULL && ring_layout_node(staged.in_force, id) >= 0;
    plan_node_text(input, id, text);
    if (input->self_id != NULL && memcmp(input->self_id, id, sizeof id) == 0) {
        plan_say(result, PLAN_CONFLICT, "NodeIsSelf",
                 "a node does not remove itself: ask another node to remove %s", text);
    } else if (!plan_is_member(input, id)) {
        plan_say(result, PLAN_NOTHING, NULL, "node %s is no member", text);
    } else if (has_role && !is_forced) {
        plan_say(result, PLAN_CONFLICT, "NodeHasRole",
                 "node %s has a role in layout %" PRIu64 ": stage its removal and apply that first, or force it",
                 text, staged.in_force->number);
    } else if (role != NULL && !role->is_removal && !is_forced) {
        plan_say(result, PLAN_CONFLICT, "NodeHasRole",
                 "a role is staged for node %s: stage its removal first, or force it", text);
    } else if (plan_take(input, result, 1)) {
        const struct document_member member = {
            .is_member = false, .since_us = wall_us, .name = plan_node_name(input, id)};
        plan_put(result, document_key_of(input->arena, DOCUMENT_MEMBER, span_of(id, sizeof id)),
                 document_encode_member(input->arena, &member));
    }
}
