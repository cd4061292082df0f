/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/mysql/session.h: what connection.c and statement.c share: a connection from inside. */
#ifndef CRONJOB_ADAPTERS_MYSQL_SESSION_H
#define CRONJOB_ADAPTERS_MYSQL_SESSION_H

#include <stdbool.h>

#include "ports/clock.h"

#include "adapters/mysql/client.h"
#include "adapters/mysql/connection.h"
#include "adapters/sql/driver.h"

enum { MYSQL_CACHED_STATEMENTS = 64 };

struct mysql_statement;

/* Owned by one thread at a time. */
struct mysql_connection {
    struct sql_connection base;
    struct mysql_client *client;
    char server[300]; /* HOST:PORT, for messages */
    char user[128];   /* likewise */
    const char *collation;
    struct clock *clock;
    struct clock *now; /* NULL: the server's own */
    enum mysql_condition condition;
    bool busy; /* a statement is open */
    struct mysql_statement *cached[MYSQL_CACHED_STATEMENTS];
    size_t cached_count;
    size_t next_evicted;
};

extern const struct sql_driver mysql_driver;

/* The client has failed: the answer, the message, and what it says of the connection. `began` is
 * when the call was made. */
enum rc mysql_session_fail(struct mysql_connection *connection, mono_us began, struct err *err);

#endif
