/* SPDX-License-Identifier: Apache-2.0 */
/* Who leads: of the candidates' nodes the one with the lowest sequence; it raises the epoch. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

#include "adapters/zookeeper/internal.h"

static const char *epoch_path(struct zookeeper *self, struct arena *arena)
{
    return arena_printf(arena, "%s/epoch", self->config.root);
}

/* ---- our node -------------------------------------------------------------------------------- */

/* A node that was made by a call whose answer was lost is found by its random prefix. */
static enum rc find_by_prefix(struct zookeeper *self, struct zk_client *client, const char *prefix,
                              const char **ret_name, struct arena *arena, struct err *err)
{
    const char *path = arena_printf(arena, "%s/managers", self->config.root);
    struct strings names;
    enum rc rc = zk_children(client, &path, 1, false, arena, &names, err);

    *ret_name = NULL;
    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        if (!strncmp(names.items[i], prefix, strlen(prefix)))
            *ret_name = names.items[i];
    }
    return rc;
}

static enum rc make_candidate(struct zookeeper *self, struct zk_client *client, const char *name,
                              struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    char path[ZK_PATH_MAX];
    const char *prefix, *found;
    uint64_t random;
    enum rc rc;

    CHECK(getrandom(&random, sizeof(random), 0) == (ssize_t)sizeof(random));
    prefix = arena_printf(&arena, "%016" PRIx64 "-%s-", random, name);
    rc = zk_create(client, arena_printf(&arena, "%s/managers/%s", self->config.root, prefix), "",
                   ZK_EPHEMERAL | ZK_SEQUENCE, path, err);
    if (rc == RC_UNKNOWN) {
        rc = find_by_prefix(self, client, prefix, &found, &arena, err);
        if (rc == RC_OK && !found)
            return err_fail(err, RC_UNAVAILABLE, "the election's node was not made");
        if (rc == RC_OK)
            memcpy(path, arena_printf(&arena, "%s/managers/%s", self->config.root, found),
                   strlen(self->config.root) + strlen("/managers/") + strlen(found) + 1);
    }
    if (rc != RC_OK)
        return rc;
    zookeeper_lock(self);
    memcpy(self->candidate, path, sizeof(path));
    zookeeper_unlock(self);
    return RC_OK;
}

/* Our node, made if this session has none. */
static enum rc have_candidate(struct zookeeper *self, struct session *session, const char *name,
                              struct err *err)
{
    bool made;
    enum rc rc = zookeeper_make_paths(self, session->client, err);

    zookeeper_lock(self);
    made = self->session == session && self->candidate[0];
    zookeeper_unlock(self);
    if (rc == RC_OK && !made)
        rc = make_candidate(self, session->client, name, err);
    return rc;
}

/* Whether ours is the lowest. RC_NOT_FOUND: it is not there any more. */
static enum rc is_first(struct zookeeper *self, struct zk_client *client, bool *ret_first,
                        struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *path = arena_printf(&arena, "%s/managers", self->config.root);
    int64_t own, lowest = INT64_MAX;
    bool found = false;
    struct strings names;
    enum rc rc;

    zookeeper_lock(self);
    own = path_read_sequence(self->candidate);
    self->candidates_changed = false;
    zookeeper_unlock(self);
    rc = zk_children(client, &path, 1, true, &arena, &names, err);
    for (size_t i = 0; rc == RC_OK && i < names.count; i++) {
        int64_t sequence = path_read_sequence(names.items[i]);

        if (sequence >= 0)
            lowest = MIN(lowest, sequence);
        found |= sequence == own;
    }
    if (rc != RC_OK)
        return rc;
    *ret_first = found && lowest == own;
    return found ? RC_OK : err_fail(err, RC_NOT_FOUND, "our candidate's node is gone");
}

/* ---- the epoch ------------------------------------------------------------------------------- */

static enum rc raise_epoch(struct zookeeper *self, struct zk_client *client, uint64_t floor,
                           uint64_t *ret_epoch, int32_t *ret_version, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *path = epoch_path(self, &arena);
    struct zk_value value;
    uint64_t epoch;
    enum rc rc = zk_get(client, path, true, &value, err);

    if (rc != RC_OK)
        return rc;
    epoch = MAX((uint64_t)strtoull(value.data, NULL, 10), floor) + 1;
    rc = zk_set(client, path, arena_printf(&arena, "%" PRIu64, epoch), value.version, ret_version,
                err);
    if (rc == RC_OK)
        *ret_epoch = epoch;
    return rc;
}

