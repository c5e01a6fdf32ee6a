/* Subscriptions: who is told of which change, and when they are woken (H9). */
#include "node/request/polls.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { ARENA_BYTES = 1 << 22, POLLS = 60, KEYS = 8, PARTITIONS = 3 };

static const uint8_t TOKEN_KEY[HASH_KEY_BYTES] = "the token key of the test's node";

/* A request that does nothing but poll and count. */
struct poller {
    struct request request;
    struct poll poll;
    struct op_interval interval;
    char sort_key[8];
    uint32_t told, woken;
    bool leaves; /* when it is told */
    bool wakes;  /* …later */
};

struct rig {
    struct arena arena;
    struct service service;
    struct settings settings;
    struct poller pollers[POLLS];
};

static void on_notify(struct request *request, struct span sort_key)
{
    struct poller *poller = (struct poller *)(void *)request;
    (void)sort_key;
    poller->told++;
    if (poller->leaves) polls_unsubscribe(&poller->poll);
    if (poller->wakes) polls_wake_later(&poller->poll);
}

static void on_wake(struct request *request)
{
    ((struct poller *)(void *)request)->woken++;
}

static const struct request_calls CALLS = {.on_notify = on_notify, .on_wake = on_wake};

static int set_up(void **state)
{
    static struct rig rig;
    memset(&rig, 0, sizeof rig);
    arena_init(&rig.arena, ARENA_BYTES);
    rig.service.token_key = TOKEN_KEY;
    assert_true(polls_init(&rig.service, &rig.arena));
    assert_true(timers_init(&rig.service.timers, POLLS, &rig.arena));
    for (int i = 0; i < POLLS; i++) {
        rig.pollers[i].request.service = &rig.service;
        rig.pollers[i].request.calls = &CALLS;
        polls_init_poll(&rig.pollers[i].poll, &rig.pollers[i].request);
    }
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&((struct rig *)*state)->arena);
    return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void hash_of(uint32_t partition, uint8_t hash[RING_HASH_BYTES])
{
    memset(hash, 0, RING_HASH_BYTES);
    hash[0] = (uint8_t)partition; /* far apart on the ring, and in one chain of range polls */
}

static void poll_item(struct rig *rig, struct poller *poller, uint32_t partition, const char *sort_key)
{
    strcpy(poller->sort_key, sort_key);
    hash_of(partition, poller->poll.hash);
    poller->poll.is_range = false;
    poller->poll.sort_key = span_text(poller->sort_key);
    polls_subscribe(&rig->service, &poller->poll);
}

static void poll_range(struct rig *rig, struct poller *poller, uint32_t partition, const char *low,
                       const char *high)
{
    poller->interval = (struct op_interval){.low = span_text(low), .has_high = high != NULL};
    if (high != NULL) poller->interval.high = span_text(high);
    hash_of(partition, poller->poll.hash);
    poller->poll.is_range = true;
    poller->poll.interval = &poller->interval;
    polls_subscribe(&rig->service, &poller->poll);
}

static void notify(struct rig *rig, uint32_t partition, const char *sort_key)
{
    uint8_t hash[RING_HASH_BYTES];
    hash_of(partition, hash);
    polls_notify(&rig->service, hash, span_text(sort_key));
}

/* --- who is told ---------------------------------------------------------------------------------------- */

static void only_who_polls_the_key_is_told(void **state)
{
    struct rig *rig = *state;
    struct poller *item = &rig->pollers[0];
    struct poller *range = &rig->pollers[1];
    poll_item(rig, item, 1, "b");
    poll_range(rig, range, 1, "b", "d");
    assert_int_equal(rig->service.waiting_polls, 2);
    static const struct {
        uint32_t partition;
        const char *sort_key;
        bool item, range;
    } rows[] = {
        {1, "b", true, true},   {1, "a", false, false}, {1, "", false, false},  {1, "bb", false, true},
        {1, "d", false, false}, {1, "c~", false, true}, {2, "b", false, false}, {0, "c", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        item->told = 0;
        range->told = 0;
        notify(rig, rows[i].partition, rows[i].sort_key);
        assert_int_equal(item->told, rows[i].item);
        assert_int_equal(range->told, rows[i].range);
    }
    polls_unsubscribe(&item->poll);
    polls_unsubscribe(&item->poll); /* harmless */
    assert_int_equal(rig->service.waiting_polls, 1);
    notify(rig, 1, "b");
    assert_int_equal(item->told, 0);
    polls_unsubscribe(&range->poll);
    assert_int_equal(rig->service.waiting_polls, 0);
    notify(rig, 1, "b");
}

static void the_longest_key_is_told_too(void **state)
{
    struct rig *rig = *state;
    static char text[KEYS_SORT_KEY_BYTES_MAX];
    uint8_t hash[RING_HASH_BYTES];
    struct poller *poller = &rig->pollers[0];
    memset(text, 'k', sizeof text);
    hash_of(1, hash);
    hash_of(1, poller->poll.hash);
    poller->poll.sort_key = span_of(text, sizeof text);
    polls_subscribe(&rig->service, &poller->poll);
    polls_notify(&rig->service, hash, span_of(text, sizeof text - 1));
    assert_int_equal(poller->told, 0);
    polls_notify(&rig->service, hash, span_of(text, sizeof text));
    assert_int_equal(poller->told, 1);
    polls_unsubscribe(&poller->poll);
}

/* A poll that ends when it is told takes no other's turn. */
static void whoever_leaves_when_told_leaves_the_others_theirs(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < POLLS; i++) {
        rig->pollers[i].leaves = i % 3 != 1;
        if (i % 2 == 0) {
            poll_item(rig, &rig->pollers[i], 1, "k");
        } else {
            poll_range(rig, &rig->pollers[i], 1, "", NULL);
        }
    }
    notify(rig, 1, "k");
    notify(rig, 1, "k");
    for (int i = 0; i < POLLS; i++)
        assert_int_equal(rig->pollers[i].told, rig->pollers[i].leaves ? 1 : 2);
    assert_int_equal(rig->service.waiting_polls, POLLS / 3);
    for (int i = 0; i < POLLS; i++)
        polls_unsubscribe(&rig->pollers[i].poll);
    assert_int_equal(rig->service.waiting_polls, 0);
}

