/* All requests of a node: events of connections and of the store find their request here. */
#ifndef NODE_REQUEST_SERVICE_H
#define NODE_REQUEST_SERVICE_H

#include "node/request/request.h"

/* The table of slots and what requests share. */
struct requests {
    struct service service;
    struct arena arena;      /* the tables below */
    struct request **slots;  /* by connection; NULL without a request */
    struct request *startup; /* the one without a connection */
};

/* `settings` and `store` outlive the requests. False when out of memory; nothing is held then. */
bool requests_init(struct requests *requests, const struct settings *settings, const struct store *store,
                   const uint8_t seed[PRNG_SEED_BYTES]);

/* The values of `settings` have changed (node_settings_changed()). */
void requests_on_settings(struct requests *requests);

/* All requests must be over. */
void requests_deinit(struct requests *requests);

void requests_on_request(struct requests *requests, const struct event *event);
void requests_on_body(struct requests *requests, const struct event *event);
void requests_on_sent(struct requests *requests, const struct event *event);
void requests_on_gone(struct requests *requests, const struct event *event);
void requests_on_stored(struct requests *requests, struct op *op);
void requests_on_time(struct requests *requests);
void requests_on_drain(struct requests *requests);

#endif
