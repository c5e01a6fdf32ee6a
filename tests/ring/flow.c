/* The flow network: small ones against every flow there is, then by example. */
#include "ring/flow.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { VERTICES = 5, ARCS = 7, ROOM_MAX = 2 };

struct given {
    uint32_t from[ARCS], to[ARCS], room[ARCS];
    int8_t cost[ARCS];
    uint32_t count;
};

static void *make(struct ring_flow *flow, uint32_t vertices, uint32_t arcs)
{
    void *memory = malloc(ring_flow_memory_bytes(vertices, arcs));
    assert_non_null(memory);
    ring_flow_init(flow, vertices, arcs, memory);
    assert_int_equal(ring_flow_vertices(flow, vertices), 0);
    return memory;
}

/* Does each vertex between source (0) and sink (1) give on what it gets? How much leaves the source. */
static bool is_flow(const struct given *given, const uint32_t *amounts, int64_t *sent)
{
    int64_t sums[VERTICES] = {0};
    for (uint32_t i = 0; i < given->count; i++) {
        sums[given->from[i]] += amounts[i];
        sums[given->to[i]] -= amounts[i];
    }
    *sent = sums[0];
    for (uint32_t i = 2; i < VERTICES; i++)
        if (sums[i] != 0) return false;
    return true;
}

static uint64_t cost_of(const struct given *given, const uint32_t *amounts)
{
    uint64_t cost = 0;
    for (uint32_t i = 0; i < given->count; i++)
        cost += (uint64_t)amounts[i] * (uint64_t)given->cost[i];
    return cost;
}

/* The largest of all flows, and of these the cheapest. */
static void try_all(const struct given *given, int64_t *most, uint64_t *least_cost)
{
    uint32_t amounts[ARCS] = {0};
    *most = -1;
    *least_cost = 0;
    for (;;) {
        int64_t sent;
        if (is_flow(given, amounts, &sent) && sent >= *most) {
            uint64_t cost = cost_of(given, amounts);
            if (sent > *most || cost < *least_cost) *least_cost = cost;
            *most = sent;
        }
        uint32_t i = 0;
        while (i < given->count && amounts[i] == given->room[i])
            amounts[i++] = 0;
        if (i == given->count) return;
        amounts[i]++;
    }
}

static void check(const struct given *given)
{
    struct ring_flow flow;
    uint32_t arcs[ARCS], amounts[ARCS];
    int64_t most, sent;
    uint64_t least_cost;

    void *memory = make(&flow, VERTICES, given->count);
    for (uint32_t i = 0; i < given->count; i++)
        arcs[i] = ring_flow_arc(&flow, given->from[i], given->to[i], given->room[i], given->cost[i]);
    uint32_t amount = ring_flow_run(&flow, 0, 1, UINT32_MAX);
    for (uint32_t i = 0; i < given->count; i++) {
        amounts[i] = ring_flow_on(&flow, arcs[i]);
        assert_in_range(amounts[i], 0, given->room[i]);
    }
    try_all(given, &most, &least_cost);
    assert_true(is_flow(given, amounts, &sent));
    assert_int_equal(sent, most);
    assert_int_equal(amount, most);
    assert_int_equal(cost_of(given, amounts), least_cost);
    assert_int_equal(ring_flow_cost(&flow), least_cost);
    assert_int_equal(ring_flow_cost_bound(&flow, amount), least_cost);
    free(memory);
}

static void small_networks_carry_the_cheapest_of_the_largest_flows(void **state)
{
    (void)state;
    struct random random = random_begin(__func__);
    uint32_t rounds = getenv("TESTS_LONG") != NULL ? 40000 : 2000;
    for (uint32_t round = 0; round < rounds; round++) {
        struct given given = {.count = 1 + random_below(&random, ARCS)};
        for (uint32_t i = 0; i < given.count; i++) {
            given.from[i] = random_below(&random, VERTICES);
            given.to[i] = (given.from[i] + 1 + random_below(&random, VERTICES - 1)) % VERTICES;
            given.room[i] = random_below(&random, ROOM_MAX + 1);
            given.cost[i] = (int8_t)random_below(&random, 4);
        }
        check(&given);
    }
}

/* The cheap way comes first and is taken back in part: 0 -> 2 -> 3 -> 1 costs nothing, but blocks the way of two.
 */
static void a_way_is_taken_back_when_that_is_more(void **state)
{
    (void)state;
    check(&(struct given){.count = 5,
                          .from = {0, 2, 3, 0, 2},
                          .to = {2, 3, 1, 3, 1},
                          .room = {1, 1, 1, 1, 1},
                          .cost = {0, 0, 0, 2, 3}});
}

/* More than the caller says there can be is not looked for; all there is was found before. */
static void it_stops_at_what_the_caller_knows_to_be_most(void **state)
{
    (void)state;
    struct ring_flow flow;
    void *memory = make(&flow, 3, 2);
    ring_flow_arc(&flow, 0, 2, 5, 1);
    uint32_t arc = ring_flow_arc(&flow, 2, 1, 4, 0);
    assert_int_equal(ring_flow_run(&flow, 0, 1, 4), 4);
    assert_int_equal(ring_flow_on(&flow, arc), 4);
    assert_int_equal(ring_flow_cost(&flow), 4);
    assert_int_equal(ring_flow_cost_bound(&flow, 4), 4);
    free(memory);
}

/* A path through as many vertices as there are: no stack is needed for it. */
static void a_long_path_is_walked(void **state)
{
    (void)state;
    enum { LENGTH = 200000 };
    struct ring_flow flow;
    void *memory = make(&flow, LENGTH, LENGTH);
    for (uint32_t i = 0; i + 1 < LENGTH; i++)
        ring_flow_arc(&flow, i == 0 ? 0 : i + 1, i + 2 == LENGTH ? 1 : i + 2, 3, (int8_t)(i == 7));
    assert_int_equal(ring_flow_run(&flow, 0, 1, UINT32_MAX), 3);
    assert_int_equal(ring_flow_cost(&flow), 3);
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_networks_carry_the_cheapest_of_the_largest_flows),
        cmocka_unit_test(a_way_is_taken_back_when_that_is_more),
        cmocka_unit_test(it_stops_at_what_the_caller_knows_to_be_most),
        cmocka_unit_test(a_long_path_is_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
