/* Rows as bytes: the one form of each content, and every other refused. */
#include "tests/lib/record_check.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { ARENA_BYTES = 1 << 24, COLUMNS_MAX = 6, WRITES_MAX = 12 };

static const uint8_t BUCKET[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";
static const char KEY[] = "0123456789abcdefsort key";

static struct span key_of_tests(void)
{
    return span_text(KEY);
}

static int set_up(void **state)
{
    static struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(*state);
    return 0;
}

/* --- samples -------------------------------------------------------------------------------------------- */

struct sample {
    struct crdt_column columns[COLUMNS_MAX];
    struct crdt_write writes[WRITES_MAX];
    uint8_t values[WRITES_MAX][300];
    struct record_item item;
};

static void sample_write(struct sample *sample, uint64_t actor, uint64_t counter, const char *value)
{
    struct crdt_write write = {.counter = counter, .kind = value == NULL ? CRDT_TOMBSTONE : CRDT_VALUE};
    if (value != NULL) {
        write.value = (const uint8_t *)value;
        write.value_bytes = (uint32_t)strlen(value);
    }
    assert_true(crdt_dvvs_add(&sample->item.state, actor, write));
}

static void sample_init(struct sample *sample)
{
    sample->item = (struct record_item){
        .bucket_id = span_of(BUCKET, sizeof BUCKET),
        .partition_key = span_text("room"),
        .state = crdt_dvvs_over(sample->columns, COLUMNS_MAX, sample->writes, WRITES_MAX),
    };
}

/* 5{3; 7:one, 300:-} 9{2; } */
static void sample_fill(struct sample *sample)
{
    struct crdt_dot dots[2] = {{5, 3}, {9, 2}};
    struct crdt_vclock context = {.entries = dots, .count = 2, .capacity = 2};
    sample_init(sample);
    assert_true(crdt_dvvs_discard(&sample->item.state, &context));
    sample_write(sample, 5, 7, "one");
    sample_write(sample, 5, 300, NULL);
}

static uint64_t random_number(struct random *random)
{
    return random_u64(random) >> random_below(random, 64);
}

static void random_column(struct sample *sample, struct random *random, struct crdt_column *column)
{
    struct crdt_dvvs *state = &sample->item.state;
    uint64_t counter = random_number(random) >> 8;
    column->discard = counter;
    uint32_t room = WRITES_MAX - state->writes_count;
    column->writes_count = random_below(random, room < 3 ? room + 1 : 4);
    if (counter == 0 && column->writes_count == 0) column->discard = 1;
    for (uint32_t i = 0; i < column->writes_count; i++) {
        uint8_t *value = sample->values[state->writes_count];
        uint32_t length = random_below(random, 2) * random_below(random, 300);
        bool is_tombstone = random_once_in(random, 4);
        memset(value, (int)random_below(random, 256), length);
        counter += 1 + (random_number(random) >> 8);
        state->writes[state->writes_count++] = (struct crdt_write){
            .counter = counter,
            .expires_at_ms = random_once_in(random, 3) ? random_number(random) : 0,
            .value = value,
            .value_bytes = is_tombstone ? 0 : length,
            .kind = is_tombstone ? CRDT_TOMBSTONE : CRDT_VALUE,
            .flags = (uint8_t)(random_once_in(random, 3) ? random_below(random, 256) : 0),
        };
    }
}

static void sample_random(struct sample *sample, struct random *random)
{
    static const char text[] = "a partition key of more than thirty-one bytes";
    sample_init(sample);
    sample->item.partition_key.length = random_below(random, sizeof text);
    sample->item.partition_key.bytes = (const uint8_t *)text;
    uint64_t actor = random_number(random) >> 4;
    sample->item.state.columns_count = random_below(random, COLUMNS_MAX + 1);
    for (uint32_t i = 0; i < sample->item.state.columns_count; i++) {
        random_column(sample, random, &sample->columns[i]);
        sample->columns[i].actor = actor;
        actor += 1 + (random_number(random) >> 4);
    }
    assert_true(crdt_dvvs_is_valid(&sample->item.state));
}

static struct span encode(const struct sample *sample, struct arena *arena)
{
    struct span row = record_encode_item(RECORD_CHECK_HASH_KEY, key_of_tests(), &sample->item, arena);
    assert_non_null(row.bytes);
    return row;
}

static enum err decode(struct span row, struct arena *arena, struct record_item *item)
{
    return record_decode_item(RECORD_CHECK_HASH_KEY, key_of_tests(), row, 0, arena, item);
}

static enum err decode_copy(struct span row, enum record_check_space space)
{
    bool is_canonical = true;
    enum err err = record_check_copy(space, key_of_tests(), row, &is_canonical);
    assert_true(is_canonical);
    return err;
}

/* --- items ---------------------------------------------------------------------------------------------- */

/* The format byte by byte (docs/disk-format.md); the hash as Python's hashlib.blake2b computes it. */
static void an_item_is_written_as_the_format_says(void **state)
{
    static const uint8_t body[] = "\x95\x01\xc4\x20"
                                  "a bucket of the tests, 32 bytes\0"
                                  "\xa4"
                                  "room"
                                  "\x02\x92"
                                  "\x93\x05\x03\x92"
                                  "\x95\x07\x00\x00\x00\xc4\x03"
                                  "one"
                                  "\x95\xcd\x01\x2c\x01\x00\x00\xc4\x00"
                                  "\x93\x09\x02\x90";
    struct sample sample;
    sample_fill(&sample);
    struct span row = encode(&sample, *state);
    assert_span(span_of(row.bytes + RECORD_HASH_BYTES, row.length - RECORD_HASH_BYTES),
                span_of(body, sizeof body - 1));
    char text[2 * RECORD_HASH_BYTES + 1] = "";
    hash_hex(row.bytes, RECORD_HASH_BYTES, text);
    assert_string_equal(text, "068ff8ddd6c0cd31");
}

static void random_items_come_back_equal_and_to_the_same_bytes(void **state)
{
    struct random random = random_begin(__func__);
    for (int round = 0; round < 3000; round++) {
        struct sample sample;
        struct record_item item;
        arena_reset(*state);
        sample_random(&sample, &random);
        struct span row = encode(&sample, *state);
        assert_ok(decode(row, *state, &item));
        assert_span(item.bucket_id, sample.item.bucket_id);
        assert_span(item.partition_key, sample.item.partition_key);
        assert_true(crdt_dvvs_is_equal(&item.state, &sample.item.state));
        assert_span(record_encode_item(RECORD_CHECK_HASH_KEY, key_of_tests(), &item, *state), row);
    }
}

static void a_read_item_has_the_room_that_was_asked_for(void **state)
{
    struct sample sample;
    struct record_item item;
    sample_fill(&sample);
    struct span row = encode(&sample, *state);
    assert_ok(record_decode_item(RECORD_CHECK_HASH_KEY, key_of_tests(), row, 7, *state, &item));
    assert_int_equal(item.state.columns_capacity, 2 + 7);
    assert_int_equal(item.state.writes_capacity, 2 + 1);
    assert_true(crdt_dvvs_add(&item.state, 77, (struct crdt_write){.counter = 1}));
}

static void large_values_and_many_writes_come_back(void **state)
{
    enum { LARGE_BYTES = 3 << 20 };
    static uint8_t large[LARGE_BYTES];
    struct sample sample;
    struct record_item item;
    sample_init(&sample);
    memset(large, 'x', sizeof large);
    for (uint64_t i = 1; i <= 3; i++)
        assert_true(crdt_dvvs_add(
            &sample.item.state, i,
            (struct crdt_write){.counter = i, .value = large, .value_bytes = LARGE_BYTES - (uint32_t)i}));
    struct span row = encode(&sample, *state);
    assert_true(row.length < 3 * LARGE_BYTES + 400);
    assert_ok(decode(row, *state, &item));
    assert_true(crdt_dvvs_is_equal(&item.state, &sample.item.state));
}

/* --- every kind of row, damaged ------------------------------------------------------------------------- */

static struct span row_of_kind(enum record_check_space space, struct arena *arena)
{
    static struct sample sample;
    struct record_count count = {.tally = {1, 300, 70000, UINT64_MAX}, .items = 5};
    struct crdt_lww document = {
        .time_us = 1749988800000001, .actor = 77, .payload = (const uint8_t *)"payload", .payload_bytes = 7};
    switch (space) {
    case RECORD_CHECK_ITEM: sample_fill(&sample); return encode(&sample, arena);
    case RECORD_CHECK_COUNT: return record_encode_count(RECORD_CHECK_HASH_KEY, key_of_tests(), &count, arena);
    case RECORD_CHECK_DOCUMENT:
        return record_encode_document(RECORD_CHECK_HASH_KEY, key_of_tests(), &document, arena);
    }
    return (struct span){0};
}

static const enum record_check_space SPACES[3] = {RECORD_CHECK_ITEM, RECORD_CHECK_COUNT, RECORD_CHECK_DOCUMENT};

static void rows_come_back_as_their_own_kind_only(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct span row = row_of_kind(SPACES[i], *state);
        for (int j = 0; j < 3; j++)
            assert_err(decode_copy(row, SPACES[j]), i == j ? ERR_OK : ERR_CORRUPT);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct span row = row_of_kind(SPACES[i], *state);
        uint8_t *copy = arena_copy(*state, row.bytes, row.length);
        for (size_t bit = 0; bit < row.length * 8; bit++) {
            copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_err(decode_copy(span_of(copy, row.length), SPACES[i]), ERR_CORRUPT);
            copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

static void every_cut_is_refused_even_with_a_hash_that_fits(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct span row = row_of_kind(SPACES[i], *state);
        uint8_t *copy = arena_copy(*state, row.bytes, row.length);
        for (size_t length = 0; length < row.length; length++) {
            memcpy(copy, row.bytes, row.length);
            assert_err(decode_copy(span_of(copy, length), SPACES[i]), ERR_CORRUPT);
            if (length < RECORD_HASH_BYTES) continue;
            record_check_seal(SPACES[i], key_of_tests(), copy, length);
            assert_err(decode_copy(span_of(copy, length), SPACES[i]), ERR_CORRUPT);
        }
    }
}

static void a_byte_behind_the_row_is_refused_even_with_a_hash_that_fits(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct span row = row_of_kind(SPACES[i], *state);
        uint8_t *copy = arena_alloc(*state, row.length + 1);
        memcpy(copy, row.bytes, row.length);
        assert_err(decode_copy(span_of(copy, row.length + 1), SPACES[i]), ERR_CORRUPT);
        record_check_seal(SPACES[i], key_of_tests(), copy, row.length + 1);
        assert_err(decode_copy(span_of(copy, row.length + 1), SPACES[i]), ERR_CORRUPT);
    }
}

static void a_row_under_another_key_or_of_another_cluster_is_refused(void **state)
{
    struct span row = row_of_kind(RECORD_CHECK_ITEM, *state);
    struct record_item item;
    uint8_t hash_key[HASH_KEY_BYTES];
    memcpy(hash_key, RECORD_CHECK_HASH_KEY, sizeof hash_key);
    hash_key[5] ^= 1;
    assert_err(record_decode_item(hash_key, key_of_tests(), row, 0, *state, &item), ERR_CORRUPT);
    assert_err(record_decode_item(RECORD_CHECK_HASH_KEY, span_of(KEY, sizeof KEY - 2), row, 0, *state, &item),
               ERR_CORRUPT);
    struct span document = row_of_kind(RECORD_CHECK_DOCUMENT, *state);
    struct crdt_lww out;
    assert_err(record_decode_document(RECORD_CHECK_HASH_KEY, span_text("other"), document, &out), ERR_CORRUPT);
    struct span counters = row_of_kind(RECORD_CHECK_COUNT, *state);
    struct record_count count;
    assert_err(record_decode_count(RECORD_CHECK_HASH_KEY, span_text("other"), counters, &count), ERR_CORRUPT);
}

/* Rot, and then a hash that fits: refused, or the one form of something else. */
static void changed_rows_with_a_hash_that_fits_are_refused_or_canonical(void **state)
{
    struct random random = random_begin(__func__);
    uint32_t read_count = 0;
    for (int i = 0; i < 3; i++) {
        struct span row = row_of_kind(SPACES[i], *state);
        uint8_t *copy = arena_copy(*state, row.bytes, row.length);
        for (int round = 0; round < 20000; round++) {
            memcpy(copy, row.bytes, row.length);
            for (uint32_t n = 1 + random_below(&random, 3); n > 0; n--)
                copy[RECORD_HASH_BYTES + random_below(&random, (uint32_t)row.length - RECORD_HASH_BYTES)] =
                    (uint8_t)random_u64(&random);
            record_check_seal(SPACES[i], key_of_tests(), copy, row.length);
            read_count += decode_copy(span_of(copy, row.length), SPACES[i]) == ERR_OK;
        }
    }
    assert_true(read_count > 1000);
}

/* --- little memory ------------------------------------------------------------------------------------------ */

static void too_little_memory_is_told_apart_from_rot(void **state)
{
    struct sample sample;
    struct record_item item;
    struct arena small;
    sample_fill(&sample);
    struct span row = encode(&sample, *state);
    arena_init(&small, 100);
    assert_err(decode(row, &small, &item), ERR_MEMORY);
    assert_null(record_encode_item(RECORD_CHECK_HASH_KEY, key_of_tests(), &sample.item, &small).bytes);
    struct record_count count = {.items = 1};
    assert_null(record_encode_count(RECORD_CHECK_HASH_KEY, key_of_tests(), &count, &small).bytes);
    struct crdt_lww document = {0};
    assert_null(record_encode_document(RECORD_CHECK_HASH_KEY, key_of_tests(), &document, &small).bytes);
    arena_deinit(&small);
}

/* --- counters and documents ----------------------------------------------------------------------------- */

static void counters_come_back(void **state)
{
    struct record_count count = {.tally = {1, UINT64_MAX, 0, 255}, .items = 1u << 31};
    struct record_count back;
    struct span row = record_encode_count(RECORD_CHECK_HASH_KEY, key_of_tests(), &count, *state);
    assert_ok(record_decode_count(RECORD_CHECK_HASH_KEY, key_of_tests(), row, &back));
    assert_memory_equal(&back, &count, sizeof count);
}

static void documents_come_back(void **state)
{
    struct crdt_lww document = {
        .time_us = UINT64_MAX, .actor = 1, .payload = (const uint8_t *)"", .payload_bytes = 0};
    struct crdt_lww back;
    struct span row = record_encode_document(RECORD_CHECK_HASH_KEY, key_of_tests(), &document, *state);
    assert_ok(record_decode_document(RECORD_CHECK_HASH_KEY, key_of_tests(), row, &back));
    assert_int_equal(crdt_lww_compare(&document, &back), 0);
    assert_non_null(back.payload);
}

#define record_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        record_test(an_item_is_written_as_the_format_says),
        record_test(random_items_come_back_equal_and_to_the_same_bytes),
        record_test(a_read_item_has_the_room_that_was_asked_for),
        record_test(large_values_and_many_writes_come_back),
        record_test(rows_come_back_as_their_own_kind_only),
        record_test(every_flipped_bit_is_refused),
        record_test(every_cut_is_refused_even_with_a_hash_that_fits),
        record_test(a_byte_behind_the_row_is_refused_even_with_a_hash_that_fits),
        record_test(a_row_under_another_key_or_of_another_cluster_is_refused),
        record_test(changed_rows_with_a_hash_that_fits_are_refused_or_canonical),
        record_test(too_little_memory_is_told_apart_from_rot),
        record_test(counters_come_back),
        record_test(documents_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
