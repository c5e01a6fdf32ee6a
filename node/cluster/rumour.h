/* News to be passed on: each piece rides on a bounded number of packets, those told least go first.
 *
 * A piece of news lives in what it is about, so there are never more of them than members; the lists only order
 * them. Pure.
 */
#ifndef NODE_CLUSTER_RUMOUR_H
#define NODE_CLUSTER_RUMOUR_H

#include "node/base/list.h"

#include <stdint.h>

enum { RUMOUR_TELLINGS_MAX = 32 }; /* GOSSIP_RETRANSMIT times log10 of the members, and then some */

struct rumour {
    struct list link;
    void *owner;       /* what it is about */
    uint32_t tellings; /* so far */
};

struct rumours {
    struct list lists[RUMOUR_TELLINGS_MAX]; /* by tellings, the oldest first */
    uint32_t limit;                         /* then it is forgotten */
};

void rumours_init(struct rumours *rumours, uint32_t limit);

/* How often from now on; at least 1, at most RUMOUR_TELLINGS_MAX. */
void rumours_set_limit(struct rumours *rumours, uint32_t limit);

/* To be done once before the others. */
void rumour_init(struct rumour *rumour, void *owner);
/* It is news, from the beginning, whether it was before or not. */
void rumours_add(struct rumours *rumours, struct rumour *rumour);
/* It is none any more. Harmless twice. */
void rumours_remove(struct rumour *rumour);
/* It was told once more. */
void rumours_told(struct rumours *rumours, struct rumour *rumour);

/* The one told least, or NULL; and the one after it in that order. */
struct rumour *rumours_first(const struct rumours *rumours);
struct rumour *rumours_next(const struct rumours *rumours, const struct rumour *rumour);

#endif
