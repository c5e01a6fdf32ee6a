/* Whom to ping: everybody once a round, in another order each time; and when to doubt oneself. */
#include "node/cluster/gossip_relay.h"
#include "node/cluster/probe.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

enum { COUNT = 20, PERIOD_MS = 1000, START_MS = 5000 };

struct rig {
    struct arena arena;
    struct prng prng;
    struct probe probe;
    struct member rows[COUNT];
    struct member *pointers[COUNT];
    struct members members;
};

static int set_up(void **state)
{
    static struct rig rig;
    static const uint8_t seed[PRNG_SEED_BYTES] = {3};
    rig = (struct rig){0};
    arena_init(&rig.arena, 1 << 20);
    prng_init(&rig.prng, seed);
    assert_true(probe_init(&rig.probe, &rig.arena));
    for (uint32_t i = 0; i < COUNT; i++) {
        rig.rows[i].id[0] = (uint8_t)i;
        rig.rows[i].state = MEMBER_ALIVE;
        rig.rows[i].has_announcement = true;
        rig.rows[i].announcement.address = span_text("h:1");
        rig.pointers[i] = &rig.rows[i];
        probe_add(&rig.probe, &rig.rows[i], &rig.prng);
    }
    rig.members = (struct members){.rows = rig.pointers, .count = COUNT};
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    arena_deinit(&rig->arena);
    return 0;
}

static void a_round_visits_everybody_once(void **state)
{
    struct rig *rig = *state;
    uint8_t orders[10][COUNT];
    while (rig->probe.order_at != rig->probe.order_count)
        probe_next(&rig->probe, &rig->prng, START_MS); /* the rest of the first, into which they came */
    for (uint32_t round = 0; round < 10; round++) {
        bool was_visited[COUNT] = {false};
        for (uint32_t i = 0; i < COUNT; i++) {
            const struct member *member = probe_next(&rig->probe, &rig->prng, START_MS);
            assert_false(was_visited[member->id[0]]);
            was_visited[member->id[0]] = true;
            orders[round][i] = member->id[0];
        }
        assert_true(round == 0 || memcmp(orders[round], orders[round - 1], COUNT) != 0);
    }
}

