/* The single entry of clients: route, check the signature, resolve the bucket, check the permission, and only then
 * hand on (H29). The order of refusals is the reference's (section 4). */
#ifndef NODE_REQUEST_API_H
#define NODE_REQUEST_API_H

#include "node/request/request.h"

/* A K2V request's head came. The head is borrowed for the call. */
void api_begin(struct request *request, const struct http_head *head);

#endif
