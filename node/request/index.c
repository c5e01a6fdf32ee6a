/* ReadIndex: partition keys and their counters, page by page, streamed. */
#include "node/request/answer.h"
#include "node/request/batch.h"
#include "node/request/operations.h"

struct index {
    struct range range;
    struct range_place place;
    struct http_json_writer writer;
};

static void next_page(struct request *request)
{
    struct index *index = request->work;
    request->op.kind = OP_INDEX;
    request->op.index = (struct op_index){.bucket_id = request->bucket_id,
                                          .interval = index->range.interval,
                                          .is_reverse = index->range.query.reverse,
                                          .rows_max = range_page_size(&index->range)};
    request_store(request, false);
}

static void write_row(struct http_json_writer *writer, const struct op_index_row *row)
{
    http_json_begin_object(writer);
    http_json_name(writer, "pk");
    http_json_string(writer, http_span(row->partition_key));
    http_json_name(writer, "entries");
    http_json_u64(writer, row->tally.entries);
    http_json_name(writer, "conflicts");
    http_json_u64(writer, row->tally.conflicts);
    http_json_name(writer, "values");
    http_json_u64(writer, row->tally.values);
    http_json_name(writer, "bytes");
    http_json_u64(writer, row->tally.bytes);
    http_json_end_object(writer);
}

static void write_end(struct request *request)
{
    struct index *index = request->work;
    batch_echo_end(&index->writer, &index->range);
    answer_stream_end(request);
}

static void on_stored(struct request *request)
{
    struct index *index = request->work;
    const struct op_index *page = &request->op.index;
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
        return;
    }
    for (uint32_t i = 0; i < page->rows_count; i++) {
        if (!range_take(&index->range, page->rows[i].partition_key, &request->arena)) {
            if (index->range.next.bytes == NULL) {
                answer_err(request, ERR_MEMORY);
            } else {
                write_end(request);
            }
            return;
        }
        write_row(&index->writer, &page->rows[i]);
    }
    if (page->is_end) {
        write_end(request);
        return;
    }
    range_resume(&index->range, page->last, &index->place);
    if (answer_stream_is_full(request)) {
        answer_stream_flush(request);
    } else {
        next_page(request);
    }
}

static void on_sent(struct request *request)
{
    answer_stream_sent(request);
    next_page(request);
}

static const struct request_calls calls = {.on_stored = on_stored, .on_sent = on_sent};

static void write_begin(struct request *request, const struct range_query *query)
{
    struct index *index = request->work;
    struct http_json_writer *writer = &index->writer;
    answer_stream_begin(request, writer);
    http_json_begin_object(writer);
    batch_echo_range(writer, query);
    batch_echo_limit(writer, query);
    http_json_name(writer, "partitionKeys");
    http_json_begin_array(writer);
}

void index_begin(struct request *request, const struct http_route *route)
{
    char message[AUTH_MESSAGE_CHARS];
    struct index *index = operation_work(request, sizeof *index, &calls);
    if (index == NULL) return;
    struct range_query query = {.prefix = request_copy(request, route->prefix),
                                .start = request_copy(request, route->start),
                                .end = request_copy(request, route->end),
                                .has_limit = route->has_limit,
                                .limit = route->limit,
                                .reverse = route->reverse};
    bool is_copied = (query.prefix.at != NULL) == (route->prefix.at != NULL) &&
                     (query.start.at != NULL) == (route->start.at != NULL) &&
                     (query.end.at != NULL) == (route->end.at != NULL);
    if (!is_copied) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    switch (range_init(&index->range, &query, &request->arena, message)) {
    case RANGE_OK:
        write_begin(request, &query);
        next_page(request);
        break;
    case RANGE_REFUSED: answer_error(request, 400, "InvalidRequest", message); break;
    case RANGE_MEMORY: answer_err(request, ERR_MEMORY); break;
    }
}
