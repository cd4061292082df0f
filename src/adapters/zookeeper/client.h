/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/zookeeper/client.h: one ZooKeeper session, in our own words. The C client stands behind
 * it, in client.c alone.
 *
 * Calls wait for their answer, which comes, or fails, within the session's timeout. They are safe
 * from any thread but the one that calls `wake`. Outcomes: RC_NOT_FOUND, RC_CONFLICT (the node is
 * there), RC_STALE (another version), RC_FORBIDDEN, RC_UNAVAILABLE (not connected, or the session
 * is over: nothing was done), RC_UNKNOWN (the connection broke off: perhaps it was done).
 */
#ifndef CRONJOB_ADAPTERS_ZOOKEEPER_CLIENT_H
#define CRONJOB_ADAPTERS_ZOOKEEPER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/job.h"

#include "ports/clock.h"

struct zk_client;

enum { ZK_DATA_MAX = 1024, ZK_PATH_MAX = 512, ZK_OPS_MAX = 400, ZK_ANY_VERSION = -1 };

enum zk_state { ZK_CONNECTING, ZK_CONNECTED, ZK_OVER };

struct zk_config {
    const char *hosts;
    const char *digest; /* NULL: none */
    span_us session_timeout;
    struct clock *clock;
    /* A watch went off, or (`path` NULL) the state has changed. Called on a thread that must not
     * wait: it only notes it. */
    void (*wake)(void *context, const char *path);
    void *context;
};

/* RC_UNAVAILABLE: the C client is not installed. */
MUST_USE enum rc zk_client_load(struct err *err);

/* RC_INVALID: the hosts are wrong. The state is CONNECTING. */
MUST_USE enum rc zk_client_new(const struct zk_config *config, struct zk_client **ret_client,
                               struct err *err);
void zk_client_free(struct zk_client *client); /* ends the session, unless it is over */

enum zk_state zk_client_state(const struct zk_client *client);
int64_t zk_client_session(const struct zk_client *client); /* its id */
/* For tests: has the server end the session, as if it had expired. */
void zk_client_expire(struct zk_client *client);
span_us zk_client_timeout(const struct zk_client *client); /* as the server grants it */

/* Asks for nothing, so that the connection is known to live, and that a server which forgot to
 * answer somebody wakes up. */
void zk_client_ping(struct zk_client *client);
/* When the newest question that was answered had been sent; 0: none was. */
mono_us zk_client_answered(const struct zk_client *client);

enum zk_flag { ZK_PERSISTENT = 0, ZK_EPHEMERAL = 1, ZK_SEQUENCE = 2 };

struct zk_value {
    char data[ZK_DATA_MAX + 1]; /* ends with a NUL; longer ones are cut */
    size_t length;
    int32_t version;
    int64_t owner; /* of an ephemeral node: its session; else 0 */
};

MUST_USE enum rc zk_create(struct zk_client *client, const char *path, const char *data, int flags,
                           struct err *err);
MUST_USE enum rc zk_delete(struct zk_client *client, const char *path, int32_t version,
                           struct err *err);
MUST_USE enum rc zk_get(struct zk_client *client, const char *path, bool watch,
                        struct zk_value *ret_value, struct err *err);
MUST_USE enum rc zk_set(struct zk_client *client, const char *path, const char *data,
                        int32_t version, int32_t *ret_version, struct err *err);
MUST_USE enum rc zk_exists(struct zk_client *client, const char *path, bool watch, bool *ret_exists,
                           struct err *err);

struct zk_list {
    const char *const *paths;
    size_t count;
    bool watch;
};

/* The children of each, asked for at once; the first failure is the answer. */
MUST_USE enum rc zk_list(struct zk_client *client, const struct zk_list *list, struct arena *arena,
                         struct strings *ret_names, struct err *err);
/* The children of one. */
MUST_USE enum rc zk_children(struct zk_client *client, const char *path, bool watch,
                             struct arena *arena, struct strings *ret_names, struct err *err);

enum zk_op_kind { ZK_OP_CHECK, ZK_OP_CREATE, ZK_OP_DELETE };
struct zk_op {
    enum zk_op_kind kind;
    const char *path;
    int32_t version;  /* CHECK, DELETE: which it must have; DELETE: or ZK_ANY_VERSION */
    const char *data; /* CREATE; NULL: none */
    int flags;        /* CREATE */
};

/* Up to ZK_OPS_MAX, all or none. ret_failed, on failure: which of them stood in the way. With an
 * answer of RC_UNKNOWN the C client of 3.8.0 leaks 168 bytes an operation. */
MUST_USE enum rc zk_multi(struct zk_client *client, const struct zk_op *ops, size_t count,
                          size_t *ret_failed, struct err *err);

#endif
