/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumed runs: said on the way of ticks, which must not wait. So they queue, and the keeper
 * deletes them, and tries until it can. What is lost with the process comes again, as a run that
 * the store knows to be over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

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

/* The oldest, which stays in the queue; NULL: there is none. */
static struct consumed *first(struct zookeeper *self)
{
    struct consumed *consumed;

    zookeeper_lock(self);
    consumed = self->consumed;
    zookeeper_unlock(self);
    return consumed;
}

static void drop_first(struct zookeeper *self)
{
    struct consumed *consumed;

    zookeeper_lock(self);
    consumed = self->consumed;
    self->consumed = consumed->next;
    if (!self->consumed)
        self->consumed_end = &self->consumed;
    zookeeper_unlock(self);
    free(consumed);
}

static void forget(struct zookeeper *self, const struct consumed *consumed)
{
    for (struct task_watch *watch = self->tasks; watch; watch = watch->next) {
        if (!strcmp(watch->name, consumed->worker))
            difference_forget_run(watch, &consumed->task);
    }
}

enum rc zookeeper_delete_consumed(struct zookeeper *self, struct session *session, struct err *err)
{
    struct consumed *consumed;

    while ((consumed = first(self))) {
        struct arena AUTO_ARENA arena = {0};
        const char *path =
            path_of_task(&arena, self->config.root, consumed->worker, &consumed->task);
        enum rc rc = zk_delete(session->client, path, ZK_ANY_VERSION, err);

        if (rc == RC_UNAVAILABLE || rc == RC_UNKNOWN)
            return rc;
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            log_warn("task could not be deleted, ignoring", LOG_TEXT("path", path),
                     LOG_ERR(err, rc));
        forget(self, consumed);
        drop_first(self);
    }
    return RC_OK;
}
