/* The model's side of a random history: what a read must have seen, what a commit has changed, and whether an
 * answer says just that (node_history.h). No cmocka here. */
#ifndef TESTS_LIB_NODE_SEEN_H
#define TESTS_LIB_NODE_SEEN_H

#include "tests/lib/node_actions.h"

/* --- the model's side of reads -------------------------------------------------------------------------- */

/* The key after `place` in walking order, inside the search and with a record; -1 behind the last. */
static inline int history_next_key(struct history *history, const struct model_search *search, int place)
{
    int step = search->reverse ? -1 : 1;
    int key = place >= 0 ? place + step : search->reverse ? MODEL_SORT_KEYS - 1 : 0;
    for (; key >= 0 && key < MODEL_SORT_KEYS; key += step) {
        const struct model_item *item = model_item(&history->model, search->partition, (uint32_t)key);
        if (item->count > 0 && model_is_inside(search, MODEL_KEYS[key])) return key;
    }
    return -1;
}

static inline void history_end_search(struct action *action, int next)
{
    if (next < 0) {
        model_add(&action->expected, "],\"more\":false,\"nextStart\":null}");
    } else {
        model_add(&action->expected, "],\"more\":true,\"nextStart\":\"%s\"}", MODEL_KEYS[next]);
    }
    action->search_index++;
    action->has_search_begun = false;
    action->place = -1;
    action->taken = 0;
    if (action->search_index == action->searches_count) model_add(&action->expected, "]");
}

/* A page of a search was read: what of it will be shown? */
static inline void history_see_search(struct history *history, struct action *action, const struct op_range *page)
{
    struct model_search *search = &action->searches[action->search_index];
    struct model_text *expected = &action->expected;
    WORLD_CHECK(action->search_index < action->searches_count);
    if (!action->has_search_begun) {
        if (action->search_index > 0) model_add(expected, ",");
        model_add_search(expected, search);
        model_add(expected, ",\"items\":[");
        action->has_search_begun = true;
    }
    for (uint32_t row = 0; row < page->items_count; row++) {
        int key = history_next_key(history, search, action->place);
        WORLD_CHECK(key >= 0);
        const struct model_item *item = model_item(&history->model, search->partition, (uint32_t)key);
        action->place = key;
        if (!model_passes(search, item)) continue;
        if (action->taken == search->limit) {
            history_end_search(action, key);
            return;
        }
        if (action->taken++ > 0) model_add(expected, ",");
        model_add_item(expected, (uint32_t)key, item);
    }
    bool is_end = history_next_key(history, search, action->place) < 0;
    if (action->place < 0) is_end = page->items_count == 0;
    WORLD_CHECK(page->is_end == is_end);
    if (is_end) history_end_search(action, -1);
}

/* A page to be deleted was read: each item alive will get a tombstone over what it is now. */
static inline void history_see_deletion(struct history *history, struct action *action,
                                        const struct op_range *page)
{
    const struct model_search *range = &action->searches[0];
    action->writes_count = 0;
    for (uint32_t row = 0; row < page->items_count; row++) {
        int key = history_next_key(history, range, action->place);
        WORLD_CHECK(key >= 0);
        const struct model_item *item = model_item(&history->model, range->partition, (uint32_t)key);
        action->place = key;
        if (!model_is_alive(item)) continue;
        action->writes[action->writes_count++] = (struct history_write){
            range->partition * MODEL_SORT_KEYS + (uint32_t)key, MODEL_TOMBSTONE, item->top};
    }
    WORLD_CHECK(page->is_end == (history_next_key(history, range, action->place) < 0));
}

static inline uint32_t history_key_index(struct span sort_key)
{
    uint32_t key = 0;
    while (key < MODEL_SORT_KEYS && !span_is_equal(sort_key, span_text(MODEL_KEYS[key])))
        key++;
    WORLD_CHECK(key < MODEL_SORT_KEYS);
    return key;
}

static inline void history_see_poll_range(struct history *history, struct action *action,
                                          const struct op_range *page)
{
    const struct history_chain *chain = &history->chains[action->chain];
    for (uint32_t row = 0; row < page->items_count; row++) {
        uint32_t key = history_key_index(page->items[row].sort_key);
        const struct model_item *item = model_item(&history->model, chain->partition, key);
        action->shown[key].used = 0;
        model_add_item(&action->shown[key], key, item);
        action->shown_top[key] = item->top;
    }
}

