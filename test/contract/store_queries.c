/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: filters, order, pages, and what a visit may rely on. */
#include <string.h>

#include "contract/store_suite.h"

static job_id given(struct fixture *fixture, const struct job *job, const char *owner)
{
    struct store_write write = create_write(fixture, job);

    write.job.owner = owner;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    return write.job.id;
}

static void jobs_come_in_order_of_id(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[5];
    struct job_query query = job_query_all();
    struct jobs_read read;

    for (size_t i = 0; i < 5; i++)
        ids[i] = given_job(fixture, "");
    read = read_all_jobs(fixture, &query);
    assert_int_equal(read.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(read.items[i].id, ids[i]);
}

static void parts_are_read_only_when_asked_for(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct job_query query = job_query_all();
    struct jobs_read read;

    (void)given_run(fixture, id, START, 1);
    read = read_all_jobs(fixture, &query);
    assert_null(read.items[0].document);
    assert_null(read.items[0].last_run);
    assert_true(read.items[0].cursor == INSTANT_NONE);
    query.parts = JOB_PART_CURSOR;
    read = read_all_jobs(fixture, &query);
    assert_null(read.items[0].document);
    assert_int_equal(read.items[0].cursor, START);
}

static void jobs_come_in_pages(void **state)
{
    struct fixture *fixture = *state;
    struct job_query query = job_query_all();
    size_t seen = 0;
    struct jobs_read read;

    for (size_t i = 0; i < 7; i++)
        (void)given_job(fixture, "");
    query.limit = 3;
    do {
        read = read_all_jobs(fixture, &query);
        seen += read.count;
        assert_true(read.count <= 3);
        if (read.count)
            query.after = read.items[read.count - 1].id;
    } while (read.count);
    assert_int_equal(seen, 7);
}

static void jobs_are_read_by_ids_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    job_id first = given_job(fixture, ""), second = given_job(fixture, "");
    job_id third = given_job(fixture, "");
    job_id ids[] = {third, 999, first, third};
    struct job_query query = job_query_all();
    struct jobs_read read;

    (void)second;
    query.ids = ids;
    query.id_count = ARRAY_SIZE(ids);
    read = read_all_jobs(fixture, &query);
    assert_int_equal(read.count, 2);
    assert_int_equal(read.items[0].id, first);
    assert_int_equal(read.items[1].id, third);
    query.limit = 1;
    assert_int_equal(count_jobs(fixture, &query), 1);
    query.limit = 0;
    query.after = first;
    assert_int_equal(count_jobs(fixture, &query), 1);
    query.id_count = 0;
    assert_int_equal(count_jobs(fixture, &query), 0);
}

static void jobs_are_filtered_by_columns(void **state)
{
    struct fixture *fixture = *state;
    job_id backup = given_job(fixture, "backup");
    job_id other = given(fixture, new_job(fixture, ""), "bob");
    struct store_write assign = {.kind = WRITE_JOB_ASSIGN, .job = {.id = other, .worker = "w2"}};
    struct store_write status = {.kind = WRITE_JOB_STATUS,
                                 .job = {.id = other, .status = JOB_ERROR}};
    struct job_query queries[6];

    assert_int_equal(apply_one(fixture, &assign), RC_OK);
    assert_int_equal(apply_one(fixture, &status), RC_OK);
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
        queries[i] = job_query_all();
    queries[0].owner = "bob";
    queries[1].worker = "w2";
    queries[2].status = JOB_ERROR;
    queries[3].name = "backup";
    queries[4].type = JOB_SCRIPT;
    queries[5].type = JOB_COMMAND;
    assert_int_equal(read_all_jobs(fixture, &queries[0]).items[0].id, other);
    assert_int_equal(count_jobs(fixture, &queries[0]), 1);
    assert_int_equal(count_jobs(fixture, &queries[1]), 1);
    assert_int_equal(count_jobs(fixture, &queries[2]), 1);
    assert_int_equal(read_all_jobs(fixture, &queries[3]).items[0].id, backup);
    assert_int_equal(count_jobs(fixture, &queries[3]), 1);
    assert_int_equal(count_jobs(fixture, &queries[4]), 0);
    assert_int_equal(count_jobs(fixture, &queries[5]), 2);
    queries[3].owner = "bob";
    assert_int_equal(count_jobs(fixture, &queries[3]), 0);
}

