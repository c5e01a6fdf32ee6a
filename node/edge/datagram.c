/* One socket, never waited for: what it does not take is lost, as datagrams may be. */
#include "node/edge/datagram.h"

#include "node/edge/clock.h"

#include <errno.h>

static void send_to(void *owner, const struct sockaddr_storage *address, struct span bytes)
{
    const struct datagrams *datagrams = owner;
    if (datagrams->port == NULL) return;
    (void)sendto(datagrams->port->datagram_fd, bytes.bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)address, address_length(address));
}

void datagrams_send(struct datagrams *datagrams, struct span address, struct span bytes)
{
    struct sockaddr_storage to;
    if (datagrams->port == NULL || bytes.length > LIMITS_DATAGRAM_BYTES_MAX) return;
    if (!resolver_find(&datagrams->resolver, address, bytes, clock_monotonic_ms(), &to)) return;
    send_to(datagrams, &to, bytes);
}

/* The next one that waits. False when there is none. */
static bool take_one(struct datagrams *datagrams)
{
    struct sockaddr_storage from = {0};
    socklen_t from_length = sizeof from;
    char text[ADDRESS_BYTES];
    ssize_t length = recvfrom(datagrams->port->datagram_fd, datagrams->buffer, sizeof datagrams->buffer,
                              MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
    if (length < 0) return errno != EAGAIN && errno != EWOULDBLOCK; /* an error of one that was sent */
    if (length > LIMITS_DATAGRAM_BYTES_MAX) return true;            /* no node sends such a one */
    struct span name = span_of(text, address_text(&from, text));
    datagrams->on_datagram(datagrams->owner, name, span_of(datagrams->buffer, (size_t)length));
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct datagrams *datagrams = poll->data;
    uint64_t ends_ms = clock_monotonic_ms() + DATAGRAMS_TURN_MS;
    (void)status;
    (void)events;
    for (int i = 0; i < DATAGRAMS_BURST && datagrams->port != NULL; i++) {
        if (!take_one(datagrams) || clock_monotonic_ms() > ends_ms) return;
    }
}

enum err datagrams_open(struct datagrams *datagrams, uv_loop_t *uv, const struct port *port,
                        void (*on_datagram)(void *owner, struct span from, struct span bytes), void *owner,
                        char *message)
{
    *datagrams = (struct datagrams){.on_datagram = on_datagram, .owner = owner};
    int rc = uv_poll_init(uv, &datagrams->poll, port->datagram_fd);
    if (rc != 0) {
        snprintf(message, CONFIG_MESSAGE_BYTES, "cannot watch a port: %s", uv_strerror(rc));
        return ERR_CONFIG;
    }
    datagrams->poll.data = datagrams;
    datagrams->port = port;
    resolver_open(&datagrams->resolver, uv, port->address.is_v6, send_to, datagrams);
    return ERR_OK;
}

void datagrams_start(struct datagrams *datagrams)
{
    if (datagrams->port != NULL) uv_poll_start(&datagrams->poll, UV_READABLE, on_readable);
}

void datagrams_close(struct datagrams *datagrams)
{
    if (datagrams->port == NULL) return;
    uv_close((uv_handle_t *)&datagrams->poll, NULL);
    resolver_close(&datagrams->resolver);
    datagrams->port = NULL;
}
