/* Heads, bodies and pieces of answers. */
#include "node/request/answer.h"

#include "node/request/cors.h"

#include <assert.h>

enum { OUT_BYTES_FIRST = 1024, HEAD_BYTES_FIRST = 512 };

/* --- memory --------------------------------------------------------------------------------------------- */

static bool out_more(struct http_out *out, size_t bytes)
{
    struct request *request = out->owner;
    size_t wanted = 0;
    size_t after = bytes > OUT_BYTES_FIRST ? OUT_BYTES_FIRST : 0; /* behind a large value come a few brackets */
    if (!size_add(out->used, bytes, &wanted) || !size_add(wanted, after, &wanted)) return false;
    if (wanted < out->capacity * 2) wanted = out->capacity * 2;
    if (wanted < OUT_BYTES_FIRST) wanted = OUT_BYTES_FIRST;
    char *moved = arena_grow(&request->arena, out->bytes, out->capacity, wanted);
    if (moved == NULL) return false;
    out->bytes = moved;
    out->capacity = wanted;
    return true;
}

static struct http_out out_of(struct request *request)
{
    return (struct http_out){.more = out_more, .owner = request};
}

static struct span out_span(const struct http_out *out)
{
    return span_of(out->bytes, out->used);
}

/* --- heads ---------------------------------------------------------------------------------------------- */

/* May the connection serve another request after this answer? Not while a body that nobody reads is on its way. */
static bool keeps_alive(const struct request *request)
{
    if (!request->envelope.keep_alive || request->service->is_draining) return false;
    return request->body_is_done || (!request->body_is_asked && request->envelope.is_body_droppable);
}

static void add_cors(struct request *request, struct http_out *out)
{
    const struct request_envelope *envelope = &request->envelope;
    struct document_rule rule;
    if (request->any_origin) {
        http_reply_header_text(out, "access-control-allow-origin", "*");
        http_reply_header_text(out, "access-control-allow-methods", "*");
        return;
    }
    if (envelope->origin.at == NULL || !request->has_bucket || !cors_is_plain(envelope->origin)) return;
    struct cors_query query = {.origin = envelope->origin, .method = envelope->method};
    if (!cors_find(view_cors(request->service->view, request->bucket_id), &query, &rule)) return;
    cors_headers(out, rule, envelope->origin);
}

struct head {
    int status;
    const char *content_type;
    struct http_span token;
    enum http_body_kind kind;
    uint64_t content_length;
};

/* Write the head; whether the connection is kept goes to `keep_alive`. */
static struct http_out write_head(struct request *request, const struct head *head, bool *keep_alive)
{
    struct http_out out = out_of(request);
    request->status = head->status;
    http_reply_begin(&out, head->status, request->service->wall_us / 1000000);
    if (head->content_type != NULL) http_reply_header_text(&out, "content-type", head->content_type);
    if (head->token.at != NULL) http_reply_header(&out, "x-garage-causality-token", head->token);
    add_cors(request, &out);
    *keep_alive = http_reply_end(&out, head->kind, head->content_length, request->envelope.minor,
                                 keeps_alive(request));
    return out;
}

/* --- sending -------------------------------------------------------------------------------------------- */

static bool is_reading(const struct request *request)
{
    return request->stats_row == STATS_K2V + HTTP_READ_ITEM || request->stats_row == STATS_K2V + HTTP_READ_INDEX ||
           request->stats_row == STATS_K2V + HTTP_READ_BATCH || request->stats_row == STATS_K2V + HTTP_POLL_ITEM ||
           request->stats_row == STATS_K2V + HTTP_POLL_RANGE;
}

/* What is said when memory has ended. */
struct want {
    const char *code, *message;
};

