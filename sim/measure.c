/* A small world of its own: gossip alone, so that a thousand nodes fit. */
#include "sim/measure.h"

#include "node/cluster/gossip.h"
#include "sim/dice.h"
#include "sim/network.h"
#include "sim/table.h"

#include <assert.h>
#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)

enum {
    WARM_UP_S = 60,     /* what is said at the beginning is not counted: everybody tells of itself */
    DEATH_S_MAX = 300,  /* a death that is not known to all by then stays unknown */
    DEATH_PAUSE_S = 20, /* between a death that is known and the next */
    STEP_BYTES_MAX = 4 << 20,
    SLOW_STOP_MS_MIN = 100, /* how long a slow node is not run… */
    SLOW_STOP_MS_MAX = 16000,
    SLOW_RUN_MS_MIN = 10, /* …and is then */
    SLOW_RUN_MS_MAX = 4000,
    SLOW_WAITING_MAX = 256, /* packets that wait for it, about what a socket of Linux keeps; then they are lost */
};

struct waiting {
    uint16_t length;
    uint8_t from_length;
    uint8_t from[64];
    uint8_t bytes[LIMITS_DATAGRAM_BYTES_MAX];
};

struct measured {
    struct measure *measure;
    uint32_t index;
    bool is_dead;
    bool is_slow;
    bool is_stopped;         /* now; only a slow one is */
    uint64_t turns_us;       /* when that changes */
    struct waiting *waiting; /* SLOW_WAITING_MAX */
    uint32_t waiting_count;
    uint32_t suspected_by, down_by; /* how many others hold it so */
    struct link_identity identity;
    struct members members;
    struct arena step;
    struct effects effects;
    struct outbox outbox;
    struct gossip *gossip;
    uint64_t armed_us;
};

struct measure {
    const struct measure_settings *settings;
    struct measure_result *result;
    struct queue queue;
    struct trace trace;
    struct network network;
    struct prng prng;
    struct measured *nodes;
    uint8_t *ids; /* of all, in order */
    uint64_t now_us;
    /* Of the death that is being waited for. */
    uint32_t dead; /* UINT32_MAX: nobody has just died */
    uint64_t died_us, suspected_us, first_us, last_us;
    uint32_t knowing;
    uint64_t turns_us; /* when the next slow node stops or goes on; UINT64_MAX: never */
    struct measured *turning;
    bool is_counting; /* what living nodes are held for */
};

/* --- steps ---------------------------------------------------------------------------------------------- */

static uint64_t wall_us(const struct measure *measure)
{
    return UINT64_C(1749988800000000) + measure->now_us;
}

static void arm(struct measured *node)
{
    struct measure *measure = node->measure;
    uint64_t deadline_ms = gossip_deadline_ms(node->gossip);
    if (deadline_ms > UINT64_MAX / 2000) return;
    uint64_t at_us = deadline_ms * 1000 > measure->now_us ? deadline_ms * 1000 : measure->now_us;
    if (at_us >= node->armed_us) return;
    node->armed_us = at_us;
    queue_put(&measure->queue,
              (struct happening){.time_us = at_us, .kind = HAPPENING_DEADLINE, .node = node->index});
}

static void begin(struct measured *node)
{
    arena_reset(&node->step);
    effects_init(&node->effects);
    node->outbox.effects = &node->effects;
    node->outbox.arena = &node->step;
}

static void end(struct measured *node)
{
    struct measure *measure = node->measure;
    for (struct effect *effect = effects_take(&node->effects); effect != NULL;
         effect = effects_take(&node->effects)) {
        if (effect->kind != EFFECT_DATAGRAM) continue;
        network_datagram(&measure->network, measure->now_us, node->index, effect->datagram.address,
                         effect->datagram.bytes);
    }
    arm(node);
}

static void keep_waiting(struct measured *node, struct span bytes, struct span from)
{
    if (node->waiting_count == SLOW_WAITING_MAX) return;
    struct waiting *waiting = &node->waiting[node->waiting_count++];
    assert(bytes.length <= sizeof waiting->bytes && from.length <= sizeof waiting->from);
    waiting->length = (uint16_t)bytes.length;
    waiting->from_length = (uint8_t)from.length;
    memcpy(waiting->bytes, bytes.bytes, bytes.length);
    memcpy(waiting->from, from.bytes, from.length);
}

