/* Integers only: a clock must show the same on every machine. */
#include "sim/clocks.h"

#include <assert.h>

void clocks_init(struct clocks *clocks, uint64_t world_us, uint64_t monotonic_us)
{
    *clocks = (struct clocks){.since_us = world_us, .monotonic_us = monotonic_us};
    clocks->wall_offset_us = (int64_t)world_us - (int64_t)monotonic_us;
}

uint64_t clocks_monotonic_us(const struct clocks *clocks, uint64_t world_us)
{
    assert(world_us >= clocks->since_us);
    int64_t passed_us = (int64_t)(world_us - clocks->since_us);
    int64_t gained_us = passed_us / 1000000 * clocks->drift_ppm +
                        passed_us % 1000000 * clocks->drift_ppm / 1000000;
    return clocks->monotonic_us + (uint64_t)(passed_us + gained_us);
}

void clocks_set_drift(struct clocks *clocks, uint64_t world_us, int64_t drift_ppm)
{
    assert(drift_ppm <= CLOCKS_DRIFT_PPM_MAX && drift_ppm >= -CLOCKS_DRIFT_PPM_MAX);
    clocks->monotonic_us = clocks_monotonic_us(clocks, world_us);
    clocks->since_us = world_us;
    clocks->drift_ppm = drift_ppm;
}

void clocks_jump(struct clocks *clocks, int64_t by_us)
{
    clocks->wall_offset_us += by_us;
}

void clocks_reboot(struct clocks *clocks, uint64_t world_us, uint64_t monotonic_us)
{
    clocks->wall_offset_us += (int64_t)clocks_monotonic_us(clocks, world_us) - (int64_t)monotonic_us;
    clocks->monotonic_us = monotonic_us;
    clocks->since_us = world_us;
}

uint64_t clocks_wall_us(const struct clocks *clocks, uint64_t world_us)
{
    int64_t shown_us = (int64_t)clocks_monotonic_us(clocks, world_us) + clocks->wall_offset_us;
    int64_t wall_us = (int64_t)CLOCKS_WORLD_BEGINS_US + shown_us;
    return wall_us < 0 ? 0 : (uint64_t)wall_us;
}

int64_t clocks_wall_error_us(const struct clocks *clocks, uint64_t world_us)
{
    return (int64_t)clocks_wall_us(clocks, world_us) - (int64_t)(CLOCKS_WORLD_BEGINS_US + world_us);
}

uint64_t clocks_world_at(const struct clocks *clocks, uint64_t world_us, uint64_t deadline_ms)
{
    uint64_t shown_us = clocks_monotonic_us(clocks, world_us);
    if (deadline_ms > UINT64_MAX / 2000) return UINT64_MAX;
    if (deadline_ms * 1000 <= shown_us) return world_us;
    uint64_t left_us = deadline_ms * 1000 - shown_us;
    /* Near the answer from below, then up to it. */
    uint64_t at_us = world_us + left_us * 1000000 / (uint64_t)(1000000 + CLOCKS_DRIFT_PPM_MAX);
    for (;;) {
        uint64_t now_us = clocks_monotonic_us(clocks, at_us);
        if (now_us >= deadline_ms * 1000) return at_us;
        uint64_t step_us = (deadline_ms * 1000 - now_us) * 99 / 101;
        at_us += step_us > 0 ? step_us : 1;
    }
}
