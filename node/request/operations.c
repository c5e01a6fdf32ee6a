/* What every operation does first. */
#include "node/request/operations.h"

#include "node/request/item.h"

bool operation_key(struct request *request, const struct http_route *route, struct op_key *key)
{
    if (!item_key_fits(request, "partition key", route->partition_key, KEYS_PARTITION_KEY_BYTES_MAX)) return false;
    if (!item_key_fits(request, "sort key", route->sort_key, KEYS_SORT_KEY_BYTES_MAX)) return false;
    struct http_span partition_key = request_copy(request, route->partition_key);
    struct http_span sort_key = request_copy(request, route->sort_key);
    bool is_copied = partition_key.at != NULL && (sort_key.at != NULL || route->sort_key.at == NULL);
    if (!is_copied) {
        answer_err(request, ERR_MEMORY);
        return false;
    }
    *key = (struct op_key){request->bucket_id, span_http(partition_key), span_http(sort_key)};
    return true;
}

void *operation_work(struct request *request, size_t bytes, const struct request_calls *calls)
{
    request->work = arena_alloc(&request->arena, bytes);
    if (request->work == NULL) {
        answer_err(request, ERR_MEMORY);
    } else {
        request->calls = calls; /* they count on the work being there */
    }
    return request->work;
}
