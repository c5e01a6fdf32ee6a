/* The machine's two clocks. */
#ifndef NODE_EDGE_CLOCK_H
#define NODE_EDGE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since 1970; may jump. */
static inline uint64_t clock_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Microseconds since some moment; never goes back. */
static inline uint64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The same in milliseconds. */
static inline uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

#endif
