/* The hashes against published vectors, any split of the input, and the small helpers around them. */
#include "node/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void assert_hex(const uint8_t *bytes, size_t length, const char *expected)
{
    char text[2 * 64 + 1] = {0};
    assert_true(length <= 64);
    hash_hex(bytes, length, text);
    assert_string_equal(text, expected);
}

static void sha256_gives_the_published_hashes(void **state)
{
    (void)state;
    uint8_t hash[HASH_SHA256_BYTES];
    hash_sha256(NULL, 0, hash);
    assert_hex(hash, sizeof hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256("abc", 3, hash);
    assert_hex(hash, sizeof hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    hash_sha256(two_blocks, strlen(two_blocks), hash);
    assert_hex(hash, sizeof hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void sha256_is_the_same_for_every_split(void **state)
{
    (void)state;
    uint8_t text[200];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)(i * 7);
    }
    uint8_t whole[HASH_SHA256_BYTES];
    hash_sha256(text, sizeof text, whole);
    for (size_t split = 0; split <= sizeof text; split++) {
        struct hash_sha256 hash;
        uint8_t parts[HASH_SHA256_BYTES];
        hash_sha256_init(&hash);
        hash_sha256_add(&hash, text, split);
        hash_sha256_add(&hash, text + split, sizeof text - split);
        hash_sha256_final(&hash, parts);
        assert_memory_equal(parts, whole, sizeof whole);
    }
}

/* RFC 4231, cases 1 to 4, 6 and 7: short keys, the block size, keys longer than a block. */
static void hmac_gives_the_hashes_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[131];
    uint8_t text[50];
    uint8_t out[HASH_SHA256_BYTES];

    memset(key, 0x0b, 20);
    hash_hmac_sha256(span_of(key, 20), span_text("Hi There"), out);
    assert_hex(out, sizeof out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hash_hmac_sha256(span_text("Jefe"), span_text("what do ya want for nothing?"), out);
    assert_hex(out, sizeof out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 20);
    memset(text, 0xdd, 50);
    hash_hmac_sha256(span_of(key, 20), span_of(text, 50), out);
    assert_hex(out, sizeof out, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (size_t i = 0; i < 25; i++) {
        key[i] = (uint8_t)(i + 1);
    }
    memset(text, 0xcd, 50);
    hash_hmac_sha256(span_of(key, 25), span_of(text, 50), out);
    assert_hex(out, sizeof out, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    memset(key, 0xaa, 131);
    hash_hmac_sha256(span_of(key, 131), span_text("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(out, sizeof out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hash_hmac_sha256(span_of(key, 131),
                     span_text("This is a test using a larger than block-size key and a larger than block-size "
                               "data. The key needs to be hashed before being used by the HMAC algorithm."),
                     out);
    assert_hex(out, sizeof out, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void hmac_takes_an_empty_key_and_an_empty_text(void **state)
{
    (void)state;
    uint8_t out[HASH_SHA256_BYTES];
    hash_hmac_sha256(span_of(NULL, 0), span_of(NULL, 0), out);
    assert_hex(out, sizeof out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* Keys of 63, 64 and 65 bytes: 65 must give the HMAC under its hash, 64 must not. */
static void hmac_hashes_only_keys_longer_than_a_block(void **state)
{
    (void)state;
    uint8_t key[65];
    memset(key, 'k', sizeof key);
    for (size_t length = 63; length <= 65; length++) {
        uint8_t short_key[HASH_SHA256_BYTES];
        uint8_t direct[HASH_SHA256_BYTES];
        uint8_t hashed[HASH_SHA256_BYTES];
        hash_sha256(key, length, short_key);
        hash_hmac_sha256(span_of(key, length), span_text("text"), direct);
        hash_hmac_sha256(span_of(short_key, sizeof short_key), span_text("text"), hashed);
        assert_int_equal(memcmp(direct, hashed, sizeof direct) == 0, length > 64);
    }
}

/* Key 00…1f; the expected texts are Python's hashlib.blake2b(data, key=key, digest_size=16). */
static void keyed_blake2b_gives_16_bytes_under_a_32_byte_key(void **state)
{
    (void)state;
    uint8_t key[HASH_KEY_BYTES];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    struct hash_keyed hash;
    uint8_t out[16];
    hash_keyed_init(&hash, key);
    hash_keyed_128(&hash, out);
    assert_hex(out, sizeof out, "3daf97bce7888fd59773c66bf647459c");
    hash_keyed_init(&hash, key);
    hash_keyed_add(&hash, "ab", 2);
    hash_keyed_add(&hash, NULL, 0);
    hash_keyed_add(&hash, "c", 1);
    hash_keyed_128(&hash, out);
    assert_hex(out, sizeof out, "1a64be47e4729d951c302ee543f97cf3");
    hash_keyed_init(&hash, key);
    hash_keyed_add(&hash, "abc", 3);
    assert_true(hash_keyed_64(&hash) == UINT64_C(0x1a64be47e4729d95));
    hash_keyed_init(&hash, key);
    hash_keyed_add_field(&hash, span_text("abc"));
    hash_keyed_128(&hash, out);
    assert_hex(out, sizeof out, "de7ac013977d61f21590ba4c355d895e");
}

static uint64_t hash_of_fields(const char *a, const char *b)
{
    static const uint8_t key[HASH_KEY_BYTES] = {1};
    struct hash_keyed hash;
    hash_keyed_init(&hash, key);
    hash_keyed_add_field(&hash, span_text(a));
    hash_keyed_add_field(&hash, span_text(b));
    return hash_keyed_64(&hash);
}

static void neighbouring_fields_cannot_be_read_two_ways(void **state)
{
    (void)state;
    assert_true(hash_of_fields("ab", "c") == hash_of_fields("ab", "c"));
    assert_true(hash_of_fields("ab", "c") != hash_of_fields("a", "bc"));
    assert_true(hash_of_fields("abc", "") != hash_of_fields("", "abc"));
}

static void equality_sees_every_bit(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_true(hash_is_equal(a, b, sizeof a));
    assert_true(hash_is_equal(NULL, NULL, 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(hash_is_equal(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void hex_of_every_byte_comes_back_in_either_case(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        uint8_t back = (uint8_t)~value;
        char lower[3];
        char upper[3];
        snprintf(lower, sizeof lower, "%02x", value);
        snprintf(upper, sizeof upper, "%02X", value);
        char text[3] = {0};
        hash_hex(&byte, 1, text);
        assert_string_equal(text, lower);
        assert_true(hash_unhex(span_text(lower), &back, 1));
        assert_int_equal(back, byte);
        back = (uint8_t)~value;
        assert_true(hash_unhex(span_text(upper), &back, 1));
        assert_int_equal(back, byte);
    }
}

static void unhex_refuses_other_digits_and_lengths(void **state)
{
    (void)state;
    uint8_t out[2];
    for (unsigned value = 0; value < 256; value++) {
        char c = (char)value;
        bool is_digit = value != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        char first[2] = {c, '0'};
        char second[2] = {'0', c};
        assert_int_equal(hash_unhex(span_of(first, 2), out, 1), is_digit);
        assert_int_equal(hash_unhex(span_of(second, 2), out, 1), is_digit);
    }
    assert_false(hash_unhex(span_text("000"), out, 1));
    assert_false(hash_unhex(span_text("000"), out, 2));
    assert_false(hash_unhex(span_text("0000"), out, 1));
    assert_false(hash_unhex(span_text(""), out, 1));
    assert_true(hash_unhex(span_text(""), out, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_hashes),
        cmocka_unit_test(sha256_is_the_same_for_every_split),
        cmocka_unit_test(hmac_gives_the_hashes_of_rfc_4231),
        cmocka_unit_test(hmac_takes_an_empty_key_and_an_empty_text),
        cmocka_unit_test(hmac_hashes_only_keys_longer_than_a_block),
        cmocka_unit_test(keyed_blake2b_gives_16_bytes_under_a_32_byte_key),
        cmocka_unit_test(neighbouring_fields_cannot_be_read_two_ways),
        cmocka_unit_test(equality_sees_every_bit),
        cmocka_unit_test(hex_of_every_byte_comes_back_in_either_case),
        cmocka_unit_test(unhex_refuses_other_digits_and_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
