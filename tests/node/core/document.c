/* Documents ⇄ bytes: what is written is read again, anything else is refused, whatever it claims (H26). */
#include "node/core/document.h"
#include "tests/lib/check.h"

#include <stdlib.h>

enum { ARENA_BYTES = 1 << 20 };

static const uint8_t BUCKET_ID[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";

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

static struct document_key any_key(void)
{
    return (struct document_key){.is_live = true,
                                 .name = span_text("a name"),
                                 .created_us = 1234567,
                                 .sealed_secret = span_of("\0\1\2", 3)};
}

/* One rule: two origins, one method, no headers, one to expose. */
static struct span any_rules(struct arena *arena)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    wire_put_array(&out, 1);
    wire_put_array(&out, 1);
    wire_put_array(&out, 4);
    wire_put_array(&out, 2);
    wire_put_text(&out, span_text("https://a.example"));
    wire_put_text(&out, span_text("https://b.example"));
    wire_put_array(&out, 1);
    wire_put_text(&out, span_text("PUT"));
    wire_put_array(&out, 0);
    wire_put_array(&out, 1);
    wire_put_text(&out, span_text("x-garage-causality-token"));
    assert_false(out.failed);
    return span_of(out.bytes, out.length);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static void database_keys_are_a_letter_and_parts(void **state)
{
    assert_span_text(document_key_of(*state, DOCUMENT_ALIAS, span_text("mails")), "Amails");
    assert_span_text(document_key_of(*state, DOCUMENT_KEY, span_text("GK1")), "KGK1");
    assert_span_text(document_local_key(*state, span_text("GK1"), span_text("mails")), "L\3GK1mails");
    struct span permission = document_permission_key(*state, BUCKET_ID, span_text("GK1"));
    assert_int_equal(permission.length, 1 + 32 + 3);
    assert_int_equal(permission.bytes[0], 'P');
    assert_memory_equal(permission.bytes + 1, BUCKET_ID, 32);
    assert_memory_equal(permission.bytes + 33, "GK1", 3);
}

/* A key's alias cannot be taken for another key's, however the two are cut. */
static void local_keys_do_not_run_into_each_other(void **state)
{
    struct span a = document_local_key(*state, span_text("GK1"), span_text("2abc"));
    struct span b = document_local_key(*state, span_text("GK12"), span_text("abc"));
    assert_false(span_is_equal(a, b));
}

/* --- payloads ------------------------------------------------------------------------------------------- */

static void what_is_written_is_read_again(void **state)
{
    struct arena *arena = *state;
    struct document_bucket bucket = {BUCKET_ID, true, UINT64_MAX};
    struct document_bucket bucket_read;
    struct document_key key = any_key();
    struct document_key key_read;
    const uint8_t *id = NULL;
    assert_true(document_decode_bucket(document_encode_bucket(arena, &bucket), &bucket_read));
    assert_true(bucket_read.is_live && bucket_read.created_us == UINT64_MAX);
    bucket.is_live = false;
    assert_true(document_decode_bucket(document_encode_bucket(arena, &bucket), &bucket_read));
    assert_false(bucket_read.is_live);
    assert_true(document_decode_alias(document_encode_alias(arena, BUCKET_ID), &id));
    assert_memory_equal(id, BUCKET_ID, sizeof BUCKET_ID);
    assert_true(document_decode_alias(document_encode_alias(arena, NULL), &id));
    assert_null(id);
    assert_true(document_decode_key(document_encode_key(arena, &key), &key_read));
    assert_true(key_read.is_live && key_read.created_us == key.created_us);
    assert_span(key_read.name, key.name);
    assert_span(key_read.sealed_secret, key.sealed_secret);
    for (uint8_t flags = 0; flags < 8; flags++) {
        uint8_t flags_read = 0xff;
        assert_true(document_decode_permission(document_encode_permission(arena, flags), &flags_read));
        assert_int_equal(flags_read, flags);
    }
}

static void unknown_flags_are_refused(void **state)
{
    uint8_t flags_read = 0;
    assert_false(document_decode_permission(document_encode_permission(*state, 8), &flags_read));
    assert_false(document_decode_permission(document_encode_permission(*state, 255), &flags_read));
}

/* Walk all of a payload's rules; false when it is refused on the way. */
static bool walk_rules(struct span payload, uint32_t *texts_count)
{
    struct wire_in in;
    uint32_t count = 0;
    struct document_rule rule;
    *texts_count = 0;
    if (!document_rules_begin(payload, &in, &count)) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!document_rules_next(&in, &rule)) return false;
        struct document_texts lists[4] = {rule.origins, rule.methods, rule.headers, rule.expose};
        for (int list = 0; list < 4; list++) {
            while (document_texts_next(&lists[list]).bytes != NULL)
                (*texts_count)++;
        }
    }
    return true;
}

