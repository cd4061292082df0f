/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side: which buckets of which worker are to be listed again, and when. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

/* What is looked at in one go. */
struct look {
    unsigned buckets[ALL_BUCKETS];
    size_t count;
    bool complete;
    struct strings names[ALL_BUCKETS]; /* in each of the buckets */
    struct arena arena;                /* of the names */
};

/* With the lock held. */
static void take_buckets(struct task_watch *watch, bool all, struct look *look)
{
    look->count = 0;
    for (unsigned i = 0; i < ALL_BUCKETS; i++) {
        if (watch->dirty[i] || all)
            look->buckets[look->count++] = i;
        watch->dirty[i] = false;
    }
}

static void take_dirty(struct zookeeper *self, struct task_watch *watch, struct look *ret_look)
{
    zookeeper_lock(self);
    ret_look->complete = watch->complete_dirty;
    watch->complete_dirty = false;
    take_buckets(watch, false, ret_look);
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

/* Whether all tasks are there: from then on what is missing is gone, also what was missing. */
static enum rc look_for_complete(struct zookeeper *self, struct session *session,
                                 struct task_watch *watch, struct look *look, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    bool complete;
    enum rc rc;

    if (!look->complete)
        return RC_OK;
    rc = zk_exists(session->client, arena_printf(&arena, "%scomplete", watch->prefix), true,
                   &complete, err);
    if (rc != RC_OK)
        return rc;
    zookeeper_lock(self);
    if (complete && !watch->complete)
        take_buckets(watch, true, look);
    zookeeper_unlock(self);
    watch->complete = complete;
    return RC_OK;
}

static enum rc list_buckets(struct zookeeper *self, struct session *session,
                            struct task_watch *watch, struct look *look, struct err *err)
{
    const char *paths[ALL_BUCKETS];
    const struct zk_list list = {.paths = paths, .count = look->count, .watch = true};
    enum rc rc;

    for (size_t i = 0; i < look->count; i++)
        paths[i] = path_of_bucket(&look->arena, self->config.root, watch->name, look->buckets[i]);
    rc = zk_list(session->client, &list, &look->arena, look->names, err);
    if (rc == RC_NOT_FOUND) {
        if (watch->listed)
            (void)zookeeper_noted(self, session, rc);
        rc = zookeeper_make_buckets(self, session, watch->name, err);
        if (rc == RC_OK)
            rc = zk_list(session->client, &list, &look->arena, look->names, err);
    }
    watch->listed |= rc == RC_OK;
    return rc;
}

/* The mark of completeness went meanwhile: the lists may miss what is only lost. */
static bool is_doubtful(struct zookeeper *self, const struct task_watch *watch)
{
    bool doubtful;

    zookeeper_lock(self);
    doubtful = watch->complete && watch->complete_dirty;
    zookeeper_unlock(self);
    return doubtful;
}

static enum rc look_at(struct zookeeper *self, struct session *session, struct task_watch *watch,
                       struct look *look, struct err *err)
{
    struct difference difference = {0};
    enum rc rc = look_for_complete(self, session, watch, look, err);

    if (rc != RC_OK || !look->count)
        return rc;
    rc = list_buckets(self, session, watch, look, err);
    if (rc != RC_OK)
        return rc;
    if (is_doubtful(self, watch)) {
        put_back(self, watch, look);
        return RC_OK;
    }
    for (size_t i = 0; i < look->count; i++)
        difference_of_bucket(self, watch, look->buckets[i], &look->names[i], &difference);
    difference_report(watch, &difference);
    return RC_OK;
}

/* With `calls` held all the while, so that no watch goes away. */
enum rc zookeeper_list_tasks(struct zookeeper *self, struct session *session, struct err *err)
{
    enum rc rc;

    CHECK(!pthread_mutex_lock(&self->calls));
    rc = zookeeper_delete_consumed(self, session, err);
    for (struct task_watch *watch = self->tasks; watch && rc == RC_OK; watch = watch->next) {
        struct look look = {.arena = {0}};

        take_dirty(self, watch, &look);
        rc = look_at(self, session, watch, &look, err);
        if (rc != RC_OK)
            put_back(self, watch, &look);
        arena_release(&look.arena);
    }
    CHECK(!pthread_mutex_unlock(&self->calls));
    return rc;
}

/* ---- watching -------------------------------------------------------------------------------- */

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
