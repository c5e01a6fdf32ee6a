/* The checks, in the order of oracle.h. */
#include "sim/oracle.h"

#include "node/cluster/history.h"
#include "sim/table.h"

#include <assert.h>
#include <stdio.h>

enum {
    STUCK_US = 120 * 1000 * 1000,
    HEARD_LIES = 20, /* over links, each an offence: of so many one reached somebody, whatever was cut */
};

static struct machine *machine_at(const struct operators *operators, uint32_t index)
{
    return operators->world->machines[index];
}

static bool say(char why[ORACLE_WHY_CHARS], const char *text, uint32_t node, uint32_t other)
{
    snprintf(why, ORACLE_WHY_CHARS, "node %u: %s (node %u)", node, text, other);
    return false;
}

/* --- at any moment -------------------------------------------------------------------------------------- */

/* What a node was heard to announce is never replaced by something older, as long as the hearer runs. */
static void watch_incarnations(struct operators *operators, const struct machine *machine)
{
    struct world *world = operators->world;
    struct oracle_heard *heard = operators->heard[machine->index];
    if (heard == NULL) {
        heard = operators->heard[machine->index] = table_take(NULL, WORLD_MACHINES_MAX * sizeof *heard);
        memset(heard, 0, WORLD_MACHINES_MAX * sizeof *heard);
    }
    for (uint32_t i = 0; i < world->machines_count; i++) {
        const struct machine *other = world->machines[i];
        const struct member *member = members_find(&machine->node.cluster.members, other->node_id);
        if (member == NULL || member->is_self || !member->has_announcement) continue;
        uint64_t incarnation = member->announcement.incarnation;
        if (operators_has_removed(operators, machine->node_id) || operators_has_removed(operators, other->node_id))
            continue; /* who is taken out is forgotten, and forgets */
        if (heard[i].life == machine->life && incarnation < heard[i].incarnation)
            world_fail(world, "node %u goes back to an older announcement of node %u", machine->index, i);
        heard[i] = (struct oracle_heard){machine->life, incarnation};
    }
}

static void watch_removals(struct operators *operators, const struct machine *machine)
{
    struct world *world = operators->world;
    for (uint32_t i = 0; i < world->machines_count; i++) {
        const struct machine *other = world->machines[i];
        bool was_removed = false; /* also of a liar: that is no reason */
        if (!other->has_node_id || view_is_member(machine_view(machine), other->node_id, &was_removed)) continue;
        if (was_removed && !operators_has_removed(operators, other->node_id))
            world_fail(world, "node %u holds node %u for removed, and nobody removed it", machine->index, i);
    }
}

static void watch_promises(struct operators *operators, const struct machine *machine)
{
    char why[PROMISES_WHY_CHARS];
    if (machine->was_salvaged || operators_has_removed(operators, machine->node_id)) return;
    if (promises_are_kept(&operators->promises, machine, why)) return;
    world_fail(operators->world, "node %u acknowledged what it has no more: %s", machine->index, why);
}

static void watch_facts(struct operators *operators, const struct machine *machine)
{
    if (machine->was_salvaged) return; /* it gets back from the others what has rotted */
    if (operators_has_removed(operators, machine->node_id)) return; /* and what the cluster has, when it is back */
    for (uint32_t i = 0; i < operators->facts_count; i++) {
        const struct fact *fact = &operators->facts[i];
        if (fact->state != FACT_DONE || fact->machine != machine->index) continue;
        if (!operators_has_fact(machine_view(machine), fact))
            world_fail(operators->world, "node %u acknowledged %s and has it no more", machine->index, fact->name);
    }
}

void oracle_watch(struct operators *operators)
{
    struct world *world = operators->world;
    for (uint32_t i = 0; i < world->machines_count; i++) {
        struct machine *machine = world->machines[i];
        if (!machine->is_up || !machine->is_ready || machine->is_copy || machine->is_liar) continue;
        watch_incarnations(operators, machine);
        watch_removals(operators, machine);
        watch_facts(operators, machine);
        watch_promises(operators, machine);
        if (admin_oldest_us(machine) > STUCK_US)
            world_fail(world, "node %u does not answer an operator's request", machine->index);
    }
}

/* Is, or was, there a copy of it? */
static bool is_doubled(const struct world *world, const struct machine *machine)
{
    for (uint32_t i = 0; i < world->machines_count; i++) {
        const struct machine *other = world->machines[i];
        if (other != machine && other->is_copy && memcmp(other->node_id, machine->node_id, 32) == 0) return true;
    }
    return false;
}

