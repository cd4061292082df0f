/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/worker/fixture.h: a worker called "node" with everything in memory, on a clock that the
 * test moves; what it sends to the store is done at once.
 */
#ifndef CRONJOB_TEST_UNIT_WORKER_FIXTURE_H
#define CRONJOB_TEST_UNIT_WORKER_FIXTURE_H

#include "adapters/memory/clock.h"
#include "adapters/memory/cron_table.h"
#include "adapters/memory/files.h"
#include "adapters/memory/fires.h"
#include "adapters/memory/journal.h"
#include "adapters/memory/launcher.h"
#include "adapters/memory/objects.h"
#include "adapters/memory/outputs.h"
#include "adapters/memory/store.h"
#include "testing.h"
#include "worker/worker.h"

/* Where the clock begins: 2030-01-01T00:00:00Z. */
#define START ((instant_us)1893456000 * SECOND)
#define TICK  (START + MINUTE) /* the first of "* * * * *" */

struct fixture {
    struct clock *clock;       /* of the worker */
    struct clock *store_clock; /* goes on with it, but is never set */
    struct zones *zones;
    struct store *store;
    struct events *events;
    struct coordination *coordination;
    struct lease lease;              /* the test leads */
    struct coordination worker_side; /* of coordination, as the worker sees it */
    bool is_member;                  /* others surely see it, as long as it asks */
    enum rc join_rc;                 /* what join() answers, when it is not RC_OK */
    bool is_deaf;                    /* the worker hears of no tasks, until fixture_hear() */
    task_callback callback;
    struct outputs *outputs;     /* NULL: none are swept */
    const struct run_key *swept; /* the next outputs */
    size_t swept_count;
    bool is_synchronised;
    struct memory_disk *disk;
    struct memory_guardian *guardian;
    struct journal *journal;
    struct launcher *launcher;
    const char *url;
    const uint8_t *sealing; /* as a manager does */
    const uint8_t *seal;    /* for worker_config, as the next */
    bool unsealed_too;
    struct worker *worker;       /* NULL: dead */
    struct memory_plan plan;     /* of every run that is executed */
    struct run_key executed[16]; /* the first */
    size_t execution_count;
    char attempt[12];              /* CRONJOB_ATTEMPT of the last */
    char argument[32];             /* and its first argument, "" when it had none */
    enum memory_store_fault fault; /* of the next apply(); LATE: of the next that claims */
    bool away;                     /* every call of the store fails */
    struct objects *objects;
    enum memory_objects_fault objects_fault; /* of every call */
    struct files *files;
    int64_t cache_limit;
    struct cron_table *cron_table; /* NULL: the worker's timer does it all */
    struct fires *fires;
    struct fetch *held[8]; /* fetches that are under way */
    size_t held_count;
    bool holds_fetches;
    size_t downloads; /* attempts */
    char text[64];    /* the file of the last run */
    char filename[32];
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);

void fixture_start(struct fixture *fixture);
void fixture_crash(struct fixture *fixture);
/* Time passes, in steps of 50 ms, and all is done that is due; the worker may be dead. */
void fixture_pass(struct fixture *fixture, span_us span);

/* Puts an executable into the objects; answers its hash, valid until the next call. */
const char *fixture_put(struct fixture *fixture, const char *text);
/* What is held comes back. */
void fixture_release_fetches(struct fixture *fixture);

/* It hears of its tasks from now on. */
void fixture_hear(struct fixture *fixture);

/* A job of defaults with this schedule, to be changed before it is created. */
struct job fixture_job(const char *schedule);
job_id fixture_create(struct fixture *fixture, const struct job *job);
void fixture_replace(struct fixture *fixture, job_id id, const struct job *job);
/* What the manager says to the worker. */
void fixture_assign(struct fixture *fixture, job_id job);
void fixture_withdraw(struct fixture *fixture, job_id job);
/* A run on demand, queued in the store; and its task. */
struct run_key fixture_queue_run(struct fixture *fixture, job_id job, const char *request);
void fixture_say(struct fixture *fixture, enum task_kind kind, const struct run_key *run);

/* Texts are valid until the store, which is in memory, changes them. */
struct run_record fixture_run(struct fixture *fixture, const struct run_key *run);
void fixture_expect(struct fixture *fixture, const struct run_key *run, enum run_status status,
                    const char *reason);
/* A job with its task, and its tick at TICK; the first is due only then. */
struct run_key fixture_give_first_tick(struct fixture *fixture);
struct run_key fixture_give_tick(struct fixture *fixture, const struct job *job);
size_t fixture_count_runs(struct fixture *fixture, job_id job);
void fixture_expect_unready(struct fixture *fixture, enum rc rc, const char *why);
struct run_key key_of(job_id job, instant_us scheduled_at, uint32_t attempt);
void fixture_apply(struct fixture *fixture, struct store_write *write);

#endif
