/* Random work of several clients at once, its effects carried out in random order, compared step by step with the
 * model (node_model.h). Where the choices come from is the caller's: a generator, or the bytes of a fuzzer.
 *
 * An answer is compared with what the model held when the request's reads ran and its writes were committed; what
 * is still waiting once everything was done must have nothing to hear (I1, I9, I15–I20, H9). No cmocka here.
 */
#ifndef TESTS_LIB_NODE_HISTORY_H
#define TESTS_LIB_NODE_HISTORY_H

#include "tests/lib/node_model.h"

enum {
    HISTORY_ACTIONS = 10,
    HISTORY_WRITES = 4, /* of one batch */
    HISTORY_TOKENS = 16,
    HISTORY_CHAINS = 3,
    HISTORY_WRITES_MAX = 240, /* fewer than an item may have siblings */
    HISTORY_POLLS_IN_VAIN = 3,
};

enum action_kind {
    ACTION_NONE,
    ACTION_WRITE,
    ACTION_READ,
    ACTION_SEARCH,
    ACTION_DELETE,
    ACTION_INDEX,
    ACTION_POLL_ITEM,
    ACTION_POLL_RANGE,
};

struct history_write {
    uint32_t item;
    uint32_t value;
    uint64_t covers;
};

/* What one client is about. */
struct action {
    enum action_kind kind;
    uint32_t slot;
    const struct op *op; /* lent or not, its address */
    bool is_gone;        /* the client is, the op is not back yet */
    bool is_committed, has_failed;
    uint32_t item;
    uint64_t covers; /* known to the client: by its token, then by its write or read */
    struct history_write writes[MODEL_SORT_KEYS];
    uint32_t writes_count;
    struct model_search searches[2];
    uint32_t searches_count, search_index;
    bool has_search_begun;
    int place; /* the key the search has come to; -1: none */
    int taken;
    uint32_t deleted;
    uint64_t deadline_ms;
    uint32_t chain;
    bool is_news;
    struct model_text expected;
    struct model_text shown[MODEL_SORT_KEYS]; /* each item as a range poll has read it last */
    uint64_t shown_top[MODEL_SORT_KEYS];
};

struct history_token {
    uint32_t item;
    uint64_t covers;
    char text[64];
};

/* A client that follows a range, call after call. */
struct history_chain {
    uint32_t partition;
    const char *prefix;
    char marker[1024];
    uint64_t heard[MODEL_SORT_KEYS];
    bool is_polling;
};

struct history {
    struct world world;
    struct model model;
    uint32_t (*draw)(void *source, uint32_t bound); /* 0 … bound - 1 */
    void *source;
    struct action actions[HISTORY_ACTIONS];
    struct history_token tokens[HISTORY_TOKENS];
    uint32_t tokens_count;
    struct history_chain chains[HISTORY_CHAINS];
    uint32_t writes_begun;
    bool is_told; /* every step to stderr */
    uint32_t answers_count[ACTION_POLL_RANGE + 1];
};

static inline uint32_t history_draw(struct history *history, uint32_t bound)
{
    return history->draw(history->source, bound);
}

static inline bool history_once_in(struct history *history, uint32_t times)
{
    return history_draw(history, times) == 0;
}

static inline struct model_item *history_item(struct history *history, uint32_t item)
{
    return &history->model.items[item];
}

