/* The order of pings, and the one under way. */
#include "node/cluster/probe.h"

#include "node/cluster/gossip_clock.h"

#include <assert.h>

enum { HELPER_TRIES = 8 }; /* draws for each helper: enough unless most are down */

bool probe_init(struct probe *probe, struct arena *arena)
{
    *probe = (struct probe){.end_ms = UINT64_MAX};
    probe->order = arena_array(arena, LIMITS_MEMBERS_MAX, sizeof probe->order[0]);
    return probe->order != NULL;
}

/* 0 … bound - 1; the bias is far below what the order could show. */
static uint32_t below(struct prng *prng, uint32_t bound)
{
    return (uint32_t)(prng_u64(prng) % bound);
}

static void swap(struct probe *probe, uint32_t a, uint32_t b)
{
    struct member *held = probe->order[a];
    probe->order[a] = probe->order[b];
    probe->order[b] = held;
}

void probe_add(struct probe *probe, struct member *member, struct prng *prng)
{
    assert(probe->order_count < LIMITS_MEMBERS_MAX);
    uint32_t last = probe->order_count++;
    probe->order[last] = member;
    swap(probe, last, probe->order_at + below(prng, last + 1 - probe->order_at));
}

static void forget(struct probe_ping *ping, const struct member *member)
{
    if (ping->target == member) ping->target = NULL;
}

void probe_drop(struct probe *probe, struct member *member)
{
    uint32_t place = 0;
    while (place < probe->order_count && probe->order[place] != member)
        place++;
    if (place < probe->order_count) {
        for (uint32_t i = place + 1; i < probe->order_count; i++)
            probe->order[i - 1] = probe->order[i];
        probe->order_count--;
        if (place < probe->order_at) probe->order_at--;
    }
    if (probe->ping.target == member) probe->phase = PROBE_IDLE;
    forget(&probe->ping, member);
    forget(&probe->down, member);
    for (uint32_t i = 0; i < probe->helpers_count; i++) {
        if (probe->helpers[i] == member) probe->helpers[i] = NULL;
    }
}

bool probe_can_reach(const struct member *member, uint64_t now_ms)
{
    return !member->is_self && member->has_announcement && member->announcement.address.length > 0 &&
           member->quarantined_until_ms <= now_ms;
}

static void shuffle(struct probe *probe, struct prng *prng)
{
    for (uint32_t i = probe->order_count; i > 1; i--)
        swap(probe, i - 1, below(prng, i));
    probe->order_at = 0;
}

struct member *probe_next(struct probe *probe, struct prng *prng, uint64_t now_ms)
{
    for (uint32_t i = 0; i < 2 * probe->order_count; i++) { /* what is left of this round, and a whole one */
        if (probe->order_at >= probe->order_count) shuffle(probe, prng);
        struct member *member = probe->order[probe->order_at++];
        bool is_up = member->state == MEMBER_ALIVE || member->state == MEMBER_SUSPECT;
        if (is_up && probe_can_reach(member, now_ms)) return member;
    }
    return NULL;
}

struct member *probe_next_down(struct probe *probe, const struct members *members, uint64_t now_ms)
{
    for (uint32_t i = 0; i < members->count; i++) {
        struct member *member = members->rows[probe->down_at++ % members->count];
        if (member->state == MEMBER_DOWN && probe_can_reach(member, now_ms)) return member;
    }
    return NULL;
}

struct probe_ping probe_ping_of(struct member *target, uint64_t sequence, uint64_t now_us)
{
    return (struct probe_ping){.target = target, .sequence = sequence, .sent_us = {now_us}, .sent_count = 1};
}

uint64_t probe_ping_sent_us(const struct probe_ping *ping, const struct member *sender, uint64_t sequence)
{
    uint64_t times = sequence - ping->sequence; /* numbers go round */
    return ping->target == sender && times < ping->sent_count ? ping->sent_us[times] : 0;
}

