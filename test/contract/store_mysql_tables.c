/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the MySQL store: made, made by many at once, and brought up from an older form. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "adapters/sql/schema.h"
#include "contract/store_mysql.h"
#include "contract/store_suite.h"

enum { NAME_SIZE = 80 };

/* A new database; the caller drops it. */
static void make_database(char name[NAME_SIZE])
{
    const struct servers *servers = servers_of_suite();

    (void)snprintf(name, NAME_SIZE, "%s_other", servers->database);
    servers_run_everywhere(servers, "DROP DATABASE IF EXISTS", name);
    servers_run_everywhere(servers, "CREATE DATABASE", name);
}

static void drop_database(const char *name)
{
    servers_run_everywhere(servers_of_suite(), "DROP DATABASE", name);
}

/* As a manager opens it, which may make tables, or any other role. */
static enum rc open_tables(const char *name, bool migrate, struct store **ret_store,
                           struct err *err)
{
    const struct servers *servers = servers_of_suite();
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config = servers_config(servers, 0, servers->count, hosts);

    config.database = name;
    config.migrate = migrate;
    *ret_store = NULL;
    return mysql_store_new(&config, ret_store, err);
}

static void refuse_tables(const char *name, bool migrate, const char *reason)
{
    struct store *store;
    struct err err = {0};

    assert_int_equal(open_tables(name, migrate, &store, &err), RC_INVALID);
    assert_non_null(strstr(err.message, reason));
}

static void tables_are_made_by_who_may_only(void **state)
{
    struct store *store;
    char name[NAME_SIZE];

    (void)state;
    make_database(name);
    refuse_tables(name, false, "no tables");
    assert_int_equal(open_tables(name, true, &store, NULL), RC_OK);
    store_free(store);
    assert_int_equal(open_tables(name, false, &store, NULL), RC_OK);
    store_free(store);
    drop_database(name);
}

static void note_nothing(void *context, const struct kept_output *output)
{
    (void)context;
    (void)output;
}

/* A statement about a table is committed by itself, so a step can end half way. */
static void step_that_broke_off_is_taken_again(void **state)
{
    struct sql_connection *connection = servers_connect(servers_of_suite(), 0);
    struct store *store;
    char name[NAME_SIZE];

    (void)state;
    make_database(name);
    assert_int_equal(open_tables(name, true, &store, NULL), RC_OK);
    store_free(store);
    servers_run(connection, "DELETE FROM %s.`schema` WHERE version >= 2", name);
    servers_run(connection, "ALTER TABLE %s.runs DROP COLUMN sha256", name);
    servers_run(connection, "DROP TABLE %s.outputs", name);
    sql_connection_free(connection);
    assert_int_equal(open_tables(name, true, &store, NULL), RC_OK);
    assert_int_equal(
        store_read_output(store, &(struct run_key){.job = 1}, note_nothing, NULL, NULL),
        RC_NOT_FOUND);
    assert_int_equal(store_read_runs(store, &(struct run_query){.limit = 1}, NULL, NULL, NULL),
                     RC_OK);
    store_free(store);
    drop_database(name);
}

/* ---- many at once ---------------------------------------------------------------------------- */

struct opener {
    const char *name;
    size_t first; /* node */
    enum rc rc;
    struct err err;
};

static void *open_and_use(void *context)
{
    struct opener *opener = context;
    const struct servers *servers = servers_of_suite();
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config =
        servers_config(servers, opener->first, servers->count, hosts);
    struct leader_record leader;
    struct store *store = NULL;

    config.database = opener->name;
    opener->rc = mysql_store_new(&config, &store, &opener->err);
    if (opener->rc == RC_OK)
        opener->rc = store_read_leader(store, &leader, &opener->err);
    store_free(store);
    return NULL;
}

static void tables_are_made_once_by_many_at_once(void **state)
{
    enum { OPENERS = 4 };
    struct opener openers[OPENERS];
    pthread_t threads[OPENERS];
    char name[NAME_SIZE];

    (void)state;
    make_database(name);
    for (size_t i = 0; i < OPENERS; i++) {
        openers[i] = (struct opener){.name = name, .first = i % servers_of_suite()->count};
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_use, &openers[i]), 0);
    }
    for (size_t i = 0; i < OPENERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < OPENERS; i++) {
        if (openers[i].rc != RC_OK)
            fail_msg("%s", err_message(&openers[i].err, openers[i].rc));
    }
    drop_database(name);
}

/* ---- older and newer ones -------------------------------------------------------------------- */

/* Columns that were there from the first step on; all that came later have a default. */
static const char old_job[] =
    "INSERT INTO jobs (id, revision, status, removed, enabled, owner, worker, created_at,"
    " updated_at, due_since, name, unique_name, schedule, time_zone, type, jitter, concurrency,"
    " catch_up, catch_up_window, on_worker_loss, retry_limit, retry_delay, retry_backoff,"
    " retry_max_delay, retry_elsewhere, placement) VALUES (7, 3, 2, 0, 1, 'alice', 'w', 1, 2, 1,"
    " 'old', 'old', '* * * * *', 'UTC', 0, 0, 0, 1, 0, 0, 0, 0, 2000000, 0, 0,"
    " '{\"zone\":\"a\"}')";
static const char old_document[] =
    "INSERT INTO documents VALUES (7, '{\"executable\":\"true\"}', 'old')";
