/* A link: the handshake first, then frames in both directions.
 *
 *     SHAKING --handshake--> READY --the peer's final tag--> ENDED
 *        |                     |                               |
 *        +----- anything that may not be ----------------------+--> REFUSED
 *
 * Our own direction ends apart from that, with link_end(). What only frames need is taken once the peer has proved
 * itself, so that strangers cost little.
 */
#include "node/core/link_inbox.h"
#include "node/core/link_queue.h"

#include <assert.h>
#include <sodium/utils.h>

enum { STATE_BYTES_MAX = 128 * 1024 /* twice what it takes */ };

enum phase { SHAKING, READY, ENDED, REFUSED };

/* What comes, once the handshake is over. */
struct receiving {
    struct link_opener opener;
    struct link_inbox inbox;
    size_t frame_bytes; /* of `frame`, so far */
    uint8_t frame[LINK_FRAME_BYTES_MAX];
    uint8_t plain[LINK_FRAME_PLAIN_BYTES_MAX];
};

struct link_state {
    struct arena arena; /* holds this struct, too */
    const struct link_identity *identity;
    struct arena_budget *budget;
    enum phase phase;
    uint64_t handshake_until_ms;
    struct link_handshake handshake;
    uint8_t message[LINK_HANDSHAKE_BYTES_MAX]; /* of the handshake, half read */
    size_t message_bytes;
    struct receiving *receiving; /* once ready */
    struct link_sealer sealer;
    struct link_queue queue;
    bool is_end_wanted;
};

_Static_assert(sizeof(struct link_state) + sizeof(struct receiving) < STATE_BYTES_MAX / 2,
               "with room for the arena");

static enum link_verdict refuse(struct link *link, const char *reason)
{
    link->state->phase = REFUSED;
    link->reason = reason;
    link_handshake_wipe(&link->state->handshake);
    return LINK_REFUSED;
}

bool link_init(struct link *link, const struct link_identity *identity, bool is_dialler, struct prng *prng,
               struct arena_budget *budget, uint64_t now_ms)
{
    struct arena arena;
    *link = (struct link){0};
    arena_init_within(&arena, STATE_BYTES_MAX, budget);
    struct link_state *state = arena_alloc(&arena, sizeof *state);
    if (state == NULL) {
        arena_deinit(&arena);
        return false;
    }
    state->arena = arena;
    state->identity = identity;
    state->budget = budget;
    state->handshake_until_ms = now_ms + LINK_HANDSHAKE_MS;
    link_queue_init(&state->queue, budget);
    link->state = state;
    if (identity->secrets_count == 0) {
        refuse(link, LINK_REASON_NO_SECRET);
        return true;
    }
    struct link_offer offer = {LINK_VERSION_MIN, LINK_VERSION, LINK_CAPABILITIES};
    link_handshake_init(&state->handshake, identity, is_dialler, offer, prng);
    return true;
}

void link_deinit(struct link *link)
{
    struct link_state *state = link->state;
    if (state != NULL) {
        struct arena arena = state->arena; /* which it lies in itself */
        link_queue_deinit(&state->queue);
        if (state->receiving != NULL) {
            link_inbox_deinit(&state->receiving->inbox);
            sodium_memzero(state->receiving, sizeof *state->receiving);
        }
        sodium_memzero(state, sizeof *state);
        arena_deinit(&arena);
    }
    *link = (struct link){0};
}

/* Move bytes to where `wanted` of them are gathered. True when they are all there. */
static bool gather(struct span bytes, size_t *taken, uint8_t *gathered, size_t *gathered_bytes, size_t wanted)
{
    size_t missing = wanted - *gathered_bytes;
    size_t count = bytes.length - *taken < missing ? bytes.length - *taken : missing;
    if (count > 0) memcpy(gathered + *gathered_bytes, bytes.bytes + *taken, count);
    *taken += count;
    *gathered_bytes += count;
    return *gathered_bytes == wanted;
}

/* --- the handshake -------------------------------------------------------------------------------------- */

