/* Pings made for others: who asked, whom we pinged, and when to say that it has not answered us either. */
#ifndef NODE_CLUSTER_GOSSIP_RELAY_H
#define NODE_CLUSTER_GOSSIP_RELAY_H

#include "node/cluster/member.h"

enum {
    GOSSIP_RELAYS_MAX = 64,        /* at a time; the oldest gives way: its asker has two others */
    GOSSIP_RELAY_WAIT_MS = 480000, /* the longest we are made to remember: eight periods of 60 s */
};

struct gossip_relay {
    struct member *asker; /* NULL: free */
    struct member *target;
    uint64_t asked_sequence; /* the asker's */
    uint64_t sequence;       /* ours */
    uint64_t nack_ms;        /* when the asker is told; UINT64_MAX: it was */
    uint64_t end_ms;
};

struct gossip_relays {
    struct gossip_relay rows[GOSSIP_RELAYS_MAX];
    uint32_t used_count; /* rows up to here were ever used */
    uint32_t next;
};

/* Remember one, instead of what the same member asked before: a sound one asks for one at a time, and who asks
 * without end takes no other's place. `wait_ms` is what the asker says. */
void gossip_relays_add(struct gossip_relays *relays, struct member *asker, struct member *target,
                       uint64_t asked_sequence, uint64_t sequence, uint64_t wait_ms, uint64_t now_ms);
/* `target` answered our ping: out comes what was asked, and it is forgotten. False: nobody asked. */
bool gossip_relays_answered(struct gossip_relays *relays, const struct member *target, uint64_t sequence,
                            struct gossip_relay *relay);
/* One whose asker is to be told that there was no answer; false: none yet. */
bool gossip_relays_late(struct gossip_relays *relays, uint64_t now_ms, struct gossip_relay *relay);
/* A member is gone. */
void gossip_relays_drop(struct gossip_relays *relays, const struct member *member);
void gossip_relays_clear(struct gossip_relays *relays);
uint64_t gossip_relays_deadline_ms(const struct gossip_relays *relays);

#endif
