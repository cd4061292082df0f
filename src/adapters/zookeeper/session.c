/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: one thread that has a session at all times, asks again for what must be looked at
 * again, and frees sessions that are over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

void zookeeper_lock(struct zookeeper *self)
{
    CHECK(!pthread_mutex_lock(&self->lock));
}

void zookeeper_unlock(struct zookeeper *self)
{
    CHECK(!pthread_mutex_unlock(&self->lock));
}

void zookeeper_wake(struct zookeeper *self)
{
    self->woken = true;
    CHECK(!pthread_cond_broadcast(&self->changed));
}

bool zookeeper_wait(struct zookeeper *self, mono_us deadline)
{
    span_us rest = deadline - clock_mono(self->config.clock);
    struct timespec until;
    int error;

    if (rest <= 0)
        return false;
    rest = MIN(rest, (span_us)HOUR);
    CHECK(!clock_gettime(CLOCK_MONOTONIC, &until)); /* lint: what the condition counts by */
    until.tv_sec += (time_t)(rest / SECOND);
    until.tv_nsec += (long)(rest % SECOND) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    error = pthread_cond_timedwait(&self->changed, &self->lock, &until);
    CHECK(!error || error == ETIMEDOUT);
    return !error;
}

/* ---- sessions -------------------------------------------------------------------------------- */

enum rc zookeeper_hold(struct zookeeper *self, struct session **ret_session, struct err *err)
{
    struct session *session;

    zookeeper_lock(self);
    session = self->session;
    if (session)
        session->users++;
    zookeeper_unlock(self);
    if (!session)
        return err_fail(err, RC_UNAVAILABLE, "there is no session with ZooKeeper");
    *ret_session = session;
    return RC_OK;
}

void zookeeper_release(struct zookeeper *self, struct session *session)
{
    zookeeper_lock(self);
    session->users--;
    zookeeper_unlock(self);
}

/* With the lock held. */
static void look_at_everything(struct zookeeper *self)
{
    self->made_paths = false;
    self->candidate[0] = '\0';
    self->candidates_changed = true;
    self->led_epoch = 0;
    self->member_dirty = self->member[0] != '\0';
    self->members.dirty = true;
    for (struct task_watch *watch = self->tasks; watch; watch = watch->next) {
        watch->complete_dirty = true;
        for (unsigned i = 0; i < ALL_BUCKETS; i++)
            watch->dirty[i] = true;
    }
}

static bool is_child(const char *path, const char *root, const char *name)
{
    size_t length = strlen(root);

    return !strncmp(path, root, length) && path[length] == '/' && !strcmp(path + length + 1, name);
}

/* With the lock held: a watch went off. */
static void note_change(struct zookeeper *self, const char *path)
{
    if (is_child(path, self->config.root, "workers"))
        self->members.dirty = true;
    else if (is_child(path, self->config.root, "epoch"))
        self->epoch_dirty = true;
    else
        self->candidates_changed = true;
    for (struct task_watch *watch = self->tasks; watch; watch = watch->next) {
        int bucket = path_read_bucket(path, watch->prefix);

        if (bucket >= 0)
            watch->dirty[bucket] = true;
        if (!strncmp(path, watch->prefix, strlen(watch->prefix)) &&
            !strcmp(path + strlen(watch->prefix), "complete"))
            watch->complete_dirty = true;
    }
}

static void on_wake(void *context, const char *path)
{
    struct zookeeper *self = context;

    zookeeper_lock(self);
    if (path)
        note_change(self, path);
    zookeeper_wake(self);
    zookeeper_unlock(self);
}

static void begin_session(struct zookeeper *self)
{
    const struct zk_config config = {.hosts = self->config.hosts,
                                     .digest = self->config.digest,
                                     .session_timeout = self->config.session_timeout,
                                     .clock = self->config.clock,
                                     .wake = on_wake,
                                     .context = self};
    struct session *session = xcalloc(1, sizeof(*session));
    struct err err = {0};
    enum rc rc = zk_client_new(&config, &session->client, &err);

    if (rc != RC_OK) {
        log_warn("coordination cannot be begun, trying again", LOG_ERR(&err, rc));
        free(session);
        return;
    }
    zookeeper_lock(self);
    self->session = session;
    look_at_everything(self);
    zookeeper_unlock(self);
}

static void end_session(struct zookeeper *self)
{
    zookeeper_lock(self);
    self->session->next = self->sessions;
    self->sessions = self->session;
    self->session = NULL;
    self->led_epoch = 0;
    zookeeper_unlock(self);
}

/* Frees those that nobody uses any more. It takes its time, so it is the keeper's to do. */
static void free_sessions(struct zookeeper *self)
{
    struct session **at = &self->sessions;

    while (*at) {
        struct session *session = *at;
        bool unused;

        zookeeper_lock(self);
        unused = !session->users;
        zookeeper_unlock(self);
        if (!unused) {
            at = &session->next;
            continue;
        }
        *at = session->next;
        zk_client_free(session->client);
        free(session);
    }
}

/* ---- paths ----------------------------------------------------------------------------------- */

enum rc zookeeper_make(struct zk_client *client, const char *path, const char *data,
                       struct err *err)
{
    enum rc rc = zk_create(client, path, data, ZK_PERSISTENT, NULL, err);

    return rc == RC_CONFLICT ? RC_OK : rc;
}

