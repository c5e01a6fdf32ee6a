/* A few gossiping nodes on a small network: virtual time, delay, loss, cuts, stops. One seed, one run. */
#ifndef TESTS_NODE_CLUSTER_GOSSIP_NET_H
#define TESTS_NODE_CLUSTER_GOSSIP_NET_H

#include "node/cluster/gossip_state.h"
#include "tests/lib/check.h"
#include "tests/lib/random.h"

#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>

enum {
    NET_NODES_MAX = 40,
    NET_PACKETS_MAX = 8192,
    NET_LOGS_MAX = 32,
    NET_START_MS = 1000000,
    NET_ADDRESS_CHARS = 32,
};

struct net_packet {
    uint64_t at_us;
    uint64_t number;
    uint32_t from, to;
    size_t length;
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
};

struct net_log {
    const char *event;
    uint32_t count;
};

struct net;

struct net_node {
    struct net *net;
    uint32_t index;
    uint32_t identity_index; /* whose key it has: its own, unless it is a double */
    bool is_up;
    bool is_frozen; /* stopped as by SIGSTOP: packets wait */
    char address[NET_ADDRESS_CHARS];
    struct link_identity identity;
    struct members members;
    struct arena step;
    struct effects effects;
    struct outbox outbox;
    struct gossip *gossip;
    int64_t wall_offset_us;
    struct net_log logs[NET_LOGS_MAX];
    uint32_t differs_documents, differs_announcements;
    const struct member *exchange_with; /* announcements differ: wanted behind this step */
    uint32_t state_changes;
};

struct net {
    struct random random;
    uint64_t now_us;
    uint64_t period_ms;
    uint32_t delay_us;
    uint32_t loss_permille;
    uint32_t count;
    struct net_node nodes[NET_NODES_MAX];
    bool is_cut[NET_NODES_MAX][NET_NODES_MAX]; /* from, to */
    struct net_packet *packets;
    uint32_t packets_count;
    uint64_t packets_number;
    size_t packet_bytes_max;
    bool is_loud;
    bool has_no_links; /* what differs is not exchanged: packets are all there is */
    uint64_t injected_count;
};

static inline uint64_t net_now_ms(const struct net *net)
{
    return net->now_us / 1000;
}

static inline const uint8_t *net_id(const struct net_node *node)
{
    return node->identity.node_key + 32;
}

/* --- effects -------------------------------------------------------------------------------------------- */

static inline void net_send(struct net *net, uint32_t from, uint32_t to, struct span bytes)
{
    assert_true(bytes.length <= LIMITS_DATAGRAM_BYTES_MAX);
    if (bytes.length > net->packet_bytes_max) net->packet_bytes_max = bytes.length;
    if (net->is_cut[from][to] || random_below(&net->random, 1000) < net->loss_permille) return;
    assert_true(net->packets_count < NET_PACKETS_MAX);
    struct net_packet *packet = &net->packets[net->packets_count++];
    packet->at_us = net->now_us + net->delay_us / 2 + random_below(&net->random, net->delay_us + 1);
    packet->number = net->packets_number++;
    packet->from = from;
    packet->to = to;
    packet->length = bytes.length;
    memcpy(packet->bytes, bytes.bytes, bytes.length);
}

static inline void net_on_log(struct net_node *node, const struct effect *effect)
{
    if (node->net->is_loud) {
        printf("%8.1f n%u: %s", (double)(node->net->now_us / 1000 - NET_START_MS) / (double)node->net->period_ms,
               node->index, effect->log.event);
        for (uint32_t i = 0; i < effect->log.fields_count; i++)
            printf(" %s=%.*s", effect->log.fields[i].name, (int)effect->log.fields[i].text.length,
                   (const char *)effect->log.fields[i].text.bytes);
        printf("\n");
    }
    for (uint32_t i = 0; i < NET_LOGS_MAX; i++) {
        struct net_log *log = &node->logs[i];
        if (log->event == NULL) log->event = effect->log.event;
        if (strcmp(log->event, effect->log.event) != 0) continue;
        log->count++;
        return;
    }
    fail();
}

