/* Documents that another node sends: those this program could have written are kept, others are not (H12, H26). */
#include "tests/lib/layout_rig.h"
#include "tests/lib/random.h"
#include "tests/vectors/vectors.h"

enum { ARENA_BYTES = 1 << 24 };

static const uint8_t ID[32] = "an id of 32 bytes, of anything..";

struct rig {
    struct arena arena;
    struct vectors vectors;
};

static int set_up(void **state)
{
    static struct rig rig;
    arena_init(&rig.arena, ARENA_BYTES);
    vectors_read(&rig.vectors, "disk-format.txt");
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    arena_deinit(&rig->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static const char *fault(struct span key, struct span payload)
{
    const char *why = NULL;
    const struct op_document document = {.key = key,
                                         .register_ = {.payload = payload.bytes, .payload_bytes = payload.length}};
    bool is_kept = document_check(&document, &why);
    assert_true(is_kept == (why == NULL));
    return why;
}

static const char *fault_of(struct rig *rig, char kind, struct span id, struct span payload)
{
    return fault(document_key_of(&rig->arena, (enum document_kind)kind, id), payload);
}

static struct span bytes(const char *text, size_t length)
{
    return span_of(text, length);
}

/* All that docs/disk-format.md shows. */
static const char *const NAMES[] = {
    "bucket", "alias",      "alias_removed", "cors", "key",          "local_alias", "permission", "address",
    "number", "number_not", "member",        "role", "role_removal", "role_not",    "layout",     "dismissed"};
enum { NAMES_COUNT = sizeof NAMES / sizeof NAMES[0] };

static struct op_document vector(const struct rig *rig, const char *name)
{
    char text[VECTORS_NAME_CHARS + 4];
    struct op_document document;
    snprintf(text, sizeof text, "%s_key", name);
    document.key = vectors_get(&rig->vectors, text);
    snprintf(text, sizeof text, "%s_row", name);
    assert_ok(record_decode_document(vectors_get(&rig->vectors, "hash_key").bytes, document.key,
                                     vectors_get(&rig->vectors, text), &document.register_));
    return document;
}

static void documents_of_every_kind_are_kept(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        struct op_document document = vector(rig, NAMES[i]);
        const char *why = NULL;
        if (!document_check(&document, &why)) fail_msg("%s: %s", NAMES[i], why);
    }
    struct span dead = document_encode_key(&rig->arena, &(struct document_key){.name = span_text("gone")});
    assert_null(fault_of(rig, 'K', span_text("GKgone"), dead));
    assert_null(fault_of(rig, 'C', span_of(ID, 32), bytes("\x91\x90", 2)));
}

/* Shorter or longer by a byte, in key or payload. */
static void cut_and_longer_ones_are_refused(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        struct op_document document = vector(rig, NAMES[i]);
        struct span key = document.key;
        struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
        uint8_t *longer = arena_copy(&rig->arena, payload.bytes, payload.length); /* and a NUL */
        for (size_t length = 0; length < payload.length; length++)
            assert_non_null(fault(key, span_of(payload.bytes, length)));
        assert_non_null(fault(key, span_of(longer, payload.length + 1)));
        assert_non_null(fault(span_of(key.bytes, 1), payload));
        assert_non_null(fault(span_of(key.bytes, 0), payload));
        longer = arena_copy(&rig->arena, key.bytes, key.length);
        assert_non_null(fault(span_of(longer, key.length + 1), payload));
    }
}

static void absurd_sizes_are_refused(void **state)
{
    struct rig *rig = *state;
    uint8_t *large = arena_alloc(&rig->arena, LIMITS_DOCUMENT_BYTES_MAX + 1);
    memset(large, 'Q', LIMITS_DOCUMENT_BYTES_MAX + 1);
    assert_null(fault(span_of(large, KV_KEY_BYTES_MAX), span_of(large, LIMITS_DOCUMENT_BYTES_MAX)));
    assert_non_null(fault(span_of(large, KV_KEY_BYTES_MAX + 1), span_of(large, 1)));
    assert_string_equal(fault(span_of(large, 2), span_of(large, LIMITS_DOCUMENT_BYTES_MAX + 1)),
                        "a document that is too large");
    assert_non_null(fault(span_of("V", 1), span_of(large, 0)));
}

/* What a later program may have added is passed on unread; no other letter is. */
static void unknown_kinds_are_kept(void **state)
{
    struct rig *rig = *state;
    assert_null(fault_of(rig, 'Q', span_text("anything"), span_text("at all")));
    assert_null(fault_of(rig, 'Z', span_text("x"), span_text("")));
    assert_non_null(fault_of(rig, 'a', span_text("x"), span_text("")));
    assert_non_null(fault_of(rig, '\0', span_text("x"), span_text("")));
    assert_non_null(fault_of(rig, '[', span_text("x"), span_text("")));
}

