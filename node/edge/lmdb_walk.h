/* A walk over the rows of one table in the order of their keys that believes no page it has not checked.
 *
 * Damage is an event like a row: the walk then goes on behind the damaged page, at the next one its neighbours
 * lead to. It holds one page for each level of the tree, never more; what it is led to is bounded by the file.
 * Where pages come from is the caller's: a file, or any bytes at all (tests/fuzz/pages.c).
 */
#ifndef NODE_EDGE_LMDB_WALK_H
#define NODE_EDGE_LMDB_WALK_H

#include "node/base/err.h"
#include "node/edge/lmdb_pages.h"

struct lmdb_source {
    /* Put `length` bytes from `offset` on into `out`. False when they are not all there. */
    bool (*read)(void *owner, uint64_t offset, uint8_t *out, size_t length);
    /* A page, or `count` of them in a row, is used by the table: called once for each place that names it, before
     * it is read. The answer is LMDB_SOUND, or why it must not be. May be NULL. */
    enum lmdb_fault (*use)(void *owner, uint64_t page, uint64_t count);
    void *owner;
    uint32_t page_bytes;
    uint64_t pages_count; /* of the snapshot: its last page and one */
};

enum lmdb_event {
    LMDB_ROW,    /* walk->node is a row; until the next step */
    LMDB_DAMAGE, /* walk->fault at walk->fault_page; rows below that page are left out */
    LMDB_END,
};

struct lmdb_level {
    uint64_t page;
    uint32_t index; /* of the node that comes next */
    uint32_t count;
    bool has_low, has_high;
    struct span low, high; /* in the pages of the levels above */
};

/* What was met on the way, for comparing with what the table says of itself. */
struct lmdb_walk_counts {
    uint64_t branch_pages, leaf_pages, overflow_pages, entries;
};

struct lmdb_walk {
    struct lmdb_source source;
    struct lmdb_table table;
    bool has_numbers;  /* "free" */
    bool has_tables;   /* "main" */
    bool skips_leaves; /* leaves below a branch are counted and used, but not read: no rows come */
    bool is_begun;
    bool is_seeking; /* down to the first row at or behind `from` */
    uint8_t from[LMDB_KEY_BYTES_MAX];
    size_t from_bytes;
    uint32_t depth; /* levels in use */
    struct lmdb_level levels[LMDB_DEPTH_MAX];
    uint8_t *pages; /* one for each level */
    struct lmdb_walk_counts counts;

    struct lmdb_node node;
    enum lmdb_fault fault;
    uint64_t fault_page;
};

/* Begin at the first row whose key is at or behind `from` (no bytes: at the first). The table is possible
 * (lmdb_table_is_possible()). ERR_MEMORY: nothing is held then. Set has_numbers, has_tables and skips_leaves
 * before the first step. */
MUST_USE enum err lmdb_walk_init(struct lmdb_walk *walk, const struct lmdb_source *source,
                                 const struct lmdb_table *table, struct span from);
void lmdb_walk_deinit(struct lmdb_walk *walk);

enum lmdb_event lmdb_walk_step(struct lmdb_walk *walk);

/* Check where the value of the row just met lies in overflow pages. Damage sets walk->fault; else `offset` is
 * where its bytes begin in the file, all of them there. */
bool lmdb_walk_find_value(struct lmdb_walk *walk, uint64_t *offset);

#endif
