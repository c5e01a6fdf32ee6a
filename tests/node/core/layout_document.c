/* Layout versions as documents: what is written is read again, and nothing else is. */
#include "tests/lib/layout_rig.h"
#include "tests/lib/random.h"

enum { ARENA_BYTES = 1 << 24 };

static int set_up(void **state)
{
    static struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(*state);
    return 0;
}

#define arena_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static struct span id_of(const struct op_document *document)
{
    return span_of(document->key.bytes + 1, document->key.length - 1);
}

static struct span payload_of(const struct op_document *document)
{
    return span_of(document->register_.payload, document->register_.payload_bytes);
}

static bool decodes(const struct op_document *document)
{
    static struct ring_layout layout;
    return layout_document_decode(id_of(document), payload_of(document), &layout);
}

static void expect_same(const struct ring_layout *a, const struct ring_layout *b)
{
    assert_true(a->number == b->number && a->partitions_count == b->partitions_count);
    assert_memory_equal(a->hash, b->hash, sizeof a->hash);
    assert_memory_equal(a->parent, b->parent, sizeof a->parent);
    assert_int_equal(a->replication, b->replication);
    assert_int_equal(a->zone_redundancy, b->zone_redundancy);
    assert_int_equal(a->zones_count, b->zones_count);
    assert_memory_equal(a->zones, b->zones, sizeof a->zones);
    assert_int_equal(a->nodes_count, b->nodes_count);
    for (uint32_t i = 0; i < a->nodes_count; i++) {
        assert_memory_equal(a->nodes[i].id, b->nodes[i].id, RING_NODE_ID_BYTES);
        assert_true(a->nodes[i].capacity == b->nodes[i].capacity && a->nodes[i].zone == b->nodes[i].zone);
    }
    assert_memory_equal(a->holders, b->holders, sizeof a->holders);
}

static void what_is_written_is_read_again(void **state)
{
    struct arena *arena = *state;
    static struct ring_layout read;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    struct op_document document = layout_rig_document(arena, &first);
    assert_true(layout_document_decode(id_of(&document), payload_of(&document), &read));
    expect_same(&first, &read);
    struct ring_layout second = layout_rig_make(2, &first, 9);
    second.zone_redundancy = 2;
    document = layout_rig_document(arena, &second);
    assert_true(layout_document_decode(id_of(&document), payload_of(&document), &read));
    expect_same(&second, &read);
    struct op_document again = layout_rig_document(arena, &read);
    assert_span(again.key, document.key);
    assert_span(payload_of(&again), payload_of(&document));
}

/* The largest version there can be stays within its bound, and within a document's. */
static void the_largest_layout_fits(void **state)
{
    struct arena *arena = *state;
    static struct ring_layout layout, read;
    const char *why = NULL;
    layout = (struct ring_layout){.number = UINT64_MAX,
                                  .parent = {1},
                                  .partitions_count = RING_PARTITIONS,
                                  .replication = RING_REPLICATION_MAX,
                                  .zones_count = RING_ZONES_MAX,
                                  .nodes_count = RING_NODES_MAX};
    for (uint32_t i = 0; i < RING_ZONES_MAX; i++) {
        memset(layout.zones[i], 'z', RING_ZONE_NAME_BYTES - 1);
        layout.zones[i][0] = (char)('0' + i / 8);
        layout.zones[i][1] = (char)('0' + i % 8);
    }
    for (uint32_t i = 0; i < RING_NODES_MAX; i++) {
        layout.nodes[i] = (struct ring_node){
            .id = {(uint8_t)i, 1}, .capacity = RING_CAPACITY_MAX, .zone = (uint16_t)(i % RING_ZONES_MAX)};
    }
    for (uint32_t i = 0; i < RING_PARTITIONS; i++) {
        for (uint16_t j = 0; j < RING_REPLICATION_MAX; j++)
            layout.holders[i][j] = (uint16_t)(248 + j);
    }
    assert_true(ring_layout_check(&layout, &why));
    struct op_document document = layout_rig_document(arena, &layout);
    assert_true(document.register_.payload_bytes <= LAYOUT_DOCUMENT_BYTES_MAX);
    assert_true(document.register_.payload_bytes <= LIMITS_DOCUMENT_BYTES_MAX);
    assert_true(layout_document_decode(id_of(&document), payload_of(&document), &read));
    expect_same(&layout, &read);
}

