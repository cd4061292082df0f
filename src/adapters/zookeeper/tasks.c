/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side: what it has to do, as a difference to what was reported. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

/* ---- the nodes of a worker ------------------------------------------------------------------- */

static enum rc make_one_by_one(struct zk_client *client, const struct zk_op *ops, size_t count,
                               struct err *err)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = zookeeper_make(client, ops[i].path, "", err);
    return rc;
}

enum rc zookeeper_make_buckets(struct zookeeper *self, struct zk_client *client, const char *worker,
                               struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct zk_op ops[ALL_BUCKETS + 1];
    size_t count = 0, failed;
    enum rc rc = zookeeper_make_paths(self, client, err);

    if (rc != RC_OK)
        return rc;
    ops[count++] = (struct zk_op){
        ZK_OP_CREATE, arena_printf(&arena, "%s/tasks/%s", self->config.root, worker), 0};
    for (unsigned bucket = 0; bucket < ALL_BUCKETS; bucket++)
        ops[count++] = (struct zk_op){ZK_OP_CREATE,
                                      path_of_bucket(&arena, self->config.root, worker, bucket), 0};
    rc = zk_multi(client, ops, count, &failed, err);
    return rc == RC_CONFLICT ? make_one_by_one(client, ops, count, err) : rc;
}

/* ---- differences ----------------------------------------------------------------------------- */

/* What is to be reported: removed tasks first. */
struct difference {
    struct task *removed, *added;
    size_t removed_count, added_count;
};

static void append(struct task **array, size_t *count, const struct task *task)
{
    if (!(*count & (*count - 1)))
        *array = xrealloc(*array, *count ? *count * 2 : 1, sizeof(**array));
    (*array)[(*count)++] = *task;
}

static void add_removed(struct difference *difference, struct task task)
{
    task.removed = true;
    append(&difference->removed, &difference->removed_count, &task);
}

static void complain(struct zookeeper *self, unsigned bucket, const char *name)
{
    uint64_t bit = (uint64_t)1 << (bucket % 64);

    if (!(self->junk_reported & bit))
        log_warn("node that is no task, ignoring", LOG_TEXT("name", name));
    self->junk_reported |= bit;
}

/* The newest revision of each job in a bucket. */
static void read_jobs(struct zookeeper *self, const struct strings *names, unsigned bucket,
                      struct map *ret_jobs)
{
    for (size_t i = 0; i < names->count; i++) {
        struct task task;
        uint64_t revision = 0;

        if (!path_read_task(names->items[i], bucket, &task)) {
            complain(self, bucket, names->items[i]);
            continue;
        }
        (void)map_get(ret_jobs, task.job, &revision); /* absent: 0 */
        map_put(ret_jobs, task.job, MAX(revision, task.revision));
    }
}

static void compare_jobs(struct zookeeper *self, struct task_watch *watch, unsigned bucket,
                         const struct strings *names, struct difference *difference)
{
    struct map *known = &watch->jobs[bucket], listed;
    struct task task = {.kind = TASK_JOB};
    uint64_t revision;

    map_init(&listed);
    read_jobs(self, names, bucket, &listed);
    for (size_t at = 0; map_next(known, &at, &task.job, &task.revision);) {
        bool there = map_get(&listed, task.job, &revision);

        if (there ? revision != task.revision : watch->complete)
            add_removed(difference, task);
        else if (!there)
            map_put(&listed, task.job, task.revision); /* not known to be gone */
    }
    for (size_t at = 0; map_next(&listed, &at, &task.job, &task.revision);) {
        if (!map_get(known, task.job, &revision) || revision != task.revision)
            append(&difference->added, &difference->added_count, &task);
    }
    map_release(known);
    *known = listed;
}

static bool has_run(const struct task *runs, size_t count, const struct task *task)
{
    for (size_t i = 0; i < count; i++) {
        if (runs[i].kind == task->kind && !run_key_compare(&runs[i].run, &task->run))
            return true;
    }
    return false;
}

