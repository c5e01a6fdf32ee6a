/* The laws of item states, on all small histories of three replicas and then on large random ones, each compared
 * step by step with the naive model in model.h. */
#include "cmocka_all.h"
#include "model.h"
#include "random.h"
#include "tests/lib/slow.h"

/* Equal as the library says, and field by field. */
static void assert_same(const struct item *a, const struct item *b)
{
    assert_true(crdt_dvvs_is_equal(&a->state, &b->state));
    assert_true(a->state.columns_count == b->state.columns_count &&
                a->state.writes_count == b->state.writes_count);
    for (uint32_t i = 0; i < a->state.columns_count; i++) {
        assert_true(a->columns[i].actor == b->columns[i].actor);
        assert_true(a->columns[i].discard == b->columns[i].discard);
        assert_true(a->columns[i].writes_count == b->columns[i].writes_count);
    }
    for (uint32_t i = 0; i < a->state.writes_count; i++) {
        assert_true(a->writes[i].counter == b->writes[i].counter);
        assert_true(a->writes[i].expires_at_ms == b->writes[i].expires_at_ms);
    }
}

/* I8 on three states, and what all of them together are. */
static void check_merges(const struct item *a, const struct item *b, const struct item *c, struct item *all)
{
    static struct item ab, ba, bc, ac, other;
    item_merge(&ab, a, b);
    item_merge(&ba, b, a);
    assert_same(&ab, &ba); /* commutative */
    item_merge(&other, a, a);
    assert_same(&other, a); /* idempotent */
    item_merge(&other, &ab, a);
    assert_same(&other, &ab);
    item_merge(&other, b, &ab);
    assert_same(&other, &ab);

    item_merge(all, &ab, c);
    item_merge(&bc, b, c);
    item_merge(&other, a, &bc);
    assert_same(&other, all); /* associative */
    item_merge(&ac, c, a);
    item_merge(&other, &ac, b);
    assert_same(&other, all);
    item_merge(&other, &ab, &bc);
    assert_same(&other, all);
    item_merge(&other, &ac, all);
    assert_same(&other, all);
}

/* ---- all small histories ---- */

enum {
    OP_PUT_BLIND,
    OP_PUT_CURRENT,
    OP_DELETE_CURRENT,
    OP_PUT_FIRST,
    OP_PUT_WRITER,
    OP_PUT_FOREIGN, /* with the current token of the next replica */
    OP_MERGE_NEXT,
    OP_MERGE_OTHER,
    OPS_COUNT,
};

enum { SMALL_REPLICAS = 3, DEPTH_MAX = 8 };

/* The search: where it stands, and what was tried. */
struct search {
    struct history *history;
    struct replica *saved; /* one per depth */
    uint32_t depth_max;
    uint64_t histories_count;
    bool has_foreign;
};

/* Quiescence: everything merged is exactly what the model keeps (I1, I2). */
static void check_quiescence(const struct history *history)
{
    static struct copy all;
    const struct replica *replicas = history->replicas;
    check_merges(&replicas[0].copy.item, &replicas[1].copy.item, &replicas[2].copy.item, &all.item);
    all.applied = set_or(replicas[0].copy.applied, set_or(replicas[1].copy.applied, replicas[2].copy.applied));
    (void)check_copy(history, &all);
}

/* A token that is empty says the same as none. */
static bool write_with(struct history *history, uint32_t replica, const struct token *sent, const char *value)
{
    if (sent->dots_count == 0) return false;
    history_write(history, replica, sent, value, 0);
    return true;
}

/* A merge that brings nothing must change nothing; it is then no history of its own. */
static bool merge_from(struct history *history, uint32_t replica, uint32_t other)
{
    struct copy *into = &history->replicas[replica].copy;
    const struct copy *from = &history->replicas[other].copy;
    if (set_is_within(from->applied, into->applied)) {
        static struct item merged;
        item_merge(&merged, &into->item, &from->item);
        assert_same(&merged, &into->item);
        return false;
    }
    history_merge(history, replica, from);
    return true;
}

