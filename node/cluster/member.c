/* The rows of the members, asked. */
#include "node/cluster/member.h"

struct member *members_find(const struct members *members, const uint8_t id[LINK_NODE_ID_BYTES])
{
    uint32_t low = 0;
    uint32_t high = members->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(members->rows[middle]->id, id, LINK_NODE_ID_BYTES);
        if (order == 0) return members->rows[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const char *member_state_name(enum member_state state)
{
    switch (state) {
    case MEMBER_UNKNOWN: return "unknown";
    case MEMBER_ALIVE: return "alive";
    case MEMBER_SUSPECT: return "suspect";
    case MEMBER_DOWN: return "down";
    }
    return "unknown";
}

uint32_t members_count(const struct members *members, enum member_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->rows[i]->state == state) count++;
    }
    return count;
}