void probe_begin(struct probe *probe, struct member *target, uint64_t sequence, uint64_t period_ms,
                 uint64_t now_us)
{
    uint64_t now_ms = now_us / 1000;
    uint64_t timeout_ms = gossip_clock_timeout_ms(target, period_ms);
    probe->phase = PROBE_DIRECT;
    probe->ping = probe_ping_of(target, sequence, now_us);
    probe->step_ms = period_ms * (probe->health + 1) / PROBE_STEPS;
    probe->again_ms = now_ms + timeout_ms * (probe->health + 1);
    probe->end_ms = now_ms + period_ms * (probe->health + 1);
    probe->helpers_count = 0;
    memset(probe->has_nacked, 0, sizeof probe->has_nacked);
}

/* Will it be sent once more in this period? */
static bool goes_again(const struct probe *probe)
{
    bool is_open = probe->phase == PROBE_DIRECT || probe->phase == PROBE_INDIRECT;
    return is_open && probe->ping.sent_count < PROBE_STEPS && probe->again_ms < probe->end_ms;
}

bool probe_is_due_again(const struct probe *probe, uint64_t now_ms)
{
    return goes_again(probe) && probe->again_ms <= now_ms && now_ms < probe->end_ms;
}

uint64_t probe_again(struct probe *probe, uint64_t now_us)
{
    struct probe_ping *ping = &probe->ping;
    assert(ping->sent_count < PROBE_STEPS);
    ping->sent_us[ping->sent_count] = now_us;
    probe->again_ms = now_us / 1000 + probe->step_ms;
    return ping->sequence + ping->sent_count++;
}

bool probe_wants_helpers(const struct probe *probe, uint64_t now_ms)
{
    uint64_t began_ms = probe->ping.sent_us[0] / 1000;
    return probe->phase == PROBE_DIRECT && now_ms >= began_ms + PROBE_HELPERS_STEP * probe->step_ms;
}

void probe_rest(struct probe *probe, uint64_t period_ms, uint64_t now_ms)
{
    probe->phase = PROBE_IDLE;
    probe->ping = (struct probe_ping){0};
    probe->helpers_count = 0;
    probe->end_ms = now_ms + period_ms;
}

bool probe_is_helper(const struct probe *probe, const struct member *member)
{
    for (uint32_t i = 0; i < probe->helpers_count; i++) {
        if (probe->helpers[i] == member) return true;
    }
    return false;
}

void probe_choose_helpers(struct probe *probe, const struct members *members, struct prng *prng, uint64_t now_ms)
{
    probe->phase = PROBE_INDIRECT;
    for (uint32_t i = 0; i < GOSSIP_INDIRECT * HELPER_TRIES && probe->helpers_count < GOSSIP_INDIRECT; i++) {
        struct member *member = members->rows[below(prng, members->count)];
        bool can_help = member->state == MEMBER_ALIVE && member != probe->ping.target &&
                        probe_can_reach(member, now_ms) && !probe_is_helper(probe, member);
        if (can_help) probe->helpers[probe->helpers_count++] = member;
    }
}

void probe_worse(struct probe *probe)
{
    if (probe->health < GOSSIP_HEALTH_MAX - 1) probe->health++;
}

void probe_doubted(struct probe *probe)
{
    if (!probe->is_doubted) probe_worse(probe);
    probe->is_doubted = true;
}

void probe_answered(struct probe *probe)
{
    probe->phase = PROBE_ANSWERED;
    if (probe->health > 0) probe->health--;
}

void probe_on_nack(struct probe *probe, const struct member *helper)
{
    for (uint32_t i = 0; i < probe->helpers_count; i++) {
        if (probe->helpers[i] == helper) probe->has_nacked[i] = true;
    }
}

void probe_failed(struct probe *probe)
{
    uint32_t nacks_count = 0;
    for (uint32_t i = 0; i < probe->helpers_count; i++)
        nacks_count += probe->has_nacked[i] ? 1 : 0;
    /* Helpers that all say "not me either" show that we are heard; without helpers nobody does. */
    if (probe->helpers_count == 0 || nacks_count < probe->helpers_count) probe_worse(probe);
}

uint64_t probe_deadline_ms(const struct probe *probe)
{
    return goes_again(probe) ? probe->again_ms : probe->end_ms;
}
