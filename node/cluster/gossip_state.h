/* Gossip from within: its one struct, and what its files do for each other. Nobody else includes this.
 *
 *     gossip.c          its life, datagrams, time
 *     gossip_rows.c     members come and go, states change
 *     gossip_own.c      what we say of ourselves: refutation, another process with our identity
 *     gossip_news.c     what others say: announcements, claims
 *     gossip_probing.c  pings of ours and of those who ask us
 *     gossip_send.c     packets and what rides on them
 */
#ifndef NODE_CLUSTER_GOSSIP_STATE_H
#define NODE_CLUSTER_GOSSIP_STATE_H

#include "node/base/timers.h"
#include "node/cluster/gossip.h"
#include "node/cluster/gossip_message.h"
#include "node/cluster/gossip_relay.h"
#include "node/cluster/probe.h"
#include "node/cluster/rumour.h"
#include "node/cluster/suspicion.h"

enum {
    GOSSIP_ARENA_BYTES_MAX =
        64 << 20,                  /* LIMITS_MEMBERS_MAX rows with announcements of the largest size, five times */
    GOSSIP_DOWN_EVERY = 4,         /* periods between two pings of members that are down */
    GOSSIP_CONFLICTS_MAX = 3,      /* other announcements of our identity… */
    GOSSIP_CONFLICTS_PERIODS = 60, /* …within so many: two processes have it; after so many without, one has */
    GOSSIP_STRANGERS_MAX = 256,    /* packets with announcements of no member (of a link, announcements)… */
    GOSSIP_STRANGERS_MS = 60000,   /* …within so long: an offence; no sound member says as much to one other */
    GOSSIP_FORGIVE_MS = 60000,     /* an offence of a member is forgiven, one after the other */
    GOSSIP_FRESH_MS = 10000,       /* a packet that is older, by its sender's clock, is not counted against it */
    GOSSIP_ANSWER_TIMES = 3,       /* as long as what is answered, at most, an answer to an unknown place is */
    GOSSIP_DOCUMENTS_SETTLE = 2,   /* periods without change before documents that differ are exchanged */
    GOSSIP_UNSETTLED = 5,          /* times that long we wait when changes never cease */
    GOSSIP_LEAVE_TOLD_MAX = 10,    /* members told that we go; they tell the others */
    GOSSIP_STOPPED_PERIODS = 5,    /* a longer pause of ours is logged, and the ping before it forgotten */
    GOSSIP_REFUTES_PER_PERIOD = 4, /* at most: each is signed, and told to all; a suspicion is told us again */
    GOSSIP_USED_BYTES_STEP = 1 << 20,   /* what our store holds is announced anew when it changed by this and… */
    GOSSIP_USED_BYTES_SHARE = 8,        /* …by this part of it */
    GOSSIP_ANNOUNCEMENT_ROOM_STEP = 64, /* memory of an announcement grows in steps, so that few are left behind */
};

/* What gossip keeps of a member beside its row. */
struct gossip_row {
    struct member *member;
    struct rumour announcement_news;
    struct rumour claim_news;
    struct suspicion suspicion;
    uint8_t accuser[LINK_NODE_ID_BYTES]; /* while SUSPECT or DOWN: who said so */
    uint64_t answered_ms;                /* when it was last told something out of turn */
    uint32_t guilt;                      /* offences of it that are not forgiven yet… */
    uint64_t guilt_ms;                   /* …of which the oldest was then, or the last one was forgiven then */
    uint64_t counted_us;                 /* its wall clock in the newest packet that was counted against it */
    uint32_t strangers;                  /* announcements of no member that it sent… */
    uint64_t strangers_ms;               /* …since then */
    bool has_clock_warning;
    bool is_keyless; /* its id is no point of the curve: there can be no packets */
    uint8_t *announcement;
    size_t announcement_room;
    uint8_t announcement_hash[16]; /* with an announcement only */
};

struct gossip_own {
    struct announcement announcement; /* texts point to the arrays below */
    uint8_t address[LIMITS_ADDRESS_BYTES_MAX];
    uint8_t name[LIMITS_ZONE_BYTES_MAX];
    uint8_t zone[LIMITS_ZONE_BYTES_MAX];
    uint8_t program[ANNOUNCEMENT_VERSION_CHARS_MAX];
    uint8_t bytes[ANNOUNCEMENT_BYTES_MAX];
    size_t length; /* 0: nothing was said yet */
    uint64_t conflicts_ms[GOSSIP_CONFLICTS_MAX];
    uint64_t conflicts_count;
    uint64_t refuted_ms; /* when a suspicion was last refuted; 0: never */
    bool is_leaving;
    bool is_doubled;
};

/* When our own digest last changed, since when we meet others, and when one was last asked for what differs. */
struct gossip_difference {
    uint64_t changed_ms;
    uint64_t since_ms; /* 0: the last one we heard had ours */
    uint64_t asked_ms;
};

