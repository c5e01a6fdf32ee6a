/* Documents' keys and payloads, held to the bytes that docs/disk-format.md shows (tests/vectors/disk-format.txt).
 */
#include "node/base/seal.h"
#include "node/core/layout_document.h"
#include "tests/lib/check.h"
#include "tests/vectors/vectors.h"

static const uint64_t TIME_US = 1767323045678000; /* 2026-01-02T03:04:05.678Z */

struct made {
    struct vectors vectors;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct made made;
    vectors_read(&made.vectors, "disk-format.txt");
    arena_init(&made.arena, 1 << 20);
    *state = &made;
    return 0;
}

static int tear_down(void **state)
{
    struct made *made = *state;
    arena_deinit(&made->arena);
    return 0;
}

static struct span get(const struct made *made, const char *name)
{
    return vectors_get(&made->vectors, name);
}

static const uint8_t *bucket_of(const struct made *made)
{
    return get(made, "bucket_id").bytes;
}

/* The payload inside the row of that name. */
static struct span payload_of(const struct made *made, const char *name)
{
    char key[VECTORS_NAME_CHARS + 4];
    char row[VECTORS_NAME_CHARS + 4];
    struct crdt_lww document;
    snprintf(key, sizeof key, "%s_key", name);
    snprintf(row, sizeof row, "%s_row", name);
    assert_ok(record_decode_document(get(made, "hash_key").bytes, get(made, key), get(made, row), &document));
    return span_of(document.payload, document.payload_bytes);
}

static void keys_are_written_as_these_bytes(void **state)
{
    struct made *made = *state;
    struct arena *arena = &made->arena;
    struct span bucket = get(made, "bucket_id");
    struct span key_id = get(made, "key_id");
    assert_span(document_key_of(arena, DOCUMENT_BUCKET, bucket), get(made, "bucket_key"));
    assert_span(document_key_of(arena, DOCUMENT_ALIAS, span_text("mails")), get(made, "alias_key"));
    assert_span(document_key_of(arena, DOCUMENT_CORS, bucket), get(made, "cors_key"));
    assert_span(document_key_of(arena, DOCUMENT_KEY, key_id), get(made, "key_key"));
    assert_span(document_local_key(arena, key_id, span_text("inbox")), get(made, "local_alias_key"));
    assert_span(document_permission_key(arena, bucket.bytes, key_id), get(made, "permission_key"));
}

static void a_bucket_and_its_names_are_read_and_written(void **state)
{
    struct made *made = *state;
    struct document_bucket bucket = {0};
    const uint8_t *target = NULL;
    assert_true(document_decode_bucket(payload_of(made, "bucket"), &bucket));
    assert_true(bucket.is_live && bucket.created_us == TIME_US);
    assert_span(document_encode_bucket(&made->arena, &bucket), payload_of(made, "bucket"));

    assert_true(document_decode_alias(payload_of(made, "alias"), &target));
    assert_memory_equal(target, bucket_of(made), KEYS_BUCKET_ID_BYTES);
    assert_span(document_encode_alias(&made->arena, target), payload_of(made, "alias"));
    assert_true(document_decode_alias(payload_of(made, "local_alias"), &target));
    assert_memory_equal(target, bucket_of(made), KEYS_BUCKET_ID_BYTES);
    assert_true(document_decode_alias(payload_of(made, "alias_removed"), &target));
    assert_null(target);
    assert_span(document_encode_alias(&made->arena, NULL), payload_of(made, "alias_removed"));
}

static void a_key_and_its_secret_are_read_and_written(void **state)
{
    struct made *made = *state;
    struct document_key key = {0};
    uint8_t secret[LIMITS_SECRET_CHARS_MAX];
    assert_true(document_decode_key(payload_of(made, "key"), &key));
    assert_true(key.is_live && key.created_us == TIME_US);
    assert_span_text(key.name, "mailer");
    assert_span(document_encode_key(&made->arena, &key), payload_of(made, "key"));
    assert_int_equal(key.sealed_secret.length, get(made, "secret").length + SEAL_OVERHEAD_BYTES);
    assert_true(seal_open(get(made, "documents_key").bytes, get(made, "key_id"), key.sealed_secret, secret));
    assert_span(span_of(secret, get(made, "secret").length), get(made, "secret"));
}

