/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/nodes.h: the hosts of a store, and which of them to use.
 *
 * The first that is not avoided is used by all connections: where all write through one node of a
 * cluster, conflicts are found by its locks and not at the commit. One that failed is avoided from
 * then on, and a thread of its own looks again and again whether it is healthy; so no operation
 * ever waits for a host that is known to be gone. When all are avoided, operations fail at once.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_NODES_H
#define CRONJOB_ADAPTERS_MYSQL_NODES_H

#include "ports/clock.h"

#include "adapters/mysql/connection.h"
#include "adapters/mysql/store.h"

struct mysql_nodes;

/* Everything is copied but the clocks. */
struct mysql_nodes *mysql_nodes_new(const struct mysql_store_config *config);
void mysql_nodes_free(struct mysql_nodes *nodes); /* waits for its thread: some seconds at most */

/* The host to use; RC_UNAVAILABLE, with what was said last: all are avoided. */
MUST_USE enum rc mysql_nodes_choose(struct mysql_nodes *nodes, size_t *ret_node, struct err *err);

/* How to reach it; valid as long as `nodes`. */
const struct mysql_target *mysql_nodes_target(const struct mysql_nodes *nodes, size_t node);

void mysql_nodes_avoid(struct mysql_nodes *nodes, size_t node, const struct err *why);

/*
 * A new connection to the host to use, which may be another one when that fails. Answers the
 * failures that are no host's: RC_FORBIDDEN, RC_INVALID.
 */
MUST_USE enum rc mysql_nodes_connect(struct mysql_nodes *nodes, enum mysql_role role,
                                     struct sql_connection **ret_connection, size_t *ret_node,
                                     struct err *err);

/* Waits for so long, or until the store ends. */
void mysql_nodes_pause(struct mysql_nodes *nodes, span_us span);

#endif
