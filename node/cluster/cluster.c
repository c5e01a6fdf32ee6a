/* The cluster's parts put together: each event to the one that owns it. */
#include "node/cluster/cluster.h"

#include "node/cluster/cluster_job.h"
#include "node/cluster/cluster_members.h"
#include "node/cluster/exchange.h"
#include "node/cluster/formation.h"
#include "node/cluster/join.h"
#include "node/cluster/join_connect.h"
#include "node/cluster/links.h"

#include <assert.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>

enum {
    STEP_BYTES_MAX = 64 << 20,
    NODE_BYTES_MAX = 64 << 20,
    TIMERS_MAX = LINKS_MAX + 2, /* a link each, the rounds of formation, the operator's patience */
    BOOT_LOOK_MS = 20,          /* until two commits are done */
    RESERVE = 1 << 20,          /* incarnations that one start may use: a refutation each */
    TELLERS = 3,                /* of those who hear of it tell a node that it was taken out */
    SAY_AGAIN_MS = 60000,       /* how full the store is, is said this often at most */
    USED_BITS = 3,              /* …and only so exactly: each change is news that all must hear */
};

static const uint8_t *own_id(const struct cluster *cluster)
{
    return cluster->identity.node_key + LINK_NODE_KEY_BYTES - LINK_NODE_ID_BYTES;
}

/* --- links' and gossip's calls ---------------------------------------------------------------------------- */

static void on_ready(struct cluster *cluster, struct channel *channel)
{
    join_on_ready(cluster, channel);
    formation_on_ready(cluster, channel);
}

/* Documents and announcements are for members only; all may speak of joining. Of two processes with one identity
 * neither is heard, but for the first word, which may say that it is one again. */
static void on_message(struct cluster *cluster, struct channel *channel, const struct message *message)
{
    bool is_joining = message->kind >= MESSAGE_PROBLEM && message->kind <= MESSAGE_JOIN_REFUSED;
    if (cluster->join->is_adopting) return; /* what it would be about is being thrown away */
    if (join_is_quarantined(cluster, channel) ||
        (message->kind != MESSAGE_HELLO && join_is_doubled(cluster, channel))) {
        links_end(cluster, channel);
        return;
    }
    if (channel->is_full && !is_joining) {
        exchange_on_message(cluster, channel, message);
        if (message->kind == MESSAGE_HELLO && channel->state == CHANNEL_READY)
            join_connect_greeted(cluster, channel);
    } else {
        join_on_message(cluster, channel, message);
    }
    if (channel->state == CHANNEL_READY && join_is_doubled(cluster, channel)) links_end(cluster, channel);
}

static void on_gone(struct cluster *cluster, struct channel *channel, const char *why)
{
    exchange_on_gone(cluster, channel);
    join_on_gone(cluster, channel, why);
    formation_on_gone(cluster, channel);
}

static void on_differs(void *owner, const struct member *member, bool documents, bool announcements)
{
    (void)documents;
    (void)announcements;
    exchange_with(owner, member);
}

/* --- life ------------------------------------------------------------------------------------------------- */

static void take_secrets(struct cluster *cluster)
{
    const struct cluster_settings *settings = cluster->settings;
    cluster->identity.secrets_count = settings->is_enabled ? settings->secrets_count : 0;
    memcpy(cluster->identity.secrets, settings->secrets, sizeof settings->secrets);
}

/* Nothing of this is taken by a node that has no port for others. */
static bool init_parts(struct cluster *cluster)
{
    static const struct links_calls calls = {on_ready, on_message, on_gone};
    return timers_init(&cluster->timers, TIMERS_MAX, &cluster->arena) && links_init(cluster, &calls) &&
           exchange_init(cluster) && join_init(cluster) && formation_init(cluster);
}

bool cluster_init(struct cluster *cluster, const struct cluster_settings *settings, const struct store *store,
                  struct view **view, const uint8_t seed[PRNG_SEED_BYTES])
{
    *cluster = (struct cluster){.settings = settings, .store = store, .view = view};
    struct link_identity *identity = &cluster->identity;
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
    arena_init(&cluster->arena, NODE_BYTES_MAX);
    arena_init(&cluster->step, STEP_BYTES_MAX);
    cluster->outbox.arena = &cluster->step;
    prng_init(&cluster->prng, seed);
    cluster->boot = prng_u64(&cluster->prng);
    identity->boot = cluster->boot;
    crypto_sign_ed25519_seed_keypair(public_key, identity->node_key, store->node_seed);
    memcpy(identity->cluster_id, store->cluster_id, sizeof identity->cluster_id);
    identity->is_member = store->is_member;
    take_secrets(cluster);
    if (!settings->is_enabled || init_parts(cluster)) return true;
    cluster_deinit(cluster);
    return false;
}

