/* An operator's layout changes: staged, shown, applied; what is refused and in which words; what would move. */
#include "http/route.h"
#include "node/cluster/exchange.h"
#include "node/cluster/plan_build.h"
#include "node/core/layout_document.h"
#include "tests/node/cluster/plan_rig.h"

static int set_up(void **state)
{
    static struct rig rig;
    rig_init(&rig, 1000, 5);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_deinit(*state);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* --- the way of a change -------------------------------------------------------------------------------- */

static void before_any_layout_there_is_nothing_to_show_or_apply(void **state)
{
    struct rig *rig = *state;
    struct plan *plan = rig_plan(rig);
    assert_null(plan->next);
    assert_null(plan->staged.in_force);
    assert_string_equal(plan->refusal, "");
    assert_int_equal(plan->number, 1);
    assert_int_equal(plan->nodes_count, 0);
    assert_int_equal(plan->moves_count, 0);
    expect_result(rig_apply(rig, 1), PLAN_CONFLICT, "NothingStaged",
                  "nothing is staged and there is no layout: assign nodes first");
    expect_result(rig_apply(rig, 0), PLAN_CONFLICT, "NothingStaged", NULL);
    expect_result(rig_revert(rig), PLAN_NOTHING, NULL, "nothing is staged");
}

static void what_is_staged_is_shown_then_applied_and_gone(void **state)
{
    struct rig *rig = *state;
    expect_result(rig_assign(rig, "n1", "paris", RIG_GIB), PLAN_DONE, NULL, NULL);
    expect_result(rig_assign(rig, "n2", "rome", 2 * RIG_GIB), PLAN_DONE, NULL, NULL);
    expect_result(rig_set(rig, 2, 2), PLAN_DONE, NULL, NULL);
    struct plan *plan = rig_plan(rig);
    assert_string_equal(plan->refusal, "");
    assert_int_equal(plan->staged.roles_count, 2);
    assert_string_equal(plan->staged.roles[1].zone, "rome");
    assert_null(plan->staged.roles[1].lost);
    assert_non_null(plan->next);
    assert_int_equal(plan->next->number, 1);
    assert_int_equal(plan->next->replication, 2);
    assert_int_equal(plan->moved_partitions, 2 * RING_PARTITIONS);
    assert_int_equal(rig_number(rig), 0); /* looking changes nothing */

    struct plan_result result = rig_apply(rig, 1);
    assert_int_equal(result.verdict, PLAN_DONE);
    assert_int_equal(result.number, 1);
    assert_int_equal(rig_number(rig), 1);
    assert_memory_equal(view_layout(rig->view)->holders, plan->next->holders, sizeof plan->next->holders);
    assert_true(staged_is_empty(&(struct staged){0}));
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
}

/* The case other stores get wrong: a number applied a second time. */
static void the_same_number_again_changes_nothing(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    uint32_t count = view_documents_count(rig->view);
    struct plan_result result = rig_apply(rig, 1);
    expect_result(result, PLAN_NOTHING, NULL, "version 1 is in force already, and nothing is staged");
    assert_int_equal(result.number, 1);
    assert_int_equal(view_documents_count(rig->view), count);
    expect_result(rig_apply(rig, 2), PLAN_CONFLICT, "NothingStaged",
                  "nothing is staged: version 1 is in force and stays; assign or remove a node first");
    rig_assign(rig, "n4", "z4", RIG_GIB);
    expect_result(rig_apply(rig, 1), PLAN_CONFLICT, "WrongNumber",
                  "version 1 is in force already, and other changes are staged: look at the plan, then apply 2");
    expect_result(rig_apply(rig, 3), PLAN_CONFLICT, "WrongNumber",
                  "the next version is 2, not 3: look at the plan, then apply 2");
    assert_int_equal(rig_number(rig), 1);
    expect_result(rig_apply(rig, 2), PLAN_DONE, NULL, NULL);
    expect_result(rig_apply(rig, 2), PLAN_NOTHING, NULL, NULL);
}

static void what_is_so_already_is_not_staged(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    expect_result(rig_assign(rig, "n1", "z1", 10 * RIG_GIB), PLAN_DONE, NULL, NULL);
    expect_result(rig_set(rig, 3, 0), PLAN_DONE, NULL, NULL);
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    expect_result(rig_apply(rig, 1), PLAN_NOTHING, NULL, NULL);
    rig_assign(rig, "n1", "z1", 11 * RIG_GIB);
    staged = rig_staged(rig);
    assert_int_equal(staged.roles_count, 1);
    rig_assign(rig, "n1", "z1", 10 * RIG_GIB); /* thought better of */
    staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
}

static void revert_forgets_all_that_is_staged(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    rig_assign(rig, "n4", "z4", RIG_GIB);
    rig_remove(rig, "n1");
    rig_set(rig, 2, 1);
    expect_result(rig_revert(rig), PLAN_DONE, NULL, NULL);
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    expect_result(rig_revert(rig), PLAN_NOTHING, NULL, "nothing is staged");
    expect_result(rig_apply(rig, 1), PLAN_NOTHING, NULL, NULL);
}

static void a_role_that_was_only_staged_is_taken_back_by_its_removal(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    rig_assign(rig, "n4", "z4", RIG_GIB);
    expect_result(rig_remove(rig, "n4"), PLAN_DONE, NULL, NULL);
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    expect_result(rig_remove(rig, "n4"), PLAN_NOT_FOUND, "NoSuchRole",
                  "node n4 (4444444444444444) has no role, and none is staged for it");
}

/* --- refusals ------------------------------------------------------------------------------------------- */

static void a_bad_role_is_refused_when_it_is_staged(void **state)
{
    struct rig *rig = *state;
    static const char *const zones[] = {"", "a b", "a/b", "z\xc3\xa9",
                                        "0123456789012345678901234567890123456789012345678901234567890123"};
    const char *zone =
        "a zone's name has 1 to 63 characters of A-Z a-z 0-9 . _ -, not these three alone; name the "
        "site the node is in";
    const char *capacity = "a capacity is 1 byte to 2^60 bytes: give what the node may hold, or remove its role";
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        expect_result(rig_assign(rig, "n1", zones[i], 1), PLAN_BAD, "InvalidRequest", zone);
    expect_result(rig_assign(rig, "n1", "z", 0), PLAN_BAD, "InvalidRequest", capacity);
    expect_result(rig_assign(rig, "n1", "z", ((uint64_t)1 << 60) + 1), PLAN_BAD, "InvalidRequest", capacity);
    expect_result(rig_assign(rig, "n1", "z", UINT64_MAX), PLAN_BAD, "InvalidRequest", capacity);
    expect_result(rig_assign(rig, "n1", "a.B_0-9", (uint64_t)1 << 60), PLAN_DONE, NULL, NULL);
    expect_result(rig_set(rig, 0, -1), PLAN_BAD, "InvalidRequest", "replication is 1 to 8");
    expect_result(rig_set(rig, 9, -1), PLAN_BAD, "InvalidRequest", "replication is 1 to 8");
    expect_result(rig_set(rig, -1, 9), PLAN_BAD, "InvalidRequest",
                  "zone_redundancy is 0 to 8; 0 is as many zones as there can be");
    expect_result(
        rig_set(rig, -1, -1), PLAN_BAD, "InvalidRequest",
        "give a node with its zone and capacity, or with remove, or replication, zone_redundancy or partitions");
}

static void what_a_role_leaves_out_stays(void **state)
{
    struct rig *rig = *state;
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    const struct span no_zone = {NULL, 0};
    const uint64_t capacity = 7 * RIG_GIB;
    plan_stage_role(&input, span_text("n1"), no_zone, &capacity, &result);
    expect_result(result, PLAN_BAD, "InvalidRequest",
                  "node n1 (1111111111111111) has no role yet: give its zone and its capacity");
    plan_stage_role(&input, span_text("n1"), span_text("z"), NULL, &result);
    expect_result(result, PLAN_BAD, "InvalidRequest", NULL);
    rig_lay_out(rig, 3, 3);
    input = rig_input(rig);
    plan_stage_role(&input, span_text("n1"), no_zone, &capacity, &result);
    expect_result(rig_done(rig, result), PLAN_DONE, NULL, NULL);
    input = rig_input(rig);
    plan_stage_role(&input, span_text("n1"), span_text("z9"), NULL, &result);
    expect_result(rig_done(rig, result), PLAN_DONE, NULL, NULL);
    struct staged staged = rig_staged(rig);
    assert_int_equal(staged.roles_count, 1);
    assert_string_equal(staged.roles[0].zone, "z9");
    assert_int_equal(staged.roles[0].capacity, capacity);
}

static void expect_impossible(struct rig *rig, uint64_t number, const char *message)
{
    struct plan *plan = rig_plan(rig);
    assert_null(plan->next);
    if (strcmp(plan->refusal, message) != 0) print_error("got: %s\n", plan->refusal);
    assert_string_equal(plan->refusal, message);
    expect_result(rig_apply(rig, number), PLAN_CONFLICT, "ImpossibleLayout", message);
    assert_int_equal(rig_number(rig), number - 1);
}

static void an_impossible_layout_is_refused_with_the_smallest_way_out(void **state)
{
    struct rig *rig = *state;
    rig_assign(rig, "n1", "z1", RIG_GIB);
    expect_impossible(rig, 1,
                      "replication 3 wants 3 nodes, there is 1: assign 2 more nodes, or set replication to 1");
    rig_assign(rig, "n2", "z1", RIG_GIB);
    expect_impossible(rig, 1,
                      "replication 3 wants 3 nodes, there are 2: assign 1 more node, or set replication to 2");
    rig_assign(rig, "n3", "z1", RIG_GIB);
    rig_set(rig, -1, 2);
    expect_impossible(rig, 1,
                      "zone_redundancy 2 wants 2 zones, there is 1: assign a node in 1 more zone, or set "
                      "zone_redundancy to 1");
    rig_set(rig, 2, 3);
    expect_impossible(rig, 1,
                      "copies in 3 zones cannot be with replication 2: set zone_redundancy to 2, or replication "
                      "to 3");
    rig_set(rig, 3, 0);
    expect_result(rig_apply(rig, 1), PLAN_DONE, NULL, NULL);
    rig_remove(rig, "n1");
    expect_impossible(rig, 2,
                      "replication 3 wants 3 nodes, there are 2: assign 1 more node, or set replication to 2");
    rig_remove(rig, "n2");
    rig_remove(rig, "n3");
    expect_impossible(rig, 2, "no node would have a role: assign at least 3 (a zone and a capacity each)");
}

static void a_role_for_who_is_no_member_any_more_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    rig_assign(rig, "n4", "z4", RIG_GIB);
    rig_set_member(rig, 4, false);
    expect_impossible(
        rig, 2,
        "node n4 (4444444444444444) shall have a role but is no member of the cluster: connect it, or "
        "forget its role (stage its removal)");
    expect_result(rig_assign(rig, "n4", "z5", RIG_GIB), PLAN_CONFLICT, "NoSuchNode",
                  "node n4 (4444444444444444) is no member any more: connect it first");
    expect_result(rig_remove(rig, "4444"), PLAN_DONE, NULL, NULL);
    expect_result(rig_apply(rig, 1), PLAN_NOTHING, NULL, NULL);
}

