/* PollRange and its deadline, in every order of its own steps and the writer's: 304 only if nothing of its range
 * was committed before the deadline (I16). */
#include "tests/lib/choices.h"
#include "tests/lib/node_say.h"

enum { TIMEOUT_S = 10, NEVER = UINT32_MAX };

/* One run: a range poll of a partition of its own, some writes, the deadline or the node's end. */
struct run {
    struct world *world;
    struct choices *choices;
    uint32_t writes; /* in all */
    bool is_drain;   /* the node is told to stop, instead of the deadline */
    uint32_t begun, lent, committed;
    uint32_t committed_at_deadline;
    bool is_asked;
    uint32_t poll;
    int status; /* of its answer; its slot may be another's then, as a node that stops closes connections */
    uint32_t writers[4];
    struct text partition, body;
};

static void fail_run(const struct run *run, const char *what)
{
    print_error("%s: %u writes, %u committed, %u at the deadline\n", what, run->writes, run->committed,
                run->committed_at_deadline);
    choices_print(run->choices);
    fail();
}

static void begin_write(struct run *run)
{
    struct text target = text_of("/demo/%s?sort_key=%u", run->partition.text, run->begun);
    uint32_t slot = say_begin(run->world,
                              (struct ask){.method = "PUT", .target = target.text, .body = span_text("x")});
    world_give_body(run->world, slot);
    run->writers[run->begun++] = slot;
    run->lent++;
}

static void ask_poll(struct run *run)
{
    struct text target = text_of("/demo/%s?poll_range", run->partition.text);
    run->is_asked = true;
    run->poll = say_begin_post(run->world, target.text, run->body.text);
    world_give_body(run->world, run->poll);
}

static void come_deadline(struct run *run)
{
    run->committed_at_deadline = run->committed;
    if (run->is_drain) {
        world_drain(run->world);
    } else {
        world_pass_ms(run->world, TIMEOUT_S * 1000);
    }
}

static bool can_deadline(const struct run *run)
{
    return run->is_asked && run->committed_at_deadline == NEVER;
}

static uint32_t moves_count(const struct run *run)
{
    return (uint32_t)!run->is_asked + (run->begun < run->writes) + (run->lent > 0) + can_deadline(run) +
           world_count(&run->world->reads) + world_deliverable_count(run->world);
}

static void move(struct run *run, uint32_t number)
{
    struct world *world = run->world;
    uint32_t reads = world_count(&world->reads);
    if (!run->is_asked && number-- == 0) {
        ask_poll(run);
    } else if (run->begun < run->writes && number-- == 0) {
        begin_write(run);
    } else if (run->lent > 0 && number-- == 0) {
        run->committed += run->lent;
        run->lent = 0;
        world_commit(world);
    } else if (can_deadline(run) && number-- == 0) {
        come_deadline(run);
    } else if (number < reads) {
        world_run_read(world, number);
    } else {
        world_deliver(world, number - reads);
    }
}

static void send_all(struct world *world)
{
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) {
        while (world_move_connection(world, slot)) {
        }
    }
}

/* The marker of a partition that is still empty. */
static struct token first_marker(struct run *run)
{
    struct text target = text_of("/demo/%s?poll_range", run->partition.text);
    uint32_t slot = say_begin_post(run->world, target.text, "{}");
    world_pump(run->world);
    struct token marker = say_marker(run->world, slot);
    say_close(run->world, slot);
    return marker;
}

