/* One item as clients see it: its token, the forms its values are answered in, its place in batch answers. */
#ifndef NODE_REQUEST_ITEM_H
#define NODE_REQUEST_ITEM_H

#include "crdt/token.h"
#include "node/request/answer.h"

/* What the Accept header allows (reference 3.2). */
enum item_form { ITEM_FORM_JSON, ITEM_FORM_BINARY, ITEM_FORM_EITHER, ITEM_FORM_NONE };

/* By the first Accept line: exact, case-sensitive names between commas. */
enum item_form item_form_of(const struct http_head *head);

/* Read a client's token for `key` into `clock` (memory from `arena`). False: malformed, forged, or made for
 * another item (H7); or out of memory, then *is_memory is set. */
bool item_token_read(const struct service *service, const struct op_key *key, struct http_span text,
                     struct arena *arena, struct crdt_vclock *clock, bool *is_memory);

/* The token of `clock` for `key`, in `arena`; at == NULL when out of memory. */
struct http_span item_token_write(const struct service *service, const struct op_key *key,
                                  const struct crdt_vclock *clock, struct arena *arena);

/* The context of a state, its entries in `arena`. False when out of memory. */
bool item_context(const struct crdt_dvvs *state, struct arena *arena, struct crdt_vclock *clock);

/* Answer as ReadItem does. What `state` holds stays in request->scratch until it is sent. */
void item_answer(struct request *request, enum item_form form, const struct op_key *key, bool has_item,
                 const struct crdt_dvvs *state);

/* {"sk", "ct", "v"} of a batch's answer. False when out of memory. */
bool item_write(struct request *request, struct http_json_writer *writer, const struct op_key *key,
                const struct crdt_dvvs *state);

/* How many values a client sees. False when out of memory. */
bool item_values_count(struct request *request, const struct crdt_dvvs *state, uint32_t *count);

/* Is the key short enough? Else answers 400 naming `what` and the limit. */
bool item_key_fits(struct request *request, const char *what, struct http_span key, size_t bytes_max);

#endif
