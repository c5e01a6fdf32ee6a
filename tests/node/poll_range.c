/* PollRange as a chain of calls, each with the marker of the one before, in every order of its own steps and the
 * writers' (H9, I17). The partition has two pages: "a" lies on the first, "z" on the second. */
#include "tests/lib/choices.h"
#include "tests/lib/node_say.h"

enum { FILLERS = 1, PAGE_ROWS = 2, WRITES_MAX = 4 };

/* What one run writes: its ops in the order they are begun, each of one or two items. */
struct plan {
    const char *name;
    uint32_t ops_count;
    const char *ops[WRITES_MAX]; /* the sort keys each op writes; "!": an item of another partition, corrupt */
    bool replaces_actor;         /* one op is "!": every run begins with a new node, which has met no corruption */
    bool is_lent_first;          /* all ops are lent before the run's first move, hence one commit */
    bool is_lent_in_turn;        /* each is lent when the one before is committed; else whenever */
    uint32_t polls_max;          /* 0: two; what comes then comes in one order only */
    bool has_small_range;        /* the poll is of [a, b) only: one page */
};

struct chain {
    struct world *world;
    struct choices *choices;
    const struct plan *plan;
    uint32_t begun, lent, delivered;
    uint32_t versions[2]; /* begun so far, of "a" and "z" */
    uint32_t committed[2];
    uint32_t heard[2]; /* the newest version an answer has shown */
    uint32_t polls_begun;
    uint32_t answers_seen;
    bool is_polling;
    uint32_t poll;
    struct token marker;
    uint32_t writers[WRITES_MAX];
};

static uint32_t index_of(char sort_key)
{
    return sort_key == 'a' ? 0 : 1;
}

static void fail_chain(const struct chain *chain, const char *what)
{
    print_error("%s: %s\n", chain->plan->name, what);
    choices_print(chain->choices);
    fail();
}

/* --- the partition -------------------------------------------------------------------------------------- */

static void insert(struct world *world, const char *elements)
{
    size_t room = strlen(elements) + 3;
    char *body = malloc(room);
    assert_non_null(body);
    snprintf(body, room, "[%s]", elements);
    expect_post(world, "/demo", body, "204");
    free(body);
}

static void make_fillers(struct world *world)
{
    char *elements = malloc(FILLERS * 48);
    assert_non_null(elements);
    size_t used = 0;
    for (int i = 0; i < FILLERS; i++)
        used += (size_t)sprintf(elements + used, "%s{\"pk\":\"p\",\"sk\":\"m%04d\",\"v\":\"\"}", i == 0 ? "" : ",",
                                i);
    insert(world, elements);
    free(elements);
}

static uint32_t begin_poll(struct world *world, const struct token *marker, bool has_small_range)
{
    struct text body = text_of("{\"seenMarker\":\"%s\",\"timeout\":600%s}", marker->text,
                               has_small_range ? ",\"start\":\"a\",\"end\":\"b\"" : "");
    return say_begin_post(world, "/demo/p?poll_range", body.text);
}

/* A first marker that has seen all there is. */
static struct token first_marker(struct world *world, bool has_small_range)
{
    uint32_t slot = say_begin_post(world, "/demo/p?poll_range",
                                   has_small_range ? "{\"start\":\"a\",\"end\":\"b\"}" : "{}");
    world_pump(world);
    assert_int_equal(world_status(world, slot), 200);
    struct token marker = say_marker(world, slot);
    say_close(world, slot);
    return marker;
}

/* --- moves ---------------------------------------------------------------------------------------------- */

/* Every value says which version it is; with the token of what it replaces there is one value at a time. */
static void begin_op(struct chain *chain)
{
    const char *keys = chain->plan->ops[chain->begun];
    char elements[512] = "[";
    if (*keys == '!') strcat(elements, "{\"pk\":\"bad\",\"sk\":\"bad\"}");
    for (const char *key = keys; *key != '\0' && *key != '!'; key++) {
        uint32_t version = ++chain->versions[index_of(*key)];
        sprintf(elements + strlen(elements), "%s{\"pk\":\"p\",\"sk\":\"%c\",\"v\":\"YQ%02u\"}",
                key == keys ? "" : ",", *key, version);
    }
    strcat(elements, "]");
    chain->writers[chain->begun++] = say_begin_post(chain->world, "/demo", elements);
    world_give_body(chain->world, chain->writers[chain->begun - 1]);
    chain->lent++;
}

static void ask_poll(struct chain *chain)
{
    chain->is_polling = true;
    chain->polls_begun++;
    chain->poll = begin_poll(chain->world, &chain->marker, chain->plan->has_small_range);
    world_give_body(chain->world, chain->poll);
}

static void commit(struct chain *chain)
{
    for (uint32_t i = chain->begun - chain->lent; i < chain->begun; i++) {
        for (const char *key = chain->plan->ops[i]; *key != '\0' && *key != '!'; key++)
            chain->committed[index_of(*key)]++;
    }
    chain->lent = 0;
    world_commit(chain->world);
    if (chain->plan->is_lent_in_turn && chain->begun < chain->plan->ops_count) begin_op(chain);
}

