/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/zookeeper/library.h: what is used of the C client, found when it is first needed. */
#ifndef CRONJOB_ADAPTERS_ZOOKEEPER_LIBRARY_H
#define CRONJOB_ADAPTERS_ZOOKEEPER_LIBRARY_H

#define THREADED                 /* the calls that wait */
#include <zookeeper/zookeeper.h> /* lint: only library.c and client.c include this header */

#include "base/library.h"

/* clang-format off */
#define ZK_LIBRARY_TABLE(X)                               \
    X(set_debug_level,  zoo_set_debug_level)              \
    X(init,             zookeeper_init2)                  \
    X(close,            zookeeper_close)                  \
    X(resolve_every,    zoo_set_servers_resolution_delay) \
    X(state,            zoo_state)                        \
    X(client_id,        zoo_client_id)                    \
    X(recv_timeout,     zoo_recv_timeout)                 \
    X(add_auth,         zoo_add_auth)                     \
    X(aexists,          zoo_aexists)                      \
    X(create,           zoo_create)                       \
    X(delete,           zoo_delete)                       \
    X(wget,             zoo_wget)                         \
    X(set2,             zoo_set2)                         \
    X(wexists,          zoo_wexists)                      \
    X(awget_children,   zoo_awget_children)               \
    X(check_op_init,    zoo_check_op_init)                \
    X(create_op_init,   zoo_create_op_init)               \
    X(delete_op_init,   zoo_delete_op_init)               \
    X(multi,            zoo_multi)                        \
    X(text,             zerror)                           \
    X(acl_open,         ZOO_OPEN_ACL_UNSAFE)              \
    X(acl_creator,      ZOO_CREATOR_ALL_ACL)              \
    X(ephemeral,        ZOO_EPHEMERAL)                    \
    X(sequence,         ZOO_SEQUENCE)                     \
    X(session_event,    ZOO_SESSION_EVENT)                \
    X(connected,        ZOO_CONNECTED_STATE)              \
    X(expired,          ZOO_EXPIRED_SESSION_STATE)        \
    X(auth_failed,      ZOO_AUTH_FAILED_STATE)
/* clang-format on */

/* Functions, and constants by their address. */
struct library {
    ZK_LIBRARY_TABLE(LIBRARY_MEMBER)
};

/* RC_UNAVAILABLE: it is not installed. From any thread; it stays loaded. */
MUST_USE enum rc zk_library_load(const struct library **ret_library, struct err *err);

#endif
