/* Connections: parsing in, writing out, and every way they end. */
#include "node/edge/client.h"

#include "node/edge/clock.h"
#include "node/edge/deadline.h"
#include "node/edge/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

static struct service_gauges *gauges_of(const struct client *client)
{
    return node_gauges(&client->loop->node);
}

/* --- reading -------------------------------------------------------------------------------------------- */

_Static_assert((int)CLIENT_WAITING_BYTES_MAX <= (int)LOOP_READ_BYTES, "what may wait fits a read");

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    size_t waiting = input_waiting_bytes(&client->input);
    (void)suggested;
    *buffer = uv_buf_init(client->loop->read_buffer, (unsigned)(CLIENT_WAITING_BYTES_MAX - waiting));
}

/* Read when there is room for what comes: while a request is under way only to notice that the client went away.
 */
static void reading_update(struct client *client)
{
    bool wanted = client->state != CLIENT_CLOSED && !client->is_at_end && !client->is_overrun &&
                  input_waiting_bytes(&client->input) < CLIENT_WAITING_BYTES_MAX;
    if (client->state == CLIENT_LINGER) wanted = !client->is_at_end;
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
    input_deinit(&client->input);
    free(client);
}

void client_close(struct client *client)
{
    struct loop *loop = client->loop;
    if (client->state == CLIENT_CLOSED) return;
    client->state = CLIENT_CLOSED;
    list_remove(&client->sent_link);
    list_remove(&client->runnable_link);
    list_remove(&client->watched_link);
    uv_close((uv_handle_t *)&client->tcp, on_closed);
    if (client->slot == UINT32_MAX) {
        loop->turned_away_count--;
        return;
    }
    struct event event = {.kind = EVENT_GONE, .slot = client->slot};
    loop_forget(loop, client);
    turn_step(loop, &event);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct client *client = shutdown->data;
    free(shutdown);
    if (status != 0 || client->is_at_end) client_close(client);
}

