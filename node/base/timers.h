/* Deadlines, soonest first: a binary heap of timers that live in what waits for them. */
#ifndef NODE_BASE_TIMERS_H
#define NODE_BASE_TIMERS_H

#include "node/base/arena.h"

struct timer {
    uint64_t deadline_ms; /* monotonic */
    uint32_t place;       /* in the heap, from 1; 0: not waiting */
};

struct timers {
    struct timer **heap;
    uint32_t count;
    uint32_t capacity;
};

/* Room for `capacity` timers at a time. False when the arena is out of memory. */
bool timers_init(struct timers *timers, uint32_t capacity, struct arena *arena);

/* Wait until `deadline_ms`. The timer is not waiting and there is room (asserted). */
void timers_add(struct timers *timers, struct timer *timer, uint64_t deadline_ms);

/* Wait no more. Harmless for a timer that does not wait. */
void timers_remove(struct timers *timers, struct timer *timer);

/* The soonest timer, or NULL. */
struct timer *timers_first(const struct timers *timers);

#endif
