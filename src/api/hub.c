/* SPDX-License-Identifier: Apache-2.0 */
#include "api/hub.h"

#include <pthread.h>

#include "base/mem.h"

#include "api/secret.h"

struct hub {
    struct events *events;
    uint64_t life;
    pthread_mutex_t mutex; /* protects all below */
    struct list listeners;
    uint64_t newest; /* event n is in ring[n % HUB_EVENTS] */
    struct event ring[HUB_EVENTS];
};

static bool concerns(const struct hub_listener *listener, const struct event *event)
{
    if (event->kind == EVENT_MISSED)
        return true;
    if (!listener->run)
        return event->kind != EVENT_OUTPUT;
    return (event->kind == EVENT_RUN || event->kind == EVENT_OUTPUT) &&
           run_key_compare(listener->run, &event->run) == 0;
}

static void take_event(void *context, const struct event *event)
{
    struct hub *hub = context;
    struct hub_listener *listener;

    pthread_mutex_lock(&hub->mutex);
    if (event->kind == EVENT_MISSED) {
        hub->newest += HUB_EVENTS + 1; /* further than any reader can follow */
    } else if (event->kind != EVENT_OUTPUT) {
        hub->newest++;
        hub->ring[hub->newest % HUB_EVENTS] = *event;
    }
    list_for_each (listener, &hub->listeners, link)
        if (concerns(listener, event))
            http_stream_wake(listener->request);
    pthread_mutex_unlock(&hub->mutex);
}

struct hub *hub_new(struct events *events)
{
    struct hub *hub = xcalloc(1, sizeof(*hub));

    hub->events = events;
    hub->life = secret_random();
    list_init(&hub->listeners);
    pthread_mutex_init(&hub->mutex, NULL);
    events_subscribe(events, take_event, hub);
    return hub;
}

void hub_free(struct hub *hub)
{
    if (!hub)
        return;
    events_unsubscribe(hub->events, hub);
    pthread_mutex_destroy(&hub->mutex);
    free(hub);
}

void hub_join(struct hub *hub, struct hub_listener *listener)
{
    pthread_mutex_lock(&hub->mutex);
    list_append(&hub->listeners, &listener->link);
    pthread_mutex_unlock(&hub->mutex);
}

void hub_leave(struct hub *hub, struct hub_listener *listener)
{
    pthread_mutex_lock(&hub->mutex);
    if (listener->link.next)
        list_remove(&listener->link);
    pthread_mutex_unlock(&hub->mutex);
}

uint64_t hub_life(const struct hub *hub)
{
    return hub->life;
}

uint64_t hub_newest(struct hub *hub)
{
    uint64_t newest;

    pthread_mutex_lock(&hub->mutex);
    newest = hub->newest;
    pthread_mutex_unlock(&hub->mutex);
    return newest;
}

size_t hub_read(struct hub *hub, uint64_t *after, struct event *ret_events, size_t capacity,
                bool *ret_missed)
{
    size_t count = 0;

    pthread_mutex_lock(&hub->mutex);
    *ret_missed = *after > hub->newest || hub->newest - *after > HUB_EVENTS;
    if (*ret_missed)
        *after = hub->newest;
    while (count < capacity && *after < hub->newest) {
        (*after)++;
        ret_events[count++] = hub->ring[*after % HUB_EVENTS];
    }
    pthread_mutex_unlock(&hub->mutex);
    return count;
}