/* Do one operation. False when it is the same as another or does nothing. */
static bool apply(const struct search *search, uint32_t replica, int op)
{
    static const char *const values[] = {"x", "yy", "x", "zzz", "yy", "x", "zzz", "x"};
    struct history *history = search->history;
    const char *value = values[history->facts_count % 8];
    uint32_t next = (replica + 1) % SMALL_REPLICAS;
    struct token current = token_of(history, &history->replicas[replica].copy);
    struct token foreign = {.dots_count = 0};
    switch (op) {
    case OP_PUT_BLIND: history_write(history, replica, NULL, value, 0); return true;
    case OP_PUT_CURRENT: return write_with(history, replica, &current, value);
    case OP_DELETE_CURRENT: return write_with(history, replica, &current, NULL);
    case OP_PUT_FIRST: {
        struct token first = history->replicas[replica].first;
        return !set_is_equal(first.covers, current.covers) && write_with(history, replica, &first, value);
    }
    case OP_PUT_WRITER: {
        struct token writer = history->replicas[replica].writer;
        return !set_is_equal(writer.covers, current.covers) && write_with(history, replica, &writer, value);
    }
    case OP_PUT_FOREIGN:
        if (!search->has_foreign) return false;
        foreign = token_of(history, &history->replicas[next].copy);
        return write_with(history, replica, &foreign, value);
    case OP_MERGE_NEXT: return merge_from(history, replica, next);
    default: return merge_from(history, replica, (replica + 2) % SMALL_REPLICAS);
    }
}

/* Try every operation after the ones done so far. Depth-first; each step undoes what it did. */
static void search_from(struct search *search, uint32_t depth)
{
    struct history *history = search->history;
    search->histories_count++;
    check_quiescence(history);
    if (depth == search->depth_max) return;

    uint32_t facts_count = history->facts_count;
    for (uint32_t replica = 0; replica < SMALL_REPLICAS; replica++) {
        uint64_t last_counter = history->last_counters[replica];
        replica_copy(&search->saved[depth], &history->replicas[replica]);
        for (int op = 0; op < OPS_COUNT; op++) {
            if (apply(search, replica, op)) {
                search_from(search, depth + 1);
                replica_copy(&history->replicas[replica], &search->saved[depth]);
                history->last_counters[replica] = last_counter;
                history->facts_count = facts_count;
            }
        }
    }
}

static void search_all(uint32_t depth_max, bool has_foreign)
{
    static const uint64_t actors[SMALL_REPLICAS] = {ACTOR_B, ACTOR_A, ACTOR_C};
    static struct history history;
    static struct replica saved[DEPTH_MAX];
    history_init(&history, SMALL_REPLICAS, actors);
    struct search search = {
        .history = &history, .saved = saved, .depth_max = depth_max, .has_foreign = has_foreign};
    search_from(&search, 0);
    print_message("           %llu histories of up to %u operations%s\n",
                  (unsigned long long)search.histories_count, depth_max,
                  has_foreign ? ", tokens of another replica among them" : "");
}

static void every_small_history_agrees_with_the_model(void **state)
{
    (void)state;
    search_all(TESTS_ARE_SLOW ? 5 : 6, false);
    search_all(TESTS_ARE_SLOW ? 4 : 5, true);
}

/* ---- large random histories ---- */

enum { LARGE_REPLICAS = 5, LARGE_STEPS = 200, LARGE_RUNS = TESTS_ARE_SLOW ? 500 : 2000, POOL = 8 };

/* One run: a history, and tokens and states that are still under way somewhere. */
struct run {
    struct history history;
    struct token tokens[POOL];
    struct copy states[POOL];
    uint64_t random;
    uint32_t merge_percent; /* drawn per run, so that some runs are all talk and some all silence */
    uint32_t blind_percent;
    uint32_t delete_percent;
};

static void run_init(struct run *run)
{
    uint64_t actors[LARGE_REPLICAS];
    for (uint32_t i = 0; i < LARGE_REPLICAS; i++) {
        actors[i] = random_next(&run->random);
    }
    history_init(&run->history, LARGE_REPLICAS, actors);
    for (uint32_t i = 0; i < POOL; i++) {
        run->tokens[i].dots_count = 0;
        run->tokens[i].covers = (struct set){{0}};
        copy_of(&run->states[i], &run->history.replicas[0].copy);
    }
    run->merge_percent = random_below(&run->random, 80);
    run->blind_percent = random_below(&run->random, 100);
    run->delete_percent = random_below(&run->random, 50);
}

static void random_write(struct run *run, uint32_t replica)
{
    static const char *const values[] = {"", "a", "bb", "ccc", "dddd", "eeeee"};
    struct history *history = &run->history;
    struct token token = token_of(history, &history->replicas[replica].copy);
    uint32_t slot = random_below(&run->random, POOL);
    switch (random_below(&run->random, 4)) {
    case 0: token = run->tokens[slot]; break;
    case 1: token = history->replicas[random_below(&run->random, LARGE_REPLICAS)].writer; break;
    default: break;
    }
    bool is_blind = random_below(&run->random, 100) < run->blind_percent;
    bool is_delete = random_below(&run->random, 100) < run->delete_percent;
    history_write(history, replica, is_blind ? NULL : &token,
                  is_delete ? NULL : values[random_below(&run->random, 6)], random_below(&run->random, 3));
    if (random_below(&run->random, 4) == 0) {
        run->tokens[slot] = token_of(history, &history->replicas[replica].copy);
    }
}

