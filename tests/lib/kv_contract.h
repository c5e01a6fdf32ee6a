/* What every implementation of kv.h must do. Each test is given an empty one as its state:
 *
 *     static const struct CMUnitTest tests[] = {KV_CONTRACT_TESTS(set_up, tear_down)};
 */
#ifndef TESTS_LIB_KV_CONTRACT_H
#define TESTS_LIB_KV_CONTRACT_H

#include "tests/lib/kv_model.h"
#include "tests/lib/random.h"

static const enum kv_step KV_SEEKS[4] = {KV_AT_OR_AFTER, KV_AFTER, KV_AT_OR_BEFORE, KV_BEFORE};

/* --- helpers -------------------------------------------------------------------------------------------- */

static inline struct kv_txn *kv_contract_begin(struct kv *kv, bool for_writing)
{
    struct kv_txn *txn = NULL;
    assert_ok(kv_begin(kv, for_writing, &txn));
    assert_non_null(txn);
    return txn;
}

static inline void kv_contract_put(struct kv *kv, enum kv_space space, const char *key, const char *value)
{
    struct kv_txn *txn = kv_contract_begin(kv, true);
    assert_ok(kv_put(txn, space, span_text(key), span_text(value)));
    assert_ok(kv_commit(txn));
}

/* NULL: absent. */
static inline void kv_contract_has(struct kv_txn *txn, enum kv_space space, const char *key, const char *expected)
{
    struct span value = {(const uint8_t *)"not set", 7};
    assert_ok(kv_get(txn, space, span_text(key), &value));
    if (expected == NULL) {
        assert_null(value.bytes);
    } else {
        assert_non_null(value.bytes);
        assert_span_text(value, expected);
    }
}

static inline void kv_contract_seek(struct kv_cursor *cursor, enum kv_step step, const char *key,
                                    const char *expected)
{
    struct kv_pair pair;
    bool found = expected == NULL;
    assert_ok(kv_cursor_step(cursor, step, key == NULL ? (struct span){0} : span_text(key), &pair, &found));
    if (expected == NULL) {
        assert_false(found);
        return;
    }
    assert_true(found);
    assert_span_text(pair.key, expected);
}

/* --- one behaviour at a time ---------------------------------------------------------------------------- */

static void kv_an_empty_space_answers_nothing(void **state)
{
    struct kv_txn *txn = kv_contract_begin(*state, false);
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        struct kv_cursor *cursor = NULL;
        kv_contract_has(txn, (enum kv_space)space, "a", NULL);
        assert_ok(kv_cursor_open(txn, (enum kv_space)space, &cursor));
        for (int i = 0; i < 4; i++)
            kv_contract_seek(cursor, KV_SEEKS[i], "a", NULL);
        kv_cursor_close(cursor);
    }
    kv_abort(txn);
    kv_abort(NULL);
    kv_cursor_close(NULL);
}

static void kv_an_empty_value_is_not_absent(void **state)
{
    kv_contract_put(*state, KV_DOCS, "empty", "");
    struct kv_txn *txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_DOCS, "empty", "");
    kv_contract_has(txn, KV_DOCS, "absent", NULL);
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair = {0};
    bool found = false;
    assert_ok(kv_cursor_open(txn, KV_DOCS, &cursor));
    assert_ok(kv_cursor_step(cursor, KV_AT_OR_AFTER, span_text("a"), &pair, &found));
    assert_true(found);
    assert_non_null(pair.value.bytes);
    assert_int_equal(pair.value.length, 0);
    kv_cursor_close(cursor);
    kv_abort(txn);
}

