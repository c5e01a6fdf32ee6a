/* The phases of a run. */
#include "sim/run.h"

#include "sim/dice.h"
#include "sim/table.h"

#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)

enum {
    PEERS = 5,              /* addresses in each node's configuration */
    FORM_S_MAX = 120,       /* a cluster without faults is formed in this time, or the faults begin before */
    SETTLE_S_MAX = 1200,    /* from the heal on: a minute of suspicion, a minute of seldom probes, exchanges… */
    SETTLE_NODE_S_MAX = 20, /* …and so much more a node */
    QUIET_S = 10,           /* what is settled… */
    AGAIN_S_MAX = 30,       /* …is so still, but for a suspicion that is about to be refuted */
    MORE_S_MAX = 600,       /* faults last so much longer while they have had no effect */
    CHANGES_MAX = 40,       /* asked for after the heal, when none was acknowledged before */
    COPY_S = 180,           /* two nodes of one identity are noticed in this time */
};

struct run {
    const struct run_settings *settings;
    struct faults_settings weather;
    struct world world;
    struct operators operators;
    struct faults faults;
    struct prng prng;
    bool has_names; /* peers are named in the configurations, not numbered: who moves is found again */
};

const char *run_verdict_name(enum run_verdict verdict)
{
    static const char *const names[] = {"passed", "vacuous", "FAILED"};
    return names[verdict];
}

/* --- set up --------------------------------------------------------------------------------------------- */

static void set_text(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%s", text);
}

/* The configuration a person would write: the same peers in each file. */
static void configure(struct run *run, struct machine *machine)
{
    struct cluster_settings *cluster = &machine->settings.cluster;
    struct network *network = &run->world.network;
    cluster->is_enabled = !run->settings->is_isolated;
    set_text(cluster->address, sizeof cluster->address, network_address(network, machine->index));
    snprintf(cluster->name, sizeof cluster->name, "node-%u", machine->index);
    snprintf(cluster->zone, sizeof cluster->zone, "zone-%u", network_site(network, machine->index));
    cluster->capacity = dice_between(&run->prng, 1, 20) * UINT64_C(100000000000);
    cluster->bootstrap = run->operators.is_by_hand && machine->group == 0 ? CLUSTER_MANUAL : CLUSTER_AUTO;
    cluster->replication = 3;
    cluster->probe_interval_ms = 1000;
    cluster->secrets_count = 1;
    memset(cluster->secrets[0], 'a' + (int)machine->group, sizeof cluster->secrets[0]);
    if (machine->group > 0 || machine->index == 0) return;
    const struct cluster_settings *first = &run->world.machines[0]->settings.cluster;
    memcpy(cluster->secrets, first->secrets, sizeof cluster->secrets); /* the secret may be changing just now */
    cluster->secrets_count = first->secrets_count;
}

static void give_peers(struct run *run, struct machine *machine)
{
    struct cluster_settings *cluster = &machine->settings.cluster;
    cluster->peers_count = 0;
    if (cluster->bootstrap == CLUSTER_MANUAL) return;
    for (uint32_t i = 0; i < run->world.machines_count && cluster->peers_count < PEERS; i++) {
        if (run->world.machines[i]->group != machine->group) continue;
        char *peer = cluster->peers[cluster->peers_count++];
        if (run->has_names) {
            snprintf(peer, sizeof cluster->peers[0], "node-%u:3901", i);
        } else {
            set_text(peer, sizeof cluster->peers[0], run->world.machines[i]->settings.cluster.address);
        }
    }
}

static struct machine *add(struct run *run, uint32_t group)
{
    struct machine *machine = world_add(&run->world, (uint32_t)dice_below(&run->prng, run->weather.sites));
    machine->group = group;
    configure(run, machine);
    return machine;
}

static void start_soon(struct run *run, struct machine *machine)
{
    queue_put(&run->world.queue,
              (struct happening){.time_us = run->world.now_us + dice_below(&run->prng, 5 * SECOND_US),
                                 .kind = HAPPENING_START,
                                 .node = machine->index,
                                 .life = machine->life});
}

static void join(void *owner, struct faults *faults)
{
    struct run *run = owner;
    (void)faults;
    if (run->world.machines_count == WORLD_MACHINES_MAX) return;
    struct machine *machine = add(run, 0);
    give_peers(run, machine);
    start_soon(run, machine);
}

