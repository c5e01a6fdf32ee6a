/* A port: bound, listened on, and every connection of it handed to the clients.
 *
 * Accepts by itself and not through libuv, which cannot be told to pause: when the system has no descriptor left,
 * a listener does until the next sweep, and who knocks waits in the kernel's queue.
 */
#ifndef NODE_EDGE_LISTENER_H
#define NODE_EDGE_LISTENER_H

#include <uv.h>

#include "node/core/event.h"
#include "node/edge/config.h"

struct loop;

enum {
    LISTENER_BACKLOG = 1024, /* connections the kernel holds until they are taken */
    LISTENER_BURST = 256,    /* taken before other sockets are looked at again */
};

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    enum event_door door;
    int fd;                        /* -1: closed */
    bool is_paused;                /* no descriptor or memory was left */
    struct config_address address; /* with the port that was bound */
};

/* Bind and listen; connections come once the loop runs. On failure `message` (CONFIG_MESSAGE_BYTES) says why. */
MUST_USE enum err listener_open(struct listener *listener, struct loop *loop, enum event_door door,
                                const struct config_address *address, char *message);

/* Take connections again after a pause. */
void listener_resume(struct listener *listener);

/* Take no more. Accepts one that was never opened if its fd is -1, and itself twice. */
void listener_close(struct listener *listener);

#endif
