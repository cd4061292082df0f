/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/coordination.h: who leads, who is alive, who does what.
 *
 * Coordination spreads work; it never decides who may run: the store's claim does. Contract:
 * - campaign() waits until this manager leads or the deadline passes (RC_TIMEOUT). The epoch grows
 * with every change of leader.
 * - assign() with an epoch older than the newest leader's changes nothing: RC_STALE. Putting a task
 * that is there, or removing one that is not, is fine.
 * - watch_tasks() first gives every task that the worker has as added, then each change; after a
 * lost connection it gives the difference. watch_members() likewise. Callbacks come on any thread
 * and only enqueue.
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

enum task_kind {
    TASK_JOB,  /* keep this job, in this revision, on schedule */
    TASK_RUN,  /* execute this run */
    TASK_KILL, /* end this run */
};

struct task {
    enum task_kind kind;
    bool removed; /* the worker should no longer do it */
    job_id job;
    uint64_t revision;  /* TASK_JOB */
    struct run_key run; /* TASK_RUN, TASK_KILL */
};

struct member {
    char name[LIMIT_NAME + 1];
    bool gone;
};

typedef void (*task_callback)(void *context, const struct task *tasks, size_t count);
typedef void (*member_callback)(void *context, const struct member *member);

struct coordination_ops {
    const char *name;
    enum rc (*campaign)(struct coordination *coordination, const char *self, mono_us deadline,
                        struct lease *ret_lease, struct err *err);
    enum rc (*join)(struct coordination *coordination, const char *worker, struct err *err);
    enum rc (*leave)(struct coordination *coordination, const char *worker, struct err *err);
    enum rc (*watch_members)(struct coordination *coordination, member_callback callback,
                             void *context, struct err *err);
    enum rc (*watch_tasks)(struct coordination *coordination, const char *worker,
                           task_callback callback, void *context, struct err *err);
    /* Adds or removes up to LIMIT_BATCH tasks of one worker, all or none. RC_STALE, RC_UNAVAILABLE,
     * RC_UNKNOWN. */
    enum rc (*assign)(struct coordination *coordination, uint64_t epoch, const char *worker,
                      const struct task *tasks, size_t count, struct err *err);
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
                                                     const char *self, mono_us deadline,
                                                     struct lease *ret_lease, struct err *err)
{
    return coordination->ops->campaign(coordination, self, deadline, ret_lease, err);
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
