/* SPDX-License-Identifier: Apache-2.0 */
/* manager/internal.h: the manager's state, shared by the files of this folder alone. */
#ifndef CRONJOB_MANAGER_INTERNAL_H
#define CRONJOB_MANAGER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "base/map.h"

#include "core/placement.h"

#include "manager/manager.h"

enum {
    MAX_QUEUED_CHANGES = 10000, /* past this, changes are refused as busy */
    CHANGES_A_STEP = 512,       /* committed together */
};

#define RETRY_AFTER (1 * SECOND) /* when the store or coordination did not answer */

/* What a manager is to those who hand in changes: a queue until it is known who leads. */
enum standing { STANDING_FIRST, STANDING_LEADS, STANDING_BY };

/* A task of a worker that is gone. */
struct left_task {
    struct task task;
    bool stays; /* its run is claimed by that worker, which may come back */
};

/*
 * A worker, member or not, and what coordination has for it (the mirror). The mirror follows each
 * task that is handed out; when the outcome of that is not known, the tasks are read again.
 */
struct keeper {
    bool member;   /* coordination has it */
    bool recorded; /* the store has its row */
    bool mourned;  /* it is lost, and its runs were looked at since */
    instant_us lease_until;
    struct arena arena; /* of its labels */
    struct map jobs;    /* job -> revision */
    bool unread;        /* coordination is to be asked */
    bool unsettled;     /* it is to be told that its tasks are complete */
    int64_t planned;    /* jobs of changes that are being written */
    bool untold;        /* what was last sent did not reach it */

    struct left_task *left; /* TASK_RUN and TASK_KILL, of one that is no member */
    size_t left_count, left_capacity;
    struct task *outbox; /* on their way to it */
    size_t outbox_count, outbox_capacity;
};

enum pass {
    PASS_NONE,
    PASS_JOBS,    /* each active job has its worker */
    PASS_BALANCE, /* and those who came their share */
    PASS_TIDY,    /* no worker has a task that is not its own */
};

/* Of the jobs. */
struct reconciliation {
    enum pass pass;
    bool again;      /* something changed behind the page that goes on */
    bool balances;   /* a worker came, or may have more */
    job_id after;    /* jobs up to this one are done */
    struct map seen; /* active jobs */
    int64_t moved, unassigned;
    mono_us next; /* when it is begun although nothing happened */
};

/* Of the unfinished runs: each is with a worker that lives, or lost. */
struct run_pass {
    bool running;
    bool again;
    bool begun;            /* `before` is set */
    struct run_key before; /* runs from the newest down to this one are done */
};

struct retention {
    mono_us next;
    bool running;
    instant_us until;
    struct run_key before;
    bool begun;
    struct map finished; /* job -> runs that ended since the job was last looked at */
};

struct collector;

struct manager {
    struct changes changes; /* first: the port */
    struct manager_config config;
    struct mailbox inbox; /* struct change */
    struct mailbox news;  /* struct news */
    atomic_size_t queued;
    atomic_bool closed;
    atomic_int standing; /* enum standing */
    atomic_bool troubled;

    bool leads;
    struct lease lease;
    uint64_t floor;    /* the newest epoch that the store is known to have had */
    bool floor_read;   /* of this campaign */
    bool names_unread; /* coordination is to be asked for workers that are no members */
    mono_us led_since;
    mono_us hold_until; /* jobs are not moved before: workers may be about to join */
    mono_us next_rows;
    instant_us rows_at; /* when the workers' rows were read, by the store's clock */

    struct placement_worker *places; /* as many as keepers, in the same order */
    struct keeper *keepers;
    size_t worker_count;
    size_t place_capacity, keeper_capacity;

    instant_us last_run_now; /* of the newest run on demand: the next one's key must differ */
    struct mail *waiting;    /* changes taken from the inbox, oldest first */
    struct reconciliation reconciliation;
    struct run_pass runs;
    struct map offers; /* retries for other workers that were seen, by a hash of their keys */
    struct retention retention;
    mono_us retry_at; /* nothing that failed is tried before */

    struct collector *collector; /* NULL before it is started */
    struct loop loop;
    struct loop_source inbox_source;
    struct loop_source news_source;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
};

