/* The exchange of documents: between whole nodes over a cut, and with a member that does not mean well (H12). */
#include "tests/node/cluster/cluster_rig.h"

static struct rig rig;
static struct machine *nodes[3];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    for (int i = 0; i < 3; i++)
        nodes[i] = rig_add(&rig);
    rig_give_peer(nodes[1], nodes[0]->settings.cluster.address);
    rig_give_peer(nodes[2], nodes[0]->settings.cluster.address);
    for (int i = 0; i < 3; i++)
        machine_start(nodes[i]);
    rig_expect_agreement(&rig, nodes, 3, 60);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static void cut(bool is_cut)
{
    for (uint32_t other = 1; other < 3; other++) {
        if (is_cut) {
            network_cut(&rig.world.network, 0, other);
            network_cut(&rig.world.network, other, 0);
        } else {
            network_heal(&rig.world.network, 0, other);
            network_heal(&rig.world.network, other, 0);
        }
    }
}

static void a_change_is_soon_everywhere(void **state)
{
    (void)state;
    assert_int_equal(rig_make_bucket(&rig, nodes[2], "south"), 200);
    rig_expect_agreement(&rig, nodes, 3, 30);
    assert_true(rig_has_bucket(nodes[0], "south") && rig_has_bucket(nodes[1], "south"));
}

/* I21. */
static void changes_on_both_sides_of_a_cut_are_one_after_it(void **state)
{
    (void)state;
    char name[40];
    cut(true);
    for (uint32_t i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "north-%u", i);
        assert_int_equal(rig_make_bucket(&rig, nodes[0], name), 200);
        snprintf(name, sizeof name, "south-%u", i);
        assert_int_equal(rig_make_bucket(&rig, nodes[1 + i % 2], name), 200);
    }
    assert_int_equal(rig_make_bucket(&rig, nodes[0], "both"), 200);
    assert_int_equal(rig_make_bucket(&rig, nodes[1], "both"), 200);
    rig_run(&rig, 60);
    assert_false(rig_has_bucket(nodes[0], "south-0"));
    cut(false);
    rig_expect_agreement(&rig, nodes, 3, 120);
    assert_true(rig_has_bucket(nodes[0], "south-19") && rig_has_bucket(nodes[2], "north-19"));
}

/* More than one batch each way. */
static void many_documents_go_in_batches(void **state)
{
    (void)state;
    char name[40];
    cut(true);
    for (uint32_t i = 0; i < 2 * MESSAGE_DOCUMENTS_MAX / 2 + 10; i++) {
        snprintf(name, sizeof name, "north-%u", i);
        assert_int_equal(rig_make_bucket(&rig, nodes[0], name), 200);
    }
    cut(false);
    rig_expect_agreement(&rig, nodes, 3, 120);
    assert_true(rig_has_bucket(nodes[2], "north-1009"));
}

/* Whoever stops while documents go over, nothing is lost and all is equal in the end. */
static void an_exchange_can_be_cut_short_anywhere(void **state)
{
    (void)state;
    char name[40];
    for (uint32_t step = 0; step < 10; step++) {
        cut(true);
        for (uint32_t i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "step-%u-node-%u", step, i);
            assert_int_equal(rig_make_bucket(&rig, nodes[i], name), 200);
        }
        cut(false);
        world_run_until(&rig.world, rig.world.now_us + (1 + step) * RIG_SECOND_US / 3);
        struct machine *victim = nodes[step % 3];
        machine_stop(victim, false, "the test says so");
        rig_run(&rig, 1);
        machine_start(victim);
        rig_expect_agreement(&rig, nodes, 3, 120);
        for (uint32_t i = 0; i < 3; i++)
            assert_true(rig_has_bucket(nodes[i], name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_soon_everywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_on_both_sides_of_a_cut_are_one_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_documents_go_in_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_exchange_can_be_cut_short_anywhere, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
