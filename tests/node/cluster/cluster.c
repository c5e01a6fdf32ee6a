/* A node with and without the others: idle when it has no port for them, and what it says of what is stuck. */
#include "tests/node/cluster/cluster_rig.h"

#include <stdarg.h>

static struct rig rig;
static struct machine *nodes[3];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    for (int i = 0; i < 3; i++)
        nodes[i] = rig_add(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static void form(void)
{
    rig_give_peer(nodes[1], nodes[0]->settings.cluster.address);
    rig_give_peer(nodes[2], nodes[0]->settings.cluster.address);
    for (int i = 0; i < 3; i++)
        machine_start(nodes[i]);
    rig_expect_agreement(&rig, nodes, 3, 60);
}

/* --- alone ----------------------------------------------------------------------------------------------------
 */

static void without_a_port_a_node_is_as_it_was(void **state)
{
    (void)state;
    char why[200];
    char line[256];
    nodes[0]->settings.cluster.is_enabled = false;
    rig_give_peer(nodes[0], nodes[1]->settings.cluster.address);
    machine_start(nodes[0]);
    rig_run(&rig, 5);
    struct cluster *cluster = rig_cluster(nodes[0]);
    assert_true(nodes[0]->is_ready && cluster->has_started);
    assert_int_equal(cluster_deadline_ms(cluster), UINT64_MAX);
    assert_int_equal(node_deadline_ms(&nodes[0]->node), UINT64_MAX);
    assert_int_equal(network_links_count(&rig.world.network), 0);
    assert_int_equal(rig.world.network.counts.datagrams, 0);
    assert_int_equal(disk_rows_count(&nodes[0]->disk, KV_DOCS), 0);
    assert_false(cluster_problem(cluster, 0, line));
    assert_false(cluster_connect(cluster, span_text("10.0.0.1:3901"), why));
    assert_non_null(strstr(why, "no port"));
    assert_int_equal(cluster_connect_state(cluster).outcome, CLUSTER_CONNECT_IDLE);
}

static void a_fresh_node_says_nothing_to_anybody(void **state)
{
    (void)state;
    machine_start(nodes[0]);
    rig_run(&rig, 100);
    assert_int_equal(rig.world.network.counts.datagrams, 0);
    assert_int_equal(rig.world.network.counts.dials, 0);
    assert_int_equal(rig_cluster(nodes[0])->stage, CLUSTER_ALONE);
    assert_int_equal(disk_rows_count(&nodes[0]->disk, KV_DOCS), 0);
}

static void a_node_being_stopped_before_it_is_ready_does_not_begin(void **state)
{
    (void)state;
    struct event drain = {.kind = EVENT_DRAIN};
    machine_start(nodes[0]);
    machine_step(nodes[0], &drain);
    rig_run(&rig, 5);
    assert_int_equal(cluster_deadline_ms(rig_cluster(nodes[0])), UINT64_MAX);
}

/* --- what is announced ------------------------------------------------------------------------------------------
 */

/* SWIM's incarnation: whatever the clock does and however often it refuted, a node comes back as a newer one. */
static void each_start_is_newer_than_all_before(void **state)
{
    (void)state;
    form();
    uint64_t last = gossip_stats(rig_cluster(nodes[1])->gossip).incarnation;
    for (int i = 0; i < 3; i++) {
        machine_stop(nodes[1], true, "the test says so");
        rig_run(&rig, 30);
        clocks_jump(&nodes[1]->clocks, -1000000 * (int64_t)RIG_SECOND_US);
        machine_start(nodes[1]);
        rig_expect_agreement(&rig, nodes, 3, 60);
        uint64_t now = gossip_stats(rig_cluster(nodes[1])->gossip).incarnation;
        assert_true(now > last);
        assert_true(rig_cluster(nodes[1])->reserved > now);
        last = now;
    }
}

/* --- links between two ------------------------------------------------------------------------------------------
 */

static uint32_t ready_count(struct machine *machine, bool is_dialled)
{
    const struct links *links = rig_cluster(machine)->links;
    uint32_t count = 0;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        bool is_such = (i < LIMITS_LINKS_DIALLED_MAX) == is_dialled;
        count += is_such && links->channels[i] != NULL && links->channels[i]->state == CHANNEL_READY;
    }
    return count;
}

