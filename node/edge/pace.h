/* The least rate of a body (H28). Pure.
 *
 * For a grace it may come as it likes, then each second needs its bytes. What comes faster counts ahead, but never
 * for longer than a stall: a burst does not buy an hour of dripping.
 */
#ifndef NODE_EDGE_PACE_H
#define NODE_EDGE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pace_limits {
    uint64_t grace_ms;
    uint64_t stall_ms; /* no body may pause for longer, in its grace neither */
    uint64_t bytes_per_s;
};

struct pace {
    uint64_t base_ms; /* more must come by then… */
    uint64_t bytes;   /* …or later by the time these take at the least rate */
};

/* A body was asked for. */
void pace_begin(struct pace *pace, const struct pace_limits *limits, uint64_t now_ms);

/* Some of it came. */
void pace_came(struct pace *pace, const struct pace_limits *limits, size_t bytes, uint64_t now_ms);

/* Should more have come by now? */
bool pace_is_late(const struct pace *pace, const struct pace_limits *limits, uint64_t now_ms);

#endif
