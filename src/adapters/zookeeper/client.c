/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/zookeeper/library.h"

/* The client looks up all hosts before each of its waits otherwise, on the thread that keeps the
 * session alive: it would end with a name server that does not answer. */
enum { RESOLVE_WHEN_LOST = -1 };

struct zk_client {
    struct zk_config config; /* texts are copies */
    const struct library *zoo;
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

/* A call that nobody would answer is not begun. */
static enum rc begin_call(struct zk_client *client, mono_us *ret_sent, struct err *err)
{
    if (zk_client_state(client) != ZK_CONNECTED)
        return err_fail(err, RC_UNAVAILABLE, "ZooKeeper at %s is not connected",
                        client->config.hosts);
    *ret_sent = clock_mono(client->config.clock);
    return RC_OK;
}

/* The server has heard of us since then. */
static void note_answer(struct zk_client *client, mono_us sent)
{
    mono_us answered = atomic_load(&client->answered);

    while (answered < sent && !atomic_compare_exchange_weak(&client->answered, &answered, sent)) {
        /* somebody else has noted another answer */
    }
}

static enum rc end_call(struct zk_client *client, mono_us sent, int code, const char *path,
                        struct err *err)
{
    enum rc rc = rc_of(code);

    if (rc == RC_OK || rc == RC_NOT_FOUND || rc == RC_CONFLICT || rc == RC_STALE)
        note_answer(client, sent);
    return rc == RC_OK ? rc : err_fail(err, rc, "ZooKeeper, %s: %s", path, client->zoo->text(code));
}

/* ---- the session ----------------------------------------------------------------------------- */

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct zk_client *client = context;

    (void)handle;
    if (type != *client->zoo->session_event) {
        client->config.wake(client->config.context, path);
        return;
    }
    if (state == *client->zoo->expired || state == *client->zoo->auth_failed)
        atomic_store(&client->over, true);
    client->config.wake(client->config.context, NULL);
}

/* What matters of it is the state, which whoever uses the client tells. */
static void log_line(const char *message)
{
    log_debug("ZooKeeper's client spoke", LOG_TEXT("text", message));
}

static void ignore_auth(int code, const void *data)
{
    (void)code; /* a wrong one shows as RC_FORBIDDEN */
    (void)data;
}

static void release(struct zk_client *client)
{
    free(client->hosts);
    free(client->digest);
    free(client);
}

enum rc zk_client_load(struct err *err)
{
    const struct library *zoo;

    return zk_library_load(&zoo, err);
}

enum rc zk_client_new(const struct zk_config *config, struct zk_client **ret_client,
                      struct err *err)
{
    const struct library *zoo;
    struct zk_client *client;
    enum rc rc = zk_library_load(&zoo, err);

    if (rc != RC_OK)
        return rc;
    client = xcalloc(1, sizeof(*client));
    client->zoo = zoo;
    client->config = *config;
    client->config.hosts = client->hosts = xstrdup(config->hosts);
    client->config.digest = client->digest = config->digest ? xstrdup(config->digest) : NULL;
    client->handle =
        zoo->init(config->hosts, on_event, (int)(config->session_timeout / MILLISECOND), NULL,
                  client, 0, log_line);
    if (!client->handle) {
        rc = err_errno(err, errno == EINVAL ? RC_INVALID : RC_UNAVAILABLE, errno, "ZooKeeper at %s",
                       config->hosts);
        release(client);
        return rc;
    }
    (void)zoo->resolve_every(client->handle, RESOLVE_WHEN_LOST);
    if (client->digest)
        (void)zoo->add_auth(client->handle, "digest", client->digest, (int)strlen(client->digest),
                            ignore_auth, NULL); /* sent again with every connection */
    *ret_client = client;
    return RC_OK;
}

void zk_client_free(struct zk_client *client)
{
    if (!client)
        return;
    (void)client->zoo->close(client->handle); /* what it cannot tell the server, time tells */
    release(client);
}

