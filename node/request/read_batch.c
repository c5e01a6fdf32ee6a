/* ReadBatch: search after search, page after page, streamed with bounded memory. */
#include "node/request/item.h"
#include "node/request/operations.h"
#include "node/request/range.h"

#include <stdio.h>

struct search {
    struct http_json_search query;
    struct range range;
};

struct read_batch {
    struct search *searches;
    uint32_t count;
    uint32_t capacity;
    uint32_t current;
    struct range_place place;
    struct http_json_writer writer;
};

enum { CAPACITY_FIRST = 4 };

static void begin_search(struct request *request);

static struct op_key key_of(const struct request *request, const struct search *search, struct span sort_key)
{
    return (struct op_key){request->bucket_id, span_http(search->query.partition_key), sort_key};
}

/* --- one search's object -------------------------------------------------------------------------------- */

static void write_begin(struct http_json_writer *writer, const struct http_json_search *query)
{
    http_json_begin_object(writer);
    http_json_name(writer, "partitionKey");
    http_json_string(writer, query->partition_key);
    http_json_name(writer, "prefix");
    http_json_string_or_null(writer, query->prefix);
    http_json_name(writer, "start");
    http_json_string_or_null(writer, query->start);
    http_json_name(writer, "end");
    http_json_string_or_null(writer, query->end);
    http_json_name(writer, "limit");
    if (query->has_limit) {
        http_json_u64(writer, query->limit);
    } else {
        http_json_null(writer);
    }
    http_json_name(writer, "reverse");
    http_json_bool(writer, query->reverse);
    http_json_name(writer, "singleItem");
    http_json_bool(writer, query->single_item);
    http_json_name(writer, "conflictsOnly");
    http_json_bool(writer, query->conflicts_only);
    http_json_name(writer, "tombstones");
    http_json_bool(writer, query->tombstones);
    http_json_name(writer, "items");
    http_json_begin_array(writer);
}

static void write_end(struct http_json_writer *writer, const struct range *range)
{
    http_json_end_array(writer);
    http_json_name(writer, "more");
    http_json_bool(writer, range->more);
    http_json_name(writer, "nextStart");
    http_json_string_or_null(writer, http_span(range->next));
    http_json_end_object(writer);
}

/* --- walking -------------------------------------------------------------------------------------------- */

/* Does the search's filter let the item through? False also when out of memory, then *err says so. */
static bool passes(struct request *request, const struct http_json_search *query, const struct crdt_dvvs *state,
                   enum err *err)
{
    uint32_t count = 0;
    if (state->writes_count == 0) return false;
    if (!query->tombstones && crdt_dvvs_is_tombstoned(state)) return false;
    if (!query->conflicts_only) return true;
    if (!item_values_count(request, state, &count)) *err = ERR_MEMORY;
    return count >= 2;
}

static void end_search(struct request *request)
{
    struct read_batch *batch = request->work;
    write_end(&batch->writer, &batch->searches[batch->current].range);
    batch->current++;
    begin_search(request);
}

static void ask(struct request *request)
{
    struct read_batch *batch = request->work;
    struct search *search = &batch->searches[batch->current];
    if (search->query.single_item) {
        request->op.kind = OP_READ;
        request->op.read = (struct op_read){.key = key_of(request, search, span_http(search->query.start))};
    } else {
        request->op.kind = OP_RANGE;
        request->op.range = (struct op_range){.key = key_of(request, search, (struct span){0}),
                                              .interval = search->range.interval,
                                              .is_reverse = search->query.reverse,
                                              .items_max = range_page_size(&search->range)};
    }
    request_store(request, false);
}

static void go_on(struct request *request)
{
    if (answer_stream_is_full(request)) {
        answer_stream_flush(request);
    } else {
        ask(request);
    }
}

/* Write what passes; true when the search is over. */
static bool take_page(struct request *request, struct search *search, enum err *err)
{
    struct read_batch *batch = request->work;
    const struct op_range *page = &request->op.range;
    for (uint32_t i = 0; i < page->items_count && *err == ERR_OK; i++) {
        const struct op_range_item *item = &page->items[i];
        if (!passes(request, &search->query, &item->state, err)) continue;
        if (!range_take(&search->range, item->sort_key, &request->arena)) return true;
        struct op_key key = key_of(request, search, item->sort_key);
        if (!item_write(request, &batch->writer, &key, &item->state)) *err = ERR_MEMORY;
    }
    if (page->is_end || *err != ERR_OK) return true;
    range_resume(&search->range, page->items[page->items_count - 1].sort_key, &batch->place);
    return false;
}

