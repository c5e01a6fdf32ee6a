/* What must hold in a world: a check a promise. Each looks at the nodes from outside and says what it found. */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "sim/operators.h"

enum { ORACLE_WHY_CHARS = 400 };

/* What must hold at any moment, faults or not; world_fail() else:
 *
 *   - nobody goes back to an older announcement of a node (SWIM's refutation rests on incarnations)
 *   - no member is removed whom no operator removed (H11: gossip never removes)
 *   - what a node had when it acknowledged something it still has, across crashes (I1, I23; sim/promises.h)
 *   - no operator's request waits for ever */
void oracle_watch(struct operators *operators);

/* Each line a node logs: who is named as one that makes no sense must be a liar, or world_fail(); a doubled
 * identity is counted as named. */
void oracle_on_log(struct operators *operators, struct machine *machine, const struct effect *line);

/* What must hold once faults are over and all had their time. False, with `why`, on the first thing that does not
 * hold yet:
 *
 *   - every node is up, ready, and where it should be: a member of the one cluster, or removed
 *   - one set of documents, byte for byte: in the views and on the disks
 *   - one layout (I21), whose versions all have their ancestors
 *   - one view of who lives: everyone alive, at the address it has
 *   - what operators were told is so, on every node, and nothing of what a node had then is gone or older
 *   - no node names a problem to its operator
 *   - strangers are in no cluster of ours (H13)
 *   - a liar that was heard was named
 *
 * Beside a liar, who may invent members, it is not asked how many there are, nor what they lack. */
bool oracle_settled(struct operators *operators, bool is_isolated, char why[ORACLE_WHY_CHARS]);

/* How many layout versions share their number with another one: operators on two sides of a cut really met. */
uint32_t oracle_layout_conflicts(const struct operators *operators);

#endif
