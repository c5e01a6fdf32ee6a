/* A walk over all rows, written out as it goes. */
#include "node/request/admin_check.h"

#include "node/store/check.h"

struct admin_check {
    struct check_walk walk;
    struct http_json_writer writer;
    uint32_t portions; /* in the step under way */
    bool is_step_open;
    bool is_stopping;
};

static void next_portion(struct request *request)
{
    struct admin_check *check = request->work;
    request->op.kind = OP_CHECK;
    request->op.check = (struct op_check){.walk = &check->walk, .seal_key = request->service->settings->seal_key};
    request_store(request, false);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void member_text(struct http_json_writer *writer, const char *name, const char *text)
{
    http_json_name(writer, name);
    http_json_text(writer, text);
}

static void member_u64(struct http_json_writer *writer, const char *name, uint64_t number)
{
    http_json_name(writer, name);
    http_json_u64(writer, number);
}

static void member_key(struct http_json_writer *writer, const char *name, struct span key)
{
    struct http_span text = http_span(key);
    http_json_name(writer, name);
    http_json_string_or_null(writer, text.at != NULL && http_is_utf8(text) ? text : (struct http_span){0});
}

static void member_hex(struct http_json_writer *writer, const char *name, struct span bytes)
{
    char text[2 * KEYS_BUCKET_ID_BYTES];
    bool is_there = bytes.bytes != NULL && bytes.length <= KEYS_BUCKET_ID_BYTES;
    if (is_there) hash_hex(bytes.bytes, bytes.length, text);
    http_json_name(writer, name);
    http_json_string_or_null(writer,
                             is_there ? (struct http_span){text, 2 * bytes.length} : (struct http_span){0});
}

static const char *kind_name(enum op_finding_kind kind)
{
    switch (kind) {
    case OP_FINDING_PAGE: return "page";
    case OP_FINDING_ROW: return "row";
    case OP_FINDING_MISSING: return "missing";
    case OP_FINDING_COUNT: return "count";
    }
    return "";
}

/* The part of an item's or counter's key that a client would know, when the row is of such a table. */
static struct span rest_of(const struct op_finding *finding, enum kv_space space)
{
    bool is_of = strcmp(finding->table, keys_table_name(space)) == 0;
    return is_of && finding->key.length > KEYS_BUCKET_PREFIX_BYTES ? keys_rest(finding->key) : (struct span){0};
}

void admin_check_finding(struct http_json_writer *writer, const struct op_finding *finding)
{
    bool has_row = finding->kind != OP_FINDING_PAGE;
    uint8_t name[8];
    wire_store_u64(name, finding->row);
    struct span partition_key = finding->partition_key;
    if (partition_key.bytes == NULL) partition_key = rest_of(finding, KV_COUNTS);
    http_json_begin_object(writer);
    member_text(writer, "kind", kind_name(finding->kind));
    member_text(writer, "table", finding->table);
    if (has_row) {
        member_hex(writer, "row", span_of(name, sizeof name));
        member_hex(writer, "bucket", finding->bucket_id);
        member_key(writer, "partition_key", partition_key);
        member_key(writer, "sort_key", rest_of(finding, KV_ITEMS));
    } else {
        member_u64(writer, "page", finding->page);
    }
    member_text(writer, "what", finding->what);
    http_json_end_object(writer);
}

static void begin_step(struct admin_check *check, enum kv_space space)
{
    if (check->is_step_open) return;
    check->is_step_open = true;
    check->portions = 0;
    http_json_begin_object(&check->writer);
    member_text(&check->writer, "table", keys_table_name(space));
    http_json_name(&check->writer, "findings");
    http_json_begin_array(&check->writer);
}

static uint64_t rows_of(const struct check_walk *walk)
{
    uint64_t rows = 0;
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        rows += walk->rows[space];
    return rows;
}

static void end_step(struct admin_check *check)
{
    if (!check->is_step_open) return;
    check->is_step_open = false;
    http_json_end_array(&check->writer);
    member_u64(&check->writer, "rows", rows_of(&check->walk));
    http_json_end_object(&check->writer);
}

static void write_end(struct request *request)
{
    struct admin_check *check = request->work;
    struct http_json_writer *writer = &check->writer;
    end_step(check);
    http_json_end_array(writer);
    http_json_name(writer, "rows");
    http_json_begin_object(writer);
    for (int space = 0; space < KV_SPACES_COUNT; space++)
        member_u64(writer, keys_table_name((enum kv_space)space), check->walk.rows[space]);
    http_json_end_object(writer);
    member_u64(writer, "findings", check->walk.findings);
    member_u64(writer, "unsettled", check->walk.unsettled);
    http_json_end_object(writer);
    answer_stream_end(request);
}

/* --- steps ---------------------------------------------------------------------------------------------- */

static void on_stored(struct request *request)
{
    struct admin_check *check = request->work;
    const struct op_check *op = &request->op.check;
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
        return;
    }
    if (check->is_stopping) {
        answer_error(request, 503, "ServiceUnavailable", "the server is stopping");
        return;
    }
    enum kv_space space = check->walk.is_end ? KV_COUNTS : check->walk.space;
    begin_step(check, space);
    for (uint32_t i = 0; i < op->findings_count; i++)
        admin_check_finding(&check->writer, &op->findings[i]);
    if (check->walk.is_end) {
        write_end(request);
        return;
    }
    bool is_due = ++check->portions >= ADMIN_CHECK_STEP_PORTIONS || answer_stream_is_full(request);
    if (!is_due) {
        next_portion(request);
        return;
    }
    end_step(check);
    answer_stream_flush(request);
}

static void on_sent(struct request *request)
{
    answer_stream_sent(request);
    next_portion(request);
}

/* The portion under way is the last. */
static void on_drain(struct request *request)
{
    struct admin_check *check = request->work;
    check->is_stopping = true;
}

static const struct request_calls calls = {.on_stored = on_stored, .on_sent = on_sent, .on_drain = on_drain};

void admin_check_begin(struct request *request)
{
    struct admin_check *check = arena_alloc(&request->arena, sizeof *check);
    if (check == NULL) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    request->calls = &calls;
    request->work = check;
    answer_stream_begin(request, &check->writer);
    http_json_begin_object(&check->writer);
    http_json_name(&check->writer, "steps");
    http_json_begin_array(&check->writer);
    next_portion(request);
}
