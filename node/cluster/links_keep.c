/* Counting, and closing. The table is small, and looked through when a link begins. */
#include "node/cluster/links_keep.h"

static bool has_come_in(const struct channel *channel)
{
    return channel->number >= LIMITS_LINKS_DIALLED_MAX;
}

/* --- room for one that comes in -------------------------------------------------------------------------- */

static struct span host_of(struct span address)
{
    size_t length = address.length;
    while (length > 0 && address.bytes[length - 1] != ':')
        length--;
    return span_of(address.bytes, length);
}

/* Has it proved nothing yet, and is it of this host (empty: of any)? */
static bool is_shaking(const struct channel *channel, struct span host)
{
    if (!has_come_in(channel) || channel->state != CHANNEL_SHAKING) return false;
    return host.length == 0 || span_is_equal(host_of(span_text(channel->address)), host);
}

/* The oldest of so many or more goes. */
static void bound_shaking(struct cluster *cluster, struct span host, uint32_t max)
{
    struct channel *oldest = NULL;
    uint32_t count = 0;
    for (uint32_t i = LIMITS_LINKS_DIALLED_MAX; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL || !is_shaking(channel, host)) continue;
        count++;
        if (oldest == NULL || channel->serial < oldest->serial) oldest = channel;
    }
    if (count >= max) links_drop(cluster, oldest, "too many others came");
}

/* May it go for another? Not one over which a node is just being let in. */
static bool is_spare(const struct channel *channel)
{
    return channel != NULL && channel->state == CHANNEL_READY && !channel->is_letting_in;
}

/* Would one rather close `a` than `b`? Strangers first, then what was unused for longer. */
static bool is_idler(const struct channel *a, const struct channel *b)
{
    if (a->is_full != b->is_full) return b->is_full;
    return a->used_ms < b->used_ms;
}

static void free_one(struct cluster *cluster)
{
    struct channel *idlest = NULL;
    for (uint32_t i = LIMITS_LINKS_DIALLED_MAX; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (!is_spare(channel)) continue;
        if (idlest == NULL || is_idler(channel, idlest)) idlest = channel;
    }
    if (idlest != NULL) links_end(cluster, idlest);
}

void links_keep_room(struct cluster *cluster, struct span remote)
{
    bound_shaking(cluster, host_of(remote), LINKS_SHAKING_OF_HOST_MAX);
    bound_shaking(cluster, (struct span){0}, LINKS_SHAKING_MAX);
    if (cluster->links->accepted_count >= LIMITS_LINKS_ACCEPTED_MAX - LINKS_SPARE) free_one(cluster);
}

/* --- of one node ------------------------------------------------------------------------------------------ */

static bool is_of_same_node(const struct channel *a, const struct channel *b)
{
    return memcmp(a->link.peer.node_id, b->link.peer.node_id, LINK_NODE_ID_BYTES) == 0;
}

static void bound_of_node(struct cluster *cluster, const struct channel *newest)
{
    struct channel *idlest = NULL;
    uint32_t count = 1;
    for (uint32_t i = LIMITS_LINKS_DIALLED_MAX; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (!is_spare(channel) || channel == newest || !is_of_same_node(channel, newest)) continue;
        count++;
        if (idlest == NULL || is_idler(channel, idlest)) idlest = channel;
    }
    if (count > LINKS_OF_NODE_MAX) links_end(cluster, idlest);
}

/* Of two members, for what any such link is good for; nobody joins over it, or waits for a word. */
static bool is_common(const struct channel *channel)
{
    return channel->state == CHANNEL_READY && channel->is_full && !channel->has_asked && !channel->is_invited &&
           !channel->is_awaited;
}

/* Which of the two do we close? NULL: none, or it is for the other end to do. */
static struct channel *too_many(const struct cluster *cluster, struct channel *newest, struct channel *other)
{
    const uint8_t *own_id = cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
    bool is_ours_higher = memcmp(own_id, newest->link.peer.node_id, LINK_NODE_ID_BYTES) > 0;
    if (has_come_in(newest) && has_come_in(other)) return NULL;
    if (has_come_in(newest) == has_come_in(other)) return newest;
    if (!is_ours_higher) return NULL;
    return has_come_in(newest) ? other : newest;
}

void links_keep_one(struct cluster *cluster, struct channel *channel)
{
    if (has_come_in(channel)) bound_of_node(cluster, channel);
    for (uint32_t i = 0; i < LINKS_MAX && is_common(channel); i++) {
        struct channel *other = cluster->links->channels[i];
        if (other == NULL || other == channel || !is_common(other) || !is_of_same_node(channel, other)) continue;
        struct channel *one = too_many(cluster, channel, other);
        if (one != NULL) links_end(cluster, one);
    }
}

/* --- secrets ------------------------------------------------------------------------------------------------ */

/* Then at which index? */
static bool has_secret(const struct link_identity *identity, const uint8_t *secret, uint32_t *index)
{
    uint32_t i = 0;
    while (i < identity->secrets_count && memcmp(identity->secrets[i], secret, LINK_SECRET_BYTES) != 0)
        i++;
    if (i < identity->secrets_count) *index = i;
    return i < identity->secrets_count;
}

static bool is_same(const struct link_identity *a, const struct link_identity *b)
{
    return a->secrets_count == b->secrets_count &&
           memcmp(a->secrets, b->secrets, a->secrets_count * sizeof a->secrets[0]) == 0;
}

void links_on_secrets(struct cluster *cluster, const struct link_identity *was)
{
    const struct link_identity *now = &cluster->identity;
    if (cluster->links == NULL || is_same(was, now)) return;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct channel *channel = cluster->links->channels[i];
        if (channel == NULL) continue;
        uint32_t *index = &channel->link.peer.secret_index;
        bool is_ready = channel->state == CHANNEL_READY && !channel->is_retired;
        bool is_retired = is_ready && !has_secret(now, was->secrets[*index], index);
        if (is_retired || channel->state == CHANNEL_SHAKING) links_retire(cluster, channel);
    }
}