static void the_last_number_is_the_last(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    struct ring_layout *last = arena_alloc(&rig->arena, sizeof *last);
    struct op_document document;
    *last = *view_layout(rig->view);
    last->number = UINT64_MAX;
    memcpy(last->parent, view_layout(rig->view)->hash, sizeof last->parent);
    if (!layout_document_encode(&rig->arena, last, &document)) fail();
    rig_write(rig, &document, 1);
    if (rig_number(rig) != UINT64_MAX) return; /* the view did not believe it: as well */
    rig_assign(rig, "n4", "z4", RIG_GIB);
    assert_string_equal(rig_plan(rig)->refusal, "the layout in force has the last number there is");
    assert_int_equal(rig_apply(rig, 0).verdict, PLAN_CONFLICT);
}

/* --- who is meant --------------------------------------------------------------------------------------- */

static void a_node_is_named_by_its_id_its_first_digits_or_its_name(void **state)
{
    struct rig *rig = *state;
    uint8_t id[RING_NODE_ID_BYTES];
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    static const char *const good[] = {"2222", "222222", "n2",
                                       "2222222222222222222222222222222222222222222222222222222222222222"};
    static const char *const unknown[] = {
        "",     "n9",    "N2",    "22",
        "2223", "x2222", "2222 ", "22222222222222222222222222222222222222222222222222222222222222222",
        "9999"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(plan_find_node(&input, span_text(good[i]), id, &result));
        assert_memory_equal(id, rig_id(2), sizeof id);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_false(plan_find_node(&input, span_text(unknown[i]), id, &result));
        assert_int_equal(result.verdict, PLAN_NOT_FOUND);
        assert_string_equal(result.code, "NoSuchNode");
    }
    plan_find_node(&input, span_text("n9"), id, &result);
    assert_string_equal(result.message,
                        "no node of this cluster has the id or the name \"n9\": connect it first, or "
                        "give at least 4 digits of its id");
    plan_find_node(&input, span_text("2223"), id, &result);
    assert_string_equal(result.message, "no node of this cluster has the id or the name \"2223\"; like it: n2 "
                                        "(2222222222222222)");
}

