/* Pings made for others, in a ring; each asker has one place in it. */
#include "node/cluster/gossip_relay.h"

void gossip_relays_add(struct gossip_relays *relays, struct member *asker, struct member *target,
                       uint64_t asked_sequence, uint64_t sequence, uint64_t wait_ms, uint64_t now_ms)
{
    uint32_t place = 0;
    while (place < relays->used_count && relays->rows[place].asker != asker)
        place++;
    if (place == relays->used_count) {
        place = relays->next;
        relays->next = (relays->next + 1) % GOSSIP_RELAYS_MAX;
        if (relays->used_count < GOSSIP_RELAYS_MAX) relays->used_count++;
    }
    if (wait_ms > GOSSIP_RELAY_WAIT_MS) wait_ms = GOSSIP_RELAY_WAIT_MS;
    relays->rows[place] = (struct gossip_relay){
        .asker = asker,
        .target = target,
        .asked_sequence = asked_sequence,
        .sequence = sequence,
        .nack_ms = now_ms + wait_ms * 4 / 5, /* so that it comes in time (Lifeguard, section 4.1) */
        .end_ms = now_ms + wait_ms,
    };
}

bool gossip_relays_answered(struct gossip_relays *relays, const struct member *target, uint64_t sequence,
                            struct gossip_relay *relay)
{
    for (uint32_t i = 0; i < relays->used_count; i++) {
        struct gossip_relay *row = &relays->rows[i];
        if (row->asker == NULL || row->sequence != sequence || row->target != target) continue;
        *relay = *row;
        *row = (struct gossip_relay){0};
        return true;
    }
    return false;
}

bool gossip_relays_late(struct gossip_relays *relays, uint64_t now_ms, struct gossip_relay *relay)
{
    for (uint32_t i = 0; i < relays->used_count; i++) {
        struct gossip_relay *row = &relays->rows[i];
        if (row->asker == NULL) continue;
        bool is_late = row->nack_ms <= now_ms;
        *relay = *row;
        if (is_late) row->nack_ms = UINT64_MAX; /* an answer may still come */
        if (row->end_ms <= now_ms) *row = (struct gossip_relay){0};
        if (is_late) return true;
    }
    return false;
}

void gossip_relays_drop(struct gossip_relays *relays, const struct member *member)
{
    for (uint32_t i = 0; i < relays->used_count; i++) {
        struct gossip_relay *row = &relays->rows[i];
        if (row->asker == member || row->target == member) *row = (struct gossip_relay){0};
    }
}

void gossip_relays_clear(struct gossip_relays *relays)
{
    *relays = (struct gossip_relays){0};
}

uint64_t gossip_relays_deadline_ms(const struct gossip_relays *relays)
{
    uint64_t deadline_ms = UINT64_MAX;
    for (uint32_t i = 0; i < relays->used_count; i++) {
        const struct gossip_relay *row = &relays->rows[i];
        if (row->asker == NULL) continue;
        uint64_t wanted_ms = row->nack_ms < row->end_ms ? row->nack_ms : row->end_ms;
        if (wanted_ms < deadline_ms) deadline_ms = wanted_ms;
    }
    return deadline_ms;
}