/* --- logs ----------------------------------------------------------------------------------------------- */

static bool is_event(const struct effect *line, const char *words)
{
    return strstr(line->log.event, words) != NULL;
}

/* Whom a line names, by the first half of its id; NULL when it names nobody of this world. */
static const struct machine *named_in(const struct world *world, const struct effect *line)
{
    char id[17] = "";
    for (uint32_t i = 0; i < line->log.fields_count; i++) {
        const struct effect_field *field = &line->log.fields[i];
        if (strcmp(field->name, "node") == 0 && field->text.length == 16) memcpy(id, field->text.bytes, 16);
    }
    for (uint32_t i = 0; i < world->machines_count; i++) {
        char other[17] = "";
        hash_hex(world->machines[i]->node_id, 8, other);
        if (world->machines[i]->has_node_id && strcmp(id, other) == 0) return world->machines[i];
    }
    return NULL;
}

void oracle_on_log(struct operators *operators, struct machine *machine, const struct effect *line)
{
    struct world *world = operators->world;
    if (line->log.level == EFFECT_ERROR && is_event(line, "identity")) operators->identities_named++;
    if (machine->is_liar || machine->is_copy) return;
    const struct machine *named = named_in(world, line);
    if (is_event(line, "no sound node sends") && named != NULL) {
        operators->liars_named += named->is_liar;
        if (!named->is_liar && !named->is_copy && !is_doubled(world, named))
            world_fail(world, "node %u says that node %u sends what no sound node sends", machine->index,
                       named->index);
    }
    if (world->plant == WORLD_PLANT_SUSPECT_REMOVES && is_event(line, "a node is down") && named != NULL)
        hash_hex(named->node_id, 8, operators->removal_planned);
}

/* --- at the end ----------------------------------------------------------------------------------------- */

/* Whom the documents of those who are certainly in hold for a member. */
static bool is_held_for_member(const struct operators *operators, const struct machine *machine)
{
    for (uint32_t i = 0; i < operators->world->machines_count; i++) {
        const struct machine *other = machine_at(operators, i);
        bool is_witness = other->group == machine->group && other->is_up && !other->is_gone && !other->is_copy &&
                          !operators_has_removed(operators, other->node_id);
        if (is_witness) return view_is_member(machine_view(other), machine->node_id, NULL);
    }
    return false;
}

/* Who should be in the cluster of a group at the end: who was not removed, or was brought back. Where the answer
 * was lost the documents say whether it was done. */
static bool is_wanted(const struct operators *operators, const struct machine *machine, uint32_t group)
{
    if (machine->is_gone || machine->is_copy || machine->group != group) return false;
    const struct removal *removal = operators_removal(operators, machine->node_id);
    if (removal == NULL) return true;
    switch (removal->state) {
    case REMOVAL_REFUSED:
    case REMOVAL_BACK: return true;
    case REMOVAL_DONE: return false;
    case REMOVAL_ASKED:
    case REMOVAL_BACK_ASKED: break;
    }
    return is_held_for_member(operators, machine);
}

static bool has_liar(const struct operators *operators)
{
    const struct world *world = operators->world;
    for (uint32_t i = 0; i < world->machines_count; i++) {
        if (world->machines[i]->is_liar) return true;
    }
    return false;
}

static bool are_documents_equal(const struct op_document *a, const struct op_document *b)
{
    return span_is_equal(a->key, b->key) && crdt_lww_compare(&a->register_, &b->register_) == 0;
}

static bool are_views_equal(const struct view *a, const struct view *b)
{
    struct op_document one;
    struct op_document other;
    if (view_documents_count(a) != view_documents_count(b)) return false;
    for (uint32_t i = 0; view_document(a, i, &one); i++) {
        if (!view_document(b, i, &other) || !are_documents_equal(&one, &other)) return false;
    }
    return true;
}

static bool are_disks_equal(const struct machine *a, const struct machine *b)
{
    uint64_t count = disk_rows_count(&a->disk, KV_DOCS);
    if (count != disk_rows_count(&b->disk, KV_DOCS)) return false;
    for (uint64_t i = 0; i < count; i++) {
        const struct row *one = table_row(a->disk.tables[KV_DOCS], i);
        const struct row *other = table_row(b->disk.tables[KV_DOCS], i);
        if (!span_is_equal(row_key(one), row_key(other)) || !span_is_equal(row_value(one), row_value(other)))
            return false;
    }
    return true;
}

/* Was it acknowledged by a node that was then taken out, and nobody else had heard of it? */
static bool is_gone_with_node(const struct operators *operators, const struct fact *fact)
{
    return operators_removal(operators, machine_at(operators, fact->machine)->node_id) != NULL;
}

