/* One moment that moves on with what comes. */
#include "node/edge/pace.h"

static uint64_t due_ms(const struct pace *pace, const struct pace_limits *limits)
{
    return pace->base_ms + pace->bytes * 1000 / limits->bytes_per_s;
}

void pace_begin(struct pace *pace, const struct pace_limits *limits, uint64_t now_ms)
{
    uint64_t given_ms = limits->grace_ms < limits->stall_ms ? limits->grace_ms : limits->stall_ms;
    pace->base_ms = now_ms + given_ms;
    pace->bytes = 0;
}

void pace_came(struct pace *pace, const struct pace_limits *limits, size_t bytes, uint64_t now_ms)
{
    uint64_t latest_ms = now_ms + limits->stall_ms;
    pace->bytes += bytes;
    if (due_ms(pace, limits) <= latest_ms) return;
    pace->base_ms = latest_ms;
    pace->bytes = 0;
}

bool pace_is_late(const struct pace *pace, const struct pace_limits *limits, uint64_t now_ms)
{
    return now_ms > due_ms(pace, limits);
}
