/* A request's answer: whole, or streamed piece by piece with back-pressure. Head, CORS headers, framing and the
 * decision whether the connection is kept are made here and nowhere else. */
#ifndef NODE_REQUEST_ANSWER_H
#define NODE_REQUEST_ANSWER_H

#include "node/request/request.h"

/* The reference's error object. `message` is printable UTF-8. When a streamed answer has begun it is cut off
 * instead. */
void answer_error(struct request *request, int status, const char *code, const char *message);

/* An error of the store, in words: 507, 500 or 503. */
void answer_err(struct request *request, enum err err);

/* No body: 200 with content-length 0, or 204, 304 and 409. `token` and `content_type` may be absent (at == NULL,
 * NULL). */
void answer_empty(struct request *request, int status, struct http_span token, const char *content_type);

/* A whole body that stays until it is sent. */
void answer_bytes(struct request *request, int status, struct http_span token, const char *content_type,
                  struct span body);

/* request->out as a whole JSON body. */
void answer_json(struct request *request, int status, struct http_span token);

/* --- streamed: write into request->out; when it is full, flush and wait for on_sent -------------------- */

void answer_stream_begin(struct request *request, struct http_json_writer *writer);
bool answer_stream_is_full(const struct request *request);
/* Send what was written (status 200, application/json); on_sent follows. */
void answer_stream_flush(struct request *request);
/* The piece is out: its memory serves the next one. */
void answer_stream_sent(struct request *request);
/* The document is complete: send the rest. */
void answer_stream_end(struct request *request);

#endif
