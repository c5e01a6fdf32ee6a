/* The row of secrets, out and in. */
#include "node/store/keyring.h"

#include <sodium/utils.h>

struct span keyring_name(void)
{
    return span_text("secrets");
}

void keyring_make(struct keyring *keyring, struct prng *prng)
{
    *keyring = (struct keyring){0};
    prng_bytes(prng, keyring->hash_key, sizeof keyring->hash_key);
    prng_bytes(prng, keyring->token_key, sizeof keyring->token_key);
    prng_bytes(prng, keyring->documents_key, sizeof keyring->documents_key);
    prng_bytes(prng, keyring->node_seed, sizeof keyring->node_seed);
    prng_bytes(prng, keyring->cluster_id, sizeof keyring->cluster_id);
}

void keyring_upgrade(struct keyring *keyring, const uint8_t seal_key[SEAL_KEY_BYTES], struct prng *prng)
{
    memcpy(keyring->documents_key, seal_key, SEAL_KEY_BYTES);
    prng_bytes(prng, keyring->node_seed, sizeof keyring->node_seed);
    prng_bytes(prng, keyring->cluster_id, sizeof keyring->cluster_id);
    keyring->is_member = false;
}

static uint8_t *put(uint8_t *at, const uint8_t *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static const uint8_t *get(const uint8_t *at, uint8_t *bytes, size_t length)
{
    memcpy(bytes, at, length);
    return at + length;
}

bool keyring_open(struct keyring *keyring, const uint8_t seal_key[SEAL_KEY_BYTES], struct span row,
                  bool *is_former)
{
    uint8_t plain[KEYRING_BYTES] = {0};
    *keyring = (struct keyring){0};
    *is_former = row.length == KEYRING_FORMER_ROW_BYTES;
    if (!*is_former && row.length != KEYRING_ROW_BYTES) return false;
    bool is_open = seal_open(seal_key, keyring_name(), row, plain);
    const uint8_t *at = get(plain, keyring->hash_key, sizeof keyring->hash_key);
    at = get(at, keyring->token_key, sizeof keyring->token_key);
    at = get(at, keyring->documents_key, sizeof keyring->documents_key);
    at = get(at, keyring->node_seed, sizeof keyring->node_seed);
    at = get(at, keyring->cluster_id, sizeof keyring->cluster_id);
    keyring->is_member = *at == 1;
    sodium_memzero(plain, sizeof plain);
    return is_open;
}

enum err keyring_store(const struct keyring *keyring, struct kv_txn *txn, const uint8_t seal_key[SEAL_KEY_BYTES],
                       struct prng *prng)
{
    uint8_t plain[KEYRING_BYTES];
    uint8_t sealed[KEYRING_ROW_BYTES];
    uint8_t *at = put(plain, keyring->hash_key, sizeof keyring->hash_key);
    at = put(at, keyring->token_key, sizeof keyring->token_key);
    at = put(at, keyring->documents_key, sizeof keyring->documents_key);
    at = put(at, keyring->node_seed, sizeof keyring->node_seed);
    at = put(at, keyring->cluster_id, sizeof keyring->cluster_id);
    *at = keyring->is_member ? 1 : 0;
    seal_close(seal_key, keyring_name(), span_of(plain, sizeof plain), prng, sealed);
    sodium_memzero(plain, sizeof plain);
    return kv_put(txn, KV_META, keyring_name(), span_of(sealed, sizeof sealed));
}

void keyring_wipe(struct keyring *keyring)
{
    sodium_memzero(keyring, sizeof *keyring);
}
