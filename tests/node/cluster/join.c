/* Joining by an operator's word: in both directions, refused, repeated. Whole nodes in the simulator's world. */
#include "tests/node/cluster/cluster_rig.h"

static struct rig rig;
static struct machine *nodes[5];

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

static void start(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        machine_start(nodes[i]);
    rig_run(&rig, 2);
}

static const char *address(uint32_t index)
{
    return nodes[index]->settings.cluster.address;
}

static void expect_failure(struct cluster_connect_state state, const char *text)
{
    assert_int_equal(state.outcome, CLUSTER_CONNECT_FAILED);
    if (strstr(state.message, text) == NULL) print_error("said \"%s\"\n", state.message);
    assert_non_null(strstr(state.message, text));
}

/* --- ways in ------------------------------------------------------------------------------------------------ */

static void of_two_fresh_nodes_the_other_joins(void **state)
{
    (void)state;
    start(2);
    uint8_t id[LINK_CLUSTER_ID_BYTES];
    memcpy(id, nodes[0]->node.cluster.identity.cluster_id, sizeof id);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
    assert_memory_equal(nodes[1]->node.cluster.identity.cluster_id, id, sizeof id);
    assert_int_equal(rig_cluster(nodes[0])->stage, CLUSTER_MEMBER);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_MEMBER);
    assert_int_equal(nodes[0]->starts_count, 1);
    assert_int_equal(nodes[1]->starts_count, 2);
}

