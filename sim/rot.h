/* One bit of one stored document turns. The node that has it must find it and name it, and never serve it; it may
 * run on, and be healed by what an exchange brings, or not start until an operator has mended its disk. Then the
 * document comes back from the others: so only one that another disk has, byte for byte, is made to rot. One in a
 * run.
 */
#ifndef SIM_ROT_H
#define SIM_ROT_H

#include "sim/world.h"

struct rot {
    struct machine *machine; /* NULL: nothing has rotted yet */
    uint8_t key[KV_KEY_BYTES_MAX];
    size_t key_bytes;
    uint8_t rotten[16]; /* a hash of the row's value with the bit turned */
    uint64_t flipped_count;
};

/* `machine` may be NULL: then nothing happens. */
void rot_begin(struct rot *rot, struct world *world, struct machine *machine, struct prng *prng);

/* An operator checks the disk, which must show what has rotted and was not healed or mended before, or
 * world_fail(); and mends it. The node is then off. */
void rot_end(struct rot *rot, struct world *world);

#endif
