/* A node's outside: its effects carried out, its store run, its end at any moment. */
#include "sim/machine.h"

#include "node/store/check.h"
#include "node/store/salvage.h"
#include "sim/dice.h"
#include "sim/plant.h"
#include "sim/world.h"

#include <assert.h>
#include <stdlib.h>

static void put(struct machine *machine, enum happening_kind kind, uint64_t in_us)
{
    queue_put(&machine->world->queue, (struct happening){.time_us = machine->world->now_us + in_us,
                                                         .kind = kind,
                                                         .node = machine->index,
                                                         .life = machine->life});
}

#define SAY(machine, what, ...)                                                                                   \
    trace_say(&(machine)->world->trace, TRACE_DECISION, (machine)->world->now_us, (machine)->index, what,         \
              __VA_ARGS__)

/* --- effects -------------------------------------------------------------------------------------------- */

static void trace_log(struct machine *machine, const struct effect *line)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    char fields[TRACE_LINE_BYTES_MAX / 2] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < line->log.fields_count && used < sizeof fields; i++) {
        const struct effect_field *field = &line->log.fields[i];
        int more = 0;
        if (field->text.bytes != NULL) {
            more = snprintf(fields + used, sizeof fields - used, " %s=%.*s", field->name, (int)field->text.length,
                            (const char *)field->text.bytes);
        } else {
            more = snprintf(fields + used, sizeof fields - used, " %s=%llu", field->name,
                            (unsigned long long)field->number);
        }
        used += more > 0 ? (size_t)more : 0;
    }
    machine->world->counts.logs++;
    SAY(machine, "log", "level=%s event=\"%s\"%s", levels[line->log.level], line->log.event, fields);
    if (machine->world->on_log != NULL) machine->world->on_log(machine->world->owner, machine, line);
}

static void lend(struct machine *machine, struct op *op)
{
    struct world *world = machine->world;
    if (op_is_write(op)) {
        list_append(&machine->writes, &op->link);
        if (!machine->writes_are_due)
            put(machine, HAPPENING_COMMIT, world->commit_us / 4 + dice_below(&world->prng, world->commit_us));
        machine->writes_are_due = true;
    } else {
        list_append(&machine->reads, &op->link);
        if (!machine->reads_are_due) put(machine, HAPPENING_READ, world->read_us);
        machine->reads_are_due = true;
    }
}

static void carry_out(struct machine *machine, struct effect *effect)
{
    struct network *network = &machine->world->network;
    uint64_t now_us = machine->world->now_us;
    uint32_t host = machine->index;
    switch (effect->kind) {
    case EFFECT_READ_BODY:
    case EFFECT_SEND:
    case EFFECT_CLOSE: admin_carry_out(machine, effect); break;
    case EFFECT_STORE: lend(machine, effect->op); break;
    case EFFECT_READY:
        machine->is_ready = true;
        SAY(machine, "ready", "demo=%d", effect->ready.has_demo);
        break;
    case EFFECT_FAILED:
        SAY(machine, "cannot_start", "err=%s", err_name(effect->err));
        machine->wants_salvage = effect->err == ERR_CORRUPT;
        machine->world->counts.rot_refused += machine->wants_salvage;
        put(machine, HAPPENING_DISK_FAILED, 0);
        break;
    case EFFECT_LINK_DIAL: network_dial(network, now_us, host, effect->peer.number, effect->peer.address); break;
    case EFFECT_LINK_SEND: network_send(network, now_us, host, effect->peer.number, effect->peer.bytes); break;
    case EFFECT_LINK_CLOSE: network_close(network, now_us, host, effect->peer.number); break;
    case EFFECT_DATAGRAM:
        network_datagram(network, now_us, host, effect->datagram.address, effect->datagram.bytes);
        break;
    case EFFECT_LOG: trace_log(machine, effect); break;
    case EFFECT_RESTART: put(machine, HAPPENING_RESTART, 0); break;
    }
}

static void arm(struct machine *machine)
{
    struct world *world = machine->world;
    uint64_t deadline_ms = node_deadline_ms(&machine->node);
    if (deadline_ms == UINT64_MAX) return;
    uint64_t at_us = clocks_world_at(&machine->clocks, world->now_us, deadline_ms);
    if (at_us == UINT64_MAX || at_us >= machine->armed_us) return;
    machine->armed_us = at_us;
    put(machine, HAPPENING_DEADLINE, at_us - world->now_us);
}

