/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/sim/sim.h: the whole of standalone on one thread and a clock of its own, with everything
 * that can go wrong.
 *
 * Manager and worker are the real ones, stepped by world.c; store, guardian, journal and clock are
 * the memory adapters. clients.c asks for jobs and runs, nemesis.c breaks things, books.c knows
 * what must hold. All of it is decided by one number, the seed: a failure prints it together with
 * what happened last, and CRONJOB_SIM_SEED repeats it.
 */
#ifndef CRONJOB_TEST_SIM_H
#define CRONJOB_TEST_SIM_H

#include <stdbool.h>

#include "base/map.h"

#include "core/agenda.h"

#include "ports/launcher.h"

#include "manager/manager.h"
#include "sim_cron.h"
#include "sim_files.h"
#include "worker/worker.h"

#define SIM_START ((instant_us)1767571200 * SECOND) /* 2026-01-05T00:00:00Z */

/* Each must have happened at least once over all seeds, or the simulation tests less than it says.
 */
/* clang-format off */
#define SOMETIMES_TABLE(X) \
    X(WORKER_CRASHED) X(WORK_LOST_BEFORE_STORE) X(WORK_LOST_AFTER_STORE) X(GUARDIAN_CRASHED) X(POWER_FAILED) \
    X(WORKER_PAUSED) X(MACHINE_SLEPT) X(CLOCK_SET_BACK) X(CLOCK_SET_FORWARD) X(MANAGER_RESTARTED) \
    X(STORE_DOWN) X(STORE_FAILED) X(STORE_UNKNOWN_WRITTEN) X(STORE_UNKNOWN_LOST) X(STORE_LATE) X(STORE_LATE_CAME) \
    X(JOURNAL_FAILED) X(JOURNAL_FULL) X(CHANGE_UNKNOWN) X(JOB_REMOVED) X(JOB_CHANGED) X(JOB_PAUSED) \
    X(OBJECTS_AWAY) X(OBJECTS_TROUBLED) X(CACHE_DAMAGED) X(FILE_EXECUTED) X(FILE_AWAITED) X(FILE_MISSED) X(RUN_EXACT) \
    X(RUN_ON_DEMAND) X(RUN_KILL_ASKED) X(RUN_SUCCEEDED_ONCE) X(RUN_FAILED_ONCE) X(RUN_TIMED_OUT_ONCE) \
    X(RUN_KILLED_ONCE) X(RUN_LOST_ONCE) X(RUN_SKIPPED_ONCE) X(RUN_MISSED_ONCE) X(RUN_STRETCH) X(RUN_RETRY) \
    X(RUN_CATCH_UP) X(RUN_OUTLIVED_WORKER) \
    X(CRON_CALLED) X(CRON_CALLED_AGAIN) X(CRON_AWAY) X(CRONTAB_SPOILT) X(CRONTAB_UNWRITTEN)
/* clang-format on */

enum sometimes {
#define SOMETIMES_ENUM(name) SOMETIMES_##name,
    SOMETIMES_TABLE(SOMETIMES_ENUM)
#undef SOMETIMES_ENUM
        SOMETIMES_COUNT
};

enum { SIM_JOBS = 24, SIM_STATES = 48, SIM_LOG = 240, SIM_LINE = 160 };

/* What the store said of a job from one change to the next. */
struct job_state {
    uint64_t revision;
    char sha256[65]; /* of its script; "" when it is a command */
    bool enabled;    /* and neither removed nor finished by its user */
    bool removed;
    instant_us due_since;
    instant_us seen_at; /* by the wall clock */
    mono_us seen_mono;
    span_us seen_awake;
    instant_us learnt_at; /* by then the worker knows of it */
    instant_us starts_at, ends_at, anchor;
    span_us jitter;
    enum concurrency concurrency;
    enum catch_up catch_up;
    struct schedule schedule;
};

struct sim_job {
    job_id id;          /* 0: not created yet */
    mono_us stopped_at; /* since then its user knows that it is removed or paused; 0: it is not */
    struct job_state states[SIM_STATES];
    size_t state_count;
};

/* An execution that began. */
struct start {
    struct run_key key;
    mono_us at;
    mono_us until; /* it has ended then, whatever happens */
    bool ended;
};

