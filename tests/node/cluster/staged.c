/* Two layouts with one number (H11): on both sides of a cut operators change and apply; after the heal all nodes
 * have one layout, and what the other side wanted is kept, shown, and taken over or given up. */
#include "node/core/layout_document.h"
#include "tests/node/cluster/plan_rig.h"

/* Two sides of a cut that know the same. */
struct cut {
    struct rig a, b;
};

static int set_up(void **state)
{
    static struct cut cut;
    rig_init(&cut.a, 1000, 6);
    rig_init(&cut.b, 1000, 0);
    rig_lay_out(&cut.a, 3, 2);
    rig_meet(&cut.a, &cut.b);
    cut.b.wall_us += 500; /* clocks are never quite equal */
    *state = &cut;
    return 0;
}

static int tear_down(void **state)
{
    struct cut *cut = *state;
    rig_deinit(&cut->a);
    rig_deinit(&cut->b);
    return 0;
}

#define cut_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static bool is_hash(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, RING_LAYOUT_HASH_BYTES) == 0;
}

/* Both see one layout in force; which side's it is. */
static struct rig *winner_of(struct cut *cut, const uint8_t *hash_of_a, const uint8_t *hash_of_b)
{
    const uint8_t *in_force = view_layout(cut->a.view)->hash;
    assert_true(is_hash(in_force, view_layout(cut->b.view)->hash));
    const uint8_t *smaller = memcmp(hash_of_a, hash_of_b, RING_LAYOUT_HASH_BYTES) < 0 ? hash_of_a : hash_of_b;
    assert_true(is_hash(in_force, smaller));
    return smaller == hash_of_a ? &cut->a : &cut->b;
}

struct hash {
    uint8_t bytes[RING_LAYOUT_HASH_BYTES];
};

static struct hash hash_in_force(const struct rig *rig)
{
    struct hash hash;
    memcpy(hash.bytes, view_layout(rig->view)->hash, sizeof hash.bytes);
    return hash;
}

/* A assigns node 4, B removes node 3 and node 1 gets more room; both as version 2; then they meet. */
static const struct hash *make_conflict(struct cut *cut, struct hash hashes[2])
{
    assert_int_equal(rig_assign(&cut->a, "n4", "z4", RIG_GIB).verdict, PLAN_DONE);
    assert_int_equal(rig_apply(&cut->a, 2).verdict, PLAN_DONE);
    assert_int_equal(rig_remove(&cut->b, "n3").verdict, PLAN_DONE);
    assert_int_equal(rig_assign(&cut->b, "n1", "z1", 20 * RIG_GIB).verdict, PLAN_DONE);
    assert_int_equal(rig_set(&cut->b, -1, 1).verdict, PLAN_DONE);
    assert_int_equal(rig_apply(&cut->b, 2).verdict, PLAN_DONE);
    hashes[0] = hash_in_force(&cut->a);
    hashes[1] = hash_in_force(&cut->b);
    rig_meet(&cut->a, &cut->b);
    return winner_of(cut, hashes[0].bytes, hashes[1].bytes) == &cut->a ? &hashes[1] : &hashes[0];
}

static void check_lost_changes(struct rig *rig, const struct hash *lost, bool lost_is_b)
{
    struct staged staged = rig_staged(rig);
    assert_int_equal(staged.history.lost_count, 1);
    const struct history_version *version = history_find(&staged.history, lost->bytes);
    assert_non_null(version);
    assert_int_equal(version->fate, HISTORY_LOST);
    assert_int_equal(version->number, 2);
    if (lost_is_b) {
        assert_int_equal(staged.roles_count, 2);
        assert_int_equal(staged.roles[0].capacity, 20 * RIG_GIB);
        assert_memory_equal(staged.roles[1].node_id, rig_id(3), RING_NODE_ID_BYTES);
        assert_true(staged.roles[1].is_removal);
        assert_true(staged.zone_redundancy.is_set && staged.zone_redundancy.value == 1);
        assert_ptr_equal(staged.zone_redundancy.lost, version);
    } else {
        assert_int_equal(staged.roles_count, 1);
        assert_memory_equal(staged.roles[0].node_id, rig_id(4), RING_NODE_ID_BYTES);
        assert_string_equal(staged.roles[0].zone, "z4");
    }
    for (uint32_t i = 0; i < staged.roles_count; i++)
        assert_ptr_equal(staged.roles[i].lost, version);
    assert_false(staged.replication.is_set);
}

