/* Pages of items and of index rows, against a plain sorted array: every interval, both ways, every page size. */
#include "tests/lib/random.h"
#include "tests/lib/store_rig.h"

#include <stdlib.h>

enum { KEYS_MAX = 150, KEY_BYTES_MAX = 16 };

struct name {
    uint8_t bytes[KEY_BYTES_MAX];
    size_t length;
};

struct names {
    struct name names[KEYS_MAX];
    uint32_t count;
};

static struct span span_of_name(const struct name *name)
{
    return span_of(name->bytes, name->length);
}

/* Up to three characters: both ends of the order, ASCII, two bytes and four. */
static struct name random_name(struct random *random)
{
    static const char *const characters[5] = {"\0", "\x01", "a", "\xc3\xa9", "\xf4\x8f\xbf\xbf"};
    static const size_t lengths[5] = {1, 1, 1, 2, 4};
    struct name name = {.length = 0};
    for (uint32_t i = random_below(random, 4); i > 0; i--) {
        uint32_t which = random_below(random, 5);
        memcpy(name.bytes + name.length, characters[which], lengths[which]);
        name.length += lengths[which];
    }
    return name;
}

/* Into its place; false when it is there already. */
static bool names_add(struct names *names, const struct name *name)
{
    uint32_t place = 0;
    while (place < names->count && span_compare(span_of_name(&names->names[place]), span_of_name(name)) < 0)
        place++;
    if (place < names->count && span_is_equal(span_of_name(&names->names[place]), span_of_name(name)))
        return false;
    assert_true(names->count < KEYS_MAX);
    memmove(&names->names[place + 1], &names->names[place], (names->count - place) * sizeof names->names[0]);
    names->names[place] = *name;
    names->count++;
    return true;
}

static void names_fill(struct names *names, struct random *random)
{
    names->count = 0;
    for (int i = 0; i < KEYS_MAX; i++) {
        struct name name = random_name(random);
        names_add(names, &name);
    }
    assert_true(names->count > 40);
}

/* An interval whose bounds lie in `bounds`. Open ends and empty intervals are among them. */
static struct op_interval random_interval(struct random *random, struct name bounds[2])
{
    bounds[0] = random_name(random);
    bounds[1] = random_name(random);
    struct op_interval interval = {
        .low = random_once_in(random, 3) ? span_of(NULL, 0) : span_of_name(&bounds[0]),
        .low_is_open = random_once_in(random, 3),
        .has_high = !random_once_in(random, 3),
        .high_is_in = random_once_in(random, 3),
    };
    if (interval.has_high) interval.high = span_of_name(&bounds[1]);
    return interval;
}

static bool is_in(const struct op_interval *interval, struct span name)
{
    int low = span_compare(name, interval->low);
    int high = interval->has_high ? span_compare(name, interval->high) : -1;
    return (interval->low_is_open ? low > 0 : low >= 0) && (interval->high_is_in ? high <= 0 : high < 0);
}

/* The names of the interval, in the asked order, taken off one by one. */
struct expected {
    const struct names *names;
    const struct op_interval *interval;
    bool is_reverse;
    uint32_t taken;
};

static const struct name *expected_next(struct expected *expected)
{
    while (expected->taken < expected->names->count) {
        uint32_t index = expected->is_reverse ? expected->names->count - 1 - expected->taken : expected->taken;
        expected->taken++;
        const struct name *name = &expected->names->names[index];
        if (is_in(expected->interval, span_of_name(name))) return name;
    }
    return NULL;
}

/* Go on behind `last`. */
static void interval_follow(struct op_interval *interval, bool is_reverse, struct span last)
{
    if (is_reverse) {
        interval->high = last;
        interval->has_high = true;
        interval->high_is_in = false;
    } else {
        interval->low = last;
        interval->low_is_open = true;
    }
}

/* --- items ---------------------------------------------------------------------------------------------- */

static void put_names(struct rig *rig, const char *partition_key, const struct names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        struct op_write_item item = {.key = {RIG_BUCKET, span_text(partition_key), span_of_name(&names->names[i])},
                                     .value = span_of_name(&names->names[i])};
        struct op op = rig_write_op(rig, &item, 1);
        rig_run(rig, &op, 1);
        assert_ok(op.err);
    }
}

