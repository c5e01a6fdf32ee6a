/* What each planted bug does to the writes of a machine. */
#include "sim/plant.h"

#include "sim/world.h"

#define SOON_US UINT64_C(20000) /* after the answer, and before anybody else has what was acknowledged */

void plant_acted(struct world *world, uint32_t node)
{
    world->counts.planted++;
    trace_say(&world->trace, TRACE_DECISION, world->now_us, node, "planted", NULL);
}

/* A request's op that makes a layout version. */
static bool is_apply(const struct op *op)
{
    if (op->kind != OP_DOCS_WRITE || op->asker != OP_ASKER_REQUEST) return false;
    for (uint32_t i = 0; i < op->docs.documents_count; i++) {
        if (op->docs.documents[i].key.bytes[0] == DOCUMENT_LAYOUT) return true;
    }
    return false;
}

/* What is there stays, though what came may win: of an op that merges, on a node that has the bug. */
static void keep_own(struct machine *machine, struct op *op)
{
    uint32_t kept_count = 0;
    struct op_document own;
    for (uint32_t i = 0; i < op->docs.documents_count; i++) {
        struct op_document *document = &op->docs.documents[i];
        if (!view_document_of(machine_view(machine), document->key, &own)) continue;
        kept_count += crdt_lww_compare(&own.register_, &document->register_) < 0;
        *document = own;
    }
    if (kept_count > 0) plant_acted(machine->world, machine->index);
}

/* Does the world plant its bug in this op: is it answered as done, and not done? One lost merge would be mended by
 * the next exchange; so one node, the second, loses them all. */
static bool is_planted(struct machine *machine, struct op *op)
{
    struct world *world = machine->world;
    switch (world->plant) {
    case WORLD_PLANT_LOST_MERGE: return op->kind == OP_DOCS_MERGE && machine->index == 1;
    case WORLD_PLANT_LOST_WRITE:
        if (op->kind != OP_DOCS_WRITE) return false;
        world->plant = WORLD_PLANT_NONE;
        return true;
    case WORLD_PLANT_LOST_APPLY:
        if (!is_apply(op)) return false;
        queue_put(&world->queue, (struct happening){.time_us = world->now_us + SOON_US,
                                                    .kind = HAPPENING_DISK_FAILED,
                                                    .node = machine->index,
                                                    .life = machine->life});
        return true;
    case WORLD_PLANT_ODD_WINNER:
        if (op->kind == OP_DOCS_MERGE && machine->index % 2 == 1) keep_own(machine, op);
        return false;
    case WORLD_PLANT_NONE:
    case WORLD_PLANT_SUSPECT_REMOVES:
    case WORLD_PLANTS_COUNT: break;
    }
    return false;
}

void plant_take(struct machine *machine)
{
    struct list *next = NULL;
    for (struct list *link = machine->writes.next; link != &machine->writes; link = next) {
        struct op *op = LIST_OWNER(link, struct op, link);
        next = link->next;
        if (!is_planted(machine, op)) continue;
        list_remove(link);
        op->err = ERR_OK;
        plant_acted(machine->world, machine->index);
        list_append(&machine->answers, link);
    }
}
