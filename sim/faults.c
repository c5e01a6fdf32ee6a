/* One fault at a time is drawn; what it must undo is put into the queue with it. */
#include "sim/faults.h"

#include "sim/dice.h"
#include "sim/table.h"

#include <assert.h>
#include <stdlib.h>

#define SECOND_US    UINT64_C(1000000)
#define CHANGE_US    UINT64_C(12000)  /* an operator's change takes about so long */
#define PAUSE_US_MAX (90 * SECOND_US) /* longer than suspicion takes, of seven nodes or of fifty */

enum { JOINS_MAX = 4, LEAVES_MAX = 3 };

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[FAULTS_COUNT] = {
        "cut",   "flap",   "crash", "power", "full",    "disk_error", "jump", "drift",   "move",      "join",
        "leave", "return", "pause", "rot",   "secrets", "copy",       "liar", "by_hand", "documents", "layouts"};
    return names[kind];
}

/* --- the weather ---------------------------------------------------------------------------------------- */

static uint32_t draw_nodes(struct prng *prng)
{
    uint64_t draw = dice_below(prng, 100);
    if (draw < 65) return (uint32_t)dice_between(prng, 3, 7);
    if (draw < 95) return (uint32_t)dice_between(prng, 8, 15);
    return (uint32_t)dice_between(prng, 16, 50);
}

static void draw_network(struct network_settings *network, struct prng *prng)
{
    *network = (struct network_settings){.near_us = dice_between(prng, 50, 1000),
                                         .far_us = dice_between(prng, 1000, 150000),
                                         .jitter_per_cent = (uint32_t)dice_between(prng, 0, 100),
                                         .link_patience_us = dice_between(prng, 5, 60) * SECOND_US,
                                         .cuts_bytes = dice_chance(prng, 500)};
    if (dice_chance(prng, 500)) network->loss = (uint32_t)dice_between(prng, 1, 150);
    if (dice_chance(prng, 400)) network->repeat = (uint32_t)dice_between(prng, 1, 100);
    if (dice_chance(prng, 400)) network->late = (uint32_t)dice_between(prng, 1, 200);
    network->late_us = dice_between(prng, 1000, 2000000);
    if (dice_chance(prng, 300)) network->far_bytes_per_s = dice_between(prng, 20000, 10000000);
}

/* Most seeds have few kinds, so that one fault does not hide behind another; some have nearly all. At least one of
 * those that disturb, or the run would be vacuous. */
static void draw_kinds(bool has[FAULTS_COUNT], struct prng *prng)
{
    uint64_t draw = dice_below(prng, 100);
    uint32_t per_mille = draw < 50 ? 150 : draw < 80 ? 350 : 650;
    uint32_t disturbing = 0;
    for (int kind = 0; kind < FAULTS_COUNT; kind++) {
        has[kind] = dice_chance(prng, per_mille);
    }
    /* Nodes that have no peers in their files, and have all moved, find each other by an operator's word only. */
    if (has[FAULT_BY_HAND]) has[FAULT_MOVE] = false;
    for (int kind = 0; kind <= FAULT_DRIFT; kind++)
        disturbing += has[kind];
    if (disturbing == 0) has[dice_below(prng, FAULT_DRIFT + 1)] = true;
    has[FAULT_DOCUMENTS] = true; /* without changes nothing can diverge */
    if (has[FAULT_RETURN]) has[FAULT_LEAVE] = true;
    /* A liar's documents are as good as anybody's, so much less can be checked beside one. */
    has[FAULT_LIAR] = has[FAULT_LIAR] && dice_chance(prng, 400);
    has[FAULT_COPY] = has[FAULT_COPY] && !has[FAULT_LIAR];
}

void faults_draw(struct faults_settings *settings, uint64_t seed, uint32_t nodes)
{
    struct prng prng;
    dice_init(&prng, seed, "weather");
    *settings = (struct faults_settings){.nodes = draw_nodes(&prng)};
    if (nodes != 0) settings->nodes = nodes;
    settings->sites = (uint32_t)dice_between(&prng, 1, 5);
    draw_kinds(settings->has, &prng);
    settings->joins_max = settings->has[FAULT_JOIN] ? (uint32_t)dice_between(&prng, 1, JOINS_MAX) : 0;
    settings->leaves_max = settings->has[FAULT_LEAVE] ? (uint32_t)dice_between(&prng, 1, LEAVES_MAX) : 0;
    if (dice_chance(&prng, 200)) settings->strangers = (uint32_t)dice_between(&prng, 1, 3);
    settings->every_us = dice_between(&prng, 1, 10) * SECOND_US;
    settings->lasts_us = dice_between(&prng, 5, 180) * SECOND_US;
    draw_network(&settings->network, &prng);
}