/* Both dial, and one dials twice: the link that the lower id dialled first stays, at both ends. */
static void of_links_between_two_members_one_stays(void **state)
{
    (void)state;
    form();
    rig_run(&rig, 60); /* those of the joining are idle, and gone */
    struct machine *low = nodes[0];
    struct machine *high = nodes[1];
    if (memcmp(low->node_id, high->node_id, LINK_NODE_ID_BYTES) > 0) {
        low = nodes[1];
        high = nodes[0];
    }
    assert_int_equal(rig_connect(&rig, high, low->settings.cluster.address), 200);
    assert_int_equal(rig_connect(&rig, low, high->settings.cluster.address), 200);
    rig_run(&rig, 3);
    assert_int_equal(rig_connect(&rig, low, high->settings.cluster.address), 200);
    rig_run(&rig, 3);
    assert_int_equal(ready_count(low, true), 1);
    assert_int_equal(ready_count(low, false), 0);
    assert_int_equal(ready_count(high, true), 0);
    assert_int_equal(ready_count(high, false), 1);
}

static void set_secrets(struct machine *machine, const char *letters)
{
    struct cluster_settings *cluster = &machine->settings.cluster;
    cluster->secrets_count = (uint32_t)strlen(letters);
    for (uint32_t i = 0; i < cluster->secrets_count; i++)
        memset(cluster->secrets[i], letters[i], LINK_SECRET_BYTES);
    node_settings_changed(&machine->node);
}

/* Two steps further than docs/protocol.md has it: no link, no packet of the former secret is left, and all is
 * told. */
static void a_secret_is_replaced_under_way(void **state)
{
    (void)state;
    static const char *const steps[] = {"st", "ts", "t"};
    char alias[] = "bucket-0";
    form();
    for (size_t step = 0; step < sizeof steps / sizeof steps[0]; step++) {
        for (int i = 0; i < 3; i++) {
            set_secrets(nodes[i], steps[step]);
            alias[7] = (char)('0' + 3 * step + (size_t)i);
            assert_int_equal(rig_make_bucket(&rig, nodes[i], alias), 200);
            rig_run(&rig, 1);
        }
    }
    rig_expect_agreement(&rig, nodes, 3, 60);
    for (int i = 0; i < 3; i++)
        assert_true(rig_has_bucket(nodes[i], alias));
}

/* --- what is stuck ----------------------------------------------------------------------------------------------
 */

static void all_is_well_without_a_problem(void **state)
{
    (void)state;
    char line[256];
    form();
    rig_run(&rig, 10);
    for (int i = 0; i < 3; i++)
        if (cluster_problem(rig_cluster(nodes[i]), 0, line)) fail_msg("%s", line);
}

static void who_is_down_is_named(void **state)
{
    (void)state;
    form();
    machine_stop(nodes[2], true, "the test says so");
    rig_run(&rig, 120);
    assert_true(rig_has_problem(nodes[0], "node-2 is down since"));
    assert_true(rig_has_problem(nodes[1], "node-2 is down since"));
}

static void who_was_not_heard_of_is_named(void **state)
{
    (void)state;
    form();
    for (int i = 0; i < 3; i++)
        machine_stop(nodes[i], true, "the test says so");
    rig_run(&rig, 5);
    machine_start(nodes[0]);
    rig_run(&rig, 60);
    assert_true(rig_has_problem(nodes[0], "was not heard of since this node started"));
}

