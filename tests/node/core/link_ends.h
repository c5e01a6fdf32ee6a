/* Two ends of a link, and the bytes between them: what tests and fuzzers of links share. No check of cmocka's. */
#ifndef TESTS_NODE_CORE_LINK_ENDS_H
#define TESTS_NODE_CORE_LINK_ENDS_H

#include "node/core/link_frame.h"

#include <assert.h>
#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>

enum { ENDS_NOW_MS = 1000 };

/* A node, told apart by bytes of which its key, its cluster and its secret are made. */
static inline struct link_identity ends_identity(uint8_t node, uint8_t cluster, bool is_member, uint8_t secret)
{
    struct link_identity identity = {.is_member = is_member, .boot = 1000 + node, .secrets_count = 1};
    uint8_t seed[crypto_sign_ed25519_SEEDBYTES];
    uint8_t id[LINK_NODE_ID_BYTES];
    memset(seed, node, sizeof seed);
    crypto_sign_ed25519_seed_keypair(id, identity.node_key, seed);
    memset(identity.cluster_id, cluster, sizeof identity.cluster_id);
    memset(identity.secrets[0], secret, LINK_SECRET_BYTES);
    return identity;
}

static inline const uint8_t *ends_id(const struct link_identity *identity)
{
    return identity->node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

static inline struct prng ends_prng(uint8_t seed)
{
    struct prng prng;
    uint8_t bytes[PRNG_SEED_BYTES];
    memset(bytes, seed, sizeof bytes);
    prng_init(&prng, bytes);
    return prng;
}

/* One end; the seed gives its ephemeral key, so the same seeds give the same bytes. */
static inline struct link ends_open(const struct link_identity *identity, bool is_dialler, uint8_t seed)
{
    struct link link;
    struct prng prng = ends_prng(seed);
    bool is_open = link_init(&link, identity, is_dialler, &prng, NULL, ENDS_NOW_MS);
    assert(is_open);
    (void)is_open;
    return link;
}

/* --- bytes on their way ---------------------------------------------------------------------------------- */

struct tape {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

static inline uint8_t *tape_room(struct tape *tape, size_t room)
{
    if (tape->capacity - tape->length < room) {
        tape->capacity = 2 * (tape->length + room);
        tape->bytes = realloc(tape->bytes, tape->capacity);
        assert(tape->bytes != NULL);
    }
    return tape->bytes + tape->length;
}

static inline void tape_add(struct tape *tape, const void *bytes, size_t length)
{
    if (length > 0) memcpy(tape_room(tape, length), bytes, length);
    tape->length += length;
}

static inline struct span tape_span(const struct tape *tape)
{
    return span_of(tape->bytes, tape->length);
}

static inline void tape_deinit(struct tape *tape)
{
    free(tape->bytes);
    *tape = (struct tape){0};
}

/* All that `link` wants to write now. Returns how much that is. */
static inline size_t ends_write(struct link *link, struct tape *tape, uint64_t now_ms)
{
    size_t before = tape->length;
    size_t length = 0;
    while ((length = link_write(link, tape_room(tape, LINK_FRAME_BYTES_MAX), LINK_FRAME_BYTES_MAX, now_ms)) > 0)
        tape->length += length;
    return tape->length - before;
}

/* --- reading, cut in pieces ------------------------------------------------------------------------------ */

/* Give `bytes` from *at on, `step` at a time (0: all at once), until there is something else than LINK_MORE, or
 * nothing left. */
static inline enum link_verdict ends_read(struct link *link, struct span bytes, size_t *at, size_t step,
                                          uint64_t now_ms)
{
    enum link_verdict verdict = LINK_MORE;
    do {
        size_t taken = 0;
        size_t rest = bytes.length - *at;
        size_t count = step == 0 || step > rest ? rest : step;
        verdict = link_read(link, span_of(bytes.bytes + *at, count), &taken, now_ms);
        assert(taken <= count && (verdict != LINK_MORE || taken == count));
        *at += taken;
    } while (verdict == LINK_MORE && *at < bytes.length);
    return verdict;
}

/* Everything at once; the first verdict that is not LINK_MORE. */
static inline enum link_verdict ends_give(struct link *link, struct span bytes)
{
    size_t at = 0;
    return ends_read(link, bytes, &at, 0, ENDS_NOW_MS);
}

/* Let both speak until neither has more to say; each verdict but LINK_MORE is forgotten. What went over is added
 * to the tapes, when there are any: of the dialler, of the listener. */
static inline void ends_shake(struct link *dialler, struct link *listener, struct tape tapes[2])
{
    struct link *links[2] = {dialler, listener};
    size_t silent = 0;
    for (int from = 0; silent < 2; from = 1 - from) {
        struct tape tape = {0};
        silent = ends_write(links[from], &tape, ENDS_NOW_MS) == 0 ? silent + 1 : 0;
        size_t at = 0;
        while (at < tape.length &&
               ends_read(links[1 - from], tape_span(&tape), &at, 0, ENDS_NOW_MS) != LINK_REFUSED)
            continue;
        if (tapes != NULL) tape_add(&tapes[from], tape.bytes, tape.length);
        tape_deinit(&tape);
    }
}

/* --- two members of one cluster ---------------------------------------------------------------------------- */

enum { ENDS_CLUSTER = 10, ENDS_SECRET = 20, ENDS_SEED_DIALLER = 30, ENDS_SEED_LISTENER };

/* The dialler and the listener, a link between them, and all that each said in the handshake. */
struct two {
    struct link_identity ids[2];
    struct link links[2];
    struct tape tapes[2];
};

static inline struct two two_members(void)
{
    struct two two = {.ids = {ends_identity(1, ENDS_CLUSTER, true, ENDS_SECRET),
                              ends_identity(2, ENDS_CLUSTER, true, ENDS_SECRET)}};
    return two;
}

/* `budget` is the listener's; NULL: none. */
static inline void two_open_within(struct two *two, struct arena_budget *budget)
{
    struct prng prng = ends_prng(ENDS_SEED_LISTENER);
    two->links[0] = ends_open(&two->ids[0], true, ENDS_SEED_DIALLER);
    bool is_open = link_init(&two->links[1], &two->ids[1], false, &prng, budget, ENDS_NOW_MS);
    assert(is_open);
    (void)is_open;
}

static inline void two_shake(struct two *two)
{
    two_open_within(two, NULL);
    ends_shake(&two->links[0], &two->links[1], two->tapes);
}

static inline void two_deinit(struct two *two)
{
    for (int i = 0; i < 2; i++) {
        link_deinit(&two->links[i]);
        tape_deinit(&two->tapes[i]);
    }
}

/* Does a fresh link that hears `bytes` get ready? Its seed is as in `two`, so the right bytes fit. */
static inline enum link_verdict two_hear(const struct two *two, int end, struct span bytes, struct link *link)
{
    *link = ends_open(&two->ids[end], end == 0, end == 0 ? ENDS_SEED_DIALLER : ENDS_SEED_LISTENER);
    return ends_give(link, bytes);
}

/* --- a peer that has the secret and seals what it likes --------------------------------------------------- */

struct bad_peer {
    struct link_handshake handshake;
    struct link_sealer sealer;
    struct link_opener opener;
};

/* Dial `listener`, and be ready. False when it refuses, or is refused. */
static inline bool bad_peer_dial(struct bad_peer *peer, const struct link_identity *identity,
                                 struct link *listener, uint8_t seed)
{
    struct prng prng = ends_prng(seed);
    struct tape tape = {0};
    *peer = (struct bad_peer){0};
    link_handshake_init(&peer->handshake, identity, true, (struct link_offer){LINK_VERSION_MIN, LINK_VERSION, 0},
                        &prng);
    enum link_verdict verdict = ends_give(listener, span_of(peer->handshake.out, peer->handshake.out_bytes));
    bool is_answered = verdict == LINK_MORE && ends_write(listener, &tape, ENDS_NOW_MS) == LINK_ANSWER_BYTES;
    const char *reason = is_answered ? link_handshake_read(&peer->handshake, identity, tape.bytes) : "";
    tape_deinit(&tape);
    if (reason != NULL) return false;
    link_sealer_init(&peer->sealer, &peer->handshake.send, ENDS_NOW_MS);
    link_opener_init(&peer->opener, &peer->handshake.receive);
    return ends_give(listener, span_of(peer->handshake.out, peer->handshake.out_bytes)) == LINK_READY;
}

/* A frame of any plain bytes and any tag. */
static inline size_t bad_peer_seal(struct bad_peer *peer, struct span plain, uint8_t tag,
                                   uint8_t frame[LINK_FRAME_BYTES_MAX])
{
    size_t box_bytes = plain.length + LINK_FRAME_SEAL_BYTES;
    assert(plain.length <= LINK_FRAME_PLAIN_BYTES_MAX);
    frame[0] = (uint8_t)(box_bytes >> 8);
    frame[1] = (uint8_t)box_bytes;
    crypto_secretstream_xchacha20poly1305_push(&peer->sealer.stream, frame + LINK_FRAME_LENGTH_BYTES, NULL,
                                               plain.bytes, plain.length, frame, LINK_FRAME_LENGTH_BYTES, tag);
    return LINK_FRAME_LENGTH_BYTES + box_bytes;
}

/* What `listener` says to that frame. */
static inline enum link_verdict bad_peer_say(struct bad_peer *peer, struct link *listener, struct span plain,
                                             uint8_t tag)
{
    uint8_t frame[LINK_FRAME_BYTES_MAX];
    size_t length = bad_peer_seal(peer, plain, tag, frame);
    return ends_give(listener, span_of(frame, length));
}

#endif
