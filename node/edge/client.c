/* Connections: parsing in, writing out, and every way they end. */
#include "node/edge/client.h"

#include "node/edge/clock.h"

#include <assert.h>
#include <stdlib.h>

/* --- memory --------------------------------------------------------------------------------------------- */

/* A parser and its head buffer in one piece; idle connections have none. */
struct client_parser {
    struct http_parser parser;
    char buffer[HTTP_HEAD_BYTES_MAX];
};

static bool parser_take(struct client *client)
{
    if (client->parser != NULL) return true;
    struct client_parser *taken = malloc(sizeof *taken);
    if (taken == NULL) return false;
    http_parser_init(&taken->parser, taken->buffer);
    client->parser = &taken->parser;
    return true;
}

static void parser_give(struct client *client)
{
    free(client->parser); /* the parser is the first member of what was taken */
    client->parser = NULL;
}

static bool waiting_add(struct client *client, const char *bytes, size_t length)
{
    if (length == 0) return true;
    size_t whole = client->waiting_bytes + length;
    if (whole > client->waiting_capacity) {
        char *moved = realloc(client->waiting, whole);
        if (moved == NULL) return false;
        client->waiting = moved;
        client->waiting_capacity = whole;
    }
    memcpy(client->waiting + client->waiting_bytes, bytes, length);
    client->waiting_bytes = whole;
    return true;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(client->loop->read_buffer, LOOP_READ_BYTES);
}

/* Read when there is room for what comes: while a request is under way only to notice that the client went away.
 */
static void reading_update(struct client *client)
{
    bool wanted = client->state != CLIENT_CLOSED && !client->is_at_end &&
                  client->waiting_bytes < CLIENT_WAITING_BYTES_MAX;
    if (wanted == client->is_reading) return;
    if (wanted) {
        wanted = uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) == 0;
    } else {
        uv_read_stop((uv_stream_t *)&client->tcp);
    }
    client->is_reading = wanted;
}

/* --- closing -------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    free(client->waiting);
    parser_give(client);
    free(client);
}

void client_close(struct client *client)
{
    struct loop *loop = client->loop;
    if (client->state == CLIENT_CLOSED) return;
    client->state = CLIENT_CLOSED;
    list_remove(&client->sent_link);
    list_remove(&client->runnable_link);
    uv_close((uv_handle_t *)&client->tcp, on_closed);
    struct event event = {.kind = EVENT_GONE, .slot = client->slot};
    loop_forget(loop, client);
    loop_step(loop, &event);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct client *client = shutdown->data;
    if (status != 0 || client->is_at_end) client_close(client);
}

/* The last answer is out. If the client may still be sending, closing at once could destroy the answer on its way:
 * say that no more comes, read past the rest, then close. */
static void linger(struct client *client)
{
    if (client->is_at_end) {
        client_close(client);
        return;
    }
    client->state = CLIENT_LINGER;
    client->since_ms = clock_monotonic_ms();
    client->waiting_bytes = 0;
    client->shutdown.data = client;
    if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->tcp, on_shutdown) != 0) {
        client_close(client);
        return;
    }
    reading_update(client);
}

/* Let client_run() come before the turn ends; it may be due already. */
static void make_runnable(struct client *client)
{
    list_remove(&client->runnable_link);
    list_append(&client->loop->runnable, &client->runnable_link);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void sent(struct client *client)
{
    client->is_sending = false;
    client->since_ms = clock_monotonic_ms();
    list_append(&client->loop->sent, &client->sent_link);
}

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;
    client->is_writing = false;
    if (client->state == CLIENT_CLOSED) return;
    if (status != 0) {
        client_close(client);
    } else {
        sent(client);
    }
}

