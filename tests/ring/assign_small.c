/* ring_assign() against all there is: every small layout, and for each the best of all its assignments.
 *
 * Nodes 1 … 4 in every division into zones (of which ring_assign takes up to 4), capacities 1 … 3, 1, 2 and 4
 * partitions, 1 … 3 copies in 1 … 3 zones or as many as there can be; without a version before, and with some:
 * the best one of a neighbouring layout, and any that the constraints allow. Then 5 nodes and 8 partitions at
 * random. TESTS_LONG=1: more versions before, more random layouts.
 */
#include "tests/lib/ring_brute.h"

struct place {
    struct brute brute;
    struct random random;
    uint64_t tried, refused, moved, ties;
};

static bool is_long(void)
{
    return getenv("TESTS_LONG") != NULL;
}

static void fail_with(const struct ring_layout *previous, const struct ring_layout *next, const char *what)
{
    if (previous != NULL) rig_print("before", previous);
    rig_print("assigned", next);
    fail_msg("%s", what);
}

/* One question to both. */
static void check(struct place *place, const struct ring_layout *previous, struct ring_layout *next)
{
    struct brute *brute = &place->brute;
    struct ring_plan plan = rig_assign(previous, next);
    place->tried++;
    if (!brute_run(brute, previous, next)) {
        if (plan.fault == RING_FINE) fail_with(previous, next, "assigned what cannot be");
        place->refused++;
        return;
    }
    if (plan.fault != RING_FINE) fail_with(previous, next, "refused what can be");
    if (brute_order(brute, brute_state(brute, next), brute->best_state) != 0)
        fail_with(previous, next, "there are better loads");
    if (plan.partition_capacity != brute_partition_capacity(brute)) fail_with(previous, next, "s is another");
    if (plan.moved_count != brute->best_moves) fail_with(previous, next, "fewer moves are enough");
    if (plan.moved_count != rig_moved(previous, next)) fail_with(previous, next, "the moves are miscounted");
    place->moved += plan.moved_count;
    place->ties += brute->best_states_count > 1;
}

/* The version before is the best one of a layout like the next, but for one difference. */
static void neighbour(struct random *random, const struct ring_layout *next, struct ring_layout *previous)
{
    *previous = *next;
    switch (random_below(random, 4)) {
    case 0:
        previous->nodes[random_below(random, previous->nodes_count)].capacity = 1 + random_below(random, 3);
        break;
    case 1: previous->replication = (uint8_t)(1 + random_below(random, previous->nodes_count)); break;
    case 2: previous->nodes[random_below(random, previous->nodes_count)].id[31] = 1; break; /* another node */
    default: break;
    }
    previous->zone_redundancy = 0;
    if (rig_assign(NULL, previous).fault != RING_FINE) {
        *previous = *next;
        rig_assign(NULL, previous);
    }
}

static void try_layout(struct place *place, struct ring_layout *next)
{
    struct ring_layout previous;

    check(place, NULL, next);
    if (place->brute.best_state == BRUTE_NEVER) return;
    for (uint32_t i = 0; i < (is_long() ? 8 : 1); i++) {
        neighbour(&place->random, next, &previous);
        check(place, &previous, next);
        rig_scatter(&previous, &place->random);
        check(place, &previous, next);
    }
}

/* Every division of the nodes into zones: a node is in a zone that a node before it is in, or in the next new one.
 */
static bool next_division(uint32_t *zones, uint32_t count)
{
    for (uint32_t i = count; i-- > 1;) {
        uint32_t highest = 0;
        for (uint32_t j = 0; j < i; j++)
            if (zones[j] > highest) highest = zones[j];
        if (zones[i] <= highest) {
            zones[i]++;
            for (uint32_t j = i + 1; j < count; j++)
                zones[j] = 0;
            return true;
        }
    }
    return false;
}

static void try_division(struct place *place, uint32_t count, const uint32_t *zones, uint32_t partitions)
{
    struct ring_layout layout;
    uint32_t zones_count = 0, capacities = 1;

    for (uint32_t i = 0; i < count; i++) {
        if (zones[i] >= zones_count) zones_count = zones[i] + 1;
        capacities *= 3;
    }
    for (uint32_t replication = 1; replication <= 3; replication++) {
        for (uint32_t redundancy = 0; redundancy <= replication; redundancy++) {
            for (uint32_t which = 0; which < capacities; which++) {
                rig_init(&layout, partitions, replication, redundancy);
                rig_zones(&layout, zones_count);
                for (uint32_t i = 0, rest = which; i < count; i++, rest /= 3)
                    rig_add(&layout, 10 * i, zones[i], 1 + rest % 3);
                try_layout(place, &layout);
            }
        }
    }
}

static void every_small_layout_is_assigned_as_well_as_can_be(void **state)
{
    (void)state;
    static struct place place;
    place = (struct place){.random = random_begin(__func__)};
    for (uint32_t count = 1; count <= 4; count++) {
        uint32_t zones[4] = {0};
        do {
            for (uint32_t partitions = 1; partitions <= 4; partitions *= 2)
                try_division(&place, count, zones, partitions);
        } while (next_division(zones, count));
    }
    printf("%" PRIu64 " assignments, %" PRIu64 " impossible, %" PRIu64 " copies moved, %" PRIu64
           " with equal loads\n",
           place.tried, place.refused, place.moved, place.ties);
    assert_true(place.tried > 50000 && place.refused > 1000 && place.moved > 10000 && place.ties > 10000);
}

static void larger_ones_at_random_are_too(void **state)
{
    (void)state;
    static struct place place;
    place = (struct place){.random = random_begin(__func__)};
    struct random *random = &place.random;
    uint32_t rounds = is_long() ? 3000 : 60;

    for (uint32_t round = 0; round < rounds; round++) {
        struct ring_layout layout;
        uint32_t zones = 1 + random_below(random, 5);
        uint32_t widest = 1 + random_below(random, 30);
        rig_init(&layout, 8, 1 + random_below(random, 5), 0);
        layout.zone_redundancy = (uint8_t)random_below(random, layout.replication + 1u);
        rig_zones(&layout, zones);
        for (uint32_t i = 0; i < 5; i++)
            rig_add(&layout, 10 * i, i < zones ? i : random_below(random, zones),
                    1 + random_below(random, widest));
        try_layout(&place, &layout);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_layout_is_assigned_as_well_as_can_be),
        cmocka_unit_test(larger_ones_at_random_are_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
