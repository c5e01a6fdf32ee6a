/* Whole nodes in a world of the simulator (sim/world.h), told what a person would tell them, and looked into. */
#ifndef TESTS_NODE_CLUSTER_CLUSTER_RIG_H
#define TESTS_NODE_CLUSTER_CLUSTER_RIG_H

#include "node/cluster/formation.h"
#include "node/cluster/join.h"
#include "sim/world.h"
#include "tests/lib/check.h"

#define RIG_SECOND_US UINT64_C(1000000)

enum { RIG_LINES_MAX = 2000, RIG_LINE_CHARS = 300 };

struct rig {
    struct world world;
    uint32_t lines_count;
    char lines[RIG_LINES_MAX][RIG_LINE_CHARS]; /* what was logged, "INDEX level event name=value…" */
};

static inline void rig_on_log(void *owner, struct machine *machine, const struct effect *effect)
{
    struct rig *rig = owner;
    if (rig->lines_count == RIG_LINES_MAX) return;
    char *line = rig->lines[rig->lines_count++];
    int used = snprintf(line, RIG_LINE_CHARS, "%u %d %s", machine->index, effect->log.level, effect->log.event);
    for (uint32_t i = 0; i < effect->log.fields_count && used < RIG_LINE_CHARS; i++) {
        const struct effect_field *field = &effect->log.fields[i];
        if (field->text.bytes == NULL) continue;
        used += snprintf(line + used, (size_t)(RIG_LINE_CHARS - used), " %s=%.*s", field->name,
                         (int)field->text.length, (const char *)field->text.bytes);
    }
}

/* Was a line with both texts logged by the node? */
static inline bool rig_has_logged(const struct rig *rig, uint32_t index, const char *text, const char *more)
{
    for (uint32_t i = 0; i < rig->lines_count; i++) {
        const char *line = rig->lines[i];
        if (strtoul(line, NULL, 10) == index && strstr(line, text) != NULL && strstr(line, more) != NULL)
            return true;
    }
    return false;
}

static inline void rig_init(struct rig *rig, uint64_t seed)
{
    const struct network_settings network = {.near_us = 500,
                                             .far_us = 10000,
                                             .jitter_per_cent = 20,
                                             .link_patience_us = 20 * RIG_SECOND_US,
                                             .cuts_bytes = true};
    memset(rig, 0, sizeof *rig);
    world_init(&rig->world, seed, &network, NULL, false);
    rig->world.on_log = rig_on_log;
    rig->world.owner = rig;
}

static inline void rig_deinit(struct rig *rig)
{
    world_deinit(&rig->world);
}

/* A node as a person installs it: a port, a secret, nobody to join. Off. */
static inline struct machine *rig_add(struct rig *rig)
{
    struct machine *machine = world_add(&rig->world, 0);
    struct cluster_settings *cluster = &machine->settings.cluster;
    cluster->is_enabled = true;
    snprintf(cluster->address, sizeof cluster->address, "%s",
             network_address(&rig->world.network, machine->index));
    snprintf(cluster->name, sizeof cluster->name, "node-%u", machine->index);
    cluster->replication = 3;
    cluster->probe_interval_ms = 1000;
    cluster->secrets_count = 1;
    memset(cluster->secrets[0], 's', sizeof cluster->secrets[0]);
    return machine;
}

static inline void rig_give_peer(struct machine *machine, const char *address)
{
    struct cluster_settings *cluster = &machine->settings.cluster;
    snprintf(cluster->peers[cluster->peers_count++], sizeof cluster->peers[0], "%s", address);
}

static inline void rig_run(struct rig *rig, uint64_t seconds)
{
    if (!world_run_until(&rig->world, rig->world.now_us + seconds * RIG_SECOND_US)) {
        print_error("%s\n", rig->world.failure);
        fail();
    }
}

/* --- what is asked of a node -------------------------------------------------------------------------------- */

static inline struct cluster *rig_cluster(struct machine *machine)
{
    assert_true(machine->is_up);
    return &machine->node.cluster;
}

static inline void rig_on_answer(void *owner, struct machine *machine, uint64_t tag,
                                 const struct admin_answer *answer)
{
    (void)machine;
    (void)tag;
    *(int *)owner = answer->status;
}

/* Ask, and wait for the answer's status. */
static inline int rig_ask(struct rig *rig, struct machine *machine, const char *target, const char *body)
{
    int status = -1;
    assert_true(admin_ask(machine, "POST", target, body, rig_on_answer, &status, 0));
    for (int i = 0; i < 100 && status == -1; i++)
        world_run_until(&rig->world, rig->world.now_us + RIG_SECOND_US / 10);
    return status;
}

