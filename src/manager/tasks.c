/* SPDX-License-Identifier: Apache-2.0 */
/* What coordination is told, and what it is known to have. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#include "manager/internal.h"

void manager_add_task(struct manager *manager, int worker, const struct task *task)
{
    struct keeper *keeper;

    if (worker < 0)
        return;
    keeper = &manager->keepers[worker];
    keeper->outbox = xgrow(keeper->outbox, keeper->outbox_count, &keeper->outbox_capacity,
                           sizeof(*keeper->outbox));
    keeper->outbox[keeper->outbox_count++] = *task;
}

static void remove_job(struct manager *manager, int worker, job_id job, uint64_t revision)
{
    map_remove(&manager->keepers[worker].jobs, job);
    manager_add_task(
        manager, worker,
        &(struct task){.kind = TASK_JOB, .removed = true, .job = job, .revision = revision});
}

static void add_job(struct manager *manager, int worker, job_id job, uint64_t revision)
{
    map_put(&manager->keepers[worker].jobs, job, revision);
    manager_add_task(manager, worker,
                     &(struct task){.kind = TASK_JOB, .job = job, .revision = revision});
}

void manager_put_job(struct manager *manager, int worker, job_id job, uint64_t revision)
{
    struct map *seen = &manager->reconciliation.seen;
    uint64_t there;

    for (size_t i = 0; i < manager->worker_count; i++) {
        struct keeper *keeper = &manager->keepers[i];
        bool has = map_get(&keeper->jobs, job, &there);

        if ((int)i == worker && (!has || there != revision)) {
            if (has)
                remove_job(manager, worker, job, there);
            add_job(manager, worker, job, revision);
        } else if ((int)i != worker && has && keeper->member) {
            remove_job(manager, (int)i, job, there);
        }
    }
    if (worker >= 0 && manager->reconciliation.pass != PASS_NONE)
        map_put(seen, job, 1);
    else if (worker < 0)
        map_remove(seen, job);
}

int manager_find_holder(const struct manager *manager, job_id job)
{
    uint64_t revision;

    for (size_t i = 0; i < manager->worker_count; i++) {
        const struct keeper *keeper = &manager->keepers[i];

        if (keeper->member && map_get(&keeper->jobs, job, &revision))
            return (int)i;
    }
    return -1;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void not_assigned(struct manager *manager, int worker, const struct err *err, enum rc rc)
{
    manager->keepers[worker].outbox_count = 0;
    manager->keepers[worker].unread = manager->keepers[worker].untold = true;
    if (rc == RC_STALE) {
        manager_step_down(manager);
        return;
    }
    manager_try_later(manager, "tasks were not assigned, reconciling", err, rc);
    manager_reconcile(manager, false);
}

/* How many of the tasks from `first` travel together: both of a job that has changed do. */
static size_t chunk(const struct keeper *keeper, size_t first)
{
    size_t count = MIN(keeper->outbox_count - first, (size_t)LIMIT_BATCH);
    const struct task *last = &keeper->outbox[first + count - 1];

    if (first + count < keeper->outbox_count && last->removed && last->job == last[1].job)
        count--;
    return count;
}

static void send(struct manager *manager, int worker)
{
    struct keeper *keeper = &manager->keepers[worker];
    struct err err = {0};
    enum rc rc;

    for (size_t at = 0, count; at < keeper->outbox_count; at += count) {
        count = chunk(keeper, at);
        rc = coordination_assign(manager->config.coordination, manager->lease.epoch,
                                 manager->places[worker].name, &keeper->outbox[at], count, &err);
        if (rc != RC_OK) {
            not_assigned(manager, worker, &err, rc);
            return;
        }
    }
    keeper->outbox_count = 0;
    if (keeper->outbox_capacity > LIMIT_BATCH) { /* the many are rare */
        free(TAKE(keeper->outbox));
        keeper->outbox_capacity = 0;
    }
}

static bool only_takes(const struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->outbox_count; i++) {
        if (!keeper->outbox[i].removed)
            return false;
    }
    return true;
}

/* Who only loses jobs is told first: so a job that moves has two owners as rarely as can be. */
void manager_flush_tasks(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (manager->keepers[i].outbox_count && only_takes(&manager->keepers[i]))
            send(manager, (int)i);
    }
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (manager->keepers[i].outbox_count)
            send(manager, (int)i);
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

struct reading {
    struct manager *manager;
    int worker;
};