/* Nothing is gone of what any of them had when it acknowledged something. */
static bool knows_promises(const struct operators *operators, const struct machine *machine,
                           char why[ORACLE_WHY_CHARS])
{
    char what[PROMISES_WHY_CHARS];
    for (uint32_t i = 0; i < operators->world->machines_count; i++) {
        if (machine_at(operators, i)->group != machine->group) continue;
        if (promises_hold_in(&operators->promises, i, machine_view(machine), what)) continue;
        snprintf(why, ORACLE_WHY_CHARS, "node %u lacks what node %u acknowledged: %s", machine->index, i, what);
        return false;
    }
    return true;
}

/* Every version is in force, led there, or is shown as lost: none hangs in the air. */
static bool has_whole_history(const struct machine *machine, char why[ORACLE_WHY_CHARS])
{
    struct arena arena;
    struct history history;
    bool is_whole = true;
    arena_init(&arena, UINT64_C(64) << 20);
    bool is_read = history_read(machine_view(machine), &arena, &history);
    for (uint32_t i = 0; is_read && i < history.count; i++)
        is_whole = is_whole && history.versions[i].fate != HISTORY_INCOMPLETE;
    arena_deinit(&arena);
    return is_whole || say(why, "has a layout version without its ancestors", machine->index, machine->index);
}

static bool knows_facts(struct operators *operators, const struct machine *machine, bool is_isolated,
                        char why[ORACLE_WHY_CHARS])
{
    for (uint32_t i = 0; i < operators->facts_count; i++) {
        const struct fact *fact = &operators->facts[i];
        bool is_there = operators_has_fact(machine_view(machine), fact);
        if (is_gone_with_node(operators, fact)) continue;
        bool is_its_own = !is_isolated || fact->machine == machine->index;
        if (fact->state == FACT_DONE && is_its_own && !is_there) {
            snprintf(why, ORACLE_WHY_CHARS, "node %u has not what was acknowledged: %s", machine->index,
                     fact->name);
            return false;
        }
        if (fact->state == FACT_UNDONE && is_there) {
            snprintf(why, ORACLE_WHY_CHARS, "node %u has what was deleted: %s", machine->index, fact->name);
            return false;
        }
    }
    return true;
}

/* Does `machine` see `other` as it is? */
static bool sees(const struct machine *machine, const struct machine *other, char why[ORACLE_WHY_CHARS])
{
    const struct member *member = members_find(&machine->node.cluster.members, other->node_id);
    if (member == NULL) return say(why, "does not know", machine->index, other->index);
    if (member->is_self) return true;
    if (other->node.cluster.gossip == NULL)
        return say(why, "waits for the gossip of", machine->index, other->index);
    if (member->state != MEMBER_ALIVE) return say(why, "does not hold for alive", machine->index, other->index);
    const char *address = network_address(&machine->world->network, other->index);
    if (!member->has_announcement || !span_is_equal(member->announcement.address, span_text(address)))
        return say(why, "has an old address of", machine->index, other->index);
    if (member->announcement.incarnation != gossip_stats(other->node.cluster.gossip).incarnation)
        return say(why, "has an old announcement of", machine->index, other->index);
    return true;
}

static bool are_layouts_equal(const struct ring_layout *a, const struct ring_layout *b)
{
    if (a == NULL || b == NULL) return a == b;
    return a->number == b->number && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

static const uint8_t *cluster_id(const struct machine *machine)
{
    return machine->node.cluster.identity.cluster_id;
}

static bool is_pair_settled(const struct machine *first, const struct machine *machine, char why[ORACLE_WHY_CHARS])
{
    if (!machine_is_member(machine))
        return say(why, "is no member of the cluster of", machine->index, first->index);
    if (memcmp(cluster_id(machine), cluster_id(first), LINK_CLUSTER_ID_BYTES) != 0)
        return say(why, "is in another cluster than", machine->index, first->index);
    if (!are_views_equal(machine_view(first), machine_view(machine)))
        return say(why, "sees other documents than", machine->index, first->index);
    if (!are_disks_equal(first, machine))
        return say(why, "keeps other documents than", machine->index, first->index);
    if (!are_layouts_equal(view_layout(machine_view(first)), view_layout(machine_view(machine))))
        return say(why, "has another layout in force than", machine->index, first->index);
    return true;
}

static bool is_cluster_settled(struct operators *operators, uint32_t group, char why[ORACLE_WHY_CHARS])
{
    const struct machine *first = NULL;
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < operators->world->machines_count; i++) {
        const struct machine *machine = machine_at(operators, i);
        if (!is_wanted(operators, machine, group)) continue;
        wanted++;
        if (first == NULL) first = machine;
        if (!is_pair_settled(first, machine, why)) return false;
        for (uint32_t j = 0; j < operators->world->machines_count; j++) {
            const struct machine *other = machine_at(operators, j);
            if (is_wanted(operators, other, group) && !sees(machine, other, why)) return false;
        }
    }
    if (group == 0 && has_liar(operators)) return true;
    for (uint32_t i = 0; first != NULL && i < operators->world->machines_count; i++) {
        const struct machine *machine = machine_at(operators, i);
        if (is_wanted(operators, machine, group) && machine->node.cluster.members.count != wanted)
            return say(why, "counts members that are none", i, first->index);
    }
    return true;
}

