/* Rows as bytes: items, counters and documents, each behind a keyed 64-bit hash over its space, key and bytes
 * (H22).
 *
 * Canonical: equal contents are equal bytes, on disk and on the wire. All is msgpack in its shortest forms:
 *
 *   row       hash (8 raw bytes) ‖ body
 *   item      [1, bucket id (bin 32), partition key (str), writes in all, [column…]]
 *   column    [actor, discard, [write…]]
 *   write     [counter, kind (0 value, 1 tombstone), flags, expires at (ms), value (bin)]
 *   count     [1, entries, conflicts, values, bytes, items]
 *   document  [1, time (us), actor, payload (bin)]
 *
 * An item's record names its bucket and partition key, though the key holds their hash: a recount, an export, a
 * peer need no other table to know what it is (docs/decisions/0003).
 */
#ifndef NODE_STORE_RECORD_H
#define NODE_STORE_RECORD_H

#include "crdt/dvvs.h"
#include "crdt/lww.h"
#include "node/base/wire.h"
#include "node/store/keys.h"

enum { RECORD_VERSION = 1, RECORD_HASH_BYTES = 8 };

struct record_item {
    struct span bucket_id; /* KEYS_BUCKET_ID_BYTES */
    struct span partition_key;
    struct crdt_dvvs state;
};

/* Counters of one partition key, and how many item records (tombstones included) it has. */
struct record_count {
    struct crdt_tally tally;
    uint64_t items;
};

/* Encode into `arena`; bytes NULL when it is out of memory. `key` is the row's database key. */
struct span record_encode_item(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                               const struct record_item *item, struct arena *arena);
struct span record_encode_count(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                                const struct record_count *count, struct arena *arena);
struct span record_encode_document(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                                   const struct crdt_lww *document, struct arena *arena);

/* Decode a row. Spans point into `bytes`; arrays come from `arena`, with room for `spare_columns` more columns and
 * one more write. ERR_CORRUPT: the hash or the shape is wrong; ERR_VERSION: a version this program does not know;
 * ERR_MEMORY. */
MUST_USE enum err record_decode_item(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes,
                                     uint32_t spare_columns, struct arena *arena, struct record_item *item);
/* Does the hash of an item's row fit? Its shape is not looked at. */
bool record_is_item(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes);

MUST_USE enum err record_decode_count(const uint8_t hash_key[HASH_KEY_BYTES], struct span key, struct span bytes,
                                      struct record_count *count);
MUST_USE enum err record_decode_document(const uint8_t hash_key[HASH_KEY_BYTES], struct span key,
                                         struct span bytes, struct crdt_lww *document);

#endif