static void expect_range(struct rig *rig, const char *partition_key, const struct names *names,
                         struct op_interval interval, bool is_reverse, uint32_t items_max)
{
    struct op_interval whole = interval;
    struct expected expected = {.names = names, .interval = &whole, .is_reverse = is_reverse};
    for (bool is_end = false; !is_end;) {
        struct op op = {.kind = OP_RANGE,
                        .arena = &rig->arena,
                        .range = {.key = rig_key(partition_key, "not used"),
                                  .interval = interval,
                                  .is_reverse = is_reverse,
                                  .items_max = items_max}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        is_end = op.range.is_end;
        assert_true(op.range.items_count <= items_max);
        if (!is_end) assert_int_equal(op.range.items_count, items_max);
        for (uint32_t i = 0; i < op.range.items_count; i++) {
            const struct name *name = expected_next(&expected);
            assert_non_null(name);
            assert_span(op.range.items[i].sort_key, span_of_name(name));
            const struct crdt_dvvs *item = &op.range.items[i].state;
            assert_int_equal(item->writes_count, 1);
            assert_span(span_of(item->writes[0].value, item->writes[0].value_bytes), span_of_name(name));
        }
        if (!is_end) interval_follow(&interval, is_reverse, op.range.items[op.range.items_count - 1].sort_key);
        struct expected rest = expected;
        assert_int_equal(is_end, expected_next(&rest) == NULL); /* the end is said as soon as it is reached */
    }
}

static void every_interval_is_read_page_by_page(void **state)
{
    struct rig *rig = *state;
    static const char *const partition_keys[3] = {"room", "hall", "yard"};
    static struct names names[3];
    struct random random = random_begin(__func__);
    for (int i = 0; i < 3; i++) {
        names_fill(&names[i], &random);
        put_names(rig, partition_keys[i], &names[i]);
    }
    for (int round = 0; round < 1500; round++) {
        struct name bounds[2];
        struct op_interval interval = random_interval(&random, bounds);
        uint32_t which = random_below(&random, 3);
        uint32_t items_max = random_once_in(&random, 4) ? OP_RANGE_ITEMS_MAX : 1 + random_below(&random, 9);
        expect_range(rig, partition_keys[which], &names[which], interval, random_once_in(&random, 2), items_max);
        rig_forget(rig);
    }
}

static void a_partition_with_nothing_in_it_has_an_empty_page(void **state)
{
    struct rig *rig = *state;
    static struct names none;
    struct op_interval all = {0};
    expect_range(rig, "room", &none, all, false, 5);
    expect_range(rig, "room", &none, all, true, 5);
    rig_put(rig, "hall", "a", NULL, "1");
    expect_range(rig, "room", &none, all, false, 5);
    expect_range(rig, "room", &none, all, true, 5);
}

/* Bounds as long as keys may be; they need not be keys. */
static void the_longest_bounds_are_taken(void **state)
{
    struct rig *rig = *state;
    static struct names names;
    uint8_t longest[KEYS_SORT_KEY_BYTES_MAX];
    memset(longest, 'a', sizeof longest);
    struct name a = {.bytes = "a", .length = 1};
    struct name b = {.bytes = "b", .length = 1};
    names_add(&names, &a);
    names_add(&names, &b);
    put_names(rig, "room", &names);
    struct op_interval interval = {.low = span_of(longest, sizeof longest)};
    expect_range(rig, "room", &names, interval, false, 5);
    interval = (struct op_interval){.high = span_of(longest, sizeof longest), .has_high = true};
    expect_range(rig, "room", &names, interval, true, 5);
}

static void a_page_ends_after_a_mebibyte_but_never_before_its_first_item(void **state)
{
    enum { ITEM_BYTES = 300 * 1024, LARGE_BYTES = 2 * OP_RANGE_BYTES_MAX };
    struct rig *rig = *state;
    char *value = malloc(LARGE_BYTES + 1);
    assert_non_null(value);
    memset(value, 'x', LARGE_BYTES);
    value[LARGE_BYTES] = '\0';
    rig_put(rig, "room", "0 large", NULL, value);
    value[ITEM_BYTES] = '\0';
    for (int i = 0; i < 5; i++) {
        char key[2] = {(char)('a' + i), 0};
        rig_put(rig, "room", key, NULL, value);
    }
    static const uint32_t counts[3] = {1, 4, 1};
    struct op_interval interval = {0};
    for (int page = 0; page < 3; page++) {
        struct op op = {.kind = OP_RANGE,
                        .arena = &rig->arena,
                        .range = {.key = rig_key("room", ""), .interval = interval, .items_max = 100}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        assert_int_equal(op.range.items_count, counts[page]);
        assert_int_equal(op.range.is_end, page == 2);
        interval_follow(&interval, false, op.range.items[op.range.items_count - 1].sort_key);
    }
    free(value);
}

/* --- index ---------------------------------------------------------------------------------------------- */

/* Buckets whose rows are the first, the last and in the middle of the table, and two that are neighbours. */
static const uint8_t BUCKETS[4][KEYS_BUCKET_ID_BYTES] = {
    {0},
    "bucket a",
    "bucket b",
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
};

/* Every third partition has nothing but a tombstone and is not listed. */
static void put_partitions(struct rig *rig, const uint8_t *bucket_id, const struct names *names,
                           struct names *listed)
{
    listed->count = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        struct op_write_item item = {.key = {bucket_id, span_of_name(&names->names[i]), span_text("item")},
                                     .kind = i % 3 == 0 ? CRDT_TOMBSTONE : CRDT_VALUE};
        if (i % 3 != 0) item.value = span_of_name(&names->names[i]);
        struct op op = rig_write_op(rig, &item, 1);
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        if (i % 3 != 0) assert_true(names_add(listed, &names->names[i]));
    }
}

static void expect_index(struct rig *rig, const uint8_t *bucket_id, const struct names *listed,
                         struct op_interval interval, bool is_reverse, uint32_t rows_max)
{
    struct op_interval whole = interval;
    struct expected expected = {.names = listed, .interval = &whole, .is_reverse = is_reverse};
    for (bool is_end = false; !is_end;) {
        struct op op = {
            .kind = OP_INDEX,
            .arena = &rig->arena,
            .index = {
                .bucket_id = bucket_id, .interval = interval, .is_reverse = is_reverse, .rows_max = rows_max}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        is_end = op.index.is_end;
        assert_true(op.index.rows_count <= rows_max);
        for (uint32_t i = 0; i < op.index.rows_count; i++) {
            const struct name *name = expected_next(&expected);
            assert_non_null(name);
            assert_span(op.index.rows[i].partition_key, span_of_name(name));
            assert_int_equal(op.index.rows[i].tally.entries, 1);
            assert_int_equal(op.index.rows[i].tally.bytes, name->length);
        }
        if (!is_end) interval_follow(&interval, is_reverse, op.index.last);
    }
    assert_null(expected_next(&expected));
}

static void every_interval_of_the_index_is_read_page_by_page(void **state)
{
    struct rig *rig = *state;
    static struct names names;
    static struct names listed[4];
    struct random random = random_begin(__func__);
    for (int i = 0; i < 4; i++) {
        names_fill(&names, &random);
        put_partitions(rig, BUCKETS[i], &names, &listed[i]);
    }
    for (int round = 0; round < 1500; round++) {
        struct name bounds[2];
        struct op_interval interval = random_interval(&random, bounds);
        uint32_t which = random_below(&random, 4);
        uint32_t rows_max = random_once_in(&random, 4) ? OP_RANGE_ITEMS_MAX : 1 + random_below(&random, 9);
        expect_index(rig, BUCKETS[which], &listed[which], interval, random_once_in(&random, 2), rows_max);
        rig_forget(rig);
    }
}

/* H21: a page is short also where nothing is listed. */
static void rows_that_are_not_listed_bound_a_page_too(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 12; i++) {
        char key[4];
        snprintf(key, sizeof key, "%02d", i);
        rig_put(rig, key, "item", NULL, NULL);
    }
    struct op_interval interval = {0};
    for (int page = 0; page < 3; page++) {
        struct op op = {.kind = OP_INDEX,
                        .arena = &rig->arena,
                        .index = {.bucket_id = RIG_BUCKET, .interval = interval, .rows_max = 5}};
        rig_run(rig, &op, 1);
        assert_ok(op.err);
        assert_int_equal(op.index.rows_count, 0);
        assert_int_equal(op.index.is_end, page == 2);
        if (page < 2) assert_span_text(op.index.last, page == 0 ? "04" : "09");
        interval_follow(&interval, false, op.index.last);
    }
}

static void a_bucket_with_nothing_in_it_has_an_empty_index(void **state)
{
    struct rig *rig = *state;
    static struct names none;
    for (int i = 0; i < 4; i++) {
        expect_index(rig, BUCKETS[i], &none, (struct op_interval){0}, false, 5);
        expect_index(rig, BUCKETS[i], &none, (struct op_interval){0}, true, 5);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(every_interval_is_read_page_by_page),
        rig_test(a_partition_with_nothing_in_it_has_an_empty_page),
        rig_test(the_longest_bounds_are_taken),
        rig_test(a_page_ends_after_a_mebibyte_but_never_before_its_first_item),
        rig_test(every_interval_of_the_index_is_read_page_by_page),
        rig_test(rows_that_are_not_listed_bound_a_page_too),
        rig_test(a_bucket_with_nothing_in_it_has_an_empty_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
