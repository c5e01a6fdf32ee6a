/* What clients of a random history are about, and how each begins (node_history.h). No cmocka here. */
#ifndef TESTS_LIB_NODE_ACTIONS_H
#define TESTS_LIB_NODE_ACTIONS_H

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

#endif
