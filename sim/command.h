/* What a person types: the commands of skerry-sim and their options. */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

enum {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1, /* a run failed */
    COMMAND_USAGE = 2,  /* what was typed makes no sense */
};

/* Returns the exit code. */
int command_run(int argc, char **argv);

#endif
