/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/sim/cluster.h: managers and workers of a whole cluster on one thread and clocks of their
 * own, with everything that can go wrong between and within them.
 *
 * Managers and workers are the real ones, stepped by cluster_world.c; store, guardians, journals
 * and clocks are the memory adapters, coordination is cluster_ensemble.c. cluster_clients.c asks
 * for jobs and runs, cluster_nemesis.c breaks things, cluster_books.c knows what must hold. All of
 * it is decided by one number, the seed.
 */
#ifndef CRONJOB_TEST_SIM_CLUSTER_H
#define CRONJOB_TEST_SIM_CLUSTER_H

#include <stdbool.h>

#include "base/map.h"

#include "core/agenda.h"

#include "ports/launcher.h"

#include "adapters/memory/launcher.h"
#include "adapters/memory/store.h"
#include "cluster_ensemble.h"
#include "manager/manager.h"
#include "sim_files.h"
#include "worker/worker.h"

#define CLUSTER_START ((instant_us)1767571200 * SECOND) /* 2026-01-05T00:00:00Z */
#define CLUSTER_LEASE (8 * SECOND)

/* Each must have happened at least once over all seeds. */
/* clang-format off */
#define SOMETIMES_TABLE(X) \
    X(WORKER_CRASHED) X(GUARDIAN_CRASHED) X(POWER_FAILED) X(WORKER_PAUSED) X(WORKER_AWAY_LONG) \
    X(MANAGER_CRASHED) X(MANAGER_PAUSED) X(MANAGER_MISLED) X(LEADER_CHANGED) X(ALL_MANAGERS_DOWN) \
    X(WORKER_CUT_FROM_COORDINATION) X(WORKER_CUT_FROM_STORE) X(WORKER_CUT_FROM_BOTH) \
    X(MANAGER_CUT_FROM_COORDINATION) X(MANAGER_CUT_FROM_STORE) \
    X(COORDINATION_DOWN) X(COORDINATION_WIPED) X(COORDINATION_TROUBLED) \
    X(STORE_DOWN) X(STORE_FAILED) X(STORE_UNKNOWN_WRITTEN) X(STORE_UNKNOWN_LOST) X(STORE_LATE) X(STORE_LATE_CAME) \
    X(CLOCK_OFF) X(CHANGE_UNKNOWN) X(CHANGE_REFUSED) X(JOB_REMOVED) X(JOB_CHANGED) X(JOB_PAUSED) X(WORKER_DRAINED) \
    X(OBJECTS_AWAY) X(OBJECTS_TROUBLED) X(CACHE_DAMAGED) X(FILE_EXECUTED) X(FILE_AWAITED) X(FILE_MISSED) X(RUN_EXACT) \
    X(RUN_ON_DEMAND) X(RUN_KILL_ASKED) X(RUN_SUCCEEDED_ONCE) X(RUN_FAILED_ONCE) X(RUN_TIMED_OUT_ONCE) \
    X(RUN_KILLED_ONCE) X(RUN_LOST_ONCE) X(RUN_SKIPPED_ONCE) X(RUN_MISSED_ONCE) X(RUN_STRETCH) X(RUN_RETRY) \
    X(RUN_CATCH_UP) X(RUN_VANISHED) X(RUN_MADE_UP_FOR) X(RUN_FENCED) X(JOB_MOVED) X(JOB_FIT_NOBODY)
/* clang-format on */

enum sometimes {
#define SOMETIMES_ENUM(name) SOMETIMES_##name,
    SOMETIMES_TABLE(SOMETIMES_ENUM)
#undef SOMETIMES_ENUM
        SOMETIMES_COUNT
};

enum {
    CLUSTER_MANAGERS = 3,
    CLUSTER_WORKERS = 3,
    CLUSTER_JOBS = 24,
    CLUSTER_STATES = 48,
    CLUSTER_LOG = 400,
    CLUSTER_LINE = 160,
};

struct cluster;

/* A process, as far as the store and the faults are concerned. */
struct actor {
    char name[16];
    struct coordination *coordination; /* NULL: dead */
    mono_us back_at;                   /* when it is started again */
    mono_us paused_until, store_cut_until, coordination_cut_until;
};

struct cluster_manager {
    struct actor actor;
    struct manager *manager;
    mono_us wake;
    bool led;
};

struct cluster_worker {
    struct actor actor;
    struct cluster *cluster;
    struct clock *clock;
    mono_us clock_right_at;
    struct memory_disk *disk;
    struct memory_guardian *guardian;
    struct worker *worker;
    struct journal *journal;
    struct launcher *launcher;
    struct worker_wake wake;
    struct files *files; /* they outlive the worker */
    struct sim_fetches fetches;
    struct work *work; /* on its way to the store */
    mono_us work_due;
    bool work_done;
};

