/* SPDX-License-Identifier: Apache-2.0 */
/* The tables in SQLite. */
#include "ports/store.h"

#include "adapters/sql/schema.h"

/* clang-format off */

/* unique_name is the name while it is taken, NULL when there is none or the job was removed. */
static const char *const first[] = {
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
static const char *const second[] = {
    "DROP INDEX runs_tick",
    "CREATE INDEX runs_tick ON runs (job, until) WHERE trigger IN (0, 3, 5)",
    NULL,
};

/* The placement was in the documents alone until then. */
static const char *const third[] = {
    "CREATE TABLE leader ("
    " id INTEGER PRIMARY KEY,"
    " epoch INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " writes INTEGER NOT NULL"
    ") STRICT",
    "INSERT INTO leader (id, epoch, name, url, writes) VALUES (1, 0, '', '', 0)",
    "ALTER TABLE workers ADD COLUMN clock_synchronised INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN placement TEXT NOT NULL DEFAULT ''",
    "UPDATE jobs SET placement = coalesce((SELECT json_extract(d.document, '$.placement.labels')"
    " FROM documents d WHERE d.job = jobs.id), '')",
    "UPDATE jobs SET placement = '' WHERE placement = '{}'",
    NULL,
};

/* What most rows do not have, a hash, is NULL: it takes no room. Outputs are in the order in which
 * they came, so that new ones go to the end. */
static const char *const fourth[] = {
    "ALTER TABLE jobs ADD COLUMN sha256 TEXT",
    "ALTER TABLE runs ADD COLUMN sha256 TEXT",
    "CREATE TABLE outputs ("
    " job INTEGER NOT NULL,"
    " scheduled_at INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " target INTEGER NOT NULL,"
    " data BLOB," /* NULL: it is in the objects */
    " UNIQUE (job, scheduled_at, attempt, target)"
    ") STRICT",
    "CREATE TABLE revisions ("
    " job INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " until INTEGER NOT NULL," /* the last instant at which a run of it may have been claimed */
    " sha256 TEXT,"
    " document TEXT NOT NULL,"
    " PRIMARY KEY (job, revision)"
    ") STRICT",
    NULL,
};

/* A token that was made before has all that its account has: scope 3 is ROLE_ADMIN. */
static const char *const fifth[] = {
    "CREATE TABLE users ("
    " name TEXT PRIMARY KEY,"
    " role INTEGER NOT NULL,"
    " privileged INTEGER NOT NULL,"
    " disabled INTEGER NOT NULL,"
    " accounts TEXT NOT NULL,"
    " password TEXT NOT NULL,"
    " created_at INTEGER NOT NULL"
    ") WITHOUT ROWID, STRICT",
    "ALTER TABLE tokens ADD COLUMN session INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tokens ADD COLUMN scope INTEGER NOT NULL DEFAULT 3",
    "ALTER TABLE tokens ADD COLUMN last_used_at INTEGER",
    NULL,
};

static const char *const sixth[] = {
    "CREATE TABLE audit ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " at INTEGER NOT NULL,"
    " who TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " was TEXT NOT NULL,"
    " became TEXT NOT NULL,"
    " outcome TEXT NOT NULL"
    ") STRICT",
    "CREATE INDEX audit_at ON audit (at)",
    NULL,
};

/* What was there before has no seal. */
static const char *const seventh[] = {
    "ALTER TABLE users ADD COLUMN seal TEXT",
    "ALTER TABLE tokens ADD COLUMN seal TEXT",
    NULL,
};

/* clang-format on */

static const char *const *const steps[] = {first, second, third, fourth, fifth, sixth, seventh};

_Static_assert(ROLE_ADMIN == 3, "the default of tokens.scope");
_Static_assert(JOB_FINISHED == 1, "the number in the claim");
_Static_assert(CLAIM_LEAD == 250000, "the number in the claim");
_Static_assert(REVISION_KEPT == 3600000000, "the number in what forgets");
_Static_assert(TRIGGER_SCHEDULE == 0 && TRIGGER_CATCH_UP == 3 && TRIGGER_REBOOT == 5,
               "the numbers in the cursor and in the index runs_tick");
_Static_assert(RUN_QUEUED == 0 && RUN_RUNNING == 1, "the number in the index runs_unfinished");

const struct sql_dialect sql_dialect_sqlite = {
    .steps = steps,
    .step_count = ARRAY_SIZE(steps),
    .claim = "INSERT OR IGNORE INTO runs (scheduled_at, job, attempt, target, token, `trigger`,"
             " status, exit_code, `signal`, output_bytes, output_truncated, cpu, max_rss, revision,"
             " worker, reason, request, count, until, sha256)"
             " SELECT ?1, id, ?3, ?4, ?5, ?9, 0, -1, 0, 0, 0, 0, 0, revision, ?6, '', '', 1, ?1,"
             " sha256"
             " FROM jobs WHERE id = ?2 AND revision = ?7 AND enabled = 1 AND removed = 0"
             " AND status <> 1 AND ?1 - 250000 <= store_now() AND store_now() < ?8",
    .purge = {"DELETE FROM outputs WHERE job = ?1", "DELETE FROM runs WHERE job = ?1"},
    /* min() and max() over an index whose order they follow are one seek. */
    .forget = "DELETE FROM revisions WHERE job = ?1 AND until < coalesce((SELECT min(scheduled_at)"
              " FROM runs WHERE job = ?1), store_now()) - 3600000000",
    .cursor = "(SELECT max(t.until) FROM runs t WHERE t.job = j.id AND t.trigger IN (0, 3, 5))",
    .compares_rows = true,
};
