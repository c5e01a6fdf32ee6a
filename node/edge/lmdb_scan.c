/* One walk, and one buffer for large values. */
#include "node/edge/lmdb_scan.h"

#include <stdlib.h>

static struct lmdb_scan *scan_of(struct kv_scan *scan)
{
    return (struct lmdb_scan *)(void *)scan;
}

enum err lmdb_scan_create(const struct lmdb_file *file, const struct kv_calls *calls, enum kv_space space,
                          struct span from, struct kv_scan **out)
{
    struct lmdb_scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) return ERR_MEMORY;
    *scan = (struct lmdb_scan){.scan = {calls}, .file = file, .table = LMDB_FILE_TABLES[space]};
    bool is_open = file->finding.fault == LMDB_SOUND;
    scan->has_walk = is_open && !file->is_new;
    scan->is_told = is_open;
    if (scan->has_walk && lmdb_walk_init(&scan->walk, &file->source, &file->tables[space], from) != ERR_OK) {
        free(scan);
        return ERR_MEMORY;
    }
    *out = &scan->scan;
    return ERR_OK;
}

void lmdb_scan_destroy(struct kv_scan *kv_scan)
{
    struct lmdb_scan *scan = scan_of(kv_scan);
    if (scan->has_walk) lmdb_walk_deinit(&scan->walk);
    free(scan->value);
    free(scan);
}

/* The row's value, out of its overflow pages. All of it is in the file, so its length is bounded by the file's. */
static enum err fetch_value(struct lmdb_scan *scan, struct span *value, bool *is_sound)
{
    uint64_t offset = 0;
    struct lmdb_walk *walk = &scan->walk;
    size_t length = (size_t)walk->node.value_bytes;
    *is_sound = lmdb_walk_find_value(walk, &offset) && offset <= scan->file->bytes &&
                length <= scan->file->bytes - offset;
    if (!*is_sound && walk->fault == LMDB_SOUND) {
        walk->fault = LMDB_UNREADABLE;
        walk->fault_page = walk->node.overflow_page;
    }
    if (!*is_sound) return ERR_OK;
    if (length > scan->value_capacity) {
        uint8_t *moved = realloc(scan->value, length);
        if (moved == NULL) return ERR_MEMORY;
        scan->value = moved;
        scan->value_capacity = length;
    }
    *is_sound = scan->file->source.read(scan->file->source.owner, offset, scan->value, length);
    if (!*is_sound) {
        walk->fault = LMDB_UNREADABLE;
        walk->fault_page = walk->node.overflow_page;
    }
    *value = span_of(scan->value, length);
    return ERR_OK;
}

static void take_damage(const struct lmdb_scan *scan, struct kv_damage *damage)
{
    *damage = (struct kv_damage){scan->table, scan->walk.fault_page, lmdb_fault_text(scan->walk.fault)};
}

/* The tables themselves cannot be found: said once, then the end. */
static void step_without_walk(struct lmdb_scan *scan, enum kv_scan_step *step, struct kv_damage *damage)
{
    const struct lmdb_finding *finding = &scan->file->finding;
    *step = scan->is_told ? KV_SCAN_END : KV_SCAN_DAMAGE;
    *damage = (struct kv_damage){finding->table, finding->page, lmdb_fault_text(finding->fault)};
    scan->is_told = true;
}

enum err lmdb_scan_step(struct kv_scan *kv_scan, enum kv_scan_step *step, struct kv_pair *pair,
                        struct kv_damage *damage)
{
    struct lmdb_scan *scan = scan_of(kv_scan);
    if (!scan->has_walk) {
        step_without_walk(scan, step, damage);
        return ERR_OK;
    }
    scan->walk.fault = LMDB_SOUND;
    switch (lmdb_walk_step(&scan->walk)) {
    case LMDB_END: *step = KV_SCAN_END; return ERR_OK;
    case LMDB_DAMAGE:
        *step = KV_SCAN_DAMAGE;
        take_damage(scan, damage);
        return ERR_OK;
    case LMDB_ROW: break;
    }
    bool is_sound = true;
    enum err err = ERR_OK;
    *step = KV_SCAN_ROW;
    *pair = (struct kv_pair){scan->walk.node.key, scan->walk.node.value};
    if (pair->value.bytes == NULL) err = fetch_value(scan, &pair->value, &is_sound);
    if (!is_sound) {
        *step = KV_SCAN_DAMAGE;
        take_damage(scan, damage);
    }
    return err;
}
