/* The handshake of links: who gets in, and that nobody else does (H12, H13, H25). */
#include "tests/lib/check.h"
#include "tests/node/core/link_ends.h"

#include <sodium.h>

enum {
    NODE_A = 1,
    NODE_B = 2,
    CLUSTER = 10,
    OTHER_CLUSTER = 11,
    SECRET = 20,
    OTHER_SECRET = 21,
    SEED_A = 30,
    SEED_B
};

/* Two members of one cluster, a link between them, and all that is said until both are ready. */
struct two {
    struct link_identity ids[2]; /* of the dialler, of the listener */
    struct link links[2];
    struct tape tapes[2];
};

static struct two two_members(void)
{
    struct two two = {
        .ids = {ends_identity(NODE_A, CLUSTER, true, SECRET), ends_identity(NODE_B, CLUSTER, true, SECRET)}};
    return two;
}

static void two_open(struct two *two)
{
    two->links[0] = ends_open(&two->ids[0], true, SEED_A);
    two->links[1] = ends_open(&two->ids[1], false, SEED_B);
}

static void two_shake(struct two *two)
{
    two_open(two);
    ends_shake(&two->links[0], &two->links[1], two->tapes);
}

static void two_deinit(struct two *two)
{
    for (int i = 0; i < 2; i++) {
        link_deinit(&two->links[i]);
        tape_deinit(&two->tapes[i]);
    }
}

static void expect_refused(struct link *link, const char *reason)
{
    struct tape tape = {0};
    size_t taken = 1;
    assert_false(link_is_ready(link));
    assert_string_equal(link->reason, reason);
    assert_ptr_equal(link->reason, reason);
    assert_int_equal(link_read(link, span_text("more"), &taken, ENDS_NOW_MS), LINK_REFUSED);
    assert_int_equal(taken, 0);
    assert_int_equal(ends_write(link, &tape, ENDS_NOW_MS), 0);
    assert_true(link_deadline_ms(link) == UINT64_MAX && !link_tick(link, ENDS_NOW_MS));
    tape_deinit(&tape);
}

/* --- in order --------------------------------------------------------------------------------------------- */

static void both_ends_learn_who_the_other_is(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int i = 0; i < 2; i++) {
        const struct link_peer *peer = &two.links[i].peer;
        assert_true(link_is_ready(&two.links[i]));
        assert_memory_equal(peer->node_id, ends_id(&two.ids[1 - i]), LINK_NODE_ID_BYTES);
        assert_memory_equal(peer->cluster_id, two.ids[0].cluster_id, LINK_CLUSTER_ID_BYTES);
        assert_true(peer->is_member && peer->version == LINK_VERSION && peer->capabilities == LINK_CAPABILITIES);
        assert_int_equal(peer->secret_index, 0);
    }
    assert_int_equal(two.tapes[0].length, LINK_HELLO_BYTES + LINK_PROOF_BYTES);
    assert_int_equal(two.tapes[1].length, LINK_ANSWER_BYTES);
    two_deinit(&two);
}

static void cutting_does_not_change_a_handshake(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (size_t step = 1; step < 200; step++) {
        struct two again = two_members();
        two_open(&again);
        for (int to = 0; to < 2; to++) {
            struct span all = tape_span(&two.tapes[1 - to]);
            size_t at = 0;
            assert_int_equal(ends_read(&again.links[to], all, &at, step, ENDS_NOW_MS), LINK_READY);
            assert_int_equal(at, all.length);
        }
        two_deinit(&again);
    }
    two_deinit(&two);
}

/* Does a fresh link that hears `bytes` get ready? Its seed is as in `two`, so the right bytes fit. */
static enum link_verdict hear(const struct two *two, int end, struct span bytes, struct link *link)
{
    *link = ends_open(&two->ids[end], end == 0, end == 0 ? SEED_A : SEED_B);
    return ends_give(link, bytes);
}

static void a_handshake_that_is_cut_short_waits_and_ends_with_its_deadline(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int end = 0; end < 2; end++) {
        for (size_t length = 0; length < two.tapes[1 - end].length; length++) {
            struct link link;
            assert_int_equal(hear(&two, end, span_of(two.tapes[1 - end].bytes, length), &link), LINK_MORE);
            assert_false(link_is_ready(&link));
            assert_int_equal(link_deadline_ms(&link), ENDS_NOW_MS + LINK_HANDSHAKE_MS);
            assert_true(link_tick(&link, link_deadline_ms(&link) - 1));
            assert_false(link_tick(&link, link_deadline_ms(&link)));
            expect_refused(&link, LINK_REASON_LATE);
            link_deinit(&link);
        }
    }
    two_deinit(&two);
}

