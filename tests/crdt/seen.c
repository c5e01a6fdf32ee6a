/* Seen markers: what is news to their holder, what is kept and forgotten, and whole chains of polls. */
#include "marker.h"
#include "random.h"

/* ---- intervals ---- */

static bool contains(const char *outer_low, const char *outer_high, const char *inner_low, const char *inner_high)
{
    struct crdt_interval outer = interval_of(outer_low, outer_high);
    struct crdt_interval inner = interval_of(inner_low, inner_high);
    return crdt_interval_contains(&outer, &inner);
}

static void an_interval_contains_itself_its_parts_and_nothing_else(void **state)
{
    (void)state;
    assert_true(contains("", NULL, "", NULL));
    assert_true(contains("", NULL, "b", "c"));
    assert_true(contains("b", "d", "b", "d"));
    assert_true(contains("b", "d", "ba", "cz"));
    assert_true(contains("b", NULL, "b", NULL));
    assert_false(contains("b", "d", "a", "c"));
    assert_false(contains("b", "d", "", "c"));
    assert_false(contains("b", "d", "c", "d\x01"));
    assert_false(contains("b", "d", "c", NULL));
    assert_false(contains("b", NULL, "a", NULL));
    assert_false(contains("b", "\x7f", "b", "\xff")); /* bytes are unsigned */
}

static void an_empty_interval_lies_in_every_one(void **state)
{
    (void)state;
    assert_true(contains("b", "c", "x", "x"));
    assert_true(contains("b", "c", "z", "a"));
    assert_true(contains("x", "x", "z", "a"));
    assert_true(contains("b", "c", "", ""));
    assert_false(contains("x", "x", "x", "x\x01"));
}

/* ---- what is news ---- */

static void to_a_fresh_marker_everything_with_a_history_is_new(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[2];
    marker_init(&marker);
    struct crdt_vclock context = context_of(dots, 7, 1, 0, 0);
    assert_true(is_new(&marker, "k", &context));
    context.count = 0; /* an item that was never written */
    assert_false(is_new(&marker, "k", &context));
}

static void a_complete_actor_raises_the_clock_for_all_keys(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[3][2];
    marker_init(&marker);
    struct crdt_vclock context = context_of(dots[0], 7, 10, 0, 0);
    absorb(&marker, "k", 7, &context);
    assert_int_equal(marker.seen.items_count, 0);
    assert_int_equal(crdt_vclock_get(&marker.seen.clock, 7), 10);
    struct crdt_vclock older = context_of(dots[1], 7, 9, 0, 0);
    struct crdt_vclock newer = context_of(dots[2], 7, 11, 0, 0);
    assert_false(is_new(&marker, "k", &context));
    assert_false(is_new(&marker, "other", &older));
    assert_true(is_new(&marker, "other", &newer));
    absorb(&marker, "other", 7, &older); /* never lowers it */
    assert_int_equal(crdt_vclock_get(&marker.seen.clock, 7), 10);
}

static void what_others_wrote_is_kept_by_key(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[2][2];
    marker_init(&marker);
    struct crdt_vclock context = context_of(dots[0], 7, 10, 8, 4);
    absorb(&marker, "k", 7, &context);
    assert_int_equal(crdt_vclock_get(&marker.seen.clock, 7), 10);
    assert_int_equal(crdt_vclock_get(&marker.seen.clock, 8), 0);
    assert_int_equal(marker.seen.items_count, 1);
    assert_false(is_new(&marker, "k", &context));
    assert_true(is_new(&marker, "j", &context)); /* another key's write of 8 up to 4 may not be there yet */
    assert_true(is_new(&marker, "l", &context));

    struct crdt_vclock later = context_of(dots[1], 7, 10, 8, 5);
    assert_true(is_new(&marker, "k", &later));
    absorb(&marker, "k", 7, &later); /* replaces what was kept */
    assert_int_equal(marker.seen.items_count, 1);
    assert_false(is_new(&marker, "k", &later));
    assert_false(is_new(&marker, "k", &context));

    absorb(&marker, "k", 8, &later); /* now 8 itself has answered */
    assert_int_equal(marker.seen.items_count, 0);
    assert_int_equal(crdt_vclock_get(&marker.seen.clock, 8), 5);
}

static void a_node_may_answer_for_several_actors_or_for_none(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[2];
    marker_init(&marker);
    struct crdt_vclock context = context_of(dots, 7, 10, 8, 4);
    absorb(&marker, "k", 0, &context);
    assert_int_equal(marker.seen.clock.count, 0);
    assert_int_equal(marker.seen.items_count, 1);
    const uint64_t complete[] = {6, 7, 8};
    crdt_seen_absorb(&marker.seen, complete, 3, (const uint8_t *)"k", 1, &context);
    assert_int_equal(marker.seen.clock.count, 2); /* 6 has written nothing here */
    assert_int_equal(marker.seen.items_count, 0);
}