static enum link_verdict become_ready(struct link *link, uint64_t now_ms)
{
    struct link_state *state = link->state;
    state->receiving = arena_alloc(&state->arena, sizeof *state->receiving);
    if (state->receiving == NULL) return refuse(link, LINK_REASON_MEMORY);
    link_inbox_init(&state->receiving->inbox, state->budget);
    link_opener_init(&state->receiving->opener, &state->handshake.receive);
    link_sealer_init(&state->sealer, &state->handshake.send, now_ms);
    sodium_memzero(&state->handshake.receive, sizeof state->handshake.receive);
    sodium_memzero(&state->handshake.send, sizeof state->handshake.send);
    link->peer = state->handshake.peer;
    state->phase = READY;
    return LINK_READY;
}

/* There may be an ANSWER to write. */
static enum link_verdict refuse_handshake(struct link *link, const char *reason)
{
    link->peer = link->state->handshake.peer;
    link->state->phase = REFUSED;
    link->reason = reason;
    return LINK_REFUSED;
}

static enum link_verdict read_handshake(struct link *link, struct span bytes, size_t *taken, uint64_t now_ms)
{
    struct link_state *state = link->state;
    if (now_ms >= state->handshake_until_ms) return refuse(link, LINK_REASON_LATE);
    while (gather(bytes, taken, state->message, &state->message_bytes, link_handshake_wanted(&state->handshake))) {
        state->message_bytes = 0;
        const char *reason = link_handshake_read(&state->handshake, state->identity, state->message);
        if (reason != NULL) return refuse_handshake(link, reason);
        if (state->handshake.step == LINK_HANDSHAKE_DONE) return become_ready(link, now_ms);
    }
    return LINK_MORE;
}

/* --- frames that come ----------------------------------------------------------------------------------- */

static enum link_verdict read_piece(struct link *link, const struct link_piece *piece)
{
    bool is_whole = false;
    const char *reason = link_inbox_add(&link->state->receiving->inbox, piece, &is_whole, &link->message);
    if (reason != NULL) return refuse(link, reason);
    return is_whole ? LINK_MESSAGE : LINK_MORE;
}

static enum link_verdict read_end(struct link *link)
{
    if (link->state->receiving->inbox.halves_count > 0) return refuse(link, LINK_REASON_SHAPE);
    link->state->phase = ENDED;
    return LINK_ENDED;
}

static enum link_verdict read_frame(struct link *link)
{
    struct receiving *receiving = link->state->receiving;
    struct link_piece piece = {0};
    struct span frame = span_of(receiving->frame, receiving->frame_bytes);
    receiving->frame_bytes = 0;
    enum link_verdict verdict = LINK_MORE;
    switch (link_opener_open(&receiving->opener, frame, receiving->plain, &piece)) {
    case LINK_FRAME_PIECE: verdict = read_piece(link, &piece); break;
    case LINK_FRAME_EMPTY: break;
    case LINK_FRAME_END: verdict = read_end(link); break;
    case LINK_FRAME_FORGED: verdict = refuse(link, LINK_REASON_SEAL); break;
    case LINK_FRAME_WRONG: verdict = refuse(link, LINK_REASON_SHAPE); break;
    }
    return verdict;
}

/* Gather the next frame. True when it is whole; false with `verdict` set when it is not. */
static bool gather_frame(struct link *link, struct span bytes, size_t *taken, enum link_verdict *verdict)
{
    struct receiving *receiving = link->state->receiving;
    *verdict = LINK_MORE;
    if (receiving->frame_bytes < LINK_FRAME_LENGTH_BYTES &&
        !gather(bytes, taken, receiving->frame, &receiving->frame_bytes, LINK_FRAME_LENGTH_BYTES)) {
        return false;
    }
    size_t wanted = link_frame_wanted(receiving->frame);
    if (wanted == 0) *verdict = refuse(link, LINK_REASON_SEAL);
    return wanted > 0 && gather(bytes, taken, receiving->frame, &receiving->frame_bytes, wanted);
}

