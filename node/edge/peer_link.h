/* One connection to another node: bytes out of the node and in, and every way it ends.
 *
 *     LOOKING --name--> CONNECTING --there--> OPEN --LINK_CLOSE--> ENDING --both ends are done--> CLOSED
 *        |                 |                   |                     |
 *        '--- no name, nobody there, the other end closed, an error, too late, no memory, at once ---^
 *
 * One that came in begins OPEN. CLOSED is told to the node as EVENT_LINK_GONE, before the turn ends and never
 * within a step; then the number is free. What is inside the bytes, and how long a handshake may take, is the
 * node's.
 */
#ifndef NODE_EDGE_PEER_LINK_H
#define NODE_EDGE_PEER_LINK_H

#include <uv.h>

#include "node/base/list.h"
#include "node/core/link.h"
#include "node/edge/address.h"

struct peers;

enum {
    PEER_LINK_CONNECT_MS = 5 * 1000, /* from LINK_DIAL to a connection: the addresses of a name share it */
    PEER_LINK_CLOSE_MS = 3 * 1000,   /* for what was sent before LINK_CLOSE to leave, and the other end to close */
    PEER_LINK_ADDRESSES_MAX = 4,     /* of a name, tried in their order */
    PEER_LINK_SILENCE_MS = 30 * 1000, /* bytes that nobody confirms for so long: the other end is gone */
    PEER_LINK_KEEPALIVE_S = 60,       /* TCP asks whether a silent node is still there */
    PEER_LINK_PAUSE_BYTES = 4 << 20,  /* waiting to be sent: then nothing more is read from there */
};

enum peer_link_state {
    PEER_LINK_LOOKING,
    PEER_LINK_CONNECTING,
    PEER_LINK_OPEN,
    PEER_LINK_ENDING,
    PEER_LINK_CLOSED
};

struct peer_link {
    uv_tcp_t tcp;
    uv_timer_t timer; /* of connecting, then of ending */
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    uv_getaddrinfo_t lookup;
    struct peers *peers;
    uint32_t number;
    enum peer_link_state state;
    uint32_t holders; /* of this memory: handles, a lookup, and the table until the node was told */
    bool has_tcp;     /* open, and not being closed */
    bool is_reading;
    bool was_sent; /* the node is to hear that nothing waits */
    struct sockaddr_storage addresses[PEER_LINK_ADDRESSES_MAX];
    uint32_t addresses_count, address_index;
    char address[ADDRESS_BYTES]; /* as it was dialled */
    size_t queued_bytes;
    const char *why; /* it ended, for ever; NULL: we closed it */
    struct list told_link;
};

/* Dial `address` for the number; what comes of it is told later, a failure too. NULL without memory. */
struct peer_link *peer_link_dial(struct peers *peers, uint32_t number, struct span address);

/* Take the connection `fd` over and step EVENT_LINK_OPEN. False without memory: it is closed. */
bool peer_link_accept(struct peers *peers, uint32_t number, int fd);

/* Effects. The bytes are copied. */
void peer_link_send(struct peer_link *link, struct span bytes);
void peer_link_end(struct peer_link *link);

/* At once, whatever waits. `why` as above. */
void peer_link_close(struct peer_link *link, const char *why);

/* The table lets go of one that is CLOSED. */
void peer_link_forget(struct peer_link *link);

#endif
