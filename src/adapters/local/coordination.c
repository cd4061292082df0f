/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/local/coordination.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"

/* The tasks of one worker, kept for a watcher that comes later. */
struct local_worker {
    struct local_worker *next;
    char name[LIMIT_NAME + 1];
    bool joined;
    struct map jobs;   /* job -> revision */
    struct task *runs; /* TASK_RUN and TASK_KILL, until consumed */
    size_t run_count;
    task_callback callback;
    void *context;
};

struct local_coordination {
    struct coordination base;
    pthread_mutex_t lock; /* guards all; held while callbacks run, which only enqueue */
    struct local_worker *workers;
    member_callback member_callback;
    void *member_context;
    uint64_t epoch;
};

static struct local_coordination *lock(struct coordination *coordination)
{
    struct local_coordination *local = container_of(coordination, struct local_coordination, base);

    pthread_mutex_lock(&local->lock);
    return local;
}

static enum rc unlock(struct local_coordination *local, enum rc rc)
{
    pthread_mutex_unlock(&local->lock);
    return rc;
}

static struct local_worker *find_worker(struct local_coordination *local, const char *name)
{
    struct local_worker *worker = local->workers;

    while (worker && strcmp(worker->name, name) != 0)
        worker = worker->next;
    if (worker)
        return worker;
    worker = xcalloc(1, sizeof(*worker));
    CHECK(strlen(name) < sizeof(worker->name));
    memcpy(worker->name, name, strlen(name));
    map_init(&worker->jobs);
    worker->next = local->workers;
    local->workers = worker;
    return worker;
}

static enum rc campaign(struct coordination *coordination, const struct candidate *self,
                        mono_us deadline, struct lease *ret_lease, struct err *err)
{
    struct local_coordination *local = lock(coordination);

    (void)deadline; /* nobody else is there */
    (void)err;
    local->epoch = MAX(local->epoch, self->floor) + 1;
    *ret_lease = (struct lease){.epoch = local->epoch, .until = INT64_MAX};
    return unlock(local, RC_OK);
}

static mono_us leads_until(struct coordination *coordination, uint64_t epoch)
{
    struct local_coordination *local = lock(coordination);
    mono_us until = epoch == local->epoch ? INT64_MAX : 0;

    (void)unlock(local, RC_OK);
    return until;
}

static void resign(struct coordination *coordination)
{
    struct local_coordination *local = lock(coordination);

    local->epoch++;
    (void)unlock(local, RC_OK);
}

static void tell_member(struct local_coordination *local, const struct local_worker *worker)
{
    struct member member = {.gone = !worker->joined};

    memcpy(member.name, worker->name, sizeof(member.name));
    if (local->member_callback)
        local->member_callback(local->member_context, &member);
}

static enum rc set_joined(struct coordination *coordination, const char *name, bool joined)
{
    struct local_coordination *local = lock(coordination);
    struct local_worker *worker = find_worker(local, name);

    if (worker->joined != joined) {
        worker->joined = joined;
        tell_member(local, worker);
    }
    return unlock(local, RC_OK);
}

static enum rc join(struct coordination *coordination, const char *worker, struct err *err)
{
    (void)err;
    return set_joined(coordination, worker, true);
}

static enum rc leave(struct coordination *coordination, const char *worker, struct err *err)
{
    (void)err;
    return set_joined(coordination, worker, false);
}

static mono_us member_until(struct coordination *coordination, const char *worker)
{
    struct local_coordination *local = lock(coordination);
    mono_us until = find_worker(local, worker)->joined ? INT64_MAX : 0;

    (void)unlock(local, RC_OK);
    return until;
}

static enum rc watch_members(struct coordination *coordination, member_callback callback,
                             void *context, struct err *err)
{
    struct local_coordination *local = lock(coordination);

    (void)err;
    local->member_callback = callback;
    local->member_context = context;
    for (const struct local_worker *worker = local->workers; worker; worker = worker->next) {
        if (worker->joined)
            tell_member(local, worker);
    }
    return unlock(local, RC_OK);
}

static enum rc watch_tasks(struct coordination *coordination, const char *name,
                           task_callback callback, void *context, struct err *err)
{
    struct local_coordination *local = lock(coordination);
    struct local_worker *worker = find_worker(local, name);
    struct task task = {.kind = TASK_JOB};

    (void)err;
    worker->callback = callback;
    worker->context = context;
    for (size_t at = 0; map_next(&worker->jobs, &at, &task.job, &task.revision);)
        callback(context, &task, 1);
    if (worker->run_count)
        callback(context, worker->runs, worker->run_count);
    return unlock(local, RC_OK);
}

