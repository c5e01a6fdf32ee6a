/* What gossip costs and how soon it knows: many nodes of nothing but node/cluster/gossip.h on a simulated network,
 * every one a member, every one known to all from the beginning.
 *
 * Some of them may be slow, as Lifeguard's authors measured it: again and again such a node is not run for a
 * while, and then finds what came meanwhile, as much of it as a socket keeps. What it makes of that may hurt the
 * others. */
#ifndef SIM_MEASURE_H
#define SIM_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

enum { MEASURE_DEATHS_MAX = 16 };

struct measure_settings {
    uint32_t nodes; /* 2 … NETWORK_HOSTS_MAX */
    uint64_t seed;
    uint32_t loss_per_mille; /* of the datagrams */
    uint32_t slow;           /* so many of the nodes are not run now and then, and do not die */
    uint64_t minutes;        /* nothing happens but gossip: what it costs, whom it suspects wrongly */
    uint32_t deaths;         /* then so many nodes fall silent, one after the other */
};

struct measure_result {
    double bytes_per_s; /* a node sends, while nothing happens */
    double packets_per_s;
    uint32_t deaths;         /* that all survivors held for dead in the end */
    double suspected_s;      /* from the silence until the first one suspects it, on average */
    double known_by_first_s; /* until the first one holds it for dead */
    double known_by_all_s;   /* until everybody does */
    double known_by_all_max_s;
    uint64_t false_suspicions; /* times a living node that is not slow came under suspicion, by however many */
    uint64_t false_downs;      /* times one was held for dead */
    double node_hours;         /* over which these two were counted */
    uint64_t slow_downs;       /* times a slow node was held for dead */
    double slow_hours;         /* over which these were counted */
};

/* False when the machine has not the memory. */
bool measure_gossip(const struct measure_settings *settings, struct measure_result *result);

#endif
