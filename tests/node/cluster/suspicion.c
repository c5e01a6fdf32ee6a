/* How long a suspect has: longest while one alone suspects it, shorter with each that agrees, never none. */
#include "node/cluster/suspicion.h"
#include "node/cluster/gossip.h"
#include "tests/lib/check.h"

enum { PERIOD_MS = 1000, START_MS = 50000 };
enum { ASKING_MS = PERIOD_MS * SUSPICION_QUESTIONS / SUSPICION_QUESTIONS_A_PERIOD };

static void logarithms_are_near_enough(void **state)
{
    (void)state;
    assert_int_equal(suspicion_log2_milli(0), 0);
    assert_int_equal(suspicion_log2_milli(1), 0);
    assert_int_equal(suspicion_log2_milli(2), 1000);
    assert_int_equal(suspicion_log2_milli(1024), 10000);
    assert_in_range(suspicion_log10_milli(10), 960, 1000);
    assert_in_range(suspicion_log10_milli(1000), 2970, 3000);
    assert_int_equal(suspicion_log2_milli(UINT64_C(1) << 63), 63000);
    assert_in_range(suspicion_log2_milli(UINT64_MAX), 63000, 64000);
    for (uint64_t number = 1; number < 5000; number++)
        assert_true(suspicion_log2_milli(number) <= suspicion_log2_milli(number + 1));
}

static void more_witnesses_mean_less_time(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= LIMITS_MEMBERS_MAX; members++) {
        uint64_t shortest = suspicion_timeout_ms(PERIOD_MS, members, SUSPICION_CONFIRMATIONS);
        assert_true(shortest >= GOSSIP_SUSPICION_PERIODS * PERIOD_MS);
        uint64_t before = GOSSIP_SUSPICION_STRETCH * shortest;
        for (uint32_t confirmations = 0; confirmations <= SUSPICION_CONFIRMATIONS; confirmations++) {
            uint64_t timeout = suspicion_timeout_ms(PERIOD_MS, members, confirmations);
            assert_in_range(timeout, shortest, before);
            before = timeout;
        }
        assert_int_equal(before, shortest);
    }
    assert_int_equal(suspicion_timeout_ms(PERIOD_MS, 2, 0),
                     GOSSIP_SUSPICION_PERIODS * PERIOD_MS); /* nobody can agree */
    assert_int_equal(suspicion_timeout_ms(PERIOD_MS, 9, 0),
                     GOSSIP_SUSPICION_STRETCH * GOSSIP_SUSPICION_PERIODS * PERIOD_MS);
}

static void each_witness_counts_once(void **state)
{
    (void)state;
    static const uint8_t ids[5][32] = {"one", "two", "three", "four", "five"};
    struct arena arena;
    struct timers timers;
    struct suspicion suspicion = {0};
    arena_init(&arena, 1 << 16);
    assert_true(timers_init(&timers, 4, &arena));
    suspicion_begin(&suspicion, &timers, ids[0], PERIOD_MS, 8, START_MS);
    uint64_t deadline_ms = suspicion.timer.deadline_ms;
    assert_int_equal(deadline_ms, START_MS + suspicion_timeout_ms(PERIOD_MS, 8, 0) - ASKING_MS);
    assert_false(suspicion_confirm(&suspicion, &timers, ids[0], PERIOD_MS, 8, START_MS));
    for (uint32_t i = 1; i <= SUSPICION_CONFIRMATIONS; i++) {
        assert_true(suspicion_confirm(&suspicion, &timers, ids[i], PERIOD_MS, 8, START_MS + i));
        assert_false(suspicion_confirm(&suspicion, &timers, ids[i], PERIOD_MS, 8, START_MS + i));
        assert_true(suspicion.timer.deadline_ms < deadline_ms);
        deadline_ms = suspicion.timer.deadline_ms;
    }
    assert_int_equal(deadline_ms, START_MS + GOSSIP_SUSPICION_PERIODS * PERIOD_MS - ASKING_MS);
    assert_false(suspicion_confirm(&suspicion, &timers, ids[4], PERIOD_MS, 8, START_MS)); /* as many as count */
    assert_ptr_equal(timers_first(&timers), &suspicion.timer);
    suspicion_end(&suspicion, &timers);
    suspicion_end(&suspicion, &timers);
    assert_null(timers_first(&timers));
    arena_deinit(&arena);
}

