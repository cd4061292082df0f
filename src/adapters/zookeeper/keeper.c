/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper has a session at all times and looks again at what has changed. The heart pings, so
 * that a server that forgot to answer the keeper is woken, and that a leader knows that it is
 * heard.
 */
#include "base/check.h"
#include "base/log.h"

#include "adapters/zookeeper/internal.h"

static void tell_connection(struct zookeeper *self, bool connected)
{
    if (connected != self->was_connected) {
        if (connected)
            log_info("coordination was connected", LOG_TEXT("zookeeper", self->config.hosts));
        else
            log_warn("coordination was lost, going on with what is known",
                     LOG_TEXT("zookeeper", self->config.hosts));
    }
    self->was_connected = connected;
}

/* Says it once; RC_OK: there is nothing to complain of. */
static void complain(struct zookeeper *self, enum rc rc, const struct err *err)
{
    if (rc != RC_OK && rc != self->complaint)
        log_warn("coordination did not answer as it should, trying again", LOG_ERR(err, rc));
    self->complaint = rc;
}

/* Everything that must be looked at again; what fails stays so, and holds up nothing else. */
static void look_again(struct zookeeper *self, struct session *session)
{
    static enum rc (*const steps[])(struct zookeeper *, struct session *, struct err *) = {
        zookeeper_check_lead,   zookeeper_make_paths, zookeeper_join_again,
        zookeeper_list_members, zookeeper_list_tasks,
    };
    struct err err = {0}, worst_err = {0};
    enum rc worst = RC_OK;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        enum rc rc = zookeeper_noted(self, session, steps[i](self, session, &err));

        if (rc == RC_UNAVAILABLE || rc == RC_UNKNOWN)
            return; /* tell_connection() tells */
        if (rc != RC_OK && rc != RC_NOT_FOUND) {
            worst = rc;
            worst_err = err;
        }
    }
    complain(self, worst, &worst_err);
}

/*
 * Servers that lost all they had refuse a client that has seen more than they: the session is never
 * said to be over. So who was not connected for so long that it must be over begins another.
 */
static bool is_over(const struct session *session, mono_us now)
{
    span_us patience = 2 * zk_client_timeout(session->client);

    switch (zk_client_state(session->client)) {
    case ZK_OVER:
        return true;
    case ZK_CONNECTED:
        return false;
    case ZK_CONNECTING:
        return session->connected_at && now - session->connected_at > patience;
    }
    return true;
}

static void have_session(struct zookeeper *self, mono_us now)
{
    struct err err = {0};
    enum rc rc;

    if (self->session && is_over(self->session, now)) {
        log_warn("session with coordination was over, beginning another");
        zookeeper_end_session(self);
    }
    if (self->session || now < self->begin_at)
        return;
    rc = zookeeper_begin_session(self, &err);
    if (rc != RC_OK)
        complain(self, rc, &err);
    self->begin_at = now + ZK_TICK;
}

static void keep(struct zookeeper *self, mono_us now)
{
    bool connected;

    have_session(self, now);
    zookeeper_free_sessions(self);
    connected = self->session && zk_client_state(self->session->client) == ZK_CONNECTED;
    tell_connection(self, connected);
    if (connected) {
        self->session->connected_at = clock_mono(self->config.clock);
        look_again(self, self->session);
    }
}

static void *run_keeper(void *context)
{
    struct zookeeper *self = context;

    zookeeper_lock(self);
    while (!self->stopping) {
        mono_us now = clock_mono(self->config.clock);

        self->woken = false;
        zookeeper_unlock(self);
        keep(self, now);
        zookeeper_lock(self);
        if (!self->woken && !self->stopping)
            (void)zookeeper_wait(self, now + ZK_TICK); /* either way it looks again */
    }
    zookeeper_unlock(self);
    return NULL;
}

static void beat(struct zookeeper *self)
{
    struct session *session;

    if (zookeeper_hold(self, &session, NULL) != RC_OK)
        return;
    if (zk_client_state(session->client) == ZK_CONNECTED)
        zk_client_ping(session->client);
    zookeeper_release(self, session);
}

static void *run_heart(void *context)
{
    struct zookeeper *self = context;

    zookeeper_lock(self);
    while (!self->stopping) {
        mono_us next = clock_mono(self->config.clock) + ZK_TICK;

        zookeeper_unlock(self);
        beat(self);
        zookeeper_lock(self);
        while (!self->stopping && zookeeper_wait(self, next)) {
            /* what has changed is the keeper's business */
        }
    }
    zookeeper_unlock(self);
    return NULL;
}

static void tell_to_stop(struct zookeeper *self)
{
    zookeeper_lock(self);
    self->stopping = true;
    zookeeper_wake(self);
    zookeeper_unlock(self);
}

enum rc zookeeper_start(struct zookeeper *self, struct err *err)
{
    if (pthread_create(&self->keeper, NULL, run_keeper, self))
        return err_fail(err, RC_INTERNAL, "a thread of coordination cannot be created");
    if (!pthread_create(&self->heart, NULL, run_heart, self))
        return RC_OK;
    tell_to_stop(self);
    CHECK(!pthread_join(self->keeper, NULL));
    if (self->session)
        zookeeper_end_session(self);
    zookeeper_free_sessions(self);
    return err_fail(err, RC_INTERNAL, "a thread of coordination cannot be created");
}

void zookeeper_stop(struct zookeeper *self)
{
    tell_to_stop(self);
    CHECK(!pthread_join(self->heart, NULL));
    CHECK(!pthread_join(self->keeper, NULL));
    if (self->session)
        zookeeper_end_session(self);
    zookeeper_free_sessions(self);
}
