/* SPDX-License-Identifier: Apache-2.0 */
/* worker/internal.h: the worker's state, shared by the files of this folder alone. */
#ifndef CRONJOB_WORKER_INTERNAL_H
#define CRONJOB_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "base/map.h"
#include "base/table.h"

#include "core/agenda.h"
#include "core/backend.h"

#include "worker/cache.h"
#include "worker/crontab.h"
#include "worker/deliver.h"
#include "worker/ledger.h"
#include "worker/run_set.h"
#include "worker/transfer.h"
#include "worker/worker.h"

#define START_SLACK (5 * SECOND) /* a claim answered later than this is not started */
#define RECORD_STARTED                                                        \
    (200 * MILLISECOND) /* a run that ends sooner is never written as running \
                         */
#define BACKOFF_FIRST (50 * MILLISECOND)
#define BACKOFF_MOST  (2 * SECOND)

/*
 * A run between its claim and its end.
 *
 *     CLAIMED --START--> UNSENT --launcher took it--> HANDED_OVER --STARTED--> RUNNING
 * --FINISHED--> (gone)
 */
enum active_state { ACTIVE_CLAIMED, ACTIVE_UNSENT, ACTIVE_HANDED_OVER, ACTIVE_RUNNING };

/*
 * What the journal says of a run that was not handed over yet (start_note.c).
 *
 *     NOTED --its file is not there--> WITHDRAWN --now it is--> ASKED --it is in the journal-->
 * NOTED
 */
enum start_note { START_NOTED, START_WITHDRAWN, START_ASKED };

struct active {
    struct table_node node; /* in worker->active, by key */
    struct list link;       /* in one of the worker's lists, else by itself */
    struct run_key key;
    struct claim_token token;
    enum run_trigger trigger;
    uint64_t revision; /* of the job, as it was claimed */
    enum active_state state;
    struct arena arena;  /* owns the launch and the request */
    const char *request; /* "" or what was given with the run on demand */
    struct launch launch;
    mono_us claimed_at; /* the claim was sent, or seen in the store later */
    bool too_late;      /* its answer came so late that it is not to be started */
    instant_us start_at;
    instant_us started_at;
    mono_us started_mono;
    bool kill_wanted;
    bool withdrawn;       /* its job was removed or paused before it started */
    struct cached *file;  /* that it executes; NULL: a command, or that is not looked at yet */
    mono_us give_up_at;   /* not 0: its file was not there when it was to start */
    mono_us tell_wait_at; /* then it is told that it waits, sooner after a failure */
    bool wait_told;
    enum rc wait_rc; /* of its file, when that was told */
    bool doubted;    /* it waits for its file, and its job may have been removed meanwhile */
    enum start_note start_note;
    const char *owner;   /* of the job; of the arena */
    bool other_revision; /* the job has another by now, and its launch is not built yet */
    const char *refusal; /* why it cannot be executed, NULL when it can; of the arena */
};

/* One write on its way to the store. */
struct item {
    struct list link;
    struct store_write write;
    char reason[LIMIT_REASON + 1];
    struct decision decision; /* of a RECORD */
    bool in_guardian;         /* the guardian holds the result until it is in the journal */
    bool journaled;
    struct store_write *output; /* of a FINISHED, while the trip writes: its output travels too */
    bool has_stored_output;
};

struct claim {
    struct decision decision;
    enum claim_outcome outcome;
    struct active *active; /* when won */
};

struct loaded {
    job_id id;
    bool found; /* and not removed */
    bool due;   /* its schedule is to be followed */
    struct agenda_job job;
    char sha256[CACHE_HASH]; /* of the file that it executes, "" when none */
    bool has_run;
    bool has_last; /* its newest run has ended */
    struct run_key last;
    struct run_result last_result;
};

/* A run that was ours and unfinished when the worker started. */
struct recovered {
    struct active *active;
    bool journaled_start; /* it was handed to the guardian, or the store has it as running */
    bool ended;           /* the journal has its result */
    struct run_result result;
    char reason[LIMIT_REASON + 1];
};