/* From a replica as it is, or a state sent long ago and perhaps delivered before. */
static void random_merge(struct run *run, uint32_t replica)
{
    uint32_t slot = random_below(&run->random, POOL);
    uint32_t other = (replica + 1 + random_below(&run->random, LARGE_REPLICAS - 1)) % LARGE_REPLICAS;
    if (random_below(&run->random, 3) == 0) {
        history_merge(&run->history, replica, &run->states[slot]);
    } else {
        history_merge(&run->history, replica, &run->history.replicas[other].copy);
    }
    if (random_below(&run->random, 4) == 0) copy_of(&run->states[slot], &run->history.replicas[other].copy);
}

/* Everyone merges from random others until all have everything; then all are equal and are what the model says. */
static void heal(struct run *run)
{
    struct history *history = &run->history;
    struct set everything = {{0}};
    for (uint32_t i = 0; i < history->facts_count; i++) {
        set_add(&everything, i);
    }
    uint32_t complete = 0;
    while (complete < LARGE_REPLICAS) {
        uint32_t replica = random_below(&run->random, LARGE_REPLICAS);
        random_merge(run, replica);
        complete = 0;
        for (uint32_t i = 0; i < LARGE_REPLICAS; i++) {
            complete += set_is_equal(history->replicas[i].copy.applied, everything);
        }
    }
    for (uint32_t i = 0; i < LARGE_REPLICAS; i++) {
        assert_same(&history->replicas[i].copy.item, &history->replicas[0].copy.item); /* I13 */
        (void)check_copy(history, &history->replicas[i].copy);
    }
}

static void large_random_histories_agree_with_the_model(void **state)
{
    (void)state;
    static struct run run;
    static struct item all;
    run.random = random_seed();
    uint64_t siblings_most = 0;
    for (uint32_t i = 0; i < LARGE_RUNS; i++) {
        run_init(&run);
        for (uint32_t step = 0; step < LARGE_STEPS; step++) {
            uint32_t replica = random_below(&run.random, LARGE_REPLICAS);
            if (random_below(&run.random, 100) < run.merge_percent) {
                random_merge(&run, replica);
            } else {
                random_write(&run, replica);
            }
            uint32_t siblings = run.history.replicas[replica].copy.item.state.writes_count;
            siblings_most = siblings > siblings_most ? siblings : siblings_most;
        }
        const struct replica *replicas = run.history.replicas;
        check_merges(&replicas[0].copy.item, &replicas[1].copy.item, &replicas[2].copy.item, &all);
        check_merges(&replicas[2].copy.item, &replicas[3].copy.item, &replicas[4].copy.item, &all);
        heal(&run);
    }
    print_message("           %u histories of %u operations, up to %llu siblings\n", (unsigned)LARGE_RUNS,
                  (unsigned)LARGE_STEPS, (unsigned long long)siblings_most);
}

/* Alone on the item, a writer replaces its own value again and again without ever reading. */
static void a_writer_alone_replaces_its_own_value_with_what_it_was_told(void **state)
{
    (void)state;
    static const uint64_t actors[SMALL_REPLICAS] = {ACTOR_A, ACTOR_B, ACTOR_C};
    static struct history history;
    history_init(&history, SMALL_REPLICAS, actors);
    struct token token = {.dots_count = 0};
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t replica = i / 7 % SMALL_REPLICAS; /* it may meet another node, and come back */
        history_write(&history, replica, i == 0 ? NULL : &token, i % 5 == 4 ? NULL : "x", 0);
        assert_int_equal(history.replicas[replica].copy.item.state.writes_count, 1);
        token = history.replicas[replica].writer;
        assert_true(token.dots_count > 0);
    }
    static struct item all;
    check_merges(&history.replicas[0].copy.item, &history.replicas[1].copy.item, &history.replicas[2].copy.item,
                 &all);
    assert_int_equal(all.state.writes_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_history_agrees_with_the_model),
        cmocka_unit_test(large_random_histories_agree_with_the_model),
        cmocka_unit_test(a_writer_alone_replaces_its_own_value_with_what_it_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
