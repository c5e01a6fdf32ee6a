/* The best assignment of a small layout, found without flows: all of them are tried.
 *
 * Partition after partition, every allowed set of nodes, and for each vector of loads that comes of it the fewest
 * moves that lead there. Moves of different partitions add up, so this is as good as trying every assignment, and
 * a thousand times faster. Which loads are best is then asked of every vector there is.
 */
#ifndef TESTS_LIB_RING_BRUTE_H
#define TESTS_LIB_RING_BRUTE_H

#include "tests/lib/ring_rig.h"

enum {
    BRUTE_NODES_MAX = 5,
    BRUTE_PARTITIONS_MAX = 8,
    BRUTE_STATES_MAX = 59049, /* (8 + 1)^5 vectors of loads */
    BRUTE_SETS_MAX = 1 << BRUTE_NODES_MAX,
};

#define BRUTE_NEVER UINT32_MAX

struct brute {
    const struct ring_layout *layout;
    uint32_t nodes_count;
    uint32_t steps[BRUTE_NODES_MAX]; /* what one partition of a node adds to a state's number */
    uint32_t states_count;
    uint32_t sets[BRUTE_SETS_MAX], set_steps[BRUTE_SETS_MAX]; /* allowed sets of nodes */
    uint32_t sets_count;
    uint32_t moves[2][BRUTE_STATES_MAX]; /* fewest, of each state */
    uint32_t best_state;                 /* one of those with the best loads, and of these with the fewest moves */
    uint32_t best_moves;
    uint32_t best_states_count; /* how many states have loads as good */
};

static inline uint32_t brute_load(const struct brute *brute, uint32_t state, uint32_t node)
{
    return state / brute->steps[node] % (brute->layout->partitions_count + 1u);
}

static inline bool brute_is_allowed(const struct ring_layout *layout, uint32_t set)
{
    uint64_t zones = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        if ((set >> i & 1) == 0) continue;
        zones |= UINT64_C(1) << layout->nodes[i].zone;
        count++;
    }
    uint32_t wanted = layout->zone_redundancy;
    if (wanted == 0)
        wanted = layout->zones_count < layout->replication ? layout->zones_count : layout->replication;
    return count == layout->replication && (uint32_t)__builtin_popcountll(zones) >= wanted;
}

static inline void brute_sets(struct brute *brute)
{
    brute->sets_count = 0;
    for (uint32_t set = 0; set < 1u << brute->nodes_count; set++) {
        if (!brute_is_allowed(brute->layout, set)) continue;
        brute->sets[brute->sets_count] = set;
        brute->set_steps[brute->sets_count] = 0;
        for (uint32_t i = 0; i < brute->nodes_count; i++)
            if ((set >> i & 1) != 0) brute->set_steps[brute->sets_count] += brute->steps[i];
        brute->sets_count++;
    }
}

/* Who held the partition before, as a set of nodes of the next layout. */
static inline uint32_t brute_before(const struct ring_layout *previous, const struct ring_layout *next, uint32_t p)
{
    uint32_t set = 0;
    for (uint32_t i = 0; previous != NULL && i < previous->replication; i++)
        for (uint32_t j = 0; j < next->nodes_count; j++)
            if (memcmp(previous->nodes[previous->holders[p][i]].id, next->nodes[j].id, RING_NODE_ID_BYTES) == 0)
                set |= 1u << j;
    return set;
}

static inline void brute_moves(struct brute *brute, const struct ring_layout *previous)
{
    uint32_t *now = brute->moves[0], *then = brute->moves[1];
    memset(now, 0xff, brute->states_count * sizeof now[0]);
    now[0] = 0;
    for (uint32_t p = 0; p < brute->layout->partitions_count; p++) {
        uint32_t before = brute_before(previous, brute->layout, p);
        memset(then, 0xff, brute->states_count * sizeof then[0]);
        for (uint32_t state = 0; state < brute->states_count; state++) {
            for (uint32_t i = 0; now[state] != BRUTE_NEVER && i < brute->sets_count; i++) {
                uint32_t to = state + brute->set_steps[i];
                uint32_t moves = now[state] + (uint32_t)__builtin_popcount(brute->sets[i] & ~before);
                if (moves < then[to]) then[to] = moves;
            }
        }
        uint32_t *swap = now;
        now = then;
        then = swap;
    }
    if (now != brute->moves[0]) memcpy(brute->moves[0], now, brute->states_count * sizeof now[0]);
}

