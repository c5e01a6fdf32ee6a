/* PollItem, in every order of its own steps and the writer's (H9, I16). */
#include "tests/lib/choices.h"
#include "tests/lib/node_say.h"

enum special { SPECIAL_NONE, SPECIAL_LEAVE, SPECIAL_DEADLINE };

enum { TIMEOUT_S = 10 };

/* One run: a poll of a fresh item, some writes without tokens ("1", "2"…), perhaps one special event. */
struct run {
    struct world *world;
    struct choices *choices;
    enum special special;
    uint32_t writes;      /* in all */
    uint32_t writes_base; /* of them, before the poll's token */
    uint32_t begun, lent, committed;
    uint32_t committed_at_read;    /* what the poll's last read saw */
    uint32_t committed_at_special; /* UINT32_MAX: the special has not come */
    struct text target;
    char sort_key[32];
    bool is_asked;
    bool is_gone;
    uint32_t poll;
    uint32_t writers[4];
};

static void fail_run(const struct run *run, const char *what)
{
    print_error("%s: special %d, %u writes, %u committed, %u at the poll's read\n", what, run->special,
                run->writes, run->committed, run->committed_at_read);
    choices_print(run->choices);
    fail();
}

static void begin_write(struct run *run)
{
    char value[2] = {(char)('1' + run->begun), '\0'};
    run->writers[run->begun++] = say_begin_put(run->world, run->sort_key, NULL, value);
    while (world_move_connection(run->world, run->writers[run->begun - 1])) {
    }
    run->lent++;
}

static void ask_poll(struct run *run)
{
    run->is_asked = true;
    run->poll = say_begin(run->world, (struct ask){.method = "GET", .target = run->target.text});
}

static void come_special(struct run *run)
{
    run->committed_at_special = run->committed;
    if (run->special == SPECIAL_LEAVE) {
        run->is_gone = true;
        world_leave(run->world, run->poll);
    } else {
        world_pass_ms(run->world, TIMEOUT_S * 1000);
    }
}

static bool can_special(const struct run *run)
{
    return run->special != SPECIAL_NONE && run->is_asked && run->committed_at_special == UINT32_MAX &&
           !run->world->connections[run->poll].is_sending;
}

/* Do the move of this number; the numbers are as in moves_count(). */
static void move(struct run *run, uint32_t number)
{
    struct world *world = run->world;
    uint32_t reads = world_count(&world->reads);
    uint32_t answers = world_deliverable_count(world);
    if (!run->is_asked && number-- == 0) {
        ask_poll(run);
    } else if (run->begun < run->writes && number-- == 0) {
        begin_write(run);
    } else if (run->lent > 0 && number-- == 0) {
        run->committed += run->lent;
        run->lent = 0;
        world_commit(world);
    } else if (can_special(run) && number-- == 0) {
        come_special(run);
    } else if (number < reads) {
        run->committed_at_read = run->committed;
        world_run_read(world, number);
    } else {
        assert_true(number - reads < answers);
        world_deliver(world, number - reads);
    }
}

static uint32_t moves_count(const struct run *run)
{
    return (uint32_t)!run->is_asked + (run->begun < run->writes) + (run->lent > 0) + can_special(run) +
           world_count(&run->world->reads) + world_deliverable_count(run->world);
}

static void expect_values(struct run *run, uint32_t slot, uint32_t count)
{
    char expected[64] = "200 [";
    for (uint32_t i = 0; i < count; i++)
        sprintf(expected + strlen(expected), "%s\"%u\"", i == 0 ? "" : ",", i + 1);
    strcat(expected, "]");
    char *actual = say_line(run->world, slot);
    bool is_equal = strcmp(actual, expected) == 0;
    if (!is_equal) print_error("there is %s, wanted %s\n", actual, expected);
    free(actual);
    if (!is_equal) fail_run(run, "not the state that was read");
}

