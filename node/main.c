/* `skerry COMMAND …`: the one program, server and commands alike. */
#include "node/cli/commands.h"
#include "node/cli/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A socket or database opened in the place of a closed standard stream would be written to by mistake. What stands
 * in for one fails as a closed one does: the wrong way round. */
static void fill_closed_streams(void)
{
    static const int ways[] = {O_WRONLY, O_RDONLY, O_RDWR};
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", ways[fd]) < 0) _exit(CLI_FAILED);
    }
}

int main(int argc, char **argv)
{
    fill_closed_streams();
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("skerry %s\n", SKERRY_VERSION);
        return output_end(CLI_DONE);
    }
    return output_end(skerry_main(argc, argv));
}
