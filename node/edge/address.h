/* Addresses of nodes as text and as sockets have them: "HOST:PORT", "[V6]:PORT".
 *
 * A socket of IPv6 meets IPv4 as ::ffff:a.b.c.d; in text that is always plain IPv4, so that a node has one
 * spelling whichever socket saw it.
 */
#ifndef NODE_EDGE_ADDRESS_H
#define NODE_EDGE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "node/core/limits.h"
#include "node/edge/config.h"

enum { ADDRESS_BYTES = LIMITS_ADDRESS_BYTES_MAX + 1 /* with its NUL */ };

/* "HOST:PORT" taken apart, each NUL-terminated, the host without brackets. False for what is no such text. */
struct address_parts {
    char host[ADDRESS_BYTES];
    char port[8];
};
bool address_split(struct span text, struct address_parts *parts);

/* Read a literal; false for a name. */
bool address_literal(const struct address_parts *parts, struct sockaddr_storage *address);

/* Ask for the addresses of a name off the loop, with libuv's threads, which the first question starts and which
 * take no signals. As uv_getaddrinfo(). */
MUST_USE int address_look_up(uv_loop_t *uv, uv_getaddrinfo_t *lookup, uv_getaddrinfo_cb on_looked_up,
                             const struct address_parts *parts, const struct addrinfo *hints);

/* As a socket of IPv6 wants it: ::ffff:a.b.c.d. Other addresses stay. */
void address_map(struct sockaddr_storage *address);

socklen_t address_length(const struct sockaddr_storage *address);
uint16_t address_port(const struct sockaddr_storage *address);

/* Write it into `text` (ADDRESS_BYTES), NUL-terminated; returns its length. */
size_t address_text(const struct sockaddr_storage *address, char *text);

#endif
