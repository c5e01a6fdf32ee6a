/* The last words of a server that a damaged page leads astray.
 *
 * LMDB believes the pages of its file. They are checked at the start, but a page may rot, or the file be cut off,
 * while the server runs: reading it then ends in memory that is not there. That cannot be mended in place; what
 * can be had is an end that says why, acknowledges nothing more, and loses nothing that was acknowledged. */
#ifndef NODE_EDGE_FAULT_H
#define NODE_EDGE_FAULT_H

/* From now on a read of memory that is not there ends the process by fault_end(). With a sanitizer, which has its
 * own words for it, only what the kernel says of a mapped file (SIGBUS) does. */
void fault_watch(void);

/* One line on standard error, exit code 1. `why` is a few constant words. Async-signal-safe. */
_Noreturn void fault_end(const char *why);

#endif
