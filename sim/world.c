/* The loop: the next happening, to whom it belongs. */
#include "sim/world.h"

#include "sim/dice.h"
#include "sim/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

/* --- what the network tells ----------------------------------------------------------------------------- */

static struct machine *up(struct world *world, uint32_t host)
{
    struct machine *machine = world->machines[host];
    return machine->is_up ? machine : NULL;
}

static void link_event(struct world *world, uint32_t host, struct event *event, uint32_t link)
{
    struct machine *machine = up(world, host);
    if (machine == NULL) return;
    event->link.number = link;
    machine_step(machine, event);
}

static void overhear(struct world *world, struct span bytes)
{
    memcpy(world->overheard, bytes.bytes, bytes.length);
    world->overheard_bytes = bytes.length;
}

static void on_datagram(void *owner, uint32_t host, struct span bytes, struct span from)
{
    struct machine *machine = up(owner, host);
    struct event event = {.kind = EVENT_DATAGRAM};
    event.datagram.bytes = bytes;
    event.datagram.from = from;
    if (machine != NULL && machine->is_liar) overhear(owner, bytes);
    if (machine != NULL) machine_step(machine, &event);
}

static void on_open(void *owner, uint32_t host, uint32_t link, struct span remote)
{
    struct event event = {.kind = EVENT_LINK_OPEN};
    event.link.remote = remote;
    link_event(owner, host, &event, link);
}

static void on_bytes(void *owner, uint32_t host, uint32_t link, struct span bytes)
{
    struct event event = {.kind = EVENT_LINK_BYTES};
    event.link.bytes = bytes;
    link_event(owner, host, &event, link);
}

static void on_sent(void *owner, uint32_t host, uint32_t link)
{
    struct event event = {.kind = EVENT_LINK_SENT};
    link_event(owner, host, &event, link);
}

static void on_gone(void *owner, uint32_t host, uint32_t link, const char *why)
{
    struct event event = {.kind = EVENT_LINK_GONE};
    event.link.why = why;
    link_event(owner, host, &event, link);
}

/* --- life ----------------------------------------------------------------------------------------------- */

void world_init(struct world *world, uint64_t seed, const struct network_settings *network, FILE *trace_out,
                bool with_packets)
{
    const struct network_calls calls = {on_datagram, on_open, on_bytes, on_sent, on_gone, world};
    *world = (struct world){.seed = seed, .read_us = 100, .commit_us = 8000};
    trace_init(&world->trace, trace_out, with_packets);
    queue_init(&world->queue);
    dice_init(&world->prng, seed, "world");
    network_init(&world->network, network, &calls, &world->queue, &world->trace, seed);
}

void world_deinit(struct world *world)
{
    for (uint32_t i = 0; i < world->machines_count; i++) {
        machine_deinit(world->machines[i]);
        free(world->machines[i]);
    }
    network_deinit(&world->network);
    while (world->queue.count > 0) {
        struct happening happening = queue_take(&world->queue);
        if (happening.kind == HAPPENING_DATAGRAM) free(happening.thing);
    }
    queue_deinit(&world->queue);
}

struct machine *world_add(struct world *world, uint32_t site)
{
    assert(world->machines_count < WORLD_MACHINES_MAX);
    uint32_t index = network_add_host(&world->network, site);
    assert(index == world->machines_count);
    struct machine *machine = table_take(NULL, sizeof *machine);
    world->machines[world->machines_count++] = machine;
    machine_init(machine, world, index);
    return machine;
}

void world_fail(struct world *world, const char *format, ...)
{
    char failure[WORLD_FAILURE_CHARS];
    va_list values;
    va_start(values, format);
    vsnprintf(failure, sizeof failure, format, values);
    va_end(values);
    trace_say(&world->trace, TRACE_DECISION, world->now_us, TRACE_NO_NODE, "failed", "what=\"%s\"", failure);
    if (world->failure[0] == '\0') memcpy(world->failure, failure, sizeof failure);
}

const char *world_plant_name(enum world_plant plant)
{
    static const char *const names[WORLD_PLANTS_COUNT] = {"",           "lost-write", "lost-merge",
                                                          "odd-winner", "lost-apply", "suspect-removes"};
    return names[plant];
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static void dispatch(struct world *world, const struct happening *happening)
{
    switch (happening->kind) {
    case HAPPENING_DEADLINE:
    case HAPPENING_READ:
    case HAPPENING_COMMIT:
    case HAPPENING_STORED:
    case HAPPENING_START:
    case HAPPENING_RESTART:
    case HAPPENING_DISK_FAILED:
    case HAPPENING_REQUEST: machine_on(world->machines[happening->node], happening); break;
    case HAPPENING_DATAGRAM:
    case HAPPENING_DIALLED:
    case HAPPENING_ACCEPTED:
    case HAPPENING_PIPE:
    case HAPPENING_SENT:
    case HAPPENING_CLOSED:
    case HAPPENING_RESET: network_step(&world->network, happening); break;
    case HAPPENING_FAULT:
    case HAPPENING_UNDO:
    case HAPPENING_CHECK:
        if (world->on_happening != NULL) world->on_happening(world->owner, happening);
        break;
    }
}

/* What comes to a machine that is paused waits until it goes on, in the order in which it came: its own doings and
 * what the network has for it. Whoever dials it waits, too. */
static bool waits(struct world *world, struct happening *happening)
{
    bool is_of_run = happening->kind == HAPPENING_FAULT || happening->kind == HAPPENING_UNDO ||
                     happening->kind == HAPPENING_CHECK;
    if (is_of_run) return false;
    struct machine *machine = world->machines[happening->node];
    if (!machine->is_up || machine->paused_until_us <= world->now_us) return false;
    if (happening->kind == HAPPENING_DEADLINE && happening->time_us == machine->armed_us)
        machine->armed_us = machine->paused_until_us;
    happening->time_us = machine->paused_until_us;
    return true;
}

bool world_run_until(struct world *world, uint64_t time_us)
{
    for (;;) {
        const struct happening *first = queue_first(&world->queue);
        if (first == NULL || first->time_us > time_us || world->failure[0] != '\0') break;
        struct happening happening = queue_take(&world->queue);
        assert(happening.time_us >= world->now_us);
        world->now_us = happening.time_us;
        if (waits(world, &happening)) {
            queue_put(&world->queue, happening);
        } else {
            dispatch(world, &happening);
        }
    }
    if (world->failure[0] != '\0') return false;
    if (world->now_us < time_us) world->now_us = time_us;
    return true;
}
