/* One sorted array of documents in one arena; every look-up is a binary search. */
#include "node/core/view.h"

#include "node/core/layout_document.h"

#include <assert.h>
#include <stdatomic.h>

#include <stdlib.h>

enum {
    VIEW_BYTES_MAX = 1 << 30,
    LOOKUP_BYTES = 1 + 1 + LIMITS_KEY_ID_CHARS_MAX + 512,
    HEAP_SPARE_BYTES = 1 << 20, /* what a heap may hold of no use, beside as much again as is of use */
    COPY_BYTES = 2 * 16,        /* what rounding adds to a key and a payload */
};

/* What keys, payloads and layouts lie in: shared by the views that came one from another, of which each adds what
 * is new, and never changed. The last of them gives it back; when too much of it is of no use to the newest view
 * any more, that one begins a heap of its own. */
struct heap {
    struct arena arena; /* the heap itself lies in it */
    _Atomic uint32_t holders;
};

struct view {
    struct arena arena; /* the view itself lies in it, and its arrays */
    _Atomic uint32_t holders;
    struct heap *heap;
    struct op_document *documents;
    uint8_t *groups; /* of each document; with has_sums */
    uint32_t count;
    uint64_t bytes;                   /* of keys and payloads */
    const struct ring_layout *layout; /* in force; NULL for none */
    bool has_sums;                    /* the digests are carried along, under this key */
    uint8_t hash_key[HASH_KEY_BYTES];
    uint8_t digest[16];
    uint64_t group_sums[VIEW_GROUPS];
};

/* --- heaps ---------------------------------------------------------------------------------------------- */

static struct heap *heap_create(void)
{
    struct arena arena;
    arena_init(&arena, VIEW_BYTES_MAX);
    struct heap *heap = arena_alloc(&arena, sizeof *heap);
    if (heap == NULL) return NULL;
    heap->arena = arena;
    atomic_init(&heap->holders, 1);
    return heap;
}

static void heap_release(struct heap *heap)
{
    if (heap == NULL || atomic_fetch_sub_explicit(&heap->holders, 1, memory_order_acq_rel) > 1) return;
    struct arena arena = heap->arena;
    arena_deinit(&arena);
}

/* The heap of the older view, unless more of it is waste than that view is worth. */
static bool is_worn(const struct view *older)
{
    uint64_t used = older->bytes + (uint64_t)older->count * COPY_BYTES + sizeof(struct ring_layout);
    return older->heap->arena.held_bytes > 2 * used + HEAP_SPARE_BYTES;
}

static bool copy_payload(struct view *view, struct op_document *document)
{
    struct crdt_lww *register_ = &document->register_;
    register_->payload = arena_copy(&view->heap->arena, register_->payload, register_->payload_bytes);
    return register_->payload != NULL;
}

static bool copy_key(struct view *view, struct op_document *document)
{
    document->key.bytes = arena_copy(&view->heap->arena, document->key.bytes, document->key.length);
    return document->key.bytes != NULL;
}

/* --- digests -------------------------------------------------------------------------------------------- */

static uint8_t group_of(const uint8_t hash_key[HASH_KEY_BYTES], struct span key)
{
    struct hash_keyed hash;
    hash_keyed_init(&hash, hash_key);
    hash_keyed_add_field(&hash, key);
    return (uint8_t)(hash_keyed_64(&hash) % VIEW_GROUPS);
}

/* Into the sums, or out of them again. */
static void count_digest(struct view *view, const struct op_document *document, uint8_t group, bool is_in)
{
    uint8_t digest[16];
    document_digest(document, view->hash_key, digest);
    uint64_t low = wire_load_u64(digest + 8);
    if (is_in) {
        document_digest_add(view->digest, digest);
        view->group_sums[group] += low;
    } else {
        document_digest_take(view->digest, digest);
        view->group_sums[group] -= low;
    }
}

/* --- making --------------------------------------------------------------------------------------------- */

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

