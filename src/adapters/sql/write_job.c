/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "adapters/sql/query.h"
#include "adapters/sql/rows.h"
#include "adapters/sql/write.h"
#include "wire/worker.h"

#define KEY_KEPT     DAY  /* how long an idempotency key is remembered */
#define SWEEP_PERIOD HOUR /* how often those that are older are removed */

enum rc sql_find_job(struct sql_writer *writer, job_id id, uint64_t *ret_revision,
                     bool *ret_removed, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)id)};
    struct sql_statement *row;
    enum rc rc = sql_first(writer->connection, "SELECT revision, removed FROM jobs WHERE id = ?1",
                           SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    *ret_revision = row ? (uint64_t)sql_column_number(row, 0) : 0;
    *ret_removed = row && sql_column_number(row, 1);
    sql_done(row);
    return RC_OK;
}

/* A statement about a job found nothing to change: why. ret_removed: it has the revision that was
 * asked for, and was removed. */
static enum rc explain_job(struct sql_writer *writer, struct store_write *write, bool *ret_removed,
                           struct err *err)
{
    const struct write_job *job = &write->job;
    uint64_t revision;
    bool removed;
    enum rc rc = sql_find_job(writer, job->id, &revision, &removed, err);

    if (rc != RC_OK)
        return rc;
    *ret_removed = false;
    if (!revision)
        return sql_refuse(write, RC_NOT_FOUND, "there is no job %llu", (unsigned long long)job->id);
    if (job->revision && job->revision != revision)
        return sql_refuse(write, RC_STALE, "job %llu has revision %llu by now, not %llu",
                          (unsigned long long)job->id, (unsigned long long)revision,
                          (unsigned long long)job->revision);
    if (!removed) /* it was changed in between, and back */
        return err_fail(err, RC_BUSY, "job %llu is being changed", (unsigned long long)job->id);
    *ret_removed = true;
    return RC_OK;
}

/* ---- idempotency: a POST that is repeated with its key makes one job ------------------------- */

static enum rc sweep_keys(struct sql_writer *writer, struct err *err)
{
    struct sql_value values[] = {sql_number(KEY_KEPT)};
    mono_us now = clock_mono(writer->clock);

    if (writer->swept && now - writer->swept_at < SWEEP_PERIOD)
        return RC_OK;
    writer->swept = true;
    writer->swept_at = now;
    return sql_run(writer->connection, "DELETE FROM idempotency WHERE kept_at <= store_now() - ?1",
                   SQL_VALUES(values), NULL, err);
}

/* ret_decided: the write has its outcome, the job made then or a refusal. A key whose job was
 * purged is free again. */
static enum rc find_key(struct sql_writer *writer, struct store_write *write, bool *ret_decided,
                        struct err *err)
{
    struct write_job *job = &write->job;
    struct sql_value values[] = {sql_text(job->owner), sql_text(job->idempotency_key),
                                 sql_number(KEY_KEPT)};
    struct sql_statement *row;
    size_t length;
    const void *hash;
    enum rc rc = sql_first(writer->connection,
                           "SELECT i.request_hash, j.id, j.revision FROM idempotency i"
                           " JOIN jobs j ON j.id = i.job"
                           " WHERE i.owner = ?1 AND i.`key` = ?2"
                           " AND i.kept_at > store_now() - ?3",
                           SQL_VALUES(values), &row, err);

    if (rc != RC_OK)
        return rc;
    *ret_decided = row != NULL;
    if (!row)
        return RC_OK;
    hash = sql_column_bytes(row, 0, &length);
    if (length == 32 && !memcmp(hash, job->request_hash, length)) {
        job->id = (job_id)sql_column_number(row, 1);
        job->revision = (uint64_t)sql_column_number(row, 2);
        job->replayed = true;
    } else {
        rc = sql_refuse(write, RC_INVALID,
                        "the Idempotency-Key was used for another request already");
    }
    sql_done(row);
    return rc;
}

static enum rc insert_key(struct sql_writer *writer, const struct write_job *job, struct err *err)
{
    struct sql_value values[] = {sql_text(job->owner), sql_text(job->idempotency_key),
                                 sql_bytes(job->request_hash, 32), sql_number((int64_t)job->id)};

    return sql_run(writer->connection,
                   "INSERT INTO idempotency (owner, `key`, request_hash, job, kept_at)"
                   " VALUES (?1, ?2, ?3, ?4, store_now())",
                   SQL_VALUES(values), NULL, err);
}

/* One that is too old, or whose job was purged, makes room. One that another process keeps at the
 * same time will be found by the next try. */
