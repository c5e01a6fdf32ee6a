/* Ops in arenas of their own. */
#include "node/cluster/cluster_job.h"

#include "node/core/document.h"

#include <assert.h>

enum { SAY_AGAIN_MS = 60000 };

struct cluster_job *cluster_job_create(struct cluster *cluster, enum op_kind kind)
{
    struct arena arena;
    if (cluster->jobs_count >= CLUSTER_JOBS_MAX) return NULL;
    arena_init(&arena, CLUSTER_JOB_BYTES_MAX);
    struct cluster_job *job = arena_alloc(&arena, sizeof *job);
    if (job == NULL) return NULL;
    job->arena = arena;
    job->link = UINT32_MAX;
    job->op.kind = kind;
    job->op.asker = OP_ASKER_CLUSTER;
    job->op.owner = job;
    job->op.arena = &job->arena;
    list_init(&job->op.link);
    list_init(&job->effect.link);
    return job;
}

void cluster_job_drop(struct cluster_job *job)
{
    struct arena arena = job->arena;
    arena_deinit(&arena);
}

void cluster_job_run(struct cluster *cluster, struct cluster_job *job,
                     void (*on_done)(struct cluster *cluster, struct cluster_job *job))
{
    job->on_done = on_done;
    if (op_writes_documents(&job->op)) job->op.docs.rules = document_rules();
    if (job->op.kind == OP_ADOPT) job->op.adopt->rules = document_rules();
    job->effect.kind = EFFECT_STORE;
    job->effect.slot = UINT32_MAX;
    job->effect.op = &job->op;
    cluster->jobs_count++;
    effects_add(cluster->effects, &job->effect);
}

/* A write of our own that no node would take; it will be tried again. */
static void tell_refused(struct cluster *cluster, const struct cluster_job *job)
{
    if (job->op.kind != OP_DOCS_WRITE || job->op.err != ERR_REFUSED) return;
    bool is_said = cluster->refused_said_ms != 0 && cluster->now_ms - cluster->refused_said_ms < SAY_AGAIN_MS;
    if (is_said) return;
    cluster->refused_said_ms = cluster->now_ms;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "documents of this node were not stored");
    outbox_text(&cluster->outbox, line, "why", span_text(job->op.docs.why));
}

void cluster_job_answered(struct cluster *cluster, struct op *op)
{
    struct cluster_job *job = op->owner;
    assert(cluster->jobs_count > 0);
    cluster->jobs_count--;
    tell_refused(cluster, job);
    job->on_done(cluster, job);
    cluster_job_drop(job);
}

bool cluster_job_copy(struct cluster_job *job, const struct op_document *documents, uint32_t count,
                      struct op_document **copy)
{
    struct op_document *copies = arena_array(&job->arena, (size_t)count + 1, sizeof *copies);
    *copy = copies;
    for (uint32_t i = 0; i < count && copies != NULL; i++) {
        const struct crdt_lww *from = &documents[i].register_;
        uint8_t *key = arena_copy(&job->arena, documents[i].key.bytes, documents[i].key.length);
        uint8_t *payload = arena_copy(&job->arena, from->payload, from->payload_bytes);
        if (key == NULL || payload == NULL) return false;
        copies[i] = documents[i];
        copies[i].key = span_of(key, documents[i].key.length);
        copies[i].register_.payload = payload;
    }
    return copies != NULL;
}

bool cluster_job_show(struct cluster *cluster, const struct cluster_job *job)
{
    if (!view_renew(cluster->view, job->op.docs.documents, job->op.docs.documents_count)) return false;
    cluster_on_view(cluster);
    return true;
}
