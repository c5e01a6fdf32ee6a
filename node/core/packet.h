/* Sealed datagrams between members of one cluster: one packet, one datagram.
 *
 *     version (1) ‖ nonce (24) ‖ sender's node id, masked (32) ‖ XChaCha20-Poly1305 of the body
 *
 * The mask is keyed by cluster secret, cluster id and nonce, so only members see who speaks; the body's key is
 * keyed by the secret, the cluster id and the X25519 of both nodes' identity keys, bound to the direction: a
 * packet proves who sent it and for whom (so nothing can be reflected), and another cluster's is refused (H13). A
 * packet can be replayed: every message in one must be harmless the second time (docs/protocol.md says why each
 * is).
 */
#ifndef NODE_CORE_PACKET_H
#define NODE_CORE_PACKET_H

#include "node/core/link.h"

enum {
    PACKET_VERSION = 1,
    PACKET_OVERHEAD_BYTES = 1 + 24 + 32 + 16,
    PACKET_BODY_BYTES_MAX = LIMITS_DATAGRAM_BYTES_MAX - PACKET_OVERHEAD_BYTES,
    PACKET_KEY_BYTES = 32,
};

/* What is computed once for a peer (the X25519 costs some 50 us) and kept beside it. */
struct packet_pair {
    uint8_t key[PACKET_KEY_BYTES];
};

/* False for a node id that is no point of the curve, or of low order. Holds for any secret, and for as long as the
 * node key stays. */
bool packet_pair_init(struct packet_pair *pair, const struct link_identity *identity,
                      const uint8_t peer_id[LINK_NODE_ID_BYTES]);

/* Seal `body` (at most PACKET_BODY_BYTES_MAX, asserted) for the peer into `bytes` (LIMITS_DATAGRAM_BYTES_MAX).
 * Returns its length. Uses the first secret. */
size_t packet_close(const struct link_identity *identity, const struct packet_pair *pair,
                    const uint8_t peer_id[LINK_NODE_ID_BYTES], struct span body, struct prng *prng,
                    uint8_t *bytes);

/* Who claims to have sent it? `secret_index` counts from 0 to secrets_count - 1: try each until packet_open() says
 * true. False for what is no packet by its shape. */
bool packet_sender(const struct link_identity *identity, uint32_t secret_index, struct span packet,
                   uint8_t sender_id[LINK_NODE_ID_BYTES]);

/* Open it into `body` (PACKET_BODY_BYTES_MAX). False: not from this sender, not for us, another cluster or secret;
 * also when the sender would be this node. `body` is then undefined. */
bool packet_open(const struct link_identity *identity, uint32_t secret_index, const struct packet_pair *pair,
                 const uint8_t sender_id[LINK_NODE_ID_BYTES], struct span packet, uint8_t *body,
                 size_t *body_bytes);

#endif
