/* SPDX-License-Identifier: Apache-2.0 */
/* Every clause of ports/events.h, over the adapter named by the argument. */
#include "ports/events.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "adapters/local/events.h"
#include "testing.h"

enum { PUBLISHERS = 4, EVENTS_EACH = 2000 };

static const struct adapter_row {
    const char *name;
    struct events *(*make)(void);
} adapters[] = {{"local", local_events_new}};

static const struct adapter_row *adapter;

struct listener {
    atomic_uint count;
    job_id last[PUBLISHERS]; /* each publisher's events come in their order */
    atomic_bool disordered;
    atomic_bool deaf; /* it has unsubscribed: nothing may come */
    atomic_bool was_called;
    struct event newest;
    pthread_mutex_t mutex;
};

static void listen_to(void *context, const struct event *event)
{
    struct listener *listener = context;

    if (atomic_load(&listener->deaf))
        atomic_store(&listener->was_called, true);
    pthread_mutex_lock(&listener->mutex);
    if (event->run.target < PUBLISHERS) {
        if (event->job <= listener->last[event->run.target])
            atomic_store(&listener->disordered, true);
        listener->last[event->run.target] = event->job;
    }
    listener->newest = *event;
    pthread_mutex_unlock(&listener->mutex);
    atomic_fetch_add(&listener->count, 1);
}

static void listener_init(struct listener *listener)
{
    *listener = (struct listener){.count = 0};
    pthread_mutex_init(&listener->mutex, NULL);
}

static int setup(void **state)
{
    *state = adapter->make();
    return 0;
}

static int teardown(void **state)
{
    events_free(*state);
    return 0;
}

static void each_subscriber_gets_each_event(void **state)
{
    struct event event = {
        .kind = EVENT_RUN, .job = 7, .run = {.scheduled_at = 60 * SECOND, .job = 7, .attempt = 2}};
    struct listener a, b;

    listener_init(&a);
    listener_init(&b);
    events_publish(*state, &event); /* before anybody listens */
    events_subscribe(*state, listen_to, &a);
    events_publish(*state, &event);
    events_subscribe(*state, listen_to, &b);
    events_publish(*state, &(struct event){.kind = EVENT_WORKER, .worker = "node"});
    assert_int_equal(atomic_load(&a.count), 2);
    assert_int_equal(atomic_load(&b.count), 1);
    assert_int_equal(b.newest.kind, EVENT_WORKER);
    assert_string_equal(b.newest.worker, "node");
}

static void who_has_unsubscribed_gets_none(void **state)
{
    struct event event = {.kind = EVENT_JOB, .job = 1};
    struct listener a, b;

    listener_init(&a);
    listener_init(&b);
    events_subscribe(*state, listen_to, &a);
    events_subscribe(*state, listen_to, &b);
    events_unsubscribe(*state, &a);
    events_unsubscribe(*state, &a);
    events_publish(*state, &event);
    assert_int_equal(atomic_load(&a.count), 0);
    assert_int_equal(atomic_load(&b.count), 1);
}

struct publisher {
    struct events *events;
    uint32_t number;
    pthread_t thread;
};

static void *publish_all(void *context)
{
    const struct publisher *publisher = context;

    for (job_id job = 1; job <= EVENTS_EACH; job++)
        events_publish(
            publisher->events,
            &(struct event){.kind = EVENT_JOB, .job = job, .run = {.target = publisher->number}});
    return NULL;
}

static void start_publishers(struct events *events, struct publisher publishers[PUBLISHERS])
{
    for (uint32_t i = 0; i < PUBLISHERS; i++) {
        publishers[i] = (struct publisher){.events = events, .number = i};
        assert_int_equal(pthread_create(&publishers[i].thread, NULL, publish_all, &publishers[i]),
                         0);
    }
}

static void join_publishers(struct publisher publishers[PUBLISHERS])
{
    for (size_t i = 0; i < PUBLISHERS; i++)
        pthread_join(publishers[i].thread, NULL);
}

static void nothing_is_lost_between_threads(void **state)
{
    struct publisher publishers[PUBLISHERS];
    struct listener listener;

    listener_init(&listener);
    events_subscribe(*state, listen_to, &listener);
    start_publishers(*state, publishers);
    join_publishers(publishers);
    assert_int_equal(atomic_load(&listener.count), PUBLISHERS * EVENTS_EACH);
    assert_false(atomic_load(&listener.disordered));
}

static void no_callback_runs_when_unsubscribe_has_returned(void **state)
{
    struct publisher publishers[PUBLISHERS];
    struct listener listener;

    listener_init(&listener);
    start_publishers(*state, publishers);
    for (int i = 0; i < 100; i++) {
        atomic_store(&listener.deaf, false);
        (void)memset(listener.last, 0, sizeof(listener.last));
        events_subscribe(*state, listen_to, &listener);
        events_unsubscribe(*state, &listener);
        atomic_store(&listener.deaf, true);
    }
    join_publishers(publishers);
    assert_false(atomic_load(&listener.was_called));
}

static int run(const char *name)
{
#define CLAUSE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest clauses[] = {
        CLAUSE(each_subscriber_gets_each_event),
        CLAUSE(who_has_unsubscribed_gets_none),
        CLAUSE(nothing_is_lost_between_threads),
        CLAUSE(no_callback_runs_when_unsubscribe_has_returned),
    };

    return cmocka_run_group_tests_name(name, clauses, NULL, NULL);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(adapters); i++) {
        adapter = &adapters[i];
        if (!strcmp(adapter->name, argv[1]))
            return run(adapter->name);
    }
    (void)fprintf(stderr, "usage: contract_events local\n");
    return 2;
}