static void the_losers_changes_are_kept_and_shown_on_both_sides(void **state)
{
    struct cut *cut = *state;
    struct hash hashes[2];
    const struct hash *lost = make_conflict(cut, hashes);
    check_lost_changes(&cut->a, lost, lost == &hashes[1]);
    check_lost_changes(&cut->b, lost, lost == &hashes[1]);
}

static void check_settled(struct rig *rig, const struct hash *lost)
{
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    assert_int_equal(staged.history.lost_count, 0);
    assert_int_equal(history_find(&staged.history, lost->bytes)->fate, HISTORY_DISMISSED);
}

static void the_next_version_takes_the_losers_changes_over(void **state)
{
    struct cut *cut = *state;
    struct hash hashes[2];
    const struct hash *lost = make_conflict(cut, hashes);
    expect_result(rig_apply(&cut->a, 2), PLAN_CONFLICT, "WrongNumber", NULL);
    expect_result(rig_apply(&cut->a, 3), PLAN_DONE, NULL, NULL);
    rig_meet(&cut->a, &cut->b);
    check_settled(&cut->a, lost);
    check_settled(&cut->b, lost);
    const struct ring_layout *layout = view_layout(cut->b.view); /* has what both wanted */
    assert_int_equal(layout->number, 3);
    assert_int_equal(layout->nodes_count, 3);
    assert_int_equal(ring_layout_node(layout, rig_id(3)), -1);
    assert_true(ring_layout_node(layout, rig_id(4)) >= 0);
    assert_int_equal(layout->nodes[0].capacity, 20 * RIG_GIB);
    assert_int_equal(layout->zone_redundancy, 1);
    expect_result(rig_apply(&cut->b, 3), PLAN_NOTHING, NULL, NULL);
}

static void revert_gives_the_losers_changes_up(void **state)
{
    struct cut *cut = *state;
    struct hash hashes[2];
    const struct hash *lost = make_conflict(cut, hashes);
    struct hash before = hash_in_force(&cut->a);
    expect_result(rig_revert(&cut->b), PLAN_DONE, NULL, NULL);
    rig_meet(&cut->a, &cut->b);
    check_settled(&cut->a, lost);
    assert_true(is_hash(before.bytes, view_layout(cut->a.view)->hash));
    expect_result(rig_apply(&cut->a, 2), PLAN_NOTHING, NULL, NULL);
}

/* Both sides apply the same: one version, nothing lost. */
static void equal_changes_are_one_version(void **state)
{
    struct cut *cut = *state;
    struct rig *sides[] = {&cut->a, &cut->b};
    for (int i = 0; i < 2; i++) {
        rig_assign(sides[i], "n4", "z4", RIG_GIB);
        assert_int_equal(rig_apply(sides[i], 2).verdict, PLAN_DONE);
    }
    rig_meet(&cut->a, &cut->b);
    struct staged staged = rig_staged(&cut->a);
    assert_int_equal(staged.history.count, 2);
    assert_int_equal(staged.history.lost_count, 0);
    assert_true(staged_is_empty(&staged));
}