/* "skerry node connect". Returns the answer's status: 200 when it is being tried. */
static inline int rig_connect(struct rig *rig, struct machine *machine, const char *target)
{
    char body[600];
    snprintf(body, sizeof body, "{\"target\":\"%s\"}", target);
    return rig_ask(rig, machine, "/v1/cluster/connect", body);
}

/* Connect, and wait for what comes of it. */
static inline struct cluster_connect_state rig_connected(struct rig *rig, struct machine *machine,
                                                         const char *target)
{
    uint32_t starts_count = machine->starts_count;
    assert_int_equal(rig_connect(rig, machine, target), 200);
    for (int i = 0; i < 60; i++) {
        rig_run(rig, 1);
        struct cluster_connect_state state = cluster_connect_state(rig_cluster(machine));
        if (machine->starts_count != starts_count)
            return (struct cluster_connect_state){CLUSTER_CONNECT_DONE, "it began anew"};
        if (state.outcome != CLUSTER_CONNECT_TRYING) return state;
    }
    return cluster_connect_state(rig_cluster(machine));
}

static inline bool rig_is_member(struct machine *machine)
{
    return machine->is_up && machine->node.cluster.identity.is_member &&
           view_is_member(machine_view(machine), machine->node_id, NULL);
}

/* Do both belong to one cluster, know each other as alive, and hold the same documents? */
static inline bool rig_agree(struct machine *a, struct machine *b)
{
    if (!rig_is_member(a) || !rig_is_member(b)) return false;
    const struct cluster *one = rig_cluster(a);
    const struct cluster *two = rig_cluster(b);
    const struct member *member = members_find(&one->members, b->node_id);
    uint8_t digest_a[16];
    uint8_t digest_b[16];
    view_digest(machine_view(a), a->store.hash_key, digest_a);
    view_digest(machine_view(b), b->store.hash_key, digest_b);
    return memcmp(one->identity.cluster_id, two->identity.cluster_id, LINK_CLUSTER_ID_BYTES) == 0 &&
           member != NULL && (a == b || member->state == MEMBER_ALIVE) && memcmp(digest_a, digest_b, 16) == 0;
}

/* All of them, within so many seconds. */
static inline void rig_expect_agreement(struct rig *rig, struct machine **machines, uint32_t count,
                                        uint32_t seconds_max)
{
    bool is_agreed = false;
    for (uint32_t second = 0; second < seconds_max && !is_agreed; second++) {
        rig_run(rig, 1);
        is_agreed = true;
        for (uint32_t i = 0; i < count && is_agreed; i++)
            for (uint32_t j = 0; j < count && is_agreed; j++)
                is_agreed = rig_agree(machines[i], machines[j]);
    }
    for (uint32_t i = 0; i < rig->lines_count && !is_agreed; i++)
        print_error("%s\n", rig->lines[i]);
    assert_true(is_agreed);
}

/* --- documents ---------------------------------------------------------------------------------------------- */

static inline int rig_make_bucket(struct rig *rig, struct machine *machine, const char *alias)
{
    char body[100];
    snprintf(body, sizeof body, "{\"alias\":\"%s\"}", alias);
    return rig_ask(rig, machine, "/v1/buckets", body);
}

static inline int rig_remove(struct rig *rig, struct machine *machine, const struct machine *removed)
{
    char body[200];
    char id[2 * LINK_NODE_ID_BYTES + 1] = "";
    hash_hex(removed->node_id, LINK_NODE_ID_BYTES, id);
    snprintf(body, sizeof body, "{\"node\":\"%s\"}", id);
    return rig_ask(rig, machine, "/v1/cluster/remove", body);
}

static inline void rig_cut(struct rig *rig, const struct machine *a, const struct machine *b)
{
    network_cut(&rig->world.network, a->index, b->index);
    network_cut(&rig->world.network, b->index, a->index);
}

static inline bool rig_has_bucket(struct machine *machine, const char *alias)
{
    const uint8_t *id = NULL;
    return view_alias(machine_view(machine), span_text(alias), &id);
}

/* Is there a problem with the text in it? */
static inline bool rig_has_problem(struct machine *machine, const char *text)
{
    char line[256];
    for (uint32_t i = 0; cluster_problem(rig_cluster(machine), i, line); i++)
        if (strstr(line, text) != NULL) return true;
    return false;
}

#endif
