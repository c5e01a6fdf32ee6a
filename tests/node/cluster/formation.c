/* Forming without hands, finding one's cluster again, and roles. Whole nodes in the simulator's world. */
#include "tests/node/cluster/cluster_rig.h"

enum { NODES = 5 };

static struct rig rig;
static struct machine *nodes[NODES + 1];

static const char *address(uint32_t index)
{
    return nodes[index]->settings.cluster.address;
}

/* The file a person would write for each of them: all five as peers, a zone and a capacity. */
static void configure(uint32_t index)
{
    struct cluster_settings *cluster = &nodes[index]->settings.cluster;
    cluster->bootstrap = CLUSTER_AUTO;
    cluster->capacity = 100;
    snprintf(cluster->zone, sizeof cluster->zone, "zone-%u", index % 3);
    cluster->peers_count = 0;
    for (uint32_t i = 0; i < NODES; i++)
        rig_give_peer(nodes[index], address(i));
}

static void begin(uint64_t seed)
{
    rig_init(&rig, seed);
    for (uint32_t i = 0; i < NODES; i++)
        nodes[i] = rig_add(&rig);
    for (uint32_t i = 0; i < NODES; i++)
        configure(i);
}

static int set_up(void **state)
{
    (void)state;
    begin(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static void start_all(void)
{
    for (uint32_t i = 0; i < NODES; i++)
        machine_start(nodes[i]);
}

static uint64_t layout_number(struct machine *machine)
{
    const struct ring_layout *layout = view_layout(machine_view(machine));
    return layout == NULL ? 0 : layout->number;
}

static uint32_t members_in_layout(struct machine *machine)
{
    const struct ring_layout *layout = view_layout(machine_view(machine));
    return layout == NULL ? 0 : layout->nodes_count;
}

/* --- forming ------------------------------------------------------------------------------------------------ */

static void five_nodes_form_a_cluster_and_give_themselves_roles(void **state)
{
    (void)state;
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 60);
    rig_run(&rig, 30);
    rig_expect_agreement(&rig, nodes, NODES, 10);
    assert_int_equal(members_in_layout(nodes[3]), NODES);
    uint64_t number = layout_number(nodes[0]);
    rig_run(&rig, 60); /* and then they leave it alone */
    assert_int_equal(layout_number(nodes[0]), number);
}

static bool is_whole(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!nodes[i]->is_up || !nodes[i]->is_ready || layout_number(nodes[i]) == 0) return false;
        if (members_in_layout(nodes[i]) != count) return false;
        for (uint32_t j = 0; j < count; j++)
            if (!rig_agree(nodes[i], nodes[j])) return false;
    }
    return true;
}

/* Started one after the other within half a period, the first of the list at any place: after how long do they
 * agree, with a layout of all of them? */
static uint64_t ms_to_form(uint64_t seed, uint64_t period_ms, uint64_t ms_max)
{
    uint64_t step_ms = ms_max / 20;
    uint64_t ms = 0;
    rig_deinit(&rig);
    begin(seed);
    for (uint32_t i = 0; i < NODES; i++) {
        struct machine *machine = nodes[(i + seed) % NODES];
        machine->settings.cluster.probe_interval_ms = period_ms;
        machine_start(machine);
        assert_true(world_run_until(&rig.world, rig.world.now_us + period_ms * 100));
    }
    for (; ms <= ms_max && !is_whole(NODES); ms += step_ms)
        assert_true(world_run_until(&rig.world, rig.world.now_us + step_ms * 1000));
    if (ms > ms_max) print_error("seed %llu\n", (unsigned long long)seed);
    return ms;
}

/* All times follow the period of gossip; for the shorter one the network's own, up to 20 ms there and back, count.
 */
static void a_cluster_forms_in_five_seconds_or_sooner(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        assert_in_range(ms_to_form(seed, 1000, 5000), 0, 5000);
        assert_in_range(ms_to_form(seed, 20, 400), 0, 400);
    }
}

/* The first of the list on two machines (H2): to all others it is one node, which would found two clusters. */
static void a_first_node_that_was_copied_founds_nothing(void **state)
{
    (void)state;
    machine_start(nodes[0]);
    rig_run(&rig, 1);
    machine_stop(nodes[0], true, "its directory is copied");
    disk_copy(&nodes[0]->disk, &nodes[1]->disk);
    nodes[1]->is_copy = true;
    start_all();
    rig_run(&rig, 60);
    for (uint32_t i = 0; i < NODES; i++)
        assert_false(rig_is_member(nodes[i]));
    assert_true(rig_has_logged(&rig, 0, "a link to another node was refused", "one of the two is a copy"));
    machine_stop(nodes[1], true, "it is the copy");
    disk_deinit(&nodes[1]->disk);
    disk_init(&nodes[1]->disk);
    nodes[1]->is_copy = false;
    rig_run(&rig, 60);
    machine_start(nodes[1]);
    rig_expect_agreement(&rig, nodes, NODES, 60);
}

