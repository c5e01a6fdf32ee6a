/* Handshakes that somebody else had his hands in, and ends that lie: nobody gets in (H12, H25). */
#include "tests/node/core/link_ready.h"

#include <sodium.h>

/* --- bytes that were changed ------------------------------------------------------------------------------ */

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int end = 0; end < 2; end++) {
        struct tape *tape = &two.tapes[1 - end];
        for (size_t bit = 0; bit < 8 * tape->length; bit++) {
            struct link link;
            tape->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(two_hear(&two, end, tape_span(tape), &link), LINK_REFUSED);
            assert_true(link.reason == LINK_REASON_SEAL || link.reason == LINK_REASON_SECRET ||
                        link.reason == LINK_REASON_VERSION);
            tape->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            link_deinit(&link);
        }
    }
    two_deinit(&two);
}

/* A bit of HELLO that turned under way: the listener says nothing at all. */
static void nothing_is_said_to_who_has_not_the_secret(void **state)
{
    (void)state;
    struct two two = two_members();
    memset(two.ids[0].secrets[0], (ENDS_SECRET + 1), LINK_SECRET_BYTES);
    two_shake(&two);
    expect_refused(&two.links[1], LINK_REASON_SECRET);
    assert_int_equal(two.tapes[1].length, 0);
    assert_false(link_is_ready(&two.links[0]));
    two_deinit(&two);
}

static void strangers_are_refused_at_their_first_byte(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(2, ENDS_CLUSTER, true, ENDS_SECRET);
    for (int first = 0; first < 256; first++) {
        struct link link = ends_open(&identity, false, ENDS_SEED_LISTENER);
        uint8_t byte = (uint8_t)first;
        enum link_verdict verdict = ends_give(&link, span_of(&byte, 1));
        assert_int_equal(verdict, first == 1 ? LINK_MORE : LINK_REFUSED);
        if (first != 1) expect_refused(&link, LINK_REASON_VERSION);
        link_deinit(&link);
    }
}

static void a_recording_is_refused(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int end = 0; end < 2; end++) {
        struct link link = ends_open(&two.ids[end], end == 0, 99); /* an ephemeral key of its own */
        assert_int_equal(ends_give(&link, tape_span(&two.tapes[1 - end])), LINK_REFUSED);
        expect_refused(&link, LINK_REASON_SEAL);
        link_deinit(&link);
    }
    two_deinit(&two);
}

static void what_one_said_oneself_is_refused(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int end = 0; end < 2; end++) {
        struct link link;
        struct tape own = {0};
        for (int i = 0; i < 3; i++)
            tape_add(&own, two.tapes[end].bytes, two.tapes[end].length);
        assert_int_equal(two_hear(&two, end, tape_span(&own), &link), LINK_REFUSED);
        assert_true(link.reason == LINK_REASON_SEAL || link.reason == LINK_REASON_VERSION);
        link_deinit(&link);
        tape_deinit(&own);
    }
    two_deinit(&two);
}

/* A dialler that speaks to another dialler, or a listener to a listener: an ANSWER is no HELLO. */
static void two_of_one_role_do_not_agree(void **state)
{
    (void)state;
    struct two two = two_members();
    two.links[0] = ends_open(&two.ids[0], true, ENDS_SEED_DIALLER);
    two.links[1] = ends_open(&two.ids[1], true, ENDS_SEED_LISTENER);
    ends_shake(&two.links[0], &two.links[1], two.tapes);
    assert_false(link_is_ready(&two.links[0]) || link_is_ready(&two.links[1]));
    two_deinit(&two);
}

/* --- who has the secret and lies ---------------------------------------------------------------------------- */

/* H12: the name of another, with a key of one's own. */
static void nobody_speaks_for_another(void **state)
{
    (void)state;
    struct link_identity third = ends_identity(3, ENDS_CLUSTER, true, ENDS_SECRET);
    for (int liar = 0; liar < 2; liar++) {
        struct two two = two_members();
        struct link *victim = &two.links[1 - liar];
        memcpy(two.ids[liar].node_key + 32, ends_id(&third), LINK_NODE_ID_BYTES);
        two_shake(&two);
        expect_refused(victim, LINK_REASON_IDENTITY);
        assert_int_equal(victim->peer.node_id[0], 0);
        two_deinit(&two);
    }
}

/* HELLO, written a second time: with any key, and any versions (the highest and the lowest as one). */
static void make_hello(const struct link_identity *identity, const uint8_t key[32], uint64_t versions,
                       uint8_t *hello)
{
    static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    static const char name[] = "skerry link 1";
    uint8_t said[32 + 1 + 32], chain[32], purpose[5 + 32] = "hello", box_key[32], offer[16] = {0};
    hello[0] = 1;
    memcpy(hello + 1, key, 32);
    crypto_generichash(said, 32, (const uint8_t *)name, sizeof name - 1, NULL, 0);
    memcpy(said + 32, hello, 33);
    crypto_generichash(purpose + 5, 32, said, sizeof said, NULL, 0);
    crypto_generichash(chain, 32, (const uint8_t *)name, sizeof name - 1, identity->secrets[0], 32);
    crypto_generichash(box_key, 32, purpose, sizeof purpose, chain, 32);
    for (int i = 0; i < 8; i++)
        offer[i] = (uint8_t)(versions >> (56 - 8 * i));
    crypto_aead_chacha20poly1305_ietf_encrypt(hello + 33, NULL, offer, sizeof offer, purpose + 5, 32, NULL, nonce,
                                              box_key);
}