__attribute__((format(printf, 2, 3))) static inline void history_tell(const struct history *history,
                                                                      const char *format, ...)
{
    if (!history->is_told) return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* --- tokens --------------------------------------------------------------------------------------------- */

static inline void history_keep_token(struct history *history, uint32_t item, uint64_t covers, struct span text)
{
    struct history_token *token = &history->tokens[history->tokens_count++ % HISTORY_TOKENS];
    token->item = item;
    token->covers = covers;
    world_keep_text(token->text, sizeof token->text, text);
}

/* Any token of the item, or NULL. */
static inline const struct history_token *history_token_of(struct history *history, uint32_t item)
{
    uint32_t from = history_draw(history, HISTORY_TOKENS);
    for (uint32_t i = 0; i < HISTORY_TOKENS; i++) {
        const struct history_token *token = &history->tokens[(from + i) % HISTORY_TOKENS];
        if (token->text[0] != '\0' && token->item == item) return token;
    }
    return NULL;
}

/* --- beginning ------------------------------------------------------------------------------------------ */

static inline struct text_target {
    char text[256];
} history_target(uint32_t item, const char *rest)
{
    struct text_target target;
    snprintf(target.text, sizeof target.text, "/demo/%s?sort_key=%s%s",
             MODEL_PARTITION_KEYS[item / MODEL_SORT_KEYS], MODEL_KEYS[item % MODEL_SORT_KEYS], rest);
    return target;
}

static inline void history_ask(struct history *history, struct action *action, struct ask ask)
{
    action->slot = world_free_slot(&history->world);
    history_tell(history, "%u: %s %s %s %s", action->slot, ask.method, ask.target,
                 ask.body.bytes == NULL ? "" : (const char *)ask.body.bytes,
                 ask.token.bytes == NULL ? "" : (const char *)ask.token.bytes);
    world_ask(&history->world, action->slot, EVENT_DOOR_K2V, ask);
    WORLD_CHECK(node_has_request(&history->world.node, action->slot));
    action->op = &history->world.node.requests.slots[action->slot]->op;
}

static inline struct history_write *history_add_write(struct history *history, struct action *action,
                                                      uint32_t item, uint64_t covers)
{
    struct history_write *write = &action->writes[action->writes_count++];
    *write = (struct history_write){item, history_draw(history, MODEL_VALUES + 1), covers};
    history->writes_begun++;
    return write;
}

static inline void history_begin_put(struct history *history, struct action *action)
{
    action->item = history_draw(history, MODEL_ITEMS);
    const struct history_token *token = history_once_in(history, 2) ? history_token_of(history, action->item)
                                                                    : NULL;
    action->covers = token == NULL ? 0 : token->covers;
    uint32_t value = history_add_write(history, action, action->item, action->covers)->value;
    bool is_delete = value == MODEL_TOMBSTONE;
    history_ask(history, action,
                (struct ask){.method = is_delete ? "DELETE" : "PUT",
                             .target = history_target(action->item, "").text,
                             .body = span_text(is_delete ? "" : MODEL_TEXTS[value]),
                             .token = token == NULL ? (struct span){NULL, 0} : span_text(token->text)});
}

static inline void history_begin_insert(struct history *history, struct action *action)
{
    struct model_text body = {.text = ""};
    uint32_t count = history_draw(history, HISTORY_WRITES + 1);
    model_add(&body, "[");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = history_draw(history, MODEL_ITEMS);
        const struct history_token *token = history_once_in(history, 2) ? history_token_of(history, item) : NULL;
        uint32_t value = history_add_write(history, action, item, token == NULL ? 0 : token->covers)->value;
        model_add(&body, "%s{\"pk\":\"%s\",\"sk\":\"%s\"", i == 0 ? "" : ",",
                  MODEL_PARTITION_KEYS[item / MODEL_SORT_KEYS], MODEL_KEYS[item % MODEL_SORT_KEYS]);
        if (token != NULL) model_add(&body, ",\"ct\":\"%s\"", token->text);
        if (value != MODEL_TOMBSTONE) model_add(&body, ",\"v\":\"%s\"", MODEL_BASE64[value]);
        model_add(&body, "}");
    }
    model_add(&body, "]");
    action->item = MODEL_ITEMS; /* of several items: the answer has no token */
    if (count == 0) action->is_committed = true;
    history_ask(history, action, (struct ask){.method = "POST", .target = "/demo", .body = span_text(body.text)});
}

static inline void history_begin_write(struct history *history, struct action *action)
{
    action->kind = ACTION_WRITE;
    if (history_once_in(history, 3)) {
        history_begin_insert(history, action);
    } else {
        history_begin_put(history, action);
    }
}

static inline void history_begin_read(struct history *history, struct action *action)
{
    action->kind = ACTION_READ;
    action->item = history_draw(history, MODEL_ITEMS);
    history_ask(history, action, (struct ask){.method = "GET", .target = history_target(action->item, "").text});
}

/* NULL half of the time. */
static inline const char *history_any_key(struct history *history)
{
    uint32_t drawn = history_draw(history, 2 * MODEL_SORT_KEYS);
    return drawn < MODEL_SORT_KEYS ? MODEL_KEYS[drawn] : NULL;
}

static inline struct model_search history_any_range(struct history *history)
{
    struct model_search search = {.partition = history_draw(history, MODEL_PARTITIONS), .limit = -1};
    search.start = history_any_key(history);
    search.end = history_any_key(history);
    bool has_prefix = history_once_in(history, 3) && (search.start == NULL || search.start[0] == 'b');
    if (has_prefix) search.prefix = "b";
    return search;
}

