/* Names of nodes as addresses of datagrams, remembered: a datagram goes out many times a second, and its name is
 * asked for off the loop every half minute, or sooner when a link to it could not be made.
 *
 * While a name is asked for the first time, the newest datagram for it is held.
 */
#ifndef NODE_EDGE_RESOLVER_H
#define NODE_EDGE_RESOLVER_H

#include <uv.h>

#include "node/edge/address.h"

enum {
    RESOLVER_NAMES_MAX = 256,      /* the longest unused one goes */
    RESOLVER_UNDERWAY_MAX = 2,     /* lookups at one time: links need threads for theirs */
    RESOLVER_FRESH_MS = 30 * 1000, /* an address is taken for right */
    RESOLVER_RETRY_MS = 2 * 1000,  /* between two lookups of a name that has none */
};

struct resolver_name;

struct resolver {
    uv_loop_t *uv;
    bool is_v6; /* the socket's family: addresses are made to fit */
    bool is_closed;
    uint32_t underway_count;
    uint32_t count;
    struct resolver_name *names[RESOLVER_NAMES_MAX];
    /* A held datagram can go. */
    void (*on_found)(void *owner, const struct sockaddr_storage *address, struct span bytes);
    void *owner;
};

/* `uv` and `owner` outlive it, until the loop has run to its end after resolver_close(). */
void resolver_open(struct resolver *resolver, uv_loop_t *uv, bool is_v6,
                   void (*on_found)(void *owner, const struct sockaddr_storage *address, struct span bytes),
                   void *owner);
void resolver_close(struct resolver *resolver);

/* The address of `text` ("HOST:PORT"), of a literal at once. False when it is not known (yet): `bytes`, at most
 * LIMITS_DATAGRAM_BYTES_MAX, are then held until it is, or lost. */
bool resolver_find(struct resolver *resolver, struct span text, struct span bytes, uint64_t now_ms,
                   struct sockaddr_storage *address);

/* It may be elsewhere now: ask again at its next use. */
void resolver_doubt(struct resolver *resolver, struct span text);

#endif
