/* A mask for a while. */
#include "node/edge/signals.h"

#include <pthread.h>

void signals_hold(sigset_t *before)
{
    sigset_t told;
    sigemptyset(&told);
    sigaddset(&told, SIGTERM);
    sigaddset(&told, SIGINT);
    sigaddset(&told, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &told, before);
}

void signals_release(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}
