/* `skerry COMMAND …`: the one program, server and commands alike. */
#include "node/cli/commands.h"
#include "node/cli/output.h"
#include "node/edge/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command COMMANDS[] = {
    {"server", "run a node", server_main},
    {"k2v", "read and write items", k2v_main},
    {"bucket", "manage buckets", bucket_main},
    {"key", "manage access keys", key_main},
    {"status", "how a running server is doing", status_main},
};

static const struct command_group GROUP = {
    .name = "skerry",
    .about = "Skerry: a key/key/value store that speaks the K2V API and keeps what concurrent writers wrote.",
    .more = "A first try:\n"
            "  skerry server\n"
            "  skerry k2v insert greetings hello 'Hello, world!' --env-file skerry-data/demo.env\n"
            "  skerry k2v read greetings hello --env-file skerry-data/demo.env\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

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
    return output_end(commands_run(&GROUP, argc, argv));
}
