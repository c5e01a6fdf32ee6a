/* GET /v1/check: all rows checked portion by portion (store/check.h), answered as it goes on.
 *
 *     route --> op --> (piece of the answer --> op)* --> end
 *
 * A step of the answer says how far the check has come and what it found; it is sent after some portions, so that
 * who reads it sees progress. Nothing of the check outlives its connection. */
#ifndef NODE_REQUEST_ADMIN_CHECK_H
#define NODE_REQUEST_ADMIN_CHECK_H

#include "node/request/answer.h"

enum { ADMIN_CHECK_STEP_PORTIONS = 16 };

/* The request was let in and routed. */
void admin_check_begin(struct request *request);

/* One finding as a JSON object. Bucket and keys are shown where they are known and text; a key on a damaged row
 * may itself be damaged. */
void admin_check_finding(struct http_json_writer *writer, const struct op_finding *finding);

#endif