/* An unfinished run of ours in the store (stray.c). */
struct stray {
    struct run_key key;
    struct claim_token token;
    enum run_trigger trigger;
    struct run_result result; /* final: what it ends as, if nothing is known of it */
    const char *reason;
};

/* A run of a job of ours that another worker executes, as the store has it (elsewhere.c). */
struct elsewhere {
    struct run_key key;
    enum run_trigger trigger;
    struct run_result result;
};

/* Our clock less the store's, as it was found to be; it may be off by half the round trip. */
struct clock_check {
    span_us offset;
    span_us round_trip;
};

/* What a trip looks for in the store, now and then. */
enum look {
    LOOK_STRAYS = 1,    /* runs that are ours and unfinished */
    LOOK_JOBS = 2,      /* jobs that the store says are ours */
    LOOK_ELSEWHERE = 4, /* runs of our jobs that other workers execute */
};

/* That a run is about to be handed over, or is not after all, for the journal. */
struct note {
    struct run_key key;
    struct claim_token token;
    bool starts;
};

/* One trip to store and journal. The worker fills it, work_execute() answers in it. */
struct work {
    struct mail mail;
    struct worker *worker; /* its config and ledger only */
    struct list items;
    size_t item_count;
    struct claim *claims;
    size_t claim_count;
    struct claim_token token;
    struct note *notes;
    size_t note_count;
    mono_us begun_at;
    struct item *sign; /* of life, among the items; NULL: there is none */
    struct clock_check clock;
    struct loaded *loads;
    size_t load_count;
    bool recover;
    bool conflict; /* recover: another worker lives under our name */
    struct recovered *recovered;
    size_t recovered_count, recovered_capacity;
    unsigned looks; /* enum look, or-ed */
    struct stray *strays;
    size_t stray_count, stray_capacity;
    struct run_key *asked; /* LOOK_ELSEWHERE */
    size_t asked_count;
    struct elsewhere *elsewhere;
    size_t elsewhere_count, elsewhere_capacity;
    struct run_key *beside; /* runs of other workers, of jobs of which we have won a claim */
    size_t beside_count, beside_capacity;
    job_id jobs_after; /* LOOK_JOBS: those behind it */
    job_id *jobs;
    size_t job_count, job_capacity;
    enum rc rc;
    struct err err;
};

/* What the crontab is to say, and what became of it (crontab.c). */
struct keeping {
    struct mail mail;
    struct cron_table *table; /* NULL: the thread is to end */
    struct buf text;
    bool changed; /* the lines have, since the last time */
    enum cron_found found;
    enum rc rc;
    struct err err;
};

enum worker_phase {
    PHASE_CONNECTING, /* the guardian is asked what it has */
    PHASE_RECOVERING, /* the store is asked what we had claimed */
    PHASE_READY,
};

/* What the guardian said it has, until recovery has looked at it. */
struct known {
    struct table_node node; /* in worker->known, by key */
    struct run_key key;
    struct run_result result;
    char reason[LIMIT_REASON + 1];
};

enum wait_kind { WAIT_RUN, WAIT_GOES_ON, WAIT_ENDED, WAIT_UNSTARTED };

/* A run on demand, or one to adopt, whose job is being loaded (wait.c). */
struct waiting {
    struct list link;
    struct run_key key;
    enum wait_kind kind;
    struct run_result result;
    char reason[LIMIT_REASON + 1];
};

enum load_flag {
    LOAD_TASK = 1,      /* its task came, changed or went */
    LOAD_RUN = 2,       /* a run needs it */
    LOAD_IN_FLIGHT = 4, /* it travels */
    LOAD_AGAIN = 8,     /* it changed meanwhile */
};

enum message_kind { MESSAGE_TASKS, MESSAGE_WATCH, MESSAGE_JOIN, MESSAGE_JOINED, MESSAGE_STOP };
struct message {
    struct mail mail;
    enum message_kind kind;
    enum rc rc; /* JOINED, with err */
    struct err err;
    size_t count;
    struct task tasks[];
};

enum clock_state { CLOCK_UNKNOWN, CLOCK_RIGHT, CLOCK_WRONG };

