/* What others say: of themselves, signed; of others, as claims that the accused can refute.
 *
 * A member that lies can make others be suspected, who then refute. It cannot hold a live one down: a claim that
 * one is down is only a suspicion that ends soon, for the incarnation it names and no other; it cannot speak of an
 * incarnation that was not announced, nor announce for another (H12).
 */
#include "node/cluster/gossip_state.h"

#include <assert.h>

/* --- announcements -------------------------------------------------------------------------------------- */

static void on_own(struct gossip *gossip, struct span bytes, const struct announcement *announcement,
                   struct member *by)
{
    const struct announcement *own = &gossip->own.announcement;
    if (announcement->boot_nonce == own->boot_nonce || announcement->incarnation < own->incarnation) return;
    if (announcement_verify(bytes, announcement, gossip->identity->cluster_id)) {
        gossip_own_conflict(gossip, announcement);
    } else if (by != NULL) {
        gossip_offence(gossip, by, "a forged announcement", gossip->now_ms);
    }
}

/* Of no member. Our documents may be behind, so one is no offence; a flood is, and so is one from somebody whose
 * documents are the same as ours. A packet counts once, however many it brings. */
static void on_stranger(struct gossip *gossip, struct member *by, bool is_known_stranger)
{
    if (by == NULL) return;
    struct gossip_row *row = gossip_row_of(by);
    bool is_packet = gossip->heard.sender == by;
    if (gossip->now_ms >= row->strangers_ms + GOSSIP_STRANGERS_MS) {
        row->strangers = 0;
        row->strangers_ms = gossip->now_ms;
    }
    if (!(is_packet && gossip->heard.has_strangers) && gossip_counts(gossip, by)) row->strangers++;
    gossip->heard.has_strangers = is_packet;
    if (!is_known_stranger && row->strangers < GOSSIP_STRANGERS_MAX) return;
    row->strangers = 0;
    gossip_offence(gossip, by, "an announcement of no member", gossip->now_ms);
}

/* `is_news` to others, too: not what came out of a store or an exchange, which they have or will ask for. */
static void take(struct gossip *gossip, struct member *member, struct span bytes, bool is_news, bool is_raised)
{
    if (!gossip_keep_announcement(gossip, member, bytes)) return; /* no memory: it comes again */
    rumours_remove(&gossip_row_of(member)->announcement_news);
    if (is_news) rumours_add(&gossip->rumours, &gossip_row_of(member)->announcement_news);
    if (gossip_is_withdrawn(member)) {
        gossip_set_state(gossip, member, MEMBER_DOWN);
    } else if (is_raised) {
        gossip_set_state(gossip, member, MEMBER_ALIVE);
    }
}

static bool hear(struct gossip *gossip, struct span bytes, struct member *by, bool is_same_documents)
{
    struct announcement announcement;
    if (!announcement_decode(bytes, &announcement)) {
        if (by != NULL) gossip_offence(gossip, by, "a malformed announcement", gossip->now_ms);
        return false;
    }
    if (memcmp(announcement.node_id, gossip->own.announcement.node_id, LINK_NODE_ID_BYTES) == 0) {
        on_own(gossip, bytes, &announcement, by);
        return false;
    }
    struct member *member = members_find(gossip->members, announcement.node_id);
    if (member == NULL) {
        on_stranger(gossip, by, is_same_documents);
        return false;
    }
    bool is_news = !member->has_announcement || announcement_compare(&announcement, bytes, &member->announcement,
                                                                     member->announcement_bytes) > 0;
    if (!is_news) return false;
    if (!announcement_verify(bytes, &announcement, gossip->identity->cluster_id)) {
        if (by != NULL) gossip_offence(gossip, by, "a forged announcement", gossip->now_ms);
        return false;
    }
    bool is_raised = !member->has_announcement || announcement.incarnation > member->announcement.incarnation;
    bool is_gossip = gossip->heard.sender != NULL; /* else it came another way: of itself, or of everybody */
    take(gossip, member, bytes, is_gossip || member == by, is_raised);
    return true;
}

