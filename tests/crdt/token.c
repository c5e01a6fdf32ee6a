/* Causality tokens: vectors, what is refused, and that text and clock stand in one-to-one relation. */
#include "cmocka_all.h"
#include "crdt/token.h"
#include "random.h"

#include <string.h>

#define A UINT64_C(0x0a0b0c0d0e0f1011)
#define B UINT64_C(0x2021222324252627)

/* The protocol's own vectors; there the first 8 bytes are an XOR of all words, here any seal. */
struct vector {
    const char *text;
    uint64_t seal;
    uint32_t count;
    struct crdt_dot dots[2];
};

static const struct vector valid[] = {
    {"AAAAAAAAAAA", 0, 0, {{0, 0}}},
    {"CgsMDQ4PE_gKCwwNDg8QEQAAAAAAAAPp", UINT64_C(0x0a0b0c0d0e0f13f8), 1, {{A, 1001}}},
    {"KiouLioqNDoKCwwNDg8QEQAAAAAAAAfRICEiIyQlJicAAAAAAAAF3Q", A ^ 2001 ^ B ^ 1501, 2, {{A, 2001}, {B, 1501}}},
    {"-_D-aJzKCQH78P__77__AAAAAZdzdfYB",
     UINT64_C(0xfbf0ffffefbfff00) ^ UINT64_C(1749988800001),
     1,
     {{UINT64_C(0xfbf0ffffefbfff00), UINT64_C(1749988800001)}}},
    /* The seal is opaque here: one that the protocol's XOR would refuse is well-formed. */
    {"AAAAAAAAAAAKCwwNDg8QEQAAAAAAAAPp", 0, 1, {{A, 1001}}},
};

static bool is_token(const char *text, size_t length)
{
    struct crdt_dot entries[CRDT_VCLOCK_MAX];
    struct crdt_vclock clock = crdt_vclock_over(entries, CRDT_VCLOCK_MAX);
    uint64_t seal = 0;
    return crdt_token_decode(text, length, &clock, &seal);
}

static void the_vectors_are_written_and_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        struct crdt_dot entries[2];
        struct crdt_vclock clock = crdt_vclock_over(entries, 2);
        for (uint32_t j = 0; j < valid[i].count; j++) {
            assert_true(crdt_vclock_raise(&clock, valid[i].dots[j]));
        }
        char text[CRDT_TOKEN_CHARS_MAX];
        size_t length = crdt_token_encode(&clock, valid[i].seal, text);
        assert_int_equal(length, strlen(valid[i].text));
        assert_memory_equal(text, valid[i].text, length);

        struct crdt_dot read_entries[2];
        struct crdt_vclock read = crdt_vclock_over(read_entries, 2);
        uint64_t seal = 1;
        assert_true(crdt_token_decode(text, length, &read, &seal));
        assert_true(seal == valid[i].seal);
        assert_true(crdt_vclock_is_equal(&clock, &read));
    }
}

static void what_no_encoder_writes_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "A",
        "AAAAAAAAAA",   /* 7 bytes and 4 bits */
        "AAAAAAAAAAAA", /* 9 bytes */
        "AAAAAAAAAAB",  /* trailing bits set */
        "AAAAAAAAAAC",
        "AAAAAAAAAAA=", /* padding */
        "AAAAAAAAAA=",
        "AAAAAAAAAAE",                                            /* a seal without entries */
        "CgsMDQ4PE_g",                                            /* the same */
        "AAAAAAAAAAUAAAAAAAAABQ",                                 /* 16 bytes */
        "KiouLioqNDogISIjJCUmJwAAAAAAAAXdCgsMDQ4PEBEAAAAAAAAH0Q", /* pairs swapped: not ascending */
        "AAAAAAAAAAMKCwwNDg8QEQAAAAAAAAABCgsMDQ4PEBEAAAAAAAAAAg", /* one node twice */
        "CgsMDQ4PE_gKCwwNDg8QEQAAAAAAAAAA",                       /* a counter of 0 */
        "CgsMDQ4PE/gKCwwNDg8QEQAAAAAAAAPp",                       /* the other alphabet */
        "CgsMDQ4PE+gKCwwNDg8QEQAAAAAAAAPp",
        "CgsMDQ4PE gKCwwNDg8QEQAAAAAAAAPp",
        "CgsMDQ4PE\ngKCwwNDg8QEQAAAAAAAAPp",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(is_token(refused[i], strlen(refused[i])));
    }
    assert_true(is_token("AAAAAAAAAAA", 11));
    assert_false(is_token("AAAAAAAAAA\0", 11));
}

static void every_foreign_character_is_refused_at_every_place(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char text[] = "CgsMDQ4PE_gKCwwNDg8QEQAAAAAAAAPp";
    size_t length = strlen(text);
    for (size_t place = 0; place < length; place++) {
        char original = text[place];
        for (int letter = 0; letter < 256; letter++) {
            if (letter != 0 && strchr(alphabet, letter) != NULL) continue;
            text[place] = (char)letter;
            assert_false(is_token(text, length));
        }
        text[place] = original;
    }
    assert_true(is_token(text, length));
}

