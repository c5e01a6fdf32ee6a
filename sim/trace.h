/* What was decided in a run, a line each, and a running hash over all lines: two runs of one seed have one hash
 * (I27).
 *
 *     t=12.345678 node=3 cut from=3 to=5 for_ms=8000
 *
 * t is the world's own time in seconds; node is the number of the node in the run, - for the world.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "node/base/hash.h"

#include <stdio.h>

enum {
    TRACE_NO_NODE = UINT32_MAX,
    TRACE_LINE_BYTES_MAX = 1024, /* a longer line is cut */
};

enum trace_level {
    TRACE_DECISION, /* what a node, an operator or a fault did */
    TRACE_PACKET,   /* each datagram and piece of a connection: thousands a second */
};

struct trace {
    struct hash_keyed hash;
    FILE *out;         /* NULL: nothing is printed */
    bool with_packets; /* what of it is printed; the hash is over all */
    uint64_t lines_count;
};

void trace_init(struct trace *trace, FILE *out, bool with_packets);

/* One line. `format` and what follows are the `name=value` pairs; NULL for none. */
__attribute__((format(printf, 6, 7))) void trace_say(struct trace *trace, enum trace_level level, uint64_t time_us,
                                                     uint32_t node, const char *what, const char *format, ...);

/* Bytes that no line shows (what is in a packet) go into the hash, too. */
void trace_mix(struct trace *trace, struct span bytes);

/* The hash of all lines so far. */
uint64_t trace_hash(const struct trace *trace);

#endif
