/* Sealed datagrams: from one member, to one member, of one cluster, and for nobody else (H12, H13). */
#include "node/core/packet.h"
#include "tests/lib/check.h"
#include "tests/node/core/link_ends.h"

#include <sodium.h>

enum { NODE_A = 1, NODE_B = 2, NODE_C = 3, CLUSTER = 10, SECRET = 20, NONCE_AT = 1, SENDER_AT = 25, BODY_AT = 57 };

static struct link_identity a, b, c;

static int set_up(void **state)
{
    (void)state;
    a = ends_identity(NODE_A, CLUSTER, true, SECRET);
    b = ends_identity(NODE_B, CLUSTER, true, SECRET);
    c = ends_identity(NODE_C, CLUSTER, true, SECRET);
    return 0;
}

static struct packet_pair pair_of(const struct link_identity *own, const struct link_identity *peer)
{
    struct packet_pair pair;
    assert_true(packet_pair_init(&pair, own, ends_id(peer)));
    return pair;
}

static size_t close_packet(const struct link_identity *from, const struct link_identity *to, struct span body,
                           uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX])
{
    struct packet_pair pair = pair_of(from, to);
    struct prng prng = ends_prng(7);
    return packet_close(from, &pair, ends_id(to), body, &prng, bytes);
}

/* As a node does that takes `to`'s place and looks for the sender among those it knows: `from`. */
static bool open_packet(const struct link_identity *to, const struct link_identity *from, struct span packet,
                        struct span *body)
{
    static uint8_t bytes[PACKET_BODY_BYTES_MAX];
    struct packet_pair pair = pair_of(to, from);
    for (uint32_t i = 0; i < to->secrets_count; i++) {
        uint8_t sender_id[LINK_NODE_ID_BYTES];
        size_t length = 0;
        if (!packet_sender(to, i, packet, sender_id)) return false;
        if (!packet_open(to, i, &pair, ends_id(from), packet, bytes, &length)) continue;
        assert_memory_equal(sender_id, ends_id(from), LINK_NODE_ID_BYTES);
        *body = span_of(bytes, length);
        return true;
    }
    return false;
}

static void packets_of_every_size_are_opened_by_whom_they_are_for(void **state)
{
    (void)state;
    uint8_t body[PACKET_BODY_BYTES_MAX];
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7);
    for (size_t length = 0; length <= sizeof body; length += length < 100 ? 1 : 91) {
        struct span opened = {0};
        size_t packet_bytes = close_packet(&a, &b, span_of(body, length), bytes);
        assert_int_equal(packet_bytes, length + PACKET_OVERHEAD_BYTES);
        assert_true(open_packet(&b, &a, span_of(bytes, packet_bytes), &opened));
        assert_span(opened, span_of(body, length));
    }
    assert_int_equal(close_packet(&a, &b, span_of(body, sizeof body), bytes), LIMITS_DATAGRAM_BYTES_MAX);
}

static void both_nodes_compute_one_pair(void **state)
{
    (void)state;
    struct packet_pair one = pair_of(&a, &b);
    struct packet_pair other = pair_of(&b, &a);
    struct packet_pair third = pair_of(&a, &c);
    assert_memory_equal(&one, &other, sizeof one);
    assert_memory_not_equal(&one, &third, sizeof one);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened;
    struct packet_pair pair = pair_of(&b, &a);
    uint8_t body[PACKET_BODY_BYTES_MAX];
    size_t body_bytes = 0;
    size_t length = close_packet(&a, &b, span_text("a rumour of thirty-two bytes ..."), bytes);
    assert_true(open_packet(&b, &a, span_of(bytes, length), &opened));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(packet_open(&b, 0, &pair, ends_id(&a), span_of(bytes, length), body, &body_bytes));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void packets_that_are_cut_or_too_long_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX + 1] = {0};
    uint8_t body[PACKET_BODY_BYTES_MAX] = {0};
    uint8_t sender_id[LINK_NODE_ID_BYTES];
    struct span opened;
    size_t length = close_packet(&a, &b, span_of(body, sizeof body), bytes);
    for (size_t cut = 0; cut < length; cut += cut < 100 ? 1 : 37)
        assert_false(open_packet(&b, &a, span_of(bytes, cut), &opened));
    assert_true(open_packet(&b, &a, span_of(bytes, length), &opened));
    assert_false(open_packet(&b, &a, span_of(bytes, length + 1), &opened));
    assert_false(packet_sender(&b, 0, span_of(bytes, length + 1), sender_id));
    assert_false(packet_sender(&b, 0, span_of(bytes, PACKET_OVERHEAD_BYTES - 1), sender_id));
    assert_true(packet_sender(&b, 0, span_of(bytes, PACKET_OVERHEAD_BYTES), sender_id));
}

