/* What a view says to the cluster: its documents and their digest, who is a member, which layout is in force. */
#include "node/core/view.h"
#include "tests/lib/layout_rig.h"
#include "tests/lib/random.h"
#include "tests/vectors/vectors.h"

enum { ARENA_BYTES = 1 << 26, MANY = 10000 };

static const uint8_t HASH_KEY[HASH_KEY_BYTES] = "the hash key of a cluster, 32 b.";
static const uint8_t OTHER_KEY[HASH_KEY_BYTES] = "the hash key of another, 32 b...";

struct rig {
    struct arena arena;
    struct view *view;
};

static int set_up(void **state)
{
    static struct rig rig;
    rig = (struct rig){.view = NULL};
    arena_init(&rig.arena, ARENA_BYTES);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    view_release(rig->view);
    arena_deinit(&rig->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static struct op_document document(const char *key, uint64_t time_us, uint64_t actor, const char *payload)
{
    return (struct op_document){.key = span_text(key),
                                .register_ = {.time_us = time_us,
                                              .actor = actor,
                                              .payload = (const uint8_t *)payload,
                                              .payload_bytes = strlen(payload)}};
}

static void put(struct rig *rig, struct op_document one)
{
    assert_true(view_renew(&rig->view, &one, 1));
}

/* --- documents ------------------------------------------------------------------------------------------ */

static void documents_come_in_order_and_by_their_key(void **state)
{
    struct rig *rig = *state;
    struct op_document found;
    assert_false(view_document(rig->view, 0, &found));
    assert_false(view_document_of(rig->view, span_text("Aa"), &found));
    put(rig, document("Ab", 5, 6, "two"));
    put(rig, document("Aa", 3, 4, "one"));
    assert_true(view_document(rig->view, 0, &found));
    assert_span_text(found.key, "Aa");
    assert_true(view_document(rig->view, 1, &found));
    assert_span_text(found.key, "Ab");
    assert_true(found.register_.time_us == 5 && found.register_.actor == 6);
    assert_false(view_document(rig->view, 2, &found));
    assert_true(view_document_of(rig->view, span_text("Aa"), &found));
    assert_span_text(span_of(found.register_.payload, found.register_.payload_bytes), "one");
    assert_false(view_document_of(rig->view, span_text("A"), &found));
    assert_false(view_document_of(rig->view, span_text("Ac"), &found));
    assert_false(view_document_of(rig->view, (struct span){0}, &found));
}

static void a_view_in_someones_hands_is_not_renewed(void **state)
{
    struct rig *rig = *state;
    put(rig, document("Aa", 1, 1, "old"));
    struct view *held = view_hold(rig->view);
    put(rig, document("Aa", 2, 1, "new"));
    struct op_document found;
    assert_true(view_document(held, 0, &found) && found.register_.time_us == 1);
    assert_true(view_document(rig->view, 0, &found) && found.register_.time_us == 2);
    view_release(held);
}

/* --- the digest ----------------------------------------------------------------------------------------- */

static bool is_same_digest(const struct view *a, const struct view *b)
{
    uint8_t first[16], second[16];
    view_digest(a, HASH_KEY, first);
    view_digest(b, HASH_KEY, second);
    return memcmp(first, second, sizeof first) == 0;
}

/* Equal whatever the order they came in, and in how many steps. */
static void equal_documents_have_equal_digests(void **state)
{
    struct rig *rig = *state;
    struct random random = random_begin("equal_documents_have_equal_digests");
    static const char *const keys[] = {"Aa", "Ab", "B", "Cc", "D"};
    static const char *const payloads[] = {"", "x", "y"};
    for (int round = 0; round < 200; round++) {
        struct op_document documents[12];
        struct view *one = NULL;
        struct view *other = NULL;
        for (int i = 0; i < 12; i++) {
            documents[i] = document(keys[random_below(&random, 5)], random_below(&random, 3),
                                    random_below(&random, 2), payloads[random_below(&random, 3)]);
        }
        assert_true(view_renew(&one, documents, 12));
        for (int i = 11; i >= 0; i--)
            assert_true(view_renew(&other, &documents[i], 1));
        assert_true(is_same_digest(one, other));
        put(rig, documents[0]);
        view_release(one);
        view_release(other);
    }
}

static void any_difference_is_another_digest(void **state)
{
    (void)state;
    const struct op_document sets[] = {
        document("Aa", 1, 1, "x"), document("Ab", 1, 1, "x"), document("Aa", 2, 1, "x"), document("Aa", 1, 2, "x"),
        document("Aa", 1, 1, "y"), document("Aa", 1, 1, ""),  document("Aax", 1, 1, ""), document("A", 1, 1, "ax"),
    };
    struct view *views[9] = {NULL};
    for (int i = 0; i < 8; i++)
        assert_true(view_renew(&views[i], &sets[i], 1)); /* views[8] is the empty one */
    for (int i = 0; i < 9; i++) {
        for (int j = 0; j < i; j++)
            assert_false(is_same_digest(views[i], views[j]));
    }
    uint8_t one[16], other[16];
    view_digest(views[0], HASH_KEY, one);
    view_digest(views[0], OTHER_KEY, other);
    assert_memory_not_equal(one, other, sizeof one);
    for (int i = 0; i < 8; i++)
        view_release(views[i]);
}

/* As docs/disk-format.md has it. */
static void the_digest_is_the_one_of_the_page(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {
        "bucket", "alias",      "alias_removed", "cors", "key",          "local_alias", "permission", "address",
        "number", "number_not", "member",        "role", "role_removal", "role_not",    "layout",     "dismissed"};
    static struct vectors vectors;
    uint8_t digest[16];
    vectors_read(&vectors, "disk-format.txt");
    const uint8_t *hash_key = vectors_get(&vectors, "hash_key").bytes;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[VECTORS_NAME_CHARS + 4];
        struct op_document one;
        snprintf(text, sizeof text, "%s_key", names[i]);
        one.key = vectors_get(&vectors, text);
        snprintf(text, sizeof text, "%s_row", names[i]);
        assert_ok(record_decode_document(hash_key, one.key, vectors_get(&vectors, text), &one.register_));
        put(rig, one);
        if (i > 0) continue;
        document_digest(&one, hash_key, digest);
        assert_span(span_of(digest, sizeof digest), vectors_get(&vectors, "bucket_digest"));
    }
    view_digest(rig->view, hash_key, digest);
    assert_span(span_of(digest, sizeof digest), vectors_get(&vectors, "documents_digest"));
    assert_non_null(view_layout(rig->view)); /* and the version on the page is in force */
}

static void sums_carry_through_all_bytes(void **state)
{
    (void)state;
    uint8_t sum[16], one[16] = {0}, zero[16] = {0};
    memset(sum, 0xff, sizeof sum);
    one[15] = 1;
    document_digest_add(sum, one);
    assert_memory_equal(sum, zero, sizeof sum);
    document_digest_add(sum, one);
    assert_memory_equal(sum, one, sizeof sum);
}

/* --- members -------------------------------------------------------------------------------------------- */

static void put_member(struct rig *rig, const uint8_t *node_id, bool is_member, uint64_t time_us)
{
    const struct document_member member = {.is_member = is_member, .since_us = time_us, .name = span_text("one")};
    struct span payload = document_encode_member(&rig->arena, &member);
    put(rig, (struct op_document){
                 .key = document_key_of(&rig->arena, DOCUMENT_MEMBER, span_of(node_id, RING_NODE_ID_BYTES)),
                 .register_ = {.time_us = time_us, .payload = payload.bytes, .payload_bytes = payload.length}});
}

static void members_are_those_whose_document_says_so(void **state)
{
    struct rig *rig = *state;
    const uint8_t node[RING_NODE_ID_BYTES] = {1}, other[RING_NODE_ID_BYTES] = {2};
    bool was_removed = true;
    assert_false(view_is_member(rig->view, node, &was_removed));
    assert_false(was_removed);
    put_member(rig, node, true, 1);
    assert_true(view_is_member(rig->view, node, &was_removed));
    assert_false(was_removed);
    assert_false(view_is_member(rig->view, other, NULL));
    put_member(rig, node, false, 2);
    assert_false(view_is_member(rig->view, node, &was_removed));
    assert_true(was_removed);
    put_member(rig, node, true, 3); /* connected again */
    assert_true(view_is_member(rig->view, node, &was_removed));
    assert_false(was_removed);
}

/* --- the layout in force -------------------------------------------------------------------------------- */

static void expect_in_force(const struct rig *rig, const struct ring_layout *layout)
{
    const struct ring_layout *found = view_layout(rig->view);
    if (layout == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_true(found->number == layout->number);
    assert_memory_equal(found->hash, layout->hash, sizeof layout->hash);
}

static void the_highest_number_is_in_force(void **state)
{
    struct rig *rig = *state;
    expect_in_force(rig, NULL);
    put(rig, document("Aa", 1, 1, "x"));
    expect_in_force(rig, NULL);
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    put(rig, layout_rig_document(&rig->arena, &first));
    expect_in_force(rig, &first);
    struct ring_layout second = layout_rig_make(2, &first, 0);
    put(rig, layout_rig_document(&rig->arena, &second));
    expect_in_force(rig, &second);
    put(rig, document("Ab", 1, 1, "x")); /* the next view has it too */
    expect_in_force(rig, &second);
}

/* H11: two operators, one number; everybody comes to the same, whatever came first. */
static void of_one_number_the_smallest_hash_is_in_force(void **state)
{
    struct rig *rig = *state;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    (void)layout_rig_document(&rig->arena, &first);
    struct ring_layout versions[3];
    struct op_document documents[4] = {layout_rig_document(&rig->arena, &first)};
    const struct ring_layout *smallest = &versions[0];
    for (int i = 0; i < 3; i++) {
        versions[i] = layout_rig_make(2, &first, (uint8_t)i);
        documents[1 + i] = layout_rig_document(&rig->arena, &versions[i]);
        if (memcmp(versions[i].hash, smallest->hash, sizeof smallest->hash) < 0) smallest = &versions[i];
    }
    static const uint8_t orders[6][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    for (int i = 0; i < 6; i++) {
        view_release(rig->view);
        rig->view = NULL;
        for (int j = 0; j < 3; j++)
            put(rig, documents[orders[i][j]]);
        put(rig, documents[0]);
        expect_in_force(rig, smallest);
    }
}

/* The side that applied more versions wins, even over a smaller hash. */
static void a_longer_branch_wins(void **state)
{
    struct rig *rig = *state;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    put(rig, layout_rig_document(&rig->arena, &first));
    for (uint8_t salt = 0; salt < 6; salt++) {
        struct ring_layout second = layout_rig_make(2, &first, salt);
        put(rig, layout_rig_document(&rig->arena, &second));
        if (salt < 5) continue;
        struct ring_layout third = layout_rig_make(3, &second, salt);
        put(rig, layout_rig_document(&rig->arena, &third));
        expect_in_force(rig, &third);
    }
}

/* H12: a number with a gap is never in force; one whose ancestors come later is, then. */
static void a_version_waits_for_its_ancestors(void **state)
{
    struct rig *rig = *state;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    struct op_document first_document = layout_rig_document(&rig->arena, &first);
    struct ring_layout second = layout_rig_make(2, &first, 0);
    struct op_document second_document = layout_rig_document(&rig->arena, &second);
    struct ring_layout third = layout_rig_make(3, &second, 0);
    struct ring_layout far = layout_rig_make(UINT64_MAX, &first, 0);
    struct ring_layout skipping = layout_rig_make(3, &first, 0);
    put(rig, layout_rig_document(&rig->arena, &far));
    put(rig, layout_rig_document(&rig->arena, &skipping));
    put(rig, layout_rig_document(&rig->arena, &third));
    expect_in_force(rig, NULL);
    put(rig, first_document);
    expect_in_force(rig, &first);
    put(rig, second_document);
    expect_in_force(rig, &third);
}

static void versions_that_cannot_be_read_are_passed_over(void **state)
{
    struct rig *rig = *state;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    put(rig, layout_rig_document(&rig->arena, &first));
    struct ring_layout second = layout_rig_make(2, &first, 0);
    struct op_document forged = layout_rig_document(&rig->arena, &second);
    uint8_t *payload = arena_copy(&rig->arena, forged.register_.payload, forged.register_.payload_bytes);
    payload[forged.register_.payload_bytes - 1] ^= 1; /* another holder, the same hash */
    forged.register_.payload = payload;
    put(rig, forged);
    put(rig, document("V", 1, 1, ""));
    put(rig, document("Vshort", 1, 1, "x"));
    put(rig, document("V\xff\xff\xff\xff\xff\xff\xff\xff and a hash that is not one at all", 1, 1, "x"));
    expect_in_force(rig, &first);
}

/* The number of partitions is the first version's, for ever. */
static void a_version_of_another_number_of_partitions_is_passed_over(void **state)
{
    struct rig *rig = *state;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    put(rig, layout_rig_document(&rig->arena, &first));
    struct ring_layout other = layout_rig_make(2, &first, 0);
    other.partitions_count = (uint16_t)(first.partitions_count / 2);
    put(rig, layout_rig_document(&rig->arena, &other));
    expect_in_force(rig, &first);
    struct ring_layout second = layout_rig_make(2, &first, 1);
    put(rig, layout_rig_document(&rig->arena, &second));
    expect_in_force(rig, &second);
}

/* --- carried along --------------------------------------------------------------------------------------- */

/* What the view carries along is what all of its documents come to. */
static void expect_sums(const struct view *view)
{
    struct op_document all[64];
    uint8_t carried[16];
    uint8_t made[16];
    uint64_t carried_sums[VIEW_GROUPS];
    uint64_t made_sums[VIEW_GROUPS];
    uint64_t bytes = 0;
    uint32_t count = view_documents_count(view);
    assert_true(count <= 64);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(view_document(view, i, &all[i]));
        bytes += all[i].key.length + all[i].register_.payload_bytes;
    }
    struct view *again = view_create(NULL, all, count);
    assert_non_null(again);
    view_digest(view, HASH_KEY, carried);
    view_digest(again, HASH_KEY, made);
    assert_memory_equal(carried, made, sizeof made);
    view_group_sums(view, HASH_KEY, carried_sums);
    view_group_sums(again, HASH_KEY, made_sums);
    assert_memory_equal(carried_sums, made_sums, sizeof made_sums);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(view_group(view, HASH_KEY, i), view_group(again, HASH_KEY, i));
    assert_true(view_documents_bytes(view) == bytes);
    view_release(again);
}

static void digests_are_carried_along(void **state)
{
    struct rig *rig = *state;
    struct random random = random_begin("digests_are_carried_along");
    char keys[8][4];
    rig->view = view_begin(HASH_KEY);
    assert_non_null(rig->view);
    expect_sums(rig->view);
    for (int round = 0; round < 500; round++) {
        struct op_document several[8];
        uint32_t count = 1 + random_below(&random, 8);
        for (uint32_t i = 0; i < count; i++) {
            snprintf(keys[i], sizeof keys[i], "Q%02u", random_below(&random, 60));
            several[i] = document(keys[i], random_below(&random, 1000), random_below(&random, 2),
                                  random_once_in(&random, 2) ? "one payload" : "another");
        }
        assert_true(view_renew(&rig->view, several, count));
        expect_sums(rig->view);
    }
}

/* A change of one document copies that one; and what it made of no use is given back in the end. */
static void what_did_not_change_is_shared(void **state)
{
    struct rig *rig = *state;
    static char large[100 * 1024];
    struct op_document before, after;
    memset(large, 'x', sizeof large - 1);
    rig->view = view_begin(HASH_KEY);
    put(rig, document("Aa", 1, 1, "a"));
    put(rig, document("Ab", 1, 1, "b"));
    put(rig, document("Ac", 1, 1, "c"));
    struct view *older = view_hold(rig->view);
    put(rig, document("Ab", 2, 1, "changed"));
    for (int i = 0; i < 3; i++) {
        assert_true(view_document(older, (uint32_t)i, &before));
        assert_true(view_document(rig->view, (uint32_t)i, &after));
        assert_ptr_equal(before.key.bytes, after.key.bytes);
        assert_true((before.register_.payload == after.register_.payload) == (i != 1));
    }
    for (uint64_t time = 3; time < 60; time++)
        put(rig, document("Ab", time, 1, large));
    assert_true(view_document(rig->view, 0, &after));
    assert_true(view_document(older, 0, &before));
    assert_true(after.key.bytes != before.key.bytes); /* to a heap without the 50 old ones */
    assert_span_text(after.key, "Aa");
    assert_span_text(before.key, "Aa");
    expect_sums(rig->view);
    view_release(older);
}

/* --- many ----------------------------------------------------------------------------------------------- */

/* Ten thousand documents and changes one by one: a view is remade at each. */
static void many_documents_are_carried_over(void **state)
{
    struct rig *rig = *state;
    static char keys[MANY][8];
    static struct op_document documents[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "Q%05d", (i * 7919) % MANY); /* in no order */
        documents[i] = document(keys[i], 1, 1, "payload");
    }
    assert_true(view_renew(&rig->view, documents, MANY));
    for (int i = 0; i < 50; i++)
        put(rig, document(keys[i * 13], 2, 1, "changed"));
    assert_int_equal(view_documents_count(rig->view), MANY);
    struct op_document found;
    char key[8];
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "Q%05u", i);
        assert_true(view_document(rig->view, i, &found));
        assert_span_text(found.key, key);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(documents_come_in_order_and_by_their_key),
        rig_test(a_view_in_someones_hands_is_not_renewed),
        rig_test(equal_documents_have_equal_digests),
        rig_test(any_difference_is_another_digest),
        rig_test(the_digest_is_the_one_of_the_page),
        rig_test(sums_carry_through_all_bytes),
        rig_test(members_are_those_whose_document_says_so),
        rig_test(the_highest_number_is_in_force),
        rig_test(of_one_number_the_smallest_hash_is_in_force),
        rig_test(a_longer_branch_wins),
        rig_test(a_version_waits_for_its_ancestors),
        rig_test(a_version_of_another_number_of_partitions_is_passed_over),
        rig_test(digests_are_carried_along),
        rig_test(what_did_not_change_is_shared),
        rig_test(versions_that_cannot_be_read_are_passed_over),
        rig_test(many_documents_are_carried_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
