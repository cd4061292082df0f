/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who leads: of the candidates' nodes the one with the lowest sequence; it raises the epoch.
 *
 * The answer to the call that makes our node may be lost. So a node is never made on suspicion: the
 * list of candidates is read first, and ours are known by the random mark of this session.
 */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"

#include "adapters/zookeeper/internal.h"

static const char *epoch_path(struct zookeeper *self, struct arena *arena)
{
    return arena_printf(arena, "%s/epoch", self->config.root);
}

/* ---- the candidates -------------------------------------------------------------------------- */

struct standing {
    const char *own; /* our node's name; NULL: there is none */
    bool first;      /* nobody's is lower */
};

static enum rc list_candidates(struct zookeeper *self, struct session *session, bool watch,
                               struct arena *arena, struct strings *ret_names, struct err *err)
{
    const char *path = arena_printf(arena, "%s/managers", self->config.root);

    if (watch) {
        zookeeper_lock(self);
        self->candidates_changed = false;
        zookeeper_unlock(self);
    }
    return zk_children(session->client, path, watch, arena, ret_names, err);
}

static struct standing find_standing(const struct session *session, const struct strings *names)
{
    struct standing standing = {0};
    int64_t own = INT64_MAX, lowest = INT64_MAX;

    for (size_t i = 0; i < names->count; i++) {
        int64_t sequence = path_read_sequence(names->items[i]);

        if (sequence < 0)
            continue;
        lowest = MIN(lowest, sequence);
        if (sequence < own && path_has_mark(names->items[i], session->mark)) {
            own = sequence;
            standing.own = names->items[i];
        }
    }
    standing.first = standing.own && own == lowest;
    return standing;
}

/* How we stand, with a watch on what may change it. */
static enum rc read_standing(struct zookeeper *self, struct session *session, struct arena *arena,
                             struct standing *ret_standing, struct err *err)
{
    struct strings names;
    enum rc rc = list_candidates(self, session, true, arena, &names, err);

    if (rc == RC_OK)
        *ret_standing = find_standing(session, &names);
    return rc;
}

/* Makes our node unless we have one. */
static enum rc stand(struct zookeeper *self, struct session *session, const char *name,
                     struct arena *arena, struct standing *ret_standing, struct err *err)
{
    enum rc rc = read_standing(self, session, arena, ret_standing, err);

    if (rc != RC_OK || ret_standing->own)
        return rc;
    rc =
        zk_create(session->client,
                  arena_printf(arena, "%s/managers/%s-%s-", self->config.root, session->mark, name),
                  "", ZK_EPHEMERAL | ZK_SEQUENCE, err);
    if (rc == RC_OK)
        rc = read_standing(self, session, arena, ret_standing, err);
    if (rc == RC_OK && !ret_standing->own)
        return err_fail(err, RC_UNAVAILABLE, "our candidate went away meanwhile");
    return rc;
}

/* ---- leading --------------------------------------------------------------------------------- */

mono_us zookeeper_session_until(const struct zk_client *client)
{
    mono_us answered = zk_client_answered(client);

    return answered ? answered + zk_client_timeout(client) * 2 / 3 : 0;
}

struct reign {
    uint64_t epoch;
    int32_t version; /* of the epoch's node */
};

static enum rc raise_epoch(struct zookeeper *self, struct session *session, uint64_t floor,
                           struct reign *ret_reign, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *path = epoch_path(self, &arena);
    struct reign reign;
    struct zk_value value;
    enum rc rc = zk_get(session->client, path, true, &value, err);

    if (rc != RC_OK)
        return rc;
    reign.epoch = MAX(path_read_epoch(value.data), floor) + 1;
    rc = zk_set(session->client, path, arena_printf(&arena, "%" PRIu64, reign.epoch), value.version,
                &reign.version, err);
    if (rc == RC_OK)
        *ret_reign = reign;
    return rc == RC_STALE ? err_fail(err, RC_UNAVAILABLE, "another raised the epoch") : rc;
}

static enum rc take_lead(struct zookeeper *self, struct session *session, uint64_t floor,
                         const char *own, struct lease *ret_lease, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *candidate = arena_printf(&arena, "%s/managers/%s", self->config.root, own);
    struct reign reign;
    enum rc rc = raise_epoch(self, session, floor, &reign, err);

    if (rc != RC_OK)
        return rc;
    CHECK(strlen(candidate) < sizeof(self->candidate));
    zookeeper_lock(self);
    if (self->session == session) {
        self->led_epoch = reign.epoch;
        self->epoch_version = reign.version;
        self->epoch_dirty = true; /* somebody may have raised it between our two calls */
        memcpy(self->candidate, candidate, strlen(candidate) + 1);
        zookeeper_wake(self);
    }
    zookeeper_unlock(self);
    *ret_lease =
        (struct lease){.epoch = reign.epoch, .until = zookeeper_session_until(session->client)};
    return RC_OK;
}

