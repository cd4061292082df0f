/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leader's side: every change is one transaction with a check of the epoch, so that a manager
 * that was deposed changes nothing.
 */
#include <inttypes.h>
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
    rc = zk_children(session->client, path, false, &arena, &names, err);
    zookeeper_release(self, session);
    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        if (name_is_valid(names.items[i]))
            visit(context, names.items[i]);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc; /* nobody has tasks */
}

/* None of the buckets, or with a part of them missing all of them. */
static enum rc list_buckets(struct zookeeper *self, struct session *session, const char *worker,
                            struct arena *arena, struct strings *ret_names, struct err *err)
{
    const char *paths[ALL_BUCKETS];
    const struct zk_list list = {.paths = paths, .count = ALL_BUCKETS};
    bool there;
    enum rc rc;

    for (unsigned i = 0; i < ALL_BUCKETS; i++)
        paths[i] = path_of_bucket(arena, self->config.root, worker, i);
    rc = zk_list(session->client, &list, arena, ret_names, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    rc = zk_exists(session->client, arena_printf(arena, "%s/tasks/%s", self->config.root, worker),
                   false, &there, err);
    if (rc == RC_OK && !there)
        return RC_NOT_FOUND;
    if (rc == RC_OK)
        rc = zookeeper_make_buckets(self, session, worker, err);
    return rc == RC_OK ? zk_list(session->client, &list, arena, ret_names, err) : rc;
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
    struct strings names[ALL_BUCKETS];
    struct session *session;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    rc = list_buckets(self, session, worker, &arena, names, err);
    zookeeper_release(self, session);
    for (unsigned i = 0; rc == RC_OK && i < ALL_BUCKETS; i++)
        visit_bucket(&names[i], i, visit, context);
    return rc == RC_NOT_FOUND ? RC_OK : rc; /* a worker without buckets has no tasks */
}

/* ---- batches --------------------------------------------------------------------------------- */

enum {
    GUARDS = 2,      /* operations that only check that we lead */
    TRIES_MAX = 1000 /* of one batch: others change the tree faster than we */
};

/* On its way. It begins with the guards. */
struct batch {
    struct zookeeper *self;
    struct session *session;
    struct arena arena;
    const char *worker;
    uint64_t epoch;
    struct zk_op ops[ZK_OPS_MAX];
    size_t count;
};

/*
 * The epoch has the version that we gave it, and our candidate is there: after the whole tree was
 * removed, another's epoch may come to have the same version.
 */
static enum rc begin(struct batch *batch, struct err *err)
{
    struct zookeeper *self = batch->self;
    struct arena *arena = &batch->arena;
    bool leads;

    zookeeper_lock(self);
    leads = self->led_epoch == batch->epoch && self->session == batch->session;
    batch->ops[0] = (struct zk_op){.kind = ZK_OP_CHECK,
                                   .path = arena_printf(arena, "%s/epoch", self->config.root),
                                   .version = self->epoch_version};
    batch->ops[1] = (struct zk_op){.kind = ZK_OP_CHECK,
                                   .path = arena_strdup(arena, self->candidate),
                                   .version = ZK_ANY_VERSION};
    batch->count = GUARDS;
    zookeeper_unlock(self);
    return leads ? RC_OK : err_fail(err, RC_STALE, "another manager leads");
}

static void drop_op(struct batch *batch, size_t index)
{
    batch->count--;
    memmove(&batch->ops[index], &batch->ops[index + 1],
            (batch->count - index) * sizeof(batch->ops[0]));
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
    size_t length = strlen(bucket), kept = GUARDS;
    struct strings names = {0};
    enum rc rc = zk_children(batch->session->client, bucket, false, &batch->arena, &names, err);

    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    for (size_t i = GUARDS; i < batch->count; i++) {
        const struct zk_op *op = &batch->ops[i];
        bool here = !strncmp(op->path, bucket, length) && op->path[length] == '/';

        if (!here || is_there(&names, op->path) == (op->kind == ZK_OP_DELETE))
            batch->ops[kept++] = *op;
    }
    batch->count = kept;
    return RC_OK;
}

/*
 * One operation stands in the way. A guard: we do not lead. A node's folder is missing: it is made.
 * Else it was done already, so it is taken out, and with it whatever else was in its bucket.
 */
static enum rc mend(struct batch *batch, size_t failed, enum rc why, struct err *err)
{
    const struct zk_op *op = &batch->ops[failed];
    const char *path = op->path;