static enum rc keep_key(struct sql_writer *writer, const struct write_job *job, struct err *err)
{
    struct sql_value values[] = {sql_text(job->owner), sql_text(job->idempotency_key)};
    enum rc rc = insert_key(writer, job, err);

    if (rc != RC_CONFLICT)
        return rc;
    rc = sql_run(writer->connection, "DELETE FROM idempotency WHERE owner = ?1 AND `key` = ?2",
                 SQL_VALUES(values), NULL, err);
    if (rc == RC_OK)
        rc = insert_key(writer, job, err);
    return rc == RC_CONFLICT ? err_fail(err, RC_BUSY, "the Idempotency-Key is being used") : rc;
}

/* ---- the rows of a job ------------------------------------------------------------------------
 */

/* Values ?1-?20 of a job's row: what follows from its document. */
enum { DOCUMENT_VALUES = 20 };

#define DOCUMENT_COLUMNS                                                                 \
    "enabled, name, unique_name, schedule, time_zone, type, starts_at, ends_at, jitter," \
    " concurrency, catch_up, catch_up_window, on_worker_loss, retry_limit, retry_delay," \
    " retry_backoff, retry_max_delay, retry_elsewhere, placement, sha256"

/* "" when any worker will do. */
static const char *placement_text(const struct pairs *placement, struct arena *arena)
{
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    if (!placement->count || wire_pairs_write(placement, &text) != RC_OK)
        return ""; /* without a limit it cannot fail */
    return arena_strndup(arena, text.data, text.length);
}

/* The placement's text is in the arena. */
static void document_values(const struct job *job, struct sql_value values[DOCUMENT_VALUES],
                            struct arena *arena)
{
    const struct sql_value all[DOCUMENT_VALUES] = {
        sql_number(job->enabled),
        sql_text(job->name),
        job->name[0] ? sql_text(job->name) : sql_null(),
        sql_text(job->schedule),
        sql_text(job->time_zone),
        sql_number(job->type),
        sql_instant(job->starts_at),
        sql_instant(job->ends_at),
        sql_number(job->jitter),
        sql_number(job->concurrency),
        sql_number(job->catch_up),
        sql_number(job->catch_up_window),
        sql_number(job->on_worker_loss),
        sql_number(job->retries.limit),
        sql_number(job->retries.delay),
        sql_number((int64_t)(job->retries.backoff * SQL_BACKOFF_UNIT + 0.5)),
        sql_number(job->retries.max_delay),
        sql_number(job->retries.elsewhere),
        sql_text(placement_text(&job->placement, arena)),
        job->sha256[0] ? sql_text(job->sha256) : sql_null(),
    };

    memcpy(values, all, sizeof(all));
}

static enum rc insert_labels(struct sql_writer *writer, const struct write_job *job,
                             struct err *err)
{
    const struct pairs *labels = &job->job->labels;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < labels->count; i++) {
        struct sql_value values[] = {sql_text(labels->items[i].name),
                                     sql_text(labels->items[i].value),
                                     sql_number((int64_t)job->id)};

        rc =
            sql_run(writer->connection, "INSERT INTO labels (name, value, job) VALUES (?1, ?2, ?3)",
                    SQL_VALUES(values), NULL, err);
    }
    return rc;
}

/* `text` is the statement that puts the document: ?1 the job, ?2 the document, ?3 the search. */
static enum rc put_document(struct sql_writer *writer, const struct write_job *job,
                            const char *text, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct buf AUTO_BUF document;
    struct sql_value values[] = {sql_number((int64_t)job->id), sql_null(),
                                 sql_text(sql_search_text(job->job, &arena))};
    enum rc rc;

    buf_init(&document, SIZE_MAX);
    rc = write_job_text(job, &document);
    values[1] = sql_text_of(document.data, document.length);
    if (rc == RC_OK)
        rc = sql_run(writer->connection, text, SQL_VALUES(values), NULL, err);
    return rc == RC_OK ? insert_labels(writer, job, err) : rc;
}

/* The statement has failed. A taken name is the one thing that only this write is refused for. */
static enum rc name_taken(struct store_write *write, enum rc rc)
{
    if (rc != RC_CONFLICT)
        return rc;
    return sql_refuse(write, RC_CONFLICT, "the name '%s' belongs to another job",
                      write->job.job->name);
}

