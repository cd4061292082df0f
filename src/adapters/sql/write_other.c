/* SPDX-License-Identifier: Apache-2.0 */
/* Workers and access tokens. */
#include "adapters/sql/write.h"
#include "wire/worker.h"

static enum rc insert_worker(struct sql_writer *writer, const struct sql_value *values,
                             size_t count, struct err *err)
{
    return sql_run(writer->connection,
                   "INSERT INTO workers (name, url, version, backend, labels, running, tasks,"
                   " clock_offset, started_at, lease_until, draining)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                   values, count, NULL, err);
}

static enum rc put_worker(struct sql_writer *writer, const struct store_write *write,
                          const char *labels, size_t length, struct err *err)
{
    const struct worker_record *worker = &write->worker;
    struct sql_value values[] = {
        sql_text(worker->name),          sql_text(worker->url),
        sql_text(worker->version),       sql_text(worker->backend),
        sql_text_of(labels, length),     sql_number(worker->running),
        sql_number(worker->tasks),       sql_number(worker->clock_offset),
        sql_instant(worker->started_at), sql_instant(worker->lease_until),
        sql_number(worker->draining),
    };
    int64_t changes;
    enum rc rc;

    rc = sql_run(writer->connection,
                 "UPDATE workers SET url = ?2, version = ?3, backend = ?4, labels = ?5,"
                 " running = ?6, tasks = ?7, clock_offset = ?8, started_at = ?9,"
                 " lease_until = ?10 WHERE name = ?1",
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

enum rc sql_write_token_create(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    const struct access_token *token = &write->access;
    struct sql_value values[] = {
        sql_text(token->id),
        sql_text(token->name),
        sql_text(token->account),
        sql_number(token->admin),
        sql_bytes(token->hash, sizeof(token->hash)),
        sql_number(token->created_at),
        sql_instant(token->expires_at),
    };
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO tokens (id, name, account, admin, hash, created_at,"
                         " expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                         SQL_VALUES(values), NULL, err);

    if (rc == RC_CONFLICT)
        return sql_refuse(write, RC_CONFLICT, "there is a token '%s' already", token->id);
    return rc;
}

enum rc sql_write_token_revoke(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    struct sql_value values[] = {sql_text(write->access.id)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection, "DELETE FROM tokens WHERE id = ?1", SQL_VALUES(values),
                         &changes, err);

    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no token '%s'", write->access.id);
    return rc;
}
