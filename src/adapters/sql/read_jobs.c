/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"

#include "adapters/sql/query.h"
#include "adapters/sql/read.h"
#include "adapters/sql/rows.h"

#define LAST_RUN                                              \
    "SELECT " SQL_RUN_COLUMNS " FROM runs r WHERE r.job = ?1" \
    " ORDER BY r.scheduled_at DESC, r.attempt DESC, r.target DESC LIMIT 1"

struct jobs_reading {
    struct sql_connection *connection;
    const struct job_query *query;
    job_visit visit;
    void *context;
    size_t visited;
    bool ended; /* by the visit or by the limit */
};

/* Visits a record together with its newest run, read inside the snapshot of the row itself. */
static enum rc visit_with_last_run(struct jobs_reading *reading, struct job_record *record,
                                   struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)record->id)};
    struct sql_statement *row;
    struct run run;
    enum rc rc = sql_first(reading->connection, LAST_RUN, SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    if (row) {
        sql_row_run(row, &run);
        record->last_run = &run;
    }
    reading->ended = !reading->visit(reading->context, record);
    sql_done(row);
    return RC_OK;
}

static enum rc visit_row(struct jobs_reading *reading, struct sql_statement *row, struct err *err)
{
    struct job_record record;
    enum rc rc = RC_OK;

    sql_row_job(row, &record);
    if (reading->query->parts & JOB_PART_DOCUMENT)
        record.document = sql_column_text_of(row, SQL_JOB_COLUMN_COUNT, &record.document_length);
    if (reading->query->parts & JOB_PART_CURSOR)
        record.cursor = sql_column_instant(row, SQL_JOB_COLUMN_COUNT + 1);
    if (reading->query->parts & JOB_PART_LAST_RUN)
        rc = visit_with_last_run(reading, &record, err);
    else
        reading->ended = !reading->visit(reading->context, &record);
    if (++reading->visited == reading->query->limit)
        reading->ended = true;
    return rc;
}

static enum rc visit_rows(struct jobs_reading *reading, struct sql_query *query, struct err *err)
{
    struct sql_statement *rows;
    bool row = true;
    enum rc rc =
        sql_open(reading->connection, query->text.data, query->values, query->count, &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && !reading->ended) {
        rc = sql_step(rows, &row, err);
        if (rc != RC_OK || !row)
            break;
        rc = visit_row(reading, rows, err);
    }
    sql_done(rows);
    return rc;
}

static enum rc visit_id(struct jobs_reading *reading, struct sql_query *query, job_id id,
                        struct err *err)
{
    struct sql_statement *row;
    enum rc rc;

    query->values[0] = sql_number((int64_t)id);
    rc = sql_first(reading->connection, query->text.data, query->values, query->count, &row, err);
    if (rc != RC_OK || !row)
        return rc;
    rc = visit_row(reading, row, err);
    sql_done(row);
    return rc;
}

static int compare_ids(const void *a, const void *b)
{
    job_id left = *(const job_id *)a, right = *(const job_id *)b;

    return (left > right) - (left < right);
}

static bool are_ascending(const job_id *ids, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (ids[i - 1] >= ids[i])
            return false;
    }
    return true;
}

/* Ids are looked up one by one by one prepared statement: as quick as a list of any length, whose
 * text would differ with its length. */
static enum rc visit_ids(struct jobs_reading *reading, struct sql_query *query, struct err *err)
{
    const struct job_query *jobs = reading->query;
    job_id *AUTO_FREE sorted = NULL;
    const job_id *ids = jobs->ids;
    enum rc rc = RC_OK;

    if (!are_ascending(ids, jobs->id_count)) {
        sorted = xmalloc(jobs->id_count * sizeof(*sorted));
        memcpy(sorted, ids, jobs->id_count * sizeof(*sorted));
        qsort(sorted, jobs->id_count, sizeof(*sorted), compare_ids);
        ids = sorted;
    }
    for (size_t i = 0; rc == RC_OK && !reading->ended && i < jobs->id_count; i++) {
        if (!i || ids[i] != ids[i - 1])
            rc = visit_id(reading, query, ids[i], err);
    }
    return rc;
}

enum rc sql_read_jobs(struct sql_connection *connection, const struct job_query *query,
                      job_visit visit, void *context, struct err *err)
{
    struct jobs_reading reading = {
        .connection = connection, .query = query, .visit = visit, .context = context};
    struct sql_query AUTO_SQL_QUERY text;
    struct arena AUTO_ARENA arena = {0};

    sql_query_jobs(&text, query, query->ids != NULL, &arena);
    return query->ids ? visit_ids(&reading, &text, err) : visit_rows(&reading, &text, err);
}
