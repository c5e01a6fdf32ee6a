/* Gossip's life: datagrams in, time, and what is shown of it. */
#include "node/cluster/gossip_state.h"

#include <assert.h>

enum { PERIOD_MS_MIN = 20, PERIOD_MS_MAX = 60000 };

/* --- life ----------------------------------------------------------------------------------------------- */

static bool take_tables(struct gossip *gossip)
{
    struct members *members = gossip->members;
    members->rows = arena_array(&members->arena, LIMITS_MEMBERS_MAX, sizeof members->rows[0]);
    members->capacity = LIMITS_MEMBERS_MAX;
    gossip->spare_rows = arena_array(&members->arena, LIMITS_MEMBERS_MAX, sizeof members->rows[0]);
    gossip->free_rows = arena_array(&gossip->arena, (size_t)2 * LIMITS_MEMBERS_MAX, sizeof gossip->free_rows[0]);
    return members->rows != NULL && gossip->spare_rows != NULL && gossip->free_rows != NULL &&
           probe_init(&gossip->probe, &gossip->arena) &&
           timers_init(&gossip->suspicions, LIMITS_MEMBERS_MAX, &gossip->arena);
}

struct gossip *gossip_create(const struct link_identity *identity, struct members *members, struct outbox *outbox,
                             const struct gossip_calls *calls, uint64_t incarnation,
                             const uint8_t seed[PRNG_SEED_BYTES], uint64_t period_ms)
{
    struct arena arena;
    assert(members->count == 0);
    arena_init(&arena, GOSSIP_ARENA_BYTES_MAX);
    arena_init(&members->arena, GOSSIP_ARENA_BYTES_MAX);
    struct gossip *gossip = arena_alloc(&arena, sizeof *gossip);
    if (gossip == NULL) return NULL;
    *gossip = (struct gossip){.identity = identity, .members = members, .outbox = outbox, .arena = arena};
    gossip->period_ms = period_ms < PERIOD_MS_MIN ? PERIOD_MS_MIN : period_ms;
    if (gossip->period_ms > PERIOD_MS_MAX) gossip->period_ms = PERIOD_MS_MAX;
    if (calls != NULL) gossip->calls = *calls;
    prng_init(&gossip->prng, seed);
    rumours_init(&gossip->rumours, GOSSIP_RETRANSMIT);
    if (!take_tables(gossip)) {
        gossip_destroy(gossip);
        return NULL;
    }
    gossip->probe.periods_count = prng_u64(&gossip->prng) % GOSSIP_DOWN_EVERY;
    gossip_own_init(gossip, incarnation);
    return gossip;
}

void gossip_destroy(struct gossip *gossip)
{
    if (gossip == NULL) return;
    struct arena arena = gossip->arena; /* it lies in it itself */
    arena_deinit(&gossip->members->arena);
    *gossip->members = (struct members){0};
    arena_deinit(&arena);
}

void gossip_set_digests(struct gossip *gossip, const struct gossip_digests *digests)
{
    if (memcmp(gossip->documents, digests->documents, sizeof gossip->documents) == 0) return;
    memcpy(gossip->documents, digests->documents, sizeof gossip->documents);
    gossip->documents_difference.changed_ms = gossip->now_ms;
}

/* --- steps ---------------------------------------------------------------------------------------------- */

/* We were not run for `gap_ms`: stopped, starved, or asleep. Others did not fall silent in that time, we were
 * deaf; so nobody's time runs out because of it (Lifeguard's observation, of which local health is the smaller
 * part). */
static void pardon(struct gossip *gossip, uint64_t gap_ms)
{
    for (uint32_t i = 0; i < gossip->members->count; i++)
        suspicion_pardon(&gossip_row_of(gossip->members->rows[i])->suspicion, &gossip->suspicions, gap_ms);
    gossip_probe_pardon(gossip, gap_ms);
    if (gap_ms < GOSSIP_STOPPED_PERIODS * gossip->period_ms) return;
    struct effect *line = outbox_log(gossip->outbox, EFFECT_WARN, "this node did not run for a while");
    outbox_number(line, "ms", gap_ms);
}

/* We ran no later than when something was due, or than the step before: once for each gap, whatever stays due. */
static void begin(struct gossip *gossip, uint64_t now_us, uint64_t wall_us)
{
    uint64_t due_ms = gossip_deadline_ms(gossip);
    if (due_ms < gossip->stepped_ms) due_ms = gossip->stepped_ms;
    if (now_us > gossip->now_us) gossip->now_us = now_us;
    if (now_us / 1000 > gossip->now_ms) gossip->now_ms = now_us / 1000;
    gossip->wall_us = wall_us;
    gossip->stepped_ms = gossip->now_ms;
    if (due_ms < gossip->now_ms && gossip->now_ms - due_ms > gossip->period_ms)
        pardon(gossip, gossip->now_ms - due_ms);
}

uint64_t gossip_deadline_ms(const struct gossip *gossip)
{
    uint64_t deadline_ms = probe_deadline_ms(&gossip->probe);
    uint64_t relay_ms = gossip_relays_deadline_ms(&gossip->relays);
    const struct timer *timer = timers_first(&gossip->suspicions);
    if (relay_ms < deadline_ms) deadline_ms = relay_ms;
    return timer != NULL && timer->deadline_ms < deadline_ms ? timer->deadline_ms : deadline_ms;
}