static bool can_poll(const struct chain *chain)
{
    return !chain->is_polling && chain->polls_begun < (chain->plan->polls_max == 0 ? 2 : chain->plan->polls_max);
}

static bool can_begin(const struct chain *chain)
{
    return chain->begun < chain->plan->ops_count && !chain->plan->is_lent_in_turn;
}

static uint32_t moves_count(const struct chain *chain)
{
    return (uint32_t)can_poll(chain) + can_begin(chain) + (chain->lent > 0) + world_count(&chain->world->reads) +
           world_deliverable_count(chain->world);
}

static void move(struct chain *chain, uint32_t number)
{
    struct world *world = chain->world;
    uint32_t reads = world_count(&world->reads);
    if (can_poll(chain) && number-- == 0) {
        ask_poll(chain);
    } else if (can_begin(chain) && number-- == 0) {
        begin_op(chain);
    } else if (chain->lent > 0 && number-- == 0) {
        commit(chain);
    } else if (number < reads) {
        world_run_read(world, number);
    } else {
        world_deliver(world, number - reads);
    }
}

/* How many values of the item the answer shows: each version adds one, as nobody brings tokens. */
static uint32_t version_shown(const char *line, char sort_key)
{
    char wanted[16];
    snprintf(wanted, sizeof wanted, "{\"sk\":\"%c\"", sort_key);
    const char *at = strstr(line, wanted);
    uint32_t version = 0;
    if (at == NULL) return 0;
    at = strstr(at, "\"v\":[") + 5;
    assert_non_null(at);
    for (; *at != ']'; at++)
        version += *at == '"';
    return version / 2;
}

/* The poll has been answered: note what it showed, go on from its marker. */
static void hear(struct chain *chain)
{
    char *line = say_line(chain->world, chain->poll);
    chain->is_polling = false;
    chain->answers_seen++;
    if (strncmp(line, "200 ", 4) != 0) fail_chain(chain, line);
    if (strstr(line, "\"items\":[]") != NULL) fail_chain(chain, "an answer without items");
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t version = version_shown(line, "az"[i]);
        if (version != 0 && version < chain->heard[i]) fail_chain(chain, "an older state after a newer one");
        if (version > chain->heard[i]) chain->heard[i] = version;
    }
    if (strstr(line, "\"sk\":\"m") != NULL) fail_chain(chain, "what was seen long ago comes again");
    chain->marker = say_marker(chain->world, chain->poll);
    say_close(chain->world, chain->poll);
    free(line);
}

static void move_connections(struct chain *chain)
{
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) {
        while (world_move_connection(chain->world, slot)) {
        }
    }
    if (chain->is_polling && chain->world->connections[chain->poll].is_done) hear(chain);
}

/* --- a run ---------------------------------------------------------------------------------------------- */

/* Nothing moves any more: a chain that goes on hears all there is, and then has nothing to hear. */
static void check_end(struct chain *chain)
{
    uint32_t polls = 0;
    chain->world->holds = (struct world_holds){false};
    for (; polls < 4; polls++) {
        if (!chain->is_polling) ask_poll(chain);
        world_pump(chain->world);
        if (!chain->world->connections[chain->poll].is_done) break;
        hear(chain);
    }
    if (polls == 4) fail_chain(chain, "the same comes again and again");
    for (uint32_t i = 0; i < 2; i++) {
        if (chain->plan->has_small_range && i == 1) continue;
        if (chain->heard[i] != chain->committed[i]) fail_chain(chain, "a change was missed");
    }
    world_leave(chain->world, chain->poll);
    for (uint32_t i = 0; i < chain->plan->ops_count; i++)
        say_close(chain->world, chain->writers[i]);
    assert_int_equal(chain->world->node.requests.service.waiting_polls, 0);
}

/* Bring both items back to nothing to count from: replaced by one value each. */
static void reset_items(struct world *world, uint32_t *versions)
{
    static const char *const keys[] = {"a", "z"};
    for (int i = 0; i < 2; i++) {
        uint32_t slot = say_begin_get(world, keys[i]);
        world_pump(world);
        struct token token = say_token(world, slot);
        say_close(world, slot);
        say_put(world, keys[i], &token, "0");
        versions[i] = 1;
    }
}

static void run_once(struct world *world, struct choices *choices, const struct plan *plan, struct token *marker)
{
    struct chain chain = {.world = world, .choices = choices, .plan = plan};
    reset_items(world, chain.versions);
    memcpy(chain.committed, chain.versions, sizeof chain.committed);
    memcpy(chain.heard, chain.versions, sizeof chain.heard);
    /* The marker of the run before has seen all but the two values just written. */
    uint32_t slot = begin_poll(world, marker, plan->has_small_range);
    world_pump(world);
    chain.marker = say_marker(world, slot);
    say_close(world, slot);
    world->holds = (struct world_holds){.bodies = true, .reads = true, .commits = true, .answers = true};
    if (plan->is_lent_in_turn) begin_op(&chain);
    while (plan->is_lent_first && can_begin(&chain))
        begin_op(&chain);
    for (uint32_t moves = moves_count(&chain); moves > 0; moves = moves_count(&chain)) {
        move(&chain, choices_take(choices, moves));
        move_connections(&chain);
    }
    check_end(&chain);
    *marker = chain.marker;
}