static void another_version_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    uint8_t sender_id[LINK_NODE_ID_BYTES];
    size_t length = close_packet(&a, &b, span_text("hello"), bytes);
    for (int version = 0; version < 256; version++) {
        bytes[0] = (uint8_t)version;
        assert_int_equal(packet_sender(&b, 0, span_of(bytes, length), sender_id), version == PACKET_VERSION);
    }
}

/* H13: one node in two clusters, by accident or not. */
static void another_cluster_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened;
    struct link_identity foreign = ends_identity(NODE_A, CLUSTER + 1, true, SECRET);
    uint8_t sender_id[LINK_NODE_ID_BYTES];
    size_t length = close_packet(&foreign, &b, span_text("hello"), bytes);
    assert_false(open_packet(&b, &a, span_of(bytes, length), &opened));
    assert_true(packet_sender(&b, 0, span_of(bytes, length), sender_id));
    assert_memory_not_equal(sender_id, ends_id(&a), LINK_NODE_ID_BYTES);
}

/* A packet, written a second time: from a, for b by its mask; its body's key is made of what the test likes. */
static size_t make_packet(const struct link_identity *key_of, const struct packet_pair *pair,
                          const uint8_t *sender_id, const uint8_t *receiver_id,
                          uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX])
{
    static const char label[] = "skerry packet 1 body";
    struct {
        uint8_t label[sizeof label - 1], cluster_id[16], pair[32], sender_id[32], receiver_id[32];
    } keyed;
    uint8_t key[32];
    close_packet(&a, &b, span_text("hello"), bytes);
    memcpy(keyed.label, label, sizeof keyed.label);
    memcpy(keyed.cluster_id, key_of->cluster_id, sizeof keyed.cluster_id);
    memcpy(keyed.pair, pair->key, sizeof keyed.pair);
    memcpy(keyed.sender_id, sender_id, sizeof keyed.sender_id);
    memcpy(keyed.receiver_id, receiver_id, sizeof keyed.receiver_id);
    crypto_generichash(key, sizeof key, (const uint8_t *)&keyed, sizeof keyed, key_of->secrets[0], 32);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + BODY_AT, NULL, (const uint8_t *)"hello", 5, bytes, BODY_AT,
                                               NULL, bytes + NONCE_AT, key);
    return PACKET_OVERHEAD_BYTES + 5;
}

/* The mask alone names the sender; the body's key says for itself from whom, for whom, in which cluster. */
static void the_body_alone_binds_cluster_secret_pair_and_direction(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened;
    struct packet_pair pair = pair_of(&a, &b), third = pair_of(&c, &b);
    struct link_identity cluster = ends_identity(NODE_A, CLUSTER + 1, true, SECRET);
    struct link_identity secret = ends_identity(NODE_A, CLUSTER, true, SECRET + 1);
    const struct {
        const struct link_identity *key_of;
        const struct packet_pair *pair;
        const struct link_identity *sender, *receiver;
        bool is_good;
    } rows[] = {
        {&a, &pair, &a, &b, true},   {&cluster, &pair, &a, &b, false}, {&secret, &pair, &a, &b, false},
        {&a, &third, &a, &b, false}, {&a, &pair, &b, &a, false},       {&a, &pair, &a, &c, false},
        {&a, &pair, &c, &b, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = make_packet(rows[i].key_of, rows[i].pair, ends_id(rows[i].sender),
                                    ends_id(rows[i].receiver), bytes);
        assert_int_equal(open_packet(&b, &a, span_of(bytes, length), &opened), rows[i].is_good);
    }
}

static void another_receiver_and_another_sender_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened;
    size_t length = close_packet(&a, &b, span_text("hello"), bytes);
    assert_false(open_packet(&c, &a, span_of(bytes, length), &opened));
    assert_false(open_packet(&b, &c, span_of(bytes, length), &opened));
}

