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

struct sql_connection *servers_connect(const struct servers *servers, size_t node)
{
    struct mysql_target target = {.host = servers->hosts[node].name,
                                  .port = servers->hosts[node].port,
                                  .user = servers->user,
                                  .password = servers->password,
                                  .database = servers->base,
                                  .clock = servers_clock()};
    struct sql_connection *connection;
    struct err err = {0};
    enum rc rc = mysql_connection_open(&target, MYSQL_MIGRATOR, &connection, &err);

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

static void run_alone(const struct servers *servers, const char *what)
{
    struct sql_connection *connection = servers_connect(servers, 0);

    servers_run(connection, "%s %s", what, servers->database);
    sql_connection_free(connection);
}

void servers_create(struct servers *servers)
{
    (void)snprintf(servers->database, sizeof(servers->database), "%.40s_%ld", servers->base,
                   (long)getpid());
    run_alone(servers, "CREATE DATABASE");
}

void servers_drop(const struct servers *servers)
{
    run_alone(servers, "DROP DATABASE IF EXISTS");
}
