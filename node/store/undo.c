/* A chain of rows as they were, newest first. */
#include "node/store/undo.h"

enum { UNDO_BYTES_MAX = 1 << 30 };

struct undo_row {
    struct undo_row *older;
    enum kv_space space;
    struct span key;
    struct span value; /* bytes NULL: there was none */
};

void undo_init(struct undo *undo, bool is_wanted)
{
    *undo = (struct undo){.is_wanted = is_wanted};
    arena_init(&undo->arena, UNDO_BYTES_MAX);
}

void undo_deinit(struct undo *undo)
{
    arena_deinit(&undo->arena);
}

static bool undo_copy(struct undo *undo, struct span from, struct span *to)
{
    if (from.bytes == NULL) return true;
    uint8_t *copy = arena_copy(&undo->arena, from.bytes, from.length);
    *to = span_of(copy, from.length);
    return copy != NULL;
}

enum err undo_note(struct undo *undo, enum kv_space space, struct span key, struct span value)
{
    if (!undo->is_wanted) return ERR_OK;
    struct undo_row *row = arena_alloc(&undo->arena, sizeof *row);
    if (row == NULL || !undo_copy(undo, key, &row->key) || !undo_copy(undo, value, &row->value)) return ERR_MEMORY;
    row->space = space;
    row->older = undo->newest;
    undo->newest = row;
    return ERR_OK;
}

enum err undo_run(struct undo *undo, struct kv_txn *txn)
{
    enum err err = ERR_OK;
    for (struct undo_row *row = undo->newest; row != NULL && err == ERR_OK; row = row->older) {
        if (row->value.bytes == NULL) {
            err = kv_delete(txn, row->space, row->key);
        } else {
            err = kv_put(txn, row->space, row->key, row->value);
        }
    }
    return err;
}
