/* Last-writer-wins registers: the order of two writes, and the time of the next. */
#include "crdt/lww.h"

#include "crdt/bytes.h"

int crdt_lww_compare(const struct crdt_lww *a, const struct crdt_lww *b)
{
    if (a->time_us != b->time_us) return a->time_us < b->time_us ? -1 : 1;
    if (a->actor != b->actor) return a->actor < b->actor ? -1 : 1;
    return crdt_bytes_compare(a->payload, a->payload_bytes, b->payload, b->payload_bytes);
}

struct crdt_lww crdt_lww_merge(struct crdt_lww a, struct crdt_lww b)
{
    return crdt_lww_compare(&a, &b) < 0 ? b : a;
}

uint64_t crdt_lww_next_time(uint64_t previous_us, uint64_t wall_clock_us)
{
    if (wall_clock_us > previous_us) return wall_clock_us;
    return previous_us == UINT64_MAX ? UINT64_MAX : previous_us + 1;
}