bool gossip_hear(struct gossip *gossip, struct span announcement, struct member *by, uint64_t now_us)
{
    if (now_us > gossip->now_us) gossip->now_us = now_us;
    if (now_us / 1000 > gossip->now_ms) gossip->now_ms = now_us / 1000;
    if (by != NULL && by->quarantined_until_ms > gossip->now_ms) return false;
    bool is_news = hear(gossip, announcement, by, false);
    gossip_broadcast(gossip);
    return is_news;
}

/* --- claims --------------------------------------------------------------------------------------------- */

static void pass_on(struct gossip *gossip, struct member *member, const uint8_t *by)
{
    struct gossip_row *row = gossip_row_of(member);
    memcpy(row->accuser, by, LINK_NODE_ID_BYTES);
    rumours_add(&gossip->rumours, &row->claim_news);
}

/* The suspect hears of it from some of us at once, from about GOSSIP_SMALL_MAX however many we are: its time may
 * be shorter than until it is pinged again. */
static void warn(struct gossip *gossip, struct member *member)
{
    bool is_our_turn = prng_u64(&gossip->prng) % gossip->members->count < GOSSIP_SMALL_MAX;
    if (is_our_turn && probe_can_reach(member, gossip->now_ms)) gossip_send_kind(gossip, member, GOSSIP_NEWS, 0);
}

void gossip_suspect(struct gossip *gossip, struct member *member, enum member_state state,
                    const uint8_t by[LINK_NODE_ID_BYTES])
{
    struct gossip_row *row = gossip_row_of(member);
    uint32_t count = gossip->members->count;
    uint64_t now_ms = gossip->now_ms;
    bool is_news = false;
    if (member->is_self || !member->has_announcement || member->state == MEMBER_DOWN) return;
    if (member->state != MEMBER_SUSPECT) {
        memcpy(row->accuser, by, LINK_NODE_ID_BYTES);
        suspicion_begin(&row->suspicion, &gossip->suspicions, by, gossip->period_ms, count, now_ms);
        gossip_set_state(gossip, member, MEMBER_SUSPECT);
        warn(gossip, member);
        is_news = true;
    } else {
        is_news = suspicion_confirm(&row->suspicion, &gossip->suspicions, by, gossip->period_ms, count, now_ms);
    }
    if (state == MEMBER_DOWN)
        suspicion_hasten(&row->suspicion, &gossip->suspicions, gossip->period_ms, count, now_ms);
    if (is_news) pass_on(gossip, member, by);
}

void gossip_give_up(struct gossip *gossip, struct member *member)
{
    struct gossip_row *row = gossip_row_of(member);
    if (suspicion_question(&row->suspicion, &gossip->suspicions, gossip->period_ms, gossip->now_ms)) {
        /* No news ride on it: of a part of the cluster that is cut off everybody is asked. */
        struct gossip_message message = {.kind = GOSSIP_NEWS};
        message.room = GOSSIP_HEAD_BYTES + GOSSIP_CLAIM_BYTES + 2 + member->announcement_bytes.length;
        gossip_send(gossip, member, &message);
        return;
    }
    gossip_set_state(gossip, member, MEMBER_DOWN);
    pass_on(gossip, member, gossip->own.announcement.node_id);
    gossip->wants_broadcast = true;
}

/* We are accused. `shown` is the newest announcement of our id that came with the accusation. */
static void on_accused(struct gossip *gossip, struct member *sender, const struct gossip_claim *claim,
                       uint64_t shown, bool *wants_answer)
{
    uint64_t own = gossip->own.announcement.incarnation;
    if (claim->incarnation > own && claim->incarnation > shown) {
        gossip_offence(gossip, sender, "a claim about an incarnation nobody announced", gossip->now_ms);
        return;
    }
    if (gossip->own.is_leaving) return; /* quite right */
    *wants_answer = true;
    if (claim->incarnation != own) return; /* of before: we have refuted it already */
    uint64_t pause_ms = gossip->period_ms / GOSSIP_REFUTES_PER_PERIOD;
    if (gossip->own.refuted_ms != 0 && gossip->now_ms < gossip->own.refuted_ms + pause_ms) return;
    gossip->own.refuted_ms = gossip->now_ms;
    probe_doubted(&gossip->probe);
    gossip->stats.refutations++;
    gossip_own_raise(gossip, 0);
    struct effect *line = outbox_log(gossip->outbox, EFFECT_INFO, "this node was suspected and refuted it");
    outbox_node(gossip->outbox, line, "by", claim->by);
}