static void set_clocks(const struct machine *machine, struct event *event)
{
    uint64_t now_us = machine->world->now_us;
    event->now_us = clocks_monotonic_us(&machine->clocks, now_us);
    event->now_ms = event->now_us / 1000;
    event->wall_us = clocks_wall_us(&machine->clocks, now_us);
}

static void step(struct machine *machine, struct event *event)
{
    set_clocks(machine, event);
    machine->world->counts.events++;
    node_step(&machine->node, event, &machine->effects);
}

static void follow(struct machine *machine)
{
    for (struct effect *effect = effects_take(&machine->effects); effect != NULL;
         effect = effects_take(&machine->effects)) {
        carry_out(machine, effect);
    }
    arm(machine);
}

void machine_step(struct machine *machine, struct event *event)
{
    assert(machine->is_up);
    step(machine, event);
    follow(machine);
}

void machine_speak(struct machine *machine, void (*speak)(struct machine *machine, void *with), void *with)
{
    struct event event = {.kind = EVENT_TIME};
    set_clocks(machine, &event);
    cluster_begin(&machine->node.cluster, &event, &machine->effects);
    speak(machine, with);
    follow(machine);
}

/* --- the store ------------------------------------------------------------------------------------------ */

static void put_answers(struct machine *machine)
{
    if (machine->answers_are_due) return;
    machine->answers_are_due = true;
    put(machine, HAPPENING_STORED, 1 + dice_below(&machine->world->prng, 200));
}

/* The edge names each row that an op met and that fails its check (node/edge/rot_log.c). */
static void name_rot(struct machine *machine, const struct list *ops)
{
    for (const struct list *link = ops->next; link != ops; link = link->next) {
        const struct op *op = LIST_OWNER(link, const struct op, link);
        if (op->corrupt.table == NULL) continue;
        machine->world->counts.rot_named++;
        SAY(machine, "rot_named", "table=%s row=%llx", op->corrupt.table, (unsigned long long)op->corrupt.row);
    }
}

static bool has_failed(const struct list *ops, enum err err)
{
    for (const struct list *link = ops->next; link != ops; link = link->next) {
        if (LIST_OWNER(link, const struct op, link)->err == err) return true;
    }
    return false;
}

static void run_writes(struct machine *machine)
{
    struct world *world = machine->world;
    struct list batch;
    list_init(&batch);
    machine->writes_are_due = false;
    plant_take(machine);
    list_move(&batch, &machine->writes);
    if (!list_is_empty(&batch))
        store_run_writes(&machine->store, &batch, clocks_wall_us(&machine->clocks, world->now_us));
    world->counts.commits++;
    world->counts.disk_full += has_failed(&batch, ERR_FULL);
    name_rot(machine, &batch);
    bool has_disk_failed = has_failed(&batch, ERR_IO);
    list_move(&machine->answers, &batch);
    if (has_disk_failed) { /* nothing is acknowledged any more (H18) */
        world->counts.disk_errors++;
        put(machine, HAPPENING_DISK_FAILED, 0);
    } else {
        put_answers(machine);
    }
}

static void run_reads(struct machine *machine)
{
    struct list batch;
    list_init(&batch);
    machine->reads_are_due = false;
    list_move(&batch, &machine->reads);
    store_run_reads(&machine->store, &batch);
    name_rot(machine, &batch);
    list_move(&machine->answers, &batch);
    put_answers(machine);
}

static void tell_answers(struct machine *machine)
{
    struct list answers;
    list_init(&answers);
    machine->answers_are_due = false;
    list_move(&answers, &machine->answers);
    while (!list_is_empty(&answers)) {
        struct op *op = LIST_OWNER(answers.next, struct op, link);
        list_remove(&op->link);
        struct event event = {.kind = EVENT_STORED, .op = op};
        machine_step(machine, &event);
    }
}

/* --- start and stop ------------------------------------------------------------------------------------- */

void machine_init(struct machine *machine, struct world *world, uint32_t index)
{
    *machine = (struct machine){.world = world, .index = index};
    disk_init(&machine->disk);
    list_init(&machine->reads);
    list_init(&machine->writes);
    list_init(&machine->answers);
    effects_init(&machine->effects);
    clocks_init(&machine->clocks, world->now_us, UINT64_C(1000000) * (1 + dice_below(&world->prng, 100000)));
    machine->settings = (struct settings){.region = "garage",
                                          .max_skew_s = 900,
                                          .max_value_bytes = 1 << 20,
                                          .max_batch_bytes = 8 << 20,
                                          .connections_max = MACHINE_ADMIN_SLOTS,
                                          .admin_token = ADMIN_TOKEN};
}