/* A message that has no room for all of a name ends before a letter, never in one: answers are UTF-8. */
static void a_message_that_is_cut_is_cut_between_letters(void **state)
{
    (void)state;
    struct plan_result result;
    for (size_t length = PLAN_MESSAGE_CHARS - 8; length < PLAN_MESSAGE_CHARS; length++) {
        char text[PLAN_MESSAGE_CHARS + 8] = "";
        memset(text, 'x', length);
        strcpy(text + length, "\xf0\x9f\x90\x9f");
        plan_say(&result, PLAN_BAD, "InvalidRequest", "%s", text);
        assert_true(http_is_utf8((struct http_span){result.message, strlen(result.message)}));
        assert_true(strlen(result.message) >= length - 1);
    }
}

static void what_fits_several_nodes_is_refused_with_their_names(void **state)
{
    struct rig *rig = *state;
    uint8_t id[RING_NODE_ID_BYTES] = {0xab, 0xcd, 0x12};
    struct plan_result result;
    const struct document_member member = {true, 1, span_text("n2")};
    for (int i = 0; i < 2; i++) {
        id[31] = (uint8_t)i;
        rig_put(rig, DOCUMENT_MEMBER, span_of(id, sizeof id), document_encode_member(&rig->arena, &member));
    }
    struct plan_input input = rig_input(rig);
    assert_false(plan_find_node(&input, span_text("ABCD12"), id, &result));
    expect_result(result, PLAN_CONFLICT, "AmbiguousNode",
                  "\"ABCD12\" fits several nodes: n2 (abcd120000000000), n2 (abcd120000000000): give more digits");
    assert_false(plan_find_node(&input, span_text("n2"), id, &result));
    expect_result(result, PLAN_CONFLICT, "AmbiguousNode", NULL);
    assert_false(plan_find_node(&input, span_text("\x1b[2J\n"), id, &result)); /* nothing steers a terminal */
    assert_string_equal(result.message,
                        "no node of this cluster has the id or the name \"?[2J?\": connect it first, "
                        "or give at least 4 digits of its id");
}

