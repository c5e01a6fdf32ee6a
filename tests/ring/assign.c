/* ring_assign() by example and at random: what other stores get wrong, what a change may cost, every refusal.
 * assign_small.c compares with all assignments there are; here ring_proof.h looks at large ones. */
#include "tests/lib/ring_proof.h"

#define GB UINT64_C(1000000000)

static void check_proof(const struct ring_layout *previous, const struct ring_layout *next)
{
    static struct proof proof;
    const char *words = proof_run(&proof, previous, next);
    if (words == NULL) return;
    if (previous != NULL) rig_print("before", previous);
    rig_print("assigned", next);
    fail_msg("%s", words);
}

static struct ring_plan assign_proved(const struct ring_layout *previous, struct ring_layout *next)
{
    struct ring_plan plan = rig_assign(previous, next);
    assert_int_equal(plan.fault, RING_FINE);
    assert_int_equal(plan.moved_count, rig_moved(previous, next));
    check_proof(previous, next);
    return plan;
}

/* `count` nodes of 100 GB, in turn in `zones` zones. */
static void even(struct ring_layout *layout, uint32_t partitions, uint32_t replication, uint32_t count,
                 uint32_t zones)
{
    rig_init(layout, partitions, replication, 0);
    rig_zones(layout, zones);
    for (uint32_t i = 0; i < count; i++)
        rig_add(layout, 10 * i, i % zones, 100 * GB);
}

static void loads_are(const struct ring_layout *layout, const uint32_t *loads)
{
    for (uint32_t i = 0; i < layout->nodes_count; i++)
        assert_int_equal(ring_layout_load(layout, i), loads[i]);
}

/* --- what others get wrong ---------------------------------------------------------------------------------- */

/* Three zones with a node each hold everything; a fourth node comes into one of them. No zone can take more, no
 * size of a partition grows, and all the same the new node takes half of its zone's load. */
static void a_fourth_node_in_a_full_zone_gets_half_of_it(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 3, 3);
    assert_int_equal(assign_proved(NULL, &before).partition_capacity, 100 * GB / 256);
    rig_next(&before, &next);
    rig_add(&next, 100, 0, 100 * GB);
    struct ring_plan plan = assign_proved(&before, &next);
    loads_are(&next, (const uint32_t[]){128, 256, 256, 128});
    assert_int_equal(plan.partition_capacity, 100 * GB / 256);
    assert_int_equal(plan.moved_count, 128);
}

/* However small, if it can hold one partition of the size that all of them may have. */
static void a_small_node_in_a_full_zone_is_not_left_idle(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 3, 3);
    assign_proved(NULL, &before);
    rig_next(&before, &next);
    next.nodes[0].capacity = 1000 * GB; /* one partition would make the new node fuller than this one */
    rig_add(&next, 100, 0, 100 * GB / 256 + 1);
    assert_int_equal(assign_proved(&before, &next).moved_count, 1);
    loads_are(&next, (const uint32_t[]){255, 256, 256, 1});

    next.nodes[3].capacity = 100 * GB / 256 - 1; /* too small for one */
    assert_int_equal(assign_proved(&before, &next).moved_count, 0);
    loads_are(&next, (const uint32_t[]){256, 256, 256, 0});
}

/* More small nodes than partitions for them: the larger ones are those that get some. */
static void of_idle_nodes_there_are_as_few_as_can_be(void **state)
{
    (void)state;
    static struct ring_layout layout;
    rig_init(&layout, 4, 1, 0);
    rig_zones(&layout, 1);
    for (uint32_t i = 0; i < 6; i++)
        rig_add(&layout, i, 0, i < 2 ? 10 : 1000);
    assign_proved(NULL, &layout);
    loads_are(&layout, (const uint32_t[]){0, 0, 1, 1, 1, 1});
}

/* --- what a change may cost --------------------------------------------------------------------------------- */

