/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/schema.h"

#define CREATE_SCHEMA \
    "CREATE TABLE IF NOT EXISTS schema (version INTEGER PRIMARY KEY, taken_at BIGINT NOT NULL)"

/* clang-format off */

/* unique_name is the name while it is taken, NULL when there is none or the job was removed. */
static const char *const sqlite_first[] = {
    "CREATE TABLE jobs ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " revision INTEGER NOT NULL,"
    " status INTEGER NOT NULL,"
    " removed INTEGER NOT NULL,"
    " enabled INTEGER NOT NULL,"
    " owner TEXT NOT NULL,"
    " worker TEXT NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " due_since INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " unique_name TEXT,"
    " schedule TEXT NOT NULL,"
    " time_zone TEXT NOT NULL,"
    " type INTEGER NOT NULL,"
    " starts_at INTEGER,"
    " ends_at INTEGER,"
    " jitter INTEGER NOT NULL,"
    " concurrency INTEGER NOT NULL,"
    " catch_up INTEGER NOT NULL,"
    " catch_up_window INTEGER NOT NULL,"
    " on_worker_loss INTEGER NOT NULL,"
    " retry_limit INTEGER NOT NULL,"
    " retry_delay INTEGER NOT NULL,"
    " retry_backoff INTEGER NOT NULL," /* in millionths */
    " retry_max_delay INTEGER NOT NULL,"
    " retry_elsewhere INTEGER NOT NULL"
    ") STRICT",
    "CREATE UNIQUE INDEX jobs_unique_name ON jobs (unique_name) WHERE unique_name IS NOT NULL",
    "CREATE INDEX jobs_name ON jobs (name) WHERE name <> ''",
    "CREATE TABLE documents ("
    " job INTEGER PRIMARY KEY,"
    " document TEXT NOT NULL,"
    " search TEXT NOT NULL" /* name, executable and description in lower case */
    ") STRICT",
    "CREATE TABLE labels ("
    " name TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " job INTEGER NOT NULL,"
    " PRIMARY KEY (name, value, job)"
    ") WITHOUT ROWID, STRICT",
    "CREATE INDEX labels_job ON labels (job)",
    "CREATE TABLE runs ("
    " scheduled_at INTEGER NOT NULL,"
    " job INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " target INTEGER NOT NULL,"
    " token BLOB,"
    " trigger INTEGER NOT NULL,"
    " status INTEGER NOT NULL,"
    " started_at INTEGER,"
    " finished_at INTEGER,"
    " exit_code INTEGER NOT NULL,"
    " signal INTEGER NOT NULL,"
    " output_bytes INTEGER NOT NULL,"
    " output_truncated INTEGER NOT NULL,"
    " cpu INTEGER NOT NULL,"
    " max_rss INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " worker TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " request TEXT NOT NULL,"
    " count INTEGER NOT NULL,"
    " until INTEGER NOT NULL,"
    " PRIMARY KEY (scheduled_at, job, attempt, target)"
    ") WITHOUT ROWID, STRICT",
    "CREATE INDEX runs_job ON runs (job, scheduled_at, attempt, target)",
    "CREATE INDEX runs_token ON runs (token) WHERE token IS NOT NULL",
    "CREATE INDEX runs_unfinished ON runs (scheduled_at, job, attempt, target)"
    " WHERE status < 2",
    "CREATE INDEX runs_tick ON runs (job, until) WHERE trigger IN (0, 2, 3, 5)",
    "CREATE TABLE workers ("
    " name TEXT PRIMARY KEY,"
    " url TEXT NOT NULL,"
    " version TEXT NOT NULL,"
    " backend TEXT NOT NULL,"
    " labels TEXT NOT NULL,"
    " draining INTEGER NOT NULL,"
    " running INTEGER NOT NULL,"
    " tasks INTEGER NOT NULL,"
    " clock_offset INTEGER NOT NULL,"
    " started_at INTEGER,"
    " lease_until INTEGER"
    ") WITHOUT ROWID, STRICT",
    "CREATE TABLE tokens ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " account TEXT NOT NULL,"
    " admin INTEGER NOT NULL,"
    " hash BLOB NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " expires_at INTEGER"
    ") WITHOUT ROWID, STRICT",
    "CREATE TABLE idempotency ("
    " owner TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " request_hash BLOB NOT NULL,"
    " job INTEGER NOT NULL,"
    " kept_at INTEGER NOT NULL,"
    " PRIMARY KEY (owner, key)"
    ") WITHOUT ROWID, STRICT",
    NULL,
};

/* Retries do not count for a job's cursor: that of a run on demand would move it past ticks. */
static const char *const sqlite_second[] = {
    "DROP INDEX runs_tick",
    "CREATE INDEX runs_tick ON runs (job, until) WHERE trigger IN (0, 3, 5)",
    NULL,
};

/* clang-format on */

static const char *const *const sqlite_steps[] = {sqlite_first, sqlite_second};

const struct sql_dialect sql_dialect_sqlite = {
    .steps = sqlite_steps,
    .step_count = ARRAY_SIZE(sqlite_steps),
    .claim = "INSERT OR IGNORE INTO runs (scheduled_at, job, attempt, target, token, trigger,"
             " status, exit_code, signal, output_bytes, output_truncated, cpu, max_rss, revision,"
             " worker, reason, request, count, until)"
             " SELECT ?1, id, ?3, ?4, ?5, ?6, 0, -1, 0, 0, 0, 0, 0, revision, ?7, '', '', 1, ?1"
             " FROM jobs WHERE id = ?2 AND revision = ?8 AND enabled = 1 AND removed = 0"
             " AND status <> 1",
};

static enum rc read_version(struct sql_connection *connection, int64_t *ret_version,
                            struct err *err)
{
    struct sql_statement *statement = NULL;
    enum rc rc = sql_run(connection, CREATE_SCHEMA, NULL, 0, NULL, err);

    if (rc == RC_OK)
        rc = sql_first(connection, "SELECT max(version) FROM schema", NULL, 0, &statement, err);
    if (rc != RC_OK)
        return rc;
    *ret_version = statement ? sql_column_number(statement, 0) : 0;
    sql_done(statement);
    return RC_OK;
}

static enum rc take_step(struct sql_connection *connection, const char *const *statements,
                         int version, instant_us now, struct err *err)
{
    struct sql_value values[] = {sql_number(version), sql_number(now)};

    for (; *statements; statements++) {
        enum rc rc = sql_run(connection, *statements, NULL, 0, NULL, err);

        if (rc != RC_OK)
            return err_prefix(err, rc, "step %d of the tables", version);
    }
    return sql_run(connection, "INSERT INTO schema (version, taken_at) VALUES (?1, ?2)",
                   SQL_VALUES(values), NULL, err);
}

enum rc sql_schema_upgrade(struct sql_connection *connection, const struct sql_dialect *dialect,
                           instant_us now, struct err *err)
{
    int64_t version;
    enum rc rc = read_version(connection, &version, err);

    if (rc != RC_OK)
        return rc;
    if (version > dialect->step_count)
        return err_fail(err, RC_INVALID,
                        "the database has tables of version %lld, this program knows %d: use a "
                        "newer program",
                        (long long)version, dialect->step_count);
    for (int i = (int)version; rc == RC_OK && i < dialect->step_count; i++)
        rc = take_step(connection, dialect->steps[i], i + 1, now, err);
    return rc;
}