/* What was known on both sides when the message was sent and heard. */
struct common {
    bool is_same_documents;
    bool is_same_announcements;
    uint64_t shown; /* the newest incarnation of ours among its announcements */
};

static void on_claim(struct gossip *gossip, struct member *sender, const struct gossip_claim *claim,
                     const struct common *common, bool *wants_answer)
{
    struct member *about = members_find(gossip->members, claim->id);
    bool is_absurd = claim->incarnation == 0 || memcmp(claim->id, claim->by, LINK_NODE_ID_BYTES) == 0 ||
                     about == sender;
    if (is_absurd) {
        gossip_offence(gossip, sender, "a claim that no node makes", gossip->now_ms);
    } else if (about == NULL) {
        if (common->is_same_documents) gossip_offence(gossip, sender, "a claim about no member", gossip->now_ms);
    } else if (about->is_self) {
        on_accused(gossip, sender, claim, common->shown, wants_answer);
    } else if (!about->has_announcement || claim->incarnation > about->announcement.incarnation) {
        /* It may know a newer announcement than we do, unless it says that it knows the same ones. */
        if (common->is_same_announcements)
            gossip_offence(gossip, sender, "a claim about an incarnation nobody announced", gossip->now_ms);
    } else if (claim->incarnation == about->announcement.incarnation &&
               members_find(gossip->members, claim->by) != NULL) {
        gossip_suspect(gossip, about, claim->state, claim->by);
    }
}

/* --- a message ------------------------------------------------------------------------------------------ */

static bool is_same_announcements(const struct gossip *gossip, const struct gossip_message *message)
{
    return memcmp(message->announcements_digest, gossip->announcements, sizeof gossip->announcements) == 0;
}

/* Is there a difference, and has it lasted? `settle_ms` is how long news under way may take; when our own changes
 * without end we wait for some times that and no longer. One is asked at a time. */
static bool is_lasting(const struct gossip *gossip, struct gossip_difference *difference, bool is_same,
                       uint64_t settle_ms)
{
    uint64_t now_ms = gossip->now_ms;
    if (is_same) {
        difference->since_ms = 0;
        return false;
    }
    if (difference->since_ms == 0) difference->since_ms = now_ms;
    bool is_settled = now_ms >= difference->changed_ms + settle_ms;
    bool is_overdue = now_ms >= difference->since_ms + GOSSIP_UNSETTLED * settle_ms;
    if (now_ms < difference->asked_ms + gossip->period_ms || (!is_settled && !is_overdue)) return false;
    difference->asked_ms = now_ms;
    difference->since_ms = now_ms;
    return true;
}

static void consider_exchange(struct gossip *gossip, struct member *sender, const struct gossip_message *message,
                              bool is_same_documents)
{
    uint64_t documents_ms = GOSSIP_DOCUMENTS_SETTLE * gossip->period_ms;
    uint64_t announcements_ms = gossip->rumours.limit * gossip->period_ms;
    bool documents = is_lasting(gossip, &gossip->documents_difference, is_same_documents, documents_ms);
    bool announcements = is_lasting(gossip, &gossip->announcements_difference,
                                    is_same_announcements(gossip, message), announcements_ms);
    if ((documents || announcements) && gossip->calls.on_differs != NULL)
        gossip->calls.on_differs(gossip->calls.owner, sender, documents, announcements);
}

