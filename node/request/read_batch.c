/* ReadBatch: search after search, page after page, streamed with bounded memory. */
#include "node/request/batch.h"
#include "node/request/item.h"
#include "node/request/operations.h"

struct search {
    struct http_json_search query;
    struct range range;
};

struct read_batch {
    struct batch_array searches;
    uint32_t current;
    uint32_t page_at; /* the next item of the page in scratch */
    bool has_page;    /* …if there is one */
    struct range_place place;
    struct http_json_writer writer;
};

static void begin_search(struct request *request);

static struct search *current(const struct read_batch *batch)
{
    return (struct search *)batch->searches.elements + batch->current;
}

static struct op_key key_of(const struct request *request, const struct search *search, struct span sort_key)
{
    return (struct op_key){request->bucket_id, span_http(search->query.partition_key), sort_key};
}

/* --- one search's object -------------------------------------------------------------------------------- */

static void write_begin(struct http_json_writer *writer, const struct search *search)
{
    const struct http_json_search *query = &search->query;
    http_json_begin_object(writer);
    http_json_name(writer, "partitionKey");
    http_json_string(writer, query->partition_key);
    batch_echo_range(writer, &search->range.query);
    batch_echo_limit(writer, &search->range.query);
    http_json_name(writer, "singleItem");
    http_json_bool(writer, query->single_item);
    http_json_name(writer, "conflictsOnly");
    http_json_bool(writer, query->conflicts_only);
    http_json_name(writer, "tombstones");
    http_json_bool(writer, query->tombstones);
    http_json_name(writer, "items");
    http_json_begin_array(writer);
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
    batch_echo_end(&batch->writer, &current(batch)->range);
    batch->current++;
    begin_search(request);
}

static void ask(struct request *request)
{
    struct read_batch *batch = request->work;
    struct search *search = current(batch);
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

/* Write the item if it passes; true when the limit is reached. */
static bool take_item(struct request *request, struct search *search, const struct op_range_item *item,
                      enum err *err)
{
    struct read_batch *batch = request->work;
    if (!passes(request, &search->query, &item->state, err)) return false;
    if (!range_take(&search->range, item->sort_key, &request->arena)) {
        if (search->range.next.bytes == NULL) *err = ERR_MEMORY;
        return true;
    }
    struct op_key key = key_of(request, search, item->sort_key);
    if (!item_write(request, &batch->writer, &key, &item->state)) *err = ERR_MEMORY;
    return false;
}

/* Go on with the page in scratch; a full piece goes out first. */
static void walk(struct request *request)
{
    struct read_batch *batch = request->work;
    struct search *search = current(batch);
    const struct op_range *page = &request->op.range;
    enum err err = ERR_OK;
    bool is_cut = false;
    batch->has_page = true;
    while (batch->page_at < page->items_count && err == ERR_OK && !is_cut) {
        if (answer_stream_is_full(request)) {
            answer_stream_flush(request);
            return;
        }
        is_cut = take_item(request, search, &page->items[batch->page_at++], &err);
    }
    batch->has_page = false;
    if (err != ERR_OK) {
        answer_err(request, err);
    } else if (page->is_end || is_cut) {
        end_search(request);
    } else {
        range_resume(&search->range, page->items[page->items_count - 1].sort_key, &batch->place);
        go_on(request);
    }
}

static void take_single(struct request *request)
{
    struct read_batch *batch = request->work;
    struct search *search = current(batch);
    const struct op_read *read = &request->op.read;
    enum err err = ERR_OK;
    bool is_listed = read->has_item && passes(request, &search->query, &read->state, &err);
    if (is_listed && !item_write(request, &batch->writer, &read->key, &read->state)) err = ERR_MEMORY;
    if (err == ERR_OK) {
        end_search(request);
    } else {
        answer_err(request, err);
    }
}

static void on_stored(struct request *request)
{
    struct read_batch *batch = request->work;
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
    } else if (request->op.kind == OP_READ) {
        take_single(request);
    } else {
        batch->page_at = 0;
        walk(request);
    }
}

static void begin_search(struct request *request)
{
    struct read_batch *batch = request->work;
    if (batch->current == batch->searches.count) {
        http_json_end_array(&batch->writer);
        answer_stream_end(request);
        return;
    }
    write_begin(&batch->writer, current(batch));
    go_on(request);
}

static void on_sent(struct request *request)
{
    struct read_batch *batch = request->work;
    answer_stream_sent(request);
    if (batch->has_page) {
        walk(request);
    } else {
        ask(request);
    }
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

/* One element becomes a search. False when the request was answered instead. */
static bool take_element(struct request *request, const struct http_json_search *query)
{
    struct read_batch *batch = request->work;
    uint32_t index = batch->searches.count;
    struct search *search = batch_add(request, &batch->searches, sizeof *search);
    if (search == NULL) {
        answer_err(request, ERR_MEMORY);
        return false;
    }
    search->query = *query;
    if (index >= LIMITS_SEARCHES_MAX) {
        batch_refuse(request, index, "a batch has at most 100000 of these");
        return false;
    }
    if (!item_key_fits(request, "partitionKey", query->partition_key, KEYS_PARTITION_KEY_BYTES_MAX)) return false;
    const char *fault = query->single_item ? single_item_fault(query) : NULL;
    if (fault != NULL) {
        batch_refuse(request, index, fault);
        return false;
    }
    struct range_query texts = {query->prefix,    query->start, query->end,
                                query->has_limit, query->limit, query->reverse};
    return batch_range(request, index, &texts, &search->range);
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
