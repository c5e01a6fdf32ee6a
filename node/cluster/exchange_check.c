/* Order, shape, parents of layout versions, and bounds of what there may be in all. */
#include "node/cluster/exchange_check.h"

#include "node/cluster/exchange.h"
#include "node/core/layout_document.h"

/* What there would be after the batch. */
struct totals {
    uint32_t documents, member_documents, members, versions;
};

static bool is_live_member(struct span payload)
{
    struct document_member member;
    return document_decode_member(payload, &member) && member.is_member;
}

static void count_view(const struct view *view, struct totals *totals)
{
    struct span id;
    struct span payload;
    totals->documents = view_documents_count(view);
    while (view_nth(view, DOCUMENT_MEMBER, totals->member_documents, &id, &payload)) {
        totals->member_documents++;
        if (is_live_member(payload)) totals->members++;
    }
    while (view_nth(view, DOCUMENT_LAYOUT, totals->versions, &id, &payload))
        totals->versions++;
}

static struct span payload_of(const struct op_document *document)
{
    return span_of(document->register_.payload, document->register_.payload_bytes);
}

/* As if each won: a batch that passes the bound only because some of its documents would lose is no great loss. */
static void count_document(const struct view *view, const struct op_document *document, struct totals *totals)
{
    struct op_document before;
    bool is_new = !view_document_of(view, document->key, &before);
    uint8_t kind = document->key.bytes[0];
    if (is_new) totals->documents++;
    if (is_new && kind == DOCUMENT_LAYOUT) totals->versions++;
    if (kind != DOCUMENT_MEMBER) return;
    bool was_member = !is_new && is_live_member(payload_of(&before));
    bool is_member = is_live_member(payload_of(document));
    if (is_new) totals->member_documents++;
    if (is_member && !was_member) totals->members++;
    if (was_member && !is_member && crdt_lww_compare(&before.register_, &document->register_) < 0)
        totals->members--;
}

static const char *check_totals(const struct totals *totals)
{
    if (totals->members > LIMITS_MEMBERS_MAX || totals->member_documents > EXCHANGE_MEMBER_DOCUMENTS_MAX)
        return "more members than a cluster may have";
    if (totals->versions > EXCHANGE_VERSIONS_MAX) return "more layout versions than there may be";
    if (totals->documents > EXCHANGE_DOCUMENTS_MAX) return "more documents than there may be";
    return NULL;
}

/* Is the version the one of this batch before `count`, or of the view? Keys are in order: parents are before. */
static bool has_version(const struct view *view, const struct op_document *documents, uint32_t count,
                        uint64_t number, const uint8_t *hash)
{
    uint8_t key[1 + LAYOUT_DOCUMENT_ID_BYTES] = {DOCUMENT_LAYOUT};
    struct op_document found;
    wire_store_u64(key + 1, number);
    memcpy(key + 1 + 8, hash, RING_LAYOUT_HASH_BYTES);
    if (view_document_of(view, span_of(key, sizeof key), &found)) return true;
    for (uint32_t i = count; i > 0; i--) {
        int order = span_compare(documents[i - 1].key, span_of(key, sizeof key));
        if (order <= 0) return order == 0;
    }
    return false;
}

/* A version stands on the one before it, down to number 1 (H12: no gaps). */
static const char *check_parent(const struct view *view, const struct op_document *documents, uint32_t index)
{
    const struct op_document *document = &documents[index];
    uint64_t number = 0;
    const uint8_t *parent = NULL;
    struct span id = span_of(document->key.bytes + 1, document->key.length - 1);
    if (!layout_document_names(id, payload_of(document), &number, &parent)) return "a malformed layout version";
    if (number <= 1) return NULL;
    return has_version(view, documents, index, number - 1, parent) ? NULL : "a layout version without its parent";
}

static const char *check_document(const struct op_document *document)
{
    const char *why = NULL;
    if (document->register_.time_us >> EXCHANGE_TIME_BITS != 0) return "a document of a time that cannot be";
    return document_check(document, &why) ? NULL : why;
}

const char *exchange_check(const struct view *view, const struct op_document *documents, uint32_t count)
{
    struct totals totals = {0};
    count_view(view, &totals);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && span_compare(documents[i - 1].key, documents[i].key) >= 0) return "documents out of order";
        const char *why = check_document(&documents[i]);
        if (why == NULL && documents[i].key.bytes[0] == DOCUMENT_LAYOUT) why = check_parent(view, documents, i);
        if (why != NULL) return why;
        count_document(view, &documents[i], &totals);
    }
    return check_totals(&totals);
}

const char *exchange_check_grant(const struct view *view, const struct op_document *documents, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t kind = documents[i].key.bytes[0];
        if (kind != DOCUMENT_MEMBER && kind != DOCUMENT_ADDRESS)
            return "a grant with other documents than members'";
    }
    return exchange_check(view, documents, count);
}
