/* Seen markers as bytes: how they are written, and every way that bytes of others are refused. */
#include "marker.h"

#include <stdlib.h>

/* ---- what is written ---- */

/* [b, d), 5 up to 3 and 9 up to 1; b1: 5 up to 4; c: 2 up to 258, 9 up to 7 */
static void sample(struct marker *marker)
{
    static struct crdt_dot dots[2][2];
    marker_init(marker);
    struct crdt_vclock context = context_of(dots[0], 5, 4, 0, 0);
    absorb(marker, "b1", 0, &context);
    context = context_of(dots[1], 2, 258, 9, 7);
    absorb(marker, "c", 0, &context);
    assert_true(crdt_vclock_raise(&marker->seen.clock, (struct crdt_dot){9, 1}));
    assert_true(crdt_vclock_raise(&marker->seen.clock, (struct crdt_dot){5, 3}));
    struct crdt_interval interval = interval_of("b", "d");
    crdt_seen_restrict(&marker->seen, &interval);
    assert_int_equal(marker->seen.items_count, 2);
}

static const uint8_t sample_bytes[] = {
    1,                                                  /* version */
    0, 1, 'b',                                          /* low */
    1, 0, 1,   'd',                                     /* has high, high */
    0, 2,                                               /* clock */
    0, 0, 0,   0,   0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, /* */
    0, 0, 0,   0,   0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, /* */
    0, 2,                                               /* items */
    0, 2, 'b', '1', 0, 1,                               /* the first */
    0, 0, 0,   0,   0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4, /* */
    0, 1, 'c', 0,   2,                                  /* the second */
    0, 0, 0,   0,   0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2, /* */
    0, 0, 0,   0,   0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, /* */
};

/* Where counts and fields stand in the sample. */
enum { AT_HAS_HIGH = 4, AT_CLOCK = 8, AT_ITEMS = 42, AT_FIRST_KEY = 44, AT_SECOND_KEY = 66 };

static void a_marker_is_written_as_its_header_says(void **state)
{
    (void)state;
    static struct marker marker;
    uint8_t out[256];
    sample(&marker);
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), sizeof sample_bytes);
    assert_memory_equal(out, sample_bytes, sizeof sample_bytes);

    uint8_t exact[sizeof sample_bytes];
    assert_int_equal(crdt_seen_encode(&marker.seen, exact, sizeof exact), sizeof sample_bytes);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static struct marker marker;
    static struct marker read;
    sample(&marker);
    assert_true(decode(&read, sample_bytes, sizeof sample_bytes));
    assert_true(read.seen.interval.has_high);
    assert_memory_equal(read.seen.interval.low, "b", 1);
    assert_memory_equal(read.seen.interval.high, "d", 1);
    assert_true(crdt_vclock_is_equal(&read.seen.clock, &marker.seen.clock));
    assert_int_equal(read.seen.items_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(crdt_vclock_is_equal(&read.items[i].context, &marker.items[i].context));
        assert_int_equal(read.items[i].sort_key_bytes, marker.items[i].sort_key_bytes);
        assert_memory_equal(read.items[i].sort_key, marker.items[i].sort_key, marker.items[i].sort_key_bytes);
    }
}

static void the_empty_marker_has_ten_bytes(void **state)
{
    (void)state;
    static struct marker marker;
    static const uint8_t expected[10] = {1};
    uint8_t out[16];
    marker_init(&marker);
    marker.seen.interval.low = NULL;
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), 10);
    assert_memory_equal(out, expected, 10);
    static struct marker read;
    assert_true(decode(&read, out, 10));
    assert_int_equal(read.seen.items_count + read.seen.clock.count, 0);
    assert_false(read.seen.interval.has_high);
}

static void items_outside_or_covered_are_not_written(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[2];
    uint8_t out[256];
    sample(&marker);
    struct crdt_vclock context = context_of(dots, 5, 3, 9, 1);
    marker.items[2] = (struct crdt_seen_item){(const uint8_t *)"c1", 2, context}; /* covered */
    marker.items[3] = (struct crdt_seen_item){(const uint8_t *)"d", 1, marker.items[0].context};
    marker.seen.items_count = 4;
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), sizeof sample_bytes);
    assert_memory_equal(out, sample_bytes, sizeof sample_bytes);
}