static void a_late_witness_ends_it_now_and_not_before(void **state)
{
    (void)state;
    static const uint8_t ids[2][32] = {"one", "two"};
    struct arena arena;
    struct timers timers;
    struct suspicion suspicion = {0};
    arena_init(&arena, 1 << 16);
    assert_true(timers_init(&timers, 4, &arena));
    suspicion_begin(&suspicion, &timers, ids[0], PERIOD_MS, 3, START_MS);
    uint64_t late_ms = START_MS + 20 * PERIOD_MS;
    assert_true(suspicion.timer.deadline_ms > late_ms);
    assert_true(suspicion_confirm(&suspicion, &timers, ids[1], PERIOD_MS, 3, late_ms));
    assert_int_equal(suspicion.timer.deadline_ms, late_ms);
    suspicion_end(&suspicion, &timers);
    suspicion_begin(&suspicion, &timers, ids[0], PERIOD_MS, 3, START_MS);
    suspicion_hasten(&suspicion, &timers, PERIOD_MS, 3, START_MS + 1);
    assert_int_equal(suspicion.timer.deadline_ms, START_MS + GOSSIP_SUSPICION_PERIODS * PERIOD_MS - ASKING_MS);
    arena_deinit(&arena);
}

/* At the end it is asked three times, and nothing that comes meanwhile takes that from it. */
static void before_it_is_over_it_is_asked_a_few_times(void **state)
{
    (void)state;
    static const uint8_t ids[2][32] = {"one", "two"};
    struct arena arena;
    struct timers timers;
    struct suspicion suspicion = {0};
    arena_init(&arena, 1 << 16);
    assert_true(timers_init(&timers, 4, &arena));
    suspicion_pardon(&suspicion, &timers, PERIOD_MS); /* there is none: nothing */
    assert_null(timers_first(&timers));
    suspicion_begin(&suspicion, &timers, ids[0], PERIOD_MS, 8, START_MS);
    suspicion_pardon(&suspicion, &timers, 5);
    uint64_t end_ms = START_MS + 5 + suspicion_timeout_ms(PERIOD_MS, 8, 0);
    uint64_t now_ms = suspicion.timer.deadline_ms;
    assert_int_equal(now_ms, end_ms - ASKING_MS);
    for (uint32_t i = 0; i < SUSPICION_QUESTIONS; i++) {
        assert_true(suspicion_question(&suspicion, &timers, PERIOD_MS, now_ms));
        uint64_t next_ms = suspicion.timer.deadline_ms;
        assert_int_equal(next_ms, now_ms + PERIOD_MS / SUSPICION_QUESTIONS_A_PERIOD);
        suspicion_confirm(&suspicion, &timers, ids[1], PERIOD_MS, 8, now_ms);
        suspicion_hasten(&suspicion, &timers, PERIOD_MS, 8, now_ms);
        assert_int_equal(suspicion.timer.deadline_ms, next_ms);
        now_ms = next_ms;
    }
    assert_int_equal(now_ms, end_ms);
    assert_false(suspicion_question(&suspicion, &timers, PERIOD_MS, now_ms));
    suspicion_end(&suspicion, &timers);
    suspicion_begin(&suspicion, &timers, ids[0], PERIOD_MS, 8, now_ms); /* the next one has all of its time */
    assert_int_equal(suspicion.timer.deadline_ms, now_ms + suspicion_timeout_ms(PERIOD_MS, 8, 0) - ASKING_MS);
    arena_deinit(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(logarithms_are_near_enough),
        cmocka_unit_test(more_witnesses_mean_less_time),
        cmocka_unit_test(each_witness_counts_once),
        cmocka_unit_test(a_late_witness_ends_it_now_and_not_before),
        cmocka_unit_test(before_it_is_over_it_is_asked_a_few_times),
    };
    return cmocka_run_group_tests_name("suspicion", tests, NULL, NULL);
}
