/* Hosts, addresses, cuts and datagrams; connections are in network_link.c. */
#include "sim/network.h"

#include "sim/dice.h"
#include "sim/network_link.h"
#include "sim/table.h"

#include <assert.h>
#include <stdlib.h>

struct datagram {
    uint32_t address; /* it was sent to */
    uint32_t from;
    char from_text[NETWORK_ADDRESS_BYTES];
    size_t length;
    uint8_t bytes[];
};

void network_init(struct network *network, const struct network_settings *settings,
                  const struct network_calls *calls, struct queue *queue, struct trace *trace, uint64_t seed)
{
    *network = (struct network){.settings = *settings, .calls = *calls, .queue = queue, .trace = trace};
    dice_init(&network->prng, seed, "network");
    network->hosts = table_take(NULL, NETWORK_HOSTS_MAX * sizeof *network->hosts);
    network->address_hosts = table_take(NULL, NETWORK_ADDRESSES_MAX * sizeof *network->address_hosts);
    network->cuts = table_take(NULL, (size_t)NETWORK_HOSTS_MAX * NETWORK_HOSTS_MAX);
    memset(network->cuts, 0, (size_t)NETWORK_HOSTS_MAX * NETWORK_HOSTS_MAX);
}

void network_deinit(struct network *network)
{
    network_link_free_all(network);
    for (uint32_t host = 0; host < network->hosts_count; host++)
        free(network->hosts[host].links);
    free(network->hosts);
    free(network->address_hosts);
    free(network->cuts);
    *network = (struct network){0};
}

/* --- hosts and addresses -------------------------------------------------------------------------------- */

static void give_address(struct network *network, uint32_t host, uint32_t address)
{
    struct network_host *at = &network->hosts[host];
    at->address = address;
    network->address_hosts[address] = host;
    snprintf(at->address_text, sizeof at->address_text, "10.%u.%u.%u:3901", address >> 16 & 255u,
             address >> 8 & 255u, address & 255u);
}

static void give_new_address(struct network *network, uint32_t host)
{
    assert(network->addresses_count < NETWORK_ADDRESSES_MAX);
    give_address(network, host, network->addresses_count++);
}

/* Who has the address now? False for a text that is no address of this world. */
bool network_find_address(const struct network *network, struct span text, uint32_t *address)
{
    char copy[NETWORK_ADDRESS_BYTES];
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    if (text.length == 0 || text.length >= sizeof copy) return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    if (sscanf(copy, "node-%u:3901", &a) == 1) {
        if (a >= network->hosts_count) return false;
        *address = network->hosts[a].address;
        return true;
    }
    if (sscanf(copy, "10.%u.%u.%u:3901", &a, &b, &c) != 3 || a > 255 || b > 255 || c > 255) return false;
    *address = a << 16 | b << 8 | c;
    return *address < network->addresses_count;
}

uint32_t network_add_host(struct network *network, uint32_t site)
{
    assert(network->hosts_count < NETWORK_HOSTS_MAX && site < NETWORK_SITES_MAX);
    uint32_t host = network->hosts_count++;
    network->hosts[host] = (struct network_host){.site = site, .state = NETWORK_DARK};
    give_new_address(network, host);
    return host;
}

uint32_t network_site(const struct network *network, uint32_t host)
{
    assert(host < network->hosts_count);
    return network->hosts[host].site;
}

const char *network_address(const struct network *network, uint32_t host)
{
    assert(host < network->hosts_count);
    return network->hosts[host].address_text;
}

void network_readdress(struct network *network, uint32_t host, uint32_t former)
{
    uint32_t left = network->hosts[host].address;
    assert(host != former);
    network->address_hosts[left] = UINT32_MAX;
    if (former == UINT32_MAX) {
        give_new_address(network, host);
        return;
    }
    uint32_t taken = network->hosts[former].address;
    give_new_address(network, former);
    give_address(network, host, taken);
}

void network_set_host(struct network *network, uint64_t now_us, uint32_t host, enum network_host_state state)
{
    network->now_us = now_us;
    assert(host < network->hosts_count);
    network->hosts[host].state = state;
    if (state != NETWORK_UP) network_link_host_down(network, host);
}

/* --- cuts ----------------------------------------------------------------------------------------------- */

static uint8_t *cut_of(const struct network *network, uint32_t from, uint32_t to)
{
    assert(from < network->hosts_count && to < network->hosts_count);
    return &network->cuts[(size_t)from * NETWORK_HOSTS_MAX + to];
}

