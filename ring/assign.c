/* Holders by flow. The network, for partitions p, zones z and nodes v, R copies in at least Z zones:
 *
 *              R           1               1, cost: 0 if v
 *     source ────▶ p ──────────────▶ (p, z) ─────────────▶ v ── fixed ───────────────────────▶ sink
 *                  │                    ▲   holds p now,   │                                    ▲
 *                  │ R - Z              │ R - Z   else 1   └─ 1 ──▶ its remainder ── total ──────┘
 *                  └─────▶ extras of p ─┘
 *
 * The first copy in a zone goes the straight way; further ones are extras, of which a partition has at most R - Z,
 * so its R copies are in at least Z zones. A flow of P * R fills every arc into the sink: the loads are then best
 * (ring/balance.h). The cheapest such flow moves the fewest copies.
 */
#include "ring/assign.h"

#include <assert.h>
#include <string.h>

#include "ring/balance.h"
#include "ring/flow.h"

struct network {
    const struct ring_layout *layout;
    uint32_t zones_wanted, extras; /* of each partition: Z and R - Z */
    uint32_t source, sink;
    uint32_t partitions, zones, extras_of, nodes, remainders; /* first vertex of each kind */
    bool has_zones, has_extras;
    uint32_t seed;
    bool is_crowded[RING_ZONES_MAX];     /* the zone has two nodes or more */
    uint16_t next_index[RING_NODES_MAX]; /* of a node of the version before, or RING_BALANCE_NONE */
    const struct ring_layout *previous;
    struct ring_flow flow;
};

/* The kinds of vertices and how many arcs there will be. One wanted zone is no constraint: partitions then lead to
 * nodes at once. */
static void measure(struct network *network, const struct ring_layout *layout, uint32_t *vertices, uint32_t *arcs)
{
    uint32_t partitions = layout->partitions_count;

    *network = (struct network){.layout = layout, .zones_wanted = ring_layout_zones_wanted(layout)};
    network->extras = layout->replication - network->zones_wanted;
    network->has_zones = network->zones_wanted > 1;
    network->has_extras = network->has_zones && network->extras > 0;
    *vertices = 2 + partitions + 2u * layout->nodes_count;
    *arcs = partitions + partitions * layout->nodes_count + 3u * layout->nodes_count;
    if (network->has_zones) {
        *vertices += partitions * layout->zones_count;
        *arcs += partitions * layout->zones_count;
    }
    if (network->has_extras) {
        *vertices += partitions;
        *arcs += partitions + partitions * layout->zones_count;
    }
}

size_t ring_assign_memory_bytes(const struct ring_layout *next)
{
    struct network network;
    const char *why;
    uint32_t vertices, arcs;

    if (!ring_layout_check_roles(next, &why)) return 0;
    measure(&network, next, &vertices, &arcs);
    return ring_flow_memory_bytes(vertices, arcs);
}

/* A number that the ids of all nodes decide, so that a version with other nodes makes other choices where it has
 * one: what the next node gets is not what the last one got. */
static uint32_t seed_of(const struct ring_layout *layout)
{
    uint32_t seed = 0x811c9dc5u;
    for (uint32_t i = 0; i < layout->nodes_count; i++)
        for (uint32_t j = 0; j < RING_NODE_ID_BYTES; j++)
            seed = (seed ^ layout->nodes[i].id[j]) * 0x01000193u;
    return seed;
}

/* In which order a partition tries nodes or zones: shuffled, and for each partition another way. So the partitions
 * of one node are shared with many others, and when it fails, many do its work. */
static void shuffle(const struct network *network, uint32_t partition, uint32_t count, uint16_t *order)
{
    uint32_t state = network->seed + partition * 0x85ebca6bu;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t mixed = state += 0x9e3779b1u;
        mixed = (mixed ^ mixed >> 16) * 0x7feb352du;
        mixed = (mixed ^ mixed >> 15) * 0x846ca68bu;
        uint32_t at = (mixed ^ mixed >> 16) % (i + 1);
        order[i] = order[at];
        order[at] = (uint16_t)i;
    }
}

