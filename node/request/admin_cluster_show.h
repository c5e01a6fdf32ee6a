/* The cluster as this node sees it, as JSON and as figures for /metrics. */
#ifndef NODE_REQUEST_ADMIN_CLUSTER_SHOW_H
#define NODE_REQUEST_ADMIN_CLUSTER_SHOW_H

#include "node/cluster/plan.h"
#include "node/request/request.h"

struct admin_cluster_tally {
    uint32_t nodes, up, suspects;
    uint32_t differing; /* nodes that are up and whose documents are not ours… */
    uint32_t apart;     /* …for long */
    uint32_t problems;
};
struct admin_cluster_tally admin_cluster_count(const struct cluster *cluster);

/* How it is, in a word and a line. */
enum { ADMIN_CLUSTER_SUMMARY_CHARS = 400 };
struct admin_cluster_verdict {
    const char *word; /* "well", "degraded", "joining", "removed" */
    char summary[ADMIN_CLUSTER_SUMMARY_CHARS];
};
void admin_cluster_judge(const struct cluster *cluster, const struct ring_layout *layout,
                         struct admin_cluster_verdict *verdict);

void admin_cluster_show_all(const struct service *service, const struct plan_input *input,
                            const struct staged *staged, struct http_json_writer *writer);

#endif
