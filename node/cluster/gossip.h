/* Who lives: SWIM (Das, Gupta, Motivala, DSN 2002) with suspicion, and Lifeguard's local health, suspicion that
 * ends the sooner the more agree, and telling the suspect first (Dadgar, Phillips, Currey, 2017), over sealed
 * datagrams.
 *
 * Each period one member is pinged, in shuffled rounds; without an answer three others are asked to; without one
 * still it is suspected, and after a time down. Everything else rides on those packets: announcements and
 * suspicions, the digest of the shared documents, the digest of all announcements, and the clocks. In clusters of
 * up to GOSSIP_SMALL_MAX nodes news are sent to everybody at once, too.
 *
 * Pure: events in, effects out through the outbox. Every message is harmless when repeated or late.
 */
#ifndef NODE_CLUSTER_GOSSIP_H
#define NODE_CLUSTER_GOSSIP_H

#include "node/cluster/member.h"
#include "node/core/outbox.h"

enum {
    GOSSIP_PERIOD_MS = 1000,      /* a ping each (setting rpc.probe_interval_ms; all times below follow it) */
    GOSSIP_INDIRECT = 3,          /* members asked to ping for us (memberlist's) */
    GOSSIP_HEALTH_MAX = 8,        /* Lifeguard's local health multiplier */
    GOSSIP_SUSPICION_PERIODS = 4, /* times log10(n), at least 1: before a suspect is down, when enough agree */
    GOSSIP_SUSPICION_STRETCH = 6, /* times that, while we are alone in suspecting (Lifeguard) */
    GOSSIP_RETRANSMIT = 4,        /* times log10(n + 1): packets that carry one piece of news */
    GOSSIP_SMALL_MAX = 10,        /* nodes: up to here news go to everybody directly */
    GOSSIP_OFFENCES_MAX = 8,      /* not forgiven yet: then a member is quarantined… */
    GOSSIP_QUARANTINE_MS = 60000, /* …for so long */
    GOSSIP_CLOCK_WARN_MS = 60000, /* a clock further off than this is logged and shown */
};

/* What this node says of itself; changed by gossip_say(). */
struct gossip_self {
    struct span address, name, zone, program; /* copied */
    uint64_t capacity;
    uint64_t layout_number;
    uint64_t used_bytes;
    uint64_t flags; /* enum announcement_flag; LEAVING and DOUBLED are gossip's */
};

/* What others are to be told with each packet, and what came of theirs. */
struct gossip_digests {
    uint8_t documents[16]; /* view_digest() */
};

struct gossip; /* in an arena of its own */

/* What gossip tells its owner while it steps; NULL is nobody. */
struct gossip_calls {
    /* The other's documents (or announcements) have differed from ours for a while: an exchange is wanted. */
    void (*on_differs)(void *owner, const struct member *member, bool documents, bool announcements);
    /* A member's state changed. */
    void (*on_state)(void *owner, const struct member *member, enum member_state before);
    void *owner;
};

/* `identity`, `members` and `outbox` outlive it; `members` is zeroed, its arena and rows are made and dropped
 * here. `incarnation` is durable and above all this node ever announced; `identity` tells which run this is. The
 * calls may ask gossip anything but must not change it: they come from the middle of a step. NULL when out of
 * memory. */
struct gossip *gossip_create(const struct link_identity *identity, struct members *members, struct outbox *outbox,
                             const struct gossip_calls *calls, uint64_t incarnation,
                             const uint8_t seed[PRNG_SEED_BYTES], uint64_t period_ms);
void gossip_destroy(struct gossip *gossip); /* accepts NULL */

/* Set or change what is said of ourselves: a new announcement, if it differs. */
void gossip_say(struct gossip *gossip, const struct gossip_self *self, uint64_t now_ms);
void gossip_set_digests(struct gossip *gossip, const struct gossip_digests *digests);

/* Who the members are, by the documents: `ids` in order and each once (asserted), each LINK_NODE_ID_BYTES, our own
 * among them while we are a member. Rows are made and dropped; a row stays where it is in memory as long as its
 * member does. To be called in one step with gossip_set_digests(): what others send is judged by both. False when
 * out of memory, or above LIMITS_MEMBERS_MAX: the rows are as they were. */
bool gossip_set_members(struct gossip *gossip, const uint8_t *ids, uint32_t count, uint64_t now_ms);

/* A datagram from anybody. What is no packet of a member's is counted and dropped. */
void gossip_on_datagram(struct gossip *gossip, struct span from, struct span packet, uint64_t now_us,
                        uint64_t wall_us);
void gossip_on_time(struct gossip *gossip, uint64_t now_us, uint64_t wall_us);
uint64_t gossip_deadline_ms(const struct gossip *gossip);

/* An announcement that came another way (a link's HELLO, an exchange), from the member `by` (NULL: our own store).
 * True when it was news to us. Verified here; what is malformed or forged is an offence of `by`. One of no member
 * is not (our documents may be behind), but many are. Passed on to others only when it is of `by` itself. */
bool gossip_hear(struct gossip *gossip, struct span announcement, struct member *by, uint64_t now_us);

/* Our own announcement, as signed; until the next gossip_say() or refutation. */
struct span gossip_announcement(const struct gossip *gossip);

/* A digest of all announcements held: equal on two nodes that know the same of everybody. */
void gossip_announcements_digest(const struct gossip *gossip, uint8_t digest[16]);

/* Which announcement of it is held, in 8 bytes; 0: none. Two of one incarnation have two. */
uint64_t gossip_announcement_mark(const struct member *member);

/* `by` sent what no honest node sends: counted, named in the log, and at GOSSIP_OFFENCES_MAX quarantined (H12).
 * One a minute is forgiven. Of a packet only when it is fresh by the sender's clock, and newer than the last that
 * was counted: who recorded packets cannot make us shut out who once sent them. */
void gossip_offence(struct gossip *gossip, struct member *by, const char *what, uint64_t now_ms);

/* Being stopped: tell some members, once. */
void gossip_leave(struct gossip *gossip, uint64_t now_ms);

/* Figures for status and metrics. */
struct gossip_stats {
    uint64_t packets_out, packets_in, bytes_out, bytes_in;
    uint64_t packets_foreign; /* no member's, or of another cluster or secret */
    uint64_t packets_bad;     /* a member's that made no sense; those of them that are fresh are offences */
    uint64_t probes, probes_failed, probes_indirect;
    uint64_t suspicions, refutations, downs;
    uint32_t health; /* local health multiplier less 1: 0 is well */
    uint64_t incarnation;
    bool is_doubled; /* another process has our identity */
};
struct gossip_stats gossip_stats(const struct gossip *gossip);

#endif
