/* Suspicion timers. */
#include "node/cluster/suspicion.h"

#include "node/base/wire.h"
#include "node/cluster/gossip.h"

enum { LOG10_OF_2_MICRO = 301030 };

uint32_t suspicion_log2_milli(uint64_t number)
{
    uint32_t power = 0;
    if (number < 2) return 0;
    while (number >> power > 1)
        power++;
    uint64_t rest = number - (UINT64_C(1) << power);
    while (power > 32 && rest > UINT32_MAX) { /* keep the product below in range */
        rest >>= 1;
        number >>= 1;
    }
    return power * 1000 + (uint32_t)(rest * 1000 / (number - rest));
}

uint32_t suspicion_log10_milli(uint64_t number)
{
    return (uint32_t)((uint64_t)suspicion_log2_milli(number) * LOG10_OF_2_MICRO / 1000000);
}

/* How many can confirm: everybody but the suspect and the first witness, SUSPICION_CONFIRMATIONS at most. */
static uint32_t confirmations_wanted(uint32_t members_count)
{
    uint32_t others = members_count > 2 ? members_count - 2 : 0;
    return others < SUSPICION_CONFIRMATIONS ? others : SUSPICION_CONFIRMATIONS;
}

uint64_t suspicion_timeout_ms(uint64_t period_ms, uint32_t members_count, uint32_t confirmations)
{
    uint64_t scale = suspicion_log10_milli(members_count);
    if (scale < 1000) scale = 1000;
    uint64_t shortest = GOSSIP_SUSPICION_PERIODS * period_ms * scale / 1000;
    uint64_t longest = GOSSIP_SUSPICION_STRETCH * shortest;
    uint32_t wanted = confirmations_wanted(members_count);
    if (confirmations >= wanted) return shortest;
    return longest -
           (longest - shortest) * suspicion_log2_milli(confirmations + 1) / suspicion_log2_milli(wanted + 1);
}

static void wait_until(struct suspicion *suspicion, struct timers *timers, uint64_t until_ms)
{
    timers_remove(timers, &suspicion->timer);
    timers_add(timers, &suspicion->timer, until_ms);
}

static uint64_t question_ms(uint64_t period_ms)
{
    return period_ms / SUSPICION_QUESTIONS_A_PERIOD;
}

/* All of it but what is for questions. */
static void wait_for(struct suspicion *suspicion, struct timers *timers, uint64_t timeout_ms, uint64_t period_ms,
                     uint64_t now_ms)
{
    uint64_t until_ms = suspicion->began_ms + timeout_ms - SUSPICION_QUESTIONS * question_ms(period_ms);
    if (suspicion->questions_count == 0) wait_until(suspicion, timers, until_ms > now_ms ? until_ms : now_ms);
}

void suspicion_begin(struct suspicion *suspicion, struct timers *timers, const uint8_t *witness_id,
                     uint64_t period_ms, uint32_t members_count, uint64_t now_ms)
{
    suspicion->began_ms = now_ms;
    suspicion->witnesses[0] = wire_load_u64(witness_id);
    suspicion->witnesses_count = 1;
    suspicion->questions_count = 0;
    wait_for(suspicion, timers, suspicion_timeout_ms(period_ms, members_count, 0), period_ms, now_ms);
}

bool suspicion_confirm(struct suspicion *suspicion, struct timers *timers, const uint8_t *witness_id,
                       uint64_t period_ms, uint32_t members_count, uint64_t now_ms)
{
    uint64_t witness = wire_load_u64(witness_id);
    for (uint32_t i = 0; i < suspicion->witnesses_count; i++) {
        if (suspicion->witnesses[i] == witness) return false;
    }
    if (suspicion->witnesses_count == SUSPICION_WITNESSES_MAX) return false;
    uint32_t confirmations = suspicion->witnesses_count;
    suspicion->witnesses[suspicion->witnesses_count++] = witness;
    wait_for(suspicion, timers, suspicion_timeout_ms(period_ms, members_count, confirmations), period_ms, now_ms);
    return true;
}

void suspicion_hasten(struct suspicion *suspicion, struct timers *timers, uint64_t period_ms,
                      uint32_t members_count, uint64_t now_ms)
{
    uint64_t shortest = suspicion_timeout_ms(period_ms, members_count, SUSPICION_CONFIRMATIONS);
    suspicion->witnesses_count = SUSPICION_WITNESSES_MAX;
    wait_for(suspicion, timers, shortest, period_ms, now_ms);
}

bool suspicion_question(struct suspicion *suspicion, struct timers *timers, uint64_t period_ms, uint64_t now_ms)
{
    if (suspicion->questions_count == SUSPICION_QUESTIONS) return false;
    suspicion->questions_count++;
    wait_until(suspicion, timers, now_ms + question_ms(period_ms));
    return true;
}

void suspicion_pardon(struct suspicion *suspicion, struct timers *timers, uint64_t gap_ms)
{
    if (suspicion->timer.place == 0) return;
    suspicion->began_ms += gap_ms;
    wait_until(suspicion, timers, suspicion->timer.deadline_ms + gap_ms);
}

void suspicion_end(struct suspicion *suspicion, struct timers *timers)
{
    timers_remove(timers, &suspicion->timer);
    suspicion->witnesses_count = 0;
}
