/* What an acknowledgement is worth: all documents that a node has when it says that a change is done. From then on
 * none of them may be gone, or older than it was: not on that node, across crashes; and when all is healed, on no
 * node of its cluster. So an acknowledged bucket, key, permission, role that was staged, layout that was applied,
 * node that was let in or taken out is a fact (I1, I21, I23): it may be replaced by what is newer, never lost.
 */
#ifndef SIM_PROMISES_H
#define SIM_PROMISES_H

#include "sim/world.h"

enum { PROMISES_WHY_CHARS = 160 };

struct promises {
    struct view *views[WORLD_MACHINES_MAX]; /* by machine: when it last acknowledged something; held */
    struct view *seen[WORLD_MACHINES_MAX];  /* what was found to keep the promise; held */
};

/* The machine has just acknowledged something. */
void promises_note(struct promises *promises, const struct machine *machine);

/* What the machine promised is another's to keep: it is being taken out of the cluster, and what only it has goes
 * with it. Not one of those that are out already (`is_out`, by machine): they forget, too. */
void promises_hand_over(struct promises *promises, const struct world *world, const struct machine *machine,
                        const bool is_out[WORLD_MACHINES_MAX]);

/* Does the machine still have what it promised? False with `why`. */
bool promises_are_kept(struct promises *promises, const struct machine *machine, char why[PROMISES_WHY_CHARS]);

/* Does `view` have what the machine promised? */
bool promises_hold_in(const struct promises *promises, uint32_t index, const struct view *view,
                      char why[PROMISES_WHY_CHARS]);

void promises_deinit(struct promises *promises);

#endif
