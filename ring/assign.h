/* The next layout's holders, by flow, optimal in this order:
 *
 *   1. the constraints: each partition has `replication` distinct nodes in at least the wanted zones;
 *   2. the best balance by capacity (ring/balance.h says what that is): the largest partition size s, where a node
 * of capacity c takes at most floor(c / s) partitions; then as few idle nodes as possible; then loads in
 * proportion to capacity wherever the constraints leave a choice;
 *   3. the fewest moves from the version before.
 *
 * All three are exact. For the third each call carries its own proof: `moves_min` is added up from the prices of
 * the flow (ring/flow.h), not from the holders, and is asserted to be what was reached.
 *
 * ("An algorithm for geo-distributed and redundant storage", Auclair et al. 2022, gives the problem's shape.)
 * Pure; memory from the caller.
 */
#ifndef RING_ASSIGN_H
#define RING_ASSIGN_H

#include "ring/layout.h"

enum ring_fault {
    RING_FINE,
    RING_NO_NODES,
    RING_TOO_FEW_NODES, /* fewer than replication */
    RING_TOO_FEW_ZONES, /* fewer than the wanted zones */
    RING_BAD_INPUT, /* ring_layout_check_roles() refuses it, or the number of partitions is another than before */
};

/* What came of it. */
struct ring_plan {
    enum ring_fault fault;
    uint32_t fault_have, fault_want; /* nodes or zones there are, and there should be; 0 for RING_BAD_INPUT */
    uint64_t partition_capacity;     /* s: how many bytes a partition may have until the first node is full */
    uint32_t moved_count;            /* copies that a node holds now and did not hold before */
    uint32_t moves_min;              /* the fewest any assignment of this balance needs; equal to moved_count */
};

/* How many bytes of memory, aligned for any type, ring_assign() wants. Some 26 bytes for each partition and node
 * (12 MiB at most), 0 for what it will refuse as RING_BAD_INPUT or RING_NO_NODES. */
size_t ring_assign_memory_bytes(const struct ring_layout *next);

/* Fill in `next->holders` from the rest of it; number and hashes are neither read nor written. `previous` is the
 * version before, NULL for none; its nodes are matched by id; the caller guarantees that ring_layout_check() takes
 * it. False with plan->fault set when it cannot be done; the holders are then not to be used. The same input gives
 * the same output on every machine. */
bool ring_assign(const struct ring_layout *previous, struct ring_layout *next, void *memory,
                 struct ring_plan *plan);

#endif
