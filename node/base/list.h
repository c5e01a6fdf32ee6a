/* An intrusive, doubly linked list: the links live in what is listed, nothing is allocated. */
#ifndef NODE_BASE_LIST_H
#define NODE_BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

/* The struct of type `type` whose member `member` is at `link`. */
#define LIST_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* An empty list, or a link that is in none. */
static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* `link` is in no list (asserted). */
static inline void list_append(struct list *list, struct list *link)
{
    assert(list_is_empty(link));
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* Append all of `from`, which is then empty. */
static inline void list_move(struct list *list, struct list *from)
{
    if (list_is_empty(from)) return;
    from->next->previous = list->previous;
    list->previous->next = from->next;
    from->previous->next = list;
    list->previous = from->previous;
    list_init(from);
}

/* Take `link` out of whatever list it is in; it is then in none. Harmless twice. */
static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

#endif
