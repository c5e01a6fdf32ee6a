/* PollRange: everything of a range that the marker does not cover, at once or as soon as there is something.
 *
 *     SCANNING --found, or no marker--> answered, with the next marker
 *        |  ^
 *   nothing |  notify: scan the hull of what changed
 *        v  |
 *      WAITING --deadline, drain--> 304
 *
 * The next marker's clock never passes `ceiling_counter`, the last dot whose change had been announced when the
 * scan began: all up to it is in what the scan reads, and what is above comes again or comes later, but is not
 * missed (H9, I17). A node that takes another id goes on with its counters, so the ceiling holds for the ids that
 * were its own while the scan was under way.
 */
#include "node/request/item.h"
#include "node/request/marker.h"
#include "node/request/operations.h"
#include "node/request/polls.h"
#include "node/request/range.h"

/* The lowest and the highest key of some changes. */
struct hull {
    bool has_keys;
    struct range_place low, high;
    size_t low_bytes, high_bytes;
};

/* The keys that scans remember. A poll that waits has none: they are made when first needed. */
struct places {
    struct range_place resume;
    struct hull changed; /* while a scan was under way or while waiting */
    struct hull scanned; /* under scan: its keys bound the walk */
};

struct poll_range {
    struct op_key key; /* its sort key is not used */
    struct range range;
    struct range scan;     /* the walk under way, over the range or the hull */
    uint32_t page_at;      /* the next item of the page in scratch */
    struct places *places; /* NULL until needed */
    bool has_changed;      /* something did since the scan began */
    bool has_lost_keys;    /* there was no memory to say what */
    struct crdt_interval interval;
    struct crdt_seen seen; /* what the client brought */
    struct crdt_seen next; /* what it will be given, once the answer has begun */
    bool has_marker;
    uint64_t ceiling_counter;
    uint64_t ceiling_actor; /* our id when the scan began */
    struct poll poll;
    bool is_late;
    bool has_items; /* the answer has begun */
    struct http_json_writer writer;
};

/* --- the hull ------------------------------------------------------------------------------------------- */

static void place_set(struct range_place *place, size_t *bytes, struct span key)
{
    if (key.length > 0) memcpy(place->bytes, key.bytes, key.length);
    *bytes = key.length;
}

static void hull_add(struct hull *hull, struct span key)
{
    bool is_lowest = !hull->has_keys || span_compare(key, span_of(hull->low.bytes, hull->low_bytes)) < 0;
    bool is_highest = !hull->has_keys || span_compare(key, span_of(hull->high.bytes, hull->high_bytes)) > 0;
    if (is_lowest) place_set(&hull->low, &hull->low_bytes, key);
    if (is_highest) place_set(&hull->high, &hull->high_bytes, key);
    hull->has_keys = true;
}

/* NULL when out of memory. */
static struct places *places_of(struct request *request)
{
    struct poll_range *work = request->work;
    if (work->places == NULL) work->places = arena_alloc(&request->arena, sizeof *work->places);
    return work->places;
}

static void note_change(struct request *request, struct span sort_key)
{
    struct poll_range *work = request->work;
    struct places *places = places_of(request);
    work->has_changed = true;
    if (places == NULL) {
        work->has_lost_keys = true;
    } else {
        hull_add(&places->changed, sort_key);
    }
}

/* --- scanning ------------------------------------------------------------------------------------------- */

static void ask(struct request *request)
{
    struct poll_range *work = request->work;
    request->op.kind = OP_RANGE;
    request->op.range = (struct op_range){
        .key = work->key, .interval = work->scan.interval, .items_max = OP_RANGE_ITEMS_MAX};
    request_store(request, false);
}

static void set_ceiling(struct request *request)
{
    struct poll_range *work = request->work;
    work->ceiling_counter = request->service->actor.last_counter;
    work->ceiling_actor = request->service->actor.id;
}

static void scan_begin(struct request *request)
{
    struct poll_range *work = request->work;
    work->scan = work->range;
    set_ceiling(request);
    ask(request);
}

/* Only what changed; all when nobody remembers what. */
static void scan_changed(struct request *request)
{
    struct poll_range *work = request->work;
    bool is_known = !work->has_lost_keys;
    work->has_changed = false;
    work->has_lost_keys = false;
    if (work->places != NULL) {
        work->places->scanned = work->places->changed;
        work->places->changed.has_keys = false;
    }
    if (!is_known) {
        scan_begin(request);
        return;
    }
    const struct hull *hull = &work->places->scanned;
    work->scan = work->range;
    work->scan.interval = (struct op_interval){.low = span_of(hull->low.bytes, hull->low_bytes),
                                               .high = span_of(hull->high.bytes, hull->high_bytes),
                                               .has_high = true,
                                               .high_is_in = true};
    set_ceiling(request);
    ask(request);
}

static bool is_listed(const uint64_t *ids, uint32_t count, uint64_t id)
{
    bool is_found = false;
    for (uint32_t i = 0; i < count && !is_found; i++)
        is_found = ids[i] == id;
    return is_found;
}