static bool is_same_run(const struct task *a, const struct task *b)
{
    return a->kind == b->kind && run_key_compare(&a->run, &b->run) == 0;
}

static void remove_run(struct local_worker *worker, const struct task *task)
{
    for (size_t i = 0; i < worker->run_count; i++) {
        if (is_same_run(&worker->runs[i], task)) {
            worker->runs[i] = worker->runs[--worker->run_count];
            return;
        }
    }
}

static void keep_task(struct local_worker *worker, const struct task *task)
{
    uint64_t revision;

    if (task->kind == TASK_JOB && task->removed) {
        if (map_get(&worker->jobs, task->job, &revision) &&
            (!task->revision || task->revision == revision))
            map_remove(&worker->jobs, task->job);
    } else if (task->kind == TASK_JOB) {
        map_put(&worker->jobs, task->job, task->revision);
    } else {
        remove_run(worker, task);
        if (task->removed)
            return;
        worker->runs = xrealloc(worker->runs, worker->run_count + 1, sizeof(*worker->runs));
        worker->runs[worker->run_count++] = *task;
    }
}

static enum rc assign(struct coordination *coordination, uint64_t epoch, const char *name,
                      const struct task *tasks, size_t count, struct err *err)
{
    struct local_coordination *local = lock(coordination);
    struct local_worker *worker;

    if (epoch != local->epoch)
        return unlock(local, err_fail(err, RC_STALE, "another manager leads"));
    worker = find_worker(local, name);
    for (size_t i = 0; i < count; i++)
        keep_task(worker, &tasks[i]);
    if (worker->callback)
        worker->callback(worker->context, tasks, count);
    return unlock(local, RC_OK);
}

static enum rc read_workers(struct coordination *coordination, name_visit visit, void *context,
                            struct err *err)
{
    struct local_coordination *local = lock(coordination);

    (void)err;
    for (const struct local_worker *worker = local->workers; worker; worker = worker->next)
        visit(context, worker->name);
    return unlock(local, RC_OK);
}

static enum rc read_tasks(struct coordination *coordination, const char *name, task_visit visit,
                          void *context, struct err *err)
{
    struct local_coordination *local = lock(coordination);
    const struct local_worker *worker = find_worker(local, name);
    struct task task = {.kind = TASK_JOB};

    (void)err;
    for (size_t at = 0; map_next(&worker->jobs, &at, &task.job, &task.revision);)
        visit(context, &task);
    for (size_t i = 0; i < worker->run_count; i++)
        visit(context, &worker->runs[i]);
    return unlock(local, RC_OK);
}

static enum rc settle(struct coordination *coordination, uint64_t epoch, const char *worker,
                      struct err *err)
{
    struct local_coordination *local = lock(coordination);

    (void)worker; /* nothing is ever lost */
    if (epoch != local->epoch)
        return unlock(local, err_fail(err, RC_STALE, "another manager leads"));
    return unlock(local, RC_OK);
}

static enum rc consume(struct coordination *coordination, const char *name, const struct task *task,
                       struct err *err)
{
    struct local_coordination *local = lock(coordination);

    (void)err;
    remove_run(find_worker(local, name), task);
    return unlock(local, RC_OK);
}

static void unwatch(struct coordination *coordination, void *context)
{
    struct local_coordination *local = lock(coordination);

    if (local->member_context == context)
        local->member_callback = NULL;
    for (struct local_worker *worker = local->workers; worker; worker = worker->next) {
        if (worker->context == context)
            worker->callback = NULL;
    }
    (void)unlock(local, RC_OK);
}

static void local_coordination_free(struct coordination *coordination)
{
    struct local_coordination *local = container_of(coordination, struct local_coordination, base);

    while (local->workers) {
        struct local_worker *worker = local->workers;

        local->workers = worker->next;
        map_release(&worker->jobs);
        free(worker->runs);
        free(worker);
    }
    pthread_mutex_destroy(&local->lock);
    free(local);
}

static const struct coordination_ops ops = {
    .name = "local",
    .campaign = campaign,
    .leads_until = leads_until,
    .resign = resign,
    .join = join,
    .leave = leave,
    .member_until = member_until,
    .watch_members = watch_members,
    .watch_tasks = watch_tasks,
    .read_workers = read_workers,
    .read_tasks = read_tasks,
    .assign = assign,
    .settle = settle,
    .consume = consume,
    .unwatch = unwatch,
    .free = local_coordination_free,
};

struct coordination *local_coordination_new(void)
{
    struct local_coordination *local = xcalloc(1, sizeof(*local));

    local->base.ops = &ops;
    CHECK(!pthread_mutex_init(&local->lock, NULL));
    return &local->base;
}