static struct want memory_want(const struct request *request)
{
    if (request->has_stored)
        return (struct want){"OutcomeUncertain", "out of memory, but what was asked is stored or some of it"};
    if (is_reading(request))
        return (struct want){"ServiceUnavailable", "out of memory: what was asked for could not be read"};
    if (request->stats_row == STATS_UNROUTED)
        return (struct want){"ServiceUnavailable", "out of memory: nothing was done"};
    return (struct want){"ServiceUnavailable", "out of memory: nothing was stored"};
}

/* There is no memory to go on. Of an answer that has begun there is no more; else the edge, which needs none, says
 * 503. */
static void cut_off(struct request *request)
{
    struct effect *effect = &request->effect;
    struct want want = request->is_streaming ? (struct want){NULL, NULL} : memory_want(request);
    request->is_answered = true;
    request->is_cut = true;
    request->status = 503;
    request->service->counts.failed++;
    if (want.code != NULL) stats_refuse(&request->service->stats, want.code);
    effect->kind = EFFECT_CLOSE;
    effect->slot = request->slot;
    effect->close.code = want.code;
    effect->close.message = want.message;
    effects_add(request->service->effects, effect);
}

static void send_parts(struct request *request, const struct span parts[EFFECT_PARTS_MAX], bool is_last,
                       bool keep_alive)
{
    struct effect *effect = &request->effect;
    assert(!request->is_answered);
    request->is_answered = is_last;
    effect->kind = EFFECT_SEND;
    effect->slot = request->slot;
    for (int i = 0; i < EFFECT_PARTS_MAX; i++)
        effect->send.parts[i] = parts[i];
    effect->send.is_last = is_last;
    effect->send.keep_alive = keep_alive;
    effects_add(request->service->effects, effect);
}

static void count_status(struct request *request, int status)
{
    struct service_counts *counts = &request->service->counts;
    if (status >= 400 && status < 500) counts->refused++;
    if (status >= 500) counts->failed++;
}

static void send_whole(struct request *request, const struct head *head, struct span body)
{
    bool keep_alive = false;
    struct http_out out = write_head(request, head, &keep_alive);
    if (out.failed) {
        cut_off(request);
        return;
    }
    count_status(request, head->status);
    bool has_body = !request->envelope.is_head && body.length > 0;
    const struct span parts[EFFECT_PARTS_MAX] = {out_span(&out), has_body ? body : (struct span){0}, {0}};
    send_parts(request, parts, true, keep_alive);
}

void answer_empty(struct request *request, int status, struct http_span token, const char *content_type)
{
    bool is_bare = status == 204 || status == 304;
    struct head head = {.status = status,
                        .content_type = content_type,
                        .token = token,
                        .kind = is_bare ? HTTP_BODY_NONE : HTTP_BODY_LENGTH};
    send_whole(request, &head, (struct span){0});
}

void answer_bytes(struct request *request, int status, struct http_span token, const char *content_type,
                  struct span body)
{
    struct head head = {.status = status,
                        .content_type = content_type,
                        .token = token,
                        .kind = HTTP_BODY_LENGTH,
                        .content_length = body.length};
    send_whole(request, &head, body);
}

void answer_json(struct request *request, int status, struct http_span token)
{
    if (request->out.failed) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    answer_bytes(request, status, token, "application/json", out_span(&request->out));
}

/* --- errors --------------------------------------------------------------------------------------------- */

static void write_error(struct request *request, const char *code, const char *message)
{
    struct http_json_writer writer;
    struct http_span path = request->envelope.path;
    bool is_text = path.at != NULL && http_is_utf8(path);
    request->out = out_of(request);
    http_json_writer_init(&writer, &request->out);
    http_json_begin_object(&writer);
    http_json_name(&writer, "code");
    http_json_text(&writer, code);
    http_json_name(&writer, "message");
    http_json_text(&writer, message);
    http_json_name(&writer, "region");
    http_json_text(&writer, request->service->settings->region);
    http_json_name(&writer, "path");
    http_json_string(&writer, is_text ? path : (struct http_span){"", 0});
    http_json_end_object(&writer);
}

