/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leader's side: every change is one transaction with a check of the epoch, so that a manager
 * that was deposed changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

/* ---- reading --------------------------------------------------------------------------------- */

enum rc zookeeper_read_workers(struct coordination *coordination, name_visit visit, void *context,
                               struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct arena AUTO_ARENA arena = {0};
    const char *path = arena_printf(&arena, "%s/tasks", self->config.root);
    struct session *session;
    struct strings names = {0};
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    rc = zookeeper_make_paths(self, session->client, err);
    if (rc == RC_OK)
        rc = zk_children(session->client, &path, 1, false, &arena, &names, err);
    zookeeper_release(self, session);
    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        if (name_is_valid(names.items[i]))
            visit(context, names.items[i]);
    }
    return rc;
}

static void visit_bucket(const struct strings *names, unsigned bucket, task_visit visit,
                         void *context)
{
    for (size_t i = 0; i < names->count; i++) {
        struct task task;

        if (path_read_task(names->items[i], bucket, &task))
            visit(context, &task);
    }
}

enum rc zookeeper_read_tasks(struct coordination *coordination, const char *worker,
                             task_visit visit, void *context, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct arena AUTO_ARENA arena = {0};
    const char *paths[ALL_BUCKETS];
    struct strings names[ALL_BUCKETS];
    struct session *session;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    for (unsigned i = 0; i < ALL_BUCKETS; i++)
        paths[i] = path_of_bucket(&arena, self->config.root, worker, i);
    rc = zk_children(session->client, paths, ALL_BUCKETS, false, &arena, names, err);
    zookeeper_release(self, session);
    for (unsigned i = 0; rc == RC_OK && i < ALL_BUCKETS; i++)
        visit_bucket(&names[i], i, visit, context);
    return rc == RC_NOT_FOUND ? RC_OK : rc; /* a worker without buckets has no tasks */
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A batch on its way: its first operation checks the epoch. */
struct batch {
    struct zookeeper *self;
    struct zk_client *client;
    struct arena arena;
    const char *worker;
    struct zk_op ops[ZK_OPS_MAX];
    size_t count;
};

static enum rc begin(struct batch *batch, uint64_t epoch, struct err *err)
{
    struct zookeeper *self = batch->self;
    bool leads;

    batch->ops[0] = (struct zk_op){
        .kind = ZK_OP_CHECK, .path = arena_printf(&batch->arena, "%s/epoch", self->config.root)};
    batch->count = 1;
    zookeeper_lock(self);
    leads = self->led_epoch == epoch;
    batch->ops[0].version = self->epoch_version;
    zookeeper_unlock(self);
    return leads ? RC_OK : err_fail(err, RC_STALE, "another manager leads");
}

/* The revisions of a job that are there, each to be deleted. */
static enum rc delete_whichever(struct batch *batch, const struct task *task, struct err *err)
{
    const char *bucket =
        path_of_bucket(&batch->arena, batch->self->config.root, batch->worker, path_bucket(task));
    struct strings names;
    enum rc rc = zk_children(batch->client, &bucket, 1, false, &batch->arena, &names, err);

    if (rc == RC_NOT_FOUND)
        return RC_OK;
    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        struct task there;

        if (path_read_task(names.items[i], path_bucket(task), &there) && there.job == task->job &&
            batch->count < ZK_OPS_MAX)
            batch->ops[batch->count++] = (struct zk_op){
                .kind = ZK_OP_DELETE,
                .path = arena_printf(&batch->arena, "%s/%s", bucket, names.items[i])};
    }
    return rc;
}

static enum rc add(struct batch *batch, const struct task *task, struct err *err)
{
    if (task->kind == TASK_JOB && task->removed && !task->revision)
        return delete_whichever(batch, task, err);
    batch->ops[batch->count++] = (struct zk_op){
        .kind = task->removed ? ZK_OP_DELETE : ZK_OP_CREATE,
        .path = path_of_task(&batch->arena, batch->self->config.root, batch->worker, task)};
    return RC_OK;
}

/* Whether the node is among those that are there. */
static bool is_there(const struct strings *names, const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    for (size_t i = 0; i < names->count; i++) {
        if (!strcmp(names->items[i], name))
            return true;
    }
    return false;
}