static enum rc insert_job(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct write_job *job = &write->job;
    struct arena AUTO_ARENA arena = {0};
    struct sql_value values[DOCUMENT_VALUES + 4];
    enum rc rc;

    document_values(job->job, values, &arena);
    values[DOCUMENT_VALUES] = sql_number(job->status);
    values[DOCUMENT_VALUES + 1] = sql_text(job->owner);
    values[DOCUMENT_VALUES + 2] = sql_text(job->worker);
    values[DOCUMENT_VALUES + 3] = sql_number(job->at);
    rc = sql_run(writer->connection,
                 "INSERT INTO jobs (" DOCUMENT_COLUMNS ", status, owner, worker, created_at,"
                 " updated_at, due_since, revision, removed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"
                 " ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,"
                 " ?24, ?24, ?24, 1, 0)",
                 SQL_VALUES(values), NULL, err);
    if (rc != RC_OK)
        return name_taken(write, rc);
    job->id = (job_id)sql_inserted_id(writer->connection);
    job->revision = 1;
    return put_document(writer, job,
                        "INSERT INTO documents (job, document, search) VALUES (?1, ?2, ?3)", err);
}

enum rc sql_write_job_create(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct write_job *job = &write->job;
    bool decided = false;
    enum rc rc;

    job->replayed = false;
    if (!job->idempotency_key)
        return insert_job(writer, write, err);
    rc = sweep_keys(writer, err);
    if (rc == RC_OK)
        rc = find_key(writer, write, &decided, err);
    if (rc != RC_OK || decided)
        return rc;
    rc = insert_job(writer, write, err);
    if (rc != RC_OK || write->outcome != RC_OK)
        return rc;
    return keep_key(writer, job, err);
}

/* ret_changes: 0 when the job is not there, was removed, or has another revision. */
static enum rc update_job(struct sql_writer *writer, const struct write_job *job,
                          int64_t *ret_changes, struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct sql_value values[DOCUMENT_VALUES + 5];

    document_values(job->job, values, &arena);
    values[DOCUMENT_VALUES] = sql_number(job->status);
    values[DOCUMENT_VALUES + 1] = sql_number(job->at);
    values[DOCUMENT_VALUES + 2] = sql_number(job->due_changed);
    values[DOCUMENT_VALUES + 3] = sql_number((int64_t)job->id);
    values[DOCUMENT_VALUES + 4] = sql_number((int64_t)job->revision);
    return sql_run(writer->connection,
                   "UPDATE jobs SET enabled = ?1, name = ?2, unique_name = ?3, schedule = ?4,"
                   " time_zone = ?5, type = ?6, starts_at = ?7, ends_at = ?8, jitter = ?9,"
                   " concurrency = ?10, catch_up = ?11, catch_up_window = ?12,"
                   " on_worker_loss = ?13, retry_limit = ?14, retry_delay = ?15,"
                   " retry_backoff = ?16, retry_max_delay = ?17, retry_elsewhere = ?18,"
                   " placement = ?19, sha256 = ?20, status = ?21, updated_at = ?22,"
                   " due_since = CASE WHEN ?23 = 1 THEN ?22 ELSE due_since END,"
                   " revision = revision + 1 WHERE id = ?24 AND removed = 0"
                   " AND (revision = ?25 OR ?25 = 0)",
                   SQL_VALUES(values), ret_changes, err);
}

static enum rc refuse_replace(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    bool removed;
    enum rc rc = explain_job(writer, write, &removed, err);

    if (rc == RC_OK && write->outcome == RC_OK)
        return sql_refuse(write, RC_CONFLICT, "job %llu was removed",
                          (unsigned long long)write->job.id);
    return rc;
}

static enum rc replace_texts(struct sql_writer *writer, struct write_job *job, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)job->id)};
    bool removed;
    enum rc rc = sql_find_job(writer, job->id, &job->revision, &removed, err);

    if (rc == RC_OK)
        rc = sql_forget_revisions(writer, job->id, err);
    if (rc == RC_OK)
        rc = sql_run(writer->connection, "DELETE FROM labels WHERE job = ?1", SQL_VALUES(values),
                     NULL, err);
    if (rc != RC_OK)
        return rc;
    return put_document(writer, job,
                        "UPDATE documents SET document = ?2, search = ?3 WHERE job = ?1", err);
}

enum rc sql_write_job_replace(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    int64_t changes = 0;
    enum rc rc = sql_keep_revision(writer, &write->job, err);

    if (rc == RC_OK)
        rc = update_job(writer, &write->job, &changes, err);
    if (rc == RC_CONFLICT)
        rc = sql_drop_revision(writer, write->job.id, err) == RC_OK ? name_taken(write, RC_CONFLICT)
                                                                    : RC_BUSY;
    if (rc != RC_OK || write->outcome != RC_OK)
        return rc;
    return changes ? replace_texts(writer, &write->job, err) : refuse_replace(writer, write, err);
}

