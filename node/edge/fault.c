/* Two signals and one line. */
#include "node/edge/fault.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HAS_SANITIZER = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { HAS_SANITIZER = 1 };
#else
enum { HAS_SANITIZER = 0 };
#endif
#else
enum { HAS_SANITIZER = 0 };
#endif

static void put(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* there is nobody left to tell */
}

void fault_end(const char *why)
{
    put("level=error msg=\"a page of the database is damaged, or this is a fault of the program; stopping: run "
        "`skerry repair check`\" why=\"");
    put(why);
    put("\"\n");
    _exit(1);
}

static void on_signal(int number)
{
    fault_end(number == SIGBUS ? "memory behind the end of the file, or a disk that fails (SIGBUS)"
                               : "memory that is not there (SIGSEGV)");
}

void fault_watch(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
    if (!HAS_SANITIZER) (void)sigaction(SIGSEGV, &action, NULL);
}
