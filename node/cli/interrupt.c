/* Noting signals. */
#include "node/cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>

static volatile sig_atomic_t noted;

static void note(int number)
{
    noted = number;
}

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    action.sa_flags = (int)SA_RESETHAND; /* no SA_RESTART: a read that waits ends */
    struct sigaction before;
    sigaction(number, NULL, &before);
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, NULL); /* nohup and the like stay */
}

void interrupt_watch(void)
{
    set_handler(SIGINT, note);
    set_handler(SIGTERM, note);
}

bool interrupt_came(void)
{
    return noted != 0;
}

void interrupt_end(void)
{
    set_handler(SIGINT, SIG_DFL);
    set_handler(SIGTERM, SIG_DFL);
    if (noted == 0) return;
    fflush(NULL);
    raise(noted);
}
