/* Three rounds over all machines of the cluster. */
#include "sim/rotation.h"

bool rotation_is_under_way(const struct rotation *rotation)
{
    return rotation->phase > 0;
}

void rotation_begin(struct rotation *rotation, const struct world *world)
{
    rotation->phase = 1;
    rotation->next = 0;
    rotation->begun_count++;
    memcpy(rotation->former, world->machines[0]->settings.cluster.secrets[0], LINK_SECRET_BYTES);
    memset(rotation->latter, 'A' + (int)(rotation->begun_count % 26), LINK_SECRET_BYTES);
}

static void change(const struct rotation *rotation, struct machine *machine)
{
    struct cluster_settings *cluster = &machine->settings.cluster;
    const uint8_t *first = rotation->phase == 1 ? rotation->former : rotation->latter;
    const uint8_t *second = rotation->phase == 1 ? rotation->latter : rotation->former;
    memset(cluster->secrets, 0, sizeof cluster->secrets);
    memcpy(cluster->secrets[0], first, LINK_SECRET_BYTES);
    if (rotation->phase < 3) memcpy(cluster->secrets[1], second, LINK_SECRET_BYTES);
    cluster->secrets_count = rotation->phase < 3 ? 2 : 1;
    trace_say(&machine->world->trace, TRACE_DECISION, machine->world->now_us, machine->index, "secret", "phase=%u",
              rotation->phase);
    machine_settings_changed(machine);
}

bool rotation_step(struct rotation *rotation, struct world *world)
{
    while (rotation->next < world->machines_count && world->machines[rotation->next]->group != 0)
        rotation->next++;
    if (rotation->next < world->machines_count) {
        change(rotation, world->machines[rotation->next++]);
        return true;
    }
    rotation->next = 0;
    rotation->phase = (rotation->phase + 1) % 4;
    rotation->ended_count += rotation->phase == 0;
    return rotation->phase > 0;
}
