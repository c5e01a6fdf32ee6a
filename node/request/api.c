/* From a head to an operation: every refusal on the way is an answer, nothing else leads to work. */
#include "node/request/api.h"

#include "node/request/answer.h"
#include "node/request/cors.h"
#include "node/request/operations.h"

#include <sodium/utils.h>

/* --- preflight ------------------------------------------------------------------------------------------ */

static void answer_anything(struct request *request)
{
    request->any_origin =
        true; /* an unknown name tells nothing: everything is allowed, as there is nothing to get */
    answer_empty(request, 200, (struct http_span){NULL, 0}, NULL);
}

static struct http_span value_of(const struct http_head *head, const char *name)
{
    const struct http_header *header = http_head_find(head, name);
    return header == NULL ? (struct http_span){NULL, 0} : header->value;
}

static void preflight(struct request *request, const struct http_head *head, const struct http_route *route)
{
    struct document_rule rule;
    if (!view_resolve(request->service->view, (struct span){0}, span_http(route->bucket), request->bucket_id)) {
        answer_anything(request);
        return;
    }
    struct cors_query query = {.origin = value_of(head, "origin"),
                               .method = value_of(head, "access-control-request-method"),
                               .headers = value_of(head, "access-control-request-headers")};
    if (query.origin.at == NULL || query.method.at == NULL) {
        answer_error(request, 400, "InvalidRequest", "a preflight needs Origin and Access-Control-Request-Method");
    } else if (!cors_is_plain(query.origin) ||
               !cors_find(view_cors(request->service->view, request->bucket_id), &query, &rule)) {
        answer_error(request, 400, "InvalidRequest", "no CORS rule of this bucket allows this");
    } else {
        request->has_bucket = true;
        request->envelope.method = request_copy(request, query.method); /* the rule of the method asked for */
        answer_empty(request, 200, (struct http_span){NULL, 0}, NULL);
    }
}

/* --- who ------------------------------------------------------------------------------------------------ */

static struct span sealed_of(const void *owner, struct span key_id)
{
    const struct service *service = owner;
    struct document_key key;
    bool is_sane = view_key(service->view, key_id, &key) && key.sealed_secret.length > SEAL_OVERHEAD_BYTES &&
                   key.sealed_secret.length <= SIGNING_SEALED_BYTES_MAX;
    return is_sane ? key.sealed_secret : (struct span){NULL, 0};
}

static size_t open_secret(const void *owner, struct span key_id, struct span sealed,
                          uint8_t secret[LIMITS_SECRET_CHARS_MAX])
{
    const struct service *service = owner;
    bool is_open = seal_open(service->documents_key, key_id, sealed, secret);
    return is_open ? sealed.length - SEAL_OVERHEAD_BYTES : 0;
}

/* The one verification point. True when the request is authentic; else it was answered. */
static bool check(struct request *request, const struct http_head *head, const struct http_route *route,
                  struct auth_payload *promised)
{
    struct service *service = request->service;
    struct auth_answer answer;
    const struct auth_keys keys = {sealed_of, open_secret, service};
    const struct auth_settings settings = {span_text(service->settings->region), service->settings->max_skew_s};
    auth_check(&settings, &keys, &service->signing_cache, head, route, service->wall_us / 1000000,
               &request->scratch, &answer);
    if (answer.is_allowed) {
        struct http_span key_id = request_copy(request, http_span(answer.key_id));
        request->key_id = span_http(key_id);
        *promised = answer.payload;
        if (key_id.at == NULL) answer_err(request, ERR_MEMORY);
    } else {
        answer_error(request, answer.status, answer.code, answer.message);
    }
    sodium_memzero(&answer.payload, sizeof answer.payload);
    return request->status == 0;
}

/* --- what, and may it ----------------------------------------------------------------------------------- */

