/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"

#include "adapters/sql/query.h"
#include "adapters/sql/read.h"
#include "adapters/sql/rows.h"
#include "wire/worker.h"

#define LAST_RUN                                              \
    "SELECT " SQL_RUN_COLUMNS " FROM runs r WHERE r.job = ?1" \
    " ORDER BY r.scheduled_at DESC, r.attempt DESC, r.target DESC LIMIT 1"

enum { DOCUMENT = SQL_JOB_COLUMN_COUNT, CURSOR, PLACEMENT, LAST };

struct jobs_reading {
    struct sql_connection *connection;
    const struct job_query *query;
    job_visit visit;
    void *context;
    struct arena arena; /* of the row */
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
        sql_row_run(row, 0, &run);
        record->last_run = &run;
    }
    reading->ended = !reading->visit(reading->context, record);
    sql_done(row);
    return RC_OK;
}

/* Visits a record whose newest run is in the same row. */
static void visit_with_joined_run(struct jobs_reading *reading, struct job_record *record,
                                  struct sql_statement *row)
{
    struct run run;

    if (!sql_is_null(row, LAST)) {
        sql_row_run(row, LAST, &run);
        record->last_run = &run;
    }
    reading->ended = !reading->visit(reading->context, record);
}

static enum rc read_parts(struct jobs_reading *reading, struct sql_statement *row,
                          struct job_record *record, struct err *err)
{
    unsigned parts = reading->query->parts;
    const char *placement;
    size_t length;

    if (parts & JOB_PART_DOCUMENT)
        record->document = sql_column_text_of(row, DOCUMENT, &record->document_length);
    if (parts & JOB_PART_CURSOR)
        record->cursor = sql_column_instant(row, CURSOR);
    if (!(parts & JOB_PART_PLACEMENT))
        return RC_OK;
    placement = sql_column_text_of(row, PLACEMENT, &length);
    return length ? wire_pairs_read(placement, length, &reading->arena, &record->placement, err)
                  : RC_OK;
}

static enum rc visit_row(struct jobs_reading *reading, struct sql_statement *row, struct err *err)
{
    struct job_record record;
    enum rc rc;

    sql_row_job(row, &record);
    rc = read_parts(reading, row, &record, err);
    if (rc != RC_OK)
        return rc;
    if (!(reading->query->parts & JOB_PART_LAST_RUN))
        reading->ended = !reading->visit(reading->context, &record);
    else if (reading->connection->dialect->last_run)
        visit_with_joined_run(reading, &record, row);
    else
        rc = visit_with_last_run(reading, &record, err);
    arena_release(&reading->arena);
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

/* In ascending order; `sorted` holds them when they are not already. */
static const job_id *sort_ids(const struct job_query *jobs, job_id **ret_sorted)
{
    if (are_ascending(jobs->ids, jobs->id_count))
        return jobs->ids;
    *ret_sorted = xmalloc(jobs->id_count * sizeof(**ret_sorted));
    memcpy(*ret_sorted, jobs->ids, jobs->id_count * sizeof(**ret_sorted));
    qsort(*ret_sorted, jobs->id_count, sizeof(**ret_sorted), compare_ids);
    return *ret_sorted;
}

/* Where a statement costs no trip over the network, ids are looked up one by one: as quick as a
 * list. */
static enum rc visit_ids(struct jobs_reading *reading, struct sql_query *query, struct err *err)
{
    const struct job_query *jobs = reading->query;
    job_id *AUTO_FREE sorted = NULL;
    const job_id *ids = sort_ids(jobs, &sorted);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && !reading->ended && i < jobs->id_count; i++) {
        if (!i || ids[i] != ids[i - 1])
            rc = visit_id(reading, query, ids[i], err);
    }
    return rc;
}

/* The list is text, so that the statement is the same for any number of ids. */
static enum rc visit_list(struct jobs_reading *reading, struct sql_query *query, struct err *err)
{
    const struct job_query *jobs = reading->query;
    job_id *AUTO_FREE sorted = NULL;
    const job_id *ids = sort_ids(jobs, &sorted);
    struct buf AUTO_BUF list;

    buf_init(&list, SIZE_MAX); /* without a limit nothing of it can fail */
    (void)buf_putc(&list, '[');
    for (size_t i = 0; i < jobs->id_count; i++) {
        if (!i || ids[i] != ids[i - 1])
            (void)buf_printf(&list, i ? ",%llu" : "%llu", (unsigned long long)ids[i]);
    }
    (void)buf_putc(&list, ']');
    query->values[0] = sql_text_of(list.data, list.length);
    return visit_rows(reading, query, err);
}

enum rc sql_read_jobs(struct sql_connection *connection, const struct job_query *query,
                      job_visit visit, void *context, struct err *err)
{
    struct jobs_reading reading = {
        .connection = connection, .query = query, .visit = visit, .context = context};
    const struct sql_dialect *dialect = connection->dialect;
    enum sql_by by = dialect->jobs_of_list ? SQL_BY_LIST : SQL_BY_ONE;
    struct sql_query AUTO_SQL_QUERY text;
    struct arena AUTO_ARENA arena = {0};

    sql_query_jobs(&text, dialect, query, query->ids ? by : SQL_BY_NOTHING, &arena);
    if (!query->ids)
        return visit_rows(&reading, &text, err);
    return (by == SQL_BY_LIST ? visit_list : visit_ids)(&reading, &text, err);
}