void cluster_deinit(struct cluster *cluster)
{
    assert(cluster->jobs_count == 0);
    for (uint32_t i = 0; cluster->links != NULL && i < LINKS_MAX; i++)
        if (cluster->links->channels[i] != NULL) exchange_on_gone(cluster, cluster->links->channels[i]);
    links_deinit(cluster);
    gossip_destroy(cluster->gossip);
    cluster->gossip = NULL;
    view_release(cluster->seen);
    cluster->seen = NULL;
    sodium_memzero(&cluster->identity, sizeof cluster->identity);
    arena_deinit(&cluster->members.arena);
    arena_deinit(&cluster->step);
    arena_deinit(&cluster->arena);
}

/* --- what is said of this node ---------------------------------------------------------------------------- */

static uint64_t rounded(uint64_t bytes)
{
    uint32_t drop = 0;
    while (bytes >> drop >= 1 << USED_BITS)
        drop++;
    return bytes >> drop << drop;
}

static void say(struct cluster *cluster)
{
    const struct cluster_settings *settings = cluster->settings;
    bool wishes = settings->bootstrap == CLUSTER_AUTO && settings->zone[0] != '\0' && settings->capacity > 0;
    struct gossip_digests digests;
    const struct gossip_self self = {
        .address = span_text(settings->address),
        .name = span_text(settings->name),
        .zone = span_text(settings->zone),
        .program = span_text(SKERRY_VERSION),
        .capacity = settings->capacity,
        .layout_number = cluster->exchange->layout_number,
        .used_bytes = rounded(cluster->used_bytes),
        .flags = wishes ? ANNOUNCEMENT_AUTO : 0,
    };
    cluster->said_ms = cluster->now_ms;
    memcpy(digests.documents, cluster->exchange->digest, sizeof digests.documents);
    gossip_set_digests(cluster->gossip, &digests);
    gossip_say(cluster->gossip, &self, cluster->now_ms);
}

/* --- members ---------------------------------------------------------------------------------------------- */

static bool begin_gossip(struct cluster *cluster)
{
    const struct gossip_calls calls = {.on_differs = on_differs, .owner = cluster};
    uint8_t seed[PRNG_SEED_BYTES];
    if (cluster->gossip != NULL) return true;
    prng_bytes(&cluster->prng, seed, sizeof seed);
    cluster->gossip = gossip_create(&cluster->identity, &cluster->members, &cluster->outbox, &calls,
                                    cluster->incarnation, seed, cluster->settings->probe_interval_ms);
    return cluster->gossip != NULL;
}

/* Taken out: others hear no more of us, and we do not judge them. What is announced later is newer than all of
 * now. */
static void end_gossip(struct cluster *cluster)
{
    if (cluster->gossip == NULL) return;
    cluster->incarnation = gossip_stats(cluster->gossip).incarnation + 1;
    gossip_destroy(cluster->gossip);
    cluster->gossip = NULL;
}

static void renew_members(struct cluster *cluster)
{
    bool is_possible = cluster->identity.is_member && join_is_self_known(cluster) && cluster->incarnation != 0;
    uint32_t count = 0;
    if (!is_possible) {
        end_gossip(cluster);
        return;
    }
    uint8_t *ids = cluster_members_ids(cluster, &count);
    if (ids == NULL || !begin_gossip(cluster) ||
        !gossip_set_members(cluster->gossip, ids, count, cluster->now_ms)) {
        (void)outbox_log(&cluster->outbox, EFFECT_ERROR, "out of memory for the members of the cluster");
        return;
    }
    say(cluster);
}

static void renew_stage(struct cluster *cluster)
{
    bool was_removed = false;
    (void)view_is_member(*cluster->view, own_id(cluster), &was_removed);
    if (!cluster->identity.is_member) {
        bool is_joining = cluster->join->is_asking || cluster->settings->peers_count > 0;
        cluster->stage = is_joining ? CLUSTER_JOINING : CLUSTER_ALONE;
    } else if (was_removed) {
        cluster->stage = CLUSTER_REMOVED;
    } else {
        cluster->stage = cluster->members.count > 1 ? CLUSTER_MEMBER : CLUSTER_ALONE;
    }
}

