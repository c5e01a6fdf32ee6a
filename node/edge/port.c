/* Sockets, bound. */
#include "node/edge/port.h"

#include "node/edge/address.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void port_init(struct port *port)
{
    *port = (struct port){.fd = -1, .datagram_fd = -1};
}

/* Bind at `name`, which becomes what was bound. */
static bool bind_to(int fd, struct sockaddr_storage *name)
{
    socklen_t length = sizeof *name;
    return bind(fd, (const struct sockaddr *)name, address_length(name)) == 0 &&
           getsockname(fd, (struct sockaddr *)name, &length) == 0;
}

/* -1 and errno when it cannot be. */
static int socket_at(struct sockaddr_storage *name, int type)
{
    int yes = 1;
    int bytes = PORT_DATAGRAMS_BYTES;
    int fd = socket(name->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    bool is_right = true;
    if (type == SOCK_STREAM) {
        is_right = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0;
    } else {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (is_right && bind_to(fd, name) && (type != SOCK_STREAM || listen(fd, PORT_BACKLOG) == 0)) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* One try. False with errno, and nothing open. */
static bool open_once(struct port *port, struct sockaddr_storage name, bool has_datagrams)
{
    port->fd = socket_at(&name, SOCK_STREAM);
    if (port->fd < 0) return false;
    if (has_datagrams) port->datagram_fd = socket_at(&name, SOCK_DGRAM);
    if (has_datagrams && port->datagram_fd < 0) {
        int error = errno;
        port_close(port);
        errno = error;
        return false;
    }
    port->address.port = address_port(&name);
    return true;
}

bool port_name(const struct config_address *address, struct sockaddr_storage *name)
{
    struct address_parts parts;
    memcpy(parts.host, address->host, sizeof address->host);
    snprintf(parts.port, sizeof parts.port, "%u", (unsigned)address->port);
    return address_literal(&parts, name);
}

enum err port_open(struct port *port, const struct config_address *address, bool has_datagrams, char *message)
{
    struct sockaddr_storage name;
    *port = (struct port){.fd = -1, .datagram_fd = -1, .address = *address};
    errno = EINVAL;
    bool is_open = port_name(address, &name) && open_once(port, name, has_datagrams);
    /* A number that is free for TCP need not be for UDP. */
    for (int i = 0; !is_open && errno == EADDRINUSE && address->port == 0 && i < PORT_TRIES_MAX; i++) {
        is_open = open_once(port, name, has_datagrams);
    }
    if (is_open) return ERR_OK;
    char text[CONFIG_ADDRESS_BYTES];
    const char *why = strerror(errno);
    config_address_encode(address, address->port, text);
    snprintf(message, CONFIG_MESSAGE_BYTES, "cannot listen on %s: %s", text, why);
    return ERR_CONFIG;
}

void port_close_connections(struct port *port)
{
    close_fd(&port->fd);
}

void port_close(struct port *port)
{
    close_fd(&port->fd);
    close_fd(&port->datagram_fd);
}
