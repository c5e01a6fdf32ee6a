/* Roles and numbers put together to the next layout; the words of a refusal. */
#include "node/cluster/plan_build.h"

#include "http/route.h"
#include "node/core/layout_document.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SHORT_BYTES = 8 };

/* --- who is meant --------------------------------------------------------------------------------------- */

const struct member *plan_member(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES])
{
    return input->members == NULL ? NULL : members_find(input->members, node_id);
}

static bool is_self(const struct plan_input *input, const uint8_t *node_id)
{
    return input->self_id != NULL && memcmp(input->self_id, node_id, RING_NODE_ID_BYTES) == 0;
}

struct span plan_node_name(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES])
{
    struct op_document found;
    struct document_member document = {.name = span_of("", 0)};
    uint8_t key[1 + RING_NODE_ID_BYTES] = {DOCUMENT_MEMBER};
    const struct member *member = plan_member(input, node_id);
    if (member != NULL && member->has_announcement) return member->announcement.name;
    memcpy(key + 1, node_id, RING_NODE_ID_BYTES);
    if (view_document_of(input->view, span_of(key, sizeof key), &found) &&
        !document_decode_member(span_of(found.register_.payload, found.register_.payload_bytes), &document)) {
        document.name = span_of("", 0);
    }
    bool is_nameless_self = document.name.length == 0 && is_self(input, node_id) && input->self_name.length > 0;
    return is_nameless_self ? input->self_name : document.name;
}

enum member_state plan_node_state(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES])
{
    const struct member *member = plan_member(input, node_id);
    if (is_self(input, node_id)) return MEMBER_ALIVE;
    return member == NULL ? MEMBER_UNKNOWN : member->state;
}

const char *plan_node_text(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES],
                           char text[PLAN_NODE_CHARS])
{
    char digits[2 * SHORT_BYTES];
    struct span name = plan_node_name(input, node_id);
    hash_hex(node_id, SHORT_BYTES, digits);
    if (name.length > 0 && name.length <= LIMITS_ZONE_BYTES_MAX) {
        snprintf(text, PLAN_NODE_CHARS, "%.*s (%.16s)", (int)name.length, (const char *)name.bytes, digits);
    } else {
        snprintf(text, PLAN_NODE_CHARS, "%.16s", digits);
    }
    return text;
}

bool plan_is_member(const struct plan_input *input, const uint8_t node_id[RING_NODE_ID_BYTES])
{
    return is_self(input, node_id) || view_is_member(input->view, node_id, NULL);
}

bool plan_has_wish(const struct plan_input *input, const struct member *member)
{
    const struct announcement *announcement = &member->announcement;
    return member->has_announcement && (member->is_self || member->state == MEMBER_ALIVE) &&
           (announcement->flags & ANNOUNCEMENT_AUTO) != 0 && (announcement->flags & ANNOUNCEMENT_LEAVING) == 0 &&
           staged_is_zone(announcement->zone) && staged_is_capacity(announcement->capacity) &&
           plan_is_member(input, member->id);
}

/* --- the next layout ------------------------------------------------------------------------------------ */

/* A node of the next layout with the name of its zone, before zones have indexes. */
struct wished {
    const uint8_t *id;
    const char *zone;
    uint64_t capacity;
};

static bool add_wished(struct wished *wished, uint32_t *count, const uint8_t *id, const char *zone,
                       uint64_t capacity)
{
    if (*count == RING_NODES_MAX) return false;
    wished[(*count)++] = (struct wished){id, zone, capacity};
    return true;
}

/* Both are in order of id: one pass. False when there are too many. */
static bool merge_roles(const struct staged *staged, struct wished *wished, uint32_t *count)
{
    const struct ring_layout *before = staged->in_force;
    uint32_t before_count = before == NULL ? 0 : before->nodes_count;
    uint32_t i = 0;
    uint32_t j = 0;
    *count = 0;
    while (i < before_count || j < staged->roles_count) {
        int order = i == before_count ? 1
                    : j == staged->roles_count
                        ? -1
                        : memcmp(before->nodes[i].id, staged->roles[j].node_id, RING_NODE_ID_BYTES);
        bool has_room = true;
        if (order < 0) {
            const struct ring_node *node = &before->nodes[i];
            has_room = add_wished(wished, count, node->id, before->zones[node->zone], node->capacity);
        } else if (!staged->roles[j].is_removal) {
            const struct staged_role *role = &staged->roles[j];
            has_room = add_wished(wished, count, role->node_id, role->zone, role->capacity);
        }
        if (!has_room) return false;
        i += order <= 0;
        j += order >= 0;
    }
    return true;
}

static int zone_index(const struct ring_layout *layout, const char *zone)
{
    for (int i = 0; i < layout->zones_count; i++) {
        if (strcmp(layout->zones[i], zone) == 0) return i;
    }
    return -1;
}

