/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beside runs: their outputs, and what their jobs were. */
#include "adapters/sql/write.h"

/* ---- outputs --------------------------------------------------------------------------------- */

static enum rc refuse_output(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct run_key *key = &write->output.key;
    struct sql_value values[] = {sql_number(key->scheduled_at), sql_number((int64_t)key->job),
                                 sql_number(key->attempt), sql_number(key->target)};
    char id[RUN_ID_TEXT];
    struct sql_statement *row;
    bool found;
    enum rc rc = sql_first(writer->connection,
                           "SELECT 1 FROM runs WHERE scheduled_at = ?1 AND job = ?2"
                           " AND attempt = ?3 AND target = ?4",
                           SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    found = row != NULL;
    sql_done(row);
    return sql_refuse(write, found ? RC_STALE : RC_NOT_FOUND, "run %s %s", run_id_format(key, id),
                      found ? "belongs to somebody else" : "does not exist");
}

enum rc sql_write_run_output(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_output *output = &write->output;
    const struct kept_output *kept = &output->output;
    struct sql_value values[] = {
        sql_number(output->key.scheduled_at),
        sql_number((int64_t)output->key.job),
        sql_number(output->key.attempt),
        sql_number(output->key.target),
        sql_bytes(output->token.bytes, sizeof(output->token.bytes)),
        kept->in_objects ? sql_null() : sql_bytes(kept->length ? kept->data : "", kept->length),
    };
    int64_t changes = 0;
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO outputs (scheduled_at, job, attempt, target, data)"
                         " SELECT scheduled_at, job, attempt, target, ?6 FROM runs"
                         " WHERE scheduled_at = ?1 AND job = ?2 AND attempt = ?3 AND target = ?4"
                         " AND token = ?5",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_CONFLICT) /* the run is ours, and it was said before */
        return RC_OK;
    return rc == RC_OK && !changes ? refuse_output(writer, write, err) : rc;
}

/* ---- revisions ------------------------------------------------------------------------------- */

enum rc sql_keep_revision(struct sql_writer *writer, const struct write_job *job, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)job->id), sql_number((int64_t)job->revision)};
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO revisions (job, revision, until, sha256, document)"
                         " SELECT j.id, j.revision, store_now(), j.sha256, d.document FROM jobs j"
                         " JOIN documents d ON d.job = j.id WHERE j.id = ?1 AND j.removed = 0"
                         " AND (j.revision = ?2 OR ?2 = 0)",
                         SQL_VALUES(values), NULL, err);

    return rc == RC_CONFLICT ? RC_OK : rc; /* it is kept already */
}

enum rc sql_drop_revision(struct sql_writer *writer, job_id job, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)job)};

    return sql_run(writer->connection,
                   "DELETE FROM revisions WHERE job = ?1"
                   " AND revision = (SELECT revision FROM jobs WHERE id = ?1)",
                   SQL_VALUES(values), NULL, err);
}

enum rc sql_use_revision(struct sql_writer *writer, const struct write_run *run, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)run->key.job),
                                 sql_number((int64_t)run->revision),
                                 sql_number(run->key.scheduled_at)};

    return sql_run(
        writer->connection,
        "UPDATE revisions SET until = ?3 WHERE job = ?1 AND revision = ?2 AND until < ?3",
        SQL_VALUES(values), NULL, err);
}

enum rc sql_forget_revisions(struct sql_writer *writer, job_id job, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)job)};

    return sql_run(writer->connection, writer->connection->dialect->forget, SQL_VALUES(values),
                   NULL, err);
}