static void the_same_roles_again_move_nothing(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    for (uint32_t count = 3; count < 30; count++) {
        even(&before, 64, 3, count, 1 + count % 3);
        before.nodes[count / 2].capacity += 33 * GB;
        assign_proved(NULL, &before);
        rig_next(&before, &next);
        assert_int_equal(assign_proved(&before, &next).moved_count, 0);
        assert_memory_equal(before.holders, next.holders, sizeof next.holders);
    }
}

static void all_capacities_doubled_move_nothing(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 11, 4);
    before.nodes[3].capacity = 37 * GB;
    uint64_t size = assign_proved(NULL, &before).partition_capacity;
    rig_next(&before, &next);
    for (uint32_t i = 0; i < next.nodes_count; i++)
        next.nodes[i].capacity *= 2;
    struct ring_plan plan = assign_proved(&before, &next);
    assert_int_equal(plan.moved_count, 0);
    assert_in_range(plan.partition_capacity, 2 * size, 2 * size + 1);
}

static void a_new_node_gets_its_share_and_nothing_else_moves(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 5, 1);
    assign_proved(NULL, &before);
    rig_next(&before, &next);
    rig_add(&next, 100, 0, 100 * GB);
    struct ring_plan plan = assign_proved(&before, &next);
    assert_int_equal(ring_layout_load(&next, 5), 128);
    assert_int_equal(plan.moved_count, 128);
}

static void a_node_that_leaves_moves_what_it_had(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 6, 3);
    assign_proved(NULL, &before);
    uint32_t had = ring_layout_load(&before, 2);
    rig_next(&before, &next);
    rig_remove(&next, 2);
    assert_int_equal(assign_proved(&before, &next).moved_count, had);
}

/* A new machine with a new id in an old one's place. */
static void a_replaced_node_moves_what_it_had(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 7, 3);
    assign_proved(NULL, &before);
    uint32_t had = ring_layout_load(&before, 4);
    rig_next(&before, &next);
    next.nodes[4].id[31] ^= 1;
    assert_int_equal(assign_proved(&before, &next).moved_count, had);
}

static void a_copy_less_moves_nothing_and_a_copy_more_only_itself(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 256, 3, 8, 4);
    assign_proved(NULL, &before);
    rig_next(&before, &next);
    next.replication = 2;
    assert_int_equal(assign_proved(&before, &next).moved_count, 0);
    next.replication = 4;
    assert_int_equal(assign_proved(&before, &next).moved_count, 256);
}

/* Who has the one more of an uneven division is whoever had it. */
static void a_remainder_stays_where_it_was(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 64, 1, 3, 1);
    assign_proved(NULL, &before);
    for (uint32_t p = 0; p < 64; p++)
        before.holders[p][0] = (uint16_t)(2 - p % 3); /* the third node has 22 */
    rig_next(&before, &next);
    assert_int_equal(assign_proved(&before, &next).moved_count, 0);
    loads_are(&next, (const uint32_t[]){21, 21, 22});
}

/* --- constraints -------------------------------------------------------------------------------------------- */

/* One zone has nearly all of the capacity; it gets what the wanted zones leave it, and no more. */
static void zones_wanted_are_had_whatever_the_capacities(void **state)
{
    (void)state;
    static struct ring_layout layout;
    for (uint32_t wanted = 1; wanted <= 4; wanted++) {
        rig_init(&layout, 64, 4, wanted);
        rig_zones(&layout, 4);
        for (uint32_t i = 0; i < 9; i++)
            rig_add(&layout, i, i < 4 ? i : 0, i == 0 || i > 3 ? 1000 * GB : 10 * GB);
        assign_proved(NULL, &layout);
        uint32_t outside = 0;
        for (uint32_t i = 1; i < 4; i++)
            outside += ring_layout_load(&layout, i);
        assert_in_range(outside, 64 * (wanted - 1), 64 * (wanted - 1) + 4);
    }
}

