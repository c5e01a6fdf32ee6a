/* Each event to the module that owns it. */
#include "node/node.h"

#include "node/request/startup.h"

bool node_init(struct node *node, const struct settings *settings, const struct store *store,
               const uint8_t seed[PRNG_SEED_BYTES])
{
    return requests_init(&node->requests, settings, store, seed);
}

void node_deinit(struct node *node)
{
    startup_end(&node->requests);
    requests_deinit(&node->requests);
}

void node_step(struct node *node, const struct event *event, struct effects *effects)
{
    struct requests *requests = &node->requests;
    struct service *service = &requests->service;
    service->effects = effects;
    service->now_ms = event->now_ms;
    service->now_us = event->now_us;
    service->wall_us = event->wall_us;
    switch (event->kind) {
    case EVENT_START:
        service->started_ms = event->now_ms;
        startup_begin(requests);
        break;
    case EVENT_REQUEST: requests_on_request(requests, event); break;
    case EVENT_BODY: requests_on_body(requests, event); break;
    case EVENT_SENT: requests_on_sent(requests, event); break;
    case EVENT_GONE: requests_on_gone(requests, event); break;
    case EVENT_STORED: requests_on_stored(requests, event->op); break;
    case EVENT_TIME: requests_on_time(requests); break;
    case EVENT_DRAIN: requests_on_drain(requests); break;
    case EVENT_LINK_OPEN:
    case EVENT_LINK_BYTES:
    case EVENT_LINK_SENT:
    case EVENT_LINK_GONE:
    case EVENT_DATAGRAM: break;
    }
    service->effects = NULL;
}

void node_settings_changed(struct node *node)
{
    requests_on_settings(&node->requests);
}

uint64_t node_deadline_ms(const struct node *node)
{
    const struct timer *timer = timers_first(&node->requests.service.timers);
    return timer == NULL ? UINT64_MAX : timer->deadline_ms;
}

bool node_has_request(const struct node *node, uint32_t slot)
{
    return node->requests.slots[slot] != NULL;
}

bool node_is_waiting(const struct node *node, uint32_t slot)
{
    const struct request *request = node->requests.slots[slot];
    if (request == NULL || request->is_answered || request->calls == NULL) return false;
    if (request->body_is_asked && !request->body_is_done) return false;
    return request->calls->on_notify != NULL && !request->op_is_out && !request->is_streaming;
}

struct service_gauges *node_gauges(struct node *node)
{
    return &node->requests.service.gauges;
}

bool node_trace(const struct node *node, uint32_t slot, struct node_trace *trace)
{
    const struct request *request = node->requests.slots[slot];
    if (request == NULL) return false;
    *trace = (struct node_trace){.request_id = request->id,
                                 .operation = request->operation == NULL ? "-" : request->operation,
                                 .status = request->is_cut ? 503 : request->status,
                                 .took_ms = (node->requests.service.now_us - request->started_us) / 1000};
    return true;
}
