/* Ctrl-C in the middle of something that should say how far it came before it ends. */
#ifndef NODE_CLI_INTERRUPT_H
#define NODE_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM are noted; a second one ends the program at once, as ever. */
void interrupt_watch(void);

bool interrupt_came(void);

/* If one came, end the program by it, as whoever waits for it expects; else back to the usual. */
void interrupt_end(void);

#endif
