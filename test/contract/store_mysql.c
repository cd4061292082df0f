/* SPDX-License-Identifier: Apache-2.0 */
/* The MySQL store: its set-up, and what only a store that is shared over a network can show. */
#include "contract/store_mysql.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#include "contract/store_suite.h"

static struct servers servers;

const struct servers *servers_of_suite(void)
{
    return &servers;
}

int store_mysql_begin(void **state)
{
    (void)state;
    if (!servers_find(&servers))
        return -1;
    servers_create(&servers);
    return 0;
}

int store_mysql_end(void **state)
{
    (void)state;
    servers_drop(&servers);
    return 0;
}

static enum rc open_store(struct fixture *fixture, struct err *err)
{
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config = servers_config(&servers, 0, servers.count, hosts);

    config.now = &fixture->clock;
    return mysql_store_new(&config, &fixture->store, err);
}

/* Every clause begins without a row; the tables stay. */
static void empty_tables(void)
{
    static const char *const tables[] = {"jobs",    "documents", "labels",     "runs",
                                         "outputs", "revisions", "workers",    "users",
                                         "audit",   "tokens",    "idempotency"};
    struct sql_connection *connection = servers_connect(&servers, 0);

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        servers_run(connection, "DELETE FROM %s.%s", servers.database, tables[i]);
    servers_run(connection, "UPDATE %s.leader SET epoch = 0", servers.database);
    sql_connection_free(connection);
}

int store_mysql_setup(void **state)
{
    struct fixture *fixture = fixture_new();
    struct err err = {0};

    if (open_store(fixture, &err) != RC_OK)
        fail_msg("%s", err.message);
    empty_tables();
    *state = fixture;
    return 0;
}

int store_mysql_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* ---- what many rows show ----------------------------------------------------------------------
 */

enum { MANY = 2500 };

static bool see_job(void *context, const struct job_record *job)
{
    job_id *last = context;

    assert_true(job->id > *last);
    *last = job->id;
    return true;
}

/* The writes that created them. On a cluster ids are not dense. */
static const struct store_write *given_many_jobs(struct fixture *fixture)
{
    struct store_write *writes = arena_alloc(&fixture->arena, MANY * sizeof(*writes));
    struct job *job = new_job(fixture, "");

    for (size_t i = 0; i < MANY; i++)
        writes[i] = create_write(fixture, job);
    apply_all(fixture, writes, MANY);
    return writes;
}

static void many_jobs_are_read_in_pages(void **state)
{
    struct fixture *fixture = *state;
    const struct store_write *jobs = given_many_jobs(fixture);
    job_id last = 0;
    struct job_query query = job_query_all();

    query.parts = JOB_PART_DOCUMENT | JOB_PART_LAST_RUN | JOB_PART_CURSOR;
    assert_int_equal(store_read_jobs(fixture->store, &query, see_job, &last, NULL), RC_OK);
    assert_int_equal(last, jobs[MANY - 1].job.id);
    query.limit = MANY - 1;
    last = 0;
    assert_int_equal(store_read_jobs(fixture->store, &query, see_job, &last, NULL), RC_OK);
    assert_int_equal(last, jobs[MANY - 2].job.id);
    query.limit = 0;
    query.after = last;
    assert_int_equal(store_read_jobs(fixture->store, &query, see_job, &last, NULL), RC_OK);
    assert_int_equal(last, jobs[MANY - 1].job.id);
}

struct runs_seen {
    struct run_key last;
    size_t count;
};

static bool see_run(void *context, const struct run_record *run)
{
    struct runs_seen *seen = context;

    assert_true(!seen->count++ || run_key_compare(&run->run.key, &seen->last) < 0);
    seen->last = run->run.key;
    return true;
}

static size_t count_all_runs(struct fixture *fixture, const struct run_query *query)
{
    struct runs_seen seen = {.count = 0};

    assert_int_equal(store_read_runs(fixture->store, query, see_run, &seen, NULL), RC_OK);
    return seen.count;
}

/* All at one instant, so that the pages are told apart by the later parts of the key. */
static void claim_many(struct fixture *fixture)
{
    const struct store_write *jobs = given_many_jobs(fixture);
    struct store_write *writes = arena_alloc(&fixture->arena, MANY * sizeof(*writes));

    for (size_t i = 0; i < MANY; i++)
        writes[i] = claim_write(jobs[i].job.id, 1, START, 1);
    apply_all(fixture, writes, MANY);
}