/* --- waking --------------------------------------------------------------------------------------------- */

static void whoever_is_told_often_is_woken_once(void **state)
{
    struct rig *rig = *state;
    struct poller *first = &rig->pollers[0];
    struct poller *second = &rig->pollers[1];
    first->wakes = true;
    second->wakes = true;
    poll_range(rig, first, 1, "", NULL);
    poll_range(rig, second, 1, "", NULL);
    for (int i = 0; i < 3; i++)
        notify(rig, 1, "k");
    assert_int_equal(first->woken, 0); /* not before all was told */
    polls_unsubscribe(&second->poll);  /* who is gone by then is not woken */
    polls_wake(&rig->service);
    polls_wake(&rig->service);
    assert_int_equal(first->woken, 1);
    assert_int_equal(second->woken, 0);
    assert_int_equal(second->told, 3);
    polls_unsubscribe(&first->poll);
}

/* --- timeouts ------------------------------------------------------------------------------------------- */

static void timeouts_are_clamped(void **state)
{
    struct rig *rig = *state;
    static const struct {
        bool has_timeout;
        uint64_t timeout_s, expected_s;
    } rows[] = {{false, 0, 300},  {false, 7, 300},  {true, 0, 1},     {true, 1, 1},
                {true, 599, 599}, {true, 600, 600}, {true, 601, 600}, {true, UINT64_MAX, 600}};
    rig->service.now_ms = 5000;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request *request = &rig->pollers[i].request;
        polls_start_timer(request, rows[i].has_timeout, rows[i].timeout_s);
        assert_int_equal(request->timer.deadline_ms, 5000 + rows[i].expected_s * 1000);
        timers_remove(&rig->service.timers, &request->timer);
    }
}

/* --- against a model ------------------------------------------------------------------------------------ */

static bool is_meant(const struct poller *poller, uint32_t partition, const char *sort_key)
{
    if (list_is_empty(&poller->poll.link) || poller->poll.hash[0] != partition) return false;
    if (!poller->poll.is_range) return strcmp(poller->sort_key, sort_key) == 0;
    return op_interval_has(&poller->interval, span_text(sort_key));
}

static void any_polls_are_told_what_they_poll(void **state)
{
    struct rig *rig = *state;
    static const char *const texts[KEYS] = {"", "a", "aa", "ab", "b", "ba", "c", "d"};
    struct random random = random_begin("any_polls_are_told_what_they_poll");
    for (uint32_t step = 0; step < 20000; step++) {
        struct poller *poller = &rig->pollers[random_below(&random, POLLS)];
        uint32_t partition = random_below(&random, PARTITIONS);
        const char *text = texts[random_below(&random, KEYS)];
        if (!list_is_empty(&poller->poll.link)) {
            if (random_once_in(&random, 2)) polls_unsubscribe(&poller->poll);
        } else if (random_once_in(&random, 2)) {
            poll_item(rig, poller, partition, text);
        } else {
            poll_range(rig, poller, partition, text, random_once_in(&random, 2) ? NULL : texts[KEYS - 1]);
        }
        const char *changed = texts[random_below(&random, KEYS)];
        uint32_t where = random_below(&random, PARTITIONS);
        uint64_t subscribed = 0;
        for (int i = 0; i < POLLS; i++)
            rig->pollers[i].told = 0;
        notify(rig, where, changed);
        for (int i = 0; i < POLLS; i++) {
            assert_int_equal(rig->pollers[i].told, is_meant(&rig->pollers[i], where, changed));
            subscribed += !list_is_empty(&rig->pollers[i].poll.link);
        }
        assert_int_equal(rig->service.waiting_polls, subscribed);
    }
}

static void without_memory_there_are_no_chains(void **state)
{
    struct rig *rig = *state;
    struct arena none;
    arena_init(&none, 1024);
    assert_false(polls_init(&rig->service, &none));
    arena_deinit(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(only_who_polls_the_key_is_told),
        rig_test(the_longest_key_is_told_too),
        rig_test(whoever_leaves_when_told_leaves_the_others_theirs),
        rig_test(whoever_is_told_often_is_woken_once),
        rig_test(timeouts_are_clamped),
        rig_test(any_polls_are_told_what_they_poll),
        rig_test(without_memory_there_are_no_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
