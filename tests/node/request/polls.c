/* Subscriptions: who is told of which change, how often, and what finding them costs (H9). */
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
    uint32_t told, timed;
    char low, high; /* the first letters of what it was told last */
    bool leaves;    /* when it is told */
};

struct rig {
    struct arena arena;
    struct service service;
    struct settings settings;
    struct poller pollers[POLLS];
};

static char letter(struct span text)
{
    return text.length == 0 ? '-' : (char)text.bytes[0];
}

static void on_notify(struct request *request, struct span low, struct span high)
{
    struct poller *poller = (struct poller *)(void *)request;
    poller->told++;
    poller->low = letter(low);
    poller->high = letter(high);
    if (poller->leaves) polls_unsubscribe(&poller->poll);
}

static void on_time(struct request *request)
{
    struct poller *poller = (struct poller *)(void *)request;
    poller->timed++;
    if (poller->leaves) polls_unsubscribe(&poller->poll);
}

static const struct request_calls CALLS = {.on_notify = on_notify, .on_time = on_time};

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
    hash[0] = (uint8_t)partition;        /* far apart on the ring, and in one chain of range polls… */
    hash[7] = (uint8_t)(partition >> 8); /* …but for this */
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
    polls_tell(&rig->service);
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

/* --- an op of many items -------------------------------------------------------------------------------- */

/* Who polls a range is told once of all that an op changed in the partition, when all of it is known: what is read
 * then is read of all of it. Who polls an item is told at once. */
static void an_op_of_many_items_is_told_once(void **state)
{
    struct rig *rig = *state;
    struct poller *range = &rig->pollers[0];
    struct poller *above = &rig->pollers[1];
    struct poller *between = &rig->pollers[2];
    struct poller *item = &rig->pollers[3];
    struct poller *other = &rig->pollers[4];
    uint8_t hash[RING_HASH_BYTES];
    hash_of(1, hash);
    poll_range(rig, range, 1, "", NULL);
    poll_range(rig, above, 1, "e", NULL);
    poll_range(rig, between, 1, "bb", "c");
    poll_item(rig, item, 1, "b");
    poll_range(rig, other, 2, "", NULL); /* in the same chain */
    static const char *const keys[] = {"c", "b", "d", "b"};
    for (int i = 0; i < 4; i++)
        polls_notify(&rig->service, hash, span_text(keys[i]));
    assert_int_equal(range->told, 0);
    assert_int_equal(item->told, 2);
    polls_tell(&rig->service);
    polls_tell(&rig->service);
    assert_int_equal(range->told, 1);
    assert_int_equal(range->low, 'b');
    assert_int_equal(range->high, 'd');
    assert_int_equal(above->told, 0);
    assert_int_equal(between->told, 1); /* it may be concerned: it reads and finds nothing */
    assert_int_equal(other->told, 0);
    hash_of(2, hash);
    polls_notify(&rig->service, hash, span_text("f"));
    hash_of(1, hash);
    polls_notify(&rig->service, hash, span_text("a"));
    polls_tell(&rig->service);
    assert_int_equal(other->told, 1); /* two partitions of one chain: all of it is told of both */
    assert_int_equal(range->told, 2);
    assert_int_equal(above->told, 1);
    for (int i = 0; i < 5; i++)
        polls_unsubscribe(&rig->pollers[i].poll);
}

/* Steps, not time: a write looks at who polls its item and its partition, however many others wait; an op of many
 * items looks once at each poll of a range. */
