/* The seen marker as text: sealed over bucket and partition key, base64 (H8). */
#ifndef NODE_REQUEST_MARKER_H
#define NODE_REQUEST_MARKER_H

#include "crdt/seen.h"
#include "node/request/request.h"

/* Read a client's marker for the partition of `key` (its sort key is not used) that covers `interval`, and
 * restrict it to that. What is kept lies in `arena`, no larger than it must be; `scratch` is for the way there.
 * False: malformed, forged, of another partition or range; or out of memory, then *is_memory is set. */
bool marker_read(const struct service *service, const struct op_key *key, const struct crdt_interval *interval,
                 struct http_span text, struct arena *arena, struct arena *scratch, struct crdt_seen *seen,
                 bool *is_memory);

/* An empty marker for `interval`. False when out of memory. */
bool marker_begin(const struct crdt_interval *interval, struct arena *arena, struct crdt_seen *seen);

/* A copy to absorb into while `from` is still asked what is new. False when out of memory. */
bool marker_copy(const struct crdt_seen *from, struct arena *arena, struct crdt_seen *to);

/* The marker's text, in `arena`; at == NULL when out of memory. */
struct http_span marker_write(const struct service *service, const struct op_key *key,
                              const struct crdt_seen *seen, struct arena *arena);

#endif