/* What one said oneself, come back: as one's own, and as the other's. */
static void a_reflected_packet_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    uint8_t theirs[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened;
    size_t length = close_packet(&a, &b, span_text("hello"), bytes);
    assert_false(open_packet(&a, &a, span_of(bytes, length), &opened));
    close_packet(&b, &a, span_text("hello"), theirs); /* the same nonce: the mask of b */
    memcpy(bytes + SENDER_AT, theirs + SENDER_AT, LINK_NODE_ID_BYTES);
    assert_false(open_packet(&a, &b, span_of(bytes, length), &opened));
    assert_true(open_packet(&a, &b, span_of(theirs, length), &opened));
    length = close_packet(&a, &a, span_text("hello"), bytes); /* nobody speaks to itself */
    assert_false(open_packet(&a, &a, span_of(bytes, length), &opened));
}

static void either_of_two_secrets_opens_and_the_first_closes(void **state)
{
    (void)state;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
    struct span opened;
    struct link_identity rotating = b;
    rotating.secrets_count = 2;
    memset(rotating.secrets[0], SECRET + 1, LINK_SECRET_BYTES);
    memset(rotating.secrets[1], SECRET, LINK_SECRET_BYTES);
    size_t length = close_packet(&a, &rotating, span_text("old"), bytes);
    assert_true(open_packet(&rotating, &a, span_of(bytes, length), &opened));
    assert_span_text(opened, "old");
    length = close_packet(&rotating, &a, span_text("new"), bytes);
    assert_false(open_packet(&a, &rotating, span_of(bytes, length), &opened));
    a.secrets_count = 2;
    memset(a.secrets[1], SECRET + 1, LINK_SECRET_BYTES);
    assert_true(open_packet(&a, &rotating, span_of(bytes, length), &opened));
    assert_span_text(opened, "new");
    rotating.secrets_count = 1;
    a.secrets_count = 1;
    assert_false(open_packet(&a, &rotating, span_of(bytes, length), &opened));
}

static void nobody_sees_who_speaks_nor_that_it_is_the_same_again(void **state)
{
    (void)state;
    uint8_t bytes[2][LIMITS_DATAGRAM_BYTES_MAX];
    struct packet_pair pair = pair_of(&a, &b);
    struct prng prng = ends_prng(7);
    size_t length = 0;
    for (int i = 0; i < 2; i++)
        length = packet_close(&a, &pair, ends_id(&b), span_text("the same body"), &prng, bytes[i]);
    for (size_t i = NONCE_AT; i + 8 <= length; i++)
        assert_memory_not_equal(bytes[0] + i, bytes[1] + i, 8);
    assert_null(memmem(bytes[0], length, ends_id(&a), 8));
    assert_null(memmem(bytes[0], length, a.cluster_id, 8));
    assert_true(length == BODY_AT + 13 + 16);
}

/* Ids that are no point of the prime-order group: nothing would be kept secret by a key with them. */
static void ids_of_low_order_and_ids_that_are_no_point_are_refused(void **state)
{
    (void)state;
    static const uint8_t bad[][LINK_NODE_ID_BYTES] = {
        {0}, /* order 4 */
        {1}, /* the neutral point */
        {2}, /* no point */
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    };
    for (size_t i = 0; i < 2 * (sizeof bad / sizeof bad[0]); i++) {
        uint8_t id[LINK_NODE_ID_BYTES];
        struct packet_pair pair;
        memcpy(id, bad[i / 2], sizeof id);
        if (i % 2 == 1) id[31] ^= 0x80;
        assert_false(packet_pair_init(&pair, &a, id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(packets_of_every_size_are_opened_by_whom_they_are_for, set_up),
        cmocka_unit_test_setup(both_nodes_compute_one_pair, set_up),
        cmocka_unit_test_setup(every_flipped_bit_is_refused, set_up),
        cmocka_unit_test_setup(packets_that_are_cut_or_too_long_are_refused, set_up),
        cmocka_unit_test_setup(another_version_is_refused, set_up),
        cmocka_unit_test_setup(another_cluster_is_refused, set_up),
        cmocka_unit_test_setup(the_body_alone_binds_cluster_secret_pair_and_direction, set_up),
        cmocka_unit_test_setup(another_receiver_and_another_sender_are_refused, set_up),
        cmocka_unit_test_setup(a_reflected_packet_is_refused, set_up),
        cmocka_unit_test_setup(either_of_two_secrets_opens_and_the_first_closes, set_up),
        cmocka_unit_test_setup(nobody_sees_who_speaks_nor_that_it_is_the_same_again, set_up),
        cmocka_unit_test_setup(ids_of_low_order_and_ids_that_are_no_point_are_refused, set_up),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
