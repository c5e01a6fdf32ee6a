/* Payloads of documents: any bytes are refused, or read within their bounds and written the same again. */
#include "node/core/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk_texts(struct document_texts texts, struct span payload)
{
    size_t sum = 0;
    for (struct span text = document_texts_next(&texts); text.bytes != NULL; text = document_texts_next(&texts)) {
        if (text.bytes < payload.bytes || text.bytes + text.length > payload.bytes + payload.length) abort();
        sum += text.length;
    }
    return sum;
}

static void walk_rules(struct span payload)
{
    struct wire_in in;
    struct document_rule rule;
    uint32_t count = 0;
    if (!document_rules_begin(payload, &in, &count)) return;
    for (uint32_t i = 0; i < count && document_rules_next(&in, &rule); i++) {
        size_t sum = walk_texts(rule.origins, payload) + walk_texts(rule.methods, payload) +
                     walk_texts(rule.headers, payload) + walk_texts(rule.expose, payload);
        if (sum > payload.length) abort();
    }
}

static void require(bool condition)
{
    if (!condition) abort();
}

static void check_same(struct span written, struct span payload)
{
    require(written.bytes != NULL && span_is_equal(written, payload));
}

static void check_again(struct span payload, struct arena *arena)
{
    struct document_bucket bucket;
    struct document_key key;
    const uint8_t *bucket_id = NULL;
    uint8_t flags = 0;
    if (document_decode_bucket(payload, &bucket)) check_same(document_encode_bucket(arena, &bucket), payload);
    if (document_decode_alias(payload, &bucket_id)) check_same(document_encode_alias(arena, bucket_id), payload);
    if (document_decode_key(payload, &key)) check_same(document_encode_key(arena, &key), payload);
    if (document_decode_permission(payload, &flags)) {
        require(flags <= (DOCUMENT_READ | DOCUMENT_WRITE | DOCUMENT_OWNER));
        check_same(document_encode_permission(arena, flags), payload);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct span payload = span_of(data, size);
    arena_init(&arena, 16 << 20);
    check_again(payload, &arena);
    walk_rules(payload);
    arena_deinit(&arena);
    return 0;
}
