/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "adapters/mysql/failure.h"
#include "adapters/mysql/session.h"
#include "adapters/sql/schema.h"

/*
 * In seconds. A statement of a reader is ended before the limit of reading, so that a server which
 * is slow is told from one that is frozen; so is a wait for a lock, whose end then is known.
 */
enum { CONNECT_LIMIT = 2, READ_LIMIT = 3, WRITE_LIMIT = 3, MIGRATION_LIMIT = 100 };
#define READER_LIMIT_TEXT "2.5"
#define READER_LIMIT_MS   "2500"
#define FROZEN_SPAN       (READ_LIMIT * SECOND - SECOND / 2)

/* Of what a statement carries: JSON of half a MiB, or a document with its search text. */
enum { PACKET_MIN = 1024 * 1024 };

static struct mysql_connection *of(struct sql_connection *connection)
{
    return container_of(connection, struct mysql_connection, base);
}

enum mysql_condition mysql_connection_condition(struct sql_connection *connection)
{
    return of(connection)->condition;
}

static void note_condition(struct mysql_connection *connection, unsigned code, enum rc rc,
                           mono_us began)
{
    bool lost = rc == RC_UNKNOWN || rc == RC_UNAVAILABLE;
    bool frozen = rc == RC_UNKNOWN && clock_mono(connection->clock) - began >= FROZEN_SPAN;

    if (mysql_failure_is_of_server(code) || frozen)
        connection->condition = MYSQL_SICK;
    else if (lost && connection->condition == MYSQL_GOOD)
        connection->condition = MYSQL_BROKEN;
}

enum rc mysql_session_fail(struct mysql_connection *connection, mono_us began, struct err *err)
{
    unsigned code = mysql_client_code(connection->client);
    const char *text = mysql_client_text(connection->client);
    enum rc rc = mysql_failure_rc(code);

    note_condition(connection, code, rc, began);
    if (rc == RC_FORBIDDEN)
        return err_fail(err, rc, "database %s refuses the account '%s': %s", connection->server,
                        connection->user, text);
    return err_fail(err, rc, "database %s: %s (%u)", connection->server, text, code);
}

/* ---- what the server is ---------------------------------------------------------------------- */

struct server {
    bool is_mariadb;
    bool has_wsrep;
    bool has_wsrep_on; /* it replicates */
    bool is_read_only;
    int64_t packet_max;
    bool is_wsrep_ready;
    bool is_synced;
};

typedef void (*row_visit)(struct server *server, const char *name, const char *value);

static enum rc visit_rows(struct mysql_connection *connection, const char *text, row_visit visit,
                          struct server *server, struct err *err)
{
    struct sql_statement *rows;
    bool row = true;
    enum rc rc = sql_open(&connection->base, text, NULL, 0, &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row) {
        rc = sql_step(rows, &row, err);
        if (rc == RC_OK && row)
            visit(server, sql_column_text(rows, 0), sql_column_text(rows, 1));
    }
    sql_done(rows);
    return rc;
}

static void note_variable(struct server *server, const char *name, const char *value)
{
    if (!strcmp(name, "wsrep_on")) {
        server->has_wsrep = true;
        server->has_wsrep_on = !strcmp(value, "ON");
    } else if (!strcmp(name, "max_allowed_packet")) {
        server->packet_max = strtoll(value, NULL, 10);
    } else if (strcmp(value, "OFF") != 0 && strcmp(value, "0") != 0) {
        server->is_read_only = true;
    }
}

static void note_status(struct server *server, const char *name, const char *value)
{
    if (!strcmp(name, "wsrep_ready"))
        server->is_wsrep_ready = !strcmp(value, "ON");
    else
        server->is_synced = !strcmp(value, "4");
}

static enum rc look_at_server(struct mysql_connection *connection, struct server *server,
                              struct err *err)
{
    enum rc rc = visit_rows(connection,
                            "SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'read_only',"
                            " 'innodb_read_only', 'max_allowed_packet')",
                            note_variable, server, err);

    if (rc != RC_OK || !server->has_wsrep_on)
        return rc;
    return visit_rows(connection,
                      "SHOW STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state')",
                      note_status, server, err);
}