static void a_write_does_not_look_at_who_polls_something_else(void **state)
{
    struct rig *rig = *state;
    enum { ITEMS = 10000, RANGES = 1000, CHANGES = 1000, ELSEWHERE = 1 << 8 };
    struct poller *pollers = calloc(ITEMS + RANGES, sizeof *pollers);
    assert_non_null(pollers);
    for (uint32_t i = 0; i < ITEMS + RANGES; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u", i);
        pollers[i].request.service = &rig->service;
        pollers[i].request.calls = &CALLS;
        polls_init_poll(&pollers[i].poll, &pollers[i].request);
        if (i < ITEMS) {
            poll_item(rig, &pollers[i], 1, text);
        } else {
            poll_range(rig, &pollers[i], ELSEWHERE, "", NULL);
        }
    }
    for (uint32_t i = 0; i < CHANGES; i++) { /* items nobody polls: only who shares their chain is looked at */
        char text[8];
        snprintf(text, sizeof text, "x%u", i);
        notify(rig, 1, text);
    }
    print_message("%llu polls looked at by %d writes\n", (unsigned long long)rig->service.polls_looked_at,
                  CHANGES);
    assert_true(rig->service.polls_looked_at < 4 * CHANGES);
    rig->service.polls_looked_at = 0;
    uint8_t hash[RING_HASH_BYTES];
    hash_of(ELSEWHERE, hash);
    for (uint32_t i = 0; i < CHANGES; i++)
        polls_notify(&rig->service, hash, span_text("k"));
    polls_tell(&rig->service);
    assert_true(rig->service.polls_looked_at < RANGES + 4 * CHANGES);
    for (uint32_t i = 0; i < ITEMS + RANGES; i++) {
        assert_int_equal(pollers[i].told, i < ITEMS ? 0 : 1);
        polls_unsubscribe(&pollers[i].poll);
    }
    assert_int_equal(rig->service.waiting_polls, 0);
    free(pollers);
}

/* --- deadlines ------------------------------------------------------------------------------------------ */

/* I16: what was lent to the store before the deadline may be committed, and is waited for; what is lent later is
 * not. */
static void a_poll_is_over_when_the_writes_of_before_are_told(void **state)
{
    struct rig *rig = *state;
    struct poller *first = &rig->pollers[0];
    struct poller *second = &rig->pollers[1];
    struct poller *third = &rig->pollers[2];
    struct request *older = &rig->pollers[POLLS - 1].request;
    struct request *newer = &rig->pollers[POLLS - 2].request;
    for (int i = 0; i < 3; i++)
        poll_range(rig, &rig->pollers[i], 1, "", NULL);
    list_init(&older->turn_link);
    list_init(&newer->turn_link);
    assert_true(polls_is_over(&first->poll)); /* no write is under way */
    polls_on_write_lent(older);
    assert_true(polls_is_over(&first->poll)); /* its deadline was before */
    assert_false(polls_is_over(&second->poll));
    assert_false(polls_is_over(&second->poll));
    polls_on_write_lent(newer);
    assert_false(polls_is_over(&third->poll));
    polls_on_write_told(older);
    assert_int_equal(second->timed, 1);
    assert_int_equal(third->timed, 0);
    assert_true(polls_is_over(&second->poll));
    assert_false(polls_is_over(&third->poll));
    polls_on_write_lent(older);
    polls_on_write_told(older); /* out of order: the newer one is still awaited */
    assert_int_equal(third->timed, 0);
    polls_unsubscribe(&third->poll); /* who is gone is not told */
    polls_on_write_told(newer);
    assert_int_equal(first->timed, 0);
    assert_int_equal(second->timed, 1);
    assert_int_equal(third->timed, 0);
    assert_true(list_is_empty(&rig->service.late_polls) && list_is_empty(&rig->service.lent_writes));
    for (int i = 0; i < 2; i++)
        polls_unsubscribe(&rig->pollers[i].poll);
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
        rig_test(an_op_of_many_items_is_told_once),
        rig_test(a_write_does_not_look_at_who_polls_something_else),
        rig_test(a_poll_is_over_when_the_writes_of_before_are_told),
        rig_test(timeouts_are_clamped),
        rig_test(any_polls_are_told_what_they_poll),
        rig_test(without_memory_there_are_no_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
