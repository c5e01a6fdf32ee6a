/* Who waits for which change: subscriptions of polls, by hash chain. Subscribe, then read, then wait (H9). */
#ifndef NODE_REQUEST_POLLS_H
#define NODE_REQUEST_POLLS_H

#include "node/request/request.h"

/* One subscription, in the memory of the request that polls. */
struct poll {
    struct list link;       /* in a chain; in none when not subscribed */
    struct list woken_link; /* among those that will be woken when all of a change was told */
    struct request *request;
    uint8_t hash[RING_HASH_BYTES]; /* of the partition */
    bool is_range;
    struct span sort_key;               /* of an item poll; borrowed */
    const struct op_interval *interval; /* of a range poll; borrowed */
    bool is_parked;                     /* waits with nothing else under way: counted */
};

/* Make the chains. False when the arena is out of memory. */
bool polls_init(struct service *service, struct arena *arena);

void polls_subscribe(struct service *service, struct poll *poll);
/* Harmless when not subscribed. */
void polls_unsubscribe(struct poll *poll);

/* Not subscribed, not woken. */
void polls_init_poll(struct poll *poll, struct request *request);

/* The item changed and the change is durable: tell everyone who polls it, by on_notify, which key it is. */
void polls_notify(struct service *service, const uint8_t hash[RING_HASH_BYTES], struct span sort_key);

/* May the key still read the bucket? Keys, permissions and buckets change while a poll waits. */
bool polls_is_allowed(const struct request *request);

/* on_wake comes when all items of the change were told: what is read then, is read of all of them. */
void polls_wake_later(struct poll *poll);
void polls_wake(struct service *service);

/* Wait until `timeout_s` (clamped to the limits) from now. */
void polls_start_timer(struct request *request, bool has_timeout, uint64_t timeout_s);

#endif
