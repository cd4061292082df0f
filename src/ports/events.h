/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/events.h: "this has changed", for those who watch. Ids only; who wants the object reads the
 * store.
 *
 * Contract: publish() never waits; an event that is published after a write's RC_OK finds it in the
 * store. Each subscriber gets every event published after it subscribed, in order, by its callback,
 * on the publisher's thread; callbacks only enqueue. Safe from any thread.
 */
#ifndef CRONJOB_PORTS_EVENTS_H
#define CRONJOB_PORTS_EVENTS_H

#include "core/limits.h"
#include "core/run.h"

struct events;

enum event_kind {
    EVENT_JOB,    /* job */
    EVENT_RUN,    /* run */
    EVENT_WORKER, /* worker */
    EVENT_OUTPUT, /* run: its output grew, or is complete */
    EVENT_MISSED, /* events were lost on the way: look at everything again */
};

struct event {
    enum event_kind kind;
    job_id job;
    struct run_key run;
    char worker[LIMIT_NAME + 1];
};

typedef void (*event_callback)(void *context, const struct event *event);

struct events_ops {
    const char *name;
    void (*publish)(struct events *events, const struct event *event);
    void (*subscribe)(struct events *events, event_callback callback, void *context);
    void (*unsubscribe)(struct events *events,
                        void *context); /* when it returns no callback of it is running */
    void (*free)(struct events *events);
};

struct events {
    const struct events_ops *ops;
};

static inline void events_publish(struct events *events, const struct event *event)
{
    events->ops->publish(events, event);
}

static inline void events_subscribe(struct events *events, event_callback callback, void *context)
{
    events->ops->subscribe(events, callback, context);
}

static inline void events_unsubscribe(struct events *events, void *context)
{
    events->ops->unsubscribe(events, context);
}

static inline void events_free(struct events *events)
{
    if (events)
        events->ops->free(events);
}

#endif