static void bytes_that_come_late_are_refused_without_a_tick(void **state)
{
    (void)state;
    struct two two = two_members();
    size_t at = 0;
    two_shake(&two);
    struct link link = ends_open(&two.ids[1], false, SEED_B);
    assert_int_equal(ends_read(&link, tape_span(&two.tapes[0]), &at, 0, ENDS_NOW_MS + LINK_HANDSHAKE_MS),
                     LINK_REFUSED);
    expect_refused(&link, LINK_REASON_LATE);
    link_deinit(&link);
    two_deinit(&two);
}

static void nobody_sees_who_speaks(void **state)
{
    (void)state;
    struct two two = two_members();
    two_shake(&two);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            const struct tape *tape = &two.tapes[i];
            assert_null(memmem(tape->bytes, tape->length, ends_id(&two.ids[j]), 8));
            assert_null(memmem(tape->bytes, tape->length, two.ids[j].cluster_id, 8));
        }
    }
    two_deinit(&two);
}

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
            assert_int_equal(hear(&two, end, tape_span(tape), &link), LINK_REFUSED);
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
    memset(two.ids[0].secrets[0], OTHER_SECRET, LINK_SECRET_BYTES);
    two_shake(&two);
    expect_refused(&two.links[1], LINK_REASON_SECRET);
    assert_int_equal(two.tapes[1].length, 0);
    assert_false(link_is_ready(&two.links[0]));
    two_deinit(&two);
}

