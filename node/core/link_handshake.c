/* The handshake: a chain of keyed hashes from the cluster secret over the exchanged key, and a hash of all bytes.
 *
 * Every key is used for one message only, so each is sealed with a nonce of zeros. Keys hang on the transcript: a
 * bit changed anywhere makes all that follows unreadable, and the signatures are over it, too.
 */
#include "node/core/link_handshake.h"

#include "node/base/hash.h"
#include "node/base/wire.h"

#include <assert.h>
#include <sodium/crypto_aead_chacha20poly1305.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>

enum {
    SHAPE = 1, /* HELLO's first byte: how the handshake itself looks */
    KEY_BYTES = 32,
    TAG_BYTES = crypto_aead_chacha20poly1305_ietf_ABYTES,
    SIGNATURE_BYTES = crypto_sign_ed25519_BYTES,
    OFFER_BYTES = 4 + 4 + 8,
    SELF_BOOT_AT = 1 + LINK_CLUSTER_ID_BYTES, /* who one is: member, cluster id, boot nonce, node id */
    SELF_ID_AT = SELF_BOOT_AT + 8,
    SELF_BYTES = SELF_ID_AT + LINK_NODE_ID_BYTES,
    ANSWER_PLAIN_BYTES = OFFER_BYTES + SELF_BYTES + SIGNATURE_BYTES,
    PROOF_PLAIN_BYTES = SELF_BYTES + SIGNATURE_BYTES,
    SIGNED_BYTES_MAX = 64 + LINK_HASH_BYTES + OFFER_BYTES + SELF_BYTES,
};

_Static_assert(LINK_HELLO_BYTES == 1 + KEY_BYTES + OFFER_BYTES + TAG_BYTES, "as the header says");
_Static_assert(LINK_ANSWER_BYTES == KEY_BYTES + ANSWER_PLAIN_BYTES + TAG_BYTES, "as the header says");
_Static_assert(LINK_PROOF_BYTES == PROOF_PLAIN_BYTES + TAG_BYTES, "as the header says");
_Static_assert(sizeof(struct link_stream_key) == LINK_STREAM_KEY_BYTES + LINK_STREAM_HEADER_BYTES, "no padding");

const char LINK_REASON_SELF[] = "the other end is this node itself";
const char LINK_REASON_COPY[] = "the other end has this node's identity: one of the two is a copy";
const char LINK_REASON_CLUSTER[] = "the other end is a member of another cluster";
const char LINK_REASON_VERSION[] = "the other end speaks no version that is spoken here";
const char LINK_REASON_SECRET[] = "the other end does not have the cluster secret";
const char LINK_REASON_NO_SECRET[] = "this node has no cluster secret";
const char LINK_REASON_SEAL[] = "bytes were changed under way";
const char LINK_REASON_KEY[] = "the other end sent a key that keeps no secret";
const char LINK_REASON_IDENTITY[] = "the other end is not the node it says it is";
const char LINK_REASON_SHAPE[] = "the other end sent what does not occur";
const char LINK_REASON_SIZE[] = "the other end sent more than is allowed";
const char LINK_REASON_MEMORY[] = "there is no memory for what came";
const char LINK_REASON_LATE[] = "the handshake took too long";

static const char NAME[] = "skerry link 1";
static const char SIGNED_BY_LISTENER[] = "skerry link 1 listener";
static const char SIGNED_BY_DIALLER[] = "skerry link 1 dialler";

/* --- the schedule of keys ------------------------------------------------------------------------------- */

/* BLAKE2b of first ‖ second, `out_bytes` long; keyed unless `key` is NULL. */
static void blake(const uint8_t *key, struct span first, struct span second, uint8_t *out, size_t out_bytes)
{
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, key, key == NULL ? 0 : LINK_HASH_BYTES, out_bytes);
    crypto_generichash_blake2b_update(&state, first.bytes, first.length);
    crypto_generichash_blake2b_update(&state, second.bytes, second.length);
    crypto_generichash_blake2b_final(&state, out, out_bytes);
    sodium_memzero(&state, sizeof state);
}