/* Jobs that are ours by the store, where no task says so (by_store.c). */
struct by_store {
    bool reading;
    job_id after;    /* read so far */
    mono_us next;    /* when to read again */
    size_t count;    /* of worker->tasks */
    struct map seen; /* reading: found so far */
};

struct worker {
    struct worker_config config;
    struct launcher *launcher;
    struct ledger ledger;        /* the store thread's, while a work travels */
    struct deliverer *deliverer; /* NULL: outputs stay where they are */
    bool steps_outputs;          /* it has no thread of its own, */
    mono_us deliver_at;          /* and is to be stepped */
    struct mailbox inbox;        /* struct message */
    struct mailbox returned;     /* struct work */
    struct mailbox fetched;      /* struct fetch */
    struct mailbox kept;         /* struct keeping */

    enum worker_phase phase;
    bool connected;
    struct agenda *agenda;
    struct table active;
    struct list unsent;      /* active: the launcher was busy or away */
    struct list handed_over; /* active: with the guardian, not started */
    struct list unwritten;   /* active: running, not yet written as such, oldest first */
    struct list fileless;    /* active: their files are not ready (file.c) */
    struct cache cache;
    struct list urgent_files; /* struct cached, to be downloaded: runs need them */
    struct list early_files;  /* jobs have them */
    struct crontab_state crontab;
    size_t downloads;       /* under way */
    bool list_sent, listed; /* which copies there are is asked for, is known */
    mono_us look_at_files;  /* next */
    struct table known;
    struct table waiting; /* lists of struct waiting, by job */
    struct map loading;   /* job -> enum load_flag */
    struct map tasks;     /* job -> its newest revision by a task; 0: ours by the store alone */
    struct by_store by_store;
    bool heard_of_tasks;
    struct run_set run_tasks; /* to be consumed with the end of their runs */
    struct run_set kills;     /* of runs that are not active, likewise */
    struct run_set strays;    /* seen in the store, and nothing is known of them here (stray.c) */

    struct list items; /* for the next work */
    size_t item_count;
    struct claim *claims;
    size_t claim_count, claim_capacity;
    struct note *notes;
    size_t note_count, note_capacity;
    job_id *loads; /* those of `loading` that do not travel yet */
    size_t load_count, load_capacity;
    struct work *travelling;
    struct work *failed; /* to be tried again at retry_at */
    mono_us retry_at;
    span_us backoff;
    struct run_set elsewhere; /* runs of our jobs that other workers execute */
    mono_us ask_elsewhere;    /* for these, not before */
    unsigned looks;           /* for the next work */
    mono_us next_look;
    mono_us tell_lease_at; /* the guardian is to hear of our lease again */
    mono_us next_sign;     /* of life */
    bool sign_waits;       /* one is on its way to the store */
    mono_us lease_until;   /* what must not outlive our lease is dead by then */
    mono_us lease_since;   /* it has not lapsed since */
    bool unsure;           /* it has lapsed: what was claimed before is to be seen in the store */
    enum clock_state clock_state;
    bool clock_is_off; /* it was warned of */
    bool announced;    /* a sign of life is stored: others may know of us */
    bool joining;      /* the answer is to come */
    bool joined;
    bool conflict;                 /* another worker lives under our name */
    enum rc join_rc;               /* the last answer */
    mono_us join_at;               /* not to be tried before; nor, with a conflict, recovery */
    _Atomic(const char *) unready; /* why, NULL when it is ready */
    instant_us started_at;
    atomic_int_least64_t due_next_hour;

    struct loop loop;
    struct loop_source inbox_source, returned_source, fetched_source, launcher_source;
    struct loop_source kept_source, fires_source;
    pthread_t loop_thread, store_thread, coordination_thread, crontab_thread;
    struct mailbox to_store, to_coordination, to_crontab;
    struct fetcher *fetchers; /* thread_files.c */
    bool threads;
    atomic_bool stopping;
};

/* active.c */
struct active *active_new(const struct run_key *key, const struct claim_token *token);
void active_free(struct active *active);
struct active *worker_find_active(const struct worker *worker, const struct run_key *key);
void worker_add_active(struct worker *worker, struct active *active);
/* The run has ended, or never began: its result goes to the store, and the agenda hears of it. */
void worker_conclude(struct worker *worker, struct active *active, const struct run_result *result,
                     const char *reason);
