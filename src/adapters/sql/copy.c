/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/copy.h"

#include "base/arena.h"
#include "base/check.h"

enum { COLUMNS_MAX = 32, ROWS_A_TRANSACTION = 500 };

/* The columns of a table and, in their order, what they are: a number, text or bytes; each may be
 * NULL. */
struct table {
    const char *name;
    const char *columns;
    const char *kinds; /* 'n', 't', 'b' */
};

static const struct table tables[] = {
    {"jobs",
     "id, revision, status, removed, enabled, owner, worker, created_at, updated_at, due_since,"
     " name, unique_name, schedule, time_zone, type, starts_at, ends_at, jitter, concurrency,"
     " catch_up, catch_up_window, on_worker_loss, retry_limit, retry_delay, retry_backoff,"
     " retry_max_delay, retry_elsewhere, placement, sha256",
     "nnnnnttnnnttttnnnnnnnnnnnnntt"},
    {"documents", "job, document, search", "ntt"},
    {"labels", "name, value, job", "ttn"},
    {"runs",
     "scheduled_at, job, attempt, target, token, `trigger`, status, started_at, finished_at,"
     " exit_code, `signal`, output_bytes, output_truncated, cpu, max_rss, revision, worker, reason,"
     " request, count, until, sha256",
     "nnnnbnnnnnnnnnnntttnnt"},
    {"outputs", "scheduled_at, job, attempt, target, data", "nnnnb"},
    {"revisions", "job, revision, until, sha256, document", "nnntt"},
    {"workers",
     "name, url, version, backend, labels, draining, running, tasks, clock_offset,"
     " clock_synchronised, started_at, lease_until",
     "tttttnnnnnnn"},
    {"users", "name, role, privileged, disabled, accounts, password, created_at, seal", "tnnnttnt"},
    {"tokens",
     "id, name, account, admin, hash, created_at, expires_at, session, scope, last_used_at,"
     " seal",
     "tttnbnnnnnt"},
    {"audit", "id, at, who, source, action, subject, was, became, outcome", "nnttttttt"},
    {"idempotency", "owner, `key`, request_hash, job, kept_at", "ttbnn"},
};

static struct sql_value value_of(struct sql_statement *row, int column, char kind)
{
    size_t length;
    const void *data;

    if (sql_is_null(row, column))
        return sql_null();
    if (kind == 'n')
        return sql_number(sql_column_number(row, column));
    if (kind == 't') {
        data = sql_column_text_of(row, column, &length);
        return sql_text_of(data, length);
    }
    data = sql_column_bytes(row, column, &length);
    return sql_bytes(data, length);
}

/* "INSERT INTO t (columns) VALUES (?, ?, ...)" */
static const char *insert_text(const struct table *table, struct arena *arena)
{
    const char *marks = "?";

    for (size_t i = 1; i < strlen(table->kinds); i++)
        marks = arena_printf(arena, "%s, ?", marks);
    return arena_printf(arena, "INSERT INTO %s (%s) VALUES (%s)", table->name, table->columns,
                        marks);
}

static enum rc insert_row(struct sql_connection *to, const char *insert, const struct table *table,
                          struct sql_statement *row, int64_t *added, struct err *err)
{
    struct sql_value values[COLUMNS_MAX];
    size_t count = strlen(table->kinds);
    enum rc rc;

    CHECK(count <= COLUMNS_MAX);
    for (size_t i = 0; i < count; i++)
        values[i] = value_of(row, (int)i, table->kinds[i]);
    rc = sql_run(to, insert, values, count, NULL, err);
    *added += rc == RC_OK;
    return rc == RC_CONFLICT ? RC_OK : rc; /* it is there already */
}

static enum rc copy_rows(struct sql_connection *to, const struct table *table,
                         struct sql_statement *rows, int64_t *ret_rows, int64_t *ret_added,
                         struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    const char *insert = insert_text(table, &arena);
    int64_t count = 0, added = 0;
    bool more = true;
    enum rc rc = sql_run(to, "BEGIN", NULL, 0, NULL, err);

    while (rc == RC_OK) {
        rc = sql_step(rows, &more, err);
        if (rc != RC_OK || !more)
            break;
        rc = insert_row(to, insert, table, rows, &added, err);
        if (rc == RC_OK && ++count % ROWS_A_TRANSACTION == 0) {
            rc = sql_run(to, "COMMIT", NULL, 0, NULL, err);
            if (rc == RC_OK)
                rc = sql_run(to, "BEGIN", NULL, 0, NULL, err);
        }
    }
    if (rc == RC_OK)
        rc = sql_run(to, "COMMIT", NULL, 0, NULL, err);
    *ret_rows = count;
    *ret_added = added;
    return rc;
}

enum rc sql_copy(struct sql_connection *from, struct sql_connection *to, sql_copied told,
                 void *context, struct err *err)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < ARRAY_SIZE(tables); i++) {
        struct arena AUTO_ARENA arena = {0};
        const char *select =
            arena_printf(&arena, "SELECT %s FROM %s", tables[i].columns, tables[i].name);
        struct sql_statement *rows;
        int64_t count = 0, added = 0;

        rc = sql_open(from, select, NULL, 0, &rows, err);
        if (rc != RC_OK)
            return err_prefix(err, rc, "%s", tables[i].name);
        rc = copy_rows(to, &tables[i], rows, &count, &added, err);
        sql_done(rows);
        if (rc == RC_OK)
            told(context, tables[i].name, count, added);
        else
            rc = err_prefix(err, rc, "%s", tables[i].name);
    }
    return rc;
}

enum rc sql_copy_is_empty(struct sql_connection *connection, bool *ret_empty, struct err *err)
{
    struct sql_statement *row;
    enum rc rc = sql_first(connection, "SELECT id FROM jobs LIMIT 1", NULL, 0, &row, err);

    if (rc != RC_OK)
        return rc;
    *ret_empty = !row;
    sql_done(row);
    return RC_OK;
}
