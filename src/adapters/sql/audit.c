/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what, written and read. */
#include "core/audit.h"

#include <stdio.h>

#include "adapters/sql/query.h"
#include "adapters/sql/read.h"
#include "adapters/sql/write.h"

/* ---- writing ----------------------------------------------------------------------------------
 */

enum { COLUMNS = 8, ID_TEXT = 24, STATEMENT = 600 };

static bool is_creation(const struct store_write *of)
{
    return of && of->kind == WRITE_JOB_CREATE && of->outcome == RC_OK;
}

static void fill_row(const struct write_audit *audit, char id[ID_TEXT], struct sql_value *values)
{
    const struct audit_record *record = &audit->record;
    const struct store_write *of = audit->of;
    bool created = is_creation(of);

    (void)snprintf(id, ID_TEXT, "%llu", created ? (unsigned long long)of->job.id : 0); /* it fits */
    values[0] = sql_number(record->at);
    values[1] = sql_text(record->who);
    values[2] = sql_text(record->source);
    values[3] = sql_text(record->action);
    values[4] = sql_text(created ? id : record->subject);
    values[5] = sql_text(record->before);
    values[6] = sql_text(record->after);
    values[7] = sql_text(of ? audit_outcome(of->outcome, &of->err) : record->outcome);
}

static enum rc insert(struct sql_writer *writer, const struct sql_value *values, size_t rows,
                      struct err *err)
{
    AUTO_BUF struct buf text;

    buf_init(&text, STATEMENT);
    (void)buf_puts(&text, "INSERT INTO audit"
                          " (at, who, source, action, subject, was, became, outcome) VALUES");
    for (size_t i = 0; i < rows * COLUMNS; i++)
        (void)buf_printf(&text, "%s?%zu%s",
                         i % COLUMNS ? ", "
                         : i         ? ", ("
                                     : " (",
                         i + 1, i % COLUMNS == COLUMNS - 1 ? ")" : "");
    return sql_run(writer->connection, text.data, values, rows * COLUMNS, NULL, err);
}

enum rc sql_write_audits(struct sql_writer *writer, struct store_write *writes, size_t count,
                         struct err *err)
{
    struct sql_value values[SQL_AUDIT_ROWS * COLUMNS];
    char ids[SQL_AUDIT_ROWS][ID_TEXT];
    size_t rows = 0;

    for (size_t i = 0; i < count; i++) {
        const struct write_audit *audit = &writes[i].audit;

        writes[i].outcome = RC_OK;
        if (is_creation(audit->of) && audit->of->job.replayed)
            continue;
        fill_row(audit, ids[rows], &values[rows * COLUMNS]);
        rows++;
    }
    return rows ? insert(writer, values, rows, err) : RC_OK;
}

enum rc sql_write_audit(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    return sql_write_audits(writer, write, 1, err);
}

enum rc sql_write_audit_expire(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    struct sql_value values[] = {sql_number(write->audit.record.at)};

    return sql_run(writer->connection, "DELETE FROM audit WHERE at < ?1", SQL_VALUES(values), NULL,
                   err);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static struct audit_record read_record(struct sql_statement *row)
{
    return (struct audit_record){
        .id = (uint64_t)sql_column_number(row, 0),
        .at = sql_column_number(row, 1),
        .who = sql_column_text(row, 2),
        .source = sql_column_text(row, 3),
        .action = sql_column_text(row, 4),
        .subject = sql_column_text(row, 5),
        .before = sql_column_text(row, 6),
        .after = sql_column_text(row, 7),
        .outcome = sql_column_text(row, 8),
    };
}

/* A member that does not restrict stands for what is true of every row. */
enum rc sql_read_audit(struct sql_connection *connection, const struct audit_query *query,
                       audit_visit visit, void *context, struct err *err)
{
    const struct sql_value values[] = {
        sql_number(query->before ? (int64_t)query->before : INT64_MAX),
        query->who ? sql_text(query->who) : sql_null(),
        query->action ? sql_text(query->action) : sql_null(),
        sql_number(query->since == INSTANT_NONE ? INT64_MIN : query->since),
        sql_number(query->until == INSTANT_NONE ? INT64_MAX : query->until),
        sql_number(query->limit ? (int64_t)query->limit : INT64_MAX),
    };
    struct sql_statement *rows;
    bool row = true;
    enum rc rc = sql_open(connection,
                          "SELECT id, at, who, source, action, subject, was, became, outcome"
                          " FROM audit WHERE id < ?1 AND who = coalesce(?2, who)"
                          " AND action = coalesce(?3, action) AND at >= ?4 AND at < ?5"
                          " ORDER BY id DESC LIMIT ?6",
                          values, ARRAY_SIZE(values), &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK) {
        struct audit_record record;

        rc = sql_step(rows, &row, err);
        if (rc != RC_OK || !row)
            break;
        record = read_record(rows);
        if (!visit(context, &record))
            break;
    }
    sql_done(rows);
    return rc;
}