static uint64_t shown_of_us(const struct gossip *gossip, const struct gossip_message *message)
{
    struct announcement announcement;
    uint64_t shown = 0;
    for (uint32_t i = 0; i < message->announcements_count; i++) {
        bool is_ours = announcement_decode(message->announcements[i], &announcement) &&
                       memcmp(announcement.node_id, gossip->own.announcement.node_id, LINK_NODE_ID_BYTES) == 0;
        if (is_ours && announcement.incarnation > shown) shown = announcement.incarnation;
    }
    return shown;
}

bool gossip_is_other_run(const struct member *member, uint64_t incarnation, uint64_t boot_nonce)
{
    return member->has_announcement && member->announcement.incarnation == incarnation &&
           member->announcement.boot_nonce != boot_nonce;
}

/* Does it know another announcement of us than we have, or we another of it than it says? One of us will learn. */
static bool is_behind(const struct gossip *gossip, const struct member *sender,
                      const struct gossip_message *message)
{
    return message->known != gossip->own.announcement.incarnation ||
           (sender->has_announcement && message->incarnation < sender->announcement.incarnation) ||
           gossip_is_other_run(sender, message->incarnation, message->boot_nonce);
}

/* Who left, or is doubled, speaks for itself only, and is told only what there is of itself. */
static void heed_withdrawn(struct gossip *gossip, struct member *sender, const struct gossip_message *message)
{
    if (message->kind == GOSSIP_PING) {
        gossip_probe_on_message(gossip, sender, message);
    } else if (is_behind(gossip, sender, message)) {
        gossip_answer(gossip, sender);
    }
}

static void heed_one_of_us(struct gossip *gossip, struct member *sender, const struct gossip_message *message,
                           struct common *common)
{
    bool is_accused = sender->state == MEMBER_DOWN || sender->state == MEMBER_SUSPECT;
    bool wants_answer = is_accused || is_behind(gossip, sender, message);
    gossip->heard.is_same = is_same_announcements(gossip, message);
    common->is_same_announcements |= gossip->heard.is_same;
    for (uint32_t i = 0; i < message->claims_count; i++)
        on_claim(gossip, sender, &message->claims[i], common, &wants_answer);
    gossip_probe_on_message(gossip, sender, message);
    if (wants_answer && message->kind != GOSSIP_PING) gossip_answer(gossip, sender);
    consider_exchange(gossip, sender, message, common->is_same_documents);
}

static void heed(struct gossip *gossip, struct member *sender, const struct gossip_message *message)
{
    struct common common = {
        .is_same_documents = memcmp(message->documents, gossip->documents, sizeof gossip->documents) == 0,
        .is_same_announcements = is_same_announcements(gossip, message),
        .shown = shown_of_us(gossip, message),
    };
    member_hear_documents(sender, message->documents, gossip->documents, gossip->now_ms);
    for (uint32_t i = 0; i < message->announcements_count; i++)
        hear(gossip, message->announcements[i], sender, common.is_same_documents);
    if (sender->quarantined_until_ms > gossip->now_ms) return;
    if (gossip_is_withdrawn(sender)) {
        heed_withdrawn(gossip, sender, message);
    } else {
        heed_one_of_us(gossip, sender, message, &common);
    }
}

void gossip_heed(struct gossip *gossip, struct member *sender, struct span body, struct span from)
{
    struct gossip_message message;
    bool is_sound = gossip_message_decode(body, &message);
    gossip->heard.sender = sender;
    gossip->heard.known = message.known;
    gossip->heard.said = message.incarnation;
    gossip->heard.boot_nonce = message.boot_nonce;
    gossip->heard.wall_us = message.wall_us;
    gossip->heard.from = from;
    gossip->heard.bytes = body.length;
    gossip->heard.is_same = false;
    gossip->heard.has_strangers = false;
    gossip->heard.is_counted = false;
    if (is_sound) {
        heed(gossip, sender, &message);
    } else {
        gossip_offence(gossip, sender, "a malformed message", gossip->now_ms);
    }
    gossip->heard.sender = NULL;
}