static void many_runs_are_read_in_pages(void **state)
{
    struct fixture *fixture = *state;
    struct run_query query = run_query_all();

    claim_many(fixture);
    assert_int_equal(count_all_runs(fixture, &query), MANY);
    query.skip = 10;
    assert_int_equal(count_all_runs(fixture, &query), MANY - 10);
    query.limit = MANY - 20;
    assert_int_equal(count_all_runs(fixture, &query), MANY - 20);
}

/* ---- batches ----------------------------------------------------------------------------------
 */

static struct store_write finish_write(const struct run_key *key, uint8_t token)
{
    struct store_write write = run_write(WRITE_RUN_FINISHED, key, token);

    write.run.result.status = RUN_FAILED;
    write.run.result.started_at = START;
    write.run.result.finished_at = START + SECOND;
    write.run.result.exit_code = 7;
    write.run.reason = "a \"reason\" with \\ and \xc3\xa9";
    write.run.job_status = JOB_ERROR;
    write.run.sets_job_status = true;
    return write;
}

/* In one call: starts and ends of runs, some of them of others', or ended already. */
static void each_write_of_a_batch_has_its_own_outcome(void **state)
{
    enum { RUNS = 30 };
    struct fixture *fixture = *state;
    struct store_write writes[3 * RUNS];
    struct run_key keys[RUNS];

    for (size_t i = 0; i < RUNS; i++) {
        keys[i] = given_run(fixture, given_job(fixture, ""), START, 1);
        writes[2 * i] = run_write(WRITE_RUN_STARTED, &keys[i], 1);
        writes[2 * i].run.result.started_at = START;
        writes[2 * i + 1] = finish_write(&keys[i], 1);
        writes[2 * RUNS + i] = finish_write(&keys[i], 1); /* said again */
    }
    given_finished(fixture, &keys[3], 1, RUN_LOST);
    writes[2 * 5].run.token = writes[2 * 5 + 1].run.token = token_of(2);
    apply_all(fixture, writes, ARRAY_SIZE(writes));
    for (size_t i = 0; i < RUNS; i++) {
        assert_int_equal(writes[2 * i].outcome, i == 3 || i == 5 ? RC_STALE : RC_OK);
        assert_int_equal(writes[2 * i + 1].outcome, i == 3 || i == 5 ? RC_STALE : RC_OK);
        assert_int_equal(writes[2 * RUNS + i].outcome, i == 3 ? RC_STALE : RC_OK);
        assert_int_equal(run_of(fixture, &keys[i])->run.result.status,
                         i == 3 ? RUN_LOST : RUN_FAILED);
        assert_int_equal(job_of(fixture, keys[i].job)->status, i == 3 ? JOB_SCHEDULED : JOB_ERROR);
    }
    assert_string_equal(run_of(fixture, &keys[0])->run.reason, writes[1].run.reason);
    assert_int_equal(run_of(fixture, &keys[0])->run.result.exit_code, 7);
}

static void last_result_of_a_job_decides_its_status(void **state)
{
    enum { RUNS = 10 };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write writes[RUNS];

    for (size_t i = 0; i < RUNS; i++) {
        struct run_key key = given_run(fixture, id, START + (instant_us)i * MINUTE, 1);

        writes[i] = finish_write(&key, 1);
        writes[i].run.job_status = i + 1 < RUNS ? JOB_ERROR : JOB_SCHEDULED;
    }
    apply_all(fixture, writes, RUNS);
    assert_int_equal(job_of(fixture, id)->status, JOB_SCHEDULED);
}

