/* kv.h in memory: for tests, and for the simulator's nodes.
 *
 * What was committed is never changed but replaced, so that a reading transaction, a backup and the disk itself
 * share what is equal (sim/table.h). It fails when it is told to: the n-th change or the n-th call of any kind, a
 * crash, a flipped bit. Deterministic; for one thread. It stops the program when the machine has no more memory.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "node/store/kv.h"

struct table;
struct disk_txn;

struct disk_fault {
    uint64_t calls_left; /* 0: none is planned */
    enum err err;
};

/* Holds what was committed. Not to be copied by assignment. */
struct disk {
    struct kv kv; /* first: what the calls of kv.h are given */
    struct table *tables[KV_SPACES_COUNT];
    struct disk_txn *open; /* all transactions under way */
    struct disk_fault change_fault;
    struct disk_fault call_fault;
    bool is_full;           /* every put answers ERR_FULL; deletes go on */
    bool is_nearly_full;    /* what kv_is_nearly_full() answers */
    size_t value_bytes_max; /* a put of a longer value answers ERR_FULL; 0: any length fits */
    uint64_t commits_count; /* of writing transactions, those that succeeded */
};

/* An empty disk. */
void disk_init(struct disk *disk);

/* Forget everything; transactions still open are dropped as by disk_crash(). Accepts an all-zero disk, and itself
 * twice. */
void disk_deinit(struct disk *disk);

/* The `calls_count`-th put, delete or writing commit from now answers `err`, once; 0 calls take the plan back. A
 * transaction in which a change failed answers `err` to all that follows, and can only be ended. */
void disk_fail_next(struct disk *disk, uint64_t calls_count, enum err err);

/* The same, counting every call that can fail: also begin, get, and the opening and stepping of cursors. */
void disk_fail_call(struct disk *disk, uint64_t calls_count, enum err err);

/* The power goes: what was not committed is gone, and so are all open transactions and cursors, whose owners must
 * be gone too. Planned faults stay. */
void disk_crash(struct disk *disk);

/* Flip one bit of the value of the row with number `row_index`, in key order; bit 0 is the lowest of the value's
 * first byte. False when there is no such row or bit. Open transactions do not see it. */
bool disk_flip(struct disk *disk, enum kv_space space, uint64_t row_index, uint64_t bit_index);

/* Make the empty `copy` hold what `disk` has committed, as a backup would; each then goes its own way. */
void disk_copy(const struct disk *disk, struct disk *copy);

/* How many rows are committed. */
uint64_t disk_rows_count(const struct disk *disk, enum kv_space space);

#endif