/* Both wanted node 4, one of them something else too: what both wanted is not staged any more. */
static void what_both_sides_wanted_is_not_staged(void **state)
{
    struct cut *cut = *state;
    rig_assign(&cut->a, "n4", "z4", RIG_GIB);
    rig_apply(&cut->a, 2);
    rig_assign(&cut->b, "n4", "z4", RIG_GIB);
    rig_assign(&cut->b, "n5", "z4", RIG_GIB);
    rig_apply(&cut->b, 2);
    struct hash hash_of_a = hash_in_force(&cut->a);
    struct hash hash_of_b = hash_in_force(&cut->b);
    rig_meet(&cut->a, &cut->b);
    bool a_won = winner_of(cut, hash_of_a.bytes, hash_of_b.bytes) == &cut->a;
    struct staged staged = rig_staged(&cut->a);
    assert_int_equal(staged.history.lost_count, 1);
    assert_int_equal(staged.roles_count, a_won);
    if (a_won) assert_memory_equal(staged.roles[0].node_id, rig_id(5), RING_NODE_ID_BYTES);
}

/* The side that went further wins whatever the hashes; all versions of the other side have lost, the later one's
 * changes over the earlier one's. */
static void a_longer_chain_wins_and_the_other_is_lost_as_a_whole(void **state)
{
    struct cut *cut = *state;
    for (uint64_t number = 2; number <= 4; number++) {
        rig_assign(&cut->a, "n4", "z4", number * RIG_GIB);
        assert_int_equal(rig_apply(&cut->a, number).verdict, PLAN_DONE);
    }
    rig_assign(&cut->b, "n5", "z5", RIG_GIB);
    assert_int_equal(rig_apply(&cut->b, 2).verdict, PLAN_DONE);
    rig_assign(&cut->b, "n5", "z6", 7 * RIG_GIB);
    rig_assign(&cut->b, "n6", "z6", RIG_GIB);
    assert_int_equal(rig_apply(&cut->b, 3).verdict, PLAN_DONE);
    rig_meet(&cut->a, &cut->b);
    assert_int_equal(rig_number(&cut->b), 4);
    struct staged staged = rig_staged(&cut->b);
    assert_int_equal(staged.history.count, 6);
    assert_int_equal(staged.history.lost_count, 2);
    assert_int_equal(staged.roles_count, 2);
    assert_string_equal(staged.roles[0].zone, "z6");
    assert_int_equal(staged.roles[0].lost->number, 3);
    assert_int_equal(staged.history.versions[0].fate, HISTORY_ANCESTOR);
    assert_int_equal(staged.history.versions[5].fate, HISTORY_IN_FORCE);
    expect_result(rig_apply(&cut->b, 5), PLAN_DONE, NULL, NULL);
    staged = rig_staged(&cut->b);
    assert_true(staged_is_empty(&staged));
    assert_int_equal(staged.history.lost_count, 0);
    assert_int_equal(view_layout(cut->b.view)->nodes_count, 6);
}

static void what_an_operator_stages_wins_over_what_lost(void **state)
{
    struct cut *cut = *state;
    struct hash hashes[2];
    const struct hash *lost = make_conflict(cut, hashes);
    const char *node = lost == &hashes[1] ? "n1" : "n4";
    rig_assign(&cut->a, node, "z8", 3 * RIG_GIB);
    struct staged staged = rig_staged(&cut->a);
    const struct staged_role *role = staged_role_of(&staged, rig_id(lost == &hashes[1] ? 1 : 4));
    assert_non_null(role);
    assert_string_equal(role->zone, "z8");
    assert_null(role->lost);
}

/* What is staged on one side of the cut, and not applied, is there after it. */
static void what_was_staged_during_the_cut_stays_staged(void **state)
{
    struct cut *cut = *state;
    rig_assign(&cut->a, "n4", "z4", RIG_GIB);
    rig_apply(&cut->a, 2);
    rig_assign(&cut->b, "n5", "z5", RIG_GIB);
    rig_meet(&cut->a, &cut->b);
    struct staged staged = rig_staged(&cut->a);
    assert_int_equal(staged.roles_count, 1);
    assert_memory_equal(staged.roles[0].node_id, rig_id(5), RING_NODE_ID_BYTES);
    assert_null(staged.roles[0].lost);
    expect_result(rig_apply(&cut->a, 3), PLAN_DONE, NULL, NULL);
}

