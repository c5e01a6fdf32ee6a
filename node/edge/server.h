/* `skerry server`: from settings to a node that serves. */
#ifndef NODE_EDGE_SERVER_H
#define NODE_EDGE_SERVER_H

/* Run the command; argv[0] is "server", the words after it are its own. Returns the process's exit code: 0 after a
 * drain or
 * --help or a good
 * --check-config, 1 when the node could not start or had to stop, 2 for settings that cannot be used. */
int server_main(int argc, char **argv);

#endif
