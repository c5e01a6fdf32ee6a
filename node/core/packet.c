/* Sealed datagrams. The secret keys two hashes: of the mask over the sender's id, and of the body's key. */
#include "node/core/packet.h"

#include <assert.h>
#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    NONCE_AT = 1,
    SENDER_AT = NONCE_AT + NONCE_BYTES,
    BODY_AT = SENDER_AT + LINK_NODE_ID_BYTES,
};

_Static_assert(BODY_AT + TAG_BYTES == PACKET_OVERHEAD_BYTES, "as the header says");
_Static_assert(PACKET_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "libsodium's");
_Static_assert((int)LINK_SECRET_BYTES == (int)PACKET_KEY_BYTES, "the secret is a key of the hash");

static const char MASK_LABEL[] = "skerry packet 1 mask";
static const char BODY_LABEL[] = "skerry packet 1 body";

static const uint8_t *own_id(const struct link_identity *identity)
{
    return identity->node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

bool packet_pair_init(struct packet_pair *pair, const struct link_identity *identity,
                      const uint8_t peer_id[LINK_NODE_ID_BYTES])
{
    uint8_t own[32];
    uint8_t peer[32];
    bool is_good = crypto_sign_ed25519_pk_to_curve25519(peer, peer_id) == 0;
    crypto_sign_ed25519_sk_to_curve25519(own, identity->node_key);
    is_good = is_good && crypto_scalarmult_curve25519(pair->key, own, peer) == 0;
    sodium_memzero(own, sizeof own);
    return is_good;
}

/* Turn a node id into its mask's image, or back. */
static void mask(const struct link_identity *identity, uint32_t secret_index, const uint8_t nonce[NONCE_BYTES],
                 const uint8_t from[LINK_NODE_ID_BYTES], uint8_t to[LINK_NODE_ID_BYTES])
{
    crypto_generichash_blake2b_state state;
    uint8_t pad[LINK_NODE_ID_BYTES];
    crypto_generichash_blake2b_init(&state, identity->secrets[secret_index], LINK_SECRET_BYTES, sizeof pad);
    crypto_generichash_blake2b_update(&state, (const uint8_t *)MASK_LABEL, sizeof MASK_LABEL - 1);
    crypto_generichash_blake2b_update(&state, identity->cluster_id, LINK_CLUSTER_ID_BYTES);
    crypto_generichash_blake2b_update(&state, nonce, NONCE_BYTES);
    crypto_generichash_blake2b_final(&state, pad, sizeof pad);
    for (size_t i = 0; i < sizeof pad; i++)
        to[i] = from[i] ^ pad[i];
}

/* The key of what `sender` says to `receiver`. */
static void derive(const struct link_identity *identity, uint32_t secret_index, const struct packet_pair *pair,
                   const uint8_t *sender, const uint8_t *receiver, uint8_t key[PACKET_KEY_BYTES])
{
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, identity->secrets[secret_index], LINK_SECRET_BYTES, PACKET_KEY_BYTES);
    crypto_generichash_blake2b_update(&state, (const uint8_t *)BODY_LABEL, sizeof BODY_LABEL - 1);
    crypto_generichash_blake2b_update(&state, identity->cluster_id, LINK_CLUSTER_ID_BYTES);
    crypto_generichash_blake2b_update(&state, pair->key, sizeof pair->key);
    crypto_generichash_blake2b_update(&state, sender, LINK_NODE_ID_BYTES);
    crypto_generichash_blake2b_update(&state, receiver, LINK_NODE_ID_BYTES);
    crypto_generichash_blake2b_final(&state, key, PACKET_KEY_BYTES);
    sodium_memzero(&state, sizeof state);
}

size_t packet_close(const struct link_identity *identity, const struct packet_pair *pair,
                    const uint8_t peer_id[LINK_NODE_ID_BYTES], struct span body, struct prng *prng, uint8_t *bytes)
{
    uint8_t key[PACKET_KEY_BYTES];
    assert(body.length <= PACKET_BODY_BYTES_MAX && identity->secrets_count > 0);
    bytes[0] = PACKET_VERSION;
    prng_bytes(prng, bytes + NONCE_AT, NONCE_BYTES);
    mask(identity, 0, bytes + NONCE_AT, own_id(identity), bytes + SENDER_AT);
    derive(identity, 0, pair, own_id(identity), peer_id, key);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + BODY_AT, NULL, body.bytes, body.length, bytes, BODY_AT,
                                               NULL, bytes + NONCE_AT, key);
    sodium_memzero(key, sizeof key);
    return PACKET_OVERHEAD_BYTES + body.length;
}

static bool is_packet(struct span packet)
{
    return packet.length >= PACKET_OVERHEAD_BYTES && packet.length <= LIMITS_DATAGRAM_BYTES_MAX &&
           packet.bytes[0] == PACKET_VERSION;
}

bool packet_sender(const struct link_identity *identity, uint32_t secret_index, struct span packet,
                   uint8_t sender_id[LINK_NODE_ID_BYTES])
{
    assert(secret_index < identity->secrets_count);
    if (!is_packet(packet)) return false;
    mask(identity, secret_index, packet.bytes + NONCE_AT, packet.bytes + SENDER_AT, sender_id);
    return true;
}

bool packet_open(const struct link_identity *identity, uint32_t secret_index, const struct packet_pair *pair,
                 const uint8_t sender_id[LINK_NODE_ID_BYTES], struct span packet, uint8_t *body,
                 size_t *body_bytes)
{
    uint8_t key[PACKET_KEY_BYTES];
    uint8_t named[LINK_NODE_ID_BYTES];
    if (!packet_sender(identity, secret_index, packet, named)) return false;
    if (memcmp(named, sender_id, sizeof named) != 0) return false;
    if (memcmp(named, own_id(identity), sizeof named) == 0) return false;
    derive(identity, secret_index, pair, sender_id, own_id(identity), key);
    bool is_open = crypto_aead_xchacha20poly1305_ietf_decrypt(body, NULL, NULL, packet.bytes + BODY_AT,
                                                              packet.length - BODY_AT, packet.bytes, BODY_AT,
                                                              packet.bytes + NONCE_AT, key) == 0;
    sodium_memzero(key, sizeof key);
    if (is_open) *body_bytes = packet.length - PACKET_OVERHEAD_BYTES;
    return is_open;
}
