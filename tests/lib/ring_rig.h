/* Layouts for the tests of the ring: built node by node, assigned with memory of the heap, changed, printed. */
#ifndef TESTS_LIB_RING_RIG_H
#define TESTS_LIB_RING_RIG_H

#include <stdlib.h>

#include "ring/assign.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

/* A layout without zones, nodes and holders. */
static inline void rig_init(struct ring_layout *layout, uint32_t partitions, uint32_t replication,
                            uint32_t zone_redundancy)
{
    memset(layout, 0, sizeof *layout);
    layout->number = 1;
    layout->partitions_count = (uint16_t)partitions;
    layout->replication = (uint8_t)replication;
    layout->zone_redundancy = (uint8_t)zone_redundancy;
}

/* Zones z00, z01 … */
static inline void rig_zones(struct ring_layout *layout, uint32_t count)
{
    assert_true(count <= RING_ZONES_MAX);
    layout->zones_count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        memset(layout->zones[i], 0, RING_ZONE_NAME_BYTES);
        snprintf(layout->zones[i], RING_ZONE_NAME_BYTES, "z%02u", i);
    }
}

/* One more node behind the others; `name` is its id, the nodes before have smaller ones. */
static inline void rig_add(struct ring_layout *layout, uint32_t name, uint32_t zone, uint64_t capacity)
{
    assert_true(layout->nodes_count < RING_NODES_MAX);
    struct ring_node *node = &layout->nodes[layout->nodes_count++];
    memset(node, 0, sizeof *node);
    for (uint32_t i = 0; i < 4; i++)
        node->id[i] = (uint8_t)(name >> (24 - 8 * i));
    node->zone = (uint16_t)zone;
    node->capacity = capacity;
}

static inline void rig_remove(struct ring_layout *layout, uint32_t node_index)
{
    assert_true(node_index < layout->nodes_count);
    layout->nodes_count--;
    memmove(&layout->nodes[node_index], &layout->nodes[node_index + 1],
            (layout->nodes_count - node_index) * sizeof layout->nodes[0]);
}

/* The roles of `layout` as the version behind it, with nobody's holders. */
static inline void rig_next(const struct ring_layout *layout, struct ring_layout *next)
{
    *next = *layout;
    memset(next->holders, 0, sizeof next->holders);
    next->number++;
    memset(next->parent, 0xa5, sizeof next->parent);
}

/* ring_assign() with memory of exactly the size it asks for, and the answer looked at from outside. */
static inline struct ring_plan rig_assign(const struct ring_layout *previous, struct ring_layout *next)
{
    struct ring_plan plan;
    void *memory = malloc(ring_assign_memory_bytes(next) + 1);
    assert_non_null(memory);
    bool is_done = ring_assign(previous, next, memory, &plan);
    free(memory);
    assert_int_equal(is_done, plan.fault == RING_FINE);
    if (is_done) {
        const char *why = "";
        if (!ring_layout_check(next, &why)) fail_msg("refused: %s", why);
        assert_null(why);
        assert_int_equal(plan.moved_count, plan.moves_min);
    }
    return plan;
}

/* Copies that a node of `next` holds and did not hold before, counted by ids. */
static inline uint32_t rig_moved(const struct ring_layout *previous, const struct ring_layout *next)
{
    uint32_t moved = 0;
    for (uint32_t p = 0; p < next->partitions_count; p++) {
        for (uint32_t i = 0; i < next->replication; i++) {
            bool was_there = false;
            const uint8_t *id = next->nodes[next->holders[p][i]].id;
            for (uint32_t j = 0; previous != NULL && j < previous->replication; j++)
                was_there |= memcmp(previous->nodes[previous->holders[p][j]].id, id, RING_NODE_ID_BYTES) == 0;
            moved += !was_there;
        }
    }
    return moved;
}

/* Any holders that the constraints allow, however unbalanced. */
static inline void rig_scatter(struct ring_layout *layout, struct random *random)
{
    uint32_t wanted = ring_layout_zones_wanted(layout);
    for (uint32_t p = 0; p < layout->partitions_count; p++) {
        bool is_holder[RING_NODES_MAX] = {false}, has_zone[RING_ZONES_MAX] = {false};
        for (uint32_t count = 0, zones = 0; count < layout->replication;) {
            uint32_t node = random_below(random, layout->nodes_count);
            uint32_t zone = layout->nodes[node].zone;
            if (is_holder[node] ||
                (has_zone[zone] && zones < wanted && layout->replication - count <= wanted - zones))
                continue;
            is_holder[node] = true;
            zones += !has_zone[zone];
            has_zone[zone] = true;
            count++;
        }
        for (uint32_t node = 0, count = 0; node < layout->nodes_count; node++)
            if (is_holder[node]) layout->holders[p][count++] = (uint16_t)node;
    }
}

static inline void rig_print(const char *what, const struct ring_layout *layout)
{
    print_error("%s: %u partitions, %u copies in %u zones\n", what, layout->partitions_count, layout->replication,
                layout->zone_redundancy);
    for (uint32_t i = 0; i < layout->nodes_count; i++)
        print_error("  node %u: zone %u, capacity %" PRIu64 ", load %u\n", i, layout->nodes[i].zone,
                    layout->nodes[i].capacity, ring_layout_load(layout, i));
    for (uint32_t p = 0; p < layout->partitions_count && p < 16; p++) {
        print_error("  partition %u:", p);
        for (uint32_t i = 0; i < layout->replication; i++)
            print_error(" %u", layout->holders[p][i]);
        print_error("\n");
    }
}

#endif
