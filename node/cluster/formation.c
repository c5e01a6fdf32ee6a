/* Rounds of looking. */
#include "node/cluster/formation.h"

#include "node/cluster/formation_roles.h"
#include "node/cluster/join_ask.h"

bool formation_init(struct cluster *cluster)
{
    cluster->formation = arena_alloc(&cluster->arena, sizeof *cluster->formation);
    return cluster->formation != NULL;
}

/* --- the clock of the rounds -------------------------------------------------------------------------------- */

/* A quarter more or less, so that nodes which start together do not dial together for ever. */
static uint64_t jittered(struct cluster *cluster, uint64_t ms)
{
    return ms - ms / 4 + prng_u64(&cluster->prng) % (ms / 2 + 1);
}

static uint64_t period_ms(const struct cluster *cluster)
{
    return cluster->settings->probe_interval_ms;
}

static void look_within(struct cluster *cluster, uint64_t ms)
{
    struct timer *timer = &cluster->formation->timer;
    uint64_t deadline_ms = cluster->now_ms + jittered(cluster, ms);
    if (timer->place != 0 && timer->deadline_ms <= deadline_ms) return;
    timers_remove(&cluster->timers, timer);
    timers_add(&cluster->timers, timer, deadline_ms);
}

static void next_round(struct cluster *cluster)
{
    uint32_t doublings = cluster->formation->failures / FORMATION_ROUNDS;
    if (doublings > FORMATION_DOUBLINGS) doublings = FORMATION_DOUBLINGS;
    look_within(cluster, period_ms(cluster) << doublings);
}

/* No rarer than so, however long nothing comes of it. */
static void limit_doublings(struct cluster *cluster, uint32_t doublings)
{
    struct formation *formation = cluster->formation;
    if (formation->failures > doublings * FORMATION_ROUNDS) formation->failures = doublings * FORMATION_ROUNDS;
}

void formation_start(struct cluster *cluster)
{
    struct formation *formation = cluster->formation;
    timers_add(&cluster->timers, &formation->timer, cluster->now_ms);
}

void formation_hurry(struct cluster *cluster)
{
    cluster->formation->failures = 0;
    if (cluster->has_started) look_within(cluster, period_ms(cluster) / FORMATION_SOON_PARTS);
}

/* --- peers of the configuration ----------------------------------------------------------------------------- */

static void note(struct cluster *cluster, const struct channel *channel, enum formation_peer_kind kind)
{
    if (channel->peer_index >= cluster->settings->peers_count) return;
    struct formation_peer *peer = &cluster->formation->peers[channel->peer_index];
    if (peer->kind == FORMATION_PEER_UNKNOWN && !cluster->identity.is_member) formation_hurry(cluster);
    peer->kind = kind;
    peer->heard_ms = cluster->now_ms;
    memcpy(peer->node_id, channel->link.peer.node_id, LINK_NODE_ID_BYTES);
}

/* No reason to look sooner: it will do so again. */
static void note_closed(struct cluster *cluster, const struct channel *channel)
{
    if (channel->peer_index >= cluster->settings->peers_count || cluster->is_draining) return;
    struct formation_peer *peer = &cluster->formation->peers[channel->peer_index];
    *peer = (struct formation_peer){.kind = FORMATION_PEER_CLOSES, .heard_ms = cluster->now_ms};
}

/* Nobody answers for what two processes with one identity write (H2), and each would write over what the other
 * says of the node: until one of them is gone neither asks to be let in, founds, gives roles or says its address.
 */
static bool is_doubled(const struct cluster *cluster)
{
    return links_has_copy(cluster) || (cluster->gossip != NULL && gossip_stats(cluster->gossip).is_doubled);
}

/* A member is asked by who is fresh; a fresh one, too, when that is how the configuration means it: it founds its
 * cluster if it is pointed at nobody itself. With "auto" there is one who founds, and a fresh node asks any member
 * that comes to it: the member may have moved from where the configuration says it is. */
static bool is_to_be_asked(const struct cluster *cluster, const struct channel *channel)
{
    bool is_auto = cluster->settings->bootstrap == CLUSTER_AUTO;
    bool is_member = channel->link.peer.is_member;
    if (cluster->identity.is_member || is_doubled(cluster)) return false;
    if (channel->purpose == CHANNEL_FOR_NOTHING) return is_auto && is_member;
    return channel->peer_index != UINT32_MAX && (is_member || !is_auto);
}

