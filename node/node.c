/* Each event to the module that owns it. */
#include "node/node.h"

#include "node/request/startup.h"

bool node_init(struct node *node, const struct settings *settings, const struct store *store,
               const uint8_t seed[PRNG_SEED_BYTES])
{
    struct prng prng;
    uint8_t seeds[2][PRNG_SEED_BYTES];
    prng_init(&prng, seed);
    prng_bytes(&prng, seeds, sizeof seeds);
    struct service *service = &node->requests.service;
    if (!requests_init(&node->requests, settings, store, seeds[0])) return false;
    service->cluster = &node->cluster;
    if (cluster_init(&node->cluster, &settings->cluster, store, &service->view, seeds[1])) return true;
    requests_deinit(&node->requests);
    return false;
}

void node_deinit(struct node *node)
{
    startup_end(&node->requests);
    cluster_deinit(&node->cluster);
    requests_deinit(&node->requests);
}

/* The event's own module; of an answer of the store, who asked. */
static void step(struct node *node, const struct event *event)
{
    struct requests *requests = &node->requests;
    switch (event->kind) {
    case EVENT_START:
        requests->service.started_ms = event->now_ms;
        startup_begin(requests);
        break;
    case EVENT_REQUEST: requests_on_request(requests, event); break;
    case EVENT_BODY: requests_on_body(requests, event); break;
    case EVENT_SENT: requests_on_sent(requests, event); break;
    case EVENT_GONE: requests_on_gone(requests, event); break;
    case EVENT_STORED:
        if (event->op->asker == OP_ASKER_CLUSTER) {
            cluster_step(&node->cluster, event);
        } else {
            requests_on_stored(requests, event->op);
        }
        break;
    case EVENT_TIME:
        requests_on_time(requests);
        cluster_step(&node->cluster, event);
        break;
    case EVENT_DRAIN:
        requests_on_drain(requests);
        cluster_step(&node->cluster, event);
        break;
    case EVENT_LINK_OPEN:
    case EVENT_LINK_BYTES:
    case EVENT_LINK_SENT:
    case EVENT_LINK_GONE:
    case EVENT_DATAGRAM: cluster_step(&node->cluster, event); break;
    }
}

void node_step(struct node *node, const struct event *event, struct effects *effects)
{
    struct service *service = &node->requests.service;
    service->effects = effects;
    service->now_ms = event->now_ms;
    service->now_us = event->now_us;
    service->wall_us = event->wall_us;
    node->cluster.used_bytes = service->gauges.store_used_bytes;
    cluster_begin(&node->cluster, event, effects);
    step(node, event);
    if (service->is_ready && !node->cluster.has_started) cluster_start(&node->cluster);
    cluster_on_view(&node->cluster);
    service->effects = NULL;
}

void node_settings_changed(struct node *node)
{
    requests_on_settings(&node->requests);
    cluster_on_settings(&node->cluster);
}

uint64_t node_deadline_ms(const struct node *node)
{
    const struct timer *timer = timers_first(&node->requests.service.timers);
    uint64_t requests_ms = timer == NULL ? UINT64_MAX : timer->deadline_ms;
    uint64_t cluster_ms = cluster_deadline_ms(&node->cluster);
    return requests_ms < cluster_ms ? requests_ms : cluster_ms;
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
