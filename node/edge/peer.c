/* Numbers to connections, and back. */
#include "node/edge/peer.h"

#include "node/edge/clock.h"

#include <assert.h>
#include <unistd.h>

static void on_datagram(void *self, struct span from, struct span bytes)
{
    struct peers *peers = self;
    struct event event = {.kind = EVENT_DATAGRAM};
    event.datagram.bytes = bytes;
    event.datagram.from = from;
    peers->owner.on_event(peers->owner.self, &event);
}

enum err peers_open(struct peers *peers, const struct peers_owner *owner, struct port *port, char *message)
{
    list_init(&peers->told);
    peers->owner = *owner;
    peers->port = port;
    return datagrams_open(&peers->datagrams, owner->uv, port, on_datagram, peers, message);
}

/* --- coming in ------------------------------------------------------------------------------------------ */

static void turn_away(struct peers *peers, int fd)
{
    uint64_t now_ms = clock_monotonic_ms();
    close(fd);
    if (peers->turned_away_ms != 0 && now_ms - peers->turned_away_ms < PEERS_TURNED_AWAY_LOG_MS) return;
    peers->turned_away_ms = now_ms;
    log_event(peers->owner.log, LOG_LEVEL_WARN, "as many links from other nodes as can be are there");
}

static void on_connection(void *self, int fd)
{
    struct peers *peers = self;
    uint32_t number = LIMITS_LINKS_DIALLED_MAX;
    while (number < PEERS_LINKS_MAX && peers->links[number] != NULL) {
        number++;
    }
    if (number == PEERS_LINKS_MAX) {
        turn_away(peers, fd);
    } else if (!peer_link_accept(peers, number, fd)) {
        close(fd);
    }
}

enum err peers_start(struct peers *peers, char *message)
{
    if (peers->port == NULL || peers->listener.port != NULL) return ERR_OK;
    datagrams_start(&peers->datagrams);
    return listener_open(&peers->listener, peers->owner.uv, peers->owner.log, peers->port, on_connection, peers,
                         message);
}

/* --- effects -------------------------------------------------------------------------------------------- */

static void dial(struct peers *peers, const struct effect *effect)
{
    uint32_t number = effect->peer.number;
    assert(number < LIMITS_LINKS_DIALLED_MAX && peers->links[number] == NULL);
    if (peer_link_dial(peers, number, effect->peer.address) != NULL) return;
    peers->had_no_memory_count += !peers->had_no_memory[number];
    peers->had_no_memory[number] = true;
}

void peers_carry_out(struct peers *peers, const struct effect *effect)
{
    if (peers->port == NULL) return;
    if (effect->kind == EFFECT_DATAGRAM) {
        datagrams_send(&peers->datagrams, effect->datagram.address, effect->datagram.bytes);
        return;
    }
    assert(effect->peer.number < PEERS_LINKS_MAX);
    struct peer_link *link = peers->links[effect->peer.number];
    if (effect->kind == EFFECT_LINK_DIAL) {
        dial(peers, effect);
    } else if (link == NULL) {
        return; /* closed in between; the node hears of it */
    } else if (effect->kind == EFFECT_LINK_SEND) {
        peer_link_send(link, effect->peer.bytes);
    } else if (effect->peer.is_at_once) {
        peer_link_close(link, NULL);
    } else {
        peer_link_end(link);
    }
}

bool peers_have_news(const struct peers *peers)
{
    return peers->port != NULL && (!list_is_empty(&peers->told) || peers->had_no_memory_count > 0);
}

static void tell_no_memory(struct peers *peers)
{
    uint32_t number = 0;
    while (!peers->had_no_memory[number]) {
        number++;
    }
    peers->had_no_memory[number] = false;
    peers->had_no_memory_count--;
    struct event event = {.kind = EVENT_LINK_GONE};
    event.link.number = number;
    event.link.why = "out of memory";
    peers->owner.on_event(peers->owner.self, &event);
}

void peers_tell(struct peers *peers)
{
    if (list_is_empty(&peers->told)) {
        tell_no_memory(peers);
        return;
    }
    struct peer_link *link = LIST_OWNER(peers->told.next, struct peer_link, told_link);
    struct event event = {.kind = EVENT_LINK_SENT};
    event.link.number = link->number;
    list_remove(&link->told_link);
    if (link->state == PEER_LINK_CLOSED) {
        event.kind = EVENT_LINK_GONE;
        event.link.why = link->why;
        peers->links[link->number] = NULL; /* free: the step may dial with this number */
        peer_link_forget(link);
    } else if (!link->was_sent || link->queued_bytes > 0) {
        return; /* more was given since; it will be told of that */
    } else {
        link->was_sent = false;
    }
    peers->owner.on_event(peers->owner.self, &event);
}

void peers_doubt(struct peers *peers, struct span address)
{
    resolver_doubt(&peers->datagrams.resolver, address);
}

/* --- ending --------------------------------------------------------------------------------------------- */

void peers_drain(struct peers *peers)
{
    /* The socket for datagrams stays: others are told that this node leaves. */
    listener_detach(&peers->listener);
    if (peers->port != NULL) port_close_connections(peers->port);
}

void peers_close(struct peers *peers)
{
    if (peers->port == NULL) return;
    listener_detach(&peers->listener);
    datagrams_close(&peers->datagrams);
    for (uint32_t number = 0; number < PEERS_LINKS_MAX; number++) {
        struct peer_link *link = peers->links[number];
        if (link == NULL) continue;
        peers->links[number] = NULL;
        peer_link_close(link, NULL);
        peer_link_forget(link);
    }
    peers->port = NULL;
}