/* All that follows from the documents. */
static void renew(struct cluster *cluster)
{
    exchange_on_view(cluster);
    renew_members(cluster);
    join_on_view(cluster);
    renew_stage(cluster);
}

/* A node that was taken out shall hear of it, and it is not spoken to any more: it is dialled, and told when it
 * greets us. By whoever took it out, and by some of those who hear of it. */
static void tell_removed(struct cluster *cluster, bool is_from_here)
{
    const struct members *members = &cluster->members;
    if (!join_is_self_known(cluster)) return;
    for (uint32_t i = 0; i < members->count; i++) {
        const struct member *member = members->rows[i];
        bool was_removed = false;
        (void)view_is_member(*cluster->view, member->id, &was_removed);
        if (!was_removed || !member->has_announcement || links_to(cluster, member->id) != NULL) continue;
        if (is_from_here || prng_u64(&cluster->prng) % members->count < TELLERS)
            (void)links_dial(cluster, member->announcement.address, CHANNEL_FOR_EXCHANGE);
    }
}

/* Was it changed here, and not by an exchange? Then the others do not have it yet: few are told at once, many by
 * gossip's digests. */
static void on_new_view(struct cluster *cluster)
{
    bool is_from_here = cluster->exchange->documents_taken == cluster->taken_before;
    bool is_first = cluster->seen == NULL;
    cluster->taken_before = cluster->exchange->documents_taken;
    view_release(cluster->seen);
    cluster->seen = view_hold(*cluster->view);
    if (!is_first) tell_removed(cluster, is_from_here);
    renew(cluster);
    if (is_from_here && !is_first) exchange_with_all(cluster);
}

void cluster_on_view(struct cluster *cluster)
{
    if (!cluster->is_on) return;
    if (*cluster->view != cluster->seen) {
        on_new_view(cluster);
    } else {
        renew_stage(cluster);
    }
}

/* --- steps ------------------------------------------------------------------------------------------------ */

void cluster_begin(struct cluster *cluster, const struct event *event, struct effects *effects)
{
    arena_reset(&cluster->step);
    cluster->effects = effects;
    cluster->outbox.effects = effects;
    cluster->now_ms = event->now_ms;
    cluster->now_us = event->now_us;
    cluster->wall_us = event->wall_us;
}

static void reserve(struct cluster *cluster, uint64_t above);

/* Said once, until it has gone well again. */
static void tell_mute(struct cluster *cluster, enum err err)
{
    if (cluster->is_mute || err == ERR_IO) return; /* which ends the process, and is said */
    cluster->is_mute = true;
    struct effect *line = outbox_log(&cluster->outbox, EFFECT_WARN, "this node's incarnation cannot be stored");
    outbox_text(&cluster->outbox, line, "why", span_text(err_name(err)));
}

/* The first answer is above all that was ever announced; the second is above all that may be from now on, each
 * refutation being one more: a node that died must not come back with one it has used up. */
static void on_booted(struct cluster *cluster, struct cluster_job *job)
{
    bool has_begun = cluster->incarnation != 0;
    cluster->is_booting = false;
    if (job->op.err != ERR_OK) {
        tell_mute(cluster, job->op.err);
        return; /* the next round tries again */
    }
    cluster->is_mute = false;
    if (job->op.boot.above == 0) {
        reserve(cluster, job->op.boot.incarnation);
        return;
    }
    cluster->reserved = job->op.boot.incarnation;
    if (has_begun) return;
    cluster->incarnation = job->op.boot.above - RESERVE;
    renew(cluster);
}

static void ask_boot(struct cluster *cluster, uint64_t above)
{
    struct cluster_job *job = cluster_job_create(cluster, OP_BOOT);
    if (job == NULL) return;
    cluster->is_booting = true;
    job->op.boot.above = above;
    cluster_job_run(cluster, job, on_booted);
}

static void reserve(struct cluster *cluster, uint64_t above)
{
    ask_boot(cluster, above + RESERVE);
}

/* At the start, and again before what was reserved is used up. */
static void boot(struct cluster *cluster)
{
    if (cluster->is_booting || cluster->join->is_adopting) return;
    uint64_t used = cluster->gossip == NULL ? cluster->incarnation : gossip_stats(cluster->gossip).incarnation;
    if (cluster->incarnation == 0) {
        ask_boot(cluster, 0);
    } else if (used + RESERVE / 2 > cluster->reserved) {
        reserve(cluster, used);
    }
}

