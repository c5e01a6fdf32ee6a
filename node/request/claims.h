/* What a request says of its own signature, wherever it says so: in the Authorization header or in the query.
 *
 * Only read here, and refused when it cannot be read; whether it is true is decided by auth.c alone. Pure.
 */
#ifndef NODE_REQUEST_CLAIMS_H
#define NODE_REQUEST_CLAIMS_H

#include "node/request/auth.h"
#include "node/request/text.h"

/* The spans point into the head or the route. */
struct claims {
    bool is_presigned;
    struct http_span key_id;
    struct http_span scope;          /* not compared with anything yet */
    struct http_span signed_headers; /* the list as sent */
    struct http_span datetime;       /* any text yet */
    struct http_span payload_hash;   /* the text that goes into the canonical request */
    uint64_t expires_s;              /* presigned only; at most AUTH_PRESIGNED_SECONDS_MAX */
    uint8_t signature[HASH_SHA256_BYTES];
};

/* Is there a signature, and where? False for an anonymous request. */
bool claims_find(const struct http_head *head, const struct http_route *route, bool *is_presigned);

/* Read the claims of a request that has some. False with the refusal in `answer`. */
bool claims_read(const struct http_head *head, const struct http_route *route, bool is_presigned,
                 struct claims *claims, struct auth_answer *answer);

/* A header that is read as text: there, and nothing but visible ASCII. False with the refusal in `answer`. */
bool claims_read_header(const struct http_head *head, const char *name, struct http_span *value,
                        struct auth_answer *answer);

/* Is it the name of one of the x-amz-… headers, in any case? */
bool claims_is_amz_name(struct http_span name);

/* Fill in a refusal: the status, the code, the reason. Always false, to be returned at once. */
bool claims_refuse(struct auth_answer *answer, int status, const char *code, const char *reason);
/* 400 because of one header or parameter, named between the two parts of the reason as far as it is printable. */
bool claims_refuse_name(struct auth_answer *answer, const char *code, const char *before, struct http_span name,
                        const char *after);
/* 400 InvalidRequest. */
bool claims_refuse_invalid(struct auth_answer *answer, const char *reason);

#endif
