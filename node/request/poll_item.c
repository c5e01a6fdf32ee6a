/* PollItem: answer as ReadItem as soon as the item is newer than the client's token.
 *
 *     READING --newer--> answered            notify while READING: read once more
 *        |  ^                                deadline or drain:    read once more, then 304
 *   not newer notify
 *        v  |
 *      WAITING
 *
 * What is committed before the deadline is delivered, though its notification may still be on its way (I16).
 */
#include "node/request/item.h"
#include "node/request/operations.h"
#include "node/request/polls.h"

struct poll_item {
    struct op_key key;
    enum item_form form;
    struct crdt_vclock token;
    struct poll poll;
    bool is_dirty; /* a change came while a read was under way */
    bool is_late;  /* the deadline or the drain came */
};

static void read_item(struct request *request)
{
    struct poll_item *work = request->work;
    work->is_dirty = false;
    request->op.kind = OP_READ;
    request->op.read = (struct op_read){.key = work->key};
    request_store(request, false);
}

static void finish(struct request *request)
{
    struct poll_item *work = request->work;
    polls_unsubscribe(&work->poll);
    timers_remove(&request->service->timers, &request->timer);
}

static void answer_nothing_new(struct request *request)
{
    finish(request);
    answer_empty(request, 304, (struct http_span){NULL, 0}, NULL);
}

/* Does the item show something the token does not cover? */
static bool is_news(struct request *request, enum err *err)
{
    struct poll_item *work = request->work;
    const struct op_read *read = &request->op.read;
    struct crdt_vclock context;
    if (!read->has_item) return false;
    if (!item_context(&read->state, &request->scratch, &context)) {
        *err = ERR_MEMORY;
        return false;
    }
    return crdt_vclock_is_newer(&context, &work->token);
}

static void on_stored(struct request *request)
{
    struct poll_item *work = request->work;
    enum err err = request->op.err;
    bool is_newer = err == ERR_OK && is_news(request, &err);
    if (err != ERR_OK) {
        finish(request);
        answer_err(request, err);
    } else if (is_newer && !polls_is_allowed(request)) {
        finish(request);
        answer_error(request, 403, "AccessDenied", "this key may not read this bucket any more");
    } else if (is_newer) {
        finish(request);
        item_answer(request, work->form, &work->key, true, &request->op.read.state);
    } else if (work->is_dirty) {
        read_item(request);
    } else if (work->is_late || request->service->is_draining) {
        answer_nothing_new(request);
    } else {
        arena_deinit(&request->scratch); /* a waiting poll holds its own block only */
    }
}

static void read_again(struct request *request)
{
    struct poll_item *work = request->work;
    if (request->op_is_out) {
        work->is_dirty = true;
    } else {
        read_item(request);
    }
}

static void on_notify(struct request *request, struct span low, struct span high)
{
    (void)low;
    (void)high;
    read_again(request);
}

static void on_late(struct request *request)
{
    struct poll_item *work = request->work;
    work->is_late = true;
    read_again(request);
}

static void on_over(struct request *request)
{
    struct poll_item *work = request->work;
    polls_unsubscribe(&work->poll);
}

static const struct request_calls calls = {
    .on_stored = on_stored, .on_notify = on_notify, .on_time = on_late, .on_drain = on_late, .on_over = on_over};

void poll_item_begin(struct request *request, const struct http_head *head, const struct http_route *route)
{
    bool is_memory = false;
    struct poll_item *work = operation_work(request, sizeof *work, &calls);
    if (work == NULL) return;
    polls_init_poll(&work->poll, request);
    if (!operation_key(request, route, &work->key)) return;
    work->form = item_form_of(head);
    if (work->form == ITEM_FORM_NONE) {
        answer_error(request, 406, "NotAcceptable",
                     "Accept names neither application/json nor application/octet-stream");
        return;
    }
    if (!item_token_read(request->service, &work->key, route->causality_token, &request->arena, &work->token,
                         &is_memory)) {
        if (is_memory) {
            answer_err(request, ERR_MEMORY);
        } else {
            answer_error(request, 400, "InvalidRequest", "causality_token is no token of this item");
        }
        return;
    }
    keys_hash(request->service->hash_key, request->bucket_id, work->key.partition_key, work->poll.hash);
    work->poll.sort_key = work->key.sort_key;
    polls_start_timer(request, route->has_timeout, route->timeout_s);
    polls_subscribe(request->service, &work->poll);
    read_item(request);
}
