/* Pings: our own, one a period; now and then one of a member that is down, so that a heal is noticed; and those
 * that others ask us for. */
#include "node/cluster/gossip_state.h"

#include "node/cluster/gossip_clock.h"

/* --- our own -------------------------------------------------------------------------------------------- */

/* False when it did not leave us: then silence says nothing. */
static bool ping(struct gossip *gossip, struct member *target, uint64_t sequence)
{
    uint64_t sent_before = gossip->stats.packets_out;
    uint64_t lost_before = gossip->outbox->lost_count;
    gossip_send_kind(gossip, target, GOSSIP_PING, sequence);
    return gossip->stats.packets_out > sent_before && gossip->outbox->lost_count == lost_before;
}

static void ping_down(struct gossip *gossip)
{
    struct probe *probe = &gossip->probe;
    if (probe->periods_count % GOSSIP_DOWN_EVERY != 0) return;
    struct member *target = probe_next_down(probe, gossip->members, gossip->now_ms);
    if (target == NULL) return;
    probe->down = probe_ping_of(target, prng_u64(&gossip->prng), gossip->now_us);
    ping(gossip, target, probe->down.sequence);
}

static void begin_period(struct gossip *gossip)
{
    struct probe *probe = &gossip->probe;
    probe->periods_count++;
    probe->is_doubted = false;
    gossip_own_on_period(gossip);
    struct member *target = probe_next(probe, &gossip->prng, gossip->now_ms);
    uint64_t sequence = prng_u64(&gossip->prng);
    if (target != NULL && ping(gossip, target, sequence)) {
        gossip->stats.probes++;
        probe_begin(probe, target, sequence, gossip->period_ms, gossip->now_us);
    } else {
        probe_rest(probe, gossip->period_ms, gossip->now_ms);
    }
    ping_down(gossip);
}

static void ask_others(struct gossip *gossip)
{
    struct probe *probe = &gossip->probe;
    uint64_t left_ms = probe->end_ms > gossip->now_ms ? probe->end_ms - gossip->now_ms : 0;
    probe_choose_helpers(probe, gossip->members, &gossip->prng, gossip->now_ms);
    for (uint32_t i = 0; i < probe->helpers_count; i++) {
        struct member *helper = probe->helpers[i];
        struct gossip_message message = {
            .kind = GOSSIP_ASK, .sequence = probe->ping.sequence, .wait_ms = (uint32_t)left_ms};
        memcpy(message.target, probe->ping.target->id, LINK_NODE_ID_BYTES);
        gossip_send(gossip, helper, &message);
    }
}

static void end_period(struct gossip *gossip)
{
    struct probe *probe = &gossip->probe;
    struct member *target = probe->ping.target;
    bool is_open = (probe->phase == PROBE_DIRECT || probe->phase == PROBE_INDIRECT) && target != NULL;
    if (!is_open || !probe_can_reach(target, gossip->now_ms)) return;
    gossip->stats.probes_failed++;
    probe_failed(probe);
    bool is_news = target->state == MEMBER_ALIVE;
    gossip_suspect(gossip, target, MEMBER_SUSPECT, gossip->own.announcement.node_id);
    gossip->wants_broadcast |= is_news;
}

void gossip_probe_pardon(struct gossip *gossip, uint64_t gap_ms)
{
    struct probe *probe = &gossip->probe;
    probe_worse(probe);
    if (probe->end_ms == UINT64_MAX) return;
    if (gap_ms >= GOSSIP_STOPPED_PERIODS * gossip->period_ms) { /* the answer came to nobody, or is long lost */
        gossip_relays_clear(&gossip->relays);
        probe_rest(probe, 0, gossip->now_ms);
        return;
    }
    probe->again_ms += gap_ms; /* the answer may be among what we are about to read */
    probe->end_ms += gap_ms;
}

void gossip_probe_on_time(struct gossip *gossip)
{
    struct probe *probe = &gossip->probe;
    struct gossip_relay relay;
    while (gossip_relays_late(&gossip->relays, gossip->now_ms, &relay))
        gossip_send_kind(gossip, relay.asker, GOSSIP_NACK, relay.asked_sequence);
    if (probe_is_due_again(probe, gossip->now_ms)) {
        (void)ping(gossip, probe->ping.target, probe_again(probe, gossip->now_us));
        if (probe_wants_helpers(probe, gossip->now_ms)) ask_others(gossip);
    }
    if (gossip->now_ms < probe->end_ms) return;
    end_period(gossip);
    begin_period(gossip);
}

