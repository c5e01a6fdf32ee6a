/* Bugs on purpose (enum world_plant), to see whether the oracle finds them: those in a machine's store. */
#ifndef SIM_PLANT_H
#define SIM_PLANT_H

#include <stdint.h>

struct machine;
struct world;

/* Of the writes that are about to be run, take out those that the bug answers as done without doing them. */
void plant_take(struct machine *machine);

/* The bug did at `node` what it is: it is counted and said in the trace. A plant that never acted proves nothing.
 */
void plant_acted(struct world *world, uint32_t node);

#endif
