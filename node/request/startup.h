/* What a node does first: load all documents into a view and, when it is asked to and there is nothing yet, make
 * the demo's bucket and key. Ends with EFFECT_READY, or EFFECT_FAILED. */
#ifndef NODE_REQUEST_STARTUP_H
#define NODE_REQUEST_STARTUP_H

#include "node/request/service.h"

/* Begin. The request it makes has no connection; it is given back by startup_end(). */
void startup_begin(struct requests *requests);
void startup_end(struct requests *requests);

#endif
