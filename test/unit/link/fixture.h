/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/link/fixture.h: gates of managers on ports of loopback, with one manager and one store
 * in memory behind all of them, and workers with outputs. Who leads, as gates and clients see it,
 * is the test's to say.
 */
#ifndef CRONJOB_TEST_UNIT_LINK_FIXTURE_H
#define CRONJOB_TEST_UNIT_LINK_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "link/gate.h"
#include "manager/manager.h"
#include "testing.h"

#define FIXTURE_PATIENCE (20 * SECOND)

/* A manager, or a worker, as others see it. */
struct node {
    struct fixture *fixture;
    const char *name;
    char url[64];
    struct events *events;
    struct link_gate *gate;
    atomic_bool leads;
};

/* The store, where it says who leads what the test has said. */
struct elected {
    struct store base;
    struct store *real;
    pthread_mutex_t mutex; /* protects the leader */
    struct leader_record leader;
};

struct fixture {
    struct clock *clock;
    struct zones *zones;
    struct store *memory;
    struct elected elected;
    struct store *store; /* &elected.base */
    struct outputs *outputs;
    struct coordination *coordination;
    struct events *events; /* the manager's own */
    struct manager *manager;
    struct link_secret secret;
    struct node nodes[3];
    size_t node_count;
    atomic_bool store_is_away;
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);

struct node *fixture_add_manager(struct fixture *fixture, const char *name);
/* A manager's gate before other changes than the manager's. */
struct node *fixture_add_gate(struct fixture *fixture, const char *name, struct changes *changes);
struct node *fixture_add_worker(struct fixture *fixture, const char *name);
/* Nobody answers there any more, without waiting for the calls that go on. */
void fixture_stop_node(struct node *node);

/* From now on this one leads, and the store says so; with `url` it is said to be there. NULL:
 * nobody leads, though the store names the last who did. */
void fixture_elect(struct fixture *fixture, struct node *node, const char *url);

/* A row of `workers` for the node, with another URL when one is given. */
void fixture_register_worker(struct fixture *fixture, const char *name, const char *url);
/* A job, and a run of it that has ended on the worker. */
struct run_key fixture_add_run(struct fixture *fixture, const char *worker);

size_t fixture_count_jobs(struct fixture *fixture);

/* Waits until the condition holds. */
#define fixture_wait_for(fixture, condition)                                               \
    do {                                                                                   \
        mono_us deadline_ = clock_mono((fixture)->clock) + FIXTURE_PATIENCE;               \
        while (!(condition)) {                                                             \
            if (clock_mono((fixture)->clock) > deadline_)                                  \
                fail_msg("%s:%d: waited in vain for: %s", __FILE__, __LINE__, #condition); \
            fixture_pause();                                                               \
        }                                                                                  \
    } while (0)
void fixture_pause(void); /* a millisecond, between two looks */

/* A port of loopback on which nobody listens. */
uint16_t fixture_free_port(void);

#endif