/* Two first layouts: neither has a parent. */
static void two_first_layouts_are_settled_like_any_two(void **state)
{
    (void)state;
    static struct rig a, b;
    rig_init(&a, 1000, 3);
    rig_init(&b, 2000, 3);
    rig_assign(&a, "n1", "z1", RIG_GIB);
    rig_set(&a, 1, -1);
    rig_apply(&a, 1);
    rig_assign(&b, "n2", "z2", RIG_GIB);
    rig_assign(&b, "n3", "z2", RIG_GIB);
    rig_set(&b, 2, -1);
    rig_apply(&b, 1);
    rig_meet(&a, &b);
    struct staged staged = rig_staged(&a);
    assert_int_equal(staged.history.lost_count, 1);
    assert_int_equal(staged.in_force->number, 1);
    assert_true(staged.replication.is_set && staged.replication.lost != NULL);
    assert_int_equal(staged.roles_count, 3 - staged.in_force->nodes_count);
    expect_result(rig_apply(&a, 2), PLAN_DONE, NULL, NULL);
    assert_int_equal(view_layout(a.view)->nodes_count, 3);
    rig_deinit(&a);
    rig_deinit(&b);
}

/* Documents come in any order: what the chain cannot be followed to has not lost. */
static void without_a_parent_nothing_is_taken_for_lost(void **state)
{
    struct cut *cut = *state;
    for (uint64_t number = 2; number <= 4; number++) {
        rig_assign(&cut->a, "n4", "z4", number * RIG_GIB);
        rig_apply(&cut->a, number);
    }
    struct rig partial;
    rig_init(&partial, 1000, 6);
    struct span id;
    struct span payload;
    for (uint32_t i = 0; view_nth(cut->a.view, DOCUMENT_LAYOUT, i, &id, &payload); i++) {
        if (i != 2) rig_put(&partial, DOCUMENT_LAYOUT, id, payload); /* version 3 is still on its way */
    }
    struct staged staged = rig_staged(&partial);
    assert_int_equal(staged.in_force->number, 2);
    assert_int_equal(staged.history.count, 3);
    assert_int_equal(staged.history.versions[2].fate, HISTORY_INCOMPLETE);
    assert_int_equal(staged.history.lost_count, 0);
    assert_true(staged_is_empty(&staged));
    assert_int_equal(rig_revert(&partial).verdict, PLAN_NOTHING);
    rig_meet(&cut->a, &partial);
    assert_int_equal(rig_number(&partial), 4);
    rig_deinit(&partial);
}

/* A version whose parent is not there says nothing: nobody knows what it changed. */
static void a_version_without_its_parent_stages_nothing(void **state)
{
    struct cut *cut = *state;
    struct op_document document;
    struct ring_layout *orphan = arena_alloc(&cut->a.arena, sizeof *orphan);
    rig_assign(&cut->a, "n4", "z4", RIG_GIB);
    rig_apply(&cut->a, 2);
    *orphan = *view_layout(cut->a.view);
    memset(orphan->parent, 0x5a, sizeof orphan->parent);
    for (int i = 0; i < 20; i++) { /* until its hash is the larger one */
        orphan->nodes[0].capacity = (uint64_t)(i + 1);
        if (!layout_document_encode(&cut->a.arena, orphan, &document)) fail();
        if (memcmp(orphan->hash, view_layout(cut->a.view)->hash, sizeof orphan->hash) > 0) break;
    }
    rig_write(&cut->a, &document, 1);
    struct staged staged = rig_staged(&cut->a);
    assert_non_null(history_find(&staged.history, orphan->hash));
    assert_int_equal(history_find(&staged.history, orphan->hash)->fate, HISTORY_INCOMPLETE);
    assert_int_equal(staged.history.lost_count, 0);
    assert_true(staged_is_empty(&staged));
}