static void jobs_are_filtered_by_label(void **state)
{
    static struct pair pairs[] = {{"team", "db"}, {"tier", "1"}};
    struct fixture *fixture = *state;
    struct job *job = new_job(fixture, "");
    struct job_query query = job_query_all();
    struct store_write replace;
    job_id id;

    job->labels = (struct pairs){pairs, 2};
    id = given(fixture, job, "alice");
    (void)given_job(fixture, "");
    query.label_name = "team";
    query.label_value = "db";
    assert_int_equal(count_jobs(fixture, &query), 1);
    query.label_value = "1";
    assert_int_equal(count_jobs(fixture, &query), 0);
    replace = replace_write(fixture, id, new_job(fixture, ""));
    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    query.label_value = "db";
    assert_int_equal(count_jobs(fixture, &query), 0);
}

static void jobs_are_searched_for_text(void **state)
{
    static const struct {
        const char *text;
        size_t count;
    } rows[] = {
        {"NIGHTLY", 1}, {"pg_dump", 1}, {"Database of", 1}, {"z", 0},
        {"%", 1},       {"_", 1},       {"100%", 1},        {"p%dump", 0},
    };
    struct fixture *fixture = *state;
    struct job *job = new_job(fixture, "Nightly");
    struct job_query query = job_query_all();

    job->executable = "PG_dump --level 100%";
    job->description = "The database of orders";
    (void)given(fixture, job, "alice");
    (void)given_job(fixture, "");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        query.text = rows[i].text;
        if (count_jobs(fixture, &query) != rows[i].count)
            fail_msg("'%s' is not found %zu times", rows[i].text, rows[i].count);
    }
}

static void active_jobs_are_what_an_agenda_needs(void **state)
{
    struct fixture *fixture = *state;
    job_id scheduled = given_job(fixture, ""), failing = given_job(fixture, "");
    struct job *disabled = new_job(fixture, "");
    struct store_write writes[] = {
        {.kind = WRITE_JOB_STATUS, .job = {.id = failing, .status = JOB_ERROR}},
        {.kind = WRITE_JOB_STATUS, .job = {.id = given_job(fixture, ""), .status = JOB_FINISHED}},
        {.kind = WRITE_JOB_REMOVE, .job = {.id = given_job(fixture, ""), .at = START}},
    };
    struct job_query query = job_query_all();
    struct jobs_read read;

    disabled->enabled = false;
    (void)given(fixture, disabled, "alice");
    apply_all(fixture, writes, ARRAY_SIZE(writes));
    query.active_only = true;
    read = read_all_jobs(fixture, &query);
    assert_int_equal(read.count, 2);
    assert_int_equal(read.items[0].id, scheduled);
    assert_int_equal(read.items[1].id, failing);
}

static bool stop_after_two(void *context, const struct job_record *job)
{
    size_t *count = context;

    (void)job;
    return ++*count < 2;
}

static void visit_ends_the_read(void **state)
{
    struct fixture *fixture = *state;
    struct job_query query = job_query_all();
    size_t count = 0;

    for (size_t i = 0; i < 4; i++)
        (void)given_job(fixture, "");
    assert_int_equal(store_read_jobs(fixture->store, &query, stop_after_two, &count, NULL), RC_OK);
    assert_int_equal(count, 2);
    assert_int_equal(count_jobs(fixture, &query), 4);
}

/* Three jobs, of them two of alice; runs at START + 0..5 min, round robin; the first is finished.
 */
