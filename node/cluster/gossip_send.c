/* Packets, and what rides on them: first what the receiver must know of itself, then of us, then the news. */
#include "node/cluster/gossip_state.h"

#include <assert.h>

enum {
    NEWS_TRIED_MAX = 24, /* pieces of news looked at for one packet; the longer ones may not fit */
    ANSWERS_PER_PERIOD = 4,
};

bool gossip_has_pair(struct gossip *gossip, struct member *member)
{
    struct gossip_row *row = gossip_row_of(member);
    if (member->has_pair) return true;
    if (row->is_keyless) return false;
    member->has_pair = packet_pair_init(&member->pair, gossip->identity, member->id);
    row->is_keyless = !member->has_pair;
    return member->has_pair;
}

static struct gossip_claim claim_about(const struct member *member)
{
    struct gossip_claim claim = {.state = member->state == MEMBER_DOWN ? MEMBER_DOWN : MEMBER_SUSPECT,
                                 .incarnation = member->announcement.incarnation};
    memcpy(claim.id, member->id, LINK_NODE_ID_BYTES);
    memcpy(claim.by, gossip_row_of(member)->accuser, LINK_NODE_ID_BYTES);
    return claim;
}

/* Is who just spoke another run of it than the one whose announcement we hold, of the same incarnation? */
static bool is_other_run(const struct gossip *gossip, const struct member *to)
{
    return gossip->heard.sender == to && gossip_is_other_run(to, gossip->heard.said, gossip->heard.boot_nonce);
}

/* The receiver hears first what is held against it (Lifeguard's buddy system), with the announcement it is held
 * against; or that we know a later one than it just said it has. */
static void ride_about_receiver(const struct gossip *gossip, const struct member *to,
                                struct gossip_message *message)
{
    if (!to->has_announcement) return;
    bool is_accused = to->state == MEMBER_SUSPECT || to->state == MEMBER_DOWN;
    bool is_outdated = gossip->heard.sender == to &&
                       (gossip->heard.said < to->announcement.incarnation || is_other_run(gossip, to));
    is_accused = is_accused && !gossip_is_withdrawn(to);
    if (!is_accused && !is_outdated) return;
    if (!gossip_message_add_announcement(message, to->announcement_bytes) || !is_accused) return;
    struct gossip_claim claim = claim_about(to); /* never without what it is about: that would be an offence */
    gossip_message_add_claim(message, &claim);
}

/* Our own goes to who just said that it has none, or another: an older one, or a later one that we do not know of,
 * which it can then show us, our packet being long enough for that answer. Everybody else has it from the news: to
 * look at each one's last word would tell a large cluster the same for as long as a round takes. */
static void ride_own(const struct gossip *gossip, const struct member *to, struct gossip_message *message)
{
    if (gossip->heard.sender != to || gossip->heard.known == gossip->own.announcement.incarnation) return;
    gossip_message_add_announcement(message, span_of(gossip->own.bytes, gossip->own.length));
}

/* Is this piece of news none to the receiver: about itself, or an announcement that it just showed to have? */
static bool is_known(const struct gossip *gossip, const struct member *to, const struct rumour *rumour)
{
    const struct gossip_row *row = rumour->owner;
    bool is_heard = gossip->heard.sender == to;
    bool is_announcement = rumour == &row->announcement_news;
    return row->member == to || (is_heard && is_announcement && (gossip->heard.is_same || row->member->is_self));
}

static bool ride(const struct rumour *rumour, struct gossip_message *message)
{
    const struct gossip_row *row = rumour->owner;
    if (rumour == &row->announcement_news)
        return gossip_message_add_announcement(message, row->member->announcement_bytes);
    struct gossip_claim claim = claim_about(row->member);
    return gossip_message_add_claim(message, &claim);
}

/* As much news as fits. With `counts` a piece has then been told once more; and so has one that was known. */
static void ride_news(struct gossip *gossip, const struct member *to, bool counts, struct gossip_message *message)
{
    struct rumour *told[NEWS_TRIED_MAX];
    uint32_t told_count = 0;
    struct rumour *rumour = rumours_first(&gossip->rumours);
    for (uint32_t i = 0; i < NEWS_TRIED_MAX && rumour != NULL; i++) {
        if (is_known(gossip, to, rumour) || ride(rumour, message)) told[told_count++] = rumour;
        rumour = rumours_next(&gossip->rumours, rumour);
    }
    for (uint32_t i = 0; counts && i < told_count; i++)
        rumours_told(&gossip->rumours, told[i]);
}

