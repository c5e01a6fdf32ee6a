/* A node: an event in, a list of things to do out. All that decides is behind this function; the edge and the
 * simulator are two loops around it. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/cluster/cluster.h"
#include "node/request/service.h"

struct node {
    struct requests requests;
    struct cluster cluster;
};

/* A node over an opened store. `settings` and `store` outlive it; `seed` is the entropy of its keys and ids. False
 * when out of memory. */
bool node_init(struct node *node, const struct settings *settings, const struct store *store,
               const uint8_t seed[PRNG_SEED_BYTES]);

/* All connections are gone and no op is lent. */
void node_deinit(struct node *node);

/* Take one event; append what must now be done to `effects`. Touches nothing else: no socket, no file, no clock.
 * The event is borrowed and may be gone after the return. */
void node_step(struct node *node, const struct event *event, struct effects *effects);

/* When EVENT_TIME should come at the latest, on the monotonic clock; UINT64_MAX for never. */
uint64_t node_deadline_ms(const struct node *node);

/* Does a request hold this slot? After an EVENT_REQUEST that made no effect: no memory for it, close the
 * connection. */
bool node_has_request(const struct node *node, uint32_t slot);

/* Does the request on this slot wait for something that only matters while its client is there: a poll? */
bool node_is_waiting(const struct node *node, uint32_t slot);

/* The settings given to node_init() have new values: between two steps, and never connections_max, region or the
 * seal key, which tables and caches are made for. What is under way goes on within the bounds it began with. */
void node_settings_changed(struct node *node);

/* Figures for the status request. */
struct service_gauges *node_gauges(struct node *node);

/* What the log says of the request on a slot; false when there is none. */
struct node_trace {
    uint64_t request_id;
    const char *operation; /* "ReadItem"…, "-" when not routed */
    int status;
    uint64_t took_ms;
};
bool node_trace(const struct node *node, uint32_t slot, struct node_trace *trace);

#endif
