/* The admin door: token, route, turn, change, answer. */
#include "node/request/admin.h"

#include "node/request/admin_change.h"
#include "node/request/admin_check.h"
#include "node/request/admin_cluster.h"
#include "node/request/admin_layout.h"
#include "node/request/admin_show.h"
#include "node/request/admin_stats.h"

#include <assert.h>
#include <sodium/utils.h>

struct admin {
    struct admin_turn turn; /* first */
    struct admin_body body;
    struct admin_change change;
    bool is_change;
    bool shows_bucket; /* after the totals: show; else they are for a deletion */
    bool shows_secret;
    struct admin_totals totals;
    struct range_rest {
        uint8_t bytes[KEYS_PARTITION_KEY_BYTES_MAX];
        size_t length;
        bool is_set;
    } rest; /* where the totals go on */
};

static const struct http_span no_token = {NULL, 0};

/* --- answers -------------------------------------------------------------------------------------------- */

static void show(struct request *request, void (*write)(const struct service *, struct http_json_writer *))
{
    struct http_json_writer writer;
    answer_stream_begin(request, &writer);
    write(request->service, &writer);
    answer_json(request, 200, no_token);
}

static void show_metrics(struct request *request)
{
    struct http_json_writer writer;
    answer_stream_begin(request, &writer);
    admin_stats_metrics(request->service, &request->out);
    if (request->out.failed) {
        answer_err(request, ERR_MEMORY);
    } else {
        answer_bytes(request, 200, no_token, ADMIN_METRICS_TYPE, span_of(request->out.bytes, request->out.used));
    }
}

static void show_bucket(struct request *request, const struct admin_totals *totals)
{
    struct admin *admin = request->work;
    struct document_bucket bucket;
    struct http_json_writer writer;
    if (!view_bucket(request->service->view, admin->change.bucket_id, &bucket)) {
        answer_error(request, 404, "NoSuchBucket", "there is no such bucket");
        return;
    }
    answer_stream_begin(request, &writer);
    admin_show_bucket(request->service, &writer, &bucket, totals);
    answer_json(request, 200, no_token);
}

/* The key's plain secret, in the request's arena; absent when it cannot be had. */
static struct span open_secret(struct request *request, const struct document_key *key)
{
    const struct span none = {NULL, 0};
    if (key->sealed_secret.length < SEAL_OVERHEAD_BYTES) return none;
    size_t length = key->sealed_secret.length - SEAL_OVERHEAD_BYTES;
    uint8_t *secret = arena_alloc(&request->arena, length + 1);
    if (secret == NULL || !seal_open(request->service->documents_key, key->id, key->sealed_secret, secret))
        return none;
    return span_of(secret, length);
}

static void show_key(struct request *request, bool shows_secret)
{
    struct admin *admin = request->work;
    struct document_key key;
    struct http_json_writer writer;
    if (!view_key(request->service->view, admin->change.key_id, &key)) {
        answer_error(request, 404, "NoSuchKey", "there is no key of this id");
        return;
    }
    answer_stream_begin(request, &writer);
    admin_show_key(request->service, &writer, &key,
                   shows_secret ? open_secret(request, &key) : (struct span){NULL, 0});
    answer_json(request, 200, no_token);
}

static void answer_changed(struct request *request)
{
    struct admin *admin = request->work;
    switch (admin->change.action) {
    case ADMIN_BUCKET_CREATE:
    case ADMIN_BUCKET_PERMISSIONS:
    case ADMIN_ALIAS_ADD:
    case ADMIN_ALIAS_REMOVE:
    case ADMIN_CORS_SET: show_bucket(request, NULL); break;
    case ADMIN_KEY_CREATE: show_key(request, true); break;
    case ADMIN_KEY_RENAME: show_key(request, false); break;
    case ADMIN_BUCKET_DELETE:
    case ADMIN_KEY_DELETE: answer_empty(request, 204, no_token, NULL); break;
    }
}

/* --- the turn ------------------------------------------------------------------------------------------- */

static void begin_turn(struct request *request)
{
    const struct admin_turn *turn = request->work;
    request->service->admin_turn = request;
    turn->begin(request);
}

void admin_end_turn(struct request *request)
{
    struct service *service = request->service;
    if (service->admin_turn != request) return;
    service->admin_turn = NULL;
    if (list_is_empty(&service->admin_queue)) return;
    struct request *next = LIST_OWNER(service->admin_queue.next, struct request, turn_link);
    list_remove(&next->turn_link);
    begin_turn(next);
}

