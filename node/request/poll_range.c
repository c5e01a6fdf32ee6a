/* PollRange: everything of a range that the marker does not cover, at once or as soon as there is something.
 *
 *     SCANNING --found, or no marker--> answered, with the next marker
 *        |  ^
 *   nothing |  notify: scan the hull of what changed
 *        v  |
 *      WAITING --deadline, drain, and the writes then under way are told--> 304
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

/* What a scan remembers: in request->walk, hence nothing of it is held while the poll waits. */
struct scan {
    struct range range; /* the walk under way, over the whole interval or the hull */
    uint32_t page_at;   /* the next item of the page in scratch */
    struct range_place resume;
    struct hull changed;   /* while the scan is under way */
    struct hull scanned;   /* under scan: its keys bound the walk */
    struct crdt_seen next; /* what the client will be given, once the answer has begun */
    struct http_json_writer writer;
    uint64_t ceiling_counter;
    uint64_t ceiling_actor; /* our id when the scan began */
};

struct poll_range {
    struct op_key key;           /* its sort key is not used */
    struct op_interval interval; /* its ends lie in the request's arena */
    struct crdt_seen seen;       /* what the client brought */
    struct scan *scan;           /* NULL while waiting */
    struct poll poll;
    bool has_marker;
    bool is_late;
    bool has_items; /* the answer has begun */
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

/* What of the interval lies in the hull; the hull outlives it. */
static struct op_interval hull_cut(const struct hull *hull, const struct op_interval *interval)
{
    struct op_interval cut = *interval;
    struct span low = span_of(hull->low.bytes, hull->low_bytes);
    struct span high = span_of(hull->high.bytes, hull->high_bytes);
    if (span_compare(low, cut.low) > 0) {
        cut.low = low;
        cut.low_is_open = false;
    }
    if (!cut.has_high || span_compare(high, cut.high) < 0) {
        cut.high = high;
        cut.has_high = true;
        cut.high_is_in = true;
    }
    return cut;
}

/* --- scanning ------------------------------------------------------------------------------------------- */

static void ask(struct request *request)
{
    struct poll_range *work = request->work;
    request->op.kind = OP_RANGE;
    request->op.range = (struct op_range){
        .key = work->key, .interval = work->scan->range.interval, .items_max = OP_RANGE_ITEMS_MAX};
    request_store(request, false);
}

/* False when out of memory. */
static bool scan_take(struct request *request)
{
    struct poll_range *work = request->work;
    if (work->scan == NULL) work->scan = arena_alloc(&request->walk, sizeof *work->scan);
    return work->scan != NULL;
}

static void scan_begin(struct request *request, const struct op_interval *interval)
{
    struct poll_range *work = request->work;
    work->scan->range = (struct range){.interval = *interval};
    work->scan->ceiling_counter = request->service->actor.last_counter;
    work->scan->ceiling_actor = request->service->actor.id;
    ask(request);
}

/* Only what changed. */
static void scan_changed(struct request *request)
{
    struct poll_range *work = request->work;
    work->scan->scanned = work->scan->changed;
    work->scan->changed.has_keys = false;
    const struct op_interval cut = hull_cut(&work->scan->scanned, &work->interval);
    scan_begin(request, &cut);
}

static bool is_listed(const uint64_t *ids, uint32_t count, uint64_t id)
{
    bool is_found = false;
    for (uint32_t i = 0; i < count && !is_found; i++)
        is_found = ids[i] == id;
    return is_found;
}

/* Our own column is believed up to the ceiling only; all we ever had when our id changed during the scan. */
static void clip(struct crdt_vclock *context, const struct scan *scan, uint64_t current, const uint64_t *own,
                 uint32_t own_count)
{
    bool has_changed = scan->ceiling_actor != current;
    for (uint32_t i = 0; i < context->count; i++) {
        struct crdt_dot *dot = &context->entries[i];
        bool is_open = dot->actor == current || (has_changed && is_listed(own, own_count, dot->actor));
        if (is_open && dot->counter > scan->ceiling_counter) dot->counter = scan->ceiling_counter;
    }
}

/* Does the marker's clock cover all of the context but what our own ids raise? Then nothing of it is kept apart.
 */
static bool is_covered(const struct scan *scan, const struct crdt_vclock *context, const uint64_t *own,
                       uint32_t own_count)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const struct crdt_dot *dot = &context->entries[i];
        bool is_new = dot->counter > crdt_vclock_get(&scan->next.clock, dot->actor);
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
    struct scan *scan = ((struct poll_range *)request->work)->scan;
    const struct actor *actor = &request->service->actor;
    uint64_t own[ACTOR_FORMER_MAX + 1];
    uint32_t own_count = actor_ids(actor, own);
    clip(&context, scan, actor->id, own, own_count);
    if (!is_covered(scan, &context, own, own_count) && !copy_for_marker(request, &sort_key, &context))
        return false;
    crdt_seen_absorb(&scan->next, own, own_count, sort_key.bytes, sort_key.length, &context);
    return true;
}

