/* A request's memory, its body on the way in, and its calls to the store. */
#include "node/request/request.h"

#include "node/core/document.h"
#include "node/request/answer.h"
#include "node/request/polls.h"

#include <assert.h>
#include <stdio.h>

enum { REQUEST_OVERHEAD_BYTES = 4 << 20, BODY_BYTES_FIRST = 4096 };

/* What one request may hold: its body (twice while it grows), what a batch's items become, and the base64 of the
 * largest item, grown. All follow from the settings, so that no client decides it. */
static size_t arena_ceiling(const struct settings *settings)
{
    return (size_t)(settings->max_batch_bytes * 8 + settings->max_value_bytes * LIMITS_ITEM_VALUES * 6) +
           REQUEST_OVERHEAD_BYTES;
}

struct request *request_create(struct service *service, uint32_t slot, enum event_door door)
{
    struct arena arena;
    struct arena_budget *budget = door == EVENT_DOOR_K2V ? &service->memory : NULL; /* the operator gets in */
    arena_init_within(&arena, arena_ceiling(service->settings), budget);
    struct request *request = arena_alloc(&arena, sizeof *request);
    if (request == NULL) return NULL;
    request->arena = arena;
    request->service = service;
    request->slot = slot;
    request->door = door;
    request->id = service->next_request_id++;
    arena_init_within(&request->scratch, arena_ceiling(service->settings), budget);
    arena_init_within(&request->walk, arena_ceiling(service->settings), budget);
    list_init(&request->effect.link);
    list_init(&request->op.link);
    list_init(&request->turn_link);
    return request;
}

void request_destroy(struct request *request)
{
    assert(!request->op_is_out);
    assert(list_is_empty(&request->effect.link));
    timers_remove(&request->service->timers, &request->timer);
    arena_deinit(&request->scratch);
    arena_deinit(&request->walk);
    struct arena arena = request->arena;
    arena_deinit(&arena);
}

void request_store(struct request *request, bool keep_scratch)
{
    assert(!request->op_is_out);
    if (!keep_scratch) arena_reset(&request->scratch);
    request->op_is_out = true;
    if (request->op.kind == OP_WRITE) polls_on_write_lent(request);
    request->op.arena = &request->scratch;
    request->op.owner = request;
    request->op.err = ERR_OK;
    if (op_writes_documents(&request->op)) request->op.docs.rules = document_rules();
    request->effect.kind = EFFECT_STORE;
    request->effect.slot = request->slot;
    request->effect.op = &request->op;
    effects_add(request->service->effects, &request->effect);
}

bool request_renew_view(struct request *request)
{
    struct service *service = request->service;
    struct view *view = view_create(service->view, request->op.docs.documents, request->op.docs.documents_count);
    if (view == NULL) return false;
    view_release(service->view);
    service->view = view;
    return true;
}

struct http_span request_copy(struct request *request, struct http_span text)
{
    if (text.at == NULL) return text;
    uint8_t *copy = arena_copy(&request->arena, text.at, text.length);
    return (struct http_span){(const char *)copy, text.length};
}

/* --- the body ------------------------------------------------------------------------------------------- */

static void refuse_size(struct request *request)
{
    char message[AUTH_MESSAGE_CHARS];
    snprintf(message, sizeof message, "the body is longer than the %llu bytes that are allowed here",
             (unsigned long long)request->body_bytes_max);
    answer_error(request, 413, "InvalidRequest", message);
}

void request_read_body(struct request *request, const struct auth_payload *promised, uint64_t bytes_max)
{
    bool is_plain = promised->mode == AUTH_PAYLOAD_HASH || promised->mode == AUTH_PAYLOAD_UNSIGNED;
    request->body_bytes_max = bytes_max;
    if (is_plain && request->envelope.content_length > bytes_max) {
        refuse_size(request); /* before the client sends it */
        return;
    }
    request->payload = arena_alloc(&request->scratch, sizeof *request->payload);
    if (request->payload == NULL) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    payload_init(request->payload, promised);
    request->body_is_asked = true;
    request->effect.kind = EFFECT_READ_BODY;
    request->effect.slot = request->slot;
    effects_add(request->service->effects, &request->effect);
}

/* Room for `length` more bytes: exact when the client said how many come, else doubling. */
static bool body_reserve(struct request *request, size_t length)
{
    size_t whole = 0;
    if (!size_add(request->body_bytes, length, &whole)) return false;
    if (whole < request->body_capacity) return true; /* one byte more than needed, for a NUL */
    size_t wanted = request->body_capacity == 0 ? BODY_BYTES_FIRST : request->body_capacity * 2;
    if (request->body_capacity == 0 && request->envelope.content_length <= request->body_bytes_max) {
        wanted = (size_t)request->envelope.content_length + 1;
    }
    if (wanted <= whole) wanted = whole + 1;
    struct arena *arena = request->body_is_brief ? &request->scratch : &request->arena;
    uint8_t *moved = arena_grow(arena, request->body, request->body_capacity, wanted);
    if (moved == NULL) return false;
    request->body = moved;
    request->body_capacity = wanted;
    return true;
}

static void refuse_payload(struct request *request, enum payload_verdict verdict)
{
    bool is_digest = verdict == PAYLOAD_BAD_DIGEST;
    answer_error(request, 400, is_digest ? "InvalidDigest" : "InvalidRequest",
                 request->payload->reason != NULL ? request->payload->reason : "the body is not what was signed");
}

/* Check and keep the next part. False when the request was answered instead. */
static bool body_take(struct request *request, uint8_t *bytes, size_t length)
{
    size_t decoded = 0;
    enum payload_verdict verdict = payload_add(request->payload, bytes, length, &decoded);
    if (verdict != PAYLOAD_OK) {
        refuse_payload(request, verdict);
        return false;
    }
    if (decoded > request->body_bytes_max - request->body_bytes) {
        refuse_size(request);
        return false;
    }
    if (!body_reserve(request, decoded)) {
        answer_err(request, ERR_MEMORY);
        return false;
    }
    if (decoded > 0) memcpy(request->body + request->body_bytes, bytes, decoded);
    request->body_bytes += decoded;
    return true;
}

void request_on_body(struct request *request, uint8_t *bytes, size_t length, bool is_last)
{
    if (request->status != 0) return; /* answered already: the rest is dropped */
    if (!body_take(request, bytes, length) || !is_last) return;
    request->body_is_done = true;
    enum payload_verdict verdict = payload_end(request->payload);
    if (verdict != PAYLOAD_OK) {
        refuse_payload(request, verdict);
        return;
    }
    request->payload = NULL; /* scratch is for the store now */
    request->calls->on_body(request);
}
