/* A wall clock that is wrong: preloaded into a process, what it asks of CLOCK_REALTIME is off by
 * SHIM_WALL_OFFSET_S seconds, either way. Its monotonic clock goes as it should. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef int clock_call(clockid_t, struct timespec *);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static clock_call *real;
static int64_t offset_s;

static void begin(void)
{
    const char *text = getenv("SHIM_WALL_OFFSET_S");
    real = (clock_call *)(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    if (text != NULL) offset_s = strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    pthread_once(&once, begin);
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += offset_s;
    return result;
}