static enum err take_single(struct request *request, struct search *search)
{
    struct read_batch *batch = request->work;
    const struct op_read *read = &request->op.read;
    enum err err = ERR_OK;
    if (!read->has_item || !passes(request, &search->query, &read->state, &err)) return err;
    return item_write(request, &batch->writer, &read->key, &read->state) ? ERR_OK : ERR_MEMORY;
}

static void on_stored(struct request *request)
{
    struct read_batch *batch = request->work;
    struct search *search = &batch->searches[batch->current];
    enum err err = request->op.err;
    bool is_over = true;
    if (err == ERR_OK) {
        if (request->op.kind == OP_READ) {
            err = take_single(request, search);
        } else {
            is_over = take_page(request, search, &err);
        }
    }
    if (err != ERR_OK) {
        answer_err(request, err);
    } else if (is_over) {
        end_search(request);
    } else {
        go_on(request);
    }
}

static void begin_search(struct request *request)
{
    struct read_batch *batch = request->work;
    if (batch->current == batch->count) {
        http_json_end_array(&batch->writer);
        answer_stream_end(request);
        return;
    }
    write_begin(&batch->writer, &batch->searches[batch->current].query);
    go_on(request);
}

static void on_sent(struct request *request)
{
    answer_stream_sent(request);
    ask(request);
}

/* --- the body ------------------------------------------------------------------------------------------- */

static const char *single_item_fault(const struct http_json_search *query)
{
    if (query->start.at == NULL) return "singleItem needs start: the sort key";
    if (query->prefix.at != NULL || query->end.at != NULL || query->has_limit || query->reverse) {
        return "singleItem goes without prefix, end, limit and reverse";
    }
    return NULL;
}

static void refuse(struct request *request, uint32_t index, const char *reason)
{
    char message[AUTH_MESSAGE_CHARS + 32];
    snprintf(message, sizeof message, "element %u: %s", index, reason);
    answer_error(request, 400, "InvalidRequest", message);
}

static struct search *search_add(struct request *request)
{
    struct read_batch *batch = request->work;
    if (batch->count == batch->capacity) {
        uint32_t wanted = batch->capacity == 0 ? CAPACITY_FIRST : batch->capacity * 2;
        size_t size = sizeof *batch->searches;
        void *moved = arena_grow(&request->arena, batch->searches, batch->capacity * size, wanted * size);
        if (moved == NULL) return NULL;
        batch->searches = moved;
        batch->capacity = wanted;
    }
    return &batch->searches[batch->count++];
}

/* One element becomes a search. False when the request was answered instead. */
static bool take_element(struct request *request, const struct http_json_search *query)
{
    struct read_batch *batch = request->work;
    char message[AUTH_MESSAGE_CHARS];
    uint32_t index = batch->count;
    struct search *search = search_add(request);
    if (search == NULL) {
        answer_err(request, ERR_MEMORY);
        return false;
    }
    *search = (struct search){.query = *query};
    if (!item_key_fits(request, "partitionKey", query->partition_key, KEYS_PARTITION_KEY_BYTES_MAX)) return false;
    const char *fault = query->single_item ? single_item_fault(query) : NULL;
    if (fault != NULL) {
        refuse(request, index, fault);
        return false;
    }
    struct range_query texts = {query->prefix,    query->start, query->end,
                                query->has_limit, query->limit, query->reverse};
    switch (range_init(&search->range, &texts, &request->arena, message)) {
    case RANGE_OK: return true;
    case RANGE_REFUSED: refuse(request, index, message); return false;
    case RANGE_MEMORY: answer_err(request, ERR_MEMORY); return false;
    }
    return false;
}

static void on_body(struct request *request)
{
    struct read_batch *batch = request->work;
    struct http_json_reader reader;
    struct http_json_search query;
    http_json_reader_init(&reader, (char *)request->body, request->body_bytes);
    for (;;) {
        switch (http_json_next_search(&reader, &query)) {
        case HTTP_JSON_ELEMENT:
            if (!take_element(request, &query)) return;
            break;
        case HTTP_JSON_DONE:
            answer_stream_begin(request, &batch->writer);
            http_json_begin_array(&batch->writer);
            begin_search(request);
            return;
        case HTTP_JSON_BAD: answer_error(request, 400, "InvalidRequest", reader.message); return;
        }
    }
}

static const struct request_calls calls = {.on_body = on_body, .on_stored = on_stored, .on_sent = on_sent};

void read_batch_begin(struct request *request, const struct auth_payload *promised)
{
    if (operation_work(request, sizeof(struct read_batch), &calls) == NULL) return;
    request_read_body(request, promised, request->service->settings->max_batch_bytes);
}
