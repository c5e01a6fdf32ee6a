/* Order, shape, and what layout versions stand on. */
#include "node/cluster/exchange_check.h"

#include "node/core/layout_document.h"

static struct span payload_of(const struct op_document *document)
{
    return span_of(document->register_.payload, document->register_.payload_bytes);
}

/* The version of this batch before `count`, or of the view; false when it is in neither. Keys are in order: what a
 * version stands on comes before it. */
static bool find_version(const struct view *view, const struct op_document *documents, uint32_t count,
                         uint64_t number, const uint8_t *hash, struct op_document *found)
{
    uint8_t key[1 + LAYOUT_DOCUMENT_ID_BYTES] = {DOCUMENT_LAYOUT};
    wire_store_u64(key + 1, number);
    memcpy(key + 1 + 8, hash, RING_LAYOUT_HASH_BYTES);
    if (view_document_of(view, span_of(key, sizeof key), found)) return true;
    for (uint32_t i = count; i > 0; i--) {
        int order = span_compare(documents[i - 1].key, span_of(key, sizeof key));
        if (order == 0) *found = documents[i - 1];
        if (order <= 0) return order == 0;
    }
    return false;
}

/* A version stands on the one before it, down to number 1 (H12: no gaps), and has as many partitions, which are
 * for ever. `has_parent` out. */
static const char *check_parent(const struct view *view, const struct op_document *documents, uint32_t count,
                                const struct op_document *document, bool *has_parent)
{
    uint64_t number = 0;
    const uint8_t *hash = NULL;
    struct op_document parent;
    struct span id = span_of(document->key.bytes + 1, document->key.length - 1);
    *has_parent = true;
    if (!layout_document_names(id, payload_of(document), &number, &hash)) return "a malformed layout version";
    if (number <= 1) return NULL;
    *has_parent = find_version(view, documents, count, number - 1, hash, &parent);
    if (!*has_parent) return NULL;
    bool is_same = layout_document_partitions(payload_of(document)) ==
                   layout_document_partitions(payload_of(&parent));
    return is_same ? NULL : "a layout version of another number of partitions than its parent";
}

const char *exchange_check(const struct view *view, struct op_document *documents, uint32_t *count)
{
    const struct span none = {NULL, 0};
    struct span last = none;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        const struct op_document *document = &documents[i];
        const char *why = NULL;
        bool has_parent = true;
        if (last.bytes != NULL && span_compare(last, document->key) >= 0) return "documents out of order";
        last = document->key;
        if (!document_check(document, &why)) return why;
        if (document->key.bytes[0] == DOCUMENT_LAYOUT)
            why = check_parent(view, documents, kept, document, &has_parent);
        if (why != NULL) return why;
        if (has_parent) documents[kept++] = *document;
    }
    *count = kept;
    return NULL;
}

const char *exchange_check_grant(const struct op_document *documents, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t kind = documents[i].key.bytes[0];
        const char *why = NULL;
        if (documents[i].key.length == 0 || (kind != DOCUMENT_MEMBER && kind != DOCUMENT_ADDRESS))
            return "a grant with other documents than members'";
        if (i > 0 && span_compare(documents[i - 1].key, documents[i].key) >= 0) return "documents out of order";
        if (!document_check(&documents[i], &why)) return why;
    }
    return NULL;
}
