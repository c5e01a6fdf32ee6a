/* News in lists by how often they were told. */
#include "node/cluster/rumour.h"

void rumours_init(struct rumours *rumours, uint32_t limit)
{
    for (uint32_t i = 0; i < RUMOUR_TELLINGS_MAX; i++)
        list_init(&rumours->lists[i]);
    rumours_set_limit(rumours, limit);
}

void rumours_set_limit(struct rumours *rumours, uint32_t limit)
{
    rumours->limit = limit;
    if (limit == 0) rumours->limit = 1;
    if (limit > RUMOUR_TELLINGS_MAX) rumours->limit = RUMOUR_TELLINGS_MAX;
}

void rumour_init(struct rumour *rumour, void *owner)
{
    list_init(&rumour->link);
    rumour->owner = owner;
    rumour->tellings = 0;
}

void rumours_add(struct rumours *rumours, struct rumour *rumour)
{
    list_remove(&rumour->link);
    rumour->tellings = 0;
    list_append(&rumours->lists[0], &rumour->link);
}

void rumours_remove(struct rumour *rumour)
{
    list_remove(&rumour->link);
}

void rumours_told(struct rumours *rumours, struct rumour *rumour)
{
    list_remove(&rumour->link);
    rumour->tellings++;
    if (rumour->tellings < rumours->limit) list_append(&rumours->lists[rumour->tellings], &rumour->link);
}

/* The first of the lists from `tellings` on. */
static struct rumour *first_from(const struct rumours *rumours, uint32_t tellings)
{
    for (uint32_t i = tellings; i < RUMOUR_TELLINGS_MAX; i++) {
        const struct list *list = &rumours->lists[i];
        if (!list_is_empty(list)) return LIST_OWNER(list->next, struct rumour, link);
    }
    return NULL;
}

struct rumour *rumours_first(const struct rumours *rumours)
{
    return first_from(rumours, 0);
}

struct rumour *rumours_next(const struct rumours *rumours, const struct rumour *rumour)
{
    struct list *next = rumour->link.next;
    if (next == &rumours->lists[rumour->tellings]) return first_from(rumours, rumour->tellings + 1);
    return LIST_OWNER(next, struct rumour, link);
}
