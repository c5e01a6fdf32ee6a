/* The worked trace of the protocol: one item, written through two nodes; each state, value list, token and tally.
 * The seals are the protocol's XOR of all words, so that the texts are the protocol's own. */
#include "cmocka_all.h"
#include "crdt/token.h"
#include "item.h"

struct step {
    const char *state;
    const char *values;
    const char *token;
    struct crdt_tally tally; /* entries, conflicts, values, bytes */
};

static const struct step step_1 = {"A{0; 1001:v1}", "v1", "CgsMDQ4PE_gKCwwNDg8QEQAAAAAAAAPp", {1, 0, 1, 2}};
static const struct step step_2 = {"A{1001; 1002:v2}", "v2", "CgsMDQ4PE_sKCwwNDg8QEQAAAAAAAAPq", {1, 0, 1, 2}};
static const struct step step_3 = {
    "A{1001; 1002:v2, 1003:v3}", "v2, v3", "CgsMDQ4PE_oKCwwNDg8QEQAAAAAAAAPr", {1, 1, 2, 4}};
static const struct step step_4 = {
    "A{1001; 1002:v2, 1003:v3, 1004:v2}", "v2, v3", "CgsMDQ4PE_0KCwwNDg8QEQAAAAAAAAPs", {1, 1, 2, 4}};
static const struct step step_5a = {
    "A{1002; 1003:v3, 1004:v2, 2001:null}", "v3, v2, null", "CgsMDQ4PF8AKCwwNDg8QEQAAAAAAAAfR", {1, 1, 2, 4}};
static const struct step step_5b = {
    "A{1004; -} B{0; 1501:w}", "w", "KiouLioqMAcKCwwNDg8QEQAAAAAAAAPsICEiIyQlJicAAAAAAAAF3Q", {1, 0, 1, 1}};
static const struct step step_6 = {"A{1004; 2001:null} B{0; 1501:w}",
                                   "null, w",
                                   "KiouLioqNDoKCwwNDg8QEQAAAAAAAAfRICEiIyQlJicAAAAAAAAF3Q",
                                   {1, 1, 1, 1}};
static const struct step step_7 = {"A{2001; 2501:null} B{1501; -}",
                                   "null",
                                   "KiouLioqOi4KCwwNDg8QEQAAAAAAAAnFICEiIyQlJicAAAAAAAAF3Q",
                                   {0, 0, 0, 0}};
static const struct step step_8 = {"A{2001; 2501:null, 3001:new} B{1501; -}",
                                   "null, new",
                                   "KiouLioqOFIKCwwNDg8QEQAAAAAAAAu5ICEiIyQlJicAAAAAAAAF3Q",
                                   {1, 1, 1, 3}};

static void check_token(const struct crdt_dvvs *item, const char *expected)
{
    struct crdt_dot entries[4];
    struct crdt_vclock context = crdt_vclock_over(entries, 4);
    assert_true(crdt_dvvs_context(item, &context));
    uint64_t seal = 0;
    for (uint32_t i = 0; i < context.count; i++) {
        seal ^= context.entries[i].actor ^ context.entries[i].counter;
    }
    char text[CRDT_TOKEN_CHARS_MAX + 1];
    text[crdt_token_encode(&context, seal, text)] = 0;
    assert_string_equal(text, expected);
}

static void check_step(const struct item *item, const struct step *step)
{
    char text[ITEM_TEXT_MAX];
    assert_true(crdt_dvvs_is_valid(&item->state));
    assert_string_equal(item_text(&item->state, text), step->state);
    assert_string_equal(item_values_text(&item->state, text), step->values);
    check_token(&item->state, step->token);

    uint32_t scratch[ITEM_WRITES_MAX];
    struct crdt_tally tally = crdt_dvvs_tally(&item->state, scratch);
    assert_int_equal(tally.entries, step->tally.entries);
    assert_int_equal(tally.conflicts, step->tally.conflicts);
    assert_int_equal(tally.values, step->tally.values);
    assert_int_equal(tally.bytes, step->tally.bytes);
    assert_int_equal(crdt_dvvs_is_tombstoned(&item->state), tally.entries == 0);
}

