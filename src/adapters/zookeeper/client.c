/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define THREADED /* the calls that wait */
#include <zookeeper/zookeeper.h>

#include "base/check.h"
#include "base/mem.h"

struct zk_client {
    struct zk_config config; /* texts are copies */
    char *hosts, *digest;
    zhandle_t *handle;
    _Atomic(mono_us) answered;
    atomic_bool over;
};

/* ---- outcomes -------------------------------------------------------------------------------- */

static enum rc rc_of(int code)
{
    switch (code) {
    case ZOK:
        return RC_OK;
    case ZNONODE:
        return RC_NOT_FOUND;
    case ZNODEEXISTS:
    case ZNOTEMPTY:
        return RC_CONFLICT;
    case ZBADVERSION:
        return RC_STALE;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
        return RC_UNKNOWN;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:
    case ZCLOSING:
    case ZSESSIONMOVED:
        return RC_UNAVAILABLE;
    case ZNOAUTH:
    case ZAUTHFAILED:
    case ZINVALIDACL:
        return RC_FORBIDDEN;
    default:
        return RC_INTERNAL;
    }
}

static enum rc outcome(int code, const char *path, struct err *err)
{
    enum rc rc = rc_of(code);

    return rc == RC_OK ? rc : err_fail(err, rc, "ZooKeeper, %s: %s", path, zerror(code));
}

/* A call that nobody would answer is not begun. */
static enum rc check_connected(struct zk_client *client, struct err *err)
{
    if (zk_client_state(client) == ZK_CONNECTED)
        return RC_OK;
    return err_fail(err, RC_UNAVAILABLE, "ZooKeeper at %s is not connected", client->config.hosts);
}

/* ---- the session ----------------------------------------------------------------------------- */

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct zk_client *client = context;

    (void)handle;
    if (type != ZOO_SESSION_EVENT) {
        client->config.wake(client->config.context, path);
        return;
    }
    if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE)
        atomic_store(&client->over, true);
    client->config.wake(client->config.context, NULL);
}

static void ignore_line(const char *message)
{
    (void)message; /* what matters of it is the state, which we log ourselves */
}

static void ignore_auth(int code, const void *data)
{
    (void)code; /* a wrong one shows as RC_FORBIDDEN */
    (void)data;
}

enum rc zk_client_new(const struct zk_config *config, struct zk_client **ret_client,
                      struct err *err)
{
    struct zk_client *client = xcalloc(1, sizeof(*client));
    const char *digest;

    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    client->config = *config;
    client->config.hosts = client->hosts = xstrdup(config->hosts);
    if (config->digest)
        client->digest = xstrdup(config->digest);
    digest = client->digest;
    client->handle =
        zookeeper_init2(config->hosts, on_event, (int)(config->session_timeout / MILLISECOND), NULL,
                        client, 0, ignore_line);
    if (!client->handle) {
        enum rc rc = err_errno(err, errno == EINVAL ? RC_INVALID : RC_UNAVAILABLE, errno,
                               "ZooKeeper at %s", config->hosts);

        free(client->hosts);
        free(client->digest);
        free(client);
        return rc;
    }
    if (digest)
        (void)zoo_add_auth(client->handle, "digest", digest, (int)strlen(digest), ignore_auth,
                           NULL); /* sent again with every connection */
    *ret_client = client;
    return RC_OK;
}

void zk_client_free(struct zk_client *client)
{
    if (!client)
        return;
    (void)zookeeper_close(client->handle); /* what it cannot tell the server, time tells */
    free(client->hosts);
    free(client->digest);
    free(client);
}

enum zk_state zk_client_state(const struct zk_client *client)
{
    int state;

    if (atomic_load(&client->over))
        return ZK_OVER;
    state = zoo_state(client->handle);
    if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE)
        return ZK_OVER;
    return state == ZOO_CONNECTED_STATE ? ZK_CONNECTED : ZK_CONNECTING;
}

int64_t zk_client_session(const struct zk_client *client)
{
    return zoo_client_id(client->handle)->client_id;
}

/* A second connection of the same session is closed: the server ends the session for both, unless
 * ours was quicker to take the session back. */