static void fill_head(const struct gossip *gossip, const struct member *to, struct gossip_message *message)
{
    message->incarnation = gossip->own.announcement.incarnation;
    message->boot_nonce = gossip->own.announcement.boot_nonce;
    message->known = to->has_announcement && !is_other_run(gossip, to) ? to->announcement.incarnation : 0;
    message->wall_us = gossip->wall_us;
    memcpy(message->documents, gossip->documents, sizeof message->documents);
    memcpy(message->announcements_digest, gossip->announcements, sizeof message->announcements_digest);
}

static void send_counted(struct gossip *gossip, struct member *to, struct span address, bool counts,
                         struct gossip_message *message)
{
    uint8_t body[PACKET_BODY_BYTES_MAX];
    uint8_t packet[LIMITS_DATAGRAM_BYTES_MAX];
    bool has_said = gossip->own.length > 0 && gossip->identity->secrets_count > 0;
    if (!has_said || to->is_self || address.length == 0 || !gossip_has_pair(gossip, to)) return;
    fill_head(gossip, to, message);
    ride_about_receiver(gossip, to, message);
    ride_own(gossip, to, message);
    ride_news(gossip, to, counts, message);
    size_t length = gossip_message_encode(message, body);
    size_t bytes = packet_close(gossip->identity, &to->pair, to->id, span_of(body, length), &gossip->prng, packet);
    outbox_datagram(gossip->outbox, address, span_of(packet, bytes));
    gossip->stats.packets_out++;
    gossip->stats.bytes_out += bytes;
}

void gossip_send(struct gossip *gossip, struct member *to, struct gossip_message *message)
{
    if (to->has_announcement) send_counted(gossip, to, to->announcement.address, true, message);
}

void gossip_send_kind(struct gossip *gossip, struct member *to, enum gossip_kind kind, uint64_t sequence)
{
    struct gossip_message message = {.kind = kind, .sequence = sequence};
    gossip_send(gossip, to, &message);
}

/* Who knows an old packet may send it again, from anywhere. What we say because of it goes to where the sender is
 * known to be; only when it says to be another than the one we know of does it go back to where it came from. Then
 * it is no longer than what came; but what we tell it out of turn, which is not often, may be so many times as
 * long, since the announcement that it is to see may be longer than its own. */
void gossip_reply(struct gossip *gossip, struct member *to, enum gossip_kind kind, uint64_t sequence)
{
    struct gossip_message message = {.kind = kind, .sequence = sequence};
    assert(gossip->heard.sender == to);
    bool is_known = to->has_announcement && to->announcement.incarnation == gossip->heard.said &&
                    to->announcement.boot_nonce == gossip->heard.boot_nonce;
    if (!is_known) message.room = gossip->heard.bytes * (kind == GOSSIP_NEWS ? GOSSIP_ANSWER_TIMES : 1);
    if (message.room > PACKET_BODY_BYTES_MAX) message.room = PACKET_BODY_BYTES_MAX;
    send_counted(gossip, to, is_known ? to->announcement.address : gossip->heard.from, true, &message);
}

void gossip_answer(struct gossip *gossip, struct member *to)
{
    struct gossip_row *row = gossip_row_of(to);
    uint64_t pause_ms = gossip->period_ms / ANSWERS_PER_PERIOD;
    if (row->answered_ms != 0 && gossip->now_ms < row->answered_ms + pause_ms) return;
    row->answered_ms = gossip->now_ms;
    gossip_reply(gossip, to, GOSSIP_NEWS, 0);
}

void gossip_broadcast(struct gossip *gossip)
{
    bool is_wanted = gossip->wants_broadcast && gossip->members->count <= GOSSIP_SMALL_MAX;
    gossip->wants_broadcast = false;
    for (uint32_t i = 0; is_wanted && i < gossip->members->count; i++) {
        struct member *member = gossip->members->rows[i];
        struct gossip_message message = {.kind = GOSSIP_NEWS};
        if (!probe_can_reach(member, gossip->now_ms)) continue;
        send_counted(gossip, member, member->announcement.address, false, &message);
    }
}
