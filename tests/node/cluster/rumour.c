/* News: told least first, each a bounded number of times. */
#include "node/cluster/rumour.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { COUNT = 12 };

static void what_was_told_least_goes_first(void **state)
{
    (void)state;
    struct rumours rumours;
    struct rumour a;
    struct rumour b;
    rumours_init(&rumours, 3);
    rumour_init(&a, &a);
    rumour_init(&b, &b);
    assert_null(rumours_first(&rumours));
    rumours_add(&rumours, &a);
    rumours_add(&rumours, &b);
    assert_ptr_equal(rumours_first(&rumours), &a);
    assert_ptr_equal(rumours_next(&rumours, &a), &b);
    rumours_told(&rumours, &a);
    assert_ptr_equal(rumours_first(&rumours), &b);
    assert_ptr_equal(rumours_next(&rumours, &b), &a);
    assert_null(rumours_next(&rumours, &a));
    rumours_told(&rumours, &a);
    rumours_told(&rumours, &a); /* the third time was the last */
    assert_null(rumours_next(&rumours, &b));
    rumours_add(&rumours, &a); /* it is news again */
    assert_ptr_equal(rumours_next(&rumours, &b), &a);
    rumours_remove(&a);
    rumours_remove(&a);
    rumours_remove(&b);
    assert_null(rumours_first(&rumours));
}

/* Against counters: each is told exactly as often as the limit, never one before another that was told less. */
static void each_is_told_as_often_as_the_others(void **state)
{
    (void)state;
    struct random random = random_begin("rumours");
    struct rumours rumours;
    struct rumour all[COUNT];
    uint32_t told[COUNT] = {0};
    bool is_news[COUNT] = {false};
    rumours_init(&rumours, 7);
    for (uint32_t i = 0; i < COUNT; i++)
        rumour_init(&all[i], &told[i]);
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t i = random_below(&random, COUNT);
        if (random_once_in(&random, 10)) {
            rumours_add(&rumours, &all[i]);
            told[i] = 0;
            is_news[i] = true;
        }
        struct rumour *first = rumours_first(&rumours);
        if (first == NULL) {
            for (uint32_t j = 0; j < COUNT; j++)
                assert_false(is_news[j]);
            continue;
        }
        uint32_t at = (uint32_t)(first - all);
        for (uint32_t j = 0; j < COUNT; j++)
            assert_true(!is_news[j] || told[j] >= told[at]);
        rumours_told(&rumours, first);
        is_news[at] = ++told[at] < 7;
    }
}

static void the_limit_is_within_bounds(void **state)
{
    (void)state;
    struct rumours rumours;
    struct rumour rumour;
    rumours_init(&rumours, 0);
    assert_int_equal(rumours.limit, 1);
    rumours_set_limit(&rumours, 1000);
    assert_int_equal(rumours.limit, RUMOUR_TELLINGS_MAX);
    rumour_init(&rumour, NULL);
    rumours_add(&rumours, &rumour);
    for (uint32_t i = 0; i < RUMOUR_TELLINGS_MAX; i++) {
        assert_ptr_equal(rumours_first(&rumours), &rumour);
        rumours_told(&rumours, &rumour);
    }
    assert_null(rumours_first(&rumours));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_least_goes_first),
        cmocka_unit_test(each_is_told_as_often_as_the_others),
        cmocka_unit_test(the_limit_is_within_bounds),
    };
    return cmocka_run_group_tests_name("rumour", tests, NULL, NULL);
}
