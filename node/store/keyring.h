/* The keys of a database, its cluster's name and its node's: one sealed row.
 *
 *   meta "secrets"   seal("secrets"; hash key ‖ token key ‖ documents key ‖ node seed ‖ cluster id ‖ is member)
 *
 * One row, so that they are always of one cluster. Until format 2 it held the first two.
 */
#ifndef NODE_STORE_KEYRING_H
#define NODE_STORE_KEYRING_H

#include "node/base/hash.h"
#include "node/base/seal.h"
#include "node/store/kv.h"
#include "node/store/op.h"

enum {
    KEYRING_BYTES = 2 * HASH_KEY_BYTES + SEAL_KEY_BYTES + STORE_NODE_SEED_BYTES + STORE_CLUSTER_ID_BYTES + 1,
    KEYRING_ROW_BYTES = KEYRING_BYTES + SEAL_OVERHEAD_BYTES,
    KEYRING_FORMER_BYTES = 2 * HASH_KEY_BYTES, /* of format 1 */
    KEYRING_FORMER_ROW_BYTES = KEYRING_FORMER_BYTES + SEAL_OVERHEAD_BYTES,
};

struct keyring {
    uint8_t hash_key[HASH_KEY_BYTES];
    uint8_t token_key[HASH_KEY_BYTES];
    uint8_t documents_key[SEAL_KEY_BYTES];
    uint8_t node_seed[STORE_NODE_SEED_BYTES];
    uint8_t cluster_id[STORE_CLUSTER_ID_BYTES];
    bool is_member;
};

/* The row's key. */
struct span keyring_name(void);

/* A fresh node's: all random, no member. */
void keyring_make(struct keyring *keyring, struct prng *prng);

/* Complete what a row of format 1 held. Its documents' secrets are sealed with the seal key itself. */
void keyring_upgrade(struct keyring *keyring, const uint8_t seal_key[SEAL_KEY_BYTES], struct prng *prng);

/* Open a row of either format; `is_former` out: of format 1, the rest is zeroed. False: another seal key, or no
 * such row. */
bool keyring_open(struct keyring *keyring, const uint8_t seal_key[SEAL_KEY_BYTES], struct span row,
                  bool *is_former);

/* Write the row. */
MUST_USE enum err keyring_store(const struct keyring *keyring, struct kv_txn *txn,
                                const uint8_t seal_key[SEAL_KEY_BYTES], struct prng *prng);

/* Forget it. */
void keyring_wipe(struct keyring *keyring);

#endif
