/* How far another node is, in time: the round trip of our probes (RFC 6298) and its clock against ours (NTP's
 * formula, RFC 5905, section 8, with nothing between receipt and answer). Shown to people and used for timeouts;
 * no order of anything follows from a clock (H17). */
#ifndef NODE_CLUSTER_GOSSIP_CLOCK_H
#define NODE_CLUSTER_GOSSIP_CLOCK_H

#include "node/cluster/member.h"

/* The member answered a probe of ours after `round_trip_us`; its clock said `its_wall_us` when it did, ours says
 * `our_wall_us` now. */
void gossip_clock_measure(struct member *member, uint64_t round_trip_us, uint64_t its_wall_us,
                          uint64_t our_wall_us);

/* How long to wait for its direct answer: smoothed round trip and four times its spread, within a fifth and a half
 * of a period. */
uint64_t gossip_clock_timeout_ms(const struct member *member, uint64_t period_ms);

/* Is its clock further off than GOSSIP_CLOCK_WARN_MS? */
bool gossip_clock_is_off(const struct member *member);

#endif
