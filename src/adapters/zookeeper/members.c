/* SPDX-License-Identifier: Apache-2.0 */
/* Who is alive: an ephemeral node for each worker. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

static const char *path_of_member(struct zookeeper *self, struct arena *arena, const char *name)
{
    return arena_printf(arena, "%s/workers/%s", self->config.root, name);
}

/* ---- joining --------------------------------------------------------------------------------- */

static bool has_joined(struct zookeeper *self, const struct session *session)
{
    bool joined;

    zookeeper_lock(self);
    joined = session->joined;
    zookeeper_unlock(self);
    return joined;
}

/*
 * The node is there: it is ours, of an earlier life of this worker, or of somebody else. Once this
 * session had the node, whoever holds it now is our next life or an impostor: we never take it
 * back, so that two do not take it from each other for ever.
 */
static enum rc take_over(struct zookeeper *self, struct session *session, const char *path,
                         const char *name, struct err *err)
{
    struct zk_client *client = session->client;
    struct zk_op ops[] = {
        {.kind = ZK_OP_DELETE, .path = path},
        {.kind = ZK_OP_CREATE, .path = path, .data = self->config.identity, .flags = ZK_EPHEMERAL}};
    struct zk_value value;
    size_t failed;
    enum rc rc = zk_get(client, path, false, &value, err);

    if (rc == RC_OK && value.owner == zk_client_session(client))
        return RC_OK;
    if (rc == RC_OK &&
        (has_joined(self, session) || strcmp(value.data, self->config.identity) != 0))
        return err_fail(err, RC_CONFLICT, "another worker is called %s", name);
    if (rc == RC_OK) {
        ops[0].version = value.version;
        rc = zk_multi(client, ops, ARRAY_SIZE(ops), &failed, err);
    }
    if (rc == RC_NOT_FOUND || rc == RC_STALE || rc == RC_CONFLICT)
        return err_fail(err, RC_UNAVAILABLE, "the worker's node changed hands meanwhile");
    return rc;
}

/* Ours is there, with a watch that says when it goes. */
static enum rc make_member(struct zookeeper *self, struct session *session, const char *name,
                           struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *path = path_of_member(self, &arena, name);
    bool there = false;
    enum rc rc = zookeeper_make_paths(self, session, err);

    if (rc == RC_OK)
        rc = zk_create(session->client, path, self->config.identity, ZK_EPHEMERAL, err);
    if (rc == RC_CONFLICT)
        rc = take_over(self, session, path, name, err);
    if (rc == RC_OK)
        rc = zk_exists(session->client, path, true, &there, err);
    if (rc == RC_OK && !there)
        return err_fail(err, RC_UNAVAILABLE, "the worker's node went away meanwhile");
    return zookeeper_noted(self, session, rc);
}

enum rc zookeeper_join(struct coordination *coordination, const char *worker, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    CHECK(strlen(worker) < ZK_NAME_MAX);
    rc = make_member(self, session, worker, err);
    zookeeper_lock(self);
    if (rc == RC_OK) {
        memcpy(self->member, worker, strlen(worker) + 1);
        session->joined = true;
        self->member_dirty = true; /* it may have gone, or the session, before we noted it */
        zookeeper_wake(self);
    }
    session->users--;
    zookeeper_unlock(self);
    return rc == RC_NOT_FOUND ? RC_UNAVAILABLE : rc;
}