static void compare_runs(struct zookeeper *self, struct task_watch *watch,
                         const struct strings *names, struct difference *difference)
{
    struct task *listed = NULL, task;
    size_t count = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (path_read_task(names->items[i], RUNS_BUCKET, &task))
            append(&listed, &count, &task);
        else
            complain(self, RUNS_BUCKET, names->items[i]);
    }
    for (size_t i = 0; i < watch->run_count; i++) {
        if (!has_run(listed, count, &watch->runs[i]))
            add_removed(difference, watch->runs[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!has_run(watch->runs, watch->run_count, &listed[i]))
            append(&difference->added, &difference->added_count, &listed[i]);
    }
    free(watch->runs);
    watch->runs = listed;
    watch->run_count = count;
}

static void report(const struct task_watch *watch, struct difference *difference)
{
    for (size_t i = 0; i < difference->added_count; i++)
        append(&difference->removed, &difference->removed_count, &difference->added[i]);
    if (difference->removed_count)
        watch->callback(watch->context, difference->removed, difference->removed_count);
    free(difference->removed);
    free(difference->added);
}

/* ---- looking again --------------------------------------------------------------------------- */

struct look {
    unsigned buckets[ALL_BUCKETS];
    size_t count;
    bool complete;
};

static void take_dirty(struct zookeeper *self, struct task_watch *watch, bool all,
                       struct look *ret_look)
{
    zookeeper_lock(self);
    ret_look->complete = watch->complete_dirty;
    ret_look->count = 0;
    for (unsigned i = 0; i < ALL_BUCKETS; i++) {
        if (watch->dirty[i] || all)
            ret_look->buckets[ret_look->count++] = i;
        watch->dirty[i] = false;
    }
    watch->complete_dirty = false;
    zookeeper_unlock(self);
}

static void put_back(struct zookeeper *self, struct task_watch *watch, const struct look *look)
{
    zookeeper_lock(self);
    for (size_t i = 0; i < look->count; i++)
        watch->dirty[look->buckets[i]] = true;
    watch->complete_dirty = watch->complete_dirty || look->complete;
    zookeeper_unlock(self);
}

/* Whether all tasks are there: from then on what is missing is gone. */
static enum rc look_for_complete(struct zookeeper *self, struct zk_client *client,
                                 struct task_watch *watch, struct look *look, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    bool complete;
    enum rc rc;

    if (!look->complete)
        return RC_OK;
    rc = zk_exists(client, arena_printf(&arena, "%scomplete", watch->prefix), true, &complete, err);
    if (rc != RC_OK)
        return rc;
    if (complete && !watch->complete)
        take_dirty(self, watch, true, look);
    watch->complete = complete;
    return RC_OK;
}

static enum rc list_buckets(struct zookeeper *self, struct zk_client *client,
                            const struct task_watch *watch, const struct look *look,
                            struct arena *arena, struct strings *ret_names, struct err *err)
{
    const char *paths[ALL_BUCKETS];
    enum rc rc;

    for (size_t i = 0; i < look->count; i++)
        paths[i] = path_of_bucket(arena, self->config.root, watch->name, look->buckets[i]);
    rc = zk_children(client, paths, look->count, true, arena, ret_names, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    rc = zookeeper_make_buckets(self, client, watch->name, err);
    return rc == RC_OK ? zk_children(client, paths, look->count, true, arena, ret_names, err) : rc;
}

static enum rc look_at(struct zookeeper *self, struct zk_client *client, struct task_watch *watch,
                       struct look *look, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct strings names[ALL_BUCKETS];
    struct difference difference = {0};
    enum rc rc = look_for_complete(self, client, watch, look, err);

    if (rc != RC_OK || !look->count)
        return rc;
    rc = list_buckets(self, client, watch, look, &arena, names, err);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < look->count; i++) {
        if (look->buckets[i] == RUNS_BUCKET)
            compare_runs(self, watch, &names[i], &difference);
        else
            compare_jobs(self, watch, look->buckets[i], &names[i], &difference);
    }
    report(watch, &difference);
    return RC_OK;
}

/* ---- consumed runs --------------------------------------------------------------------------- */

