/* The figures of the ring, of 3 to 100 nodes: how full the fullest node is against the mean and against the best
 * there is, and how many copies a change moves against the fewest there are.
 *
 *     build/tests/test_ring_figures
 *
 * Neither the best nor the fewest come from the code that is measured: the best partition size is searched for in
 * whole bytes with sums over zones, and that no circle of swaps saves a move is asked of the holders
 * (ring_proof.h). Beside it stands what nobody can go below who looks at loads alone: the sum of what nodes have
 * more than before. TESTS_LONG=1: every number of nodes.
 */
#include "tests/lib/ring_proof.h"

#define GB UINT64_C(1000000000)

enum { COPIES = 3, ZONES = 5 };

struct figure {
    uint32_t moved, grown;
};

/* How many copies find a place when partitions have `bytes`. */
static uint64_t places(const struct ring_layout *layout, uint64_t bytes)
{
    uint64_t in_zone[RING_ZONES_MAX] = {0}, firsts = 0, extras = 0, partitions = layout->partitions_count;
    uint64_t most_extras = partitions * (layout->replication - ring_layout_zones_wanted(layout));
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        uint64_t takes = layout->nodes[i].capacity / bytes;
        in_zone[layout->nodes[i].zone] += takes < partitions ? takes : partitions;
    }
    for (uint32_t i = 0; i < layout->zones_count; i++) {
        firsts += in_zone[i] < partitions ? in_zone[i] : partitions;
        extras += in_zone[i] < partitions ? 0 : in_zone[i] - partitions;
    }
    return firsts + (extras < most_extras ? extras : most_extras);
}

/* The largest partition there is room for: the integer optimum. */
static uint64_t best_partition_bytes(const struct ring_layout *layout)
{
    uint64_t low = 1, high = RING_CAPACITY_MAX;
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        if (places(layout, middle) >= (uint64_t)layout->partitions_count * layout->replication)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Copies that loads alone say must move. */
static uint32_t grown(const struct ring_layout *previous, const struct ring_layout *next)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < next->nodes_count; i++) {
        int before = ring_layout_node(previous, next->nodes[i].id);
        uint32_t had = before < 0 ? 0 : ring_layout_load(previous, (uint32_t)before);
        uint32_t has = ring_layout_load(next, i);
        if (has > had) sum += has - had;
    }
    return sum;
}

/* Assign, hold it to the best and the fewest. `moved` against them is then exactly 1. */
static struct figure assign(const struct ring_layout *previous, struct ring_layout *next, double *fullest,
                            double *against_best)
{
    static struct proof proof;
    struct ring_plan plan = rig_assign(previous, next);
    assert_int_equal(plan.fault, RING_FINE);
    uint64_t best = best_partition_bytes(next), capacity = 0;
    for (uint32_t i = 0; i < next->nodes_count; i++)
        capacity += next->nodes[i].capacity;
    double mean = (double)next->partitions_count * next->replication / (double)capacity;
    *fullest = 1 / (double)plan.partition_capacity / mean;
    *against_best = (double)best / (double)plan.partition_capacity;
    assert_int_equal(plan.partition_capacity, best);
    assert_true(*against_best <= 1.01);
    const char *words = proof_run(&proof, previous, next);
    if (words != NULL) fail_msg("%u nodes: %s", next->nodes_count, words);
    assert_true(plan.moved_count * 100 <= plan.moves_min * 105);
    return (struct figure){plan.moved_count, previous == NULL ? 0 : grown(previous, next)};
}

static void print(struct figure figure)
{
    printf(" | %5u %5u", figure.moved, figure.grown);
}

/* One row: a first version, and four changes of it. */
static void row(uint32_t count, struct random *random)
{
    static struct ring_layout first, next;
    double fullest, against_best;

    rig_init(&first, RING_PARTITIONS, COPIES, 0);
    rig_zones(&first, count < ZONES ? count : ZONES);
    for (uint32_t i = 0; i < count; i++)
        rig_add(&first, 10 * i, i % first.zones_count, (2 + random_below(random, 7)) * 500 * GB);
    assign(NULL, &first, &fullest, &against_best);
    printf("| %5u | %5u | %9.4f | %6.4f", count, first.zones_count, fullest, against_best);

    rig_next(&first, &next);
    print(assign(&first, &next, &fullest, &against_best));
    rig_next(&first, &next);
    rig_add(&next, 10000, 0, 2000 * GB);
    print(assign(&first, &next, &fullest, &against_best));
    rig_next(&first, &next);
    if (count > ZONES) {
        rig_remove(&next, count - 1);
        print(assign(&first, &next, &fullest, &against_best));
    } else {
        printf(" |           "); /* a zone would have no node */
    }
    rig_next(&first, &next);
    next.nodes[0].capacity *= 2;
    print(assign(&first, &next, &fullest, &against_best));
    printf(" |\n");
}

static void of_3_to_100_nodes(void **state)
{
    (void)state;
    static const uint32_t counts[] = {3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 64, 80, 100};
    struct random random = random_begin(__func__);
    printf("%u partitions, %u copies in %u zones, capacities 1 to 4 TB. Moves: copies moved (which is the fewest "
           "there "
           "are),\nand how many of them loads alone explain.\n\n",
           RING_PARTITIONS, COPIES, COPIES);
    printf("| nodes | zones | max/mean  | /best  | no change   | + a node    | - a node    | one doubled |\n");
    printf("| ----: | ----: | --------: | -----: | ----------: | ----------: | ----------: | ----------: |\n");
    if (getenv("TESTS_LONG") != NULL)
        for (uint32_t count = 3; count <= 100; count++)
            row(count, &random);
    else
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            row(counts[i], &random);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(of_3_to_100_nodes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