static void who_cannot_answer_is_passed_over(void **state)
{
    struct rig *rig = *state;
    for (uint32_t i = 0; i < COUNT; i++) {
        if (i % 4 == 0) rig->rows[i].state = MEMBER_DOWN;
        if (i % 4 == 1) rig->rows[i].has_announcement = false;
        if (i % 4 == 2) rig->rows[i].quarantined_until_ms = START_MS + 1;
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(probe_next(&rig->probe, &rig->prng, START_MS)->id[0] % 4, 3);
        assert_int_equal(probe_next_down(&rig->probe, &rig->members, START_MS)->id[0] % 4, 0);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        rig->rows[i].quarantined_until_ms = START_MS + 1;
    assert_null(probe_next(&rig->probe, &rig->prng, START_MS));
    assert_null(probe_next_down(&rig->probe, &rig->members, START_MS));
    assert_non_null(probe_next(&rig->probe, &rig->prng, START_MS + 1));
}

static void who_came_and_went_is_followed(void **state)
{
    struct rig *rig = *state;
    struct random random = random_begin("probe");
    bool is_in[COUNT];
    memset(is_in, true, sizeof is_in);
    for (uint32_t step = 0; step < 5000; step++) {
        uint32_t i = random_below(&random, COUNT);
        if (random_once_in(&random, 3)) {
            if (is_in[i]) {
                probe_drop(&rig->probe, &rig->rows[i]);
            } else {
                probe_add(&rig->probe, &rig->rows[i], &rig->prng);
            }
            is_in[i] = !is_in[i];
        }
        const struct member *member = probe_next(&rig->probe, &rig->prng, START_MS);
        assert_true(member == NULL ? rig->probe.order_count == 0 : is_in[member->id[0]]);
    }
}

static void helpers_are_three_others(void **state)
{
    struct rig *rig = *state;
    for (uint32_t i = 0; i < 100; i++) {
        struct member *target = probe_next(&rig->probe, &rig->prng, START_MS);
        probe_begin(&rig->probe, target, i, PERIOD_MS, (uint64_t)START_MS * 1000);
        assert_int_equal(probe_deadline_ms(&rig->probe), START_MS + PERIOD_MS / 2);
        probe_choose_helpers(&rig->probe, &rig->members, &rig->prng, START_MS);
        assert_int_equal(rig->probe.helpers_count, GOSSIP_INDIRECT);
        assert_false(probe_is_helper(&rig->probe, target));
        assert_ptr_not_equal(rig->probe.helpers[0], rig->probe.helpers[1]);
        assert_ptr_not_equal(rig->probe.helpers[1], rig->probe.helpers[2]);
        assert_ptr_not_equal(rig->probe.helpers[0], rig->probe.helpers[2]);
    }
    struct member *target = rig->probe.ping.target;
    probe_drop(&rig->probe, target);
    assert_int_equal(rig->probe.phase, PROBE_IDLE);
    assert_null(rig->probe.ping.target);
}

/* Lost packets are made good within the period: it is sent again in each part of it, and others are asked late
 * enough that most need not be, and early enough that their answer comes in time. */
static void a_ping_goes_again_until_its_period_is_over(void **state)
{
    struct rig *rig = *state;
    static const uint64_t timeouts_ms[] = {PERIOD_MS / 5, PERIOD_MS / 3, PERIOD_MS / 2};
    struct probe *probe = &rig->probe;
    struct member *target = &rig->rows[0];
    target->has_round_trip = true;
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
        target->round_trip_us = timeouts_ms[i] * 1000 - 1000;
        uint64_t now_ms = START_MS;
        uint64_t asked_ms = 0;
        probe_begin(probe, target, UINT64_MAX, PERIOD_MS, now_ms * 1000); /* numbers may go round */
        assert_int_equal(probe_deadline_ms(probe), START_MS + timeouts_ms[i]);
        for (uint32_t times = 1; probe_deadline_ms(probe) < probe->end_ms; times++) {
            assert_false(probe_is_due_again(probe, probe_deadline_ms(probe) - 1));
            now_ms = probe_deadline_ms(probe);
            assert_true(probe_is_due_again(probe, now_ms));
            uint64_t sequence = probe_again(probe, now_ms * 1000);
            assert_true(sequence == UINT64_MAX + times);
            assert_int_equal(probe_ping_sent_us(&probe->ping, target, sequence), now_ms * 1000);
            assert_int_equal(probe_ping_sent_us(&probe->ping, target, UINT64_MAX), START_MS * 1000);
            assert_int_equal(probe_ping_sent_us(&probe->ping, target, sequence + 1), 0);
            assert_int_equal(probe_ping_sent_us(&probe->ping, &rig->rows[1], sequence), 0);
            if (!probe_wants_helpers(probe, now_ms)) continue;
            asked_ms = now_ms;
            probe_choose_helpers(probe, &rig->members, &rig->prng, now_ms);
        }
        assert_true(probe->ping.sent_count >= 4);
        assert_in_range(asked_ms, START_MS + PERIOD_MS * 2 / 5, START_MS + PERIOD_MS * 3 / 5);
        assert_false(probe_is_due_again(probe, probe->end_ms));
    }
}