/* Are we the one who founds, and was this node not found to be fresh yet where the configuration says it is? */
static bool is_news_to_founder(const struct cluster *cluster, const struct channel *channel)
{
    const struct formation *formation = cluster->formation;
    if (cluster->settings->bootstrap != CLUSTER_AUTO || cluster->settings->peers_count == 0) return false;
    if (cluster->identity.is_member || formation->peers[0].kind != FORMATION_PEER_SELF) return false;
    for (uint32_t i = 0; i < cluster->settings->peers_count; i++) {
        const struct formation_peer *peer = &formation->peers[i];
        if (memcmp(peer->node_id, channel->link.peer.node_id, LINK_NODE_ID_BYTES) == 0) return false;
    }
    return true;
}

/* Somebody is there now: a dial that met silence may be one to him, and would be silent for long. */
static void look_again(struct cluster *cluster)
{
    for (uint32_t i = 0; i < LIMITS_LINKS_DIALLED_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || channel->state != CHANNEL_DIALLING || channel->peer_index == UINT32_MAX) continue;
        if (cluster->now_ms - channel->used_ms >= period_ms(cluster) / 2) links_end(cluster, channel);
    }
    formation_hurry(cluster);
}

void formation_on_ready(struct cluster *cluster, struct channel *channel)
{
    const struct join *join = cluster->join;
    bool is_peer_member = channel->link.peer.is_member;
    bool is_finding = channel->purpose == CHANNEL_FOR_FINDING;
    if (channel->purpose == CHANNEL_FOR_OPERATOR || channel->state != CHANNEL_READY) return;
    if (is_finding) note(cluster, channel, is_peer_member ? FORMATION_PEER_MEMBER : FORMATION_PEER_FRESH);
    if (channel->is_full) return;
    if (is_to_be_asked(cluster, channel)) {
        if (!join->is_asking && !join->is_adopting && !join->is_founding) join_ask(cluster, channel);
    } else if (is_finding && !cluster->identity.is_member) {
        links_end(cluster, channel); /* it is fresh as we are: that is all we wanted to know */
    } else if (is_news_to_founder(cluster, channel)) {
        look_again(cluster);
    }
}

void formation_on_gone(struct cluster *cluster, struct channel *channel)
{
    if (channel->purpose != CHANNEL_FOR_FINDING) return;
    if (channel->link.reason == LINK_REASON_SELF) note(cluster, channel, FORMATION_PEER_SELF);
    if (channel->link.reason == LINK_REASON_COPY) note(cluster, channel, FORMATION_PEER_COPY);
    if (channel->link.reason == LINK_REASON_CLUSTER) note(cluster, channel, FORMATION_PEER_FOREIGN);
    bool is_cut = channel->link.state != NULL && !link_is_ready(&channel->link) && channel->link.reason == NULL;
    if (is_cut) note_closed(cluster, channel);
}

/* Was it this node, or does a member that answers live there? An address may be a name: who answered counts. */
static bool is_settled(const struct cluster *cluster, uint32_t index)
{
    const struct formation_peer *peer = &cluster->formation->peers[index];
    if (peer->kind == FORMATION_PEER_SELF) return true;
    const struct member *member = members_find(&cluster->members, peer->node_id);
    return peer->kind == FORMATION_PEER_MEMBER && member != NULL && member->state == MEMBER_ALIVE;
}

/* Those that are not known to be this node or another member. */
static void dial_peers(struct cluster *cluster)
{
    const struct cluster_settings *settings = cluster->settings;
    for (uint32_t i = 0; i < settings->peers_count; i++) {
        struct span address = span_text(settings->peers[i]);
        if (is_settled(cluster, i) || links_has_address(cluster, address)) continue;
        struct channel *channel = links_dial(cluster, address, CHANNEL_FOR_FINDING);
        if (channel != NULL) channel->peer_index = i;
    }
}

static bool is_recent(const struct cluster *cluster, const struct formation_peer *peer)
{
    return peer->kind == FORMATION_PEER_SELF ||
           (peer->kind != FORMATION_PEER_UNKNOWN &&
            cluster->now_ms - peer->heard_ms < FORMATION_HEARD_PERIODS * period_ms(cluster));
}

/* The first of the list founds, when more than half of the list, itself among them, are fresh and none is a
 * member: two cannot both have that. A first node that was wiped meets members, and joins. Nor may it be there
 * twice: the copy of a fresh node is the same node to all others, and would found as well. */
