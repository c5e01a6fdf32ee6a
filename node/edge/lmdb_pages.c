/* Offsets, lengths and orders of one page at a time. */
#include "node/edge/lmdb_pages.h"

enum {
    META_MAGIC = (int)0xBEEFC0DE,
    META_VERSION = 1,
    PAGE_BRANCH = 1,
    PAGE_LEAF = 2,
    PAGE_OVERFLOW = 4,
    PAGE_META = 8,
    NODE_BYTES = 8,
    NODE_BIG = 1,
    NODE_TABLE = 2,
    NUMBER_BYTES = 8,
    TABLE_NUMBERS = 8,   /* the flag of a table whose keys are numbers */
    META_PLAIN = 0x4000, /* not of the table but of the file: it was made without a directory of its own */
};

static uint16_t load_u16(const uint8_t *bytes)
{
    uint16_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static uint32_t load_u32(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

const char *lmdb_fault_text(enum lmdb_fault fault)
{
    switch (fault) {
    case LMDB_SOUND: return "is sound";
    case LMDB_UNREADABLE: return "cannot be read: the file is cut off or the disk fails";
    case LMDB_NOT_META: return "is not the meta page it should be";
    case LMDB_META_TURNS: return "is a meta page that does not follow the other one";
    case LMDB_BEYOND: return "names a page outside the file";
    case LMDB_OTHER_NUMBER: return "names another number than its own";
    case LMDB_OTHER_KIND: return "is not of the kind that belongs there";
    case LMDB_BOUNDS: return "has offsets or lengths that do not fit";
    case LMDB_FLAGS: return "has a node with flags that cannot be";
    case LMDB_ORDER: return "has keys out of order";
    case LMDB_OVERFLOW: return "is not the large value's page it should be";
    case LMDB_TWICE: return "is used twice";
    case LMDB_USED_AND_FREE: return "is used and listed as free";
    case LMDB_LOST: return "is neither used nor listed as free";
    case LMDB_TABLE: return "lacks a table or describes one that cannot be";
    case LMDB_COUNTS: return "counts other pages or rows than there are";
    case LMDB_FREE_LIST: return "holds a list of free pages that cannot be";
    }
    return "is damaged";
}

/* --- tables and metas ----------------------------------------------------------------------------------- */

struct lmdb_table lmdb_table_read(const uint8_t bytes[LMDB_TABLE_BYTES])
{
    return (struct lmdb_table){.flags = load_u16(bytes + 4),
                               .depth = load_u16(bytes + 6),
                               .branch_pages = load_u64(bytes + 8),
                               .leaf_pages = load_u64(bytes + 16),
                               .overflow_pages = load_u64(bytes + 24),
                               .entries = load_u64(bytes + 32),
                               .root = load_u64(bytes + 40)};
}

bool lmdb_table_is_possible(const struct lmdb_table *table, uint16_t flags, uint64_t pages_count)
{
    if (table->flags != flags) return false;
    if (table->root == LMDB_NO_PAGE)
        return table->depth == 0 && table->entries == 0 && table->leaf_pages == 0 && table->branch_pages == 0;
    return table->root >= LMDB_META_PAGES && table->root < pages_count && table->depth >= 1 &&
           table->depth <= LMDB_DEPTH_MAX && table->leaf_pages >= 1 && table->entries >= 1;
}

uint32_t lmdb_meta_page_bytes(const uint8_t bytes[LMDB_META_BYTES])
{
    return load_u32(bytes + 40);
}

bool lmdb_meta_read(const uint8_t bytes[LMDB_META_BYTES], uint64_t number, struct lmdb_meta *meta)
{
    *meta = (struct lmdb_meta){.page_bytes = load_u32(bytes + 40),
                               .free = lmdb_table_read(bytes + 40),
                               .main = lmdb_table_read(bytes + 88),
                               .last_page = load_u64(bytes + 136),
                               .transaction = load_u64(bytes + 144)};
    bool is_meta = load_u64(bytes) == number && load_u16(bytes + 10) == PAGE_META &&
                   load_u32(bytes + 16) == (uint32_t)META_MAGIC && load_u32(bytes + 20) == META_VERSION;
    uint32_t size = meta->page_bytes;
    bool is_size = size >= LMDB_PAGE_BYTES_MIN && size <= LMDB_PAGE_BYTES_MAX && (size & (size - 1)) == 0;
    if (!is_meta || !is_size || meta->last_page < LMDB_META_PAGES - 1 || meta->last_page > UINT64_MAX / size - 1)
        return false;
    meta->free.flags = (uint16_t)(meta->free.flags & ~META_PLAIN);
    return lmdb_table_is_possible(&meta->free, TABLE_NUMBERS, meta->last_page + 1) &&
           lmdb_table_is_possible(&meta->main, 0, meta->last_page + 1);
}

/* --- nodes ---------------------------------------------------------------------------------------------- */

uint32_t lmdb_nodes_count(const uint8_t *page)
{
    return (load_u16(page + 12) - (uint32_t)LMDB_HEADER_BYTES) / 2;
}

static const uint8_t *node_of(const uint8_t *page, uint32_t index)
{
    return page + load_u16(page + LMDB_HEADER_BYTES + 2 * (size_t)index);
}

struct lmdb_node lmdb_node_at(const uint8_t *page, bool is_leaf, uint32_t index)
{
    const uint8_t *bytes = node_of(page, index);
    const uint8_t *value = bytes + NODE_BYTES + load_u16(bytes + 6);
    struct lmdb_node node = {.key = span_of(bytes + NODE_BYTES, load_u16(bytes + 6))};
    uint64_t low = load_u32(bytes);
    uint16_t flags = load_u16(bytes + 4);
    if (!is_leaf) {
        node.child = low | (uint64_t)flags << 32;
        return node;
    }
    node.value_bytes = low;
    node.is_table = (flags & NODE_TABLE) != 0;
    if ((flags & NODE_BIG) != 0) {
        node.overflow_page = load_u64(value);
    } else {
        node.value = span_of(value, low);
    }
    return node;
}

int lmdb_key_compare(bool has_numbers, struct span a, struct span b)
{
    if (!has_numbers) return span_compare(a, b);
    uint64_t left = load_u64(a.bytes);
    uint64_t right = load_u64(b.bytes);
    return (left > right) - (left < right);
}

/* --- a page --------------------------------------------------------------------------------------------- */

/* The node's place and length, in even bytes; its flags and what they promise. `bytes` counts up its length. */
static enum lmdb_fault node_check(const uint8_t *page, size_t page_bytes, const struct lmdb_expected *expected,
                                  uint32_t index, size_t *bytes)
{
    size_t upper = load_u16(page + 14);
    size_t at = load_u16(page + LMDB_HEADER_BYTES + 2 * (size_t)index);
    if (at < upper || at > page_bytes - NODE_BYTES || at % 2 != 0) return LMDB_BOUNDS;
    const uint8_t *node = page + at;
    size_t key_bytes = load_u16(node + 6);
    size_t length = NODE_BYTES + key_bytes;
    uint16_t flags = load_u16(node + 4);
    if (key_bytes > LMDB_KEY_BYTES_MAX) return LMDB_BOUNDS;
    if (expected->is_leaf || index > 0) {
        if (expected->has_numbers ? key_bytes != NUMBER_BYTES : key_bytes == 0) return LMDB_BOUNDS;
    }
    if (expected->is_leaf) {
        uint64_t value_bytes = load_u32(node);
        bool is_table = flags == NODE_TABLE;
        if (expected->has_tables ? !is_table : (flags & ~NODE_BIG) != 0) return LMDB_FLAGS;
        if (is_table && value_bytes != LMDB_TABLE_BYTES) return LMDB_BOUNDS;
        length += flags == NODE_BIG ? NUMBER_BYTES : (size_t)value_bytes;
    }
    length += length % 2;
    if (length > page_bytes - at) return LMDB_BOUNDS;
    *bytes += length;
    return LMDB_SOUND;
}

static enum lmdb_fault order_check(const uint8_t *page, const struct lmdb_expected *expected, uint32_t count)
{
    uint32_t first = expected->is_leaf ? 0 : 1; /* the first key of a branch says nothing */
    struct span before = expected->low;
    bool has_before = expected->has_low;
    for (uint32_t i = first; i < count; i++) {
        struct span key = lmdb_node_at(page, expected->is_leaf, i).key;
        int order = has_before ? lmdb_key_compare(expected->has_numbers, before, key) : -1;
        bool may_equal = expected->is_leaf && i == 0; /* the first key of a leaf may be what the branch names */
        if (order > 0 || (order == 0 && !may_equal)) return LMDB_ORDER;
        before = key;
        has_before = true;
    }
    bool is_above = expected->has_high && count > first &&
                    lmdb_key_compare(expected->has_numbers, before, expected->high) >= 0;
    return is_above ? LMDB_ORDER : LMDB_SOUND;
}

enum lmdb_fault lmdb_page_check(const uint8_t *page, size_t page_bytes, const struct lmdb_expected *expected)
{
    size_t lower = load_u16(page + 12);
    size_t upper = load_u16(page + 14);
    if (load_u64(page) != expected->number) return LMDB_OTHER_NUMBER;
    if (load_u16(page + 10) != (expected->is_leaf ? PAGE_LEAF : PAGE_BRANCH)) return LMDB_OTHER_KIND;
    if (lower <= LMDB_HEADER_BYTES || lower % 2 != 0 || lower > upper || upper > page_bytes) return LMDB_BOUNDS;
    uint32_t count = lmdb_nodes_count(page);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum lmdb_fault fault = node_check(page, page_bytes, expected, i, &bytes);
        if (fault != LMDB_SOUND) return fault;
    }
    if (bytes != page_bytes - upper) return LMDB_BOUNDS; /* LMDB leaves no gap between nodes */
    return order_check(page, expected, count);
}

/* --- overflow pages ------------------------------------------------------------------------------------- */

uint64_t lmdb_overflow_pages(uint64_t value_bytes, size_t page_bytes)
{
    return (LMDB_HEADER_BYTES - 1 + value_bytes) / page_bytes + 1;
}

enum lmdb_fault lmdb_overflow_check(const uint8_t header[LMDB_HEADER_BYTES], uint64_t number, uint64_t value_bytes,
                                    size_t page_bytes, uint64_t *count)
{
    *count = load_u32(header + 12);
    if (load_u64(header) != number) return LMDB_OTHER_NUMBER;
    if (load_u16(header + 10) != PAGE_OVERFLOW) return LMDB_OVERFLOW;
    /* more than it takes: a longer value was replaced within one transaction */
    return *count >= lmdb_overflow_pages(value_bytes, page_bytes) ? LMDB_SOUND : LMDB_OVERFLOW;
}
