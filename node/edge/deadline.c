/* The deadline of each state. */
#include "node/edge/deadline.h"

static uint64_t stall_ms(const struct loop *loop)
{
    return loop->config->k2v.stall_seconds * 1000;
}

struct pace_limits deadline_pace(const struct loop *loop)
{
    return (struct pace_limits){.grace_ms = loop->config->k2v.body_grace_seconds * 1000,
                                .stall_ms = stall_ms(loop),
                                .bytes_per_s = loop->config->k2v.body_min_bytes_per_second};
}

static bool is_body_late(const struct client *client, uint64_t now_ms)
{
    const struct pace_limits limits = deadline_pace(client->loop);
    return pace_is_late(&client->body_pace, &limits, now_ms);
}

/* Did the socket take more of the answer since the last look? A slow reader is served as long as it reads. */
static void note_progress(struct client *client, uint64_t now_ms)
{
    size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&client->tcp);
    if (queued < client->queued_bytes) client->since_ms = now_ms;
    client->queued_bytes = queued;
}

/* The client of a request under way sends no more, and nothing can be sent to it: half-closed and vanished ones
 * look the same, so it is given the time of a stall. */
static bool is_left(const struct client *client, uint64_t still_ms)
{
    const struct loop *loop = client->loop;
    if (!client->is_at_end) return false;
    if (node_is_waiting(&loop->node, client->slot)) return true; /* nobody is there for what it waits for */
    return still_ms > (loop->is_draining ? (uint64_t)CLIENT_LEAVING_MS : stall_ms(loop));
}

static void check_busy(struct client *client, uint64_t still_ms)
{
    if (is_left(client, still_ms)) {
        client_close(client);
    } else if (client->is_ended && input_waiting_bytes(&client->input) == 0) {
        input_give_parser(&client->input); /* a long poll needs none */
    }
}

static void check_head(struct client *client, uint64_t still_ms)
{
    bool has_begun = input_parser(&client->input) != NULL;
    if (has_begun && still_ms > client->loop->config->k2v.head_timeout_seconds * 1000) client_refuse(client, 408);
}

void deadline_check(struct client *client, uint64_t now_ms)
{
    note_progress(client, now_ms);
    uint64_t still_ms = now_ms > client->since_ms ? now_ms - client->since_ms : 0;
    if (client->is_sending) {
        if (still_ms > stall_ms(client->loop)) client_close(client);
        return;
    }
    switch (client->state) {
    case CLIENT_HEAD: check_head(client, still_ms); break;
    case CLIENT_BUSY: check_busy(client, still_ms); break;
    case CLIENT_BODY:
        if (is_body_late(client, now_ms)) client_refuse(client, 408);
        break;
    case CLIENT_REST:
        if (is_body_late(client, now_ms)) client_close(client);
        break;
    case CLIENT_LINGER:
        if (still_ms > CLIENT_LINGER_MS) client_close(client);
        break;
    case CLIENT_CLOSED: break;
    }
}

bool deadline_is_set(const struct client *client)
{
    bool has_parser = input_parser(&client->input) != NULL;
    if (client->state == CLIENT_CLOSED) return false;
    if (client->is_sending) return true;
    if (client->state == CLIENT_HEAD) return has_parser;
    return client->state != CLIENT_BUSY || has_parser || client->is_at_end ||
           !node_is_waiting(&client->loop->node, client->slot);
}
