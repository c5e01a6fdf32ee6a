/* A port: sockets that are bound and listen, apart from any loop that takes from them. A restart within the
 * process goes on with the same ones: who knocks meanwhile waits in the kernel's queue, and no other process gets
 * the number.
 */
#ifndef NODE_EDGE_PORT_H
#define NODE_EDGE_PORT_H

#include <sys/socket.h>

#include "node/edge/config.h"

enum {
    PORT_BACKLOG = 1024,           /* connections the kernel holds until they are taken */
    PORT_TRIES_MAX = 32,           /* numbers the system picks until one is free for TCP and for UDP */
    PORT_DATAGRAMS_BYTES = 1 << 20 /* asked of the system for datagrams that wait; it may give less */
};

struct port {
    int fd;                        /* of TCP; -1: closed */
    int datagram_fd;               /* of UDP, at the same number; -1: none */
    struct config_address address; /* with the number that was bound */
};

/* Closed. */
void port_init(struct port *port);

/* Bind and listen, by TCP and, with `has_datagrams`, by UDP. On failure `message` (CONFIG_MESSAGE_BYTES) says why,
 * and nothing is open. */
MUST_USE enum err port_open(struct port *port, const struct config_address *address, bool has_datagrams,
                            char *message);

/* The address as sockets have it; false for what is none. */
bool port_name(const struct config_address *address, struct sockaddr_storage *name);

/* Only that of TCP: who knocks is refused. */
void port_close_connections(struct port *port);

/* Accepts a closed one. */
void port_close(struct port *port);

#endif
