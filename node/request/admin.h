/* The operator's requests: status, buckets, keys, permissions. A bearer token opens the door; every change is a
 * set of documents written in one transaction, one request at a time, so that what was checked against the view
 * still holds when it is written.
 *
 *     head --> token --> route --> (body) --> wait for the turn --> check, write documents --> new view --> answer
 */
#ifndef NODE_REQUEST_ADMIN_H
#define NODE_REQUEST_ADMIN_H

#include "node/request/answer.h"

void admin_begin(struct request *request, const struct http_head *head);

/* A change waits for its turn: one at a time, so that what was checked against the view still holds when it is
 * written. First member of the `work` of each request that changes documents. */
struct admin_turn {
    void (*begin)(struct request *request); /* the turn is its own now */
};
void admin_take_turn(struct request *request);
/* The change was answered, or refused. */
void admin_end_turn(struct request *request);

/* The request is over: it holds no turn and waits for none. */
void admin_forget(struct request *request);

/* The store answered a request whose client is gone: what it changed must be seen all the same. */
void admin_abandoned(struct request *request);

#endif