static void kv_every_step_goes_where_it_says(void **state)
{
    kv_contract_put(*state, KV_ITEMS, "b", "1");
    kv_contract_put(*state, KV_ITEMS, "d", "2");
    kv_contract_put(*state, KV_ITEMS, "dd", "3");
    struct kv_txn *txn = kv_contract_begin(*state, false);
    struct kv_cursor *cursor = NULL;
    assert_ok(kv_cursor_open(txn, KV_ITEMS, &cursor));
    static const struct {
        const char *key, *at_or_after, *after, *at_or_before, *before;
    } rows[] = {
        {"a", "b", "b", NULL, NULL},     {"b", "b", "d", "b", NULL},       {"c", "d", "d", "b", "b"},
        {"d", "d", "dd", "d", "b"},      {"d\1", "dd", "dd", "d", "d"},    {"dd", "dd", NULL, "dd", "d"},
        {"ddd", NULL, NULL, "dd", "dd"}, {"\xff", NULL, NULL, "dd", "dd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kv_contract_seek(cursor, KV_AT_OR_AFTER, rows[i].key, rows[i].at_or_after);
        kv_contract_seek(cursor, KV_AFTER, rows[i].key, rows[i].after);
        kv_contract_seek(cursor, KV_AT_OR_BEFORE, rows[i].key, rows[i].at_or_before);
        kv_contract_seek(cursor, KV_BEFORE, rows[i].key, rows[i].before);
    }
    kv_contract_seek(cursor, KV_AT_OR_BEFORE, "c", "b");
    kv_contract_seek(cursor, KV_NEXT, NULL, "d");
    kv_contract_seek(cursor, KV_NEXT, NULL, "dd");
    kv_contract_seek(cursor, KV_PREVIOUS, NULL, "d");
    kv_contract_seek(cursor, KV_PREVIOUS, NULL, "b");
    kv_contract_seek(cursor, KV_PREVIOUS, NULL, NULL);
    kv_contract_seek(cursor, KV_BEFORE, "\xff", "dd");
    kv_contract_seek(cursor, KV_NEXT, NULL, NULL);
    kv_cursor_close(cursor);
    kv_abort(txn);
}

static void kv_spaces_are_apart(void **state)
{
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        char value[2] = {(char)('0' + space), 0};
        kv_contract_put(*state, (enum kv_space)space, "same", value);
    }
    struct kv_txn *txn = kv_contract_begin(*state, false);
    for (int space = 0; space < KV_SPACES_COUNT; space++) {
        char value[2] = {(char)('0' + space), 0};
        kv_contract_has(txn, (enum kv_space)space, "same", value);
    }
    kv_abort(txn);
}

static void kv_a_writer_sees_its_own_changes_and_an_abort_forgets_them(void **state)
{
    kv_contract_put(*state, KV_ITEMS, "kept", "old");
    kv_contract_put(*state, KV_ITEMS, "gone", "old");
    struct kv_txn *txn = kv_contract_begin(*state, true);
    assert_ok(kv_put(txn, KV_ITEMS, span_text("kept"), span_text("new")));
    assert_ok(kv_put(txn, KV_ITEMS, span_text("more"), span_text("new")));
    assert_ok(kv_delete(txn, KV_ITEMS, span_text("gone")));
    assert_ok(kv_delete(txn, KV_ITEMS, span_text("never there")));
    kv_contract_has(txn, KV_ITEMS, "kept", "new");
    kv_contract_has(txn, KV_ITEMS, "more", "new");
    kv_contract_has(txn, KV_ITEMS, "gone", NULL);
    kv_abort(txn);
    txn = kv_contract_begin(*state, false);
    kv_contract_has(txn, KV_ITEMS, "kept", "old");
    kv_contract_has(txn, KV_ITEMS, "gone", "old");
    kv_contract_has(txn, KV_ITEMS, "more", NULL);
    assert_ok(kv_commit(txn)); /* of a reading one: an end like another */
}

static void kv_readers_keep_their_snapshots_while_a_writer_commits(void **state)
{
    kv_contract_put(*state, KV_ITEMS, "key", "1");
    struct kv_txn *first = kv_contract_begin(*state, false);
    struct kv_cursor *cursor = NULL;
    assert_ok(kv_cursor_open(first, KV_ITEMS, &cursor));
    kv_contract_seek(cursor, KV_AT_OR_AFTER, "a", "key");
    kv_contract_put(*state, KV_ITEMS, "key", "2");
    struct kv_txn *second = kv_contract_begin(*state, false);
    struct kv_txn *writer = kv_contract_begin(*state, true);
    assert_ok(kv_delete(writer, KV_ITEMS, span_text("key")));
    assert_ok(kv_put(writer, KV_ITEMS, span_text("zzz"), span_text("3")));
    struct kv_txn *third = kv_contract_begin(*state, false);
    assert_ok(kv_commit(writer));
    struct kv_txn *fourth = kv_contract_begin(*state, false);
    kv_contract_has(first, KV_ITEMS, "key", "1");
    kv_contract_has(second, KV_ITEMS, "key", "2");
    kv_contract_has(third, KV_ITEMS, "key", "2");
    kv_contract_has(third, KV_ITEMS, "zzz", NULL);
    kv_contract_has(fourth, KV_ITEMS, "key", NULL);
    kv_contract_has(fourth, KV_ITEMS, "zzz", "3");
    kv_contract_seek(cursor, KV_NEXT, NULL, NULL);
    kv_cursor_close(cursor);
    kv_abort(second);
    kv_abort(first);
    kv_abort(fourth);
    kv_abort(third);
}