static void strangers_are_refused_at_their_first_byte(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(NODE_B, CLUSTER, true, SECRET);
    for (int first = 0; first < 256; first++) {
        struct link link = ends_open(&identity, false, SEED_B);
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
        assert_int_equal(hear(&two, end, tape_span(&own), &link), LINK_REFUSED);
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
    two.links[0] = ends_open(&two.ids[0], true, SEED_A);
    two.links[1] = ends_open(&two.ids[1], true, SEED_B);
    ends_shake(&two.links[0], &two.links[1], two.tapes);
    assert_false(link_is_ready(&two.links[0]) || link_is_ready(&two.links[1]));
    two_deinit(&two);
}

/* --- secrets ---------------------------------------------------------------------------------------------- */

static void either_of_two_secrets_is_good_during_a_rotation(void **state)
{
    (void)state;
    for (int dialled = 0; dialled < 2; dialled++) {
        for (int order = 0; order < 2; order++) {
            struct two two = two_members();
            memset(two.ids[0].secrets[0], dialled == 0 ? SECRET : OTHER_SECRET, LINK_SECRET_BYTES);
            memset(two.ids[1].secrets[order], SECRET, LINK_SECRET_BYTES);
            memset(two.ids[1].secrets[1 - order], OTHER_SECRET, LINK_SECRET_BYTES);
            two.ids[1].secrets_count = 2;
            two_shake(&two);
            assert_true(link_is_ready(&two.links[0]) && link_is_ready(&two.links[1]));
            assert_int_equal(two.links[1].peer.secret_index, dialled ^ order);
            two_deinit(&two);
        }
    }
}

static void only_the_first_secret_is_dialled_with(void **state)
{
    (void)state;
    struct two two = two_members();
    memset(two.ids[0].secrets[0], OTHER_SECRET, LINK_SECRET_BYTES);
    memset(two.ids[0].secrets[1], SECRET, LINK_SECRET_BYTES);
    two.ids[0].secrets_count = 2;
    two_shake(&two);
    expect_refused(&two.links[1], LINK_REASON_SECRET);
    two_deinit(&two);
}

static void without_a_secret_there_are_no_links(void **state)
{
    (void)state;
    for (int is_dialler = 0; is_dialler < 2; is_dialler++) {
        struct link_identity identity = ends_identity(NODE_A, CLUSTER, true, SECRET);
        identity.secrets_count = 0;
        struct link link = ends_open(&identity, is_dialler == 1, SEED_A);
        expect_refused(&link, LINK_REASON_NO_SECRET);
        link_deinit(&link);
    }
}

/* --- clusters --------------------------------------------------------------------------------------------- */

/* H13 */
static void members_of_two_clusters_refuse_each_other(void **state)
{
    (void)state;
    struct two two = two_members();
    memset(two.ids[1].cluster_id, OTHER_CLUSTER, LINK_CLUSTER_ID_BYTES);
    two_shake(&two);
    expect_refused(&two.links[0], LINK_REASON_CLUSTER);
    assert_memory_equal(two.links[0].peer.node_id, ends_id(&two.ids[1]), LINK_NODE_ID_BYTES);
    assert_memory_equal(two.links[0].peer.cluster_id, two.ids[1].cluster_id, LINK_CLUSTER_ID_BYTES);
    assert_int_equal(two.tapes[0].length, LINK_HELLO_BYTES); /* who it is, the dialler did not say */
    two_deinit(&two);
}

static void a_node_that_is_no_member_may_speak_to_any(void **state)
{
    (void)state;
    for (int who = 0; who < 3; who++) {
        struct two two = two_members();
        memset(two.ids[1].cluster_id, OTHER_CLUSTER, LINK_CLUSTER_ID_BYTES);
        two.ids[0].is_member = who == 1;
        two.ids[1].is_member = who == 2;
        two_shake(&two);
        assert_true(link_is_ready(&two.links[0]) && link_is_ready(&two.links[1]));
        assert_int_equal(two.links[0].peer.is_member, two.ids[1].is_member);
        assert_int_equal(two.links[1].peer.is_member, two.ids[0].is_member);
        two_deinit(&two);
    }
}

/* The listener's own look: it has become another since it answered, which no honest dialler could refuse before.
 */
static void answer_then_become(struct link_identity later, const char *reason)
{
    struct two two = two_members();
    struct tape tape = {0};
    memset(two.ids[1].cluster_id, OTHER_CLUSTER, LINK_CLUSTER_ID_BYTES);
    two.ids[1].is_member = false;
    two_open(&two);
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[1], tape_span(&tape)), LINK_MORE);
    tape.length = 0;
    ends_write(&two.links[1], &tape, ENDS_NOW_MS);
    assert_int_equal(ends_give(&two.links[0], tape_span(&tape)), LINK_READY);
    tape.length = 0;
    ends_write(&two.links[0], &tape, ENDS_NOW_MS);
    two.ids[1] = later;
    assert_int_equal(ends_give(&two.links[1], tape_span(&tape)), LINK_REFUSED);
    expect_refused(&two.links[1], reason);
    assert_memory_equal(two.links[1].peer.node_id, ends_id(&two.ids[0]), LINK_NODE_ID_BYTES);
    tape_deinit(&tape);
    two_deinit(&two);
}

static void a_listener_refuses_for_itself(void **state)
{
    (void)state;
    answer_then_become(ends_identity(NODE_B, OTHER_CLUSTER, true, SECRET), LINK_REASON_CLUSTER);
    answer_then_become(ends_identity(NODE_A, CLUSTER, true, SECRET), LINK_REASON_SELF);
}

static void a_node_recognises_that_it_dialled_itself(void **state)
{
    (void)state;
    struct two two = two_members();
    two.ids[1] = two.ids[0];
    two_shake(&two);
    expect_refused(&two.links[0], LINK_REASON_SELF);
    assert_memory_equal(two.links[0].peer.node_id, ends_id(&two.ids[0]), LINK_NODE_ID_BYTES);
    two_deinit(&two);
}

/* --- who has the secret and lies ---------------------------------------------------------------------------- */