/* Takes out what is done already: in one bucket, as it is now. */
static enum rc prune_bucket(struct batch *batch, const char *bucket, struct err *err)
{
    size_t length = strlen(bucket), kept = 1;
    struct strings names = {0};
    enum rc rc = zk_children(batch->client, &bucket, 1, false, &batch->arena, &names, err);

    if (rc != RC_OK)
        return rc;
    for (size_t i = 1; i < batch->count; i++) {
        const struct zk_op *op = &batch->ops[i];
        bool here = !strncmp(op->path, bucket, length) && op->path[length] == '/';

        if (!here || is_there(&names, op->path) == (op->kind == ZK_OP_DELETE))
            batch->ops[kept++] = *op;
    }
    batch->count = kept;
    return RC_OK;
}

/* One operation stands in the way: its bucket is looked at, or made. */
static enum rc mend(struct batch *batch, size_t failed, enum rc why, struct err *err)
{
    const char *path = batch->ops[failed].path;
    const char *bucket = arena_strndup(&batch->arena, path, (size_t)(strrchr(path, '/') - path));
    enum rc rc;

    if (!failed)
        return err_fail(err, why == RC_STALE || why == RC_NOT_FOUND ? RC_STALE : why,
                        "another manager leads");
    rc = prune_bucket(batch, bucket, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    return zookeeper_make_buckets(batch->self, batch->client, batch->worker, err);
}

static enum rc send(struct batch *batch, struct err *err)
{
    enum rc rc = RC_OK;

    while (batch->count > 1) {
        size_t failed = 0;

        rc = zk_multi(batch->client, batch->ops, batch->count, &failed, err);
        if (rc == RC_OK)
            break;
        if (rc != RC_CONFLICT && rc != RC_NOT_FOUND && rc != RC_STALE)
            return rc;
        rc = mend(batch, failed, rc, err);
        if (rc != RC_OK)
            return rc;
    }
    batch->count = 1;
    return RC_OK;
}

static enum rc assign_all(struct batch *batch, uint64_t epoch, const struct task *tasks,
                          size_t count, struct err *err)
{
    enum rc rc = begin(batch, epoch, err);

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = add(batch, &tasks[i], err);
        if (rc == RC_OK && batch->count == ZK_OPS_MAX)
            rc = send(batch, err);
    }
    return rc == RC_OK ? send(batch, err) : rc;
}

enum rc zookeeper_assign(struct coordination *coordination, uint64_t epoch, const char *worker,
                         const struct task *tasks, size_t count, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;
    struct batch *batch;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    batch = xcalloc(1, sizeof(*batch));
    batch->self = self;
    batch->client = session->client;
    batch->worker = worker;
    rc = assign_all(batch, epoch, tasks, count, err);
    zookeeper_release(self, session);
    arena_release(&batch->arena);
    free(batch);
    return rc;
}

/* ---- settling -------------------------------------------------------------------------------- */

static enum rc mark_complete(struct zookeeper *self, struct zk_client *client, uint64_t epoch,
                             const char *worker, struct err *err)
{
    struct batch *batch AUTO_FREE = xcalloc(1, sizeof(*batch));
    size_t failed = 0;
    enum rc rc;

    batch->self = self;
    batch->client = client;
    rc = begin(batch, epoch, err);
    batch->ops[batch->count++] = (struct zk_op){
        .kind = ZK_OP_CREATE,
        .path = arena_printf(&batch->arena, "%s/tasks/%s/complete", self->config.root, worker)};
    if (rc == RC_OK)
        rc = zk_multi(client, batch->ops, batch->count, &failed, err);
    arena_release(&batch->arena);
    if (rc == RC_OK || (failed && rc == RC_CONFLICT))
        return RC_OK;
    if (!failed && (rc == RC_STALE || rc == RC_NOT_FOUND))
        return err_fail(err, RC_STALE, "another manager leads");
    return rc;
}

enum rc zookeeper_settle(struct coordination *coordination, uint64_t epoch, const char *worker,
                         struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    rc = mark_complete(self, session->client, epoch, worker, err);
    if (rc == RC_NOT_FOUND) {
        rc = zookeeper_make_buckets(self, session->client, worker, err);
        if (rc == RC_OK)
            rc = mark_complete(self, session->client, epoch, worker, err);
    }
    zookeeper_release(self, session);
    return rc;
}