static void a_fresh_node_joins_from_either_side(void **state)
{
    (void)state;
    start(3);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
    assert_int_equal(rig_connected(&rig, nodes[2], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 3, 30);
}

static void the_members_documents_come_with_it(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(rig_make_bucket(&rig, nodes[0], "north"), 200);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
    assert_true(rig_has_bucket(nodes[1], "north"));
}

static void connecting_again_changes_nothing(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
    struct cluster_connect_state again = rig_connected(&rig, nodes[0], address(1));
    assert_int_equal(again.outcome, CLUSTER_CONNECT_DONE);
    assert_non_null(strstr(again.message, "a member already"));
    assert_int_equal(nodes[1]->starts_count, 2);
}

/* Two operators say the same thing to both at once: one cluster comes of it. */
static void two_nodes_that_invite_each_other_form_one_cluster(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(rig_connect(&rig, nodes[0], address(1)), 200);
    assert_int_equal(rig_connect(&rig, nodes[1], address(0)), 200);
    rig_expect_agreement(&rig, nodes, 2, 30);
}

static void a_seed_is_joined_by_the_peers_of_a_configuration(void **state)
{
    (void)state;
    rig_give_peer(nodes[1], address(0));
    rig_give_peer(nodes[2], address(0));
    start(3);
    rig_expect_agreement(&rig, nodes, 3, 40);
}

/* --- refused ------------------------------------------------------------------------------------------------ */

/* Which of two it is that can come, the operator finds out: the one that holds nothing. */
static void a_node_with_buckets_of_its_own_is_not_let_in(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(rig_make_bucket(&rig, nodes[1], "south"), 200);
    expect_failure(rig_connected(&rig, nodes[0], address(1)), "only an empty node can join");
    assert_true(rig_has_bucket(nodes[1], "south"));
    assert_false(rig_is_member(nodes[0]));
    assert_false(rig_is_member(nodes[1]));
    assert_true(rig_has_problem(nodes[1], "only an empty node can join"));
    assert_int_equal(rig_connected(&rig, nodes[1], address(0)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
    assert_true(rig_has_bucket(nodes[0], "south"));
}

static void two_nodes_with_buckets_of_their_own_stay_apart(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(rig_make_bucket(&rig, nodes[0], "north"), 200);
    assert_int_equal(rig_make_bucket(&rig, nodes[1], "south"), 200);
    expect_failure(rig_connected(&rig, nodes[0], address(1)), "only an empty node can join");
    expect_failure(rig_connected(&rig, nodes[1], address(0)), "only an empty node can join");
    assert_true(rig_has_bucket(nodes[0], "north") && rig_has_bucket(nodes[1], "south"));
}

/* H13. */
static void members_of_two_clusters_refuse_each_other(void **state)
{
    (void)state;
    nodes[3] = rig_add(&rig);
    start(4);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    assert_int_equal(rig_connected(&rig, nodes[2], address(3)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
    rig_expect_agreement(&rig, nodes + 2, 2, 20);
    expect_failure(rig_connected(&rig, nodes[0], address(2)), "cluster");
    assert_true(rig_has_logged(&rig, 0, "a link to another node was refused", address(2)));
    rig_expect_agreement(&rig, nodes, 2, 20);
}

static void another_secret_opens_nothing(void **state)
{
    (void)state;
    memset(nodes[1]->settings.cluster.secrets[0], 'x', LINK_SECRET_BYTES);
    start(2);
    struct cluster_connect_state answer = rig_connected(&rig, nodes[0], address(1));
    expect_failure(answer, "another secret");
    assert_true(rig_has_logged(&rig, 1, "a link to another node was refused", ""));
    assert_false(rig_is_member(nodes[0]));
}

/* During a rotation both secrets open the door. */
static void the_second_secret_is_accepted(void **state)
{
    (void)state;
    memset(nodes[1]->settings.cluster.secrets[0], 'x', LINK_SECRET_BYTES);
    memset(nodes[1]->settings.cluster.secrets[1], 's', LINK_SECRET_BYTES);
    nodes[1]->settings.cluster.secrets_count = 2;
    start(2);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
}

/* It speaks to nobody before what it announces is durable. */
static void a_node_that_has_just_started_connects_as_soon_as_it_can(void **state)
{
    (void)state;
    machine_start(nodes[1]);
    rig_run(&rig, 2);
    disk_fail_next(&nodes[0]->disk, 3, ERR_FULL); /* its keys are stored, its incarnation is not */
    machine_start(nodes[0]);
    while (!nodes[0]->is_ready)
        assert_true(world_run_until(&rig.world, rig.world.now_us + 1000));
    assert_int_equal(rig_cluster(nodes[0])->incarnation, 0);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 20);
}

static void oneself_is_no_other_node(void **state)
{
    (void)state;
    start(1);
    expect_failure(rig_connected(&rig, nodes[0], address(0)), "this node itself");
}

static void the_node_that_is_named_must_be_the_one(void **state)
{
    (void)state;
    char target[400];
    start(2);
    snprintf(target, sizeof target, "%064d@%s", 7, address(1));
    expect_failure(rig_connected(&rig, nodes[0], target), "another node than the one named");
    char id[2 * LINK_NODE_ID_BYTES + 1] = "";
    hash_hex(nodes[1]->node_id, LINK_NODE_ID_BYTES, id);
    snprintf(target, sizeof target, "%s@%s", id, address(1));
    assert_int_equal(rig_connected(&rig, nodes[0], target).outcome, CLUSTER_CONNECT_DONE);
}

static void a_target_that_is_no_address_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const targets[] = {"",           "host",      ":3901", "host:",     "host:0",
                                          "host:65536", "host:39x1", "a b:1", "zz@host:1", "00@host:1"};
    start(1);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_int_equal(rig_connect(&rig, nodes[0], targets[i]) / 100, 4);
}

static void nobody_there_is_said(void **state)
{
    (void)state;
    start(1);
    struct cluster_connect_state answer = rig_connected(&rig, nodes[0], address(1));
    assert_int_equal(answer.outcome, CLUSTER_CONNECT_FAILED);
    assert_non_null(strstr(answer.message, address(1)));
}

/* --- taken out ------------------------------------------------------------------------------------------------
 */

static void join_two(void)
{
    start(2);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 30);
}

static void a_node_taken_out_learns_it_and_an_operator_brings_it_back(void **state)
{
    (void)state;
    join_two();
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 60);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_REMOVED);
    assert_int_equal(rig_cluster(nodes[0])->members.count, 1);
    assert_true(rig_has_problem(nodes[1], "taken out of the cluster"));
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 60);
}

/* Its own operator's word is not enough: who was taken out could give that, too. */
static void a_node_taken_out_does_not_bring_itself_back(void **state)
{
    (void)state;
    join_two();
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 30);
    expect_failure(rig_connected(&rig, nodes[1], address(0)), "connect it again from a member");
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_REMOVED);
    assert_int_equal(rig_cluster(nodes[0])->members.count, 1);
    assert_true(rig_has_logged(&rig, 0, "a node was not let in", "connect it again from a member"));
}

