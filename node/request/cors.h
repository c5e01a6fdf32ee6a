/* Cross-origin rules of a bucket: the preflight's answer and the headers on real answers (reference 6.2, 6.3;
 * design 9: the one matching origin, on every method and on errors too). */
#ifndef NODE_REQUEST_CORS_H
#define NODE_REQUEST_CORS_H

#include "node/core/view.h"

#include "http/reply.h"

struct cors_query {
    struct http_span origin;
    struct http_span method;
    struct http_span headers; /* Access-Control-Request-Headers; absent when none */
};

/* The first rule of `payload` that allows the query. */
bool cors_find(struct span payload, const struct cors_query *query, struct document_rule *rule);

/* The four headers of a matching rule. `origin` must be visible ASCII (cors_is_plain). */
void cors_headers(struct http_out *out, struct document_rule rule, struct http_span origin);

/* May this text of a client be written into a header? Visible ASCII and blanks. */
bool cors_is_plain(struct http_span text);

#endif
