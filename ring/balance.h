/* How many partitions each node shall hold: the best balance that the constraints allow, and what of it is free.
 *
 * Which loads are possible. Let P be the partitions, R the copies of each, Z the zones wanted. A choice of R
 * distinct nodes in at least Z zones has at most R - Z copies that are not the first in their zone; such choices
 * are the bases of a matroid, and so loads x can be had exactly if 0 <= x(node) <= P,   sum of x = P * R,   sum
 * over zones of max(0, x(zone) - P) <= P * (R - Z). (Spread evenly, such loads are a flow of fractions through the
 * network of ring/assign.c; a network with whole bounds then has a flow of whole numbers.)
 *
 * Which loads are best. In this order:
 *   1. The fullest node is as little full as can be: the largest load / capacity is least. Its inverse is s, the
 * size of a partition at which the first node is full; a node of capacity c takes at most floor(c / s).
 *   2. Under that bound, as few nodes as possible are without load.
 *   3. Of these, the loads in proportion to capacity: load / capacity of all nodes, sorted from the fullest on, is
 *      lexicographically least. So in a zone, or between zones, as far as the constraints leave a choice, loads
 * are proportional; a bottleneck elsewhere is no excuse. Each is a separable convex function over the bases of a
 * polymatroid, for which giving one partition after the other to the node that is then least full, where the
 * constraints let it, is exact.
 *
 * What is free. Best loads can differ only in who of several nodes of equal capacity has one partition more. They
 * are all x with `fixed` <= x <= `fixed` + 1 for a node in a remainder (= `fixed` for others), and exactly `total`
 * of a remainder's nodes having one more, that can be had at all. (The thresholds below are a dual solution: every
 * best x keeps to them, and whoever keeps to them is as good.)
 */
#ifndef RING_BALANCE_H
#define RING_BALANCE_H

#include "ring/layout.h"

#define RING_BALANCE_NONE UINT16_MAX

struct ring_balance {
    uint64_t partition_capacity;           /* s, rounded down to whole bytes */
    uint16_t fixed[RING_NODES_MAX];        /* partitions of each node */
    uint16_t remainder_of[RING_NODES_MAX]; /* the remainder of which it may have one more, or RING_BALANCE_NONE */
    uint16_t total[RING_NODES_MAX];        /* how many nodes of each remainder have one more */
    uint16_t remainders_count;
};

/* The best loads for a layout, from all of it but the holders. The caller guarantees that
 * ring_layout_check_roles() takes it and that it has nodes and zones enough. */
void ring_balance(const struct ring_layout *layout, struct ring_balance *balance);

#endif
