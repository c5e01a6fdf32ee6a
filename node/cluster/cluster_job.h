/* What the cluster asks of the store: an op with the memory it needs, until its answer came. */
#ifndef NODE_CLUSTER_CLUSTER_JOB_H
#define NODE_CLUSTER_CLUSTER_JOB_H

#include "node/cluster/cluster.h"

enum {
    CLUSTER_JOB_BYTES_MAX = 32 << 20, /* a batch of documents, and what comes of it */
    CLUSTER_JOBS_MAX = 64,            /* lent at a time; each link has one at most */
};

struct cluster_job {
    struct op op;
    struct effect effect;
    struct arena arena; /* the job lies in it, and all of its own */
    void (*on_done)(struct cluster *cluster, struct cluster_job *job);
    uint32_t link; /* the link it is for, and which of that number */
    uint64_t link_serial;
    void *note; /* the asker's own, in the arena */
};

/* A job of a kind. NULL when out of memory, or when too many are under way. */
struct cluster_job *cluster_job_create(struct cluster *cluster, enum op_kind kind);

/* A job that was not run. */
void cluster_job_drop(struct cluster_job *job);

/* Lend it to the store; `on_done` is called with the answer, and the job is given back after that. */
void cluster_job_run(struct cluster *cluster, struct cluster_job *job,
                     void (*on_done)(struct cluster *cluster, struct cluster_job *job));

/* EVENT_STORED of a job. */
void cluster_job_answered(struct cluster *cluster, struct op *op);

/* A copy of documents in the job's arena, as its op's. False when out of memory. */
bool cluster_job_copy(struct cluster_job *job, const struct op_document *documents, uint32_t count,
                      struct op_document **copy);

/* The job's documents are durable: the view shows them, and all parts of the cluster look at it. False when out of
 * memory for that: then the next start shows them. */
bool cluster_job_show(struct cluster *cluster, const struct cluster_job *job);

#endif
