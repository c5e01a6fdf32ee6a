/* To and from struct sockaddr_in and sockaddr_in6. */
#include "node/edge/address.h"

#include "node/edge/signals.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_split(struct span text, struct address_parts *parts)
{
    if (!config_peer_is_address(text)) return false;
    size_t colon = text.length - 1;
    while (text.bytes[colon] != ':') {
        colon--;
    }
    size_t begin = text.bytes[0] == '[' ? 1 : 0;
    size_t end = begin > 0 ? colon - 1 : colon;
    memcpy(parts->host, text.bytes + begin, end - begin);
    parts->host[end - begin] = '\0';
    memcpy(parts->port, text.bytes + colon + 1, text.length - colon - 1);
    parts->port[text.length - colon - 1] = '\0';
    return true;
}

bool address_literal(const struct address_parts *parts, struct sockaddr_storage *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    uint16_t port = htons((uint16_t)strtoul(parts->port, NULL, 10));
    v4.sin_port = port;
    v6.sin6_port = port;
    *address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, parts->host, &v4.sin_addr) == 1) {
        memcpy(address, &v4, sizeof v4);
    } else if (inet_pton(AF_INET6, parts->host, &v6.sin6_addr) == 1) {
        memcpy(address, &v6, sizeof v6);
    } else {
        return false;
    }
    return true;
}

void address_map(struct sockaddr_storage *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (address->ss_family != AF_INET) return;
    memcpy(&v4, address, sizeof v4);
    v6.sin6_port = v4.sin_port;
    memcpy(v6.sin6_addr.s6_addr, MAPPED, sizeof MAPPED);
    memcpy(v6.sin6_addr.s6_addr + sizeof MAPPED, &v4.sin_addr, sizeof v4.sin_addr);
    memcpy(address, &v6, sizeof v6);
}

int address_look_up(uv_loop_t *uv, uv_getaddrinfo_t *lookup, uv_getaddrinfo_cb on_looked_up,
                    const struct address_parts *parts, const struct addrinfo *hints)
{
    sigset_t before;
    signals_hold(&before);
    int rc = uv_getaddrinfo(uv, lookup, on_looked_up, parts->host, parts->port, hints);
    signals_release(&before);
    return rc;
}

socklen_t address_length(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

uint16_t address_port(const struct sockaddr_storage *address)
{
    struct sockaddr_in6 v6; /* the port stands at the same place in both */
    memcpy(&v6, address, sizeof v6);
    return ntohs(v6.sin6_port);
}

size_t address_text(const struct sockaddr_storage *address, char *text)
{
    char host[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_in6 v6;
    const uint8_t *bytes = v6.sin6_addr.s6_addr;
    bool is_v4 = address->ss_family != AF_INET6;
    memcpy(&v6, address, sizeof v6);
    if (is_v4) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    } else if (memcmp(bytes, MAPPED, sizeof MAPPED) == 0) {
        is_v4 = true;
        (void)inet_ntop(AF_INET, bytes + sizeof MAPPED, host, sizeof host);
    } else {
        (void)inet_ntop(AF_INET6, bytes, host, sizeof host);
    }
    int length = snprintf(text, ADDRESS_BYTES, is_v4 ? "%s:%u" : "[%s]:%u", host, (unsigned)address_port(address));
    return (size_t)length;
}