/* What other threads tell the manager. */
enum news_kind { NEWS_MEMBER, NEWS_RUN, NEWS_STOP };
struct news {
    struct mail mail;
    enum news_kind kind;
    struct member member;
    job_id job;
};

/* manager.c */
void manager_publish_job(struct manager *manager, job_id job);
void manager_publish_run(struct manager *manager, const struct run_key *run);
/* Store or coordination did not answer: what is left is tried again later. */
void manager_try_later(struct manager *manager, const char *what, const struct err *err,
                       enum rc rc);

/* Its worker is in this process, and looks after its runs itself. */
static inline bool manager_is_alone(const struct manager *manager)
{
    return !manager->config.url || !manager->config.url[0];
}

/* lead.c */
/* Whether it leads; campaigns if it does not. */
bool manager_lead(struct manager *manager, mono_us now);
void manager_step_down(struct manager *manager);
/* store_apply() as the leader. The first write is reserved for saying so. RC_UNAVAILABLE when
 * another leads. */
MUST_USE enum rc manager_apply(struct manager *manager, struct store_write *writes, size_t count,
                               struct err *err);

/* crew.c: who works. */
int manager_find_worker(const struct manager *manager, const char *name); /* -1: unknown */
int manager_know_worker(struct manager *manager, const char *name);
void manager_member_changed(struct manager *manager, const struct member *member);
/* Reads workers and tasks as far as they are not known; true when all are. */
bool manager_know_crew(struct manager *manager, mono_us now);
/* Nobody who is about to join is missing. */
bool manager_may_move(struct manager *manager, mono_us now);
bool manager_is_lost(const struct manager *manager, int worker); /* two witnesses say so */
bool manager_has_crew(const struct manager *manager);            /* somebody is there to work */
/* The worker for a job that asks for these labels and is on `current` (-1: nowhere); -1. */
int manager_pick(struct manager *manager, int current, const struct pairs *labels);
int manager_pick_other(struct manager *manager, int than, const struct pairs *labels);
void manager_count_loads(struct manager *manager); /* into the places */
void manager_free_crew(struct manager *manager);

/* tasks.c: what coordination is told. A task waits for manager_flush_tasks(). */
void manager_add_task(struct manager *manager, int worker, const struct task *task); /* -1: none */
/* The job is this worker's in this revision, and nobody else's; -1: nobody's. What a worker that is
 * no member has stays there for now. */
void manager_put_job(struct manager *manager, int worker, job_id job, uint64_t revision);
void manager_flush_tasks(struct manager *manager);
int manager_find_holder(const struct manager *manager, job_id job); /* a member, or -1 */
bool manager_is_kept(const struct manager *manager, job_id job);    /* by whomever, member or not */
MUST_USE enum rc manager_read_tasks(struct manager *manager, int worker, struct err *err);
void manager_forget_tasks(struct manager *manager); /* of all: another led meanwhile */
bool manager_tidy_jobs(struct manager *manager);    /* true when there is more to do */
void manager_tidy_left(struct manager *manager);
void manager_settle(struct manager *manager);

/* change*.c: commits changes that wait; true when there are more. */
bool manager_work_off_changes(struct manager *manager);
void manager_refuse_changes(struct manager *manager, enum rc rc, const char *why);

/* reconcile.c */
void manager_reconcile(struct manager *manager, bool balances); /* from the start, or again */
/* True when there is more to do now. */
bool manager_reconcile_page(struct manager *manager, mono_us now);

/* runs.c */
void manager_look_at_runs(struct manager *manager); /* from the start, or again */
/* Does so when a worker has queued a retry for others. */
MUST_USE enum rc manager_look_for_offers(struct manager *manager, struct err *err);
bool manager_place_runs(struct manager *manager); /* a page; true when there is more to do now */

/* account.c: records the ticks of these jobs, which fit nobody, that are past catching up. */
MUST_USE enum rc manager_account(struct manager *manager, const job_id *jobs, size_t count,
                                 struct err *err);

/* retention.c */
bool manager_retire(struct manager *manager, mono_us now); /* true when there is more to do now */
void manager_count_run(struct manager *manager, job_id job);

#endif
