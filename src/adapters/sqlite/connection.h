/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sqlite/connection.h: one connection to an SQLite file, a driver for adapters/sql.
 *
 * A writer and its readers are separate connections of one process. There is one writer only, and
 * it alone moves the log into the file (checkpoints): SQLite 3.7.0-3.51.2 can lose what was
 * committed when two connections do that at once ("WAL-reset race").
 */
#ifndef CRONJOB_ADAPTERS_SQLITE_CONNECTION_H
#define CRONJOB_ADAPTERS_SQLITE_CONNECTION_H

#include "ports/clock.h"

#include "adapters/sql/driver.h"

enum sqlite_role { SQLITE_WRITER, SQLITE_READER };

/* The clock, borrowed, is what a writer's statements know the time by. */
MUST_USE enum rc sqlite_connection_open(const char *path, enum sqlite_role role,
                                        struct clock *clock, struct sql_connection **ret_connection,
                                        struct err *err);

/* Whether the connection is inside a transaction. A failure may have ended it already. */
bool sqlite_in_transaction(struct sql_connection *connection);

/* Looks for damage; reads the whole file. RC_IO says what is wrong. */
MUST_USE enum rc sqlite_check(struct sql_connection *connection, struct err *err);

#endif
