/* A small table of names. */
#include "node/edge/resolver.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct resolver_name {
    uv_getaddrinfo_t lookup;
    struct resolver *resolver;
    struct address_parts parts;
    char text[ADDRESS_BYTES];
    size_t length;
    bool has_address;
    bool is_underway;
    struct sockaddr_storage address;
    uint64_t ask_ms; /* not before */
    uint64_t used_ms;
    size_t held_length;
    uint8_t held[LIMITS_DATAGRAM_BYTES_MAX];
};

void resolver_open(struct resolver *resolver, uv_loop_t *uv, bool is_v6,
                   void (*on_found)(void *owner, const struct sockaddr_storage *address, struct span bytes),
                   void *owner)
{
    *resolver = (struct resolver){.uv = uv, .is_v6 = is_v6, .on_found = on_found, .owner = owner};
}

void resolver_close(struct resolver *resolver)
{
    resolver->is_closed = true;
    for (uint32_t i = 0; i < resolver->count; i++) {
        struct resolver_name *name = resolver->names[i];
        if (name->is_underway) {
            (void)uv_cancel((uv_req_t *)&name->lookup); /* it is freed when the answer, whichever, is there */
        } else {
            free(name);
        }
    }
    resolver->count = 0;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct resolver_name *name = lookup->data;
    struct resolver *resolver = name->resolver;
    resolver->underway_count--;
    name->is_underway = false;
    if (resolver->is_closed) {
        free(name);
    } else if (status == 0 && found != NULL && found->ai_addrlen <= sizeof name->address) {
        memcpy(&name->address, found->ai_addr, found->ai_addrlen);
        name->has_address = true;
        if (name->held_length > 0) {
            resolver->on_found(resolver->owner, &name->address, span_of(name->held, name->held_length));
        }
        name->held_length = 0;
    } else {
        name->ask_ms -= RESOLVER_FRESH_MS - RESOLVER_RETRY_MS; /* the address of before is better than none */
    }
    uv_freeaddrinfo(found);
}

static void look_up(struct resolver_name *name, uint64_t now_ms)
{
    struct resolver *resolver = name->resolver;
    struct addrinfo hints = {.ai_family = resolver->is_v6 ? AF_INET6 : AF_INET,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_flags = resolver->is_v6 ? AI_V4MAPPED | AI_ALL : 0};
    if (name->is_underway || now_ms < name->ask_ms || resolver->underway_count >= RESOLVER_UNDERWAY_MAX) return;
    name->ask_ms = now_ms + RESOLVER_FRESH_MS;
    name->lookup.data = name;
    if (address_look_up(resolver->uv, &name->lookup, on_looked_up, &name->parts, &hints) != 0) return;
    name->is_underway = true;
    resolver->underway_count++;
}

static struct resolver_name *find(const struct resolver *resolver, struct span text)
{
    for (uint32_t i = 0; i < resolver->count; i++) {
        struct resolver_name *name = resolver->names[i];
        if (span_is_equal(text, span_of(name->text, name->length))) return name;
    }
    return NULL;
}

/* Room for one more: the longest unused goes. False when each is being asked for. */
static bool make_room(struct resolver *resolver)
{
    uint32_t oldest = resolver->count;
    if (resolver->count < RESOLVER_NAMES_MAX) return true;
    for (uint32_t i = 0; i < resolver->count; i++) {
        if (resolver->names[i]->is_underway) continue;
        if (oldest == resolver->count || resolver->names[i]->used_ms < resolver->names[oldest]->used_ms)
            oldest = i;
    }
    if (oldest == resolver->count) return false;
    free(resolver->names[oldest]);
    resolver->names[oldest] = resolver->names[--resolver->count];
    return true;
}

static struct resolver_name *add(struct resolver *resolver, struct span text, const struct address_parts *parts)
{
    struct resolver_name *name = make_room(resolver) ? calloc(1, sizeof *name) : NULL;
    if (name == NULL) return NULL;
    name->resolver = resolver;
    name->parts = *parts;
    name->length = text.length;
    memcpy(name->text, text.bytes, text.length);
    resolver->names[resolver->count++] = name;
    return name;
}

bool resolver_find(struct resolver *resolver, struct span text, struct span bytes, uint64_t now_ms,
                   struct sockaddr_storage *address)
{
    struct address_parts parts;
    if (resolver->is_closed || !address_split(text, &parts)) return false;
    if (address_literal(&parts, address)) {
        if (resolver->is_v6) address_map(address);
        return true;
    }
    struct resolver_name *name = find(resolver, text);
    if (name == NULL) name = add(resolver, text, &parts);
    if (name == NULL) return false;
    name->used_ms = now_ms;
    look_up(name, now_ms);
    if (name->has_address) {
        *address = name->address;
        return true;
    }
    if (bytes.length <= sizeof name->held) {
        memcpy(name->held, bytes.bytes, bytes.length);
        name->held_length = bytes.length;
    }
    return false;
}

void resolver_doubt(struct resolver *resolver, struct span text)
{
    struct resolver_name *name = find(resolver, text);
    if (name != NULL && !name->is_underway) name->ask_ms = 0;
}