static void given_runs(struct fixture *fixture, job_id ids[3], struct run_key keys[6])
{
    ids[0] = given_job(fixture, "");
    ids[1] = given_job(fixture, "");
    ids[2] = given(fixture, new_job(fixture, ""), "bob");
    for (uint8_t i = 0; i < 6; i++)
        keys[i] = given_run(fixture, ids[i % 3], START + i * MINUTE, (uint8_t)(i + 1));
    given_finished(fixture, &keys[0], 1, RUN_FAILED);
}

static void runs_come_newest_first(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6];
    struct run_query query = run_query_all();
    struct runs_read read;
    struct store_write retry;

    given_runs(fixture, ids, keys);
    retry = claim_write(ids[0], 1, START, 9);
    retry.claim.key.attempt = 2;
    assert_int_equal(apply_one(fixture, &retry), RC_OK);
    read = read_all_runs(fixture, &query);
    assert_int_equal(read.count, 7);
    for (size_t i = 1; i < read.count; i++)
        assert_true(run_key_compare(&read.items[i - 1].run.key, &read.items[i].run.key) > 0);
}

static void runs_are_filtered(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6];
    struct run_query queries[8];
    static const size_t expected[8] = {2, 2, 1, 5, 6, 0, 5, 2};

    given_runs(fixture, ids, keys);
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
        queries[i] = run_query_all();
    queries[0].job = ids[1];
    queries[1].owner = "bob";
    queries[2].status = RUN_FAILED;
    queries[3].status = RUN_QUEUED;
    queries[4].worker = "worker-1";
    queries[5].worker = "worker-2";
    queries[6].unfinished_only = true;
    queries[7].since = START + MINUTE;
    queries[7].until = START + 3 * MINUTE;
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        if (count_runs(fixture, &queries[i]) != expected[i])
            fail_msg("query %zu does not find %zu runs", i, expected[i]);
    }
    queries[6].job = ids[0];
    queries[6].worker = "worker-1";
    assert_int_equal(count_runs(fixture, &queries[6]), 1);
}

static void runs_come_in_pages(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6], before;
    struct run_query query = run_query_all();
    size_t seen = 0;
    struct runs_read read;

    given_runs(fixture, ids, keys);
    query.limit = 4;
    do {
        read = read_all_runs(fixture, &query);
        seen += read.count;
        if (read.count) {
            before = read.items[read.count - 1].run.key;
            query.before = &before;
        }
    } while (read.count);
    assert_int_equal(seen, 6);
}

static void runs_of_one_instant_are_paged_by_their_whole_key(void **state)
{
    struct fixture *fixture = *state;
    struct run_query query = run_query_all();
    struct run_key before;
    struct runs_read read;
    size_t seen = 0;

    for (uint8_t i = 0; i < 5; i++)
        (void)given_run(fixture, given_job(fixture, ""), START, 1);
    query.limit = 2;
    do {
        read = read_all_runs(fixture, &query);
        seen += read.count;
        if (read.count) {
            before = read.items[read.count - 1].run.key;
            query.before = &before;
        }
    } while (read.count);
    assert_int_equal(seen, 5);
}

static void newest_runs_can_be_left_out(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6];
    struct run_query query = run_query_all();
    struct runs_read read;

    given_runs(fixture, ids, keys);
    query.skip = 4;
    read = read_all_runs(fixture, &query);
    assert_int_equal(read.count, 2);
    assert_int_equal(run_key_compare(&read.items[0].run.key, &keys[1]), 0);
    query.limit = 1;
    assert_int_equal(count_runs(fixture, &query), 1);
    query.job = ids[0];
    query.skip = 1;
    read = read_all_runs(fixture, &query);
    assert_int_equal(run_key_compare(&read.items[0].run.key, &keys[0]), 0);
}