struct sim {
    uint64_t seed, dice;
    bool trace;            /* all that happens is printed */
    bool calm;             /* nothing breaks */
    bool may_step;         /* the clock may be set back */
    bool was_back;         /* it was */
    bool healing;          /* nothing new breaks */
    bool looking;          /* the books are being kept: the store's faults are off */
    instant_us true_since; /* ticks after it are not touched by a clock set back */
    unsigned long long *sometimes;

    span_us awake; /* time that passed and was used */
    struct clock *clock;
    struct store *store;
    struct memory_disk *disk;
    struct memory_guardian *guardian;
    struct coordination *coordination;
    struct events *events;
    struct outputs *outputs;
    struct objects *objects;
    struct zones *zones;

    struct manager *manager;
    mono_us manager_wake;
    struct worker *worker; /* NULL: dead */
    struct journal *journal;
    struct launcher *launcher;
    struct worker_wake worker_wake;
    mono_us worker_back; /* when it is started again */
    mono_us paused_until;

    struct work *work; /* on its way to the store */
    mono_us work_due;
    bool work_done; /* executed, not yet returned */

    struct files *files; /* they outlive the worker */
    struct sim_cron cron;
    struct sim_fetches fetches;

    mono_us objects_away_until;
    int objects_trouble; /* percent of calls that fail in some way */
    mono_us store_down_until;
    int store_trouble; /* percent of applies that fail in some way */
    mono_us late_due;  /* when what is late comes, INT64_MAX: nothing is */
    mono_us nemesis_due, client_due;

    struct sim_job jobs[SIM_JOBS];
    job_id accepted[SIM_JOBS]; /* answered as created */
    size_t accepted_count;
    struct start *starts;
    size_t start_count, start_capacity;
    struct map start_index;

    char log[SIM_LOG][SIM_LINE];
    size_t log_count;
};

/* ---- world.c: time ------------------------------------------------------------------------- */

void sim_new(struct sim *sim, uint64_t seed, unsigned long long *sometimes);
void sim_free(struct sim *sim);
/* Lets everything happen that is due within this span. */
void sim_run(struct sim *sim, span_us span);
void sim_start_worker(struct sim *sim);
void sim_kill_worker(struct sim *sim);
void sim_start_manager(struct sim *sim);
uint64_t sim_roll(struct sim *sim, uint64_t sides);
instant_us sim_now(const struct sim *sim);
mono_us sim_mono(const struct sim *sim);
void sim_log(struct sim *sim, const char *format, ...) PRINTF(2, 3);
/* A rule is broken: prints the seed and what happened last, and fails the test. */
void sim_violated(struct sim *sim, const char *format, ...) PRINTF(2, 3) NORETURN;
static inline void sim_saw(struct sim *sim, enum sometimes what)
{
    sim->sometimes[what]++;
}

/* ---- clients.c ----------------------------------------------------------------------------- */

void client_act(struct sim *sim);
void client_create_job(struct sim *sim);
void client_remove_all_jobs(struct sim *sim);

/* ---- nemesis.c ----------------------------------------------------------------------------- */

void nemesis_act(struct sim *sim);
/* Everything works again from now on. */
void nemesis_heal(struct sim *sim);
/* The store's hooks. */
enum memory_store_fault nemesis_fault(void *context, const struct store_write *writes,
                                      size_t count);
bool nemesis_unreachable(void *context);
enum memory_objects_fault nemesis_objects(void *context, enum memory_objects_call call,
                                          const char *key);

/* ---- books.c ------------------------------------------------------------------------------- */

/* What a run does, decided as it is executed; the rules of a start are checked here. */
struct memory_plan books_execute(void *context, const struct launch *launch);
void books_note_end(struct sim *sim, const struct run_key *run);
void books_note_guardian_death(struct sim *sim);
/* What the store says of the jobs now. */
void books_look(struct sim *sim);
/* All ticks until now, but for the last moment: each is accounted for. */
void books_check_ticks(struct sim *sim);
/* When no job is left and time has passed: every run has ended, nothing accepted is lost. */
void books_check_runs(struct sim *sim);

#endif