static void items_that_do_not_fit_are_left_out_from_the_end(void **state)
{
    (void)state;
    static struct marker marker;
    static struct marker read;
    uint8_t out[sizeof sample_bytes];
    sample(&marker);
    for (size_t capacity = 0; capacity <= sizeof sample_bytes; capacity++) {
        size_t used = crdt_seen_encode(&marker.seen, out, capacity);
        uint32_t items = capacity < AT_SECOND_KEY ? 0 : capacity < sizeof sample_bytes ? 1 : 2;
        static const size_t expected[] = {AT_FIRST_KEY, AT_SECOND_KEY, sizeof sample_bytes};
        assert_int_equal(used, capacity < AT_FIRST_KEY ? 0 : expected[items]);
        if (used == 0) continue;
        assert_true(decode(&read, out, used));
        assert_int_equal(read.seen.items_count, items);
    }
}

static void over_long_keys_are_not_written(void **state)
{
    (void)state;
    static struct marker marker;
    static struct marker read;
    static uint8_t out[4096];
    static uint8_t key[CRDT_SEEN_KEY_BYTES_MAX + 1];
    memset(key, 'c', sizeof key);
    sample(&marker);
    marker.items[1].sort_key = key;
    marker.items[1].sort_key_bytes = sizeof key;
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), AT_SECOND_KEY);
    marker.items[1].sort_key_bytes--;
    size_t used = crdt_seen_encode(&marker.seen, out, sizeof out);
    assert_int_equal(used, sizeof sample_bytes + CRDT_SEEN_KEY_BYTES_MAX - 1);
    assert_true(decode(&read, out, used));

    marker.seen.interval.high = key;
    marker.seen.interval.high_bytes = sizeof key;
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), 0);
    marker.seen.interval.high_bytes--;
    assert_true(crdt_seen_encode(&marker.seen, out, sizeof out) > 0);
    marker.seen.interval.low = key;
    marker.seen.interval.low_bytes = sizeof key;
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), 0);
    marker.seen.interval.low_bytes--;
    assert_true(crdt_seen_encode(&marker.seen, out, sizeof out) > 0);
    marker.seen.interval.has_high = false;
    marker.seen.interval.high_bytes = sizeof key; /* without a high end its bytes say nothing */
    assert_true(crdt_seen_encode(&marker.seen, out, sizeof out) > 0);
}

/* A marker of exactly CRDT_SEEN_BYTES_MAX: 10 bytes of head, then 510 items of 511 bytes and two of 762. */
static void largest(struct marker *marker, uint8_t (*keys)[300], struct crdt_dot *dots)
{
    enum { DOTS_PER_ITEM = 31, KEY_BYTES = 11, LONG_KEY_BYTES = 262 };
    marker_init(marker);
    for (uint32_t i = 0; i < DOTS_PER_ITEM; i++) {
        dots[i] = (struct crdt_dot){i + 1, 1};
    }
    for (uint32_t i = 0; i < CRDT_SEEN_ITEMS_MAX; i++) {
        memset(keys[i], 'k', sizeof keys[i]);
        keys[i][0] = (uint8_t)(i >> 8);
        keys[i][1] = (uint8_t)i;
        marker->items[i] = (struct crdt_seen_item){
            .sort_key = keys[i],
            .sort_key_bytes = i < 2 ? LONG_KEY_BYTES : KEY_BYTES,
            .context = {.entries = dots, .count = DOTS_PER_ITEM, .capacity = DOTS_PER_ITEM},
        };
    }
    marker->seen.items_count = CRDT_SEEN_ITEMS_MAX;
}

/* H8 */
static void no_marker_is_larger_than_its_bound(void **state)
{
    (void)state;
    static struct marker marker;
    static struct marker read;
    static uint8_t keys[CRDT_SEEN_ITEMS_MAX][300];
    static struct crdt_dot item_dots[32];
    static struct crdt_dot dots[CRDT_SEEN_BYTES_MAX / 16];
    static uint8_t out[CRDT_SEEN_BYTES_MAX + 4096];
    largest(&marker, keys, item_dots);
    assert_int_equal(crdt_seen_encode(&marker.seen, out, sizeof out), CRDT_SEEN_BYTES_MAX);
    assert_int_equal(crdt_seen_encode(&marker.seen, out, CRDT_SEEN_BYTES_MAX), CRDT_SEEN_BYTES_MAX);
    assert_false(decode(&read, out, CRDT_SEEN_BYTES_MAX)); /* more dots than this reader has room for */
    marker_init(&read);
    assert_true(crdt_seen_decode(out, CRDT_SEEN_BYTES_MAX, &read.seen, dots, CRDT_SEEN_BYTES_MAX / 16));
    assert_int_equal(read.seen.items_count, CRDT_SEEN_ITEMS_MAX);

    marker.items[0].sort_key_bytes++; /* one byte too much: the last item goes */
    size_t used = crdt_seen_encode(&marker.seen, out, sizeof out);
    assert_int_equal(used, CRDT_SEEN_BYTES_MAX + 1 - 511);
    marker_init(&read);
    assert_true(crdt_seen_decode(out, used, &read.seen, dots, CRDT_SEEN_BYTES_MAX / 16));
    assert_int_equal(read.seen.items_count, CRDT_SEEN_ITEMS_MAX - 1);
}

