/* Slots, and the life of what is in them. */
#include "node/request/service.h"

#include "node/request/admin.h"
#include "node/request/answer.h"
#include "node/request/api.h"
#include "node/request/polls.h"

#include <assert.h>

enum { TABLES_BYTES_MAX = 1 << 28 };

bool requests_init(struct requests *requests, const struct settings *settings, const struct store *store,
                   const uint8_t seed[PRNG_SEED_BYTES])
{
    *requests = (struct requests){0};
    struct service *service = &requests->service;
    arena_init(&requests->arena, TABLES_BYTES_MAX);
    service->settings = settings;
    requests_on_settings(requests);
    service->hash_key = store->hash_key;
    service->token_key = store->token_key;
    service->documents_key = store->documents_key;
    service->actor = store->actor;
    prng_init(&service->prng, seed);
    list_init(&service->admin_queue);
    service->next_request_id = 1;
    requests->slots = arena_array(&requests->arena, settings->connections_max, sizeof(struct request *));
    service->view = view_begin(store->hash_key);
    if (requests->slots != NULL && service->view != NULL && polls_init(service, &requests->arena) &&
        timers_init(&service->timers, settings->connections_max, &requests->arena)) {
        return true;
    }
    requests_deinit(requests);
    return false;
}

void requests_on_settings(struct requests *requests)
{
    uint64_t memory_bytes = requests->service.settings->max_memory_bytes;
    requests->service.memory.ceiling_bytes = memory_bytes == 0 ? SIZE_MAX : (size_t)memory_bytes;
}

void requests_deinit(struct requests *requests)
{
    view_release(requests->service.view);
    requests->service.view = NULL;
    arena_deinit(&requests->arena);
}

/* Over and nothing lent: give it back. */
static void end_if_over(struct requests *requests, struct request *request)
{
    if (!request->is_gone || request->op_is_out) return;
    if (request->slot < requests->service.settings->connections_max && requests->slots[request->slot] == request) {
        requests->slots[request->slot] = NULL;
    }
    admin_forget(request);
    request_destroy(request);
}

static bool keep_envelope(struct request *request, const struct http_head *head)
{
    struct request_envelope *envelope = &request->envelope;
    const struct http_header *origin = http_head_find(head, "origin");
    const char *query = memchr(head->target.at, '?', head->target.length);
    size_t path_length = query == NULL ? head->target.length : (size_t)(query - head->target.at);
    envelope->minor = head->minor;
    envelope->keep_alive = head->keep_alive;
    envelope->content_length = head->content_length;
    envelope->is_body_droppable = !head->is_chunked && !head->expects_continue &&
                                  head->content_length <= LIMITS_UNREAD_BODY_BYTES_MAX;
    envelope->is_head = head->method.length == 4 && memcmp(head->method.at, "HEAD", 4) == 0;
    envelope->path = request_copy(request, (struct http_span){head->target.at, path_length});
    envelope->method = request_copy(request, head->method);
    if (origin != NULL) envelope->origin = request_copy(request, origin->value);
    return envelope->path.at != NULL && envelope->method.at != NULL;
}

void requests_on_request(struct requests *requests, const struct event *event)
{
    struct service *service = &requests->service;
    assert(event->slot < service->settings->connections_max);
    assert(requests->slots[event->slot] == NULL);
    service->counts.requests++;
    struct request *request = request_create(service, event->slot, event->request.door);
    if (request == NULL) {
        /* Not even a reply can be made: the edge closes a connection that gets no effect and holds no request. */
        service->counts.failed++;
        stats_refuse(&service->stats, "ServiceUnavailable");
        stats_count(&service->stats, STATS_UNROUTED, 503, 0);
        return;
    }
    requests->slots[event->slot] = request;
    request->started_us = service->now_us;
    if (!keep_envelope(request, event->request.head)) {
        answer_err(request, ERR_MEMORY);
    } else if (event->request.door == EVENT_DOOR_ADMIN) {
        admin_begin(request, event->request.head);
    } else {
        api_begin(request, event->request.head);
    }
}

void requests_on_body(struct requests *requests, const struct event *event)
{
    struct request *request = requests->slots[event->slot];
    if (request == NULL) return;
    request_on_body(request, event->body.bytes, event->body.length, event->body.is_last);
}

/* It is over, one way or the other. */
static void count_request(struct request *request)
{
    struct service *service = request->service;
    int status = request->is_answered ? request->status : 0;
    if (request->is_cut) status = 503;
    stats_count(&service->stats, request->stats_row, status, service->now_us - request->started_us);
}

void requests_on_sent(struct requests *requests, const struct event *event)
{
    struct request *request = requests->slots[event->slot];
    if (request == NULL) return;
    if (request->is_answered) {
        count_request(request);
        request->is_gone = true;
        end_if_over(requests, request);
    } else {
        request->calls->on_sent(request);
    }
}

void requests_on_gone(struct requests *requests, const struct event *event)
{
    struct request *request = requests->slots[event->slot];
    if (request == NULL) return;
    requests->slots[event->slot] = NULL;
    count_request(request);
    request->is_gone = true;
    timers_remove(&requests->service.timers, &request->timer);
    if (request->calls != NULL && request->calls->on_over != NULL) request->calls->on_over(request);
    end_if_over(requests, request);
}

/* A change is durable: whoever polls it hears of it. */
static void announce(struct service *service, const struct op *op)
{
    if (op->kind != OP_WRITE || op->err != ERR_OK) return;
    assert(op->write.last_counter >= service->actor.last_counter); /* polls count on the order */
    actor_note(&service->actor, op->write.actor_id, op->write.last_counter);
    if (op->write.outcome != OP_DONE) return;
    for (uint32_t i = 0; i < op->write.items_count; i++) {
        polls_notify(service, op->write.items[i].hash, op->write.items[i].key.sort_key);
    }
    polls_tell(service);
}

void requests_on_stored(struct requests *requests, struct op *op)
{
    struct request *request = op->owner;
    assert(request->op_is_out);
    request->op_is_out = false;
    announce(&requests->service, op);
    if (op->kind == OP_WRITE) polls_on_write_told(request);
    bool is_refused = op->kind == OP_WRITE ? op->write.outcome != OP_DONE
                                           : op->kind == OP_DOCS_WRITE && op->docs.is_refused;
    if (op_is_write(op) && op->err == ERR_OK && !is_refused) request->has_stored = true;
    if (op->err == ERR_CORRUPT) requests->service.counts.corrupt_rows++;
    if (request->is_gone) {
        admin_abandoned(request);
        end_if_over(requests, request);
    } else {
        request->calls->on_stored(request);
    }
}

void requests_on_time(struct requests *requests)
{
    struct service *service = &requests->service;
    for (;;) {
        struct timer *timer = timers_first(&service->timers);
        if (timer == NULL || timer->deadline_ms > service->now_ms) return;
        timers_remove(&service->timers, timer);
        struct request *request = LIST_OWNER(timer, struct request, timer);
        request->calls->on_time(request);
    }
}

void requests_on_drain(struct requests *requests)
{
    struct service *service = &requests->service;
    service->is_draining = true;
    for (uint32_t slot = 0; slot < service->settings->connections_max; slot++) {
        struct request *request = requests->slots[slot];
        if (request == NULL || request->is_answered) continue;
        if (request->calls != NULL && request->calls->on_drain != NULL) request->calls->on_drain(request);
    }
}
