/* Layout versions: is one sound, and small questions about it. */
#include "ring/layout.h"

#include <assert.h>
#include <string.h>

_Static_assert(RING_ZONES_MAX <= 64, "the zones of a partition are a set in 64 bits");

/* A few words for a layout that is refused; NULL for one that is not. */
static bool answer(const char *words, const char **why)
{
    *why = words;
    return words == NULL;
}

static const char *numbers_fault(const struct ring_layout *layout)
{
    uint32_t partitions = layout->partitions_count;
    if (partitions == 0 || partitions > RING_PARTITIONS) return "the number of partitions is out of bounds";
    if ((partitions & (partitions - 1)) != 0) return "the number of partitions is no power of two";
    if (layout->replication == 0) return "no copies are wanted";
    if (layout->replication > RING_REPLICATION_MAX) return "too many copies are wanted";
    if (layout->zone_redundancy > layout->replication) return "more zones than copies are wanted";
    return NULL;
}

static bool is_zone_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

static bool is_zone_name(const char name[RING_ZONE_NAME_BYTES])
{
    size_t length = 0;
    while (length < RING_ZONE_NAME_BYTES && is_zone_char(name[length]))
        length++;
    return length > 0 && length < RING_ZONE_NAME_BYTES && name[length] == '\0';
}

static const char *zones_fault(const struct ring_layout *layout)
{
    if (layout->zones_count > RING_ZONES_MAX) return "too many zones";
    for (uint32_t i = 0; i < layout->zones_count; i++) {
        if (!is_zone_name(layout->zones[i])) return "a zone's name is not allowed";
        if (i > 0 && strcmp(layout->zones[i - 1], layout->zones[i]) >= 0) return "zones are not in order";
    }
    return NULL;
}

static const char *nodes_fault(const struct ring_layout *layout)
{
    bool has_node[RING_ZONES_MAX] = {false};

    if (layout->nodes_count == 0) return "no node";
    if (layout->nodes_count > RING_NODES_MAX) return "too many nodes";
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        const struct ring_node *node = &layout->nodes[i];
        if (node->capacity == 0) return "a node has no capacity";
        if (node->capacity > RING_CAPACITY_MAX) return "a node's capacity is out of bounds";
        if (node->zone >= layout->zones_count) return "a node is in no zone";
        if (i > 0 && memcmp(node[-1].id, node->id, RING_NODE_ID_BYTES) >= 0) return "nodes are not in order";
        has_node[node->zone] = true;
    }
    for (uint32_t i = 0; i < layout->zones_count; i++)
        if (!has_node[i]) return "a zone has no node";
    return NULL;
}

static const char *roles_fault(const struct ring_layout *layout)
{
    const char *words = numbers_fault(layout);
    if (words == NULL) words = zones_fault(layout);
    if (words == NULL) words = nodes_fault(layout);
    return words;
}

static const char *holders_fault(const struct ring_layout *layout, uint32_t partition)
{
    const uint16_t *holders = layout->holders[partition];
    uint64_t zones = 0;
    uint32_t zones_count = 0;

    for (uint32_t i = 0; i < layout->replication; i++) {
        if (holders[i] >= layout->nodes_count) return "a holder is no node";
        if (i > 0 && holders[i - 1] >= holders[i]) return "holders are not in order";
        uint64_t zone = (uint64_t)1 << layout->nodes[holders[i]].zone;
        zones_count += (zones & zone) == 0;
        zones |= zone;
    }
    return zones_count < ring_layout_zones_wanted(layout) ? "a partition is in too few zones" : NULL;
}

static const char *name_fault(const struct ring_layout *layout)
{
    static const uint8_t zeros[RING_LAYOUT_HASH_BYTES];
    bool has_parent = memcmp(layout->parent, zeros, sizeof zeros) != 0;

    if (layout->number == 0) return "versions begin with 1";
    if (layout->number == 1 && has_parent) return "the first version has a parent";
    if (layout->number > 1 && !has_parent) return "a later version has no parent";
    return NULL;
}

bool ring_layout_check_roles(const struct ring_layout *layout, const char **why)
{
    return answer(roles_fault(layout), why);
}

bool ring_layout_check(const struct ring_layout *layout, const char **why)
{
    const char *words = name_fault(layout);
    if (words == NULL) words = roles_fault(layout);
    for (uint32_t i = 0; words == NULL && i < layout->partitions_count; i++)
        words = holders_fault(layout, i);
    return answer(words, why);
}

int ring_layout_node(const struct ring_layout *layout, const uint8_t node_id[RING_NODE_ID_BYTES])
{
    uint32_t from = 0, to = layout->nodes_count;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        int order = memcmp(layout->nodes[middle].id, node_id, RING_NODE_ID_BYTES);
        if (order == 0) return (int)middle;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return -1;
}

uint32_t ring_layout_zones_wanted(const struct ring_layout *layout)
{
    if (layout->zone_redundancy > 0) return layout->zone_redundancy;
    return layout->zones_count < layout->replication ? layout->zones_count : layout->replication;
}

uint32_t ring_layout_load(const struct ring_layout *layout, uint32_t node_index)
{
    assert(node_index < layout->nodes_count);

    uint32_t load = 0;
    for (uint32_t p = 0; p < layout->partitions_count; p++)
        for (uint32_t i = 0; i < layout->replication; i++)
            load += layout->holders[p][i] == node_index;
    return load;
}
