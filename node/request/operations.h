/* The nine operations: how each begins. Authentic, permitted, bucket known: api.c has seen to it. Head and route
 * are borrowed for the call; each copies what it needs later. */
#ifndef NODE_REQUEST_OPERATIONS_H
#define NODE_REQUEST_OPERATIONS_H

#include "node/request/request.h"

void get_begin(struct request *request, const struct http_head *head, const struct http_route *route);
void put_begin(struct request *request, const struct http_head *head, const struct http_route *route,
               const struct auth_payload *promised);
void index_begin(struct request *request, const struct http_route *route);
void insert_batch_begin(struct request *request, const struct auth_payload *promised);
void read_batch_begin(struct request *request, const struct auth_payload *promised);
void delete_batch_begin(struct request *request, const struct auth_payload *promised);
void poll_item_begin(struct request *request, const struct http_head *head, const struct http_route *route);
void poll_range_begin(struct request *request, const struct http_route *route,
                      const struct auth_payload *promised);

/* The item a path and its sort_key name, copied into the request. False when it was answered instead (too long a
 * key, memory). */
bool operation_key(struct request *request, const struct http_route *route, struct op_key *key);

/* The operation's own zeroed memory; NULL when the request was answered instead. */
void *operation_work(struct request *request, size_t bytes, const struct request_calls *calls);

#endif