/* It has a deadline, or may have one soon: the sweep looks. */
static void watch(struct client *client)
{
    if (list_is_empty(&client->watched_link)) list_append(&client->loop->watched, &client->watched_link);
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
    watch(client);
    uv_shutdown_t *shutdown = malloc(sizeof *shutdown); /* few need one, and ten thousand connections are small */
    if (shutdown != NULL) shutdown->data = client;
    if (shutdown == NULL || uv_shutdown(shutdown, (uv_stream_t *)&client->tcp, on_shutdown) != 0) {
        free(shutdown);
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
    free(write);
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
    uv_write_t *write = malloc(sizeof *write); /* only for what the socket does not take at once */
    if (write != NULL) write->data = client;
    if (write == NULL || uv_write(write, (uv_stream_t *)&client->tcp, buffers, count, on_written) != 0) {
        free(write);
        client_close(client);
    }
}

void client_send(struct client *client, const struct effect *effect)
{
    uv_buf_t buffers[EFFECT_PARTS_MAX];
    unsigned count = 0;
    assert(!client->is_sending);
    if (client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER) return;
    for (int i = 0; i < EFFECT_PARTS_MAX; i++) {
        struct span part = effect->send.parts[i];
        if (part.length == 0) continue;
        buffers[count++] = uv_buf_init((char *)(uintptr_t)part.bytes, (unsigned)part.length);
        gauges_of(client)->bytes_out += part.length;
    }
    client->is_sending = true;
    client->has_answer = true;
    client->send_is_last = effect->send.is_last;
    client->send_keeps_alive = effect->send.keep_alive;
    client->since_ms = clock_monotonic_ms();
    watch(client);
    if (count == 0) {
        sent(client);
    } else {
        write_parts(client, buffers, count);
    }
}

static const char NO_MEMORY[] = "no memory is left for what this connection sends";
static const char NO_SLOT[] = "as many connections as this node takes are there";

/* One small reply of the edge itself; what the socket does not take at once is lost. A 503 says why, with `code`
 * and `message`. */
static void reply(struct client *client, int status, const char *code, const char *message)
{
    char bytes[1024];
    struct http_out out = {.bytes = bytes, .capacity = sizeof bytes};
    uint64_t now_s = clock_wall_us() / 1000000;
    if (status == 503) {
        http_reply_unavailable(&out, now_s, client->loop->config->k2v.region, code, message);
    } else {
        http_reply_broken(&out, status, now_s);
    }
    assert(!out.failed);
    uv_buf_t buffer = uv_buf_init(out.bytes, (unsigned)out.used);
    (void)uv_try_write((uv_stream_t *)&client->tcp, &buffer, 1);
}

/* What a request under way holds goes back: while it lingers, a client would keep it from others. */
static void forget_request(struct client *client)
{
    struct event event = {.kind = EVENT_GONE, .slot = client->slot};
    turn_step(client->loop, &event);
}

/* Say it, unless something was said, and end the connection. */
static void end_with(struct client *client, int status, const char *code, const char *message)
{
    bool is_silent = client->has_answer;
    if (!is_silent) reply(client, status, code, message);
    linger(client);
    if (client->state != CLIENT_LINGER) return;
    input_drop(&client->input); /* a parser may be at work: it stays until that is over */
    if (!is_silent) forget_request(client);
}

static void log_no_memory(const struct client *client)
{
    struct log_line line;
    log_begin(&line, client->loop->log, LOG_LEVEL_WARN, "request");
    log_text(&line, "operation", "-");
    log_u64(&line, "status", 503);
    log_text(&line, "why", NO_MEMORY);
    log_end(&line);
}

void client_refuse(struct client *client, int status)
{
    gauges_of(client)->connections_broken++;
    if (status == 503) log_no_memory(client);
    end_with(client, status, "ServiceUnavailable", NO_MEMORY);
}

void client_give_up(struct client *client, const char *code, const char *message)
{
    if (client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER) return;
    if (code == NULL || client->has_answer) {
        client_close(client);
    } else {
        end_with(client, 503, code, message);
    }
}

/* --- from one request to the next ----------------------------------------------------------------------- */

/* From now on a body must come. */
static void begin_body(struct client *client)
{
    const struct pace_limits limits = deadline_pace(client->loop);
    pace_begin(&client->body_pace, &limits, clock_monotonic_ms());
}

static void next_request(struct client *client)
{
    client->state = CLIENT_HEAD;
    client->has_answer = false;
    client->since_ms = clock_monotonic_ms();
}

void client_on_sent(struct client *client)
{
    if (client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER) return;
    if (!client->send_keeps_alive) {
        if (client->is_ended && input_waiting_bytes(&client->input) == 0 && !client->is_overrun) {
            client_close(client); /* all that was sent was read: nothing can destroy the answer */
        } else {
            linger(client);
            if (client->state == CLIENT_LINGER) input_deinit(&client->input); /* what came behind is not for us */
        }
        return;
    }
    if (client->is_ended) {
        next_request(client);
    } else {
        if (client->state != CLIENT_BODY) begin_body(client); /* nobody asked for it, and yet it must come */
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
    const struct http_head *head = &input_parser(&client->input)->head;
    client->expects_continue = head->expects_continue;
    struct event event = {.kind = EVENT_REQUEST, .slot = client->slot};
    event.request.door = client->door;
    event.request.head = head;
    turn_step(loop, &event);
    if (client->state == CLIENT_BUSY && !node_has_request(&loop->node, client->slot)) {
        log_no_memory(client); /* the node has counted it */
        end_with(client, 503, "ServiceUnavailable", NO_MEMORY);
    }
}

static void on_body(struct client *client, struct http_span part, bool is_last)
{
    const struct pace_limits limits = deadline_pace(client->loop);
    pace_came(&client->body_pace, &limits, part.length, clock_monotonic_ms());
    if (client->state != CLIENT_BODY) return; /* answered, or never asked for: dropped */
    struct event event = {.kind = EVENT_BODY, .slot = client->slot};
    event.body.bytes = (uint8_t *)(uintptr_t)part.at;
    event.body.length = part.length;
    event.body.is_last = is_last;
    if (is_last) client->state = CLIENT_BUSY;
    turn_step(client->loop, &event);
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
    const struct http_parser *parser = input_parser(&client->input);
    switch (client->state) {
    case CLIENT_HEAD:
    case CLIENT_BODY:
    case CLIENT_REST: return true;
    case CLIENT_BUSY: return !client->is_ended && parser != NULL && has_no_body(&parser->head);
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
        struct http_parser *parser = input_take_parser(&client->input);
        if (parser == NULL) {
            client_refuse(client, 503);
            return length;
        }
        enum http_verdict verdict = http_parse(parser, bytes + used, length - used, &taken);
        used += taken;
        switch (verdict) {
        case HTTP_MORE: return used;
        case HTTP_HEAD: on_head(client); break;
        case HTTP_BODY: on_body(client, parser->part, false); break;
        case HTTP_END: on_end(client); break;
        case HTTP_REFUSED: client_refuse(client, parser->status); return length;
        }
    }
    return used;
}

/* After parsing: what is not needed any more goes back. */
static void settle(struct client *client)
{
    struct input *input = &client->input;
    bool is_over = client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER;
    if (is_over) input_deinit(input);
    bool is_between = client->state == CLIENT_HEAD && input_parser(input) != NULL;
    bool is_read = client->state == CLIENT_BUSY && client->is_ended; /* at once: ten thousand polls may begin */
    if (is_read || (is_between && http_parser_is_idle(input_parser(input)))) input_give_parser(input);
    if (client->state != CLIENT_CLOSED) reading_update(client);
}

/* New bytes: behind what waits already, else parse what can be and keep the rest. */
static void feed(struct client *client, const char *bytes, size_t length)
{
    struct input *input = &client->input;
    size_t used = input_waiting_bytes(input) == 0 ? parse(client, bytes, length) : 0;
    bool is_over = client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER;
    if (!is_over && !input_keep(input, bytes + used, length - used)) {
        client->is_overrun = true; /* while a request is under way: nothing can be said before its answer */
        if (can_parse(client)) make_runnable(client);
    }
    settle(client);
}

/* Can nothing more come of a connection whose input is used up? */
static void end_of_input(struct client *client)
{
    if (!can_parse(client) || input_waiting_bytes(&client->input) > 0) return;
    if (client->is_overrun) {
        client_refuse(client, 503);
    } else if (client->is_at_end) {
        client_close(client);
    }
}

void client_run(struct client *client)
{
    struct input *input = &client->input;
    if (!can_parse(client)) return;
    size_t length = input_waiting_bytes(input);
    size_t used = parse(client, length == 0 ? "" : input->waiting + input->waiting_from, length);
    bool is_over = client->state == CLIENT_CLOSED || client->state == CLIENT_LINGER;
    if (!is_over) {
        input_use(input, used);
        end_of_input(client);
    }
    settle(client);
}

void client_read_body(struct client *client)
{
    if (client->state != CLIENT_BUSY) return;
    client->state = CLIENT_BODY;
    begin_body(client);
    watch(client);
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
 * any more. Half-closing clients and vanished ones look the same; the sweep gives up when nothing can be sent for
 * long.
 */
static void on_end_of_input(struct client *client)
{
    client->is_at_end = true;
    reading_update(client);
    bool is_answering = client->is_sending || !list_is_empty(&client->runnable_link) ||
                        (client->state == CLIENT_BUSY && !node_is_waiting(&client->loop->node, client->slot));
    if (!is_answering) {
        client_close(client);
        return;
    }
    client->since_ms = clock_monotonic_ms();
    watch(client);
}

static void on_lingering(struct client *client, size_t bytes)
{
    client->linger_bytes += bytes;
    if (client->linger_bytes > CLIENT_LINGER_BYTES_MAX) client_close(client);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    if (count == 0) return;
    if (count > 0) gauges_of(client)->bytes_in += (uint64_t)count;
    if (count == UV_EOF) {
        on_end_of_input(client);
    } else if (count < 0) {
        client_close(client);
    } else if (client->state == CLIENT_LINGER) {
        on_lingering(client, (size_t)count);
    } else {
        bool is_first = client->state == CLIENT_HEAD && input_parser(&client->input) == NULL;
        if (is_first) client->since_ms = clock_monotonic_ms();
        watch(client);
        feed(client, buffer->base, (size_t)count);
    }
}

/* --- slots ---------------------------------------------------------------------------------------------- */

static bool has_slot(const struct loop *loop, enum event_door door)
{
    if (loop->free_count == 0) return false;
    if (door == EVENT_DOOR_ADMIN) return loop->admin_count < LOOP_ADMIN_CONNECTIONS_MAX;
    return loop->clients_count - loop->admin_count < loop->config->k2v.max_connections;
}

static void take_slot(struct client *client)
{
    struct loop *loop = client->loop;
    client->slot = loop->free_slots[--loop->free_count];
    loop->clients[client->slot] = client;
    loop->clients_count++;
    if (client->door == EVENT_DOOR_ADMIN) loop->admin_count++;
    gauges_of(client)->connections = loop->clients_count;
    gauges_of(client)->connections_accepted++;
    uv_tcp_nodelay(&client->tcp, 1);
    uv_tcp_keepalive(&client->tcp, 1, CLIENT_KEEPALIVE_S);
    reading_update(client);
}

/* Say that no slot is free, and see to it that some get to read it. */
static void turn_away(struct client *client)
{
    struct loop *loop = client->loop;
    client->slot = UINT32_MAX;
    loop->turned_away_count++;
    gauges_of(client)->connections_refused++;
    reply(client, 503, "ServiceUnavailable", NO_SLOT);
    if (loop->turned_away_count > CLIENT_TURNED_AWAY_MAX) {
        client_close(client);
    } else {
        linger(client);
    }
}

void client_create(struct loop *loop, enum event_door door, int fd)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        close(fd);
        return;
    }
    client->loop = loop;
    client->door = door;
    client->tcp.data = client;
    list_init(&client->sent_link);
    list_init(&client->runnable_link);
    list_init(&client->watched_link);
    input_init(&client->input, &loop->input_budgets[door]);
    uv_tcp_init(&loop->uv, &client->tcp);
    if (uv_tcp_open(&client->tcp, fd) != 0) {
        close(fd);
        client->state = CLIENT_CLOSED;
        uv_close((uv_handle_t *)&client->tcp, on_closed);
    } else if (has_slot(loop, door)) {
        take_slot(client);
    } else {
        turn_away(client);
    }
}

void client_sweep(struct client *client, uint64_t now_ms)
{
    deadline_check(client, now_ms);
    if (client->state == CLIENT_LINGER) input_deinit(&client->input);
    if (deadline_is_set(client)) watch(client);
}

void client_close_if_idle(struct client *client)
{
    if (client->state == CLIENT_HEAD || client->state == CLIENT_LINGER) client_close(client);
}
