/* SPDX-License-Identifier: Apache-2.0 */
/* Workers and the leader. */
#include "adapters/sql/read.h"
#include "adapters/sql/write.h"
#include "wire/worker.h"

/* One that another process inserts at the same time will be updated by the next try. */
static enum rc insert_worker(struct sql_writer *writer, const struct sql_value *values,
                             size_t count, struct err *err)
{
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO workers (name, url, version, backend, labels, running, tasks,"
                         " clock_offset, clock_synchronised, started_at, lease_until, draining)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                         values, count, NULL, err);

    if (rc == RC_CONFLICT)
        return err_fail(err, RC_BUSY, "the worker is being added");
    return rc;
}

static enum rc put_worker(struct sql_writer *writer, const struct store_write *write,
                          const char *labels, size_t length, struct err *err)
{
    const struct worker_record *worker = &write->worker;
    struct sql_value values[] = {
        sql_text(worker->name),
        sql_text(worker->url),
        sql_text(worker->version),
        sql_text(worker->backend),
        sql_text_of(labels, length),
        sql_number(worker->running),
        sql_number(worker->tasks),
        sql_number(worker->clock_offset),
        sql_number(worker->clock_synchronised),
        sql_instant(worker->started_at),
        sql_instant(worker->lease_until),
        sql_number(worker->draining),
    };
    int64_t changes;
    enum rc rc;

    rc = sql_run(writer->connection,
                 "UPDATE workers SET url = ?2, version = ?3, backend = ?4, labels = ?5,"
                 " running = ?6, tasks = ?7, clock_offset = ?8, clock_synchronised = ?9,"
                 " started_at = ?10, lease_until ="
                 " CASE WHEN lease_until > ?11 THEN lease_until ELSE ?11 END WHERE name = ?1",
                 values, ARRAY_SIZE(values) - 1, &changes, err);
    if (rc == RC_OK && !changes)
        rc = insert_worker(writer, SQL_VALUES(values), err);
    return rc;
}

enum rc sql_write_worker(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct buf AUTO_BUF labels;
    enum rc rc;

    buf_init(&labels, SIZE_MAX);
    rc = wire_pairs_write(&write->worker.labels, &labels);
    if (rc != RC_OK)
        return rc;
    return put_worker(writer, write, labels.data, labels.length, err);
}

enum rc sql_write_worker_drain(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    struct sql_value values[] = {sql_text(write->worker.name), sql_number(write->worker.draining)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection, "UPDATE workers SET draining = ?2 WHERE name = ?1",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no worker '%s'", write->worker.name);
    return rc;
}

static enum rc refuse_removal(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const char *name = write->worker.name;
    struct sql_value values[] = {sql_text(name)};
    struct sql_statement *row;
    bool found, alive;
    enum rc rc = sql_first(writer->connection,
                           "SELECT coalesce(lease_until, 0) > store_now() FROM workers"
                           " WHERE name = ?1",
                           SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    found = row != NULL;
    alive = row && sql_column_number(row, 0);
    sql_done(row);
    if (!found)
        return sql_refuse(write, RC_NOT_FOUND, "there is no worker '%s'", name);
    return sql_refuse(write, RC_CONFLICT,
                      alive ? "worker '%s' may live" : "worker '%s' has unfinished runs", name);
}

enum rc sql_write_worker_remove(struct sql_writer *writer, struct store_write *write,
                                struct err *err)
{
    struct sql_value values[] = {sql_text(write->worker.name)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection,
                         "DELETE FROM workers WHERE name = ?1"
                         " AND coalesce(lease_until, 0) <= store_now() AND NOT EXISTS"
                         " (SELECT 1 FROM runs r WHERE r.status < 2 AND r.worker = ?1)",
                         SQL_VALUES(values), &changes, err);

    return rc == RC_OK && !changes ? refuse_removal(writer, write, err) : rc;
}

/* ---- the leader ------------------------------------------------------------------------------ */

static enum rc refuse_leader(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct leader_record leader;
    enum rc rc = sql_read_leader(writer->connection, &leader, err);

    if (rc != RC_OK)
        return rc;
    writer->deposed = true;
    return sql_refuse(write, RC_STALE, "another manager leads: %s", leader.name);
}

/*
 * The row is changed by every transaction of a leader, also when all it says is there already: so
 * the transactions of two leaders touch the same row, and of two that overlap one fails, on one
 * node by the lock of the row, on two by certification. Without the counter the row would not
 * change, and a cluster would let both commit.
 */
enum rc sql_write_leader(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct leader_record *leader = &write->leader;
    struct sql_value values[] = {sql_number((int64_t)leader->epoch), sql_text(leader->name),
                                 sql_text(leader->url)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection,
                         "UPDATE leader SET epoch = ?1, name = ?2, url = ?3, writes = writes + 1"
                         " WHERE id = 1 AND epoch <= ?1",
                         SQL_VALUES(values), &changes, err);

    return rc == RC_OK && !changes ? refuse_leader(writer, write, err) : rc;
}