/* What the store said of a job from one change to the next. */
struct job_state {
    uint64_t revision;
    char sha256[65]; /* of its script; "" when it is a command */
    bool enabled, removed;
    instant_us due_since, starts_at, ends_at, anchor;
    mono_us seen_at;
    span_us jitter;
    enum concurrency concurrency;
    enum catch_up catch_up;
    enum worker_loss on_worker_loss;
    bool pinned, unfit;
    span_us window;
    struct schedule schedule;
};

struct cluster_job {
    job_id id;          /* 0: not created yet */
    mono_us stopped_at; /* since then its user knows that it is removed or paused; 0: it is not */
    char worker[16];
    size_t moves;
    struct job_state states[CLUSTER_STATES];
    size_t state_count;
};

/* An execution that began. */
struct start {
    struct run_key key;
    struct cluster_worker *on;
    mono_us at;
};

struct cluster {
    uint64_t seed, dice;
    bool trace;
    bool calm;    /* nothing breaks */
    bool skewed;  /* clocks of workers may be wrong */
    bool healing; /* nothing new breaks */
    bool looking; /* the books are being kept: the store's faults are off */
    mono_us healed_at;
    unsigned long long *sometimes;

    struct clock *clock;
    struct store *store;
    struct ensemble *ensemble;
    struct events *events;
    struct outputs *outputs;
    struct objects *objects;
    struct zones *zones;
    struct cluster_manager managers[CLUSTER_MANAGERS];
    struct cluster_worker workers[CLUSTER_WORKERS];
    size_t manager_count;
    const struct actor *acting; /* who calls the store */
    const struct cluster_manager *leader;

    mono_us store_down_until, late_due, coordination_down_until;
    int store_trouble, coordination_trouble, objects_trouble;
    mono_us objects_away_until;
    mono_us trouble_until;
    mono_us nemesis_due, client_due;

    struct cluster_job jobs[CLUSTER_JOBS];
    job_id accepted[CLUSTER_JOBS];
    size_t accepted_count;
    struct start *starts;
    size_t start_count, start_capacity;
    struct map start_index;

    char log[CLUSTER_LOG][CLUSTER_LINE];
    size_t log_count;
};

/* ---- cluster_world.c ----------------------------------------------------------------------- */

void cluster_new(struct cluster *cluster, uint64_t seed, unsigned long long *sometimes);
void cluster_free(struct cluster *cluster);
void cluster_run(struct cluster *cluster, span_us span);
void cluster_start_manager(struct cluster *cluster, struct cluster_manager *manager);
void cluster_kill_manager(struct cluster *cluster, struct cluster_manager *manager);
void cluster_start_worker(struct cluster *cluster, struct cluster_worker *worker);
void cluster_kill_worker(struct cluster *cluster, struct cluster_worker *worker);
uint64_t cluster_roll(void *cluster, uint64_t sides);
instant_us cluster_now(const struct cluster *cluster);
mono_us cluster_mono(const struct cluster *cluster);
void cluster_log(struct cluster *cluster, const char *format, ...) PRINTF(2, 3);
/* A rule is broken: prints the seed and what happened last, and fails the test. */
void cluster_violated(struct cluster *cluster, const char *format, ...) PRINTF(2, 3) NORETURN;
static inline void cluster_saw(struct cluster *cluster, enum sometimes what)
{
    cluster->sometimes[what]++;
}

/* ---- cluster_clients.c --------------------------------------------------------------------- */

void cluster_client_act(struct cluster *cluster);
void cluster_create_job(struct cluster *cluster);
void cluster_remove_all_jobs(struct cluster *cluster);

/* ---- cluster_nemesis.c --------------------------------------------------------------------- */

void cluster_nemesis_act(struct cluster *cluster);
void cluster_heal(struct cluster *cluster); /* everything works again from now on */
/* The store's hooks. */
enum memory_store_fault cluster_fault(void *context, const struct store_write *writes,
                                      size_t count);
bool cluster_unreachable(void *context);
enum memory_objects_fault cluster_objects(void *context, enum memory_objects_call call,
                                          const char *key);

/* ---- cluster_books.c ----------------------------------------------------------------------- */

/* What a run does, decided as it is executed; the rules of a start are checked here. The context is
 * the worker. */
struct memory_plan cluster_execute(void *context, const struct launch *launch);
void cluster_look(struct cluster *cluster); /* what the store says of the jobs now */
/* When no job is left and time has passed: every run has ended, nothing accepted is lost. */
void cluster_check_runs(struct cluster *cluster);

/* ---- cluster_ticks.c ----------------------------------------------------------------------- */

/* All ticks until now, but for the last moment: each is accounted for. */
void cluster_check_ticks(struct cluster *cluster);

#endif