static void a_token_cut_anywhere_is_refused_but_where_it_is_one(void **state)
{
    (void)state;
    const char *text = valid[2].text;
    for (size_t length = 0; length < strlen(text); length++) {
        assert_int_equal(is_token(text, length), length == 32);
    }
}

/* Whatever is read is written back as the same text: one text for one clock and seal. */
static void every_text_that_is_read_is_the_one_that_is_written(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t random = random_seed();
    uint32_t read_count = 0;
    for (uint32_t run = 0; run < 20000; run++) {
        static const size_t lengths[] = {11, 32, 54, 75, 30, 33};
        size_t length = lengths[random_below(&random, 6)];
        char text[75];
        for (size_t i = 0; i < length; i++) {
            text[i] = alphabet[random_below(&random, 4) == 0 ? random_below(&random, 64) : 0];
        }
        struct crdt_dot entries[4];
        struct crdt_vclock clock = crdt_vclock_over(entries, 4);
        uint64_t seal = 0;
        if (!crdt_token_decode(text, length, &clock, &seal)) continue;
        char again[CRDT_TOKEN_CHARS_MAX];
        assert_int_equal(crdt_token_encode(&clock, seal, again), length);
        assert_memory_equal(again, text, length);
        read_count++;
    }
    assert_true(read_count > 500); /* else nothing was tried */
}

static void fill(struct crdt_vclock *clock, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(crdt_vclock_raise(clock, (struct crdt_dot){UINT64_MAX - i, UINT64_MAX - i}));
    }
}

static void the_largest_clock_fits_and_one_more_entry_is_refused(void **state)
{
    (void)state;
    struct crdt_dot entries[CRDT_VCLOCK_MAX];
    struct crdt_vclock clock = crdt_vclock_over(entries, CRDT_VCLOCK_MAX);
    fill(&clock, CRDT_VCLOCK_MAX);
    char text[CRDT_TOKEN_CHARS_MAX + 64];
    size_t length = crdt_token_encode(&clock, UINT64_MAX, text);
    assert_int_equal(length, CRDT_TOKEN_CHARS_MAX);
    assert_true(length < 3072);

    struct crdt_dot read_entries[CRDT_VCLOCK_MAX + 1];
    struct crdt_vclock read = crdt_vclock_over(read_entries, CRDT_VCLOCK_MAX + 1);
    uint64_t seal = 0;
    assert_true(crdt_token_decode(text, length, &read, &seal));
    assert_true(crdt_vclock_is_equal(&clock, &read));

    struct crdt_vclock too_small = crdt_vclock_over(read_entries, CRDT_VCLOCK_MAX - 1);
    assert_false(crdt_token_decode(text, length, &too_small, &seal));

    /* 129 entries: 2072 bytes, 2763 chars, however well-formed and however much room the caller has. */
    memset(text + length, 'B', sizeof text - length);
    assert_false(crdt_token_decode(text, (8 + 16 * (CRDT_VCLOCK_MAX + 1)) * 4 / 3 + 1, &read, &seal));
}

static void the_seal_of_an_empty_clock_is_always_zero(void **state)
{
    (void)state;
    struct crdt_vclock clock = crdt_vclock_over(NULL, 0);
    char text[CRDT_TOKEN_CHARS_MAX];
    assert_int_equal(crdt_token_encode(&clock, UINT64_MAX, text), 11);
    assert_memory_equal(text, "AAAAAAAAAAA", 11);
    uint64_t seal = 7;
    clock.count = 0;
    assert_true(crdt_token_decode(text, 11, &clock, &seal));
    assert_int_equal(seal, 0);
    assert_int_equal(clock.count, 0);
}

static void the_sealed_bytes_are_the_pairs_in_order(void **state)
{
    (void)state;
    struct crdt_dot entries[2] = {{A, 2001}, {B, 1501}};
    struct crdt_vclock clock = {.entries = entries, .count = 2, .capacity = 2};
    static const uint8_t expected[32] = {0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0,    0,    0,
                                         0,    0,    0,    0x07, 0xd1, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25,
                                         0x26, 0x27, 0,    0,    0,    0,    0,    0,    0x05, 0xdd};
    uint8_t bytes[CRDT_TOKEN_CLOCK_BYTES_MAX];
    assert_int_equal(crdt_token_clock_bytes(&clock, bytes), 32);
    assert_memory_equal(bytes, expected, 32);
    clock.count = 0;
    assert_int_equal(crdt_token_clock_bytes(&clock, bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_are_written_and_read),
        cmocka_unit_test(what_no_encoder_writes_is_refused),
        cmocka_unit_test(every_foreign_character_is_refused_at_every_place),
        cmocka_unit_test(a_token_cut_anywhere_is_refused_but_where_it_is_one),
        cmocka_unit_test(every_text_that_is_read_is_the_one_that_is_written),
        cmocka_unit_test(the_largest_clock_fits_and_one_more_entry_is_refused),
        cmocka_unit_test(the_seal_of_an_empty_clock_is_always_zero),
        cmocka_unit_test(the_sealed_bytes_are_the_pairs_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
