/* Ops in arenas of their own. */
#include "node/cluster/cluster_job.h"

#include <assert.h>

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
    job->effect.kind = EFFECT_STORE;
    job->effect.slot = UINT32_MAX;
    job->effect.op = &job->op;
    cluster->jobs_count++;
    effects_add(cluster->effects, &job->effect);
}

void cluster_job_answered(struct cluster *cluster, struct op *op)
{
    struct cluster_job *job = op->owner;
    assert(cluster->jobs_count > 0);
    cluster->jobs_count--;
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
