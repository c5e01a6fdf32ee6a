/* jansson is never without memory, and it is told when that took the reserve. */
#include "node/edge/json_memory.h"
#include "tests/lib/check.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/resource.h>

/* The sanitizers' malloc() ends the process where this test wants a NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static json_malloc_t take;
static json_free_t give;

static int begin(void **state)
{
    (void)state;
    assert_true(json_memory_begin());
    assert_true(json_memory_begin()); /* harmless twice */
    json_get_alloc_funcs(&take, &give);
    assert_false(json_memory_was_short());
    return 0;
}

static void with_memory_the_reserve_is_not_needed(void **state)
{
    (void)state;
    json_t *document = json_loads("{\"name\":[1,2,3]}", 0, NULL);
    assert_non_null(document);
    json_decref(document);
    void *memory = take(100);
    assert_non_null(memory);
    give(memory);
    give(NULL);
    assert_false(json_memory_was_short());
}

/* A wish the system cannot fill and the reserve neither. */
static void beyond_the_reserve_there_is_none(void **state)
{
    (void)state;
    assert_null(take((size_t)1 << 62));
    assert_true(json_memory_was_short());
    assert_false(json_memory_was_short());
}

/* The system's malloc() is made to refuse by a bound on the address space: the reserve is there already. */
static void without_memory_the_reserve_serves_and_comes_back(void **state)
{
    (void)state;
    enum { PIECE_BYTES = JSON_MEMORY_RESERVE_BYTES / 4 };
    struct rlimit before, none;
    uint8_t *pieces[4];
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1 << 20; /* less than is mapped: nothing more is */
    for (int round = 0; round < 3; round++) {
        assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
        for (int i = 0; i < 4; i++)
            pieces[i] = take(PIECE_BYTES);
        void *fifth = take(PIECE_BYTES);
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        assert_null(fifth);
        for (int i = 0; i < 4; i++) {
            assert_non_null(pieces[i]);
            assert_true((uintptr_t)pieces[i] % 16 == 0);
            assert_true(i == 0 || pieces[i] == pieces[i - 1] + PIECE_BYTES);
            pieces[i][0] = 1;
            pieces[i][PIECE_BYTES - 1] = 1;
        }
        assert_true(json_memory_was_short());
        for (int i = 0; i < 4; i++)
            give(pieces[i]);
        assert_false(json_memory_was_short());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(with_memory_the_reserve_is_not_needed, begin),
        cmocka_unit_test_setup(beyond_the_reserve_there_is_none, begin),
        cmocka_unit_test_setup(without_memory_the_reserve_serves_and_comes_back, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