/* More than one statement takes. */
static void large_records_are_written_in_a_batch(void **state)
{
    enum { RECORDS = 100, SIZE = 20000 };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    char *request = arena_calloc(&fixture->arena, SIZE + 1);
    struct store_write writes[RECORDS];
    struct run_query query = run_query_all();

    memset(request, '"', SIZE);
    for (size_t i = 0; i < RECORDS; i++) {
        struct run_key key = key_of(i == 50 ? id + 1000 : id, START + (instant_us)i);

        writes[i] = run_write(WRITE_RUN_RECORD, &key, 0);
        writes[i].run.result.status = RUN_MISSED;
        writes[i].run.request = request;
        writes[i].run.count = i == 7 ? 5 : 1;
        writes[i].run.until = key.scheduled_at + (i == 7 ? 10 : 0);
    }
    for (int times = 0; times < 2; times++) {
        apply_all(fixture, writes, RECORDS);
        for (size_t i = 0; i < RECORDS; i++)
            assert_int_equal(writes[i].outcome, i == 50 ? RC_NOT_FOUND : RC_OK);
    }
    assert_int_equal(count_all_runs(fixture, &query), RECORDS - 1);
    assert_int_equal(strlen(run_of(fixture, &writes[7].run.key)->run.request), SIZE);
    assert_int_equal(run_of(fixture, &writes[7].run.key)->run.until, START + 17);
}

static void runs_are_purged_in_a_batch(void **state)
{
    enum { RUNS = 20 };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write writes[RUNS];
    struct run_query query = run_query_all();

    for (size_t i = 0; i < RUNS; i++) {
        struct run_key key = given_run(fixture, id, START + (instant_us)i, 1);

        if (i == 4)
            key.attempt = 9;
        writes[i] = run_write(WRITE_RUN_PURGE, &key, 0);
    }
    apply_all(fixture, writes, RUNS);
    for (size_t i = 0; i < RUNS; i++)
        assert_int_equal(writes[i].outcome, i == 4 ? RC_NOT_FOUND : RC_OK);
    assert_int_equal(count_all_runs(fixture, &query), 1);
}

static void jobs_are_assigned_in_a_batch(void **state)
{
    enum { JOBS = 20 };
    struct fixture *fixture = *state;
    struct store_write writes[JOBS];

    for (size_t i = 0; i < JOBS; i++)
        writes[i] = (struct store_write){
            .kind = WRITE_JOB_ASSIGN,
            .job = {.id = given_job(fixture, "") + (i == 4 ? 1000 : 0), .worker = "w"}};
    apply_all(fixture, writes, JOBS);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(writes[i].outcome, i == 4 ? RC_NOT_FOUND : RC_OK);
    assert_string_equal(job_of(fixture, writes[3].job.id)->worker, "w");
}

static void large_document_is_kept_whole(void **state)
{
    enum { SIZE = LIMIT_DOCUMENT };
    struct fixture *fixture = *state;
    char *document = arena_calloc(&fixture->arena, SIZE + 1);
    struct store_write write = create_write(fixture, new_job(fixture, ""));

    memset(document, 'x', SIZE);
    write.job.document = document;
    write.job.document_length = SIZE;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_string_equal(job_of(fixture, write.job.id)->document, document);
    assert_string_equal(job_of(fixture, given_job(fixture, "x"))->name, "x");
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static enum rc open_with(const struct mysql_store_config *config, struct store **ret_store,
                         struct err *err)
{
    *ret_store = NULL;
    return mysql_store_new(config, ret_store, err);
}

static void wrong_password_is_told_at_once(void **state)
{
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config = servers_config(&servers, 0, servers.count, hosts);
    struct store *store;
    struct err err = {0};

    (void)state;
    config.password = "not-the-password";
    assert_int_equal(open_with(&config, &store, &err), RC_FORBIDDEN);
    assert_non_null(strstr(err.message, servers.user));
    assert_non_null(strstr(err.message, servers.hosts[0].name));
    assert_null(strstr(err.message, config.password));
}

static void missing_database_is_told_at_once(void **state)
{
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config = servers_config(&servers, 0, servers.count, hosts);
    char name[80];
    struct store *store;
    struct err err = {0};

    (void)state;
    (void)snprintf(name, sizeof(name), "%s_none", servers.database);
    config.database = name;
    assert_int_equal(open_with(&config, &store, &err), RC_INVALID);
    assert_non_null(strstr(err.message, name));
}

static void store_opens_while_no_server_answers(void **state)
{
    struct mysql_host hosts[] = {{"127.0.0.1", 1}, {"127.0.0.1", 2}};
    struct mysql_store_config config = {.hosts = hosts,
                                        .host_count = ARRAY_SIZE(hosts),
                                        .user = "nobody",
                                        .password = "",
                                        .database = "none",
                                        .migrate = true,
                                        .clock = servers_clock()};
    struct store *store;
    struct err err = {0};
    instant_us now;

    (void)state;
    assert_int_equal(open_with(&config, &store, &err), RC_OK);
    assert_int_equal(store_now(store, &now, &err), RC_UNAVAILABLE);
    assert_non_null(strstr(err.message, "127.0.0.1"));
    store_free(store);
}

/* ---- the server's clock ------------------------------------------------------------------------
 */

static void servers_clock_decides(void **state)
{
    struct fixture *fixture = *state;
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    struct mysql_store_config config = servers_config(&servers, 0, servers.count, hosts);
    job_id id = given_job(fixture, "");
    struct store_write writes[3];
    struct store *store;
    instant_us before, now;
    struct err err = {0};

    assert_int_equal(open_with(&config, &store, &err), RC_OK);
    before = clock_now(servers_clock());
    assert_int_equal(store_now(store, &now, &err), RC_OK);
    assert_true(now >= before - SECOND && now <= clock_now(servers_clock()) + SECOND);
    writes[0] = claim_write(id, 1, now, 1);
    writes[1] = claim_write(id, 1, now + MINUTE, 2); /* not yet */
    writes[2] = claim_write(id, 1, now - MINUTE, 3); /* not any more */
    assert_int_equal(store_apply(store, writes, 3, &err), RC_OK);
    store_free(store);
    assert_int_equal(count_token(fixture, 1), 1);
    assert_int_equal(count_token(fixture, 2), 0);
    assert_int_equal(count_token(fixture, 3), 0);
}

/* ---- connections that end, servers that freeze -------------------------------------------------
 */

static void ended_connections_are_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct job_query query = job_query_all();

    for (size_t i = 1; i <= 3; i++) {
        (void)given_job(fixture, "");
        servers_end_connections(&servers, 0, true);
        assert_int_equal(count_jobs(fixture, &query), i);
        servers_end_connections(&servers, 0, false);
    }
}

