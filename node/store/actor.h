/* This node's name in dots, and the next counter (H1, H6; docs/consistency.md).
 *
 * The id is 64 random bits in the same database as the data; counters are microseconds of the wall clock, raised
 * so that they strictly increase over all keys whatever the clock does (H17), and durable with the write they
 * name. The id is replaced whenever the database may have gone back in time: it lies in another place than it was
 * made in (a copy, a restored backup), a client's token names a counter of ours that was never issued, or an own
 * record is corrupt.
 */
#ifndef NODE_STORE_ACTOR_H
#define NODE_STORE_ACTOR_H

#include "node/base/prng.h"
#include "node/store/record.h"

enum {
    ACTOR_PLACE_BYTES = 16,
    ACTOR_FORMER_MAX = 63, /* ids this node had before; the newest are kept. Half of CRDT_VCLOCK_MAX */
};

struct actor {
    uint64_t id;
    uint64_t last_counter;
    uint8_t place[ACTOR_PLACE_BYTES]; /* names where the database lies, by the edge's lights */
    uint64_t former[ACTOR_FORMER_MAX];
    uint32_t former_count;
    bool is_changed; /* since it was loaded or stored */
};

/* A new node's actor. */
void actor_init(struct actor *actor, const uint8_t place[ACTOR_PLACE_BYTES], struct prng *prng);

/* Take a new id; the old one becomes a former one. */
void actor_replace(struct actor *actor, struct prng *prng);

/* The next counter: above all before, above `top` (what the item already names for us), not below the wall clock.
 */
uint64_t actor_next(struct actor *actor, uint64_t top, uint64_t wall_us);

/* Bring a copy of the actor up to what an op of writes said of it. */
void actor_note(struct actor *actor, uint64_t id, uint64_t last_counter);

/* All ids this node has or had, ascending, into room for ACTOR_FORMER_MAX + 1. Returns how many. */
uint32_t actor_ids(const struct actor *actor, uint64_t *ids);

/* Read or write the row of the actor. Load: `found` false when there is none yet. */
MUST_USE enum err actor_load(struct actor *actor, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES],
                             bool *found);
MUST_USE enum err actor_store(struct actor *actor, struct kv_txn *txn, const uint8_t hash_key[HASH_KEY_BYTES],
                              struct arena *scratch);

#endif
