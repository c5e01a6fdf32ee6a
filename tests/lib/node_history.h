/* Random work of several clients at once, its effects carried out in random order, compared step by step with the
 * model (node_model.h). Where the choices come from is the caller's: a generator, or the bytes of a fuzzer.
 *
 * An answer is compared with what the model held when the request's reads ran and its writes were committed; what
 * is still waiting once everything was done must have nothing to hear (I1, I9, I15–I20, H9). No cmocka here.
 */
#ifndef TESTS_LIB_NODE_HISTORY_H
#define TESTS_LIB_NODE_HISTORY_H

#include "tests/lib/node_seen.h"

/* --- steps ---------------------------------------------------------------------------------------------- */

static inline bool history_is_lent(const struct history *history, const struct op *op)
{
    const struct list *const lists[3] = {&history->world.reads, &history->world.writes, &history->world.answers};
    for (int i = 0; i < 3; i++) {
        for (const struct list *link = lists[i]->next; link != lists[i]; link = link->next) {
            if (&op->link == link) return true;
        }
    }
    return false;
}

static inline void history_leave(struct history *history, struct action *action)
{
    if (action->kind == ACTION_NONE || action->is_gone) return;
    history_tell(history, "%u: leaves", action->slot);
    action->is_gone = history_is_lent(history, action->op);
    if (action->kind == ACTION_POLL_RANGE) history->chains[action->chain].is_polling = false;
    world_leave(&history->world, action->slot);
    if (!action->is_gone) *action = (struct action){.kind = ACTION_NONE};
}

static inline void history_deliver(struct history *history, uint32_t index)
{
    struct op *op = NULL;
    struct world *world = &history->world;
    struct list *link = world->answers.next;
    for (uint32_t left = index + 1; left > 0; link = link->next) {
        op = LIST_OWNER(link, struct op, link);
        left -= world_can_deliver(world, op);
    }
    struct action *action = history_action_of(history, op);
    history_tell(history, "%u: is told", action->slot);
    world_deliver(world, index);
    if (action->is_gone) *action = (struct action){.kind = ACTION_NONE};
}

/* The one move that a connection can make: a piece of its body, or its answer's piece being out. */
static inline void history_move_connection(struct history *history, const struct action *action)
{
    if (action->kind == ACTION_NONE || action->is_gone) return;
    history->world.body_piece_bytes = 1 + history_draw(history, 64);
    world_move_connection(&history->world, action->slot);
}

/* Everything that can be done is done; the model hears of it. */
static inline void history_settle(struct history *history)
{
    struct world *world = &history->world;
    for (;;) {
        bool has_moved = false;
        history_hear_all(history);
        world->body_piece_bytes = SIZE_MAX;
        for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++)
            has_moved = world_move_connection(world, slot) || has_moved;
        if (!list_is_empty(&world->reads)) {
            history_run_read(history, 0);
        } else if (!list_is_empty(&world->answers)) {
            history_deliver(history, 0);
        } else if (!list_is_empty(&world->writes)) {
            history_commit(history);
        } else if (!has_moved) {
            break;
        }
    }
    history_hear_all(history);
}

/* Nothing is under way: whoever still waits has nothing to hear. */
static inline void history_check_settled(struct history *history)
{
    for (uint32_t i = 0; i < HISTORY_ACTIONS; i++) {
        const struct action *action = &history->actions[i];
        if (action->kind == ACTION_NONE) continue;
        WORLD_CHECK(action->kind == ACTION_POLL_ITEM || action->kind == ACTION_POLL_RANGE);
        if (action->kind == ACTION_POLL_ITEM) {
            WORLD_CHECK(history_item(history, action->item)->top <= action->covers);
            continue;
        }
        const struct history_chain *chain = &history->chains[action->chain];
        for (uint32_t key = 0; key < MODEL_SORT_KEYS; key++) {
            const struct model_search range = {.prefix = chain->prefix};
            if (!model_is_inside(&range, MODEL_KEYS[key])) continue;
            WORLD_CHECK(chain->heard[key] == model_item(&history->model, chain->partition, key)->top);
        }
    }
}

/* I15: the index is what a recount gives. */
static inline void history_check_index(struct history *history)
{
    struct action *action = history_free_action(history);
    if (action == NULL) return;
    action->kind = ACTION_INDEX;
    model_add_index(&action->expected, &history->model);
    history_ask(history, action, (struct ask){.method = "GET", .target = "/demo"});
    history_settle(history);
    WORLD_CHECK(action->kind == ACTION_NONE);
}

static inline void history_restart(struct history *history)
{
    history_tell(history, "restart");
    memset(history->actions, 0, sizeof history->actions);
    for (uint32_t i = 0; i < HISTORY_CHAINS; i++)
        history->chains[i].is_polling = false;
    world_restart(&history->world);
    WORLD_CHECK(history->world.is_ready);
}

static inline void history_run_any_read(struct history *history)
{
    uint32_t count = world_count(&history->world.reads);
    if (count > 0) history_run_read(history, history_draw(history, count));
}

static inline void history_deliver_any(struct history *history)
{
    uint32_t count = world_deliverable_count(&history->world);
    if (count > 0) history_deliver(history, history_draw(history, count));
}

/* One step of whatever kind. */
static inline void history_step(struct history *history)
{
    struct action *any = &history->actions[history_draw(history, HISTORY_ACTIONS)];
    uint32_t kind = history_draw(history, 64);
    if (kind < 16) {
        history_begin(history);
    } else if (kind < 30) {
        history_move_connection(history, any);
    } else if (kind < 40) {
        history_run_any_read(history);
    } else if (kind < 46) {
        history_commit(history);
    } else if (kind < 56) {
        history_deliver_any(history);
    } else if (kind < 58) {
        history_leave(history, any);
    } else if (kind < 60) {
        world_pass_ms(&history->world, history_draw(history, 3) * 500);
    } else if (kind < 61) {
        history->world.page_rows_max = 1 + history_draw(history, MODEL_SORT_KEYS + 1);
    } else if (kind < 63) {
        history_settle(history);
        history_check_settled(history);
    } else if (history_once_in(history, 4)) {
        history_restart(history);
    } else {
        history_settle(history);
        history_check_index(history);
    }
    history_hear_all(history);
}

/* --- life ----------------------------------------------------------------------------------------------- */

static inline struct history *history_create(uint32_t (*draw)(void *source, uint32_t bound), void *source)
{
    struct history *history = calloc(1, sizeof *history);
    WORLD_CHECK(history != NULL);
    history->draw = draw;
    history->source = source;
    history->chains[1].prefix = "b";
    history->chains[2].partition = 1;
    world_init(&history->world);
    return history;
}

/* Let every chain hear all it has not heard; then it must wait (I17). */
static inline void history_end_chains(struct history *history)
{
    history_settle(history);
    for (uint32_t i = 0; i < HISTORY_ACTIONS; i++)
        history_leave(history, &history->actions[i]);
    for (uint32_t i = 0; i < HISTORY_CHAINS; i++) {
        uint32_t polls = 0;
        for (; polls <= HISTORY_POLLS_IN_VAIN && !history->chains[i].is_polling; polls++) {
            history_begin_poll_range(history, history_free_action(history), i);
            history_settle(history);
        }
        WORLD_CHECK(polls <= HISTORY_POLLS_IN_VAIN);
    }
    history_check_settled(history);
}

static inline void history_destroy(struct history *history)
{
    history_end_chains(history);
    history_check_index(history);
    world_deinit(&history->world);
    free(history);
}

#endif
