/* A promise is a view that is held; one view covers another when nothing of that is gone or older. */
#include "sim/promises.h"

#include "node/base/hash.h"

#include <stdio.h>

static void say(char why[PROMISES_WHY_CHARS], const char *what, struct span key)
{
    char hex[2 * 24 + 1] = "";
    size_t bytes = key.length - 1 < 24 ? key.length - 1 : 24;
    hash_hex(key.bytes + 1, bytes, hex);
    snprintf(why, PROMISES_WHY_CHARS, "document %c %s is %s", key.bytes[0], hex, what);
}

/* Both are in order of their keys. */
static bool covers(const struct view *view, const struct view *promised, char why[PROMISES_WHY_CHARS])
{
    struct op_document wanted;
    struct op_document there;
    uint32_t at = 0;
    for (uint32_t i = 0; view_document(promised, i, &wanted); i++) {
        bool is_there = view_document(view, at, &there);
        while (is_there && span_compare(there.key, wanted.key) < 0)
            is_there = view_document(view, ++at, &there);
        if (!is_there || !span_is_equal(there.key, wanted.key)) {
            say(why, "gone", wanted.key);
            return false;
        }
        if (crdt_lww_compare(&there.register_, &wanted.register_) < 0) {
            say(why, "older than it was", wanted.key);
            return false;
        }
    }
    return true;
}

static void hold(struct view **slot, const struct view *view)
{
    view_release(*slot);
    *slot = view_hold((struct view *)view);
}

void promises_note(struct promises *promises, const struct machine *machine)
{
    char why[PROMISES_WHY_CHARS];
    const struct view *view = machine_view(machine);
    struct view **promised = &promises->views[machine->index];
    if (view == NULL || view == *promised) return;
    if (*promised != NULL && !covers(view, *promised, why)) return; /* broken already: the next look finds it */
    hold(promised, view);
    hold(&promises->seen[machine->index], view);
}

void promises_hand_over(struct promises *promises, const struct world *world, const struct machine *machine,
                        const bool is_out[WORLD_MACHINES_MAX])
{
    char why[PROMISES_WHY_CHARS];
    struct view *promised = promises->views[machine->index];
    for (uint32_t i = 0; promised != NULL && i < world->machines_count; i++) {
        const struct machine *other = world->machines[i];
        const struct view *view = machine_view(other);
        bool is_one = other != machine && other->group == machine->group && view != NULL && !other->is_copy &&
                      !other->is_liar && !is_out[i];
        if (!is_one || !covers(view, promised, why)) continue;
        promises_note(promises, other);
        break;
    }
    view_release(promised);
    promises->views[machine->index] = NULL;
}

bool promises_are_kept(struct promises *promises, const struct machine *machine, char why[PROMISES_WHY_CHARS])
{
    const struct view *view = machine_view(machine);
    const struct view *promised = promises->views[machine->index];
    if (view == NULL || promised == NULL || view == promised || view == promises->seen[machine->index])
        return true;
    if (!covers(view, promised, why)) return false;
    hold(&promises->seen[machine->index], view);
    return true;
}

bool promises_hold_in(const struct promises *promises, uint32_t index, const struct view *view,
                      char why[PROMISES_WHY_CHARS])
{
    const struct view *promised = promises->views[index];
    return promised == NULL || view == promised || covers(view, promised, why);
}

void promises_deinit(struct promises *promises)
{
    for (uint32_t i = 0; i < WORLD_MACHINES_MAX; i++) {
        view_release(promises->views[i]);
        view_release(promises->seen[i]);
        promises->views[i] = promises->seen[i] = NULL;
    }
}