/* Write without waiting what the socket takes, queue the rest. The memory is the node's until it is told. */
static void write_parts(struct client *client, uv_buf_t *buffers, unsigned count)
{
    int taken = uv_try_write((uv_stream_t *)&client->tcp, buffers, count);
    if (taken < 0 && taken != UV_EAGAIN) {
        client_close(client);
        return;
    }
    size_t left = taken < 0 ? 0 : (size_t)taken;
    while (count > 0 && left >= buffers->len) {
        left -= buffers->len;
        buffers++;
        count--;
    }
    if (count == 0) {
        sent(client);
        return;
    }
    buffers->base += left;
    buffers->len -= left;
    client->is_writing = true;
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->tcp, buffers, count, on_written) != 0)
        client_close(client);
}

void client_send(struct client *client, const struct effect *effect)
{
    uv_buf_t buffers[EFFECT_PARTS_MAX];
    unsigned count = 0;
    assert(!client->is_sending);
    if (client->state == CLIENT_CLOSED) return;
    for (int i = 0; i < EFFECT_PARTS_MAX; i++) {
        struct span part = effect->send.parts[i];
        if (part.length == 0) continue;
        buffers[count++] = uv_buf_init((char *)(uintptr_t)part.bytes, (unsigned)part.length);
    }
    client->is_sending = true;
    client->send_is_last = effect->send.is_last;
    client->send_keeps_alive = effect->send.keep_alive;
    client->since_ms = clock_monotonic_ms();
    if (count == 0) {
        sent(client);
    } else {
        write_parts(client, buffers, count);
    }
}

/* One small reply of the edge itself, to a connection that broke HTTP; what the socket does not take at once is
 * lost. */
static void refuse(struct client *client, int status)
{
    char bytes[512];
    struct http_out out = {.bytes = bytes, .capacity = sizeof bytes};
    http_reply_broken(&out, status, clock_wall_us() / 1000000);
    uv_buf_t buffer = uv_buf_init(out.bytes, (unsigned)out.used);
    if (!out.failed) (void)uv_try_write((uv_stream_t *)&client->tcp, &buffer, 1);
    linger(client);
}

static void next_request(struct client *client)
{
    client->state = CLIENT_HEAD;
    client->since_ms = clock_monotonic_ms();
}

void client_on_sent(struct client *client)
{
    if (client->state == CLIENT_CLOSED) return;
    if (!client->send_keeps_alive) {
        if (client->is_ended && client->waiting_bytes == 0) {
            client_close(client); /* all that was sent was read: nothing can destroy the answer */
        } else {
            linger(client);
        }
        return;
    }
    if (client->is_ended) {
        next_request(client);
    } else {
        client->state = CLIENT_REST;
    }
    make_runnable(client);
}

/* --- parsing -------------------------------------------------------------------------------------------- */

static void on_head(struct client *client)
{
    struct loop *loop = client->loop;
    client->state = CLIENT_BUSY;
    client->is_ended = false;
    client->expects_continue = client->parser->head.expects_continue;
    struct event event = {.kind = EVENT_REQUEST, .slot = client->slot};
    event.request.door = client->door;
    event.request.head = &client->parser->head;
    loop_step(loop, &event);
    if (client->state == CLIENT_BUSY && !node_has_request(&loop->node, client->slot)) refuse(client, 503);
}

static void on_body(struct client *client, struct http_span part, bool is_last)
{
    if (client->state != CLIENT_BODY) return; /* answered, or never asked for: dropped */
    struct event event = {.kind = EVENT_BODY, .slot = client->slot};
    event.body.bytes = (uint8_t *)(uintptr_t)part.at;
    event.body.length = part.length;
    event.body.is_last = is_last;
    if (is_last) client->state = CLIENT_BUSY;
    loop_step(client->loop, &event);
}

/* The message is complete. After an answered one the next may come. */
static void on_end(struct client *client)
{
    client->is_ended = true;
    if (client->state == CLIENT_BODY) {
        on_body(client, (struct http_span){NULL, 0}, true);
    } else if (client->state == CLIENT_REST) {
        next_request(client);
    }
}

static bool has_no_body(const struct http_head *head)
{
    return !head->is_chunked && head->content_length == 0;
}

/* While a request is under way only the end of one without a body is read: it needs no bytes, and then the
 * parser's memory is free. */
