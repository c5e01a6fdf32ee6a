/* Frames: crypto_secretstream_xchacha20poly1305 with the length as what is authenticated beside.
 *
 * init_push() would draw the stream's header at random; here both ends derive it with the key from the handshake,
 * and a stream that was made by init_pull() from key and header is the same state as the one that pushes.
 */
#include "node/core/link_frame.h"

#include <assert.h>

enum {
    IS_LAST = 0x80, /* of a piece's first byte; the bit below is none of ours; the rest is the slot */
    SLOT_MASK = 0x3f,
    TAG_PIECE = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
    TAG_REKEY = crypto_secretstream_xchacha20poly1305_TAG_REKEY,
    TAG_END = crypto_secretstream_xchacha20poly1305_TAG_FINAL,
};

_Static_assert((int)LINK_MESSAGES_MAX <= SLOT_MASK + 1, "a slot has room in its byte");
_Static_assert(crypto_secretstream_xchacha20poly1305_ABYTES == LINK_FRAME_SEAL_BYTES, "libsodium's");
_Static_assert(LINK_STREAM_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "libsodium's");
_Static_assert(LINK_STREAM_HEADER_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "libsodium's");
_Static_assert(LINK_FRAME_BYTES_MAX <= UINT16_MAX, "a length has room in two bytes");

void link_sealer_init(struct link_sealer *sealer, const struct link_stream_key *key, uint64_t now_ms)
{
    *sealer = (struct link_sealer){.rekey_bytes = LINK_REKEY_BYTES, .rekey_at_ms = now_ms + LINK_REKEY_MS};
    crypto_secretstream_xchacha20poly1305_init_pull(&sealer->stream, key->header, key->key);
}

void link_sealer_tick(struct link_sealer *sealer, uint64_t now_ms)
{
    if (now_ms < sealer->rekey_at_ms) return;
    sealer->is_rekey_due = true;
    sealer->rekey_at_ms = now_ms + LINK_REKEY_MS;
}

size_t link_frame_bytes(const struct link_piece *piece)
{
    return LINK_FRAME_OVERHEAD_BYTES + 1 + piece->bytes.length;
}

/* `plain` is sealed with `tag`; the length before it covers what is sealed. */
static size_t seal(struct link_sealer *sealer, struct span plain, int tag, uint8_t *frame)
{
    assert(!sealer->is_over && plain.length <= LINK_FRAME_PLAIN_BYTES_MAX);
    size_t box_bytes = plain.length + LINK_FRAME_SEAL_BYTES;
    frame[0] = (uint8_t)(box_bytes >> 8);
    frame[1] = (uint8_t)box_bytes;
    crypto_secretstream_xchacha20poly1305_push(&sealer->stream, frame + LINK_FRAME_LENGTH_BYTES, NULL, plain.bytes,
                                               plain.length, frame, LINK_FRAME_LENGTH_BYTES, (uint8_t)tag);
    sealer->keyed_bytes += LINK_FRAME_LENGTH_BYTES + box_bytes;
    return LINK_FRAME_LENGTH_BYTES + box_bytes;
}

static void note_rekeyed(struct link_sealer *sealer, uint64_t now_ms)
{
    sealer->keyed_bytes = 0;
    sealer->is_rekey_due = false;
    sealer->rekey_at_ms = now_ms + LINK_REKEY_MS;
}

size_t link_sealer_piece(struct link_sealer *sealer, const struct link_piece *piece, uint8_t *frame,
                         uint64_t now_ms)
{
    uint8_t plain[LINK_FRAME_PLAIN_BYTES_MAX];
    assert(piece->slot < LINK_MESSAGES_MAX && piece->bytes.length <= LINK_PIECE_BYTES_MAX);
    plain[0] = (uint8_t)(piece->slot | (piece->is_last ? IS_LAST : 0));
    if (piece->bytes.length > 0) memcpy(plain + 1, piece->bytes.bytes, piece->bytes.length);
    link_sealer_tick(sealer, now_ms);
    bool is_full = sealer->keyed_bytes + link_frame_bytes(piece) >= sealer->rekey_bytes;
    bool is_rekey = sealer->is_rekey_due || is_full;
    size_t length = seal(sealer, span_of(plain, 1 + piece->bytes.length), is_rekey ? TAG_REKEY : TAG_PIECE, frame);
    if (is_rekey) note_rekeyed(sealer, now_ms);
    return length;
}

size_t link_sealer_rekey(struct link_sealer *sealer, uint8_t *frame, uint64_t now_ms)
{
    size_t length = seal(sealer, span_of(frame, 0), TAG_REKEY, frame);
    note_rekeyed(sealer, now_ms);
    return length;
}

size_t link_sealer_end(struct link_sealer *sealer, uint8_t *frame, uint64_t now_ms)
{
    size_t length = seal(sealer, span_of(frame, 0), TAG_END, frame);
    note_rekeyed(sealer, now_ms);
    sealer->rekey_at_ms = UINT64_MAX;
    sealer->is_over = true;
    return length;
}

void link_opener_init(struct link_opener *opener, const struct link_stream_key *key)
{
    crypto_secretstream_xchacha20poly1305_init_pull(&opener->stream, key->header, key->key);
}

size_t link_frame_wanted(const uint8_t *frame)
{
    size_t box_bytes = (size_t)frame[0] << 8 | frame[1];
    if (box_bytes < LINK_FRAME_SEAL_BYTES) return 0;
    if (box_bytes > LINK_FRAME_BYTES_MAX - LINK_FRAME_LENGTH_BYTES) return 0;
    return LINK_FRAME_LENGTH_BYTES + box_bytes;
}

static enum link_frame read_piece(struct span plain, struct link_piece *piece)
{
    if ((plain.bytes[0] & ~(IS_LAST | SLOT_MASK)) != 0) return LINK_FRAME_WRONG;
    piece->slot = plain.bytes[0] & SLOT_MASK;
    piece->is_last = (plain.bytes[0] & IS_LAST) != 0;
    piece->bytes = span_of(plain.bytes + 1, plain.length - 1);
    return LINK_FRAME_PIECE;
}

enum link_frame link_opener_open(struct link_opener *opener, struct span frame, uint8_t *plain,
                                 struct link_piece *piece)
{
    unsigned char tag = 0;
    assert(frame.length >= LINK_FRAME_OVERHEAD_BYTES && frame.length <= LINK_FRAME_BYTES_MAX);
    size_t plain_bytes = frame.length - LINK_FRAME_OVERHEAD_BYTES;
    if (crypto_secretstream_xchacha20poly1305_pull(
            &opener->stream, plain, NULL, &tag, frame.bytes + LINK_FRAME_LENGTH_BYTES,
            frame.length - LINK_FRAME_LENGTH_BYTES, frame.bytes, LINK_FRAME_LENGTH_BYTES) != 0) {
        return LINK_FRAME_FORGED;
    }
    if (tag != TAG_PIECE && tag != TAG_REKEY && tag != TAG_END) return LINK_FRAME_WRONG;
    if (tag == TAG_END) return plain_bytes == 0 ? LINK_FRAME_END : LINK_FRAME_WRONG;
    if (plain_bytes == 0) return tag == TAG_REKEY ? LINK_FRAME_EMPTY : LINK_FRAME_WRONG;
    return read_piece(span_of(plain, plain_bytes), piece);
}