static void items_stay_in_order_of_their_keys(void **state)
{
    (void)state;
    static struct marker marker;
    static const char *const keys[] = {"m", "a", "z", "", "mm", "\xff"};
    struct crdt_dot dots[2];
    marker_init(&marker);
    struct crdt_vclock context = context_of(dots, 7, 10, 0, 0);
    for (size_t i = 0; i < 6; i++) {
        absorb(&marker, keys[i], 0, &context);
    }
    static const char *const sorted[] = {"", "a", "m", "mm", "z", "\xff"};
    assert_int_equal(marker.seen.items_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(marker.items[i].sort_key_bytes, strlen(sorted[i]));
        assert_memory_equal(marker.items[i].sort_key, sorted[i], strlen(sorted[i]));
    }
    const uint64_t complete = 7;
    crdt_seen_absorb(&marker.seen, &complete, 1, (const uint8_t *)"m", 1, &context);
    assert_int_equal(marker.seen.items_count, 5); /* this one; the others go when the marker is next written */
    assert_memory_equal(marker.items[1].sort_key, "a", 1);
    assert_memory_equal(marker.items[2].sort_key, "mm", 2);
    assert_memory_equal(marker.items[3].sort_key, "z", 1);
    assert_memory_equal(marker.items[4].sort_key, "\xff", 1);
    crdt_seen_restrict(&marker.seen, &marker.seen.interval);
    assert_int_equal(marker.seen.items_count, 0);
}

static void a_full_marker_forgets_the_new_item_and_will_call_it_new_again(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[3][2];
    marker_init(&marker);
    marker.seen.items_capacity = 1;
    struct crdt_vclock context = context_of(dots[0], 7, 10, 0, 0);
    absorb(&marker, "a", 0, &context);
    absorb(&marker, "b", 0, &context);
    assert_int_equal(marker.seen.items_count, 1);
    assert_false(is_new(&marker, "a", &context));
    assert_true(is_new(&marker, "b", &context));
    struct crdt_vclock later = context_of(dots[1], 7, 11, 0, 0);
    absorb(&marker, "a", 0, &later); /* a known one has its room */
    assert_false(is_new(&marker, "a", &later));

    marker.seen.clock.capacity = 0;
    absorb(&marker, "a", 7, &later); /* a full clock: the item is kept instead */
    assert_int_equal(marker.seen.clock.count, 0);
    assert_false(is_new(&marker, "a", &later));
    assert_true(is_new(&marker, "b", &later));
}

/* H8 */
static void no_marker_keeps_more_items_than_its_bound(void **state)
{
    (void)state;
    static struct marker marker;
    static char keys[CRDT_SEEN_ITEMS_MAX + 1][8];
    struct crdt_dot dots[2];
    marker_init(&marker);
    struct crdt_vclock context = context_of(dots, 7, 10, 0, 0);
    for (uint32_t i = 0; i <= CRDT_SEEN_ITEMS_MAX; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%05u", (unsigned)i);
        absorb(&marker, keys[i], 0, &context);
    }
    assert_int_equal(marker.seen.items_count, CRDT_SEEN_ITEMS_MAX);
    assert_true(is_new(&marker, keys[CRDT_SEEN_ITEMS_MAX], &context));
}

static void restricting_forgets_what_is_outside_or_covered(void **state)
{
    (void)state;
    static struct marker marker;
    struct crdt_dot dots[2][2];
    marker_init(&marker);
    struct crdt_vclock by_7 = context_of(dots[0], 7, 10, 0, 0);
    struct crdt_vclock by_8 = context_of(dots[1], 8, 10, 0, 0);
    absorb(&marker, "a", 0, &by_7);
    absorb(&marker, "b", 0, &by_7);
    absorb(&marker, "c", 0, &by_8);
    absorb(&marker, "d", 0, &by_7);
    assert_true(crdt_vclock_raise(&marker.seen.clock, (struct crdt_dot){8, 10}));
    marker.items[4] = marker.items[1]; /* behind the last: not an item */
    struct crdt_interval interval = interval_of("b", "d");
    crdt_seen_restrict(&marker.seen, &interval);
    assert_int_equal(marker.seen.items_count, 1);
    assert_memory_equal(marker.items[0].sort_key, "b", 1);
    assert_true(marker.seen.interval.has_high);
    assert_memory_equal(marker.seen.interval.high, "d", 1);
}

/* ---- a chain of polls ---- */

enum { NODES = 3, KEYS = 8, STEPS = 80, MARKER_BYTES_MAX = 1024 };

/* Three nodes, each its own actor with counters over all keys, and what each knows of each key. */
struct world {
    uint64_t counters[NODES];
    uint64_t known[NODES][KEYS][NODES];
    uint64_t delivered[KEYS][NODES];
};

static struct crdt_vclock world_context(const uint64_t known[NODES], struct crdt_dot dots[NODES])
{
    struct crdt_vclock context = crdt_vclock_over(dots, NODES);
    for (uint32_t actor = 0; actor < NODES; actor++) {
        assert_true(crdt_vclock_raise(&context, (struct crdt_dot){actor + 1, known[actor]}));
    }
    return context;
}