/* Waits until the store uses the first node again, which it prefers. While the nodes come together
 * none may serve. */
static void wait_for_preferred(struct fixture *fixture)
{
    mono_us end = clock_mono(servers_clock()) + MINUTE;
    instant_us now;
    enum rc rc;

    do {
        rc = store_now(fixture->store, &now, NULL);
        assert_true(rc == RC_OK || rc_is_retryable(rc));
        assert_true(clock_mono(servers_clock()) < end);
    } while (rc != RC_OK || !servers_serve(&servers, 0));
}

static void frozen_server_costs_one_timeout(void **state)
{
    struct fixture *fixture = *state;
    mono_us begun, took;
    instant_us now;
    job_id id;

    if (servers.count < 3 || !servers.pids[0])
        skip();
    id = given_job(fixture, "");
    assert_int_equal(kill(servers.pids[0], SIGSTOP), 0);
    begun = clock_mono(servers_clock());
    assert_int_equal(store_now(fixture->store, &now, NULL), RC_OK);
    took = clock_mono(servers_clock()) - begun;
    begun = clock_mono(servers_clock());
    assert_non_null(job_of(fixture, id));
    assert_int_equal(kill(servers.pids[0], SIGCONT), 0);
    assert_true(took < 9 * SECOND); /* its own, and that of the others to agree without it */
    assert_true(clock_mono(servers_clock()) - begun < 2 * SECOND);
    wait_for_preferred(fixture);
    (void)given_job(fixture, "");
}

static const struct clause clauses[] = {
    CLAUSE(many_jobs_are_read_in_pages),
    CLAUSE(many_runs_are_read_in_pages),
    CLAUSE(each_write_of_a_batch_has_its_own_outcome),
    CLAUSE(last_result_of_a_job_decides_its_status),
    CLAUSE(large_records_are_written_in_a_batch),
    CLAUSE(runs_are_purged_in_a_batch),
    CLAUSE(jobs_are_assigned_in_a_batch),
    CLAUSE(large_document_is_kept_whole),
    CLAUSE(wrong_password_is_told_at_once),
    CLAUSE(missing_database_is_told_at_once),
    CLAUSE(store_opens_while_no_server_answers),
    CLAUSE(servers_clock_decides),
    CLAUSE(ended_connections_are_replaced),
    CLAUSE(frozen_server_costs_one_timeout),
};
const struct clauses store_mysql_clauses = {clauses, ARRAY_SIZE(clauses)};