/* ROOT, with what it lies in. */
static enum rc make_root(struct zookeeper *self, struct zk_client *client, struct arena *arena,
                         struct err *err)
{
    const char *root = self->config.root;
    enum rc rc = RC_OK;

    for (const char *slash = root; rc == RC_OK && slash;) {
        slash = strchr(slash + 1, '/');
        rc = zookeeper_make(
            client, slash ? arena_strndup(arena, root, (size_t)(slash - root)) : root, "", err);
    }
    return rc;
}

enum rc zookeeper_make_paths(struct zookeeper *self, struct zk_client *client, struct err *err)
{
    static const struct {
        const char *name, *data;
    } nodes[] = {{"managers", ""}, {"workers", ""}, {"tasks", ""}, {"epoch", "0"}};
    struct arena AUTO_ARENA arena = {0};
    bool made;
    enum rc rc;

    zookeeper_lock(self);
    made = self->made_paths;
    zookeeper_unlock(self);
    if (made)
        return RC_OK;
    rc = make_root(self, client, &arena, err);
    for (size_t i = 0; rc == RC_OK && i < ARRAY_SIZE(nodes); i++)
        rc = zookeeper_make(client, arena_printf(&arena, "%s/%s", self->config.root, nodes[i].name),
                            nodes[i].data, err);
    if (rc != RC_OK)
        return rc;
    zookeeper_lock(self);
    self->made_paths = true;
    zookeeper_unlock(self);
    return RC_OK;
}

/* ---- the keeper ------------------------------------------------------------------------------ */

static void tell_connection(struct zookeeper *self, bool connected)
{
    if (connected != self->was_connected) {
        if (connected)
            log_info("coordination is connected", LOG_TEXT("zookeeper", self->config.hosts));
        else
            log_warn("coordination is not connected, going on with what is known",
                     LOG_TEXT("zookeeper", self->config.hosts));
    }
    self->was_connected = connected;
}

/* Everything that must be looked at again; what fails stays so. */
static void look_again(struct zookeeper *self, struct zk_client *client)
{
    struct err err = {0};
    enum rc rc = zookeeper_make_paths(self, client, &err);

    if (rc == RC_OK)
        rc = zookeeper_check_epoch(self, client, &err);
    if (rc == RC_OK)
        rc = zookeeper_join_again(self, client, &err);
    if (rc == RC_OK)
        rc = zookeeper_list_members(self, client, &err);
    if (rc == RC_OK)
        rc = zookeeper_list_tasks(self, client, &err);
    if (rc == RC_FORBIDDEN || rc == RC_INTERNAL || rc == RC_CONFLICT)
        log_warn("coordination does not answer as it should, trying again", LOG_ERR(&err, rc));
}

static void keep(struct zookeeper *self)
{
    bool connected;

    if (self->session && zk_client_state(self->session->client) == ZK_OVER) {
        log_warn("session with coordination is over, beginning another");
        end_session(self);
    }
    if (!self->session)
        begin_session(self);
    free_sessions(self);
    if (!self->session)
        return;
    connected = zk_client_state(self->session->client) == ZK_CONNECTED;
    tell_connection(self, connected);
    if (!connected)
        return;
    look_again(self, self->session->client);
}

static void *run_keeper(void *context)
{
    struct zookeeper *self = context;
    mono_us ping_at = 0;

    zookeeper_lock(self);
    while (!self->stopping) {
        mono_us now = clock_mono(self->config.clock);

        self->woken = false;
        zookeeper_unlock(self);
        keep(self);
        if (now >= ping_at && self->session) {
            zk_client_ping(self->session->client);
            ping_at = now + ZK_TICK;
        }
        zookeeper_lock(self);
        if (!self->woken && !self->stopping)
            (void)zookeeper_wait(self, now + ZK_TICK); /* either way it looks again */
    }
    zookeeper_unlock(self);
    return NULL;
}

/* ---- from new to free ------------------------------------------------------------------------ */

void zookeeper_expire(struct coordination *coordination)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;

    CHECK(zookeeper_hold(self, &session, NULL) == RC_OK);
    zk_client_expire(session->client);
    zookeeper_release(self, session);
}

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

    zookeeper_lock(self);
    self->stopping = true;
    zookeeper_wake(self);
    zookeeper_unlock(self);
    (void)pthread_join(self->keeper, NULL); /* fails only for a thread that is not there */
    if (self->session)
        end_session(self);
    free_sessions(self);
    release(self);
}

static const struct coordination_ops ops = {
    .name = "zookeeper",
    .campaign = zookeeper_campaign,
    .leads_until = zookeeper_leads_until,
    .resign = zookeeper_resign,
    .join = zookeeper_join,
    .leave = zookeeper_leave,
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

static enum rc check_root(const char *root, struct err *err)
{
    size_t length = strlen(root);

    if (root[0] != '/' || length < 2 || length > ZK_PATH_MAX / 2 || root[length - 1] == '/' ||
        strstr(root, "//"))
        return err_fail(err, RC_INVALID, "'%.80s' is not a path like /cronjob", root);
    return RC_OK;
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
    enum rc rc = check_root(config->root, err);

    if (rc != RC_OK)
        return rc;
    self = xcalloc(1, sizeof(*self));
    init(self, config);
    if (pthread_create(&self->keeper, NULL, run_keeper, self)) {
        release(self);
        return err_fail(err, RC_INTERNAL, "the thread of coordination cannot be created");
    }
    *ret_coordination = &self->base;
    return RC_OK;
}
