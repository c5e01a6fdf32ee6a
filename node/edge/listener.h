/* Takes connections at a port, and hands each to whoever opened the listener.
 *
 * Accepts by itself and not through libuv, which cannot be told to pause: when the system has no descriptor left,
 * a listener does until the next sweep, and who knocks waits in the kernel's queue.
 */
#ifndef NODE_EDGE_LISTENER_H
#define NODE_EDGE_LISTENER_H

#include <uv.h>

#include "node/edge/log.h"
#include "node/edge/port.h"

enum {
    LISTENER_BURST = 256, /* taken before other sockets are looked at again */
};

struct listener {
    uv_poll_t poll;
    const struct log *log;
    struct port *port; /* NULL: not open */
    void (*on_connection)(void *owner, int fd);
    void *owner;
    bool is_paused; /* no descriptor or memory was left */
};

/* Connections come once the loop runs, each as a descriptor that is `on_connection`'s from then on. `port` is
 * open, and outlives the listener, as the others do. On failure `message` (CONFIG_MESSAGE_BYTES) says why. */
MUST_USE enum err listener_open(struct listener *listener, uv_loop_t *uv, const struct log *log, struct port *port,
                                void (*on_connection)(void *owner, int fd), void *owner, char *message);

/* Take connections again after a pause. */
void listener_resume(struct listener *listener);

/* Take no more; the port stays open. Accepts a zeroed one, and itself twice. */
void listener_detach(struct listener *listener);

/* The same, and close the port: who knocks is refused. */
void listener_close(struct listener *listener);

#endif
