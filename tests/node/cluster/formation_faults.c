/* Forming and giving roles when something goes wrong on the way: an adoption that fails, two layouts with one
 * number, a member that does not do its part, one identity twice (H2, H11, H12). */
#include "node/core/layout_document.h"
#include "tests/node/cluster/cluster_rig.h"
#include "tests/node/cluster/puppet.h"

enum { NODES = 5, SPARE = NODES, MACHINES };

static struct rig rig;
static struct machine *nodes[MACHINES];
static struct puppet puppet;

/* --- one node, and a puppet --------------------------------------------------------------------------------- */

static int set_up_puppet(void **state)
{
    (void)state;
    puppet_init(&puppet);
    return 0;
}

static int tear_down_puppet(void **state)
{
    (void)state;
    puppet_deinit(&puppet);
    return 0;
}

static const uint8_t *own_id(void)
{
    return puppet.node.cluster.identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

static struct op_document member_document(const uint8_t *id)
{
    const struct document_member member = {.is_member = true, .since_us = 1, .name = span_text("x")};
    struct span payload = document_encode_member(&puppet.arena, &member);
    return (struct op_document){
        .key = document_key_of(&puppet.arena, DOCUMENT_MEMBER, span_of(id, LINK_NODE_ID_BYTES)),
        .register_ = {5, 7, payload.bytes, payload.length}};
}

/* The node is invited, asks, and is granted: both are members. */
static void grant(void)
{
    static const uint8_t key[HASH_KEY_BYTES] = "a key of another cluster, 32 by";
    const struct message invite = {.kind = MESSAGE_JOIN_INVITE};
    struct op_document documents[2];
    bool is_first = memcmp(own_id(), puppet_id(&puppet), LINK_NODE_ID_BYTES) < 0;
    documents[is_first ? 0 : 1] = member_document(own_id());
    documents[is_first ? 1 : 0] = member_document(puppet_id(&puppet));
    const struct message message = {.kind = MESSAGE_JOIN_GRANT,
                                    .cluster_id = span_of(puppet.identity.cluster_id, LINK_CLUSTER_ID_BYTES),
                                    .hash_key = span_of(key, sizeof key),
                                    .token_key = span_of(key, sizeof key),
                                    .documents_key = span_of(key, sizeof key),
                                    .documents = documents,
                                    .documents_count = 2};
    puppet.identity.is_member = true;
    puppet_dial(&puppet);
    puppet_say(&puppet, &invite);
    assert_int_equal(puppet.heard[MESSAGE_JOIN_ASK], 1);
    puppet.holds_ops = true;
    puppet_say(&puppet, &message);
}

/* The store takes longer than a round, and then it is full: the node goes on looking. */
static void an_adoption_that_fails_late_does_not_end_the_search(void **state)
{
    (void)state;
    const struct timer *timer = &puppet.node.cluster.formation->timer;
    grant();
    assert_int_equal(puppet.held_count, 1);
    puppet_wait(&puppet, 60000);
    assert_true(puppet.node.cluster.join->is_adopting);
    puppet.holds_ops = false;
    disk_fail_next(&puppet.disk, 1, ERR_FULL);
    puppet_release(&puppet);
    assert_false(puppet.has_restarted);
    assert_false(puppet.node.cluster.join->is_adopting);
    uint32_t failures = puppet.node.cluster.formation->failures;
    puppet_wait(&puppet, 60000);
    assert_true(timer->place != 0);
    assert_true(puppet.node.cluster.formation->failures > failures);
}

static const struct ring_layout *layout_of_puppet(void)
{
    return view_layout(puppet.node.requests.service.view);
}

/* Another first version, with the puppet in place of the node, that wins. */
static struct op_document other_first(const struct ring_layout *in_force)
{
    struct op_document document = {0};
    struct ring_layout *other = arena_alloc(&puppet.arena, sizeof *other);
    assert_non_null(other);
    for (uint64_t capacity = 1; capacity < 1000; capacity++) {
        *other = *in_force;
        memcpy(other->nodes[0].id, puppet_id(&puppet), RING_NODE_ID_BYTES);
        other->nodes[0].capacity = capacity;
        assert_true(layout_document_encode(&puppet.arena, other, &document));
        if (memcmp(other->hash, in_force->hash, RING_LAYOUT_HASH_BYTES) < 0) break;
    }
    document.register_.time_us = 5;
    document.register_.actor = 7;
    return document;
}

static void roles_that_lost_are_given_again(void **state)
{
    (void)state;
    struct cluster_settings *settings = &puppet.settings.cluster;
    snprintf(settings->zone, sizeof settings->zone, "z");
    settings->capacity = 1000000;
    settings->replication = 1;
    settings->zone_redundancy = 1;
    settings->partitions = 16;
    puppet_become_member(&puppet);
    puppet_hang_up(&puppet);
    settings->bootstrap = CLUSTER_AUTO;
    puppet_wait(&puppet, 200000);
    assert_non_null(layout_of_puppet());
    assert_int_equal(layout_of_puppet()->number, 1);
    assert_true(puppet.node.cluster.formation->is_content);
    struct op_document other = other_first(layout_of_puppet());
    const struct message message = {
        .kind = MESSAGE_DOCS, .is_last = true, .documents = &other, .documents_count = 1};
    puppet_dial(&puppet);
    puppet_ask_for_documents(&puppet);
    puppet_say(&puppet, &message);
    assert_int_equal(layout_of_puppet()->number, 1);
    assert_int_equal(ring_layout_node(layout_of_puppet(), own_id()), -1);
    puppet_hang_up(&puppet);
    puppet_wait(&puppet, 200000);
    assert_int_equal(layout_of_puppet()->number, 2);
    assert_true(ring_layout_node(layout_of_puppet(), own_id()) >= 0);
}

/* --- whole nodes in the simulator's world ------------------------------------------------------------------- */

/* The file a person would write for each of them: the first five as peers, a zone and a capacity. */
static void configure(uint32_t index)
{
    struct cluster_settings *cluster = &nodes[index]->settings.cluster;
    cluster->bootstrap = CLUSTER_AUTO;
    cluster->capacity = 100;
    snprintf(cluster->zone, sizeof cluster->zone, "zone-%u", index % 3);
    for (uint32_t i = 0; i < NODES; i++)
        rig_give_peer(nodes[index], nodes[i]->settings.cluster.address);
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    for (uint32_t i = 0; i < MACHINES; i++)
        nodes[i] = rig_add(&rig);
    for (uint32_t i = 0; i < MACHINES; i++)
        configure(i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static void start(uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        machine_start(nodes[i]);
}

static bool has_role(struct machine *at, const struct machine *machine)
{
    const struct ring_layout *layout = view_layout(machine_view(at));
    return layout != NULL && ring_layout_node(layout, machine->node_id) >= 0;
}

/* Of the first five in order of their ids. */
static struct machine *in_order(uint32_t place)
{
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t lower = 0;
        for (uint32_t j = 0; j < NODES; j++)
            lower += memcmp(nodes[j]->node_id, nodes[i]->node_id, LINK_NODE_ID_BYTES) < 0;
        if (lower == place) return nodes[i];
    }
    return NULL;
}

/* The one whose turn it is is up, and never writes. */
static void form_with_an_idle_first(void)
{
    start(0, NODES);
    rig_expect_agreement(&rig, nodes, NODES, 60);
    rig_run(&rig, 30);
    rig_cluster(in_order(0))->formation->is_writing = true;
    start(SPARE, MACHINES);
}

static void who_never_writes_does_not_stop_roles_for_all(void **state)
{
    (void)state;
    form_with_an_idle_first();
    rig_run(&rig, 5);
    assert_true(memcmp(in_order(0)->node_id, nodes[SPARE]->node_id, LINK_NODE_ID_BYTES) < 0);
    rig_run(&rig, 3 * FORMATION_TURN_PERIODS);
    assert_true(has_role(nodes[SPARE], nodes[SPARE]));
    assert_true(has_role(in_order(0), nodes[SPARE]));
    uint64_t number = view_layout(machine_view(in_order(0)))->number;
    rig_run(&rig, 6 * FORMATION_TURN_PERIODS); /* and then all leave it alone */
    assert_int_equal(view_layout(machine_view(in_order(0)))->number, number);
}

static void quarantine(struct machine *machine, const struct machine *other)
{
    struct member *member = members_find(&rig_cluster(machine)->members, other->node_id);
    assert_non_null(member);
    member->quarantined_until_ms = UINT64_MAX;
}

/* With two periods still, and some to look, no turn has passed yet. The next in order is either of two. */
static void who_is_quarantined_is_not_waited_for(void **state)
{
    (void)state;
    form_with_an_idle_first();
    rig_run(&rig, 5);
    quarantine(in_order(1), in_order(0));
    quarantine(nodes[SPARE], in_order(0));
    rig_run(&rig, FORMATION_TURN_PERIODS - 8);
    assert_true(has_role(in_order(1), nodes[SPARE]));
}

/* --- one identity twice ------------------------------------------------------------------------------------- */

static void make_copy(struct machine *machine, struct machine *copy)
{
    machine_stop(machine, true, "its directory is copied");
    disk_copy(&machine->disk, &copy->disk);
    copy->is_copy = true;
}

/* Does the node know of itself that it lives there? */
static bool is_at(struct machine *machine, const char *address)
{
    uint8_t key[1 + LINK_NODE_ID_BYTES] = {DOCUMENT_ADDRESS};
    struct op_document document;
    struct span known = {NULL, 0};
    memcpy(key + 1, machine->node_id, LINK_NODE_ID_BYTES);
    if (!view_document_of(machine_view(machine), span_of(key, sizeof key), &document)) return false;
    struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
    return document_decode_address(payload, &known) && span_is_equal(known, span_text(address));
}

static bool is_doubled(struct machine *machine)
{
    const struct gossip *gossip = rig_cluster(machine)->gossip; /* begins a moment after the start */
    return gossip != NULL && gossip_stats(gossip).is_doubled;
}

/* Both would say where they are, and each write over the other for ever. */
static void a_doubled_member_does_not_say_where_it_is(void **state)
{
    (void)state;
    const char *elsewhere = "elsewhere.example.org:3901";
    struct machine *machine = nodes[4];
    struct machine *copy = nodes[SPARE];
    start(0, NODES);
    rig_expect_agreement(&rig, nodes, NODES, 60);
    make_copy(machine, copy);
    machine_start(machine);
    machine_start(copy);
    for (int i = 0; i < 60 && !(is_doubled(machine) && is_doubled(copy)); i++)
        rig_run(&rig, 1);
    assert_true(is_doubled(machine) && is_doubled(copy));
    snprintf(machine->settings.cluster.address, CLUSTER_ADDRESS_BYTES, "%s", elsewhere);
    for (int i = 0; i < 30; i++) {
        rig_run(&rig, 1);
        assert_true(is_doubled(machine));
        assert_false(is_at(machine, elsewhere));
    }
    machine_stop(copy, true, "it is the copy");
    for (int i = 0; i < 240 && !is_at(machine, elsewhere); i++)
        rig_run(&rig, 1);
    assert_true(is_at(machine, elsewhere));
}

/* A fresh node that was copied, and both have met: neither asks to be let in while the other is there. */
static void a_doubled_fresh_node_does_not_ask_to_be_let_in(void **state)
{
    (void)state;
    struct machine *machine = nodes[3];
    struct machine *copy = nodes[4];
    machine_start(machine);
    rig_run(&rig, 1);
    make_copy(machine, copy);
    start(3, NODES);
    rig_run(&rig, 5);
    start(0, 3);
    rig_expect_agreement(&rig, nodes, 3, 60);
    rig_run(&rig, 60);
    assert_false(rig_is_member(machine) || rig_is_member(copy));
    machine_stop(copy, true, "it is the copy");
    rig_expect_agreement(&rig, nodes, 4, 120);
}

#define test(function)        cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define puppet_test(function) cmocka_unit_test_setup_teardown(function, set_up_puppet, tear_down_puppet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        puppet_test(an_adoption_that_fails_late_does_not_end_the_search),
        puppet_test(roles_that_lost_are_given_again),
        test(who_never_writes_does_not_stop_roles_for_all),
        test(who_is_quarantined_is_not_waited_for),
        test(a_doubled_member_does_not_say_where_it_is),
        test(a_doubled_fresh_node_does_not_ask_to_be_let_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