static void no_more_items_are_written_than_may_be_read(void **state)
{
    (void)state;
    static struct marker marker;
    static struct marker read;
    static uint8_t keys[CRDT_SEEN_ITEMS_MAX][300];
    static struct crdt_dot item_dots[32];
    static uint8_t out[CRDT_SEEN_BYTES_MAX];
    largest(&marker, keys, item_dots);
    for (uint32_t i = 0; i < CRDT_SEEN_ITEMS_MAX; i++) {
        marker.items[i].context.count = 1;
    }
    marker.items[CRDT_SEEN_ITEMS_MAX] = (struct crdt_seen_item){(const uint8_t *)"\xff", 1,
                                                                marker.items[0].context};
    marker.seen.items_count = CRDT_SEEN_ITEMS_MAX + 1;
    size_t used = crdt_seen_encode(&marker.seen, out, sizeof out);
    assert_true(decode(&read, out, used));
    assert_int_equal(read.seen.items_count, CRDT_SEEN_ITEMS_MAX);
}

/* ---- bytes of others ---- */

static void a_marker_cut_anywhere_is_refused_and_so_is_one_with_a_byte_more(void **state)
{
    (void)state;
    static struct marker read;
    for (size_t length = 0; length < sizeof sample_bytes; length++) {
        uint8_t *cut = malloc(length + 1); /* its own block, so that a byte read too far is seen */
        assert_non_null(cut);
        memcpy(cut + 1, sample_bytes, length);
        assert_false(decode(&read, cut + 1, length));
        free(cut);
    }
    uint8_t more[sizeof sample_bytes + 1] = {0};
    memcpy(more, sample_bytes, sizeof sample_bytes);
    assert_false(decode(&read, more, sizeof more));
    assert_false(decode(&read, NULL, 0));
}

/* Every other value of every byte: refused, or another marker with exactly these bytes. */
static void a_changed_byte_is_refused_or_makes_another_marker(void **state)
{
    (void)state;
    static struct marker read;
    uint32_t refused = 0;
    uint32_t accepted = 0;
    for (size_t place = 0; place < sizeof sample_bytes; place++) {
        uint8_t bytes[sizeof sample_bytes];
        memcpy(bytes, sample_bytes, sizeof bytes);
        for (uint32_t change = 1; change < 256; change++) {
            bytes[place] = (uint8_t)(sample_bytes[place] ^ change);
            if (!decode(&read, bytes, sizeof bytes)) {
                refused++;
                continue;
            }
            uint8_t again[sizeof sample_bytes];
            assert_int_equal(crdt_seen_encode(&read.seen, again, sizeof again), sizeof bytes);
            assert_memory_equal(again, bytes, sizeof bytes);
            accepted++;
        }
    }
    assert_true(refused > 1000 && accepted > 1000);
}

static void assert_refused_with(size_t place, uint8_t value)
{
    static struct marker read;
    uint8_t bytes[sizeof sample_bytes];
    memcpy(bytes, sample_bytes, sizeof bytes);
    assert_int_not_equal(bytes[place], value);
    bytes[place] = value;
    assert_false(decode(&read, bytes, sizeof bytes));
}

static void what_no_encoder_writes_is_refused(void **state)
{
    (void)state;
    assert_refused_with(0, 0); /* versions */
    assert_refused_with(0, 2);
    assert_refused_with(AT_HAS_HIGH, 0); /* a high end that is not there, with bytes */
    assert_refused_with(AT_HAS_HIGH, 2);
    assert_refused_with(AT_CLOCK + 2 + 7, 9); /* clock: an actor twice */
    assert_refused_with(AT_CLOCK + 2 + 7, 10);
    assert_refused_with(AT_CLOCK + 2 + 15, 0);  /* a counter of 0 */
    assert_refused_with(AT_CLOCK + 2 + 15, 4);  /* the clock covers the first item */
    assert_refused_with(AT_FIRST_KEY + 2, 'a'); /* outside the interval */
    assert_refused_with(AT_FIRST_KEY + 2, 'c'); /* "c1" before "c" */
    assert_refused_with(AT_SECOND_KEY + 2, 'd');
    assert_refused_with(AT_SECOND_KEY + 2, 'b');   /* "b" after "b1" */
    assert_refused_with(AT_FIRST_KEY + 6 + 15, 3); /* covered */
    assert_refused_with(AT_SECOND_KEY + 5 + 7, 9); /* an actor twice */
    assert_refused_with(3, 'c');                   /* the interval has moved above the first item */
    assert_refused_with(7, 'c');
}