static void a_permission_is_read_and_written(void **state)
{
    struct made *made = *state;
    uint8_t flags = 0;
    assert_true(document_decode_permission(payload_of(made, "permission"), &flags));
    assert_int_equal(flags, DOCUMENT_READ | DOCUMENT_WRITE | DOCUMENT_OWNER);
    assert_span(document_encode_permission(&made->arena, flags), payload_of(made, "permission"));
}

static void check_texts(struct document_texts texts, const char *const *wanted)
{
    for (; *wanted != NULL; wanted++)
        assert_span_text(document_texts_next(&texts), *wanted);
    assert_null(document_texts_next(&texts).bytes);
}

static void rules_are_read(void **state)
{
    struct made *made = *state;
    struct wire_in in;
    struct document_rule rule;
    uint32_t count = 0;
    assert_true(document_rules_begin(payload_of(made, "cors"), &in, &count));
    assert_int_equal(count, 1);
    assert_true(document_rules_next(&in, &rule));
    check_texts(rule.origins, (const char *const[]){"https://app.example", NULL});
    check_texts(rule.methods, (const char *const[]){"GET", "PUT", NULL});
    check_texts(rule.headers, (const char *const[]){"*", NULL});
    check_texts(rule.expose, (const char *const[]){"x-garage-causality-token", NULL});
    assert_true(wire_is_done(&in));
}

static void a_node_is_read_and_written(void **state)
{
    struct made *made = *state;
    struct document_member member = {0};
    struct span address = {0};
    assert_true(document_decode_member(payload_of(made, "member"), &member));
    assert_true(member.is_member && member.since_us == TIME_US);
    assert_span_text(member.name, "one");
    assert_span(document_encode_member(&made->arena, &member), payload_of(made, "member"));
    assert_true(document_decode_address(payload_of(made, "address"), &address));
    assert_span_text(address, "10.0.0.1:3901");
    assert_span(document_encode_address(&made->arena, address), payload_of(made, "address"));
}

static void what_is_staged_is_read_and_written(void **state)
{
    struct made *made = *state;
    static const char *const roles[] = {"role", "role_removal", "role_not"};
    static const char *const numbers[] = {"number", "number_not"};
    for (int i = 0; i < 3; i++) {
        struct document_staged_role role = {0};
        assert_true(document_decode_staged_role(payload_of(made, roles[i]), &role));
        assert_true(role.is_staged == (i < 2) && role.is_removal == (i == 1));
        if (i == 0) assert_true(role.capacity == UINT64_C(100000000000));
        if (i == 0) assert_span_text(role.zone, "west");
        assert_span(document_encode_staged_role(&made->arena, &role), payload_of(made, roles[i]));
    }
    for (int i = 0; i < 2; i++) {
        struct document_staged_number number = {0};
        assert_true(document_decode_staged_number(payload_of(made, numbers[i]), &number));
        assert_true(number.is_staged == (i == 0) && number.number == (i == 0 ? 2 : 0));
        assert_span(document_encode_staged_number(&made->arena, &number), payload_of(made, numbers[i]));
    }
}

static void a_layout_version_is_read_and_written(void **state)
{
    struct made *made = *state;
    static struct ring_layout layout;
    struct op_document document;
    bool is_dismissed = false;
    struct span key = get(made, "layout_key");
    struct span id = span_of(key.bytes + 1, key.length - 1);
    assert_true(layout_document_decode(id, payload_of(made, "layout"), &layout));
    assert_true(layout.number == 1 && layout.nodes_count == 2 && layout.zones_count == 2);
    assert_string_equal(layout.zones[layout.nodes[0].zone], "west");
    assert_true(layout.nodes[1].capacity == UINT64_C(200000000000) && layout.holders[1][1] == 1);
    memset(layout.hash, 0, sizeof layout.hash); /* computed anew */
    assert_true(layout_document_encode(&made->arena, &layout, &document));
    assert_span(document.key, key);
    assert_span(span_of(document.register_.payload, document.register_.payload_bytes), payload_of(made, "layout"));
    assert_true(document_decode_dismissed(payload_of(made, "dismissed"), &is_dismissed) && is_dismissed);
    assert_span(document_encode_dismissed(&made->arena, true), payload_of(made, "dismissed"));
}

#define on_made(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_made(keys_are_written_as_these_bytes),
        on_made(a_bucket_and_its_names_are_read_and_written),
        on_made(a_key_and_its_secret_are_read_and_written),
        on_made(a_permission_is_read_and_written),
        on_made(rules_are_read),
        on_made(a_node_is_read_and_written),
        on_made(what_is_staged_is_read_and_written),
        on_made(a_layout_version_is_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