/* Away while it happened, it is connected before anybody has told it. */
static void a_node_that_does_not_know_yet_is_brought_back(void **state)
{
    (void)state;
    join_two();
    machine_stop(nodes[1], true, "the test says so");
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 10);
    rig_cut(&rig, nodes[0], nodes[1]);
    machine_start(nodes[1]);
    rig_run(&rig, 5);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_MEMBER);
    network_heal_all(&rig.world.network);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 2, 60);
}

/* The others hold it for a member then, and nobody is asked to connect it once more. */
static void a_node_that_died_before_it_stored_its_return_comes_back(void **state)
{
    (void)state;
    join_two();
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 30);
    disk_fail_next(&nodes[1]->disk, 1, ERR_IO);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    assert_false(nodes[1]->is_up);
    rig_expect_agreement(&rig, nodes, 2, 120);
}

/* A member that has heard of the removal only says so to a node that is back already: that one stays. */
static void the_word_of_who_has_not_heard_of_the_return_does_no_harm(void **state)
{
    (void)state;
    start(3);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    assert_int_equal(rig_connected(&rig, nodes[0], address(2)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 3, 30);
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 30);
    rig_cut(&rig, nodes[0], nodes[2]);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    rig_run(&rig, 30);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_MEMBER);
    network_heal_all(&rig.world.network);
    rig_expect_agreement(&rig, nodes, 3, 120);
}

/* Who removed it was removed in turn, and nobody is left who knows but the node itself: it says so. */
static void a_node_that_alone_knows_that_it_was_taken_out_says_so(void **state)
{
    (void)state;
    start(3);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    assert_int_equal(rig_connected(&rig, nodes[0], address(2)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 3, 30);
    rig_cut(&rig, nodes[0], nodes[2]);
    rig_cut(&rig, nodes[1], nodes[2]);
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 30);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_REMOVED);
    assert_int_equal(rig_remove(&rig, nodes[2], nodes[0]), 200);
    assert_int_equal(rig_cluster(nodes[2])->members.count, 2);
    network_heal_all(&rig.world.network);
    rig_run(&rig, 180);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_REMOVED);
    assert_int_equal(rig_cluster(nodes[2])->members.count, 1);
}

/* It does not know yet that it is none any more: those who are left let the new one in themselves. */
static void who_was_let_in_by_a_node_that_was_taken_out_stays(void **state)
{
    (void)state;
    join_two();
    rig_cut(&rig, nodes[0], nodes[1]);
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    machine_start(nodes[2]);
    rig_run(&rig, 2);
    assert_int_equal(rig_connected(&rig, nodes[1], address(2)).outcome, CLUSTER_CONNECT_DONE);
    rig_run(&rig, 30);
    assert_true(rig_is_member(nodes[2]));
    network_heal_all(&rig.world.network);
    nodes[1] = nodes[2];
    rig_expect_agreement(&rig, nodes, 2, 300);
}

static void join_three(void)
{
    start(3);
    assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
    assert_int_equal(rig_connected(&rig, nodes[0], address(2)).outcome, CLUSTER_CONNECT_DONE);
    rig_expect_agreement(&rig, nodes, 3, 30);
}

/* Its links are closed as idle, nobody hears its packets any more, and it has nobody to ask. */
static void a_node_taken_out_of_a_quiet_cluster_learns_it_at_once(void **state)
{
    (void)state;
    join_three();
    rig_run(&rig, 120);
    assert_null(links_to(rig_cluster(nodes[0]), nodes[2]->node_id));
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[2]), 200);
    rig_run(&rig, 2);
    assert_int_equal(rig_cluster(nodes[2])->stage, CLUSTER_REMOVED);
}

