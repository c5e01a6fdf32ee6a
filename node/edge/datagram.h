/* Datagrams between nodes: out of the node to addresses and names, and in to the node. */
#ifndef NODE_EDGE_DATAGRAM_H
#define NODE_EDGE_DATAGRAM_H

#include "node/edge/port.h"
#include "node/edge/resolver.h"

enum {
    DATAGRAMS_BURST = 64,  /* taken before other sockets are looked at again… */
    DATAGRAMS_TURN_MS = 5, /* …and for so long at most */
};

struct datagrams {
    uv_poll_t poll;
    const struct port *port; /* NULL: not open */
    struct resolver resolver;
    void (*on_datagram)(void *owner, struct span from, struct span bytes);
    void *owner;
    uint8_t buffer[LIMITS_DATAGRAM_BYTES_MAX + 1]; /* one byte more tells of a longer one */
};

/* `port` has a socket for datagrams and outlives them. On failure `message` (CONFIG_MESSAGE_BYTES) says why. */
MUST_USE enum err datagrams_open(struct datagrams *datagrams, uv_loop_t *uv, const struct port *port,
                                 void (*on_datagram)(void *owner, struct span from, struct span bytes),
                                 void *owner, char *message);

/* From now on each that comes is told, with "HOST:PORT" of where it came from; one that is too long is not. */
void datagrams_start(struct datagrams *datagrams);

/* Send one; it may be lost, and nobody hears of it. */
void datagrams_send(struct datagrams *datagrams, struct span address, struct span bytes);

/* The socket is the port's and stays open. Accepts a zeroed one, and itself twice. */
void datagrams_close(struct datagrams *datagrams);

#endif
