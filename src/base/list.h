/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/list.h: a doubly linked ring whose links live in the objects themselves.
 *
 * A list is a `struct list` that is its own neighbour when empty; an object is in as many lists as
 * it has links. The list owns nothing. A link that is in no list points at itself once list_init()
 * or list_remove() was called on it, so that removing twice is harmless.
 */
#ifndef CRONJOB_BASE_LIST_H
#define CRONJOB_BASE_LIST_H

#include <stdbool.h>

#include "base/compiler.h"

struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *list)
{
    *list = (struct list){.next = list, .previous = list};
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *list, struct list *link)
{
    *link = (struct list){.next = list, .previous = list->previous};
    list->previous->next = link;
    list->previous = link;
}

static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

/* Takes out the link at the front of a list that is not empty. */
static inline struct list *list_take_link(struct list *list)
{
    struct list *link = list->next;

    list->next = link->next;
    link->next->previous = list;
    list_init(link);
    return link;
}

/* The object at the front of a list that is not empty; with _take, which it leaves. */
#define list_first(list, type, member) container_of((list)->next, type, member)
#define list_take(list, type, member)  container_of(list_take_link(list), type, member)

/* Visits each object; with _safe, the visited one may be removed, `after` is a spare link. */
#define list_for_each(item, list, member)                                                       \
    for (item = container_of((list)->next, __typeof__(*item), member); &item->member != (list); \
         item = container_of(item->member.next, __typeof__(*item), member))

#define list_for_each_safe(item, after, list, member)                                             \
    for (item = container_of((list)->next, __typeof__(*item), member), after = item->member.next; \
         &item->member != (list);                                                                 \
         item = container_of(after, __typeof__(*item), member), after = item->member.next)

#endif
