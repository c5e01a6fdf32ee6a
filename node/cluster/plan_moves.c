/* What a plan would move: the holders of each partition before and after, paired. */
#include "node/cluster/plan_build.h"

#include <assert.h>
#include <stdlib.h>

/* The two layouts and where their nodes stand in the plan's list. */
struct change {
    const struct ring_layout *before, *after; /* either may be NULL */
    uint16_t before_at[RING_NODES_MAX], after_at[RING_NODES_MAX];
    uint16_t before_zone[2 * RING_NODES_MAX], after_zone[2 * RING_NODES_MAX]; /* of the plan's nodes */
};

struct pair {
    uint16_t from, to;
};

/* --- nodes and zones ------------------------------------------------------------------------------------ */

static struct plan_node *add_node(const struct plan_input *input, struct plan *plan, const uint8_t *id)
{
    struct plan_node *node = &plan->nodes[plan->nodes_count++];
    memcpy(node->id, id, sizeof node->id);
    node->state = plan_node_state(input, id);
    return node;
}

static void take_role(struct plan_node *node, const struct ring_layout *layout, uint32_t index)
{
    const struct ring_node *role = &layout->nodes[index];
    memcpy(node->zone, layout->zones[role->zone], sizeof node->zone);
    node->capacity = role->capacity;
}

/* Both layouts' nodes are in order of id: one pass. */
static void list_nodes(const struct plan_input *input, struct plan *plan, struct change *change)
{
    const struct ring_layout *before = change->before;
    const struct ring_layout *after = change->after;
    uint32_t before_count = before == NULL ? 0 : before->nodes_count;
    uint32_t after_count = after == NULL ? 0 : after->nodes_count;
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < before_count || j < after_count) {
        int order = 1;
        if (j == after_count) {
            order = -1;
        } else if (i < before_count) {
            order = memcmp(before->nodes[i].id, after->nodes[j].id, RING_NODE_ID_BYTES);
        }
        uint16_t at = (uint16_t)plan->nodes_count;
        struct plan_node *node = add_node(input, plan, order <= 0 ? before->nodes[i].id : after->nodes[j].id);
        if (order <= 0) {
            node->is_before = true;
            take_role(node, before, i);
            change->before_at[i++] = at;
        }
        if (order >= 0) {
            node->is_after = true;
            take_role(node, after, j);
            change->after_at[j++] = at;
        }
    }
}

static uint16_t find_zone(const struct plan *plan, const char *zone)
{
    for (uint32_t i = 0; i < plan->zones_count; i++) {
        if (strcmp(plan->zones[i], zone) == 0) return (uint16_t)i;
    }
    return PLAN_NOWHERE;
}

static void add_zones(struct plan *plan, const struct ring_layout *layout)
{
    for (uint32_t i = 0; layout != NULL && i < layout->zones_count; i++) {
        if (find_zone(plan, layout->zones[i]) != PLAN_NOWHERE) continue;
        uint32_t at = plan->zones_count++;
        for (; at > 0 && strcmp(plan->zones[at - 1], layout->zones[i]) > 0; at--)
            plan->zones[at] = plan->zones[at - 1];
        plan->zones[at] = layout->zones[i];
    }
}

static void find_zones(const struct plan *plan, struct change *change)
{
    for (uint32_t i = 0; change->before != NULL && i < change->before->nodes_count; i++) {
        const char *zone = change->before->zones[change->before->nodes[i].zone];
        change->before_zone[change->before_at[i]] = find_zone(plan, zone);
    }
    for (uint32_t i = 0; change->after != NULL && i < change->after->nodes_count; i++) {
        const char *zone = change->after->zones[change->after->nodes[i].zone];
        change->after_zone[change->after_at[i]] = find_zone(plan, zone);
    }
}

/* --- one partition -------------------------------------------------------------------------------------- */

/* Its holders as places in the plan's list of nodes. */
struct holders {
    uint16_t at[RING_REPLICATION_MAX];
    bool is_used[RING_REPLICATION_MAX];
    uint32_t count;
};

static struct holders holders_of(const struct ring_layout *layout, const uint16_t *places, uint32_t partition)
{
    struct holders holders = {.count = layout == NULL ? 0 : layout->replication};
    for (uint32_t i = 0; i < holders.count; i++)
        holders.at[i] = places[layout->holders[partition][i]];
    return holders;
}

static bool is_among(const struct holders *holders, uint16_t node)
{
    for (uint32_t i = 0; i < holders->count; i++) {
        if (holders->at[i] == node) return true;
    }
    return false;
}

/* Where the copy for `to` comes from: best a node that answers; of these one that gives it up, in the same zone;
 * else one that gives it up; else one that keeps it, in the same zone; else any. */
static uint16_t find_source(const struct plan *plan, const struct change *change, struct holders *before,
                            const struct holders *after, uint16_t to)
{
    int best = -1;
    int best_rank = -1;
    for (uint32_t i = 0; i < before->count; i++) {
        bool gives_up = !is_among(after, before->at[i]) && !before->is_used[i];
        bool is_near = change->before_zone[before->at[i]] == change->after_zone[to];
        bool is_up = plan->nodes[before->at[i]].state != MEMBER_DOWN;
        int rank = 4 * is_up + 2 * gives_up + is_near;
        if (rank <= best_rank) continue;
        best = (int)i;
        best_rank = rank;
    }
    if (best < 0) return PLAN_NOWHERE;
    before->is_used[best] = true;
    return before->at[best];
}

