/* Names, connections, bytes. */
#include "node/edge/peer_link.h"

#include "node/edge/peer.h"

#include <assert.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>

struct sending {
    uv_write_t write;
    struct peer_link *link;
    size_t length;
    uint8_t bytes[];
};

static void let_go(struct peer_link *link)
{
    assert(link->holders > 0);
    if (--link->holders == 0) free(link);
}

static void on_handle_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

static void close_tcp(struct peer_link *link, uv_close_cb on_closed)
{
    if (!link->has_tcp) return;
    link->has_tcp = false;
    link->is_reading = false;
    uv_close((uv_handle_t *)&link->tcp, on_closed);
}

static void tell(struct peer_link *link, struct event *event)
{
    const struct peers_owner *owner = &link->peers->owner;
    event->link.number = link->number;
    owner->on_event(owner->self, event);
}

/* The node is to hear of it in this turn; it may be due already. */
static void tell_later(struct peer_link *link)
{
    list_remove(&link->told_link);
    list_append(&link->peers->told, &link->told_link);
}

void peer_link_close(struct peer_link *link, const char *why)
{
    if (link->state == PEER_LINK_CLOSED) return;
    if (link->state == PEER_LINK_LOOKING) (void)uv_cancel((uv_req_t *)&link->lookup);
    link->state = PEER_LINK_CLOSED;
    link->why = why;
    link->was_sent = false;
    close_tcp(link, on_handle_closed);
    uv_close((uv_handle_t *)&link->timer, on_handle_closed);
    tell_later(link);
}

void peer_link_forget(struct peer_link *link)
{
    assert(link->state == PEER_LINK_CLOSED);
    list_remove(&link->told_link);
    let_go(link);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    const struct peer_link *link = handle->data;
    const struct peers_owner *owner = &link->peers->owner;
    (void)suggested;
    *buffer = uv_buf_init(owner->buffer, (unsigned)owner->buffer_bytes);
}

/* A node that does not take our answers is not asked for more. */
static void reading_update(struct peer_link *link)
{
    bool wanted = link->has_tcp && (link->state == PEER_LINK_ENDING ||
                                    (link->state == PEER_LINK_OPEN && link->queued_bytes < PEER_LINK_PAUSE_BYTES));
    if (!link->has_tcp || wanted == link->is_reading) return;
    if (wanted) {
        wanted = uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read) == 0;
    } else {
        uv_read_stop((uv_stream_t *)&link->tcp);
    }
    link->is_reading = wanted;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct peer_link *link = stream->data;
    if (count == 0) return;
    if (count < 0) {
        bool is_ours = link->state == PEER_LINK_ENDING;
        const char *why = count == UV_EOF ? "the other end closed it" : uv_strerror((int)count);
        peer_link_close(link, is_ours ? NULL : why);
        return;
    }
    if (link->state != PEER_LINK_OPEN) return; /* behind LINK_CLOSE: dropped */
    struct event event = {.kind = EVENT_LINK_BYTES};
    event.link.bytes = span_of(buffer->base, (size_t)count);
    tell(link, &event);
    reading_update(link);
}

/* --- beginning ------------------------------------------------------------------------------------------ */

static struct peer_link *create(struct peers *peers, uint32_t number)
{
    struct peer_link *link = calloc(1, sizeof *link);
    if (link == NULL) return NULL;
    link->peers = peers;
    link->number = number;
    list_init(&link->told_link);
    uv_timer_init(peers->owner.uv, &link->timer);
    link->timer.data = link;
    link->tcp.data = link;
    link->holders = 2; /* the timer, the table */
    peers->links[number] = link;
    return link;
}

