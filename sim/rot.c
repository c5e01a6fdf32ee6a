/* A row that another disk has; and what an operator does about it. */
#include "sim/rot.h"

#include "node/base/hash.h"
#include "sim/dice.h"
#include "sim/table.h"

#include <stdio.h>

/* Does another machine of the cluster have the very same row, on a disk that stays sound? */
static bool is_elsewhere(const struct world *world, const struct machine *machine, const struct row *row)
{
    for (uint32_t i = 0; i < world->machines_count; i++) {
        const struct machine *other = world->machines[i];
        bool is_one = other != machine && !other->is_gone && !other->is_copy && !other->is_liar &&
                      other->group == machine->group &&
                      view_is_member(machine_view(machine), other->node_id, NULL);
        const struct row *same = is_one ? table_get(other->disk.tables[KV_DOCS], row_key(row)) : NULL;
        if (same != NULL && span_is_equal(row_value(same), row_value(row))) return true;
    }
    return false;
}

static void digest_of(const struct row *row, uint8_t digest[16])
{
    static const uint8_t key[HASH_KEY_BYTES] = "a row that rots";
    struct hash_keyed hash;
    struct span value = row_value(row);
    hash_keyed_init(&hash, key);
    hash_keyed_add(&hash, value.bytes, value.length);
    hash_keyed_128(&hash, digest);
}

void rot_begin(struct rot *rot, struct world *world, struct machine *machine, struct prng *prng)
{
    if (machine == NULL || rot->machine != NULL || !machine->settings.cluster.is_enabled) return;
    uint64_t rows = disk_rows_count(&machine->disk, KV_DOCS);
    uint64_t index = dice_below(prng, rows);
    const struct row *row = rows == 0 ? NULL : table_row(machine->disk.tables[KV_DOCS], index);
    if (row == NULL || row->value_bytes == 0 || !is_elsewhere(world, machine, row)) return;
    rot->machine = machine;
    rot->key_bytes = row->key_bytes;
    memcpy(rot->key, row->bytes, row->key_bytes);
    uint64_t bit = dice_below(prng, (uint64_t)row->value_bytes * 8);
    trace_say(&world->trace, TRACE_DECISION, world->now_us, machine->index, "rot", "kind=%c row=%llu bit=%llu",
              rot->key[0], (unsigned long long)index, (unsigned long long)bit);
    rot->flipped_count += disk_flip(&machine->disk, KV_DOCS, index, bit);
    digest_of(table_get(machine->disk.tables[KV_DOCS], span_of(rot->key, rot->key_bytes)), rot->rotten);
}

void rot_end(struct rot *rot, struct world *world)
{
    struct machine *machine = rot->machine;
    bool is_mended = machine == NULL || machine->was_salvaged;
    if (is_mended || machine->is_gone) return;
    const struct row *row = table_get(machine->disk.tables[KV_DOCS], span_of(rot->key, rot->key_bytes));
    uint8_t digest[16];
    if (row == NULL) return; /* the node has taken over the documents of another cluster */
    digest_of(row, digest);
    if (memcmp(digest, rot->rotten, sizeof digest) != 0) return; /* another node's copy has healed it */
    if (machine->is_up) machine_stop(machine, false, "its disk is checked");
    if (machine_check_disk(machine) == 0)
        world_fail(world, "a document of node %u has rotted, and the check of its disk does not find it",
                   machine->index);
    machine_salvage(machine);
}
