/* msgpack out and in: one value, one form; nothing believed that is not there. */
#include "node/base/wire.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <stdlib.h>

enum { CEILING_BYTES = 1 << 24 };

/* --- out, byte by byte ---------------------------------------------------------------------------------- */

struct sample {
    struct arena arena;
    struct wire_out out;
};

static void sample_begin(struct sample *sample)
{
    arena_init(&sample->arena, CEILING_BYTES);
    wire_out_init(&sample->out, &sample->arena);
}

static struct span sample_bytes(const struct sample *sample)
{
    assert_false(sample->out.failed);
    return span_of(sample->out.bytes, sample->out.length);
}

/* What was written is exactly these bytes; the sample is over. */
static void sample_end(struct sample *sample, const char *expected, size_t length)
{
    assert_span(sample_bytes(sample), span_of(expected, length));
    arena_deinit(&sample->arena);
}

#define ENDS(sample, literal) sample_end(sample, literal, sizeof literal - 1)

static const struct {
    uint64_t number;
    const char *bytes;
    size_t length;
} NUMBERS[] = {
    {0, "\x00", 1},
    {0x7f, "\x7f", 1},
    {0x80, "\xcc\x80", 2},
    {0xff, "\xcc\xff", 2},
    {0x100, "\xcd\x01\x00", 3},
    {0xffff, "\xcd\xff\xff", 3},
    {0x10000, "\xce\x00\x01\x00\x00", 5},
    {0xffffffff, "\xce\xff\xff\xff\xff", 5},
    {0x100000000, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
    {UINT64_MAX, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
};

static void numbers_take_their_shortest_form_and_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        struct sample sample;
        sample_begin(&sample);
        wire_put_u64(&sample.out, NUMBERS[i].number);
        struct wire_in in = wire_in_over(sample_bytes(&sample));
        assert_true(wire_get_u64(&in) == NUMBERS[i].number);
        assert_true(wire_is_done(&in));
        sample_end(&sample, NUMBERS[i].bytes, NUMBERS[i].length);
    }
}

static void booleans_and_nil_come_back(void **state)
{
    (void)state;
    struct sample sample;
    sample_begin(&sample);
    wire_put_bool(&sample.out, true);
    wire_put_bool(&sample.out, false);
    wire_put_nil(&sample.out);
    struct wire_in in = wire_in_over(sample_bytes(&sample));
    assert_false(wire_get_nil(&in));
    assert_true(wire_get_bool(&in));
    assert_false(wire_get_bool(&in));
    assert_true(wire_get_nil(&in));
    assert_false(wire_get_nil(&in));
    assert_true(wire_is_done(&in));
    ENDS(&sample, "\xc3\xc2\xc0");
}

/* Headers at each length where the form changes. */
static void bytes_and_text_of_every_length_come_back(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 100000};
    static const size_t bytes_heads[] = {2, 2, 2, 2, 2, 3, 3, 5, 5};
    static const size_t text_heads[] = {1, 1, 1, 2, 2, 3, 3, 5, 5};
    static uint8_t value[100000];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 31);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct sample sample;
        sample_begin(&sample);
        wire_put_bytes(&sample.out, span_of(value, lengths[i]));
        assert_int_equal(sample.out.length, bytes_heads[i] + lengths[i]);
        wire_put_text(&sample.out, span_of(value, lengths[i]));
        assert_int_equal(sample.out.length, bytes_heads[i] + text_heads[i] + 2 * lengths[i]);
        struct wire_in in = wire_in_over(sample_bytes(&sample));
        struct span bytes = wire_get_bytes(&in);
        assert_non_null(bytes.bytes);
        assert_span(bytes, span_of(value, lengths[i]));
        assert_span(wire_get_text(&in), span_of(value, lengths[i]));
        assert_true(wire_is_done(&in));
        arena_deinit(&sample.arena);
    }
}

static void arrays_of_every_length_come_back(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 15, 16, 65535, 65536};
    static const size_t heads[] = {1, 1, 1, 3, 3, 5};
    static const uint8_t elements[65536];
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct sample sample;
        sample_begin(&sample);
        wire_put_array(&sample.out, counts[i]);
        assert_int_equal(sample.out.length, heads[i]);
        wire_put_raw(&sample.out, elements, counts[i]);
        struct wire_in in = wire_in_over(sample_bytes(&sample));
        assert_int_equal(wire_get_array(&in), counts[i]);
        assert_int_equal(wire_get_raw(&in, counts[i]).length, counts[i]);
        assert_true(wire_is_done(&in));
        arena_deinit(&sample.arena);
    }
}