void gossip_on_time(struct gossip *gossip, uint64_t now_us, uint64_t wall_us)
{
    begin(gossip, now_us, wall_us);
    struct timer *timer = timers_first(&gossip->suspicions);
    while (timer != NULL && timer->deadline_ms <= gossip->now_ms) {
        struct gossip_row *row = LIST_OWNER(timer, struct gossip_row, suspicion.timer);
        gossip_give_up(gossip, row->member); /* takes the timer out, or puts it off */
        timer = timers_first(&gossip->suspicions);
    }
    gossip_probe_on_time(gossip);
    gossip_broadcast(gossip);
}

/* The member that sent `packet`, with its body; NULL when no member did. */
static struct member *open_packet(struct gossip *gossip, struct span packet, uint8_t *body, size_t *body_bytes)
{
    uint8_t sender_id[LINK_NODE_ID_BYTES];
    for (uint32_t i = 0; i < gossip->identity->secrets_count; i++) {
        if (!packet_sender(gossip->identity, i, packet, sender_id)) continue;
        struct member *member = members_find(gossip->members, sender_id);
        if (member == NULL || member->is_self || !gossip_has_pair(gossip, member)) continue;
        if (packet_open(gossip->identity, i, &member->pair, sender_id, packet, body, body_bytes)) return member;
    }
    return NULL;
}

void gossip_on_datagram(struct gossip *gossip, struct span from, struct span packet, uint64_t now_us,
                        uint64_t wall_us)
{
    uint8_t body[PACKET_BODY_BYTES_MAX];
    size_t body_bytes = 0;
    begin(gossip, now_us, wall_us);
    struct member *sender = open_packet(gossip, packet, body, &body_bytes);
    if (sender == NULL) {
        gossip->stats.packets_foreign++;
        return;
    }
    gossip->stats.packets_in++;
    gossip->stats.bytes_in += packet.length;
    if (sender->quarantined_until_ms > gossip->now_ms) return;
    gossip_heed(gossip, sender, span_of(body, body_bytes), from);
    gossip_broadcast(gossip);
}

/* --- offences ------------------------------------------------------------------------------------------- */

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Was this sent a moment ago, by its sender's clock as our own pings measured it? */
static bool is_fresh(const struct gossip *gossip, const struct member *by)
{
    uint64_t its_us = gossip->wall_us + (uint64_t)by->clock_offset_us; /* mod 2^64, as its clock may be anything */
    return by->has_round_trip && apart(gossip->heard.wall_us, its_us) <= GOSSIP_FRESH_MS * UINT64_C(1000);
}

bool gossip_counts(struct gossip *gossip, const struct member *by)
{
    struct gossip_row *row = gossip_row_of(by);
    if (gossip->heard.sender != by) return true; /* over a link nothing comes twice */
    if (gossip->heard.is_counted) return true;
    if (!is_fresh(gossip, by) || gossip->heard.wall_us <= row->counted_us) return false;
    gossip->heard.is_counted = true;
    row->counted_us = gossip->heard.wall_us;
    return true;
}

/* One offence more, those that time has forgiven taken off. */
static bool is_too_much(struct gossip_row *row, uint64_t now_ms)
{
    uint64_t forgiven = (now_ms - row->guilt_ms) / GOSSIP_FORGIVE_MS;
    if (forgiven > 0 || row->guilt == 0) row->guilt_ms = now_ms;
    row->guilt = forgiven < row->guilt ? row->guilt - (uint32_t)forgiven : 0;
    if (++row->guilt < GOSSIP_OFFENCES_MAX) return false;
    row->guilt = 0;
    return true;
}

void gossip_offence(struct gossip *gossip, struct member *by, const char *what, uint64_t now_ms)
{
    if (now_ms > gossip->now_ms) gossip->now_ms = now_ms;
    gossip->stats.packets_bad++;
    if (!gossip_counts(gossip, by)) return;
    by->offences++;
    struct effect *line = outbox_log(gossip->outbox, EFFECT_WARN, "a node sent what no sound node sends");
    outbox_node(gossip->outbox, line, "node", by->id);
    outbox_text(gossip->outbox, line, "what", span_text(what));
    outbox_number(line, "offences", by->offences);
    if (!is_too_much(gossip_row_of(by), gossip->now_ms)) return;
    by->quarantined_until_ms = gossip->now_ms + GOSSIP_QUARANTINE_MS;
    line = outbox_log(gossip->outbox, EFFECT_WARN, "a node is not listened to for a while");
    outbox_node(gossip->outbox, line, "node", by->id);
    outbox_number(line, "ms", GOSSIP_QUARANTINE_MS);
}

/* --- shown ---------------------------------------------------------------------------------------------- */

void gossip_announcements_digest(const struct gossip *gossip, uint8_t digest[16])
{
    memcpy(digest, gossip->announcements, sizeof gossip->announcements);
}

struct gossip_stats gossip_stats(const struct gossip *gossip)
{
    struct gossip_stats stats = gossip->stats;
    stats.health = gossip->probe.health;
    return stats;
}