static void on_datagram(void *owner, uint32_t host, struct span bytes, struct span from)
{
    struct measure *measure = owner;
    struct measured *node = &measure->nodes[host];
    if (node->is_dead) return;
    if (node->is_stopped) {
        keep_waiting(node, bytes, from);
        return;
    }
    begin(node);
    gossip_on_datagram(node->gossip, from, bytes, measure->now_us, wall_us(measure));
    end(node);
}

static uint32_t index_of(const struct measure *measure, const uint8_t *id)
{
    uint32_t index = 0;
    while (memcmp(measure->ids + (size_t)index * LINK_NODE_ID_BYTES, id, LINK_NODE_ID_BYTES) != 0)
        index++;
    return index;
}

/* One holder more or less; counted when it is the first. */
static void count_holder(uint32_t *holders, bool held, bool holds, bool is_counted, uint64_t *count)
{
    if (holds && !held && (*holders)++ == 0) *count += is_counted;
    if (held && !holds) --*holders;
}

static void on_state(void *owner, const struct member *member, enum member_state before)
{
    struct measure *measure = owner;
    uint32_t about = index_of(measure, member->id);
    struct measured *node = &measure->nodes[about];
    bool is_bad = member->state == MEMBER_SUSPECT || member->state == MEMBER_DOWN;
    bool is_counted = measure->is_counting && !node->is_dead;
    uint64_t *downs = node->is_slow ? &measure->result->slow_downs : &measure->result->false_downs;
    count_holder(&node->suspected_by, before == MEMBER_SUSPECT, member->state == MEMBER_SUSPECT,
                 is_counted && !node->is_slow, &measure->result->false_suspicions);
    count_holder(&node->down_by, before == MEMBER_DOWN, member->state == MEMBER_DOWN, is_counted, downs);
    if (about != measure->dead || !is_bad) return;
    if (measure->suspected_us == 0) measure->suspected_us = measure->now_us;
    if (member->state != MEMBER_DOWN) return;
    if (measure->first_us == 0) measure->first_us = measure->now_us;
    measure->last_us = measure->now_us;
    measure->knowing++;
}

static void on_deadline(struct measure *measure, struct measured *node)
{
    if (measure->now_us != node->armed_us || node->is_dead || node->is_stopped) return;
    node->armed_us = UINT64_MAX;
    begin(node);
    if (gossip_deadline_ms(node->gossip) <= measure->now_us / 1000)
        gossip_on_time(node->gossip, measure->now_us, wall_us(measure));
    end(node);
}

/* --- slow nodes ----------------------------------------------------------------------------------------- */

static uint64_t drawn_us(struct measure *measure, uint64_t from_ms, uint64_t to_ms)
{
    return (from_ms + dice_below(&measure->prng, to_ms - from_ms + 1)) * 1000;
}

/* It is run again: first what its clock wants, then what waited, as a loop over libuv does. */
static void wake(struct measured *node)
{
    struct measure *measure = node->measure;
    node->is_stopped = false;
    node->armed_us = measure->now_us;
    on_deadline(measure, node);
    for (uint32_t i = 0; i < node->waiting_count; i++) {
        const struct waiting *waiting = &node->waiting[i];
        on_datagram(measure, node->index, span_of(waiting->bytes, waiting->length),
                    span_of(waiting->from, waiting->from_length));
    }
    node->waiting_count = 0;
}

static void turn(struct measured *node)
{
    struct measure *measure = node->measure;
    if (node->is_stopped) {
        wake(node);
        node->turns_us = measure->now_us + drawn_us(measure, SLOW_RUN_MS_MIN, SLOW_RUN_MS_MAX);
    } else {
        node->is_stopped = true;
        node->turns_us = measure->now_us + drawn_us(measure, SLOW_STOP_MS_MIN, SLOW_STOP_MS_MAX);
    }
    measure->turns_us = UINT64_MAX;
    for (uint32_t i = 0; i < measure->settings->nodes; i++) {
        struct measured *other = &measure->nodes[i];
        if (!other->is_slow || other->turns_us >= measure->turns_us) continue;
        measure->turns_us = other->turns_us;
        measure->turning = other;
    }
}

/* Make some of them slow, from now on. */
static bool slow_down(struct measure *measure)
{
    for (uint32_t i = 0; i < measure->settings->slow; i++) {
        struct measured *node = NULL;
        do {
            node = &measure->nodes[dice_below(&measure->prng, measure->settings->nodes)];
        } while (node->is_slow);
        node->is_slow = true;
        node->waiting = calloc(SLOW_WAITING_MAX, sizeof *node->waiting);
        if (node->waiting == NULL) return false;
        node->turns_us = measure->now_us;
        measure->turns_us = measure->now_us;
        measure->turning = node;
    }
    return true;
}

