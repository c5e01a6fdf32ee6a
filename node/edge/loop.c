/* libuv's callbacks, the pump, and the ends of a run. */
#include "node/edge/loop.h"

#include "node/edge/client.h"
#include "node/edge/clock.h"
#include "node/edge/json_memory.h"

#include <assert.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- effects -------------------------------------------------------------------------------------------- */

static void log_request(struct loop *loop, const struct effect *effect)
{
    struct node_trace trace;
    if (effect->kind == EFFECT_SEND && !effect->send.is_last) return;
    if (!node_trace(&loop->node, effect->slot, &trace)) return;
    enum log_level level = trace.status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;
    if (!log_is_wanted(loop->log, level)) return;
    struct log_line line;
    log_begin(&line, loop->log, level, "request");
    log_u64(&line, "request", trace.request_id);
    log_text(&line, "operation", trace.operation);
    log_u64(&line, "status", (uint64_t)trace.status);
    log_u64(&line, "took_ms", trace.took_ms);
    log_end(&line);
}

static void log_failure(const struct loop *loop, enum err err)
{
    struct log_line line;
    log_begin(&line, loop->log, LOG_LEVEL_ERROR, "cannot load the buckets and keys");
    log_text(&line, "why", err_name(err));
    log_text(&line, "data_dir", loop->config->data_dir);
    log_end(&line);
}

static void stop(struct loop *loop, enum err failure)
{
    if (loop->failure == ERR_OK) loop->failure = failure;
    uv_stop(&loop->uv);
}

/* The step read JSON and memory ran out: nothing it decided is done. What it would store is answered as if
 * the store had had no memory; what it would say is not said. */
static void refuse(struct loop *loop, struct effect *effect)
{
    struct client *client = loop->clients[effect->slot];
    if (effect->kind == EFFECT_STORE) {
        effect->op->err = ERR_MEMORY;
        list_append(&loop->stored, &effect->op->link);
    } else if (client != NULL) {
        client_give_up(client, "OutcomeUncertain", "out of memory: what was asked may or may not be stored");
    }
}

static enum log_level level_of(enum effect_level level)
{
    switch (level) {
    case EFFECT_DEBUG: return LOG_LEVEL_DEBUG;
    case EFFECT_INFO: return LOG_LEVEL_INFO;
    case EFFECT_WARN: return LOG_LEVEL_WARN;
    case EFFECT_ERROR: break;
    }
    return LOG_LEVEL_ERROR;
}

static void log_effect(const struct loop *loop, const struct effect *effect)
{
    struct log_line line;
    log_begin(&line, loop->log, level_of(effect->log.level), effect->log.event);
    for (uint32_t i = 0; i < effect->log.fields_count; i++) {
        const struct effect_field *field = &effect->log.fields[i];
        if (field->text.bytes != NULL) {
            log_span(&line, field->name, field->text);
        } else {
            log_u64(&line, field->name, field->number);
        }
    }
    log_end(&line);
}

static void become_ready(struct loop *loop, const struct effect *effect)
{
    char message[CONFIG_MESSAGE_BYTES];
    loop->is_ready = true;
    if (peers_start(&loop->peers, message) != ERR_OK) {
        log_event_text(loop->log, LOG_LEVEL_ERROR, "other nodes cannot be listened to", "why", message);
        stop(loop, ERR_MEMORY);
        return;
    }
    loop->on_ready(loop, effect);
}

/* What it concerns is no client: done even when memory ran out under a client's step. */
static bool is_of_cluster(const struct effect *effect)
{
    return effect->kind >= EFFECT_LINK_DIAL;
}

static void carry_out_of_cluster(struct loop *loop, struct effect *effect)
{
    if (effect->kind == EFFECT_LOG) {
        log_effect(loop, effect);
    } else if (effect->kind == EFFECT_RESTART) {
        loop->wants_restart = true;
        uv_stop(&loop->uv);
    } else {
        peers_carry_out(&loop->peers, effect);
    }
}

