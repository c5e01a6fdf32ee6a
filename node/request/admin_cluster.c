/* Connecting, and what came of it. */
#include "node/request/admin_cluster.h"

#include "node/request/admin_cluster_show.h"
#include "node/request/admin_layout.h"
#include "node/request/admin_json.h"
#include "node/request/admin_write.h"

static const struct http_span no_token = {NULL, 0};

void admin_cluster_show(struct request *request)
{
    struct http_json_writer writer;
    struct staged staged;
    arena_init(&request->walk, ADMIN_LAYOUT_MEMORY_BYTES_MAX);
    struct plan_input input = admin_layout_input(request);
    if (!staged_read(input.view, input.arena, &staged)) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    answer_stream_begin(request, &writer);
    admin_cluster_show_all(request->service, &input, &staged, &writer);
    answer_json(request, 200, no_token);
}

static const char *outcome_name(enum cluster_connect_outcome outcome)
{
    switch (outcome) {
    case CLUSTER_CONNECT_IDLE: return "idle";
    case CLUSTER_CONNECT_TRYING: return "trying";
    case CLUSTER_CONNECT_DONE: return "done";
    case CLUSTER_CONNECT_FAILED: return "failed";
    }
    return "?";
}

void admin_cluster_show_connect(struct request *request)
{
    const struct cluster *cluster = request->service->cluster;
    struct cluster_connect_state state = {.outcome = CLUSTER_CONNECT_IDLE};
    struct http_json_writer writer;
    if (cluster != NULL) state = cluster_connect_state(cluster);
    answer_stream_begin(request, &writer);
    http_json_begin_object(&writer);
    admin_write_text(&writer, "outcome", span_text(outcome_name(state.outcome)));
    admin_write_text(&writer, "message", span_text(state.message));
    http_json_end_object(&writer);
    answer_json(request, 200, no_token);
}

static void on_body(struct request *request)
{
    struct admin_layout_body body;
    char message[AUTH_MESSAGE_CHARS];
    char why[200] = "this node has no port for other nodes";
    struct span text = span_of(request->body, request->body_bytes);
    bool is_read = admin_layout_json_read(text, ADMIN_LAYOUT_TARGET, &request->arena, &body, message);
    if (!is_read && body.is_memory) {
        answer_err(request, ERR_MEMORY);
    } else if (!is_read) {
        answer_error(request, 400, "InvalidRequest", message);
    } else if (body.target.length == 0) {
        answer_error(request, 400, "InvalidRequest", "the target is missing or empty: ID@HOST:PORT or HOST:PORT");
    } else if (request->service->cluster == NULL ||
               !cluster_connect(request->service->cluster, body.target, why)) {
        answer_error(request, 409, "CannotConnect", why);
    } else {
        admin_cluster_show_connect(request);
    }
}

static const struct request_calls calls = {.on_body = on_body};

void admin_cluster_connect(struct request *request)
{
    const struct auth_payload unsigned_body = {.mode = AUTH_PAYLOAD_UNSIGNED};
    request->calls = &calls;
    request_read_body(request, &unsigned_body, LIMITS_ADMIN_BODY_BYTES_MAX);
}