static struct link hear_hello(const struct link_identity *identity, const uint8_t key[32], uint64_t versions)
{
    uint8_t hello[LINK_HELLO_BYTES];
    struct link link = ends_open(identity, false, ENDS_SEED_LISTENER);
    make_hello(identity, key, versions, hello);
    ends_give(&link, span_of(hello, sizeof hello));
    return link;
}

/* RFC 7748, section 6.1: all of these give zeros with every secret key. */
static const uint8_t low_order[][32] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
     0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
     0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

#define VERSIONS ((uint64_t)LINK_VERSION << 32 | LINK_VERSION_MIN)

static void keys_of_low_order_are_refused(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(2, ENDS_CLUSTER, true, ENDS_SECRET);
    for (size_t i = 0; i < 2 * (sizeof low_order / sizeof low_order[0]); i++) {
        uint8_t key[LINK_ANSWER_BYTES] = {0};
        memcpy(key, low_order[i / 2], 32);
        if (i % 2 == 1) key[31] |= 0x80; /* the highest bit says nothing */
        struct link link = hear_hello(&identity, key, VERSIONS);
        expect_refused(&link, LINK_REASON_KEY);
        link_deinit(&link);
        link = ends_open(&identity, true, ENDS_SEED_DIALLER);
        assert_int_equal(ends_give(&link, span_of(key, sizeof key)), LINK_REFUSED);
        assert_ptr_equal(link.reason, LINK_REASON_KEY);
        link_deinit(&link);
    }
}

static void a_version_that_is_not_known_is_refused_and_a_later_one_is_not(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(2, ENDS_CLUSTER, true, ENDS_SECRET);
    const uint8_t key[32] = {9}; /* the base point */
    const uint64_t versions[] = {VERSIONS,
                                 UINT64_C(1) << 32 | VERSIONS,               /* one more */
                                 (uint64_t)UINT32_MAX << 32 | VERSIONS,      /* all there will be */
                                 0,                                          /* none */
                                 (uint64_t)LINK_VERSION << 32,               /* no lowest one */
                                 (uint64_t)(LINK_VERSION + 1) * 0x100000001, /* the next only */
                                 UINT64_MAX};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct tape tape = {0};
        struct link link = hear_hello(&identity, key, versions[i]);
        assert_ptr_equal(link.reason, i < 3 ? NULL : LINK_REASON_VERSION);
        assert_int_equal(ends_write(&link, &tape, ENDS_NOW_MS), LINK_ANSWER_BYTES); /* it says which ones it is */
        if (i >= 3) expect_refused(&link, LINK_REASON_VERSION);
        tape_deinit(&tape);
        link_deinit(&link);
    }
}

/* PROOF, written a second time: sealed and signed as it should be, with any byte where 0 or 1 is due. */
static void make_proof(const struct link_handshake *listener, const struct link_identity *dialler, uint8_t member,
                       uint8_t *proof)
{
    static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    static const char label[] = "skerry link 1 dialler";
    uint8_t plain[1 + 16 + 8 + 32 + 64] = {member}, said[sizeof label - 1 + 32 + 57], purpose[5 + 32] = "proof",
                                    key[32];
    memcpy(plain + 1, dialler->cluster_id, LINK_CLUSTER_ID_BYTES);
    memcpy(plain + 25, ends_id(dialler), LINK_NODE_ID_BYTES);
    memcpy(said, label, sizeof label - 1);
    memcpy(said + sizeof label - 1, listener->transcript, 32);
    memcpy(said + sizeof label - 1 + 32, plain, 57);
    crypto_sign_detached(plain + 57, NULL, said, sizeof said, dialler->node_key);
    memcpy(purpose + 5, listener->transcript, 32);
    crypto_generichash(key, 32, purpose, sizeof purpose, listener->chain, 32);
    crypto_aead_chacha20poly1305_ietf_encrypt(proof, NULL, plain, sizeof plain, listener->transcript, 32, NULL,
                                              nonce, key);
}

static void a_member_byte_that_does_not_occur_is_refused(void **state)
{
    (void)state;
    struct two two = two_members();
    for (int member = 0; member < 256; member++) {
        struct link_handshake ends[2];
        uint8_t proof[LINK_PROOF_BYTES];
        for (int i = 0; i < 2; i++) {
            struct prng prng = ends_prng((uint8_t)(i + 1));
            link_handshake_init(&ends[i], &two.ids[i], i == 0,
                                (struct link_offer){LINK_VERSION_MIN, LINK_VERSION, 0}, &prng);
        }
        assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out));
        assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out + 1));
        make_proof(&ends[1], &two.ids[0], (uint8_t)member, proof);
        assert_ptr_equal(link_handshake_read(&ends[1], &two.ids[1], proof), member < 2 ? NULL : LINK_REASON_SHAPE);
        if (member < 2) assert_int_equal(ends[1].peer.is_member, member);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(nothing_is_said_to_who_has_not_the_secret),
        cmocka_unit_test(strangers_are_refused_at_their_first_byte),
        cmocka_unit_test(a_recording_is_refused),
        cmocka_unit_test(what_one_said_oneself_is_refused),
        cmocka_unit_test(two_of_one_role_do_not_agree),
        cmocka_unit_test(nobody_speaks_for_another),
        cmocka_unit_test(a_member_byte_that_does_not_occur_is_refused),
        cmocka_unit_test(keys_of_low_order_are_refused),
        cmocka_unit_test(a_version_that_is_not_known_is_refused_and_a_later_one_is_not),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