/* What is consumed was reported, and is not reported as removed. */
static void forget_run(struct zookeeper *self, const struct consumed *consumed)
{
    for (struct task_watch *watch = self->tasks; watch; watch = watch->next) {
        for (size_t i = 0; !strcmp(watch->name, consumed->worker) && i < watch->run_count; i++) {
            if (has_run(&watch->runs[i], 1, &consumed->task))
                watch->runs[i--] = watch->runs[--watch->run_count];
        }
    }
}

static enum rc consume_all(struct zookeeper *self, struct zk_client *client, struct err *err)
{
    struct consumed *consumed;
    enum rc rc = RC_OK;

    for (;;) {
        struct arena AUTO_ARENA arena = {0};

        zookeeper_lock(self);
        consumed = self->consumed;
        zookeeper_unlock(self);
        if (!consumed)
            return RC_OK;
        forget_run(self, consumed);
        rc = zk_delete(client,
                       path_of_task(&arena, self->config.root, consumed->worker, &consumed->task),
                       ZK_ANY_VERSION, err);
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            return rc;
        zookeeper_lock(self);
        self->consumed = consumed->next;
        if (!self->consumed)
            self->consumed_end = &self->consumed;
        zookeeper_unlock(self);
        free(consumed);
    }
}

/* Never waits: it is said on the way of ticks. The keeper does it, and tries until it can. */
enum rc zookeeper_consume(struct coordination *coordination, const char *worker,
                          const struct task *task, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct consumed *consumed = xcalloc(1, sizeof(*consumed));

    (void)err;
    CHECK(strlen(worker) < sizeof(consumed->worker));
    memcpy(consumed->worker, worker, strlen(worker) + 1);
    consumed->task = *task;
    zookeeper_lock(self);
    *self->consumed_end = consumed;
    self->consumed_end = &consumed->next;
    zookeeper_wake(self);
    zookeeper_unlock(self);
    return RC_OK;
}

/* ---- watching -------------------------------------------------------------------------------- */

/* With `calls` held all the while, so that no watch goes away. */
enum rc zookeeper_list_tasks(struct zookeeper *self, struct zk_client *client, struct err *err)
{
    enum rc rc;

    CHECK(!pthread_mutex_lock(&self->calls));
    rc = consume_all(self, client, err);
    for (struct task_watch *watch = self->tasks; watch && rc == RC_OK; watch = watch->next) {
        struct look look;

        take_dirty(self, watch, false, &look);
        rc = look_at(self, client, watch, &look, err);
        if (rc != RC_OK)
            put_back(self, watch, &look);
    }
    CHECK(!pthread_mutex_unlock(&self->calls));
    return rc;
}

/* A worker has one watcher. With both locks held. */
static void drop_watch(struct zookeeper *self, const char *worker)
{
    struct task_watch **at = &self->tasks;

    while (*at && strcmp((*at)->name, worker) != 0)
        at = &(*at)->next;
    if (*at) {
        struct task_watch *watch = *at;

        *at = watch->next;
        zookeeper_free_task_watch(watch);
    }
}

enum rc zookeeper_watch_tasks(struct coordination *coordination, const char *worker,
                              task_callback callback, void *context, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct task_watch *watch = xcalloc(1, sizeof(*watch));

    (void)err; /* it tries until it can */
    CHECK(strlen(worker) < sizeof(watch->name));
    memcpy(watch->name, worker, strlen(worker) + 1);
    watch->prefix = xasprintf("%s/tasks/%s/", self->config.root, worker);
    watch->callback = callback;
    watch->context = context;
    watch->complete_dirty = true;
    memset(watch->dirty, true, sizeof(watch->dirty));
    CHECK(!pthread_mutex_lock(&self->calls));
    zookeeper_lock(self);
    drop_watch(self, worker);
    watch->next = self->tasks;
    self->tasks = watch;
    zookeeper_wake(self);
    zookeeper_unlock(self);
    CHECK(!pthread_mutex_unlock(&self->calls));
    return RC_OK;
}

void zookeeper_free_task_watch(struct task_watch *watch)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        map_release(&watch->jobs[i]);
    free(watch->runs);
    free(watch->prefix);
    free(watch);
}
