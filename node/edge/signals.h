/* The signals that tell a node something, and who takes them: the thread of the loop, no other.
 *
 * The kernel gives a signal to any thread that lets it. One that waits for work may take it as well, but a runtime
 * that puts handlers off until a thread moves (ThreadSanitizer's does) then keeps it for ever: every thread but
 * the loop's is started while they are held back, for a thread begins with the mask of the one that starts it. */
#ifndef NODE_EDGE_SIGNALS_H
#define NODE_EDGE_SIGNALS_H

#include <signal.h>

/* From now on SIGTERM, SIGINT and SIGHUP wait, for this thread and those it starts. `before` is for
 * signals_release(). */
void signals_hold(sigset_t *before);
void signals_release(const sigset_t *before);

#endif