/* A document that is in no view before, or wins over the one at `before`, which is the older view's. */
static bool take_changed(struct view *view, const struct op_document *document, const struct op_document *before,
                         uint8_t group_before)
{
    uint32_t index = view->count++;
    struct op_document *to = &view->documents[index];
    *to = *document;
    if (before != NULL) to->key = before->key;
    if (before == NULL && !copy_key(view, to)) return false;
    if (!copy_payload(view, to)) return false;
    view->bytes += to->key.length + to->register_.payload_bytes;
    if (before != NULL) view->bytes -= before->key.length + before->register_.payload_bytes;
    if (!view->has_sums) return true;
    view->groups[index] = before != NULL ? group_before : group_of(view->hash_key, to->key);
    if (before != NULL) count_digest(view, before, view->groups[index], false);
    count_digest(view, to, view->groups[index], true);
    return true;
}

/* Documents of the older view up to `end`, as they are. */
static void take_older(struct view *view, const struct view *older, uint32_t begin, uint32_t end)
{
    if (begin == end) return;
    memcpy(&view->documents[view->count], &older->documents[begin], (end - begin) * sizeof *view->documents);
    if (view->has_sums) memcpy(&view->groups[view->count], &older->groups[begin], end - begin);
    view->count += end - begin;
}

/* By key, and of one key in the order they were given. */
static int compare_changes(const void *a, const void *b)
{
    const struct op_document *const *left = a;
    const struct op_document *const *right = b;
    int order = span_compare((*left)->key, (*right)->key);
    return order != 0 ? order : (*left > *right) - (*left < *right);
}

static const struct op_document **in_order(struct view *view, const struct op_document *documents, uint32_t count)
{
    const struct op_document **changes = arena_take_array(&view->arena, (size_t)count + 1, sizeof(void *));
    bool is_sorted = true;
    for (uint32_t i = 0; i < count && changes != NULL; i++) {
        changes[i] = &documents[i];
        if (i > 0) is_sorted = is_sorted && span_compare(documents[i - 1].key, documents[i].key) <= 0;
    }
    if (changes != NULL && !is_sorted) qsort(changes, count, sizeof *changes, compare_changes);
    return changes;
}

/* Two sorted lists into one: what is between two changes is taken as it is. `has_layouts` out: a version is among
 * what changed. False when out of memory. */
static bool merge(struct view *view, const struct view *older, const struct op_document **changes, uint32_t count,
                  bool *has_layouts)
{
    uint32_t at = 0;
    uint32_t older_count = older == NULL ? 0 : older->count;
    for (uint32_t i = 0; i < count;) {
        const struct op_document *winner = changes[i];
        struct span key = winner->key;
        for (i++; i < count && span_is_equal(changes[i]->key, key); i++)
            if (crdt_lww_compare(&winner->register_, &changes[i]->register_) < 0) winner = changes[i];
        uint32_t end = older == NULL ? 0 : at + lower_bound(older->documents + at, older_count - at, key);
        if (older != NULL) take_older(view, older, at, end);
        bool is_there = end < older_count && span_is_equal(older->documents[end].key, key);
        const struct op_document *before = is_there ? &older->documents[end] : NULL;
        at = end + (is_there ? 1 : 0);
        if (is_there && crdt_lww_compare(&before->register_, &winner->register_) >= 0) {
            take_older(view, older, end, at);
            continue;
        }
        *has_layouts = *has_layouts || (key.length > 0 && key.bytes[0] == DOCUMENT_LAYOUT);
        uint8_t group = is_there && view->has_sums ? older->groups[end] : 0;
        if (!take_changed(view, winner, before, group)) return false;
    }
    if (older != NULL) take_older(view, older, at, older_count);
    return true;
}

