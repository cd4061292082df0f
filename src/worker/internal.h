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

#include "worker/ledger.h"
#include "worker/worker.h"

#define START_SLACK                                                               \
    (5 * SECOND) /* a claim older than this is not started: the worker was paused \
                  */
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

struct active {
    struct table_node node; /* in worker->active, by key */
    struct list link;       /* in worker->unsent or worker->unwritten, else by itself */
    struct run_key key;
    struct claim_token token;
    enum run_trigger trigger;
    enum active_state state;
    struct arena arena; /* owns the launch */
    struct launch launch;
    mono_us claimed_at;
    instant_us start_at;
    instant_us started_at;
    mono_us started_mono;
    bool kill_wanted;
    bool withdrawn;      /* its job was removed or paused before it started */
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
};

struct claim {
    struct decision decision;
    enum claim_outcome outcome;
    struct active *active; /* when won */
    const char *request;   /* when won: "" or that of a run on demand; of the active's arena */
};

struct loaded {
    job_id id;
    bool found; /* and not removed */
    bool due;   /* its schedule is to be followed */
    struct agenda_job job;
    bool has_last;
    struct run_key last;
    struct run_result last_result;
};

/* A run that was ours and unfinished when the worker started. */
struct recovered {
    struct active *active;
    bool journaled_start; /* it was handed to the guardian */
    bool ended;           /* the journal has its result */
    struct run_result result;
    char reason[LIMIT_REASON + 1];
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
    mono_us begun_at;
    struct loaded *loads;
    size_t load_count;
    bool recover;
    struct recovered *recovered;
    size_t recovered_count, recovered_capacity;
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
    LOAD_DUE = 1,       /* a task says that the job is to be kept on schedule */
    LOAD_DORMANT = 2,   /* a run needs it */
    LOAD_IN_FLIGHT = 4, /* it travels */
    LOAD_AGAIN = 8,     /* it changed meanwhile */
};

enum message_kind { MESSAGE_TASKS, MESSAGE_STOP };
struct message {
    struct mail mail;
    enum message_kind kind;
    size_t count;
    struct task tasks[];
};

struct worker {
    struct worker_config config;
    struct launcher *launcher;
    struct ledger ledger;    /* the store thread's, while a work travels */
    struct mailbox inbox;    /* struct message */
    struct mailbox returned; /* struct work */

    enum worker_phase phase;
    bool connected;
    struct agenda *agenda;
    struct table active;
    struct list unsent;      /* active: the launcher was busy or away */
    struct list handed_over; /* active: with the guardian, not started */
    struct list unwritten;   /* active: running, not yet written as such, oldest first */
    struct table known;
    struct table waiting; /* lists of struct waiting, by job */
    struct map loading;   /* job -> enum load_flag */

    struct list items; /* for the next work */
    size_t item_count;
    struct claim *claims;
    size_t claim_count, claim_capacity;
    job_id *loads; /* those of `loading` that do not travel yet */
    size_t load_count, load_capacity;
    struct work *travelling;
    struct work *failed; /* to be tried again at retry_at */
    mono_us retry_at;
    span_us backoff;
    mono_us next_sign; /* of life */
    bool announced;    /* a sign of life is stored: others may know of us */
    bool joined;
    mono_us join_at;               /* not to be tried before */
    _Atomic(const char *) unready; /* why, NULL when it is ready */
    instant_us started_at;
    atomic_int_least64_t due_next_hour;

    struct loop loop;
    struct loop_source inbox_source, returned_source, launcher_source;
    pthread_t loop_thread, store_thread;
    struct mailbox to_store;
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

/* decide.c */
void worker_advance(struct worker *worker, instant_us now);

/* item.c */
struct item *worker_add_item(struct worker *worker, enum write_kind kind);
void item_set_reason(struct item *item, const char *reason);
void worker_write_started(struct worker *worker, mono_us now);
void worker_write_sign(struct worker *worker, instant_us now);

/* launch.c: fills active->launch, or active->refusal. */
void launch_build(struct active *active, const struct worker_config *config,
                  const struct job_record *record, const char *request_text);

/* load.c */
void worker_take_tasks(struct worker *worker, const struct message *message);
void worker_want_job(struct worker *worker, job_id job, enum load_flag flag);
void worker_take_loaded(struct worker *worker, const struct loaded *loaded);
void loaded_fill(struct loaded *loaded, const struct job_record *job, struct zones *zones);

/* join.c */
void worker_watch_tasks(struct worker *worker);
/* Becomes a member, once others may know of us. */
void worker_join(struct worker *worker, mono_us now);

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
