/* The secret of the cluster is changed without an interruption, as docs/protocol.md says (two secrets):
 *
 *     everywhere [old, new]  -->  everywhere [new, old]  -->  everywhere [new]
 *
 * node by node, each a step. Files are changed whether the node runs or not.
 */
#ifndef SIM_ROTATION_H
#define SIM_ROTATION_H

#include "sim/world.h"

struct rotation {
    uint32_t phase; /* 0: none is under way; 1 … 3 */
    uint32_t next;  /* machine */
    uint8_t former[LINK_SECRET_BYTES], latter[LINK_SECRET_BYTES];
    uint64_t begun_count, ended_count;
};

bool rotation_is_under_way(const struct rotation *rotation);
void rotation_begin(struct rotation *rotation, const struct world *world);

/* The next machine. False when it was the last one of the last phase. */
bool rotation_step(struct rotation *rotation, struct world *world);

#endif
