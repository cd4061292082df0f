/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: one at a time is used; those that are over are freed when nobody uses them any more.
 * The client's callbacks only note here what has changed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
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

/* ---- what has changed ------------------------------------------------------------------------ */

/* With the lock held: a new session knows of nothing. */
static void look_at_everything(struct zookeeper *self)
{
    self->candidates_changed = true;
    self->resigning = false; /* the candidate went with the old session */
    self->led_epoch = 0;
    self->member_dirty = self->member[0] != '\0';
    self->members.dirty = true;
    for (struct task_watch *watch = self->tasks; watch; watch = watch->next) {
        watch->complete_dirty = true;
        memset(watch->dirty, true, sizeof(watch->dirty));
    }
}

/* What lies behind the folder, or NULL. */
static const char *behind(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return strncmp(path, folder, length) ? NULL : path + length;
}

static void note_task_change(struct task_watch *watch, const char *path)
{
    const char *name = behind(path, watch->prefix);
    int bucket = path_read_bucket(path, watch->prefix);

    if (bucket >= 0)
        watch->dirty[bucket] = true;
    if (name && !strcmp(name, "complete"))
        watch->complete_dirty = true;
}

/* With the lock held: a watch went off. */
static void note_change(struct zookeeper *self, const char *path)
{
    const char *name = behind(path, self->config.root), *member = NULL;

    if (!name)
        return;
    member = behind(name, "/workers/");
    if (!strcmp(name, "/workers"))
        self->members.dirty = true;
    else if (!strcmp(name, "/epoch"))
        self->epoch_dirty = true;
    else if (!strcmp(name, "/managers"))
        self->candidates_changed = true;
    else if (member && !strcmp(member, self->member))
        self->member_dirty = true;
    for (struct task_watch *watch = self->tasks; watch; watch = watch->next)
        note_task_change(watch, path);
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

/* ---- from one session to the next ------------------------------------------------------------ */

static void make_mark(char *ret_mark)
{
    uint64_t random;

    CHECK(getrandom(&random, sizeof(random), 0) == (ssize_t)sizeof(random));
    (void)snprintf(ret_mark, MARK_TEXT, "%016" PRIx64, random);
}

enum rc zookeeper_begin_session(struct zookeeper *self, struct err *err)
{
    const struct zk_config config = {.hosts = self->config.hosts,
                                     .digest = self->config.digest,
                                     .session_timeout = self->config.session_timeout,
                                     .clock = self->config.clock,
                                     .wake = on_wake,
                                     .context = self};
    struct session *session = xcalloc(1, sizeof(*session));
    enum rc rc = zk_client_new(&config, &session->client, err);

    if (rc != RC_OK) {
        free(session);
        return rc;
    }
    make_mark(session->mark);
    zookeeper_lock(self);
    self->session = session;
    look_at_everything(self);
    zookeeper_wake(self);
    zookeeper_unlock(self);
    return RC_OK;
}

void zookeeper_end_session(struct zookeeper *self)
{
    zookeeper_lock(self);
    self->session->next = self->sessions;
    self->sessions = self->session;
    self->session = NULL;
    self->led_epoch = 0;
    zookeeper_unlock(self);
}

void zookeeper_free_sessions(struct zookeeper *self)
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

void zookeeper_expire(struct coordination *coordination)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;

    CHECK(zookeeper_hold(self, &session, NULL) == RC_OK);
    zk_client_expire(session->client);
    zookeeper_release(self, session);
}
