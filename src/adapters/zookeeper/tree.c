/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes that everything else lies in. */
#include <string.h>

#include "base/check.h"

#include "adapters/zookeeper/internal.h"

/* Creates a node unless it is there. */
static enum rc make(struct zk_client *client, const char *path, const char *data, struct err *err)
{
    enum rc rc = zk_create(client, path, data, ZK_PERSISTENT, err);

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
        rc = make(client, slash ? arena_strndup(arena, root, (size_t)(slash - root)) : root, "",
                  err);
    }
    return rc;
}

enum rc zookeeper_make_paths(struct zookeeper *self, struct session *session, struct err *err)
{
    static const struct {
        const char *name, *data;
    } nodes[] = {{"managers", ""}, {"workers", ""}, {"tasks", ""}, {"epoch", "0"}};
    struct arena AUTO_ARENA arena = {0};
    mono_us make_at;
    bool made;
    enum rc rc;

    zookeeper_lock(self);
    made = session->made_paths;
    make_at = session->make_at;
    zookeeper_unlock(self);
    if (made)
        return RC_OK;
    if (clock_mono(self->config.clock) < make_at)
        return err_fail(err, RC_UNAVAILABLE, "%s is being removed", self->config.root);
    rc = make_root(self, session->client, &arena, err);
    for (size_t i = 0; rc == RC_OK && i < ARRAY_SIZE(nodes); i++)
        rc = make(session->client, arena_printf(&arena, "%s/%s", self->config.root, nodes[i].name),
                  nodes[i].data, err);
    if (rc != RC_OK)
        return rc;
    zookeeper_lock(self);
    session->made_paths = true;
    zookeeper_unlock(self);
    return RC_OK;
}

enum rc zookeeper_noted(struct zookeeper *self, struct session *session, enum rc rc)
{
    if (rc != RC_NOT_FOUND)
        return rc;
    zookeeper_lock(self);
    if (session->made_paths)
        session->make_at = clock_mono(self->config.clock) + ZK_TICK;
    session->made_paths = false;
    zookeeper_unlock(self);
    return rc;
}

static enum rc make_one_by_one(struct zk_client *client, const struct zk_op *ops, size_t count,
                               struct err *err)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = make(client, ops[i].path, "", err);
    return rc;
}

enum rc zookeeper_make_buckets(struct zookeeper *self, struct session *session, const char *worker,
                               struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct zk_op ops[ALL_BUCKETS + 1];
    size_t count = 0, failed;
    enum rc rc = zookeeper_make_paths(self, session, err);

    if (rc != RC_OK)
        return rc;
    ops[count++] =
        (struct zk_op){.kind = ZK_OP_CREATE,
                       .path = arena_printf(&arena, "%s/tasks/%s", self->config.root, worker)};
    for (unsigned bucket = 0; bucket < ALL_BUCKETS; bucket++)
        ops[count++] =
            (struct zk_op){.kind = ZK_OP_CREATE,
                           .path = path_of_bucket(&arena, self->config.root, worker, bucket)};
    rc = zk_multi(session->client, ops, count, &failed, err);
    if (rc == RC_CONFLICT)
        rc = make_one_by_one(session->client, ops, count, err);
    return zookeeper_noted(self, session, rc);
}
