/* Listings: which keys a query means, against the reference's own words (3.1), for all small queries. */
#include "node/request/range.h"
#include "tests/lib/check.h"

enum { ARENA_BYTES = 1 << 22 };

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

#define arena_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* Keys and query texts: with the empty one, prefixes of each other, the last byte of UTF-8 text. NULL: absent. */
static const char *const KEYS[] = {"",
                                   "a",
                                   "ab",
                                   "aba",
                                   "abb",
                                   "ac",
                                   "b",
                                   "ba",
                                   "\xc3\xa9",
                                   "\xc3\xa9t",
                                   "\xf4\x8f\xbf\xbf",
                                   "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf"};
static const char *const TEXTS[] = {NULL, "", "a", "ab", "abb", "b", "\xc3\xa9", "\xf4\x8f\xbf\xbf"};
enum { KEYS_COUNT = sizeof KEYS / sizeof KEYS[0], TEXTS_COUNT = sizeof TEXTS / sizeof TEXTS[0] };

static struct http_span text_or_none(const char *text)
{
    return (struct http_span){text, text == NULL ? 0 : strlen(text)};
}

/* Is the key in the range, as the reference says it? */
static bool is_meant(const char *key, const char *prefix, const char *start, const char *end, bool reverse)
{
    if (prefix != NULL && strncmp(key, prefix, strlen(prefix)) != 0) return false;
    if (!reverse) return (start == NULL || strcmp(key, start) >= 0) && (end == NULL || strcmp(key, end) < 0);
    return (start == NULL || strcmp(key, start) <= 0) && (end == NULL || strcmp(key, end) > 0);
}

static void expect_keys(const struct range *range, const char *prefix, const char *start, const char *end,
                        bool reverse)
{
    for (int i = 0; i < KEYS_COUNT; i++) {
        bool is_in = op_interval_has(&range->interval, span_text(KEYS[i]));
        if (is_in == is_meant(KEYS[i], prefix, start, end, reverse)) continue;
        fail_msg("key '%s' with prefix '%s' start '%s' end '%s' reverse %d: %d", KEYS[i], prefix, start, end,
                 reverse, is_in);
    }
}

/* Every prefix, start and end, in both directions. */
static void an_interval_holds_the_keys_that_are_meant(void **state)
{
    struct arena *arena = *state;
    char message[AUTH_MESSAGE_CHARS];
    uint32_t good = 0;
    for (uint32_t code = 0; code < TEXTS_COUNT * TEXTS_COUNT * TEXTS_COUNT * 2; code++) {
        const char *prefix = TEXTS[code / 2 % TEXTS_COUNT];
        const char *start = TEXTS[code / 2 / TEXTS_COUNT % TEXTS_COUNT];
        const char *end = TEXTS[code / 2 / TEXTS_COUNT / TEXTS_COUNT];
        bool reverse = code % 2 == 1;
        const struct range_query query = {.prefix = text_or_none(prefix),
                                          .start = text_or_none(start),
                                          .end = text_or_none(end),
                                          .reverse = reverse};
        bool is_outside = prefix != NULL && start != NULL && strncmp(start, prefix, strlen(prefix)) != 0;
        struct range range;
        enum range_verdict verdict = range_init(&range, &query, arena, message);
        assert_int_equal(verdict, is_outside ? RANGE_REFUSED : RANGE_OK);
        if (is_outside) assert_string_equal(message, "start does not begin with prefix");
        if (!is_outside) expect_keys(&range, prefix, start, end, reverse);
        good += !is_outside;
        if (reverse) continue; /* a poll has no direction, and its start need not begin with the prefix */
        assert_int_equal(range_init_poll(&range, &query, arena, message), RANGE_OK);
        expect_keys(&range, prefix, start, end, false);
    }
    assert_true(good > 300);
}

/* Walked page by page, of any size, behind any filter: each key once, in order, the next key where it is cut. */
static void walk(struct arena *arena, struct range_query query, uint32_t page_rows, uint32_t filter)
{
    char message[AUTH_MESSAGE_CHARS];
    struct range range;
    struct range_place place;
    uint32_t listed = 0;
    int step = query.reverse ? -1 : 1;
    int next_wanted = query.reverse ? KEYS_COUNT - 1 : 0;
    assert_int_equal(range_init(&range, &query, arena, message), RANGE_OK);
    for (bool is_over = false; !is_over;) {
        uint32_t rows = 0;
        struct span last = {0};
        is_over = true;
        uint32_t asked = range_page_size(&range);
        assert_in_range(asked, 1, OP_RANGE_ITEMS_MAX);
        for (int i = query.reverse ? KEYS_COUNT - 1 : 0; i >= 0 && i < KEYS_COUNT; i += step) {
            if (!op_interval_has(&range.interval, span_text(KEYS[i]))) continue;
            if (rows == asked || rows == page_rows) {
                is_over = false;
                break;
            }
            rows++;
            last = span_text(KEYS[i]);
            if ((filter >> i & 1) == 0) continue;
            while ((filter >> next_wanted & 1) == 0) /* nothing that passes was left out */
                next_wanted += step;
            assert_int_equal(i, next_wanted);
            if (!range_take(&range, span_text(KEYS[i]), arena)) {
                assert_true(query.has_limit && listed == query.limit);
                assert_true(range.more);
                assert_span_text(range.next, KEYS[i]);
                return;
            }
            next_wanted += step;
            listed++;
        }
        if (!is_over) range_resume(&range, last, &place);
    }
    assert_false(range.more);
    assert_null(range.next.bytes);
    assert_int_equal(listed, __builtin_popcount(filter & ((1u << KEYS_COUNT) - 1)));
}