/* What it wrote when it was out, whether it knew or not, is not the cluster's. */
static void what_a_node_wrote_when_it_was_out_does_not_come_back_with_it(void **state)
{
    for (int knows = 0; knows < 2; knows++) {
        if (knows == 1) tear_down(state);
        if (knows == 1) set_up(state);
        join_two();
        assert_int_equal(rig_make_bucket(&rig, nodes[1], "before"), 200);
        rig_expect_agreement(&rig, nodes, 2, 30);
        rig_cut(&rig, nodes[0], nodes[1]);
        assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
        if (knows == 1) network_heal_all(&rig.world.network);
        rig_run(&rig, knows == 1 ? 120 : 1);
        assert_int_equal(rig_cluster(nodes[1])->stage, knows == 1 ? CLUSTER_REMOVED : CLUSTER_MEMBER);
        assert_int_equal(rig_make_bucket(&rig, nodes[1], "outside"), 200);
        assert_int_equal(rig_make_bucket(&rig, nodes[0], "inside"), 200);
        network_heal_all(&rig.world.network);
        assert_int_equal(rig_connected(&rig, nodes[0], address(1)).outcome, CLUSTER_CONNECT_DONE);
        rig_expect_agreement(&rig, nodes, 2, 60);
        for (int i = 0; i < 2; i++) {
            assert_true(rig_has_bucket(nodes[i], "before") && rig_has_bucket(nodes[i], "inside"));
            assert_false(rig_has_bucket(nodes[i], "outside"));
        }
    }
}

/* It is a member by its own documents only. */
static void who_does_not_know_that_it_was_taken_out_does_not_connect(void **state)
{
    (void)state;
    join_two();
    rig_cut(&rig, nodes[0], nodes[1]);
    assert_int_equal(rig_remove(&rig, nodes[0], nodes[1]), 200);
    rig_run(&rig, 1);
    network_heal_all(&rig.world.network);
    assert_int_equal(rig_cluster(nodes[1])->stage, CLUSTER_MEMBER);
    expect_failure(rig_connected(&rig, nodes[1], address(0)), "taken out");
}

/* --- crashes ------------------------------------------------------------------------------------------------ */

/* Whichever node stops, at whatever moment of the join: asked again, it ends in one cluster of both. */
static void a_join_can_be_cut_short_anywhere(void **state)
{
    (void)state;
    char body[600];
    int status = 0;
    for (uint64_t step = 0; step < 60; step++) {
        rig_deinit(&rig);
        rig_init(&rig, step);
        nodes[0] = rig_add(&rig);
        nodes[1] = rig_add(&rig);
        start(2);
        snprintf(body, sizeof body, "{\"target\":\"%s\"}", address(1));
        assert_true(admin_ask(nodes[0], "POST", "/v1/cluster/connect", body, rig_on_answer, &status, 0));
        world_run_until(&rig.world, rig.world.now_us + (step / 2) * 2000);
        struct machine *victim = nodes[step % 2];
        machine_stop(victim, false, "the test says so");
        rig_run(&rig, 2);
        machine_start(victim);
        rig_run(&rig, 40); /* the operator is told by now */
        assert_int_equal(rig_connect(&rig, nodes[0], address(1)), 200);
        rig_expect_agreement(&rig, nodes, 2, 60);
    }
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(of_two_fresh_nodes_the_other_joins),
        test(a_fresh_node_joins_from_either_side),
        test(the_members_documents_come_with_it),
        test(connecting_again_changes_nothing),
        test(two_nodes_that_invite_each_other_form_one_cluster),
        test(a_seed_is_joined_by_the_peers_of_a_configuration),
        test(a_node_with_buckets_of_its_own_is_not_let_in),
        test(two_nodes_with_buckets_of_their_own_stay_apart),
        test(members_of_two_clusters_refuse_each_other),
        test(another_secret_opens_nothing),
        test(the_second_secret_is_accepted),
        test(a_node_that_has_just_started_connects_as_soon_as_it_can),
        test(oneself_is_no_other_node),
        test(the_node_that_is_named_must_be_the_one),
        test(a_target_that_is_no_address_is_refused_at_once),
        test(nobody_there_is_said),
        test(a_node_taken_out_learns_it_and_an_operator_brings_it_back),
        test(a_node_taken_out_does_not_bring_itself_back),
        test(a_node_that_does_not_know_yet_is_brought_back),
        test(a_node_that_alone_knows_that_it_was_taken_out_says_so),
        test(a_node_that_died_before_it_stored_its_return_comes_back),
        test(the_word_of_who_has_not_heard_of_the_return_does_no_harm),
        test(who_was_let_in_by_a_node_that_was_taken_out_stays),
        test(a_node_taken_out_of_a_quiet_cluster_learns_it_at_once),
        test(what_a_node_wrote_when_it_was_out_does_not_come_back_with_it),
        test(who_does_not_know_that_it_was_taken_out_does_not_connect),
        test(a_join_can_be_cut_short_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