static bool can_parse(const struct client *client)
{
    switch (client->state) {
    case CLIENT_HEAD:
    case CLIENT_BODY:
    case CLIENT_REST: return true;
    case CLIENT_BUSY: return !client->is_ended && client->parser != NULL && has_no_body(&client->parser->head);
    case CLIENT_LINGER:
    case CLIENT_CLOSED: break;
    }
    return false;
}

/* Parse until the bytes are used up or a request is under way. Returns how many were used. */
static size_t parse(struct client *client, const char *bytes, size_t length)
{
    size_t used = 0;
    while (can_parse(client)) {
        size_t taken = 0;
        enum http_verdict verdict = http_parse(client->parser, bytes + used, length - used, &taken);
        used += taken;
        switch (verdict) {
        case HTTP_MORE: return used;
        case HTTP_HEAD: on_head(client); break;
        case HTTP_BODY: on_body(client, client->parser->part, false); break;
        case HTTP_END: on_end(client); break;
        case HTTP_REFUSED: refuse(client, client->parser->status); return length;
        }
    }
    return used;
}

/* New bytes, or what was waiting: parse what can be, keep the rest. */
static void feed(struct client *client, const char *bytes, size_t length)
{
    if (can_parse(client) && !parser_take(client)) {
        client_close(client);
        return;
    }
    size_t used = can_parse(client) ? parse(client, bytes, length) : 0;
    if (client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER) return;
    if (!waiting_add(client, bytes + used, length - used)) {
        client_close(client);
        return;
    }
    if (client->state == CLIENT_HEAD && http_parser_is_idle(client->parser)) parser_give(client);
    reading_update(client);
}

void client_run(struct client *client)
{
    char *bytes = client->waiting;
    size_t length = client->waiting_bytes;
    if (!can_parse(client)) return;
    client->waiting = NULL;
    client->waiting_bytes = 0;
    client->waiting_capacity = 0;
    feed(client, bytes == NULL ? "" : bytes, length);
    free(bytes);
    bool is_over = client->is_at_end && client->waiting_bytes == 0 && can_parse(client);
    if (is_over) client_close(client);
}

void client_read_body(struct client *client)
{
    if (client->state != CLIENT_BUSY) return;
    client->state = CLIENT_BODY;
    client->since_ms = clock_monotonic_ms();
    client->body_since_ms = client->since_ms;
    client->body_bytes = 0;
    if (client->expects_continue) {
        struct http_span text = http_continue();
        uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)text.at, (unsigned)text.length);
        (void)uv_try_write((uv_stream_t *)&client->tcp, &buffer,
                           1); /* nothing is queued before it, so it is taken */
    }
    make_runnable(client);
}

/* --- coming and going ----------------------------------------------------------------------------------- */

/* The client sends no more. A request under way is still answered, unless it waits for a change: then nobody waits
 * any more. */
static void on_end_of_input(struct client *client)
{
    client->is_at_end = true;
    reading_update(client);
    bool is_answering = client->is_sending ||
                        (client->state == CLIENT_BUSY && !node_is_waiting(&client->loop->node, client->slot));
    if (!is_answering) client_close(client);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    if (count == 0) return;
    if (count == UV_EOF) {
        on_end_of_input(client);
    } else if (count < 0) {
        client_close(client);
    } else if (client->state == CLIENT_LINGER) {
        client->linger_bytes += (size_t)count;
        if (client->linger_bytes > CLIENT_LINGER_BYTES_MAX) client_close(client);
    } else {
        bool is_first = client->state == CLIENT_HEAD && client->parser == NULL;
        if (is_first || client->state == CLIENT_BODY) client->since_ms = clock_monotonic_ms();
        if (client->state == CLIENT_BODY) client->body_bytes += (uint64_t)count;
        feed(client, buffer->base, (size_t)count);
    }
}

