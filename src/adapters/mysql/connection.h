/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/connection.h: one connection to a MariaDB or MySQL server, a driver for
 * adapters/sql.
 *
 * A connection is never opened again by itself: what it was in the middle of would be lost
 * unnoticed. Statements are prepared, and one is open at a time; its rows come as they are asked
 * for, so a long answer takes no memory.
 *
 * The session: READ COMMITTED, since each decision is one statement, which then sees the newest
 * rows and locks none but its own (REPEATABLE READ would lock the gaps between them, and what a
 * statement reads); strict; UTC; on Galera each statement first waits for what was committed on
 * other nodes (wsrep_sync_wait), and is never said again behind our back (wsrep_retry_autocommit).
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_CONNECTION_H
#define CRONJOB_ADAPTERS_MYSQL_CONNECTION_H

#include <stdint.h>

#include "ports/clock.h"

#include "adapters/sql/driver.h"

enum mysql_role {
    MYSQL_READER, /* its statements are ended by the server after 2.5 s (RC_TIMEOUT) */
    MYSQL_WRITER,
    MYSQL_MIGRATOR, /* alters tables, which may take minutes */
};

struct mysql_target {
    const char *host;
    uint16_t port;
    const char *user;
    const char *password;
    const char *database;
    const char *ca_file; /* NULL: not encrypted */
    struct clock *clock; /* borrowed: how long the server took */
    struct clock *now;   /* NULL, or what store_now() is in place of the server's clock */
};

/* Fails unless the server is healthy: it may be written to, and on Galera has all that the primary
 * component has. RC_UNAVAILABLE, RC_FORBIDDEN, RC_INVALID. */
MUST_USE enum rc mysql_connection_open(const struct mysql_target *target, enum mysql_role role,
                                       struct sql_connection **ret_connection, struct err *err);

enum mysql_condition {
    MYSQL_GOOD,
    MYSQL_BROKEN, /* the connection is of no use any more */
    MYSQL_SICK,   /* nor is the server, for a while */
};
enum mysql_condition mysql_connection_condition(struct sql_connection *connection);

#endif
