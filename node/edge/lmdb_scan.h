/* kv.h's scans over data.mdb: a walk over checked pages, with the values that lie in overflow pages fetched. */
#ifndef NODE_EDGE_LMDB_SCAN_H
#define NODE_EDGE_LMDB_SCAN_H

#include "node/edge/lmdb_file.h"

struct lmdb_scan {
    struct kv_scan scan; /* first */
    const struct lmdb_file *file;
    struct lmdb_walk walk;
    const char *table;
    bool has_walk;
    bool is_told;   /* that there is none, because the tables cannot be found */
    uint8_t *value; /* of the row just met, when it lies in overflow pages */
    size_t value_capacity;
};

/* A scan of the snapshot that `file` holds, also when that could not be opened: it then tells so, and ends. `file`
 * outlives the scan, `calls` are what the scan is called by. ERR_MEMORY. */
MUST_USE enum err lmdb_scan_create(const struct lmdb_file *file, const struct kv_calls *calls, enum kv_space space,
                                   struct span from, struct kv_scan **scan);

/* As kv_scan_step() and kv_scan_close(). */
MUST_USE enum err lmdb_scan_step(struct kv_scan *scan, enum kv_scan_step *step, struct kv_pair *pair,
                                 struct kv_damage *damage);
void lmdb_scan_destroy(struct kv_scan *scan);

#endif