static void rules_are_walked_text_by_text(void **state)
{
    struct wire_in in;
    uint32_t count = 0;
    struct document_rule rule;
    struct span rules = any_rules(*state);
    assert_true(document_rules_begin(rules, &in, &count));
    assert_int_equal(count, 1);
    assert_true(document_rules_next(&in, &rule));
    assert_span_text(document_texts_next(&rule.origins), "https://a.example");
    assert_span_text(document_texts_next(&rule.origins), "https://b.example");
    assert_null(document_texts_next(&rule.origins).bytes);
    assert_null(document_texts_next(&rule.origins).bytes);
    assert_span_text(document_texts_next(&rule.methods), "PUT");
    assert_null(document_texts_next(&rule.headers).bytes);
    assert_span_text(document_texts_next(&rule.expose), "x-garage-causality-token");
    assert_null(document_texts_next(&rule.expose).bytes);
}

/* --- bytes of others ------------------------------------------------------------------------------------ */

static bool is_decoded(struct span payload)
{
    struct document_bucket bucket;
    struct document_key key;
    const uint8_t *id = NULL;
    uint8_t flags = 0;
    return document_decode_bucket(payload, &bucket) || document_decode_key(payload, &key) ||
           document_decode_alias(payload, &id) || document_decode_permission(payload, &flags);
}

static void expect_no_part_is_whole(struct span payload)
{
    uint8_t longer[256];
    for (size_t length = 0; length < payload.length; length++)
        assert_false(is_decoded(span_of(payload.bytes, length)));
    assert_true(payload.length < sizeof longer);
    memcpy(longer, payload.bytes, payload.length);
    longer[payload.length] = 0xc0;
    assert_false(is_decoded(span_of(longer, payload.length + 1)));
}

static void cut_or_longer_payloads_are_refused(void **state)
{
    const struct document_bucket bucket = {BUCKET_ID, true, 77};
    const struct document_key key = any_key();
    expect_no_part_is_whole(document_encode_bucket(*state, &bucket));
    expect_no_part_is_whole(document_encode_key(*state, &key));
    expect_no_part_is_whole(document_encode_alias(*state, BUCKET_ID));
    expect_no_part_is_whole(document_encode_permission(*state, 7));
    uint32_t texts_count = 0;
    struct span rules = any_rules(*state);
    assert_true(walk_rules(rules, &texts_count));
    assert_int_equal(texts_count, 4);
    for (size_t length = 0; length < rules.length; length++)
        assert_false(walk_rules(span_of(rules.bytes, length), &texts_count));
}

/* Any two first bytes and any third: read or refused, never more than is there (ASan looks on). */
static void no_first_bytes_do_harm(void **state)
{
    uint32_t texts_count = 0;
    (void)state;
    for (uint32_t first = 0; first < 65536; first++) {
        uint8_t *bytes = malloc(4);
        assert_non_null(bytes);
        bytes[0] = (uint8_t)(first >> 8);
        bytes[1] = (uint8_t)first;
        bytes[2] = (uint8_t)(first * 7);
        bytes[3] = 0xff;
        (void)is_decoded(span_of(bytes, 4));
        (void)walk_rules(span_of(bytes, 4), &texts_count);
        free(bytes);
    }
}

static void an_alias_is_a_whole_id_or_nil(void **state)
{
    const uint8_t *id = NULL;
    for (size_t length = 0; length < 40; length++) {
        struct wire_out out;
        uint8_t bytes[40] = {0};
        wire_out_init(&out, *state);
        wire_put_array(&out, 1);
        wire_put_bytes(&out, span_of(bytes, length));
        assert_int_equal(document_decode_alias(span_of(out.bytes, out.length), &id),
                         length == KEYS_BUCKET_ID_BYTES);
    }
}

/* --- memory --------------------------------------------------------------------------------------------- */

static void without_memory_there_are_no_bytes(void **state)
{
    struct arena none;
    const struct document_bucket bucket = {BUCKET_ID, true, 77};
    const struct document_key key = any_key();
    (void)state;
    arena_init(&none, 0);
    assert_null(document_key_of(&none, DOCUMENT_KEY, span_text("GK1")).bytes);
    assert_null(document_local_key(&none, span_text("GK1"), span_text("a")).bytes);
    assert_null(document_permission_key(&none, BUCKET_ID, span_text("GK1")).bytes);
    assert_null(document_encode_bucket(&none, &bucket).bytes);
    assert_null(document_encode_alias(&none, BUCKET_ID).bytes);
    assert_null(document_encode_alias(&none, NULL).bytes);
    assert_null(document_encode_key(&none, &key).bytes);
    assert_null(document_encode_permission(&none, 1).bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_test(database_keys_are_a_letter_and_parts),
        arena_test(local_keys_do_not_run_into_each_other),
        arena_test(what_is_written_is_read_again),
        arena_test(unknown_flags_are_refused),
        arena_test(rules_are_walked_text_by_text),
        arena_test(cut_or_longer_payloads_are_refused),
        cmocka_unit_test(no_first_bytes_do_harm),
        arena_test(an_alias_is_a_whole_id_or_nil),
        cmocka_unit_test(without_memory_there_are_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