/* The document of a version in the view, with one byte of its first holder another one. */
static struct op_document spoil(struct rig *rig, const struct ring_layout *layout)
{
    uint8_t key[1 + LAYOUT_DOCUMENT_ID_BYTES] = {DOCUMENT_LAYOUT};
    struct op_document document;
    wire_store_u64(key + 1, layout->number);
    memcpy(key + 9, layout->hash, RING_LAYOUT_HASH_BYTES);
    assert_true(view_document_of(rig->view, span_of(key, sizeof key), &document));
    size_t length = document.register_.payload_bytes;
    uint8_t *payload = arena_copy(&rig->arena, document.register_.payload, length);
    assert_non_null(payload);
    payload[length - 1] ^= 1;
    document.register_.payload = payload;
    return document;
}

/* A look at the versions reads their names only, as who decides on the one in force does: what led to it is there
 * though it cannot be read any more, and costs no more for being large. */
static void of_what_is_not_shown_only_the_name_is_read(void **state)
{
    struct cut *cut = *state;
    struct rig *rig = &cut->a;
    struct history history;
    struct ring_layout *scratch = arena_alloc(&rig->arena, sizeof *scratch);
    rig_assign(rig, "n4", "z4", RIG_GIB);
    rig_apply(rig, 2);
    struct op_document second = spoil(rig, view_layout(rig->view));
    rig_assign(rig, "n5", "z5", RIG_GIB);
    rig_apply(rig, 3);
    rig_write(rig, &second, 1);
    assert_int_equal(rig_number(rig), 3);
    assert_true(history_read(rig->view, &rig->arena, &history));
    assert_int_equal(history.count, 3);
    assert_int_equal(history.lost_count, 0);
    assert_int_equal(history.versions[0].fate, HISTORY_ANCESTOR);
    assert_int_equal(history.versions[1].fate, HISTORY_ANCESTOR);
    assert_int_equal(history.versions[2].fate, HISTORY_IN_FORCE);
    assert_true(history_layout(&history.versions[0], scratch));
    assert_false(history_layout(&history.versions[1], scratch));
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
}

/* One that lost and cannot be read stages nothing, and can be taken back. */
static void a_lost_version_that_cannot_be_read_stages_nothing(void **state)
{
    struct cut *cut = *state;
    struct hash hashes[2];
    const struct hash *lost = make_conflict(cut, hashes);
    struct staged staged = rig_staged(&cut->a);
    struct ring_layout *layout = arena_alloc(&cut->a.arena, sizeof *layout);
    assert_true(history_layout(history_find(&staged.history, lost->bytes), layout));
    struct op_document document = spoil(&cut->a, layout);
    rig_write(&cut->a, &document, 1);
    staged = rig_staged(&cut->a);
    assert_true(staged_is_empty(&staged));
    assert_int_equal(staged.history.lost_count, 1);
    expect_result(rig_revert(&cut->a), PLAN_DONE, NULL, NULL);
    assert_int_equal(rig_staged(&cut->a).history.lost_count, 0);
}

