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

void member_hear_documents(struct member *member, const uint8_t digest[16], const uint8_t ours[16],
                           uint64_t now_ms)
{
    bool is_same = memcmp(digest, ours, sizeof member->documents) == 0;
    bool is_stuck = member_differs(member) && memcmp(digest, member->documents, sizeof member->documents) == 0;
    uint64_t silence_ms = now_ms - member->documents_heard_ms;
    member->documents_apart_ms = is_stuck && !is_same ? member->documents_apart_ms + silence_ms : 0;
    member->is_same_documents = is_same;
    member->documents_heard_ms = now_ms;
    memcpy(member->documents, digest, sizeof member->documents);
}

bool member_differs(const struct member *member)
{
    return !member->is_self && member->state == MEMBER_ALIVE && member->documents_heard_ms > 0 &&
           !member->is_same_documents;
}

bool member_is_apart(const struct member *member, uint64_t probe_interval_ms)
{
    return member_differs(member) && member->documents_apart_ms > MEMBER_APART_PROBES * probe_interval_ms;
}

bool member_is_up(const struct member *member, uint64_t now_ms, uint64_t probe_interval_ms)
{
    bool is_doubtful = member->state == MEMBER_SUSPECT &&
                       now_ms - member->since_ms <= MEMBER_DOUBT_PROBES * probe_interval_ms;
    return member->is_self || member->state == MEMBER_ALIVE || is_doubtful;
}
