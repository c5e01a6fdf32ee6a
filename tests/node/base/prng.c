/* The seeded generator. Its values are pinned: a run of the simulator is told by its seed for ever (I27). */
#include "node/base/prng.h"
#include "node/base/hash.h"
#include "tests/lib/check.h"

static struct prng prng_of(uint8_t seed)
{
    uint8_t bytes[PRNG_SEED_BYTES] = {0};
    struct prng prng;
    bytes[PRNG_SEED_BYTES - 1] = seed;
    prng_init(&prng, bytes);
    return prng;
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct prng a = prng_of(7);
    struct prng b = prng_of(7);
    uint8_t bytes_a[100];
    uint8_t bytes_b[100];
    for (size_t length = 0; length <= sizeof bytes_a; length += 25) {
        prng_bytes(&a, bytes_a, length);
        prng_bytes(&b, bytes_b, length);
        assert_memory_equal(bytes_a, bytes_b, length);
    }
    assert_int_equal(prng_u64(&a), prng_u64(&b));
}

static void another_seed_gives_other_bytes(void **state)
{
    (void)state;
    struct prng a = prng_of(7);
    struct prng b = prng_of(8);
    assert_int_not_equal(prng_u64(&a), prng_u64(&b));
}

static void no_call_repeats_the_one_before(void **state)
{
    (void)state;
    struct prng prng = prng_of(1);
    uint64_t seen[200];
    for (int i = 0; i < 200; i++) {
        seen[i] = prng_u64(&prng);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(seen[i], seen[j]);
    }
}

/* What is kept is not what was given: who reads the memory later learns nothing of earlier bytes. */
static void the_seed_kept_is_neither_the_old_one_nor_in_the_bytes_given(void **state)
{
    (void)state;
    struct prng prng = prng_of(1);
    struct prng before = prng;
    uint8_t bytes[4096];
    prng_bytes(&prng, bytes, sizeof bytes);
    assert_memory_not_equal(prng.seed, before.seed, PRNG_SEED_BYTES);
    for (size_t i = 0; i + 8 <= sizeof bytes; i++)
        assert_memory_not_equal(bytes + i, prng.seed, 8);
}

static void bits_are_set_half_of_the_time(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    struct prng prng = prng_of(3);
    prng_bytes(&prng, bytes, sizeof bytes);
    int64_t ones[8] = {0};
    for (size_t i = 0; i < sizeof bytes; i++)
        for (int bit = 0; bit < 8; bit++)
            ones[bit] += bytes[i] >> bit & 1;
    for (int bit = 0; bit < 8; bit++) /* six standard deviations */
        assert_in_range(ones[bit], (1 << 19) - 3072, (1 << 19) + 3072);
}

/* As `openssl enc -chacha20` computes them, with the nonces "seed" and "bytes". */
static void the_bytes_of_a_seed_never_change(void **state)
{
    (void)state;
    struct prng prng = prng_of(1);
    uint8_t bytes[16];
    char text[33] = "";
    prng_bytes(&prng, bytes, sizeof bytes);
    hash_hex(bytes, sizeof bytes, text);
    assert_string_equal(text, "48bac52493dbb698dc68865ce7a819e5");
    prng_bytes(&prng, bytes, sizeof bytes);
    hash_hex(bytes, sizeof bytes, text);
    assert_string_equal(text, "5cecd89cf258b9bae7bfb232bc876839");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(another_seed_gives_other_bytes),
        cmocka_unit_test(no_call_repeats_the_one_before),
        cmocka_unit_test(the_seed_kept_is_neither_the_old_one_nor_in_the_bytes_given),
        cmocka_unit_test(bits_are_set_half_of_the_time),
        cmocka_unit_test(the_bytes_of_a_seed_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