/* An item that no one can read any more. */
static void make_corrupt(struct world *world)
{
    expect_post(world, "/demo", "[{\"pk\":\"bad\",\"sk\":\"bad\",\"v\":\"\"}]", "204");
    for (uint64_t row = 0; row < disk_rows_count(&world->disk, KV_ITEMS); row++) {
        assert_true(disk_flip(&world->disk, KV_ITEMS, row, 3));
        uint32_t slot = say_begin(world, (struct ask){.method = "GET", .target = "/demo/bad?sort_key=bad"});
        world_pump(world);
        int status = world_status(world, slot);
        say_close(world, slot);
        if (status == 500) return;
        assert_true(disk_flip(&world->disk, KV_ITEMS, row, 3));
    }
    fail_msg("no row is the item's");
}

static void run_on_new_node(struct choices *choices, const struct plan *plan)
{
    void *state = NULL;
    world_begin(&state);
    struct world *world = state;
    make_fillers(world);
    make_corrupt(world);
    world->page_rows_max = PAGE_ROWS;
    reset_items(world, (uint32_t[2]){0});
    struct token marker = first_marker(world, plan->has_small_range);
    uint64_t actor = world->store.actor.id;
    run_once(world, choices, plan, &marker);
    assert_int_not_equal(world->store.actor.id, actor);
    world_end(&state);
}

static void run_plan(struct world *world, const struct plan *plan)
{
    struct choices choices = {0};
    struct token marker = first_marker(world, plan->has_small_range);
    do {
        if (plan->replaces_actor) {
            run_on_new_node(&choices, plan);
        } else {
            run_once(world, &choices, plan, &marker);
        }
    } while (choices_next(&choices));
    print_message("%s: %llu orders\n", plan->name, (unsigned long long)choices.runs_count);
    assert_true(choices.runs_count > 20);
}

static void a_chain_hears_of_every_change_in_any_order(void **state)
{
    struct world *world = *state;
    make_fillers(world);
    world->page_rows_max = PAGE_ROWS;
    static const struct plan plans[] = {
        {.name = "one write, one page", .ops_count = 1, .ops = {"a"}, .has_small_range = true},
        {.name = "one write on the last page", .ops_count = 1, .ops = {"z"}},
        {.name = "two ops, one page",
         .ops_count = 2,
         .ops = {"a", "a"},
         .is_lent_in_turn = true,
         .has_small_range = true},
        {.name = "three ops, one page",
         .ops_count = 3,
         .ops = {"a", "a", "a"},
         .polls_max = 1,
         .is_lent_in_turn = true,
         .has_small_range = true},
        {.name = "a batch over first and last page", .ops_count = 1, .ops = {"az"}},
        {.name = "a batch with one key twice", .ops_count = 1, .ops = {"aza"}},
        {.name = "two ops of one commit", .ops_count = 2, .ops = {"a", "z"}, .is_lent_first = true},
        {.name = "the same backwards", .ops_count = 2, .ops = {"z", "a"}, .is_lent_first = true},
        {.name = "two batches of one commit", .ops_count = 2, .ops = {"az", "za"}, .is_lent_first = true},
        {.name = "two commits", .ops_count = 2, .ops = {"a", "z"}, .is_lent_in_turn = true},
        {.name = "two commits backwards", .ops_count = 2, .ops = {"z", "a"}, .is_lent_in_turn = true},
    };
    reset_items(world, (uint32_t[2]){0});
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        run_plan(world, &plans[i]);
}

/* H1: the node takes another id while a scan is under way; what the old one wrote in between is not missed. */
static void a_chain_hears_of_every_change_over_a_new_actor(void **state)
{
    struct world *world = *state;
    static const struct plan plans[] = {
        {.name = "old and new in one commit",
         .ops_count = 3,
         .ops = {"az", "!", "z"},
         .is_lent_first = true,
         .replaces_actor = true},
        {.name = "new in the next commit",
         .ops_count = 3,
         .ops = {"az", "!", "a"},
         .polls_max = 1,
         .is_lent_in_turn = true,
         .replaces_actor = true,
         .has_small_range = true},
        {.name = "new, then both",
         .ops_count = 2,
         .ops = {"!", "az"},
         .is_lent_first = true,
         .replaces_actor = true},
    };
    reset_items(world, (uint32_t[2]){0});
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        run_plan(world, &plans[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_chain_hears_of_every_change_in_any_order),
        world_test(a_chain_hears_of_every_change_over_a_new_actor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