/* All was done. What must the poll have said? */
static void check_end(struct run *run)
{
    struct world *world = run->world;
    bool has_late = run->committed_at_special != UINT32_MAX;
    bool is_news = run->committed > run->writes_base;
    int status = world_status(world, run->poll);
    if (status == 0 && is_news) fail_run(run, "the change was missed");
    if (status == 0 && has_late) fail_run(run, "no answer though the time was over");
    if (status == 304 && !has_late) fail_run(run, "304 before its time");
    if (status == 304 && run->committed_at_special > run->writes_base)
        fail_run(run, "304 though a change was committed before the deadline");
    if (status == 200 && run->committed_at_read <= run->writes_base) fail_run(run, "an answer without news");
    if (status == 200) expect_values(run, run->poll, run->committed_at_read);
    if (status == 304) return;

    /* The next poll, with the token just given, finds what came after that read, at once. */
    struct token token = say_token(world, run->poll);
    struct text target = text_of("/demo/p?sort_key=%s&causality_token=%s", run->sort_key, token.text);
    if (run->committed == run->committed_at_read) return;
    uint32_t next = say_begin(world, (struct ask){.method = "GET", .target = target.text});
    world->holds = (struct world_holds){false};
    world_pump(world);
    expect_values(run, next, run->committed);
    say_close(world, next);
}

static void close_all(struct run *run)
{
    struct world *world = run->world;
    for (uint32_t i = 0; i < run->writes; i++)
        say_close(world, run->writers[i]);
    if (!run->is_gone) say_close(world, run->poll);
    assert_true(list_is_empty(&world->reads) && list_is_empty(&world->answers));
    if (world->node.requests.service.waiting_polls != 0) fail_run(run, "a poll is still counted");
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++)
        assert_false(node_has_request(&world->node, slot));
}

static void run_once(struct run *run)
{
    struct world *world = run->world;
    struct token token = {"AAAAAAAAAAA"};
    snprintf(run->sort_key, sizeof run->sort_key, "%d-%u-%u-%llu", run->special, run->writes, run->writes_base,
             (unsigned long long)run->choices->runs_count);
    for (uint32_t i = 0; i < run->writes_base; i++) {
        world->holds = (struct world_holds){false};
        begin_write(run);
        run->lent = 0;
        run->committed++;
        world_pump(world);
        say_close(world, run->writers[i]);
        uint32_t slot = say_begin_get(world, run->sort_key);
        world_pump(world);
        token = say_token(world, slot);
        say_close(world, slot);
    }
    run->committed_at_special = UINT32_MAX;
    run->target = text_of("/demo/p?sort_key=%s&causality_token=%s&timeout=%d", run->sort_key, token.text,
                          TIMEOUT_S);
    world->holds = (struct world_holds){.reads = true, .commits = true, .answers = true};
    for (uint32_t moves = moves_count(run); moves > 0; moves = moves_count(run)) {
        move(run, choices_take(run->choices, moves));
        for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) /* what is said goes out at once */
            while (world_move_connection(world, slot)) {
            }
    }
    if (!run->is_gone) check_end(run);
    world->holds = (struct world_holds){false};
    close_all(run);
}

static void run_all(struct world *world, enum special special, uint32_t writes, uint32_t writes_base)
{
    struct choices choices = {0};
    do {
        struct run run = {
            .world = world, .choices = &choices, .special = special, .writes = writes, .writes_base = writes_base};
        run_once(&run);
    } while (choices_next(&choices));
    print_message("special %d, %u writes, %u before: %llu orders\n", special, writes, writes_base,
                  (unsigned long long)choices.runs_count);
    assert_true(choices.runs_count > 10);
}

static void a_change_is_never_missed_in_any_order(void **state)
{
    run_all(*state, SPECIAL_NONE, 1, 0);
    run_all(*state, SPECIAL_NONE, 2, 0);
    run_all(*state, SPECIAL_NONE, 2, 1);
    run_all(*state, SPECIAL_NONE, 3, 1);
}

static void a_poller_may_leave_at_any_moment(void **state)
{
    run_all(*state, SPECIAL_LEAVE, 1, 0);
    run_all(*state, SPECIAL_LEAVE, 2, 0);
    run_all(*state, SPECIAL_LEAVE, 2, 1);
}

