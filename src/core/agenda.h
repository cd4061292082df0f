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
 *     waiting --due, or overdue--> CLAIM --won----> START --> active --finished--> (a retry, or
 * end) |                          |  |  `-------> SKIP, when another run is active after all | |
 * `--taken---> accounted for by somebody else |                          `--failed, void-> judged
 * anew after 100 ms, 200 ms ... 2 s
 *        |--concurrency forbid and a run is active--> RECORD skipped
 *        `--catch_up says no, or its time is over---> RECORD missed
 *
 * Rules:
 * - The next tick is computed from the last one accounted for (the cursor), never from now. So a
 *   stop, a suspended machine and a clock that jumps forward are one case: overdue ticks. A tick is
 *   *on time* when it is at most AGENDA_ON_TIME late.
 * - Ticks of a job are accounted for in their order: it has one claim of a tick in flight at a
 *   time, and later ticks wait for its answer. So the newest tick in the store is the cursor.
 * - A cursor or due_since more than AGENDA_SLACK ahead of now (the clock was set back) is lowered
 *   to now: a tick that ran already is refused by its key. What waits for a time goes on waiting as
 *   long as it would have.
 * - Overdue ticks. When one tick is overdue and on time, it runs. Else catch_up decides: `none`:
 *   the newest runs if it is on time, all others are missed; `last`: the newest runs if it is
 *   within catch_up_window, all others are missed ("superseded"); `all`: each within the window
 *   runs, oldest first and, unless concurrency is allow, one after the other; at most
 *   LIMIT_CATCH_UP, the older are missed. Runs of ticks that are not on time have the trigger
 *   catch_up. Of the missed ticks the newest LIMIT_MISSED_ROWS are recorded one by one and all
 *   older ones as one record with count and until.
 * - A claim that fails (the store did not answer) or is void leaves its tick overdue, and it is
 *   judged anew with those that came due since. It may run until AGENDA_CLAIM_WINDOW after it was
 *   first decided or, unless catch_up is none, until its catch_up_window ends; then it is missed.
 *   A RECORD may so be about a tick that was claimed after all: the store then has a run with our
 *   token under this key, and that is the one to be ended.
 * - Concurrency, with a run of the job active (claimed and not ended): forbid: the tick is skipped;
 *   allow: it runs; queue: it waits its turn (the backlog is bounded like catch_up all); replace:
 *   once its claim is won, KILL for the active ones, and it starts when they have ended. Ticks that
 *   come due while a backlog of catch_up all is worked off wait behind it. Runs on demand follow
 *   the same rule once they are claimed. A retry waits until no run is active.
 * - Jitter: a stable offset in [0, jitter) from (job, jitter); due = tick + offset. scheduled_at
 *   stays the tick.
 * - Retries: a run that failed or timed out is tried again (attempt + 1, same scheduled_at) after
 *   retries_delay(), unless a newer tick of the job was claimed meanwhile. A lost run with
 *   on_worker_loss rerun is tried again at once, up to attempt 1 + retries.limit + AGENDA_RERUNS;
 *   lost attempts do not use up the limit as far as they are known. With retries.elsewhere an
 *   attempt is offered to other workers, AGENDA_OFFERS times in about 5 s, before it is claimed
 *   here.
 * - @reboot is due once at boot_at, however late, when boot_at > due_since and the cursor is older.
 *   @manual is never due.
 * - A job whose schedule has no further tick, that has no active run and no retry to come, is
 *   FINISHED; but one whose last run did not succeed stays in error. @reboot and @manual are
 *   finished by ends_at only.
 * - A job that is *held* is called for by somebody else, the node's cron: its ticks are due at
 *   agenda_fire(), or by themselves AGENDA_HOLD later, so that a call that never comes costs that
 *   much and not the tick. A call says nothing of which tick it is for: it makes due what has
 *   passed, and a second one finds nothing.
 * - A job replaced by a newer revision keeps its active runs. Ticks of the old revision up to
 *   due_since that were never claimed are recorded as missed ("the job was changed").
 *
 * Size: 80 bytes a job, about 45 for finding it, and its share of a schedule (equal ones are stored
 * once). Owned by one thread. Every call brings the clock along; only advance() decides.
 */
#ifndef CRONJOB_CORE_AGENDA_H
#define CRONJOB_CORE_AGENDA_H

#include "core/job.h"
#include "core/run.h"
#include "core/schedule.h"

#define AGENDA_ON_TIME      (5 * SECOND)
#define AGENDA_CLAIM_WINDOW (30 * SECOND) /* how long after `now` a claim may take effect */
#define AGENDA_HOLD         (4 * SECOND)  /* cron itself comes up to two seconds late */

#define AGENDA_SLACK (5 * SECOND) /* a clock that is this far off is not set back */