/* All that was said and done before, and now `bytes`. */
static void say(struct link_handshake *handshake, const void *bytes, size_t length)
{
    blake(NULL, span_of(handshake->transcript, LINK_HASH_BYTES), span_of(bytes, length), handshake->transcript,
          LINK_HASH_BYTES);
}

/* A key (or two) for one purpose at this place of the transcript. */
static void derive(const struct link_handshake *handshake, const char *purpose, uint8_t *out, size_t out_bytes)
{
    blake(handshake->chain, span_text(purpose), span_of(handshake->transcript, LINK_HASH_BYTES), out, out_bytes);
}

static void begin_chain(struct link_handshake *handshake, const uint8_t secret[LINK_SECRET_BYTES])
{
    _Static_assert((int)LINK_SECRET_BYTES == (int)LINK_HASH_BYTES, "the secret is a key of the hash");
    blake(secret, span_text(NAME), (struct span){0}, handshake->chain, LINK_HASH_BYTES);
}

/* Mix in what both ephemeral keys have in common. False for a key of low order: then that is known to everybody.
 */
static bool mix_exchange(struct link_handshake *handshake, const uint8_t *their_key)
{
    uint8_t shared[KEY_BYTES];
    bool is_good = crypto_scalarmult_curve25519(shared, handshake->ephemeral, their_key) == 0;
    blake(handshake->chain, span_of(shared, sizeof shared), span_of(handshake->transcript, LINK_HASH_BYTES),
          handshake->chain, LINK_HASH_BYTES);
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(handshake->ephemeral, sizeof handshake->ephemeral);
    return is_good;
}

static void derive_streams(struct link_handshake *handshake, bool is_dialler)
{
    struct link_stream_key *of_dialler = is_dialler ? &handshake->send : &handshake->receive;
    struct link_stream_key *of_listener = is_dialler ? &handshake->receive : &handshake->send;
    derive(handshake, "dialler's frames", (uint8_t *)of_dialler, sizeof *of_dialler);
    derive(handshake, "listener's frames", (uint8_t *)of_listener, sizeof *of_listener);
    sodium_memzero(handshake->chain, sizeof handshake->chain);
    handshake->step = LINK_HANDSHAKE_DONE;
}

/* --- sealing -------------------------------------------------------------------------------------------- */

static const uint8_t NO_NONCE[crypto_aead_chacha20poly1305_ietf_NPUBBYTES]; /* every key seals once */

/* Append `plain`, sealed, to what is to be written, and say it. */
static void seal(struct link_handshake *handshake, const char *purpose, const uint8_t *plain, size_t length)
{
    uint8_t key[KEY_BYTES];
    uint8_t *box = handshake->out + handshake->out_bytes;
    derive(handshake, purpose, key, sizeof key);
    crypto_aead_chacha20poly1305_ietf_encrypt(box, NULL, plain, length, handshake->transcript, LINK_HASH_BYTES,
                                              NULL, NO_NONCE, key);
    sodium_memzero(key, sizeof key);
    handshake->out_bytes += length + TAG_BYTES;
    assert(handshake->out_bytes <= sizeof handshake->out);
    say(handshake, box, length + TAG_BYTES);
}

/* Open `box` into `plain` (`length`) and say it; false, and nothing said, when it was not sealed here. */
static bool open_box(struct link_handshake *handshake, const char *purpose, const uint8_t *box, uint8_t *plain,
                     size_t length)
{
    uint8_t key[KEY_BYTES];
    derive(handshake, purpose, key, sizeof key);
    bool is_open = crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, box, length + TAG_BYTES,
                                                             handshake->transcript, LINK_HASH_BYTES, NO_NONCE,
                                                             key) == 0;
    sodium_memzero(key, sizeof key);
    if (is_open) say(handshake, box, length + TAG_BYTES);
    return is_open;
}

/* --- who one is ----------------------------------------------------------------------------------------- */