void zk_client_expire(struct zk_client *client)
{
    while (zk_client_state(client) != ZK_OVER) {
        zhandle_t *twin = zookeeper_init2(client->hosts, NULL, zoo_recv_timeout(client->handle),
                                          zoo_client_id(client->handle), NULL, 0, ignore_line);

        CHECK(twin);
        while (zoo_state(twin) != ZOO_CONNECTED_STATE &&
               zoo_state(twin) != ZOO_EXPIRED_SESSION_STATE)
            (void)sched_yield();
        (void)zookeeper_close(twin); /* that is what it is for */
    }
}

span_us zk_client_timeout(const struct zk_client *client)
{
    return zoo_recv_timeout(client->handle) * MILLISECOND;
}

/* ---- pings ----------------------------------------------------------------------------------- */

struct ping {
    struct zk_client *client;
    mono_us sent;
};

static void on_pong(int code, const struct Stat *stat, const void *data)
{
    const struct ping *ping = data;
    struct ping copy = *ping;

    (void)stat;
    free((void *)(uintptr_t)data);
    if (code == ZOK && copy.sent > atomic_load(&copy.client->answered))
        atomic_store(&copy.client->answered, copy.sent);
}

void zk_client_ping(struct zk_client *client)
{
    struct ping *ping = xmalloc(sizeof(*ping));

    *ping = (struct ping){client, clock_mono(client->config.clock)};
    if (zoo_aexists(client->handle, "/", 0, on_pong, ping) != ZOK)
        free(ping);
}

