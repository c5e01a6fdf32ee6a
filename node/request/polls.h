/* Who waits for which change: subscriptions of polls, by hash chain. Subscribe, then read, then wait (H9). */
#ifndef NODE_REQUEST_POLLS_H
#define NODE_REQUEST_POLLS_H

#include "node/request/request.h"

/* One subscription, in the memory of the request that polls. */
struct poll {
    struct list link;      /* in a chain; in none when not subscribed */
    struct list late_link; /* among those whose deadline has come while writes were under way */
    struct request *request;
    uint8_t hash[RING_HASH_BYTES]; /* of the partition */
    bool is_range;
    struct span sort_key;               /* of an item poll; borrowed */
    const struct op_interval *interval; /* of a range poll; borrowed */
    bool is_late;                       /* its deadline has come… */
    uint64_t writes_count;              /* …when so many writes had been lent */
};

/* Range polls by partition; and, between polls_notify() and polls_tell(), what has changed for them. */
struct polls_chain {
    struct list polls;
    struct list changed_link;
    uint8_t hash[RING_HASH_BYTES]; /* of the partition that has changed… */
    bool is_mixed;                 /* …or several, which share the chain */
    struct span low, high;         /* the lowest and the highest key; borrowed from the write */
};

/* Make the chains. False when the arena is out of memory. */
bool polls_init(struct service *service, struct arena *arena);

/* Not subscribed, not late. */
void polls_init_poll(struct poll *poll, struct request *request);

void polls_subscribe(struct service *service, struct poll *poll);
/* Harmless when not subscribed. */
void polls_unsubscribe(struct poll *poll);

/* The item changed and the change is durable. Who polls the item is told at once, by on_notify; who polls a range
 * is told by polls_tell(), once, of all that changed since the last one: an op of many items costs its items and
 * the polls of their partitions, not the product. `sort_key` lives until then. */
void polls_notify(struct service *service, const uint8_t hash[RING_HASH_BYTES], struct span sort_key);
void polls_tell(struct service *service);

/* May the key still read the bucket? Keys, permissions and buckets change while a poll waits. */
bool polls_is_allowed(const struct request *request);

/* A request's write was lent to the store; it was answered, and what it changed was told. */
void polls_on_write_lent(struct request *request);
void polls_on_write_told(struct request *request);

/* The deadline has come, now or when this was first asked. True: all that was committed by then has been told.
 * False: writes were under way that may have been committed, and on_time comes again when they are told, or
 * on_notify before that (I16). */
bool polls_is_over(struct poll *poll);

/* Wait until `timeout_s` (clamped to the limits) from now. */
void polls_start_timer(struct request *request, bool has_timeout, uint64_t timeout_s);

#endif
