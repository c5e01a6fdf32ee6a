/* accept(), and what it may say. */
#include "node/edge/listener.h"

#include <errno.h>
#include <sys/socket.h>

static void pause_listener(struct listener *listener)
{
    struct log_line line;
    listener->is_paused = true;
    uv_poll_stop(&listener->poll);
    log_begin(&line, listener->log, LOG_LEVEL_WARN, "no connection can be taken for now");
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
    for (int i = 0; i < LISTENER_BURST && listener->port != NULL; i++) {
        int fd = accept4(listener->port->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->on_connection(listener->owner, fd);
        } else if (!is_of_the_peer(errno)) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) pause_listener(listener);
            return;
        }
    }
}

void listener_resume(struct listener *listener)
{
    if (!listener->is_paused || listener->port == NULL) return;
    listener->is_paused = false;
    uv_poll_start(&listener->poll, UV_READABLE, on_knock);
}

enum err listener_open(struct listener *listener, uv_loop_t *uv, const struct log *log, struct port *port,
                       void (*on_connection)(void *owner, int fd), void *owner, char *message)
{
    *listener = (struct listener){.log = log, .port = port, .on_connection = on_connection, .owner = owner};
    int rc = uv_poll_init(uv, &listener->poll, port->fd);
    if (rc != 0) {
        snprintf(message, CONFIG_MESSAGE_BYTES, "cannot watch a port: %s", uv_strerror(rc));
        listener->port = NULL;
        return ERR_CONFIG;
    }
    listener->poll.data = listener;
    listener->is_paused = true;
    listener_resume(listener);
    return ERR_OK;
}

void listener_detach(struct listener *listener)
{
    if (listener->port == NULL) return;
    uv_close((uv_handle_t *)&listener->poll, NULL);
    listener->port = NULL;
}

void listener_close(struct listener *listener)
{
    struct port *port = listener->port;
    listener_detach(listener);
    if (port != NULL) port_close(port);
}