void answer_error(struct request *request, int status, const char *code, const char *message)
{
    if (request->is_streaming) {
        cut_off(request);
        return;
    }
    write_error(request, code, message);
    if (request->out.failed) {
        cut_off(request);
        return;
    }
    answer_json(request, status, request->answer_token);
    if (!request->is_cut) stats_refuse(&request->service->stats, code);
}

/* A change of the shared documents that no node would take. */
static void refuse_documents(struct request *request)
{
    const struct op_docs *docs = &request->op.docs;
    assert(op_writes_documents(&request->op));
    if (docs->is_full) {
        answer_error(request, 507, "InsufficientStorage", docs->why);
    } else {
        answer_error(request, 400, "InvalidRequest", docs->why);
    }
}

void answer_err(struct request *request, enum err err)
{
    switch (err) {
    case ERR_FULL:
        answer_error(request, 507, "InsufficientStorage",
                     "the disk or the database's map is full: nothing was stored by this step");
        break;
    case ERR_CORRUPT:
    case ERR_VERSION:
        answer_error(request, 500, "InternalError",
                     "a stored record fails its check and is not served; the operator should run `skerry repair "
                     "check`");
        break;
    case ERR_IO:
        answer_error(request, 503, "OutcomeUncertain", "the disk failed: what was asked may or may not be stored");
        break;
    case ERR_REFUSED: refuse_documents(request); break;
    case ERR_OK:
    case ERR_MEMORY:
    case ERR_LOCKED:
    case ERR_ACCESS:
    case ERR_CONFIG: {
        struct want want = memory_want(request);
        answer_error(request, 503, want.code, want.message);
        break;
    }
    }
}

/* --- streams -------------------------------------------------------------------------------------------- */

void answer_stream_begin(struct request *request, struct http_json_writer *writer)
{
    request->out = out_of(request);
    http_json_writer_init(writer, &request->out);
}

bool answer_stream_is_full(const struct request *request)
{
    return request->out.used >= LIMITS_STREAM_BYTES;
}

/* The framing before a piece: at the first one the head too. HTTP/1.0 has no chunks, its stream ends with the
 * connection. False when out of memory. */
static bool write_framing(struct request *request)
{
    struct http_out *framing = &request->framing;
    if (!request->is_streaming) {
        struct head head = {.status = 200, .content_type = "application/json", .kind = HTTP_BODY_CHUNKED};
        *framing = write_head(request, &head, &request->stream_keeps_alive);
        request->is_streaming = !framing->failed;
    } else {
        framing->used = 0; /* the piece before is out: its memory serves again */
    }
    if (request->envelope.minor > 0 && request->out.used > 0) http_chunk_begin(framing, request->out.used);
    return !framing->failed;
}

void answer_stream_flush(struct request *request)
{
    if (request->out.failed || !write_framing(request)) {
        cut_off(request);
        return;
    }
    struct span tail = request->envelope.minor > 0 ? span_text("\r\n") : (struct span){0};
    const struct span parts[EFFECT_PARTS_MAX] = {out_span(&request->framing), out_span(&request->out), tail};
    send_parts(request, parts, false, false);
}

void answer_stream_sent(struct request *request)
{
    request->out.used = 0;
}

void answer_stream_end(struct request *request)
{
    if (!request->is_streaming) {
        answer_json(request, 200, (struct http_span){NULL, 0});
        return;
    }
    if (request->out.failed || !write_framing(request)) {
        cut_off(request);
        return;
    }
    bool is_chunked = request->envelope.minor > 0;
    bool has_rest = request->out.used > 0;
    struct span tail = {0};
    if (is_chunked) tail = has_rest ? span_text("\r\n0\r\n\r\n") : span_text("0\r\n\r\n");
    const struct span parts[EFFECT_PARTS_MAX] = {out_span(&request->framing), out_span(&request->out), tail};
    send_parts(request, parts, true, request->stream_keeps_alive);
}
