/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/migrate.h: the tables are brought up to date, by one process at a time.
 *
 * The lock is a row that is taken by one conditional UPDATE and runs out by the server's clock: the
 * locks of GET_LOCK() are unknown to the other nodes of a cluster, those of a transaction end with
 * each CREATE TABLE. Who finds it taken waits for it.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_MIGRATE_H
#define CRONJOB_ADAPTERS_MYSQL_MIGRATE_H

#include "adapters/mysql/nodes.h"

/* Over a connection of its own. RC_INVALID: the tables are newer; RC_BUSY: somebody has been at it
 * for very long; RC_FORBIDDEN. */
MUST_USE enum rc mysql_migrate(struct mysql_nodes *nodes, struct clock *clock, struct err *err);

/* Over any connection: whether the tables are as this program knows them. RC_INVALID: they are
 * not. */
MUST_USE enum rc mysql_migrate_check(struct sql_connection *connection, struct err *err);

#endif