void admin_take_turn(struct request *request)
{
    struct service *service = request->service;
    if (service->admin_turn != NULL) {
        list_append(&service->admin_queue, &request->turn_link);
    } else {
        begin_turn(request);
    }
}

void admin_forget(struct request *request)
{
    list_remove(&request->turn_link);
    admin_end_turn(request);
}

/* --- totals of a bucket --------------------------------------------------------------------------------- */

static void ask_totals(struct request *request)
{
    struct admin *admin = request->work;
    struct op_interval interval = {.low = span_of(admin->rest.bytes, admin->rest.length),
                                   .low_is_open = admin->rest.is_set};
    request->op.kind = OP_INDEX;
    request->op.index = (struct op_index){
        .bucket_id = admin->change.bucket_id, .interval = interval, .rows_max = OP_RANGE_ITEMS_MAX};
    request_store(request, false);
}

static void add_totals(struct admin *admin, const struct op_index *page)
{
    for (uint32_t i = 0; i < page->rows_count; i++) {
        const struct crdt_tally *tally = &page->rows[i].tally;
        admin->totals.partitions++;
        admin->totals.tally.entries += tally->entries;
        admin->totals.tally.conflicts += tally->conflicts;
        admin->totals.tally.values += tally->values;
        admin->totals.tally.bytes += tally->bytes;
    }
    if (page->is_end) return;
    assert(page->last.length <= sizeof admin->rest.bytes);
    memcpy(admin->rest.bytes, page->last.bytes, page->last.length);
    admin->rest.length = page->last.length;
    admin->rest.is_set = true;
}

/* --- changes -------------------------------------------------------------------------------------------- */

/* The turn is ours. */
static void begin_change(struct request *request)
{
    struct admin *admin = request->work;
    struct admin_change *change = &admin->change;
    admin_change_plan(request->service, &admin->body, &request->arena, change);
    if (change->status != 0) {
        answer_error(request, change->status, change->code, change->message);
        admin_end_turn(request);
        return;
    }
    request->op.kind = OP_DOCS_WRITE;
    request->op.docs = (struct op_docs){0};
    if (change->action == ADMIN_BUCKET_DELETE) request->op.docs.empty_bucket_id = change->bucket_id;
    request->op.docs.documents = change->many != NULL ? change->many : change->documents;
    request->op.docs.documents_count = change->many != NULL ? change->many_count : change->documents_count;
    request_store(request, false);
}

void admin_abandoned(struct request *request)
{
    bool is_written = request->op.kind == OP_DOCS_WRITE && request->op.err == ERR_OK &&
                      !request->op.docs.is_refused;
    if (is_written) (void)request_renew_view(request);
}

static void on_written(struct request *request)
{
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
    } else if (request->op.docs.is_refused) {
        answer_error(request, 409, "BucketNotEmpty", "the bucket still holds items");
    } else if (!request_renew_view(request)) {
        answer_error(request, 503, "OutcomeUncertain",
                     "the change is stored, but out of memory to show it: restart the node");
    } else {
        answer_changed(request);
    }
    admin_end_turn(request);
}

static void on_totals(struct request *request)
{
    struct admin *admin = request->work;
    const struct op_index *page = &request->op.index;
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
        return;
    }
    add_totals(admin, page);
    if (!page->is_end) {
        ask_totals(request);
    } else {
        show_bucket(request, &admin->totals);
    }
}

static void on_stored(struct request *request)
{
    if (request->op.kind == OP_DOCS_WRITE) {
        on_written(request);
    } else {
        on_totals(request);
    }
}

static void on_body(struct request *request)
{
    struct admin *admin = request->work;
    char message[AUTH_MESSAGE_CHARS];
    if (!admin_json_read(span_of(request->body, request->body_bytes), &request->arena, &admin->body, message)) {
        if (admin->body.is_memory) {
            answer_err(request, ERR_MEMORY);
        } else {
            answer_error(request, 400, "InvalidRequest", message);
        }
        return;
    }
    admin_take_turn(request);
}

static const struct request_calls calls = {.on_body = on_body, .on_stored = on_stored};

/* --- routing -------------------------------------------------------------------------------------------- */

/* A path's pieces between slashes, decoded. */
struct pieces {
    struct http_span part[4];
    uint32_t count;
    bool wants_secret;
};

