/* One pass over the names of the versions, in order of number and hash; then the chain of parents, from the end.
 * What the versions say is read when it is asked for. */
#include "node/cluster/history.h"

#include "node/core/layout_document.h"

static bool is_hash(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, RING_LAYOUT_HASH_BYTES) == 0;
}

/* A document's register; false when the view has none of the key. */
static bool document_of(const struct view *view, struct arena *arena, enum document_kind kind, struct span id,
                        struct op_document *document)
{
    struct span key = document_key_of(arena, kind, id);
    return key.bytes != NULL && view_document_of(view, key, document);
}

static bool is_dismissed(const struct view *view, struct arena *arena, const uint8_t *hash)
{
    struct op_document document;
    bool is_so = false;
    return document_of(view, arena, DOCUMENT_DISMISSED, span_of(hash, RING_LAYOUT_HASH_BYTES), &document) &&
           document_decode_dismissed(span_of(document.register_.payload, document.register_.payload_bytes),
                                     &is_so) &&
           is_so;
}

/* False for what does not even say which version it is, and what it came from. */
static bool read_names(const struct op_document *document, struct history_version *version)
{
    const uint8_t *parent = NULL;
    struct span id = span_of(document->key.bytes + 1, document->key.length - 1);
    struct span payload = span_of(document->register_.payload, document->register_.payload_bytes);
    *version = (struct history_version){.time_us = document->register_.time_us, .payload = payload};
    if (!layout_document_names(id, payload, &version->number, &parent)) return false;
    memcpy(version->hash, id.bytes + 8, sizeof version->hash);
    memcpy(version->parent, parent, sizeof version->parent);
    return true;
}

static bool read_versions(const struct view *view, struct arena *arena, struct history *history)
{
    struct span id;
    struct span payload;
    uint32_t documents_count = 0;
    while (view_nth(view, DOCUMENT_LAYOUT, documents_count, &id, &payload))
        documents_count++;
    history->versions = arena_array(arena, (size_t)documents_count + 1, sizeof *history->versions);
    if (history->versions == NULL) return false;
    for (uint32_t i = 0; i < documents_count && view_nth(view, DOCUMENT_LAYOUT, i, &id, &payload); i++) {
        struct op_document document;
        if (!document_of(view, arena, DOCUMENT_LAYOUT, id, &document)) continue;
        history->count += read_names(&document, &history->versions[history->count]);
    }
    return true;
}

static int compare(const struct history_version *version, uint64_t number, const uint8_t *hash)
{
    if (version->number != number) return version->number < number ? -1 : 1;
    return memcmp(version->hash, hash, RING_LAYOUT_HASH_BYTES);
}

/* The version before, or NULL. */
static const struct history_version *before(const struct history *history, uint32_t index)
{
    const struct history_version *version = &history->versions[index];
    uint32_t low = 0;
    uint32_t high = index;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(&history->versions[middle], version->number - 1, version->parent);
        if (order == 0) return &history->versions[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Documents come in any order: a version whose ancestors are not all here is neither in force nor lost. */
static void mark_incomplete(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct history_version *version = &history->versions[i];
        const struct history_version *parent = version->number == 1 ? NULL : before(history, i);
        bool is_whole = version->number == 1 || (parent != NULL && parent->fate != HISTORY_INCOMPLETE);
        version->fate = is_whole ? HISTORY_LOST : HISTORY_INCOMPLETE;
    }
}

/* From the version in force back to the first. */
static void mark_chain(struct history *history, const uint8_t *in_force)
{
    const uint8_t *wanted = in_force;
    for (uint32_t i = history->count; i-- > 0;) {
        struct history_version *version = &history->versions[i];
        if (!is_hash(version->hash, wanted)) continue;
        version->fate = wanted == in_force ? HISTORY_IN_FORCE : HISTORY_ANCESTOR;
        wanted = version->parent;
    }
}

bool history_read(const struct view *view, struct arena *arena, struct history *history)
{
    *history = (struct history){0};
    const struct ring_layout *in_force = view_layout(view);
    if (!read_versions(view, arena, history)) return false;
    mark_incomplete(history);
    if (in_force != NULL) mark_chain(history, in_force->hash);
    for (uint32_t i = 0; i < history->count; i++) {
        struct history_version *version = &history->versions[i];
        if (version->fate != HISTORY_LOST) continue;
        if (is_dismissed(view, arena, version->hash)) {
            version->fate = HISTORY_DISMISSED;
        } else {
            history->lost_count++;
        }
    }
    return true;
}

const struct history_version *history_find(const struct history *history,
                                           const uint8_t hash[RING_LAYOUT_HASH_BYTES])
{
    for (uint32_t i = 0; i < history->count; i++) {
        if (is_hash(history->versions[i].hash, hash)) return &history->versions[i];
    }
    return NULL;
}

bool history_layout(const struct history_version *version, struct ring_layout *layout)
{
    uint8_t id[LAYOUT_DOCUMENT_ID_BYTES];
    wire_store_u64(id, version->number);
    memcpy(id + 8, version->hash, RING_LAYOUT_HASH_BYTES);
    return layout_document_decode(span_of(id, sizeof id), version->payload, layout);
}

const char *history_fate_name(enum history_fate fate)
{
    switch (fate) {
    case HISTORY_IN_FORCE: return "in force";
    case HISTORY_ANCESTOR: return "past";
    case HISTORY_LOST: return "lost";
    case HISTORY_DISMISSED: return "dismissed";
    case HISTORY_INCOMPLETE: return "incomplete";
    }
    return "?";
}