    if (failed < GUARDS) {
        zookeeper_lose_lead(batch->self, batch->epoch);
        return err_fail(err, RC_STALE, "another manager leads");
    }
    if (op->kind == ZK_OP_CREATE && why == RC_NOT_FOUND)
        return zookeeper_make_buckets(batch->self, batch->session, batch->worker, err);
    if (why != (op->kind == ZK_OP_CREATE ? RC_CONFLICT : RC_NOT_FOUND))
        return err_fail(err, RC_INTERNAL, "%s cannot be changed", path);
    drop_op(batch, failed);
    return prune_bucket(
        batch, arena_strndup(&batch->arena, path, (size_t)(strrchr(path, '/') - path)), err);
}

static enum rc send(struct batch *batch, struct err *err)
{
    enum rc rc = RC_OK;

    for (int tries = 0; batch->count > GUARDS; tries++) {
        size_t failed = 0;

        if (tries == TRIES_MAX)
            return err_fail(err, RC_UNAVAILABLE, "the tasks of %s change all the time",
                            batch->worker);
        rc = zk_multi(batch->session->client, batch->ops, batch->count, &failed, err);
        if (rc == RC_OK)
            break;
        if (rc == RC_CONFLICT || rc == RC_NOT_FOUND || rc == RC_STALE)
            rc = mend(batch, failed, rc, err);
        if (rc != RC_OK)
            return rc == RC_NOT_FOUND ? RC_UNAVAILABLE : rc;
    }
    batch->count = GUARDS;
    return RC_OK;
}

static enum rc push(struct batch *batch, enum zk_op_kind kind, const char *path, struct err *err)
{
    batch->ops[batch->count++] =
        (struct zk_op){.kind = kind, .path = path, .version = ZK_ANY_VERSION};
    return batch->count == ZK_OPS_MAX ? send(batch, err) : RC_OK;
}

/* ---- assigning ------------------------------------------------------------------------------- */

static bool has_op_in(const struct batch *batch, const char *bucket)
{
    size_t length = strlen(bucket);

    for (size_t i = GUARDS; i < batch->count; i++) {
        if (!strncmp(batch->ops[i].path, bucket, length))
            return true;
    }
    return false;
}

/* The revisions of a job that are there, and those that the batch has put, each to be deleted. */
static enum rc delete_whichever(struct batch *batch, const struct task *task, struct err *err)
{
    unsigned bucket = path_bucket(task);
    const char *path =
        path_of_bucket(&batch->arena, batch->self->config.root, batch->worker, bucket);
    struct strings names = {0};
    enum rc rc = has_op_in(batch, path) ? send(batch, err) : RC_OK;

    if (rc == RC_OK)
        rc = zk_children(batch->session->client, path, false, &batch->arena, &names, err);
    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        struct task there;

        if (path_read_task(names.items[i], bucket, &there) && there.job == task->job)
            rc = push(batch, ZK_OP_DELETE,
                      arena_printf(&batch->arena, "%s/%s", path, names.items[i]), err);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc add(struct batch *batch, const struct task *task, struct err *err)
{
    if (task->kind == TASK_JOB && task->removed && !task->revision)
        return delete_whichever(batch, task, err);
    return push(batch, task->removed ? ZK_OP_DELETE : ZK_OP_CREATE,
                path_of_task(&batch->arena, batch->self->config.root, batch->worker, task), err);
}

/* Held with its session; NULL with `rc` of why not. */
static struct batch *batch_new(struct zookeeper *self, uint64_t epoch, const char *worker,
                               enum rc *ret_rc, struct err *err)
{
    struct batch *batch;
    struct session *session;

    *ret_rc = zookeeper_hold(self, &session, err);
    if (*ret_rc != RC_OK)
        return NULL;
    batch = xcalloc(1, sizeof(*batch));
    batch->self = self;
    batch->session = session;
    batch->worker = worker;
    batch->epoch = epoch;
    *ret_rc = begin(batch, err);
    return batch;
}

static void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    zookeeper_release(batch->self, batch->session);
    arena_release(&batch->arena);
    free(batch);
}

enum rc zookeeper_assign(struct coordination *coordination, uint64_t epoch, const char *worker,
                         const struct task *tasks, size_t count, struct err *err)
{
    enum rc rc;
    struct batch *batch = batch_new(zookeeper_of(coordination), epoch, worker, &rc, err);

    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = add(batch, &tasks[i], err);
    if (rc == RC_OK)
        rc = send(batch, err);
    batch_free(batch);
    return rc;
}

/* The mark says in whose epoch it was made, for who looks. */
enum rc zookeeper_settle(struct coordination *coordination, uint64_t epoch, const char *worker,
                         struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    enum rc rc;
    struct batch *batch = batch_new(self, epoch, worker, &rc, err);

    if (rc == RC_OK) {
        batch->ops[batch->count++] = (struct zk_op){
            .kind = ZK_OP_CREATE,
            .path = arena_printf(&batch->arena, "%s/tasks/%s/complete", self->config.root, worker),
            .data = arena_printf(&batch->arena, "%" PRIu64, epoch)};
        rc = send(batch, err);
    }
    batch_free(batch);
    return rc;
}
