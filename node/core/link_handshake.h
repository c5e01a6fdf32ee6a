/* The handshake of a link: three messages, then the keys of both directions (docs/protocol.md).
 *
 *     dialler    writes HELLO, reads ANSWER, writes PROOF
 *     listener   reads SHAPE (HELLO's first byte) and HELLO, writes ANSWER, reads PROOF
 *
 * What must be written lies in `out` after init and after each read. Pure; of link.c.
 */
#ifndef NODE_CORE_LINK_HANDSHAKE_H
#define NODE_CORE_LINK_HANDSHAKE_H

#include "node/core/link.h"

enum {
    LINK_HELLO_BYTES = 1 + 32 + 4 + 4 + 8 + 16,
    LINK_ANSWER_BYTES = 32 + 4 + 4 + 8 + 1 + 16 + 8 + 32 + 64 + 16,
    LINK_PROOF_BYTES = 1 + 16 + 8 + 32 + 64 + 16,
    LINK_HANDSHAKE_BYTES_MAX = LINK_ANSWER_BYTES,

    LINK_HASH_BYTES = 32,
    LINK_STREAM_KEY_BYTES = 32,
    LINK_STREAM_HEADER_BYTES = 24,
};

enum link_handshake_step {
    LINK_HANDSHAKE_SHAPE,
    LINK_HANDSHAKE_HELLO,
    LINK_HANDSHAKE_ANSWER,
    LINK_HANDSHAKE_PROOF,
    LINK_HANDSHAKE_DONE,
};

/* What we say we can; a parameter so that tests can be a node of another version. */
struct link_offer {
    uint32_t version_min, version; /* the lowest and the highest */
    uint64_t capabilities;
};

/* Of one direction of frames. */
struct link_stream_key {
    uint8_t key[LINK_STREAM_KEY_BYTES];
    uint8_t header[LINK_STREAM_HEADER_BYTES];
};

struct link_handshake {
    enum link_handshake_step step; /* what is read next */
    struct link_offer offer;
    uint8_t ephemeral[32]; /* X25519, secret */
    uint8_t ephemeral_key[32];
    uint8_t chain[LINK_HASH_BYTES];      /* secret: all keys come from it */
    uint8_t transcript[LINK_HASH_BYTES]; /* hash of all that was said */
    uint8_t out[LINK_HANDSHAKE_BYTES_MAX];
    size_t out_bytes;
    struct link_peer peer;                /* complete once DONE */
    struct link_stream_key send, receive; /* once DONE */
};

/* Begin; a dialler (which needs a secret, asserted) has its HELLO to write. */
void link_handshake_init(struct link_handshake *handshake, const struct link_identity *identity, bool is_dialler,
                         struct link_offer offer, struct prng *prng);

/* The bytes of what must be read next; 0 once done. */
size_t link_handshake_wanted(const struct link_handshake *handshake);

/* Read just so many. NULL, or why it is refused (LINK_REASON_…): the handshake is then over, with nothing to
 * write but the ANSWER of a listener that refuses for LINK_REASON_VERSION; handshake->peer is what was proved. */
const char *link_handshake_read(struct link_handshake *handshake, const struct link_identity *identity,
                                const uint8_t *message);

/* Forget all keys. */
void link_handshake_wipe(struct link_handshake *handshake);

#endif
