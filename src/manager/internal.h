/* SPDX-License-Identifier: Apache-2.0 */
/* manager/internal.h: the manager's state, shared by the files of this folder alone. */
#ifndef CRONJOB_MANAGER_INTERNAL_H
#define CRONJOB_MANAGER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

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

/* Tasks on their way to one worker. */
struct task_batch {
    int worker; /* index in manager->workers; -1: empty */
    struct task tasks[LIMIT_BATCH];
    size_t count;
};

struct reconciliation {
    bool running;
    bool again;          /* something changed behind the page that goes on */
    job_id after;        /* jobs up to this one are done */
    struct run_key runs; /* queued runs from the newest down to this one are done */
    bool jobs_done;
    bool runs_begun;
};

struct retention {
    mono_us next;
    bool running;
    instant_us until;
    struct run_key before;
    bool begun;
    struct map finished; /* job -> runs that ended since the job was last looked at */
};

struct manager {
    struct changes changes; /* first: the port */
    struct manager_config config;
    struct mailbox inbox; /* struct change */
    struct mailbox news;  /* struct member_news, struct run_news */
    atomic_size_t queued;
    atomic_bool closed;

    bool leads;
    atomic_bool leading;           /* the same, for other threads */
    _Atomic(const char *) unready; /* why it neither leads nor stands by; NULL: it does */
    struct lease lease;
    struct placement_worker *workers;
    size_t worker_count;
    instant_us last_run_now; /* of the newest run on demand: the next one's key must differ */
    struct task_batch batch;
    struct mail *waiting; /* changes taken from the inbox, oldest first */
    struct reconciliation reconciliation;
    struct retention retention;
    mono_us retry_at; /* nothing that failed is tried before */

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
int manager_find_worker(const struct manager *manager, const char *name); /* -1: unknown */
/* Queues a task for a worker; full batches, and batches of another worker, are sent first. */
void manager_add_task(struct manager *manager, int worker, const struct task *task);
void manager_flush_tasks(struct manager *manager);
/* Picks a worker for a job that is on `current`; -1: there is none. */
int manager_pick(const struct manager *manager, const char *current);
void manager_publish_job(struct manager *manager, job_id job);
void manager_publish_run(struct manager *manager, const struct run_key *run);

/* lead.c */
void manager_campaign(struct manager *manager);
/* Whether it may still lead, by its own clock. */
void manager_check_lead(struct manager *manager);
void manager_step_down(struct manager *manager, const char *reason);
/* As store_apply(), but RC_UNAVAILABLE, with nothing changed, when another leads. */
MUST_USE enum rc manager_apply(struct manager *manager, struct store_write *writes, size_t count,
                               struct err *err);

/* change*.c: commits changes that wait; true when there are more. */
bool manager_work_off_changes(struct manager *manager);

/* reconcile.c */
void manager_reconcile(struct manager *manager);      /* from the start, or again */
bool manager_reconcile_page(struct manager *manager); /* true when there is more to do now */

/* retention.c */
bool manager_retire(struct manager *manager, mono_us now); /* true when there is more to do now */
void manager_count_run(struct manager *manager, job_id job);

#endif
