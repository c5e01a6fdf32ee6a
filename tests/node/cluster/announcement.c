/* Announcements: what is written is read again and believed; anything else is refused. */
#include "node/cluster/announcement.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <sodium/crypto_sign_ed25519.h>

static struct link_identity identity_of(uint8_t number)
{
    struct link_identity identity = {.is_member = true, .secrets_count = 1};
    uint8_t seed[crypto_sign_ed25519_SEEDBYTES] = {number};
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
    crypto_sign_ed25519_seed_keypair(public_key, identity.node_key, seed);
    memcpy(identity.cluster_id, "a test's cluster", LINK_CLUSTER_ID_BYTES);
    return identity;
}

static struct announcement any_of(const struct link_identity *identity)
{
    struct announcement announcement = {.incarnation = 7,
                                        .boot_nonce = UINT64_MAX,
                                        .address = span_text("node-1.example:3901"),
                                        .name = span_text("node-1"),
                                        .zone = span_text("north"),
                                        .capacity = 1,
                                        .layout_number = 2,
                                        .used_bytes = 3,
                                        .flags = ANNOUNCEMENT_AUTO,
                                        .program = span_text("0.1.0")};
    memcpy(announcement.node_id, identity->node_key + 32, LINK_NODE_ID_BYTES);
    return announcement;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    struct link_identity identity = identity_of(1);
    struct announcement written = any_of(&identity);
    struct announcement read = {0};
    size_t length = announcement_encode(&written, &identity, bytes);
    assert_true(announcement_decode(span_of(bytes, length), &read));
    assert_true(announcement_verify(span_of(bytes, length), &read, identity.cluster_id));
    assert_memory_equal(read.node_id, written.node_id, LINK_NODE_ID_BYTES);
    assert_int_equal(read.incarnation, 7);
    assert_true(read.boot_nonce == UINT64_MAX);
    assert_span_text(read.address, "node-1.example:3901");
    assert_span_text(read.name, "node-1");
    assert_span_text(read.zone, "north");
    assert_span_text(read.program, "0.1.0");
    assert_int_equal(read.capacity, 1);
    assert_int_equal(read.layout_number, 2);
    assert_int_equal(read.used_bytes, 3);
    assert_int_equal(read.flags, ANNOUNCEMENT_AUTO);
}

static void the_longest_texts_fit(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    uint8_t text[LIMITS_ADDRESS_BYTES_MAX];
    struct link_identity identity = identity_of(1);
    struct announcement announcement = any_of(&identity);
    memset(text, 'x', sizeof text);
    announcement.address = span_of(text, LIMITS_ADDRESS_BYTES_MAX);
    announcement.name = span_of(text, LIMITS_ZONE_BYTES_MAX);
    announcement.zone = span_of(text, LIMITS_ZONE_BYTES_MAX);
    announcement.program = span_of(text, ANNOUNCEMENT_VERSION_CHARS_MAX);
    size_t length = announcement_encode(&announcement, &identity, bytes);
    assert_true(length <= sizeof bytes);
    assert_true(announcement_decode(span_of(bytes, length), &announcement));
    assert_int_equal(announcement.address.length, LIMITS_ADDRESS_BYTES_MAX);
}

/* Every byte flipped: refused as malformed, or not believed. Every shorter one: malformed. */
static void nothing_else_is_believed(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    struct link_identity identity = identity_of(1);
    struct announcement announcement = any_of(&identity);
    size_t length = announcement_encode(&announcement, &identity, bytes);
    for (size_t i = 0; i < length; i++) {
        for (uint32_t bit = 0; bit < 8; bit += 7) {
            bytes[i] ^= (uint8_t)(1u << bit);
            bool is_read = announcement_decode(span_of(bytes, length), &announcement);
            assert_false(is_read &&
                         announcement_verify(span_of(bytes, length), &announcement, identity.cluster_id));
            bytes[i] ^= (uint8_t)(1u << bit);
        }
        assert_false(announcement_decode(span_of(bytes, i), &announcement));
    }
    bytes[length] = 0;
    assert_false(announcement_decode(span_of(bytes, length + 1), &announcement));
    assert_false(announcement_decode((struct span){0}, &announcement));
}

