/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/agenda.h: what a worker must do and when. Jobs in, the clock in, results in; decisions out.
 *
 * The agenda holds the jobs of one worker and says which ticks to claim, which runs to start, kill,
 * skip or record as missed. It is pure: it does nothing itself, and it learns what became of its
 * decisions by agenda_claimed() and agenda_finished().
 *
 * One tick:
 *
 *     waiting --due, or overdue--> CLAIM --won--> START --> active --finished--> waiting for the
 * next |                           |--taken--> accounted for by somebody else | |--void---> claimed
 * again until its window ends, then RECORD missed |                           `--failed-> claimed
 * again later (the store did not answer)
 *        |--concurrency forbid and a run is active--> RECORD skipped
 *        `--catch_up says no--> RECORD missed
 *
 * Rules:
 * - The next tick is computed from the last one accounted for (the cursor), never from now. So a
 * stop, a suspended machine and a clock that jumps forward are one case: overdue ticks. A tick is
 * *on time* when it is at most AGENDA_ON_TIME late.
 * - A cursor in the future (the clock was set back) is lowered to now: a tick that ran already is
 * refused by its key.
 * - Overdue ticks. When one tick is overdue and on time, it runs. Else catch_up decides: `none`:
 * the newest runs if it is on time, all others are missed; `last`: the newest runs if it is within
 * catch_up_window, all others are missed ("superseded"); `all`: each within the window runs, oldest
 *   first and, unless concurrency is allow, one after the other; at most LIMIT_CATCH_UP, the older
 * are missed. Runs of ticks that are not on time have the trigger catch_up. Of the missed ticks the
 * newest LIMIT_MISSED_ROWS are recorded one by one and all older ones of a job as one record with
 * count and until.
 * - Concurrency, with a run of the job active: forbid: skipped; allow: runs; queue: waits its turn
 * (the backlog is bounded like catch_up all); replace: KILL for the active ones, and it starts when
 * they have ended. Runs on demand follow the same rule once they are claimed.
 * - Jitter: a stable offset in [0, jitter) from (job, jitter); due = tick + offset. scheduled_at
 * stays the tick.
 * - Retries: a run that failed or timed out is tried again (attempt + 1, same scheduled_at) after
 * retries_delay(), unless a newer tick of the job was claimed meanwhile. A lost run with
 * on_worker_loss rerun is tried again at once, at most AGENDA_RERUNS times in a row.
 * - @reboot is due once at boot_at, when boot_at > due_since and the cursor is older. @manual is
 * never due.
 * - A job whose schedule has no further tick, that has no active run and no retry to come, is
 * FINISHED.
 * - A job replaced by a newer revision keeps its active runs. Ticks of the old revision up to
 * due_since that were never claimed are recorded as missed ("the job was changed").
 *
 * Size: about 100 bytes a job plus its share of a schedule (equal timings are stored once). Owned
 * by one thread.
 */
#ifndef CRONJOB_CORE_AGENDA_H
#define CRONJOB_CORE_AGENDA_H

#include "core/job.h"
#include "core/run.h"
#include "core/schedule.h"

#define AGENDA_ON_TIME      (5 * SECOND)
#define AGENDA_CLAIM_WINDOW (30 * SECOND) /* how long after `now` a claim may take effect */

enum { AGENDA_RERUNS = 3 };

struct agenda;

struct agenda_job {
    job_id id;
    uint64_t revision;
    bool dormant; /* known only for a run on demand: its schedule is not followed */
    struct schedule schedule;
    const struct zone *zone;
    instant_us anchor;    /* of @every: starts_at, else created_at */
    instant_us due_since; /* ticks count only after it */
    instant_us starts_at; /* or INSTANT_NONE; a tick at starts_at counts */
    instant_us ends_at;   /* or INSTANT_NONE; a tick at ends_at does not count */
    instant_us cursor;    /* the last tick accounted for, or INSTANT_NONE */
    span_us jitter;
    enum concurrency concurrency;
    enum catch_up catch_up;
    span_us catch_up_window;
    struct retries retries;
    enum worker_loss on_worker_loss;
};

