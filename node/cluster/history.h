/* All layout versions a node knows of, and what became of each: which is in force, which led to it, which lost
 * (H11). Pure over the view.
 *
 *     1 --- 2 --- 3 --- 4      in force: the highest number, then the smallest hash
 *            \--- 3'           lost: no ancestor of the one in force, until an operator dismisses it
 */
#ifndef NODE_CLUSTER_HISTORY_H
#define NODE_CLUSTER_HISTORY_H

#include "node/core/view.h"

enum history_fate {
    HISTORY_IN_FORCE,
    HISTORY_ANCESTOR,   /* of the one in force */
    HISTORY_LOST,       /* of two with one number the other stayed; or it came of such a one */
    HISTORY_DISMISSED,  /* it lost, and its changes were taken over or given up */
    HISTORY_INCOMPLETE, /* a version it came from is not here (yet) */
};

/* One version: what names it. history_layout() has the rest. */
struct history_version {
    uint64_t number;
    uint8_t hash[RING_LAYOUT_HASH_BYTES];
    uint8_t parent[RING_LAYOUT_HASH_BYTES];
    uint64_t time_us; /* wall clock of who made it */
    enum history_fate fate;
    struct span payload; /* of its document, in the view */
};

/* In order of number, then hash. */
struct history {
    struct history_version *versions;
    uint32_t count;
    uint32_t lost_count; /* HISTORY_LOST */
};

/* Find all versions of the view, by their names: cheap, however many there are. Memory from `arena`; false when it
 * is out of memory. */
bool history_read(const struct view *view, struct arena *arena, struct history *history);

/* The version of this hash, or NULL. */
const struct history_version *history_find(const struct history *history,
                                           const uint8_t hash[RING_LAYOUT_HASH_BYTES]);

/* The version as a whole, into the caller's memory: one layout serves a walk over many. False when it cannot be
 * read, with nothing to be said of what `layout` then holds: its name is sound, and the rest is not. */
MUST_USE bool history_layout(const struct history_version *version, struct ring_layout *layout);

/* "in force", "past", "lost", "dismissed", "incomplete". */
const char *history_fate_name(enum history_fate fate);

#endif