static void a_walk_lists_each_key_once_whatever_the_pages(void **state)
{
    for (uint32_t limit = 0; limit <= KEYS_COUNT + 1; limit++) {
        for (uint32_t page_rows = 1; page_rows < 6; page_rows++) {
            for (uint32_t filter = 0; filter < 1u << KEYS_COUNT; filter += 37) {
                const bool has_limit = limit <= KEYS_COUNT;
                const struct range_query query = {
                    .has_limit = has_limit, .limit = limit, .reverse = filter % 2 == 1};
                arena_reset(*state);
                walk(*state, query, page_rows, filter);
            }
        }
    }
}

/* What cannot be a key cannot be a bound either: named with its length. */
static void texts_longer_than_keys_are_refused(void **state)
{
    char message[AUTH_MESSAGE_CHARS];
    static char text[KEYS_SORT_KEY_BYTES_MAX + 1];
    static const char *const names[] = {"prefix has 481 bytes", "start has 481 bytes", "end has 481 bytes"};
    memset(text, 'k', sizeof text);
    for (int which = 0; which < 3; which++) {
        for (size_t length = sizeof text - 1; length <= sizeof text; length++) {
            struct http_span long_text = {text, length};
            struct range_query query = {0};
            *(which == 0 ? &query.prefix : which == 1 ? &query.start : &query.end) = long_text;
            struct range range;
            bool fits = length < sizeof text;
            assert_int_equal(range_init(&range, &query, *state, message), fits ? RANGE_OK : RANGE_REFUSED);
            if (!fits) assert_non_null(strstr(message, names[which]));
        }
    }
}

static void pages_are_as_small_as_the_limit_allows(void **state)
{
    char message[AUTH_MESSAGE_CHARS];
    struct range range;
    static const struct {
        uint64_t limit;
        uint32_t rows;
    } rows[] = {{0, 1}, {1, 2}, {998, 999}, {999, 1000}, {1000, 1000}, {UINT64_MAX, 1000}, {UINT64_MAX - 1, 1000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct range_query query = {.has_limit = true, .limit = rows[i].limit};
        assert_int_equal(range_init(&range, &query, *state, message), RANGE_OK);
        assert_int_equal(range_page_size(&range), rows[i].rows);
    }
    const struct range_query query = {0};
    assert_int_equal(range_init(&range, &query, *state, message), RANGE_OK);
    assert_int_equal(range_page_size(&range), OP_RANGE_ITEMS_MAX);
}

/* A filter that hides most makes pages larger, so that a small limit does not mean a transaction a row. */
static void pages_grow_behind_a_filter(void **state)
{
    char message[AUTH_MESSAGE_CHARS];
    struct range range;
    struct range_place place;
    uint32_t last_rows = 0;
    const struct range_query query = {.has_limit = true, .limit = 1};
    assert_int_equal(range_init(&range, &query, *state, message), RANGE_OK);
    for (int page = 0; page < 10; page++) {
        uint32_t rows = range_page_size(&range);
        assert_true(rows > last_rows || rows == OP_RANGE_ITEMS_MAX);
        last_rows = rows;
        range_resume(&range, span_text("k"), &place);
    }
    assert_int_equal(last_rows, OP_RANGE_ITEMS_MAX);
}

static void without_memory_there_is_no_range(void **state)
{
    char message[AUTH_MESSAGE_CHARS];
    struct range range;
    struct arena none;
    const struct range_query query = {.prefix = {"a", 1}, .has_limit = true};
    (void)state;
    arena_init(&none, 0);
    assert_int_equal(range_init(&range, &query, &none, message), RANGE_MEMORY);
    const struct range_query plain = {.has_limit = true};
    assert_int_equal(range_init(&range, &plain, &none, message), RANGE_OK);
    assert_false(range_take(&range, span_text("a"), &none));
    assert_null(range.next.bytes); /* that is how one knows */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_test(an_interval_holds_the_keys_that_are_meant),
        arena_test(a_walk_lists_each_key_once_whatever_the_pages),
        arena_test(texts_longer_than_keys_are_refused),
        arena_test(pages_are_as_small_as_the_limit_allows),
        arena_test(pages_grow_behind_a_filter),
        cmocka_unit_test(without_memory_there_is_no_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
