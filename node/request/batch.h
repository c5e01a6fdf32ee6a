/* What the batch operations share: arrays that grow in the request, and refusals that name their element. */
#ifndef NODE_REQUEST_BATCH_H
#define NODE_REQUEST_BATCH_H

#include "node/request/range.h"

/* An array in the request's arena that doubles. */
struct batch_array {
    void *elements;
    uint32_t count;
    uint32_t capacity;
};

/* One more element of `bytes`, zeroed; NULL when out of memory. Elements may move. */
void *batch_add(struct request *request, struct batch_array *array, size_t bytes);

/* 400 InvalidRequest: "element N: reason". */
void batch_refuse(struct request *request, uint32_t index, const char *reason);

/* The range of an element: true, or answered with what is wrong. `query` is borrowed as long as the range. */
bool batch_range(struct request *request, uint32_t index, const struct range_query *query, struct range *range);

/* The members prefix, start and end as they were asked. */
void batch_echo_range(struct http_json_writer *writer, const struct range_query *query);

/* The members limit and reverse. */
void batch_echo_limit(struct http_json_writer *writer, const struct range_query *query);

/* The members more and nextStart, after the listing. */
void batch_echo_end(struct http_json_writer *writer, const struct range *range);

#endif