/* The same files, on another machine of the site: what is left of the original is its id. */
static struct machine *make_copy(void *owner, const struct machine *original)
{
    struct run *run = owner;
    struct network *network = &run->world.network;
    if (run->world.machines_count == WORLD_MACHINES_MAX) return NULL;
    struct machine *machine = world_add(&run->world, network_site(network, original->index));
    machine->is_copy = true;
    machine->settings = original->settings;
    set_text(machine->settings.cluster.address, sizeof machine->settings.cluster.address,
             network_address(network, machine->index));
    disk_copy(&original->disk, &machine->disk);
    return machine;
}

static void put_check(struct run *run)
{
    queue_put(&run->world.queue,
              (struct happening){.time_us = run->world.now_us + SECOND_US, .kind = HAPPENING_CHECK});
}

static void on_happening(void *owner, const struct happening *happening)
{
    struct run *run = owner;
    if (happening->kind == HAPPENING_CHECK) {
        oracle_watch(&run->operators);
        operators_look(&run->operators);
        put_check(run);
    } else {
        faults_on(&run->faults, happening);
    }
}

static void on_log(void *owner, struct machine *machine, const struct effect *line)
{
    struct run *run = owner;
    oracle_on_log(&run->operators, machine, line);
}

static void set_up(struct run *run)
{
    const struct run_settings *settings = run->settings;
    faults_draw(&run->weather, settings->seed, settings->nodes);
    for (int kind = 0; kind < FAULTS_COUNT; kind++) {
        bool has = settings->is_chosen ? settings->has[kind] : run->weather.has[kind];
        run->weather.has[kind] = has && !settings->lacks[kind];
    }
    if (settings->is_chosen) faults_allow_all(&run->weather);
    world_init(&run->world, settings->seed, &run->weather.network, settings->trace_out, settings->with_packets);
    run->world.plant = settings->plant;
    run->world.on_happening = on_happening;
    run->world.on_log = on_log;
    run->world.owner = run;
    dice_init(&run->prng, settings->seed, "run");
    run->has_names = run->weather.has[FAULT_MOVE] || dice_chance(&run->prng, 500);
    operators_init(&run->operators, &run->world, settings->seed);
    run->operators.is_by_hand = run->weather.has[FAULT_BY_HAND] && !settings->is_isolated;
    for (uint32_t i = 0; i < run->weather.nodes; i++)
        add(run, 0);
    /* Not one of the first, whom the others ask first. */
    if (run->weather.has[FAULT_LIAR] && !settings->is_isolated)
        run->world.machines[run->weather.nodes - 1]->is_liar = true;
    for (uint32_t i = 0; i < run->weather.strangers && !settings->is_isolated; i++)
        add(run, 1);
    for (uint32_t i = 0; i < run->world.machines_count; i++) {
        give_peers(run, run->world.machines[i]);
        start_soon(run, run->world.machines[i]);
    }
    put_check(run);
}

/* --- phases --------------------------------------------------------------------------------------------- */

/* Let time go by until all is settled, at most `seconds`; false with `why` when it is not, or on a failure. */
static bool wait_settled(struct run *run, uint64_t seconds, char why[ORACLE_WHY_CHARS])
{
    uint64_t ends_us = run->world.now_us + seconds * SECOND_US;
    bool is_settled = false;
    while (run->world.now_us < ends_us) {
        if (!world_run_until(&run->world, run->world.now_us + SECOND_US)) return false;
        is_settled = oracle_settled(&run->operators, run->settings->is_isolated, why);
        if (is_settled) return true;
    }
    return false;
}

/* What a run must have done to prove anything; NULL when it has. */
static const char *missing(const struct run *run)
{
    const struct network_counts *network = &run->world.network.counts;
    const struct world_counts *world = &run->world.counts;
    const uint64_t *faults = run->faults.counts;
    bool had_fault = network->cut > 0 || network->stalls > 0 || world->crashes > 0 || world->disk_full > 0 ||
                     world->disk_errors > 0 || world->pauses > 0 || run->faults.rot.flipped_count > 0 ||
                     run->world.lies > 0 || run->faults.copy != NULL || faults[FAULT_JUMP] > 0 ||
                     faults[FAULT_DRIFT] > 0;
    if (!had_fault) return "no fault had an effect";
    if (run->operators.counts.documents == 0) return "no operator's change was acknowledged";
    if (run->settings->plant != WORLD_PLANT_NONE && world->planted == 0) return "the planted bug never acted";
    return NULL;
}