static inline void history_see_item(struct history *history, struct action *action)
{
    const struct model_item *item = history_item(history, action->item);
    action->expected.used = 0;
    model_add_read(&action->expected, item);
    action->is_news = item->count > 0 && item->top > action->covers;
    if (action->kind == ACTION_READ || action->is_news) action->covers = item->count > 0 ? item->top : 0;
}

static inline struct action *history_action_of(struct history *history, const struct op *op)
{
    for (uint32_t i = 0; i < HISTORY_ACTIONS; i++) {
        if (history->actions[i].kind != ACTION_NONE && history->actions[i].op == op) return &history->actions[i];
    }
    WORLD_CHECK(false);
    return NULL;
}

static inline void history_run_read(struct history *history, uint32_t index)
{
    const struct op *op = world_nth(&history->world.reads, index);
    struct action *action = history_action_of(history, op);
    history_tell(history, "%u: reads", action->slot);
    world_run_read(&history->world, index);
    WORLD_CHECK(op->err == ERR_OK);
    switch (action->kind) {
    case ACTION_READ:
    case ACTION_POLL_ITEM: history_see_item(history, action); break;
    case ACTION_SEARCH: history_see_search(history, action, &op->range); break;
    case ACTION_DELETE: history_see_deletion(history, action, &op->range); break;
    case ACTION_POLL_RANGE: history_see_poll_range(history, action, &op->range); break;
    case ACTION_NONE:
    case ACTION_WRITE:
    case ACTION_INDEX: break;
    }
}

/* --- the model's side of writes ------------------------------------------------------------------------- */

static inline void history_see_written(struct history *history, struct action *action)
{
    WORLD_CHECK(action->op->write.outcome == OP_DONE);
    WORLD_CHECK(action->op->write.items_count == action->writes_count);
    for (uint32_t i = 0; i < action->writes_count; i++) {
        const struct history_write *write = &action->writes[i];
        action->covers = model_write(&history->model, history_item(history, write->item), write->covers,
                                     write->value);
    }
    action->is_committed = true;
    if (action->kind == ACTION_DELETE) action->deleted += action->writes_count;
}

/* Commit all lent writes, or fail to. */
static inline void history_commit(struct history *history)
{
    struct action *batch[HISTORY_ACTIONS];
    uint32_t count = 0;
    struct world *world = &history->world;
    bool is_failing = history_once_in(history, 16);
    for (struct list *link = world->writes.next; link != &world->writes; link = link->next)
        batch[count++] = history_action_of(history, LIST_OWNER(link, struct op, link));
    if (count == 0) return;
    if (is_failing) disk_fail_next(&world->disk, 1 + history_draw(history, 4), ERR_FULL);
    world_commit(world);
    disk_fail_next(&world->disk, 0, ERR_OK);
    bool has_failed = batch[0]->op->err != ERR_OK;
    WORLD_CHECK(!has_failed || is_failing);
    for (uint32_t i = 0; i < count; i++) {
        history_tell(history, "%u: %s", batch[i]->slot, has_failed ? "fails to commit" : "is committed");
        WORLD_CHECK((batch[i]->op->err == ERR_FULL) == has_failed);
        batch[i]->has_failed = has_failed;
        if (!has_failed) history_see_written(history, batch[i]);
    }
}

/* --- answers -------------------------------------------------------------------------------------------- */

static inline void history_say(const struct action *action, const char *line)
{
    fprintf(stderr, "action of kind %d: there is\n  %s\nwanted\n  %s\n", action->kind, line,
            action->expected.text);
}

static inline void history_expect(const struct action *action, const char *line, const char *expected)
{
    if (strcmp(line, expected) == 0) return;
    fprintf(stderr, "wanted %s\n", expected);
    history_say(action, line);
    WORLD_CHECK(false);
}