enum zk_state zk_client_state(const struct zk_client *client)
{
    int state;

    if (atomic_load(&client->over))
        return ZK_OVER;
    state = client->zoo->state(client->handle);
    if (state == *client->zoo->expired || state == *client->zoo->auth_failed)
        return ZK_OVER;
    return state == *client->zoo->connected ? ZK_CONNECTED : ZK_CONNECTING;
}

int64_t zk_client_session(const struct zk_client *client)
{
    return client->zoo->client_id(client->handle)->client_id;
}

/* A second connection of the same session is closed: the server ends the session for both, unless
 * ours was quicker to take the session back. */
void zk_client_expire(struct zk_client *client)
{
    const struct library *zoo = client->zoo;

    while (zk_client_state(client) != ZK_OVER) {
        zhandle_t *twin = zoo->init(client->hosts, NULL, zoo->recv_timeout(client->handle),
                                    zoo->client_id(client->handle), NULL, 0, log_line);

        CHECK(twin);
        while (zoo->state(twin) != *zoo->connected && zoo->state(twin) != *zoo->expired)
            (void)sched_yield();
        (void)zoo->close(twin); /* that is what it is for */
    }
}

span_us zk_client_timeout(const struct zk_client *client)
{
    return client->zoo->recv_timeout(client->handle) * MILLISECOND;
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
    if (code == ZOK)
        note_answer(copy.client, copy.sent);
}

void zk_client_ping(struct zk_client *client)
{
    struct ping *ping = xmalloc(sizeof(*ping));

    *ping = (struct ping){client, clock_mono(client->config.clock)};
    if (client->zoo->aexists(client->handle, "/", 0, on_pong, ping) != ZOK)
        free(ping);
}

mono_us zk_client_answered(const struct zk_client *client)
{
    return atomic_load(&client->answered);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static const struct ACL_vector *acl_of(const struct zk_client *client)
{
    return client->digest ? client->zoo->acl_creator : client->zoo->acl_open;
}

static int flags_of(const struct zk_client *client, int flags)
{
    return (flags & ZK_EPHEMERAL ? *client->zoo->ephemeral : 0) |
           (flags & ZK_SEQUENCE ? *client->zoo->sequence : 0);
}

enum rc zk_create(struct zk_client *client, const char *path, const char *data, int flags,
                  struct err *err)
{
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);

    if (rc != RC_OK)
        return rc;
    return end_call(client, sent,
                    client->zoo->create(client->handle, path, data, (int)strlen(data),
                                        acl_of(client), flags_of(client, flags), NULL, 0),
                    path, err);
}

enum rc zk_delete(struct zk_client *client, const char *path, int32_t version, struct err *err)
{
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);

    if (rc != RC_OK)
        return rc;
    return end_call(client, sent, client->zoo->delete (client->handle, path, version), path, err);
}

enum rc zk_get(struct zk_client *client, const char *path, bool watch, struct zk_value *ret_value,
               struct err *err)
{
    struct zk_value value = {.length = 0};
    struct Stat stat = {0};
    int length = ZK_DATA_MAX;
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);

    if (rc == RC_OK)
        rc = end_call(client, sent,
                      client->zoo->wget(client->handle, path, watch ? on_event : NULL, client,
                                        value.data, &length, &stat),
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
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);

    if (rc == RC_OK)
        rc = end_call(
            client, sent,
            client->zoo->set2(client->handle, path, data, (int)strlen(data), version, &stat), path,
            err);
    if (rc == RC_OK)
        *ret_version = stat.version;
    return rc;
}

enum rc zk_exists(struct zk_client *client, const char *path, bool watch, bool *ret_exists,
                  struct err *err)
{
    struct Stat stat;
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);

    if (rc == RC_OK)
        rc = end_call(
            client, sent,
            client->zoo->wexists(client->handle, path, watch ? on_event : NULL, client, &stat),
            path, err);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    *ret_exists = rc == RC_OK;
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

