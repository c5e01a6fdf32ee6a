/* A flow network with costs: the largest flow from a source to a sink, and of all these a cheapest one.
 *
 * Costs are small whole numbers, none below 0 when the network is built. The method is primal-dual (Ford and
 * Fulkerson): every vertex has a price; flow goes only along arcs whose cost the prices just pay, as much as fits
 * (Dinic's blocking flows); when no more fits, the prices of all that cannot be reached rise. At the end no arc
 * with room is cheaper than the prices say, which proves that nothing is cheaper: ring_flow_cost_bound() adds that
 * proof up.
 *
 * Memory of the caller, no recursion. The same arcs in the same order give the same flow on every machine. Pure.
 */
#ifndef RING_FLOW_H
#define RING_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_flow {
    uint32_t vertices_max, vertices_count;
    uint32_t arcs_max, arcs_count; /* an arc and its way back lie beside each other: i and i ^ 1 */

    /* of each arc */
    uint32_t *to;
    uint32_t *next; /* the next arc of the same vertex */
    uint32_t *room; /* how much more may flow */
    int8_t *cost;

    /* of each vertex */
    uint32_t *first;   /* its first arc */
    uint32_t *current; /* the arc to try next in a blocking flow */
    uint32_t *level;   /* steps from the source along paid arcs */
    uint32_t *queue;   /* of the search; then the way of one path */
    int32_t *price;    /* the cheapest way from the source, as far as is known */

    uint32_t source, sink;
};

/* How many bytes ring_flow_init() wants. */
size_t ring_flow_memory_bytes(uint32_t vertices_max, uint32_t arcs_max);

/* A network without vertices. `memory` is aligned for any type and belongs to it as long as it is used. `arcs_max`
 * counts each call of ring_flow_arc() once. */
void ring_flow_init(struct ring_flow *flow, uint32_t vertices_max, uint32_t arcs_max, void *memory);

/* `count` new vertices; the first one's number, the others follow. The caller keeps to vertices_max. */
uint32_t ring_flow_vertices(struct ring_flow *flow, uint32_t count);

/* An arc of the given room, 0 … 2^31 - 1, and cost, 0 … 127. Its number, for ring_flow_on(). A vertex's arcs are
 * tried from the last one made to the first. */
uint32_t ring_flow_arc(struct ring_flow *flow, uint32_t from, uint32_t to, uint32_t room, int8_t cost);

/* Send what can be sent, as cheaply as that can be done: how much it is. Once for a network. `most` is what the
 * caller knows that no flow is larger than (UINT32_MAX: nothing); it only saves the last look for more. */
uint32_t ring_flow_run(struct ring_flow *flow, uint32_t source, uint32_t sink, uint32_t most);

/* How much flows along an arc. */
uint32_t ring_flow_on(const struct ring_flow *flow, uint32_t arc);

/* What the flow costs, and what any flow as large as `amount` costs at least, from the prices alone: equal, or
 * something is wrong. After ring_flow_run(), which gave `amount`. */
uint64_t ring_flow_cost(const struct ring_flow *flow);
uint64_t ring_flow_cost_bound(const struct ring_flow *flow, uint32_t amount);

#endif
