/* The buckets and keys as this node sees them now: an immutable, counted snapshot of all documents.
 *
 * One place makes a new view when documents change; everyone else reads the one they hold. Readers on several
 * threads need no lock.
 */
#ifndef NODE_CORE_VIEW_H
#define NODE_CORE_VIEW_H

#include "node/core/document.h"
#include "ring/layout.h"

enum { VIEW_GROUPS = 256 }; /* of documents, by a hash of their keys: what an exchange compares */

struct view;

/* The view of no documents. Those made from it carry digests under `hash_key`, the cluster's, along, so that a
 * change of a few documents costs a few hashes. NULL when out of memory. */
struct view *view_begin(const uint8_t hash_key[HASH_KEY_BYTES]);

/* A view of `older` (NULL: nothing) with `documents` put over it, each winning by crdt_lww_merge(). NULL when out
 * of memory. The new view is held once. What did not change is not copied but shared with the older view: views
 * made from one another are made on one thread, one after the other. */
struct view *view_create(const struct view *older, const struct op_document *documents, uint32_t count);

struct view *view_hold(struct view *view);
void view_release(struct view *view); /* accepts NULL */

/* Look-ups; false when there is none or it was deleted. Spans and ids point into the view. */
bool view_bucket(const struct view *view, const uint8_t *bucket_id, struct document_bucket *bucket);
/* The document of a bucket as it lies in the store; bytes NULL when there is none. */
struct span view_bucket_payload(const struct view *view, const uint8_t *bucket_id);
bool view_alias(const struct view *view, struct span alias, const uint8_t **bucket_id);
bool view_key(const struct view *view, struct span key_id, struct document_key *key);
uint8_t view_permissions(const struct view *view, const uint8_t *bucket_id, struct span key_id);
/* The CORS payload of a bucket; bytes NULL when it has none. */
struct span view_cors(const struct view *view, const uint8_t *bucket_id);

enum view_local { VIEW_LOCAL_NONE, VIEW_LOCAL_SET };
/* A key's own alias: unset ones count as none. */
enum view_local view_local(const struct view *view, struct span key_id, struct span alias,
                           const uint8_t **bucket_id);

/* Which bucket does a raw name of a path mean (reference, section 8)? With `key_id`: that key's alias first; then
 * 64 hex digits, then the global alias. False: no live bucket. `id` out, KEYS_BUCKET_ID_BYTES. */
bool view_resolve(const struct view *view, struct span key_id, struct span name, uint8_t *id);

/* All documents of a kind, in order of their keys: from index 0 of the kind; false after the last. `id` is the key
 * behind the kind's letter. Deleted ones come too. */
bool view_nth(const struct view *view, enum document_kind kind, uint32_t index, struct span *id,
              struct span *payload);

uint32_t view_documents_count(const struct view *view);
uint64_t view_documents_bytes(const struct view *view); /* of their keys and payloads */

/* A keyed digest of all documents, deleted ones too: equal on two nodes that hold the same. Additive: the sum, mod
 * 2^128, of one keyed hash a document. `hash_key` is the cluster's; under the one of view_begin() it is there
 * already, under another it is made of all documents. So with the next two. */
void view_digest(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint8_t digest[16]);

/* The group of the document at an index, and of each group the sum, mod 2^64, of the last 8 bytes of the digests
 * of its documents (docs/protocol.md). */
uint32_t view_group(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint32_t index);
void view_group_sums(const struct view *view, const uint8_t hash_key[HASH_KEY_BYTES], uint64_t sums[VIEW_GROUPS]);

/* The document at an index of all, in order of keys; false behind the last. */
bool view_document(const struct view *view, uint32_t index, struct op_document *document);
/* The document of a key, as it lies in the store; false when there is none. */
bool view_document_of(const struct view *view, struct span key, struct op_document *document);

/* Make `*slot` the view of itself with `documents` over it, and let go of the one before. False when out of
 * memory: nothing changed. */
bool view_renew(struct view **slot, const struct op_document *documents, uint32_t count);

/* Is the node a member: admitted and not removed? `was_removed` (may be NULL) out: it once was. */
bool view_is_member(const struct view *view, const uint8_t node_id[RING_NODE_ID_BYTES], bool *was_removed);

/* The layout in force: of all versions the one with the highest number, and of these the one with the smallest
 * hash (H11). Passed over are versions that cannot be read, and those of whose ancestors, down to number 1, one is
 * not here, on its way still or never made (H12), or has another number of partitions, which the first one sets
 * for all. NULL while there is none. Points into the view. */
const struct ring_layout *view_layout(const struct view *view);

#endif