static void have_faults(struct run *run)
{
    uint64_t seconds = run->settings->faults_s;
    if (seconds == 0) seconds = dice_between(&run->prng, 60, 600);
    faults_init(&run->faults, &run->weather, &run->world, &run->operators);
    run->faults.join = join;
    run->faults.make_copy = run->settings->is_isolated ? NULL : make_copy;
    run->faults.owner = run;
    if (run->settings->is_isolated) run->faults.settings.has[FAULT_JOIN] = false;
    if (run->settings->is_calm) run->faults.generation++; /* what is in the queue means nothing */
    bool runs_on = world_run_until(&run->world, run->world.now_us + seconds * SECOND_US);
    /* Short ones that have shown nothing yet go on for a while. */
    for (uint64_t more = 0; more < MORE_S_MAX && runs_on && !run->settings->is_calm && missing(run) != NULL;
         more++)
        runs_on = world_run_until(&run->world, run->world.now_us + SECOND_US);
}

/* The copy runs on for a while on a whole network: then it must have been noticed. */
static void end_copy(struct run *run)
{
    if (run->faults.copy == NULL) return;
    if (world_run_until(&run->world, run->world.now_us + COPY_S * SECOND_US)) faults_end_copy(&run->faults);
}

/* A cluster that could not form before the heal is changed now: what is found out about it then is worth
 * something. */
static void change_at_last(struct run *run)
{
    for (uint32_t i = 0; i < CHANGES_MAX && run->operators.counts.documents == 0; i++) {
        struct machine *machine = run->world.machines[i % run->world.machines_count];
        bool is_one = machine->group == 0 && !machine->is_gone && !machine->is_copy && machine->is_ready &&
                      !operators_has_removed(&run->operators, machine->node_id);
        if (is_one) operators_change_documents(&run->operators, machine);
        if (!world_run_until(&run->world, run->world.now_us + SECOND_US)) return;
    }
}

static void heal(struct run *run, struct run_result *result)
{
    char why[ORACLE_WHY_CHARS] = "";
    uint64_t began_us = run->world.now_us;
    uint64_t seconds = SETTLE_S_MAX + SETTLE_NODE_S_MAX * run->world.machines_count;
    faults_end(&run->faults);
    end_copy(run);
    run->world.network.settings.loss = run->world.network.settings.late = 0;
    bool is_settled = wait_settled(run, seconds, why);
    result->settled_us = run->world.now_us - began_us;
    if (is_settled && !run->settings->is_calm) change_at_last(run);
    bool runs_on = world_run_until(&run->world, run->world.now_us + QUIET_S * SECOND_US);
    if (is_settled && runs_on) is_settled = wait_settled(run, AGAIN_S_MAX, why);
    runs_on = run->world.failure[0] == '\0';
    if (!is_settled && runs_on)
        world_fail(&run->world, "%llu s after the heal not everything is equal: %s",
                   (unsigned long long)(result->settled_us / SECOND_US), why);
}

static void judge(struct run *run, struct run_result *result)
{
    const char *what = missing(run);
    if (run->world.failure[0] != '\0') {
        result->verdict = RUN_FAILED;
        memcpy(result->what, run->world.failure, sizeof result->what);
    } else if (what != NULL) {
        result->verdict = RUN_VACUOUS;
        snprintf(result->what, sizeof result->what, "%s", what);
    }
}

static void fill(struct run *run, struct run_result *result)
{
    result->hash = trace_hash(&run->world.trace);
    result->lines_count = run->world.trace.lines_count;
    result->virtual_us = run->world.now_us;
    result->nodes = run->world.machines_count;
    result->sites = run->weather.sites;
    result->world = run->world.counts;
    result->operators = run->operators.counts;
    result->layout_conflicts = oracle_layout_conflicts(&run->operators);
    result->links_broken = run->world.network.counts.broken;
    result->links_stalled = run->world.network.counts.stalls;
    result->datagrams_cut = run->world.network.counts.cut;
    memcpy(result->faults, run->faults.counts, sizeof result->faults);
    result->rotted = run->faults.rot.flipped_count;
    result->rotations = run->faults.rotation.ended_count;
    result->identities_named = run->operators.identities_named;
    result->lies = run->world.lies;
    result->offences = run->world.offences;
    result->liars_named = run->operators.liars_named;
    result->is_by_hand = run->operators.is_by_hand;
}

void run_seed(const struct run_settings *settings, struct run_result *result)
{
    struct run *run = table_take(NULL, sizeof *run);
    char why[ORACLE_WHY_CHARS] = "";
    *run = (struct run){.settings = settings};
    *result = (struct run_result){.verdict = RUN_PASSED};
    set_up(run);
    bool forms_first = dice_chance(&run->prng, 800);
    if (forms_first) (void)wait_settled(run, FORM_S_MAX, why);
    have_faults(run);
    heal(run, result);
    fill(run, result);
    judge(run, result);
    faults_deinit(&run->faults);
    world_deinit(&run->world);
    operators_deinit(&run->operators);
    free(run);
}