/* Each node of the version before in the next one; both are in order of ids. */
static void match_nodes(struct network *network)
{
    const struct ring_layout *previous = network->previous;
    for (uint32_t i = 0; previous != NULL && i < previous->nodes_count; i++) {
        int found = ring_layout_node(network->layout, previous->nodes[i].id);
        network->next_index[i] = found < 0 ? RING_BALANCE_NONE : (uint16_t)found;
    }
}

/* Which nodes of the next version hold the partition before it. Without a version before none does. */
static void find_holders(const struct network *network, uint32_t partition, bool is_holder[RING_NODES_MAX])
{
    const struct ring_layout *previous = network->previous;

    memset(is_holder, 0, RING_NODES_MAX * sizeof is_holder[0]);
    for (uint32_t i = 0; previous != NULL && i < previous->replication; i++) {
        uint16_t node = network->next_index[previous->holders[partition][i]];
        if (node != RING_BALANCE_NONE) is_holder[node] = true;
    }
}

/* Arcs from partitions to nodes come first: that of a partition and its turn-th node is known by its place. */
static uint32_t copy_arc(const struct network *network, uint32_t partition, uint32_t turn)
{
    return 2 * (partition * network->layout->nodes_count + turn);
}

static void add_copies(struct network *network)
{
    const struct ring_layout *layout = network->layout;
    bool is_holder[RING_NODES_MAX];
    uint16_t order[RING_NODES_MAX];

    for (uint32_t p = 0; p < layout->partitions_count; p++) {
        find_holders(network, p, is_holder);
        shuffle(network, p, layout->nodes_count, order);
        for (uint32_t turn = 0; turn < layout->nodes_count; turn++) {
            uint32_t node = order[turn];
            uint32_t zone = layout->nodes[node].zone;
            uint32_t from = network->has_zones ? network->zones + p * layout->zones_count + zone
                                               : network->partitions + p;
            int8_t cost = network->previous != NULL && !is_holder[node];
            uint32_t arc = ring_flow_arc(&network->flow, from, network->nodes + node, 1, cost);
            assert(arc == copy_arc(network, p, turn));
        }
    }
}

/* What a partition may have: so many copies, one in each zone and some extras. */
static void add_partitions(struct network *network)
{
    const struct ring_layout *layout = network->layout;
    struct ring_flow *flow = &network->flow;
    uint16_t order[RING_ZONES_MAX];

    for (uint32_t i = 0; i < layout->partitions_count; i++) {
        uint32_t p = (i * (2 * network->seed + 1) + network->seed) &
                     (layout->partitions_count - 1u); /* each once */
        uint32_t partition = network->partitions + p, extras = network->extras_of + p;
        ring_flow_arc(flow, network->source, partition, layout->replication, 0);
        if (network->has_extras) ring_flow_arc(flow, partition, extras, network->extras, 0);
        shuffle(network, p, layout->zones_count, order);
        for (uint32_t turn = 0; network->has_zones && turn < layout->zones_count; turn++) {
            uint32_t z = order[turn];
            uint32_t zone = network->zones + p * layout->zones_count + z;
            if (network->has_extras && network->is_crowded[z])
                ring_flow_arc(flow, extras, zone, network->extras, 0);
            ring_flow_arc(flow, partition, zone, 1, 0);
        }
    }
}

/* What nodes take. */
static void add_loads(struct network *network, const struct ring_balance *balance)
{
    struct ring_flow *flow = &network->flow;

    for (uint32_t i = 0; i < balance->remainders_count; i++)
        ring_flow_arc(flow, network->remainders + i, network->sink, balance->total[i], 0);
    for (uint32_t i = 0; i < network->layout->nodes_count; i++) {
        uint16_t remainder = balance->remainder_of[i];
        if (remainder != RING_BALANCE_NONE)
            ring_flow_arc(flow, network->nodes + i, network->remainders + remainder, 1, 0);
        ring_flow_arc(flow, network->nodes + i, network->sink, balance->fixed[i], 0);
    }
}

