/* InsertBatch: the whole body is read and checked first; then it is written in transactions of bounded size, in
 * array order. */
#include "node/request/batch.h"
#include "node/request/item.h"
#include "node/request/operations.h"
#include "node/request/put.h"

#include <stdio.h>

struct insert_batch {
    struct batch_array items; /* of struct op_write_item */
    uint32_t stored;
};

static void refuse_token(struct request *request, uint32_t index)
{
    char message[AUTH_MESSAGE_CHARS];
    snprintf(message, sizeof message, "element %u: field \"ct\" is no token of this item", index);
    answer_error(request, 400, "CausalityToken", message);
}

static void refuse_value(struct request *request, uint32_t index, size_t length)
{
    char message[AUTH_MESSAGE_CHARS];
    snprintf(message, sizeof message, "element %u: the value has %zu bytes; at most %llu are allowed", index,
             length, (unsigned long long)request->service->settings->max_value_bytes);
    answer_error(request, 413, "InvalidRequest", message);
}

static bool key_fits(struct request *request, uint32_t index, const char *field, struct http_span key,
                     size_t bytes_max)
{
    char message[AUTH_MESSAGE_CHARS];
    if (key.length <= bytes_max) return true;
    snprintf(message, sizeof message, "field \"%s\" has %zu bytes; at most %zu are allowed", field, key.length,
             bytes_max);
    batch_refuse(request, index, message);
    return false;
}

/* One element of the array becomes one item to write. False when the request was answered instead. */
static bool take_element(struct request *request, const struct http_json_insert *element)
{
    struct insert_batch *batch = request->work;
    uint32_t index = batch->items.count;
    struct op_write_item *item = batch_add(request, &batch->items, sizeof *item);
    bool is_memory = item == NULL;
    if (item == NULL) {
        answer_err(request, ERR_MEMORY);
        return false;
    }
    if (!key_fits(request, index, "pk", element->partition_key, KEYS_PARTITION_KEY_BYTES_MAX) ||
        !key_fits(request, index, "sk", element->sort_key, KEYS_SORT_KEY_BYTES_MAX)) {
        return false;
    }
    item->key = (struct op_key){request->bucket_id, span_http(element->partition_key),
                                span_http(element->sort_key)};
    item->kind = element->value.at == NULL ? CRDT_TOMBSTONE : CRDT_VALUE;
    item->value = span_http(element->value);
    item->has_context = element->causality_token.at != NULL;
    if (element->value.length > request->service->settings->max_value_bytes) {
        refuse_value(request, index, element->value.length);
        return false;
    }
    if (!item->has_context || item_token_read(request->service, &item->key, element->causality_token,
                                              &request->arena, &item->context, &is_memory)) {
        return true;
    }
    if (is_memory) {
        answer_err(request, ERR_MEMORY);
    } else {
        refuse_token(request, index);
    }
    return false;
}

/* The next transaction's worth of items, or the end. */
static void store_next(struct request *request)
{
    struct insert_batch *batch = request->work;
    uint32_t left = batch->items.count - batch->stored;
    if (left == 0) {
        answer_empty(request, 204, (struct http_span){NULL, 0}, NULL);
        return;
    }
    request->refused_base = batch->stored;
    request->op.kind = OP_WRITE;
    request->op.write = (struct op_write){
        .guard = request->guard,
        .items = (struct op_write_item *)batch->items.elements + batch->stored,
        .items_count = left < LIMITS_BATCH_ITEMS_PER_COMMIT ? left : LIMITS_BATCH_ITEMS_PER_COMMIT,
        .item_bytes_max = request->service->settings->max_value_bytes * LIMITS_ITEM_VALUES};
    request_store(request, false);
}

static void on_stored(struct request *request)
{
    struct insert_batch *batch = request->work;
    if (put_answer_refusal(request)) return;
    batch->stored += request->op.write.items_count;
    store_next(request);
}

static void on_body(struct request *request)
{
    struct http_json_reader reader;
    struct http_json_insert element;
    http_json_reader_init(&reader, (char *)request->body, request->body_bytes);
    for (;;) {
        switch (http_json_next_insert(&reader, &element)) {
        case HTTP_JSON_ELEMENT:
            if (!take_element(request, &element)) return;
            break;
        case HTTP_JSON_DONE: store_next(request); return;
        case HTTP_JSON_BAD: answer_error(request, 400, "InvalidRequest", reader.message); return;
        }
    }
}

static const struct request_calls calls = {.on_body = on_body, .on_stored = on_stored};

void insert_batch_begin(struct request *request, const struct auth_payload *promised)
{
    if (operation_work(request, sizeof(struct insert_batch), &calls) == NULL) return;
    request_read_body(request, promised, request->service->settings->max_batch_bytes);
}
