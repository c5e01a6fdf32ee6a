/* One request about the layout: its body, its turn, its answer. */
#include "node/request/admin_layout.h"

#include "node/request/admin.h"
#include "node/request/admin_json.h"
#include "node/request/admin_layout_show.h"
#include "node/request/admin_write.h"

struct admin_layout {
    struct admin_turn turn; /* first */
    enum admin_layout_action action;
    struct admin_layout_body body;
    struct plan_result result;
};

static const struct http_span no_token = {NULL, 0};

struct plan_input admin_layout_input(struct request *request)
{
    const struct service *service = request->service;
    const struct cluster *cluster = service->cluster;
    struct plan_input input = {.view = service->view, .arena = &request->walk};
    input.replication = service->settings->cluster.replication;
    input.zone_redundancy = service->settings->cluster.zone_redundancy;
    input.partitions = service->settings->cluster.partitions;
    if (cluster == NULL) return input;
    input.self_id = cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
    input.self_name = span_text(cluster->settings->name);
    if (cluster->members.count > 0) input.members = &cluster->members;
    return input;
}

/* --- answers -------------------------------------------------------------------------------------------- */

static void show_layout(struct request *request, const bool *is_changed, const char *message)
{
    struct plan_input input = admin_layout_input(request);
    struct http_json_writer writer;
    struct staged staged;
    if (!staged_read(input.view, input.arena, &staged)) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    answer_stream_begin(request, &writer);
    admin_layout_show(&input, &staged, is_changed, message, &writer);
    answer_json(request, 200, no_token);
}

static void show_plan(struct request *request)
{
    struct plan_input input = admin_layout_input(request);
    struct http_json_writer writer;
    const struct plan *plan = plan_make(&input);
    if (plan == NULL) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    answer_stream_begin(request, &writer);
    admin_layout_show_plan(&input, plan, &writer);
    answer_json(request, 200, no_token);
}

static void show_history(struct request *request)
{
    struct http_json_writer writer;
    struct history history;
    struct ring_layout *scratch = arena_alloc(&request->walk, sizeof *scratch);
    if (scratch == NULL || !history_read(request->service->view, &request->walk, &history)) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    answer_stream_begin(request, &writer);
    admin_layout_show_history(&history, scratch, &writer);
    answer_json(request, 200, no_token);
}

static void answer_done(struct request *request, bool is_changed)
{
    const struct admin_layout *layout = request->work;
    struct http_json_writer writer;
    if (layout->action != ADMIN_MEMBER_REMOVE) {
        show_layout(request, &is_changed, layout->result.message);
        return;
    }
    answer_stream_begin(request, &writer);
    http_json_begin_object(&writer);
    admin_write_bool(&writer, "changed", is_changed);
    if (!is_changed) admin_write_text(&writer, "message", span_text(layout->result.message));
    http_json_end_object(&writer);
    answer_json(request, 200, no_token);
}

static void refuse(struct request *request)
{
    const struct plan_result *result = &((struct admin_layout *)request->work)->result;
    switch (result->verdict) {
    case PLAN_BAD: answer_error(request, 400, result->code, result->message); break;
    case PLAN_NOT_FOUND: answer_error(request, 404, result->code, result->message); break;
    case PLAN_CONFLICT: answer_error(request, 409, result->code, result->message); break;
    case PLAN_NO_MEMORY: answer_err(request, ERR_MEMORY); break;
    case PLAN_NOTHING:
    case PLAN_DONE: answer_done(request, false); break;
    }
}

/* --- the change ----------------------------------------------------------------------------------------- */

/* NULL when the field was not given. */
static const uint64_t *number_of(const struct admin_layout_body *body, unsigned field, const uint64_t *number)
{
    return (body->given & field) != 0 ? number : NULL;
}

/* A node's role, or the numbers of the layout; not both at once. */
static void stage(const struct plan_input *input, const struct admin_layout_body *body, struct plan_result *result)
{
    const unsigned of_node = ADMIN_LAYOUT_NODE | ADMIN_LAYOUT_ZONE | ADMIN_LAYOUT_CAPACITY | ADMIN_LAYOUT_REMOVE;
    const unsigned of_role = ADMIN_LAYOUT_ZONE | ADMIN_LAYOUT_CAPACITY;
    bool has_node = (body->given & ADMIN_LAYOUT_NODE) != 0;
    const struct plan_numbers numbers = {
        .replication = number_of(body, ADMIN_LAYOUT_REPLICATION, &body->replication),
        .zone_redundancy = number_of(body, ADMIN_LAYOUT_ZONE_REDUNDANCY, &body->zone_redundancy),
        .partitions = number_of(body, ADMIN_LAYOUT_PARTITIONS, &body->partitions),
    };
    bool has_numbers = numbers.replication != NULL || numbers.zone_redundancy != NULL ||
                       numbers.partitions != NULL;
    const char *wrong = NULL;
    if ((body->given & of_node) != 0 && has_numbers) {
        wrong = "give a node's role or the layout's numbers, each in a request of its own";
    } else if ((body->given & of_node) != 0 && !has_node) {
        wrong = "field \"node\" is missing";
    } else if (body->is_removal && (body->given & of_role) != 0) {
        wrong = "a node that is removed has no zone and no capacity";
    }
    if (wrong != NULL) {
        *result = (struct plan_result){.verdict = PLAN_BAD, .code = "InvalidRequest"};
        memcpy(result->message, wrong, strlen(wrong) + 1);
    } else if (has_node && body->is_removal) {
        plan_stage_removal(input, body->node, result);
    } else if (has_node) {
        plan_stage_role(input, body->node, body->zone, number_of(body, ADMIN_LAYOUT_CAPACITY, &body->capacity),
                        result);
    } else {
        plan_stage_numbers(input, numbers, result);
    }
}

