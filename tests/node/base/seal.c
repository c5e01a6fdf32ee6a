/* Sealing of secrets: opens for the same key, name and bytes, and for nothing else. */
#include "node/base/seal.h"
#include "tests/lib/check.h"

enum { PLAIN_BYTES = 32, SEALED_BYTES = PLAIN_BYTES + SEAL_OVERHEAD_BYTES };

static const uint8_t KEY[SEAL_KEY_BYTES] = "the seal key of a test node....";
static const uint8_t PLAIN[PLAIN_BYTES] = "thirty-two secret bytes, or so.";

static struct prng prng_of(uint8_t seed)
{
    uint8_t bytes[PRNG_SEED_BYTES] = {seed};
    struct prng prng;
    prng_init(&prng, bytes);
    return prng;
}

static void seal(uint8_t sealed[SEALED_BYTES])
{
    struct prng prng = prng_of(1);
    seal_close(KEY, span_text("name"), span_of(PLAIN, PLAIN_BYTES), &prng, sealed);
}

static void assert_refused(const uint8_t *key, const char *name, const uint8_t *sealed, size_t length)
{
    static const uint8_t zeroes[SEALED_BYTES];
    uint8_t plain[SEALED_BYTES];
    memset(plain, 0x55, sizeof plain);
    assert_false(seal_open(key, span_text(name), span_of(sealed, length), plain));
    size_t plain_bytes = length < SEAL_OVERHEAD_BYTES ? 0 : length - SEAL_OVERHEAD_BYTES;
    assert_memory_equal(plain, zeroes, plain_bytes);
    if (plain_bytes < sizeof plain) assert_int_equal(plain[plain_bytes], 0x55);
}

static void what_was_sealed_opens(void **state)
{
    (void)state;
    uint8_t sealed[SEALED_BYTES];
    uint8_t plain[PLAIN_BYTES];
    seal(sealed);
    assert_true(seal_open(KEY, span_text("name"), span_of(sealed, sizeof sealed), plain));
    assert_memory_equal(plain, PLAIN, PLAIN_BYTES);
}

static void nothing_seals_to_something_that_opens(void **state)
{
    (void)state;
    uint8_t sealed[SEAL_OVERHEAD_BYTES];
    uint8_t plain[1] = {0x55};
    struct prng prng = prng_of(2);
    seal_close(KEY, span_text(""), span_of(NULL, 0), &prng, sealed);
    assert_true(seal_open(KEY, span_text(""), span_of(sealed, sizeof sealed), plain));
    assert_int_equal(plain[0], 0x55);
}

static void another_key_or_name_does_not_open(void **state)
{
    (void)state;
    uint8_t sealed[SEALED_BYTES];
    uint8_t other[SEAL_KEY_BYTES];
    seal(sealed);
    memcpy(other, KEY, sizeof other);
    other[31] ^= 1;
    assert_refused(other, "name", sealed, sizeof sealed);
    assert_refused(KEY, "nam", sealed, sizeof sealed);
    assert_refused(KEY, "names", sealed, sizeof sealed);
    assert_refused(KEY, "", sealed, sizeof sealed);
}

static void every_changed_bit_and_every_cut_is_refused(void **state)
{
    (void)state;
    uint8_t sealed[SEALED_BYTES];
    seal(sealed);
    for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_refused(KEY, "name", sealed, sizeof sealed);
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t length = 0; length < sizeof sealed; length++)
        assert_refused(KEY, "name", sealed, length);
}

static void the_same_secret_is_never_sealed_to_the_same_bytes(void **state)
{
    (void)state;
    uint8_t first[SEALED_BYTES];
    uint8_t second[SEALED_BYTES];
    struct prng prng = prng_of(1);
    seal_close(KEY, span_text("name"), span_of(PLAIN, PLAIN_BYTES), &prng, first);
    seal_close(KEY, span_text("name"), span_of(PLAIN, PLAIN_BYTES), &prng, second);
    assert_memory_not_equal(first, second, 24);
    assert_memory_not_equal(first + 24, second + 24, PLAIN_BYTES);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(nothing_seals_to_something_that_opens),
        cmocka_unit_test(another_key_or_name_does_not_open),
        cmocka_unit_test(every_changed_bit_and_every_cut_is_refused),
        cmocka_unit_test(the_same_secret_is_never_sealed_to_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
