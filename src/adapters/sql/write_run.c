/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "base/check.h"

#include "adapters/sql/rows.h"
#include "adapters/sql/write.h"

/* Values ?1-?4 of every statement about one run. */
#define KEY_VALUES(key)                                                                           \
    sql_number((key)->scheduled_at), sql_number((int64_t)(key)->job), sql_number((key)->attempt), \
        sql_number((key)->target)
#define KEY_IS "scheduled_at = ?1 AND job = ?2 AND attempt = ?3 AND target = ?4"

/* A run that nobody has claimed has no token: NULL. */
static struct sql_value token_value(const struct claim_token *token)
{
    static const struct claim_token none = {{0}};

    if (!memcmp(token->bytes, none.bytes, sizeof(none.bytes)))
        return sql_null();
    return sql_bytes(token->bytes, sizeof(token->bytes));
}

static enum rc refuse_run(struct store_write *write, enum rc outcome, const char *what)
{
    char id[RUN_ID_TEXT];

    return sql_refuse(write, outcome, "run %s %s", run_id_format(&write->run.key, id), what);
}

/* What a run's row must carry: the token, or none. Equal in every database, as NULL is not. */
static struct sql_value token_is(const struct claim_token *token)
{
    struct sql_value value = token_value(token);

    return value.kind == SQL_KIND_NULL ? sql_bytes("", 0) : value;
}

/* Of values ?1-?5. */
#define UNFINISHED_IS KEY_IS " AND coalesce(token, x'') = ?5 AND status < 2"

/* ---- claims ---------------------------------------------------------------------------------- */

/* A run on demand is taken over: queued, without a token, its job not removed. Its hash is that of
 * its revision, which may be an old one by now. In MySQL an assignment sees those before it. */
#define CLAIMED_REVISION "(CASE WHEN runs.revision = 0 THEN ?7 ELSE runs.revision END)"
#define CLAIM_EXISTING                                                                        \
    "UPDATE runs SET token = ?5, worker = ?6, sha256 = coalesce("                             \
    "(SELECT j.sha256 FROM jobs j WHERE j.id = ?2 AND j.revision = " CLAIMED_REVISION "), "   \
    "(SELECT v.sha256 FROM revisions v WHERE v.job = ?2"                                      \
    " AND v.revision = " CLAIMED_REVISION ")), revision = " CLAIMED_REVISION " WHERE " KEY_IS \
    " AND status = 0 AND token IS NULL AND ?1 - 250000 <= store_now() AND store_now() < ?8"   \
    " AND EXISTS (SELECT 1 FROM jobs WHERE id = ?2 AND removed = 0)"

enum rc sql_write_run_claim(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_claim *claim = &write->claim;
    struct sql_value values[] = {
        KEY_VALUES(&claim->key),     token_value(&claim->token),
        sql_text(claim->worker),     sql_number((int64_t)claim->revision),
        sql_number(claim->deadline), sql_number(claim->trigger),
    };

    if (claim->existing)
        return sql_run(writer->connection, CLAIM_EXISTING, values, ARRAY_SIZE(values) - 1, NULL,
                       err);
    CHECK(writer->connection->dialect->claim);
    return sql_run(writer->connection, writer->connection->dialect->claim, SQL_VALUES(values), NULL,
                   err);
}

/* ---- inserted as a whole --------------------------------------------------------------------- */

/* ret_changes: 0 when its job is not there, or, if `queued`, was removed. */
static enum rc insert_run(struct sql_writer *writer, struct store_write *write, bool queued,
                          int64_t *ret_changes, struct err *err)
{
    const struct write_run *run = &write->run;
    const struct run_result *result = &run->result;
    struct sql_value values[] = {
        KEY_VALUES(&run->key),
        token_value(&run->token),
        sql_number(run->trigger),
        sql_number(result->status),
        sql_instant(result->started_at),
        sql_instant(result->finished_at),
        sql_number(result->exit_code),
        sql_number(result->signal),
        sql_number(result->output_bytes),
        sql_number(result->output_truncated),
        sql_number(result->cpu),
        sql_number(result->max_rss),
        sql_number((int64_t)run->revision),
        sql_text(run->worker),
        sql_text(run->reason),
        sql_text(run->request),
        sql_number(MAX(run->count, 1)),
        sql_number(run->count > 1 ? run->until : run->key.scheduled_at),
        sql_number(!queued), /* the most that jobs.removed may be */
    };
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO runs (scheduled_at, job, attempt, target, token, `trigger`,"
                         " status, started_at, finished_at, exit_code, `signal`, output_bytes,"
                         " output_truncated, cpu, max_rss, revision, worker, reason, request,"
                         " count, until) SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                         " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21"
                         " FROM jobs WHERE id = ?2 AND removed <= ?22",
                         SQL_VALUES(values), ret_changes, err);

    return rc == RC_CONFLICT ? refuse_run(write, RC_CONFLICT, "exists already") : rc;
}