static bool split(struct request *request, struct http_span target, struct pieces *pieces)
{
    const char *query = memchr(target.at, '?', target.length);
    size_t length = query == NULL ? target.length : (size_t)(query - target.at);
    size_t at = 1;
    pieces->count = 0;
    pieces->wants_secret = query != NULL && target.length - length == 12 && memcmp(query, "?secret=true", 12) == 0;
    if (query != NULL && !pieces->wants_secret) return false;
    while (at <= length && pieces->count < 4) {
        const char *slash = memchr(target.at + at, '/', length - at);
        size_t end = slash == NULL ? length : (size_t)(slash - target.at);
        char *memory = arena_take_array(&request->arena, end - at + 1, 1);
        struct http_span raw = {target.at + at, end - at};
        if (memory == NULL || !http_percent_decode(raw, false, memory, &pieces->part[pieces->count])) return false;
        pieces->count++;
        at = end + 1;
    }
    return at > length;
}

static bool is_piece(const struct pieces *pieces, uint32_t index, const char *text)
{
    return pieces->count > index && span_is_equal(span_http(pieces->part[index]), span_text(text));
}

static bool is_method(const struct http_head *head, const char *method)
{
    return span_is_equal(span_http(head->method), span_text(method));
}

static void refuse_route(struct request *request)
{
    answer_error(request, 404, "NoSuchRequest", "there is no such admin request");
}

static void ask_body(struct request *request, enum admin_action action)
{
    struct admin *admin = request->work;
    const struct auth_payload unsigned_body = {.mode = AUTH_PAYLOAD_UNSIGNED};
    admin->is_change = true;
    admin->turn.begin = begin_change;
    admin->change.action = action;
    request_read_body(request, &unsigned_body, LIMITS_ADMIN_BODY_BYTES_MAX);
}

static void route_bucket(struct request *request, const struct http_head *head, const struct pieces *pieces)
{
    struct admin *admin = request->work;
    bool is_found = view_resolve(request->service->view, (struct span){0}, span_http(pieces->part[2]),
                                 admin->change.bucket_id);
    if (!is_found) {
        answer_error(request, 404, "NoSuchBucket", "there is no such bucket");
    } else if (pieces->count == 3 && is_method(head, "GET")) {
        ask_totals(request);
    } else if (pieces->count == 3 && is_method(head, "DELETE")) {
        ask_body(request, ADMIN_BUCKET_DELETE);
    } else if (is_piece(pieces, 3, "permissions") && is_method(head, "POST")) {
        ask_body(request, ADMIN_BUCKET_PERMISSIONS);
    } else if (is_piece(pieces, 3, "aliases") && is_method(head, "POST")) {
        ask_body(request, ADMIN_ALIAS_ADD);
    } else if (is_piece(pieces, 3, "aliases") && is_method(head, "DELETE")) {
        ask_body(request, ADMIN_ALIAS_REMOVE);
    } else if (is_piece(pieces, 3, "cors") && is_method(head, "PUT")) {
        ask_body(request, ADMIN_CORS_SET);
    } else {
        refuse_route(request);
    }
}

static void route_key(struct request *request, const struct http_head *head, const struct pieces *pieces)
{
    struct admin *admin = request->work;
    admin->change.key_id = span_http(pieces->part[2]);
    if (pieces->count == 3 && is_method(head, "GET")) {
        show_key(request, pieces->wants_secret);
    } else if (pieces->count == 3 && is_method(head, "PUT")) {
        ask_body(request, ADMIN_KEY_RENAME);
    } else if (pieces->count == 3 && is_method(head, "DELETE")) {
        ask_body(request, ADMIN_KEY_DELETE);
    } else {
        refuse_route(request);
    }
}