static void build(struct network *network, const struct ring_balance *balance)
{
    const struct ring_layout *layout = network->layout;
    uint32_t partitions = layout->partitions_count;
    uint32_t nodes_in[RING_ZONES_MAX] = {0};

    for (uint32_t i = 0; i < layout->nodes_count; i++)
        network->is_crowded[layout->nodes[i].zone] = ++nodes_in[layout->nodes[i].zone] > 1;
    network->source = ring_flow_vertices(&network->flow, 1);
    network->sink = ring_flow_vertices(&network->flow, 1);
    network->partitions = ring_flow_vertices(&network->flow, partitions);
    network->zones = ring_flow_vertices(&network->flow, network->has_zones ? partitions * layout->zones_count : 0);
    network->extras_of = ring_flow_vertices(&network->flow, network->has_extras ? partitions : 0);
    network->nodes = ring_flow_vertices(&network->flow, layout->nodes_count);
    network->remainders = ring_flow_vertices(&network->flow, balance->remainders_count);
    network->seed = seed_of(layout);
    match_nodes(network);
    add_copies(network);
    add_partitions(network);
    add_loads(network, balance);
}

/* The holders of a partition, ascending; how many of them are new. */
static uint32_t take_holders(const struct network *network, uint32_t partition, uint16_t *holders)
{
    uint32_t nodes_count = network->layout->nodes_count;
    uint32_t count = 0, moved = 0;
    bool was_holder[RING_NODES_MAX], is_holder[RING_NODES_MAX];
    uint16_t order[RING_NODES_MAX];

    find_holders(network, partition, was_holder);
    shuffle(network, partition, nodes_count, order);
    for (uint32_t turn = 0; turn < nodes_count; turn++)
        is_holder[order[turn]] = ring_flow_on(&network->flow, copy_arc(network, partition, turn)) > 0;
    for (uint32_t node = 0; node < nodes_count; node++) {
        if (!is_holder[node]) continue;
        assert(count < network->layout->replication);
        holders[count++] = (uint16_t)node;
        moved += !was_holder[node];
    }
    assert(count == network->layout->replication);
    return moved;
}

/* Can it be done at all? With nodes and zones enough it always can. */
static bool find_fault(const struct ring_layout *previous, const struct ring_layout *next, struct ring_plan *plan)
{
    const char *why;

    *plan = (struct ring_plan){.fault = RING_FINE};
    if (next->nodes_count == 0) {
        plan->fault = RING_NO_NODES;
        plan->fault_want = next->replication;
    } else if (!ring_layout_check_roles(next, &why) ||
               (previous != NULL && previous->partitions_count != next->partitions_count)) {
        plan->fault = RING_BAD_INPUT;
    } else if (next->nodes_count < next->replication) {
        plan->fault = RING_TOO_FEW_NODES;
        plan->fault_have = next->nodes_count;
        plan->fault_want = next->replication;
    } else if (next->zones_count < next->zone_redundancy) {
        plan->fault = RING_TOO_FEW_ZONES;
        plan->fault_have = next->zones_count;
        plan->fault_want = next->zone_redundancy;
    }
    return plan->fault != RING_FINE;
}

bool ring_assign(const struct ring_layout *previous, struct ring_layout *next, void *memory,
                 struct ring_plan *plan)
{
    struct network network;
    struct ring_balance balance;
    uint32_t vertices, arcs;
    const char *why;

    assert(previous == NULL || ring_layout_check(previous, &why));
    if (find_fault(previous, next, plan)) return false;

    uint32_t copies = (uint32_t)next->partitions_count * next->replication;
    ring_balance(next, &balance);
    measure(&network, next, &vertices, &arcs);
    network.previous = previous;
    ring_flow_init(&network.flow, vertices, arcs, memory);
    build(&network, &balance);
    uint32_t sent = ring_flow_run(&network.flow, network.source, network.sink, copies);
    assert(sent == copies);

    plan->partition_capacity = balance.partition_capacity;
    memset(next->holders, 0, sizeof next->holders);
    for (uint32_t p = 0; p < next->partitions_count; p++)
        plan->moved_count += take_holders(&network, p, next->holders[p]);
    plan->moves_min = previous == NULL ? copies : (uint32_t)ring_flow_cost_bound(&network.flow, copies);
    assert(plan->moved_count == plan->moves_min);
    return true;
}