static void carry_out(struct loop *loop, struct effect *effect)
{
    struct client *client = NULL;
    switch (effect->kind) {
    case EFFECT_STORE:
        list_append(op_is_write(effect->op) ? &loop->writes : &loop->reads, &effect->op->link);
        return;
    case EFFECT_READY: become_ready(loop, effect); return;
    case EFFECT_FAILED:
        log_failure(loop, effect->err);
        stop(loop, effect->err);
        return;
    case EFFECT_READ_BODY:
    case EFFECT_SEND:
    case EFFECT_CLOSE: break;
    case EFFECT_LINK_DIAL:
    case EFFECT_LINK_SEND:
    case EFFECT_LINK_CLOSE:
    case EFFECT_DATAGRAM:
    case EFFECT_LOG:
    case EFFECT_RESTART: carry_out_of_cluster(loop, effect); return;
    }
    client = loop->clients[effect->slot];
    if (client == NULL) return; /* closed in between; the node hears of it */
    if (effect->kind == EFFECT_READ_BODY) {
        client_read_body(client);
    } else if (effect->kind == EFFECT_SEND) {
        log_request(loop, effect);
        client_send(client, effect);
    } else {
        log_request(loop, effect);
        client_give_up(client, effect->close.code, effect->close.message);
    }
}

void loop_step(struct loop *loop, struct event *event)
{
    event->now_us = clock_monotonic_us();
    event->now_ms = event->now_us / 1000;
    event->wall_us = clock_wall_us();
    node_step(&loop->node, event, &loop->effects);
    bool is_refused = json_memory_was_short();
    for (struct effect *effect = effects_take(&loop->effects); effect != NULL;
         effect = effects_take(&loop->effects)) {
        if (is_refused && !is_of_cluster(effect)) {
            refuse(loop, effect);
        } else {
            carry_out(loop, effect);
        }
    }
}

/* --- the pump ------------------------------------------------------------------------------------------- */

static void answer_ops(struct loop *loop, struct list *ops)
{
    while (!list_is_empty(ops)) {
        struct op *op = LIST_OWNER(ops->next, struct op, link);
        list_remove(&op->link);
        rot_log_op(&loop->rot_log, loop->log, op);
        struct event event = {.kind = EVENT_STORED, .op = op};
        loop_step(loop, &event);
    }
}

/* One write is durable: its writer is answered, and who polls is told, which may be a thousand. */
static void tell_stored(struct loop *loop)
{
    struct op *op = LIST_OWNER(loop->stored.next, struct op, link);
    list_remove(&op->link);
    rot_log_op(&loop->rot_log, loop->log, op);
    struct event event = {.kind = EVENT_STORED, .op = op};
    loop_step(loop, &event);
}

/* The oldest read of `reads`, in a snapshot of its own. A large item's waits for the others if it may. True: it
 * was answered; false: it was put off, which costs next to nothing. */
static bool run_read(struct loop *loop, struct list *reads, bool may_be_put_off)
{
    struct op *op = LIST_OWNER(reads->next, struct op, link);
    struct list one;
    list_init(&one);
    list_remove(&op->link);
    list_append(&one, &op->link);
    op->may_be_put_off = may_be_put_off;
    store_run_reads(loop->store, &one);
    bool is_put_off = op->err == ERR_OK && op->is_put_off;
    if (is_put_off) {
        list_move(&loop->large, &one);
    } else {
        answer_ops(loop, &one);
    }
    return !is_put_off;
}

/* One read, behind however many large ones. */
static void run_small_read(struct loop *loop)
{
    while (!list_is_empty(&loop->reads) && !run_read(loop, &loop->reads, true))
        ;
}

static void tell_sent(struct loop *loop)
{
    struct client *client = LIST_OWNER(loop->sent.next, struct client, sent_link);
    list_remove(&client->sent_link);
    struct event event = {.kind = EVENT_SENT, .slot = client->slot};
    bool was_last = client->send_is_last; /* the step may give the next piece, which is then on its way */
    loop_step(loop, &event);
    if (was_last) client_on_sent(client);
}

static void run_client(struct loop *loop)
{
    struct client *client = LIST_OWNER(loop->runnable.next, struct client, runnable_link);
    list_remove(&client->runnable_link);
    client_run(client);
}

static void arm_deadline(struct loop *loop);

static bool has_work(const struct loop *loop)
{
    return !list_is_empty(&loop->stored) || !list_is_empty(&loop->reads) || !list_is_empty(&loop->sent) ||
           !list_is_empty(&loop->runnable) || peers_have_news(&loop->peers);
}

static void on_busy(uv_idle_t *idle)
{
    (void)idle; /* its being there is the point: see `busy` */
}

static void start_commit(struct loop *loop)
{
    if (loop->is_committing || list_is_empty(&loop->writes) || loop->failure != ERR_OK) return;
    if (loop->wants_restart) return; /* the store's keys in memory are not those of the database any more */
    loop->is_committing = true;
    committer_start(&loop->committer, &loop->writes);
}