/* Ask one node. Returns how many items were delivered. The contexts live on in `pool`, as a marker borrows them.
 */
static uint32_t world_poll(struct world *world, uint32_t node, struct marker *marker,
                           struct crdt_dot (*pool)[NODES])
{
    static const char *const keys[KEYS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    const uint64_t complete = node + 1;
    struct crdt_vclock contexts[KEYS];
    bool is_news[KEYS];
    uint32_t count = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        contexts[key] = world_context(world->known[node][key], pool[key]);
        is_news[key] = is_new(marker, keys[key], &contexts[key]);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        if (!is_news[key]) continue;
        crdt_seen_absorb(&marker->seen, &complete, 1, (const uint8_t *)keys[key], 1, &contexts[key]);
        for (uint32_t actor = 0; actor < NODES; actor++) {
            uint64_t known = world->known[node][key][actor];
            if (world->delivered[key][actor] < known) world->delivered[key][actor] = known;
        }
        count++;
    }
    return count;
}

/* Between two polls the marker is bytes at the client. What it borrows lies in `bytes` until the next time. */
static void travel(struct marker *marker, uint8_t bytes[MARKER_BYTES_MAX], uint32_t items_capacity)
{
    uint8_t sent[MARKER_BYTES_MAX];
    size_t used = crdt_seen_encode(&marker->seen, sent, sizeof sent);
    assert_true(used > 0);
    memcpy(bytes, sent, used);
    assert_true(decode(marker, bytes, used));
    marker->seen.items_capacity = items_capacity;
}

/* `node` learns what `other` knows of the key. */
static void world_merge(struct world *world, uint32_t node, uint32_t other, uint32_t key)
{
    for (uint32_t actor = 0; actor < NODES; actor++) {
        uint64_t known = world->known[other][key][actor];
        if (world->known[node][key][actor] < known) world->known[node][key][actor] = known;
    }
}

static void world_step(struct world *world, uint64_t *random)
{
    uint32_t node = random_below(random, NODES);
    uint32_t key = random_below(random, KEYS);
    if (random_below(random, 2) == 0) {
        world->known[node][key][node] = ++world->counters[node];
    } else {
        world_merge(world, node, random_below(random, NODES), key);
    }
}

static void world_heal(struct world *world)
{
    for (uint32_t key = 0; key < KEYS; key++) {
        for (uint32_t i = 0; i < NODES * NODES; i++) {
            world_merge(world, i % NODES, i / NODES, key);
        }
        for (uint32_t i = 0; i < NODES * NODES; i++) {
            world_merge(world, i % NODES, i / NODES, key);
        }
    }
}

/* I17: nothing is missed, however small the marker; and once nothing changes, nothing is sent for ever. */
static void a_chain_of_polls_misses_nothing_and_comes_to_rest(void **state)
{
    (void)state;
    uint64_t random = random_seed();
    static struct marker marker;
    static struct crdt_dot pool[STEPS][KEYS][NODES];
    static uint8_t bytes[MARKER_BYTES_MAX];
    for (uint32_t run = 0; run < 3000; run++) {
        struct world world = {0};
        uint32_t items_capacity = random_below(&random, KEYS + 1);
        marker_init(&marker);
        marker.seen.items_capacity = items_capacity;
        marker.seen.clock.capacity = NODES;
        for (uint32_t step = 0; step < STEPS; step++) {
            world_step(&world, &random);
            if (random_below(&random, 4) > 0) continue;
            (void)world_poll(&world, random_below(&random, NODES), &marker, pool[step]);
            travel(&marker, bytes, items_capacity);
        }
        world_heal(&world);
        for (uint32_t i = 0; i < 2 * NODES; i++) { /* the second time round there is nothing left to say */
            uint32_t count = world_poll(&world, i % NODES, &marker, pool[i]);
            assert_true(i < NODES || count == 0);
            travel(&marker, bytes, items_capacity);
        }
        assert_memory_equal(world.delivered, world.known[0], sizeof world.delivered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_contains_itself_its_parts_and_nothing_else),
        cmocka_unit_test(an_empty_interval_lies_in_every_one),
        cmocka_unit_test(to_a_fresh_marker_everything_with_a_history_is_new),
        cmocka_unit_test(a_complete_actor_raises_the_clock_for_all_keys),
        cmocka_unit_test(what_others_wrote_is_kept_by_key),
        cmocka_unit_test(a_node_may_answer_for_several_actors_or_for_none),
        cmocka_unit_test(items_stay_in_order_of_their_keys),
        cmocka_unit_test(a_full_marker_forgets_the_new_item_and_will_call_it_new_again),
        cmocka_unit_test(no_marker_keeps_more_items_than_its_bound),
        cmocka_unit_test(restricting_forgets_what_is_outside_or_covered),
        cmocka_unit_test(a_chain_of_polls_misses_nothing_and_comes_to_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