/* The turn is ours: nothing changes the documents until the answer. */
static void begin_change(struct request *request)
{
    struct admin_layout *layout = request->work;
    struct plan_input input = admin_layout_input(request);
    switch (layout->action) {
    case ADMIN_LAYOUT_STAGE: stage(&input, &layout->body, &layout->result); break;
    case ADMIN_LAYOUT_APPLY: plan_apply(&input, layout->body.version, &layout->result); break;
    case ADMIN_LAYOUT_REVERT: plan_revert(&input, &layout->result); break;
    case ADMIN_MEMBER_REMOVE:
        plan_remove_member(&input, layout->body.node, layout->body.is_forced, request->service->wall_us,
                           &layout->result);
        break;
    case ADMIN_LAYOUT_SHOW:
    case ADMIN_LAYOUT_HISTORY:
    case ADMIN_LAYOUT_PLAN: break; /* change nothing */
    }
    if (layout->result.verdict != PLAN_DONE) {
        refuse(request);
        admin_end_turn(request);
        return;
    }
    request->op.kind = OP_DOCS_WRITE;
    request->op.docs = (struct op_docs){.documents = layout->result.documents,
                                        .documents_count = layout->result.documents_count};
    request_store(request, false);
}

static void on_stored(struct request *request)
{
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
    } else if (!request_renew_view(request)) {
        answer_error(request, 503, "OutcomeUncertain",
                     "the change is stored, but out of memory to show it: restart the node");
    } else {
        answer_done(request, true);
    }
    admin_end_turn(request);
}

/* --- the body ------------------------------------------------------------------------------------------- */

static unsigned fields_of(enum admin_layout_action action)
{
    switch (action) {
    case ADMIN_LAYOUT_STAGE:
        return ADMIN_LAYOUT_NODE | ADMIN_LAYOUT_ZONE | ADMIN_LAYOUT_CAPACITY | ADMIN_LAYOUT_REMOVE |
               ADMIN_LAYOUT_REPLICATION | ADMIN_LAYOUT_ZONE_REDUNDANCY | ADMIN_LAYOUT_PARTITIONS;
    case ADMIN_LAYOUT_APPLY: return ADMIN_LAYOUT_VERSION;
    case ADMIN_MEMBER_REMOVE: return ADMIN_LAYOUT_NODE | ADMIN_LAYOUT_FORCE;
    case ADMIN_LAYOUT_SHOW:
    case ADMIN_LAYOUT_HISTORY:
    case ADMIN_LAYOUT_PLAN:
    case ADMIN_LAYOUT_REVERT: break;
    }
    return 0;
}

/* A field without which the request means nothing. */
static const char *missing(const struct admin_layout *layout)
{
    if (layout->action == ADMIN_LAYOUT_APPLY && (layout->body.given & ADMIN_LAYOUT_VERSION) == 0)
        return "field \"version\" is missing: name the version that the plan showed";
    if (layout->action == ADMIN_MEMBER_REMOVE && (layout->body.given & ADMIN_LAYOUT_NODE) == 0)
        return "field \"node\" is missing";
    return NULL;
}

static void on_body(struct request *request)
{
    struct admin_layout *layout = request->work;
    char message[AUTH_MESSAGE_CHARS];
    struct span text = span_of(request->body, request->body_bytes);
    bool is_read = admin_layout_json_read(text, fields_of(layout->action), &request->arena, &layout->body,
                                          message);
    if (!is_read && layout->body.is_memory) {
        answer_err(request, ERR_MEMORY);
    } else if (!is_read) {
        answer_error(request, 400, "InvalidRequest", message);
    } else if (missing(layout) != NULL) {
        answer_error(request, 400, "InvalidRequest", missing(layout));
    } else if (layout->action == ADMIN_LAYOUT_PLAN) {
        show_plan(request);
    } else {
        admin_take_turn(request);
    }
}

static const struct request_calls calls = {.on_body = on_body, .on_stored = on_stored};

void admin_layout_begin(struct request *request, enum admin_layout_action action)
{
    const struct auth_payload unsigned_body = {.mode = AUTH_PAYLOAD_UNSIGNED};
    struct admin_layout *layout = arena_alloc(&request->arena, sizeof *layout);
    if (layout == NULL) {
        answer_err(request, ERR_MEMORY);
        return;
    }
    /* The operator's largest question may be larger than the largest batch of small settings. */
    arena_init(&request->walk, ADMIN_LAYOUT_MEMORY_BYTES_MAX);
    layout->turn.begin = begin_change;
    layout->action = action;
    request->work = layout;
    request->calls = &calls;
    if (action == ADMIN_LAYOUT_SHOW) {
        show_layout(request, NULL, NULL);
    } else if (action == ADMIN_LAYOUT_HISTORY) {
        show_history(request);
    } else {
        request_read_body(request, &unsigned_body, LIMITS_ADMIN_BODY_BYTES_MAX);
    }
}
