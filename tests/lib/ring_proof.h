/* Is an assignment as good as can be? Asked of its holders alone, at any size, without flows.
 *
 * The question is turned into swaps: a partition goes from node u to node v, which is allowed when its nodes are
 * then still in zones enough. Swaps in a row change the load of the first and the last node only. What can be had
 * is convex (ring/balance.h), so:
 *   - loads that no row of swaps makes better are the best;
 *   - holders are those with the fewest moves when no circle of swaps saves one; a circle may close over two nodes
 * of equal capacity whose loads differ by one, as they may change places. The least possible largest ratio is
 * computed apart, from the sums over zones.
 */
#ifndef TESTS_LIB_RING_PROOF_H
#define TESTS_LIB_RING_PROOF_H

#include "tests/lib/ring_rig.h"

__extension__ typedef unsigned __int128 proof_wide;

enum { PROOF_NONE = 2 }; /* no swap; those that are there cost -1, 0 or 1 moves */

struct proof {
    const struct ring_layout *layout;
    uint32_t loads[RING_NODES_MAX];
    uint64_t full_load, full_capacity; /* of the fullest node */
    int8_t swaps[RING_NODES_MAX][RING_NODES_MAX];
    bool ways[RING_NODES_MAX][RING_NODES_MAX]; /* from one to the other by swaps */
    int32_t distance[RING_NODES_MAX];
};

/* a/b against c/d */
static inline int proof_compare(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    proof_wide left = (proof_wide)a * d, right = (proof_wide)c * b;
    return (left > right) - (left < right);
}

static inline void proof_swaps_of(struct proof *proof, const struct ring_layout *previous, uint32_t p)
{
    const struct ring_layout *layout = proof->layout;
    bool before[RING_NODES_MAX] = {false}, now[RING_NODES_MAX] = {false};
    uint32_t in_zone[RING_ZONES_MAX] = {0}, zones = 0;

    for (uint32_t i = 0; previous != NULL && i < previous->replication; i++) {
        int index = ring_layout_node(layout, previous->nodes[previous->holders[p][i]].id);
        if (index >= 0) before[index] = true;
    }
    for (uint32_t i = 0; i < layout->replication; i++) {
        now[layout->holders[p][i]] = true;
        zones += in_zone[layout->nodes[layout->holders[p][i]].zone]++ == 0;
    }
    for (uint32_t i = 0; i < layout->replication; i++) {
        uint32_t from = layout->holders[p][i], zone = layout->nodes[from].zone;
        for (uint32_t to = 0; to < layout->nodes_count; to++) {
            uint32_t to_zone = layout->nodes[to].zone;
            uint32_t left = zones - (in_zone[zone] == 1);
            left += in_zone[to_zone] == 0 || (to_zone == zone && in_zone[zone] == 1);
            int8_t cost = (int8_t)(before[from] - before[to]);
            if (now[to] || left < ring_layout_zones_wanted(layout)) continue;
            if (cost < proof->swaps[from][to]) proof->swaps[from][to] = cost;
        }
    }
}

static inline void proof_init(struct proof *proof, const struct ring_layout *previous,
                              const struct ring_layout *layout)
{
    proof->layout = layout;
    proof->full_load = 0;
    proof->full_capacity = 1;
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        proof->loads[i] = ring_layout_load(layout, i);
        if (proof_compare(proof->loads[i], layout->nodes[i].capacity, proof->full_load, proof->full_capacity) >
            0) {
            proof->full_load = proof->loads[i];
            proof->full_capacity = layout->nodes[i].capacity;
        }
        for (uint32_t j = 0; j < layout->nodes_count; j++)
            proof->swaps[i][j] = PROOF_NONE;
    }
    for (uint32_t p = 0; p < layout->partitions_count; p++)
        proof_swaps_of(proof, previous, p);
}