static void health_grows_when_nobody_answers_and_times_with_it(void **state)
{
    struct rig *rig = *state;
    struct probe *probe = &rig->probe;
    for (uint32_t i = 0; i < 20; i++) {
        probe_begin(probe, &rig->rows[0], i, PERIOD_MS, (uint64_t)START_MS * 1000);
        uint32_t health = i < GOSSIP_HEALTH_MAX ? i : GOSSIP_HEALTH_MAX - 1;
        assert_int_equal(probe->health, health);
        assert_int_equal(probe->end_ms, START_MS + PERIOD_MS * (health + 1));
        probe_choose_helpers(probe, &rig->members, &rig->prng, START_MS);
        probe_on_nack(probe, probe->helpers[0]);
        probe_on_nack(probe, probe->helpers[0]); /* twice of one is once */
        probe_on_nack(probe, probe->helpers[1]);
        probe_failed(probe);
    }
    uint32_t health = probe->health;
    probe_begin(probe, &rig->rows[0], 1, PERIOD_MS, (uint64_t)START_MS * 1000);
    probe_choose_helpers(probe, &rig->members, &rig->prng, START_MS);
    for (uint32_t i = 0; i < GOSSIP_INDIRECT; i++)
        probe_on_nack(probe, probe->helpers[i]);
    probe_failed(probe); /* we are heard: it is not we who are ill */
    assert_int_equal(probe->health, health);
    for (uint32_t i = 0; i < 20; i++)
        probe_answered(probe);
    assert_int_equal(probe->health, 0);
    for (uint32_t i = 0; i < 20; i++)
        probe_doubted(probe); /* who accuses us without end makes us no slower than who does it once */
    assert_int_equal(probe->health, 1);
}

/* Pings made for others: told of the answer, or that there was none; the oldest gives way. */
static void relays_answer_who_asked(void **state)
{
    struct rig *rig = *state;
    struct gossip_relays relays = {0};
    struct gossip_relay relay;
    struct member *asker = &rig->rows[0];
    struct member *target = &rig->rows[1];
    assert_true(gossip_relays_deadline_ms(&relays) == UINT64_MAX);
    gossip_relays_add(&relays, asker, target, 7, 70, PERIOD_MS, START_MS);
    assert_int_equal(gossip_relays_deadline_ms(&relays), START_MS + PERIOD_MS * 4 / 5);
    assert_false(gossip_relays_answered(&relays, target, 71, &relay));
    assert_false(gossip_relays_answered(&relays, asker, 70, &relay));
    assert_false(gossip_relays_late(&relays, START_MS + 1, &relay));
    assert_true(gossip_relays_late(&relays, START_MS + PERIOD_MS * 4 / 5, &relay));
    assert_ptr_equal(relay.asker, asker);
    assert_int_equal(relay.asked_sequence, 7);
    assert_false(gossip_relays_late(&relays, START_MS + PERIOD_MS - 1, &relay)); /* told once */
    assert_true(gossip_relays_answered(&relays, target, 70, &relay));            /* late is better than never */
    assert_false(gossip_relays_answered(&relays, target, 70, &relay));
    gossip_relays_add(&relays, asker, target, 7, 70, UINT64_MAX, START_MS);
    assert_true(gossip_relays_deadline_ms(&relays) < START_MS + GOSSIP_RELAY_WAIT_MS);
    for (uint32_t i = 0; i < 2 * GOSSIP_RELAYS_MAX; i++) /* another one asks without end */
        gossip_relays_add(&relays, &rig->rows[2], target, i, 100 + i, PERIOD_MS, START_MS);
    assert_true(gossip_relays_answered(&relays, target, 70, &relay));
    assert_false(gossip_relays_answered(&relays, target, 100, &relay));
    assert_true(gossip_relays_answered(&relays, target, 99 + 2 * GOSSIP_RELAYS_MAX, &relay));
    static struct member many[GOSSIP_RELAYS_MAX];
    gossip_relays_add(&relays, asker, target, 7, 70, PERIOD_MS, START_MS);
    for (uint32_t i = 0; i < GOSSIP_RELAYS_MAX; i++)
        gossip_relays_add(&relays, &many[i], target, i, 100 + i, PERIOD_MS, START_MS);
    assert_false(gossip_relays_answered(&relays, target, 70, &relay)); /* many: the oldest gave way */
    assert_true(gossip_relays_answered(&relays, target, 100, &relay));
    gossip_relays_drop(&relays, target);
    assert_true(gossip_relays_deadline_ms(&relays) == UINT64_MAX);
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(a_round_visits_everybody_once),
        rig_test(who_cannot_answer_is_passed_over),
        rig_test(who_came_and_went_is_followed),
        rig_test(helpers_are_three_others),
        rig_test(a_ping_goes_again_until_its_period_is_over),
        rig_test(health_grows_when_nobody_answers_and_times_with_it),
        rig_test(relays_answer_who_asked),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