static void run_once(struct run *run)
{
    struct world *world = run->world;
    run->committed_at_deadline = NEVER;
    run->partition = text_of("p%d-%u-%llu", run->is_drain, run->writes,
                             (unsigned long long)run->choices->runs_count);
    struct token marker = first_marker(run);
    run->body = text_of("{\"seenMarker\":\"%s\",\"timeout\":%d}", marker.text, TIMEOUT_S);
    world->holds = (struct world_holds){.bodies = true, .reads = true, .commits = true, .answers = true};
    for (uint32_t moves = moves_count(run); moves > 0; moves = moves_count(run)) {
        bool is_early = run->committed_at_deadline == NEVER;
        move(run, choices_take(run->choices, moves));
        send_all(world);
        if (run->is_asked && run->status == 0) run->status = world_status(world, run->poll);
        if (is_early && run->committed_at_deadline == NEVER && run->status == 304)
            fail_run(run, "304 before its time");
    }
    int status = run->status;
    if (status == 0) fail_run(run, "no answer though the time was over");
    if (status == 304 && run->committed_at_deadline > 0)
        fail_run(run, "304 though a change was committed before the deadline");
    if (status == 200 && run->committed == 0) fail_run(run, "an answer without news");
    assert_true(status == 200 || status == 304);
    world->holds = (struct world_holds){false};
    say_close(world, run->poll);
    for (uint32_t i = 0; i < run->writes; i++)
        say_close(world, run->writers[i]);
    const struct service *service = &world->node.requests.service;
    assert_int_equal(service->waiting_polls, 0);
    assert_int_equal(service->timers.count, 0);
    assert_true(list_is_empty(&service->late_polls) && list_is_empty(&service->changed_chains));
}

static void run_all(struct world *world, uint32_t writes)
{
    struct choices choices = {0};
    do {
        struct run run = {.world = world, .choices = &choices, .writes = writes};
        run_once(&run);
    } while (choices_next(&choices));
    print_message("%u writes: %llu orders\n", writes, (unsigned long long)choices.runs_count);
    assert_true(choices.runs_count > 100);
}

static void what_is_committed_before_the_deadline_is_delivered(void **state)
{
    run_all(*state, 1);
    run_all(*state, 2);
}

/* A node that stops owes the same: each order on a node of its own, as it stops only once. */
static void what_is_committed_before_the_end_is_delivered(void **unused)
{
    struct choices choices = {0};
    (void)unused;
    do {
        void *state = NULL;
        world_begin(&state);
        struct run run = {.world = state, .choices = &choices, .writes = 1, .is_drain = true};
        run_once(&run);
        world_end(&state);
    } while (choices_next(&choices));
    assert_true(choices.runs_count > 100);
}

/* A poll whose deadline came while writes were under way ends with those, though others keep coming. */
static void a_late_poll_does_not_wait_for_later_writes(void **state)
{
    struct world *world = *state;
    struct choices none = {0};
    struct run run = {.world = world, .choices = &none, .partition = text_of("quiet")};
    struct token marker = first_marker(&run);
    run.body = text_of("{\"seenMarker\":\"%s\",\"timeout\":%d}", marker.text, TIMEOUT_S);
    ask_poll(&run);
    world_pump(world);
    world->holds.commits = true;
    uint32_t before = say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    world_pass_ms(world, TIMEOUT_S * 1000);
    world_commit(world);
    uint32_t after = say_begin_put(world, "b", NULL, "x");
    expect_answer(world, run.poll, "nothing yet");
    world_pump(world);
    expect_answer(world, before, "204");
    expect_answer(world, after, "nothing yet");
    expect_answer(world, run.poll, "304");
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, after, "204");
}

/* One that leaves while it is late is forgotten (I25). */
static void a_late_poll_may_leave(void **state)
{
    struct world *world = *state;
    struct choices none = {0};
    struct run run = {.world = world, .choices = &none, .partition = text_of("quiet")};
    struct token marker = first_marker(&run);
    run.body = text_of("{\"seenMarker\":\"%s\",\"timeout\":%d}", marker.text, TIMEOUT_S);
    ask_poll(&run);
    world_pump(world);
    world->holds.commits = true;
    uint32_t write = say_begin_put(world, "a", NULL, "x");
    world_pump(world);
    world_pass_ms(world, TIMEOUT_S * 1000);
    assert_false(list_is_empty(&world->node.requests.service.late_polls));
    world_leave(world, run.poll);
    assert_true(list_is_empty(&world->node.requests.service.late_polls));
    world->holds.commits = false;
    world_pump(world);
    expect_answer(world, write, "204");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_is_committed_before_the_deadline_is_delivered),
        cmocka_unit_test(what_is_committed_before_the_end_is_delivered),
        world_test(a_late_poll_does_not_wait_for_later_writes),
        world_test(a_late_poll_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
