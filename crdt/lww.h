/* A last-writer-wins register, for buckets, keys, permissions and settings.
 *
 * Johnson and Thomas, RFC 677 (1975); Shapiro et al., INRIA RR-7506 (2011), section 3.2. Pure.
 */
#ifndef CRDT_LWW_H
#define CRDT_LWW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crdt_lww {
    uint64_t time_us;       /* wall clock of the writer, raised above the time it replaced */
    uint64_t actor;         /* decides between equal times */
    const uint8_t *payload; /* borrowed */
    size_t payload_bytes;
};

/* Total order: by time, then actor, then payload bytes (shorter first when one is a prefix). <0, 0, >0. */
int crdt_lww_compare(const struct crdt_lww *a, const struct crdt_lww *b);

/* The winner of both. Idempotent, commutative, associative. */
struct crdt_lww crdt_lww_merge(struct crdt_lww a, struct crdt_lww b);

/* The time a new write takes that must win over `previous_us`: the clock, or just above the previous (which
 * at UINT64_MAX stays there: actor and payload then decide). */
uint64_t crdt_lww_next_time(uint64_t previous_us, uint64_t wall_clock_us);

#endif