void faults_allow_all(struct faults_settings *settings)
{
    settings->joins_max = JOINS_MAX;
    settings->leaves_max = LEAVES_MAX;
}

/* --- cuts ----------------------------------------------------------------------------------------------- */

/* Some hosts from the rest. */
struct fault_cut {
    struct fault_cut *next;
    bool is_inside[WORLD_MACHINES_MAX];
    bool outward, inward; /* which ways are cut */
    bool is_cut;
    uint32_t flaps; /* how often it is still to change */
};

static void cut_set(struct faults *faults, struct fault_cut *cut, bool is_cut)
{
    struct network *network = &faults->world->network;
    void (*set)(struct network *, uint32_t, uint32_t) = is_cut ? network_cut : network_heal;
    uint32_t hosts = faults->world->machines_count;
    for (uint32_t from = 0; from < hosts; from++) {
        for (uint32_t to = 0; to < hosts; to++) {
            if (cut->is_inside[from] && !cut->is_inside[to] && cut->outward) set(network, from, to);
            if (!cut->is_inside[from] && cut->is_inside[to] && cut->inward) set(network, from, to);
        }
    }
    cut->is_cut = is_cut;
}

static void put(struct faults *faults, enum happening_kind kind, uint64_t in_us, uint64_t value, void *thing)
{
    queue_put(&faults->world->queue, (struct happening){.time_us = faults->world->now_us + in_us,
                                                        .kind = kind,
                                                        .life = faults->generation,
                                                        .value = value,
                                                        .thing = thing});
}

static uint64_t draw_duration(struct faults *faults)
{
    return dice_between(&faults->prng, SECOND_US / 2, faults->settings.lasts_us);
}

static void begin_cut(struct faults *faults, bool flaps)
{
    struct fault_cut *cut = table_take(NULL, sizeof *cut);
    struct world *world = faults->world;
    uint32_t hosts = world->machines_count;
    uint32_t inside = 0;
    *cut = (struct fault_cut){.next = faults->cuts, .outward = true, .inward = true};
    faults->cuts = cut;
    uint64_t shape = dice_below(&faults->prng, 3);
    uint32_t chosen = (uint32_t)dice_below(&faults->prng, hosts);
    for (uint32_t host = 0; host < hosts; host++) {
        bool is_site = network_site(&world->network, host) == network_site(&world->network, chosen);
        cut->is_inside[host] = shape == 0   ? is_site
                               : shape == 1 ? host == chosen
                                            : dice_chance(&faults->prng, 500);
        inside += cut->is_inside[host];
    }
    if (inside == 0 || inside == hosts) {
        cut->is_inside[chosen] = !cut->is_inside[chosen];
        inside = inside == 0 ? 1 : hosts - 1;
    }
    if (dice_chance(&faults->prng, 300)) {
        cut->outward = dice_chance(&faults->prng, 500);
        cut->inward = !cut->outward;
    }
    if (flaps) cut->flaps = (uint32_t)dice_between(&faults->prng, 3, 12);
    uint64_t for_us = flaps ? dice_between(&faults->prng, SECOND_US / 5, 8 * SECOND_US) : draw_duration(faults);
    trace_say(&world->trace, TRACE_DECISION, world->now_us, chosen, flaps ? "flap" : "cut",
              "inside=%u outside=%u outward=%d inward=%d for_ms=%llu", inside, hosts - inside, cut->outward,
              cut->inward, (unsigned long long)(for_us / 1000));
    cut_set(faults, cut, true);
    put(faults, HAPPENING_UNDO, for_us, FAULT_CUT, cut);
}

static void undo_cut(struct faults *faults, struct fault_cut *cut)
{
    cut_set(faults, cut, !cut->is_cut);
    trace_say(&faults->world->trace, TRACE_DECISION, faults->world->now_us, TRACE_NO_NODE,
              cut->is_cut ? "cut_again" : "heal", "flaps=%u", cut->flaps);
    if (cut->flaps > 0 || cut->is_cut) {
        if (cut->flaps > 0) cut->flaps--;
        put(faults, HAPPENING_UNDO, dice_between(&faults->prng, SECOND_US / 5, 8 * SECOND_US), FAULT_CUT, cut);
    }
}

