/* Taking settings over in a running server: what has changed, and what of that only a start takes over. Pure. */
#ifndef NODE_EDGE_RELOAD_H
#define NODE_EDGE_RELOAD_H

#include "node/edge/settings.h"

struct reload {
    uint64_t taken;   /* bit per row of SETTINGS: has changed, and is in force now */
    uint64_t waiting; /* has changed, and waits for a restart */
};

/* What `next` says otherwise than `given`, of which `given` and `config` take over what is live.
 *
 *   given    what the settings said last: at the start, or at the last reload
 *   config   what is in force: as `given` but where the system did not allow it
 *   next     what they say now, checked by config_load()
 *
 * A setting that waits is told at every reload until the restart.
 */
struct reload reload_take(struct config *given, struct config *config, const struct config *next);

#endif