/* I16: 304 only if nothing was committed before the deadline. */
static void what_is_committed_before_the_deadline_is_delivered(void **state)
{
    run_all(*state, SPECIAL_DEADLINE, 1, 0);
    run_all(*state, SPECIAL_DEADLINE, 2, 0);
    run_all(*state, SPECIAL_DEADLINE, 2, 1);
}

/* --- single stories ------------------------------------------------------------------------------------- */

static uint32_t begin_poll(struct world *world, const char *sort_key, const char *rest)
{
    struct text target = text_of("/demo/p?sort_key=%s&causality_token=AAAAAAAAAAA%s", sort_key, rest);
    return say_begin(world, (struct ask){.method = "GET", .target = target.text});
}

/* A burst while its read is under way costs one more read, and gets one answer with all of it (I16). */
static void a_burst_of_writes_is_one_answer(void **state)
{
    struct world *world = *state;
    world->holds.reads = true;
    uint32_t poll = begin_poll(world, "a", "");
    world_run_read(world, 0); /* sees nothing */
    world->holds.answers = true;
    uint32_t slots[20];
    for (uint32_t i = 0; i < 20; i++)
        slots[i] = say_begin_put(world, "a", NULL, i % 2 == 0 ? "x" : "y");
    world_pump(world);
    while (world_count(&world->answers) > 1)
        world_deliver(world, 1); /* every write before the poll's read */
    world->holds.answers = false;
    world_pump(world);
    assert_int_equal(world_count(&world->reads), 1);
    expect_answer(world, poll, "nothing yet");
    world->holds.reads = false;
    world_pump(world);
    expect_answer(world, poll, "200 [\"x\",\"y\"]");
    for (uint32_t i = 0; i < 20; i++)
        expect_answer(world, slots[i], "204");
}

/* I25: an idle poll is small: under 2 KiB, and none of it scratch. */
static void an_idle_poll_costs_less_than_two_kibibytes(void **state)
{
    struct world *world = *state;
    uint32_t poll = begin_poll(world, "a", "&timeout=600");
    world_pump(world);
    const struct request *request = world->node.requests.slots[poll];
    assert_true(node_is_waiting(&world->node, poll));
    assert_int_equal(world->node.requests.service.waiting_polls, 1);
    assert_int_equal(request->scratch.held_bytes, 0);
    print_message("an idle poll holds %zu bytes\n", request->arena.held_bytes);
    assert_true(request->arena.held_bytes <= 1280); /* what the edge has of a connection comes to it */
    say_put(world, "b", NULL, "x");                 /* another item: not woken */
    assert_int_equal(request->scratch.held_bytes, 0);
    say_put(world, "a", NULL, "x");
    expect_answer(world, poll, "200 [\"x\"]");
}

static void the_deadline_is_the_clamped_timeout(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *rest;
        uint64_t timeout_s;
    } rows[] = {{"", 300},         {"&timeout=0", 1},     {"&timeout=1", 1},
                {"&timeout=7", 7}, {"&timeout=600", 600}, {"&timeout=18446744073709551615", 600}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t poll = begin_poll(world, "a", rows[i].rest);
        world_pump(world);
        assert_int_equal(node_deadline_ms(&world->node), world->now_ms + rows[i].timeout_s * 1000);
        world_pass_ms(world, rows[i].timeout_s * 1000 - 1);
        world_pump(world);
        expect_answer(world, poll, "nothing yet");
        world_pass_ms(world, 1);
        world_pump(world);
        expect_answer(world, poll, "304");
        assert_null(answer_header(world_answer(world, poll), "x-garage-causality-token").bytes);
        assert_true(world_answer(world, poll)->keeps_alive);
        say_close(world, poll);
    }
}

