/* SPDX-License-Identifier: Apache-2.0 */
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

/* ---- claims ---------------------------------------------------------------------------------- */

/* A run on demand is taken over: queued, without a token, its job not removed. */
static enum rc claim_existing(struct sql_writer *writer, const struct write_claim *claim,
                              struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&claim->key), token_value(&claim->token),
                                 sql_text(claim->worker), sql_number((int64_t)claim->revision)};

    return sql_run(writer->connection,
                   "UPDATE runs SET token = ?5, worker = ?6, revision = ?7 WHERE " KEY_IS
                   " AND status = 0 AND token IS NULL"
                   " AND EXISTS (SELECT 1 FROM jobs WHERE id = ?2 AND removed = 0)",
                   SQL_VALUES(values), NULL, err);
}

enum rc sql_write_run_claim(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_claim *claim = &write->claim;
    instant_us now = clock_now(writer->clock);
    struct sql_value values[] = {KEY_VALUES(&claim->key), token_value(&claim->token),
                                 sql_number(claim->trigger), sql_text(claim->worker),
                                 sql_number((int64_t)claim->revision)};

    if (now < claim->key.scheduled_at - CLAIM_LEAD || now >= claim->deadline)
        return RC_OK;
    if (claim->existing)
        return claim_existing(writer, claim, err);
    return sql_run(writer->connection, writer->dialect->claim, SQL_VALUES(values), NULL, err);
}

/* ---- inserted as a whole --------------------------------------------------------------------- */

static enum rc insert_run(struct sql_writer *writer, struct store_write *write,
                          enum run_status status, struct err *err)
{
    const struct write_run *run = &write->run;
    const struct run_result *result = &run->result;
    struct sql_value values[] = {
        KEY_VALUES(&run->key),
        token_value(&run->token),
        sql_number(run->trigger),
        sql_number(status),
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
    };
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO runs (scheduled_at, job, attempt, target, token, trigger,"
                         " status, started_at, finished_at, exit_code, signal, output_bytes,"
                         " output_truncated, cpu, max_rss, revision, worker, reason, request,"
                         " count, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                         " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
                         SQL_VALUES(values), NULL, err);

    return rc == RC_CONFLICT ? refuse_run(write, RC_CONFLICT, "exists already") : rc;
}

static enum rc check_job(struct sql_writer *writer, struct store_write *write, bool *ret_removed,
                         struct err *err)
{
    uint64_t revision;
    enum rc rc = sql_find_job(writer, write->run.key.job, &revision, ret_removed, err);

    if (rc == RC_OK && !revision)
        return sql_refuse(write, RC_NOT_FOUND, "there is no job %llu",
                          (unsigned long long)write->run.key.job);
    return rc;
}

enum rc sql_write_run_queue(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    bool removed;
    enum rc rc = check_job(writer, write, &removed, err);

    if (rc != RC_OK || write->outcome != RC_OK)
        return rc;
    if (removed)
        return sql_refuse(write, RC_CONFLICT, "job %llu was removed",
                          (unsigned long long)write->run.key.job);
    write->run.token = (struct claim_token){{0}};
    write->run.result = (struct run_result){
        .started_at = INSTANT_NONE, .finished_at = INSTANT_NONE, .exit_code = -1};
    return insert_run(writer, write, RUN_QUEUED, err);
}

/* What the job's status becomes by the end of a run: never that of a removed job, nor of one that
 * was changed since. `revision` 0: of the job as it is. */
static enum rc set_job_status(struct sql_writer *writer, const struct write_run *run,
                              uint64_t revision, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)run->key.job), sql_number(run->job_status),
                                 sql_number((int64_t)revision)};

    return sql_run(writer->connection,
                   "UPDATE jobs SET status = ?2 WHERE id = ?1 AND status <> ?2 AND removed = 0"
                   " AND (revision = ?3 OR ?3 = 0)",
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
    bool removed;
    enum rc rc = check_job(writer, write, &removed, err);

    if (rc != RC_OK || write->outcome != RC_OK)
        return rc;
    rc = insert_run(writer, write, write->run.result.status, err);
    if (rc == RC_OK && write->outcome == RC_CONFLICT)
        return accept_again(writer, write, err);
    if (rc != RC_OK || write->outcome != RC_OK || !write->run.sets_job_status)
        return rc;
    return set_job_status(writer, &write->run, write->run.revision, err);
}