/* Who was taken out by force has its role until an operator takes that, too: a node is right to say so. */
static bool has_role_of_nobody(const struct machine *machine)
{
    const struct ring_layout *layout = view_layout(machine_view(machine));
    for (uint32_t i = 0; layout != NULL && i < layout->nodes_count; i++) {
        if (!view_is_member(machine_view(machine), layout->nodes[i].id, NULL)) return true;
    }
    return false;
}

/* What the node itself would tell its operator. */
static bool is_stuck(const struct machine *machine, char why[ORACLE_WHY_CHARS])
{
    char line[256];
    for (uint32_t i = 0; cluster_problem(&machine->node.cluster, i, line); i++) {
        if (strstr(line, " has a role in layout ") != NULL && has_role_of_nobody(machine)) continue;
        snprintf(why, ORACLE_WHY_CHARS, "node %u says: %s", machine->index, line);
        return true;
    }
    return false;
}

/* Strangers are in no cluster of ours, whatever address they have (H13). */
static bool are_apart(const struct operators *operators, char why[ORACLE_WHY_CHARS])
{
    const struct world *world = operators->world;
    for (uint32_t i = 0; i < world->machines_count; i++) {
        const struct machine *machine = world->machines[i];
        for (uint32_t j = 0; j < i; j++) {
            const struct machine *other = world->machines[j];
            if (!machine->is_up || !other->is_up || machine->group == other->group) continue;
            if (memcmp(cluster_id(machine), cluster_id(other), LINK_CLUSTER_ID_BYTES) == 0)
                return say(why, "is in the cluster of a stranger", i, j);
        }
    }
    return true;
}

bool oracle_settled(struct operators *operators, bool is_isolated, char why[ORACLE_WHY_CHARS])
{
    for (uint32_t i = 0; i < operators->world->machines_count; i++) {
        const struct machine *machine = machine_at(operators, i);
        if (!is_wanted(operators, machine, machine->group)) continue;
        if (!machine->is_up || !machine->is_ready) return say(why, "is not up", i, i);
        if (admin_oldest_us(machine) > 0) return say(why, "has a request under way", i, i);
    }
    for (uint32_t group = 0; group < 2 && !is_isolated; group++) {
        if (!is_cluster_settled(operators, group, why)) return false;
    }
    for (uint32_t i = 0; i < operators->world->machines_count; i++) {
        const struct machine *machine = machine_at(operators, i);
        if (!is_wanted(operators, machine, 0)) continue;
        if (!knows_facts(operators, machine, is_isolated, why)) return false;
        if (is_isolated) continue;
        if (!knows_promises(operators, machine, why) || !has_whole_history(machine, why)) return false;
        if (!has_liar(operators) && is_stuck(machine, why)) return false;
    }
    if (operators->world->offences >= HEARD_LIES && operators->liars_named == 0) {
        snprintf(why, ORACLE_WHY_CHARS, "nobody has named the liar");
        return false;
    }
    return is_isolated || are_apart(operators, why);
}

uint32_t oracle_layout_conflicts(const struct operators *operators)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < operators->world->machines_count; i++) {
        const struct view *view = machine_view(machine_at(operators, i));
        struct span id;
        struct span before = {NULL, 0};
        struct span payload;
        uint32_t conflicts = 0;
        for (uint32_t n = 0; view != NULL && view_nth(view, DOCUMENT_LAYOUT, n, &id, &payload); n++) {
            bool is_same_number = before.length >= 8 && id.length >= 8 && memcmp(before.bytes, id.bytes, 8) == 0;
            conflicts += is_same_number;
            before = id;
        }
        if (conflicts > most) most = conflicts;
    }
    return most;
}
