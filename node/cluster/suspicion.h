/* How long a suspect has to refute: the shorter, the more members suspect it on their own (Lifeguard, section 4).
 *
 *     shortest = GOSSIP_SUSPICION_PERIODS * max(1, log10(n)) periods        longest = GOSSIP_SUSPICION_STRETCH
 * times that timeout  = longest - (longest - shortest) * log(confirmations + 1) / log(SUSPICION_CONFIRMATIONS + 1)
 *
 * The end of that time is for questions: whoever holds it for a suspect may have missed that it refuted,
 * and asks it itself, a few times since packets are lost.
 *
 * Pure arithmetic on integers, the same on every machine.
 */
#ifndef NODE_CLUSTER_SUSPICION_H
#define NODE_CLUSTER_SUSPICION_H

#include "node/base/timers.h"

enum {
    SUSPICION_CONFIRMATIONS = 3,      /* besides the first: then the timeout is at its shortest (Lifeguard's K) */
    SUSPICION_QUESTIONS = 3,          /* that it is asked before its time is over… */
    SUSPICION_QUESTIONS_A_PERIOD = 4, /* …so many in a period: who is asked answers no more often */
    SUSPICION_WITNESSES_MAX = SUSPICION_CONFIRMATIONS + 1,
};

struct suspicion {
    struct timer timer;
    uint64_t began_ms;
    uint64_t witnesses[SUSPICION_WITNESSES_MAX]; /* the first 8 bytes of their ids */
    uint32_t witnesses_count;
    uint32_t questions_count; /* asked so far */
};

/* log2 in thousandths, between powers of two in a straight line: off by 86 at most. log2(0) is taken for 0. */
uint32_t suspicion_log2_milli(uint64_t number);
/* log10, of the same. */
uint32_t suspicion_log10_milli(uint64_t number);

/* In milliseconds; `members_count` counts everybody, `confirmations` those after the first. */
uint64_t suspicion_timeout_ms(uint64_t period_ms, uint32_t members_count, uint32_t confirmations);

/* Begin with a first witness, and wait; the timer runs out when it is to be asked. */
void suspicion_begin(struct suspicion *suspicion, struct timers *timers, const uint8_t *witness_id,
                     uint64_t period_ms, uint32_t members_count, uint64_t now_ms);

/* One more says so; false when that is nothing new. The deadline comes nearer, never before now. */
bool suspicion_confirm(struct suspicion *suspicion, struct timers *timers, const uint8_t *witness_id,
                       uint64_t period_ms, uint32_t members_count, uint64_t now_ms);

/* Somebody holds it for down already: as if all had confirmed. */
void suspicion_hasten(struct suspicion *suspicion, struct timers *timers, uint64_t period_ms,
                      uint32_t members_count, uint64_t now_ms);

/* Its timer has run out. True: ask it, and wait for an answer; false: all questions were asked, it is down. From
 * the first question on nothing makes the time any shorter. */
bool suspicion_question(struct suspicion *suspicion, struct timers *timers, uint64_t period_ms, uint64_t now_ms);
/* We did not run for so long: it has as much more time. Harmless when there is none. */
void suspicion_pardon(struct suspicion *suspicion, struct timers *timers, uint64_t gap_ms);

/* Over. Harmless when there is none. */
void suspicion_end(struct suspicion *suspicion, struct timers *timers);

#endif