static bool is_founder(const struct cluster *cluster)
{
    const struct formation *formation = cluster->formation;
    uint32_t count = cluster->settings->peers_count;
    uint32_t fresh_count = 0;
    if (cluster->settings->bootstrap != CLUSTER_AUTO || count == 0) return false;
    if (formation->peers[0].kind != FORMATION_PEER_SELF) return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct formation_peer *peer = &formation->peers[i];
        if (!is_recent(cluster, peer)) continue;
        if (peer->kind == FORMATION_PEER_MEMBER || peer->kind == FORMATION_PEER_COPY) return false;
        fresh_count += peer->kind == FORMATION_PEER_SELF || peer->kind == FORMATION_PEER_FRESH;
    }
    return fresh_count * 2 > count;
}

/* --- members ------------------------------------------------------------------------------------------------ */

/* Where a member was last reached: it says so itself, or the documents do. */
static struct span address_of(const struct cluster *cluster, const struct member *member)
{
    uint8_t key[1 + LINK_NODE_ID_BYTES] = {DOCUMENT_ADDRESS};
    struct op_document document;
    struct span address = {NULL, 0};
    memcpy(key + 1, member->id, LINK_NODE_ID_BYTES);
    if (!view_document_of(*cluster->view, span_of(key, sizeof key), &document))
        return member->announcement.address;
    struct span payload = span_of(document.register_.payload, document.register_.payload_bytes);
    return document_decode_address(payload, &address) ? address : (struct span){NULL, 0};
}

/* One that gossip cannot reach: of whom it has not heard since we started, or who is silent where it knows it. */
static bool is_missed(const struct member *member)
{
    return !member->is_self && (member->state == MEMBER_UNKNOWN || member->state == MEMBER_DOWN);
}

/* Dial some of them. Returns whether any member answers at all. */
static bool dial_members(struct cluster *cluster)
{
    struct formation *formation = cluster->formation;
    const struct members *members = &cluster->members;
    uint32_t dials = 0;
    bool is_any_there = false;
    for (uint32_t i = 0; i < members->count; i++) {
        const struct member *member = members->rows[(formation->next_member + i) % members->count];
        if (!member->is_self && member->state == MEMBER_ALIVE) is_any_there = true;
        if (dials == FORMATION_DIALS_MAX || !is_missed(member)) continue;
        struct span address = address_of(cluster, member);
        if (address.length == 0 || links_has_address(cluster, address)) continue;
        if (links_dial(cluster, address, CHANNEL_FOR_FINDING) == NULL) break;
        if (++dials == FORMATION_DIALS_MAX)
            formation->next_member = (formation->next_member + i + 1) % members->count;
    }
    return is_any_there;
}

/* --- rounds ------------------------------------------------------------------------------------------------- */

static void fresh_round(struct cluster *cluster)
{
    cluster->formation->failures++;
    if (cluster->settings->bootstrap == CLUSTER_AUTO)
        limit_doublings(cluster, 2); /* the founder may come any moment */
    dial_peers(cluster);
    if (is_founder(cluster) && !is_doubled(cluster)) join_found(cluster);
}

static void member_round(struct cluster *cluster)
{
    bool was_removed = false;
    const uint8_t *own = cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
    bool is_known = view_is_member(*cluster->view, own, &was_removed);
    cluster->formation->failures++;
    if (was_removed) return; /* until an operator says otherwise */
    if (!is_known) {
        join_found(cluster); /* it died between the two steps of founding: who is let in brings its documents */
        return;
    }
    bool is_any_there = dial_members(cluster);
    bool is_auto = cluster->settings->bootstrap == CLUSTER_AUTO; /* then some may be fresh, and look for us */
    if (is_auto || (!is_any_there && cluster->members.count > 1)) dial_peers(cluster);
    if (is_any_there) limit_doublings(cluster, 3);
    if (is_doubled(cluster)) return;
    formation_address(cluster);
    if (formation_roles(cluster)) formation_hurry(cluster);
}

/* The timer runs on whatever is under way: nothing else starts it again when that comes to nothing. */
void formation_on_time(struct cluster *cluster)
{
    if (cluster->is_draining) return;
    if (cluster->identity.secrets_count > 0 && !cluster->join->is_adopting) {
        if (cluster->identity.is_member) {
            member_round(cluster);
        } else if (cluster->settings->peers_count > 0) {
            fresh_round(cluster);
        } else {
            cluster->formation->failures++;
        }
    }
    next_round(cluster);
}
