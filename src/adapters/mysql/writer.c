/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "adapters/mysql/batch.h"

enum { TRIES = 10 };
#define PAUSE_MIN (5 * MILLISECOND)
#define PAUSE_MAX (50 * MILLISECOND)

void mysql_writer_init(struct mysql_writer *writer, struct mysql_nodes *nodes, struct clock *clock)
{
    *writer = (struct mysql_writer){.nodes = nodes, .sql.clock = clock};
}

static void disconnect(struct mysql_writer *writer)
{
    sql_connection_free(writer->sql.connection);
    writer->sql.connection = NULL;
}

void mysql_writer_release(struct mysql_writer *writer)
{
    disconnect(writer);
}

enum rc mysql_writer_connect(struct mysql_writer *writer, struct err *err)
{
    size_t node;
    enum rc rc = mysql_nodes_choose(writer->nodes, &node, err);

    if (rc != RC_OK)
        return rc;
    if (writer->sql.connection && writer->node != node)
        disconnect(writer);
    if (writer->sql.connection)
        return RC_OK;
    return mysql_nodes_connect(writer->nodes, MYSQL_WRITER, &writer->sql.connection, &writer->node,
                               err);
}

/* After a failure: a connection that is of no use is closed, a host that is sick is avoided. */
static void look_at_connection(struct mysql_writer *writer, const struct err *why)
{
    enum mysql_condition condition = mysql_connection_condition(writer->sql.connection);

    if (condition == MYSQL_SICK)
        mysql_nodes_avoid(writer->nodes, writer->node, why);
    if (condition != MYSQL_GOOD)
        disconnect(writer);
}

/* ---- one try --------------------------------------------------------------------------------- */

/* Before its COMMIT a transaction that is lost has done nothing. */
static enum rc before_commit(enum rc rc)
{
    return rc == RC_UNKNOWN ? RC_UNAVAILABLE : rc;
}

static enum rc transact(struct mysql_writer *writer, struct store_write *writes, size_t count,
                        struct err *err)
{
    struct sql_connection *connection = writer->sql.connection;
    enum rc rc = sql_run(connection, "BEGIN", NULL, 0, NULL, err);

    sql_write_begin(&writer->sql);
    if (rc == RC_OK)
        rc = mysql_batch_write(&writer->sql, writes, count, err);
    if (rc == RC_OK)
        return sql_run(connection, "COMMIT", NULL, 0, NULL, err);
    if (mysql_connection_condition(connection) == MYSQL_GOOD)
        sql_end(connection, "ROLLBACK");
    return before_commit(rc);
}

/* Writes that are tried as a whole. */
struct part {
    struct store_write *writes;
    size_t count;
    bool claims; /* nothing else: may be said again whatever became of it */
};

static enum rc try_part(struct mysql_writer *writer, const struct part *part, struct err *err)
{
    struct err why = {0};
    enum rc rc = mysql_writer_connect(writer, err);

    if (rc != RC_OK)
        return rc;
    rc = part->claims ? mysql_batch_claim(writer->sql.connection, part->writes, part->count, &why)
                      : transact(writer, part->writes, part->count, &why);
    if (rc == RC_OK)
        return RC_OK;
    look_at_connection(writer, &why);
    if (err)
        *err = why;
    return rc;
}

/* ---- until it is done ------------------------------------------------------------------------ */

/* Two that are in each other's way must not meet again at once. */
static void pause_a_while(struct mysql_writer *writer)
{
    uint16_t random;

    crypto_random(&random, sizeof(random));
    mysql_nodes_pause(writer->nodes, PAUSE_MIN + random % (PAUSE_MAX - PAUSE_MIN));
}

static bool is_worth_another_try(const struct part *part, enum rc rc)
{
    return rc == RC_BUSY || rc == RC_UNAVAILABLE || (rc == RC_UNKNOWN && part->claims);
}

/* A try writes into the writes what the store decides, so each begins with them as they were. */
static enum rc write_part(struct mysql_writer *writer, const struct part *part, struct err *err)
{
    size_t size = part->count * sizeof(*part->writes);
    struct store_write *AUTO_FREE asked = xmalloc(size);
    bool unknown = false;
    enum rc rc = RC_OK;

    memcpy(asked, part->writes, size);
    for (int tries = 0; tries < TRIES; tries++) {
        rc = try_part(writer, part, err);
        unknown |= rc == RC_UNKNOWN;
        if (rc == RC_OK)
            return RC_OK;
        memcpy(part->writes, asked, size);
        if (!is_worth_another_try(part, rc))
            break;
        if (rc == RC_UNAVAILABLE && mysql_nodes_choose(writer->nodes, &(size_t){0}, NULL) != RC_OK)
            break;
        if (rc != RC_UNAVAILABLE)
            pause_a_while(writer);
    }
    return unknown ? RC_UNKNOWN : rc;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static bool has_leader(const struct store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].kind == WRITE_LEADER)
            return true;
    }
    return false;
}

static struct part next_part(struct store_write *writes, size_t count, bool whole)
{
    bool claims = !whole && writes[0].kind == WRITE_RUN_CLAIM;
    size_t length = 1;

    while (length < count && (whole || (writes[length].kind == WRITE_RUN_CLAIM) == claims))
        length++;
    return (struct part){.writes = writes, .count = length, .claims = claims};
}

enum rc mysql_writer_apply(struct mysql_writer *writer, struct store_write *writes, size_t count,
                           struct err *err)
{
    bool whole = has_leader(writes, count);
    size_t done = 0;

    while (done < count) {
        struct part part = next_part(&writes[done], count - done, whole);
        enum rc rc = write_part(writer, &part, err);

        if (rc != RC_OK && done)
            return err_prefix(err, RC_UNKNOWN, "after a part of the writes");
        if (rc != RC_OK)
            return rc;
        done += part.count;
    }
    return RC_OK;
}
