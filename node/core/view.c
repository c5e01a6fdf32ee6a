/* One sorted array of documents in one arena; every look-up is a binary search. */
#include "node/core/view.h"

#include "node/core/layout_document.h"

#include <assert.h>
#include <stdatomic.h>

enum { VIEW_BYTES_MAX = 1 << 30, LOOKUP_BYTES = 1 + 1 + LIMITS_KEY_ID_CHARS_MAX + 512 };

struct view {
    struct arena arena; /* the view itself lies in it */
    _Atomic uint32_t holders;
    struct op_document *documents;
    uint32_t count;
    const struct ring_layout *layout; /* in force; NULL for none */
};

/* --- making --------------------------------------------------------------------------------------------- */

static bool document_copy(struct view *view, const struct op_document *from)
{
    struct op_document *to = &view->documents[view->count++];
    uint8_t *key = arena_copy(&view->arena, from->key.bytes, from->key.length);
    uint8_t *payload = arena_copy(&view->arena, from->register_.payload, from->register_.payload_bytes);
    if (key == NULL || payload == NULL) return false;
    *to = *from;
    to->key = span_of(key, from->key.length);
    to->register_.payload = payload;
    return true;
}

/* The first index whose key is not below `key`. */
static uint32_t lower_bound(const struct op_document *documents, uint32_t count, struct span key)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (span_compare(documents[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Put one document over those already there, in order. */
static bool document_put(struct view *view, const struct op_document *from)
{
    uint32_t index = lower_bound(view->documents, view->count, from->key);
    if (index < view->count && span_is_equal(view->documents[index].key, from->key)) {
        struct crdt_lww winner = crdt_lww_merge(view->documents[index].register_, from->register_);
        uint8_t *payload = arena_copy(&view->arena, winner.payload, winner.payload_bytes);
        if (payload == NULL) return false;
        winner.payload = payload;
        view->documents[index].register_ = winner;
        return true;
    }
    uint32_t last = view->count;
    if (!document_copy(view, from)) return false;
    struct op_document added = view->documents[last];
    memmove(&view->documents[index + 1], &view->documents[index], (last - index) * sizeof added);
    view->documents[index] = added;
    return true;
}

/* --- the layout in force -------------------------------------------------------------------------------- */

static struct span payload_of(const struct op_document *document)
{
    return span_of(document->register_.payload, document->register_.payload_bytes);
}

static struct span id_of(const struct op_document *document)
{
    return span_of(document->key.bytes + 1, document->key.length - 1);
}

/* Are all versions there that this one came from, number by number, down to the first? So nobody can put a version
 * in force whose number leaves a gap, and none that leaves no number for the next (H12). */
static bool has_ancestors(const struct view *view, const struct op_document *document)
{
    struct op_document at = *document;
    uint8_t key[1 + LAYOUT_DOCUMENT_ID_BYTES] = {DOCUMENT_LAYOUT};
    for (;;) {
        uint64_t number = 0;
        const uint8_t *parent = NULL;
        if (!layout_document_names(id_of(&at), payload_of(&at), &number, &parent) || number == 0) return false;
        if (number == 1) return true;
        wire_store_u64(key + 1, number - 1);
        memcpy(key + 1 + 8, parent, RING_LAYOUT_HASH_BYTES);
        if (!view_document_of(view, span_of(key, sizeof key), &at)) return false;
    }
}

/* The first sound one of the versions with the highest number that has one; a version that cannot be read is
 * passed over. False when out of memory. */
static bool take_layout(struct view *view)
{
    const uint8_t letter = DOCUMENT_LAYOUT;
    const uint8_t next_letter = DOCUMENT_LAYOUT + 1;
    uint32_t first = lower_bound(view->documents, view->count, span_of(&letter, 1));
    uint32_t end = lower_bound(view->documents, view->count, span_of(&next_letter, 1));
    if (first == end) return true;
    struct ring_layout *layout = arena_alloc(&view->arena, sizeof *layout);
    while (layout != NULL && end > first && view->layout == NULL) {
        struct span newest = view->documents[end - 1].key;
        struct span number = span_of(newest.bytes, newest.length < 9 ? newest.length : 9);
        uint32_t begin = lower_bound(view->documents, end, number);
        for (uint32_t i = begin; i < end && view->layout == NULL; i++) {
            const struct op_document *document = &view->documents[i];
            if (!has_ancestors(view, document)) continue;
            if (layout_document_decode(id_of(document), payload_of(document), layout)) view->layout = layout;
        }
        end = begin;
    }
    return layout != NULL;
}

struct view *view_create(const struct view *older, const struct op_document *documents, uint32_t count)
{
    struct arena arena;
    arena_init(&arena, VIEW_BYTES_MAX);
    struct view *view = arena_alloc(&arena, sizeof *view);
    if (view == NULL) return NULL;
    view->arena = arena;
    uint32_t older_count = older == NULL ? 0 : older->count;
    view->documents = arena_array(&view->arena, (size_t)older_count + count + 1, sizeof *view->documents);
    bool is_made = view->documents != NULL;
    for (uint32_t i = 0; i < older_count && is_made; i++)
        is_made = document_copy(view, &older->documents[i]);
    for (uint32_t i = 0; i < count && is_made; i++)
        is_made = document_put(view, &documents[i]);
    if (is_made) is_made = take_layout(view);
    atomic_init(&view->holders, 1);
    if (is_made) return view;
    view_release(view);
    return NULL;
}

struct view *view_hold(struct view *view)
{
    atomic_fetch_add_explicit(&view->holders, 1, memory_order_relaxed);
    return view;
}

void view_release(struct view *view)
{
    if (view == NULL || atomic_fetch_sub_explicit(&view->holders, 1, memory_order_acq_rel) > 1) return;
    struct arena arena = view->arena;
    arena_deinit(&arena);
}

bool view_renew(struct view **slot, const struct op_document *documents, uint32_t count)
{
    struct view *newer = view_create(*slot, documents, count);
    if (newer == NULL) return false;
    view_release(*slot);
    *slot = newer;
    return true;
}

const struct ring_layout *view_layout(const struct view *view)
{
    return view == NULL ? NULL : view->layout;
}

/* --- looking up ----------------------------------------------------------------------------------------- */

bool view_document_of(const struct view *view, struct span key, struct op_document *document)
{
    if (view == NULL) return false;
    uint32_t index = lower_bound(view->documents, view->count, key);
    if (index == view->count || !span_is_equal(view->documents[index].key, key)) return false;
    *document = view->documents[index];
    return true;
}

/* The payload of the document whose key is the letter and the parts; bytes NULL when there is none. */
static struct span find(const struct view *view, enum document_kind kind, struct span a, struct span b)
{
    uint8_t key[LOOKUP_BYTES];
    if (view == NULL || 1 + a.length + b.length > sizeof key) return (struct span){NULL, 0};
    key[0] = (uint8_t)kind;
    if (a.length > 0) memcpy(key + 1, a.bytes, a.length);
    if (b.length > 0) memcpy(key + 1 + a.length, b.bytes, b.length);
    struct op_document found;
    if (!view_document_of(view, span_of(key, 1 + a.length + b.length), &found)) return (struct span){NULL, 0};
    return span_of(found.register_.payload, found.register_.payload_bytes);
}

bool view_bucket(const struct view *view, const uint8_t *bucket_id, struct document_bucket *bucket)
{
    struct span payload = find(view, DOCUMENT_BUCKET, span_of(bucket_id, KEYS_BUCKET_ID_BYTES), (struct span){0});
    if (payload.bytes == NULL || !document_decode_bucket(payload, bucket)) return false;
    bucket->id = bucket_id;
    return bucket->is_live;
}

struct span view_bucket_payload(const struct view *view, const uint8_t *bucket_id)
{
    return find(view, DOCUMENT_BUCKET, span_of(bucket_id, KEYS_BUCKET_ID_BYTES), (struct span){0});
}

bool view_alias(const struct view *view, struct span alias, const uint8_t **bucket_id)
{
    struct span payload = find(view, DOCUMENT_ALIAS, alias, (struct span){0});
    return payload.bytes != NULL && document_decode_alias(payload, bucket_id) && *bucket_id != NULL;
}

bool view_key(const struct view *view, struct span key_id, struct document_key *key)
{
    struct span payload = find(view, DOCUMENT_KEY, key_id, (struct span){0});
    if (payload.bytes == NULL || !document_decode_key(payload, key)) return false;
    key->id = key_id;
    return key->is_live;
}

uint8_t view_permissions(const struct view *view, const uint8_t *bucket_id, struct span key_id)
{
    uint8_t flags = 0;
    struct span payload = find(view, DOCUMENT_PERMISSION, span_of(bucket_id, KEYS_BUCKET_ID_BYTES), key_id);
    return payload.bytes != NULL && document_decode_permission(payload, &flags) ? flags : 0;
}

struct span view_cors(const struct view *view, const uint8_t *bucket_id)
{
    return find(view, DOCUMENT_CORS, span_of(bucket_id, KEYS_BUCKET_ID_BYTES), (struct span){0});
}

enum view_local view_local(const struct view *view, struct span key_id, struct span alias,
                           const uint8_t **bucket_id)
{
    uint8_t prefix[1 + LIMITS_KEY_ID_CHARS_MAX];
    if (key_id.length == 0 || key_id.length > LIMITS_KEY_ID_CHARS_MAX) return VIEW_LOCAL_NONE;
    prefix[0] = (uint8_t)key_id.length;
    memcpy(prefix + 1, key_id.bytes, key_id.length);
    struct span payload = find(view, DOCUMENT_LOCAL, span_of(prefix, 1 + key_id.length), alias);
    bool is_set = payload.bytes != NULL && document_decode_alias(payload, bucket_id) && *bucket_id != NULL;
    return is_set ? VIEW_LOCAL_SET : VIEW_LOCAL_NONE;
}

bool view_resolve(const struct view *view, struct span key_id, struct span name, uint8_t *id)
{
    const uint8_t *found = NULL;
    struct document_bucket bucket;
    if (view_local(view, key_id, name, &found) == VIEW_LOCAL_SET) {
        memcpy(id, found, KEYS_BUCKET_ID_BYTES); /* a deleted bucket does not fall through to the others */
    } else if (name.length == 2 * KEYS_BUCKET_ID_BYTES && hash_unhex(name, id, KEYS_BUCKET_ID_BYTES)) {
        /* the id itself */
    } else if (view_alias(view, name, &found)) {
        memcpy(id, found, KEYS_BUCKET_ID_BYTES);
    } else {
        return false;
    }
    return view_bucket(view, id, &bucket);
}

bool view_nth(const struct view *view, enum document_kind kind, uint32_t index, struct span *id,
              struct span *payload)
{
    uint8_t letter = (uint8_t)kind;
    if (view == NULL) return false;
    uint64_t at = (uint64_t)lower_bound(view->documents, view->count, span_of(&letter, 1)) + index;
    if (at >= view->count) return false;
    const struct op_document *document = &view->documents[at];
    if (document->key.bytes[0] != letter) return false;
    *id = span_of(document->key.bytes + 1, document->key.length - 1);
    *payload = span_of(document->register_.payload, document->register_.payload_bytes);
    return true;
}

uint32_t view_documents_count(const struct view *view)
{
    return view == NULL ? 0 : view->count;
}

bool view_document(const struct view *view, uint32_t index, struct op_document *document)
{
    if (view == NULL || index >= view->count) return false;
    *document = view->documents[index];
    return true;
}

bool view_is_member(const struct view *view, const uint8_t node_id[RING_NODE_ID_BYTES], bool *was_removed)
{
    struct document_member member = {0};
    struct span payload = find(view, DOCUMENT_MEMBER, span_of(node_id, RING_NODE_ID_BYTES), (struct span){0});
    bool is_known = payload.bytes != NULL && document_decode_member(payload, &member);
    if (was_removed != NULL) *was_removed = is_known && !member.is_member;
    return is_known && member.is_member;
}

void view_digest(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint8_t digest[16])
{
    memset(digest, 0, 16);
    for (uint32_t i = 0; view != NULL && i < view->count; i++) {
        uint8_t one[16];
        document_digest(&view->documents[i], hash_key, one);
        document_digest_add(digest, one);
    }
}
