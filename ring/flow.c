/* The cheapest of the largest flows, by prices and blocking flows. */
#include "ring/flow.h"

#include <assert.h>

#define NONE UINT32_MAX

size_t ring_flow_memory_bytes(uint32_t vertices_max, uint32_t arcs_max)
{
    size_t of_vertex = 4 * sizeof(uint32_t) + sizeof(int32_t);
    size_t of_arc = 3 * sizeof(uint32_t) + sizeof(int8_t);
    return vertices_max * of_vertex + 2 * (size_t)arcs_max * of_arc;
}

void ring_flow_init(struct ring_flow *flow, uint32_t vertices_max, uint32_t arcs_max, void *memory)
{
    uint32_t *words = memory;

    *flow = (struct ring_flow){.vertices_max = vertices_max, .arcs_max = 2 * arcs_max};
    flow->to = words;
    flow->next = flow->to + flow->arcs_max;
    flow->room = flow->next + flow->arcs_max;
    flow->first = flow->room + flow->arcs_max;
    flow->current = flow->first + vertices_max;
    flow->level = flow->current + vertices_max;
    flow->queue = flow->level + vertices_max;
    flow->price = (int32_t *)(flow->queue + vertices_max);
    flow->cost = (int8_t *)(flow->price + vertices_max);
}

uint32_t ring_flow_vertices(struct ring_flow *flow, uint32_t count)
{
    assert(count <= flow->vertices_max - flow->vertices_count);

    uint32_t vertex = flow->vertices_count;
    flow->vertices_count += count;
    for (uint32_t i = vertex; i < flow->vertices_count; i++) {
        flow->first[i] = NONE;
        flow->price[i] = 0;
    }
    return vertex;
}

/* One half of an arc. */
static void half(struct ring_flow *flow, uint32_t from, uint32_t to, uint32_t room, int8_t cost)
{
    uint32_t arc = flow->arcs_count++;
    flow->to[arc] = to;
    flow->room[arc] = room;
    flow->cost[arc] = cost;
    flow->next[arc] = flow->first[from];
    flow->first[from] = arc;
}

uint32_t ring_flow_arc(struct ring_flow *flow, uint32_t from, uint32_t to, uint32_t room, int8_t cost)
{
    assert(from < flow->vertices_count && to < flow->vertices_count);
    assert(flow->arcs_count < flow->arcs_max);
    assert(room <= INT32_MAX && cost >= 0);

    half(flow, from, to, room, cost);
    half(flow, to, from, 0, (int8_t)-cost);
    return flow->arcs_count - 2;
}

uint32_t ring_flow_on(const struct ring_flow *flow, uint32_t arc)
{
    assert(arc < flow->arcs_count && arc % 2 == 0);
    return flow->room[arc ^ 1];
}

/* What an arc costs beyond what the prices pay. Never below 0 where there is room: that is the invariant. */
static int32_t unpaid(const struct ring_flow *flow, uint32_t arc)
{
    return flow->cost[arc] + flow->price[flow->to[arc ^ 1]] - flow->price[flow->to[arc]];
}

/* Number the vertices by their steps from the source along paid arcs with room. Is the sink among them? */
static bool find_levels(struct ring_flow *flow)
{
    uint32_t read = 0, written = 0;

    for (uint32_t i = 0; i < flow->vertices_count; i++)
        flow->level[i] = NONE;
    flow->level[flow->source] = 0;
    flow->queue[written++] = flow->source;
    while (read < written) {
        uint32_t vertex = flow->queue[read++];
        for (uint32_t arc = flow->first[vertex]; arc != NONE; arc = flow->next[arc]) {
            uint32_t to = flow->to[arc];
            if (flow->room[arc] == 0 || flow->level[to] != NONE || unpaid(flow, arc) != 0) continue;
            flow->level[to] = flow->level[vertex] + 1;
            if (to == flow->sink) return true;
            flow->queue[written++] = to;
        }
    }
    return false;
}