/* With a layout of zones in which nothing is bound, loads are what capacities say. */
static void loads_are_proportional_where_there_is_a_choice(void **state)
{
    (void)state;
    static struct ring_layout layout;
    rig_init(&layout, 1024, 3, 0);
    rig_zones(&layout, 5);
    for (uint32_t i = 0; i < 15; i++)
        rig_add(&layout, i, i % 5, (i < 5 ? 100 : i < 10 ? 200 : 300) * GB);
    assign_proved(NULL, &layout);
    for (uint32_t i = 0; i < 15; i++) {
        uint32_t share = 3072 * (1 + i / 5) / 30;
        assert_in_range(ring_layout_load(&layout, i), share, share + 1);
    }
}

/* With how many others a node shares a partition. */
static uint32_t peers_of(const struct ring_layout *layout, uint32_t node)
{
    bool is_peer[RING_NODES_MAX] = {false};
    uint32_t count = 0;
    for (uint32_t p = 0; p < layout->partitions_count; p++) {
        bool is_held = false;
        for (uint32_t i = 0; i < layout->replication; i++)
            is_held |= layout->holders[p][i] == node;
        for (uint32_t i = 0; is_held && i < layout->replication; i++)
            is_peer[layout->holders[p][i]] = true;
    }
    for (uint32_t i = 0; i < layout->nodes_count; i++)
        count += is_peer[i] && i != node;
    return count;
}

/* When a node fails, many do its work, in a cluster made at once and in one that grew node by node. No promise of
 * the header, but what the shuffled orders are for. */
static void the_partitions_of_a_node_are_shared_with_many(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    even(&before, 1024, 3, 12, 3);
    assign_proved(NULL, &before);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(peers_of(&before, i), 8); /* all that are in another zone */
    for (uint32_t added = 0; added < 9; added++) {
        rig_next(&before, &next);
        rig_add(&next, 1000 + added, added % 3, 100 * GB);
        assign_proved(&before, &next);
        before = next;
    }
    for (uint32_t i = 0; i < 21; i++)
        assert_in_range(peers_of(&before, i), 12, 14);
}

/* --- refusals ----------------------------------------------------------------------------------------------- */

static void refuse(const struct ring_layout *previous, struct ring_layout *next, enum ring_fault fault,
                   uint32_t have, uint32_t want)
{
    struct ring_plan plan = rig_assign(previous, next);
    assert_int_equal(plan.fault, fault);
    assert_int_equal(plan.fault_have, have);
    assert_int_equal(plan.fault_want, want);
}

static void what_cannot_be_is_refused_in_numbers(void **state)
{
    (void)state;
    static struct ring_layout layout, before;
    even(&layout, 64, 3, 0, 1);
    layout.zones_count = 0;
    refuse(NULL, &layout, RING_NO_NODES, 0, 3);
    assert_int_equal(ring_assign_memory_bytes(&layout), 0);
    even(&layout, 64, 3, 2, 2);
    refuse(NULL, &layout, RING_TOO_FEW_NODES, 2, 3);
    even(&layout, 64, 4, 6, 2);
    layout.zone_redundancy = 3;
    refuse(NULL, &layout, RING_TOO_FEW_ZONES, 2, 3);
    layout.zone_redundancy = 2;
    assert_int_equal(rig_assign(NULL, &layout).fault, RING_FINE);

    even(&layout, 64, 3, 4, 2);
    layout.nodes[1].capacity = 0;
    refuse(NULL, &layout, RING_BAD_INPUT, 0, 0);
    assert_int_equal(ring_assign_memory_bytes(&layout), 0);
    even(&layout, 64, 3, 4, 2);
    even(&before, 128, 3, 4, 2);
    assign_proved(NULL, &before);
    refuse(&before, &layout, RING_BAD_INPUT, 0, 0);
}

/* --- the same for everyone ---------------------------------------------------------------------------------- */