static void raw_bytes_have_no_header(void **state)
{
    (void)state;
    struct sample sample;
    sample_begin(&sample);
    wire_put_raw(&sample.out, "hash", 4);
    wire_put_raw(&sample.out, NULL, 0);
    wire_put_u64(&sample.out, 1);
    struct wire_in in = wire_in_over(sample_bytes(&sample));
    assert_span_text(wire_get_raw(&in, 4), "hash");
    assert_int_equal(wire_get_u64(&in), 1);
    assert_int_equal(wire_get_raw(&in, 0).length, 0);
    assert_true(wire_is_done(&in));
    ENDS(&sample, "hash\x01");
}

static void an_arena_that_refuses_is_remembered(void **state)
{
    (void)state;
    static const uint8_t value[1000];
    struct arena arena;
    struct wire_out out;
    arena_init(&arena, 2000);
    wire_out_init(&out, &arena);
    wire_put_bytes(&out, span_of(value, 400));
    assert_false(out.failed);
    wire_put_bytes(&out, span_of(value, 1000));
    wire_put_bytes(&out, span_of(value, 1000));
    assert_true(out.failed);
    size_t length = out.length;
    wire_put_u64(&out, 1);
    wire_put_array(&out, 1);
    wire_put_raw(&out, value, 1);
    assert_int_equal(out.length, length);
    wire_reserve(&out, 10);
    assert_true(out.failed);
    arena_deinit(&arena);
    arena_init(&arena, 2000);
    wire_out_init(&out, &arena);
    wire_reserve(&out, 5000);
    assert_true(out.failed);
    arena_deinit(&arena);
}

static void reserved_memory_is_used_before_more_is_taken(void **state)
{
    (void)state;
    static const uint8_t value[500];
    struct sample sample;
    sample_begin(&sample);
    wire_reserve(&sample.out, 1000);
    const uint8_t *bytes = sample.out.bytes;
    wire_reserve(&sample.out, 500);
    wire_put_raw(&sample.out, value, 500);
    wire_put_raw(&sample.out, value, 500);
    assert_ptr_equal(sample.out.bytes, bytes);
    assert_int_equal(sample.out.capacity, 1000);
    arena_deinit(&sample.arena);
}

/* --- in: what is refused -------------------------------------------------------------------------------- */

enum reader { U64, BOOL, BYTES, TEXT, ARRAY, READERS_COUNT };

static bool reads(enum reader reader, const uint8_t *bytes, size_t length)
{
    struct wire_in in = wire_in_over(span_of(bytes, length));
    struct span span = {0};
    uint64_t number = 0;
    switch (reader) {
    case U64: number = wire_get_u64(&in); break;
    case BOOL: number = wire_get_bool(&in); break;
    case BYTES: span = wire_get_bytes(&in); break;
    case TEXT: span = wire_get_text(&in); break;
    case ARRAY: number = wire_get_array(&in); break;
    case READERS_COUNT: break;
    }
    assert_true(in.at <= in.end);
    if (!in.failed) return true;
    assert_int_equal(number, 0);
    assert_int_equal(span.length, 0);
    assert_int_equal(wire_get_u64(&in), 0); /* and so does every reader from here on */
    assert_false(wire_get_nil(&in));
    assert_false(wire_is_done(&in));
    return false;
}

#define REFUSES(reader, literal) assert_false(reads(reader, (const uint8_t *)literal, sizeof literal - 1))

static void longer_forms_than_needed_are_refused(void **state)
{
    (void)state;
    REFUSES(U64, "\xcc\x7f");
    REFUSES(U64, "\xcd\x00\xff");
    REFUSES(U64, "\xce\x00\x00\xff\xff");
    REFUSES(U64, "\xcf\x00\x00\x00\x00\xff\xff\xff\xff");
    REFUSES(BYTES, "\xc5\x00\x01x");
    REFUSES(BYTES, "\xc6\x00\x00\x00\x01x");
    REFUSES(TEXT, "\xd9\x01x");
    REFUSES(TEXT, "\xda\x00\x01x");
    REFUSES(TEXT, "\xdb\x00\x00\x00\x01x");
    REFUSES(ARRAY, "\xdc\x00\x01\x00");
    REFUSES(ARRAY, "\xdd\x00\x00\x00\x01\x00");
    static uint8_t large[70000];
    large[0] = 0xc6;
    large[3] = 0xff; /* 255 * 256 would fit two bytes */
    assert_false(reads(BYTES, large, sizeof large));
    large[0] = 0xdb;
    assert_false(reads(TEXT, large, sizeof large));
    large[0] = 0xdd;
    assert_false(reads(ARRAY, large, sizeof large));
}

