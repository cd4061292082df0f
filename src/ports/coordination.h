/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/coordination.h: who leads, who is alive, who does what.
 *
 * Coordination spreads work; it never decides who may run: the store's claim does. Contract:
 * - campaign() waits until this manager leads or the deadline passes (RC_TIMEOUT). The epoch grows
 * with every change of leader and is greater than `floor`, the newest epoch that the store knows:
 * so it grows also when coordination lost all it had.
 * - Who leads asks leads_until() before it acts: past that instant, or with an answer of another
 * epoch, another may lead. It answers without waiting.
 * - assign() and settle() with an epoch older than the newest leader's change nothing: RC_STALE.
 * Putting a task that is there, or removing one that is not, is fine. A removed TASK_JOB of
 * revision 0 is of whichever; a worker may have a job in several revisions, of which the newest
 * counts. RC_UNKNOWN and RC_UNAVAILABLE: perhaps a part of it was done; read_tasks() tells.
 * - watch_tasks() first gives every task that the worker has as added, then each change; after a
 * lost connection it gives the difference; in one call what is removed comes first. When all tasks
 * of a worker are gone without having been removed (coordination lost what it had), nothing is
 * given until settle(): then the difference. watch_members() likewise gives members. Callbacks come
 * on any thread and only enqueue.
 * - join() and watches outlive a lost session: they are made again by the adapter.
 * - A run task (TASK_RUN, TASK_KILL) stays until consume().
 */
#ifndef CRONJOB_PORTS_COORDINATION_H
#define CRONJOB_PORTS_COORDINATION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/instant.h"

#include "core/limits.h"
#include "core/run.h"

struct coordination;

struct lease {
    uint64_t epoch; /* grows with every change of leader; goes into every write */
    mono_us until;  /* past this instant we must assume another leader exists */
};

struct candidate {
    const char *name;
    uint64_t floor; /* the epoch is to be greater */
};

enum task_kind {
    TASK_JOB,  /* keep this job, in this revision, on schedule */
    TASK_RUN,  /* execute this run */
    TASK_KILL, /* end this run */
};

struct task {
    enum task_kind kind;
    bool removed; /* the worker should no longer do it */
    job_id job;
    uint64_t revision;  /* TASK_JOB; removed: 0 is whichever */
    struct run_key run; /* TASK_RUN, TASK_KILL */
};

struct member {
    char name[LIMIT_NAME + 1];
    bool gone;
};

typedef void (*task_callback)(void *context, const struct task *tasks, size_t count);
typedef void (*member_callback)(void *context, const struct member *member);
typedef void (*task_visit)(void *context, const struct task *task);
typedef void (*name_visit)(void *context, const char *name);

struct coordination_ops {
    const char *name;
    enum rc (*campaign)(struct coordination *coordination, const struct candidate *self,
                        mono_us deadline, struct lease *ret_lease, struct err *err);
    mono_us (*leads_until)(struct coordination *coordination, uint64_t epoch);
    /* Lets another lead, at once. */
    void (*resign)(struct coordination *coordination);
    enum rc (*join)(struct coordination *coordination, const char *worker, struct err *err);
    enum rc (*leave)(struct coordination *coordination, const char *worker, struct err *err);
    /* Until when others surely see the worker, which joined here, as a member; 0: they may not. */
    mono_us (*member_until)(struct coordination *coordination, const char *worker);
    enum rc (*watch_members)(struct coordination *coordination, member_callback callback,
                             void *context, struct err *err);
    enum rc (*watch_tasks)(struct coordination *coordination, const char *worker,
                           task_callback callback, void *context, struct err *err);
    /* Every worker that has, or had, tasks; member or not. */
    enum rc (*read_workers)(struct coordination *coordination, name_visit visit, void *context,
                            struct err *err);
    /* The tasks of a worker, in any order; none when it has none. */
    enum rc (*read_tasks)(struct coordination *coordination, const char *worker, task_visit visit,
                          void *context, struct err *err);
    /* Adds or removes up to LIMIT_BATCH tasks of one worker, all or none. RC_STALE, RC_UNAVAILABLE,
     * RC_UNKNOWN. */
    enum rc (*assign)(struct coordination *coordination, uint64_t epoch, const char *worker,
                      const struct task *tasks, size_t count, struct err *err);
    /* All tasks that the worker should have are there: what is not there, it drops. */
    enum rc (*settle)(struct coordination *coordination, uint64_t epoch, const char *worker,
                      struct err *err);
    enum rc (*consume)(struct coordination *coordination, const char *worker,
                       const struct task *task, struct err *err);
    /* Forgets the callbacks of this context; when it returns none is running. */
    void (*unwatch)(struct coordination *coordination, void *context);
    void (*free)(struct coordination *coordination);
};