static inline uint32_t net_logged(const struct net_node *node, const char *event)
{
    for (uint32_t i = 0; i < NET_LOGS_MAX && node->logs[i].event != NULL; i++) {
        if (strcmp(node->logs[i].event, event) == 0) return node->logs[i].count;
    }
    return 0;
}

static inline void net_drain(struct net_node *node);

/* What `from` holds of everybody comes to `to`, as over a link. */
static inline void net_tell_all(struct net_node *from, struct net_node *to)
{
    struct member *by = members_find(&to->members, net_id(from));
    for (uint32_t i = 0; by != NULL && i < from->members.count; i++) {
        const struct member *row = from->members.rows[i];
        if (row->has_announcement) gossip_hear(to->gossip, row->announcement_bytes, by, to->net->now_us);
    }
    net_drain(to);
}

static inline void net_exchange(struct net_node *node)
{
    const struct member *with = node->exchange_with;
    struct net *net = node->net;
    node->exchange_with = NULL;
    for (uint32_t i = 0; with != NULL && i < net->count; i++) {
        struct net_node *other = &net->nodes[i];
        bool is_it = other->is_up && !other->is_frozen && other != node &&
                     memcmp(with->id, net_id(other), LINK_NODE_ID_BYTES) == 0;
        if (!is_it || net->has_no_links || net->is_cut[node->index][i] || net->is_cut[i][node->index]) continue;
        net_tell_all(node, other);
        net_tell_all(other, node);
    }
}

static inline void net_drain(struct net_node *node)
{
    struct net *net = node->net;
    struct effect *effect = NULL;
    while ((effect = effects_take(&node->effects)) != NULL) {
        if (effect->kind == EFFECT_LOG) net_on_log(node, effect);
        if (effect->kind != EFFECT_DATAGRAM) continue;
        for (uint32_t i = 0; i < net->count; i++) {
            if (span_is_equal(effect->datagram.address, span_text(net->nodes[i].address)))
                net_send(net, node->index, i, effect->datagram.bytes);
        }
    }
    arena_reset(&node->step);
    if (node->exchange_with != NULL) net_exchange(node);
}

static inline void net_on_differs(void *owner, const struct member *member, bool documents, bool announcements)
{
    struct net_node *node = owner;
    assert_non_null(member);
    node->differs_documents += documents ? 1 : 0;
    node->differs_announcements += announcements ? 1 : 0;
    if (announcements) node->exchange_with = member;
}

static inline void net_on_state(void *owner, const struct member *member, enum member_state before)
{
    struct net_node *node = owner;
    assert_true(member->state != before);
    node->state_changes++;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static inline void net_init(struct net *net, const char *name, uint64_t period_ms)
{
    *net = (struct net){
        .random = random_begin(name), .now_us = (uint64_t)NET_START_MS * 1000, .period_ms = period_ms};
    net->delay_us = (uint32_t)(period_ms * 1000 / 100);
    net->packets = calloc(NET_PACKETS_MAX, sizeof *net->packets);
    net->is_loud = getenv("NET_LOUD") != NULL;
    assert_non_null(net->packets);
}

static inline void net_init_node(struct net *net, uint32_t index, uint32_t identity_index)
{
    struct net_node *node = &net->nodes[index];
    uint8_t seed[crypto_sign_ed25519_SEEDBYTES] = {'n', (uint8_t)identity_index};
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
    *node = (struct net_node){.net = net, .index = index, .identity_index = identity_index};
    crypto_sign_ed25519_seed_keypair(public_key, node->identity.node_key, seed);
    memcpy(node->identity.cluster_id, "a test's cluster", LINK_CLUSTER_ID_BYTES);
    memset(node->identity.secrets[0], 7, LINK_SECRET_BYTES);
    node->identity.secrets_count = 1;
    node->identity.is_member = true;
    snprintf(node->address, sizeof node->address, "h%u:1", index);
}

static inline void net_set_members(struct net_node *node, const uint8_t *ids, uint32_t count)
{
    assert_true(gossip_set_members(node->gossip, ids, count, net_now_ms(node->net)));
}

static inline int net_compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, LINK_NODE_ID_BYTES);
}

