/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/coordination.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

static void unwatch(struct coordination *coordination, void *context)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct task_watch **at = &self->tasks;

    CHECK(!pthread_mutex_lock(&self->calls)); /* no callback runs from here on */
    zookeeper_lock(self);
    if (self->members.context == context)
        self->members.callback = NULL;
    while (*at) {
        struct task_watch *watch = *at;

        if (watch->context == context) {
            *at = watch->next;
            zookeeper_free_task_watch(watch);
        } else {
            at = &watch->next;
        }
    }
    zookeeper_unlock(self);
    CHECK(!pthread_mutex_unlock(&self->calls));
}

static void release(struct zookeeper *self)
{
    while (self->tasks) {
        struct task_watch *watch = self->tasks;

        self->tasks = watch->next;
        zookeeper_free_task_watch(watch);
    }
    while (self->consumed) {
        struct consumed *consumed = self->consumed;

        self->consumed = consumed->next;
        free(consumed);
    }
    free(self->members.names);
    CHECK(!pthread_cond_destroy(&self->changed));
    CHECK(!pthread_mutex_destroy(&self->lock));
    CHECK(!pthread_mutex_destroy(&self->calls));
    arena_release(&self->arena);
    free(self);
}

static void zookeeper_free(struct coordination *coordination)
{
    struct zookeeper *self = zookeeper_of(coordination);

    zookeeper_stop(self);
    release(self);
}

static const struct coordination_ops ops = {
    .name = "zookeeper",
    .campaign = zookeeper_campaign,
    .leads_until = zookeeper_leads_until,
    .resign = zookeeper_resign,
    .join = zookeeper_join,
    .leave = zookeeper_leave,
    .member_until = zookeeper_member_until,
    .watch_members = zookeeper_watch_members,
    .watch_tasks = zookeeper_watch_tasks,
    .read_workers = zookeeper_read_workers,
    .read_tasks = zookeeper_read_tasks,
    .assign = zookeeper_assign,
    .settle = zookeeper_settle,
    .consume = zookeeper_consume,
    .unwatch = unwatch,
    .free = zookeeper_free,
};

static enum rc check(const struct zookeeper_config *config, struct err *err)
{
    const char *root = config->root;
    size_t length = strlen(root);

    if (!path_are_hosts(config->hosts))
        return err_fail(err, RC_INVALID, "'%.80s' is not a list like host-1:2181,host-2:2181",
                        config->hosts);
    if (root[0] != '/' || length < 2 || length > ZK_PATH_MAX / 2 || root[length - 1] == '/' ||
        strstr(root, "//"))
        return err_fail(err, RC_INVALID, "'%.80s' is not a path like /cronjob", root);
    return zk_client_load(err);
}

static void init(struct zookeeper *self, const struct zookeeper_config *config)
{
    pthread_condattr_t attributes;

    self->base.ops = &ops;
    self->consumed_end = &self->consumed;
    self->config = *config;
    self->config.hosts = arena_strdup(&self->arena, config->hosts);
    self->config.root = arena_strdup(&self->arena, config->root);
    self->config.digest = arena_strdup(&self->arena, config->digest);
    self->config.identity = arena_strdup(&self->arena, config->identity);
    if (!self->config.session_timeout)
        self->config.session_timeout = ZOOKEEPER_SESSION;
    CHECK(!pthread_mutex_init(&self->lock, NULL));
    CHECK(!pthread_mutex_init(&self->calls, NULL));
    CHECK(!pthread_condattr_init(&attributes));
    CHECK(!pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    CHECK(!pthread_cond_init(&self->changed, &attributes));
    CHECK(!pthread_condattr_destroy(&attributes));
}

enum rc zookeeper_coordination_new(const struct zookeeper_config *config,
                                   struct coordination **ret_coordination, struct err *err)
{
    struct zookeeper *self;
    enum rc rc = check(config, err);

    if (rc != RC_OK)
        return rc;
    self = xcalloc(1, sizeof(*self));
    init(self, config);
    rc = zookeeper_start(self, err);
    if (rc != RC_OK) {
        release(self);
        return rc;
    }
    *ret_coordination = &self->base;
    return RC_OK;
}