/* H12: the name of another, with a key of one's own. */
static void nobody_speaks_for_another(void **state)
{
    (void)state;
    struct link_identity third = ends_identity(3, CLUSTER, true, SECRET);
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

/* HELLO, written a second time: with any key and version. */
static void make_hello(const struct link_identity *identity, const uint8_t key[32], uint64_t version,
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
        offer[i] = (uint8_t)(version >> (56 - 8 * i));
    crypto_aead_chacha20poly1305_ietf_encrypt(hello + 33, NULL, offer, sizeof offer, purpose + 5, 32, NULL, nonce,
                                              box_key);
}

static struct link hear_hello(const struct link_identity *identity, const uint8_t key[32], uint64_t version)
{
    uint8_t hello[LINK_HELLO_BYTES];
    struct link link = ends_open(identity, false, SEED_B);
    make_hello(identity, key, version, hello);
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

static void keys_of_low_order_are_refused(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(NODE_B, CLUSTER, true, SECRET);
    for (size_t i = 0; i < 2 * (sizeof low_order / sizeof low_order[0]); i++) {
        uint8_t key[LINK_ANSWER_BYTES] = {0};
        memcpy(key, low_order[i / 2], 32);
        if (i % 2 == 1) key[31] |= 0x80; /* the highest bit says nothing */
        struct link link = hear_hello(&identity, key, LINK_VERSION);
        expect_refused(&link, LINK_REASON_KEY);
        link_deinit(&link);
        link = ends_open(&identity, true, SEED_A);
        assert_int_equal(ends_give(&link, span_of(key, sizeof key)), LINK_REFUSED);
        assert_ptr_equal(link.reason, LINK_REASON_KEY);
        link_deinit(&link);
    }
}

static void a_version_that_is_not_known_is_refused_and_a_later_one_is_not(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(NODE_B, CLUSTER, true, SECRET);
    const uint8_t key[32] = {9}; /* the base point */
    struct link link = hear_hello(&identity, key, 0);
    expect_refused(&link, LINK_REASON_VERSION);
    link_deinit(&link);
    const uint64_t later[] = {LINK_VERSION, LINK_VERSION + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        struct tape tape = {0};
        link = hear_hello(&identity, key, later[i]);
        assert_int_equal(ends_write(&link, &tape, ENDS_NOW_MS), LINK_ANSWER_BYTES);
        tape_deinit(&tape);
        link_deinit(&link);
    }
}

/* Two handshakes without links, of nodes that say what they can. The dialler's verdict on the answer. */
static const char *shake_offers(struct link_offer offers[2], struct link_handshake ends[2])
{
    struct two two = two_members();
    struct prng prng = ends_prng(SEED_A);
    uint8_t proof[LINK_PROOF_BYTES];
    link_handshake_init(&ends[0], &two.ids[0], true, offers[0], &prng);
    link_handshake_init(&ends[1], &two.ids[1], false, offers[1], &prng);
    assert_int_equal(link_handshake_wanted(&ends[1]), 1);
    assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out));
    assert_null(link_handshake_read(&ends[1], &two.ids[1], ends[0].out + 1));
    const char *reason = link_handshake_read(&ends[0], &two.ids[0], ends[1].out);
    if (reason != NULL) return reason;
    memcpy(proof, ends[0].out, sizeof proof);
    assert_int_equal(ends[0].out_bytes, sizeof proof);
    return link_handshake_read(&ends[1], &two.ids[1], proof);
}

static void both_ends_agree_on_the_lower_version_and_what_both_can(void **state)
{
    (void)state;
    struct link_offer offers[2] = {{7, 0x0a}, {3, 0x06}};
    struct link_handshake ends[2];
    for (int turn = 0; turn < 2; turn++) {
        assert_null(shake_offers(offers, ends));
        for (int i = 0; i < 2; i++) {
            assert_int_equal(link_handshake_wanted(&ends[i]), 0);
            assert_int_equal(ends[i].peer.version, 3);
            assert_int_equal(ends[i].peer.capabilities, 0x02);
        }
        assert_memory_equal(&ends[0].send, &ends[1].receive, sizeof ends[0].send);
        assert_memory_equal(&ends[1].send, &ends[0].receive, sizeof ends[0].send);
        assert_memory_not_equal(&ends[0].send, &ends[0].receive, sizeof ends[0].send);
        offers[0] = offers[1];
        offers[1] = (struct link_offer){7, 0x0a};
    }
}

static void an_answer_of_no_version_is_refused(void **state)
{
    (void)state;
    struct link_offer offers[2] = {{LINK_VERSION, 0}, {0, 0}};
    struct link_handshake ends[2];
    assert_ptr_equal(shake_offers(offers, ends), LINK_REASON_VERSION);
    assert_int_equal(ends[0].out_bytes, 0);
}

/* No key is left where one was. */
static void keys_are_forgotten(void **state)
{
    (void)state;
    struct link_offer offers[2] = {{1, 0}, {1, 0}};
    struct link_handshake ends[2];
    assert_null(shake_offers(offers, ends));
    for (int i = 0; i < 2; i++) {
        assert_true(sodium_is_zero(ends[i].ephemeral, sizeof ends[i].ephemeral));
        assert_true(sodium_is_zero(ends[i].chain, sizeof ends[i].chain));
        link_handshake_wipe(&ends[i]);
        assert_true(sodium_is_zero((const uint8_t *)&ends[i], sizeof ends[i]));
    }
}