/* The ids of nodes 0 … count - 1, in order. */
static inline void net_ids(const struct net *net, uint32_t count, uint8_t *ids)
{
    for (uint32_t i = 0; i < count; i++)
        memcpy(ids + (size_t)i * LINK_NODE_ID_BYTES, net_id(&net->nodes[i]), LINK_NODE_ID_BYTES);
    qsort(ids, count, LINK_NODE_ID_BYTES, net_compare_ids);
}

static inline void net_say(struct net_node *node, const char *zone)
{
    struct gossip_self self = {.address = span_text(node->address),
                               .name = span_text("a name"),
                               .zone = span_text(zone),
                               .program = span_text("0.1.0"),
                               .capacity = 100};
    gossip_say(node->gossip, &self, net_now_ms(node->net));
    net_drain(node);
}

/* Start a node in a run of a given number; all nodes of `members_count` are members. */
static inline void net_start_as(struct net *net, uint32_t index, uint32_t members_count, uint64_t incarnation,
                                uint64_t boot)
{
    struct net_node *node = &net->nodes[index];
    uint8_t ids[NET_NODES_MAX * LINK_NODE_ID_BYTES];
    uint8_t seed[PRNG_SEED_BYTES] = {(uint8_t)index};
    struct gossip_calls calls = {net_on_differs, net_on_state, node};
    uint64_t drawn = random_u64(&net->random);
    memcpy(seed + 8, &drawn, sizeof drawn);
    node->identity.boot = boot;
    arena_init(&node->step, 16 << 20);
    effects_init(&node->effects);
    node->outbox = (struct outbox){.arena = &node->step, .effects = &node->effects};
    node->gossip = gossip_create(&node->identity, &node->members, &node->outbox, &calls, incarnation, seed,
                                 net->period_ms);
    assert_non_null(node->gossip);
    node->is_up = true;
    net_ids(net, members_count, ids);
    net_set_members(node, ids, members_count);
    net_say(node, "z1");
}

/* It ends at once, as by SIGKILL. */
static inline void net_stop(struct net_node *node)
{
    if (!node->is_up) return;
    node->is_up = false;
    gossip_destroy(node->gossip);
    node->gossip = NULL;
    arena_deinit(&node->step);
}

static inline void net_deinit(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++)
        net_stop(&net->nodes[i]);
    free(net->packets);
}

static inline void net_start(struct net *net, uint32_t index, uint32_t members_count, uint64_t incarnation)
{
    net_start_as(net, index, members_count, incarnation, random_u64(&net->random));
}

/* Node `who` knows where node `of` is, as from its store. */
static inline void net_introduce(struct net *net, uint32_t who, uint32_t of)
{
    struct net_node *node = &net->nodes[who];
    gossip_hear(node->gossip, gossip_announcement(net->nodes[of].gossip), NULL, net->now_us);
    net_drain(node);
}

/* `count` nodes that know node 0 only. */
static inline void net_begin(struct net *net, const char *name, uint32_t count, uint64_t period_ms)
{
    net_init(net, name, period_ms);
    net->count = count;
    for (uint32_t i = 0; i < count; i++)
        net_init_node(net, i, i);
    for (uint32_t i = 0; i < count; i++)
        net_start(net, i, count, 1000);
    for (uint32_t i = 1; i < count; i++)
        net_introduce(net, i, 0);
}

/* --- time ----------------------------------------------------------------------------------------------- */

static inline uint64_t net_wall_us(const struct net_node *node)
{
    return (uint64_t)((int64_t)(node->net->now_us + UINT64_C(1700000000000000)) + node->wall_offset_us);
}

