/* Payloads of documents: any bytes are refused, or read within their bounds and written the same again; and
 * documents of other nodes, which are kept only when that is so. */
#include "node/core/layout_document.h"

#include <sodium/crypto_generichash_blake2b.h>
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

static void check_clusters_again(struct span payload, struct arena *arena)
{
    struct document_member member;
    struct document_staged_role role;
    struct document_staged_number number;
    struct span address;
    bool is_dismissed = false;
    if (document_decode_member(payload, &member)) check_same(document_encode_member(arena, &member), payload);
    if (document_decode_address(payload, &address)) check_same(document_encode_address(arena, address), payload);
    if (document_decode_staged_role(payload, &role))
        check_same(document_encode_staged_role(arena, &role), payload);
    if (document_decode_staged_number(payload, &number))
        check_same(document_encode_staged_number(arena, &number), payload);
    if (document_decode_dismissed(payload, &is_dismissed))
        check_same(document_encode_dismissed(arena, is_dismissed), payload);
}

/* The payload under the key that its number and hash ask for: else hardly any would be looked into. */
static void check_layout_again(struct span payload, struct arena *arena)
{
    static struct ring_layout layout;
    const struct span key = span_text("skerry layout version");
    uint8_t id[LAYOUT_DOCUMENT_ID_BYTES];
    struct wire_in in = wire_in_over(payload);
    struct op_document document;
    (void)wire_get_array(&in);
    (void)wire_get_u64(&in);
    wire_store_u64(id, wire_get_u64(&in));
    crypto_generichash_blake2b(id + 8, RING_LAYOUT_HASH_BYTES, payload.bytes, payload.length, key.bytes,
                               key.length);
    if (!layout_document_decode(span_of(id, sizeof id), payload, &layout)) return;
    require(layout_document_encode(arena, &layout, &document));
    check_same(span_of(document.register_.payload, document.register_.payload_bytes), payload);
    check_same(span_of(document.key.bytes + 1, document.key.length - 1), span_of(id, sizeof id));
}

/* A byte says how long the key is. */
static void check_foreign(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    if (size == 0) return;
    size_t length = data[0] < size - 1 ? data[0] : size - 1;
    const struct op_document document = {
        .key = span_of(data + 1, length),
        .register_ = {.payload = data + 1 + length, .payload_bytes = size - 1 - length}};
    require(document_check(&document, &why) == (why == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct span payload = span_of(data, size);
    arena_init(&arena, 16 << 20);
    check_again(payload, &arena);
    check_clusters_again(payload, &arena);
    check_layout_again(payload, &arena);
    check_foreign(data, size);
    walk_rules(payload);
    arena_deinit(&arena);
    return 0;
}