/* --- memory ------------------------------------------------------------------------------------------------- */

/* With so much memory: does a link get ready? However little there is, nothing breaks. */
static bool shake_within(size_t bytes, bool is_dialler)
{
    struct two two = two_members();
    struct arena_budget budget = {.ceiling_bytes = bytes};
    struct prng prng = ends_prng(is_dialler ? SEED_A : SEED_B);
    struct link *link = &two.links[is_dialler ? 0 : 1];
    struct link *other = &two.links[is_dialler ? 1 : 0];
    bool is_ready = false;
    *other = ends_open(&two.ids[is_dialler ? 1 : 0], !is_dialler, is_dialler ? SEED_B : SEED_A);
    if (link_init(link, &two.ids[is_dialler ? 0 : 1], is_dialler, &prng, &budget, ENDS_NOW_MS)) {
        ends_shake(&two.links[0], &two.links[1], NULL);
        is_ready = link_is_ready(link);
        if (!is_ready) expect_refused(link, LINK_REASON_MEMORY);
    } else {
        assert_null(link->state);
    }
    two_deinit(&two);
    assert_int_equal(budget.held_bytes, 0);
    return is_ready;
}

static void a_link_without_memory_is_refused(void **state)
{
    (void)state;
    for (int is_dialler = 0; is_dialler < 2; is_dialler++) {
        size_t bytes = 0;
        while (!shake_within(bytes, is_dialler == 1))
            bytes += 1000;
        assert_in_range(bytes, 30000, 100000);
    }
}

/* H25: who has proved nothing takes little. */
static void strangers_take_little_memory(void **state)
{
    (void)state;
    struct link_identity identity = ends_identity(NODE_B, CLUSTER, true, SECRET);
    struct arena_budget budget = {.ceiling_bytes = 1 << 20};
    struct prng prng = ends_prng(SEED_B);
    struct link link;
    assert_true(link_init(&link, &identity, false, &prng, &budget, ENDS_NOW_MS));
    uint8_t hello[LINK_HELLO_BYTES] = {1};
    assert_int_equal(ends_give(&link, span_of(hello, sizeof hello - 1)), LINK_MORE);
    assert_in_range(budget.held_bytes, 1, 2048);
    link_deinit(&link);
    link_deinit(&link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_learn_who_the_other_is),
        cmocka_unit_test(cutting_does_not_change_a_handshake),
        cmocka_unit_test(a_handshake_that_is_cut_short_waits_and_ends_with_its_deadline),
        cmocka_unit_test(bytes_that_come_late_are_refused_without_a_tick),
        cmocka_unit_test(nobody_sees_who_speaks),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(nothing_is_said_to_who_has_not_the_secret),
        cmocka_unit_test(strangers_are_refused_at_their_first_byte),
        cmocka_unit_test(a_recording_is_refused),
        cmocka_unit_test(what_one_said_oneself_is_refused),
        cmocka_unit_test(two_of_one_role_do_not_agree),
        cmocka_unit_test(either_of_two_secrets_is_good_during_a_rotation),
        cmocka_unit_test(only_the_first_secret_is_dialled_with),
        cmocka_unit_test(without_a_secret_there_are_no_links),
        cmocka_unit_test(members_of_two_clusters_refuse_each_other),
        cmocka_unit_test(a_node_that_is_no_member_may_speak_to_any),
        cmocka_unit_test(a_listener_refuses_for_itself),
        cmocka_unit_test(a_node_recognises_that_it_dialled_itself),
        cmocka_unit_test(nobody_speaks_for_another),
        cmocka_unit_test(keys_of_low_order_are_refused),
        cmocka_unit_test(a_version_that_is_not_known_is_refused_and_a_later_one_is_not),
        cmocka_unit_test(both_ends_agree_on_the_lower_version_and_what_both_can),
        cmocka_unit_test(an_answer_of_no_version_is_refused),
        cmocka_unit_test(keys_are_forgotten),
        cmocka_unit_test(a_link_without_memory_is_refused),
        cmocka_unit_test(strangers_take_little_memory),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