enum { AGENDA_RERUNS = 3, AGENDA_OFFERS = 6 };

/* The reasons of SKIP, RECORD and KILL. */
#define AGENDA_ACTIVE      "a run of the job was active"
#define AGENDA_REPLACED    "replaced by a newer run"
#define AGENDA_NO_CATCH_UP "overdue, and catch_up is none"
#define AGENDA_SUPERSEDED  "superseded by a newer tick"
#define AGENDA_TOO_OLD     "older than catch_up_window"
#define AGENDA_TOO_MANY    "too many ticks were overdue"
#define AGENDA_NO_ANSWER   "the store did not answer"
#define AGENDA_NOT_CLAIMED "not claimed in time"
#define AGENDA_NOT_STARTED "not started in time"
#define AGENDA_CHANGED     "the job was changed"
#define AGENDA_REMOVED     "the job was removed or paused"

struct agenda;

struct agenda_job {
    job_id id;
    uint64_t revision;
    bool dormant;   /* known only for a run on demand: its schedule is not followed */
    bool elsewhere; /* dormant, for another worker follows its schedule: what was claimed here is
                       started all the same; a tick that fails is tried again there */
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
    enum job_status status; /* as the store has it */
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
    bool existing;  /* CLAIM: the run is queued in the store */
    bool elsewhere; /* CLAIM: it is not claimed but queued in the store, for another worker to have;
                       CLAIM_VOID as long as nobody claimed it */
    bool unfired;   /* CLAIM: of a tick that was held, and nobody called for it */
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
 * nothing, except that a dormant job wakes. Of a known job, the cursor is known better here. */
void agenda_put(struct agenda *agenda, const struct agenda_job *job, instant_us now);

/* The job is no longer this worker's, or does not follow its schedule any more. Its active runs go
 * on and are forgotten when they finish; ticks and retries not yet started are void: those won are
 * SKIPped. Runs on demand that were handed in are still claimed: the store refuses them if the job
 * is gone. Ticks that were due and waited
 * for their turn are recorded as missed. */
void agenda_remove(struct agenda *agenda, job_id job);

/* Another worker follows the job from now on: it is dormant here, followed elsewhere. Ticks that
 * were not claimed are the other's, as is one whose claim turns out void. */
void agenda_hand_over(struct agenda *agenda, job_id job);

/* Whether somebody else calls for the job's ticks; it does not outlive the job's revision. */
void agenda_hold(struct agenda *agenda, job_id job, bool held);

/* Somebody called. False: no tick of the job is due, for none has passed, or it was accounted for.
 */
bool agenda_fire(struct agenda *agenda, job_id job, instant_us now);

/* The newest tick of the job that was accounted for, or since when ticks count; INSTANT_NONE: the
 * job is not known. */
instant_us agenda_accounted_for(const struct agenda *agenda, job_id job);

/* A run of a known job, queued in the store: on demand, or an attempt after one that was lost,
 * which waits like a retry. Unknown job: false. A dormant job is forgotten when its runs are over.
 */
MUST_USE bool agenda_run(struct agenda *agenda, const struct run_key *run, instant_us now);

/* A run of a known job that goes on, found after a restart or with another worker, or that was
 * claimed by us and certainly not started (`started` false: it is decided anew, START or SKIP; too
 * late is RUN_MISSED, a tick of a job that is dormant now, and not followed elsewhere, is
 * RUN_SKIPPED). */
void agenda_adopt(struct agenda *agenda, const struct run_key *run, enum run_trigger trigger,
                  bool started, instant_us now);

/* After a restart: the newest run of a job, when it ended as `result` says and may be due for
 * another attempt. */
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

/* A run that was started (or could not be, or was killed while it waited) has ended. Answers what
 * the job's status becomes; of a run that is not known, or a job that agenda_revision() does not
 * know, that says nothing. */
enum job_status agenda_finished(struct agenda *agenda, const struct run_key *run,
                                const struct run_result *result, instant_us now);

/* A RECORD of several ticks was refused, for its first tick has a run already (the clock was set
 * back). The others are recorded anew; `reason` is the decision's. */
void agenda_record_refused(struct agenda *agenda, const struct decision *record);

/* How many jobs (dormant ones not counted), and runs that are claimed or active. */
size_t agenda_job_count(const struct agenda *agenda);
size_t agenda_active_count(const struct agenda *agenda);

/* How many jobs have something to decide until then: ticks, retries, waiting claims. */
size_t agenda_due_until(const struct agenda *agenda, instant_us until);

/* How long past its time a run of the job may start; of one that is not known, the least. */
span_us agenda_patience(const struct agenda *agenda, job_id job);

/* The revision known of a job, 0 when it is not known. */
uint64_t agenda_revision(const struct agenda *agenda, job_id job);

#endif
