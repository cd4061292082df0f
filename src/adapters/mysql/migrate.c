/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/migrate.h"

#include "base/crypto.h"

#include "adapters/sql/schema.h"

/* A step is a few statements of at most 100 s each, before each of which the lock is renewed. */
enum { LOCK_SECONDS = 120 };
#define WAIT_SPAN (3 * MINUTE)
#define PAUSE     (200 * MILLISECOND)

#define CREATE_LOCK                                                        \
    "CREATE TABLE IF NOT EXISTS schema_lock (id INT NOT NULL PRIMARY KEY," \
    " owner BINARY(16) NOT NULL, until BIGINT NOT NULL) ENGINE = InnoDB"
#define INSERT_LOCK "INSERT IGNORE INTO schema_lock (id, owner, until) VALUES (1, x'', 0)"

struct migration {
    struct sql_connection *connection;
    struct mysql_nodes *nodes;
    struct clock *clock;
    uint8_t owner[16];
};

static enum rc set_lock(struct migration *migration, span_us span, int64_t *ret_changes,
                        struct err *err)
{
    struct sql_value values[] = {sql_bytes(migration->owner, sizeof(migration->owner)),
                                 sql_number(span)};

    return sql_run(migration->connection,
                   "UPDATE schema_lock SET owner = ?1, until = store_now() + ?2 WHERE id = 1"
                   " AND (until <= store_now() OR owner = ?1)",
                   SQL_VALUES(values), ret_changes, err);
}

static enum rc take_lock(struct migration *migration, struct err *err)
{
    int64_t changes = 0;
    enum rc rc = set_lock(migration, LOCK_SECONDS * SECOND, &changes, err);

    if (rc == RC_OK && !changes)
        return err_fail(err, RC_BUSY, "another process is at the tables");
    return rc;
}

static void drop_lock(struct migration *migration)
{
    int64_t changes;
    enum rc rc = set_lock(migration, 0, &changes, NULL);

    (void)rc; /* it runs out */
}

static enum rc renew_lock(struct migration *migration, struct err *err)
{
    int64_t changes = 0;
    enum rc rc = set_lock(migration, LOCK_SECONDS * SECOND, &changes, err);

    if (rc == RC_OK && !changes)
        return err_fail(err, RC_BUSY, "another process has taken over the tables");
    return rc;
}

static enum rc take_steps(struct migration *migration, struct err *err)
{
    int version = 0, newest = migration->connection->dialect->step_count;
    enum rc rc = sql_schema_version(migration->connection, &version, err);

    while (rc == RC_OK && version < newest) {
        rc = renew_lock(migration, err);
        if (rc == RC_OK)
            rc = sql_schema_step(migration->connection, ++version, err);
    }
    return rc;
}

static enum rc upgrade(struct migration *migration, struct err *err)
{
    enum rc rc = sql_schema_prepare(migration->connection, err);

    if (rc == RC_OK)
        rc = sql_run(migration->connection, CREATE_LOCK, NULL, 0, NULL, err);
    if (rc == RC_OK)
        rc = sql_run(migration->connection, INSERT_LOCK, NULL, 0, NULL, err);
    if (rc == RC_OK)
        rc = take_lock(migration, err);
    if (rc != RC_OK)
        return rc;
    rc = take_steps(migration, err);
    drop_lock(migration);
    return rc;
}

/* Whatever was busy, the lock or on a cluster the row or the table that another node made at the
 * same time: every statement can be said again. */
static enum rc upgrade_in_turn(struct migration *migration, struct err *err)
{
    mono_us end = clock_mono(migration->clock) + WAIT_SPAN;
    enum rc rc = upgrade(migration, err);

    while (rc == RC_BUSY && clock_mono(migration->clock) < end) {
        mysql_nodes_pause(migration->nodes, PAUSE);
        rc = upgrade(migration, err);
    }
    return rc;
}

/* ret_version is 0 when the tables are not there at all. */
static enum rc read_version(struct sql_connection *connection, int *ret_version, struct err *err)
{
    struct sql_statement *row;
    bool found;
    enum rc rc = sql_first(connection,
                           "SELECT 1 FROM information_schema.tables"
                           " WHERE table_schema = database() AND table_name = 'schema'",
                           NULL, 0, &row, err);

    if (rc != RC_OK)
        return rc;
    found = row != NULL;
    sql_done(row);
    *ret_version = 0;
    return found ? sql_schema_version(connection, ret_version, err) : RC_OK;
}

enum rc mysql_migrate_check(struct sql_connection *connection, struct err *err)
{
    int version = 0, newest = connection->dialect->step_count;
    enum rc rc = read_version(connection, &version, err);

    if (rc == RC_OK && version < newest)
        return err_fail(err, RC_INVALID,
                        version ? "the database has tables of version %d, this program needs %d: "
                                  "start a manager of this version first"
                                : "the database has no tables (version %d of %d): start a manager "
                                  "first",
                        version, newest);
    return rc;
}

enum rc mysql_migrate(struct mysql_nodes *nodes, struct clock *clock, struct err *err)
{
    struct migration migration = {.nodes = nodes, .clock = clock};
    size_t node;
    int version = 0;
    enum rc rc = mysql_nodes_connect(nodes, MYSQL_MIGRATOR, &migration.connection, &node, err);

    if (rc != RC_OK)
        return rc;
    crypto_random(migration.owner, sizeof(migration.owner));
    rc = read_version(migration.connection, &version, err);
    if (rc == RC_OK && version < migration.connection->dialect->step_count)
        rc = upgrade_in_turn(&migration, err);
    sql_connection_free(migration.connection);
    return rc;
}