/* Our own column is believed up to the ceiling only; all we ever had when our id changed during the scan. */
static void clip(struct crdt_vclock *context, const struct poll_range *work, uint64_t current, const uint64_t *own,
                 uint32_t own_count)
{
    bool has_changed = work->ceiling_actor != current;
    for (uint32_t i = 0; i < context->count; i++) {
        struct crdt_dot *dot = &context->entries[i];
        bool is_open = dot->actor == current || (has_changed && is_listed(own, own_count, dot->actor));
        if (is_open && dot->counter > work->ceiling_counter) dot->counter = work->ceiling_counter;
    }
}

/* Does the marker's clock cover all of the context but what our own ids raise? Then nothing of it is kept apart.
 */
static bool is_covered(const struct poll_range *work, const struct crdt_vclock *context, const uint64_t *own,
                       uint32_t own_count)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const struct crdt_dot *dot = &context->entries[i];
        bool is_new = dot->counter > crdt_vclock_get(&work->next.clock, dot->actor);
        if (is_new && !is_listed(own, own_count, dot->actor)) return false;
    }
    return true;
}

/* The marker borrows what it keeps of an item, which must outlive the page: only an item that another node
 * coordinated needs the copies. */
static bool copy_for_marker(struct request *request, struct span *sort_key, struct crdt_vclock *context)
{
    uint8_t *key = arena_copy(&request->arena, sort_key->bytes, sort_key->length);
    struct crdt_dot *dots = arena_take_array(&request->arena, (size_t)context->count + 1, sizeof *dots);
    if (key == NULL || dots == NULL) return false;
    memcpy(dots, context->entries, context->count * sizeof *dots);
    context->entries = dots;
    sort_key->bytes = key;
    return true;
}

static bool absorb(struct request *request, struct span sort_key, struct crdt_vclock context)
{
    struct poll_range *work = request->work;
    const struct actor *actor = &request->service->actor;
    uint64_t own[ACTOR_FORMER_MAX + 1];
    uint32_t own_count = actor_ids(actor, own);
    clip(&context, work, actor->id, own, own_count);
    if (!is_covered(work, &context, own, own_count) && !copy_for_marker(request, &sort_key, &context))
        return false;
    crdt_seen_absorb(&work->next, own, own_count, sort_key.bytes, sort_key.length, &context);
    return true;
}

/* The answer begins, and with it the next marker. False when out of memory. */
static bool write_begin(struct request *request)
{
    struct poll_range *work = request->work;
    if (work->has_items) return true;
    bool has_next = work->has_marker ? marker_copy(&work->seen, &request->arena, &work->next)
                                     : marker_begin(&work->interval, &request->arena, &work->next);
    if (!has_next) return false;
    work->has_items = true;
    answer_stream_begin(request, &work->writer);
    http_json_begin_object(&work->writer);
    http_json_name(&work->writer, "items");
    http_json_begin_array(&work->writer);
    return true;
}

static bool take_item(struct request *request, const struct op_range_item *item)
{
    struct poll_range *work = request->work;
    struct crdt_vclock context;
    if (!item_context(&item->state, &request->scratch, &context)) return false;
    bool is_new = !work->has_marker ||
                  crdt_seen_is_new(&work->seen, item->sort_key.bytes, item->sort_key.length, &context);
    if (!is_new || item->state.writes_count == 0) return true;
    struct op_key key = work->key;
    key.sort_key = item->sort_key;
    return write_begin(request) && item_write(request, &work->writer, &key, &item->state) &&
           absorb(request, item->sort_key, context);
}

/* --- ends ----------------------------------------------------------------------------------------------- */

static void finish(struct request *request)
{
    struct poll_range *work = request->work;
    polls_unsubscribe(&work->poll);
    timers_remove(&request->service->timers, &request->timer);
}

static void fail(struct request *request, enum err err)
{
    finish(request);
    answer_err(request, err);
}

static void answer_items(struct request *request)
{
    struct poll_range *work = request->work;
    struct http_span marker = {NULL, 0};
    if (write_begin(request)) marker = marker_write(request->service, &work->key, &work->next, &request->arena);
    if (marker.at == NULL) {
        fail(request, ERR_MEMORY);
        return;
    }
    finish(request);
    http_json_end_array(&work->writer);
    http_json_name(&work->writer, "seenMarker");
    http_json_string(&work->writer, marker);
    http_json_end_object(&work->writer);
    answer_stream_end(request);
}

static void answer_nothing_new(struct request *request)
{
    finish(request);
    answer_empty(request, 304, (struct http_span){NULL, 0}, NULL);
}

static void scan_ended(struct request *request)
{
    struct poll_range *work = request->work;
    if (work->has_items || !work->has_marker) {
        answer_items(request);
    } else if (work->has_changed) {
        scan_changed(request);
    } else if (work->is_late || request->service->is_draining) {
        answer_nothing_new(request);
    } else {
        arena_deinit(&request->scratch); /* a waiting poll holds its own blocks only */
    }
}

/* --- what comes ----------------------------------------------------------------------------------------- */

