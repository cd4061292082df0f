/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contract/store_mysql.h"
#include "testing.h"

static instant_us read_clock(clockid_t id)
{
    struct timespec now;

    assert_int_equal(clock_gettime(id, &now), 0);
    return (instant_us)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

static instant_us clock_read(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static mono_us clock_read_mono(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static void clock_keep(struct clock *clock)
{
    (void)clock; /* it is no object */
}

struct clock *servers_clock(void)
{
    static const struct clock_ops ops = {
        .name = "real", .now = clock_read, .mono = clock_read_mono, .free = clock_keep};
    static struct clock clock = {&ops};

    return &clock;
}

/* ---- the environment ------------------------------------------------------------------------- */

/* Cuts the text at `separator`, and answers what follows. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);

    assert_non_null(at);
    *at = '\0';
    return at + 1;
}

static void read_hosts(struct servers *servers, char *text)
{
    char *rest = text;

    for (char *host; (host = strsep(&rest, ","));) {
        char *port = cut(host, ':');

        assert_true(servers->count < MYSQL_HOSTS_MAX);
        servers->hosts[servers->count++] =
            (struct mysql_host){.name = host, .port = (uint16_t)atoi(port)};
    }
}

static void read_pids(struct servers *servers)
{
    const char *at = getenv("CRONJOB_TEST_PIDS");

    for (size_t i = 0; at && i < servers->count; i++) {
        at = strchr(at, '=');
        if (at)
            servers->pids[i] = (pid_t)atol(++at);
    }
}

bool servers_find(struct servers *servers)
{
    const char *url = getenv("CRONJOB_TEST_MYSQL");
    char *user, *hosts;

    *servers = (struct servers){.count = 0};
    if (!url) {
        print_message("CRONJOB_TEST_MYSQL is not set: there is no server to test with\n");
        return false;
    }
    (void)snprintf(servers->text, sizeof(servers->text), "%s", url);
    user = strstr(servers->text, "://");
    assert_non_null(user);
    user += strlen("://");
    hosts = cut(user, '@');
    servers->user = user;
    servers->password = cut(user, ':');
    servers->base = cut(hosts, '/');
    read_hosts(servers, hosts);
    read_pids(servers);
    return true;
}

struct mysql_store_config servers_config(const struct servers *servers, size_t first, size_t count,
                                         struct mysql_host hosts[MYSQL_HOSTS_MAX])
{
    for (size_t i = 0; i < count; i++)
        hosts[i] = servers->hosts[(first + i) % servers->count];
    return (struct mysql_store_config){.hosts = hosts,
                                       .host_count = count,
                                       .user = servers->user,
                                       .password = servers->password,
                                       .database = servers->database,
                                       .migrate = true,
                                       .clock = servers_clock()};
}

/* ---- databases ------------------------------------------------------------------------------- */

static enum rc connect_to(const struct servers *servers, size_t node,
                          struct sql_connection **ret_connection, struct err *err)
{
    struct mysql_target target = {.host = servers->hosts[node].name,
                                  .port = servers->hosts[node].port,
                                  .user = servers->user,
                                  .password = servers->password,
                                  .database = servers->base,
                                  .clock = servers_clock()};

    return mysql_connection_open(&target, MYSQL_WRITER, ret_connection, err);
}

struct sql_connection *servers_connect(const struct servers *servers, size_t node)
{
    mono_us end = clock_mono(servers_clock()) + MINUTE;
    struct sql_connection *connection;
    struct err err = {0};
    enum rc rc = connect_to(servers, node, &connection, &err);

    while (rc == RC_UNAVAILABLE && clock_mono(servers_clock()) < end)
        rc = connect_to(servers, node, &connection, &err);
    if (rc != RC_OK)
        fail_msg("%s", err_message(&err, rc));
    return connection;
}

void servers_run(struct sql_connection *connection, const char *format, ...)
{
    char text[512];
    struct err err = {0};
    va_list args;
    enum rc rc;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    rc = sql_run(connection, text, NULL, 0, NULL, &err);
    if (rc != RC_OK)
        fail_msg("%s: %s", text, err_message(&err, rc));
}

void servers_run_everywhere(const struct servers *servers, const char *what, const char *database)
{
    for (size_t i = 0; i < servers->count; i++) {
        struct sql_connection *connection = servers_connect(servers, i);

        if (i)
            servers_run(connection, "SELECT 1");
        else
            servers_run(connection, "%s %s", what, database);
        sql_connection_free(connection);
    }
}

void servers_create(struct servers *servers)
{
    (void)snprintf(servers->database, sizeof(servers->database), "%.40s_%ld", servers->base,
                   (long)getpid());
    servers_run_everywhere(servers, "CREATE DATABASE", servers->database);
}

void servers_drop(const struct servers *servers)
{
    servers_run_everywhere(servers, "DROP DATABASE IF EXISTS", servers->database);
}

/* ---- its connections ---------------------------------------------------------------------------
 */

enum { CONNECTIONS_MAX = 64 };

/* Their ids; false when the node has no answer. */
static bool find_connections(struct sql_connection *connection, const char *database, bool idle,
                             int64_t ids[CONNECTIONS_MAX], size_t *ret_count)
{
    struct sql_value values[] = {sql_text(database), sql_text(idle ? "Sleep" : "%")};
    struct sql_statement *rows;
    bool row = true;

    if (sql_open(connection,
                 "SELECT id FROM information_schema.processlist"
                 " WHERE db = ? AND command LIKE ? AND id <> connection_id() LIMIT 64",
                 SQL_VALUES(values), &rows, NULL) != RC_OK)
        return false;
    *ret_count = 0;
    while (sql_step(rows, &row, NULL) == RC_OK && row)
        ids[(*ret_count)++] = sql_column_number(rows, 0);
    sql_done(rows);
    return !row;
}

void servers_end_connections(const struct servers *servers, size_t node, bool idle)
{
    struct sql_connection *connection = servers_connect(servers, node);
    int64_t ids[CONNECTIONS_MAX];
    size_t count;

    if (!find_connections(connection, servers->database, idle, ids, &count))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        char text[64];
        enum rc rc;

        (void)snprintf(text, sizeof(text), "KILL %lld", (long long)ids[i]);
        rc = sql_run(connection, text, NULL, 0, NULL, NULL);
        (void)rc; /* it may have ended by itself */
    }
    sql_connection_free(connection);
}

bool servers_serve(const struct servers *servers, size_t node)
{
    struct sql_connection *connection;
    int64_t ids[CONNECTIONS_MAX];
    size_t count;
    bool serves;

    if (connect_to(servers, node, &connection, NULL) != RC_OK)
        return false;
    serves = find_connections(connection, servers->database, false, ids, &count) && count > 0;
    sql_connection_free(connection);
    return serves;
}