static void a_clock_that_is_off_is_named(void **state)
{
    (void)state;
    form();
    clocks_jump(&nodes[1]->clocks, 600 * (int64_t)RIG_SECOND_US);
    rig_run(&rig, 120);
    assert_true(rig_has_problem(nodes[0], "the clock of node-1 is"));
    assert_true(rig_has_problem(nodes[0], "ahead of ours"));
    assert_true(rig_has_problem(nodes[1], "behind ours"));
}

static void peers_of_another_cluster_are_named(void **state)
{
    (void)state;
    form();
    struct machine *stranger = rig_add(&rig);
    stranger->settings.cluster.bootstrap = CLUSTER_AUTO; /* alone in its list: it founds */
    rig_give_peer(stranger, stranger->settings.cluster.address);
    machine_start(stranger);
    rig_run(&rig, 30);
    assert_true(rig_is_member(stranger));
    machine_stop(stranger, false, "it is given other peers");
    stranger->settings.cluster.peers_count = 0;
    rig_give_peer(stranger, nodes[0]->settings.cluster.address);
    rig_run(&rig, 1);
    machine_start(stranger);
    rig_run(&rig, 30);
    assert_true(rig_has_problem(stranger, "belongs to another cluster"));
    rig_expect_agreement(&rig, nodes, 3, 20);
}

__attribute__((format(printf, 3, 4))) static int post(struct machine *machine, const char *target,
                                                      const char *format, ...)
{
    char body[300];
    va_list values;
    va_start(values, format);
    vsnprintf(body, sizeof body, format, values);
    va_end(values);
    return rig_ask(&rig, machine, target, body);
}

static void a_role_of_who_was_taken_out_is_named(void **state)
{
    (void)state;
    char id[2 * LINK_NODE_ID_BYTES + 1] = "";
    form();
    for (int i = 0; i < 3; i++) {
        hash_hex(nodes[i]->node_id, LINK_NODE_ID_BYTES, id);
        assert_int_equal(post(nodes[0], "/v1/layout/stage",
                              "{\"node\":\"%s\",\"zone\":\"z%d\",\"capacity\":1000000000}", id, i),
                         200);
    }
    assert_int_equal(post(nodes[0], "/v1/layout/apply", "{\"version\":1}"), 200);
    rig_expect_agreement(&rig, nodes, 3, 20);
    assert_false(rig_has_problem(nodes[0], "role"));
    assert_int_equal(post(nodes[0], "/v1/cluster/remove", "{\"node\":\"%s\",\"force\":true}", id), 200);
    rig_run(&rig, 2);
    for (int i = 0; i < 2; i++)
        assert_true(rig_has_problem(nodes[i], "node-2 has a role in layout 1 but is no member: "
                                              "skerry layout remove node-2"));
}

/* --- how soon -------------------------------------------------------------------------------------------------
 */

/* Of a small cluster: also when nothing was said for so long that there are no links. */
static void a_change_is_with_all_at_once(void **state)
{
    (void)state;
    form();
    rig_run(&rig, 120);
    for (int i = 0; i < 2; i++) {
        const char *alias = i == 0 ? "first" : "second";
        assert_int_equal(rig_make_bucket(&rig, nodes[0], alias), 200);
        assert_true(world_run_until(&rig.world, rig.world.now_us + RIG_SECOND_US / 2));
        assert_true(rig_has_bucket(nodes[1], alias) && rig_has_bucket(nodes[2], alias));
    }
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(without_a_port_a_node_is_as_it_was),
        test(a_fresh_node_says_nothing_to_anybody),
        test(a_node_being_stopped_before_it_is_ready_does_not_begin),
        test(each_start_is_newer_than_all_before),
        test(of_links_between_two_members_one_stays),
        test(a_secret_is_replaced_under_way),
        test(all_is_well_without_a_problem),
        test(who_is_down_is_named),
        test(who_was_not_heard_of_is_named),
        test(a_clock_that_is_off_is_named),
        test(peers_of_another_cluster_are_named),
        test(a_role_of_who_was_taken_out_is_named),
        test(a_change_is_with_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
