/* The walk over LMDB's pages: any bytes are walked to the end, every row lies inside them, keys ascend.
 *
 * The first byte chooses: its lowest bit, a whole file (meta page, then every table that "main" names) or one
 * table, whose description stands before its pages; its next bit, pages of 512 bytes or 4096; the next, keys that
 * are numbers; the next, leaves that are not read. A table is walked twice, from its beginning and from its middle
 * row on: the second walk must give the rest of the first.
 */
#include "node/edge/lmdb_walk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
    const uint8_t *bytes;
    size_t length;
};

static bool read_image(void *owner, uint64_t offset, uint8_t *out, size_t length)
{
    const struct image *image = owner;
    if (offset > image->length || length > image->length - offset) return false;
    memcpy(out, image->bytes + offset, length);
    return true;
}

static void need(bool is_so)
{
    if (!is_so) abort();
}

struct kind {
    bool has_numbers, has_tables, skips_leaves;
};

/* What one walk met. */
struct met {
    uint64_t rows;
    uint64_t damages;
    uint64_t sum; /* of the rows behind the first `from` of them */
    uint8_t middle[LMDB_KEY_BYTES_MAX];
    size_t middle_bytes;
};

static uint64_t sum_of(uint64_t sum, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        sum = (sum ^ bytes.bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

static void take_row(struct lmdb_walk *walk, const struct image *image, struct met *met, bool counts,
                     uint8_t *before, size_t *before_bytes)
{
    const struct lmdb_node *node = &walk->node;
    uint64_t offset = 0;
    bool is_first = *before_bytes == SIZE_MAX;
    need(node->key.length >= 1 && node->key.length <= LMDB_KEY_BYTES_MAX);
    need(is_first || lmdb_key_compare(walk->has_numbers, span_of(before, *before_bytes), node->key) < 0);
    memcpy(before, node->key.bytes, node->key.length);
    *before_bytes = node->key.length;
    if (counts) met->sum = sum_of(met->sum, node->key);
    if (node->value.bytes != NULL) {
        if (counts) met->sum = sum_of(met->sum, node->value);
    } else if (lmdb_walk_find_value(walk, &offset)) {
        need(offset >= LMDB_HEADER_BYTES && offset <= image->length);
    }
}

/* Walk from `from` on. Sums what comes from the `skip`-th row on; keeps the key of that row. */
static struct met walk_table(const struct lmdb_source *source, const struct lmdb_table *table, struct kind kind,
                             struct span from, uint64_t skip)
{
    struct lmdb_walk walk;
    struct met met = {.sum = 1};
    uint8_t before[LMDB_KEY_BYTES_MAX];
    size_t before_bytes = SIZE_MAX;
    const struct image *image = source->owner;
    uint64_t steps_max = (image->length + 1) * 2; /* every node of every page, and every page damaged */
    if (lmdb_walk_init(&walk, source, table, from) != ERR_OK) return met;
    walk.has_numbers = kind.has_numbers;
    walk.has_tables = kind.has_tables;
    walk.skips_leaves = kind.skips_leaves;
    for (enum lmdb_event event = lmdb_walk_step(&walk); event != LMDB_END; event = lmdb_walk_step(&walk)) {
        need(met.rows + met.damages < steps_max);
        if (event == LMDB_DAMAGE) {
            need(walk.fault != LMDB_SOUND);
            met.damages++;
            continue;
        }
        if (met.rows == skip) {
            memcpy(met.middle, walk.node.key.bytes, walk.node.key.length);
            met.middle_bytes = walk.node.key.length;
        }
        take_row(&walk, image, &met, met.rows >= skip, before, &before_bytes);
        met.rows++;
    }
    lmdb_walk_deinit(&walk);
    return met;
}

static void try_table(const struct lmdb_source *source, const struct lmdb_table *table, struct kind kind)
{
    if (!lmdb_table_is_possible(table, table->flags, source->pages_count)) return;
    struct met all = walk_table(source, table, kind, (struct span){0}, UINT64_MAX);
    if (all.rows == 0 || all.damages > 0) return;
    struct met half = walk_table(source, table, kind, (struct span){0}, all.rows / 2);
    struct met rest = walk_table(source, table, kind, span_of(half.middle, half.middle_bytes), 0);
    need(rest.sum == half.sum && rest.rows == all.rows - all.rows / 2);
}

static void try_file(struct lmdb_source *source)
{
    const struct image *image = source->owner;
    struct lmdb_meta meta;
    struct lmdb_walk walk;
    if (image->length < LMDB_META_BYTES || !lmdb_meta_read(image->bytes, 0, &meta)) return;
    source->page_bytes = meta.page_bytes;
    source->pages_count = meta.last_page + 1;
    try_table(source, &meta.free, (struct kind){.has_numbers = true});
    try_table(source, &meta.main, (struct kind){.has_tables = true});
    if (lmdb_walk_init(&walk, source, &meta.main, (struct span){0}) != ERR_OK) return;
    walk.has_tables = true;
    for (enum lmdb_event event = lmdb_walk_step(&walk); event == LMDB_ROW; event = lmdb_walk_step(&walk)) {
        struct lmdb_table table = lmdb_table_read(walk.node.value.bytes);
        try_table(source, &table, (struct kind){0});
    }
    lmdb_walk_deinit(&walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    struct kind kind = {.has_numbers = (data[0] & 4) != 0, .skips_leaves = (data[0] & 8) != 0};
    struct image image = {data + 1, size - 1};
    struct lmdb_source source = {
        .read = read_image, .owner = &image, .page_bytes = (data[0] & 2) != 0 ? 512 : 4096};
    if ((data[0] & 1) != 0) {
        try_file(&source);
    } else if (image.length >= LMDB_TABLE_BYTES) {
        struct lmdb_table table = lmdb_table_read(image.bytes);
        image = (struct image){image.bytes + LMDB_TABLE_BYTES, image.length - LMDB_TABLE_BYTES};
        source.pages_count = image.length / source.page_bytes;
        try_table(&source, &table, kind);
    }
    return 0;
}