/* How many copies find a place when each node takes those that leave it less full than load / capacity. */
static inline uint64_t proof_places_below(const struct ring_layout *layout, uint64_t load, uint64_t capacity)
{
    uint64_t in_zone[RING_ZONES_MAX] = {0}, firsts = 0, extras = 0;
    uint64_t partitions = layout->partitions_count;
    uint64_t most_extras = partitions * (layout->replication - ring_layout_zones_wanted(layout));

    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        uint64_t takes = (uint64_t)(((proof_wide)layout->nodes[i].capacity * load + capacity - 1) / capacity) - 1;
        in_zone[layout->nodes[i].zone] += takes < partitions ? takes : partitions;
    }
    for (uint32_t i = 0; i < layout->zones_count; i++) {
        firsts += in_zone[i] < partitions ? in_zone[i] : partitions;
        extras += in_zone[i] < partitions ? 0 : in_zone[i] - partitions;
    }
    return firsts + (extras < most_extras ? extras : most_extras);
}

/* Would the node be idle without this one, though it has room for it? */
static inline bool proof_is_first(const struct proof *proof, uint32_t node, uint64_t k)
{
    return k == 1 &&
           proof_compare(1, proof->layout->nodes[node].capacity, proof->full_load, proof->full_capacity) <= 0;
}

/* Is it better that `to` gets one more and `from` has one less? */
static inline bool proof_is_better(const struct proof *proof, uint32_t from, uint32_t to)
{
    uint64_t last = proof->loads[from], next = proof->loads[to] + UINT64_C(1);
    uint64_t of_from = proof->layout->nodes[from].capacity, of_to = proof->layout->nodes[to].capacity;
    bool is_first = proof_is_first(proof, to, next), was_first = proof_is_first(proof, from, last);
    if (is_first != was_first) return is_first;
    int order = proof_compare(next, of_to, last, of_from);
    return order < 0 || (order == 0 && of_to > of_from);
}

static inline bool proof_balance(struct proof *proof)
{
    uint32_t count = proof->layout->nodes_count;
    uint64_t copies = (uint64_t)proof->layout->partitions_count * proof->layout->replication;

    if (proof_places_below(proof->layout, proof->full_load, proof->full_capacity) >= copies) return false;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < count; j++)
            proof->ways[i][j] = proof->swaps[i][j] != PROOF_NONE;
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t j = 0; proof->ways[i][k] && j < count; j++)
                proof->ways[i][j] |= proof->ways[k][j];
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (i != j && proof->ways[i][j] && proof_is_better(proof, i, j)) return false;
    return true;
}

/* One round of Bellman and Ford over swaps and changes of places: did a distance become shorter? */
static inline bool proof_relax(struct proof *proof)
{
    bool is_shorter = false;
    for (uint32_t i = 0; i < proof->layout->nodes_count; i++) {
        for (uint32_t j = 0; j < proof->layout->nodes_count; j++) {
            int32_t cost = proof->swaps[i][j];
            bool is_change = proof->layout->nodes[i].capacity == proof->layout->nodes[j].capacity &&
                             proof->loads[i] + 1 == proof->loads[j]; /* j's one more becomes i's */
            if (is_change && cost > 0) cost = 0;
            if (cost == PROOF_NONE || proof->distance[i] + cost >= proof->distance[j]) continue;
            proof->distance[j] = proof->distance[i] + cost;
            is_shorter = true;
        }
    }
    return is_shorter;
}

static inline bool proof_moves(struct proof *proof)
{
    memset(proof->distance, 0, sizeof proof->distance);
    for (uint32_t round = 0; round <= proof->layout->nodes_count; round++)
        if (!proof_relax(proof)) return true;
    return false; /* a circle that saves a move */
}

/* Both, with what is wrong in words; NULL when nothing is. */
static inline const char *proof_run(struct proof *proof, const struct ring_layout *previous,
                                    const struct ring_layout *layout)
{
    proof_init(proof, previous, layout);
    if (!proof_balance(proof)) return "better loads can be had";
    if (previous != NULL && !proof_moves(proof)) return "fewer moves are enough";
    return NULL;
}

#endif