/* --- what would move ------------------------------------------------------------------------------------ */

static void check_sums(const struct plan *plan)
{
    uint32_t by_node = 0;
    uint32_t by_zone = 0;
    uint32_t gained = 0;
    for (uint32_t i = 0; i < plan->moves_count; i++) {
        by_node += plan->moves[i].partitions;
        assert_int_equal(plan->moves[i].bytes, plan->moves[i].partitions * plan->partition_bytes);
        if (i > 0) assert_true(plan->moves[i].partitions <= plan->moves[i - 1].partitions);
    }
    for (uint32_t i = 0; i < plan->zone_moves_count; i++)
        by_zone += plan->zone_moves[i].partitions;
    for (uint32_t i = 0; i < plan->nodes_count; i++) {
        const struct plan_node *node = &plan->nodes[i];
        gained += node->gained;
        assert_int_equal(node->load_before + node->gained, node->load_after + node->dropped);
        if (!node->is_after) assert_int_equal(node->load_after, 0);
        if (!node->is_before) assert_int_equal(node->load_before, 0);
    }
    assert_int_equal(by_node, plan->moved_partitions);
    assert_int_equal(by_zone, plan->moved_partitions);
    assert_int_equal(gained, plan->moved_partitions);
    assert_int_equal(plan->ring.moved_count, plan->moved_partitions);
}

/* Three zones of one node; a second one joins a zone: half of its neighbour's partitions go over, within the zone,
 * and nothing else moves. */
static void a_new_neighbour_takes_half_and_nothing_else_moves(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    rig_know_members(rig, 4, 1024 * RIG_GIB);
    rig_assign(rig, "n4", "z3", 10 * RIG_GIB);
    struct plan *plan = rig_plan(rig);
    assert_non_null(plan->next);
    check_sums(plan);
    assert_int_equal(plan->moved_partitions, RING_PARTITIONS / 2);
    assert_int_equal(plan->partition_bytes, RIG_GIB); /* 3 TiB in 3 × 1024 copies */
    assert_int_equal(plan->moved_bytes, (uint64_t)RING_PARTITIONS / 2 * RIG_GIB);
    assert_int_equal(plan->moves_count, 1);
    assert_memory_equal(plan->nodes[plan->moves[0].from].id, rig_id(3), RING_NODE_ID_BYTES);
    assert_memory_equal(plan->nodes[plan->moves[0].to].id, rig_id(4), RING_NODE_ID_BYTES);
    assert_int_equal(plan->zone_moves_count, 1);
    assert_string_equal(plan->zones[plan->zone_moves[0].from], "z3");
    assert_string_equal(plan->zones[plan->zone_moves[0].to], "z3");
    assert_int_equal(plan->warnings_count, 1); /* a terabyte on ten gigabytes */
}

static void a_node_that_leaves_gives_all_it_has(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 4, 2);
    rig_remove(rig, "n2");
    struct plan *plan = rig_plan(rig);
    assert_non_null(plan->next);
    check_sums(plan);
    assert_int_equal(plan->nodes_count, 4);
    assert_true(plan->nodes[1].is_before && !plan->nodes[1].is_after);
    assert_string_equal(plan->nodes[1].zone, "z2");
    assert_int_equal(plan->nodes[1].dropped, plan->nodes[1].load_before);
    assert_int_equal(plan->zones_count, 4);
    assert_int_equal(plan->partition_bytes, 0); /* nobody said what it holds */
    for (uint32_t i = 0; i < plan->moves_count; i++)
        assert_true(plan->moves[i].from != PLAN_NOWHERE);
}

