/* Effects carried out, reads and writes of the store, and how much of it one turn does. */
#include "node/edge/turn.h"

#include "node/edge/client.h"
#include "node/edge/clock.h"
#include "node/edge/json_memory.h"

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

static void stop(struct loop *loop, enum err failure)
{
    if (loop->failure == ERR_OK) loop->failure = failure;
    uv_stop(&loop->uv);
}

void turn_fail(struct loop *loop, enum err err)
{
    struct log_line line;
    log_begin(&line, loop->log, LOG_LEVEL_ERROR, "cannot load the buckets and keys");
    log_text(&line, "why", err_name(err));
    log_text(&line, "data_dir", loop->config->data_dir);
    log_end(&line);
    stop(loop, err);
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
    case EFFECT_FAILED: turn_fail(loop, effect->err); return;
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

void turn_step(struct loop *loop, struct event *event)
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

void turn_answer(struct loop *loop, struct list *ops)
{
    while (!list_is_empty(ops)) {
        struct op *op = LIST_OWNER(ops->next, struct op, link);
        list_remove(&op->link);
        rot_log_op(&loop->rot_log, loop->log, op);
        struct event event = {.kind = EVENT_STORED, .op = op};
        turn_step(loop, &event);
    }
}

/* One write is durable: its writer is answered, and who polls is told, which may be a thousand. */
static void tell_stored(struct loop *loop)
{
    struct op *op = LIST_OWNER(loop->stored.next, struct op, link);
    list_remove(&op->link);
    rot_log_op(&loop->rot_log, loop->log, op);
    struct event event = {.kind = EVENT_STORED, .op = op};
    turn_step(loop, &event);
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
        turn_answer(loop, &one);
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
    turn_step(loop, &event);
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
void turn_run(struct loop *loop)
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

static void on_deadline(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    struct event event = {.kind = EVENT_TIME};
    turn_step(loop, &event);
    turn_run(loop);
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

void turn_on_commit_done(uv_async_t *async)
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
    turn_run(loop);
}