/* Documents another program wrote, or a liar: they stage nothing and break nothing. */
static void documents_that_make_no_sense_stage_nothing(void **state)
{
    struct cut *cut = *state;
    struct rig *rig = &cut->a;
    static const uint8_t junk[] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    const struct document_staged_role roles[] = {
        {true, false, span_text("z"), 0},
        {true, false, span_text("z"), UINT64_MAX},
        {true, false, span_text(""), 1},
        {true, false, span_text("a/b"), 1},
    };
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        rig_put(rig, DOCUMENT_STAGED_ROLE, span_of(rig_id(4), RING_NODE_ID_BYTES),
                document_encode_staged_role(&rig->arena, &roles[i]));
    rig_put(rig, DOCUMENT_STAGED_ROLE, span_of(rig_id(5), RING_NODE_ID_BYTES), span_of(junk, sizeof junk));
    rig_put(rig, DOCUMENT_STAGED_ROLE, span_of(rig_id(5), 7), span_of(junk, sizeof junk));
    rig_put(rig, DOCUMENT_STAGED_NUMBER, span_text("replication"),
            document_encode_staged_number(&rig->arena, &(struct document_staged_number){true, 0}));
    rig_put(rig, DOCUMENT_STAGED_NUMBER, span_text("zone_redundancy"),
            document_encode_staged_number(&rig->arena, &(struct document_staged_number){true, UINT64_MAX}));
    rig_put(rig, DOCUMENT_STAGED_NUMBER, span_text("unheard of"), span_of(junk, sizeof junk));
    rig_put(rig, DOCUMENT_LAYOUT, span_of(junk, sizeof junk), span_of(junk, sizeof junk));
    rig_put(rig, DOCUMENT_DISMISSED, span_of(junk, sizeof junk), span_of(junk, sizeof junk));
    struct staged staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    assert_int_equal(staged.history.count, 1);
    assert_non_null(rig_plan(rig));
    expect_result(rig_apply(rig, 1), PLAN_NOTHING, NULL, NULL);
    rig_assign(rig, "n6", "z6", RIG_GIB);
    expect_result(rig_apply(rig, 2), PLAN_DONE, NULL, NULL);
}

/* Far more versions that lost than operators ever make: a member invented them, or a clock went wrong. `count` of
 * number 2, each with another capacity of its first node. */
static void lose_many(struct rig *rig, uint32_t count)
{
    struct ring_layout *lost = arena_alloc(&rig->arena, sizeof *lost);
    struct op_document *documents = arena_array(&rig->arena, count, sizeof *documents);
    const struct ring_layout *first = view_layout(rig->view);
    assert_true(lost != NULL && documents != NULL);
    *lost = *first;
    lost->number = 2;
    memcpy(lost->parent, first->hash, sizeof lost->parent);
    for (uint32_t i = 0; i < count; i++) {
        lost->nodes[0].capacity = RIG_GIB + i;
        assert_true(layout_document_encode(&rig->arena, lost, &documents[i]));
        documents[i].register_.time_us = rig->wall_us;
    }
    rig_merge(rig, documents, count);
}

/* Looking and taking back work in the memory that an operator's request has, however many lost (H12, I25). */
static void however_many_versions_lost_they_are_shown_and_reverted(void **state)
{
    enum { LOST = 2000, REQUEST_BYTES = 8 << 20 };
    struct cut *cut = *state;
    struct rig *rig = &cut->a;
    struct staged staged;
    struct plan_result result;
    struct arena arena;
    struct plan_input input;
    lose_many(rig, LOST + 1);
    arena_init(&arena, REQUEST_BYTES);
    assert_true(staged_read(rig->view, &arena, &staged));
    assert_int_equal(staged.history.lost_count, LOST);
    assert_int_equal(staged.roles_count, 1);
    arena_reset(&arena);
    input = rig_input(rig);
    input.arena = &arena;
    plan_revert(&input, &result);
    rig_done(rig, result);
    expect_result(result, PLAN_DONE, NULL, NULL);
    arena_deinit(&arena);
    staged = rig_staged(rig);
    assert_true(staged_is_empty(&staged));
    assert_int_equal(staged.history.lost_count, 0);
    expect_result(rig_revert(rig), PLAN_NOTHING, NULL, "nothing is staged");
}

/* The changes of the last ones are staged, and the same of all nodes. */
static void of_many_lost_versions_the_last_count(void **state)
{
    struct cut *cut = *state;
    lose_many(&cut->a, STAGED_LOST_MAX + 40);
    rig_meet(&cut->a, &cut->b);
    struct staged a = rig_staged(&cut->a);
    struct staged b = rig_staged(&cut->b);
    const struct history_version *last = &a.history.versions[a.history.count - 1];
    assert_int_equal(a.history.lost_count, STAGED_LOST_MAX + 39);
    assert_int_equal(a.roles_count, 1);
    assert_int_equal(b.roles_count, 1);
    assert_ptr_equal(a.roles[0].lost, last);
    assert_int_equal(a.roles[0].capacity, b.roles[0].capacity);
    assert_true(is_hash(b.roles[0].lost->hash, last->hash));
}