static void runs_are_read_by_keys(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6], wanted[4];
    struct run_query query = run_query_all();
    struct claim_token token = token_of(5);
    struct runs_read read;

    given_runs(fixture, ids, keys);
    wanted[0] = keys[1];
    wanted[1] = key_of(99, START);
    wanted[2] = keys[4];
    wanted[3] = keys[1];
    query.keys = wanted;
    query.key_count = 4;
    read = read_all_runs(fixture, &query);
    assert_int_equal(read.count, 2);
    assert_int_equal(run_key_compare(&read.items[0].run.key, &keys[4]), 0);
    assert_int_equal(run_key_compare(&read.items[1].run.key, &keys[1]), 0);
    query.token = &token;
    assert_int_equal(count_runs(fixture, &query), 1);
    query.key_count = 0;
    assert_int_equal(count_runs(fixture, &query), 0);
}

static void runs_are_read_beside_a_token(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6];
    struct run_query query = run_query_all();
    struct claim_token token = token_of(2);
    struct store_write nobodys;
    struct runs_read read;

    given_runs(fixture, ids, keys);
    nobodys = run_write(WRITE_RUN_QUEUE, &(struct run_key){START + HOUR, ids[1], 1, 0}, 0);
    nobodys.run.worker = nobodys.run.request = "";
    assert_int_equal(apply_one(fixture, &nobodys), RC_OK);
    query.beside = &token;
    read = read_all_runs(fixture, &query);
    assert_int_equal(read.count, 1);
    assert_int_equal(run_key_compare(&read.items[0].run.key, &keys[4]), 0);
    token = token_of(4); /* the other run of its job has ended */
    assert_int_equal(count_runs(fixture, &query), 0);
    token = token_of(99);
    assert_int_equal(count_runs(fixture, &query), 0);
}

static void summary_counts(void **state)
{
    struct fixture *fixture = *state;
    job_id ids[3];
    struct run_key keys[6];
    struct store_write writes[] = {{.kind = WRITE_JOB_STATUS, .job.status = JOB_ERROR},
                                   {.kind = WRITE_RUN_STARTED}};
    struct store_summary summary;

    given_runs(fixture, ids, keys);
    writes[0].job.id = ids[1];
    writes[1] = run_write(WRITE_RUN_STARTED, &keys[5], 6);
    apply_all(fixture, writes, 2);
    assert_int_equal(store_read_summary(fixture->store, NULL, &summary, NULL), RC_OK);
    assert_int_equal(summary.jobs[JOB_SCHEDULED], 2);
    assert_int_equal(summary.jobs[JOB_ERROR], 1);
    assert_int_equal(summary.jobs[JOB_FINISHED], 0);
    assert_int_equal(summary.queued, 4);
    assert_int_equal(summary.running, 1);
    assert_int_equal(store_read_summary(fixture->store, "bob", &summary, NULL), RC_OK);
    assert_int_equal(summary.jobs[JOB_SCHEDULED], 1);
    assert_int_equal(summary.jobs[JOB_ERROR], 0);
    assert_int_equal(summary.queued, 1);
    assert_int_equal(summary.running, 1);
}

static const struct clause clauses[] = {
    CLAUSE(jobs_come_in_order_of_id),
    CLAUSE(parts_are_read_only_when_asked_for),
    CLAUSE(jobs_come_in_pages),
    CLAUSE(jobs_are_read_by_ids_in_any_order),
    CLAUSE(jobs_are_filtered_by_columns),
    CLAUSE(jobs_are_filtered_by_label),
    CLAUSE(jobs_are_searched_for_text),
    CLAUSE(active_jobs_are_what_an_agenda_needs),
    CLAUSE(visit_ends_the_read),
    CLAUSE(runs_come_newest_first),
    CLAUSE(runs_are_filtered),
    CLAUSE(runs_come_in_pages),
    CLAUSE(runs_of_one_instant_are_paged_by_their_whole_key),
    CLAUSE(newest_runs_can_be_left_out),
    CLAUSE(runs_are_read_by_keys),
    CLAUSE(runs_are_read_beside_a_token),
    CLAUSE(summary_counts),
};
const struct clauses store_query_clauses = {clauses, ARRAY_SIZE(clauses)};