struct brute_ratio {
    uint64_t load, capacity;
};

static inline int brute_compare(struct brute_ratio a, struct brute_ratio b)
{
    uint64_t left = a.load * b.capacity, right = b.load * a.capacity; /* small numbers only */
    return (left > right) - (left < right);
}

/* load / capacity of every node, from the fullest on; how many have none. */
static inline uint32_t brute_ratios(const struct brute *brute, uint32_t state, struct brute_ratio *ratios)
{
    uint32_t idle = 0;
    for (uint32_t i = 0; i < brute->nodes_count; i++) {
        struct brute_ratio ratio = {brute_load(brute, state, i), brute->layout->nodes[i].capacity};
        uint32_t at = i;
        for (; at > 0 && brute_compare(ratios[at - 1], ratio) < 0; at--)
            ratios[at] = ratios[at - 1];
        ratios[at] = ratio;
        idle += ratio.load == 0;
    }
    return idle;
}

/* The order of ring/balance.h: below 0 when the loads of `a` are better. */
static inline int brute_order(const struct brute *brute, uint32_t a, uint32_t b)
{
    struct brute_ratio of_a[BRUTE_NODES_MAX], of_b[BRUTE_NODES_MAX];
    uint32_t idle_a = brute_ratios(brute, a, of_a), idle_b = brute_ratios(brute, b, of_b);
    int order = brute_compare(of_a[0], of_b[0]);
    if (order == 0) order = (idle_a > idle_b) - (idle_a < idle_b);
    for (uint32_t i = 0; order == 0 && i < brute->nodes_count; i++)
        order = brute_compare(of_a[i], of_b[i]);
    return order;
}

/* Try all. False when there is no assignment. */
static inline bool brute_run(struct brute *brute, const struct ring_layout *previous,
                             const struct ring_layout *next)
{
    brute->layout = next;
    brute->nodes_count = next->nodes_count;
    assert_true(brute->nodes_count <= BRUTE_NODES_MAX && next->partitions_count <= BRUTE_PARTITIONS_MAX);
    brute->states_count = 1;
    for (uint32_t i = 0; i < brute->nodes_count; i++) {
        brute->steps[i] = brute->states_count;
        brute->states_count *= next->partitions_count + 1u;
    }
    brute_sets(brute);
    brute_moves(brute, previous);

    brute->best_state = BRUTE_NEVER;
    brute->best_states_count = 0;
    for (uint32_t state = 0; state < brute->states_count; state++) {
        uint32_t moves = brute->moves[0][state];
        if (moves == BRUTE_NEVER) continue;
        int order = brute->best_state == BRUTE_NEVER ? -1 : brute_order(brute, state, brute->best_state);
        if (order > 0) continue;
        if (order < 0) brute->best_states_count = 0;
        brute->best_states_count++;
        if (order == 0 && moves >= brute->best_moves) continue;
        brute->best_state = state;
        brute->best_moves = moves;
    }
    return brute->best_state != BRUTE_NEVER;
}

/* The state that a layout with holders is in. */
static inline uint32_t brute_state(const struct brute *brute, const struct ring_layout *layout)
{
    uint32_t state = 0;
    for (uint32_t i = 0; i < layout->nodes_count; i++)
        state += brute->steps[i] * ring_layout_load(layout, i);
    return state;
}

/* Bytes of a partition at which the first node is full. */
static inline uint64_t brute_partition_capacity(const struct brute *brute)
{
    struct brute_ratio ratios[BRUTE_NODES_MAX];
    brute_ratios(brute, brute->best_state, ratios);
    return ratios[0].capacity / ratios[0].load;
}

#endif
