/* DeleteBatch: list what is alive, page by page, and write a tombstone over each with the context just read. Each
 * page is one bounded transaction; a write that comes in between survives as a sibling (I19). */
#include "node/request/batch.h"
#include "node/request/item.h"
#include "node/request/operations.h"
#include "node/request/put.h"

struct deletion {
    struct http_json_delete query;
    struct range range;
    uint64_t deleted;
};

struct delete_batch {
    struct batch_array deletions;
    uint32_t current;
    struct range_place place;
    bool is_last_page;
    struct http_json_writer writer;
};

static struct deletion *deletion_at(const struct delete_batch *batch, uint32_t index)
{
    return (struct deletion *)batch->deletions.elements + index;
}

static struct op_key key_of(const struct request *request, const struct deletion *deletion, struct span sort_key)
{
    return (struct op_key){request->bucket_id, span_http(deletion->query.partition_key), sort_key};
}

static void write_answer(struct request *request)
{
    struct delete_batch *batch = request->work;
    struct http_json_writer *writer = &batch->writer;
    answer_stream_begin(request, writer);
    http_json_begin_array(writer);
    for (uint32_t i = 0; i < batch->deletions.count; i++) {
        const struct deletion *deletion = deletion_at(batch, i);
        http_json_begin_object(writer);
        http_json_name(writer, "partitionKey");
        http_json_string(writer, deletion->query.partition_key);
        batch_echo_range(writer, &deletion->range.query);
        http_json_name(writer, "singleItem");
        http_json_bool(writer, deletion->query.single_item);
        http_json_name(writer, "deletedItems");
        http_json_u64(writer, deletion->deleted);
        http_json_end_object(writer);
    }
    http_json_end_array(writer);
    answer_stream_end(request);
}

/* Read the next page of the current entry, or answer when all are done. */
static void ask(struct request *request)
{
    struct delete_batch *batch = request->work;
    if (batch->current == batch->deletions.count) {
        write_answer(request);
        return;
    }
    struct deletion *deletion = deletion_at(batch, batch->current);
    if (deletion->query.single_item) {
        request->op.kind = OP_READ;
        request->op.read = (struct op_read){.key = key_of(request, deletion, span_http(deletion->query.start))};
    } else {
        request->op.kind = OP_RANGE;
        request->op.range = (struct op_range){.key = key_of(request, deletion, (struct span){0}),
                                              .interval = deletion->range.interval,
                                              .items_max = LIMITS_DELETES_PER_COMMIT};
    }
    request_store(request, false);
}

static void page_done(struct request *request)
{
    struct delete_batch *batch = request->work;
    if (batch->is_last_page) batch->current++;
    ask(request);
}

static bool tombstone(struct request *request, struct op_key key, const struct crdt_dvvs *state,
                      struct op_write_item *item)
{
    *item = (struct op_write_item){.key = key, .has_context = true, .kind = CRDT_TOMBSTONE};
    return item_context(state, &request->scratch, &item->context);
}

/* Write tombstones over what the page holds alive. The page stays in scratch until they are written. */
static void delete_page(struct request *request, const struct op_range_item *items, uint32_t count)
{
    struct delete_batch *batch = request->work;
    struct deletion *deletion = deletion_at(batch, batch->current);
    struct op_write write = {.guard = request->guard, .item_bytes_max = UINT64_MAX};
    write.items = arena_take_array(&request->scratch, (size_t)count + 1, sizeof *write.items);
    bool has_memory = write.items != NULL;
    for (uint32_t i = 0; i < count && has_memory; i++) {
        const struct crdt_dvvs *state = &items[i].state;
        if (state->writes_count == 0 || crdt_dvvs_is_tombstoned(state)) continue;
        struct op_key key = key_of(request, deletion, items[i].sort_key);
        has_memory = tombstone(request, key, state, &write.items[write.items_count++]);
    }
    if (!has_memory) {
        answer_err(request, ERR_MEMORY);
    } else if (write.items_count == 0) {
        page_done(request);
    } else {
        request->op.kind = OP_WRITE;
        request->op.write = write;
        request_store(request, true);
    }
}

static void on_range(struct request *request)
{
    struct delete_batch *batch = request->work;
    const struct op_range *page = &request->op.range;
    batch->is_last_page = page->is_end;
    if (!page->is_end) {
        range_resume(&deletion_at(batch, batch->current)->range, page->items[page->items_count - 1].sort_key,
                     &batch->place);
    }
    delete_page(request, page->items, page->items_count);
}

static void on_single(struct request *request)
{
    struct delete_batch *batch = request->work;
    const struct op_read *read = &request->op.read;
    struct op_range_item item = {.sort_key = read->key.sort_key, .state = read->state};
    batch->is_last_page = true;
    delete_page(request, &item, read->has_item ? 1 : 0);
}

static void on_written(struct request *request)
{
    struct delete_batch *batch = request->work;
    deletion_at(batch, batch->current)->deleted += request->op.write.items_count;
    page_done(request);
}

static void on_stored(struct request *request)
{
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
        return;
    }
    switch (request->op.kind) {
    case OP_RANGE: on_range(request); break;
    case OP_READ: on_single(request); break;
    case OP_WRITE:
        if (!put_answer_refusal(request)) on_written(request);
        break;
    case OP_INDEX:
    case OP_DOCS:
    case OP_DOCS_WRITE:
    case OP_DOCS_MERGE:
    case OP_BOOT:
    case OP_ADOPT:
    case OP_CHECK: break; /* never asked for here */
    }
}

/* --- the body ------------------------------------------------------------------------------------------- */

static const char *single_item_fault(const struct http_json_delete *query)
{
    if (query->start.at == NULL) return "singleItem needs start: the sort key";
    if (query->prefix.at != NULL || query->end.at != NULL) return "singleItem goes without prefix and end";
    return NULL;
}

static bool take_element(struct request *request, const struct http_json_delete *query)
{
    struct delete_batch *batch = request->work;
    uint32_t index = batch->deletions.count;
    struct deletion *deletion = batch_add(request, &batch->deletions, sizeof *deletion);
    if (deletion == NULL) {
        answer_err(request, ERR_MEMORY);
        return false;
    }
    deletion->query = *query;
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
    struct range_query texts = {.prefix = query->prefix, .start = query->start, .end = query->end};
    return batch_range(request, index, &texts, &deletion->range);
}

static void on_body(struct request *request)
{
    struct http_json_reader reader;
    struct http_json_delete query;
    http_json_reader_init(&reader, (char *)request->body, request->body_bytes);
    for (;;) {
        switch (http_json_next_delete(&reader, &query)) {
        case HTTP_JSON_ELEMENT:
            if (!take_element(request, &query)) return;
            break;
        case HTTP_JSON_DONE: ask(request); return;
        case HTTP_JSON_BAD: answer_error(request, 400, "InvalidRequest", reader.message); return;
        }
    }
}

static const struct request_calls calls = {.on_body = on_body, .on_stored = on_stored};

void delete_batch_begin(struct request *request, const struct auth_payload *promised)
{
    if (operation_work(request, sizeof(struct delete_batch), &calls) == NULL) return;
    request_read_body(request, promised, request->service->settings->max_batch_bytes);
}
