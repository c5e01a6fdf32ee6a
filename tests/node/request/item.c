/* One item as clients see it: what Accept allows, and tokens that are good for one item only (H7, I10). */
#include "node/request/item.h"
#include "tests/lib/check.h"

enum { ARENA_BYTES = 1 << 22, ACTORS_MAX = CRDT_VCLOCK_MAX };

static const uint8_t BUCKET_ID[KEYS_BUCKET_ID_BYTES] = "a bucket of the tests, 32 bytes";
static const uint8_t OTHER_ID[KEYS_BUCKET_ID_BYTES] = "another bucket, also of 32 byte";
static const uint8_t TOKEN_KEY[HASH_KEY_BYTES] = "the token key of the test's node";
static const uint8_t OTHER_KEY[HASH_KEY_BYTES] = "the token key of another cluster";

struct rig {
    struct arena arena;
    struct service service; /* of which only the token key is looked at */
};

static int set_up(void **state)
{
    static struct rig rig;
    memset(&rig, 0, sizeof rig);
    arena_init(&rig.arena, ARENA_BYTES);
    rig.service.token_key = TOKEN_KEY;
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&((struct rig *)*state)->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static struct op_key key_of(const char *partition_key, const char *sort_key)
{
    return (struct op_key){BUCKET_ID, span_text(partition_key), span_text(sort_key)};
}

static struct crdt_vclock clock_of(struct rig *rig, uint32_t count)
{
    struct crdt_dot *entries = arena_array(&rig->arena, ACTORS_MAX, sizeof *entries);
    struct crdt_vclock clock = crdt_vclock_over(entries, ACTORS_MAX);
    for (uint32_t i = 0; i < count; i++)
        assert_true(crdt_vclock_raise(&clock, (struct crdt_dot){1000 + i * 7, UINT64_MAX - i}));
    return clock;
}

static bool is_read(struct rig *rig, const struct op_key *key, struct http_span text, struct crdt_vclock *clock)
{
    bool is_memory = true;
    bool read = item_token_read(&rig->service, key, text, &rig->arena, clock, &is_memory);
    assert_false(is_memory);
    return read;
}

/* --- Accept --------------------------------------------------------------------------------------------- */

static void forms_are_named_exactly(void **state)
{
    static const struct {
        const char *accept; /* NULL: no such header */
        enum item_form form;
    } rows[] = {
        {NULL, ITEM_FORM_JSON},
        {"application/json", ITEM_FORM_JSON},
        {"application/octet-stream", ITEM_FORM_BINARY},
        {"*/*", ITEM_FORM_EITHER},
        {"application/octet-stream, application/json", ITEM_FORM_EITHER},
        {"application/json,application/octet-stream", ITEM_FORM_EITHER},
        {" \tapplication/json\t ,text/html", ITEM_FORM_JSON},
        {"text/html, */*", ITEM_FORM_EITHER},
        {",,application/octet-stream,,", ITEM_FORM_BINARY},
        {"", ITEM_FORM_NONE},
        {",", ITEM_FORM_NONE},
        {"text/html", ITEM_FORM_NONE},
        {"application/*", ITEM_FORM_NONE},
        {"Application/JSON", ITEM_FORM_NONE},
        {"*/*;q=0.8", ITEM_FORM_NONE},
        {"application/json; charset=utf-8", ITEM_FORM_NONE},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ITEM_FORM_NONE},
        {"application/json application/octet-stream", ITEM_FORM_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct http_head head;
        head = (struct http_head){.headers_count = 0};
        if (rows[i].accept != NULL) {
            head.headers[0] = (struct http_header){{"ACCEPT", 6}, {rows[i].accept, strlen(rows[i].accept)}};
            head.headers[1] = (struct http_header){{"accept", 6}, {"*/*", 3}}; /* only the first line counts */
            head.headers_count = 2;
        }
        if (item_form_of(&head) != rows[i].form) fail_msg("%s", rows[i].accept);
    }
}

/* --- tokens --------------------------------------------------------------------------------------------- */

static void a_token_is_read_as_it_was_written(void **state)
{
    struct rig *rig = *state;
    const struct op_key key = key_of("p", "s");
    for (uint32_t count = 0; count <= ACTORS_MAX; count++) {
        struct crdt_vclock clock = clock_of(rig, count);
        struct crdt_vclock read;
        struct http_span text = item_token_write(&rig->service, &key, &clock, &rig->arena);
        assert_non_null(text.at);
        assert_true(is_read(rig, &key, text, &read));
        assert_true(crdt_vclock_is_equal(&clock, &read));
        arena_reset(&rig->arena);
    }
    struct crdt_vclock empty = clock_of(rig, 0);
    struct http_span text = item_token_write(&rig->service, &key, &empty, &rig->arena);
    assert_span_text(span_http(text), "AAAAAAAAAAA");
}

/* The token of the empty history belongs to every item; any other to its own alone. */
static void a_token_is_good_for_its_item_only(void **state)
{
    struct rig *rig = *state;
    const struct op_key key = key_of("ab", "c");
    struct op_key others[] = {key_of("a", "bc"), key_of("abc", ""), key_of("ab", "d"), key_of("b", "c"), key};
    others[4].bucket_id = OTHER_ID;
    struct crdt_vclock clock = clock_of(rig, 2);
    struct crdt_vclock empty = clock_of(rig, 0);
    struct crdt_vclock read;
    struct http_span text = item_token_write(&rig->service, &key, &clock, &rig->arena);
    struct http_span nothing = item_token_write(&rig->service, &key, &empty, &rig->arena);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(is_read(rig, &others[i], text, &read));
        assert_true(is_read(rig, &others[i], nothing, &read));
    }
    rig->service.token_key = OTHER_KEY; /* and for its cluster */
    assert_false(is_read(rig, &key, text, &read));
    assert_true(is_read(rig, &key, nothing, &read));
}