/* The token of an answer must be of what the client now knows. */
static inline void history_hear_token(struct history *history, struct action *action)
{
    struct span text = answer_header(world_answer(&history->world, action->slot), "x-garage-causality-token");
    WORLD_CHECK((text.bytes != NULL) == (action->covers > 0 || action->kind == ACTION_READ));
    if (text.bytes == NULL) return;
    bool is_empty = span_is_equal(text, span_text("AAAAAAAAAAA"));
    WORLD_CHECK(is_empty == (action->covers == 0));
    if (!is_empty) history_keep_token(history, action->item, action->covers, text);
}

static inline void history_hear_write(struct history *history, struct action *action, const char *line)
{
    history_expect(action, line, action->has_failed ? "507 InsufficientStorage" : "204");
    WORLD_CHECK(action->has_failed != action->is_committed);
    if (!action->has_failed && action->item < MODEL_ITEMS) history_hear_token(history, action);
}

static inline void history_hear_deletion(struct action *action, const char *line)
{
    if (action->has_failed) {
        history_expect(action, line, "507 InsufficientStorage");
        return;
    }
    model_add(&action->expected, "200 [");
    history_add_deletion(&action->expected, &action->searches[0]);
    model_add(&action->expected, ",\"deletedItems\":%u}]", action->deleted);
    history_expect(action, line, action->expected.text);
}

static inline void history_hear_poll_item(struct history *history, struct action *action, const char *line)
{
    if (!action->is_news) {
        WORLD_CHECK(history->world.now_ms >= action->deadline_ms);
        history_expect(action, line, "304");
        return;
    }
    history_expect(action, line, action->expected.text);
    history_hear_token(history, action);
}

/* Every item shown is as it was read last, and the chain never goes back. */
static inline void history_hear_poll_range(struct history *history, struct action *action, const char *line)
{
    struct history_chain *chain = &history->chains[action->chain];
    uint32_t shown = 0;
    chain->is_polling = false;
    if (strcmp(line, "304") == 0 && chain->marker[0] != '\0') return;
    WORLD_CHECK(strncmp(line, "200 {\"items\":[", 14) == 0);
    for (uint32_t key = 0; key < MODEL_SORT_KEYS; key++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "{\"sk\":\"%s\",", MODEL_KEYS[key]);
        if (strstr(line, wanted) == NULL) continue;
        if (strstr(line, action->shown[key].text) == NULL) history_expect(action, line, action->shown[key].text);
        WORLD_CHECK(action->shown_top[key] >= chain->heard[key]);
        chain->heard[key] = action->shown_top[key];
        shown++;
    }
    WORLD_CHECK(shown > 0 || chain->marker[0] == '\0');
    char *marker = say_member(world_answer(&history->world, action->slot), "seenMarker");
    world_keep_text(chain->marker, sizeof chain->marker, span_text(marker));
    WORLD_CHECK(chain->marker[0] != '\0');
    free(marker);
}

static inline void history_hear(struct history *history, struct action *action)
{
    char *line = say_line(&history->world, action->slot);
    history_tell(history, "%u: hears %s", action->slot, line);
    history->answers_count[action->kind]++;
    switch (action->kind) {
    case ACTION_WRITE: history_hear_write(history, action, line); break;
    case ACTION_READ:
        history_expect(action, line, action->expected.text);
        history_hear_token(history, action);
        break;
    case ACTION_SEARCH:
    case ACTION_INDEX: history_expect(action, line, action->expected.text); break;
    case ACTION_DELETE: history_hear_deletion(action, line); break;
    case ACTION_POLL_ITEM: history_hear_poll_item(history, action, line); break;
    case ACTION_POLL_RANGE: history_hear_poll_range(history, action, line); break;
    case ACTION_NONE: break;
    }
    free(line);
    if (history->world.connections[action->slot].is_open) world_leave(&history->world, action->slot);
    *action = (struct action){.kind = ACTION_NONE};
}

/* Look at every answer that is there; forget who is gone and owns nothing any more. */
static inline void history_hear_all(struct history *history)
{
    for (uint32_t i = 0; i < HISTORY_ACTIONS; i++) {
        struct action *action = &history->actions[i];
        if (action->kind == ACTION_NONE || action->is_gone) continue;
        const struct connection *connection = &history->world.connections[action->slot];
        WORLD_CHECK(connection->is_open || connection->is_done);
        if (connection->is_done) history_hear(history, action);
    }
}

#endif