void worker_start_run(struct worker *worker, struct active *active, instant_us start_at);
void worker_send_unsent(struct worker *worker);
/* What waits with the guardian for its instant is not to be started any more. */
void worker_withdraw(struct worker *worker, job_id job);
void worker_kill_run(struct worker *worker, const struct run_key *key);
void worker_skip_run(struct worker *worker, struct active *active, enum run_status status,
                     const char *reason);
struct run_result result_without_start(enum run_status status, instant_us at);

/* start_note.c: a run that waits for its file has not been started, whoever dies meanwhile. */
void worker_withdraw_start(struct worker *worker, struct active *active);
/* It may be handed over when it is NOTED again; false: that is under way. */
bool worker_ask_start(struct worker *worker, struct active *active);
MUST_USE enum rc work_note_starts(struct work *work);
void worker_take_notes(struct worker *worker, const struct work *work);

/* file.c: copies of scripts and binaries, and the runs that wait for one. */
/* A job has this file: it is got ready, when there is room for it. */
void worker_expect_file(struct worker *worker, const char *hash);
/* A run will need its file. */
void worker_use_file(struct worker *worker, struct active *active);
/* Into its launch; false: the run waits for it. */
bool worker_open_file(struct worker *worker, struct active *active);
/* The job is not this worker's any more; what was asked for by hand goes on unless it is removed.
 */
void worker_withdraw_fileless(struct worker *worker, job_id job);
void worker_settle_doubted(struct worker *worker, job_id job, bool removed);
void worker_take_fetches(struct worker *worker);
void worker_move_files(struct worker *worker, mono_us now);
mono_us worker_files_deadline(const struct worker *worker);

/* thread_files.c */
enum rc worker_start_fetchers(struct worker *worker, struct err *err);
void worker_stop_fetchers(struct worker *worker);

/* crontab.c */
void worker_open_crontab(struct worker *worker);
void worker_close_crontab(struct worker *worker);
/* The job was loaded: it has a line, if it is followed and a line can say when it is due. */
void worker_offer_line(struct worker *worker, const struct agenda_job *job);
void worker_drop_line(struct worker *worker, job_id job);
/* A tick is claimed that cron was to call for. */
void worker_note_unfired(struct worker *worker, const struct decision *decision, instant_us now);
/* A call; the worker is the context. */
enum fire_answer worker_on_fire(void *context, job_id job);
void worker_take_kept(struct worker *worker);
void worker_move_crontab(struct worker *worker, mono_us now);
mono_us worker_crontab_deadline(const struct worker *worker);
struct backend worker_backend(const struct worker *worker);

/* thread_crontab.c */
enum rc worker_start_crontab(struct worker *worker, struct err *err);
void worker_stop_crontab(struct worker *worker);
/* It comes back in worker->kept. */
void worker_send_keeping(struct worker *worker, struct keeping *keeping);
void keeping_free(struct keeping *keeping);

/* decide.c */
void worker_advance(struct worker *worker, instant_us now);

/* item.c */
struct item *worker_add_item(struct worker *worker, enum write_kind kind);
void item_set_reason(struct item *item, const char *reason);
void worker_write_started(struct worker *worker, mono_us now);

/* sign.c: signs of life, and the lease that they renew. */
void worker_write_sign(struct worker *worker, instant_us now);
/* Dates it: just before it is sent. */
void work_date_sign(struct work *work);
/* It is stored. */
void worker_take_sign(struct worker *worker, const struct work *work);
/* Tells a guardian that has just connected. */
void worker_tell_lease(struct worker *worker);
/* Whether ticks may be claimed and runs started. */
bool worker_may_claim(const struct worker *worker, mono_us now);
/* Why not, for who asks whether it is ready. */
void worker_note_readiness(struct worker *worker, mono_us now);

/* clock.c */
enum rc work_check_clock(struct work *work);
void worker_take_clock(struct worker *worker, const struct clock_check *check);
/* The wall clock was set: it is to be checked before anything else. */
void worker_doubt_clock(struct worker *worker);