static inline void net_deliver(struct net_node *node, struct span from, struct span bytes)
{
    gossip_on_datagram(node->gossip, from, bytes, node->net->now_us, net_wall_us(node));
    net_drain(node);
}

/* The packet that is next, or packets_count. */
static inline uint32_t net_next_packet(const struct net *net)
{
    uint32_t best = net->packets_count;
    for (uint32_t i = 0; i < net->packets_count; i++) {
        const struct net_packet *packet = &net->packets[i];
        if (net->nodes[packet->to].is_frozen) continue;
        bool is_sooner = best == net->packets_count || packet->at_us < net->packets[best].at_us ||
                         (packet->at_us == net->packets[best].at_us && packet->number < net->packets[best].number);
        if (is_sooner) best = i;
    }
    return best;
}

static inline void net_take_packet(struct net *net, uint32_t at)
{
    struct net_packet packet = net->packets[at];
    net->packets[at] = net->packets[--net->packets_count];
    struct net_node *node = &net->nodes[packet.to];
    if (node->is_up)
        net_deliver(node, span_text(net->nodes[packet.from].address), span_of(packet.bytes, packet.length));
}

static inline struct net_node *net_next_timer(struct net *net, uint64_t *at_us)
{
    struct net_node *best = NULL;
    *at_us = UINT64_MAX;
    for (uint32_t i = 0; i < net->count; i++) {
        struct net_node *node = &net->nodes[i];
        if (!node->is_up || node->is_frozen) continue;
        uint64_t deadline_ms = gossip_deadline_ms(node->gossip);
        if (deadline_ms > UINT64_MAX / 1000 || deadline_ms * 1000 >= *at_us) continue;
        *at_us = deadline_ms * 1000;
        best = node;
    }
    return best;
}

/* One thing happens; false when nothing is to happen until `until_us`. */
static inline bool net_step(struct net *net, uint64_t until_us)
{
    uint64_t timer_us = 0;
    struct net_node *node = net_next_timer(net, &timer_us);
    uint32_t at = net_next_packet(net);
    uint64_t packet_us = at < net->packets_count ? net->packets[at].at_us : UINT64_MAX;
    uint64_t next_us = packet_us < timer_us ? packet_us : timer_us;
    if (next_us > until_us) return false;
    if (next_us > net->now_us) net->now_us = next_us;
    if (packet_us <= timer_us) {
        net_take_packet(net, at);
        return true;
    }
    gossip_on_time(node->gossip, net->now_us, net_wall_us(node));
    net_drain(node);
    return true;
}

static inline void net_run(struct net *net, uint64_t periods)
{
    uint64_t until_us = net->now_us + periods * net->period_ms * 1000;
    while (net_step(net, until_us)) {
    }
    net->now_us = until_us;
}

/* --- questions ------------------------------------------------------------------------------------------ */

static inline struct member *net_row(struct net *net, uint32_t who, uint32_t of)
{
    return members_find(&net->nodes[who].members, net_id(&net->nodes[of]));
}

static inline enum member_state net_state(struct net *net, uint32_t who, uint32_t of)
{
    return net_row(net, who, of)->state;
}

/* Do all that are up see `of` so? */
static inline bool net_all_see(struct net *net, uint32_t of, enum member_state state)
{
    for (uint32_t i = 0; i < net->count; i++) {
        if (i != of && net->nodes[i].is_up && net_state(net, i, of) != state) return false;
    }
    return true;
}

static inline bool net_all_are(struct net *net, enum member_state state)
{
    for (uint32_t i = 0; i < net->count; i++) {
        if (net->nodes[i].is_up && !net_all_see(net, i, state)) return false;
    }
    return true;
}

static inline bool net_digests_agree(struct net *net)
{
    uint8_t first[16];
    uint8_t other[16];
    gossip_announcements_digest(net->nodes[0].gossip, first);
    for (uint32_t i = 1; i < net->count; i++) {
        if (!net->nodes[i].is_up) continue;
        gossip_announcements_digest(net->nodes[i].gossip, other);
        if (memcmp(first, other, sizeof first) != 0) return false;
    }
    return true;
}

