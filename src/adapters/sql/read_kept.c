/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beside runs: their outputs, what their jobs were, and the hashes of both. */
#include "adapters/sql/read.h"

enum rc sql_read_output(struct sql_connection *connection, const struct run_key *run,
                        output_visit visit, void *context, struct err *err)
{
    struct sql_value values[] = {sql_number(run->scheduled_at), sql_number((int64_t)run->job),
                                 sql_number(run->attempt), sql_number(run->target)};
    struct kept_output output = {0};
    struct sql_statement *row;
    enum rc rc = sql_first(connection,
                           "SELECT data FROM outputs WHERE scheduled_at = ?1 AND job = ?2"
                           " AND attempt = ?3 AND target = ?4",
                           SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    if (!row)
        return err_fail(err, RC_NOT_FOUND, "the store has no output of the run");
    output.in_objects = sql_is_null(row, 0);
    if (!output.in_objects)
        output.data = sql_column_bytes(row, 0, &output.length);
    visit(context, &output);
    sql_done(row);
    return RC_OK;
}

enum rc sql_read_revision(struct sql_connection *connection, job_id job, uint64_t revision,
                          document_visit visit, void *context, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)job), sql_number((int64_t)revision)};
    struct sql_statement *row;
    const char *document;
    size_t length;
    enum rc rc = sql_first(connection,
                           "SELECT d.document FROM jobs j JOIN documents d ON d.job = j.id"
                           " WHERE j.id = ?1 AND j.revision = ?2 UNION ALL"
                           " SELECT document FROM revisions WHERE job = ?1 AND revision = ?2",
                           SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    if (!row)
        return err_fail(err, RC_NOT_FOUND, "revision %llu of job %llu is not kept",
                        (unsigned long long)revision, (unsigned long long)job);
    document = sql_column_text_of(row, 0, &length);
    visit(context, document, length);
    sql_done(row);
    return RC_OK;
}

/* A run's hash is that of its revision, which is the job's or an old one; the runs themselves, of
 * which there may be millions, need not be looked at. */
enum rc sql_read_hashes(struct sql_connection *connection, hash_visit visit, void *context,
                        struct err *err)
{
    struct sql_statement *rows;
    bool row = true;
    enum rc rc = sql_open(connection,
                          "SELECT sha256 FROM jobs WHERE sha256 IS NOT NULL UNION"
                          " SELECT sha256 FROM revisions WHERE sha256 IS NOT NULL",
                          NULL, 0, &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK) {
        rc = sql_step(rows, &row, err);
        if (rc != RC_OK || !row || !visit(context, sql_column_text(rows, 0)))
            break;
    }
    sql_done(rows);
    return rc;
}
