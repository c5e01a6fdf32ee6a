/* InsertItem and DeleteItem: token, then body, then one write; the answer tells the writer what it now knows. */
#include "node/request/put.h"

#include "node/request/item.h"
#include "node/request/operations.h"

#include <stdio.h>

struct put {
    struct op_key key;
    struct op_write_item item;
    struct http_span token; /* as sent; absent without one */
};

bool put_answer_refusal(struct request *request)
{
    char message[AUTH_MESSAGE_CHARS * 2];
    char where[64] = "";
    const struct op_write *write = &request->op.write;
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
        return true;
    }
    if (write->items_count > 1 || request->refused_base > 0)
        snprintf(where, sizeof where, "element %u: ", write->refused_index + request->refused_base);
    switch (write->outcome) {
    case OP_DONE: return false;
    case OP_TOO_MANY_SIBLINGS:
        request->service->counts.sibling_refusals++;
        snprintf(message, sizeof message,
                 "%sthe item has %d concurrent values, the most allowed: read it and write with its token", where,
                 OP_SIBLINGS_MAX);
        break;
    case OP_TOO_MANY_ACTORS:
        snprintf(message, sizeof message, "%sthe item's history names %d actors, the most allowed", where,
                 CRDT_VCLOCK_MAX);
        break;
    case OP_STALE: answer_error(request, 404, "NoSuchBucket", "the bucket was deleted meanwhile"); return true;
    case OP_TOO_MANY_BYTES:
        snprintf(message, sizeof message,
                 "%sthe item's concurrent values would pass %llu bytes together: read it and write with its token",
                 where, (unsigned long long)write->item_bytes_max);
        break;
    }
    answer_error(request, 400, "InvalidRequest", message);
    return true;
}

/* The 204 with what the writer now knows; when that cannot be said, with what it knew before. */
static void on_stored(struct request *request)
{
    struct put *put = request->work;
    const struct op_write *write = &request->op.write;
    if (put_answer_refusal(request)) return;
    struct http_span token = put->token;
    if (write->has_writer_context && write->writer_context.count <= CRDT_VCLOCK_MAX) {
        token = item_token_write(request->service, &put->key, &write->writer_context, &request->scratch);
    }
    answer_empty(request, 204, token, NULL);
}

static void store(struct request *request)
{
    struct put *put = request->work;
    put->item.key = put->key;
    request->op.kind = OP_WRITE;
    request->op.write = (struct op_write){.guard = request->guard,
                                          .items = &put->item,
                                          .items_count = 1,
                                          .item_bytes_max = request->service->settings->max_value_bytes *
                                                            LIMITS_ITEM_VALUES,
                                          .wants_context = true};
    request_store(request, false);
}

static void on_body(struct request *request)
{
    struct put *put = request->work;
    static const uint8_t empty[1];
    put->item.value = span_of(request->body == NULL ? empty : request->body, request->body_bytes);
    store(request);
}

static const struct request_calls calls = {.on_body = on_body, .on_stored = on_stored};

/* Take the token of the header, if there is one. False when the request was answered instead. */
static bool read_token(struct request *request, const struct http_head *head, struct put *put)
{
    const struct http_header *header = http_head_find(head, "x-garage-causality-token");
    bool is_memory = false;
    if (header == NULL) return true;
    for (size_t i = 0; i < header->value.length; i++) {
        if (header->value.at[i] < ' ' || header->value.at[i] > '~') {
            answer_error(request, 400, "InvalidHeaderValue", "X-Garage-Causality-Token must be visible ASCII");
            return false;
        }
    }
    if (!item_token_read(request->service, &put->key, header->value, &request->arena, &put->item.context,
                         &is_memory)) {
        if (is_memory) {
            answer_err(request, ERR_MEMORY);
        } else {
            answer_error(request, 400, "CausalityToken", "X-Garage-Causality-Token is no token of this item");
        }
        return false;
    }
    put->item.has_context = true;
    put->token = request_copy(request, header->value);
    return true;
}

void put_begin(struct request *request, const struct http_head *head, const struct http_route *route,
               const struct auth_payload *promised)
{
    struct put *put = operation_work(request, sizeof *put, &calls);
    if (put == NULL || !operation_key(request, route, &put->key) || !read_token(request, head, put)) return;
    if (route->operation == HTTP_DELETE_ITEM) {
        put->item.kind = CRDT_TOMBSTONE;
        store(request);
        return;
    }
    request_read_body(request, promised, request->service->settings->max_value_bytes);
}