/* launch.c: fills active->launch, or active->refusal. A job that has another revision by now than
 * was claimed is left for launch_build_revision(), which reads what it was; any rc of that but
 * RC_OK is the store's. */
void launch_build(struct active *active, const struct worker_config *config,
                  const struct job_record *record);
enum rc launch_build_revision(struct active *active, const struct worker_config *config,
                              struct err *err);

/* load.c */
void worker_take_tasks(struct worker *worker, const struct message *message);
/* The job is another worker's, or nobody's. */
void worker_drop_job(struct worker *worker, job_id job);
void worker_want_job(struct worker *worker, job_id job, enum load_flag flag);
/* Others may have had our jobs meanwhile: ticks count from where the store has them by now. */
void worker_reload_jobs(struct worker *worker);
void worker_take_loaded(struct worker *worker, const struct loaded *loaded);
void loaded_fill(struct loaded *loaded, const struct job_record *job, struct zones *zones);

/* join.c: coordination, which may be slow to answer, has a thread of its own. */
void worker_watch_tasks(struct worker *worker);
/* Becomes a member, once others may know of us. */
void worker_join(struct worker *worker, mono_us now);
void worker_take_joined(struct worker *worker, const struct message *message);
/* On the coordination thread: WATCH, JOIN. */
void worker_ask_coordination(struct worker *worker, enum message_kind kind);

/* by_store.c */
void worker_look_for_jobs(struct worker *worker, mono_us now);
enum rc work_look_for_jobs(struct work *work);
void worker_take_jobs(struct worker *worker, const struct work *work);

/* elsewhere.c */
/* Notes a run that goes on with another worker; others are nothing. */
void work_note_elsewhere(struct work *work, const struct run_record *run);
enum rc work_look_elsewhere(struct work *work);
enum rc work_look_beside(struct work *work);

/* request.c. Of those runs that are retries without a request; changes the array. */
MUST_USE enum rc work_read_requests(struct work *work, struct active **runs, size_t count);
/* Before the claims are told to the agenda. */
void worker_take_beside(struct worker *worker, const struct work *work);
void worker_look_elsewhere(struct worker *worker, mono_us now);
void worker_pack_elsewhere(struct worker *worker, struct work *work);
void worker_take_elsewhere(struct worker *worker, const struct work *work);

/* stray.c: claims that took effect when nobody waited for them any more. */
enum rc work_look_for_strays(struct work *work);
void worker_take_strays(struct worker *worker, const struct work *work);

/* outputs.c */
void worker_make_deliverer(struct worker *worker);
void worker_step_outputs(struct worker *worker, mono_us now);
/* The result is in the store, or refused for good. */
void worker_deliver_output(struct worker *worker, const struct item *item);
/* Short outputs, beside the results that they travel with: how many writes there may be, the
 * writes, and what became of them. Their bytes are in the arena. */
size_t work_count_outputs(const struct work *work);
size_t work_add_outputs(struct work *work, struct store_write *writes, struct arena *arena);
void work_note_outputs(struct work *work);

/* recover.c */
void worker_note_known(struct worker *worker, const struct launch_event *event);
void worker_recover(struct worker *worker, struct work *work);
enum rc work_recover(struct work *work);
void worker_free_known(struct worker *worker);

/* wait.c: runs in the order in which they came, until their job is loaded. */
struct waiting *worker_add_waiting(struct worker *worker, const struct run_key *key,
                                   enum wait_kind kind);
/* A run to adopt has ended before its job was loaded: it waits on, with its result. False: it does
 * not wait. */
bool worker_end_waiting(struct worker *worker, const struct run_key *key,
                        const struct run_result *result, const char *reason);
/* The first that waits for the job, no longer the worker's; NULL: there is none. */
struct waiting *worker_take_waiting(struct worker *worker, job_id job);
void worker_free_waiting(struct worker *worker);

/* travel.c */
void worker_send_work(struct worker *worker);
void worker_take_work(struct worker *worker, struct work *work);
void work_free(struct work *work);

#endif