/* H11: no other bytes under this key, and these bytes under no other. */
static void every_flipped_bit_is_refused(void **state)
{
    struct arena *arena = *state;
    struct ring_layout layout = layout_rig_make(1, NULL, 0);
    struct op_document document = layout_rig_document(arena, &layout);
    uint8_t *key = arena_copy(arena, document.key.bytes, document.key.length);
    uint8_t *payload = arena_copy(arena, document.register_.payload, document.register_.payload_bytes);
    struct op_document changed = document;
    changed.key.bytes = key;
    changed.register_.payload = payload;
    assert_true(decodes(&changed));
    for (size_t bit = 8; bit < 8 * document.key.length; bit++) { /* behind the letter */
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(decodes(&changed));
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * document.register_.payload_bytes; bit++) {
        payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(decodes(&changed));
        payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void cut_and_longer_ones_are_refused(void **state)
{
    struct arena *arena = *state;
    struct ring_layout layout = layout_rig_make(1, NULL, 0);
    struct op_document document = layout_rig_document(arena, &layout);
    struct op_document changed = document;
    uint8_t *longer = arena_copy(arena, document.register_.payload, document.register_.payload_bytes);
    for (size_t length = 0; length < document.register_.payload_bytes; length++) {
        changed.register_.payload_bytes = length;
        assert_false(decodes(&changed));
    }
    changed.register_.payload = longer; /* with the NUL of arena_copy() */
    changed.register_.payload_bytes = document.register_.payload_bytes + 1;
    assert_false(decodes(&changed));
    changed = document;
    for (size_t length = 1; length < document.key.length; length++) {
        changed.key.length = length;
        assert_false(decodes(&changed));
    }
}

/* A payload made up, under the key that its hash asks for: it must still be a layout that holds together. */
static bool takes(struct arena *arena, const struct ring_layout *layout)
{
    struct ring_layout sound = layout_rig_make(1, NULL, 0);
    struct op_document document = layout_rig_document(arena, &sound);
    struct wire_out out;
    uint8_t id[LAYOUT_DOCUMENT_ID_BYTES];
    uint8_t holders[RING_PARTITIONS * RING_REPLICATION_MAX];
    size_t holders_count = 0;
    wire_out_init(&out, arena);
    wire_put_array(&out, 9);
    wire_put_u64(&out, 1);
    wire_put_u64(&out, layout->number);
    wire_put_bytes(&out, span_of(layout->parent, sizeof layout->parent));
    wire_put_u64(&out, layout->partitions_count);
    wire_put_u64(&out, layout->replication);
    wire_put_u64(&out, layout->zone_redundancy);
    wire_put_array(&out, layout->zones_count);
    for (uint32_t i = 0; i < layout->zones_count; i++)
        wire_put_text(&out, span_text(layout->zones[i]));
    wire_put_array(&out, layout->nodes_count);
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        wire_put_array(&out, 3);
        wire_put_bytes(&out, span_of(layout->nodes[i].id, RING_NODE_ID_BYTES));
        wire_put_u64(&out, layout->nodes[i].capacity);
        wire_put_u64(&out, layout->nodes[i].zone);
    }
    for (uint32_t i = 0; i < layout->partitions_count && i < RING_PARTITIONS; i++) {
        for (uint32_t j = 0; j < layout->replication && j < RING_REPLICATION_MAX; j++)
            holders[holders_count++] = (uint8_t)layout->holders[i][j];
    }
    wire_put_bytes(&out, span_of(holders, holders_count));
    const uint8_t key[] = "skerry layout version";
    wire_store_u64(id, layout->number);
    crypto_generichash_blake2b(id + 8, 32, out.bytes, out.length, key, sizeof key - 1);
    document.key = document_key_of(arena, DOCUMENT_LAYOUT, span_of(id, sizeof id));
    document.register_.payload = out.bytes;
    document.register_.payload_bytes = out.length;
    return decodes(&document);
}

static void layouts_that_do_not_hold_together_are_refused(void **state)
{
    struct arena *arena = *state;
    const struct ring_layout sound = layout_rig_make(1, NULL, 0);
    assert_true(takes(arena, &sound));
    struct ring_layout bad[12];
    for (size_t i = 0; i < 12; i++)
        bad[i] = sound;
    bad[0].number = 0;
    bad[1].number = 2; /* without a parent */
    bad[2].partitions_count = 7;
    bad[3].partitions_count = 2 * RING_PARTITIONS;
    bad[4].replication = 0;
    bad[5].replication = RING_REPLICATION_MAX + 1;
    bad[6].zone_redundancy = 4;
    memcpy(bad[7].zones[0], "wset", 5); /* out of order */
    memcpy(bad[8].zones[1], "we t", 5);
    bad[9].nodes[2].capacity = 0;
    bad[10].nodes[3].zone = 2;
    bad[11].holders[5][2] = 4;
    for (size_t i = 0; i < 12; i++) {
        if (takes(arena, &bad[i])) fail_msg("the layout %zu was taken", i);
    }
}

/* More zones or nodes than there is room for, and a name that ends before its length says. */
static void counts_and_names_that_do_not_fit_are_refused(void **state)
{
    struct arena *arena = *state;
    const uint32_t zones[] = {RING_ZONES_MAX, RING_ZONES_MAX + 1, 1, 1};
    const uint32_t nodes[] = {1, 1, RING_NODES_MAX + 1, 1};
    for (int i = 0; i < 4; i++) {
        struct wire_out out;
        const uint8_t zeros[RING_LAYOUT_HASH_BYTES] = {0};
        uint8_t id[LAYOUT_DOCUMENT_ID_BYTES] = {[7] = 1};
        static struct ring_layout layout;
        wire_out_init(&out, arena);
        wire_put_array(&out, 9);
        wire_put_u64(&out, 1);
        wire_put_u64(&out, 1);
        wire_put_bytes(&out, span_of(zeros, sizeof zeros));
        for (int j = 0; j < 3; j++)
            wire_put_u64(&out, 1); /* one partition, one copy */
        wire_put_array(&out, zones[i]);
        for (uint32_t j = 0; j < zones[i]; j++)
            wire_put_text(&out, i == 3 ? span_of("a\0b", 3) : span_text("a"));
        wire_put_array(&out, nodes[i]);
        for (uint32_t j = 0; j < nodes[i]; j++) {
            wire_put_array(&out, 3);
            wire_put_bytes(&out, span_of(zeros, sizeof zeros));
            wire_put_u64(&out, 1);
            wire_put_u64(&out, 0);
        }
        wire_put_bytes(&out, span_of(zeros, 1));
        const uint8_t key[] = "skerry layout version";
        crypto_generichash_blake2b(id + 8, 32, out.bytes, out.length, key, sizeof key - 1);
        assert_false(layout_document_decode(span_of(id, sizeof id), span_of(out.bytes, out.length), &layout));
    }
}

static void no_bytes_do_harm(void **state)
{
    struct arena *arena = *state;
    struct random random = random_begin("no_bytes_do_harm");
    struct ring_layout layout = layout_rig_make(1, NULL, 0);
    struct op_document document = layout_rig_document(arena, &layout);
    uint8_t *payload = arena_copy(arena, document.register_.payload, document.register_.payload_bytes);
    for (int i = 0; i < 20000; i++) {
        struct op_document changed = document;
        const uint8_t *parent = NULL;
        uint64_t number = 0;
        size_t at = random_below(&random, (uint32_t)document.register_.payload_bytes);
        payload[at] = (uint8_t)random_u64(&random);
        changed.register_.payload = payload;
        (void)decodes(&changed);
        (void)layout_document_names(id_of(&changed), payload_of(&changed), &number, &parent);
        if (i % 8 == 7) memcpy(payload, document.register_.payload, document.register_.payload_bytes);
    }
}

static void a_version_names_the_one_before(void **state)
{
    struct arena *arena = *state;
    struct ring_layout first = layout_rig_make(1, NULL, 0);
    (void)layout_rig_document(arena, &first);
    struct ring_layout second = layout_rig_make(2, &first, 0);
    struct op_document document = layout_rig_document(arena, &second);
    const uint8_t *parent = NULL;
    uint64_t number = 0;
    assert_true(layout_document_names(id_of(&document), payload_of(&document), &number, &parent));
    assert_true(number == 2);
    assert_memory_equal(parent, first.hash, sizeof first.hash);
    assert_false(layout_document_names(span_of("", 0), payload_of(&document), &number, &parent));
    assert_false(layout_document_names(id_of(&document), span_of("", 0), &number, &parent));
}

static void without_memory_there_is_no_document(void **state)
{
    (void)state;
    struct arena small;
    struct op_document document;
    struct ring_layout layout = layout_rig_make(1, NULL, 0);
    arena_init(&small, 1024);
    assert_false(layout_document_encode(&small, &layout, &document));
    arena_deinit(&small);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        arena_test(what_is_written_is_read_again),
        arena_test(the_largest_layout_fits),
        arena_test(every_flipped_bit_is_refused),
        arena_test(cut_and_longer_ones_are_refused),
        arena_test(layouts_that_do_not_hold_together_are_refused),
        arena_test(counts_and_names_that_do_not_fit_are_refused),
        arena_test(no_bytes_do_harm),
        arena_test(a_version_names_the_one_before),
        arena_test(without_memory_there_is_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