/* A statement found no job that may have this run. */
static enum rc refuse_jobless(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    uint64_t revision;
    bool removed;
    enum rc rc = sql_find_job(writer, write->run.key.job, &revision, &removed, err);

    if (rc != RC_OK)
        return rc;
    if (!revision)
        return sql_refuse(write, RC_NOT_FOUND, "there is no job %llu",
                          (unsigned long long)write->run.key.job);
    return sql_refuse(write, RC_CONFLICT, "job %llu was removed",
                      (unsigned long long)write->run.key.job);
}

enum rc sql_write_run_queue(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    int64_t changes = 0;
    enum rc rc;

    write->run.token = (struct claim_token){{0}};
    write->run.result = (struct run_result){.status = RUN_QUEUED,
                                            .started_at = INSTANT_NONE,
                                            .finished_at = INSTANT_NONE,
                                            .exit_code = -1};
    rc = insert_run(writer, write, true, &changes, err);
    if (rc == RC_OK && changes && write->run.revision)
        rc = sql_use_revision(writer, &write->run, err);
    if (rc != RC_OK || write->outcome != RC_OK || changes)
        return rc;
    return refuse_jobless(writer, write, err);
}

/* What the job's status becomes by the end of a run: never that of a removed job, nor of one that
 * was changed since the run was claimed. A run without a revision is of the job as it is. */
static enum rc set_job_status(struct sql_writer *writer, const struct write_run *run,
                              struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&run->key), sql_number(run->job_status)};

    if (!run->sets_job_status)
        return RC_OK;
    return sql_run(writer->connection,
                   "UPDATE jobs SET status = ?5 WHERE id = ?2 AND status <> ?5 AND removed = 0"
                   " AND EXISTS (SELECT 1 FROM runs r WHERE r.scheduled_at = ?1 AND r.job = ?2"
                   " AND r.attempt = ?3 AND r.target = ?4 AND r.revision IN (0, jobs.revision))",
                   SQL_VALUES(values), NULL, err);
}

/* A record that is said again, since its first answer was lost, is fine. */
static enum rc accept_again(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_run *run = &write->run;
    struct sql_value values[] = {KEY_VALUES(&run->key), sql_number(run->result.status),
                                 sql_number(run->count), sql_number(run->until)};
    struct sql_statement *row;
    enum rc rc = sql_first(writer->connection,
                           "SELECT 1 FROM runs WHERE " KEY_IS
                           " AND status = ?5 AND count = ?6 AND until = ?7 AND started_at IS NULL",
                           SQL_VALUES(values), &row, err);

    if (rc == RC_OK && row)
        write->outcome = RC_OK;
    if (rc == RC_OK)
        sql_done(row);
    return rc;
}

enum rc sql_write_run_record(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    int64_t changes = 0;
    enum rc rc = insert_run(writer, write, false, &changes, err);

    if (rc != RC_OK)
        return rc;
    if (write->outcome == RC_CONFLICT)
        return accept_again(writer, write, err);
    return changes ? set_job_status(writer, &write->run, err) : refuse_jobless(writer, write, err);
}

/* ---- conditional on the token ---------------------------------------------------------------- */