/* --- messages ------------------------------------------------------------------------------------------- */

static void warn_of_clock(struct gossip *gossip, const struct member *member)
{
    struct gossip_row *row = gossip_row_of(member);
    bool is_off = gossip_clock_is_off(member);
    bool is_news = is_off && !row->has_clock_warning;
    row->has_clock_warning = is_off;
    if (!is_news) return;
    bool is_ahead = member->clock_offset_us > 0;
    uint64_t off_us = is_ahead ? (uint64_t)member->clock_offset_us : (uint64_t)-member->clock_offset_us;
    struct effect *line = outbox_log(gossip->outbox, EFFECT_WARN, "a node's clock is far from ours");
    outbox_node(gossip->outbox, line, "node", member->id);
    outbox_number(line, is_ahead ? "ahead_ms" : "behind_ms", off_us / 1000);
}

/* An answer to a ping we sent: fresh, whatever may have been replayed. */
static void measure(struct gossip *gossip, struct member *sender, uint64_t sent_us,
                    const struct gossip_message *message)
{
    uint64_t round_trip_us = gossip->now_us > sent_us ? gossip->now_us - sent_us : 0;
    sender->heard_ms = gossip->now_ms;
    gossip_clock_measure(sender, round_trip_us, message->wall_us, gossip->wall_us);
    warn_of_clock(gossip, sender);
}

static void on_ack(struct gossip *gossip, struct member *sender, const struct gossip_message *message)
{
    struct probe *probe = &gossip->probe;
    struct gossip_relay relay;
    bool is_waited_for = probe->phase == PROBE_DIRECT || probe->phase == PROBE_INDIRECT;
    uint64_t sent_us = is_waited_for ? probe_ping_sent_us(&probe->ping, sender, message->sequence) : 0;
    uint64_t down_us = probe_ping_sent_us(&probe->down, sender, message->sequence);
    if (sent_us != 0) {
        measure(gossip, sender, sent_us, message);
        probe_answered(probe);
    } else if (down_us != 0) {
        measure(gossip, sender, down_us, message);
        probe->down.target = NULL;
    } else if (gossip_relays_answered(&gossip->relays, sender, message->sequence, &relay)) {
        sender->heard_ms = gossip->now_ms;
        gossip_send_kind(gossip, relay.asker, GOSSIP_RELAYED, relay.asked_sequence);
    }
}

static void on_ask(struct gossip *gossip, struct member *sender, const struct gossip_message *message)
{
    struct member *target = members_find(gossip->members, message->target);
    if (target == sender || target == gossip->self) {
        if (target != NULL) gossip_offence(gossip, sender, "a ping asked for that no node needs", gossip->now_ms);
        return;
    }
    if (target == NULL || !probe_can_reach(target, gossip->now_ms) || !sender->has_announcement) return;
    uint64_t sequence = prng_u64(&gossip->prng);
    gossip_relays_add(&gossip->relays, sender, target, message->sequence, sequence, message->wait_ms,
                      gossip->now_ms);
    gossip_send_kind(gossip, target, GOSSIP_PING, sequence);
}

/* What a helper says of the probe under way. */
static void on_helper(struct gossip *gossip, const struct member *sender, const struct gossip_message *message)
{
    struct probe *probe = &gossip->probe;
    bool is_asked = probe->phase == PROBE_INDIRECT && probe->ping.sequence == message->sequence &&
                    probe_is_helper(probe, sender);
    if (!is_asked) return;
    if (message->kind == GOSSIP_NACK) {
        probe_on_nack(probe, sender);
        return;
    }
    gossip->stats.probes_indirect++;
    probe_answered(probe);
}

void gossip_probe_on_message(struct gossip *gossip, struct member *sender, const struct gossip_message *message)
{
    switch (message->kind) {
    case GOSSIP_PING: gossip_reply(gossip, sender, GOSSIP_ACK, message->sequence); break;
    case GOSSIP_ACK: on_ack(gossip, sender, message); break;
    case GOSSIP_ASK: on_ask(gossip, sender, message); break;
    case GOSSIP_RELAYED:
    case GOSSIP_NACK: on_helper(gossip, sender, message); break;
    case GOSSIP_NEWS: break;
    }
}