static void open_link(struct peer_link *link)
{
    struct sockaddr_storage remote = {0};
    int length = sizeof remote;
    char text[ADDRESS_BYTES] = "?";
    unsigned silence_ms = PEER_LINK_SILENCE_MS;
    uv_os_fd_t fd;
    link->state = PEER_LINK_OPEN;
    uv_timer_stop(&link->timer);
    (void)uv_tcp_nodelay(&link->tcp, 1);
    (void)uv_tcp_keepalive(&link->tcp, 1, PEER_LINK_KEEPALIVE_S);
    if (uv_fileno((const uv_handle_t *)&link->tcp, &fd) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
    size_t text_length = 1;
    if (uv_tcp_getpeername(&link->tcp, (struct sockaddr *)&remote, &length) == 0)
        text_length = address_text(&remote, text);
    struct event event = {.kind = EVENT_LINK_OPEN};
    event.link.remote = span_of(text, text_length);
    tell(link, &event);
    reading_update(link);
}

bool peer_link_accept(struct peers *peers, uint32_t number, int fd)
{
    struct peer_link *link = create(peers, number);
    if (link == NULL) return false;
    uv_tcp_init(peers->owner.uv, &link->tcp);
    link->has_tcp = true;
    link->holders++;
    if (uv_tcp_open(&link->tcp, fd) != 0) {
        peers->links[number] = NULL; /* the node never heard of it */
        link->has_tcp = false;
        uv_close((uv_handle_t *)&link->tcp, on_handle_closed);
        peer_link_close(link, NULL);
        peer_link_forget(link);
        return false;
    }
    open_link(link);
    return true;
}

static void connect_next(struct peer_link *link, const char *why);

/* One address did not answer. */
static void on_failed_closed(uv_handle_t *handle)
{
    struct peer_link *link = handle->data;
    if (link->state == PEER_LINK_CONNECTING) connect_next(link, link->why);
    let_go(link);
}

static void fail_one(struct peer_link *link, const char *why)
{
    link->why = why;
    close_tcp(link, on_failed_closed);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct peer_link *link = request->data;
    if (link->state != PEER_LINK_CONNECTING || !link->has_tcp) return; /* given up already */
    if (status == 0) {
        open_link(link);
    } else {
        fail_one(link, uv_strerror(status));
    }
}

static void on_too_late(uv_timer_t *timer)
{
    struct peer_link *link = timer->data;
    if (link->state == PEER_LINK_CONNECTING) {
        fail_one(link, "nobody answered");
    } else {
        peer_link_close(link, link->state == PEER_LINK_LOOKING ? "its name was not found in time" : NULL);
    }
}

/* Others see a link come from where they would find this node: from the address that is listened at, as datagrams
 * do, where it is one and of the same family. */
static void bind_source(struct peer_link *link, const struct sockaddr_storage *to)
{
    struct sockaddr_storage source;
    const struct config_address *listen = &link->peers->port->address;
    struct config_address any_port = *listen;
    any_port.port = 0;
    if (config_address_is_any(listen) || !port_name(&any_port, &source) || source.ss_family != to->ss_family)
        return;
    (void)uv_tcp_bind(&link->tcp, (const struct sockaddr *)&source, 0); /* else the system chooses */
}

/* The next address, with its share of the time. */
static void connect_next(struct peer_link *link, const char *why)
{
    link->state = PEER_LINK_CONNECTING;
    if (link->address_index == link->addresses_count) {
        peers_doubt(link->peers, span_text(link->address));
        peer_link_close(link, why);
        return;
    }
    const struct sockaddr_storage *address = &link->addresses[link->address_index++];
    uv_timer_start(&link->timer, on_too_late, PEER_LINK_CONNECT_MS / link->addresses_count, 0);
    uv_tcp_init(link->peers->owner.uv, &link->tcp);
    link->tcp.data = link;
    link->has_tcp = true;
    link->holders++;
    link->connect.data = link;
    bind_source(link, address);
    int rc = uv_tcp_connect(&link->connect, &link->tcp, (const struct sockaddr *)address, on_connected);
    if (rc != 0) fail_one(link, uv_strerror(rc));
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct peer_link *link = lookup->data;
    for (struct addrinfo *at = found; at != NULL && link->addresses_count < PEER_LINK_ADDRESSES_MAX;
         at = at->ai_next) {
        if (at->ai_addrlen > sizeof link->addresses[0]) continue;
        memcpy(&link->addresses[link->addresses_count++], at->ai_addr, at->ai_addrlen);
    }
    uv_freeaddrinfo(found);
    if (link->state == PEER_LINK_LOOKING) {
        link->state = PEER_LINK_CONNECTING;
        connect_next(link, status == 0 ? "its name has no address" : uv_strerror(status));
    }
    let_go(link);
}

static void look_up(struct peer_link *link, const struct address_parts *parts)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    link->lookup.data = link;
    uv_timer_start(&link->timer, on_too_late, PEER_LINK_CONNECT_MS, 0);
    if (address_look_up(link->peers->owner.uv, &link->lookup, on_looked_up, parts, &hints) == 0) {
        link->holders++;
    } else {
        link->state = PEER_LINK_CONNECTING; /* there is no lookup to take back */
        peer_link_close(link, "its name cannot be asked for");
    }
}

