/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/local/events.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

enum { MAX_SUBSCRIBERS = 8 };

struct local_events {
    struct events base;
    pthread_rwlock_t
        lock; /* held for reading while callbacks run, so that unsubscribe waits for them */
    struct {
        event_callback callback;
        void *context;
    } subscribers[MAX_SUBSCRIBERS];
    size_t count;
};

static struct local_events *local_of(struct events *events)
{
    return container_of(events, struct local_events, base);
}

static void publish(struct events *events, const struct event *event)
{
    struct local_events *local = local_of(events);

    pthread_rwlock_rdlock(&local->lock);
    for (size_t i = 0; i < local->count; i++)
        local->subscribers[i].callback(local->subscribers[i].context, event);
    pthread_rwlock_unlock(&local->lock);
}

static void subscribe(struct events *events, event_callback callback, void *context)
{
    struct local_events *local = local_of(events);

    pthread_rwlock_wrlock(&local->lock);
    CHECK(local->count < MAX_SUBSCRIBERS);
    local->subscribers[local->count].callback = callback;
    local->subscribers[local->count++].context = context;
    pthread_rwlock_unlock(&local->lock);
}

static void unsubscribe(struct events *events, void *context)
{
    struct local_events *local = local_of(events);

    pthread_rwlock_wrlock(&local->lock);
    for (size_t i = 0; i < local->count; i++) {
        if (local->subscribers[i].context == context)
            local->subscribers[i--] = local->subscribers[--local->count];
    }
    pthread_rwlock_unlock(&local->lock);
}

static void local_events_free(struct events *events)
{
    struct local_events *local = local_of(events);

    pthread_rwlock_destroy(&local->lock);
    free(local);
}

static const struct events_ops ops = {
    .name = "local",
    .publish = publish,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .free = local_events_free,
};

struct events *local_events_new(void)
{
    struct local_events *local = xcalloc(1, sizeof(*local));

    local->base.ops = &ops;
    CHECK(!pthread_rwlock_init(&local->lock, NULL));
    return &local->base;
}