/* Nobody fetches from a node that does not answer while another has the same. */
static void what_a_dead_node_held_comes_from_the_living(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 4, 2);
    rig_know_members(rig, 4, RIG_GIB);
    rig->rows[1].state = MEMBER_DOWN;
    rig_remove(rig, "n2");
    struct plan *plan = rig_plan(rig);
    check_sums(plan);
    assert_true(plan->moves_count > 0);
    for (uint32_t i = 0; i < plan->moves_count; i++)
        assert_memory_not_equal(plan->nodes[plan->moves[i].from].id, rig_id(2), RING_NODE_ID_BYTES);
}

static void more_copies_come_from_nodes_that_keep_theirs(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 1);
    rig_set(rig, 3, -1);
    struct plan *plan = rig_plan(rig);
    check_sums(plan);
    assert_int_equal(plan->moved_partitions, 2 * RING_PARTITIONS);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(plan->nodes[i].dropped, 0);
}

static void absurd_figures_of_others_end_at_the_largest_number(void **state)
{
    struct rig *rig = *state;
    rig_know_members(rig, 5, UINT64_MAX);
    rig_lay_out(rig, 3, 3);
    rig_assign(rig, "n4", "z4", 10 * RIG_GIB);
    struct plan *plan = rig_plan(rig);
    check_sums(plan);
    assert_true(plan->moved_bytes > 0);
}

/* --- warnings ------------------------------------------------------------------------------------------- */

static void expect_warning(const struct plan *plan, const char *text)
{
    for (uint32_t i = 0; i < plan->warnings_count; i++) {
        if (strstr(plan->warnings[i], text) != NULL) return;
        print_error("warned: %s\n", plan->warnings[i]);
    }
    print_error("no warning has: %s\n", text);
    fail();
}

static void an_operator_is_warned_of_nodes_that_do_not_answer(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 2);
    rig_know_members(rig, 4, 0);
    rig_assign(rig, "n4", "z4", 10 * RIG_GIB);
    assert_int_equal(rig_plan(rig)->warnings_count, 0);
    rig->rows[3].state = MEMBER_DOWN;
    expect_warning(rig_plan(rig), "node n4 (4444444444444444) is down: the ");
    rig->rows[3].state = MEMBER_SUSPECT; /* it may still answer */
    assert_int_equal(rig_plan(rig)->warnings_count, 0);
    rig->rows[1].state = MEMBER_DOWN;
    rig->rows[2].state = MEMBER_UNKNOWN;
    expect_warning(rig_plan(rig), "partitions have no holder that is up (");
    rig->rows[2].state = MEMBER_ALIVE;
    rig_remove(rig, "n1");
    expect_warning(rig_plan(rig), "partitions have one holder that is up, and it leaves");
    rig_revert(rig);
    rig_set(rig, 1, -1);
    rig_set_member(rig, 2, false);
    expect_warning(rig_plan(rig), "node n2 (2222222222222222) has a role but is no member any more");
}

static void a_node_that_would_hold_nothing_is_named(void **state)
{
    struct rig *rig = *state;
    rig_assign(rig, "n1", "z1", (uint64_t)1 << 60);
    rig_assign(rig, "n2", "z1", 1);
    rig_set(rig, 1, -1);
    struct plan *plan = rig_plan(rig);
    assert_string_equal(plan->refusal, "");
    bool is_idle = plan->nodes[1].load_after == 0; /* an assignment may find it something to do */
    assert_int_equal(plan->warnings_count, is_idle);
    if (is_idle) expect_warning(plan, "node n2 (2222222222222222) would hold nothing");
}

/* --- members -------------------------------------------------------------------------------------------- */

static struct plan_result remove_member(struct rig *rig, const char *node, bool is_forced)
{
    struct plan_result result;
    struct plan_input input = rig_input(rig);
    plan_remove_member(&input, span_text(node), is_forced, rig->wall_us, &result);
    return rig_done(rig, result);
}

static void a_node_with_a_role_is_not_removed_unless_forced(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 2);
    expect_result(remove_member(rig, "n2", false), PLAN_CONFLICT, "NodeHasRole",
                  "node n2 (2222222222222222) has a role in layout 1: stage its removal and apply that first, or "
                  "force it");
    rig_assign(rig, "n4", "z4", RIG_GIB);
    expect_result(remove_member(rig, "n4", false), PLAN_CONFLICT, "NodeHasRole",
                  "a role is staged for node n4 (4444444444444444): stage its removal first, or force it");
    expect_result(remove_member(rig, "n1", true), PLAN_CONFLICT, "NodeIsSelf",
                  "a node does not remove itself: ask another node to remove n1 (1111111111111111)");
    expect_result(remove_member(rig, "n9", true), PLAN_NOT_FOUND, "NoSuchNode", NULL);
    expect_result(remove_member(rig, "n5", false), PLAN_DONE, NULL, NULL);
    bool was_removed = false;
    assert_false(view_is_member(rig->view, rig_id(5), &was_removed));
    assert_true(was_removed);
    expect_result(remove_member(rig, "n2", true), PLAN_DONE, NULL, NULL);
    assert_false(view_is_member(rig->view, rig_id(2), NULL));
    expect_result(remove_member(rig, "n2", true), PLAN_NOTHING, NULL, "node n2 (2222222222222222) is no member");
    assert_int_equal(rig_number(rig), 1); /* the layout stays as it is */
}

