/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/worker.h: the role that runs things. It keeps its tasks on an agenda, claims each tick in
 * the store, has the guardian execute the run, and records the result.
 *
 * One loop thread owns the worker's state: agenda, active runs, what waits for the store.
 * Everything that may block (store and journal) travels as `struct work` to a store thread, one at
 * a time; what comes up meanwhile travels with the next, which is how claims and results of many
 * runs share one commit. A work that the store did not take is tried again as it is, with the same
 * claim token: so an unknown outcome needs no other treatment.
 *
 * After a start the worker first asks its guardian what is running, then the store what it had
 * claimed, and the journal what it had handed over; only then does it take tasks. Runs that go on
 * are adopted.
 *
 * Unless it is alone, a worker has a lease: the store believes it alive for so long after a sign of
 * life was sent. It claims and starts only while its lease is valid, its clock agrees with the
 * store's and nobody else lives under its name. What another worker may run again when the lease
 * has passed is dead a little sooner: the guardian sees to that, whatever became of the worker.
 * Without coordination it goes on with the tasks that it knows; one that never heard of any takes
 * the jobs that the store says are its.
 *
 * worker_step() does all there is to do now and never waits, so that a simulation can drive it on a
 * virtual clock.
 */
#ifndef CRONJOB_WORKER_WORKER_H
#define CRONJOB_WORKER_WORKER_H

#include "ports/clock.h"
#include "ports/coordination.h"
#include "ports/cron_table.h"
#include "ports/events.h"
#include "ports/files.h"
#include "ports/fires.h"
#include "ports/journal.h"
#include "ports/launcher.h"
#include "ports/objects.h"
#include "ports/outputs.h"
#include "ports/store.h"
#include "ports/zones.h"

struct worker;
struct work;
struct fetch;

struct worker_config {
    const char *name;
    const char *url; /* where other roles reach it; "" for nowhere */
    const char *version;
    struct pairs labels;
    struct strings run_as; /* accounts that it starts runs as; empty: any */
    bool may_gain;         /* for every launch: privileges, as by sudo */
    const uint8_t *seal;   /* by which it knows what a manager sealed (core/seal.h); NULL: it does
                              not look, since it shares a process with the manager */
    bool unsealed_too;     /* what has no seal is executed, what has a wrong one is not */
    bool alone; /* no other worker uses this store: whatever is unfinished is ours, by any name */
    struct store *store;
    struct coordination *coordination;
    struct events *events;
    struct zones *zones;
    struct clock *clock;
    struct journal *journal;
    struct objects *objects;
    struct files *files; /* copies of what is in `objects`; NULL: it executes commands only */
    int64_t cache_limit; /* bytes of them */
    struct cron_table *cron_table; /* the node's crontab; NULL: its own timer for all jobs */
    struct fires *fires;           /* calls of the node's cron; NULL: nobody can call */
    instant_us boot_at; /* when this node was booted; the same after every restart of the worker */
    span_us lease;      /* how long the store believes it alive without a sign */
    span_us sign_every; /* how often it gives one; 0: four times a lease */
    /* Whether the node's clock follows a time server; NULL: that is not known. */
    bool (*clock_is_synchronised)(void *context);
    /* What runs wrote on this node; it is delivered to store and objects (worker/deliver.h). NULL:
     * it stays here. */
    struct outputs *outputs;
    const char *spool; /* a folder for what is on its way */
    /* The next of all runs that have output here, round and round; false at the end of a round.
     * NULL: what a crash left behind stays. */
    bool (*next_output)(void *context, struct run_key *ret_run);
    void *context; /* of it and of clock_is_synchronised */
    void (*random)(void *data, size_t length);
    /* Takes a work to where store and journal may be waited for; work_execute() there, then
     * worker_return(). NULL: the worker's own store thread, see worker_start(). */
    void (*execute)(void *context, struct work *work);
    /* The same for what is done with files: fetch_execute(), then worker_return_fetch(). Any number
     * of them may be under way, and they may overtake each other. */
    void (*fetch)(void *context, struct fetch *fetch);
    void *execute_context;
};

/* Reads the journal. RC_IO: it is damaged, see the message. */
MUST_USE enum rc worker_new(const struct worker_config *config, struct worker **ret_worker,
                            struct err *err);

/* The launcher's callback, with the worker as its context; and the launcher, which stays the
 * caller's.
 */
void worker_on_launch(void *context, const struct launch_event *event);
void worker_attach(struct worker *worker, struct launcher *launcher);

/* When worker_step() is to be called again although nothing came. */
struct worker_wake {
    instant_us instant; /* INSTANT_NONE: never */
    mono_us deadline;   /* INT64_MAX: never */
};

struct worker_wake worker_step(struct worker *worker);

/* On any thread: does the work; on the caller of execute(): hands it back to its worker. */
void work_execute(struct work *work);
void worker_return(struct worker *worker, struct work *work);
void fetch_execute(struct fetch *fetch);
void worker_return_fetch(struct worker *worker, struct fetch *fetch);

/* How many jobs are due within the hour, as of the last sign of life. From any thread; the context
 * is the worker. */
int64_t worker_due_next_hour(void *context);

/* RC_OK: it takes ticks. RC_UNAVAILABLE: not now, and why; RC_CONFLICT: another worker lives under
 * its name. From any thread. */
MUST_USE enum rc worker_is_ready(struct worker *worker, struct err *err);

MUST_USE enum rc worker_start(struct worker *worker, struct err *err);

/* Takes no more ticks, finishes the work that goes on and leaves. Runs stay with the guardian. */
void worker_stop(struct worker *worker);
void worker_free(struct worker *worker);

#endif