/* ---- the end of a job ------------------------------------------------------------------------ */

static enum rc skip_queued(struct sql_writer *writer, const struct write_job *job, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)job->id), sql_number(job->at),
                                 sql_number(RUN_SKIPPED)};

    return sql_run(writer->connection,
                   "UPDATE runs SET status = ?3, reason = 'removed', finished_at = ?2"
                   " WHERE +job = ?1 AND status < 2 AND status = 0 AND token IS NULL",
                   SQL_VALUES(values), NULL, err);
}

enum rc sql_write_job_remove(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)write->job.id), sql_number(write->job.at),
                                 sql_number(JOB_FINISHED),
                                 sql_number((int64_t)write->job.revision)};
    int64_t changes;
    bool removed;
    enum rc rc = sql_run(writer->connection,
                         "UPDATE jobs SET removed = 1, status = ?3, unique_name = NULL,"
                         " updated_at = ?2 WHERE id = ?1 AND removed = 0"
                         " AND (revision = ?4 OR ?4 = 0)",
                         SQL_VALUES(values), &changes, err);

    if (rc != RC_OK)
        return rc;
    return changes ? skip_queued(writer, &write->job, err)
                   : explain_job(writer, write, &removed, err);
}

/* A job may have very many runs: no statement takes too many at once. */
static enum rc purge_runs(struct sql_writer *writer, const struct sql_value *job, struct err *err)
{
    const struct sql_dialect *dialect = writer->connection->dialect;
    int64_t changes = 0;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < ARRAY_SIZE(dialect->purge); i++) {
        do
            rc = sql_run(writer->connection, dialect->purge[i], job, 1, &changes, err);
        while (rc == RC_OK && changes);
    }
    return rc;
}

enum rc sql_write_job_purge(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    static const char *const statements[] = {
        "DELETE FROM labels WHERE job = ?1",
        "DELETE FROM documents WHERE job = ?1",
        "DELETE FROM revisions WHERE job = ?1",
        "DELETE FROM jobs WHERE id = ?1",
    };
    struct sql_value values[] = {sql_number((int64_t)write->job.id)};
    int64_t changes = 0;
    enum rc rc = purge_runs(writer, values, err);

    for (size_t i = 0; rc == RC_OK && i < ARRAY_SIZE(statements); i++)
        rc = sql_run(writer->connection, statements[i], SQL_VALUES(values), &changes, err);
    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no job %llu",
                          (unsigned long long)write->job.id);
    return rc;
}

/* ---- what the system decides ----------------------------------------------------------------- */

enum rc sql_write_job_status(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)write->job.id), sql_number(write->job.status),
                                 sql_number((int64_t)write->job.revision)};
    int64_t changes;
    bool removed;
    enum rc rc = sql_run(writer->connection,
                         "UPDATE jobs SET status = ?2 WHERE id = ?1 AND removed = 0"
                         " AND (revision = ?3 OR ?3 = 0)",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        rc = explain_job(writer, write, &removed, err);
    if (rc == RC_OK && !changes && write->outcome == RC_OK)
        return sql_refuse(write, RC_STALE, "job %llu was removed",
                          (unsigned long long)write->job.id);
    return rc;
}

enum rc sql_write_job_seal(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct write_job *job = &write->job;
    struct sql_value values[] = {sql_number((int64_t)job->id),
                                 sql_text_of(job->document, job->document_length),
                                 sql_number((int64_t)job->revision)};
    enum rc rc = sql_run(writer->connection,
                         "UPDATE documents SET document = ?2 WHERE job = ?1 AND EXISTS"
                         " (SELECT 1 FROM jobs WHERE id = ?1 AND (revision = ?3 OR ?3 = 0))",
                         SQL_VALUES(values), NULL, err);
    uint64_t revision = 0;
    bool removed;

    if (rc == RC_OK)
        rc = sql_find_job(writer, job->id, &revision, &removed, err);
    if (rc != RC_OK || (revision && (!job->revision || job->revision == revision)))
        return rc;
    return explain_job(writer, write, &removed, err);
}

enum rc sql_write_job_assign(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_number((int64_t)write->job.id), sql_text(write->job.worker)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection, "UPDATE jobs SET worker = ?2 WHERE id = ?1",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no job %llu",
                          (unsigned long long)write->job.id);
    return rc;
}