/* Well-formed bytes that no operator could have made this program write. */
static void what_no_operator_can_say_is_refused(void **state)
{
    struct rig *rig = *state;
    struct span id = span_of(ID, 32);
    struct span bucket = bytes("\x92\xc3\x01", 3);
    struct span nil = bytes("\x91\xc0", 2);
    struct span flags = bytes("\x91\x07", 2);
    char long_text[200];
    memset(long_text, 'x', sizeof long_text);
    assert_non_null(fault_of(rig, 'B', span_of(ID, 31), bucket));
    assert_non_null(fault_of(rig, 'A', span_text("ab"), nil));
    assert_non_null(fault_of(rig, 'A', bytes(long_text, 64), nil));
    assert_non_null(fault_of(rig, 'A', bytes("with\0nul", 8), nil));
    assert_non_null(fault_of(rig, 'A', span_text("line\nbreak"), nil));
    assert_non_null(fault_of(rig, 'L', bytes("\xffGKkey", 6), nil)); /* a length that lies */
    assert_non_null(fault_of(rig, 'L', bytes("", 0), nil));
    assert_non_null(fault_of(rig, 'L', bytes("\x05GKkey", 6), nil)); /* no alias behind it */
    assert_null(fault_of(rig, 'L', bytes("\x05GKkeyinbox", 11), nil));
    assert_non_null(fault_of(rig, 'P', id, flags)); /* no key behind it */
    assert_non_null(fault_of(rig, 'P', span_of(ID, 20), flags));
    struct document_key key = {
        .is_live = true, .name = span_text("\xff\xfe"), .sealed_secret = bytes(long_text, 100)};
    assert_non_null(fault_of(rig, 'K', span_text("GKkey"), document_encode_key(&rig->arena, &key)));
    key.name = bytes(long_text, LIMITS_NAME_BYTES_MAX + 1);
    assert_non_null(fault_of(rig, 'K', span_text("GKkey"), document_encode_key(&rig->arena, &key)));
    key.name = span_text("name");
    assert_null(fault_of(rig, 'K', span_text("GKkey"), document_encode_key(&rig->arena, &key)));
    assert_non_null(fault_of(rig, 'K', span_text("GK key"), document_encode_key(&rig->arena, &key)));
    key.sealed_secret.length = SEAL_OVERHEAD_BYTES; /* nothing in it */
    assert_non_null(fault_of(rig, 'K', span_text("GKkey"), document_encode_key(&rig->arena, &key)));
    key.sealed_secret.length = 200;
    assert_non_null(fault_of(rig, 'K', span_text("GKkey"), document_encode_key(&rig->arena, &key)));
    key.sealed_secret.length = 100;
    key.is_live = false;
    assert_non_null(fault_of(rig, 'K', span_text("GKkey"), document_encode_key(&rig->arena, &key)));
}

static void absurd_members_and_roles_are_refused(void **state)
{
    struct rig *rig = *state;
    struct arena *arena = &rig->arena;
    struct span id = span_of(ID, 32);
    char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    struct document_member member = {.is_member = true, .name = bytes(long_text, LIMITS_ZONE_BYTES_MAX + 1)};
    assert_non_null(fault_of(rig, 'N', id, document_encode_member(arena, &member)));
    member.name = span_text("\xc0\x80");
    assert_non_null(fault_of(rig, 'N', id, document_encode_member(arena, &member)));
    assert_non_null(fault_of(rig, 'D', id, document_encode_address(arena, bytes(long_text, 263))));
    assert_non_null(fault_of(rig, 'D', id, document_encode_address(arena, span_text("a b:1"))));
    struct document_staged_role role = {.is_staged = true, .zone = span_text("east"), .capacity = 0};
    assert_non_null(fault_of(rig, 'S', id, document_encode_staged_role(arena, &role)));
    role.capacity = RING_CAPACITY_MAX + 1;
    assert_non_null(fault_of(rig, 'S', id, document_encode_staged_role(arena, &role)));
    role.capacity = RING_CAPACITY_MAX;
    assert_null(fault_of(rig, 'S', id, document_encode_staged_role(arena, &role)));
    role.zone = span_text("");
    assert_non_null(fault_of(rig, 'S', id, document_encode_staged_role(arena, &role)));
    assert_non_null(fault_of(rig, 'S', id, bytes("\x93\xc0\xc0\xc0", 4)));
    assert_non_null(fault_of(rig, 'G', bytes(long_text, 64), bytes("\x90", 1)));
    assert_non_null(fault_of(rig, 'G', span_text("x"), bytes("\x92\x01\x01", 3)));
    assert_non_null(fault_of(rig, 'X', span_of(ID, 31), bytes("\x91\xc3", 2)));
}

