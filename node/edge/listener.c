/* Sockets that listen. */
#include "node/edge/listener.h"

#include "node/edge/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void pause_listener(struct listener *listener)
{
    struct log_line line;
    listener->is_paused = true;
    uv_poll_stop(&listener->poll);
    log_begin(&line, listener->loop->log, LOG_LEVEL_WARN, "no connection can be taken for now");
    log_text(&line, "why", uv_strerror(uv_translate_sys_error(errno)));
    log_end(&line);
}

/* One that gave up while it waited, or was cut off by the network: accept() tells of the network's errors, too. */
static bool is_of_the_peer(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
    }
}

static void on_knock(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)status; /* accept() says it better */
    (void)events;
    for (int i = 0; i < LISTENER_BURST && listener->fd >= 0; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            client_create(listener->loop, listener->door, fd);
        } else if (!is_of_the_peer(errno)) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) pause_listener(listener);
            return;
        }
    }
}

void listener_resume(struct listener *listener)
{
    if (!listener->is_paused || listener->fd < 0) return;
    listener->is_paused = false;
    uv_poll_start(&listener->poll, UV_READABLE, on_knock);
}

/* A socket that listens at `name`; `name` becomes what was bound. -1 and errno when it cannot be. */
static int socket_listen(struct sockaddr_storage *name)
{
    int yes = 1;
    socklen_t length = sizeof *name;
    socklen_t given = name->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(name->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, (const struct sockaddr *)name, given) == 0 && listen(fd, LISTENER_BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)name, &length) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

enum err listener_open(struct listener *listener, struct loop *loop, enum event_door door,
                       const struct config_address *address, char *message)
{
    struct sockaddr_storage name = {0};
    *listener = (struct listener){.loop = loop, .door = door, .fd = -1, .address = *address};
    int rc = address->is_v6 ? uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)&name)
                            : uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)&name);
    if (rc == 0) listener->fd = socket_listen(&name);
    if (rc == 0 && listener->fd < 0) rc = uv_translate_sys_error(errno);
    if (rc == 0) rc = uv_poll_init(&loop->uv, &listener->poll, listener->fd);
    if (rc != 0) {
        char text[CONFIG_ADDRESS_BYTES];
        config_address_encode(address, address->port, text);
        snprintf(message, CONFIG_MESSAGE_BYTES, "cannot listen on %s: %s", text, uv_strerror(rc));
        if (listener->fd >= 0) close(listener->fd);
        listener->fd = -1;
        return ERR_CONFIG;
    }
    listener->address.port = ntohs(address->is_v6 ? ((struct sockaddr_in6 *)&name)->sin6_port
                                                  : ((struct sockaddr_in *)&name)->sin_port);
    listener->poll.data = listener;
    listener->is_paused = true;
    listener_resume(listener);
    return ERR_OK;
}

void listener_close(struct listener *listener)
{
    if (listener->fd < 0) return;
    uv_close((uv_handle_t *)&listener->poll, NULL);
    close(listener->fd);
    listener->fd = -1;
}