/* --- machines ------------------------------------------------------------------------------------------- */

/* A machine that is up; NULL when the draw finds none. */
static struct machine *draw_machine(struct faults *faults)
{
    struct world *world = faults->world;
    struct machine *machine = world->machines[dice_below(&faults->prng, world->machines_count)];
    bool is_one = machine->is_up && !machine->is_gone && !machine->is_copy && !machine->is_liar;
    return is_one ? machine : NULL;
}

/* The same, ready for an operator's request. */
static struct machine *draw_ready(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    bool may_ask = machine != NULL && machine->is_ready && machine->paused_until_us <= faults->world->now_us &&
                   !operators_has_removed(faults->operators, machine->node_id) && machine->group == 0 &&
                   (!machine->settings.cluster.is_enabled || machine_is_member(machine));
    return may_ask ? machine : NULL;
}

static void start_later(struct faults *faults, struct machine *machine, uint64_t in_us)
{
    queue_put(&faults->world->queue, (struct happening){.time_us = faults->world->now_us + in_us,
                                                        .kind = HAPPENING_START,
                                                        .node = machine->index,
                                                        .life = machine->life});
}

static void stop_for_a_while(struct faults *faults, struct machine *machine, bool loses_power)
{
    machine_stop(machine, loses_power, "a fault");
    start_later(faults, machine,
                dice_chance(&faults->prng, 500) ? dice_below(&faults->prng, 2 * SECOND_US)
                                                : draw_duration(faults));
}

static void crash(struct faults *faults, bool loses_power)
{
    struct machine *machine = draw_machine(faults);
    if (machine != NULL) stop_for_a_while(faults, machine, loses_power);
}

static void use_address(struct machine *machine)
{
    const char *address = network_address(&machine->world->network, machine->index);
    snprintf(machine->settings.cluster.address, sizeof machine->settings.cluster.address, "%s", address);
}

static void move(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    struct world *world = faults->world;
    uint32_t former = UINT32_MAX;
    if (machine == NULL) return;
    for (uint32_t i = 0; i < world->machines_count; i++) {
        if (i != machine->index && !world->machines[i]->is_up) former = i;
    }
    machine_stop(machine, true, "it moves");
    network_readdress(&world->network, machine->index, former);
    use_address(machine);
    if (former != UINT32_MAX) use_address(world->machines[former]);
    trace_say(&world->trace, TRACE_DECISION, world->now_us, machine->index, "move", "address=%s",
              network_address(&world->network, machine->index));
    start_later(faults, machine, dice_between(&faults->prng, SECOND_US / 10, 30 * SECOND_US));
}

static void leave(struct faults *faults)
{
    struct machine *machine = draw_ready(faults);
    struct machine *removed = draw_machine(faults);
    if (faults->rot.machine != NULL) return; /* perhaps only this one still has what has rotted elsewhere */
    if (machine == NULL || removed == NULL || machine == removed || faults->leaves >= faults->settings.leaves_max)
        return;
    if (!machine_is_member(removed) || removed->group != 0 || removed == faults->original ||
        operators_has_removed(faults->operators, removed->node_id))
        return;
    faults->leaves++;
    operators_remove(faults->operators, machine, removed, dice_chance(&faults->prng, 700));
}

static void bring_back(struct faults *faults)
{
    struct machine *machine = draw_ready(faults);
    struct world *world = faults->world;
    for (uint32_t i = 0; machine != NULL && i < world->machines_count; i++) {
        struct machine *removed = world->machines[i];
        const struct removal *removal = operators_removal(faults->operators, removed->node_id);
        bool is_there = removed->is_up && removed->is_ready && removed->paused_until_us <= world->now_us;
        if (!is_there || removal == NULL) continue;
        operators_bring_back(faults->operators, machine, removed, dice_chance(&faults->prng, 300));
        break;
    }
}

static void pause_machine(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    if (machine != NULL) machine_pause(machine, dice_between(&faults->prng, 2 * SECOND_US, PAUSE_US_MAX));
}

/* --- a copy --------------------------------------------------------------------------------------------- */

static void begin_copy(struct faults *faults)
{
    struct machine *machine = draw_ready(faults);
    if (machine == NULL || faults->copy != NULL || faults->make_copy == NULL) return;
    faults->copy = faults->make_copy(faults->owner, machine);
    if (faults->copy == NULL) return;
    faults->original = machine;
    trace_say(&faults->world->trace, TRACE_DECISION, faults->world->now_us, faults->copy->index, "copy", "of=%u",
              machine->index);
    machine_start(faults->copy);
}