enum rc zookeeper_check_epoch(struct zookeeper *self, struct zk_client *client, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct zk_value value;
    bool dirty;
    enum rc rc;

    zookeeper_lock(self);
    dirty = self->epoch_dirty && self->led_epoch;
    self->epoch_dirty = false;
    zookeeper_unlock(self);
    if (!dirty)
        return RC_OK;
    rc = zk_get(client, epoch_path(self, &arena), true, &value, err);
    zookeeper_lock(self);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && value.version != self->epoch_version))
        self->led_epoch = 0;
    else if (rc != RC_OK)
        self->epoch_dirty = true;
    zookeeper_unlock(self);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Until when the server cannot have given us up: it counts from the last sign it got. */
static mono_us session_until(const struct zk_client *client)
{
    mono_us answered = zk_client_answered(client);

    return answered ? answered + zk_client_timeout(client) * 2 / 3 : 0;
}

/* ---- the port -------------------------------------------------------------------------------- */

static enum rc take_lead(struct zookeeper *self, struct session *session, uint64_t floor,
                         struct lease *ret_lease, struct err *err)
{
    uint64_t epoch;
    int32_t version;
    mono_us begun = clock_mono(self->config.clock);
    enum rc rc = raise_epoch(self, session->client, floor, &epoch, &version, err);

    if (rc != RC_OK)
        return rc == RC_STALE ? err_fail(err, RC_UNAVAILABLE, "another raised the epoch") : rc;
    zookeeper_lock(self);
    if (self->session == session) {
        self->led_epoch = epoch;
        self->epoch_version = version;
        self->epoch_dirty = true; /* somebody may have raised it between our two calls */
        zookeeper_wake(self);
    }
    zookeeper_unlock(self);
    *ret_lease = (struct lease){
        .epoch = epoch,
        .until =
            MAX(session_until(session->client), begun + zk_client_timeout(session->client) * 2 / 3),
    };
    return RC_OK;
}

static enum rc try_to_lead(struct zookeeper *self, const struct candidate *candidate,
                           struct lease *ret_lease, struct err *err)
{
    struct session *session;
    bool first = false;
    enum rc rc = zookeeper_hold(self, &session, err);

    if (rc != RC_OK)
        return rc;
    rc = have_candidate(self, session, candidate->name, err);
    if (rc == RC_OK)
        rc = is_first(self, session->client, &first, err);
    if (rc == RC_OK)
        rc = first ? take_lead(self, session, candidate->floor, ret_lease, err) : RC_TIMEOUT;
    zookeeper_lock(self);
    if (rc == RC_NOT_FOUND)
        self->candidate[0] = '\0';
    session->users--;
    zookeeper_unlock(self);
    return rc;
}

/* Waits for what may change the answer of try_to_lead(). */
static void wait_for_turn(struct zookeeper *self, enum rc rc, mono_us deadline)
{
    zookeeper_lock(self);
    if (rc == RC_TIMEOUT) {
        while (!self->candidates_changed && zookeeper_wait(self, deadline)) {
            /* something else has changed */
        }
    } else {
        (void)zookeeper_wait(self, MIN(deadline, clock_mono(self->config.clock) + ZK_TICK));
    }
    zookeeper_unlock(self);
}

enum rc zookeeper_campaign(struct coordination *coordination, const struct candidate *candidate,
                           mono_us deadline, struct lease *ret_lease, struct err *err)
{
    struct zookeeper *self = zookeeper_of(coordination);

    for (;;) {
        enum rc rc = try_to_lead(self, candidate, ret_lease, err);

        if (rc == RC_OK)
            return rc;
        wait_for_turn(self, rc, deadline);
        if (clock_mono(self->config.clock) >= deadline)
            return rc == RC_TIMEOUT ? err_fail(err, RC_TIMEOUT, "another manager leads") : rc;
    }
}

mono_us zookeeper_leads_until(struct coordination *coordination, uint64_t epoch)
{
    struct zookeeper *self = zookeeper_of(coordination);
    mono_us until = 0;

    zookeeper_lock(self);
    if (self->session && epoch && self->led_epoch == epoch)
        until = session_until(self->session->client);
    zookeeper_unlock(self);
    return until;
}

void zookeeper_resign(struct coordination *coordination)
{
    struct zookeeper *self = zookeeper_of(coordination);
    char path[ZK_PATH_MAX];
    struct session *session;

    zookeeper_lock(self);
    self->led_epoch = 0;
    memcpy(path, self->candidate, sizeof(path));
    self->candidate[0] = '\0';
    zookeeper_unlock(self);
    if (!path[0] || zookeeper_hold(self, &session, NULL) != RC_OK)
        return;
    if (zk_delete(session->client, path, ZK_ANY_VERSION, NULL) != RC_OK) {
        /* the end of the session takes it away */
    }
    zookeeper_release(self, session);
}