static inline void history_begin_search(struct history *history, struct action *action)
{
    struct model_text body = {.text = ""};
    action->kind = ACTION_SEARCH;
    action->searches_count = 1 + history_draw(history, 2);
    model_add(&body, "[");
    for (uint32_t i = 0; i < action->searches_count; i++) {
        struct model_search *search = &action->searches[i];
        *search = history_any_range(history);
        search->limit = (int)history_draw(history, 6) - 1;
        uint32_t flags = history_draw(history, 8);
        search->reverse = (flags & 1) != 0;
        search->conflicts_only = (flags & 2) != 0;
        search->tombstones = (flags & 4) != 0;
        if (i > 0) model_add(&body, ",");
        model_add_search(&body, search);
        model_add(&body, "}");
    }
    model_add(&body, "]");
    model_add(&action->expected, "200 [");
    action->place = -1;
    history_ask(history, action,
                (struct ask){.method = "POST", .target = "/demo?search", .body = span_text(body.text)});
}

static inline void history_add_deletion(struct model_text *text, const struct model_search *range)
{
    model_add(text, "{\"partitionKey\":\"%s\",", MODEL_PARTITION_KEYS[range->partition]);
    model_add_text_or_null(text, "prefix", range->prefix);
    model_add_text_or_null(text, "start", range->start);
    model_add_text_or_null(text, "end", range->end);
    model_add(text, "\"singleItem\":false");
}

static inline void history_begin_delete(struct history *history, struct action *action)
{
    struct model_text body = {.text = ""};
    action->kind = ACTION_DELETE;
    action->searches[0] = history_any_range(history);
    action->place = -1;
    model_add(&body, "[");
    history_add_deletion(&body, &action->searches[0]);
    model_add(&body, "}]");
    history_ask(history, action,
                (struct ask){.method = "POST", .target = "/demo?delete", .body = span_text(body.text)});
}

static inline void history_begin_poll_item(struct history *history, struct action *action)
{
    char rest[128];
    uint32_t timeout_s = 1 + history_draw(history, 2);
    action->kind = ACTION_POLL_ITEM;
    action->item = history_draw(history, MODEL_ITEMS);
    const struct history_token *token = history_token_of(history, action->item);
    action->covers = token == NULL ? 0 : token->covers;
    action->deadline_ms = history->world.now_ms + timeout_s * 1000;
    snprintf(rest, sizeof rest, "&timeout=%u&causality_token=%s", timeout_s,
             token == NULL ? "AAAAAAAAAAA" : token->text);
    history_ask(history, action, (struct ask){.method = "GET", .target = history_target(action->item, rest).text});
}

static inline void history_begin_poll_range(struct history *history, struct action *action, uint32_t index)
{
    struct history_chain *chain = &history->chains[index];
    struct model_text body = {.text = ""};
    char target[64];
    action->kind = ACTION_POLL_RANGE;
    action->chain = index;
    action->deadline_ms = UINT64_MAX; /* it begins when the body is whole; its answers say whether it was right */
    chain->is_polling = true;
    model_add(&body, "{\"timeout\":2");
    if (chain->prefix != NULL) model_add(&body, ",\"prefix\":\"%s\"", chain->prefix);
    if (chain->marker[0] != '\0') model_add(&body, ",\"seenMarker\":\"%s\"", chain->marker);
    model_add(&body, "}");
    snprintf(target, sizeof target, "/demo/%s?poll_range", MODEL_PARTITION_KEYS[chain->partition]);
    history_ask(history, action, (struct ask){.method = "POST", .target = target, .body = span_text(body.text)});
}

static inline struct action *history_free_action(struct history *history)
{
    for (uint32_t i = 0; i < HISTORY_ACTIONS; i++) {
        if (history->actions[i].kind == ACTION_NONE) return &history->actions[i];
    }
    return NULL;
}

static inline void history_begin(struct history *history)
{
    struct action *action = history_free_action(history);
    bool may_write = history->writes_begun + HISTORY_WRITES <= HISTORY_WRITES_MAX;
    uint32_t chain = history_draw(history, HISTORY_CHAINS);
    uint32_t kind = history_draw(history, 12);
    if (action == NULL) return;
    if (kind < 4 && may_write) {
        history_begin_write(history, action);
    } else if (kind < 6) {
        history_begin_read(history, action);
    } else if (kind < 7) {
        history_begin_search(history, action);
    } else if (kind < 8 && may_write) {
        history_begin_delete(history, action);
    } else if (kind < 10) {
        history_begin_poll_item(history, action);
    } else if (!history->chains[chain].is_polling) {
        history_begin_poll_range(history, action, chain);
    }
}

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
