/* SPDX-License-Identifier: Apache-2.0 */
/* The MySQL store: its set-up, and what only a store that is shared over a network can show. */
#include "contract/store_mysql.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#include "contract/store_suite.h"

static struct servers servers;

int store_mysql_begin(void **state)
{
    (void)state;
    if (!servers_find(&servers))
        return -1;
    servers_create(&servers);
    return 0;
}

int store_mysql_end(void **state)
{
    (void)state;
    servers_drop(&servers);
    return 0;
}

static enum rc open_store(struct fixture *fixture, struct err *err)
{
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config = servers_config(&servers, 0, servers.count, hosts);

    config.now = &fixture->clock;
    return mysql_store_new(&config, &fixture->store, err);
}

/* Every clause begins without a row; the tables stay. */
static void empty_tables(void)
{
    static const char *const tables[] = {"jobs",    "documents", "labels",     "runs",
                                         "workers", "tokens",    "idempotency"};
    struct sql_connection *connection = servers_connect(&servers, 0);

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        servers_run(connection, "DELETE FROM %s.%s", servers.database, tables[i]);
    servers_run(connection, "UPDATE %s.leader SET epoch = 0", servers.database);
    sql_connection_free(connection);
}

int store_mysql_setup(void **state)
{
    struct fixture *fixture = fixture_new();
    struct err err = {0};

    if (open_store(fixture, &err) != RC_OK)
        fail_msg("%s", err.message);
    empty_tables();
    *state = fixture;
    return 0;
}

int store_mysql_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static const struct clause clauses[] = {};
const struct clauses store_mysql_clauses = {clauses, ARRAY_SIZE(clauses)};