mono_us zk_client_answered(const struct zk_client *client)
{
    return atomic_load(&client->answered);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static const struct ACL_vector *acl_of(const struct zk_client *client)
{
    return client->digest ? &ZOO_CREATOR_ALL_ACL : &ZOO_OPEN_ACL_UNSAFE;
}

enum rc zk_create(struct zk_client *client, const char *path, const char *data, int flags,
                  char *ret_path, struct err *err)
{
    int zoo_flags =
        (flags & ZK_EPHEMERAL ? ZOO_EPHEMERAL : 0) | (flags & ZK_SEQUENCE ? ZOO_SEQUENCE : 0);
    enum rc rc = check_connected(client, err);

    if (rc != RC_OK)
        return rc;
    return outcome(zoo_create(client->handle, path, data, (int)strlen(data), acl_of(client),
                              zoo_flags, ret_path, ret_path ? ZK_PATH_MAX : 0),
                   path, err);
}

enum rc zk_delete(struct zk_client *client, const char *path, int32_t version, struct err *err)
{
    enum rc rc = check_connected(client, err);

    return rc == RC_OK ? outcome(zoo_delete(client->handle, path, version), path, err) : rc;
}

enum rc zk_get(struct zk_client *client, const char *path, bool watch, struct zk_value *ret_value,
               struct err *err)
{
    struct zk_value value = {.length = 0};
    struct Stat stat = {0};
    int length = ZK_DATA_MAX;
    enum rc rc = check_connected(client, err);

    if (rc == RC_OK)
        rc = outcome(zoo_wget(client->handle, path, watch ? on_event : NULL, client, value.data,
                              &length, &stat),
                     path, err);
    if (rc != RC_OK)
        return rc;
    value.length = length > 0 ? (size_t)length : 0;
    value.data[value.length] = '\0';
    value.version = stat.version;
    value.owner = stat.ephemeralOwner;
    *ret_value = value;
    return RC_OK;
}

enum rc zk_set(struct zk_client *client, const char *path, const char *data, int32_t version,
               int32_t *ret_version, struct err *err)
{
    struct Stat stat = {0};
    enum rc rc = check_connected(client, err);

    if (rc == RC_OK)
        rc = outcome(zoo_set2(client->handle, path, data, (int)strlen(data), version, &stat), path,
                     err);
    if (rc == RC_OK)
        *ret_version = stat.version;
    return rc;
}

enum rc zk_exists(struct zk_client *client, const char *path, bool watch, bool *ret_exists,
                  struct err *err)
{
    struct Stat stat;
    enum rc rc = check_connected(client, err);
    int code;

    if (rc != RC_OK)
        return rc;
    code = zoo_wexists(client->handle, path, watch ? on_event : NULL, client, &stat);
    if (code != ZOK && code != ZNONODE)
        return outcome(code, path, err);
    *ret_exists = code == ZOK;
    return RC_OK;
}

/* ---- many children at once ------------------------------------------------------------------- */

struct listing {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct arena *arena;
    size_t waiting;
    int code; /* of the first failure */
    const char *failed;
};

struct listing_part {
    struct listing *listing;
    const char *path;
    struct strings *names;
};

static void copy_names(struct arena *arena, const struct String_vector *vector,
                       struct strings *ret_names)
{
    size_t count = vector ? (size_t)vector->count : 0;

    *ret_names =
        (struct strings){.items = arena_alloc(arena, (count + 1) * sizeof(char *)), .count = count};
    for (size_t i = 0; i < count; i++)
        ret_names->items[i] = arena_strdup(arena, vector->data[i]);
}

static void part_ended(struct listing_part *part, int code, const struct String_vector *names)
{
    struct listing *listing = part->listing;

    CHECK(!pthread_mutex_lock(&listing->lock));
    if (code == ZOK) {
        copy_names(listing->arena, names, part->names);
    } else if (listing->code == ZOK) {
        listing->code = code;
        listing->failed = part->path;
    }
    if (!--listing->waiting)
        CHECK(!pthread_cond_signal(&listing->answered));
    CHECK(!pthread_mutex_unlock(&listing->lock));
}

static void on_children(int code, const struct String_vector *names, const void *data)
{
    part_ended((struct listing_part *)(uintptr_t)data, code, names);
}

enum rc zk_children(struct zk_client *client, const char *const *paths, size_t count, bool watch,
                    struct arena *arena, struct strings *ret_names, struct err *err)
{
    struct listing_part *parts AUTO_FREE = xcalloc(count, sizeof(*parts));
    struct listing listing = {.arena = arena, .waiting = count, .code = ZOK};
    enum rc rc = check_connected(client, err);

    if (rc != RC_OK)
        return rc;
    CHECK(!pthread_mutex_init(&listing.lock, NULL));
    CHECK(!pthread_cond_init(&listing.answered, NULL));
    for (size_t i = 0; i < count; i++) {
        int code;

        parts[i] = (struct listing_part){&listing, paths[i], &ret_names[i]};
        code = zoo_awget_children(client->handle, paths[i], watch ? on_event : NULL, client,
                                  on_children, &parts[i]);
        if (code != ZOK)
            part_ended(&parts[i], code, NULL);
    }
    /* The client answers every call, within the session's timeout, also when nobody else does. */
    CHECK(!pthread_mutex_lock(&listing.lock));
    while (listing.waiting)
        CHECK(!pthread_cond_wait(&listing.answered, &listing.lock));
    CHECK(!pthread_mutex_unlock(&listing.lock));
    CHECK(!pthread_mutex_destroy(&listing.lock));
    CHECK(!pthread_cond_destroy(&listing.answered));
    return outcome(listing.code, listing.failed, err);
}

/* ---- all or none ----------------------------------------------------------------------------- */

static void fill_op(struct zk_client *client, const struct zk_op *op, zoo_op_t *ret_op)
{
    switch (op->kind) {
    case ZK_OP_CHECK:
        zoo_check_op_init(ret_op, op->path, op->version);
        break;
    case ZK_OP_CREATE:
        zoo_create_op_init(ret_op, op->path, "", 0, acl_of(client), 0, NULL, 0);
        break;
    case ZK_OP_DELETE:
        zoo_delete_op_init(ret_op, op->path, ZK_ANY_VERSION);
        break;
    }
}

enum rc zk_multi(struct zk_client *client, const struct zk_op *ops, size_t count,
                 size_t *ret_failed, struct err *err)
{
    zoo_op_t *zoo_ops AUTO_FREE = xcalloc(count, sizeof(*zoo_ops));
    zoo_op_result_t *results AUTO_FREE = xcalloc(count, sizeof(*results));
    enum rc rc = check_connected(client, err);
    size_t failed = 0;
    int code;

    CHECK(count <= ZK_OPS_MAX);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < count; i++)
        fill_op(client, &ops[i], &zoo_ops[i]);
    code = zoo_multi(client->handle, (int)count, zoo_ops, results);
    if (code == ZOK)
        return RC_OK;
    /* The one that failed has its reason; those before it have none, those after it say so. */
    while (failed < count - 1 &&
           (results[failed].err == ZOK || results[failed].err == ZRUNTIMEINCONSISTENCY))
        failed++;
    *ret_failed = failed;
    return outcome(code, ops[failed].path, err);
}