static uint32_t pair_partition(struct plan *plan, const struct change *change, uint32_t partition,
                               struct pair *pairs)
{
    struct holders before = holders_of(change->before, change->before_at, partition);
    struct holders after = holders_of(change->after, change->after_at, partition);
    uint32_t count = 0;
    for (uint32_t i = 0; i < before.count; i++) {
        plan->nodes[before.at[i]].load_before++;
        plan->nodes[before.at[i]].dropped += !is_among(&after, before.at[i]);
    }
    for (uint32_t i = 0; i < after.count; i++) {
        uint16_t to = after.at[i];
        plan->nodes[to].load_after++;
        if (is_among(&before, to)) continue;
        plan->nodes[to].gained++;
        pairs[count++] = (struct pair){find_source(plan, change, &before, &after, to), to};
    }
    return count;
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

/* What others say they hold is believed as a figure to show: sums end at the largest number. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    uint64_t result = 0;
    return __builtin_add_overflow(a, b, &result) ? UINT64_MAX : result;
}

static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t result = 0;
    return __builtin_mul_overflow(a, b, &result) ? UINT64_MAX : result;
}

/* Before any layout each node holds what its own clients wrote; after, its partitions. */
static uint64_t estimate_partition(const struct plan_input *input, const struct plan *plan,
                                   const struct change *change)
{
    const struct ring_layout *before = change->before;
    uint64_t used = 0;
    uint64_t copies = before == NULL && change->after != NULL ? change->after->partitions_count : 0;
    for (uint32_t i = 0; before == NULL && input->members != NULL && i < input->members->count; i++) {
        const struct member *member = input->members->rows[i];
        if (member->has_announcement) used = sum(used, member->announcement.used_bytes);
    }
    for (uint32_t i = 0; before != NULL && i < plan->nodes_count; i++) {
        const struct member *member = plan_member(input, plan->nodes[i].id);
        if (plan->nodes[i].load_before == 0 || member == NULL || !member->has_announcement) continue;
        used = sum(used, member->announcement.used_bytes);
        copies += plan->nodes[i].load_before;
    }
    return copies == 0 ? 0 : used / copies;
}

/* --- moves ---------------------------------------------------------------------------------------------- */

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int compare_moves(const void *a, const void *b)
{
    const struct plan_move *x = a;
    const struct plan_move *y = b;
    if (x->partitions != y->partitions) return x->partitions > y->partitions ? -1 : 1;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

/* Equal pairs become one move; sorts the pairs. NULL when out of memory. */
static struct plan_move *gather(struct arena *arena, struct pair *pairs, uint32_t pairs_count,
                                uint64_t partition_bytes, uint32_t *count)
{
    struct plan_move *moves = arena_array(arena, (size_t)pairs_count + 1, sizeof *moves);
    *count = 0;
    if (moves == NULL) return NULL;
    qsort(pairs, pairs_count, sizeof *pairs, compare_pairs);
    for (uint32_t i = 0; i < pairs_count; i++) {
        if (i == 0 || compare_pairs(&pairs[i - 1], &pairs[i]) != 0)
            moves[(*count)++] = (struct plan_move){.from = pairs[i].from, .to = pairs[i].to};
        moves[*count - 1].partitions++;
    }
    for (uint32_t i = 0; i < *count; i++)
        moves[i].bytes = product(moves[i].partitions, partition_bytes);
    return moves;
}

static bool gather_all(const struct plan_input *input, struct plan *plan, const struct change *change,
                       struct pair *pairs, uint32_t pairs_count)
{
    plan->moved_partitions = pairs_count;
    plan->moved_bytes = product(pairs_count, plan->partition_bytes);
    plan->moves = gather(input->arena, pairs, pairs_count, plan->partition_bytes, &plan->moves_count);
    if (plan->moves == NULL) return false;
    qsort(plan->moves, plan->moves_count, sizeof *plan->moves, compare_moves);
    for (uint32_t i = 0; i < pairs_count; i++) {
        if (pairs[i].from != PLAN_NOWHERE) pairs[i].from = change->before_zone[pairs[i].from];
        pairs[i].to = change->after_zone[pairs[i].to];
    }
    plan->zone_moves = gather(input->arena, pairs, pairs_count, plan->partition_bytes, &plan->zone_moves_count);
    return plan->zone_moves != NULL;
}

bool plan_moves(const struct plan_input *input, struct plan *plan)
{
    const struct ring_layout *before = plan->staged.in_force;
    const struct ring_layout *after = plan->next == NULL ? before : plan->next;
    uint32_t partitions_count = after == NULL ? 0 : after->partitions_count;
    uint32_t pairs_count = 0;
    struct change *change = arena_alloc(input->arena, sizeof *change);
    struct pair *pairs = arena_array(input->arena, (size_t)partitions_count * RING_REPLICATION_MAX + 1,
                                     sizeof *pairs);
    plan->nodes = arena_array(input->arena, 2 * RING_NODES_MAX, sizeof *plan->nodes);
    plan->zones = arena_array(input->arena, 2 * RING_ZONES_MAX, sizeof *plan->zones);
    if (change == NULL || pairs == NULL || plan->nodes == NULL || plan->zones == NULL) return false;
    assert(before == NULL || after->partitions_count == before->partitions_count);
    change->before = before;
    change->after = after;
    list_nodes(input, plan, change);
    add_zones(plan, before);
    add_zones(plan, after);
    find_zones(plan, change);
    for (uint32_t i = 0; i < partitions_count; i++)
        pairs_count += pair_partition(plan, change, i, pairs + pairs_count);
    plan->partition_bytes = estimate_partition(input, plan, change);
    return gather_all(input, plan, change, pairs, pairs_count);
}