static void kv_the_longest_key_and_a_large_value_fit(void **state)
{
    enum { VALUE_BYTES = 16 << 20 };
    static uint8_t key[KV_KEY_BYTES_MAX];
    static uint8_t large[VALUE_BYTES];
    memset(key, 0xff, sizeof key);
    kv_model_value(UINT64_C(0x123456789abcdef), VALUE_BYTES, large);
    struct kv_txn *txn = kv_contract_begin(*state, true);
    assert_ok(kv_put(txn, KV_ITEMS, span_of(key, sizeof key), span_of(large, sizeof large)));
    assert_ok(kv_put(txn, KV_ITEMS, span_of(key, sizeof key - 1), span_text("shorter")));
    assert_ok(kv_commit(txn));
    txn = kv_contract_begin(*state, false);
    struct span value;
    assert_ok(kv_get(txn, KV_ITEMS, span_of(key, sizeof key), &value));
    assert_true(span_is_equal(value, span_of(large, sizeof large)));
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    assert_ok(kv_cursor_open(txn, KV_ITEMS, &cursor));
    assert_ok(kv_cursor_step(cursor, KV_BEFORE, span_of(key, sizeof key), &pair, &found));
    assert_true(found);
    assert_int_equal(pair.key.length, sizeof key - 1);
    kv_cursor_close(cursor);
    kv_abort(txn);
}

/* --- random histories ----------------------------------------------------------------------------------- */

/* Few bytes and short keys, so that keys meet, are prefixes of each other, and lie at both ends. */
static inline struct span kv_contract_random_key(struct random *random, uint8_t *key)
{
    static const uint8_t alphabet[5] = {0x00, 0x01, 'k', 0x7f, 0xff};
    size_t length = random_once_in(random, 12) ? KV_KEY_BYTES_MAX - random_below(random, 3)
                                               : 1 + random_below(random, 4);
    memset(key, alphabet[random_below(random, 5)], length);
    for (size_t i = 0; i < 4 && i < length; i++)
        key[i] = alphabet[random_below(random, 5)];
    return span_of(key, length);
}

static inline size_t kv_contract_random_length(struct random *random)
{
    if (random_once_in(random, 10)) return 0;
    return random_below(random, random_once_in(random, 8) ? 20000 : 200);
}

static inline void kv_contract_change(struct kv_txn *txn, enum kv_space space, struct kv_model *model,
                                      struct random *random)
{
    static uint8_t value[64 * 1024];
    uint8_t bytes[KV_KEY_BYTES_MAX];
    struct span key = kv_contract_random_key(random, bytes);
    if (random_once_in(random, 3) || model->count == KV_MODEL_ROWS_MAX) {
        if (model->count > 0 && random_once_in(random, 2))
            key = kv_model_key(model, random_below(random, model->count));
        memmove(bytes, key.bytes, key.length);
        assert_ok(kv_delete(txn, space, span_of(bytes, key.length)));
        kv_model_delete(model, span_of(bytes, key.length));
        return;
    }
    uint64_t seed = random_u64(random);
    size_t length = kv_contract_random_length(random);
    kv_model_value(seed, length, value);
    assert_ok(kv_put(txn, space, key, span_of(value, length)));
    kv_model_put(model, key, seed, length);
}

static inline void kv_contract_check_pair(const struct kv_model *model, int64_t expected, bool found,
                                          const struct kv_pair *pair)
{
    assert_int_equal(found, expected >= 0);
    if (!found) return;
    check_spans(pair->key, kv_model_key(model, (uint32_t)expected), __FILE__, __LINE__);
    kv_model_check_value(model, (uint32_t)expected, pair->value);
}

/* One get, and a walk of a cursor: seeks and steps mixed. */
static inline void kv_contract_probe(struct kv_txn *txn, enum kv_space space, const struct kv_model *model,
                                     struct random *random)
{
    uint8_t bytes[KV_KEY_BYTES_MAX];
    struct span value;
    struct span key = kv_contract_random_key(random, bytes);
    assert_ok(kv_get(txn, space, key, &value));
    assert_int_equal(value.bytes != NULL, kv_model_has(model, key));
    if (value.bytes != NULL) kv_model_check_value(model, kv_model_rank(model, key), value);
    struct kv_cursor *cursor = NULL;
    int64_t at = -1;
    assert_ok(kv_cursor_open(txn, space, &cursor));
    for (int i = 0; i < 12; i++) {
        enum kv_step step = KV_SEEKS[random_below(random, 4)];
        if (at >= 0 && !random_once_in(random, 4)) step = random_once_in(random, 2) ? KV_NEXT : KV_PREVIOUS;
        key = kv_contract_random_key(random, bytes);
        int64_t expected = kv_model_step(model, step,
                                         at >= 0 && step >= KV_NEXT ? kv_model_key(model, (uint32_t)at) : key);
        struct kv_pair pair;
        bool found = false;
        assert_ok(kv_cursor_step(cursor, step, key, &pair, &found));
        kv_contract_check_pair(model, expected, found, &pair);
        at = expected;
    }
    kv_cursor_close(cursor);
}