/* A table of the requests that are a path and a method and nothing else. False for any other. */
static bool route_layout(struct request *request, const struct http_head *head, const struct pieces *pieces)
{
    static const struct {
        const char *method, *first, *second; /* "" for none */
        enum admin_layout_action action;
    } rows[] = {
        {"GET", "layout", "", ADMIN_LAYOUT_SHOW},           {"GET", "layout", "history", ADMIN_LAYOUT_HISTORY},
        {"POST", "layout", "stage", ADMIN_LAYOUT_STAGE},    {"POST", "layout", "plan", ADMIN_LAYOUT_PLAN},
        {"POST", "layout", "apply", ADMIN_LAYOUT_APPLY},    {"POST", "layout", "revert", ADMIN_LAYOUT_REVERT},
        {"POST", "cluster", "remove", ADMIN_MEMBER_REMOVE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool has_second = rows[i].second[0] != '\0';
        if (pieces->count != 2u + has_second || !is_method(head, rows[i].method)) continue;
        if (!is_piece(pieces, 1, rows[i].first) || (has_second && !is_piece(pieces, 2, rows[i].second))) continue;
        admin_layout_begin(request, rows[i].action);
        return true;
    }
    return false;
}

static void route_cluster(struct request *request, const struct http_head *head, const struct pieces *pieces)
{
    bool is_connect = pieces->count == 3 && is_piece(pieces, 2, "connect");
    if (pieces->count == 2 && is_method(head, "GET")) {
        admin_cluster_show(request);
    } else if (is_connect && is_method(head, "GET")) {
        admin_cluster_show_connect(request);
    } else if (is_connect && is_method(head, "POST")) {
        admin_cluster_connect(request);
    } else {
        refuse_route(request);
    }
}

static void route(struct request *request, const struct http_head *head, const struct pieces *pieces)
{
    bool is_get = is_method(head, "GET");
    bool is_post = is_method(head, "POST");
    if (pieces->count == 2 && is_piece(pieces, 1, "status") && is_get) {
        show(request, admin_show_status);
    } else if (pieces->count == 2 && is_piece(pieces, 1, "stats") && is_get) {
        show(request, admin_stats_show);
    } else if (pieces->count == 2 && is_piece(pieces, 1, "check") && is_get) {
        admin_check_begin(request);
    } else if (pieces->count == 2 && is_piece(pieces, 1, "buckets") && is_get) {
        show(request, admin_show_buckets);
    } else if (pieces->count == 2 && is_piece(pieces, 1, "buckets") && is_post) {
        ask_body(request, ADMIN_BUCKET_CREATE);
    } else if (pieces->count == 2 && is_piece(pieces, 1, "keys") && is_get) {
        show(request, admin_show_keys);
    } else if (pieces->count == 2 && is_piece(pieces, 1, "keys") && is_post) {
        ask_body(request, ADMIN_KEY_CREATE);
    } else if (route_layout(request, head, pieces)) {
        return;
    } else if (is_piece(pieces, 1, "cluster")) {
        route_cluster(request, head, pieces);
    } else if (pieces->count >= 3 && is_piece(pieces, 1, "buckets")) {
        route_bucket(request, head, pieces);
    } else if (pieces->count >= 3 && is_piece(pieces, 1, "keys")) {
        route_key(request, head, pieces);
    } else {
        refuse_route(request);
    }
}

/* Is the bearer token right? Compared as hashes, in constant time. */
static bool has_token(const struct request *request, const struct http_head *head)
{
    static const char scheme[] = "Bearer ";
    const struct http_header *header = http_head_find(head, "authorization");
    size_t skip = sizeof scheme - 1;
    uint8_t given[HASH_SHA256_BYTES];
    uint8_t right[HASH_SHA256_BYTES];
    if (header == NULL || http_head_count(head, "authorization") != 1 || header->value.length <= skip)
        return false;
    if (memcmp(header->value.at, scheme, skip) != 0) return false;
    const char *token = request->service->settings->admin_token;
    hash_sha256(header->value.at + skip, header->value.length - skip, given);
    hash_sha256(token, strlen(token), right);
    return token[0] != '\0' && hash_is_equal(given, right, sizeof right);
}

void admin_begin(struct request *request, const struct http_head *head)
{
    struct pieces pieces;
    request->operation = "Admin";
    request->stats_row = STATS_ADMIN;
    request->calls = &calls;
    request->work = arena_alloc(&request->arena, sizeof(struct admin));
    if (request->work == NULL) {
        answer_err(request, ERR_MEMORY);
    } else if (!has_token(request, head)) {
        answer_error(request, 401, "Unauthorized",
                     "the admin port needs Authorization: Bearer and the token of its token_file");
    } else if (!split(request, head->target, &pieces)) {
        refuse_route(request);
    } else if (pieces.count == 1 && is_piece(&pieces, 0, "metrics") && is_method(head, "GET")) {
        show_metrics(request);
    } else if (!is_piece(&pieces, 0, "v1")) {
        refuse_route(request);
    } else {
        route(request, head, &pieces);
    }
}