static enum link_verdict read_frames(struct link *link, struct span bytes, size_t *taken)
{
    enum link_verdict verdict = LINK_MORE;
    link_inbox_forget(&link->state->receiving->inbox);
    while (verdict == LINK_MORE && gather_frame(link, bytes, taken, &verdict))
        verdict = read_frame(link);
    return verdict;
}

enum link_verdict link_read(struct link *link, struct span bytes, size_t *taken, uint64_t now_ms)
{
    enum link_verdict verdict = LINK_REFUSED;
    *taken = 0;
    link->message = (struct span){0};
    switch (link->state->phase) {
    case SHAKING: verdict = read_handshake(link, bytes, taken, now_ms); break;
    case READY: verdict = read_frames(link, bytes, taken); break;
    case ENDED: verdict = bytes.length == 0 ? LINK_MORE : refuse(link, LINK_REASON_SHAPE); break;
    case REFUSED: break;
    }
    return verdict;
}

void link_set_message_max(struct link *link, size_t bytes)
{
    assert(link->state->receiving != NULL);
    link_inbox_set_message_max(&link->state->receiving->inbox, bytes);
}

/* --- what goes ------------------------------------------------------------------------------------------ */

bool link_send(struct link *link, enum link_priority priority, struct span message)
{
    struct link_state *state = link->state;
    assert(state->receiving != NULL && message.length <= LINK_MESSAGE_BYTES_MAX);
    if (state->phase == REFUSED || state->is_end_wanted) return false;
    return link_queue_add(&state->queue, priority, message);
}

void link_end(struct link *link)
{
    link->state->is_end_wanted = true;
}

static size_t write_handshake(struct link_state *state, uint8_t *bytes)
{
    size_t length = state->handshake.out_bytes;
    if (length > 0) memcpy(bytes, state->handshake.out, length);
    state->handshake.out_bytes = 0;
    return length;
}

/* One more frame, if there is one and it fits. */
static size_t write_frame(struct link_state *state, uint8_t *bytes, size_t capacity, uint64_t now_ms)
{
    struct link_piece piece;
    struct link_sealer *sealer = &state->sealer;
    if (sealer->is_over || capacity < LINK_FRAME_OVERHEAD_BYTES) return 0;
    if (link_queue_next(&state->queue, &piece)) {
        if (capacity < link_frame_bytes(&piece)) return 0;
        size_t length = link_sealer_piece(sealer, &piece, bytes, now_ms);
        link_queue_took(&state->queue, &piece);
        return length;
    }
    if (state->is_end_wanted) return link_sealer_end(sealer, bytes, now_ms);
    link_sealer_tick(sealer, now_ms);
    return sealer->is_rekey_due ? link_sealer_rekey(sealer, bytes, now_ms) : 0;
}

size_t link_write(struct link *link, uint8_t *bytes, size_t capacity, uint64_t now_ms)
{
    struct link_state *state = link->state;
    assert(capacity >= LINK_FRAME_BYTES_MAX);
    size_t written = write_handshake(state, bytes);
    if (state->phase == SHAKING || state->phase == REFUSED) return written;
    size_t length = 0;
    while ((length = write_frame(state, bytes + written, capacity - written, now_ms)) > 0)
        written += length;
    return written;
}

/* --- time, and what is asked ---------------------------------------------------------------------------- */

uint64_t link_deadline_ms(const struct link *link)
{
    const struct link_state *state = link->state;
    if (state->phase == REFUSED) return UINT64_MAX;
    return state->phase == SHAKING ? state->handshake_until_ms : state->sealer.rekey_at_ms;
}

bool link_tick(struct link *link, uint64_t now_ms)
{
    struct link_state *state = link->state;
    if (state->phase == SHAKING && now_ms >= state->handshake_until_ms) refuse(link, LINK_REASON_LATE);
    if (state->phase == SHAKING || state->phase == REFUSED) return state->phase == SHAKING;
    link_sealer_tick(&state->sealer, now_ms);
    return true;
}

bool link_is_ready(const struct link *link)
{
    return link->state != NULL && (link->state->phase == READY || link->state->phase == ENDED);
}

size_t link_queued_bytes(const struct link *link)
{
    return link->state == NULL ? 0 : link->state->queue.waiting_bytes;
}
