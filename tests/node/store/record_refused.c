/* Items behind a hash that fits whose body makes no sense, or claims more than is there (H26). */
#include "tests/lib/record_check.h"
#include "tests/lib/check.h"

enum { ARENA_BYTES = 1 << 24 };

static struct span key_of_tests(void)
{
    return span_text("0123456789abcdefsort key");
}

static enum err decode_copy(struct span row)
{
    bool is_canonical = true;
    enum err err = record_check_copy(RECORD_CHECK_ITEM, key_of_tests(), row, &is_canonical);
    assert_true(is_canonical);
    return err;
}

/* One field of an item's body may be another one. */
struct body {
    uint32_t fields;
    uint64_t version;
    size_t bucket_bytes;
    size_t partition_key_bytes;
    uint64_t writes_count;
    uint32_t columns_count;
    uint32_t column_fields;
    uint64_t actors[2];
    uint64_t discard;
    uint32_t first_writes;
    uint32_t write_fields;
    uint64_t counters[2];
    uint64_t kind;
    uint64_t flags;
    size_t tombstone_bytes;
    bool value_is_text;
};

/* 5{3; 7:one, 9:-} 6{3; } */
static const struct body SOUND = {.fields = 5,
                                  .version = 1,
                                  .bucket_bytes = 32,
                                  .partition_key_bytes = 4,
                                  .writes_count = 2,
                                  .columns_count = 2,
                                  .column_fields = 3,
                                  .actors = {5, 6},
                                  .discard = 3,
                                  .first_writes = 2,
                                  .write_fields = 5,
                                  .counters = {7, 9},
                                  .kind = 1,
                                  .flags = 0};

static void put_write(struct wire_out *out, const struct body *body, int index)
{
    wire_put_array(out, body->write_fields);
    wire_put_u64(out, body->counters[index]);
    wire_put_u64(out, index == 0 ? 0 : body->kind);
    wire_put_u64(out, body->flags);
    wire_put_u64(out, 0);
    if (index == 0 && body->value_is_text) {
        wire_put_text(out, span_text("one"));
    } else {
        wire_put_bytes(out, index == 0 ? span_text("one") : span_of("x", body->tombstone_bytes));
    }
}

static enum err body_err(const struct body *body)
{
    static const uint8_t text[600];
    struct arena arena;
    struct wire_out out;
    arena_init(&arena, ARENA_BYTES);
    wire_out_init(&out, &arena);
    wire_put_raw(&out, text, RECORD_HASH_BYTES);
    wire_put_array(&out, body->fields);
    wire_put_u64(&out, body->version);
    wire_put_bytes(&out, span_of(text, body->bucket_bytes));
    wire_put_text(&out, span_of(text, body->partition_key_bytes));
    wire_put_u64(&out, body->writes_count);
    wire_put_array(&out, body->columns_count);
    for (int i = 0; i < 2; i++) {
        wire_put_array(&out, body->column_fields);
        wire_put_u64(&out, body->actors[i]);
        wire_put_u64(&out, body->discard);
        wire_put_array(&out, i == 0 ? body->first_writes : 0);
        for (int j = 0; i == 0 && j < 2; j++)
            put_write(&out, body, j);
    }
    assert_false(out.failed);
    record_check_seal(RECORD_CHECK_ITEM, key_of_tests(), out.bytes, out.length);
    enum err err = decode_copy(span_of(out.bytes, out.length));
    arena_deinit(&arena);
    return err;
}

#define REFUSES(change)                                                                                           \
    do {                                                                                                          \
        struct body body = SOUND;                                                                                 \
        body.change;                                                                                              \
        assert_err(body_err(&body), ERR_CORRUPT);                                                                 \
    } while (0)

static void an_item_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_ok(body_err(&SOUND));
    REFUSES(fields = 4);
    REFUSES(fields = 6);
    REFUSES(bucket_bytes = 31);
    REFUSES(bucket_bytes = 33);
    REFUSES(partition_key_bytes = KEYS_PARTITION_KEY_BYTES_MAX + 1);
    REFUSES(writes_count = 1);
    REFUSES(writes_count = 3);
    REFUSES(writes_count = UINT64_MAX);
    REFUSES(writes_count = UINT32_MAX);
    REFUSES(columns_count = 1);
    REFUSES(columns_count = 3);
    REFUSES(columns_count = UINT32_MAX);
    REFUSES(column_fields = 2);
    REFUSES(column_fields = 4);
    REFUSES(actors[1] = 5);
    REFUSES(actors[1] = 4);
    REFUSES(discard = 7);
    REFUSES(discard = 0); /* the second column then says nothing */
    REFUSES(first_writes = 1);
    REFUSES(first_writes = 3);
    REFUSES(write_fields = 4);
    REFUSES(write_fields = 6);
    REFUSES(counters[1] = 7);
    REFUSES(counters[1] = 6);
    REFUSES(counters[0] = 3);
    REFUSES(kind = 2);
    REFUSES(kind = 256);
    REFUSES(flags = 256);
    REFUSES(tombstone_bytes = 1);
    REFUSES(value_is_text = true);
}

static void a_version_this_program_does_not_know_is_told_apart(void **state)
{
    (void)state;
    struct body body = SOUND;
    body.version = 2;
    assert_err(body_err(&body), ERR_VERSION);
    body.version = 0;
    assert_err(body_err(&body), ERR_VERSION);
    body.version = 2;
    body.fields = 9; /* of another version anything may differ behind */
    assert_err(body_err(&body), ERR_VERSION);
}

static void claim(uint64_t writes_count, uint32_t columns_count, size_t row_bytes)
{
    static const uint8_t zeroes[100000];
    struct wire_out out;
    struct arena arena;
    struct record_item item;
    arena_init(&arena, ARENA_BYTES);
    wire_out_init(&out, &arena);
    wire_put_raw(&out, zeroes, RECORD_HASH_BYTES);
    wire_put_array(&out, 5);
    wire_put_u64(&out, RECORD_VERSION);
    wire_put_bytes(&out, span_of(zeroes, KEYS_BUCKET_ID_BYTES));
    wire_put_text(&out, span_text(""));
    wire_put_u64(&out, writes_count);
    wire_put_array(&out, columns_count);
    wire_put_raw(&out, zeroes, row_bytes);
    record_check_seal(RECORD_CHECK_ITEM, key_of_tests(), out.bytes, out.length);
    size_t held_bytes = arena.held_bytes;
    assert_err(record_decode_item(RECORD_CHECK_HASH_KEY, key_of_tests(), span_of(out.bytes, out.length), 1, &arena,
                                  &item),
               ERR_CORRUPT);
    assert_true(arena.held_bytes - held_bytes <= 12 * row_bytes + 4096);
    arena_deinit(&arena);
}

/* A small row that claims a great many writes takes memory for no more than could be in it. */
static void claimed_counts_take_no_memory_beyond_the_rows_own_size(void **state)
{
    (void)state;
    static const uint64_t claims[] = {1,     1000 / 7,   1000 / 7 + 1, 250,        251,       1000,
                                      14285, 100000 / 4, 100000,       UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        claim(claims[i], 1, 1000);
        claim(claims[i], 1, 100000);
        claim(0, (uint32_t)claims[i], 1000);
        claim(claims[i], (uint32_t)claims[i], 100000);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_version_this_program_does_not_know_is_told_apart),
        cmocka_unit_test(claimed_counts_take_no_memory_beyond_the_rows_own_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