/* Let as much flow along a path as fits; at which of its vertices the first arc without room begins. */
static uint32_t fill_path(struct ring_flow *flow, const uint32_t *path, uint32_t length, uint32_t *sent)
{
    uint32_t amount = flow->room[path[0]];
    for (uint32_t i = 1; i < length; i++)
        if (flow->room[path[i]] < amount) amount = flow->room[path[i]];

    uint32_t full = length;
    for (uint32_t i = length; i-- > 0;) {
        flow->room[path[i]] -= amount;
        flow->room[path[i] ^ 1] += amount;
        if (flow->room[path[i]] == 0) full = i;
    }
    *sent += amount;
    return full;
}

/* The next arc of a vertex that leads one level on, NONE when all are tried. */
static uint32_t next_step(struct ring_flow *flow, uint32_t vertex)
{
    uint32_t arc = flow->current[vertex];
    for (; arc != NONE; arc = flow->next[arc]) {
        uint32_t to = flow->to[arc];
        if (flow->room[arc] > 0 && flow->level[to] == flow->level[vertex] + 1 && unpaid(flow, arc) == 0) break;
    }
    flow->current[vertex] = arc;
    return arc;
}

/* Fill paths of the levels until each has an arc without room. A walk forward and back, each arc once. */
static uint32_t block_flow(struct ring_flow *flow)
{
    uint32_t *path = flow->queue; /* the search is over; a path visits a vertex once, so it fits */
    uint32_t length = 0, sent = 0;

    for (uint32_t i = 0; i < flow->vertices_count; i++)
        flow->current[i] = flow->first[i];
    for (;;) {
        uint32_t vertex = length == 0 ? flow->source : flow->to[path[length - 1]];
        if (vertex == flow->sink) {
            length = fill_path(flow, path, length, &sent);
            continue;
        }
        uint32_t arc = next_step(flow, vertex);
        if (arc != NONE) {
            path[length++] = arc;
        } else if (length > 0) {
            flow->level[vertex] = NONE; /* nobody goes there again */
            length--;
        } else {
            return sent;
        }
    }
}

/* Nothing paid leads on: raise the prices of all that was not reached by the least that pays a further arc. False
 * when no arc with room leads out of what was reached, at any price. */
static bool raise_prices(struct ring_flow *flow)
{
    int32_t least = INT32_MAX;
    for (uint32_t arc = 0; arc < flow->arcs_count; arc++) {
        if (flow->room[arc] == 0 || flow->level[flow->to[arc]] != NONE) continue;
        if (flow->level[flow->to[arc ^ 1]] == NONE) continue;
        int32_t missing = unpaid(flow, arc);
        if (missing < least) least = missing;
    }
    if (least == INT32_MAX) return false;
    for (uint32_t i = 0; i < flow->vertices_count; i++)
        if (flow->level[i] == NONE) flow->price[i] += least;
    return true;
}

uint32_t ring_flow_run(struct ring_flow *flow, uint32_t source, uint32_t sink, uint32_t most)
{
    assert(source < flow->vertices_count && sink < flow->vertices_count && source != sink);

    uint32_t sent = 0;
    flow->source = source;
    flow->sink = sink;
    do {
        while (find_levels(flow))
            sent += block_flow(flow);
    } while (sent < most && raise_prices(flow));
    return sent;
}

uint64_t ring_flow_cost(const struct ring_flow *flow)
{
    uint64_t cost = 0;
    for (uint32_t arc = 0; arc < flow->arcs_count; arc += 2)
        cost += (uint64_t)flow->room[arc ^ 1] * (uint64_t)flow->cost[arc];
    return cost;
}

/* Linear programming's duality: for any prices, `amount` times the sink's price above the source's, less what
 * underpaid arcs could save at most, is at most the cost of any flow of that amount. */
uint64_t ring_flow_cost_bound(const struct ring_flow *flow, uint32_t amount)
{
    int64_t bound = (int64_t)amount * (flow->price[flow->sink] - flow->price[flow->source]);
    for (uint32_t arc = 0; arc < flow->arcs_count; arc += 2) {
        int64_t room = (int64_t)flow->room[arc] + flow->room[arc ^ 1];
        int32_t missing = unpaid(flow, arc);
        if (missing < 0) bound += room * missing;
    }
    assert(bound >= 0);
    return (uint64_t)bound;
}