/* --- without hands -------------------------------------------------------------------------------------- */

static void wish(struct rig *rig, int node, const char *zone, uint64_t capacity)
{
    struct announcement *announcement = &rig->rows[node - 1].announcement;
    announcement->zone = span_text(zone);
    announcement->capacity = capacity;
    announcement->flags = ANNOUNCEMENT_AUTO;
}

static void wishes_become_a_layout_once_there_are_enough(void **state)
{
    struct rig *rig = *state;
    rig->replication = 3;
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL,
                  "no member that is up is configured with a zone and a capacity");
    rig_know_members(rig, 5, 0);
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL, NULL);
    wish(rig, 1, "z1", RIG_GIB);
    wish(rig, 2, "z2", RIG_GIB);
    expect_result(rig_auto(rig), PLAN_NOTHING, "ImpossibleLayout",
                  "replication 3 wants 3 nodes, there are 2: assign 1 more node, or set replication to 2; the "
                  "configuration of n3 has no zone, no capacity or not \"auto\"");
    wish(rig, 3, "z3", RIG_GIB);
    struct plan_result result = rig_auto(rig);
    assert_int_equal(result.verdict, PLAN_DONE);
    assert_int_equal(result.number, 1);
    assert_int_equal(rig_number(rig), 1);
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL, NULL); /* again: nothing */
    wish(rig, 4, "z1", RIG_GIB);
    wish(rig, 1, "z1", 2 * RIG_GIB);
    assert_int_equal(rig_auto(rig).verdict, PLAN_DONE);
    assert_int_equal(view_layout(rig->view)->nodes_count, 4);
    assert_int_equal(view_layout(rig->view)->nodes[0].capacity, 2 * RIG_GIB);
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL, NULL);
}

/* What the configuration says of the first layout; without hands there is no other place to say it. */
static void the_first_layout_has_the_numbers_of_the_configuration(void **state)
{
    struct rig *rig = *state;
    rig_know_members(rig, 3, 0);
    rig->replication = 2;
    rig->zone_redundancy = 2;
    rig->partitions = 32;
    for (int i = 1; i <= 3; i++)
        wish(rig, i, "z1", RIG_GIB);
    expect_result(rig_auto(rig), PLAN_NOTHING, "ImpossibleLayout",
                  "zone_redundancy 2 wants 2 zones, there is 1: assign a node in 1 more zone, or set "
                  "zone_redundancy to 1");
    wish(rig, 3, "z2", RIG_GIB);
    expect_result(rig_auto(rig), PLAN_DONE, NULL, NULL);
    const struct ring_layout *layout = view_layout(rig->view);
    assert_int_equal(layout->replication, 2);
    assert_int_equal(layout->zone_redundancy, 2);
    assert_int_equal(layout->partitions_count, 32);
    rig->partitions = 64; /* later it says nothing */
    wish(rig, 2, "z2", RIG_GIB);
    expect_result(rig_auto(rig), PLAN_DONE, NULL, NULL);
    assert_int_equal(view_layout(rig->view)->partitions_count, 32);
}

static void wishes_that_make_no_sense_are_passed_over(void **state)
{
    struct rig *rig = *state;
    rig->replication = 1;
    rig_know_members(rig, 5, 0);
    wish(rig, 1, "z1", RIG_GIB);
    wish(rig, 2, "", RIG_GIB);
    wish(rig, 3, "z3", 0);
    wish(rig, 4, "z 4", UINT64_MAX);
    wish(rig, 5, "z5", RIG_GIB);
    rig->rows[4].announcement.flags = 0;
    rig->rows[1].state = MEMBER_DOWN;
    assert_int_equal(rig_auto(rig).verdict, PLAN_DONE);
    assert_int_equal(view_layout(rig->view)->nodes_count, 1);
    wish(rig, 2, "z2", RIG_GIB); /* it is down */
    wish(rig, 3, "z3", RIG_GIB);
    rig->rows[2].announcement.flags |= ANNOUNCEMENT_LEAVING;
    wish(rig, 4, "z4", RIG_GIB);
    rig_set_member(rig, 4, false);
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL, NULL);
}

/* Else an operator would wonder who took the change back. */
static void a_role_beside_the_configuration_is_warned_of(void **state)
{
    struct rig *rig = *state;
    rig_know_members(rig, 3, 0);
    for (int i = 1; i <= 3; i++)
        wish(rig, i, "z1", RIG_GIB);
    assert_int_equal(rig_auto(rig).verdict, PLAN_DONE);
    rig_assign(rig, "n2", "z2", RIG_GIB);
    struct plan *plan = rig_plan(rig);
    assert_int_equal(plan->warnings_count, 1);
    assert_string_equal(plan->warnings[0],
                        "node n2 (2222222222222222) is configured for zone z1 and 1073741824 bytes with bootstrap "
                        "auto, and gets that again by itself: change its configuration");
    expect_result(rig_apply(rig, 2), PLAN_DONE, NULL, NULL);
    assert_int_equal(rig_auto(rig).number, 3); /* so it does */
}