/* A stopping node lets polls go, those that come later too; and what changed is still said. */
static void a_draining_node_lets_polls_go(void **state)
{
    struct world *world = *state;
    uint32_t waiting = begin_poll(world, "a", "");
    world_pump(world);
    world->holds.reads = true;
    uint32_t reading = begin_poll(world, "a", "");
    world_drain(world);
    world->holds.reads = false;
    world_pump(world);
    expect_answer(world, waiting, "304");
    expect_answer(world, reading, "304");
    assert_false(world_answer(world, waiting)->keeps_alive);
    uint32_t late = begin_poll(world, "a", "");
    world_pump(world);
    expect_answer(world, late, "304");
    say_put(world, "a", NULL, "x");
    late = begin_poll(world, "a", "");
    world_pump(world);
    expect_answer(world, late, "200 [\"x\"]");
    assert_int_equal(world->node.requests.service.waiting_polls, 0);
}

static void a_poll_answers_in_the_form_that_was_asked_for(void **state)
{
    struct world *world = *state;
    static const char *const accepts[] = {"application/octet-stream", "application/json", "*/*", "text/html"};
    uint32_t slots[4];
    struct text target = text_of("/demo/p?sort_key=a&causality_token=AAAAAAAAAAA");
    for (int i = 0; i < 4; i++)
        slots[i] = say_begin(world, (struct ask){.method = "GET", .target = target.text, .accept = accepts[i]});
    world_pump(world);
    expect_answer(world, slots[3], "406 NotAcceptable");
    say_put(world, "a", NULL, "x");
    expect_answer(world, slots[0], "200 x");
    expect_answer(world, slots[1], "200 [\"x\"]");
    expect_answer(world, slots[2], "200 x");
}

static void a_deletion_wakes_a_poll(void **state)
{
    struct world *world = *state;
    struct token token = say_put(world, "a", NULL, "x");
    struct text target = text_of("/demo/p?sort_key=a&causality_token=%s", token.text);
    uint32_t json = say_begin(world, (struct ask){.method = "GET", .target = target.text});
    uint32_t any = say_begin(world, (struct ask){.method = "GET", .target = target.text, .accept = "*/*"});
    world_pump(world);
    expect_answer(world, json, "nothing yet");
    expect_post(world, "/demo?delete", "[{\"partitionKey\":\"p\"}]",
                "200 [{\"partitionKey\":\"p\",\"prefix\":null,\"start\":null,\"end\":null,\"singleItem\":false,"
                "\"deletedItems\":1}]");
    expect_answer(world, json, "200 [null]");
    expect_answer(world, any, "204");
}

/* HEAD of a poll: as GET without the body. */
static void head_of_a_poll_has_no_body(void **state)
{
    struct world *world = *state;
    uint32_t slot = say_begin(
        world, (struct ask){.method = "HEAD", .target = "/demo/p?sort_key=a&causality_token=AAAAAAAAAAA"});
    world_pump(world);
    say_put(world, "a", NULL, "x");
    assert_int_equal(world_status(world, slot), 200);
    assert_int_equal(world_answer(world, slot)->body_bytes, 0);
    assert_true(answer_header_is(world_answer(world, slot), "content-length", "12"));
}

static void a_bad_token_is_refused_at_once(void **state)
{
    struct world *world = *state;
    struct token token = say_put(world, "a", NULL, "x");
    struct text target = text_of("/demo/p?sort_key=b&causality_token=%s", token.text); /* of another item */
    expect_ask(world, ((struct ask){.method = "GET", .target = target.text}), "400 InvalidRequest");
    expect_ask(world, ((struct ask){.method = "GET", .target = "/demo/p?sort_key=b&causality_token=tra$h"}),
               "400 InvalidRequest");
    assert_int_equal(world->node.requests.service.waiting_polls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_change_is_never_missed_in_any_order),
        world_test(a_poller_may_leave_at_any_moment),
        world_test(what_is_committed_before_the_deadline_is_delivered),
        world_test(a_burst_of_writes_is_one_answer),
        world_test(an_idle_poll_costs_less_than_two_kibibytes),
        world_test(the_deadline_is_the_clamped_timeout),
        world_test(a_draining_node_lets_polls_go),
        world_test(a_poll_answers_in_the_form_that_was_asked_for),
        world_test(a_deletion_wakes_a_poll),
        world_test(head_of_a_poll_has_no_body),
        world_test(a_bad_token_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
