/* A binary heap; each timer knows its place, so that it can leave from the middle. */
#include "node/base/timers.h"

#include <assert.h>

bool timers_init(struct timers *timers, uint32_t capacity, struct arena *arena)
{
    timers->heap = arena_array(arena, (size_t)capacity + 1, sizeof *timers->heap);
    timers->count = 0;
    timers->capacity = capacity;
    return timers->heap != NULL;
}

static void put(struct timers *timers, uint32_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct timers *timers, uint32_t place, struct timer *timer)
{
    while (place > 1 && timers->heap[place / 2]->deadline_ms > timer->deadline_ms) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct timers *timers, uint32_t place, struct timer *timer)
{
    for (;;) {
        uint32_t child = place * 2;
        if (child > timers->count) break;
        if (child < timers->count && timers->heap[child + 1]->deadline_ms < timers->heap[child]->deadline_ms)
            child++;
        if (timers->heap[child]->deadline_ms >= timer->deadline_ms) break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

void timers_add(struct timers *timers, struct timer *timer, uint64_t deadline_ms)
{
    assert(timer->place == 0);
    assert(timers->count < timers->capacity);
    timer->deadline_ms = deadline_ms;
    sift_up(timers, ++timers->count, timer);
}

void timers_remove(struct timers *timers, struct timer *timer)
{
    uint32_t place = timer->place;
    if (place == 0) return;
    assert(place <= timers->count && timers->heap[place] == timer);
    struct timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last == timer) return;
    if (place > 1 && timers->heap[place / 2]->deadline_ms > last->deadline_ms) {
        sift_up(timers, place, last);
    } else {
        sift_down(timers, place, last);
    }
}

struct timer *timers_first(const struct timers *timers)
{
    return timers->count == 0 ? NULL : timers->heap[1];
}