/* An operator's word counts more than a wish: who was taken out of the layout stays out. */
static void who_was_removed_by_hand_stays_out(void **state)
{
    struct rig *rig = *state;
    rig->replication = 2;
    rig_know_members(rig, 3, 0);
    for (int i = 1; i <= 3; i++)
        wish(rig, i, "z1", RIG_GIB);
    assert_int_equal(rig_auto(rig).verdict, PLAN_DONE);
    rig_assign(rig, "n5", "z9", RIG_GIB); /* staged by an operator: not applied without one */
    rig_remove(rig, "n3");
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL, NULL);
    expect_result(rig_apply(rig, 2), PLAN_DONE, NULL, NULL);
    expect_result(rig_auto(rig), PLAN_NOTHING, NULL, NULL);
    assert_int_equal(ring_layout_node(view_layout(rig->view), rig_id(3)), -1);
    rig_assign(rig, "n3", "z1", RIG_GIB);
    expect_result(rig_apply(rig, 3), PLAN_DONE, NULL, NULL);
    wish(rig, 3, "z4", RIG_GIB); /* now its wishes count again */
    assert_int_equal(rig_auto(rig).verdict, PLAN_DONE);
}

/* Whom an operator took out long ago stays out, and it is found out in the memory of a step. */
static void who_was_removed_many_versions_ago_stays_out(void **state)
{
    enum { STEP_BYTES = 4 << 20, VERSIONS = 200 };
    struct rig *rig = *state;
    struct arena arena;
    struct plan_result result;
    rig_know_members(rig, 4, 0);
    for (int i = 1; i <= 4; i++)
        wish(rig, i, "z1", RIG_GIB);
    rig_lay_out(rig, 3, 1);
    rig_remove(rig, "n3");
    expect_result(rig_apply(rig, 2), PLAN_DONE, NULL, NULL);
    for (uint64_t number = 3; number < VERSIONS; number++) {
        rig_assign(rig, "n2", "z1", RIG_GIB + number);
        expect_result(rig_apply(rig, number), PLAN_DONE, NULL, NULL);
    }
    wish(rig, 3, "z1", RIG_GIB);
    arena_init(&arena, STEP_BYTES);
    struct plan_input input = rig_input(rig);
    input.arena = &arena;
    plan_auto(&input, &result);
    rig_done(rig, result);
    expect_result(result, PLAN_DONE, NULL, NULL); /* node 4 gets its role */
    arena_deinit(&arena);
    assert_int_equal(ring_layout_node(view_layout(rig->view), rig_id(3)), -1);
    assert_true(ring_layout_node(view_layout(rig->view), rig_id(4)) >= 0);
}

/* --- partitions ------------------------------------------------------------------------------------------- */

