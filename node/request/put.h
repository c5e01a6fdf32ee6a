/* What the writing operations share: refusals of the store in words. */
#ifndef NODE_REQUEST_PUT_H
#define NODE_REQUEST_PUT_H

#include "node/request/answer.h"

/* Answer a write that failed or was refused. False when it was done and there is nothing to say. */
bool put_answer_refusal(struct request *request);

#endif
