/* SPDX-License-Identifier: Apache-2.0 */
/* Events between processes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/local/events.h"
#include "fixture.h"
#include "link/events.h"

/* A process that publishes, and hears what it is told. */
struct peer {
    struct events *local;
    struct events *events;
    atomic_uint heard[EVENT_MISSED + 1]; /* by kind */
    _Atomic job_id job;                  /* of the newest event about a job */
};

static void hear(void *context, const struct event *event)
{
    struct peer *peer = context;

    if (event->kind == EVENT_JOB)
        atomic_store(&peer->job, event->job);
    atomic_fetch_add(&peer->heard[event->kind], 1);
}

static struct peer *peer_new(struct fixture *fixture, bool listens)
{
    struct peer *peer = xcalloc(1, sizeof(*peer));
    struct link_events_config config = {.local = local_events_new(),
                                        .store = fixture->store,
                                        .clock = fixture->clock,
                                        .secret = &fixture->secret,
                                        .listens = listens};

    peer->local = config.local;
    events_subscribe(peer->local, hear, peer); /* before the first stream begins */
    assert_int_equal(link_events_new(&config, &peer->events, NULL), RC_OK);
    return peer;
}

static void peer_free(struct peer *peer)
{
    events_unsubscribe(peer->events, peer);
    events_free(peer->events);
    events_free(peer->local);
    free(peer);
}

static void publish_job(struct events *events, job_id job)
{
    events_publish(events, &(struct event){.kind = EVENT_JOB, .job = job});
}

/* It hears what the manager publishes, and was told to look at everything first. */
static void await_stream(struct fixture *fixture, struct peer *peer)
{
    fixture_wait_for(fixture, atomic_load(&peer->heard[EVENT_MISSED]) > 0);
}

static int start(void **state)
{
    *state = fixture_new();
    return 0;
}

static int stop(void **state)
{
    fixture_free(*state);
    return 0;
}

static void reach_everybody(void **state)
{
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");
    struct peer *api = peer_new(fixture, true), *worker = peer_new(fixture, false);
    struct run_key run = {.job = 7, .scheduled_at = 1764000000 * SECOND, .attempt = 1};

    fixture_elect(fixture, node, NULL);
    await_stream(fixture, api);
    publish_job(node->events, 5);
    fixture_wait_for(fixture, atomic_load(&api->job) == 5);
    publish_job(worker->events, 6);
    assert_int_equal(atomic_load(&worker->job), 6);
    fixture_wait_for(fixture, atomic_load(&api->job) == 6);
    events_publish(worker->events, &(struct event){.kind = EVENT_OUTPUT, .job = 7, .run = run});
    fixture_wait_for(fixture, atomic_load(&api->heard[EVENT_OUTPUT]) == 1);
    assert_int_equal(atomic_load(&worker->heard[EVENT_OUTPUT]), 1);
    peer_free(worker);
    peer_free(api);
}

static void travel_in_their_order(void **state)
{
    enum { EVENTS = 3000 };
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");
    struct peer *api = peer_new(fixture, true), *worker = peer_new(fixture, false);

    fixture_elect(fixture, node, NULL);
    await_stream(fixture, api);
    for (job_id job = 1; job <= EVENTS; job++)
        publish_job(worker->events, job);
    fixture_wait_for(fixture, atomic_load(&api->job) == EVENTS);
    assert_int_equal(atomic_load(&api->heard[EVENT_JOB]), EVENTS);
    assert_int_equal(atomic_load(&api->heard[EVENT_MISSED]), 1);
    peer_free(worker);
    peer_free(api);
}

static void follow_the_leader(void **state)
{
    struct fixture *fixture = *state;
    struct node *first = fixture_add_manager(fixture, "m1");
    struct node *second = fixture_add_manager(fixture, "m2");
    struct peer *api = peer_new(fixture, true);

    fixture_elect(fixture, first, NULL);
    await_stream(fixture, api);
    fixture_elect(fixture, second, NULL);
    fixture_wait_for(fixture, atomic_load(&api->heard[EVENT_MISSED]) > 1);
    publish_job(second->events, 5);
    fixture_wait_for(fixture, atomic_load(&api->job) == 5);
    fixture_stop_node(second);
    fixture_elect(fixture, first, NULL);
    fixture_wait_for(fixture, atomic_load(&api->heard[EVENT_MISSED]) > 2);
    publish_job(first->events, 6);
    fixture_wait_for(fixture, atomic_load(&api->job) == 6);
    peer_free(api);
}

/* Nobody leads when it is published: it is lost, and those who listen are told so. */
static void are_missed_without_a_leader(void **state)
{
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");
    struct peer *worker = peer_new(fixture, false), *api;

    publish_job(worker->events, 5);
    fixture_elect(fixture, node, NULL);
    api = peer_new(fixture, true);
    await_stream(fixture, api);
    publish_job(worker->events, 6);
    fixture_wait_for(fixture, atomic_load(&api->job) == 6);
    peer_free(api);
    peer_free(worker);
}

/* A leader that takes the call and then says nothing is left. */
static void leave_a_silent_leader(void **state)
{
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct peer *api;
    char url[64];
    mono_us begun;

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    fixture_elect(fixture, node, url);
    api = peer_new(fixture, true);
    assert_true(accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0);
    begun = clock_mono(fixture->clock);
    fixture_elect(fixture, node, NULL);
    await_stream(fixture, api);
    assert_true(clock_mono(fixture->clock) - begun < 6 * SECOND);
    peer_free(api);
    close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reach_everybody),       TEST(travel_in_their_order),
        TEST(follow_the_leader),     TEST(are_missed_without_a_leader),
        TEST(leave_a_silent_leader),
    };

    return cmocka_run_group_tests_name("link events", tests, NULL, NULL);
}