/* ---- conditional on the token ---------------------------------------------------------------- */

enum rc sql_write_run_started(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_run *run = &write->run;
    struct sql_value values[] = {KEY_VALUES(&run->key), token_value(&run->token),
                                 sql_number(run->result.started_at)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection,
                         "UPDATE runs SET status = 1, started_at = ?6 WHERE " KEY_IS
                         " AND token = ?5 AND status < 2",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        return refuse_run(write, RC_STALE, "is not queued, or not yours, any more");
    return rc;
}

static enum rc update_result(struct sql_writer *writer, const struct write_run *run,
                             struct err *err)
{
    const struct run_result *result = &run->result;
    struct sql_value values[] = {
        KEY_VALUES(&run->key),
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

    return sql_run(writer->connection,
                   "UPDATE runs SET status = ?5, started_at = ?6, finished_at = ?7,"
                   " exit_code = ?8, signal = ?9, output_bytes = ?10, output_truncated = ?11,"
                   " cpu = ?12, max_rss = ?13, reason = ?14 WHERE " KEY_IS,
                   SQL_VALUES(values), NULL, err);
}

/* The run is final. A result that was reported before is fine; any other leaves a note. */
static enum rc note_late_result(struct sql_writer *writer, struct store_write *write,
                                const struct run *kept, struct err *err)
{
    const struct write_run *late = &write->run;
    char reason[LIMIT_REASON + 1];
    struct sql_value values[] = {KEY_VALUES(&late->key), sql_null()};
    enum rc rc;

    if (run_result_is_same(&kept->result, &late->result))
        return RC_OK;
    values[4] = sql_text(run_reason_late(kept->reason, &late->result, reason));
    rc = sql_run(writer->connection, "UPDATE runs SET reason = ?5 WHERE " KEY_IS,
                 SQL_VALUES(values), NULL, err);
    return rc == RC_OK ? refuse_run(write, RC_STALE, "has ended already") : rc;
}

/* With the run's row at hand: decides what becomes of the result. */
static enum rc finish_run(struct sql_writer *writer, struct store_write *write,
                          struct sql_statement *row, struct err *err)
{
    struct claim_token token = sql_row_token(row);
    const struct write_run *late = &write->run;
    struct run kept;
    enum rc rc;

    sql_row_run(row, &kept);
    if (memcmp(token.bytes, late->token.bytes, sizeof(token.bytes)) != 0)
        return refuse_run(write, RC_STALE, "belongs to somebody else");
    if (run_status_is_final(kept.result.status))
        return note_late_result(writer, write, &kept, err);
    rc = update_result(writer, late, err);
    if (rc != RC_OK || !late->sets_job_status)
        return rc;
    return set_job_status(writer, late, kept.revision, err);
}

enum rc sql_write_run_finished(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&write->run.key)};
    struct sql_statement *row;
    enum rc rc =
        sql_first(writer->connection, "SELECT " SQL_RUN_COLUMNS " FROM runs r WHERE " KEY_IS,
                  SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    if (!row)
        return refuse_run(write, RC_NOT_FOUND, "does not exist");
    rc = finish_run(writer, write, row, err);
    sql_done(row);
    return rc;
}

enum rc sql_write_run_purge(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {KEY_VALUES(&write->run.key)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection, "DELETE FROM runs WHERE " KEY_IS, SQL_VALUES(values),
                         &changes, err);

    if (rc == RC_OK && !changes)
        return refuse_run(write, RC_NOT_FOUND, "does not exist");
    return rc;
}
