/* cluster_connect(), and what becomes of it. */
#include "node/cluster/join_connect.h"

#include "node/cluster/join_ask.h"
#include "node/cluster/join_grant.h"
#include "node/cluster/links_keep.h"

#include <stdio.h>

enum { CONNECT_ID_CHARS = 2 * LINK_NODE_ID_BYTES, PORT_MAX = 65535 };

/* --- what the operator is told ---------------------------------------------------------------------------- */

void join_connect_ends(struct cluster *cluster, const struct channel *channel, bool is_done, const char *what,
                       struct span detail)
{
    struct join *join = cluster->join;
    struct cluster_connect_state *state = &join->connect;
    if (state->outcome != CLUSTER_CONNECT_TRYING) return;
    if (channel != NULL && !links_is(channel, join->connect_link, join->connect_serial)) return;
    const char *address = channel == NULL ? "" : channel->address;
    state->outcome = is_done ? CLUSTER_CONNECT_DONE : CLUSTER_CONNECT_FAILED;
    snprintf(state->message, sizeof state->message, "%.120s%s%s%.*s", address, channel == NULL ? "" : ": ", what,
             (int)(detail.length < 100 ? detail.length : 100),
             detail.bytes == NULL ? "" : (const char *)detail.bytes);
    join->connect_link = UINT32_MAX;
    timers_remove(&cluster->timers, &join->timer);
}

/* --- the node is there ------------------------------------------------------------------------------------ */

static void invite(struct cluster *cluster, struct channel *channel)
{
    const struct message message = {.kind = MESSAGE_JOIN_INVITE};
    channel->is_invited = true;
    (void)links_say(cluster, channel, LINK_URGENT, &message);
}

void join_connect_ready(struct cluster *cluster, struct channel *channel)
{
    struct join *join = cluster->join;
    const struct link_peer *peer = &channel->link.peer;
    bool is_same = join_is_same_cluster(cluster, channel);
    if (join->has_connect_id && memcmp(join->connect_id, peer->node_id, LINK_NODE_ID_BYTES) != 0) {
        join_connect_ends(cluster, channel, false, "another node than the one named answers there",
                          (struct span){0});
        links_end(cluster, channel);
    } else if (channel->is_full) {
        channel->is_awaited = true; /* by our documents: it greets us when it holds us for a member, too */
    } else if (is_same ? !join_is_self_known(cluster) : peer->is_member) {
        join_ask(cluster, channel);
    } else {
        invite(cluster, channel);
    }
}

void join_connect_greeted(struct cluster *cluster, struct channel *channel)
{
    if (!channel->is_awaited) return;
    channel->is_awaited = false;
    join_connect_ends(cluster, channel, true, "the node is a member already", (struct span){0});
    links_keep_one(cluster, channel);
}

/* --- the operator's wish ---------------------------------------------------------------------------------- */

static bool is_address(struct span text)
{
    size_t colon = text.length;
    uint32_t port = 0;
    if (text.length == 0 || text.length > LIMITS_ADDRESS_BYTES_MAX) return false;
    while (colon > 0 && text.bytes[colon - 1] != ':')
        colon--;
    if (colon < 2 || colon == text.length || text.length - colon > 5) return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~' || text.bytes[i] == '@') return false;
        if (i < colon) continue;
        if (text.bytes[i] < '0' || text.bytes[i] > '9') return false;
        port = port * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    return port > 0 && port <= PORT_MAX;
}

/* "ID@HOST:PORT" or "HOST:PORT". */
static bool read_target(struct join *join, struct span target, struct span *address)
{
    join->has_connect_id = target.length > CONNECT_ID_CHARS && target.bytes[CONNECT_ID_CHARS] == '@';
    *address = target;
    if (join->has_connect_id) {
        if (!hash_unhex(span_of(target.bytes, CONNECT_ID_CHARS), join->connect_id, LINK_NODE_ID_BYTES))
            return false;
        *address = span_of(target.bytes + CONNECT_ID_CHARS + 1, target.length - CONNECT_ID_CHARS - 1);
    }
    return is_address(*address);
}

static bool dial(struct cluster *cluster, struct span address)
{
    struct join *join = cluster->join;
    struct channel *channel = links_dial(cluster, address, CHANNEL_FOR_OPERATOR);
    if (channel == NULL) return false;
    join->connect_link = channel->number;
    join->connect_serial = channel->serial;
    timers_add(&cluster->timers, &join->timer, cluster->now_ms + JOIN_CONNECT_MS);
    return true;
}

/* A node that has just started speaks to nobody yet. */
static bool dial_when_it_can(struct cluster *cluster)
{
    struct join *join = cluster->join;
    if (cluster->incarnation != 0) return dial(cluster, span_text(join->connect_address));
    timers_add(&cluster->timers, &join->timer, cluster->now_ms + JOIN_LOOK_MS);
    return true;
}

void join_on_time(struct cluster *cluster)
{
    struct join *join = cluster->join;
    struct channel *channel = links_find(cluster, join->connect_link, join->connect_serial);
    bool has_begun = join->connect_link != UINT32_MAX;
    bool is_late = has_begun || cluster->now_ms - join->connect_since_ms >= JOIN_CONNECT_MS;
    if (!is_late && dial_when_it_can(cluster)) return;
    join_connect_ends(cluster, channel, false, "nothing came of it in time", (struct span){0});
    if (channel != NULL) links_end(cluster, channel);
}

bool cluster_connect(struct cluster *cluster, struct span target, char why[200])
{
    struct join *join = cluster->join;
    struct span address;
    const char *problem = NULL;
    if (join == NULL || !cluster->settings->is_enabled) {
        problem = "this node has no port for other nodes";
    } else if (cluster->identity.secrets_count == 0) {
        problem = "this node has no cluster secret";
    } else if (join->connect.outcome == CLUSTER_CONNECT_TRYING) {
        problem = "another connection is being tried: wait for it to end";
    } else if (!read_target(join, target, &address)) {
        problem = "the target is not HOST:PORT or ID@HOST:PORT, ID being 64 hex digits";
    }
    if (problem == NULL) {
        snprintf(join->connect_address, sizeof join->connect_address, "%.*s", (int)address.length,
                 (const char *)address.bytes);
        join->connect_since_ms = cluster->now_ms;
        if (!dial_when_it_can(cluster)) problem = "no more links can be opened now";
    }
    snprintf(why, 200, "%s", problem == NULL ? "" : problem);
    if (problem != NULL) return false;
    join->connect.outcome = CLUSTER_CONNECT_TRYING;
    snprintf(join->connect.message, sizeof join->connect.message, "connecting to %.150s", join->connect_address);
    return true;
}

struct cluster_connect_state cluster_connect_state(const struct cluster *cluster)
{
    if (cluster->join != NULL) return cluster->join->connect;
    return (struct cluster_connect_state){.outcome = CLUSTER_CONNECT_IDLE};
}