/* Each of the 256 first bytes, with enough zeroes behind: read by exactly the readers whose form it begins. */
static void every_first_byte_is_read_by_its_own_reader_only(void **state)
{
    (void)state;
    for (int head = 0; head < 256; head++) {
        uint8_t bytes[64] = {(uint8_t)head};
        assert_int_equal(reads(U64, bytes, sizeof bytes), head < 0x80);
        assert_int_equal(reads(BOOL, bytes, sizeof bytes), head == 0xc2 || head == 0xc3);
        assert_int_equal(reads(BYTES, bytes, sizeof bytes), head == 0xc4);
        assert_int_equal(reads(TEXT, bytes, sizeof bytes), head >= 0xa0 && head <= 0xbf);
        assert_int_equal(reads(ARRAY, bytes, sizeof bytes), head >= 0x90 && head <= 0x9f);
    }
}

static void nothing_at_all_is_refused(void **state)
{
    (void)state;
    for (int reader = 0; reader < READERS_COUNT; reader++) {
        assert_false(reads((enum reader)reader, NULL, 0));
        assert_false(reads((enum reader)reader, (const uint8_t *)"", 0));
    }
    struct wire_in in = wire_in_over(span_of(NULL, 0));
    assert_true(wire_is_done(&in));
    assert_int_equal(wire_get_raw(&in, 0).length, 0);
    assert_true(wire_is_done(&in));
    assert_int_equal(wire_get_raw(&in, 1).length, 0);
    assert_false(wire_is_done(&in));
}

static void lengths_beyond_the_bytes_that_remain_are_refused(void **state)
{
    (void)state;
    REFUSES(BYTES, "\xc4\x02x");
    REFUSES(BYTES, "\xc5\xff\xff"
                   "x");
    REFUSES(BYTES, "\xc6\xff\xff\xff\xff"
                   "x");
    REFUSES(TEXT, "\xbfx");
    REFUSES(TEXT, "\xd9\xff"
                  "x");
    REFUSES(TEXT, "\xda\xff\xff"
                  "x");
    REFUSES(TEXT, "\xdb\xff\xff\xff\xff"
                  "x");
    REFUSES(ARRAY, "\x9f\x01");
    REFUSES(ARRAY, "\xdc\xff\xff\x01");
    REFUSES(ARRAY, "\xdd\xff\xff\xff\xff\x01");
    assert_true(reads(ARRAY, (const uint8_t *)"\x92\x01\x02", 3));
    assert_false(reads(ARRAY, (const uint8_t *)"\x93\x01\x02", 3));
}

static void a_failure_sticks(void **state)
{
    (void)state;
    struct wire_in in = wire_in_over(span_of("\x01\x02\x03", 3));
    assert_int_equal(wire_get_u64(&in), 1);
    wire_fail(&in);
    assert_int_equal(wire_get_u64(&in), 0);
    assert_int_equal(wire_get_array(&in), 0);
    assert_int_equal(wire_get_raw(&in, 0).length, 0);
    assert_false(wire_get_bool(&in));
    assert_false(wire_is_done(&in));
}

/* --- whole messages ------------------------------------------------------------------------------------- */

static void message(struct wire_out *out)
{
    static const uint8_t value[300] = {1, 2, 3};
    wire_put_array(out, 6);
    wire_put_u64(out, 0x123456789a);
    wire_put_bytes(out, span_of(value, sizeof value));
    wire_put_text(out, span_text("a text of more than thirty-one bytes"));
    wire_put_bool(out, true);
    wire_put_nil(out);
    wire_put_array(out, 0);
}

