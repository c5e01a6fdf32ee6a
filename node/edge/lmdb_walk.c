/* A stack of checked pages, from the root down to a leaf. */
#include "node/edge/lmdb_walk.h"

#include <assert.h>
#include <stdlib.h>

enum err lmdb_walk_init(struct lmdb_walk *walk, const struct lmdb_source *source, const struct lmdb_table *table,
                        struct span from)
{
    assert(from.length <= LMDB_KEY_BYTES_MAX && table->depth <= LMDB_DEPTH_MAX);
    *walk = (struct lmdb_walk){
        .source = *source, .table = *table, .is_seeking = from.length > 0, .from_bytes = from.length};
    if (from.length > 0) memcpy(walk->from, from.bytes, from.length);
    size_t levels = table->depth == 0 ? 1 : table->depth;
    walk->pages = malloc(levels * source->page_bytes);
    return walk->pages == NULL ? ERR_MEMORY : ERR_OK;
}

void lmdb_walk_deinit(struct lmdb_walk *walk)
{
    free(walk->pages);
    walk->pages = NULL;
}

static uint8_t *page_of(const struct lmdb_walk *walk, uint32_t level)
{
    return walk->pages + (size_t)level * walk->source.page_bytes;
}

static bool is_leaf_level(const struct lmdb_walk *walk, uint32_t level)
{
    return level + 1 == walk->table.depth;
}

/* The first node of the page just read that the walk wants. */
static uint32_t first_index(struct lmdb_walk *walk, const uint8_t *page, bool is_leaf, uint32_t count)
{
    struct span from = span_of(walk->from, walk->from_bytes);
    uint32_t index = is_leaf ? 0 : 1;
    if (!walk->is_seeking) return 0;
    while (index < count) {
        int order = lmdb_key_compare(walk->has_numbers, lmdb_node_at(page, is_leaf, index).key, from);
        if (is_leaf ? order >= 0 : order > 0) break;
        index++;
    }
    if (is_leaf) walk->is_seeking = false;
    return is_leaf ? index : index - 1;
}

static enum lmdb_fault use_page(struct lmdb_walk *walk, uint64_t page, uint64_t count)
{
    const struct lmdb_source *source = &walk->source;
    bool is_inside = page >= LMDB_META_PAGES && page < source->pages_count && count <= source->pages_count - page;
    if (!is_inside) return LMDB_BEYOND;
    return source->use == NULL ? LMDB_SOUND : source->use(source->owner, page, count);
}

static bool damage(struct lmdb_walk *walk, uint64_t page, enum lmdb_fault fault)
{
    walk->fault = fault;
    walk->fault_page = page;
    walk->is_seeking = false; /* what stands behind a damaged page is behind `from` too */
    return false;
}

/* Go down to `page`. False when it is damaged. */
static bool push(struct lmdb_walk *walk, struct lmdb_level level)
{
    uint32_t place = walk->depth;
    uint8_t *page = page_of(walk, place);
    size_t page_bytes = walk->source.page_bytes;
    struct lmdb_expected expected = {.number = level.page,
                                     .is_leaf = is_leaf_level(walk, place),
                                     .has_numbers = walk->has_numbers,
                                     .has_tables = walk->has_tables,
                                     .has_low = level.has_low,
                                     .has_high = level.has_high,
                                     .low = level.low,
                                     .high = level.high};
    enum lmdb_fault fault = use_page(walk, level.page, 1);
    if (fault != LMDB_SOUND) return damage(walk, level.page, fault);
    if (expected.is_leaf) {
        walk->counts.leaf_pages++;
    } else {
        walk->counts.branch_pages++;
    }
    if (!walk->source.read(walk->source.owner, level.page * page_bytes, page, page_bytes))
        return damage(walk, level.page, LMDB_UNREADABLE);
    fault = lmdb_page_check(page, page_bytes, &expected);
    if (fault != LMDB_SOUND) return damage(walk, level.page, fault);
    level.count = lmdb_nodes_count(page);
    level.index = first_index(walk, page, expected.is_leaf, level.count);
    walk->levels[walk->depth++] = level;
    return true;
}

/* The page below the branch's next node, and between which keys it lies. */
static struct lmdb_level next_child(struct lmdb_walk *walk, struct lmdb_level *level)
{
    const uint8_t *page = page_of(walk, walk->depth - 1);
    uint32_t index = level->index++;
    struct lmdb_node node = lmdb_node_at(page, false, index);
    struct lmdb_level child = {.page = node.child,
                               .has_low = level->has_low,
                               .low = level->low,
                               .has_high = level->has_high,
                               .high = level->high};
    if (index > 0) {
        child.has_low = true;
        child.low = node.key;
    }
    if (index + 1 < level->count) {
        child.has_high = true;
        child.high = lmdb_node_at(page, false, index + 1).key;
    }
    return child;
}

/* A leaf below a branch, not read. */
static bool pass_leaf(struct lmdb_walk *walk, uint64_t page)
{
    enum lmdb_fault fault = use_page(walk, page, 1);
    walk->counts.leaf_pages++;
    return fault == LMDB_SOUND || damage(walk, page, fault);
}

/* One step down from the branch on top. */
static bool descend(struct lmdb_walk *walk, struct lmdb_level *level)
{
    struct lmdb_level child = next_child(walk, level);
    if (walk->skips_leaves && is_leaf_level(walk, walk->depth)) return pass_leaf(walk, child.page);
    return push(walk, child);
}

static void take_row(struct lmdb_walk *walk, struct lmdb_level *level)
{
    walk->node = lmdb_node_at(page_of(walk, walk->depth - 1), true, level->index++);
    walk->counts.entries++;
}

enum lmdb_event lmdb_walk_step(struct lmdb_walk *walk)
{
    if (!walk->is_begun) {
        walk->is_begun = true;
        bool is_empty = walk->table.root == LMDB_NO_PAGE;
        if (!is_empty && !push(walk, (struct lmdb_level){.page = walk->table.root})) return LMDB_DAMAGE;
    }
    while (walk->depth > 0) {
        struct lmdb_level *level = &walk->levels[walk->depth - 1];
        if (level->index >= level->count) {
            walk->depth--;
        } else if (is_leaf_level(walk, walk->depth - 1)) {
            take_row(walk, level);
            return LMDB_ROW;
        } else if (!descend(walk, level)) {
            return LMDB_DAMAGE;
        }
    }
    return LMDB_END;
}

bool lmdb_walk_find_value(struct lmdb_walk *walk, uint64_t *offset)
{
    const struct lmdb_node *node = &walk->node;
    size_t page_bytes = walk->source.page_bytes;
    uint8_t header[LMDB_HEADER_BYTES];
    uint64_t count = 0;
    uint64_t page = node->overflow_page;
    enum lmdb_fault fault = page < LMDB_META_PAGES || page >= walk->source.pages_count ? LMDB_BEYOND : LMDB_SOUND;
    if (fault != LMDB_SOUND) return damage(walk, page, fault);
    if (!walk->source.read(walk->source.owner, page * page_bytes, header, sizeof header))
        return damage(walk, page, LMDB_UNREADABLE);
    fault = lmdb_overflow_check(header, page, node->value_bytes, page_bytes, &count);
    if (fault == LMDB_SOUND) fault = use_page(walk, page, count);
    if (fault != LMDB_SOUND) return damage(walk, page, fault);
    walk->counts.overflow_pages += count;
    *offset = page * page_bytes + LMDB_HEADER_BYTES;
    return true;
}