struct peer_link *peer_link_dial(struct peers *peers, uint32_t number, struct span address)
{
    struct address_parts parts;
    struct peer_link *link = create(peers, number);
    if (link == NULL) return NULL;
    if (!address_split(address, &parts)) {
        link->state = PEER_LINK_CONNECTING;
        peer_link_close(link, "not an address: HOST:PORT is wanted");
        return link;
    }
    memcpy(link->address, address.bytes, address.length);
    if (address_literal(&parts, &link->addresses[0])) {
        link->addresses_count = 1;
        connect_next(link, NULL);
    } else {
        look_up(link, &parts);
    }
    return link;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
    struct sending *sending = write->data;
    struct peer_link *link = sending->link;
    link->queued_bytes -= sending->length;
    free(sending);
    if (status != 0 && link->state == PEER_LINK_OPEN) peer_link_close(link, uv_strerror(status));
    if (link->state == PEER_LINK_OPEN && link->queued_bytes == 0) {
        link->was_sent = true;
        tell_later(link);
    }
    reading_update(link);
    let_go(link);
}

/* What the socket did not take at once waits, in memory of its own. */
static void queue(struct peer_link *link, struct span bytes)
{
    struct sending *sending = malloc(sizeof *sending + bytes.length);
    if (sending == NULL) {
        peer_link_close(link, "out of memory");
        return;
    }
    sending->link = link;
    sending->length = bytes.length;
    sending->write.data = sending;
    memcpy(sending->bytes, bytes.bytes, bytes.length);
    uv_buf_t buffer = uv_buf_init((char *)sending->bytes, (unsigned)bytes.length);
    if (uv_write(&sending->write, (uv_stream_t *)&link->tcp, &buffer, 1, on_written) != 0) {
        free(sending);
        peer_link_close(link, "out of memory");
        return;
    }
    link->holders++;
    link->queued_bytes += bytes.length;
}

void peer_link_send(struct peer_link *link, struct span bytes)
{
    if (link->state != PEER_LINK_OPEN) return;
    if (bytes.length > LINK_QUEUE_BYTES_MAX - link->queued_bytes) {
        peer_link_close(link, "it does not take what is sent");
        return;
    }
    size_t taken = 0;
    if (link->queued_bytes == 0) {
        uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes.bytes, (unsigned)bytes.length);
        int rc = uv_try_write((uv_stream_t *)&link->tcp, &buffer, 1);
        if (rc < 0 && rc != UV_EAGAIN) {
            peer_link_close(link, uv_strerror(rc));
            return;
        }
        taken = rc < 0 ? 0 : (size_t)rc;
    }
    if (taken < bytes.length) {
        queue(link, span_of(bytes.bytes + taken, bytes.length - taken));
    } else {
        link->was_sent = true;
        tell_later(link);
    }
    reading_update(link);
}

/* --- ending --------------------------------------------------------------------------------------------- */

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct peer_link *link = request->data;
    if (status != 0) peer_link_close(link, NULL);
    let_go(link);
}

void peer_link_end(struct peer_link *link)
{
    if (link->state == PEER_LINK_CLOSED || link->state == PEER_LINK_ENDING) return;
    if (link->state != PEER_LINK_OPEN) {
        peer_link_close(link, NULL);
        return;
    }
    link->state = PEER_LINK_ENDING;
    link->was_sent = false;
    list_remove(&link->told_link);
    link->shutdown.data = link;
    uv_timer_start(&link->timer, on_too_late, PEER_LINK_CLOSE_MS, 0);
    /* Closing at once could destroy what is on its way: say that no more comes, read past the rest, then close. */
    if (uv_shutdown(&link->shutdown, (uv_stream_t *)&link->tcp, on_shutdown) != 0) {
        peer_link_close(link, NULL);
        return;
    }
    link->holders++;
    reading_update(link);
}