/* A large item is read when nothing else is left to do, and at least every so many turns. */
static bool is_turn_of_large(struct loop *loop)
{
    if (list_is_empty(&loop->large)) return false;
    if (has_work(loop) && ++loop->turns_without_large < LOOP_TURNS_PER_LARGE) return false;
    loop->turns_without_large = 0;
    return true;
}

/* What can be done now, for at most a turn's time, all requests getting on by one step a round: a listing of a
 * million items must not keep the others, or SIGTERM, waiting. Then the writes that came up, together. */
static void pump(struct loop *loop)
{
    uint64_t ends_ms = clock_monotonic_ms() + LOOP_TURN_MS;
    while (has_work(loop) && clock_monotonic_ms() <= ends_ms) {
        if (!list_is_empty(&loop->stored)) tell_stored(loop);
        run_small_read(loop);
        if (!list_is_empty(&loop->sent)) tell_sent(loop);
        if (!list_is_empty(&loop->runnable)) run_client(loop);
        if (peers_have_news(&loop->peers)) peers_tell(&loop->peers);
    }
    if (is_turn_of_large(loop)) (void)run_read(loop, &loop->large, false);
    if (has_work(loop) || !list_is_empty(&loop->large)) {
        uv_idle_start(&loop->busy, on_busy);
    } else {
        uv_idle_stop(&loop->busy);
    }
    start_commit(loop);
    arm_deadline(loop);
    if (loop->is_draining && loop->clients_count == 0 && !loop->is_committing) uv_stop(&loop->uv);
}

static void on_turn_end(uv_check_t *check)
{
    pump(check->data);
}

static void on_deadline(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    struct event event = {.kind = EVENT_TIME};
    loop_step(loop, &event);
    pump(loop);
}

static void arm_deadline(struct loop *loop)
{
    uint64_t deadline_ms = node_deadline_ms(&loop->node);
    if (deadline_ms == UINT64_MAX) {
        uv_timer_stop(&loop->deadline);
        return;
    }
    uint64_t now_ms = clock_monotonic_ms();
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->deadline, on_deadline, deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}

/* --- the committer's answers ---------------------------------------------------------------------------- */

/* Was it done, and not refused? */
static bool is_done(const struct op *op)
{
    if (op->err != ERR_OK) return false;
    switch (op->kind) {
    case OP_WRITE: return op->write.outcome == OP_DONE;
    case OP_DOCS_WRITE:
    case OP_DOCS_MERGE: return !op->docs.is_refused;
    case OP_ADOPT: return !op->adopt->is_refused;
    case OP_BOOT: return true;
    case OP_READ:
    case OP_RANGE:
    case OP_INDEX:
    case OP_DOCS:
    case OP_CHECK: break;
    }
    return false;
}

/* The batch is back: the store's count of commits is nobody's but the loop's until the next one is lent. */
static void count_batch(struct loop *loop, const struct list *ops)
{
    struct service_gauges *gauges = node_gauges(&loop->node);
    gauges->store_syncs = loop->store->commits;
    for (const struct list *link = ops->next; link != ops; link = link->next) {
        const struct op *op = LIST_OWNER(link, const struct op, link);
        gauges->store_writes += is_done(op);
        if (op->err == ERR_IO) loop->failure = ERR_IO;
    }
    gauges->store_used_bytes = kv_lmdb_used_bytes(loop->kv);
}

static void on_commit_done(uv_async_t *async)
{
    struct loop *loop = async->data;
    struct list ops;
    list_init(&ops);
    if (!committer_take(&loop->committer, &ops)) return;
    loop->is_committing = false;
    count_batch(loop, &ops);
    if (loop->failure == ERR_IO) {
        /* The disk failed under a commit: nothing is acknowledged any more, not even this batch (H18). */
        log_event_text(loop->log, LOG_LEVEL_ERROR, "the disk failed; stopping without acknowledging", "data_dir",
                       loop->config->data_dir);
        list_move(&loop->finished, &ops);
        uv_stop(&loop->uv);
        return;
    }
    list_move(&loop->stored, &ops);
    pump(loop);
}

/* --- connections, time, signals ------------------------------------------------------------------------- */