struct gossip {
    const struct link_identity *identity;
    struct members *members;
    struct outbox *outbox;
    struct gossip_calls calls;
    struct arena arena;
    struct prng prng;
    uint64_t period_ms;
    uint64_t now_ms, now_us, wall_us; /* of the step under way */
    uint64_t stepped_ms;              /* when time or a packet last came */
    struct gossip_own own;
    struct member *self; /* NULL: we are no member */
    uint8_t documents[16];
    uint8_t announcements[16];
    struct gossip_difference documents_difference, announcements_difference;
    struct member **spare_rows; /* to make the next members->rows in; the two change places */
    struct member **free_rows;  /* dropped, for the next; room for twice LIMITS_MEMBERS_MAX */
    uint32_t free_count;
    struct probe probe;
    struct gossip_relays relays;
    struct rumours rumours;
    struct timers suspicions;
    struct gossip_stats stats;
    bool wants_broadcast; /* news of ours that all are told at once, in a small cluster */
    struct {
        const struct member *sender; /* of the message that is heeded; NULL: none is */
        uint64_t known;              /* the incarnation of ours that it knows */
        uint64_t said;               /* its own… */
        uint64_t boot_nonce;         /* …of this run */
        uint64_t wall_us;            /* its clock; 0: not said */
        struct span from;            /* where it came from */
        size_t bytes;                /* how long it was */
        bool is_same;                /* it holds the announcements that we hold */
        bool has_strangers;          /* it speaks of no member, and that was counted */
        bool is_counted;             /* it is fresh, and something in it was counted against its sender */
    } heard;
};

static inline struct gossip_row *gossip_row_of(const struct member *member)
{
    return member->gossip;
}

/* --- gossip.c ------------------------------------------------------------------------------------------- */

/* May what `by` just said be counted against it? */
bool gossip_counts(struct gossip *gossip, const struct member *by);

/* --- gossip_rows.c -------------------------------------------------------------------------------------- */

/* False when out of memory. */
bool gossip_keep_announcement(struct gossip *gossip, struct member *member, struct span bytes);
void gossip_set_state(struct gossip *gossip, struct member *member, enum member_state state);
/* Is it down of its own will, or refused: nothing that others say of it changes that? */
bool gossip_is_withdrawn(const struct member *member);

/* --- gossip_own.c --------------------------------------------------------------------------------------- */

void gossip_own_init(struct gossip *gossip, uint64_t incarnation);
/* Our announcement again, above all incarnations up to `above`. */
void gossip_own_raise(struct gossip *gossip, uint64_t above);
/* An announcement with our id that we did not write in this run; it is signed. */
void gossip_own_conflict(struct gossip *gossip, const struct announcement *other);
/* A second process was not heard of for a while: our identity is ours again. */
void gossip_own_on_period(struct gossip *gossip);

/* No other member is left, who could tell of another process, and no period comes. */
void gossip_own_on_alone(struct gossip *gossip);

/* --- gossip_news.c -------------------------------------------------------------------------------------- */

/* A packet's body, authentic, but maybe an old one that somebody recorded. */
void gossip_heed(struct gossip *gossip, struct member *sender, struct span body, struct span from);
/* Is the run that says this of itself another one than that whose announcement we hold, though of the same
 * incarnation? */
bool gossip_is_other_run(const struct member *member, uint64_t incarnation, uint64_t boot_nonce);
/* `by` says that `member` is a suspect, or down, in the incarnation we know. */
void gossip_suspect(struct gossip *gossip, struct member *member, enum member_state state,
                    const uint8_t by[LINK_NODE_ID_BYTES]);
/* The suspect's time is over. */
void gossip_give_up(struct gossip *gossip, struct member *member);

/* --- gossip_probing.c ----------------------------------------------------------------------------------- */

void gossip_probe_on_time(struct gossip *gossip);
void gossip_probe_on_message(struct gossip *gossip, struct member *sender, const struct gossip_message *message);
/* We did not run for a while: what did not come in that time says nothing of others. */
void gossip_probe_pardon(struct gossip *gossip, uint64_t gap_ms);

/* --- gossip_send.c -------------------------------------------------------------------------------------- */

/* Complete `message` (kind, sequence and what belongs to the kind are set) with all that rides along, seal it and
 * send it to where the member says it is. */
void gossip_send(struct gossip *gossip, struct member *to, struct gossip_message *message);
/* The same for a message without more than kind and sequence. */
void gossip_send_kind(struct gossip *gossip, struct member *to, enum gossip_kind kind, uint64_t sequence);
/* To the sender of the message that is heeded. */
void gossip_reply(struct gossip *gossip, struct member *to, enum gossip_kind kind, uint64_t sequence);
/* The same out of turn, but not often. */
void gossip_answer(struct gossip *gossip, struct member *to);
/* Tell everybody, if that was wanted and the cluster is small. */
void gossip_broadcast(struct gossip *gossip);
/* The key of packets with it, computed when first needed; false: there is none. */
bool gossip_has_pair(struct gossip *gossip, struct member *member);

#endif
