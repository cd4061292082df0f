/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"

#include "adapters/sql/query.h"
#include "adapters/sql/read.h"
#include "adapters/sql/rows.h"

struct runs_reading {
    struct sql_connection *connection;
    const struct run_query *query;
    run_visit visit;
    void *context;
    size_t found; /* those that are left out included */
    bool ended;
};

static void visit_row(struct runs_reading *reading, struct sql_statement *row)
{
    struct run_record record;

    sql_row_run(row, 0, &record.run);
    record.token = sql_row_token(row);
    record.owner = sql_column_text(row, SQL_RUN_COLUMN_COUNT);
    reading->ended = !reading->visit(reading->context, &record);
}

static enum rc visit_rows(struct runs_reading *reading, struct sql_query *query, struct err *err)
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
        visit_row(reading, rows);
    }
    sql_done(rows);
    return rc;
}

static enum rc visit_key(struct runs_reading *reading, struct sql_query *query,
                         const struct run_key *key, struct err *err)
{
    const struct run_query *runs = reading->query;
    struct sql_statement *row;
    enum rc rc;

    query->values[0] = sql_number(key->scheduled_at);
    query->values[1] = sql_number((int64_t)key->job);
    query->values[2] = sql_number(key->attempt);
    query->values[3] = sql_number(key->target);
    rc = sql_first(reading->connection, query->text.data, query->values, query->count, &row, err);
    if (rc != RC_OK || !row)
        return rc;
    if (++reading->found > runs->skip)
        visit_row(reading, row);
    if (runs->limit && reading->found >= runs->limit + runs->skip)
        reading->ended = true;
    sql_done(row);
    return RC_OK;
}

static int compare_newest_first(const void *a, const void *b)
{
    return -run_key_compare(a, b);
}

static struct run_key *sort_keys(const struct run_query *runs)
{
    struct run_key *keys = xmalloc(runs->key_count * sizeof(*keys));

    if (runs->key_count)
        memcpy(keys, runs->keys, runs->key_count * sizeof(*keys));
    qsort(keys, runs->key_count, sizeof(*keys), compare_newest_first);
    return keys;
}

static enum rc visit_keys(struct runs_reading *reading, struct sql_query *query, struct err *err)
{
    const struct run_query *runs = reading->query;
    struct run_key *AUTO_FREE keys = sort_keys(runs);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && !reading->ended && i < runs->key_count; i++) {
        if (!i || run_key_compare(&keys[i], &keys[i - 1]) != 0)
            rc = visit_key(reading, query, &keys[i], err);
    }
    return rc;
}

static enum rc visit_list(struct runs_reading *reading, struct sql_query *query, struct err *err)
{
    const struct run_query *runs = reading->query;
    struct run_key *AUTO_FREE keys = sort_keys(runs);
    struct buf AUTO_BUF list;

    buf_init(&list, SIZE_MAX); /* without a limit nothing of it can fail */
    (void)buf_putc(&list, '[');
    for (size_t i = 0; i < runs->key_count; i++) {
        if (!i || run_key_compare(&keys[i], &keys[i - 1]) != 0)
            (void)buf_printf(&list, "%s[%lld,%llu,%u,%u]", i ? "," : "",
                             (long long)keys[i].scheduled_at, (unsigned long long)keys[i].job,
                             keys[i].attempt, keys[i].target);
    }
    (void)buf_putc(&list, ']');
    query->values[0] = sql_text_of(list.data, list.length);
    return visit_rows(reading, query, err);
}

enum rc sql_read_runs(struct sql_connection *connection, const struct run_query *query,
                      run_visit visit, void *context, struct err *err)
{
    struct runs_reading reading = {
        .connection = connection, .query = query, .visit = visit, .context = context};
    const struct sql_dialect *dialect = connection->dialect;
    enum sql_by by = dialect->runs_of_list ? SQL_BY_LIST : SQL_BY_ONE;
    struct sql_query AUTO_SQL_QUERY text;

    sql_query_runs(&text, dialect, query, query->keys ? by : SQL_BY_NOTHING);
    if (!query->keys)
        return visit_rows(&reading, &text, err);
    return (by == SQL_BY_LIST ? visit_list : visit_keys)(&reading, &text, err);
}