static const uint8_t *own_id(const struct link_identity *identity)
{
    return identity->node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

static void put_offer(uint8_t *bytes, struct link_offer offer)
{
    wire_store_u64(bytes, (uint64_t)offer.version << 32 | offer.version_min);
    wire_store_u64(bytes + 8, offer.capabilities);
}

static void put_self(uint8_t *bytes, const struct link_identity *identity)
{
    bytes[0] = identity->is_member;
    memcpy(bytes + 1, identity->cluster_id, LINK_CLUSTER_ID_BYTES);
    wire_store_u64(bytes + SELF_BOOT_AT, identity->boot);
    memcpy(bytes + SELF_ID_AT, own_id(identity), LINK_NODE_ID_BYTES);
}

/* label ‖ transcript ‖ fields: what a signature is over. The label says which end signed. */
static size_t put_signed(uint8_t bytes[SIGNED_BYTES_MAX], const uint8_t transcript[LINK_HASH_BYTES],
                         const char *label, const uint8_t *fields, size_t fields_bytes)
{
    size_t label_bytes = strlen(label);
    assert(label_bytes + LINK_HASH_BYTES + fields_bytes <= SIGNED_BYTES_MAX);
    memcpy(bytes, label, label_bytes);
    memcpy(bytes + label_bytes, transcript, LINK_HASH_BYTES);
    memcpy(bytes + label_bytes + LINK_HASH_BYTES, fields, fields_bytes);
    return label_bytes + LINK_HASH_BYTES + fields_bytes;
}

/* The signature goes behind the fields. */
static void sign(const struct link_handshake *handshake, const struct link_identity *identity, const char *label,
                 uint8_t *fields, size_t fields_bytes)
{
    uint8_t bytes[SIGNED_BYTES_MAX];
    size_t length = put_signed(bytes, handshake->transcript, label, fields, fields_bytes);
    crypto_sign_ed25519_detached(fields + fields_bytes, NULL, bytes, length, identity->node_key);
}

/* `transcript`: as it was when the other end signed. */
static bool verify(const uint8_t transcript[LINK_HASH_BYTES], const char *label, const uint8_t *fields,
                   size_t fields_bytes)
{
    uint8_t bytes[SIGNED_BYTES_MAX];
    size_t length = put_signed(bytes, transcript, label, fields, fields_bytes);
    const uint8_t *node_id = fields + fields_bytes - LINK_NODE_ID_BYTES; /* the last field */
    return crypto_sign_ed25519_verify_detached(fields + fields_bytes, bytes, length, node_id) == 0;
}

/* Take over what the other end can: the highest version that both speak. */
static const char *take_offer(struct link_handshake *handshake, const uint8_t *bytes)
{
    const struct link_offer *own = &handshake->offer;
    uint32_t highest = (uint32_t)(wire_load_u64(bytes) >> 32);
    uint32_t lowest = (uint32_t)wire_load_u64(bytes);
    handshake->peer.version = highest < own->version ? highest : own->version;
    handshake->peer.capabilities = wire_load_u64(bytes + 8) & own->capabilities;
    bool is_spoken = handshake->peer.version >= lowest && handshake->peer.version >= own->version_min;
    return is_spoken && lowest > 0 ? NULL : LINK_REASON_VERSION;
}

/* Take over who the other end proved to be, and say whether such a one is refused. */
static const char *take_self(struct link_handshake *handshake, const struct link_identity *identity,
                             const uint8_t *bytes)
{
    struct link_peer *peer = &handshake->peer;
    if (bytes[0] > 1) return LINK_REASON_SHAPE;
    peer->is_member = bytes[0] == 1;
    memcpy(peer->cluster_id, bytes + 1, LINK_CLUSTER_ID_BYTES);
    memcpy(peer->node_id, bytes + SELF_ID_AT, LINK_NODE_ID_BYTES);
    bool is_our_id = memcmp(peer->node_id, own_id(identity), LINK_NODE_ID_BYTES) == 0;
    if (is_our_id)
        return wire_load_u64(bytes + SELF_BOOT_AT) == identity->boot ? LINK_REASON_SELF : LINK_REASON_COPY;
    bool is_same = memcmp(peer->cluster_id, identity->cluster_id, LINK_CLUSTER_ID_BYTES) == 0;
    if (!is_same && peer->is_member && identity->is_member) return LINK_REASON_CLUSTER;
    return NULL;
}

/* --- the three messages --------------------------------------------------------------------------------- */

static void write_hello(struct link_handshake *handshake)
{
    uint8_t offer[OFFER_BYTES];
    handshake->out[0] = SHAPE;
    memcpy(handshake->out + 1, handshake->ephemeral_key, KEY_BYTES);
    handshake->out_bytes = 1 + KEY_BYTES;
    say(handshake, handshake->out, handshake->out_bytes);
    put_offer(offer, handshake->offer);
    seal(handshake, "hello", offer, sizeof offer);
}

static bool write_answer(struct link_handshake *handshake, const struct link_identity *identity,
                         const uint8_t *their_key)
{
    uint8_t plain[ANSWER_PLAIN_BYTES];
    crypto_scalarmult_curve25519_base(handshake->ephemeral_key, handshake->ephemeral);
    memcpy(handshake->out, handshake->ephemeral_key, KEY_BYTES);
    handshake->out_bytes = KEY_BYTES;
    say(handshake, handshake->ephemeral_key, KEY_BYTES);
    if (!mix_exchange(handshake, their_key)) return false;
    put_offer(plain, handshake->offer);
    put_self(plain + OFFER_BYTES, identity);
    sign(handshake, identity, SIGNED_BY_LISTENER, plain, OFFER_BYTES + SELF_BYTES);
    seal(handshake, "answer", plain, sizeof plain);
    return true;
}

static void write_proof(struct link_handshake *handshake, const struct link_identity *identity)
{
    uint8_t plain[PROOF_PLAIN_BYTES];
    put_self(plain, identity);
    sign(handshake, identity, SIGNED_BY_DIALLER, plain, SELF_BYTES);
    handshake->out_bytes = 0;
    seal(handshake, "proof", plain, sizeof plain);
}

static const char *read_shape(struct link_handshake *handshake, const uint8_t *message)
{
    if (message[0] != SHAPE) return LINK_REASON_VERSION;
    handshake->step = LINK_HANDSHAKE_HELLO;
    return NULL;
}

/* Which of our secrets sealed it? */
static bool find_secret(struct link_handshake *handshake, const struct link_identity *identity, const uint8_t *box,
                        uint8_t offer[OFFER_BYTES])
{
    for (uint32_t i = 0; i < identity->secrets_count; i++) {
        begin_chain(handshake, identity->secrets[i]);
        handshake->peer.secret_index = i;
        if (open_box(handshake, "hello", box, offer, OFFER_BYTES)) return true;
    }
    return false;
}

/* `message` begins behind the shape. */
static const char *read_hello(struct link_handshake *handshake, const struct link_identity *identity,
                              const uint8_t *message)
{
    uint8_t said[1 + KEY_BYTES] = {SHAPE};
    uint8_t offer[OFFER_BYTES];
    memcpy(said + 1, message, KEY_BYTES);
    say(handshake, said, sizeof said);
    if (!find_secret(handshake, identity, message + KEY_BYTES, offer)) return LINK_REASON_SECRET;
    if (!write_answer(handshake, identity, message)) return LINK_REASON_KEY;
    handshake->step = LINK_HANDSHAKE_PROOF;
    return take_offer(handshake, offer); /* when there is no version in common, the other end learns so, too */
}

static const char *read_answer(struct link_handshake *handshake, const struct link_identity *identity,
                               const uint8_t *message)
{
    uint8_t plain[ANSWER_PLAIN_BYTES];
    say(handshake, message, KEY_BYTES);
    if (!mix_exchange(handshake, message)) return LINK_REASON_KEY;
    uint8_t before[LINK_HASH_BYTES];
    memcpy(before, handshake->transcript, sizeof before);
    if (!open_box(handshake, "answer", message + KEY_BYTES, plain, sizeof plain)) return LINK_REASON_SEAL;
    if (!verify(before, SIGNED_BY_LISTENER, plain, OFFER_BYTES + SELF_BYTES)) return LINK_REASON_IDENTITY;
    const char *reason = take_self(handshake, identity, plain + OFFER_BYTES);
    if (reason == NULL) reason = take_offer(handshake, plain);
    if (reason != NULL) return reason;
    write_proof(handshake, identity);
    derive_streams(handshake, true);
    return NULL;
}

static const char *read_proof(struct link_handshake *handshake, const struct link_identity *identity,
                              const uint8_t *message)
{
    uint8_t plain[PROOF_PLAIN_BYTES];
    uint8_t before[LINK_HASH_BYTES];
    memcpy(before, handshake->transcript, sizeof before);
    if (!open_box(handshake, "proof", message, plain, sizeof plain)) return LINK_REASON_SEAL;
    if (!verify(before, SIGNED_BY_DIALLER, plain, SELF_BYTES)) return LINK_REASON_IDENTITY;
    const char *reason = take_self(handshake, identity, plain);
    if (reason == NULL) derive_streams(handshake, false);
    return reason;
}

/* --- the life of one ------------------------------------------------------------------------------------ */

void link_handshake_init(struct link_handshake *handshake, const struct link_identity *identity, bool is_dialler,
                         struct link_offer offer, struct prng *prng)
{
    *handshake = (struct link_handshake){.offer = offer};
    prng_bytes(prng, handshake->ephemeral, sizeof handshake->ephemeral);
    blake(NULL, span_text(NAME), (struct span){0}, handshake->transcript, LINK_HASH_BYTES);
    handshake->step = is_dialler ? LINK_HANDSHAKE_ANSWER : LINK_HANDSHAKE_SHAPE;
    if (!is_dialler) return; /* a listener computes nothing before the other end has the secret */
    assert(identity->secrets_count > 0);
    crypto_scalarmult_curve25519_base(handshake->ephemeral_key, handshake->ephemeral);
    begin_chain(handshake, identity->secrets[0]);
    write_hello(handshake);
}

size_t link_handshake_wanted(const struct link_handshake *handshake)
{
    static const size_t bytes[] = {
        [LINK_HANDSHAKE_SHAPE] = 1,
        [LINK_HANDSHAKE_HELLO] = LINK_HELLO_BYTES - 1,
        [LINK_HANDSHAKE_ANSWER] = LINK_ANSWER_BYTES,
        [LINK_HANDSHAKE_PROOF] = LINK_PROOF_BYTES,
        [LINK_HANDSHAKE_DONE] = 0,
    };
    return bytes[handshake->step];
}

static const char *read_step(struct link_handshake *handshake, const struct link_identity *identity,
                             const uint8_t *message)
{
    const char *reason = NULL;
    switch (handshake->step) {
    case LINK_HANDSHAKE_SHAPE: reason = read_shape(handshake, message); break;
    case LINK_HANDSHAKE_HELLO: reason = read_hello(handshake, identity, message); break;
    case LINK_HANDSHAKE_ANSWER: reason = read_answer(handshake, identity, message); break;
    case LINK_HANDSHAKE_PROOF: reason = read_proof(handshake, identity, message); break;
    case LINK_HANDSHAKE_DONE: assert(false); /* it wants nothing more */
    }
    return reason;
}

const char *link_handshake_read(struct link_handshake *handshake, const struct link_identity *identity,
                                const uint8_t *message)
{
    const char *reason = read_step(handshake, identity, message);
    if (reason == NULL) return NULL;
    struct link_handshake over = {.step = LINK_HANDSHAKE_DONE, .peer = handshake->peer};
    if (reason == LINK_REASON_VERSION && handshake->step == LINK_HANDSHAKE_PROOF) { /* it has answered */
        over.out_bytes = handshake->out_bytes;
        memcpy(over.out, handshake->out, over.out_bytes);
    }
    link_handshake_wipe(handshake);
    *handshake = over;
    return reason;
}

void link_handshake_wipe(struct link_handshake *handshake)
{
    sodium_memzero(handshake, sizeof *handshake);
}