/* RC_TIMEOUT: another leads. */
static enum rc try_to_lead(struct zookeeper *self, const struct candidate *candidate,
                           struct lease *ret_lease, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct standing standing;
    struct session *session;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    rc = zookeeper_make_paths(self, session, err);
    if (rc == RC_OK)
        rc = stand(self, session, candidate->name, &arena, &standing, err);
    if (rc == RC_OK)
        rc = standing.first
                 ? take_lead(self, session, candidate->floor, standing.own, ret_lease, err)
                 : err_fail(err, RC_TIMEOUT, "another manager leads");
    rc = zookeeper_noted(self, session, rc);
    zookeeper_release(self, session);
    return rc;
}

/* Waits for what may change the answer of try_to_lead(). */
static void wait_for_turn(struct zookeeper *self, enum rc rc, mono_us deadline)
{
    mono_us again = MIN(deadline, clock_mono(self->config.clock) + ZK_TICK);

    zookeeper_lock(self);
    if (rc == RC_TIMEOUT) {
        while (!self->candidates_changed && zookeeper_wait(self, deadline)) {
            /* something else has changed */
        }
    } else {
        (void)zookeeper_wait(self, again);
    }
    zookeeper_unlock(self);
}

enum rc zookeeper_campaign(struct coordination *coordination, const struct candidate *candidate,
                           mono_us deadline, struct lease *ret_lease, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);

    zookeeper_lock(self);
    self->resigning = false;
    zookeeper_unlock(self);
    for (;;) {
        enum rc rc = try_to_lead(self, candidate, ret_lease, err);

        if (rc == RC_OK)
            return rc;
        wait_for_turn(self, rc, deadline);
        if (clock_mono(self->config.clock) >= deadline)
            return rc == RC_NOT_FOUND ? RC_UNAVAILABLE : rc;
    }
}

mono_us zookeeper_leads_until(struct coordination *coordination, uint64_t epoch)
{
    struct zookeeper *self = zookeeper_of(coordination);
    mono_us until = 0;

    zookeeper_lock(self);
    if (self->session && epoch && self->led_epoch == epoch)
        until = zookeeper_session_until(self->session->client);
    zookeeper_unlock(self);
    return until;
}

/* ---- not leading any more -------------------------------------------------------------------- */

void zookeeper_lose_lead(struct zookeeper *self, uint64_t epoch)
{
    zookeeper_lock(self);
    if (self->led_epoch == epoch)
        self->led_epoch = 0;
    zookeeper_unlock(self);
}

static enum rc delete_candidates(struct zookeeper *self, struct session *session, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct strings names;
    enum rc rc = list_candidates(self, session, false, &arena, &names, err);

    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        if (!path_has_mark(names.items[i], session->mark))
            continue;
        rc = zk_delete(session->client,
                       arena_printf(&arena, "%s/managers/%s", self->config.root, names.items[i]),
                       ZK_ANY_VERSION, err);
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    zookeeper_lock(self);
    self->resigning = false;
    zookeeper_unlock(self);
    return rc;
}

void zookeeper_resign(struct coordination *coordination)
{
    struct zookeeper *self = zookeeper_of(coordination);
    struct session *session;

    zookeeper_lock(self);
    self->led_epoch = 0;
    self->resigning = true;
    zookeeper_unlock(self);
    if (zookeeper_hold(self, &session, NULL) != RC_OK)
        return;                                   /* our candidate went with the session */
    (void)delete_candidates(self, session, NULL); /* the keeper tries until it can */
    zookeeper_release(self, session);
}

static enum rc check_epoch(struct zookeeper *self, struct session *session, uint64_t epoch,
                           int32_t version, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct zk_value value;
    enum rc rc = zk_get(session->client, epoch_path(self, &arena), true, &value, err);

    if (rc == RC_NOT_FOUND || (rc == RC_OK && value.version != version))
        zookeeper_lose_lead(self, epoch);
    return rc;
}

static enum rc check_candidate(struct zookeeper *self, struct session *session, uint64_t epoch,
                               struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct standing standing;
    enum rc rc = read_standing(self, session, &arena, &standing, err);

    if (rc == RC_NOT_FOUND || (rc == RC_OK && !standing.own))
        zookeeper_lose_lead(self, epoch);
    return rc;
}

enum rc zookeeper_check_lead(struct zookeeper *self, struct session *session, struct err *err)
{
    bool resigning, epoch_dirty, candidates_changed;
    uint64_t epoch;
    int32_t version;
    enum rc rc = RC_OK;

    zookeeper_lock(self);
    resigning = self->resigning;
    epoch = self->led_epoch;
    version = self->epoch_version;
    epoch_dirty = epoch && self->epoch_dirty;
    candidates_changed = epoch && self->candidates_changed;
    if (epoch_dirty)
        self->epoch_dirty = false;
    zookeeper_unlock(self);
    if (resigning)
        return delete_candidates(self, session, err);
    if (epoch_dirty)
        rc = check_epoch(self, session, epoch, version, err);
    if (rc == RC_OK && candidates_changed)
        rc = check_candidate(self, session, epoch, err);
    if (rc == RC_OK || rc == RC_NOT_FOUND)
        return rc;
    zookeeper_lock(self);
    self->epoch_dirty |= epoch_dirty;
    self->candidates_changed |= candidates_changed;
    zookeeper_unlock(self);
    return rc;
}
