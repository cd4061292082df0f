/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/manager/fixture.h: a manager with everything in memory, on a clock that stands still,
 * stepped by the test; and workers that only say what they were told.
 */
#ifndef CRONJOB_TEST_UNIT_MANAGER_FIXTURE_H
#define CRONJOB_TEST_UNIT_MANAGER_FIXTURE_H

#include "base/buf.h"

#include "adapters/memory/store.h"
#include "manager/manager.h"
#include "testing.h"

/* Where the clock begins: 2030-01-01T00:00:00Z. */
#define START ((instant_us)1893456000 * SECOND)

struct told {
    struct fixture *fixture;
    const char *worker;
};

struct fixture {
    struct clock *clock;
    struct zones *zones;
    struct store *store;
    struct events *events;
    struct coordination *coordination;
    struct outputs *outputs;
    struct seal_keys seal; /* the manager's */
    struct manager *manager;
    struct told told[4];
    size_t told_count;
    struct buf heard;              /* "node +job 1.1", a line a task */
    enum memory_store_fault fault; /* of every apply() */
    bool away;                     /* every call of the store fails */
    unsigned events_heard;         /* of jobs and runs */
};

/* A manager that leads; nobody is there to work. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);

/* Up to four workers. They are in the store with a lease without end, unless the store is away. */
void fixture_join(struct fixture *fixture, const char *worker);
void fixture_leave(struct fixture *fixture, const char *worker);
/* Its row in the store, until `lease_until`; with a label "zone" unless `zone` is NULL. */
void fixture_sign(struct fixture *fixture, const char *worker, instant_us lease_until,
                  const char *zone);

/* Steps until nothing is left to do now. */
void fixture_step(struct fixture *fixture);
/* Lets time pass, a second at a time. */
void fixture_wait(struct fixture *fixture, span_us span);

/* What the workers were told since the last time. */
void fixture_expect(struct fixture *fixture, const char *lines);

/* A change that is not submitted yet; a job "echo" each minute where it needs one. */
struct change *change_new(enum change_kind kind, job_id id);
void change_free(struct change *change);
bool change_is_done(const struct change *change);
void fixture_submit(struct fixture *fixture, struct change *change);
/* Submits, steps, frees: the outcome. */
enum rc fixture_change(struct fixture *fixture, struct change *change);
job_id fixture_create(struct fixture *fixture);

void fixture_apply(struct fixture *fixture, struct store_write *write);
/* Texts are valid until the store, which is in memory, changes them. */
struct job_record fixture_job(struct fixture *fixture, job_id id); /* id 0: there is none */
struct run_record fixture_run(struct fixture *fixture, const struct run_key *key);
size_t fixture_count_runs(struct fixture *fixture, job_id job);

#endif