/* False when there are too many. */
static bool add_zone(struct ring_layout *next, const char *zone)
{
    if (zone_index(next, zone) >= 0) return true;
    if (next->zones_count == RING_ZONES_MAX) return false;
    uint32_t at = next->zones_count++;
    for (; at > 0 && strcmp(next->zones[at - 1], zone) > 0; at--)
        memcpy(next->zones[at], next->zones[at - 1], RING_ZONE_NAME_BYTES);
    memset(next->zones[at], 0, RING_ZONE_NAME_BYTES);
    memcpy(next->zones[at], zone, strlen(zone));
    return true;
}

__attribute__((format(printf, 2, 3))) static bool refuse(char refusal[PLAN_MESSAGE_CHARS], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(refusal, PLAN_MESSAGE_CHARS, format, values);
    va_end(values);
    return false;
}

static void set_numbers(const struct plan_input *input, const struct staged *staged, struct ring_layout *next)
{
    const struct ring_layout *before = staged->in_force;
    uint64_t first = input->replication == 0 ? PLAN_REPLICATION_DEFAULT : input->replication;
    uint64_t replication = before == NULL ? first : before->replication;
    uint64_t redundancy = before == NULL ? input->zone_redundancy : before->zone_redundancy;
    if (staged->replication.is_set) replication = staged->replication.value;
    if (staged->zone_redundancy.is_set) redundancy = staged->zone_redundancy.value;
    next->replication = (uint8_t)(replication > RING_REPLICATION_MAX ? RING_REPLICATION_MAX : replication);
    next->zone_redundancy = (uint8_t)(redundancy > RING_REPLICATION_MAX ? RING_REPLICATION_MAX : redundancy);
    next->number = before == NULL ? 1 : before->number + 1;
    uint64_t partitions = input->partitions == 0 ? RING_PARTITIONS : input->partitions;
    if (staged->partitions.is_set) partitions = staged->partitions.value;
    assert(staged_is_partitions(partitions)); /* settings were checked, documents too */
    next->partitions_count = (uint16_t)(before == NULL ? partitions : before->partitions_count);
    if (before != NULL) memcpy(next->parent, before->hash, sizeof next->parent);
}

/* An assigned role waits for its node to be a member; one in force stays whatever becomes of it. */
static bool check_members(const struct plan_input *input, const struct staged *staged,
                          char refusal[PLAN_MESSAGE_CHARS])
{
    char text[PLAN_NODE_CHARS];
    for (uint32_t i = 0; i < staged->roles_count; i++) {
        const struct staged_role *role = &staged->roles[i];
        if (role->is_removal || plan_is_member(input, role->node_id)) continue;
        return refuse(refusal,
                      "node %s shall have a role but is no member of the cluster: connect it, or forget its role "
                      "(stage its removal)",
                      plan_node_text(input, role->node_id, text));
    }
    return true;
}