static bool message_is_read(struct span bytes)
{
    struct wire_in in = wire_in_over(bytes);
    if (wire_get_array(&in) != 6) wire_fail(&in);
    if (wire_get_u64(&in) != 0x123456789a) wire_fail(&in);
    if (wire_get_bytes(&in).length != 300) wire_fail(&in);
    if (wire_get_text(&in).length != 36) wire_fail(&in);
    if (!wire_get_bool(&in)) wire_fail(&in);
    if (!wire_get_nil(&in)) wire_fail(&in);
    if (wire_get_array(&in) != 0) wire_fail(&in);
    return wire_is_done(&in);
}

/* In a block of its own size, so that a read beyond it is seen by the sanitizer. */
static bool copy_is_read(struct span bytes, size_t length)
{
    uint8_t *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, bytes.bytes, length < bytes.length ? length : bytes.length);
    if (length > bytes.length) copy[bytes.length] = 0;
    bool is_read = message_is_read(span_of(copy, length));
    free(copy);
    return is_read;
}

static void a_message_cut_anywhere_or_with_bytes_behind_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    sample_begin(&sample);
    message(&sample.out);
    struct span bytes = sample_bytes(&sample);
    for (size_t length = 0; length < bytes.length; length++)
        assert_false(copy_is_read(bytes, length));
    assert_true(copy_is_read(bytes, bytes.length));
    assert_false(copy_is_read(bytes, bytes.length + 1));
    arena_deinit(&sample.arena);
}

/* Whatever is read with success, written again, is the same bytes: there is one form only. */
static void random_bytes_are_refused_or_are_the_one_form(void **state)
{
    (void)state;
    static const uint8_t heads[] = {0x05, 0xcc, 0xcd, 0xce, 0xcf, 0xc4, 0xc5, 0xa3, 0xd9, 0xda, 0x93, 0xdc, 0xc3};
    struct random random = random_begin(__func__);
    uint32_t read_count = 0;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[12];
        size_t length = random_below(&random, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(random_u64(&random) & (random_once_in(&random, 2) ? 0x03 : 0xff));
        if (length > 0) bytes[0] = heads[random_below(&random, sizeof heads)];
        struct wire_in in = wire_in_over(span_of(bytes, length));
        uint64_t number = wire_get_u64(&in);
        if (in.failed) continue;
        read_count++;
        struct sample sample;
        sample_begin(&sample);
        wire_put_u64(&sample.out, number);
        assert_span(sample_bytes(&sample), span_of(bytes, (size_t)(in.at - bytes)));
        arena_deinit(&sample.arena);
    }
    assert_true(read_count > 1000);
}

/* A length that no memory has: the sum with what is there wraps, and is noticed. */
static void a_length_that_wraps_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    sample_begin(&sample);
    wire_put_u64(&sample.out, 1);
    volatile size_t length = SIZE_MAX;
    wire_put_raw(&sample.out, "x", length);
    assert_true(sample.out.failed);
    arena_deinit(&sample.arena);
}

static void big_endian_integers_come_back(void **state)
{
    (void)state;
    uint8_t bytes[8];
    wire_store_u64(bytes, UINT64_C(0x0102030405060708));
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
    assert_true(wire_load_u64(bytes) == UINT64_C(0x0102030405060708));
    wire_store_u64(bytes, UINT64_MAX);
    assert_true(wire_load_u64(bytes) == UINT64_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_take_their_shortest_form_and_come_back),
        cmocka_unit_test(booleans_and_nil_come_back),
        cmocka_unit_test(bytes_and_text_of_every_length_come_back),
        cmocka_unit_test(arrays_of_every_length_come_back),
        cmocka_unit_test(raw_bytes_have_no_header),
        cmocka_unit_test(an_arena_that_refuses_is_remembered),
        cmocka_unit_test(reserved_memory_is_used_before_more_is_taken),
        cmocka_unit_test(longer_forms_than_needed_are_refused),
        cmocka_unit_test(every_first_byte_is_read_by_its_own_reader_only),
        cmocka_unit_test(nothing_at_all_is_refused),
        cmocka_unit_test(lengths_beyond_the_bytes_that_remain_are_refused),
        cmocka_unit_test(a_failure_sticks),
        cmocka_unit_test(a_message_cut_anywhere_or_with_bytes_behind_is_refused),
        cmocka_unit_test(random_bytes_are_refused_or_are_the_one_form),
        cmocka_unit_test(a_length_that_wraps_is_refused),
        cmocka_unit_test(big_endian_integers_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