enum rc sql_write_run_waiting(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_run *run = &write->run;
    struct sql_value values[] = {KEY_VALUES(&run->key), token_value(&run->token),
                                 sql_text(run->reason)};
    int64_t changes;
    enum rc rc =
        sql_run(writer->connection,
                "UPDATE runs SET reason = ?6 WHERE " KEY_IS " AND token = ?5 AND status = 0",
                SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        return refuse_run(write, RC_STALE, "is not queued, or not yours, any more");
    return rc;
}

enum rc sql_write_run_started(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_run *run = &write->run;
    struct sql_value values[] = {KEY_VALUES(&run->key), token_value(&run->token),
                                 sql_number(run->result.started_at)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection,
                         "UPDATE runs SET status = 1, started_at = ?6, reason = '' WHERE " KEY_IS
                         " AND token = ?5 AND status < 2",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        return refuse_run(write, RC_STALE, "is not queued, or not yours, any more");
    return rc;
}

/* Writes the result of a run that is unfinished and carries the token; of one that is `lost`, only
 * if its worker's lease has run out. */
static enum rc update_result(struct sql_writer *writer, const struct write_run *run, bool lost,
                             int64_t *ret_changes, struct err *err)
{
    const struct run_result *result = &run->result;
    struct sql_value values[] = {
        KEY_VALUES(&run->key),
        token_is(&run->token),
        sql_number(result->status),
        sql_instant(result->started_at),
        sql_instant(result->finished_at),
        sql_number(result->exit_code),
        sql_number(result->signal),
        sql_number(result->output_bytes),
        sql_number(result->output_truncated),
        sql_number(result->cpu),
        sql_number(result->max_rss),
        sql_text(run->reason),
    };

#define UPDATE_RESULT                                                              \
    "UPDATE runs SET status = ?6, started_at = ?7, finished_at = ?8,"              \
    " exit_code = ?9, `signal` = ?10, output_bytes = ?11, output_truncated = ?12," \
    " cpu = ?13, max_rss = ?14, reason = ?15 WHERE " UNFINISHED_IS
    return sql_run(writer->connection,
                   lost ? UPDATE_RESULT " AND NOT EXISTS (SELECT 1 FROM workers w WHERE"
                                        " w.name = runs.worker AND w.lease_until > store_now())"
                        : UPDATE_RESULT,
                   SQL_VALUES(values), ret_changes, err);
#undef UPDATE_RESULT
}

/* The note is put behind the reason as it was read. */
static enum rc put_note(struct sql_writer *writer, const struct write_run *late, const char *kept,
                        struct err *err)
{
    char reason[LIMIT_REASON + 1];
    struct sql_value values[] = {KEY_VALUES(&late->key), sql_text(kept),
                                 sql_text(run_reason_late(kept, &late->result, reason))};

    return sql_run(writer->connection,
                   "UPDATE runs SET reason = ?6 WHERE " KEY_IS " AND status >= 2 AND reason = ?5",
                   SQL_VALUES(values), NULL, err);
}

/* Why a result was not written. ret_note: the reason that a late result is noted behind, in the
 * arena; NULL when there is nothing to note. */
static enum rc explain_result(struct store_write *write, struct sql_statement *row,
                              struct arena *arena, const char **ret_note, struct err *err)
{
    struct claim_token token = sql_row_token(row);
    struct run kept;

    sql_row_run(row, 0, &kept);
    if (memcmp(token.bytes, write->run.token.bytes, sizeof(token.bytes)) != 0)
        return refuse_run(write, RC_STALE, "belongs to somebody else");
    if (!run_status_is_final(kept.result.status)) /* it was claimed in between */
        return err_fail(err, RC_BUSY, "a run is being claimed");
    if (run_result_is_same(&kept.result, &write->run.result))
        return RC_OK; /* reported before */
    *ret_note = arena_strdup(arena, kept.reason);
    return refuse_run(write, RC_STALE, "has ended already");
}

static enum rc refuse_result(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&write->run.key)};
    struct arena AUTO_ARENA arena = {0};
    const char *note = NULL;
    struct sql_statement *row;
    enum rc rc =
        sql_first(writer->connection, "SELECT " SQL_RUN_COLUMNS " FROM runs r WHERE " KEY_IS,
                  SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    if (!row)
        return refuse_run(write, RC_NOT_FOUND, "does not exist");
    rc = explain_result(write, row, &arena, &note, err);
    sql_done(row);
    return rc == RC_OK && note ? put_note(writer, &write->run, note, err) : rc;
}

enum rc sql_write_run_finished(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    int64_t changes;
    enum rc rc = update_result(writer, &write->run, false, &changes, err);

    if (rc != RC_OK)
        return rc;
    return changes ? set_job_status(writer, &write->run, err) : refuse_result(writer, write, err);
}

static enum rc refuse_lost(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&write->run.key), token_is(&write->run.token)};
    struct sql_statement *row;
    bool found, unfinished;
    enum rc rc =
        sql_first(writer->connection,
                  "SELECT coalesce(token, x'') = ?5 AND status < 2 FROM runs WHERE " KEY_IS,
                  SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    found = row != NULL;
    unfinished = row && sql_column_number(row, 0);
    sql_done(row);
    if (!found)
        return refuse_run(write, RC_NOT_FOUND, "does not exist");
    return refuse_run(write, RC_STALE,
                      unfinished ? "belongs to a worker that may live"
                                 : "has ended, or belongs to somebody else");
}

enum rc sql_write_run_lost(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    int64_t changes;
    enum rc rc = update_result(writer, &write->run, true, &changes, err);

    if (rc != RC_OK)
        return rc;
    return changes ? set_job_status(writer, &write->run, err) : refuse_lost(writer, write, err);
}

enum rc sql_write_run_purge(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&write->run.key)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection, "DELETE FROM runs WHERE " KEY_IS, SQL_VALUES(values),
                         &changes, err);

    if (rc == RC_OK && !changes)
        return refuse_run(write, RC_NOT_FOUND, "does not exist");
    if (rc == RC_OK)
        rc = sql_run(writer->connection, "DELETE FROM outputs WHERE " KEY_IS, SQL_VALUES(values),
                     NULL, err);
    return rc == RC_OK ? sql_forget_revisions(writer, write->run.key.job, err) : rc;
}