static enum rc check_server(struct mysql_connection *connection, const struct server *server,
                            struct err *err)
{
    const char *why = NULL;

    if (server->has_wsrep_on && !server->is_wsrep_ready)
        why = "is not in the primary component of its cluster";
    else if (server->has_wsrep_on && !server->is_synced)
        why = "has not all that its cluster has";
    else if (server->is_read_only)
        why = "is read only";
    if (why)
        return err_fail(err, RC_UNAVAILABLE, "database %s %s", connection->server, why);
    if (server->packet_max < PACKET_MIN)
        return err_fail(err, RC_INVALID,
                        "database %s takes at most %lld bytes at once (max_allowed_packet), at "
                        "least %d are needed",
                        connection->server, (long long)server->packet_max, PACKET_MIN);
    return RC_OK;
}

/* ---- the session ----------------------------------------------------------------------------- */

/* One statement: each would cost a distant server one way there and back. */
static enum rc set_session(struct mysql_connection *connection, const struct server *server,
                           enum mysql_role role, struct err *err)
{
    char text[512];

    (void)snprintf(
        text, sizeof(text),
        "SET time_zone = '+00:00', innodb_lock_wait_timeout = 2, net_write_timeout = 120,"
        " sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION', %s = 'READ-COMMITTED'%s%s",
        server->is_mariadb ? "tx_isolation" : "transaction_isolation",
        server->has_wsrep ? ", wsrep_sync_wait = 7, wsrep_retry_autocommit = 0" : "",
        role != MYSQL_READER ? ""
        : server->is_mariadb ? ", max_statement_time = " READER_LIMIT_TEXT
                             : ", max_execution_time = " READER_LIMIT_MS);
    return sql_run(&connection->base, text, NULL, 0, NULL, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum rc connect_to(struct mysql_connection *connection, const struct mysql_target *target,
                          enum mysql_role role, struct err *err)
{
    mono_us began = clock_mono(connection->clock);
    struct mysql_client_options options = {
        .host = target->host,
        .port = target->port,
        .user = target->user,
        .password = target->password,
        .database = target->database,
        .ca_file = target->ca_file,
        .connect_limit = CONNECT_LIMIT,
        .read_limit = role == MYSQL_MIGRATOR ? MIGRATION_LIMIT : READ_LIMIT,
        .write_limit = WRITE_LIMIT,
    };

    if (!mysql_client_connect(connection->client, &options))
        return mysql_session_fail(connection, began, err);
    return RC_OK;
}

static enum rc begin_session(struct mysql_connection *connection, enum mysql_role role,
                             struct err *err)
{
    struct server server = {0};
    enum rc rc;

    server.is_mariadb = strstr(mysql_client_server(connection->client), "MariaDB") != NULL;
    connection->collation = server.is_mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
    rc = look_at_server(connection, &server, err);
    if (rc == RC_OK)
        rc = check_server(connection, &server, err);
    if (rc == RC_OK)
        rc = set_session(connection, &server, role, err);
    return rc;
}

static struct mysql_connection *make(struct mysql_client *client, const struct mysql_target *target)
{
    struct mysql_connection *connection = xcalloc(1, sizeof(*connection));

    connection->base = (struct sql_connection){&mysql_driver, &sql_dialect_mysql};
    connection->client = client;
    connection->clock = target->clock;
    connection->now = target->now;
    (void)snprintf(connection->server, sizeof(connection->server), "%s:%u", target->host,
                   target->port);
    (void)snprintf(connection->user, sizeof(connection->user), "%s", target->user);
    return connection;
}

enum rc mysql_connection_open(const struct mysql_target *target, enum mysql_role role,
                              struct sql_connection **ret_connection, struct err *err)
{
    struct mysql_connection *connection;
    struct mysql_client *client;
    enum rc rc = mysql_client_new(&client, err);

    if (rc != RC_OK)
        return rc;
    connection = make(client, target);
    rc = connect_to(connection, target, role, err);
    if (rc == RC_OK)
        rc = begin_session(connection, role, err);
    if (rc != RC_OK) {
        sql_connection_free(&connection->base);
        return rc == RC_UNKNOWN ? RC_UNAVAILABLE : rc;
    }
    *ret_connection = &connection->base;
    return RC_OK;
}