bool plan_build_next(const struct plan_input *input, const struct staged *staged, struct ring_layout *next,
                     char refusal[PLAN_MESSAGE_CHARS])
{
    struct wished wished[RING_NODES_MAX];
    uint32_t count = 0;
    memset(next, 0, sizeof *next);
    if (staged->in_force != NULL && staged->in_force->number == UINT64_MAX)
        return refuse(refusal, "the layout in force has the last number there is");
    set_numbers(input, staged, next);
    if (!check_members(input, staged, refusal)) return false;
    if (!merge_roles(staged, wished, &count))
        return refuse(refusal, "a layout has at most %d nodes: remove one, or assign fewer", RING_NODES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (!add_zone(next, wished[i].zone))
            return refuse(refusal, "a layout has at most %d zones: assign a node to one that is there",
                          RING_ZONES_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct ring_node *node = &next->nodes[next->nodes_count++];
        memcpy(node->id, wished[i].id, sizeof node->id);
        node->capacity = wished[i].capacity;
        node->zone = (uint16_t)zone_index(next, wished[i].zone);
    }
    if (next->zone_redundancy > next->replication)
        return refuse(refusal,
                      "copies in %u zones cannot be with replication %u: set zone_redundancy to %u, or "
                      "replication to %u",
                      next->zone_redundancy, next->replication, next->replication, next->zone_redundancy);
    return true;
}

/* --- its holders ---------------------------------------------------------------------------------------- */

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

/* The other way out of too few: "" when there is none. */
static const char *or_set(char text[80], const char *name, uint32_t value)
{
    text[0] = '\0';
    if (value > 0) snprintf(text, 80, ", or set %s to %" PRIu32, name, value);
    return text;
}

static void refuse_ring(const struct ring_layout *next, const struct ring_plan *ring,
                        char refusal[PLAN_MESSAGE_CHARS])
{
    char other[80];
    uint32_t missing = ring->fault_want - ring->fault_have;
    const char *verb = ring->fault_have == 1 ? "is" : "are";
    switch (ring->fault) {
    case RING_NO_NODES:
        refuse(refusal, "no node would have a role: assign at least %u (a zone and a capacity each)",
               next->replication);
        break;
    case RING_TOO_FEW_NODES:
        refuse(refusal,
               "replication %u wants %" PRIu32 " node%s, there %s %" PRIu32 ": assign %" PRIu32 " more node%s%s",
               next->replication, ring->fault_want, plural(ring->fault_want), verb, ring->fault_have, missing,
               plural(missing), or_set(other, "replication", ring->fault_have));
        break;
    case RING_TOO_FEW_ZONES:
        refuse(refusal,
               "zone_redundancy %u wants %" PRIu32 " zone%s, there %s %" PRIu32 ": assign a node in %s%" PRIu32
               " more zone%s%s",
               next->zone_redundancy, ring->fault_want, plural(ring->fault_want), verb, ring->fault_have,
               missing == 1 ? "" : "each of ", missing, plural(missing),
               or_set(other, "zone_redundancy", ring->fault_have));
        break;
    case RING_FINE:
    case RING_BAD_INPUT:
        refuse(refusal, "such a layout cannot be: nodes, zones or numbers are out of bounds");
        break;
    }
}

enum plan_assigned plan_assign(const struct plan_input *input, const struct ring_layout *in_force,
                               struct ring_layout *next, struct ring_plan *ring, char refusal[PLAN_MESSAGE_CHARS])
{
    void *memory = arena_alloc(input->arena, ring_assign_memory_bytes(next) + 1);
    if (memory == NULL) return PLAN_ASSIGN_NO_MEMORY;
    if (ring_assign(in_force, next, memory, ring)) return PLAN_ASSIGNED;
    refuse_ring(next, ring, refusal);
    return PLAN_ASSIGN_REFUSED;
}

/* --- the plan ------------------------------------------------------------------------------------------- */

struct plan *plan_make(const struct plan_input *input)
{
    struct plan *plan = arena_alloc(input->arena, sizeof *plan);
    struct ring_layout *next = arena_alloc(input->arena, sizeof *next);
    if (plan == NULL || next == NULL || !staged_read(input->view, input->arena, &plan->staged)) return NULL;
    const struct ring_layout *in_force = plan->staged.in_force;
    plan->number = in_force == NULL ? 1 : in_force->number + 1;
    if (!staged_is_empty(&plan->staged) && plan_build_next(input, &plan->staged, next, plan->refusal)) {
        switch (plan_assign(input, in_force, next, &plan->ring, plan->refusal)) {
        case PLAN_ASSIGNED: plan->next = next; break;
        case PLAN_ASSIGN_REFUSED: break;
        case PLAN_ASSIGN_NO_MEMORY: return NULL;
        }
    }
    if (!plan_moves(input, plan)) return NULL;
    plan_warn(input, plan);
    return plan;
}

/* --- results -------------------------------------------------------------------------------------------- */

/* Names of nodes are UTF-8, and what is cut must not end within a letter. */
static void cut_to_letters(char message[PLAN_MESSAGE_CHARS])
{
    size_t length = strlen(message);
    for (int i = 0; i < 3 && length > 0 && !http_is_utf8((struct http_span){message, length}); i++)
        message[--length] = '\0';
}

void plan_say(struct plan_result *result, enum plan_verdict verdict, const char *code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    result->verdict = verdict;
    result->code = code;
    result->documents_count = 0;
    vsnprintf(result->message, sizeof result->message, format, values);
    va_end(values);
    cut_to_letters(result->message);
}

bool plan_take(const struct plan_input *input, struct plan_result *result, size_t count)
{
    result->documents_count = 0;
    result->documents = arena_array(input->arena, count + 1, sizeof *result->documents);
    if (result->documents != NULL) return true;
    plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory");
    return false;
}

void plan_put(struct plan_result *result, struct span key, struct span payload)
{
    if (result->verdict == PLAN_NO_MEMORY) return;
    if (key.bytes == NULL || payload.bytes == NULL) {
        plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory");
        return;
    }
    struct op_document *document = &result->documents[result->documents_count++];
    *document = (struct op_document){.key = key};
    document->register_.payload = payload.bytes;
    document->register_.payload_bytes = payload.length;
}

void plan_put_version(const struct plan_input *input, struct ring_layout *next, struct plan_result *result)
{
    if (result->verdict == PLAN_NO_MEMORY) return;
    if (layout_document_encode(input->arena, next, &result->documents[result->documents_count])) {
        result->documents_count++;
    } else {
        plan_say(result, PLAN_NO_MEMORY, "ServiceUnavailable", "out of memory");
    }
}