static bool open_store(struct machine *machine)
{
    const uint8_t place[ACTOR_PLACE_BYTES] = {(uint8_t)(machine->index & 255u), (uint8_t)(machine->index >> 8),
                                              machine->was_salvaged ? 2 : 1};
    char message[200];
    uint8_t seed[PRNG_SEED_BYTES];
    prng_bytes(&machine->world->prng, seed, sizeof seed);
    enum err err = store_open(&machine->store, &machine->disk.kv, machine->settings.seal_key, seed, place,
                              message);
    if (err == ERR_OK) return true;
    SAY(machine, "store_closed", "err=%s", err_name(err));
    return false;
}

void machine_start(struct machine *machine)
{
    struct world *world = machine->world;
    uint8_t seed[PRNG_SEED_BYTES];
    assert(!machine->is_up && !machine->is_gone);
    machine->life++;
    if (machine->wants_salvage) machine_salvage(machine);
    if (!open_store(machine)) {
        put(machine, HAPPENING_START, MACHINE_RESTART_US);
        return;
    }
    prng_bytes(&world->prng, seed, sizeof seed);
    bool is_made = node_init(&machine->node, &machine->settings, &machine->store, seed);
    assert(is_made);
    machine->is_up = true;
    machine->is_ready = false;
    machine->armed_us = UINT64_MAX;
    machine->starts_count++;
    world->counts.starts++;
    memcpy(machine->node_id, machine->node.cluster.identity.node_key + 32, sizeof machine->node_id);
    machine->has_node_id = true;
    network_set_host(&world->network, world->now_us, machine->index, NETWORK_UP);
    char id[17] = "";
    hash_hex(machine->node_id, 8, id);
    SAY(machine, "start", "id=%s address=%s", id, network_address(&world->network, machine->index));
    struct event event = {.kind = EVENT_START};
    machine_step(machine, &event);
}

/* What a node that ends asks for is not done; ops are given back as if the disk were gone. */
static void give_back(struct machine *machine)
{
    for (uint32_t rounds = 0;; rounds++) {
        for (struct effect *effect = effects_take(&machine->effects); effect != NULL;
             effect = effects_take(&machine->effects)) {
            if (effect->kind == EFFECT_STORE) list_append(&machine->writes, &effect->op->link);
        }
        list_move(&machine->answers, &machine->reads);
        list_move(&machine->answers, &machine->writes);
        if (list_is_empty(&machine->answers)) return;
        assert(rounds < MACHINE_IO_ENDS_MAX);
        struct op *op = LIST_OWNER(machine->answers.next, struct op, link);
        list_remove(&op->link);
        op->err = ERR_IO;
        struct event event = {.kind = EVENT_STORED, .op = op};
        step(machine, &event);
    }
}

static uint32_t count(const struct list *list)
{
    uint32_t ops = 0;
    for (const struct list *link = list->next; link != list; link = link->next)
        ops++;
    return ops;
}

/* Close everything; the disk stays as it is. */
static void end(struct machine *machine)
{
    machine->world->counts.commits_lost += count(&machine->writes);
    machine->life++; /* no happening of this life finds it any more */
    admin_stop(machine);
    give_back(machine);
    node_deinit(&machine->node);
    store_close(&machine->store);
    machine->is_up = false;
    machine->is_ready = false;
    machine->paused_until_us = 0;
    machine->reads_are_due = machine->writes_are_due = machine->answers_are_due = false;
}

void machine_stop(struct machine *machine, bool loses_power, const char *why)
{
    struct world *world = machine->world;
    machine->life++;
    if (machine->is_up) {
        SAY(machine, "stop", "why=\"%s\" power=%s", why, loses_power ? "lost" : "on");
        world->counts.crashes++;
        world->counts.power_losses += loses_power;
        end(machine);
        disk_crash(&machine->disk);
    }
    network_set_host(&world->network, world->now_us, machine->index, loses_power ? NETWORK_DARK : NETWORK_CLOSED);
    if (loses_power)
        clocks_reboot(&machine->clocks, world->now_us, UINT64_C(1000000) * (1 + dice_below(&world->prng, 100)));
}

void machine_deinit(struct machine *machine)
{
    if (machine->is_up) end(machine);
    disk_deinit(&machine->disk);
}

static void restart(struct machine *machine)
{
    machine->world->counts.restarts++;
    SAY(machine, "restart", NULL);
    end(machine);
    network_set_host(&machine->world->network, machine->world->now_us, machine->index, NETWORK_CLOSED);
    machine_start(machine);
}

/* --- what others do to it ------------------------------------------------------------------------------- */