static const char old_run[] =
    "INSERT INTO runs (scheduled_at, job, attempt, target, token, `trigger`, status, started_at,"
    " finished_at, exit_code, `signal`, output_bytes, output_truncated, cpu, max_rss, revision,"
    " worker, reason, request, count, until) VALUES"
    " (60000000, 7, 1, 0, x'00112233445566778899aabbccddeeff', 0, 3, 60000001, 60000002, 4, 0, 5,"
    " 1, 6, 7, 3, 'w', 'exit code 4', '', 1, 60000000)";
static const char old_token[] =
    "INSERT INTO tokens (id, name, account, admin, hash, created_at) VALUES"
    " ('abcdefgh', 'ci', 'alice', 0, repeat(x'5a', 32), 1)";

static struct sql_connection *connect_to_tables(const char *name)
{
    const struct servers *servers = servers_of_suite();
    struct mysql_target target = {.host = servers->hosts[0].name,
                                  .port = servers->hosts[0].port,
                                  .user = servers->user,
                                  .password = servers->password,
                                  .database = name,
                                  .clock = servers_clock()};
    struct sql_connection *connection;
    struct err err = {0};

    if (mysql_connection_open(&target, MYSQL_MIGRATOR, &connection, &err) != RC_OK)
        fail_msg("%s", err.message);
    return connection;
}

/* As the version before this one left it. */
static void make_old_tables(const char *name)
{
    static const char *const old_rows[] = {old_job, old_document, old_run, old_token};
    struct sql_connection *connection = connect_to_tables(name);

    assert_int_equal(sql_schema_prepare(connection, NULL), RC_OK);
    for (int version = 1; version < sql_dialect_mysql.step_count; version++)
        assert_int_equal(sql_schema_step(connection, version, NULL), RC_OK);
    for (size_t i = 0; i < ARRAY_SIZE(old_rows); i++)
        assert_int_equal(sql_run(connection, old_rows[i], NULL, 0, NULL, NULL), RC_OK);
    sql_connection_free(connection);
}

static bool see_job(void *context, const struct job_record *job)
{
    (*(int *)context)++;
    assert_int_equal(job->id, 7);
    assert_int_equal(job->revision, 3);
    assert_string_equal(job->owner, "alice");
    assert_string_equal(job->name, "old");
    assert_string_equal(job->placement.items[0].value, "a");
    return true;
}

static bool see_run(void *context, const struct run_record *run)
{
    (*(int *)context)++;
    assert_int_equal(run->run.key.scheduled_at, 60000000);
    assert_int_equal(run->run.key.job, 7);
    assert_int_equal(run->run.result.status, RUN_FAILED);
    assert_int_equal(run->run.result.exit_code, 4);
    assert_int_equal(run->token.bytes[15], 0xff);
    assert_string_equal(run->run.reason, "exit code 4");
    return true;
}

static bool see_token(void *context, const struct access_token *token)
{
    (*(int *)context)++;
    assert_string_equal(token->id, "abcdefgh");
    assert_string_equal(token->account, "alice");
    assert_int_equal(token->hash[31], 0x5a);
    assert_int_equal(token->scope, ROLE_ADMIN);
    return true;
}

static void see_old_rows(struct store *store)
{
    struct job_query jobs = job_query_all();
    struct run_query runs = run_query_all();
    int seen = 0;

    jobs.parts = JOB_PART_PLACEMENT;
    assert_int_equal(store_read_jobs(store, &jobs, see_job, &seen, NULL), RC_OK);
    assert_int_equal(store_read_runs(store, &runs, see_run, &seen, NULL), RC_OK);
    assert_int_equal(store_read_tokens(store, see_token, &seen, NULL), RC_OK);
    assert_int_equal(seen, 3);
}

static void tables_of_the_version_before_are_upgraded(void **state)
{
    struct store_write audit = {.kind = WRITE_AUDIT,
                                .audit.record = {.who = "alice",
                                                 .source = "",
                                                 .action = "job.create",
                                                 .subject = "7",
                                                 .before = "",
                                                 .after = "",
                                                 .outcome = "done"}};
    struct store *store;
    char name[NAME_SIZE];

    (void)state;
    make_database(name);
    make_old_tables(name);
    refuse_tables(name, false, "start a manager of this version first");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(open_tables(name, i == 0, &store, NULL), RC_OK);
        see_old_rows(store);
        store_free(store);
    }
    assert_int_equal(open_tables(name, false, &store, NULL), RC_OK);
    assert_int_equal(store_apply(store, &audit, 1, NULL), RC_OK);
    assert_int_equal(audit.outcome, RC_OK);
    store_free(store);
    drop_database(name);
}

/* An older program must not touch them, whatever it may do. */
static void newer_tables_are_refused(void **state)
{
    struct sql_connection *connection = servers_connect(servers_of_suite(), 0);
    struct store *store;
    char name[NAME_SIZE];

    (void)state;
    make_database(name);
    assert_int_equal(open_tables(name, true, &store, NULL), RC_OK);
    store_free(store);
    servers_run(connection, "INSERT INTO %s.`schema` (version, taken_at) VALUES (%d, 0)", name,
                sql_dialect_mysql.step_count + 1);
    sql_connection_free(connection);
    refuse_tables(name, true, "use a newer program");
    refuse_tables(name, false, "use a newer program");
    drop_database(name);
}

static const struct clause clauses[] = {
    CLAUSE(tables_are_made_by_who_may_only),    CLAUSE(tables_are_made_once_by_many_at_once),
    CLAUSE(step_that_broke_off_is_taken_again), CLAUSE(tables_of_the_version_before_are_upgraded),
    CLAUSE(newer_tables_are_refused),
};
const struct clauses store_mysql_table_clauses = {clauses, ARRAY_SIZE(clauses)};
