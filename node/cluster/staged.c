/* Changes are put one over the other into a sorted table: what lost, oldest first, then what operators staged. */
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

/* Put the role over the one there is; the table has room for all that can come. */
static void put_role(struct staged *staged, const struct staged_role *role)
{
    uint32_t index = lower_bound(staged, role->node_id);
    bool is_there = index < staged->roles_count &&
                    memcmp(staged->roles[index].node_id, role->node_id, RING_NODE_ID_BYTES) == 0;
    if (!is_there) {
        size_t behind = staged->roles_count - index;
        memmove(&staged->roles[index + 1], &staged->roles[index], behind * sizeof *role);
        staged->roles_count++;
    }
    staged->roles[index] = *role;
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
        staged->replication = (struct staged_number){true, layout->replication, lost};
    if (parent == NULL || parent->zone_redundancy != layout->zone_redundancy)
        staged->zone_redundancy = (struct staged_number){true, layout->zone_redundancy, lost};
}

static bool put_lost(struct staged *staged, struct arena *arena, const struct history_version *lost)
{
    const struct history_version *before = history_find(&staged->history,
                                                        lost->parent); /* NULL: it was the first */
    const struct ring_layout *layout = history_layout(lost, arena);
    const struct ring_layout *parent = before == NULL ? NULL : history_layout(before, arena);
    if (layout == NULL || (before != NULL && parent == NULL)) return false;
    put_changes(staged, layout, parent, lost);
    return true;
}

static bool put_all_lost(struct staged *staged, struct arena *arena)
{
    for (uint32_t i = 0; i < staged->history.count; i++) {
        const struct history_version *version = &staged->history.versions[i];
        if (version->fate == HISTORY_LOST && !put_lost(staged, arena, version)) return false;
    }
    return true;
}

/* --- what operators staged ------------------------------------------------------------------------------ */

bool staged_is_zone(struct span text)
{
    if (text.length < 1 || text.length >= RING_ZONE_NAME_BYTES) return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && c != '_' && c != '-') return false;
    }
    return true;
}

bool staged_is_capacity(uint64_t capacity)
{
    return capacity >= 1 && capacity <= (uint64_t)1 << STAGED_CAPACITY_BITS;
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

static void put_staged_number(const struct view *view, struct arena *arena, const char *name, uint64_t min,
                              struct staged_number *number)
{
    struct op_document document;
    struct document_staged_number value;
    struct span key = document_key_of(arena, DOCUMENT_STAGED_NUMBER, span_text(name));
    if (key.bytes == NULL || !view_document_of(view, key, &document)) return;
    struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
    if (!document_decode_staged_number(payload, &value) || !value.is_staged) return;
    if (value.number >= min && value.number <= RING_REPLICATION_MAX)
        *number = (struct staged_number){true, value.number, NULL};
}

/* --- all of it ------------------------------------------------------------------------------------------ */

/* How many roles may be put at most. */
static size_t count_roles(const struct view *view, const struct history *history)
{
    struct span id;
    struct span payload;
    size_t count = 0;
    for (uint32_t i = 0; view_nth(view, DOCUMENT_STAGED_ROLE, i, &id, &payload); i++)
        count++;
    return count + (size_t)history->lost_count * 2 * RING_NODES_MAX;
}

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
    if (staged->replication.value == in_force->replication) staged->replication.is_set = false;
    if (staged->zone_redundancy.value == in_force->zone_redundancy) staged->zone_redundancy.is_set = false;
}

bool staged_read(const struct view *view, struct arena *arena, struct staged *staged)
{
    struct span id;
    struct span payload;
    *staged = (struct staged){.in_force = view_layout(view)};
    if (!history_read(view, arena, &staged->history)) return false;
    staged->roles = arena_array(arena, count_roles(view, &staged->history) + 1, sizeof *staged->roles);
    if (staged->roles == NULL || !put_all_lost(staged, arena)) return false;
    for (uint32_t i = 0; view_nth(view, DOCUMENT_STAGED_ROLE, i, &id, &payload); i++)
        put_staged_role(staged, id, payload);
    put_staged_number(view, arena, STAGED_REPLICATION, 1, &staged->replication);
    put_staged_number(view, arena, STAGED_ZONE_REDUNDANCY, 0, &staged->zone_redundancy);
    drop_what_is_so(staged);
    return true;
}

bool staged_is_empty(const struct staged *staged)
{
    return staged->roles_count == 0 && !staged->replication.is_set && !staged->zone_redundancy.is_set;
}
