/* Seen markers as text: read as they were written, for their own partition and range or a part of it (H8). */
#include "node/request/marker.h"
#include "tests/lib/check.h"

#include <sodium/utils.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 25 };

static const uint8_t BUCKET_ID[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";
static const uint8_t OTHER_ID[KEYS_BUCKET_ID_BYTES] = "another bucket, also of 32 byte";
static const uint8_t TOKEN_KEY[HASH_KEY_BYTES] = "the token key of the test's node";
static const uint8_t OTHER_KEY[HASH_KEY_BYTES] = "the token key of another cluster";

struct rig {
    struct arena arena;
    struct service service;
    struct op_key key;
};

static int set_up(void **state)
{
    static struct rig rig;
    memset(&rig, 0, sizeof rig);
    arena_init(&rig.arena, ARENA_BYTES);
    rig.service.token_key = TOKEN_KEY;
    rig.key = (struct op_key){BUCKET_ID, span_text("p"), {NULL, 0}};
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&((struct rig *)*state)->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* "b" to "n"; high NULL: to the end. */
static struct crdt_interval interval_of(const char *low, const char *high)
{
    return (struct crdt_interval){(const uint8_t *)low, strlen(low), (const uint8_t *)high,
                                  high == NULL ? 0 : strlen(high), high != NULL};
}

static const struct crdt_interval *whole(void)
{
    static struct crdt_interval interval;
    interval = interval_of("", NULL);
    return &interval;
}

/* A marker that has seen actor 1 up to 100, and `items` items of actors of their own. */
static struct crdt_seen seen_of(struct rig *rig, const struct crdt_interval *interval, uint32_t items)
{
    struct crdt_seen seen;
    assert_true(marker_begin(interval, &rig->arena, &seen));
    const uint64_t own = 1;
    for (uint32_t i = 0; i <= items; i++) {
        char *sort_key = arena_alloc(&rig->arena, 16);
        struct crdt_dot *dots = arena_array(&rig->arena, 2, sizeof *dots);
        assert_non_null(sort_key);
        assert_non_null(dots);
        snprintf(sort_key, 16, "c%05u", i);
        dots[0] = (struct crdt_dot){1, 100};
        dots[1] = (struct crdt_dot){10 + i, 7};
        const struct crdt_vclock context = {dots, i == 0 ? 1 : 2, 2};
        crdt_seen_absorb(&seen, &own, 1, (const uint8_t *)sort_key, strlen(sort_key), &context);
    }
    return seen;
}

static bool is_read(struct rig *rig, const struct op_key *key, const struct crdt_interval *interval,
                    struct http_span text, struct crdt_seen *seen)
{
    bool is_memory = true;
    bool read = marker_read(&rig->service, key, interval, text, &rig->arena, &rig->arena, seen, &is_memory);
    assert_false(is_memory);
    return read;
}

static struct http_span write_marker(struct rig *rig, const struct crdt_seen *seen)
{
    struct http_span text = marker_write(&rig->service, &rig->key, seen, &rig->arena);
    assert_non_null(text.at);
    return text;
}

static void a_marker_is_read_as_it_was_written(void **state)
{
    struct rig *rig = *state;
    static const uint32_t counts[] = {0, 1, 2, 100, CRDT_SEEN_ITEMS_MAX - 1, CRDT_SEEN_ITEMS_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct crdt_seen seen = seen_of(rig, whole(), counts[i]);
        struct crdt_seen read;
        assert_int_equal(seen.items_count, counts[i]);
        assert_true(is_read(rig, &rig->key, whole(), write_marker(rig, &seen), &read));
        assert_true(crdt_vclock_is_equal(&seen.clock, &read.clock));
        assert_int_equal(read.items_count, counts[i]);
        for (uint32_t j = 0; j < read.items_count; j++) {
            assert_span(span_of(read.items[j].sort_key, read.items[j].sort_key_bytes),
                        span_of(seen.items[j].sort_key, seen.items[j].sort_key_bytes));
            assert_true(crdt_vclock_is_equal(&read.items[j].context, &seen.items[j].context));
        }
        arena_reset(&rig->arena);
    }
}

/* A copy can be absorbed into while the first still says what is new. */
static void a_copy_goes_its_own_way(void **state)
{
    struct rig *rig = *state;
    struct crdt_seen seen = seen_of(rig, whole(), 2);
    struct crdt_seen copy;
    struct crdt_dot dot = {1, 200};
    const struct crdt_vclock context = {&dot, 1, 1};
    const uint64_t own = 1;
    assert_true(marker_copy(&seen, &rig->arena, &copy));
    crdt_seen_absorb(&copy, &own, 1, (const uint8_t *)"x", 1, &context);
    assert_true(crdt_seen_is_new(&seen, (const uint8_t *)"x", 1, &context));
    assert_false(crdt_seen_is_new(&copy, (const uint8_t *)"x", 1, &context));
    assert_int_equal(crdt_vclock_get(&seen.clock, 1), 100);
}

/* --- bound to its place --------------------------------------------------------------------------------- */

static void a_marker_is_good_for_its_partition_only(void **state)
{
    struct rig *rig = *state;
    struct crdt_seen seen = seen_of(rig, whole(), 1);
    struct crdt_seen read;
    struct http_span text = write_marker(rig, &seen);
    const struct op_key other_partition = {BUCKET_ID, span_text("q"), {NULL, 0}};
    const struct op_key other_bucket = {OTHER_ID, span_text("p"), {NULL, 0}};
    assert_false(is_read(rig, &other_partition, whole(), text, &read));
    assert_false(is_read(rig, &other_bucket, whole(), text, &read));
    rig->service.token_key = OTHER_KEY;
    assert_false(is_read(rig, &rig->key, whole(), text, &read));
}

static void a_marker_is_good_for_its_range_or_a_part_of_it(void **state)
{
    struct rig *rig = *state;
    const struct crdt_interval own = interval_of("b", "n");
    struct crdt_seen seen = seen_of(rig, &own, 3);
    struct http_span text = write_marker(rig, &seen);
    static const struct {
        const char *low, *high;
        bool is_good;
        uint32_t items;
    } rows[] = {
        {"b", "n", true, 3},  {"c", "d", true, 3},   {"c00002", "n", true, 2}, {"b", "c00002", true, 1},
        {"k", "l", true, 0},  {"z", "a", true, 0}, /* the empty range is a part of every one */
        {"a", "n", false, 0}, {"b", "na", false, 0}, {"b", NULL, false, 0},    {"", "n", false, 0},
        {"n", "o", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct crdt_interval wanted = interval_of(rows[i].low, rows[i].high);
        struct crdt_seen read;
        bool is_good = is_read(rig, &rig->key, &wanted, text, &read);
        if (is_good != rows[i].is_good) fail_msg("row %zu", i);
        if (is_good) assert_int_equal(read.items_count, rows[i].items);
    }
}

/* --- texts of others ------------------------------------------------------------------------------------ */

static void no_changed_text_is_taken(void **state)
{
    struct rig *rig = *state;
    const struct crdt_interval own = interval_of("b", "n");
    struct crdt_seen seen = seen_of(rig, &own, 1);
    struct crdt_seen read;
    struct http_span text = write_marker(rig, &seen);
    char *copy = malloc(text.length + 8);
    assert_non_null(copy);
    struct arena arena = rig->arena; /* the marker stays in it */
    for (size_t i = 0; i < text.length; i++) {
        for (int bit = 0; bit < 7; bit++) {
            memcpy(copy, text.at, text.length);
            copy[i] ^= (char)(1 << bit);
            arena_init(&rig->arena, ARENA_BYTES);
            assert_false(is_read(rig, &rig->key, &own, (struct http_span){copy, text.length}, &read));
            arena_deinit(&rig->arena);
        }
        memcpy(copy, text.at, text.length);
        arena_init(&rig->arena, ARENA_BYTES);
        assert_false(is_read(rig, &rig->key, &own, (struct http_span){copy, i}, &read));
        arena_deinit(&rig->arena);
    }
    rig->arena = arena;
    memcpy(copy, text.at, text.length);
    memcpy(copy + text.length, "AAAA", 4);
    assert_false(is_read(rig, &rig->key, &own, (struct http_span){copy, text.length + 4}, &read));
    free(copy);
}

static void texts_of_any_length_are_refused(void **state)
{
    struct rig *rig = *state;
    size_t length_max = CRDT_SEEN_BYTES_MAX * 2;
    char *text = malloc(length_max);
    struct crdt_seen read;
    assert_non_null(text);
    memset(text, 'A', length_max);
    for (size_t length = 0; length < length_max; length += 1 + length / 16) {
        assert_false(is_read(rig, &rig->key, whole(), (struct http_span){text, length}, &read));
        arena_reset(&rig->arena);
    }
    free(text);
}

/* I25: the largest marker there can be still fits the body of the next poll. */
static void the_largest_marker_fits_a_body(void **state)
{
    struct rig *rig = *state;
    struct crdt_seen seen;
    static char keys[CRDT_SEEN_ITEMS_MAX][KEYS_SORT_KEY_BYTES_MAX];
    struct crdt_dot *dots = arena_array(&rig->arena, CRDT_VCLOCK_MAX, sizeof *dots);
    assert_non_null(dots);
    assert_true(marker_begin(whole(), &rig->arena, &seen));
    for (uint32_t i = 0; i < CRDT_VCLOCK_MAX; i++)
        dots[i] = (struct crdt_dot){1000 + i, 7};
    const struct crdt_vclock context = {dots, CRDT_VCLOCK_MAX, CRDT_VCLOCK_MAX};
    for (uint32_t i = 0; i < CRDT_SEEN_ITEMS_MAX; i++) {
        memset(keys[i], 'k', sizeof keys[i]);
        keys[i][sizeof keys[i] - 1] = (char)('a' + i % 26);
        keys[i][sizeof keys[i] - 2] = (char)('a' + i / 26);
        crdt_seen_absorb(&seen, NULL, 0, (const uint8_t *)keys[i], sizeof keys[i], &context);
    }
    assert_int_equal(seen.items_count, CRDT_SEEN_ITEMS_MAX);
    struct http_span text = write_marker(rig, &seen);
    print_message("the largest marker has %zu characters\n", text.length);
    assert_true(text.length + 3 * (KEYS_SORT_KEY_BYTES_MAX * 6 + 20) < LIMITS_POLL_BODY_BYTES_MAX);
    struct crdt_seen read;
    assert_true(is_read(rig, &rig->key, whole(), text, &read));
    assert_true(read.items_count > 0); /* what did not fit will be sent again */
}

/* With the right seal, but no marker inside: what another version of this program might have sealed. */
static void sealed_bytes_that_are_no_marker_are_refused(void **state)
{
    struct rig *rig = *state;
    static const uint8_t bodies[][3] = {{0}, {1}, {1, 0, 1}, {2, 0, 0}, {0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        uint8_t bytes[16 + sizeof bodies[0]];
        char text[2 * sizeof bytes];
        struct hash_keyed keyed;
        struct crdt_seen read;
        hash_keyed_init(&keyed, TOKEN_KEY);
        hash_keyed_add(&keyed, "seen", 4);
        hash_keyed_add(&keyed, BUCKET_ID, sizeof BUCKET_ID);
        hash_keyed_add_field(&keyed, rig->key.partition_key);
        hash_keyed_add(&keyed, bodies[i], sizeof bodies[i]);
        hash_keyed_128(&keyed, bytes);
        memcpy(bytes + 16, bodies[i], sizeof bodies[i]);
        sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, sodium_base64_VARIANT_ORIGINAL);
        assert_false(is_read(rig, &rig->key, whole(), (struct http_span){text, strlen(text)}, &read));
    }
}

/* A range with an end longer than a key has nothing to keep: the caller has refused such an end before. */
static void a_range_too_long_for_a_marker_has_none(void **state)
{
    struct rig *rig = *state;
    static const uint8_t high[CRDT_SEEN_KEY_BYTES_MAX + 1];
    const struct crdt_interval interval = {NULL, 0, high, sizeof high, true};
    struct crdt_seen seen;
    assert_true(marker_begin(&interval, &rig->arena, &seen));
    assert_null(marker_write(&rig->service, &rig->key, &seen, &rig->arena).at);
}

/* --- memory --------------------------------------------------------------------------------------------- */

static void a_marker_without_memory_says_so(void **state)
{
    struct rig *rig = *state;
    struct crdt_seen seen = seen_of(rig, whole(), 3);
    struct http_span text = write_marker(rig, &seen);
    uint32_t failures = 0;
    for (size_t ceiling_bytes = 0;; ceiling_bytes += 64) {
        struct arena arena;
        struct arena scratch;
        struct crdt_seen read;
        bool is_memory = false;
        arena_init(&arena, ceiling_bytes);
        arena_init(&scratch, ceiling_bytes);
        bool read_it = marker_read(&rig->service, &rig->key, whole(), text, &arena, &scratch, &read, &is_memory);
        assert_true(read_it || is_memory);
        arena_deinit(&scratch); /* what was read does not need it */
        if (read_it) assert_true(write_marker(rig, &read).length == text.length);
        size_t held_bytes = arena.held_bytes;
        arena_deinit(&arena);
        failures++;
        if (!read_it) continue;
        assert_true(held_bytes < 4096); /* as much as it holds, not as much as the largest could */
        break;
    }
    assert_true(failures > 5);
}

/* The way there has memory, and what is kept runs out of it at each of its pieces. */
static void a_marker_that_cannot_be_kept_says_so(void **state)
{
    struct rig *rig = *state;
    struct crdt_seen seen = seen_of(rig, whole(), 3);
    struct http_span text = write_marker(rig, &seen);
    bool read_it = false;
    for (size_t ceiling_bytes = 0; !read_it; ceiling_bytes += 8) {
        struct arena arena;
        struct arena scratch;
        struct crdt_seen read;
        bool is_memory = false;
        arena_init(&arena, ceiling_bytes);
        arena_init(&scratch, ARENA_BYTES);
        read_it = marker_read(&rig->service, &rig->key, whole(), text, &arena, &scratch, &read, &is_memory);
        assert_true(read_it != is_memory);
        arena_deinit(&scratch);
        arena_deinit(&arena);
    }
}

/* A marker is written and copied with more and more memory, until it is enough. */
static void a_marker_is_whole_or_not_there(void **state)
{
    struct rig *rig = *state;
    struct crdt_seen seen = seen_of(rig, whole(), 3);
    struct http_span whole_text = write_marker(rig, &seen);
    uint32_t copies = 0;
    uint32_t texts = 0;
    for (size_t ceiling_bytes = 0; copies == 0 || texts == 0; ceiling_bytes += 256) {
        struct arena arena;
        struct crdt_seen copy;
        arena_init(&arena, ceiling_bytes);
        if (marker_copy(&seen, &arena, &copy)) {
            assert_int_equal(copy.items_count, seen.items_count);
            copies++;
        }
        arena_reset(&arena);
        struct http_span text = marker_write(&rig->service, &rig->key, &seen, &arena);
        if (text.at != NULL) {
            assert_span(span_of(text.at, text.length), span_of(whole_text.at, whole_text.length));
            texts++;
        }
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_marker_is_read_as_it_was_written),
        rig_test(a_copy_goes_its_own_way),
        rig_test(a_marker_is_good_for_its_partition_only),
        rig_test(a_marker_is_good_for_its_range_or_a_part_of_it),
        rig_test(no_changed_text_is_taken),
        rig_test(texts_of_any_length_are_refused),
        rig_test(sealed_bytes_that_are_no_marker_are_refused),
        rig_test(a_range_too_long_for_a_marker_has_none),
        rig_test(the_largest_marker_fits_a_body),
        rig_test(a_marker_without_memory_says_so),
        rig_test(a_marker_that_cannot_be_kept_says_so),
        rig_test(a_marker_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
