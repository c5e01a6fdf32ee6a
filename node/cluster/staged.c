/* A sorted table of roles, filled from what wins to what loses: what operators staged, then what lost, the newest
 * first. Who is in it already stays as it is. */
#include "node/cluster/staged.h"

#include "node/core/document.h"

/* --- the table of roles --------------------------------------------------------------------------------- */

static uint32_t lower_bound(const struct staged *staged, const uint8_t *node_id)
{
    uint32_t low = 0;
    uint32_t high = staged->roles_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(staged->roles[middle].node_id, node_id, RING_NODE_ID_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Unless the node has one already, or there is no room. */
static void put_role(struct staged *staged, const struct staged_role *role)
{
    uint32_t index = lower_bound(staged, role->node_id);
    bool is_there = index < staged->roles_count &&
                    memcmp(staged->roles[index].node_id, role->node_id, RING_NODE_ID_BYTES) == 0;
    if (is_there || staged->roles_count == STAGED_ROLES_MAX) return;
    size_t behind = staged->roles_count - index;
    memmove(&staged->roles[index + 1], &staged->roles[index], behind * sizeof *role);
    staged->roles[index] = *role;
    staged->roles_count++;
}

static void put_number(struct staged_number *number, uint64_t value, const struct history_version *lost)
{
    if (!number->is_set) *number = (struct staged_number){true, value, lost};
}

const struct staged_role *staged_role_of(const struct staged *staged, const uint8_t node_id[RING_NODE_ID_BYTES])
{
    uint32_t index = lower_bound(staged, node_id);
    bool is_there = index < staged->roles_count &&
                    memcmp(staged->roles[index].node_id, node_id, RING_NODE_ID_BYTES) == 0;
    return is_there ? &staged->roles[index] : NULL;
}

/* --- what versions changed that lost -------------------------------------------------------------------- */

static struct staged_role role_of(const struct ring_layout *layout, const struct ring_node *node,
                                  const struct history_version *lost)
{
    struct staged_role role = {.capacity = node->capacity, .lost = lost};
    memcpy(role.node_id, node->id, RING_NODE_ID_BYTES);
    memcpy(role.zone, layout->zones[node->zone], RING_ZONE_NAME_BYTES);
    return role;
}

static bool has_role(const struct ring_layout *layout, const struct staged_role *role)
{
    int index = layout == NULL ? -1 : ring_layout_node(layout, role->node_id);
    if (index < 0) return false;
    const struct ring_node *node = &layout->nodes[index];
    return node->capacity == role->capacity && strcmp(layout->zones[node->zone], role->zone) == 0;
}

/* What `layout` changed against `parent` (NULL: it was the first). */
static void put_changes(struct staged *staged, const struct ring_layout *layout, const struct ring_layout *parent,
                        const struct history_version *lost)
{
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        struct staged_role role = role_of(layout, &layout->nodes[i], lost);
        if (!has_role(parent, &role)) put_role(staged, &role);
    }
    for (uint32_t i = 0; parent != NULL && i < parent->nodes_count; i++) {
        struct staged_role role = role_of(parent, &parent->nodes[i], lost);
        role.is_removal = true;
        if (ring_layout_node(layout, role.node_id) < 0) put_role(staged, &role);
    }
    if (parent == NULL || parent->replication != layout->replication)
        put_number(&staged->replication, layout->replication, lost);
    if (parent == NULL || parent->zone_redundancy != layout->zone_redundancy)
        put_number(&staged->zone_redundancy, layout->zone_redundancy, lost);
    if (parent == NULL) put_number(&staged->partitions, layout->partitions_count, lost);
}

/* The newest first. `scratch` has room for two layouts. What cannot be read changed nothing, as far as anybody
 * knows. */
static void put_all_lost(struct staged *staged, struct ring_layout *scratch)
{
    uint32_t left = STAGED_LOST_MAX;
    for (uint32_t i = staged->history.count; i-- > 0 && left > 0;) {
        const struct history_version *lost = &staged->history.versions[i];
        if (lost->fate != HISTORY_LOST) continue;
        const struct history_version *before = history_find(&staged->history, lost->parent);
        left--;
        if (!history_layout(lost, &scratch[0])) continue;
        if (before != NULL && !history_layout(before, &scratch[1])) continue;
        put_changes(staged, &scratch[0], before == NULL ? NULL : &scratch[1], lost); /* NULL: it was the first */
    }
}

/* --- what operators staged ------------------------------------------------------------------------------ */

bool staged_is_zone(struct span text)
{
    bool has_letter = false;
    if (text.length < 1 || text.length >= RING_ZONE_NAME_BYTES) return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && c != '_' && c != '-') return false;
        has_letter = has_letter || is_letter;
    }
    return has_letter;
}