static void the_number_of_partitions_is_chosen_once(void **state)
{
    static const char fixed[] =
        "the number of partitions is fixed with version 1: it is 256, and stays so in this "
        "cluster";
    struct rig *rig = *state;
    static const uint64_t wrong[] = {0, 3, 1000, 1025, 2048, UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_result(rig_set_partitions(rig, wrong[i]), PLAN_BAD, "InvalidRequest",
                      "partitions is a power of two, 1 to 1024");
    expect_result(rig_set_partitions(rig, 256), PLAN_DONE, NULL, NULL);
    assert_int_equal(rig_staged(rig).partitions.value, 256);
    rig_know_members(rig, 3, RIG_GIB);
    rig_lay_out(rig, 3, 3);
    assert_int_equal(view_layout(rig->view)->partitions_count, 256);
    expect_result(rig_set_partitions(rig, 1024), PLAN_CONFLICT, "PartitionsFixed", fixed);
    expect_result(rig_set_partitions(rig, 3), PLAN_CONFLICT, "PartitionsFixed", fixed);
    expect_result(rig_set_partitions(rig, 256), PLAN_DONE, NULL, NULL); /* it is so */
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    rig_assign(rig, "n4", "z1", 10 * RIG_GIB);
    assert_int_equal(rig_plan(rig)->moved_partitions, 128);
    expect_result(rig_apply(rig, 2), PLAN_DONE, NULL, NULL);
    assert_int_equal(view_layout(rig->view)->partitions_count, 256);
}

/* Bytes of a first plan: what nodes hold, divided by the partitions there will be. */
static void the_bytes_of_a_partition_follow_their_number(void **state)
{
    struct rig *rig = *state;
    rig_know_members(rig, 2, 64 * RIG_GIB);
    rig_set_partitions(rig, 64);
    rig_set(rig, 2, -1);
    rig_assign(rig, "n1", "z1", 100 * RIG_GIB);
    rig_assign(rig, "n2", "z2", 100 * RIG_GIB);
    struct plan *plan = rig_plan(rig);
    assert_int_equal(plan->partition_bytes, 2 * RIG_GIB);
    assert_int_equal(plan->moved_partitions, 2 * 64);
}

/* Nobody else would take one more: it is not made. */
static void no_more_versions_are_made_than_there_may_be(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 1);
    struct ring_layout *lost = arena_alloc(&rig->arena, sizeof *lost);
    struct op_document *documents = arena_array(&rig->arena, EXCHANGE_VERSIONS_MAX, sizeof *documents);
    *lost = *view_layout(rig->view);
    lost->number = 1;
    for (uint32_t i = 0; i < EXCHANGE_VERSIONS_MAX - 1; i++) {
        lost->nodes[0].capacity = RIG_GIB + i;
        assert_true(layout_document_encode(&rig->arena, lost, &documents[i]));
        documents[i].register_.time_us = rig->wall_us;
    }
    rig_merge(rig, documents, EXCHANGE_VERSIONS_MAX - 1);
    rig_assign(rig, "n4", "z1", RIG_GIB);
    char message[PLAN_MESSAGE_CHARS];
    snprintf(message, sizeof message,
             "there are %d versions of the layout, as many as a cluster may have: the one in force stays",
             EXCHANGE_VERSIONS_MAX);
    expect_result(rig_apply(rig, 2), PLAN_CONFLICT, "TooManyVersions", message);
    expect_result(rig_revert(rig), PLAN_DONE, NULL, NULL);
}

/* --- memory --------------------------------------------------------------------------------------------- */

/* With each ceiling too low nothing is half done; with enough it is done. */
static void without_memory_nothing_is_planned(void **state)
{
    struct rig *rig = *state;
    rig_lay_out(rig, 3, 3);
    rig_assign(rig, "n4", "z4", RIG_GIB);
    bool is_done = false;
    for (size_t ceiling = 0; !is_done; ceiling = ceiling * 5 / 4 + 4096) {
        struct plan_result result;
        struct arena arena;
        arena_init(&arena, ceiling);
        struct plan_input input = rig_input(rig);
        input.arena = &arena;
        plan_apply(&input, 2, &result);
        is_done = result.verdict == PLAN_DONE;
        if (!is_done) assert_int_equal(result.verdict, PLAN_NO_MEMORY);
        arena_reset(&arena);
        is_done = plan_make(&input) != NULL && is_done;
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(before_any_layout_there_is_nothing_to_show_or_apply),
        rig_test(what_is_staged_is_shown_then_applied_and_gone),
        rig_test(the_same_number_again_changes_nothing),
        rig_test(what_is_so_already_is_not_staged),
        rig_test(revert_forgets_all_that_is_staged),
        rig_test(a_role_that_was_only_staged_is_taken_back_by_its_removal),
        rig_test(a_bad_role_is_refused_when_it_is_staged),
        rig_test(what_a_role_leaves_out_stays),
        rig_test(an_impossible_layout_is_refused_with_the_smallest_way_out),
        rig_test(a_role_for_who_is_no_member_any_more_is_refused),
        rig_test(the_last_number_is_the_last),
        rig_test(a_node_is_named_by_its_id_its_first_digits_or_its_name),
        rig_test(what_fits_several_nodes_is_refused_with_their_names),
        cmocka_unit_test(a_message_that_is_cut_is_cut_between_letters),
        rig_test(a_new_neighbour_takes_half_and_nothing_else_moves),
        rig_test(a_node_that_leaves_gives_all_it_has),
        rig_test(what_a_dead_node_held_comes_from_the_living),
        rig_test(more_copies_come_from_nodes_that_keep_theirs),
        rig_test(absurd_figures_of_others_end_at_the_largest_number),
        rig_test(an_operator_is_warned_of_nodes_that_do_not_answer),
        rig_test(a_node_that_would_hold_nothing_is_named),
        rig_test(a_node_with_a_role_is_not_removed_unless_forced),
        rig_test(wishes_become_a_layout_once_there_are_enough),
        rig_test(the_first_layout_has_the_numbers_of_the_configuration),
        rig_test(wishes_that_make_no_sense_are_passed_over),
        rig_test(a_role_beside_the_configuration_is_warned_of),
        rig_test(who_was_removed_by_hand_stays_out),
        rig_test(who_was_removed_many_versions_ago_stays_out),
        rig_test(the_number_of_partitions_is_chosen_once),
        rig_test(the_bytes_of_a_partition_follow_their_number),
        rig_test(no_more_versions_are_made_than_there_may_be),
        rig_test(without_memory_nothing_is_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