static bool is_next_a_turn(const struct measure *measure, uint64_t until_us)
{
    const struct happening *first = queue_first(&measure->queue);
    return measure->turns_us <= until_us && (first == NULL || measure->turns_us < first->time_us);
}

static void run_until(struct measure *measure, uint64_t until_us)
{
    while (queue_first(&measure->queue) != NULL) {
        if (is_next_a_turn(measure, until_us)) {
            measure->now_us = measure->turns_us;
            turn(measure->turning);
            continue;
        }
        if (queue_first(&measure->queue)->time_us > until_us) break;
        struct happening happening = queue_take(&measure->queue);
        measure->now_us = happening.time_us;
        if (happening.kind == HAPPENING_DEADLINE) {
            on_deadline(measure, &measure->nodes[happening.node]);
        } else {
            network_step(&measure->network, &happening);
        }
    }
    measure->now_us = until_us;
}

/* --- set up --------------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(((const struct measured *)a)->identity.node_key + 32,
                  ((const struct measured *)b)->identity.node_key + 32, LINK_NODE_ID_BYTES);
}

static void make_identities(struct measure *measure)
{
    for (uint32_t i = 0; i < measure->settings->nodes; i++) {
        struct measured *node = &measure->nodes[i];
        uint8_t seed[PRNG_SEED_BYTES];
        uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
        prng_bytes(&measure->prng, seed, sizeof seed);
        *node = (struct measured){.measure = measure, .identity = {.is_member = true, .secrets_count = 1}};
        crypto_sign_ed25519_seed_keypair(public_key, node->identity.node_key, seed);
    }
    qsort(measure->nodes, measure->settings->nodes, sizeof *measure->nodes, compare_ids);
    for (uint32_t i = 0; i < measure->settings->nodes; i++) {
        measure->nodes[i].index = i;
        memcpy(measure->ids + (size_t)i * LINK_NODE_ID_BYTES, measure->nodes[i].identity.node_key + 32,
               LINK_NODE_ID_BYTES);
    }
}

static bool start(struct measured *node)
{
    struct measure *measure = node->measure;
    uint8_t seed[PRNG_SEED_BYTES];
    char name[32];
    const struct gossip_calls calls = {.on_state = on_state, .owner = measure};
    network_add_host(&measure->network, node->index % 5);
    network_set_host(&measure->network, 0, node->index, NETWORK_UP);
    arena_init(&node->step, STEP_BYTES_MAX);
    prng_bytes(&measure->prng, seed, sizeof seed);
    begin(node);
    node->gossip = gossip_create(&node->identity, &node->members, &node->outbox, &calls, 1, seed,
                                 GOSSIP_PERIOD_MS);
    if (node->gossip == NULL) return false;
    node->armed_us = UINT64_MAX;
    snprintf(name, sizeof name, "node-%u", node->index);
    const struct gossip_self self = {.address = span_text(network_address(&measure->network, node->index)),
                                     .name = span_text(name),
                                     .zone = span_text("zone"),
                                     .program = span_text(SKERRY_VERSION),
                                     .capacity = UINT64_C(100000000000)};
    bool is_told = gossip_set_members(node->gossip, measure->ids, measure->settings->nodes, 0);
    gossip_say(node->gossip, &self, 0);
    effects_init(&node->effects);
    return is_told;
}

static void introduce(struct measure *measure)
{
    for (uint32_t i = 0; i < measure->settings->nodes; i++) {
        begin(&measure->nodes[i]);
        for (uint32_t j = 0; j < measure->settings->nodes; j++) {
            if (i != j)
                (void)gossip_hear(measure->nodes[i].gossip, gossip_announcement(measure->nodes[j].gossip), NULL,
                                  0);
        }
        effects_init(&measure->nodes[i].effects); /* what it would say is known to all */
        arm(&measure->nodes[i]);
    }
}