bool staged_is_capacity(uint64_t capacity)
{
    return capacity >= 1 && capacity <= (uint64_t)1 << STAGED_CAPACITY_BITS;
}

bool staged_is_partitions(uint64_t number)
{
    return number >= 1 && number <= RING_PARTITIONS && (number & (number - 1)) == 0;
}

/* What another program wrote and makes no sense is not staged. */
static void put_staged_role(struct staged *staged, struct span id, struct span payload)
{
    struct document_staged_role document;
    struct staged_role role = {0};
    if (id.length != RING_NODE_ID_BYTES || !document_decode_staged_role(payload, &document)) return;
    if (!document.is_staged) return;
    memcpy(role.node_id, id.bytes, RING_NODE_ID_BYTES);
    role.is_removal = document.is_removal;
    if (!role.is_removal) {
        if (!staged_is_zone(document.zone) || !staged_is_capacity(document.capacity)) return;
        memcpy(role.zone, document.zone.bytes, document.zone.length);
        role.capacity = document.capacity;
    }
    put_role(staged, &role);
}

static bool is_replication(uint64_t number)
{
    return number >= 1 && number <= RING_REPLICATION_MAX;
}

static bool is_zone_redundancy(uint64_t number)
{
    return number <= RING_REPLICATION_MAX;
}

static void put_staged_number(const struct view *view, const char *name, bool (*is_allowed)(uint64_t number),
                              struct staged_number *number)
{
    struct op_document document;
    struct document_staged_number value;
    char key[1 + 32];
    key[0] = DOCUMENT_STAGED_NUMBER;
    memcpy(key + 1, name, strlen(name));
    if (!view_document_of(view, span_of(key, 1 + strlen(name)), &document)) return;
    struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
    if (!document_decode_staged_number(payload, &value) || !value.is_staged) return;
    if (is_allowed(value.number)) put_number(number, value.number, NULL);
}

/* --- all of it ------------------------------------------------------------------------------------------ */

bool staged_is_so(const struct ring_layout *in_force, const struct staged_role *role)
{
    if (!role->is_removal) return has_role(in_force, role);
    return in_force == NULL || ring_layout_node(in_force, role->node_id) < 0;
}

/* Leave out what is so already. */
static void drop_what_is_so(struct staged *staged)
{
    const struct ring_layout *in_force = staged->in_force;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < staged->roles_count; i++) {
        if (!staged_is_so(in_force, &staged->roles[i])) staged->roles[kept++] = staged->roles[i];
    }
    staged->roles_count = kept;
    if (in_force == NULL) return;
    staged->partitions.is_set = false;
    if (staged->replication.value == in_force->replication) staged->replication.is_set = false;
    if (staged->zone_redundancy.value == in_force->zone_redundancy) staged->zone_redundancy.is_set = false;
}

bool staged_read(const struct view *view, struct arena *arena, struct staged *staged)
{
    struct span id;
    struct span payload;
    *staged = (struct staged){.in_force = view_layout(view)};
    if (!history_read(view, arena, &staged->history)) return false;
    struct ring_layout *scratch = arena_array(arena, 2, sizeof *scratch);
    staged->roles = arena_array(arena, STAGED_ROLES_MAX, sizeof *staged->roles);
    if (scratch == NULL || staged->roles == NULL) return false;
    for (uint32_t i = 0; view_nth(view, DOCUMENT_STAGED_ROLE, i, &id, &payload); i++)
        put_staged_role(staged, id, payload);
    put_staged_number(view, STAGED_REPLICATION, is_replication, &staged->replication);
    put_staged_number(view, STAGED_ZONE_REDUNDANCY, is_zone_redundancy, &staged->zone_redundancy);
    put_staged_number(view, STAGED_PARTITIONS, staged_is_partitions, &staged->partitions);
    put_all_lost(staged, scratch);
    drop_what_is_so(staged);
    return true;
}

bool staged_is_empty(const struct staged *staged)
{
    return staged->roles_count == 0 && !staged->replication.is_set && !staged->zone_redundancy.is_set &&
           !staged->partitions.is_set;
}
