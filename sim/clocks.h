/* The two clocks of one node, which are not the world's: the monotonic one runs a little fast or slow, the wall
 * clock besides is wrong by some amount, and jumps. */
#ifndef SIM_CLOCKS_H
#define SIM_CLOCKS_H

#include <stdint.h>

enum { CLOCKS_DRIFT_PPM_MAX = 10000 }; /* one second in a hundred: ten times worse than any quartz */

/* The moment at which the world begins, of clocks that are right: 2025-06-15T12:00:00Z. */
#define CLOCKS_WORLD_BEGINS_US UINT64_C(1749988800000000)

struct clocks {
    int64_t drift_ppm;      /* how many microseconds a second they gain */
    uint64_t since_us;      /* the world's time when drift_ppm was set */
    uint64_t monotonic_us;  /* what the monotonic clock showed then */
    int64_t wall_offset_us; /* wall clock less monotonic clock, beside the world's beginning */
};

/* Right clocks; the monotonic one shows `monotonic_us` at the world's time `world_us`. */
void clocks_init(struct clocks *clocks, uint64_t world_us, uint64_t monotonic_us);

/* From `world_us` on. Neither clock jumps by it. At most CLOCKS_DRIFT_PPM_MAX either way (asserted). */
void clocks_set_drift(struct clocks *clocks, uint64_t world_us, int64_t drift_ppm);

/* The wall clock is set forward, or back. */
void clocks_jump(struct clocks *clocks, int64_t by_us);

/* The machine is started anew: its monotonic clock begins at `monotonic_us`, the wall clock goes on. */
void clocks_reboot(struct clocks *clocks, uint64_t world_us, uint64_t monotonic_us);

/* `world_us` is not before the last change. */
uint64_t clocks_monotonic_us(const struct clocks *clocks, uint64_t world_us);
uint64_t clocks_wall_us(const struct clocks *clocks, uint64_t world_us);

/* How wrong the wall clock is. */
int64_t clocks_wall_error_us(const struct clocks *clocks, uint64_t world_us);

/* The world's first moment, from `world_us` on, at which the monotonic clock shows `deadline_ms` or more. */
uint64_t clocks_world_at(const struct clocks *clocks, uint64_t world_us, uint64_t deadline_ms);

#endif