static void ask(struct zk_client *client, const char *path, bool watch, struct listing_part *part)
{
    int code = client->zoo->awget_children(client->handle, path, watch ? on_event : NULL, client,
                                           on_children, part);

    if (code != ZOK)
        part_ended(part, code, NULL);
}

/* The client answers every call, within the session's timeout, also when nobody else does. */
static void wait_for_all(struct listing *listing)
{
    CHECK(!pthread_mutex_lock(&listing->lock));
    while (listing->waiting)
        CHECK(!pthread_cond_wait(&listing->answered, &listing->lock));
    CHECK(!pthread_mutex_unlock(&listing->lock));
}

enum rc zk_list(struct zk_client *client, const struct zk_list *list, struct arena *arena,
                struct strings *ret_names, struct err *err)
{
    struct listing_part *parts AUTO_FREE = xcalloc(list->count, sizeof(*parts));
    struct listing listing = {.arena = arena, .waiting = list->count, .code = ZOK};
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);

    if (rc != RC_OK)
        return rc;
    CHECK(!pthread_mutex_init(&listing.lock, NULL));
    CHECK(!pthread_cond_init(&listing.answered, NULL));
    for (size_t i = 0; i < list->count; i++) {
        parts[i] = (struct listing_part){&listing, list->paths[i], &ret_names[i]};
        ask(client, list->paths[i], list->watch, &parts[i]);
    }
    wait_for_all(&listing);
    CHECK(!pthread_mutex_destroy(&listing.lock));
    CHECK(!pthread_cond_destroy(&listing.answered));
    return end_call(client, sent, listing.code, listing.failed, err);
}

enum rc zk_children(struct zk_client *client, const char *path, bool watch, struct arena *arena,
                    struct strings *ret_names, struct err *err)
{
    const struct zk_list list = {.paths = &path, .count = 1, .watch = watch};

    return zk_list(client, &list, arena, ret_names, err);
}

/* ---- all or none ----------------------------------------------------------------------------- */

static void fill_op(struct zk_client *client, const struct zk_op *op, zoo_op_t *ret_op)
{
    const struct library *zoo = client->zoo;
    const char *data = op->data ? op->data : "";

    switch (op->kind) {
    case ZK_OP_CHECK:
        zoo->check_op_init(ret_op, op->path, op->version);
        break;
    case ZK_OP_CREATE:
        zoo->create_op_init(ret_op, op->path, data, (int)strlen(data), acl_of(client),
                            flags_of(client, op->flags), NULL, 0);
        break;
    case ZK_OP_DELETE:
        zoo->delete_op_init(ret_op, op->path, op->version);
        break;
    }
}

/* The one that failed has its reason; those before it have none, those after it say so. */
static size_t find_failed(const zoo_op_result_t *results, size_t count)
{
    size_t failed = 0;

    while (failed < count - 1 &&
           (results[failed].err == ZOK || results[failed].err == ZRUNTIMEINCONSISTENCY))
        failed++;
    return failed;
}

enum rc zk_multi(struct zk_client *client, const struct zk_op *ops, size_t count,
                 size_t *ret_failed, struct err *err)
{
    zoo_op_t *zoo_ops AUTO_FREE = xcalloc(count, sizeof(*zoo_ops));
    zoo_op_result_t *results AUTO_FREE = xcalloc(count, sizeof(*results));
    mono_us sent;
    enum rc rc = begin_call(client, &sent, err);
    int code;

    CHECK(count && count <= ZK_OPS_MAX);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < count; i++)
        fill_op(client, &ops[i], &zoo_ops[i]);
    code = client->zoo->multi(client->handle, (int)count, zoo_ops, results);
    *ret_failed = code == ZOK ? 0 : find_failed(results, count);
    return end_call(client, sent, code, ops[*ret_failed].path, err);
}