/* Uneven capacities in uneven zones. */
static void uneven(struct ring_layout *layout, struct random *random, uint32_t count, uint32_t zones)
{
    rig_zones(layout, zones);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t capacity = (1 + random_below(random, 40)) * 50 * GB; /* drawn before the zone by every compiler */
        rig_add(layout, 10 * i, i < zones ? i : random_below(random, zones), capacity);
    }
}

static uint64_t checksum(const struct ring_layout *layout)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (uint32_t p = 0; p < layout->partitions_count; p++)
        for (uint32_t i = 0; i < layout->replication; i++)
            sum = (sum ^ layout->holders[p][i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* Two nodes that apply the same change at once must come to one version, whatever their compilers are and lies in
 * their memory. With new sums here, two versions of the program in one cluster would make two of it (H11). */
static void the_same_question_has_one_answer_everywhere(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    struct random random = {4711};
    rig_init(&before, 256, 3, 2);
    uneven(&before, &random, 20, 4);
    rig_assign(NULL, &before);
    assert_true(checksum(&before) == UINT64_C(0x509e152e72ce31eb));

    size_t bytes = ring_assign_memory_bytes(&before);
    uint8_t *memory = malloc(bytes);
    assert_non_null(memory);
    for (uint32_t fill = 0; fill < 256; fill += 85) {
        struct ring_plan plan;
        rig_next(&before, &next);
        next.nodes[7].capacity *= 3;
        memset(memory, (int)fill, bytes);
        assert_true(ring_assign(&before, &next, memory, &plan));
        assert_true(checksum(&next) == UINT64_C(0x7855a13b3742b5ad));
    }
    free(memory);
}

static void the_memory_for_the_largest_layout_is_bounded(void **state)
{
    (void)state;
    static struct ring_layout layout;
    even(&layout, RING_PARTITIONS, RING_REPLICATION_MAX, RING_NODES_MAX, RING_ZONES_MAX);
    layout.zone_redundancy = 4;
    assert_in_range(ring_assign_memory_bytes(&layout), 1, 12 << 20);
    assert_int_equal(rig_assign(NULL, &layout).fault, RING_FINE);
    check_proof(NULL, &layout);
}

/* --- at random ---------------------------------------------------------------------------------------------- */

static uint32_t rounds(uint32_t count)
{
    return getenv("TESTS_LONG") != NULL ? count * 20 : count;
}

/* A few changes at once: nodes come, go, grow, change their zone. Zones keep a node each. */
static void change(struct ring_layout *next, struct random *random)
{
    for (uint32_t changes = 1 + random_below(random, 4); changes > 0; changes--) {
        uint32_t node = next->zones_count + random_below(random, (uint32_t)next->nodes_count - next->zones_count);
        switch (random_below(random, 4)) {
        case 0:
            rig_add(next, 1000 * (uint32_t)next->number - changes, random_below(random, next->zones_count),
                    300 * GB);
            break;
        case 1: next->nodes[node].capacity = (1 + random_below(random, 99)) * GB; break;
        case 2: next->nodes[node].zone = (uint16_t)random_below(random, next->zones_count); break;
        default:
            if (next->nodes_count > next->zones_count + 1 && next->nodes_count > next->replication)
                rig_remove(next, node);
            break;
        }
    }
}

static void random_layouts_and_their_changes_are_proved(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    struct random random = random_begin(__func__);
    for (uint32_t round = 0; round < rounds(150); round++) {
        uint32_t replication = 1 + random_below(&random, 5), zones = 1 + random_below(&random, 8);
        rig_init(&before, 1u << (3 + random_below(&random, 6)), replication, 0);
        uint32_t most = replication < zones ? replication : zones;
        before.zone_redundancy = (uint8_t)random_below(&random, most + 1);
        uneven(&before, &random, 1 + zones + replication + random_below(&random, 30), zones);
        assign_proved(NULL, &before);
        if (random_once_in(&random, 3)) rig_scatter(&before, &random);
        for (uint32_t step = 0; step < 3; step++) {
            rig_next(&before, &next);
            change(&next, &random);
            assign_proved(&before, &next);
            before = next;
        }
    }
}

/* The proof is worth something: a copy somewhere else is found to be one too many, or in a worse place. */
static void the_proof_sees_what_is_worse(void **state)
{
    (void)state;
    static struct ring_layout before, next, worse;
    static struct proof proof;
    struct random random = random_begin(__func__);
    uint32_t seen = 0;
    rig_init(&before, 64, 2, 0);
    uneven(&before, &random, 12, 3);
    assign_proved(NULL, &before);
    rig_next(&before, &next);
    rig_add(&next, 1000, 1, 900 * GB);
    assign_proved(&before, &next);
    for (uint32_t p = 0; p < 64; p++) {
        for (uint32_t i = 0; i < 2; i++) {
            worse = next;
            worse.holders[p][i] = (uint16_t)random_below(&random, next.nodes_count);
            const char *why;
            if (!ring_layout_check(&worse, &why) || memcmp(&worse, &next, sizeof next) == 0) continue;
            assert_non_null(proof_run(&proof, &before, &worse));
            seen++;
        }
        /* two partitions change holders: as balanced, and two moves more */
        worse = next;
        memcpy(worse.holders[p], next.holders[(p + 1) % 64], sizeof worse.holders[p]);
        memcpy(worse.holders[(p + 1) % 64], next.holders[p], sizeof worse.holders[p]);
        if (rig_moved(&before, &worse) == rig_moved(&before, &next)) continue;
        assert_string_equal(proof_run(&proof, &before, &worse), "fewer moves are enough");
        seen++;
    }
    assert_true(seen > 64);
}

/* 100 nodes of uneven capacities in 5 zones with 1,024 partitions: first version, one node more, one less. */
static void a_hundred_nodes_are_proved(void **state)
{
    (void)state;
    static struct ring_layout before, next;
    struct random random = random_begin(__func__);
    rig_init(&before, RING_PARTITIONS, 3, 0);
    uneven(&before, &random, 100, 5);
    assign_proved(NULL, &before);
    rig_next(&before, &next);
    rig_add(&next, 1000, 2, 700 * GB);
    uint32_t moved = assign_proved(&before, &next).moved_count;
    assert_true(moved >= ring_layout_load(&next, 100));
    before = next;
    rig_next(&before, &next);
    rig_remove(&next, 40);
    assert_true(assign_proved(&before, &next).moved_count >= ring_layout_load(&before, 40));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fourth_node_in_a_full_zone_gets_half_of_it),
        cmocka_unit_test(a_small_node_in_a_full_zone_is_not_left_idle),
        cmocka_unit_test(of_idle_nodes_there_are_as_few_as_can_be),
        cmocka_unit_test(the_same_roles_again_move_nothing),
        cmocka_unit_test(all_capacities_doubled_move_nothing),
        cmocka_unit_test(a_new_node_gets_its_share_and_nothing_else_moves),
        cmocka_unit_test(a_node_that_leaves_moves_what_it_had),
        cmocka_unit_test(a_replaced_node_moves_what_it_had),
        cmocka_unit_test(a_copy_less_moves_nothing_and_a_copy_more_only_itself),
        cmocka_unit_test(a_remainder_stays_where_it_was),
        cmocka_unit_test(zones_wanted_are_had_whatever_the_capacities),
        cmocka_unit_test(loads_are_proportional_where_there_is_a_choice),
        cmocka_unit_test(the_partitions_of_a_node_are_shared_with_many),
        cmocka_unit_test(what_cannot_be_is_refused_in_numbers),
        cmocka_unit_test(the_same_question_has_one_answer_everywhere),
        cmocka_unit_test(the_memory_for_the_largest_layout_is_bounded),
        cmocka_unit_test(random_layouts_and_their_changes_are_proved),
        cmocka_unit_test(the_proof_sees_what_is_worse),
        cmocka_unit_test(a_hundred_nodes_are_proved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
