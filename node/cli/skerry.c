/* The table of all commands. */
#include "node/cli/commands.h"

static const struct command COMMANDS[] = {
    {"server", "run a node", server_command},
    {"k2v", "read and write items", k2v_main},
    {"bucket", "manage buckets", bucket_main},
    {"key", "manage access keys", key_main},
    {"node", "manage the nodes of a cluster", node_main},
    {"layout", "manage which nodes hold what", layout_main},
    {"status", "how a cluster and a running server are doing", status_main},
    {"repair", "find damage in a database, save what is sound", repair_main},
    {"stats", "what a running server does, in numbers", stats_main},
    {"completion", "print a completion script for a shell", completion_main},
    {"manual", "print the manual page", manual_main},
};

const struct command_group SKERRY_COMMANDS = {
    .name = "skerry",
    .about = "Skerry: a key/key/value store that speaks the K2V API and keeps what concurrent writers wrote.",
    .more = "A first try:\n"
            "  skerry server\n"
            "  skerry k2v insert greetings hello 'Hello, world!' --env-file skerry-data/demo.env\n"
            "  skerry k2v read greetings hello --env-file skerry-data/demo.env\n",
    .commands = COMMANDS,
    .commands_count = sizeof COMMANDS / sizeof COMMANDS[0],
};

int skerry_main(int argc, char **argv)
{
    return commands_run(&SKERRY_COMMANDS, argc, argv);
}