/* No slot is free: say so and close. */
static void turn_away(struct listener *listener)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) return;
    client->loop = listener->loop;
    client->slot = UINT32_MAX;
    client->tcp.data = client;
    client->state = CLIENT_CLOSED;
    uv_tcp_init(&listener->loop->uv, &client->tcp);
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&client->tcp) == 0) {
        char bytes[512];
        struct http_out out = {.bytes = bytes, .capacity = sizeof bytes};
        http_reply_broken(&out, 503, clock_wall_us() / 1000000);
        uv_buf_t buffer = uv_buf_init(out.bytes, (unsigned)out.used);
        if (!out.failed) (void)uv_try_write((uv_stream_t *)&client->tcp, &buffer, 1);
    }
    uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static bool has_slot(const struct listener *listener)
{
    const struct loop *loop = listener->loop;
    if (loop->free_count == 0) return false;
    if (listener->door == EVENT_DOOR_ADMIN) return loop->admin_count < LOOP_ADMIN_CONNECTIONS_MAX;
    return loop->clients_count - loop->admin_count < loop->config->k2v.max_connections;
}

void client_accept(struct listener *listener)
{
    struct loop *loop = listener->loop;
    if (!has_slot(listener)) {
        turn_away(listener);
        return;
    }
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) return;
    client->loop = loop;
    client->door = listener->door;
    client->tcp.data = client;
    client->since_ms = clock_monotonic_ms();
    list_init(&client->sent_link);
    list_init(&client->runnable_link);
    uv_tcp_init(&loop->uv, &client->tcp);
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&client->tcp) != 0) {
        uv_close((uv_handle_t *)&client->tcp, on_closed);
        return;
    }
    uv_tcp_nodelay(&client->tcp, 1);
    uv_tcp_keepalive(&client->tcp, 1, CLIENT_KEEPALIVE_S);
    client->slot = loop->free_slots[--loop->free_count];
    loop->clients[client->slot] = client;
    loop->clients_count++;
    if (client->door == EVENT_DOOR_ADMIN) loop->admin_count++;
    reading_update(client);
}

/* Did the socket take more of the answer since the last look? A slow reader is served as long as it reads. */
static void note_progress(struct client *client, uint64_t now_ms)
{
    size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&client->tcp);
    if (queued < client->queued_bytes) client->since_ms = now_ms;
    client->queued_bytes = queued;
}

static bool is_body_too_slow(const struct client *client, uint64_t now_ms)
{
    uint64_t taken_ms = now_ms - client->body_since_ms;
    return taken_ms > CLIENT_BODY_GRACE_MS && client->body_bytes < taken_ms / 1000 * CLIENT_BODY_BYTES_PER_S_MIN;
}

void client_sweep(struct client *client, uint64_t now_ms)
{
    note_progress(client, now_ms);
    uint64_t still_ms = now_ms > client->since_ms ? now_ms - client->since_ms : 0;
    if (client->is_sending && still_ms > CLIENT_STALL_MS) {
        client_close(client);
        return;
    }
    switch (client->state) {
    case CLIENT_HEAD:
        if (client->parser != NULL && still_ms > CLIENT_HEAD_MS) refuse(client, 408);
        break;
    case CLIENT_BODY:
        if (!client->is_sending && (still_ms > CLIENT_STALL_MS || is_body_too_slow(client, now_ms)))
            refuse(client, 408);
        break;
    case CLIENT_REST:
        if (!client->is_sending && still_ms > CLIENT_STALL_MS) client_close(client);
        break;
    case CLIENT_LINGER:
        if (still_ms > CLIENT_LINGER_MS) client_close(client);
        break;
    case CLIENT_BUSY:
        if (client->is_at_end && node_is_waiting(&client->loop->node, client->slot)) {
            client_close(client); /* nobody is there for what it waits for */
        } else if (client->is_ended && client->waiting_bytes == 0) {
            parser_give(client); /* a long poll needs none */
        }
        break;
    case CLIENT_CLOSED: break;
    }
}

void client_close_if_idle(struct client *client)
{
    if (client->state == CLIENT_HEAD || client->state == CLIENT_LINGER) client_close(client);
}