/* If it is ours: who was refused the name takes it from nobody. */
static enum rc delete_member(struct zookeeper *self, struct session *session, const char *name,
                             struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *path = path_of_member(self, &arena, name);
    struct zk_value value;
    enum rc rc = zk_get(session->client, path, false, &value, err);

    if (rc == RC_OK && value.owner == zk_client_session(session->client))
        rc = zk_delete(session->client, path, ZK_ANY_VERSION, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Another process has our name: it is left to it. */
static void give_up_name(struct zookeeper *self, const char *name)
{
    log_warn("worker lost its name to another process", LOG_TEXT("worker", name));
    zookeeper_lock(self);
    self->member[0] = '\0';
    zookeeper_unlock(self);
}

enum rc zookeeper_join_again(struct zookeeper *self, struct session *session, struct err *err)
{
    char name[ZK_NAME_MAX];
    bool dirty, left;
    enum rc rc;

    zookeeper_lock(self);
    dirty = self->member_dirty;
    self->member_dirty = false;
    memcpy(name, self->member, sizeof(name));
    zookeeper_unlock(self);
    if (!dirty || !name[0])
        return RC_OK;
    rc = make_member(self, session, name, err);
    if (rc == RC_CONFLICT && has_joined(self, session)) {
        give_up_name(self, name);
        return RC_OK;
    }
    zookeeper_lock(self);
    left = strcmp(name, self->member) != 0;
    session->joined |= rc == RC_OK;
    self->member_dirty |= rc != RC_OK;
    zookeeper_unlock(self);
    return rc == RC_OK && left ? delete_member(self, session, name, err) : rc;
}

mono_us zookeeper_member_until(struct coordination *coordination, const char *worker)
{
    struct zookeeper *self = zookeeper_of(coordination);
    mono_us until = 0;

    zookeeper_lock(self);
    if (self->session && !self->member_dirty && !strcmp(self->member, worker))
        until = zookeeper_session_until(self->session->client);
    zookeeper_unlock(self);
    return until;
}

enum rc zookeeper_leave(struct coordination *coordination, const char *worker, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;
    enum rc rc;

    zookeeper_lock(self);
    if (!strcmp(self->member, worker))
        self->member[0] = '\0';
    zookeeper_unlock(self);
    rc = zookeeper_hold(self, &session, err);
    if (rc != RC_OK)
        return rc;
    rc = delete_member(self, session, worker, err);
    zookeeper_lock(self);
    session->joined = false;
    session->users--;
    zookeeper_unlock(self);
    return rc;
}

/* ---- watching -------------------------------------------------------------------------------- */

enum rc zookeeper_watch_members(struct coordination *coordination, member_callback callback,
                                void *context, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);

    (void)err; /* it tries until it can */
    CHECK(!pthread_mutex_lock(&self->calls));
    zookeeper_lock(self);
    self->members.callback = callback;
    self->members.context = context;
    self->members.count = 0; /* all of them are news */
    self->members.dirty = true;
    zookeeper_wake(self);
    zookeeper_unlock(self);
    CHECK(!pthread_mutex_unlock(&self->calls));
    return RC_OK;
}

static bool is_listed(const struct strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!strcmp(names->items[i], name))
            return true;
    }
    return false;
}

static bool is_known(const struct member_watch *members, const char *name)
{
    for (size_t i = 0; i < members->count; i++) {
        if (!strcmp(members->names[i], name))
            return true;
    }
    return false;
}

static void tell(const struct member_watch *members, const char *name, bool gone)
{
    struct member member = {.gone = gone};

    memcpy(member.name, name, strlen(name) + 1);
    members->callback(members->context, &member);
}

/* With `calls` held. */
static void report(struct member_watch *members, const struct strings *names)
{
    for (size_t i = 0; i < members->count; i++) {
        if (!is_listed(names, members->names[i]))
            tell(members, members->names[i], true);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (name_is_valid(names->items[i]) && !is_known(members, names->items[i]))
            tell(members, names->items[i], false);
    }
    members->count = 0;
    members->names = xrealloc(members->names, names->count + 1, sizeof(*members->names));
    for (size_t i = 0; i < names->count; i++) {
        if (name_is_valid(names->items[i]))
            memcpy(members->names[members->count++], names->items[i], strlen(names->items[i]) + 1);
    }
}

enum rc zookeeper_list_members(struct zookeeper *self, struct session *session, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *path = arena_printf(&arena, "%s/workers", self->config.root);
    struct strings names;
    bool dirty;
    enum rc rc;

    zookeeper_lock(self);
    dirty = self->members.dirty && self->members.callback;
    self->members.dirty = self->members.dirty && !dirty;
    zookeeper_unlock(self);
    if (!dirty)
        return RC_OK;
    rc = zk_children(session->client, path, true, &arena, &names, err);
    if (rc != RC_OK) {
        zookeeper_lock(self);
        self->members.dirty = true;
        zookeeper_unlock(self);
        return rc;
    }
    CHECK(!pthread_mutex_lock(&self->calls));
    if (self->members.callback)
        report(&self->members, &names);
    CHECK(!pthread_mutex_unlock(&self->calls));
    return RC_OK;
}