static void signed_by_another_or_for_another_cluster_it_is_not_believed(void **state)
{
    (void)state;
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    struct link_identity identity = identity_of(1);
    struct link_identity other = identity_of(2);
    struct announcement announcement = any_of(&identity);
    size_t length = announcement_encode(&announcement, &other, bytes);
    assert_true(announcement_decode(span_of(bytes, length), &announcement));
    assert_false(announcement_verify(span_of(bytes, length), &announcement, identity.cluster_id));
    identity.cluster_id[15] ^= 1;
    announcement = any_of(&identity);
    length = announcement_encode(&announcement, &identity, bytes);
    identity.cluster_id[15] ^= 1;
    assert_false(announcement_verify(span_of(bytes, length), &announcement, identity.cluster_id));
}

/* What would be shown to people as it is. */
static void texts_that_are_not_plain_are_refused(void **state)
{
    (void)state;
    static const uint8_t foreign[] = {0, '\n', 0x1b, 0x7f, 0x80, 0xff};
    struct link_identity identity = identity_of(1);
    struct announcement announcement = any_of(&identity);
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    size_t length = announcement_encode(&announcement, &identity, bytes);
    assert_true(announcement_decode(span_of(bytes, length), &announcement));
    const size_t places[] = {(size_t)(announcement.address.bytes - bytes),
                             (size_t)(announcement.name.bytes - bytes), (size_t)(announcement.zone.bytes - bytes),
                             (size_t)(announcement.program.bytes - bytes)};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < sizeof foreign; j++) {
            uint8_t before = bytes[places[i]];
            bytes[places[i]] = foreign[j];
            assert_false(announcement_decode(span_of(bytes, length), &announcement));
            bytes[places[i]] = before;
        }
    }
    uint8_t cleaned[8];
    assert_int_equal(announcement_clean(span_text("a b\n\xc3\xa4zzzzzzzz"), sizeof cleaned, cleaned), 8);
    assert_span_text(span_of(cleaned, 8), "a?b???zz");
}

static void any_bytes_are_read_without_harm(void **state)
{
    (void)state;
    struct random random = random_begin("any_bytes");
    struct link_identity identity = identity_of(1);
    struct announcement announcement = any_of(&identity);
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX + 8];
    for (uint32_t i = 0; i < 20000; i++) {
        size_t length = random_below(&random, sizeof bytes);
        for (size_t j = 0; j < length; j++)
            bytes[j] = random_once_in(&random, 3) ? (uint8_t)random_u64(&random) : 0;
        if (length > 64) bytes[64] = 1;
        announcement_decode(span_of(bytes, length), &announcement);
    }
}

/* All nodes keep the same one of any two, whatever order they come in. */
static void of_two_one_is_newer(void **state)
{
    (void)state;
    struct announcement a = {.incarnation = 1, .boot_nonce = 9};
    struct announcement b = {.incarnation = 2, .boot_nonce = 1};
    struct span small = span_text("a");
    struct span large = span_text("b");
    assert_true(announcement_compare(&a, large, &b, small) < 0);
    assert_true(announcement_compare(&b, small, &a, large) > 0);
    b.incarnation = 1;
    assert_true(announcement_compare(&a, small, &b, large) > 0);
    b.boot_nonce = 9;
    assert_true(announcement_compare(&a, small, &b, large) < 0);
    assert_int_equal(announcement_compare(&a, small, &b, small), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_longest_texts_fit),
        cmocka_unit_test(nothing_else_is_believed),
        cmocka_unit_test(signed_by_another_or_for_another_cluster_it_is_not_believed),
        cmocka_unit_test(texts_that_are_not_plain_are_refused),
        cmocka_unit_test(any_bytes_are_read_without_harm),
        cmocka_unit_test(of_two_one_is_newer),
    };
    return cmocka_run_group_tests_name("announcement", tests, NULL, NULL);
}
