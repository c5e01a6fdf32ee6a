/* Payloads of documents: any bytes are refused or read within their bounds. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct document_bucket bucket;
    struct document_key key;
    const uint8_t *bucket_id = NULL;
    uint8_t flags = 0;
    struct span payload = span_of(data, size);
    (void)document_decode_bucket(payload, &bucket);
    if (document_decode_alias(payload, &bucket_id) && bucket_id != NULL &&
        bucket_id + KEYS_BUCKET_ID_BYTES > data + size) {
        abort();
    }
    if (document_decode_key(payload, &key) && key.name.length + key.sealed_secret.length > size) abort();
    if (document_decode_permission(payload, &flags) && flags > 7) abort();
    walk_rules(payload);
    return 0;
}
