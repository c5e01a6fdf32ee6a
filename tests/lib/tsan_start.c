/* Linked into the program of a build with ThreadSanitizer; not part of any other.
 *
 * The runtime of gcc 12 keeps what it knows of a thread's signals in memory that it takes at the thread's first
 * blocking call. A signal that comes meanwhile takes such memory as well, is noted there, and is forgotten with
 * it: a SIGTERM right after "ready" then has no effect, for the loop's first wait for events is such a call. One
 * earlier call of that kind, which does nothing, leaves no such moment. */
#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void take_memory_for_signals(void)
{
    (void)kill(getpid(), 0);
}
