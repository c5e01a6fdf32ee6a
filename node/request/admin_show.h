/* Buckets and keys of the view as JSON, for the operator. */
#ifndef NODE_REQUEST_ADMIN_SHOW_H
#define NODE_REQUEST_ADMIN_SHOW_H

#include "node/request/request.h"

/* What the index says of a whole bucket. */
struct admin_totals {
    uint64_t partitions;
    struct crdt_tally tally;
};

/* `totals` may be NULL. */
void admin_show_bucket(const struct service *service, struct http_json_writer *writer,
                       const struct document_bucket *bucket, const struct admin_totals *totals);
/* The secret is shown when `secret` is not absent. */
void admin_show_key(const struct service *service, struct http_json_writer *writer, const struct document_key *key,
                    struct span secret);
void admin_show_buckets(const struct service *service, struct http_json_writer *writer);
void admin_show_keys(const struct service *service, struct http_json_writer *writer);
void admin_show_status(const struct service *service, struct http_json_writer *writer);

#endif