/* The range's interval as the marker has it: [low, high). */
static struct crdt_interval interval_of(const struct op_interval *interval)
{
    return (struct crdt_interval){interval->low.bytes, interval->low.length, interval->high.bytes,
                                  interval->high.length, interval->has_high};
}

/* The answer begins, and with it the next marker. False when out of memory. */
static bool write_begin(struct request *request)
{
    struct poll_range *work = request->work;
    struct scan *scan = work->scan;
    const struct crdt_interval interval = interval_of(&work->interval);
    if (work->has_items) return true;
    bool has_next = work->has_marker ? marker_copy(&work->seen, &request->arena, &scan->next)
                                     : marker_begin(&interval, &request->arena, &scan->next);
    if (!has_next) return false;
    work->has_items = true;
    answer_stream_begin(request, &scan->writer);
    http_json_begin_object(&scan->writer);
    http_json_name(&scan->writer, "items");
    http_json_begin_array(&scan->writer);
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
    return write_begin(request) && item_write(request, &work->scan->writer, &key, &item->state) &&
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
    if (write_begin(request))
        marker = marker_write(request->service, &work->key, &work->scan->next, &request->arena);
    if (marker.at == NULL) {
        fail(request, ERR_MEMORY);
        return;
    }
    finish(request);
    http_json_end_array(&work->scan->writer);
    http_json_name(&work->scan->writer, "seenMarker");
    http_json_string(&work->scan->writer, marker);
    http_json_end_object(&work->scan->writer);
    answer_stream_end(request);
}

static void answer_nothing_new(struct request *request)
{
    finish(request);
    answer_empty(request, 304, (struct http_span){NULL, 0}, NULL);
}

/* A waiting poll holds its own block only. */
static void wait_on(struct request *request)
{
    struct poll_range *work = request->work;
    work->scan = NULL;
    arena_deinit(&request->walk);
    arena_deinit(&request->scratch);
}

