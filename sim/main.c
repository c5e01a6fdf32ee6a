/* skerry-sim: whole clusters in virtual time, a seed each. */
#include "sim/command.h"

int main(int argc, char **argv)
{
    return command_run(argc, argv);
}
