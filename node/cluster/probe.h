/* Whom to ping next, and how the ping under way stands: one a period, in rounds that visit everybody once in an
 * order shuffled anew each time (SWIM, section 4.3).
 *
 *     DIRECT --no answer in time--> INDIRECT --end of the period--> failed
 *        '---------- answer, its own or relayed ----'--> ANSWERED --end of the period--> next
 *
 * A ping without an answer in time is sent again, and again each fifth of the period; from its second fifth on
 * others are asked, too. So a lost packet is made good within the period, and no suspicion of somebody that lives
 * begins with it: each of those is told to everybody, and a cluster of n nodes has n times as many of them.
 *
 * Times grow with the local health (Lifeguard, section 4.1): who hears from nobody doubts itself first. Pure;
 * sends nothing.
 */
#ifndef NODE_CLUSTER_PROBE_H
#define NODE_CLUSTER_PROBE_H

#include "node/cluster/gossip.h"

enum {
    PROBE_STEPS = 5,        /* parts of a period: a ping without an answer is sent again in each */
    PROBE_HELPERS_STEP = 2, /* others are asked from the end of this part on: three are left for their way */
};

enum probe_phase { PROBE_IDLE, PROBE_DIRECT, PROBE_INDIRECT, PROBE_ANSWERED };

/* A ping that was sent, and again: the i-th time under the i-th number from `sequence` on, so that it is known
 * which one an answer is to. */
struct probe_ping {
    struct member *target; /* NULL: none */
    uint64_t sequence;
    uint64_t sent_us[PROBE_STEPS];
    uint32_t sent_count;
};

struct probe {
    struct member **order; /* all members but ourselves; room for LIMITS_MEMBERS_MAX */
    uint32_t order_count;
    uint32_t order_at;
    enum probe_phase phase;
    struct probe_ping ping;
    uint64_t step_ms;  /* part of the period */
    uint64_t again_ms; /* when the ping is sent again, in DIRECT and INDIRECT */
    uint64_t end_ms;   /* of the period */
    struct member *helpers[GOSSIP_INDIRECT];
    bool has_nacked[GOSSIP_INDIRECT]; /* it lives but heard nothing either */
    uint32_t helpers_count;
    uint32_t health;        /* 0 … GOSSIP_HEALTH_MAX - 1; 0 is well */
    bool is_doubted;        /* it became worse in this period because others suspect us */
    uint64_t periods_count; /* begun */
    uint32_t down_at;       /* where the walk over those that are down goes on */
    struct probe_ping down; /* the last ping of one that is down */
};

/* False when out of memory. */
bool probe_init(struct probe *probe, struct arena *arena);

/* A member came, to a random place of what is left of the round; there is room (asserted). */
void probe_add(struct probe *probe, struct member *member, struct prng *prng);
/* It is gone: nothing points to it any more. */
void probe_drop(struct probe *probe, struct member *member);

/* Can it be pinged, and would we heed its answer? */
bool probe_can_reach(const struct member *member, uint64_t now_ms);

/* The next to be pinged, alive or suspect; NULL when there is none. */
struct member *probe_next(struct probe *probe, struct prng *prng, uint64_t now_ms);
/* The next one that is down, or NULL. */
struct member *probe_next_down(struct probe *probe, const struct members *members, uint64_t now_ms);

/* The first ping of `target`. */
struct probe_ping probe_ping_of(struct member *target, uint64_t sequence, uint64_t now_us);
/* Which ping does `sequence` answer? When that was sent; 0: none of these. */
uint64_t probe_ping_sent_us(const struct probe_ping *ping, const struct member *sender, uint64_t sequence);

/* A ping of `target` was sent: the period begins. */
void probe_begin(struct probe *probe, struct member *target, uint64_t sequence, uint64_t period_ms,
                 uint64_t now_us);
/* Is the ping to be sent again? */
bool probe_is_due_again(const struct probe *probe, uint64_t now_ms);
/* It is: returns the number it goes under. */
uint64_t probe_again(struct probe *probe, uint64_t now_us);
/* Has it gone without an answer for so long that others are to be asked, and were none yet? */
bool probe_wants_helpers(const struct probe *probe, uint64_t now_ms);
/* A period without a ping begins. */
void probe_rest(struct probe *probe, uint64_t period_ms, uint64_t now_ms);
/* Up to GOSSIP_INDIRECT others that are alive, at random, into helpers. */
void probe_choose_helpers(struct probe *probe, const struct members *members, struct prng *prng, uint64_t now_ms);
bool probe_is_helper(const struct probe *probe, const struct member *member);
void probe_on_nack(struct probe *probe, const struct member *helper);

/* It answered, at once or through another. */
void probe_answered(struct probe *probe);
/* The period is over without an answer: what that says of our own health. */
void probe_failed(struct probe *probe);
void probe_worse(struct probe *probe);
/* We are suspected: worse, but once a period, as each success makes it better once. */
void probe_doubted(struct probe *probe);

/* When something is to be done. */
uint64_t probe_deadline_ms(const struct probe *probe);

#endif
