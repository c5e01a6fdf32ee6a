/* One turn of the loop: what sockets brought is stepped through the node; each read it asked for has its snapshot;
 * writes it asked for go to the committer together, one batch at a time. */
#ifndef NODE_EDGE_TURN_H
#define NODE_EDGE_TURN_H

#include "node/edge/loop.h"

/* Step one event through the node and carry out what it asks for. */
void turn_step(struct loop *loop, struct event *event);

/* What can be done now, for at most LOOP_TURN_MS, then the next batch of writes; and see to it that what is left
 * has a next turn. A loop that drains and is done is stopped. */
void turn_run(struct loop *loop);

/* The committer's batch is back, or nothing is. For loop->commit_done. */
void turn_on_commit_done(uv_async_t *async);

/* Tell the node that these are done, as they say. */
void turn_answer(struct loop *loop, struct list *ops);

/* A start without its documents cannot go on: say so, and stop the loop with `err`. */
void turn_fail(struct loop *loop, enum err err);

#endif
