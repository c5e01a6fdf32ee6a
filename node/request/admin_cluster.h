/* The operator's requests about the cluster: who is in it and how it fares, connecting to another node. */
#ifndef NODE_REQUEST_ADMIN_CLUSTER_H
#define NODE_REQUEST_ADMIN_CLUSTER_H

#include "node/request/answer.h"

/* GET /v1/cluster */
void admin_cluster_show(struct request *request);

/* GET /v1/cluster/connect: what came of it. */
void admin_cluster_show_connect(struct request *request);

/* POST /v1/cluster/connect {"target"}: begins, and answers at once. */
void admin_cluster_connect(struct request *request);

#endif
