/* Deadlines: whatever comes and goes, the soonest is first. */
#include "node/base/timers.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { COUNT = 6, MANY = 300 };

struct rig {
    struct arena arena;
    struct timers timers;
};

static int set_up(void **state)
{
    static struct rig rig;
    arena_init(&rig.arena, 1 << 20);
    assert_true(timers_init(&rig.timers, MANY, &rig.arena));
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&((struct rig *)*state)->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void without_timers_none_is_first(void **state)
{
    struct rig *rig = *state;
    struct timer timer = {0};
    assert_null(timers_first(&rig->timers));
    timers_remove(&rig->timers, &timer); /* harmless */
    timers_add(&rig->timers, &timer, 0);
    assert_ptr_equal(timers_first(&rig->timers), &timer);
    timers_remove(&rig->timers, &timer);
    timers_remove(&rig->timers, &timer);
    assert_null(timers_first(&rig->timers));
    assert_int_equal(timer.place, 0);
}

static void without_memory_there_are_no_timers(void **state)
{
    struct timers timers;
    struct arena arena;
    (void)state;
    arena_init(&arena, 64);
    assert_false(timers_init(&timers, MANY, &arena));
    arena_deinit(&arena);
}

/* Take all out, soonest first, and see that they come in order. */
static void expect_order(struct rig *rig, uint32_t count)
{
    uint64_t last_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct timer *timer = timers_first(&rig->timers);
        assert_non_null(timer);
        assert_true(timer->deadline_ms >= last_ms);
        last_ms = timer->deadline_ms;
        timers_remove(&rig->timers, timer);
    }
    assert_null(timers_first(&rig->timers));
}

/* Every order of six deadlines, two of them equal, and each one of the six (or none) taken back before. */
static void every_order_comes_out_sorted(void **state)
{
    struct rig *rig = *state;
    static const uint64_t deadlines_ms[COUNT] = {10, 20, 20, 30, 40, UINT64_MAX};
    uint32_t runs = 0;
    for (uint32_t code = 0; code < 46656; code++) { /* 6^6 */
        struct timer timers[COUNT] = {0};
        uint32_t order[COUNT];
        uint32_t seen = 0;
        for (uint32_t i = 0, rest = code; i < COUNT; i++, rest /= COUNT) {
            order[i] = rest % COUNT;
            seen |= 1u << order[i];
        }
        if (seen != (1u << COUNT) - 1) continue;
        uint32_t taken = runs++ % (COUNT + 1);
        for (uint32_t i = 0; i < COUNT; i++)
            timers_add(&rig->timers, &timers[order[i]], deadlines_ms[order[i]]);
        if (taken < COUNT) timers_remove(&rig->timers, &timers[taken]);
        expect_order(rig, taken < COUNT ? COUNT - 1 : COUNT);
    }
    assert_int_equal(runs, 720);
}

static uint64_t soonest_of(const struct timer *timers, uint32_t count)
{
    uint64_t soonest_ms = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        if (timers[i].place != 0 && timers[i].deadline_ms < soonest_ms) soonest_ms = timers[i].deadline_ms;
    }
    return soonest_ms;
}

/* Against looking at each, up to the last place. */
static void the_first_is_the_soonest_whatever_comes_and_goes(void **state)
{
    struct rig *rig = *state;
    static struct timer timers[MANY];
    struct random random = random_begin("the_first_is_the_soonest_whatever_comes_and_goes");
    memset(timers, 0, sizeof timers);
    for (uint32_t step = 0; step < 20000; step++) {
        struct timer *timer = &timers[random_below(&random, MANY)];
        bool fills = step % 2000 < 1000; /* now more come, now more go */
        if (timer->place == 0 && (fills || random_once_in(&random, 4))) {
            timers_add(&rig->timers, timer, random_below(&random, 500));
        } else if (!fills || random_once_in(&random, 4)) {
            timers_remove(&rig->timers, timer);
        }
        const struct timer *first = timers_first(&rig->timers);
        assert_int_equal(first == NULL ? UINT64_MAX : first->deadline_ms, soonest_of(timers, MANY));
    }
    for (uint32_t i = 0; i < MANY; i++)
        timers_remove(&rig->timers, &timers[i]);
    for (uint32_t i = 0; i < MANY; i++)
        timers_add(&rig->timers, &timers[i], MANY - i);
    expect_order(rig, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(without_timers_none_is_first),
        cmocka_unit_test(without_memory_there_are_no_timers),
        rig_test(every_order_comes_out_sorted),
        rig_test(the_first_is_the_soonest_whatever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
