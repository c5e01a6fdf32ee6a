/* The check of all rows, portion by portion: `skerry repair check`.
 *
 * Every portion is one snapshot and ends after about a thousand rows or a MiB, so that clients are served between
 * two of them; writes go on meanwhile. Rows are read by scans (kv.h), which believe no page unchecked. What a
 * portion compares lies in its own snapshot, with one exception: a partition too large for a portion is recounted
 * over several. Where the recount then differs, that is a finding only if nothing was committed between its first
 * portion and its last. Else it is counted anew, from the partition's first row, up to CHECK_ATTEMPTS times in
 * all, and then left as unsettled: no finding is false, and beside writes without end a drift may stay unsettled.
 *
 * What is checked:
 *   meta    format, secrets and actor are there, and are what they should be; nothing else is, but the incarnation
 *   docs    each document's hash and shape
 *   items   each item's hash and shape, that it is of the partition its key says; each partition's row of counters
 *           against the recount (H24)
 *   counts  each row's hash and shape; that what it counts has items at all
 *   pages   of the four tables, as far as they hold rows (edge/lmdb_pages.h)
 * Beside damage a partition is not recounted: there is nothing to compare with.
 */
#ifndef NODE_STORE_CHECK_H
#define NODE_STORE_CHECK_H

#include "node/store/op.h"

enum {
    CHECK_EFFORT_MAX = 1000, /* of a portion: a row is one… */
    CHECK_LOOKUP_EFFORT = 4, /* …and a look into another table a few pages more */
    CHECK_BYTES_MAX = 1024 * 1024,
    CHECK_ATTEMPTS = 3,
};

/* The partition whose items are being read. */
struct check_partition {
    bool is_open;
    bool is_named;   /* a sound item told bucket and partition key */
    bool is_spoiled; /* by damage: its counters cannot be judged */
    uint8_t hash[RING_HASH_BYTES];
    uint8_t bucket_id[KEYS_BUCKET_ID_BYTES];
    uint8_t partition_key[KEYS_PARTITION_KEY_BYTES_MAX];
    size_t partition_key_bytes;
    struct record_count recount;
    uint64_t snapshot;    /* when its first row was read */
    uint64_t rows_before; /* of the walk, when it began: a row counted anew is one row */
    uint32_t attempts;    /* recounts that differed while something was committed */
};

/* Where a check stands. All zero: at its beginning. */
struct check_walk {
    enum kv_space space;
    bool is_end;   /* nothing is left */
    bool is_begun; /* of this table: go on behind `last` */
    uint8_t last[KV_KEY_BYTES_MAX];
    size_t last_bytes;
    bool is_rewound; /* go on at `last` itself */
    bool has_format, has_secrets, has_actor;
    bool is_damaged;       /* a page of this table is */
    bool is_behind_damage; /* …and no row came since */
    struct check_partition partition;
    uint64_t rows[KV_SPACES_COUNT]; /* read so far; less again when a partition is counted anew */
    uint64_t findings;
    uint64_t unsettled; /* partitions whose counters differed, but something was committed during each recount */
};

/* Run the next portion of op->check inside `txn`, whose first use this is or which nobody relies on any more
 * (kv.h, scans). op->err: ERR_OK also with findings; ERR_MEMORY. */
void check_run(const uint8_t hash_key[HASH_KEY_BYTES], struct kv_txn *txn, struct op *op);

/* Is the row "format" of a version that this program knows? */
bool check_is_format(struct span row);

#endif