/* Run until all see `of` so: the periods it took; fails after `periods_max`. */
static inline uint32_t net_until_all_see(struct net *net, uint32_t of, enum member_state state,
                                         uint32_t periods_max)
{
    for (uint32_t i = 0; i < periods_max; i++) {
        if (net_all_see(net, of, state)) return i;
        net_run(net, 1);
    }
    assert_true(net_all_see(net, of, state));
    return periods_max;
}

static inline uint32_t net_until_all_are(struct net *net, enum member_state state, uint32_t periods_max)
{
    for (uint32_t i = 0; i < periods_max; i++) {
        if (net_all_are(net, state)) return i;
        net_run(net, 1);
    }
    assert_true(net_all_are(net, state));
    return periods_max;
}

static inline struct gossip_stats net_sum(struct net *net)
{
    struct gossip_stats sum = {0};
    for (uint32_t i = 0; i < net->count; i++) {
        if (!net->nodes[i].is_up) continue;
        struct gossip_stats stats = gossip_stats(net->nodes[i].gossip);
        sum.bytes_out += stats.bytes_out;
        sum.packets_out += stats.packets_out;
        sum.packets_foreign += stats.packets_foreign;
        sum.packets_bad += stats.packets_bad;
        sum.suspicions += stats.suspicions;
        sum.refutations += stats.refutations;
        sum.downs += stats.downs;
        sum.probes_failed += stats.probes_failed;
        sum.probes_indirect += stats.probes_indirect;
    }
    return sum;
}

/* --- a member that lies --------------------------------------------------------------------------------- */

/* Seal any body as node `from` and give it to node `to` at once. */
static inline void net_inject(struct net *net, uint32_t from, uint32_t to, struct span body)
{
    struct packet_pair pair;
    struct prng prng;
    uint8_t seed[PRNG_SEED_BYTES] = {1};
    uint8_t packet[LIMITS_DATAGRAM_BYTES_MAX];
    uint64_t drawn = random_u64(&net->random);
    memcpy(seed, &drawn, sizeof drawn);
    prng_init(&prng, seed);
    assert_true(packet_pair_init(&pair, &net->nodes[from].identity, net_id(&net->nodes[to])));
    size_t length = packet_close(&net->nodes[from].identity, &pair, net_id(&net->nodes[to]), body, &prng, packet);
    net_deliver(&net->nodes[to], span_text(net->nodes[from].address), span_of(packet, length));
}

/* A message as node `from` would begin it, from what node `to` holds: nothing is strange about it yet. */
static inline struct gossip_message net_message(struct net *net, uint32_t from, uint32_t to, enum gossip_kind kind)
{
    struct gossip_message message = {.kind = kind, .sequence = 1};
    message.wall_us = net_wall_us(&net->nodes[from]) + ++net->injected_count; /* each is newer than the last */
    message.incarnation = net_row(net, to, from)->announcement.incarnation;
    message.boot_nonce = net_row(net, to, from)->announcement.boot_nonce;
    message.known = gossip_stats(net->nodes[to].gossip).incarnation;
    gossip_announcements_digest(net->nodes[to].gossip, message.announcements_digest);
    return message;
}

static inline void net_inject_message(struct net *net, uint32_t from, uint32_t to,
                                      const struct gossip_message *message)
{
    uint8_t body[PACKET_BODY_BYTES_MAX];
    net_inject(net, from, to, span_of(body, gossip_message_encode(message, body)));
}

static inline struct gossip_claim net_claim(struct net *net, uint32_t of, uint32_t by, enum member_state state,
                                            uint64_t incarnation)
{
    struct gossip_claim claim = {.state = state, .incarnation = incarnation};
    memcpy(claim.id, net_id(&net->nodes[of]), LINK_NODE_ID_BYTES);
    memcpy(claim.by, net_id(&net->nodes[by]), LINK_NODE_ID_BYTES);
    return claim;
}

#endif