/* Every character, changed to every other of the alphabet: no counter can be invented (H7, I10). */
static void no_changed_token_is_taken(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ";
    struct rig *rig = *state;
    const struct op_key key = key_of("p", "s");
    struct crdt_vclock clock = clock_of(rig, 1);
    struct crdt_vclock read;
    struct http_span text = item_token_write(&rig->service, &key, &clock, &rig->arena);
    char copy[64];
    assert_int_equal(text.length, 32);
    for (size_t i = 0; i < text.length; i++) {
        for (const char *c = alphabet; *c != '\0'; c++) {
            memcpy(copy, text.at, text.length);
            if (copy[i] == *c) continue;
            copy[i] = *c;
            assert_false(is_read(rig, &key, (struct http_span){copy, text.length}, &read));
        }
        memcpy(copy, text.at, text.length);
        assert_false(is_read(rig, &key, (struct http_span){copy, i}, &read));
        arena_reset(&rig->arena);
        clock = clock_of(rig, 1);
        text = item_token_write(&rig->service, &key, &clock, &rig->arena);
    }
}

static void texts_of_any_length_are_refused_or_read(void **state)
{
    struct rig *rig = *state;
    const struct op_key key = key_of("p", "s");
    static char text[2 * CRDT_TOKEN_CHARS_MAX];
    struct crdt_vclock read;
    memset(text, 'A', sizeof text);
    for (size_t length = 0; length < sizeof text; length++) {
        bool is_empty_token = length == 11;
        assert_int_equal(is_read(rig, &key, (struct http_span){text, length}, &read), is_empty_token);
        arena_reset(&rig->arena);
    }
}

/* The reference's own tokens carry a checksum instead of a seal, which anyone can compute: none is taken. */
static void tokens_of_the_reference_are_not_taken(void **state)
{
    static const char *const texts[] = {"CgsMDQ4PE_gKCwwNDg8QEQAAAAAAAAPp",
                                        "KiouLioqNDoKCwwNDg8QEQAAAAAAAAfRICEiIyQlJicAAAAAAAAF3Q",
                                        "-_D-aJzKCQH78P__77__AAAAAZdzdfYB",
                                        "AAAAAAAAAAAKCwwNDg8QEQAAAAAAAAPp",
                                        "AAAAAAAAAAB",
                                        "AAAAAAAAAAA="};
    struct rig *rig = *state;
    const struct op_key key = key_of("p", "s");
    struct crdt_vclock read;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(is_read(rig, &key, (struct http_span){texts[i], strlen(texts[i])}, &read));
}

static void without_memory_tokens_are_neither_read_nor_refused(void **state)
{
    struct rig *rig = *state;
    struct arena none;
    const struct op_key key = key_of("p", "s");
    struct crdt_vclock clock = clock_of(rig, 1);
    struct crdt_vclock read;
    bool is_memory = false;
    struct http_span text = item_token_write(&rig->service, &key, &clock, &rig->arena);
    arena_init(&none, 0);
    assert_null(item_token_write(&rig->service, &key, &clock, &none).at);
    assert_false(item_token_read(&rig->service, &key, text, &none, &read, &is_memory));
    assert_true(is_memory);
}

/* --- contexts ------------------------------------------------------------------------------------------- */

/* What a reader has seen is every column's top, those without writes too. */
static void a_context_is_every_columns_top(void **state)
{
    struct rig *rig = *state;
    struct crdt_column columns[3];
    struct crdt_write writes[3];
    struct crdt_dvvs item = crdt_dvvs_over(columns, 3, writes, 3);
    struct crdt_vclock context;
    assert_true(item_context(&item, &rig->arena, &context));
    assert_int_equal(context.count, 0);
    assert_true(crdt_dvvs_add(&item, 7, (struct crdt_write){.counter = 3}));
    assert_true(crdt_dvvs_add(&item, 7, (struct crdt_write){.counter = 9}));
    struct crdt_dot dot = {5, 4};
    const struct crdt_vclock seen = {&dot, 1, 1};
    assert_true(crdt_dvvs_discard(&item, &seen));
    assert_true(item_context(&item, &rig->arena, &context));
    assert_int_equal(context.count, 2);
    assert_int_equal(crdt_vclock_get(&context, 5), 4);
    assert_int_equal(crdt_vclock_get(&context, 7), 9);
    struct arena none;
    arena_init(&none, 0);
    assert_false(item_context(&item, &none, &context));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_named_exactly),
        rig_test(a_token_is_read_as_it_was_written),
        rig_test(a_token_is_good_for_its_item_only),
        rig_test(no_changed_token_is_taken),
        rig_test(texts_of_any_length_are_refused_or_read),
        rig_test(tokens_of_the_reference_are_not_taken),
        rig_test(without_memory_tokens_are_neither_read_nor_refused),
        rig_test(a_context_is_every_columns_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
