/* Documents → view → (demo) → ready. */
#include "node/request/startup.h"

#include "node/request/admin_change.h"

#include <assert.h>

/* All documents there may be, as their rows are; what is left over at the ends of blocks; and of each the row's
 * head, and its place in an array that was smaller before. What requests may hold is a setting, and may be less.
 */
enum {
    ROW_SPARE_BYTES = 256,
    LOADED_BYTES_MAX = 2 * LIMITS_DOCUMENTS_BYTES_MAX +
                       LIMITS_DOCUMENTS_MAX * (2 * (int)sizeof(struct op_document) + ROW_SPARE_BYTES),
};

struct startup {
    uint8_t bucket_id[KEYS_BUCKET_ID_BYTES];
    struct span key_id;
    uint8_t secret[LIMITS_SECRET_CHARS_MAX];
    size_t secret_length;
    struct admin_change bucket, key, permission;
    struct op_document documents[4];
    uint32_t documents_count;
};

static struct span demo_name(void)
{
    return span_text("demo");
}

static void fail(struct request *request, enum err err)
{
    request->effect.kind = EFFECT_FAILED;
    request->effect.err = err;
    effects_add(request->service->effects, &request->effect);
}

static void ready(struct request *request, bool has_demo)
{
    struct startup *startup = request->work;
    request->effect.kind = EFFECT_READY;
    request->effect.ready.has_demo = has_demo;
    request->effect.ready.bucket = demo_name();
    request->effect.ready.key_id = startup->key_id;
    request->effect.ready.secret = span_of(startup->secret, startup->secret_length);
    effects_add(request->service->effects, &request->effect);
    request->service->is_ready = true;
}

/* --- the demo ------------------------------------------------------------------------------------------- */

/* The key of the demo: the one of that name that may write to its bucket. */
static bool find_demo_key(struct request *request)
{
    struct startup *startup = request->work;
    const struct service *service = request->service;
    struct span id;
    struct span payload;
    struct document_key key;
    for (uint32_t i = 0; view_nth(service->view, DOCUMENT_KEY, i, &id, &payload); i++) {
        if (!view_key(service->view, id, &key) || !span_is_equal(key.name, demo_name())) continue;
        size_t length = key.sealed_secret.length - SEAL_OVERHEAD_BYTES;
        if (key.sealed_secret.length < SEAL_OVERHEAD_BYTES || length > sizeof startup->secret) continue;
        if ((view_permissions(service->view, startup->bucket_id, id) & DOCUMENT_WRITE) == 0) continue;
        if (!seal_open(service->documents_key, id, key.sealed_secret, startup->secret)) continue;
        startup->key_id = id;
        startup->secret_length = length;
        return true;
    }
    return false;
}

static void collect(struct startup *startup, const struct admin_change *change)
{
    for (uint32_t i = 0; i < change->documents_count; i++) {
        startup->documents[startup->documents_count++] = change->documents[i];
    }
}

/* A bucket, a key, and everything allowed: as an operator's three requests would make them. False when refused. */
static bool plan_demo(struct request *request)
{
    struct startup *startup = request->work;
    struct service *service = request->service;
    const struct admin_body body = {.alias = demo_name(), .name = demo_name()};
    startup->bucket.action = ADMIN_BUCKET_CREATE;
    startup->key.action = ADMIN_KEY_CREATE;
    admin_change_plan(service, &body, &request->arena, &startup->bucket);
    admin_change_plan(service, &body, &request->arena, &startup->key);
    if (startup->bucket.status != 0 || startup->key.status != 0) return false;
    startup->key_id = startup->key.key_id;
    memcpy(startup->secret, startup->key.secret.bytes, startup->key.secret.length);
    startup->secret_length = startup->key.secret.length;
    struct span payload = document_encode_permission(&request->arena,
                                                     DOCUMENT_READ | DOCUMENT_WRITE | DOCUMENT_OWNER);
    struct span key = document_permission_key(&request->arena, startup->bucket.bucket_id, startup->key_id);
    if (payload.bytes == NULL || key.bytes == NULL) return false;
    collect(startup, &startup->bucket);
    collect(startup, &startup->key);
    struct op_document *document = &startup->documents[startup->documents_count++];
    document->key = key;
    document->register_.payload = payload.bytes;
    document->register_.payload_bytes = payload.length;
    return true;
}

static void make_demo(struct request *request)
{
    struct startup *startup = request->work;
    if (!plan_demo(request)) {
        fail(request, ERR_MEMORY);
        return;
    }
    request->op.kind = OP_DOCS_WRITE;
    request->op.docs = (struct op_docs){.documents = startup->documents,
                                        .documents_count = startup->documents_count};
    request_store(request, false);
}

/* --- steps ---------------------------------------------------------------------------------------------- */

/* The demo is made once, on an empty store: a bucket the operator deleted does not come back. */
static void on_loaded(struct request *request)
{
    struct startup *startup = request->work;
    struct service *service = request->service;
    bool is_empty = view_documents_count(service->view) == 0;
    if (service->settings->wants_demo && is_empty) {
        make_demo(request);
        return;
    }
    bool has_bucket = view_resolve(service->view, (struct span){0}, demo_name(), startup->bucket_id);
    ready(request, service->settings->wants_demo && has_bucket && find_demo_key(request));
}

static void on_stored(struct request *request)
{
    bool was_load = request->op.kind == OP_DOCS;
    if (request->op.err != ERR_OK) {
        fail(request, request->op.err);
    } else if (!request_renew_view(request)) {
        fail(request, ERR_MEMORY);
    } else if (was_load) {
        on_loaded(request);
    } else {
        ready(request, true);
    }
}

static const struct request_calls calls = {.on_stored = on_stored};

void startup_begin(struct requests *requests)
{
    assert(requests->startup == NULL);
    struct request *request = request_create(&requests->service, UINT32_MAX, EVENT_DOOR_ADMIN);
    requests->startup = request;
    if (request == NULL) return; /* the edge sees a node that asks for nothing and is not ready, and says so */
    request->calls = &calls;
    request->operation = "Startup";
    request->work = arena_alloc(&request->arena, sizeof(struct startup));
    if (request->work == NULL) {
        fail(request, ERR_MEMORY);
        return;
    }
    arena_init(&request->scratch, LOADED_BYTES_MAX);
    request->op.kind = OP_DOCS;
    request->op.docs = (struct op_docs){0};
    request_store(request, false);
}

void startup_end(struct requests *requests)
{
    if (requests->startup != NULL) request_destroy(requests->startup);
    requests->startup = NULL;
}