/* More staged roles than a cluster has members: the rest waits, and is taken back in the end. */
static void staged_roles_beyond_all_bounds_are_reverted_bit_by_bit(void **state)
{
    enum { ROLES = PLAN_CLEARED_MAX + 1000 };
    struct cut *cut = *state;
    struct rig *rig = &cut->a;
    struct document_staged_role role = {true, false, span_text("z"), 1};
    struct op_document *documents = arena_array(&rig->arena, ROLES, sizeof *documents);
    struct span payload = document_encode_staged_role(&rig->arena, &role);
    for (uint32_t i = 0; i < ROLES; i++) {
        uint8_t id[RING_NODE_ID_BYTES] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        documents[i].key = document_key_of(&rig->arena, DOCUMENT_STAGED_ROLE, span_of(id, sizeof id));
        documents[i].register_.payload = payload.bytes;
        documents[i].register_.payload_bytes = payload.length;
        documents[i].register_.time_us = rig->wall_us;
    }
    rig_merge(rig, documents, ROLES);
    struct staged staged = rig_staged(rig);
    assert_int_equal(staged.roles_count, STAGED_ROLES_MAX);
    for (int i = 0; i < 2; i++) {
        struct plan_result result;
        struct plan_input input = rig_input(rig);
        plan_revert(&input, &result);
        assert_int_equal(result.verdict, PLAN_DONE);
        assert_int_equal(result.documents_count, i == 0 ? PLAN_CLEARED_MAX : ROLES - PLAN_CLEARED_MAX);
        rig->wall_us++;
        for (uint32_t j = 0; j < result.documents_count; j++)
            result.documents[j].register_.time_us = rig->wall_us;
        rig_merge(rig, result.documents, result.documents_count);
    }
    expect_result(rig_revert(rig), PLAN_NOTHING, NULL, NULL);
}

static void a_fate_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(history_fate_name(HISTORY_IN_FORCE), "in force");
    assert_string_equal(history_fate_name(HISTORY_ANCESTOR), "past");
    assert_string_equal(history_fate_name(HISTORY_LOST), "lost");
    assert_string_equal(history_fate_name(HISTORY_DISMISSED), "dismissed");
    assert_string_equal(history_fate_name(HISTORY_INCOMPLETE), "incomplete");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cut_test(the_losers_changes_are_kept_and_shown_on_both_sides),
        cut_test(the_next_version_takes_the_losers_changes_over),
        cut_test(revert_gives_the_losers_changes_up),
        cut_test(equal_changes_are_one_version),
        cut_test(what_both_sides_wanted_is_not_staged),
        cut_test(a_longer_chain_wins_and_the_other_is_lost_as_a_whole),
        cut_test(what_an_operator_stages_wins_over_what_lost),
        cut_test(what_was_staged_during_the_cut_stays_staged),
        cmocka_unit_test(two_first_layouts_are_settled_like_any_two),
        cut_test(without_a_parent_nothing_is_taken_for_lost),
        cut_test(a_version_without_its_parent_stages_nothing),
        cut_test(of_what_is_not_shown_only_the_name_is_read),
        cut_test(a_lost_version_that_cannot_be_read_stages_nothing),
        cut_test(documents_that_make_no_sense_stage_nothing),
        cut_test(however_many_versions_lost_they_are_shown_and_reverted),
        cut_test(of_many_lost_versions_the_last_count),
        cut_test(staged_roles_beyond_all_bounds_are_reverted_bit_by_bit),
        cmocka_unit_test(a_fate_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
