/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables in MariaDB and MySQL.
 *
 * On a Galera cluster two transactions that were executed on two nodes at the same time are told
 * apart by the keys of the rows that they change. What workers compete for, runs and their own
 * rows, has one key each, the primary one, of integers: no collation, and no second key by which
 * two transactions could collide that certification let pass. jobs_unique_name is such a second
 * key, but who writes it holds the leader's row first, whose key is then the one that collides.
 *
 * Statements can be repeated: one that creates a table is committed by itself, so a step may have
 * been left half way.
 */
#include "ports/store.h"

#include "adapters/sql/schema.h"

/* clang-format off */

static const char *const first[] = {
    "CREATE TABLE IF NOT EXISTS jobs ("
    " id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
    " revision BIGINT NOT NULL,"
    " status TINYINT NOT NULL,"
    " removed TINYINT NOT NULL,"
    " enabled TINYINT NOT NULL,"
    " owner VARCHAR(255) NOT NULL,"
    " worker VARCHAR(255) NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " due_since BIGINT NOT NULL,"
    " name VARCHAR(255) NOT NULL,"
    " unique_name VARCHAR(255)," /* the name while it is taken, else NULL */
    " schedule TEXT NOT NULL,"
    " time_zone VARCHAR(255) NOT NULL,"
    " type TINYINT NOT NULL,"
    " starts_at BIGINT,"
    " ends_at BIGINT,"
    " jitter BIGINT NOT NULL,"
    " concurrency TINYINT NOT NULL,"
    " catch_up TINYINT NOT NULL,"
    " catch_up_window BIGINT NOT NULL,"
    " on_worker_loss TINYINT NOT NULL,"
    " retry_limit BIGINT NOT NULL,"
    " retry_delay BIGINT NOT NULL,"
    " retry_backoff BIGINT NOT NULL," /* in millionths */
    " retry_max_delay BIGINT NOT NULL,"
    " retry_elsewhere TINYINT NOT NULL,"
    " placement TEXT NOT NULL,"
    " UNIQUE KEY jobs_unique_name (unique_name),"
    " KEY jobs_name (name),"
    " KEY jobs_owner (owner, status),"
    " KEY jobs_worker (worker)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS documents ("
    " job BIGINT NOT NULL PRIMARY KEY,"
    " document MEDIUMTEXT NOT NULL,"
    " search MEDIUMTEXT NOT NULL"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS labels ("
    " name VARCHAR(255) NOT NULL,"
    " value VARCHAR(255) NOT NULL,"
    " job BIGINT NOT NULL,"
    " PRIMARY KEY (name, value, job),"
    " KEY labels_job (job)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS runs ("
    " scheduled_at BIGINT NOT NULL,"
    " job BIGINT NOT NULL,"
    " attempt INT UNSIGNED NOT NULL,"
    " target INT UNSIGNED NOT NULL,"
    " token BINARY(16),"
    " `trigger` TINYINT NOT NULL,"
    " status TINYINT NOT NULL,"
    " started_at BIGINT,"
    " finished_at BIGINT,"
    " exit_code INT NOT NULL,"
    " `signal` INT NOT NULL,"
    " output_bytes BIGINT NOT NULL,"
    " output_truncated TINYINT NOT NULL,"
    " cpu BIGINT NOT NULL,"
    " max_rss BIGINT NOT NULL,"
    " revision BIGINT NOT NULL,"
    " worker VARCHAR(255) NOT NULL,"
    " reason VARCHAR(1024) NOT NULL,"
    " request MEDIUMTEXT NOT NULL,"
    " count BIGINT NOT NULL,"
    " until BIGINT NOT NULL,"
    " PRIMARY KEY (scheduled_at, job, attempt, target),"
    " KEY runs_job (job, scheduled_at, attempt, target),"
    " KEY runs_token (token),"
    " KEY runs_status (status, scheduled_at, job, attempt, target),"
    " KEY runs_tick (job, `trigger`, until)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS workers ("
    " name VARCHAR(255) NOT NULL PRIMARY KEY,"
    " url TEXT NOT NULL,"
    " version VARCHAR(255) NOT NULL,"
    " backend VARCHAR(255) NOT NULL,"
    " labels TEXT NOT NULL,"
    " draining TINYINT NOT NULL,"
    " running BIGINT NOT NULL,"
    " tasks BIGINT NOT NULL,"
    " clock_offset BIGINT NOT NULL,"
    " clock_synchronised TINYINT NOT NULL,"
    " started_at BIGINT,"
    " lease_until BIGINT"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS tokens ("
    " id VARCHAR(255) NOT NULL PRIMARY KEY,"
    " name VARCHAR(255) NOT NULL,"
    " account VARCHAR(255) NOT NULL,"
    " admin TINYINT NOT NULL,"
    " hash BINARY(32) NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS idempotency ("
    " owner VARCHAR(255) NOT NULL,"
    " `key` VARCHAR(255) NOT NULL,"
    " request_hash BINARY(32) NOT NULL,"
    " job BIGINT NOT NULL,"
    " kept_at BIGINT NOT NULL,"
    " PRIMARY KEY (owner, `key`),"
    " KEY idempotency_age (kept_at)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS leader ("
    " id INT NOT NULL PRIMARY KEY,"
    " epoch BIGINT NOT NULL,"
    " name VARCHAR(255) NOT NULL,"
    " url TEXT NOT NULL,"
    " writes BIGINT NOT NULL"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "INSERT IGNORE INTO leader (id, epoch, name, url, writes) VALUES (1, 0, '', '', 0)",
    NULL,
};

/* What most rows do not have, a hash, is NULL: it takes no room. A column that is there already is
 * RC_CONFLICT, which a step passes over. */
static const char *const second[] = {
    "ALTER TABLE jobs ADD COLUMN sha256 VARCHAR(64) CHARACTER SET ascii",
    "ALTER TABLE runs ADD COLUMN sha256 VARCHAR(64) CHARACTER SET ascii",
    "CREATE TABLE IF NOT EXISTS outputs ("
    " scheduled_at BIGINT NOT NULL,"
    " job BIGINT NOT NULL,"
    " attempt INT UNSIGNED NOT NULL,"
    " target INT UNSIGNED NOT NULL,"
    " data BLOB," /* NULL: it is in the objects */
    " PRIMARY KEY (scheduled_at, job, attempt, target),"
    " KEY outputs_job (job)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "CREATE TABLE IF NOT EXISTS revisions ("
    " job BIGINT NOT NULL,"
    " revision BIGINT NOT NULL,"
    " until BIGINT NOT NULL," /* the last instant at which a run of it may have been claimed */
    " sha256 VARCHAR(64) CHARACTER SET ascii,"
    " document MEDIUMTEXT NOT NULL,"
    " PRIMARY KEY (job, revision)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    NULL,
};

/* A token that was made before has all that its account has: scope 3 is ROLE_ADMIN. */
static const char *const third[] = {
    "CREATE TABLE IF NOT EXISTS users ("
    " name VARCHAR(255) NOT NULL PRIMARY KEY,"
    " role TINYINT NOT NULL,"
    " privileged TINYINT NOT NULL,"
    " disabled TINYINT NOT NULL,"
    " accounts TEXT NOT NULL,"
    " password VARCHAR(255) NOT NULL,"
    " created_at BIGINT NOT NULL"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    "ALTER TABLE tokens ADD COLUMN session TINYINT NOT NULL DEFAULT 0",
    "ALTER TABLE tokens ADD COLUMN scope TINYINT NOT NULL DEFAULT 3",
    "ALTER TABLE tokens ADD COLUMN last_used_at BIGINT",
    NULL,
};

/* On Galera ids grow on each node by itself, so what is newest is so but for a little. */
static const char *const fourth[] = {
    "CREATE TABLE IF NOT EXISTS audit ("
    " id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
    " at BIGINT NOT NULL,"
    " who VARCHAR(255) NOT NULL,"
    " source VARCHAR(255) NOT NULL,"
    " action VARCHAR(255) NOT NULL,"
    " subject VARCHAR(512) NOT NULL,"
    " was MEDIUMTEXT NOT NULL,"
    " became MEDIUMTEXT NOT NULL,"
    " outcome VARCHAR(1024) NOT NULL,"
    " KEY audit_at (at)"
    ") ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE store_collation",
    NULL,
};

/* What was there before has no seal. */
static const char *const fifth[] = {
    "ALTER TABLE users ADD COLUMN seal VARCHAR(255) CHARACTER SET ascii",
    "ALTER TABLE tokens ADD COLUMN seal VARCHAR(255) CHARACTER SET ascii",
    NULL,
};

/* clang-format on */

static const char *const *const steps[] = {first, second, third, fourth, fifth};

/* One step along an index, each. The server would rather follow the primary key back through all
 * runs until it meets one of the job, so it is told the index. */
#define TICK(trigger)                                              \
    "coalesce((SELECT t.until FROM runs t FORCE INDEX (runs_tick)" \
    " WHERE t.job = j.id AND t.trigger = " trigger " ORDER BY t.until DESC LIMIT 1), -1)"
#define NEWEST(part)                                                           \
    "(SELECT t." part " FROM runs t FORCE INDEX (runs_job) WHERE t.job = j.id" \
    " ORDER BY t.scheduled_at DESC, t.attempt DESC, t.target DESC LIMIT 1)"

_Static_assert(TRIGGER_SCHEDULE == 0 && TRIGGER_CATCH_UP == 3 && TRIGGER_REBOOT == 5,
               "the numbers in the cursor");
_Static_assert(ROLE_ADMIN == 3, "the default of tokens.scope");
_Static_assert(REVISION_KEPT == 3600000000, "the number in what forgets");

const struct sql_dialect sql_dialect_mysql = {
    .steps = steps,
    .step_count = ARRAY_SIZE(steps),
    .purge = {"DELETE FROM outputs WHERE job = ?1 LIMIT 5000",
              "DELETE FROM runs WHERE job = ?1 LIMIT 5000"},
    .forget = "DELETE FROM revisions WHERE job = ?1 AND until < coalesce((SELECT min(scheduled_at)"
              " FROM runs WHERE job = ?1), store_now()) - 3600000000",
    .jobs_of_list = "JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) b"
                    " STRAIGHT_JOIN jobs j ON j.id = b.id",
    .runs_of_list = "JSON_TABLE(?, '$[*]' COLUMNS (scheduled_at BIGINT PATH '$[0]',"
                    " job BIGINT PATH '$[1]', attempt BIGINT PATH '$[2]',"
                    " target BIGINT PATH '$[3]')) b STRAIGHT_JOIN runs r"
                    " ON r.scheduled_at = b.scheduled_at AND r.job = b.job"
                    " AND r.attempt = b.attempt AND r.target = b.target",
    .cursor = "nullif(greatest(" TICK("0") ", " TICK("3") ", " TICK("5") "), -1)",
    .last_run = " LEFT JOIN runs r ON r.job = j.id AND r.scheduled_at = " NEWEST(
        "scheduled_at") " AND r.attempt = " NEWEST("attempt") " AND r.target = " NEWEST("target"),
};
