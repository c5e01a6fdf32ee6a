/* Bump memory: alignment, ceilings, growth in place and by moving. */
#include "node/base/arena.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <stdalign.h>

enum { CEILING_BYTES = 1 << 20 };

static void assert_aligned(const void *memory)
{
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
}

static void an_arena_takes_nothing_until_it_is_asked(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    assert_int_equal(arena.held_bytes, 0);
    assert_non_null(arena_alloc(&arena, 1));
    assert_in_range(arena.held_bytes, 1, 2048);
    arena_deinit(&arena);
    assert_int_equal(arena.held_bytes, 0);
    arena_deinit(&arena);
}

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    uint8_t *previous = NULL;
    for (size_t bytes = 1; bytes < 200; bytes++) {
        uint8_t *memory = arena_alloc(&arena, bytes);
        assert_aligned(memory);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xee, bytes);
        if (previous != NULL) assert_int_equal(previous[0], 0xee);
        previous = memory;
    }
    arena_reset(&arena);
    uint8_t *again = arena_alloc(&arena, 500);
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(again[i], 0); /* not what was there before */
    arena_deinit(&arena);
}

static void nothing_may_be_asked_for(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    assert_non_null(arena_alloc(&arena, 0));
    assert_non_null(arena_array(&arena, 0, 100));
    assert_non_null(arena_take_array(&arena, 100, 0));
    uint8_t *copy = arena_copy(&arena, NULL, 0);
    assert_non_null(copy);
    assert_int_equal(copy[0], 0);
    uint8_t *grown = arena_grow(&arena, NULL, 0, 0);
    assert_non_null(grown);
    assert_non_null(arena_grow(&arena, grown, 0, 10));
    arena_deinit(&arena);
}

static void a_copy_ends_in_a_nul(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    for (size_t length = 0; length < 40; length++) {
        uint8_t bytes[40];
        memset(bytes, 'x', sizeof bytes);
        uint8_t *copy = arena_copy(&arena, bytes, length);
        assert_aligned(copy);
        assert_memory_equal(copy, bytes, length);
        assert_int_equal(copy[length], 0);
    }
    arena_deinit(&arena);
}

/* Ask for `bytes` until it is refused; returns how many were given. */
static size_t exhaust(struct arena *arena, size_t bytes)
{
    size_t given = 0;
    while (arena_alloc(arena, bytes) != NULL) {
        given++;
        assert_true(arena->held_bytes <= arena->ceiling_bytes);
    }
    return given;
}

static void the_ceiling_is_never_passed_and_nearly_reached(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16, 100, 1000, 5000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct arena arena;
        arena_init(&arena, CEILING_BYTES);
        size_t rounded = (sizes[i] + 15) / 16 * 16;
        size_t given = exhaust(&arena, sizes[i]);
        assert_true(given * rounded <= CEILING_BYTES);
        assert_true(given * rounded >= CEILING_BYTES / 4 * 3 - 2 * rounded);
        arena_reset(&arena);
        assert_int_equal(exhaust(&arena, sizes[i]) > 0, 1);
        arena_deinit(&arena);
    }
}

static void a_wish_above_the_ceiling_is_refused_and_smaller_ones_still_met(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    assert_null(arena_alloc(&arena, CEILING_BYTES));
    assert_null(arena_alloc(&arena, CEILING_BYTES + 1));
    assert_non_null(arena_alloc(&arena, CEILING_BYTES - 1000));
    assert_null(arena_alloc(&arena, 2000));
    assert_non_null(arena_alloc(&arena, 100));
    arena_deinit(&arena);
    arena_init(&arena, 0);
    assert_null(arena_alloc(&arena, 0));
    assert_null(arena_alloc(&arena, 1));
    arena_deinit(&arena);
}

static void sizes_that_wrap_are_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES); /* which a wrapped size would be under */
    for (size_t less = 0; less < 64; less++) {
        assert_null(arena_alloc(&arena, SIZE_MAX - less));
        assert_null(arena_grow(&arena, NULL, 0, SIZE_MAX - less));
    }
    assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_array(&arena, 3, SIZE_MAX / 2));
    assert_null(arena_take_array(&arena, SIZE_MAX / 16 + 2, 16));
    assert_null(arena_copy(&arena, "x", SIZE_MAX));
    arena_deinit(&arena);
}