/* All rows, forward or backward. */
static inline void kv_contract_scan(struct kv_txn *txn, enum kv_space space, const struct kv_model *model,
                                    bool is_reverse)
{
    static const uint8_t lowest[1] = {0};
    static uint8_t highest[KV_KEY_BYTES_MAX];
    memset(highest, 0xff, sizeof highest);
    struct kv_cursor *cursor = NULL;
    struct kv_pair pair;
    bool found = false;
    assert_ok(kv_cursor_open(txn, space, &cursor));
    enum kv_step step = is_reverse ? KV_AT_OR_BEFORE : KV_AT_OR_AFTER;
    struct span key = is_reverse ? span_of(highest, sizeof highest) : span_of(lowest, 1);
    for (uint32_t i = 0; i <= model->count; i++) {
        int64_t expected = is_reverse ? (int64_t)model->count - 1 - i : (int64_t)i;
        if (i == model->count) expected = -1;
        assert_ok(kv_cursor_step(cursor, step, key, &pair, &found));
        kv_contract_check_pair(model, expected, found, &pair);
        step = is_reverse ? KV_PREVIOUS : KV_NEXT;
    }
    kv_cursor_close(cursor);
}

static inline void kv_contract_check(struct kv_txn *txn, enum kv_space space, const struct kv_model *model,
                                     struct random *random)
{
    for (int i = 0; i < 6; i++)
        kv_contract_probe(txn, space, model, random);
    kv_contract_scan(txn, space, model, false);
    kv_contract_scan(txn, space, model, true);
}

enum { KV_CONTRACT_ROUNDS = 60, KV_CONTRACT_READERS = 3 };

struct kv_contract_reader {
    struct kv_txn *txn; /* NULL: none */
    struct kv_model model;
};

/* Each round: a writer changes, sees its changes, commits or aborts; readers of earlier rounds see theirs. */
static void kv_random_histories_are_those_of_a_sorted_array(void **state)
{
    static struct kv_model committed;
    static struct kv_model changed;
    static struct kv_contract_reader readers[KV_CONTRACT_READERS];
    struct random random = random_begin(__func__);
    memset(&committed, 0, sizeof committed);
    memset(readers, 0, sizeof readers);
    for (int round = 0; round < KV_CONTRACT_ROUNDS; round++) {
        struct kv_txn *writer = kv_contract_begin(*state, true);
        changed = committed;
        for (uint32_t i = random_below(&random, 40); i > 0; i--)
            kv_contract_change(writer, KV_ITEMS, &changed, &random);
        struct kv_contract_reader *reader = &readers[random_below(&random, KV_CONTRACT_READERS)];
        if (reader->txn == NULL) {
            reader->txn = kv_contract_begin(*state, false);
            reader->model = committed;
        }
        kv_contract_check(writer, KV_ITEMS, &changed, &random);
        if (random_once_in(&random, 4)) {
            kv_abort(writer);
        } else {
            assert_ok(kv_commit(writer));
            committed = changed;
        }
        kv_contract_check(reader->txn, KV_ITEMS, &reader->model, &random);
        if (!random_once_in(&random, 2)) continue;
        kv_abort(reader->txn);
        reader->txn = NULL;
    }
    for (int i = 0; i < KV_CONTRACT_READERS; i++)
        kv_abort(readers[i].txn);
    assert_true(committed.count > 20);
}

#define KV_CONTRACT_TESTS(set_up, tear_down)                                                                      \
    cmocka_unit_test_setup_teardown(kv_an_empty_space_answers_nothing, set_up, tear_down),                        \
        cmocka_unit_test_setup_teardown(kv_an_empty_value_is_not_absent, set_up, tear_down),                      \
        cmocka_unit_test_setup_teardown(kv_every_step_goes_where_it_says, set_up, tear_down),                     \
        cmocka_unit_test_setup_teardown(kv_spaces_are_apart, set_up, tear_down),                                  \
        cmocka_unit_test_setup_teardown(kv_a_writer_sees_its_own_changes_and_an_abort_forgets_them, set_up,       \
                                        tear_down),                                                               \
        cmocka_unit_test_setup_teardown(kv_readers_keep_their_snapshots_while_a_writer_commits, set_up,           \
                                        tear_down),                                                               \
        cmocka_unit_test_setup_teardown(kv_the_longest_key_and_a_large_value_fit, set_up, tear_down),             \
        cmocka_unit_test_setup_teardown(kv_random_histories_are_those_of_a_sorted_array, set_up, tear_down)

#endif
