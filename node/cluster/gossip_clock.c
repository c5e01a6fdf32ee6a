/* Round trips and clock offsets, smoothed. */
#include "node/cluster/gossip_clock.h"

#include "node/cluster/gossip.h"

enum {
    OFFSET_JUMP_US = 10000, /* beyond the round trip: a clock was set, what was smoothed is worth nothing */
    ROUND_TRIP_US_MAX = 600 * 1000000, /* ten periods of the longest kind; keeps the sums far from wrapping */
};

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* its - (ours - round trip / 2), whatever the clocks claim. */
static int64_t offset_of(uint64_t its_us, uint64_t ours_us, uint64_t round_trip_us)
{
    uint64_t then_us = ours_us > round_trip_us / 2 ? ours_us - round_trip_us / 2 : 0;
    uint64_t apart_us = distance(its_us, then_us);
    int64_t bounded = apart_us > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)apart_us;
    return its_us >= then_us ? bounded : -bounded;
}

static uint64_t magnitude(int64_t number)
{
    return number < 0 ? (uint64_t)-number : (uint64_t)number;
}

void gossip_clock_measure(struct member *member, uint64_t round_trip_us, uint64_t its_wall_us,
                          uint64_t our_wall_us)
{
    if (round_trip_us > ROUND_TRIP_US_MAX) round_trip_us = ROUND_TRIP_US_MAX;
    int64_t offset_us = offset_of(its_wall_us, our_wall_us, round_trip_us);
    if (!member->has_round_trip) {
        member->has_round_trip = true;
        member->round_trip_us = round_trip_us;
        member->round_trip_spread_us = round_trip_us / 2;
        member->clock_offset_us = offset_us;
        return;
    }
    uint64_t off_by_us = distance(member->round_trip_us, round_trip_us);
    member->round_trip_spread_us = (3 * member->round_trip_spread_us + off_by_us) / 4;
    member->round_trip_us = (7 * member->round_trip_us + round_trip_us) / 8;
    int64_t change_us = offset_us - member->clock_offset_us;
    bool has_jumped = magnitude(change_us) > round_trip_us + OFFSET_JUMP_US;
    member->clock_offset_us += has_jumped ? change_us : change_us / 8;
}

uint64_t gossip_clock_timeout_ms(const struct member *member, uint64_t period_ms)
{
    uint64_t longest_ms = period_ms / 2;
    uint64_t shortest_ms = period_ms / 5;
    if (!member->has_round_trip) return longest_ms;
    uint64_t wanted_ms = (member->round_trip_us + 4 * member->round_trip_spread_us) / 1000 + 1;
    if (wanted_ms < shortest_ms) return shortest_ms;
    return wanted_ms < longest_ms ? wanted_ms : longest_ms;
}

bool gossip_clock_is_off(const struct member *member)
{
    return member->has_round_trip && magnitude(member->clock_offset_us) > GOSSIP_CLOCK_WARN_MS * UINT64_C(1000);
}