static void a_count_that_claims_more_than_there_is_is_refused(void **state)
{
    (void)state;
    static const size_t counts[] = {
        1, AT_HAS_HIGH + 1, AT_CLOCK, AT_ITEMS, AT_FIRST_KEY, AT_FIRST_KEY + 4, AT_SECOND_KEY, AT_SECOND_KEY + 3};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_refused_with(counts[i], 0xff);
        assert_refused_with(counts[i], 1);
        assert_refused_with(counts[i] + 1, 0xff);
        assert_refused_with(counts[i] + 1, 3);
        assert_refused_with(counts[i] + 1, 0);
    }
}

static void a_marker_that_does_not_fit_the_readers_arrays_is_refused(void **state)
{
    (void)state;
    static struct marker read;
    for (uint32_t clock = 0; clock <= 2; clock++) {
        for (uint32_t items = 0; items <= 2; items++) {
            for (uint32_t dots = 0; dots <= 3; dots++) {
                marker_init(&read);
                read.seen.clock.capacity = clock;
                read.seen.items_capacity = items;
                bool is_read = crdt_seen_decode(sample_bytes, sizeof sample_bytes, &read.seen,
                                                dots > 0 ? read.dots : NULL, dots);
                assert_int_equal(is_read, clock == 2 && items == 2 && dots == 3);
            }
        }
    }
}

/* A marker without interval or clock, with so many items that all begin with the same actor. */
static size_t many_items(uint8_t *bytes, uint32_t items_count)
{
    static const uint8_t context[] = {0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t head[] = {1, 0, 0, 0, 0, 0, 0, 0};
    memcpy(bytes, head, sizeof head);
    size_t used = sizeof head;
    bytes[used++] = (uint8_t)(items_count >> 8);
    bytes[used++] = (uint8_t)items_count;
    for (uint32_t i = 0; i < items_count; i++) {
        const uint8_t key[] = {0, 2, (uint8_t)(i >> 8), (uint8_t)i};
        memcpy(bytes + used, key, sizeof key);
        memcpy(bytes + used + sizeof key, context, sizeof context);
        used += sizeof key + sizeof context;
    }
    return used;
}

static void a_key_that_comes_twice_is_refused(void **state)
{
    (void)state;
    static struct marker read;
    uint8_t bytes[64];
    size_t used = many_items(bytes, 2);
    assert_true(decode(&read, bytes, used));
    marker_init(&read);
    assert_true(crdt_seen_decode(bytes, used, &read.seen, read.dots, 2)); /* room for just these */
    bytes[used - 19] = 0;                                                 /* the end of the second key */
    assert_false(decode(&read, bytes, used));
}

static void more_items_or_bytes_than_the_bounds_are_refused(void **state)
{
    (void)state;
    static struct marker read;
    static uint8_t bytes[CRDT_SEEN_BYTES_MAX + 1];
    assert_true(decode(&read, bytes, many_items(bytes, CRDT_SEEN_ITEMS_MAX)));
    assert_int_equal(read.seen.items_count, CRDT_SEEN_ITEMS_MAX);
    assert_false(decode(&read, bytes, many_items(bytes, CRDT_SEEN_ITEMS_MAX + 1)));
    assert_false(decode(&read, bytes, sizeof bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_marker_is_written_as_its_header_says),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_empty_marker_has_ten_bytes),
        cmocka_unit_test(items_outside_or_covered_are_not_written),
        cmocka_unit_test(items_that_do_not_fit_are_left_out_from_the_end),
        cmocka_unit_test(over_long_keys_are_not_written),
        cmocka_unit_test(no_marker_is_larger_than_its_bound),
        cmocka_unit_test(no_more_items_are_written_than_may_be_read),
        cmocka_unit_test(a_marker_cut_anywhere_is_refused_and_so_is_one_with_a_byte_more),
        cmocka_unit_test(a_changed_byte_is_refused_or_makes_another_marker),
        cmocka_unit_test(what_no_encoder_writes_is_refused),
        cmocka_unit_test(a_count_that_claims_more_than_there_is_is_refused),
        cmocka_unit_test(a_marker_that_does_not_fit_the_readers_arrays_is_refused),
        cmocka_unit_test(a_key_that_comes_twice_is_refused),
        cmocka_unit_test(more_items_or_bytes_than_the_bounds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
