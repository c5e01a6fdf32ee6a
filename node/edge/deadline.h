/* When a connection has had time enough: looked at by the sweep, once in LOOP_SWEEP_MS. The times are settings,
 * the same at both ports. */
#ifndef NODE_EDGE_DEADLINE_H
#define NODE_EDGE_DEADLINE_H

#include "node/edge/client.h"

/* How fast a body must come. */
struct pace_limits deadline_pace(const struct loop *loop);

/* End the client if its time is over. */
void deadline_check(struct client *client, uint64_t now_ms);

/* Must the sweep look at it again? Idle connections and waiting polls have no deadline until they move. */
bool deadline_is_set(const struct client *client);

#endif
