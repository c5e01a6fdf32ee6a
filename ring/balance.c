/* The best loads: partitions are given one by one to who is then least full, where the constraints let it. */
#include "ring/balance.h"

#include <assert.h>

/* How full the k-th partition makes a node of capacity c: k / c, kept as c / k = whole + rest / k. */
struct fullness {
    bool is_first; /* the node would be idle without it; comes before all that is not */
    uint16_t k;
    uint16_t rest;
    uint64_t whole;
    uint64_t capacity;
};

struct candidate {
    struct fullness last, next; /* after what it has; after one more */
    uint16_t load;
    bool is_settled; /* a constraint that it is part of is used up: its threshold is known */
};

struct filling {
    const struct ring_layout *layout;
    struct candidate nodes[RING_NODES_MAX];
    uint32_t zone_load[RING_ZONES_MAX];
    uint32_t left;         /* copies still to be given */
    uint32_t extras_left;  /* copies beyond a zone's first of each partition, that may still be given */
    struct fullness level; /* of the copy given last */
};

static struct fullness fullness(uint64_t capacity, uint16_t k)
{
    return (struct fullness){
        .k = k, .rest = (uint16_t)(capacity % k), .whole = capacity / k, .capacity = capacity};
}

/* Which is the fuller node? Below 0: a is less full than b. */
static int compare_ratios(const struct fullness *a, const struct fullness *b)
{
    if (a->whole != b->whole) return a->whole > b->whole ? -1 : 1;
    uint32_t rest_of_a = (uint32_t)a->rest * b->k; /* both over k * k */
    uint32_t rest_of_b = (uint32_t)b->rest * a->k;
    return (rest_of_a < rest_of_b) - (rest_of_a > rest_of_b);
}

/* Who gets a partition first? Of two that would then be equally full the larger: the smaller one stays less full
 * than the larger one would. 0 only for equal capacities. */
static int compare(const struct fullness *a, const struct fullness *b)
{
    if (a->is_first != b->is_first) return a->is_first ? -1 : 1;
    int order = compare_ratios(a, b);
    if (order != 0) return order;
    return (a->capacity < b->capacity) - (a->capacity > b->capacity);
}

/* Nobody has anything. With `limit`, a first partition that does not make a node fuller than that is given before
 * any second one. */
static void begin(struct filling *filling, const struct ring_layout *layout, const struct fullness *limit)
{
    uint32_t partitions = layout->partitions_count;
    uint32_t extras = layout->replication - ring_layout_zones_wanted(layout);

    *filling = (struct filling){
        .layout = layout, .left = partitions * layout->replication, .extras_left = partitions * extras};
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        struct candidate *node = &filling->nodes[i];
        node->next = fullness(layout->nodes[i].capacity, 1);
        node->next.is_first = limit != NULL && compare_ratios(&node->next, limit) <= 0;
    }
}

/* Who gets the next one: the least full, of equals the first. */
static uint32_t choose(const struct filling *filling)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < filling->layout->nodes_count; i++) {
        const struct candidate *node = &filling->nodes[i];
        if (node->is_settled || node->load == filling->layout->partitions_count) continue;
        if (best == UINT32_MAX || compare(&node->next, &filling->nodes[best].next) < 0) best = i;
    }
    assert(best != UINT32_MAX); /* there are nodes and zones enough */
    return best;
}

static void give(struct filling *filling, uint32_t node_index)
{
    struct candidate *node = &filling->nodes[node_index];
    uint32_t *zone_load = &filling->zone_load[filling->layout->nodes[node_index].zone];

    if (*zone_load >= filling->layout->partitions_count) filling->extras_left--;
    ++*zone_load;
    filling->left--;
    filling->level = node->last = node->next;
    node->load++;
    node->next = fullness(node->next.capacity, (uint16_t)(node->load + 1));
}

static bool is_zone_full(const struct filling *filling, uint32_t zone)
{
    return filling->extras_left == 0 && filling->zone_load[zone] >= filling->layout->partitions_count;
}

/* The remainder at the level reached. Levels only rise, so it is the last one or a new one. */
static uint16_t remainder_at_level(const struct filling *filling, struct fullness *level_of_last,
                                   struct ring_balance *balance)
{
    if (balance->remainders_count == 0 || compare(level_of_last, &filling->level) != 0) {
        balance->total[balance->remainders_count++] = 0;
        *level_of_last = filling->level;
    }
    return (uint16_t)(balance->remainders_count - 1);
}

/* A node's constraint is used up at the level reached: what it has of lower levels is fixed, what it has or could
 * have had of this level is a remainder's. */
static void settle(struct filling *filling, uint32_t node_index, struct fullness *level_of_last,
                   struct ring_balance *balance)
{
    struct candidate *node = &filling->nodes[node_index];
    bool has_of_level = node->load > 0 && compare(&node->last, &filling->level) == 0;
    bool could_have = node->load < filling->layout->partitions_count && compare(&node->next, &filling->level) == 0;

    node->is_settled = true;
    balance->fixed[node_index] = (uint16_t)(node->load - has_of_level);
    balance->remainder_of[node_index] = RING_BALANCE_NONE;
    if (!has_of_level && !could_have) return;
    uint16_t remainder = remainder_at_level(filling, level_of_last, balance);
    balance->remainder_of[node_index] = remainder;
    balance->total[remainder] = (uint16_t)(balance->total[remainder] + has_of_level);
}

/* Give all that is to be given. */
static void fill(struct filling *filling, struct ring_balance *balance)
{
    struct fullness level_of_last = {.k = 0};

    balance->remainders_count = 0;
    while (filling->left > 0) {
        give(filling, choose(filling));
        for (uint32_t i = 0; i < filling->layout->nodes_count; i++) {
            bool is_over = filling->left == 0 || is_zone_full(filling, filling->layout->nodes[i].zone);
            if (is_over && !filling->nodes[i].is_settled) settle(filling, i, &level_of_last, balance);
        }
    }
}

/* A remainder of which every node has one more is none. */
static void fix_what_is_certain(const struct ring_layout *layout, struct ring_balance *balance)
{
    uint16_t members[RING_NODES_MAX] = {0};

    for (uint32_t i = 0; i < layout->nodes_count; i++)
        if (balance->remainder_of[i] != RING_BALANCE_NONE) members[balance->remainder_of[i]]++;
    for (uint32_t i = 0; i < layout->nodes_count; i++) {
        uint16_t remainder = balance->remainder_of[i];
        if (remainder == RING_BALANCE_NONE || members[remainder] != balance->total[remainder]) continue;
        balance->fixed[i]++;
        balance->remainder_of[i] = RING_BALANCE_NONE;
    }
    for (uint32_t i = 0; i < balance->remainders_count; i++)
        if (members[i] == balance->total[i]) balance->total[i] = 0;
}

/* Without a limit the copy given last is the one that makes a node fullest: partitions are given in that order. */
void ring_balance(const struct ring_layout *layout, struct ring_balance *balance)
{
    struct filling filling;

    begin(&filling, layout, NULL);
    fill(&filling, balance);
    struct fullness limit = filling.level;

    begin(&filling, layout, &limit);
    fill(&filling, balance);
    fix_what_is_certain(layout, balance);
    balance->partition_capacity = limit.whole;
}