static bool set_up(struct measure *measure)
{
    const struct network_calls calls = {.on_datagram = on_datagram, .owner = measure};
    const struct network_settings network = {.near_us = 200,
                                             .far_us = 10000,
                                             .jitter_per_cent = 20,
                                             .loss = measure->settings->loss_per_mille,
                                             .link_patience_us = SECOND_US};
    trace_init(&measure->trace, NULL, false);
    queue_init(&measure->queue);
    network_init(&measure->network, &network, &calls, &measure->queue, &measure->trace, measure->settings->seed);
    dice_init(&measure->prng, measure->settings->seed, "measure");
    measure->nodes = table_take(NULL, measure->settings->nodes * sizeof *measure->nodes);
    measure->ids = table_take(NULL, (size_t)measure->settings->nodes * LINK_NODE_ID_BYTES);
    measure->dead = UINT32_MAX;
    measure->turns_us = UINT64_MAX;
    make_identities(measure);
    bool is_set_up = true;
    for (uint32_t i = 0; i < measure->settings->nodes && is_set_up; i++)
        is_set_up = start(&measure->nodes[i]);
    if (is_set_up) introduce(measure);
    return is_set_up;
}

static void tear_down(struct measure *measure)
{
    for (uint32_t i = 0; i < measure->settings->nodes; i++) {
        gossip_destroy(measure->nodes[i].gossip);
        arena_deinit(&measure->nodes[i].step);
        free(measure->nodes[i].waiting);
    }
    while (measure->queue.count > 0) {
        struct happening happening = queue_take(&measure->queue);
        if (happening.kind == HAPPENING_DATAGRAM) free(happening.thing);
    }
    queue_deinit(&measure->queue);
    network_deinit(&measure->network);
    free(measure->nodes);
    free(measure->ids);
}

/* --- figures -------------------------------------------------------------------------------------------- */

static bool measure_calm(struct measure *measure)
{
    const struct measure_settings *settings = measure->settings;
    struct measure_result *result = measure->result;
    run_until(measure, WARM_UP_S * SECOND_US);
    struct network_counts before = measure->network.counts;
    if (!slow_down(measure)) return false;
    measure->is_counting = true;
    run_until(measure, measure->now_us + settings->minutes * 60 * SECOND_US);
    measure->is_counting = false;
    double node_s = (double)settings->minutes * 60 * settings->nodes;
    result->bytes_per_s = (double)(measure->network.counts.datagram_bytes - before.datagram_bytes) / node_s;
    result->packets_per_s = (double)(measure->network.counts.datagrams - before.datagrams) / node_s;
    result->slow_hours = (double)settings->minutes * settings->slow / 60;
    result->node_hours = node_s / 3600 - result->slow_hours;
    return true;
}

/* The nodes that die are drawn among the living. */
static void measure_death(struct measure *measure, uint32_t alive)
{
    struct measure_result *result = measure->result;
    do {
        measure->dead = (uint32_t)dice_below(&measure->prng, measure->settings->nodes);
    } while (measure->nodes[measure->dead].is_dead || measure->nodes[measure->dead].is_slow);
    measure->nodes[measure->dead].is_dead = true;
    network_set_host(&measure->network, measure->now_us, measure->dead, NETWORK_DARK);
    measure->died_us = measure->now_us;
    measure->suspected_us = measure->first_us = measure->last_us = 0;
    measure->knowing = 0;
    uint64_t ends_us = measure->now_us + DEATH_S_MAX * SECOND_US;
    while (measure->knowing < alive - 1 && measure->now_us < ends_us)
        run_until(measure, measure->now_us + SECOND_US / 10);
    if (measure->knowing < alive - 1) return;
    double all_s = (double)(measure->last_us - measure->died_us) / 1e6;
    result->deaths++;
    result->suspected_s += (double)(measure->suspected_us - measure->died_us) / 1e6;
    result->known_by_first_s += (double)(measure->first_us - measure->died_us) / 1e6;
    result->known_by_all_s += all_s;
    if (all_s > result->known_by_all_max_s) result->known_by_all_max_s = all_s;
    run_until(measure, measure->now_us + DEATH_PAUSE_S * SECOND_US);
}

bool measure_gossip(const struct measure_settings *settings, struct measure_result *result)
{
    struct measure measure = {.settings = settings, .result = result};
    assert(settings->nodes >= 2 && settings->nodes <= NETWORK_HOSTS_MAX);
    assert(settings->slow < settings->nodes); /* and of deaths there are no more than leave two nodes */
    *result = (struct measure_result){0};
    bool is_set_up = set_up(&measure) && measure_calm(&measure);
    if (is_set_up) {
        for (uint32_t i = 0; i < settings->deaths && settings->nodes - i > 2; i++)
            measure_death(&measure, settings->nodes - i);
    }
    if (result->deaths > 0) {
        result->suspected_s /= result->deaths;
        result->known_by_first_s /= result->deaths;
        result->known_by_all_s /= result->deaths;
    }
    tear_down(&measure);
    return is_set_up;
}