static uint8_t needed_permission(enum http_operation operation)
{
    switch (operation) {
    case HTTP_READ_ITEM:
    case HTTP_POLL_ITEM:
    case HTTP_READ_INDEX:
    case HTTP_READ_BATCH:
    case HTTP_POLL_RANGE: return DOCUMENT_READ;
    case HTTP_INSERT_ITEM:
    case HTTP_DELETE_ITEM:
    case HTTP_INSERT_BATCH:
    case HTTP_DELETE_BATCH: return DOCUMENT_WRITE;
    case HTTP_PREFLIGHT: break;
    }
    return UINT8_MAX; /* no key has these */
}

/* Writes hold only while the bucket is the one that was looked up: the store compares its document again. */
static bool keep_guard(struct request *request)
{
    struct span id = span_of(request->bucket_id, KEYS_BUCKET_ID_BYTES);
    struct span payload = view_bucket_payload(request->service->view, request->bucket_id);
    struct op_guard *guard = arena_alloc(&request->arena, sizeof *guard);
    if (guard != NULL) {
        guard->key = document_key_of(&request->arena, DOCUMENT_BUCKET, id);
        guard->payload = span_of(arena_copy(&request->arena, payload.bytes, payload.length), payload.length);
        request->guard = guard;
        if (guard->key.bytes != NULL && guard->payload.bytes != NULL) return true;
    }
    answer_err(request, ERR_MEMORY);
    return false;
}

static bool find_bucket(struct request *request, const struct http_route *route)
{
    struct service *service = request->service;
    request->has_bucket = view_resolve(service->view, request->key_id, span_http(route->bucket),
                                       request->bucket_id);
    if (!request->has_bucket) {
        answer_error(request, 404, "NoSuchBucket", "there is no bucket of this name for this key");
        return false;
    }
    uint8_t needed = needed_permission(route->operation);
    if ((view_permissions(service->view, request->bucket_id, request->key_id) & needed) != needed) {
        answer_error(request, 403, "AccessDenied", "this key may not do this on this bucket");
        return false;
    }
    return needed != DOCUMENT_WRITE || keep_guard(request);
}

static void dispatch(struct request *request, const struct http_head *head, const struct http_route *route,
                     const struct auth_payload *promised)
{
    switch (route->operation) {
    case HTTP_READ_ITEM: get_begin(request, head, route); break;
    case HTTP_POLL_ITEM: poll_item_begin(request, head, route); break;
    case HTTP_READ_INDEX: index_begin(request, route); break;
    case HTTP_INSERT_ITEM:
    case HTTP_DELETE_ITEM: put_begin(request, head, route, promised); break;
    case HTTP_INSERT_BATCH: insert_batch_begin(request, promised); break;
    case HTTP_READ_BATCH: read_batch_begin(request, promised); break;
    case HTTP_DELETE_BATCH: delete_batch_begin(request, promised); break;
    case HTTP_POLL_RANGE: poll_range_begin(request, route, promised); break;
    case HTTP_PREFLIGHT: preflight(request, head, route); break;
    }
}

void api_begin(struct request *request, const struct http_head *head)
{
    struct http_route route;
    struct http_refusal refusal;
    struct auth_payload promised;
    char *memory = arena_take_array(&request->scratch, head->target.length + 1, 1);
    if (memory == NULL) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    if (!http_route(head->method, head->target, memory, &route, &refusal)) {
        answer_error(request, 400, refusal.code, refusal.message);
        return;
    }
    request->operation = http_operation_name(route.operation);
    request->stats_row = (enum stats_row)(STATS_K2V + route.operation);
    request->envelope.is_head = route.is_head;
    if (route.operation == HTTP_PREFLIGHT) {
        preflight(request, head, &route);
        return;
    }
    /* For the CORS headers of a refusal: what the name means to everyone. */
    request->has_bucket = view_resolve(request->service->view, (struct span){0}, span_http(route.bucket),
                                       request->bucket_id);
    if (!check(request, head, &route, &promised)) return;
    if (find_bucket(request, &route)) dispatch(request, head, &route, &promised);
    sodium_memzero(&promised, sizeof promised);
}