struct coordination {
    const struct coordination_ops *ops;
};

MUST_USE static inline enum rc coordination_campaign(struct coordination *coordination,
                                                     const struct candidate *self, mono_us deadline,
                                                     struct lease *ret_lease, struct err *err)
{
    return coordination->ops->campaign(coordination, self, deadline, ret_lease, err);
}

static inline mono_us coordination_leads_until(struct coordination *coordination, uint64_t epoch)
{
    return coordination->ops->leads_until(coordination, epoch);
}

static inline void coordination_resign(struct coordination *coordination)
{
    coordination->ops->resign(coordination);
}

MUST_USE static inline enum rc coordination_join(struct coordination *coordination,
                                                 const char *worker, struct err *err)
{
    return coordination->ops->join(coordination, worker, err);
}

static inline enum rc coordination_leave(struct coordination *coordination, const char *worker,
                                         struct err *err)
{
    return coordination->ops->leave(coordination, worker, err);
}

static inline mono_us coordination_member_until(struct coordination *coordination,
                                                const char *worker)
{
    return coordination->ops->member_until(coordination, worker);
}

MUST_USE static inline enum rc coordination_watch_members(struct coordination *coordination,
                                                          member_callback callback, void *context,
                                                          struct err *err)
{
    return coordination->ops->watch_members(coordination, callback, context, err);
}

MUST_USE static inline enum rc coordination_watch_tasks(struct coordination *coordination,
                                                        const char *worker, task_callback callback,
                                                        void *context, struct err *err)
{
    return coordination->ops->watch_tasks(coordination, worker, callback, context, err);
}

MUST_USE static inline enum rc coordination_assign(struct coordination *coordination,
                                                   uint64_t epoch, const char *worker,
                                                   const struct task *tasks, size_t count,
                                                   struct err *err)
{
    return coordination->ops->assign(coordination, epoch, worker, tasks, count, err);
}

MUST_USE static inline enum rc coordination_read_workers(struct coordination *coordination,
                                                         name_visit visit, void *context,
                                                         struct err *err)
{
    return coordination->ops->read_workers(coordination, visit, context, err);
}

MUST_USE static inline enum rc coordination_read_tasks(struct coordination *coordination,
                                                       const char *worker, task_visit visit,
                                                       void *context, struct err *err)
{
    return coordination->ops->read_tasks(coordination, worker, visit, context, err);
}

MUST_USE static inline enum rc coordination_settle(struct coordination *coordination,
                                                   uint64_t epoch, const char *worker,
                                                   struct err *err)
{
    return coordination->ops->settle(coordination, epoch, worker, err);
}

static inline enum rc coordination_consume(struct coordination *coordination, const char *worker,
                                           const struct task *task, struct err *err)
{
    return coordination->ops->consume(coordination, worker, task, err);
}

static inline void coordination_unwatch(struct coordination *coordination, void *context)
{
    coordination->ops->unwatch(coordination, context);
}

static inline void coordination_free(struct coordination *coordination)
{
    if (coordination)
        coordination->ops->free(coordination);
}

#endif