void faults_end_copy(struct faults *faults)
{
    struct machine *copy = faults->copy;
    if (copy == NULL || copy->is_gone) return;
    bool is_wanted = !operators_has_removed(faults->operators, copy->node_id);
    if (is_wanted && faults->operators->identities_named == 0)
        world_fail(faults->world, "node %u runs twice, the other one is %u, and nobody has named it",
                   faults->original->index, copy->index);
    copy->is_gone = true;
    machine_stop(copy, true, "it is a copy");
}

/* --- disks and clocks ----------------------------------------------------------------------------------- */

static void fill_disk(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    if (machine == NULL) return;
    machine->disk.is_full = true;
    trace_say(&faults->world->trace, TRACE_DECISION, faults->world->now_us, machine->index, "disk_full", NULL);
    put(faults, HAPPENING_UNDO, draw_duration(faults), FAULT_DISK_FULL, machine);
}

static void fail_disk(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    if (machine == NULL) return;
    uint64_t calls = dice_between(&faults->prng, 1, 6);
    disk_fail_next(&machine->disk, calls, ERR_IO);
    trace_say(&faults->world->trace, TRACE_DECISION, faults->world->now_us, machine->index, "disk_error",
              "in=%llu", (unsigned long long)calls);
}

static void jump(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    if (machine == NULL) return;
    uint64_t by_us = dice_between(&faults->prng, 1, dice_chance(&faults->prng, 200) ? 86400 : 1200) * SECOND_US;
    int64_t signed_us = dice_chance(&faults->prng, 500) ? (int64_t)by_us : -(int64_t)by_us;
    clocks_jump(&machine->clocks, signed_us);
    trace_say(&faults->world->trace, TRACE_DECISION, faults->world->now_us, machine->index, "jump", "by_s=%lld",
              (long long)(signed_us / (int64_t)SECOND_US));
}

static void drift(struct faults *faults)
{
    struct machine *machine = draw_machine(faults);
    if (machine == NULL) return;
    int64_t ppm = (int64_t)dice_below(&faults->prng, 2001) - 1000;
    clocks_set_drift(&machine->clocks, faults->world->now_us, ppm);
    trace_say(&faults->world->trace, TRACE_DECISION, faults->world->now_us, machine->index, "drift", "ppm=%lld",
              (long long)ppm);
}

/* --- the secret ----------------------------------------------------------------------------------------- */

static void put_rotation(struct faults *faults)
{
    put(faults, HAPPENING_UNDO, dice_between(&faults->prng, SECOND_US / 10, 3 * SECOND_US), FAULT_SECRETS, NULL);
}

static void begin_rotation(struct faults *faults)
{
    if (rotation_is_under_way(&faults->rotation)) return;
    rotation_begin(&faults->rotation, faults->world);
    put_rotation(faults);
}

/* --- operators ------------------------------------------------------------------------------------------ */

static void change_documents(struct faults *faults)
{
    uint64_t times = dice_between(&faults->prng, 1, 4);
    while (times-- > 0) {
        struct machine *machine = draw_ready(faults);
        if (machine == NULL) continue;
        operators_change_documents(faults->operators, machine);
        /* By itself a crash hardly ever falls between a write and its answer. */
        if (faults->settings.has[FAULT_POWER] && dice_chance(&faults->prng, 100))
            put(faults, HAPPENING_UNDO, dice_below(&faults->prng, CHANGE_US), FAULT_POWER, machine);
    }
}

static void change_layout(struct faults *faults)
{
    struct machine *machine = draw_ready(faults);
    struct machine *other = draw_ready(faults);
    if (machine == NULL || !machine->settings.cluster.is_enabled) return;
    operators_change_layout(faults->operators, machine);
    if (other != NULL && other != machine && dice_chance(&faults->prng, 500))
        operators_change_layout(faults->operators, other);
}

/* --- the life of a fault -------------------------------------------------------------------------------- */

static void put_next(struct faults *faults)
{
    put(faults, HAPPENING_FAULT, dice_between(&faults->prng, 1, 2 * faults->settings.every_us), 0, NULL);
}

void faults_init(struct faults *faults, const struct faults_settings *settings, struct world *world,
                 struct operators *operators)
{
    *faults = (struct faults){.world = world, .operators = operators, .settings = *settings};
    dice_init(&faults->prng, world->seed, "faults");
    put_next(faults);
}