static void the_last_allocation_grows_where_it_is(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    assert_non_null(arena_alloc(&arena, 10));
    uint8_t *memory = arena_alloc(&arena, 10);
    memcpy(memory, "0123456789", 10);
    assert_ptr_equal(arena_grow(&arena, memory, 10, 12), memory);
    assert_ptr_equal(arena_grow(&arena, memory, 12, 500), memory);
    assert_memory_equal(memory, "0123456789", 10);
    uint8_t *next = arena_alloc(&arena, 10);
    assert_true(next >= memory + 500);
    arena_deinit(&arena);
}

static void what_is_not_last_grows_by_moving_and_keeps_its_bytes(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    uint8_t *memory = arena_copy(&arena, "0123456789", 10);
    uint8_t *next = arena_copy(&arena, "next", 4);
    uint8_t *moved = arena_grow(&arena, memory, 11, 40);
    assert_ptr_not_equal(moved, memory);
    assert_memory_equal(moved, "0123456789", 11);
    memset(moved, 'm', 40);
    assert_string_equal((char *)next, "next");
    uint8_t *large = arena_grow(&arena, moved, 40, 100000); /* last, but the block is too small */
    assert_ptr_not_equal(large, moved);
    assert_int_equal(large[39], 'm');
    arena_deinit(&arena);
}

static void growth_that_is_refused_leaves_the_old_bytes(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    uint8_t *memory = arena_copy(&arena, "0123456789", 10);
    assert_null(arena_grow(&arena, memory, 11, CEILING_BYTES));
    assert_string_equal((char *)memory, "0123456789");
    assert_ptr_equal(arena_grow(&arena, memory, 11, 32), memory);
    arena_deinit(&arena);
}

static void a_reset_keeps_one_block_and_all_its_room(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CEILING_BYTES);
    arena_reset(&arena);
    assert_int_equal(arena.held_bytes, 0);
    void *first = arena_alloc(&arena, 10);
    size_t small = arena.held_bytes;
    for (int i = 0; i < 50; i++)
        assert_non_null(arena_alloc(&arena, 5000));
    assert_true(arena.held_bytes > 250000);
    arena_reset(&arena);
    assert_int_equal(arena.held_bytes, small);
    assert_ptr_equal(arena_alloc(&arena, 10), first);
    arena_deinit(&arena);
}

/* Random takings and growings, each filled with a mark of its own that must still be there at the end. */
static void allocations_never_overlap(void **state)
{
    (void)state;
    enum { PIECES = 300 };
    struct {
        uint8_t *bytes;
        size_t length;
    } pieces[PIECES];
    struct random random = random_begin(__func__);
    for (int round = 0; round < 20; round++) {
        struct arena arena;
        arena_init(&arena, 64 << 20);
        for (int i = 0; i < PIECES; i++) {
            pieces[i].length = random_below(&random, random_once_in(&random, 10) ? 20000 : 100);
            pieces[i].bytes = arena_alloc(&arena, pieces[i].length);
            memset(pieces[i].bytes, i & 0xff, pieces[i].length);
            int grown = random_once_in(&random, 2) ? i : (int)random_below(&random, (uint32_t)i + 1);
            size_t more = random_below(&random, 300);
            pieces[grown].bytes = arena_grow(&arena, pieces[grown].bytes, pieces[grown].length,
                                             pieces[grown].length + more);
            assert_aligned(pieces[grown].bytes);
            memset(pieces[grown].bytes + pieces[grown].length, grown & 0xff, more);
            pieces[grown].length += more;
        }
        for (int i = 0; i < PIECES; i++)
            for (size_t j = 0; j < pieces[i].length; j++)
                if (pieces[i].bytes[j] != (i & 0xff)) fail();
        arena_deinit(&arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_takes_nothing_until_it_is_asked),
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(nothing_may_be_asked_for),
        cmocka_unit_test(a_copy_ends_in_a_nul),
        cmocka_unit_test(the_ceiling_is_never_passed_and_nearly_reached),
        cmocka_unit_test(a_wish_above_the_ceiling_is_refused_and_smaller_ones_still_met),
        cmocka_unit_test(sizes_that_wrap_are_refused),
        cmocka_unit_test(the_last_allocation_grows_where_it_is),
        cmocka_unit_test(what_is_not_last_grows_by_moving_and_keeps_its_bytes),
        cmocka_unit_test(growth_that_is_refused_leaves_the_old_bytes),
        cmocka_unit_test(a_reset_keeps_one_block_and_all_its_room),
        cmocka_unit_test(allocations_never_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
