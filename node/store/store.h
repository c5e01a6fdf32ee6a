/* Runs batches of ops over an ordered key-value interface: merge, never overwrite.
 *
 * All writes of a batch share one transaction and one sync; every answer follows the commit (H18, H19). Reads run
 * in a transaction of their own and may run on another thread while a batch of writes is under way. Writes change
 * the actor and so are run by one thread at a time; reads touch nothing of the store but its keys.
 */
#ifndef NODE_STORE_STORE_H
#define NODE_STORE_STORE_H

#include "node/base/seal.h"
#include "node/store/actor.h"
#include "node/store/op.h"

enum { STORE_FORMAT_VERSION = 2, STORE_SCRATCH_BYTES_MAX = 1 << 30 };

/* How much there is of documents, by the first letters of their keys, 'A' to 'Z'. */
struct store_documents {
    bool is_known; /* counted at the first write of documents */
    struct store_letter {
        uint32_t count;
        uint64_t bytes; /* keys and payloads */
    } letters[26];
};

struct store {
    struct kv *kv;
    uint8_t hash_key[HASH_KEY_BYTES];      /* places keys on the ring, checks records */
    uint8_t token_key[HASH_KEY_BYTES];     /* seals tokens and markers (H7, H8) */
    uint8_t documents_key[SEAL_KEY_BYTES]; /* seals secrets in documents; the cluster's, as the two above */
    uint8_t cluster_id[STORE_CLUSTER_ID_BYTES];
    bool is_member; /* of a cluster with others, or one that others may join; false: a fresh node's own */
    uint8_t node_seed[STORE_NODE_SEED_BYTES]; /* of this node's Ed25519 key */
    uint8_t seal_key[SEAL_KEY_BYTES];         /* seals the row of the keys above; leaves the machine never */
    struct actor actor;
    struct store_documents documents; /* as in the transaction; belongs to the writer, as the actor does */
    struct prng prng;
    struct arena scratch;
    bool has_met_corruption;
    bool was_former; /* the database was of an older format; store_open() completed it */
    bool is_adopted; /* the database has another cluster's keys now: no more writes until it is opened anew */
    uint32_t former_actors_taken; /* how often the actor was replaced since the start */
    uint64_t commits;             /* of store_run_writes(); belongs to who may call that */
};

/* Open the store over `kv`, making format, keys and actor when the database is new, and those that are missing
 * when it is of format 1, in one transaction.
 *
 *   seal_key  opens and seals the keys at rest
 *   seed      the machine's entropy, for keys and ids
 *   place     names where the database lies; another one than recorded replaces the actor (H1)
 *   message   out, 200 chars, NUL-terminated: why not, when the answer is not ERR_OK
 *
 * Errors: ERR_VERSION (a newer or foreign format), ERR_ACCESS (another seal key), ERR_CORRUPT, ERR_IO, ERR_FULL,
 * ERR_MEMORY. */
MUST_USE enum err store_open(struct store *store, struct kv *kv, const uint8_t seal_key[SEAL_KEY_BYTES],
                             const uint8_t seed[PRNG_SEED_BYTES], const uint8_t place[ACTOR_PLACE_BYTES],
                             char message[200]);

void store_close(struct store *store);

/* Run every op of the list of reads; ops keep their places in the list. One that fails spoils none behind it:
 * those run in a transaction of their own, over what is then the newest snapshot. */
void store_run_reads(const struct store *store, struct list *ops);

/* Run every op of the list of writes in one synced transaction at wall-clock `wall_us`, or, when that does not
 * fit, in several, in order: an op is ERR_FULL only when it does not fit alone. Each op's err is set: ERR_OK only
 * after the sync. ERR_IO of any op means the disk failed: acknowledge nothing more and stop (H18). */
void store_run_writes(struct store *store, struct list *ops, uint64_t wall_us);

/* The seal of a token: a keyed hash over bucket, keys and the clock's bytes; 0 for the empty clock (H7). */
uint64_t store_token_seal(const uint8_t token_key[HASH_KEY_BYTES], const struct op_key *key,
                          const struct crdt_vclock *clock);

#endif