void faults_deinit(struct faults *faults)
{
    while (faults->cuts != NULL) {
        struct fault_cut *cut = faults->cuts;
        faults->cuts = cut->next;
        free(cut);
    }
}

static void begin(struct faults *faults, enum fault_kind kind)
{
    faults->counts[kind]++;
    switch (kind) {
    case FAULT_CUT: begin_cut(faults, false); break;
    case FAULT_FLAP: begin_cut(faults, true); break;
    case FAULT_CRASH: crash(faults, false); break;
    case FAULT_POWER: crash(faults, true); break;
    case FAULT_DISK_FULL: fill_disk(faults); break;
    case FAULT_DISK_ERROR: fail_disk(faults); break;
    case FAULT_JUMP: jump(faults); break;
    case FAULT_DRIFT: drift(faults); break;
    case FAULT_MOVE: move(faults); break;
    case FAULT_JOIN:
        if (faults->join == NULL || faults->joins >= faults->settings.joins_max) break;
        faults->joins++;
        faults->join(faults->owner, faults);
        break;
    case FAULT_LEAVE: leave(faults); break;
    case FAULT_RETURN: bring_back(faults); break;
    case FAULT_PAUSE: pause_machine(faults); break;
    case FAULT_ROT: rot_begin(&faults->rot, faults->world, draw_ready(faults), &faults->prng); break;
    case FAULT_SECRETS: begin_rotation(faults); break;
    case FAULT_COPY: begin_copy(faults); break;
    case FAULT_LIAR: liar_lie(faults->world, &faults->prng); break;
    case FAULT_BY_HAND: break; /* it is so from the beginning */
    case FAULT_DOCUMENTS: change_documents(faults); break;
    case FAULT_LAYOUTS: change_layout(faults); break;
    case FAULTS_COUNT: assert(false); break;
    }
}

static void on_fault(struct faults *faults)
{
    enum fault_kind kinds[FAULTS_COUNT + 3] = {FAULT_DOCUMENTS, FAULT_DOCUMENTS, FAULT_DOCUMENTS};
    uint32_t count = 3; /* without changes nothing can come apart */
    for (int kind = 0; kind < FAULTS_COUNT; kind++) {
        if (faults->settings.has[kind] && kind != FAULT_BY_HAND) kinds[count++] = (enum fault_kind)kind;
    }
    begin(faults, kinds[dice_below(&faults->prng, count)]);
    put_next(faults);
}

static void on_undo(struct faults *faults, enum fault_kind kind, void *thing)
{
    struct machine *machine = thing;
    if (kind == FAULT_CUT) {
        undo_cut(faults, thing);
    } else if (kind == FAULT_POWER) {
        if (machine->is_up) stop_for_a_while(faults, machine, true);
    } else if (kind == FAULT_SECRETS) {
        if (rotation_step(&faults->rotation, faults->world)) put_rotation(faults);
    } else {
        machine->disk.is_full = false;
    }
}

void faults_on(struct faults *faults, const struct happening *happening)
{
    if (happening->life != faults->generation) return; /* all was healed since */
    if (happening->kind == HAPPENING_UNDO) {
        on_undo(faults, (enum fault_kind)happening->value, happening->thing);
    } else {
        on_fault(faults);
    }
}

void faults_end(struct faults *faults)
{
    struct world *world = faults->world;
    faults->generation++;
    trace_say(&world->trace, TRACE_DECISION, world->now_us, TRACE_NO_NODE, "heal_all", NULL);
    network_heal_all(&world->network);
    while (rotation_is_under_way(&faults->rotation))
        (void)rotation_step(&faults->rotation, world);
    rot_end(&faults->rot, world);
    for (uint32_t i = 0; i < world->machines_count; i++) {
        struct machine *machine = world->machines[i];
        if (machine->is_liar && !machine->is_gone) {
            machine->is_gone = true;
            machine_stop(machine, true, "it lies");
        }
        machine->disk.is_full = false;
        disk_fail_next(&machine->disk, 0, ERR_OK);
        clocks_set_drift(&machine->clocks, world->now_us, 0);
        clocks_jump(&machine->clocks, -clocks_wall_error_us(&machine->clocks, world->now_us));
        if (!machine->is_up && !machine->is_gone) start_later(faults, machine, SECOND_US);
    }
}
