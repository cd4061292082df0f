/* SPDX-License-Identifier: Apache-2.0 */
/* Workers, the leader, the time and the counts of everything. */
#include <stdio.h>

#include "base/arena.h"

#include "adapters/sql/read.h"
#include "wire/worker.h"

#define WORKERS                                                                           \
    "SELECT name, url, version, backend, labels, draining, running, tasks, clock_offset," \
    " started_at, lease_until, clock_synchronised FROM workers ORDER BY name"

static enum rc read_worker(struct sql_statement *row, struct arena *arena,
                           struct worker_record *ret_worker, struct err *err)
{
    size_t length;
    const char *labels = sql_column_text_of(row, 4, &length);

    *ret_worker = (struct worker_record){
        .name = sql_column_text(row, 0),
        .url = sql_column_text(row, 1),
        .version = sql_column_text(row, 2),
        .backend = sql_column_text(row, 3),
        .draining = sql_column_number(row, 5) != 0,
        .running = sql_column_number(row, 6),
        .tasks = sql_column_number(row, 7),
        .clock_offset = sql_column_number(row, 8),
        .started_at = sql_column_instant(row, 9),
        .lease_until = sql_column_instant(row, 10),
        .clock_synchronised = sql_column_number(row, 11) != 0,
    };
    return wire_pairs_read(labels, length, arena, &ret_worker->labels, err);
}

enum rc sql_read_workers(struct sql_connection *connection, worker_visit visit, void *context,
                         struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct sql_statement *rows;
    bool row = true;
    enum rc rc = sql_open(connection, WORKERS, NULL, 0, &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK) {
        struct worker_record worker;

        rc = sql_step(rows, &row, err);
        if (rc != RC_OK || !row)
            break;
        rc = read_worker(rows, &arena, &worker, err);
        if (rc == RC_OK && !visit(context, &worker))
            break;
    }
    sql_done(rows);
    return rc;
}

enum rc sql_read_leader(struct sql_connection *connection, struct leader_record *ret_leader,
                        struct err *err)
{
    struct leader_record leader = {0};
    struct sql_statement *row;
    enum rc rc = sql_first(connection, "SELECT epoch, name, url FROM leader WHERE id = 1", NULL, 0,
                           &row, err);

    if (rc != RC_OK)
        return rc;
    if (row) {
        leader.epoch = (uint64_t)sql_column_number(row, 0);
        (void)snprintf(leader.name, sizeof(leader.name), "%s", sql_column_text(row, 1));
        (void)snprintf(leader.url, sizeof(leader.url), "%s", sql_column_text(row, 2));
    }
    sql_done(row);
    *ret_leader = leader;
    return RC_OK;
}

enum rc sql_read_now(struct sql_connection *connection, instant_us *ret_now, struct err *err)
{
    struct sql_statement *row;
    enum rc rc = sql_first(connection, "SELECT store_now()", NULL, 0, &row, err);

    if (rc != RC_OK)
        return rc;
    if (row)
        *ret_now = sql_column_number(row, 0);
    sql_done(row);
    return row ? RC_OK : err_fail(err, RC_INTERNAL, "the database has no time");
}

/* Counts in one pass: GROUP BY would sort all rows in memory. */
#define COUNT_JOBS "SELECT sum(status = 0), sum(status = 1), sum(status = 2) FROM jobs"
#define COUNT_RUNS "SELECT sum(r.status = 0), sum(r.status = 1) FROM runs r"

_Static_assert(JOB_STATUS_COUNT == 3, "the columns of COUNT_JOBS");

/* The numbers of a statement of one row; without `owner` it takes no value. */
static enum rc read_counts(struct sql_connection *connection, const char *text, const char *owner,
                           int64_t *ret_counts, int count, struct err *err)
{
    struct sql_value values[] = {sql_text(owner)};
    struct sql_statement *row;
    enum rc rc = sql_first(connection, text, values, owner ? 1 : 0, &row, err);

    if (rc != RC_OK)
        return rc;
    for (int i = 0; row && i < count; i++)
        ret_counts[i] = sql_column_number(row, i);
    sql_done(row);
    return RC_OK;
}

enum rc sql_read_summary(struct sql_connection *connection, const char *owner,
                         struct store_summary *ret_summary, struct err *err)
{
    struct store_summary summary = {0};
    int64_t runs[2] = {0};
    enum rc rc;

    rc = read_counts(connection, owner ? COUNT_JOBS " WHERE owner = ?1" : COUNT_JOBS, owner,
                     summary.jobs, JOB_STATUS_COUNT, err);
    if (rc == RC_OK)
        rc = read_counts(connection,
                         owner ? COUNT_RUNS " JOIN jobs j ON j.id = r.job"
                                            " WHERE r.status < 2 AND j.owner = ?1"
                               : COUNT_RUNS " WHERE r.status < 2",
                         owner, runs, ARRAY_SIZE(runs), err);
    if (rc != RC_OK)
        return rc;
    summary.queued = runs[RUN_QUEUED];
    summary.running = runs[RUN_RUNNING];
    *ret_summary = summary;
    return RC_OK;
}