void network_cut(struct network *network, uint32_t from, uint32_t to)
{
    uint8_t *cut = cut_of(network, from, to);
    assert(*cut < UINT8_MAX);
    ++*cut;
}

void network_heal(struct network *network, uint32_t from, uint32_t to)
{
    uint8_t *cut = cut_of(network, from, to);
    if (*cut > 0) --*cut;
}

void network_heal_all(struct network *network)
{
    memset(network->cuts, 0, (size_t)NETWORK_HOSTS_MAX * NETWORK_HOSTS_MAX);
}

bool network_is_cut(const struct network *network, uint32_t from, uint32_t to)
{
    return *cut_of(network, from, to) > 0;
}

uint64_t network_way_us(struct network *network, uint32_t from, uint32_t to)
{
    const struct network_settings *settings = &network->settings;
    bool is_near = network->hosts[from].site == network->hosts[to].site;
    uint64_t way_us = is_near ? settings->near_us : settings->far_us;
    uint64_t jitter_us = way_us * settings->jitter_per_cent / 100;
    return way_us + dice_below(&network->prng, jitter_us + 1);
}

/* --- datagrams ------------------------------------------------------------------------------------------ */

static void put_datagram(struct network *network, uint32_t host, uint32_t to, uint32_t address, struct span bytes)
{
    struct datagram *datagram = table_take(NULL, sizeof *datagram + bytes.length);
    datagram->address = address;
    datagram->from = host;
    memcpy(datagram->from_text, network->hosts[host].address_text, sizeof datagram->from_text);
    datagram->length = bytes.length;
    memcpy(datagram->bytes, bytes.bytes, bytes.length);
    uint64_t way_us = network_way_us(network, host, to);
    if (dice_chance(&network->prng, network->settings.late)) {
        network->counts.late++;
        way_us += dice_below(&network->prng, network->settings.late_us + 1);
    }
    queue_put(network->queue,
              (struct happening){
                  .time_us = network->now_us + way_us, .kind = HAPPENING_DATAGRAM, .node = to, .thing = datagram});
}

/* What becomes of a datagram, in a word for the trace. */
static const char *send_datagram(struct network *network, uint32_t host, struct span to, struct span bytes)
{
    uint32_t address = 0;
    network->counts.datagrams++;
    network->counts.datagram_bytes += bytes.length;
    if (!network_find_address(network, to, &address) || network->address_hosts[address] == UINT32_MAX) {
        network->counts.nobody++;
        return "nobody";
    }
    uint32_t target = network->address_hosts[address];
    if (network_is_cut(network, host, target)) {
        network->counts.cut++;
        return "cut";
    }
    if (dice_chance(&network->prng, network->settings.loss)) {
        network->counts.lost++;
        return "lost";
    }
    put_datagram(network, host, target, address, bytes);
    if (!dice_chance(&network->prng, network->settings.repeat)) return "sent";
    network->counts.repeated++;
    put_datagram(network, host, target, address, bytes);
    return "twice";
}

void network_datagram(struct network *network, uint64_t now_us, uint32_t host, struct span to, struct span bytes)
{
    assert(bytes.length <= LIMITS_DATAGRAM_BYTES_MAX);
    network->now_us = now_us;
    const char *fate = send_datagram(network, host, to, bytes);
    trace_mix(network->trace, bytes);
    trace_say(network->trace, TRACE_PACKET, now_us, host, "datagram", "to=%.*s bytes=%zu fate=%s", (int)to.length,
              (const char *)to.bytes, bytes.length, fate);
}

static void on_datagram(struct network *network, struct datagram *datagram)
{
    /* Who has the address now gets it, be it another one than when it was sent. */
    uint32_t host = network->address_hosts[datagram->address];
    if (host == UINT32_MAX || network->hosts[host].state != NETWORK_UP) {
        network->counts.nobody++;
    } else {
        network->calls.on_datagram(network->calls.owner, host, span_of(datagram->bytes, datagram->length),
                                   span_text(datagram->from_text));
    }
    free(datagram);
}

void network_step(struct network *network, const struct happening *happening)
{
    network->now_us = happening->time_us;
    if (happening->kind == HAPPENING_DATAGRAM) {
        on_datagram(network, happening->thing);
    } else {
        network_link_step(network, happening);
    }
}
