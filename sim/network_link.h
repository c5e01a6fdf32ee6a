/* Connections of the simulated network: what network.c and network_link.c share. */
#ifndef SIM_NETWORK_LINK_H
#define SIM_NETWORK_LINK_H

#include "sim/network.h"

struct network_host {
    uint32_t site;
    enum network_host_state state;
    uint32_t address;
    char address_text[NETWORK_ADDRESS_BYTES];
    struct network_link **links; /* by number; made when the first one is there */
};

/* How long a way takes this time. */
uint64_t network_way_us(struct network *network, uint32_t from, uint32_t to);
/* False for a text that is no address of this world. */
bool network_find_address(const struct network *network, struct span text, uint32_t *address);

void network_link_step(struct network *network, const struct happening *happening);
void network_link_host_down(struct network *network, uint32_t host);
void network_link_free_all(struct network *network);

#endif