/* A client writes through `actor` whose last dot is `last` and whose clock shows `clock_ms`. */
static void update(struct item *item, uint64_t actor, uint64_t last, uint64_t clock_ms, const char *token,
                   const char *value)
{
    if (token != NULL) {
        struct crdt_dot entries[4];
        struct crdt_vclock context = crdt_vclock_over(entries, 4);
        uint64_t seal = 0;
        assert_true(crdt_token_decode(token, strlen(token), &context, &seal));
        assert_true(crdt_dvvs_discard(&item->state, &context));
    }
    uint64_t counter = crdt_dvvs_top(&item->state, actor);
    counter = counter > last ? counter : last;
    counter = counter > clock_ms ? counter : clock_ms;
    item_write(item, actor, counter + 1, value);
}

static void up_to_step_4(struct item *item)
{
    item_init(item);
    update(item, ACTOR_A, 0, 1000, NULL, "v1");
    check_step(item, &step_1);
    update(item, ACTOR_A, 1001, 1000, step_1.token, "v2");
    check_step(item, &step_2);
    update(item, ACTOR_A, 1002, 1000, step_1.token, "v3");
    check_step(item, &step_3);
    update(item, ACTOR_A, 1003, 1000, NULL, "v2");
    check_step(item, &step_4);
}

static void from_step_6(struct item *item)
{
    check_step(item, &step_6);
    update(item, ACTOR_A, 2001, 2500, step_6.token, NULL);
    check_step(item, &step_7);
    update(item, ACTOR_A, 2501, 3000, NULL, "new");
    check_step(item, &step_8);
}

static void the_worked_trace_comes_out_as_written_with_the_merge_either_way_round(void **state)
{
    (void)state;
    static struct item on_a;
    static struct item on_b;
    static struct item merged;
    up_to_step_4(&on_a);
    item_copy(&on_b, &on_a.state);

    update(&on_a, ACTOR_A, 1004, 2000, step_2.token, NULL);
    check_step(&on_a, &step_5a);
    update(&on_b, ACTOR_B, 0, 1500, step_4.token, "w");
    check_step(&on_b, &step_5b);

    item_merge(&merged, &on_a, &on_b);
    from_step_6(&merged);
    item_merge(&merged, &on_b, &on_a);
    from_step_6(&merged);
}

/* What the writer of each step may be told. */
static void the_writers_of_the_trace_learn_only_what_they_have_read(void **state)
{
    (void)state;
    struct crdt_dot entries[4];
    struct crdt_vclock out = crdt_vclock_over(entries, 4);
    struct crdt_dot sent_dot = {ACTOR_A, 1001};
    struct crdt_vclock sent = {.entries = &sent_dot, .count = 1, .capacity = 1};
    static struct item item;

    item_init(&item);
    update(&item, ACTOR_A, 0, 1000, NULL, "v1");
    assert_true(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 1001}, NULL, &out));
    assert_true(crdt_vclock_is_equal(&out, &sent)); /* the token of step 1 */

    update(&item, ACTOR_A, 1001, 1000, step_1.token, "v2");
    assert_true(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 1002}, &sent, &out));
    assert_int_equal(crdt_vclock_get(&out, ACTOR_A), 1002);

    /* v2 at 1002 is unread by the writer of v3 at 1003, and no clock names 1003 without it. */
    update(&item, ACTOR_A, 1002, 1000, step_1.token, "v3");
    assert_false(crdt_dvvs_writer_context(&item.state, (struct crdt_dot){ACTOR_A, 1003}, &sent, &out));
    assert_int_equal(out.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_trace_comes_out_as_written_with_the_merge_either_way_round),
        cmocka_unit_test(the_writers_of_the_trace_learn_only_what_they_have_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