enum decision_kind {
    DECIDE_CLAIM,    /* claim the tick; answer with agenda_claimed() */
    DECIDE_START,    /* a claimed run: execute it at start_at */
    DECIDE_SKIP,     /* a claimed run: it ends as `status` with `reason`, never executed */
    DECIDE_KILL,     /* an active run must end, another takes its place */
    DECIDE_RECORD,   /* a final run for ticks that nobody claimed: status, reason, count, until */
    DECIDE_FINISHED, /* the job has no further ticks */
};

struct decision {
    enum decision_kind kind;
    struct run_key run; /* FINISHED: only run.job */
    uint64_t revision;
    enum run_trigger trigger;
    bool existing;          /* CLAIM: a run on demand that is queued in the store */
    instant_us deadline;    /* CLAIM: past this instant it must not take effect */
    instant_us start_at;    /* START */
    enum run_status status; /* SKIP, RECORD */
    const char *reason;     /* a constant text */
    int64_t count;          /* RECORD: ticks it stands for */
    instant_us until;       /* RECORD: the last of them */
};

struct agenda_config {
    span_us lead;       /* claims are decided this long before they are due; at most CLAIM_LEAD */
    instant_us boot_at; /* when this node was booted */
};

struct agenda *agenda_new(const struct agenda_config *config);
void agenda_free(struct agenda *agenda);

/* Takes a job in, or its newer revision; an older or equal revision than the known one changes
 * nothing, except that a dormant job wakes. */
void agenda_put(struct agenda *agenda, const struct agenda_job *job, instant_us now);

/* The job is no longer this worker's. Its active runs go on and are forgotten when they finish;
 * claims not yet won are void. */
void agenda_remove(struct agenda *agenda, job_id job);

/* A run of a known job on demand, queued in the store. Unknown job: false. */
MUST_USE bool agenda_run(struct agenda *agenda, const struct run_key *run, instant_us now);

/* After a restart: a run of a known job that goes on, or that was claimed by us and certainly not
 * started (`started` false: it is decided anew, START or SKIP). */
void agenda_adopt(struct agenda *agenda, const struct run_key *run, enum run_trigger trigger,
                  bool started, instant_us now);

/* After a restart: the newest run of a job that is due for another attempt, ended as `result` says.
 */
void agenda_recall(struct agenda *agenda, const struct run_key *run,
                   const struct run_result *result, instant_us now);

/* When advance() has something to decide: an instant, `now` or earlier when it has already;
 * INSTANT_MAX: never. */
instant_us agenda_next(const struct agenda *agenda);

/* Writes up to `capacity` decisions and answers how many; a full array means: call again. */
size_t agenda_advance(struct agenda *agenda, instant_us now, struct decision *decisions,
                      size_t capacity);

enum claim_outcome {
    CLAIM_WON,    /* the run is ours */
    CLAIM_TAKEN,  /* a run with this key exists and is not ours */
    CLAIM_VOID,   /* there is no such run: the job changed, or it was too late or too early */
    CLAIM_FAILED, /* the store could not say */
};

void agenda_claimed(struct agenda *agenda, const struct run_key *run, enum claim_outcome outcome,
                    instant_us now);

/* A run that was started (or could not be) has ended. Answers what the job's status becomes. */
enum job_status agenda_finished(struct agenda *agenda, const struct run_key *run,
                                const struct run_result *result, instant_us now);

/* How many jobs (dormant ones not counted), and runs that are claimed or active. */
size_t agenda_job_count(const struct agenda *agenda);
size_t agenda_active_count(const struct agenda *agenda);

/* The revision known of a job, 0 when it is not known. */
uint64_t agenda_revision(const struct agenda *agenda, job_id job);

#endif