/* All that is in the older view's heap, into the own one. */
static bool copy_all(struct view *view)
{
    for (uint32_t i = 0; i < view->count; i++)
        if (!copy_key(view, &view->documents[i]) || !copy_payload(view, &view->documents[i])) return false;
    if (view->layout == NULL) return true;
    view->layout = (const void *)arena_copy(&view->heap->arena, view->layout, sizeof *view->layout);
    return view->layout != NULL;
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

/* Are all versions there that this one came from, number by number, down to the first, and of as many partitions?
 * So nobody can put a version in force whose number leaves a gap, and none that leaves no number for the next
 * (H12). */
static bool has_ancestors(const struct view *view, const struct op_document *document)
{
    struct op_document at = *document;
    uint64_t partitions = layout_document_partitions(payload_of(&at));
    uint8_t key[1 + LAYOUT_DOCUMENT_ID_BYTES] = {DOCUMENT_LAYOUT};
    for (;;) {
        uint64_t number = 0;
        const uint8_t *parent = NULL;
        if (!layout_document_names(id_of(&at), payload_of(&at), &number, &parent) || number == 0) return false;
        if (number == 1) return true;
        wire_store_u64(key + 1, number - 1);
        memcpy(key + 1 + 8, parent, RING_LAYOUT_HASH_BYTES);
        if (!view_document_of(view, span_of(key, sizeof key), &at)) return false;
        if (layout_document_partitions(payload_of(&at)) != partitions) return false;
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
    view->layout = NULL;
    if (first == end) return true;
    struct ring_layout *layout = arena_alloc(&view->heap->arena, sizeof *layout);
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

/* A view without documents yet, on the heap of the older one when that is good for it. */
static struct view *begin(const struct view *older, uint32_t count)
{
    struct arena arena;
    arena_init(&arena, VIEW_BYTES_MAX);
    struct view *view = arena_alloc(&arena, sizeof *view);
    if (view == NULL) return NULL;
    view->arena = arena;
    atomic_init(&view->holders, 1);
    view->documents = arena_take_array(&view->arena, (size_t)count + 1, sizeof *view->documents);
    view->groups = arena_take_array(&view->arena, (size_t)count + 1, 1);
    if (older != NULL && !is_worn(older)) {
        atomic_fetch_add_explicit(&older->heap->holders, 1, memory_order_relaxed);
        view->heap = older->heap;
    } else {
        view->heap = heap_create();
    }
    if (view->documents != NULL && view->groups != NULL && view->heap != NULL) return view;
    view_release(view);
    return NULL;
}

static void inherit(struct view *view, const struct view *older)
{
    view->bytes = older->bytes;
    view->layout = older->layout;
    view->has_sums = older->has_sums;
    memcpy(view->hash_key, older->hash_key, sizeof view->hash_key);
    memcpy(view->digest, older->digest, sizeof view->digest);
    memcpy(view->group_sums, older->group_sums, sizeof view->group_sums);
}

struct view *view_begin(const uint8_t hash_key[HASH_KEY_BYTES])
{
    struct view *view = begin(NULL, 0);
    if (view == NULL) return NULL;
    view->has_sums = true;
    memcpy(view->hash_key, hash_key, sizeof view->hash_key);
    return view;
}

struct view *view_create(const struct view *older, const struct op_document *documents, uint32_t count)
{
    struct view *view = begin(older, count + (older == NULL ? 0 : older->count));
    if (view == NULL) return NULL;
    if (older != NULL) inherit(view, older);
    bool has_layouts = false;
    const struct op_document **changes = in_order(view, documents, count);
    bool is_made = changes != NULL && merge(view, older, changes, count, &has_layouts);
    if (is_made && older != NULL && view->heap != older->heap) is_made = copy_all(view);
    if (is_made && has_layouts) is_made = take_layout(view);
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
    heap_release(view->heap);
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

static bool has_sums_of(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES])
{
    return view != NULL && view->has_sums && memcmp(view->hash_key, hash_key, HASH_KEY_BYTES) == 0;
}

void view_digest(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint8_t digest[16])
{
    memset(digest, 0, 16);
    if (has_sums_of(view, hash_key)) {
        memcpy(digest, view->digest, 16);
        return;
    }
    for (uint32_t i = 0; view != NULL && i < view->count; i++) {
        uint8_t one[16];
        document_digest(&view->documents[i], hash_key, one);
        document_digest_add(digest, one);
    }
}

void view_group_sums(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint64_t sums[VIEW_GROUPS])
{
    memset(sums, 0, VIEW_GROUPS * sizeof *sums);
    if (has_sums_of(view, hash_key)) {
        memcpy(sums, view->group_sums, sizeof view->group_sums);
        return;
    }
    for (uint32_t i = 0; view != NULL && i < view->count; i++) {
        uint8_t one[16];
        document_digest(&view->documents[i], hash_key, one);
        sums[group_of(hash_key, view->documents[i].key)] += wire_load_u64(one + 8);
    }
}

uint32_t view_group(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint32_t index)
{
    assert(index < view->count);
    return has_sums_of(view, hash_key) ? view->groups[index] : group_of(hash_key, view->documents[index].key);
}

uint64_t view_documents_bytes(const struct view *view)
{
    return view == NULL ? 0 : view->bytes;
}
