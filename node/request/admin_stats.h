/* What the node has done, for the operator: as JSON and in the text format of Prometheus. */
#ifndef NODE_REQUEST_ADMIN_STATS_H
#define NODE_REQUEST_ADMIN_STATS_H

#include "node/request/request.h"

#define ADMIN_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* GET /v1/stats */
void admin_stats_show(const struct service *service, struct http_json_writer *writer);

/* GET /metrics. The same numbers; durations as buckets whose ends are powers of two (microseconds). */
void admin_stats_metrics(const struct service *service, struct http_out *out);

#endif
