/* A member of the cluster that has the secret and a key of its own, and says what it likes (H12, H25, H26).
 * Beneath it runs a sound node, by which it was let in and keeps its links; on top of that it tells lies:
 *
 *   in packets   claims that everybody is down, announcements that are forged or of nodes it invented, what it
 * heard before, again or with bits turned over links   documents from the future, of invented members, of a layout
 * without a past, out of order, malformed, unasked for; grants; bytes that are nothing; messages of absurd size
 *
 * Not among them is what any operator might do at any member, such as removing others: who is a member is trusted
 * with that.
 */
#ifndef SIM_LIAR_H
#define SIM_LIAR_H

#include "sim/world.h"

/* The liars of the world tell some lies each, drawn. The first of each is a line `lies` of the trace. */
void liar_lie(struct world *world, struct prng *prng);

#endif
