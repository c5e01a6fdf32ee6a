/* Bugs on purpose (enum world_plant), to see whether the oracle finds them: those in a machine's store. */
#ifndef SIM_PLANT_H
#define SIM_PLANT_H

struct machine;

/* Of the writes that are about to be run, take out those that the bug answers as done without doing them. */
void plant_take(struct machine *machine);

#endif
