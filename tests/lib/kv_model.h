/* What an ordered key-value space should hold: rows in a plain sorted array, found by looking at each. */
#ifndef TESTS_LIB_KV_MODEL_H
#define TESTS_LIB_KV_MODEL_H

#include "node/store/kv.h"
#include "tests/lib/check.h"

enum { KV_MODEL_ROWS_MAX = 600 };

/* A value is told by its seed and length. */
struct kv_model_row {
    size_t key_bytes;
    uint8_t key[KV_KEY_BYTES_MAX];
    uint64_t value_seed;
    size_t value_bytes;
};

struct kv_model {
    struct kv_model_row rows[KV_MODEL_ROWS_MAX];
    uint32_t count;
};

static inline void kv_model_value(uint64_t seed, size_t length, uint8_t *bytes)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)((seed >> i % 8 * 8) + i / 8);
}

static inline struct span kv_model_key(const struct kv_model *model, uint32_t index)
{
    return span_of(model->rows[index].key, model->rows[index].key_bytes);
}

/* How many rows are below `key`. */
static inline uint32_t kv_model_rank(const struct kv_model *model, struct span key)
{
    uint32_t rank = 0;
    while (rank < model->count && span_compare(kv_model_key(model, rank), key) < 0)
        rank++;
    return rank;
}

static inline bool kv_model_has(const struct kv_model *model, struct span key)
{
    uint32_t rank = kv_model_rank(model, key);
    return rank < model->count && span_is_equal(kv_model_key(model, rank), key);
}

static inline void kv_model_delete(struct kv_model *model, struct span key)
{
    if (!kv_model_has(model, key)) return;
    uint32_t rank = kv_model_rank(model, key);
    model->count--;
    memmove(&model->rows[rank], &model->rows[rank + 1], (model->count - rank) * sizeof model->rows[0]);
}

static inline void kv_model_put(struct kv_model *model, struct span key, uint64_t seed, size_t value_bytes)
{
    kv_model_delete(model, key);
    assert_true(model->count < KV_MODEL_ROWS_MAX);
    uint32_t rank = kv_model_rank(model, key);
    memmove(&model->rows[rank + 1], &model->rows[rank], (model->count - rank) * sizeof model->rows[0]);
    model->rows[rank] = (struct kv_model_row){
        .key_bytes = key.length, .value_seed = seed, .value_bytes = value_bytes};
    memcpy(model->rows[rank].key, key.bytes, key.length);
    model->count++;
}

/* The row a seeking step goes to; -1 when there is none. */
static inline int64_t kv_model_step(const struct kv_model *model, enum kv_step step, struct span key)
{
    int64_t rank = kv_model_rank(model, key);
    bool has = kv_model_has(model, key);
    int64_t at = rank;
    switch (step) {
    case KV_AT_OR_AFTER: break;
    case KV_AFTER:
    case KV_NEXT: at = has ? rank + 1 : rank; break;
    case KV_AT_OR_BEFORE: at = has ? rank : rank - 1; break;
    case KV_BEFORE:
    case KV_PREVIOUS: at = rank - 1; break;
    }
    return at < 0 || at >= model->count ? -1 : at;
}

/* Is `value` the one of the row? */
static inline void kv_model_check_value(const struct kv_model *model, uint32_t index, struct span value)
{
    static uint8_t expected[64 * 1024];
    const struct kv_model_row *row = &model->rows[index];
    assert_int_equal(value.length, row->value_bytes);
    assert_true(row->value_bytes <= sizeof expected);
    kv_model_value(row->value_seed, row->value_bytes, expected);
    assert_non_null(value.bytes);
    assert_memory_equal(value.bytes, expected, row->value_bytes);
}

#endif
