/* The exchange of documents: between whole nodes over a cut, and with a member that does not mean well (H12). */
#include "node/cluster/exchange.h"
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

static int delete_bucket(struct machine *machine, const char *alias)
{
    const uint8_t *id = NULL;
    char hex[2 * KEYS_BUCKET_ID_BYTES + 1] = "";
    char target[100];
    int status = -1;
    assert_true(view_alias(machine_view(machine), span_text(alias), &id));
    hash_hex(id, KEYS_BUCKET_ID_BYTES, hex);
    snprintf(target, sizeof target, "/v1/buckets/%s", hex);
    assert_true(admin_ask(machine, "DELETE", target, "", rig_on_answer, &status, 0));
    for (int i = 0; i < 100 && status == -1; i++)
        world_run_until(&rig.world, rig.world.now_us + RIG_SECOND_US / 10);
    return status;
}

/* One node has no room for what the others have: all stay up and on good terms, it says so once a minute and not
 * at each comparison, what is deleted at the bound is deleted everywhere, and with room again all is equal. */
static void a_node_without_room_goes_on_beside_the_others(void **state)
{
    (void)state;
    const char *text = "documents of another node were not taken";
    assert_int_equal(rig_make_bucket(&rig, nodes[1], "early"), 200);
    rig_expect_agreement(&rig, nodes, 3, 60);
    struct store_documents *documents = &nodes[1]->store.documents;
    uint64_t *bytes = &documents->letters[DOCUMENT_BUCKET - 'A'].bytes;
    assert_true(documents->is_known && *bytes > 0 && *bytes < LIMITS_DOCUMENTS_BYTES_MAX);
    *bytes += LIMITS_DOCUMENTS_BYTES_MAX; /* as if it had so much more */
    assert_int_equal(rig_make_bucket(&rig, nodes[0], "late"), 200);
    rig_run(&rig, 60);
    assert_true(rig_has_bucket(nodes[2], "late"));
    assert_false(rig_has_bucket(nodes[1], "late"));
    assert_int_equal(rig_make_bucket(&rig, nodes[1], "own"), 507);
    assert_int_equal(delete_bucket(nodes[1], "early"), 204);
    rig_run(&rig, 200);
    for (int i = 0; i < 3; i++) {
        assert_true(rig_is_member(nodes[i]));
        assert_false(rig_has_bucket(nodes[i], "early"));
        assert_false(rig_has_logged(&rig, (uint32_t)i, "no sound node", ""));
    }
    assert_true(rig_has_logged(&rig, 1, text, "buckets and aliases"));
    uint64_t left_out = rig_cluster(nodes[1])->exchange->documents_left_out;
    print_message("%u documents left out\n", (unsigned)left_out);
    assert_in_range(left_out, 1, 100); /* 260 s, and two documents at each comparison with each of two */
    *bytes -= LIMITS_DOCUMENTS_BYTES_MAX;
    rig_expect_agreement(&rig, nodes, 3, 120);
    assert_true(rig_has_bucket(nodes[1], "late"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_soon_everywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_on_both_sides_of_a_cut_are_one_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_documents_go_in_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_without_room_goes_on_beside_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_exchange_can_be_cut_short_anywhere, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
