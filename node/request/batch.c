/* Growing, refusing, echoing. */
#include "node/request/batch.h"

#include "node/request/answer.h"

#include <stdio.h>

enum { CAPACITY_FIRST = 4 };

void *batch_add(struct request *request, struct batch_array *array, size_t bytes)
{
    if (array->count == array->capacity) {
        uint32_t wanted = array->capacity == 0 ? CAPACITY_FIRST : array->capacity * 2;
        void *moved = arena_grow(&request->arena, array->elements, array->capacity * bytes, wanted * bytes);
        if (moved == NULL) return NULL;
        array->elements = moved;
        array->capacity = wanted;
    }
    void *element = (uint8_t *)array->elements + array->count++ * bytes;
    memset(element, 0, bytes);
    return element;
}

void batch_refuse(struct request *request, uint32_t index, const char *reason)
{
    char message[AUTH_MESSAGE_CHARS + 32];
    snprintf(message, sizeof message, "element %u: %s", index, reason);
    answer_error(request, 400, "InvalidRequest", message);
}

bool batch_range(struct request *request, uint32_t index, const struct range_query *query, struct range *range)
{
    char message[AUTH_MESSAGE_CHARS];
    switch (range_init(range, query, &request->arena, message)) {
    case RANGE_OK: return true;
    case RANGE_REFUSED: batch_refuse(request, index, message); break;
    case RANGE_MEMORY: answer_err(request, ERR_MEMORY); break;
    }
    return false;
}

void batch_echo_range(struct http_json_writer *writer, const struct range_query *query)
{
    http_json_name(writer, "prefix");
    http_json_string_or_null(writer, query->prefix);
    http_json_name(writer, "start");
    http_json_string_or_null(writer, query->start);
    http_json_name(writer, "end");
    http_json_string_or_null(writer, query->end);
}

void batch_echo_limit(struct http_json_writer *writer, const struct range_query *query)
{
    http_json_name(writer, "limit");
    if (query->has_limit) {
        http_json_u64(writer, query->limit);
    } else {
        http_json_null(writer);
    }
    http_json_name(writer, "reverse");
    http_json_bool(writer, query->reverse);
}

void batch_echo_end(struct http_json_writer *writer, const struct range *range)
{
    http_json_end_array(writer);
    http_json_name(writer, "more");
    http_json_bool(writer, range->more);
    http_json_name(writer, "nextStart");
    http_json_string_or_null(writer, http_span(range->next));
    http_json_end_object(writer);
}
