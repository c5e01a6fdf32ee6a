/* One frame of a link: sealed here, opened there. docs/protocol.md shows the bytes.
 *
 *     length (2) ‖ crypto_secretstream of: nothing, or slot and last (1) ‖ bytes of a message
 *
 * A frame is a piece of a message; or empty, to change the key; or the end. Pure; of link.c.
 */
#ifndef NODE_CORE_LINK_FRAME_H
#define NODE_CORE_LINK_FRAME_H

#include "node/core/link_handshake.h"

#include <sodium/crypto_secretstream_xchacha20poly1305.h>

enum {
    LINK_FRAME_LENGTH_BYTES = 2,
    LINK_FRAME_SEAL_BYTES = 17, /* libsodium's: a tag of its own and Poly1305's */
    LINK_FRAME_OVERHEAD_BYTES = LINK_FRAME_LENGTH_BYTES + LINK_FRAME_SEAL_BYTES,
    LINK_FRAME_PLAIN_BYTES_MAX = LINK_FRAME_BYTES_MAX - LINK_FRAME_OVERHEAD_BYTES,
    LINK_PIECE_BYTES_MAX = LINK_FRAME_PLAIN_BYTES_MAX - 1,
};

/* Part of a message. The pieces of one slot come in order; a slot is free again after the last. */
struct link_piece {
    uint8_t slot; /* below LINK_MESSAGES_MAX */
    bool is_last;
    struct span bytes; /* at most LINK_PIECE_BYTES_MAX */
};

struct link_sealer {
    crypto_secretstream_xchacha20poly1305_state stream;
    uint64_t keyed_bytes; /* sealed under the key of now */
    uint64_t rekey_bytes; /* LINK_REKEY_BYTES; tests make it less */
    uint64_t rekey_at_ms; /* UINT64_MAX after the end */
    bool is_rekey_due;
    bool is_over;
};

struct link_opener {
    crypto_secretstream_xchacha20poly1305_state stream;
};

enum link_frame {
    LINK_FRAME_PIECE,
    LINK_FRAME_EMPTY, /* the key changed, nothing else */
    LINK_FRAME_END,
    LINK_FRAME_FORGED, /* not sealed by the other end, or not as the next frame */
    LINK_FRAME_WRONG,  /* authentic, but of no known shape */
};

void link_sealer_init(struct link_sealer *sealer, const struct link_stream_key *key, uint64_t now_ms);

/* Note that time has come to change the key, if it has. */
void link_sealer_tick(struct link_sealer *sealer, uint64_t now_ms);

/* Bytes of the frame of a piece on the wire. */
size_t link_frame_bytes(const struct link_piece *piece);

/* Each writes a frame (at most LINK_FRAME_BYTES_MAX) and returns its bytes; a piece's frame also changes the key
 * when that is due. Nothing may follow the end (asserted). */
size_t link_sealer_piece(struct link_sealer *sealer, const struct link_piece *piece, uint8_t *frame,
                         uint64_t now_ms);
size_t link_sealer_rekey(struct link_sealer *sealer, uint8_t *frame, uint64_t now_ms);
size_t link_sealer_end(struct link_sealer *sealer, uint8_t *frame, uint64_t now_ms);

void link_opener_init(struct link_opener *opener, const struct link_stream_key *key);

/* The whole frame's bytes, from its first LINK_FRAME_LENGTH_BYTES; 0 for a length that no frame has. */
size_t link_frame_wanted(const uint8_t *frame);

/* Open a whole frame into `plain` (LINK_FRAME_PLAIN_BYTES_MAX), where `piece` then points. */
enum link_frame link_opener_open(struct link_opener *opener, struct span frame, uint8_t *plain,
                                 struct link_piece *piece);

#endif