/* One rule or list or text too many, and lists that claim more than there is (H26). */
/* What joins is asked this, too: a document of its address is one that all take, or is none at all. */
static void what_may_be_an_address_may_be_a_document(void **state)
{
    struct rig *rig = *state;
    static const char *const texts[] = {"", "10.0.0.1:3901", "a host:3901", "h\xc3\xb6st:1", "tab\t:1", "[::1]:1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct span payload = document_encode_address(&rig->arena, span_text(texts[i]));
        const char *why = fault_of(rig, 'D', bytes((const char *)ID, sizeof ID), payload);
        assert_true(document_address_is_ok(span_text(texts[i])) == (why == NULL));
        assert_true((why == NULL) == (i == 0 || i == 1 || i == 5));
    }
}

static void rules_beyond_their_bounds_are_refused(void **state)
{
    struct rig *rig = *state;
    struct span id = span_of(ID, 32);
    const uint32_t sizes[][3] = {{1, 1, 1},
                                 {LIMITS_CORS_RULES_MAX, 1, 1},
                                 {1, LIMITS_CORS_ENTRIES_MAX, LIMITS_CORS_ENTRY_BYTES_MAX},
                                 {LIMITS_CORS_RULES_MAX + 1, 1, 1},
                                 {1, LIMITS_CORS_ENTRIES_MAX + 1, 1},
                                 {1, 1, LIMITS_CORS_ENTRY_BYTES_MAX + 1},
                                 {1, 1, 0}};
    char text[LIMITS_CORS_ENTRY_BYTES_MAX + 1];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct wire_out out;
        wire_out_init(&out, &rig->arena);
        wire_put_array(&out, 1);
        wire_put_array(&out, sizes[i][0]);
        for (uint32_t rule = 0; rule < 4 * sizes[i][0]; rule++) {
            if (rule % 4 == 0) wire_put_array(&out, 4);
            wire_put_array(&out, sizes[i][1]);
            for (uint32_t j = 0; j < sizes[i][1]; j++)
                wire_put_text(&out, bytes(text, sizes[i][2]));
        }
        const char *why = fault_of(rig, 'C', id, span_of(out.bytes, out.length));
        if ((why == NULL) != (i < 3)) fail_msg("the rules %zu", i);
    }
    assert_non_null(fault_of(rig, 'C', id, bytes("\x91\xdd\xff\xff\xff\xff", 6)));
    assert_non_null(fault_of(rig, 'C', id, bytes("\x91\x91\x94\xdd\xff\xff\xff\xff", 8)));
}

static void no_bytes_do_harm(void **state)
{
    struct rig *rig = *state;
    struct random random = random_begin("no_bytes_do_harm");
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        struct op_document document = vector(rig, NAMES[i]);
        struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
        uint8_t *changed = arena_copy(&rig->arena, payload.bytes, payload.length);
        uint8_t *key = arena_copy(&rig->arena, document.key.bytes, document.key.length);
        for (int round = 0; round < 3000; round++) {
            if (payload.length > 0)
                changed[random_below(&random, (uint32_t)payload.length)] = (uint8_t)random_u64(&random);
            if (round % 3 == 0)
                key[1 + random_below(&random, (uint32_t)document.key.length - 1)] = (uint8_t)random_u64(&random);
            (void)fault(span_of(key, document.key.length), span_of(changed, payload.length));
            if (round % 8 == 7 && payload.length > 0) memcpy(changed, payload.bytes, payload.length);
        }
    }
}

/* Every letter in one share, and all together what there may be of all: none takes room from another, and nothing
 * has no bound. */
static void each_kind_has_a_share_of_its_own(void **state)
{
    (void)state;
    const struct op_docs_rules *rules = document_rules();
    uint32_t letters = 0;
    uint64_t bytes = 0;
    uint64_t count = 0;
    for (uint32_t i = 0; i < rules->bounds_count; i++) {
        const struct op_docs_bound *bound = &rules->bounds[i];
        assert_int_equal(letters & bound->letters, 0);
        letters |= bound->letters;
        bytes += bound->bytes_max;
        count += bound->count_max;
        bool is_unknown = (bound->letters & OP_DOCS_LETTER('Z')) != 0;
        if (is_unknown) assert_true(bound->bytes_max <= LIMITS_DOCUMENTS_BYTES_MAX / 16);
        if (is_unknown) assert_true(bound->count_max <= LIMITS_DOCUMENTS_MAX / 16);
    }
    assert_int_equal(letters, (1 << 26) - 1);
    assert_true(bytes == LIMITS_DOCUMENTS_BYTES_MAX);
    assert_true(count <= LIMITS_DOCUMENTS_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(documents_of_every_kind_are_kept),
        rig_test(cut_and_longer_ones_are_refused),
        rig_test(absurd_sizes_are_refused),
        rig_test(unknown_kinds_are_kept),
        rig_test(what_no_operator_can_say_is_refused),
        rig_test(absurd_members_and_roles_are_refused),
        rig_test(what_may_be_an_address_may_be_a_document),
        rig_test(rules_beyond_their_bounds_are_refused),
        rig_test(each_kind_has_a_share_of_its_own),
        rig_test(no_bytes_do_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
