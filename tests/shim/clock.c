/* A clock that hurries: preloaded into a process, its monotonic clock goes as usual for the first second, and from
 * then on a minute a second. What waits for minutes is seen in a test of seconds, and what must come soon (a
 * connection) has real time. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

enum { USUAL_NS = 1000000000, TIMES_AS_FAST = 60 };

typedef int clock_call(clockid_t, struct timespec *);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static clock_call *real;
static int64_t begun_ns;

static int64_t ns_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void begin(void)
{
    struct timespec now;
    real = (clock_call *)(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    if (real(CLOCK_MONOTONIC, &now) == 0) begun_ns = ns_of(&now);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    pthread_once(&once, begin);
    int result = real(clock, time);
    if (result != 0 || clock != CLOCK_MONOTONIC) return result;
    int64_t past_ns = ns_of(time) - begun_ns - USUAL_NS;
    if (past_ns <= 0) return result;
    int64_t shown_ns = begun_ns + USUAL_NS + past_ns * TIMES_AS_FAST;
    *time = (struct timespec){.tv_sec = shown_ns / 1000000000, .tv_nsec = shown_ns % 1000000000};
    return result;
}
