/* The cluster's parts put together: each event to the one that owns it. */
#include "node/cluster/cluster.h"

#include <assert.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>
#include <stdio.h>

enum { STEP_BYTES_MAX = 64 << 20, NODE_BYTES_MAX = 64 << 20 };

/* --- life ----------------------------------------------------------------------------------------------- */

static void take_secrets(struct cluster *cluster)
{
    const struct cluster_settings *settings = cluster->settings;
    cluster->identity.secrets_count = settings->is_enabled ? settings->secrets_count : 0;
    memcpy(cluster->identity.secrets, settings->secrets, sizeof settings->secrets);
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
    crypto_sign_ed25519_seed_keypair(public_key, identity->node_key, store->node_seed);
    memcpy(identity->cluster_id, store->cluster_id, sizeof identity->cluster_id);
    identity->is_member = store->is_member;
    take_secrets(cluster);
    return true;
}

void cluster_deinit(struct cluster *cluster)
{
    assert(cluster->jobs_count == 0);
    view_release(cluster->seen);
    cluster->seen = NULL;
    sodium_memzero(&cluster->identity, sizeof cluster->identity);
    arena_deinit(&cluster->step);
    arena_deinit(&cluster->arena);
}

/* --- steps ---------------------------------------------------------------------------------------------- */

void cluster_begin(struct cluster *cluster, const struct event *event, struct effects *effects)
{
    arena_reset(&cluster->step);
    cluster->effects = effects;
    cluster->outbox.effects = effects;
    cluster->now_ms = event->now_ms;
    cluster->now_us = event->now_us;
    cluster->wall_us = event->wall_us;
}

void cluster_start(struct cluster *cluster)
{
    cluster->has_started = true;
    cluster->started_ms = cluster->now_ms;
}

void cluster_step(struct cluster *cluster, const struct event *event)
{
    if (event->kind == EVENT_LINK_OPEN) outbox_close(&cluster->outbox, event->link.number);
}

uint64_t cluster_deadline_ms(const struct cluster *cluster)
{
    (void)cluster;
    return UINT64_MAX;
}

void cluster_on_settings(struct cluster *cluster)
{
    take_secrets(cluster);
}

void cluster_on_view(struct cluster *cluster)
{
    if (!cluster->has_started || *cluster->view == cluster->seen) return;
    view_release(cluster->seen);
    cluster->seen = view_hold(*cluster->view);
}

/* --- for the operator's requests ------------------------------------------------------------------------ */

bool cluster_connect(struct cluster *cluster, struct span target, char why[200])
{
    (void)cluster;
    (void)target;
    snprintf(why, 200, "this node has no port for other nodes: set rpc.listen");
    return false;
}

struct cluster_connect_state cluster_connect_state(const struct cluster *cluster)
{
    (void)cluster;
    return (struct cluster_connect_state){.outcome = CLUSTER_CONNECT_IDLE};
}

bool cluster_problem(const struct cluster *cluster, uint32_t index, char line[256])
{
    (void)cluster;
    (void)index;
    line[0] = '\0';
    return false;
}