static void scan_ended(struct request *request)
{
    struct poll_range *work = request->work;
    bool is_late = work->is_late || request->service->is_draining;
    if (work->has_items || !work->has_marker) {
        answer_items(request);
    } else if (work->scan->changed.has_keys) {
        scan_changed(request);
    } else if (is_late && polls_is_over(&work->poll)) {
        answer_nothing_new(request);
    } else {
        wait_on(request);
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
    range_resume(&work->scan->range, page->items[page->items_count - 1].sort_key, &work->scan->resume);
    ask(request);
}

/* Go on with the page in scratch; a full piece goes out first. */
static void walk(struct request *request)
{
    struct poll_range *work = request->work;
    const struct op_range *page = &request->op.range;
    while (work->scan->page_at < page->items_count) {
        if (work->has_items && answer_stream_is_full(request)) {
            answer_stream_flush(request);
            return;
        }
        if (!take_item(request, &page->items[work->scan->page_at++])) {
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
    work->scan->page_at = 0;
    walk(request);
}

static void on_sent(struct request *request)
{
    answer_stream_sent(request);
    walk(request);
}

/* All that one op changed comes at once, so the hull has all that the ceiling of the scan that follows covers. */
static void on_notify(struct request *request, struct span low, struct span high)
{
    struct poll_range *work = request->work;
    if (!scan_take(request)) {
        fail(request, ERR_MEMORY);
        return;
    }
    hull_add(&work->scan->changed, low);
    hull_add(&work->scan->changed, high);
    if (!request->op_is_out && !work->has_items) scan_changed(request);
}

static void on_late(struct request *request)
{
    struct poll_range *work = request->work;
    bool is_subscribed = work->poll.interval != NULL; /* else not even the body has come */
    work->is_late = true;
    if (request->op_is_out || work->has_items) return; /* a scan is under way: its end looks at this again */
    if (!is_subscribed || polls_is_over(&work->poll)) answer_nothing_new(request);
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
    const struct crdt_interval interval = interval_of(&work->interval);
    bool is_memory = false;
    work->has_marker = text.at != NULL;
    if (!work->has_marker || marker_read(request->service, &work->key, &interval, text, &request->arena,
                                         &request->scratch, &work->seen, &is_memory)) {
        return true;
    }
    if (is_memory) {
        answer_err(request, ERR_MEMORY);
    } else {
        answer_error(request, 400, "InvalidRequest", "seenMarker is no marker of this partition and range");
    }
    return false;
}

static bool keep_key(struct request *request, struct span *key)
{
    key->bytes = arena_copy(&request->arena, key->bytes, key->length);
    return key->bytes != NULL;
}

/* The interval, without anything of the body, which is gone when the poll waits. */
static bool read_interval(struct request *request, const struct http_json_poll *query)
{
    struct poll_range *work = request->work;
    struct range_query texts = {.prefix = query->prefix, .start = query->start, .end = query->end};
    struct range range;
    char message[AUTH_MESSAGE_CHARS];
    enum range_verdict verdict = range_init_poll(&range, &texts, &request->scratch, message);
    if (verdict == RANGE_REFUSED) {
        answer_error(request, 400, "InvalidRequest", message);
        return false;
    }
    work->interval = range.interval;
    if (verdict == RANGE_OK && keep_key(request, &work->interval.low) && keep_key(request, &work->interval.high))
        return true;
    answer_err(request, ERR_MEMORY);
    return false;
}

static void begin_waiting(struct request *request, const struct http_json_poll *query)
{
    struct poll_range *work = request->work;
    if (!scan_take(request)) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    keys_hash(request->service->hash_key, request->bucket_id, work->key.partition_key, work->poll.hash);
    work->poll.is_range = true;
    work->poll.interval = &work->interval;
    polls_start_timer(request, query->has_timeout, query->timeout_s);
    polls_subscribe(request->service, &work->poll);
    scan_begin(request, &work->interval);
}

static void on_body(struct request *request)
{
    struct http_json_poll query;
    char message[AUTH_MESSAGE_CHARS];
    if (!http_json_read_poll((char *)request->body, request->body_bytes, &query, message)) {
        answer_error(request, 400, "InvalidRequest", message);
        return;
    }
    if (read_interval(request, &query) && read_marker(request, query.seen_marker)) begin_waiting(request, &query);
}

static const struct request_calls calls = {.on_body = on_body,
                                           .on_stored = on_stored,
                                           .on_sent = on_sent,
                                           .on_notify = on_notify,
                                           .on_time = on_late,
                                           .on_drain = on_late,
                                           .on_over = on_over};

void poll_range_begin(struct request *request, const struct http_route *route, const struct auth_payload *promised)
{
    struct poll_range *work = operation_work(request, sizeof *work, &calls);
    if (work == NULL) return;
    polls_init_poll(&work->poll, request);
    if (!operation_key(request, route, &work->key)) return;
    request->body_is_brief = true;
    request_read_body(request, promised, LIMITS_POLL_BODY_BYTES_MAX);
}