void cluster_start(struct cluster *cluster)
{
    cluster->has_started = true;
    cluster->started_ms = cluster->now_ms;
    cluster->is_on = cluster->settings->is_enabled && !cluster->is_draining;
    if (!cluster->is_on) return;
    boot(cluster);
    formation_start(cluster);
}

/* Nobody is spoken to before what we announce is durable: the first word over a link is our announcement, and it
 * is said once. */
static bool can_speak(const struct cluster *cluster)
{
    return cluster->incarnation != 0;
}

static void look_around(struct cluster *cluster)
{
    if (can_speak(cluster)) {
        formation_on_time(cluster);
    } else {
        timers_add(&cluster->timers, &cluster->formation->timer, cluster->now_ms + BOOT_LOOK_MS);
    }
}

static void run_timers(struct cluster *cluster)
{
    for (;;) {
        struct timer *timer = timers_first(&cluster->timers);
        if (timer == NULL || timer->deadline_ms > cluster->now_ms) return;
        timers_remove(&cluster->timers, timer);
        if (timer == &cluster->formation->timer) {
            boot(cluster);
            look_around(cluster);
        } else if (timer == &cluster->join->timer) {
            join_on_time(cluster);
        } else {
            links_on_time(cluster, timer);
        }
    }
}

static void on_time(struct cluster *cluster)
{
    run_timers(cluster);
    if (cluster->gossip == NULL || cluster->is_draining) return;
    exchange_on_time(cluster);
    if (cluster->now_ms - cluster->said_ms >= SAY_AGAIN_MS) say(cluster);
    if (gossip_deadline_ms(cluster->gossip) <= cluster->now_ms)
        gossip_on_time(cluster->gossip, cluster->now_us, cluster->wall_us);
}

static void on_drain(struct cluster *cluster)
{
    if (cluster->is_draining) return;
    cluster->is_draining = true;
    if (cluster->gossip != NULL) gossip_leave(cluster->gossip, cluster->now_ms);
    links_end_all(cluster);
}

/* Nobody is spoken to: no port, or nothing is durable yet that could be said. */
static void turn_away(struct cluster *cluster, const struct event *event)
{
    if (event->kind == EVENT_LINK_OPEN) outbox_close(&cluster->outbox, event->link.number, true);
}

void cluster_step(struct cluster *cluster, const struct event *event)
{
    if (!cluster->is_on) {
        if (event->kind == EVENT_DRAIN) cluster->is_draining = true;
        turn_away(cluster, event);
        return;
    }
    switch (event->kind) {
    case EVENT_STORED: cluster_job_answered(cluster, event->op); break;
    case EVENT_TIME: on_time(cluster); break;
    case EVENT_DRAIN: on_drain(cluster); break;
    case EVENT_LINK_OPEN:
        if (can_speak(cluster)) {
            links_on_event(cluster, event);
        } else {
            turn_away(cluster, event);
        }
        break;
    case EVENT_LINK_BYTES:
    case EVENT_LINK_SENT:
    case EVENT_LINK_GONE: links_on_event(cluster, event); break;
    case EVENT_DATAGRAM:
        if (cluster->gossip != NULL && !cluster->is_draining)
            gossip_on_datagram(cluster->gossip, event->datagram.from, event->datagram.bytes, cluster->now_us,
                               cluster->wall_us);
        break;
    case EVENT_START:
    case EVENT_REQUEST:
    case EVENT_BODY:
    case EVENT_SENT:
    case EVENT_GONE: assert(false); break; /* the requests' own */
    }
}

uint64_t cluster_deadline_ms(const struct cluster *cluster)
{
    if (!cluster->is_on) return UINT64_MAX;
    const struct timer *timer = timers_first(&cluster->timers);
    uint64_t timer_ms = timer == NULL ? UINT64_MAX : timer->deadline_ms;
    if (cluster->gossip == NULL || cluster->is_draining) return timer_ms;
    uint64_t gossip_ms = gossip_deadline_ms(cluster->gossip);
    return gossip_ms < timer_ms ? gossip_ms : timer_ms;
}

bool cluster_is_doubled(const struct cluster *cluster)
{
    bool is_heard = cluster->gossip != NULL && gossip_stats(cluster->gossip).is_doubled;
    return is_heard || links_has_copy(cluster);
}

void cluster_on_settings(struct cluster *cluster)
{
    struct link_identity was = cluster->identity;
    take_secrets(cluster);
    links_on_secrets(cluster, &was);
    sodium_memzero(&was, sizeof was);
}