/* Who has no deadline is not looked at, however many there are. */
static void sweep_clients(struct loop *loop, uint64_t now_ms)
{
    struct list due;
    list_init(&due);
    list_move(&due, &loop->watched);
    while (!list_is_empty(&due)) {
        struct client *client = LIST_OWNER(due.next, struct client, watched_link);
        list_remove(&client->watched_link);
        client_sweep(client, now_ms);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    uint64_t now_ms = clock_monotonic_ms();
    if (loop->is_draining && now_ms >= loop->drain_ends_ms) {
        log_event(loop->log, LOG_LEVEL_WARN, "connections cut: they did not end in time");
        uv_stop(&loop->uv);
        return;
    }
    sweep_clients(loop, now_ms);
    listener_resume(&loop->k2v);
    listener_resume(&loop->admin);
    listener_resume(&loop->peers.listener);
    pump(loop);
    loop->on_alive(loop);
}

static void drain(struct loop *loop)
{
    uint32_t slots = loop->node.requests.service.settings->connections_max;
    log_event(loop->log, LOG_LEVEL_INFO, "draining");
    loop->is_draining = true;
    loop->on_draining(loop);
    loop->drain_ends_ms = clock_monotonic_ms() + LOOP_DRAIN_MS - LOOP_SWEEP_MS;
    listener_close(&loop->k2v);
    listener_close(&loop->admin);
    peers_drain(&loop->peers);
    struct event event = {.kind = EVENT_DRAIN};
    loop_step(loop, &event);
    pump(loop);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (loop->clients[slot] != NULL) client_close_if_idle(loop->clients[slot]);
    }
    pump(loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    (void)number;
    if (loop->is_draining) {
        uv_stop(&loop->uv); /* asked twice: now */
    } else {
        drain(loop);
    }
}

/* SIGHUP is an operator's wish to read the settings again, or a terminal that was closed: a terminal that is gone
 * is no terminal any more. */
static void on_hangup(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    if (loop->has_terminal && !isatty(STDIN_FILENO)) {
        on_signal(handle, number);
    } else if (!loop->is_draining) {
        loop->on_reload(loop);
    }
}

void loop_forget(struct loop *loop, struct client *client)
{
    if (client->slot == UINT32_MAX) return;
    assert(loop->clients[client->slot] == client);
    loop->clients[client->slot] = NULL;
    loop->free_slots[loop->free_count++] = client->slot;
    loop->clients_count--;
    node_gauges(&loop->node)->connections = loop->clients_count;
    if (client->door == EVENT_DOOR_ADMIN) loop->admin_count--;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static void init_handles(struct loop *loop)
{
    uv_async_init(&loop->uv, &loop->commit_done, on_commit_done);
    loop->commit_done.data = loop;
    uv_check_init(&loop->uv, &loop->turn_end);
    loop->turn_end.data = loop;
    uv_check_start(&loop->turn_end, on_turn_end);
    uv_idle_init(&loop->uv, &loop->busy);
    uv_timer_init(&loop->uv, &loop->deadline);
    loop->deadline.data = loop;
    uv_timer_init(&loop->uv, &loop->sweep);
    loop->sweep.data = loop;
    uv_timer_start(&loop->sweep, on_sweep, LOOP_SWEEP_MS, LOOP_SWEEP_MS);
    uv_signal_init(&loop->uv, &loop->sigterm);
    loop->sigterm.data = loop;
    uv_signal_start(&loop->sigterm, on_signal, SIGTERM);
    uv_signal_init(&loop->uv, &loop->sigint);
    loop->sigint.data = loop;
    uv_signal_start(&loop->sigint, on_signal, SIGINT);
    uv_signal_init(&loop->uv, &loop->sighup);
    loop->sighup.data = loop;
    uv_signal_start(&loop->sighup, on_hangup, SIGHUP);
    loop->has_terminal = isatty(STDIN_FILENO);
}

static void on_k2v_connection(void *loop, int fd)
{
    client_create(loop, EVENT_DOOR_K2V, fd);
}

static void on_admin_connection(void *loop, int fd)
{
    client_create(loop, EVENT_DOOR_ADMIN, fd);
}

static void on_peer_event(void *loop, struct event *event)
{
    loop_step(loop, event);
}

static enum err open_listener(struct loop *loop, struct listener *listener, struct port *port,
                              void (*on_connection)(void *loop, int fd), char *message)
{
    return listener_open(listener, &loop->uv, loop->log, port, on_connection, loop, message);
}

static enum err open_listeners(struct loop *loop, char *message)
{
    const struct peers_owner owner = {.uv = &loop->uv,
                                      .log = loop->log,
                                      .buffer = loop->read_buffer,
                                      .buffer_bytes = sizeof loop->read_buffer,
                                      .on_event = on_peer_event,
                                      .self = loop};
    enum err err = open_listener(loop, &loop->k2v, &loop->ports->k2v, on_k2v_connection, message);
    if (err == ERR_OK) err = open_listener(loop, &loop->admin, &loop->ports->admin, on_admin_connection, message);
    if (err == ERR_OK) err = peers_open(&loop->peers, &owner, &loop->ports->rpc, message);
    return err;
}

static bool init_tables(struct loop *loop, const struct settings *settings)
{
    uint32_t slots = settings->connections_max;
    loop->clients = calloc(slots, sizeof(struct client *));
    loop->free_slots = calloc(slots, sizeof *loop->free_slots);
    if (loop->clients == NULL || loop->free_slots == NULL) return false;
    for (uint32_t i = 0; i < slots; i++)
        loop->free_slots[i] = slots - 1 - i;
    loop->free_count = slots;
    return true;
}

enum err loop_init(struct loop *loop, const struct config *config, struct log *log,
                   const struct settings *settings, struct store *store, struct kv_lmdb *kv,
                   struct loop_ports *ports, char *message)
{
    uint8_t seed[PRNG_SEED_BYTES];
    loop->config = config;
    loop->log = log;
    loop->store = store;
    loop->kv = kv;
    list_init(&loop->reads);
    list_init(&loop->large);
    list_init(&loop->writes);
    list_init(&loop->sent);
    list_init(&loop->runnable);
    list_init(&loop->finished);
    list_init(&loop->stored);
    list_init(&loop->watched);
    loop->ports = ports;
    effects_init(&loop->effects);
    snprintf(message, CONFIG_MESSAGE_BYTES, "out of memory");
    if (!json_memory_begin() || uv_loop_init(&loop->uv) != 0) return ERR_MEMORY;
    loop->has_uv = true;
    init_handles(loop);
    /* The first turn, which loads the documents, comes before the first connection is taken. */
    enum err err = open_listeners(loop, message);
    if (err != ERR_OK) return err;
    snprintf(message, CONFIG_MESSAGE_BYTES, "out of memory"); /* again: a listener may have used it */
    randombytes_buf(seed, sizeof seed);
    if (!init_tables(loop, settings) || !node_init(&loop->node, settings, store, seed)) return ERR_MEMORY;
    loop->input_budgets[EVENT_DOOR_K2V].memory = &loop->node.requests.service.memory;
    node_gauges(&loop->node)->store_map_bytes = kv_lmdb_map_bytes(kv);
    node_gauges(&loop->node)->store_used_bytes = kv_lmdb_used_bytes(kv);
    return committer_init(&loop->committer, store, &loop->commit_done);
}

void loop_run(struct loop *loop)
{
    struct event event = {.kind = EVENT_START};
    loop_step(loop, &event);
    if (loop->node.requests.startup == NULL) { /* not even the request that would load them could be made */
        log_failure(loop, ERR_MEMORY);
        stop(loop, ERR_MEMORY);
    }
    pump(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void leave_ports(struct loop *loop)
{
    listener_detach(&loop->k2v);
    listener_detach(&loop->admin);
    peers_close(&loop->peers);
    if (loop->wants_restart) return;
    port_close(&loop->ports->k2v);
    port_close(&loop->ports->admin);
    port_close(&loop->ports->rpc);
}

static void close_handle(uv_handle_t *handle, void *owner)
{
    (void)owner;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void loop_deinit(struct loop *loop)
{
    if (!loop->has_uv) return;
    uint32_t slots = loop->node.requests.service.settings == NULL
                         ? 0
                         : loop->node.requests.service.settings->connections_max;
    struct list ops;
    list_init(&ops);
    committer_deinit(&loop->committer, &ops);
    list_move(&ops, &loop->stored);
    list_move(&ops, &loop->finished);
    list_move(&ops, &loop->writes);
    list_move(&ops, &loop->reads);
    list_move(&ops, &loop->large);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (loop->clients[slot] != NULL) client_close(loop->clients[slot]);
    }
    while (!list_is_empty(&loop->watched)) /* those without a slot */
        client_close(LIST_OWNER(loop->watched.next, struct client, watched_link));
    for (struct list *link = ops.next; link != &ops; link = link->next)
        LIST_OWNER(link, struct op, link)->err = ERR_IO;
    answer_ops(loop, &ops);
    leave_ports(loop);
    uv_walk(&loop->uv, close_handle, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
        /* again: what was answered above may have asked to stop */
    }
    uv_loop_close(&loop->uv);
    if (slots > 0) node_deinit(&loop->node);
    free(loop->clients);
    free(loop->free_slots);
    loop->clients = NULL;
    loop->free_slots = NULL;
}