void machine_pause(struct machine *machine, uint64_t for_us)
{
    uint64_t until_us = machine->world->now_us + for_us;
    assert(machine->is_up);
    if (until_us <= machine->paused_until_us) return;
    machine->paused_until_us = until_us;
    machine->world->counts.pauses++;
    admin_excuse(machine, for_us);
    SAY(machine, "pause", "for_ms=%llu", (unsigned long long)(for_us / 1000));
}

void machine_settings_changed(struct machine *machine)
{
    if (machine->is_up) node_settings_changed(&machine->node);
}

void machine_salvage(struct machine *machine)
{
    struct disk sound;
    struct salvage_report report = {0};
    uint8_t hash_key[HASH_KEY_BYTES];
    assert(!machine->is_up);
    disk_init(&sound);
    enum err err = salvage_open_secrets(&machine->disk.kv, machine->settings.seal_key, hash_key);
    if (err == ERR_OK) err = salvage_run(&machine->disk.kv, &sound.kv, hash_key, &machine->world->prng, &report);
    assert(err == ERR_OK); /* only documents rot here, and memory does not end */
    SAY(machine, "salvage", "kept=%llu dropped=%llu", (unsigned long long)report.kept[KV_DOCS],
        (unsigned long long)report.dropped[KV_DOCS]);
    disk_deinit(&machine->disk);
    disk_copy(&sound, &machine->disk);
    disk_deinit(&sound);
    machine->wants_salvage = false;
    machine->was_salvaged = true;
    machine->world->counts.salvages++;
}

uint64_t machine_check_disk(struct machine *machine)
{
    struct check_walk walk = {0};
    struct op op = {.kind = OP_CHECK};
    struct arena arena;
    uint64_t findings = 0;
    uint8_t hash_key[HASH_KEY_BYTES];
    struct kv_txn *txn = NULL;
    arena_init(&arena, UINT64_C(64) << 20);
    enum err err = salvage_open_secrets(&machine->disk.kv, machine->settings.seal_key, hash_key);
    assert(err == ERR_OK);
    op.arena = &arena;
    op.check.walk = &walk;
    while (!walk.is_end && kv_begin(&machine->disk.kv, false, &txn) == ERR_OK) {
        check_run(hash_key, txn, &op);
        kv_abort(txn);
        assert(op.err == ERR_OK);
    }
    findings = walk.findings;
    arena_deinit(&arena);
    SAY(machine, "disk_checked", "findings=%llu", (unsigned long long)findings);
    return findings;
}

/* --- happenings ----------------------------------------------------------------------------------------- */

static void on_deadline(struct machine *machine, uint64_t time_us)
{
    if (time_us != machine->armed_us) return; /* a sooner one came in between */
    machine->armed_us = UINT64_MAX;
    uint64_t now_ms = clocks_monotonic_us(&machine->clocks, time_us) / 1000;
    if (node_deadline_ms(&machine->node) > now_ms) {
        arm(machine);
        return;
    }
    struct event event = {.kind = EVENT_TIME};
    machine_step(machine, &event);
}

void machine_on(struct machine *machine, const struct happening *happening)
{
    if (happening->life != machine->life) return;
    switch (happening->kind) {
    case HAPPENING_START:
        if (!machine->is_up && !machine->is_gone) machine_start(machine);
        break;
    case HAPPENING_DEADLINE: on_deadline(machine, happening->time_us); break;
    case HAPPENING_READ: run_reads(machine); break;
    case HAPPENING_COMMIT: run_writes(machine); break;
    case HAPPENING_STORED: tell_answers(machine); break;
    case HAPPENING_REQUEST: admin_on(machine, happening->value); break;
    case HAPPENING_RESTART: restart(machine); break;
    case HAPPENING_DISK_FAILED:
        machine_stop(machine, false, "the disk failed");
        put(machine, HAPPENING_START, machine->wants_salvage ? MACHINE_REPAIR_US : MACHINE_RESTART_US);
        break;
    case HAPPENING_DATAGRAM:
    case HAPPENING_DIALLED:
    case HAPPENING_ACCEPTED:
    case HAPPENING_PIPE:
    case HAPPENING_SENT:
    case HAPPENING_CLOSED:
    case HAPPENING_RESET:
    case HAPPENING_FAULT:
    case HAPPENING_UNDO:
    case HAPPENING_CHECK: assert(false); break;
    }
}

const struct view *machine_view(const struct machine *machine)
{
    return machine->is_up ? machine->node.requests.service.view : NULL;
}

bool machine_is_member(const struct machine *machine)
{
    return machine->is_up && machine->node.cluster.identity.is_member;
}