static void page_ended(struct request *request)
{
    struct poll_range *work = request->work;
    const struct op_range *page = &request->op.range;
    if (page->is_end) {
        scan_ended(request);
        return;
    }
    struct places *places = places_of(request);
    if (places == NULL) {
        fail(request, ERR_MEMORY);
        return;
    }
    range_resume(&work->scan, page->items[page->items_count - 1].sort_key, &places->resume);
    ask(request);
}

/* Go on with the page in scratch; a full piece goes out first. */
static void walk(struct request *request)
{
    struct poll_range *work = request->work;
    const struct op_range *page = &request->op.range;
    while (work->page_at < page->items_count) {
        if (work->has_items && answer_stream_is_full(request)) {
            answer_stream_flush(request);
            return;
        }
        if (!take_item(request, &page->items[work->page_at++])) {
            fail(request, ERR_MEMORY);
            return;
        }
    }
    page_ended(request);
}

static void on_stored(struct request *request)
{
    struct poll_range *work = request->work;
    if (request->op.err != ERR_OK) {
        fail(request, request->op.err);
        return;
    }
    if (!work->has_items && !polls_is_allowed(request)) {
        finish(request);
        answer_error(request, 403, "AccessDenied", "this key may not read this bucket any more");
        return;
    }
    work->page_at = 0;
    walk(request);
}

static void on_sent(struct request *request)
{
    answer_stream_sent(request);
    walk(request);
}

static void on_notify(struct request *request, struct span sort_key)
{
    struct poll_range *work = request->work;
    note_change(request, sort_key);
    if (!request->op_is_out && !work->has_items) polls_wake_later(&work->poll);
}

/* Only now: the ceiling covers the whole op, so all of its keys must be in the hull. */
static void on_wake(struct request *request)
{
    scan_changed(request);
}

static void on_late(struct request *request)
{
    struct poll_range *work = request->work;
    if (request->op_is_out || work->has_items) {
        work->is_late = true;
    } else {
        answer_nothing_new(request);
    }
}

static void on_over(struct request *request)
{
    struct poll_range *work = request->work;
    polls_unsubscribe(&work->poll);
}

/* --- the body ------------------------------------------------------------------------------------------- */

static bool read_marker(struct request *request, struct http_span text)
{
    struct poll_range *work = request->work;
    bool is_memory = false;
    work->has_marker = text.at != NULL;
    if (!work->has_marker || marker_read(request->service, &work->key, &work->interval, text, &request->arena,
                                         &work->seen, &is_memory)) {
        return true;
    }
    if (is_memory) {
        answer_err(request, ERR_MEMORY);
    } else {
        answer_error(request, 400, "InvalidRequest", "seenMarker is no marker of this partition and range");
    }
    return false;
}

/* The range's interval as the marker has it: [low, high). */
static void set_interval(struct poll_range *work)
{
    const struct op_interval *interval = &work->range.interval;
    work->interval = (struct crdt_interval){interval->low.bytes, interval->low.length, interval->high.bytes,
                                            interval->high.length, interval->has_high};
}

static void begin_waiting(struct request *request, const struct http_json_poll *query)
{
    struct poll_range *work = request->work;
    keys_hash(request->service->hash_key, request->bucket_id, work->key.partition_key, work->poll.hash);
    work->poll.is_range = true;
    work->poll.interval = &work->range.interval;
    polls_start_timer(request, query->has_timeout, query->timeout_s);
    polls_subscribe(request->service, &work->poll);
    scan_begin(request);
}

static void on_body(struct request *request)
{
    struct poll_range *work = request->work;
    struct http_json_poll query;
    char message[AUTH_MESSAGE_CHARS];
    if (!http_json_read_poll((char *)request->body, request->body_bytes, &query, message)) {
        answer_error(request, 400, "InvalidRequest", message);
        return;
    }
    struct range_query texts = {.prefix = query.prefix, .start = query.start, .end = query.end};
    switch (range_init_poll(&work->range, &texts, &request->arena, message)) {
    case RANGE_OK: break;
    case RANGE_REFUSED: answer_error(request, 400, "InvalidRequest", message); return;
    case RANGE_MEMORY: answer_err(request, ERR_MEMORY); return;
    }
    set_interval(work);
    if (read_marker(request, query.seen_marker)) begin_waiting(request, &query);
}

static const struct request_calls calls = {.on_body = on_body,
                                           .on_stored = on_stored,
                                           .on_sent = on_sent,
                                           .on_notify = on_notify,
                                           .on_wake = on_wake,
                                           .on_time = on_late,
                                           .on_drain = on_late,
                                           .on_over = on_over};

void poll_range_begin(struct request *request, const struct http_route *route, const struct auth_payload *promised)
{
    struct poll_range *work = operation_work(request, sizeof *work, &calls);
    if (work == NULL) return;
    polls_init_poll(&work->poll, request);
    if (!operation_key(request, route, &work->key)) return;
    request_read_body(request, promised, LIMITS_POLL_BODY_BYTES_MAX);
}