/* The first of the list must not make a second cluster because it has forgotten the first one. */
static void a_first_node_that_was_wiped_joins_the_others(void **state)
{
    (void)state;
    uint8_t id[LINK_CLUSTER_ID_BYTES];
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 60);
    memcpy(id, nodes[1]->node.cluster.identity.cluster_id, sizeof id);
    machine_stop(nodes[0], true, "its disk is replaced");
    disk_deinit(&nodes[0]->disk);
    disk_init(&nodes[0]->disk);
    rig_run(&rig, 5);
    machine_start(nodes[0]);
    rig_expect_agreement(&rig, nodes, NODES, 120);
    assert_memory_equal(nodes[0]->node.cluster.identity.cluster_id, id, sizeof id);
}

/* Two of five are no majority: whoever is first in the list waits. */
static void fewer_than_half_do_not_form_a_cluster(void **state)
{
    (void)state;
    machine_start(nodes[0]);
    machine_start(nodes[1]);
    rig_run(&rig, 120);
    assert_false(rig_is_member(nodes[0]));
    assert_true(rig_has_problem(nodes[0], "looking for a cluster"));
    machine_start(nodes[2]);
    rig_expect_agreement(&rig, nodes, 3, 60);
}

static void without_the_first_nobody_forms_one(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < NODES; i++)
        machine_start(nodes[i]);
    rig_run(&rig, 120);
    for (uint32_t i = 1; i < NODES; i++)
        assert_false(rig_is_member(nodes[i]));
    machine_start(nodes[0]);
    rig_expect_agreement(&rig, nodes, NODES, 60);
}

/* Any of them stops at any moment of the forming, and starts again. */
static void forming_can_be_cut_short_anywhere(void **state)
{
    (void)state;
    for (uint32_t step = 0; step < 15; step++) {
        rig_deinit(&rig);
        begin(step);
        start_all();
        world_run_until(&rig.world, step * RIG_SECOND_US / 2);
        struct machine *victim = nodes[step % NODES];
        machine_stop(victim, step % 2 == 0, "the test says so");
        rig_run(&rig, 3);
        machine_start(victim);
        rig_expect_agreement(&rig, nodes, NODES, 120);
    }
}

/* --- finding again ------------------------------------------------------------------------------------------ */

static void move(struct machine *machine)
{
    machine_stop(machine, true, "it moves");
    network_readdress(&rig.world.network, machine->index, UINT32_MAX);
    snprintf(machine->settings.cluster.address, CLUSTER_ADDRESS_BYTES, "%s",
             network_address(&rig.world.network, machine->index));
}

/* With no peers in its configuration a node has only what its documents say. */
static void a_node_that_moved_finds_its_cluster_by_its_documents(void **state)
{
    (void)state;
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 60);
    move(nodes[2]);
    nodes[2]->settings.cluster.peers_count = 0;
    rig_run(&rig, 30);
    machine_start(nodes[2]);
    rig_expect_agreement(&rig, nodes, NODES, 60);
}

/* All are off, and all but one come back elsewhere. */
static void one_address_that_stayed_is_enough(void **state)
{
    (void)state;
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 60);
    for (uint32_t i = 0; i < NODES; i++) {
        if (i == 3) {
            machine_stop(nodes[i], true, "it only goes off");
        } else {
            move(nodes[i]);
        }
        nodes[i]->settings.cluster.peers_count = 0;
    }
    rig_run(&rig, 5);
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 120);
}

/* --- roles -------------------------------------------------------------------------------------------------- */

static void a_node_that_comes_later_gets_a_role(void **state)
{
    (void)state;
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 60);
    rig_run(&rig, 30);
    nodes[NODES] = rig_add(&rig);
    configure(NODES);
    machine_start(nodes[NODES]);
    rig_expect_agreement(&rig, nodes, NODES + 1, 60);
    rig_run(&rig, 60);
    assert_int_equal(members_in_layout(nodes[0]), NODES + 1);
}

/* Unreachable is not removed. */
static void a_node_that_goes_keeps_its_role(void **state)
{
    (void)state;
    start_all();
    rig_expect_agreement(&rig, nodes, NODES, 60);
    rig_run(&rig, 30);
    uint64_t number = layout_number(nodes[0]);
    machine_stop(nodes[4], true, "it goes");
    rig_run(&rig, 300);
    assert_int_equal(layout_number(nodes[0]), number);
    assert_int_equal(members_in_layout(nodes[0]), NODES);
    assert_true(rig_has_problem(nodes[0], "node-4 is down since"));
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(five_nodes_form_a_cluster_and_give_themselves_roles),
        test(a_cluster_forms_in_five_seconds_or_sooner),
        test(a_first_node_that_was_copied_founds_nothing),
        test(a_first_node_that_was_wiped_joins_the_others),
        test(fewer_than_half_do_not_form_a_cluster),
        test(without_the_first_nobody_forms_one),
        test(forming_can_be_cut_short_anywhere),
        test(a_node_that_moved_finds_its_cluster_by_its_documents),
        test(one_address_that_stayed_is_enough),
        test(a_node_that_comes_later_gets_a_role),
        test(a_node_that_goes_keeps_its_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