/* Of a job's revisions the newest counts, the others go. */
static void note_job(struct manager *manager, int worker, const struct task *task)
{
    struct keeper *keeper = &manager->keepers[worker];
    struct task older = *task;
    uint64_t there;

    if (!map_get(&keeper->jobs, task->job, &there)) {
        map_put(&keeper->jobs, task->job, task->revision);
        return;
    }
    older.removed = true;
    older.revision = MIN(there, task->revision);
    map_put(&keeper->jobs, task->job, MAX(there, task->revision));
    manager_add_task(manager, worker, &older);
}

static void note_task(void *context, const struct task *task)
{
    struct reading *reading = context;
    struct keeper *keeper = &reading->manager->keepers[reading->worker];

    if (task->kind == TASK_JOB) {
        note_job(reading->manager, reading->worker, task);
    } else if (!keeper->member) {
        keeper->left =
            xgrow(keeper->left, keeper->left_count, &keeper->left_capacity, sizeof(*keeper->left));
        keeper->left[keeper->left_count++] = (struct left_task){.task = *task};
    }
}

enum rc manager_read_tasks(struct manager *manager, int worker, struct err *err)
{
    struct keeper *keeper = &manager->keepers[worker];
    struct reading reading = {manager, worker};
    enum rc rc;

    map_release(&keeper->jobs);
    keeper->left_count = 0;
    rc = coordination_read_tasks(manager->config.coordination, manager->places[worker].name,
                                 note_task, &reading, err);
    keeper->unread = rc != RC_OK;
    return rc;
}

void manager_forget_tasks(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        struct keeper *keeper = &manager->keepers[i];

        map_release(&keeper->jobs);
        keeper->left_count = keeper->outbox_count = 0;
        keeper->planned = 0;
        keeper->unread = keeper->unsettled = true;
        keeper->mourned = false;
    }
}

/* ---- tidying ------------------------------------------------------------------------------- */

/* A task of a worker that is gone stays until another has it, or the worker is removed: it may come
 * back, and nobody else knows the job. */
static bool is_superfluous(const struct manager *manager, int worker, job_id job)
{
    const struct keeper *keeper = &manager->keepers[worker];
    uint64_t seen;

    if (!map_get(&manager->reconciliation.seen, job, &seen))
        return true;
    return !keeper->member && (!keeper->recorded || manager_find_holder(manager, job) >= 0);
}

bool manager_is_kept(const struct manager *manager, job_id job)
{
    uint64_t revision;

    for (size_t i = 0; i < manager->worker_count; i++) {
        if (map_get(&manager->keepers[i].jobs, job, &revision))
            return true;
    }
    return false;
}

static size_t tidy_worker(struct manager *manager, int worker, struct task *superfluous)
{
    const struct map *jobs = &manager->keepers[worker].jobs;
    struct task task = {.kind = TASK_JOB};
    size_t count = 0;

    for (size_t at = 0; count < LIMIT_BATCH && map_next(jobs, &at, &task.job, &task.revision);) {
        if (is_superfluous(manager, worker, task.job))
            superfluous[count++] = task;
    }
    for (size_t i = 0; i < count; i++)
        remove_job(manager, worker, superfluous[i].job, superfluous[i].revision);
    return count;
}

bool manager_tidy_jobs(struct manager *manager)
{
    struct task *superfluous AUTO_FREE = xcalloc(LIMIT_BATCH, sizeof(*superfluous));

    for (size_t i = 0; i < manager->worker_count; i++) {
        if (tidy_worker(manager, (int)i, superfluous)) {
            manager_flush_tasks(manager);
            return true;
        }
    }
    return false;
}

void manager_tidy_left(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        struct keeper *keeper = &manager->keepers[i];
        size_t kept = 0;

        for (size_t at = 0; at < keeper->left_count; at++) {
            struct left_task *left = &keeper->left[at];

            if (left->stays) {
                keeper->left[kept++] = *left;
                continue;
            }
            left->task.removed = true;
            manager_add_task(manager, (int)i, &left->task);
        }
        keeper->left_count = kept;
    }
    manager_flush_tasks(manager);
}

void manager_settle(struct manager *manager)
{
    struct err err = {0};

    for (size_t i = 0; i < manager->worker_count && manager->leads; i++) {
        struct keeper *keeper = &manager->keepers[i];
        enum rc rc;

        if (!keeper->unsettled || !keeper->member || keeper->unread)
            continue;
        rc = coordination_settle(manager->config.coordination, manager->lease.epoch,
                                 manager->places[i].name, &err);
        keeper->unsettled = rc != RC_OK;
        if (rc == RC_STALE)
            manager_step_down(manager);
        else if (rc != RC_OK)
            manager_try_later(manager, "tasks were not settled, trying again", &err, rc);
    }
}
