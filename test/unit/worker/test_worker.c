/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fixture.h"

static int setup(void **state)
{
    *state = fixture_new();
    fixture_start(*state);
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static job_id given_job(struct fixture *fixture, const struct job *job)
{
    job_id id = fixture_create(fixture, job);

    fixture_assign(fixture, id);
    return id;
}

static struct run_key given_first_tick(struct fixture *fixture)
{
    struct job job = fixture_job("1 0 * * *");

    return key_of(given_job(fixture, &job), TICK, 1);
}

/* ---- ticks --------------------------------------------------------------------------------- */

static void a_tick_is_executed_when_it_is_due(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);
    struct run_record record;

    fixture_pass(fixture, MINUTE - SECOND);
    assert_int_equal(fixture->execution_count, 0);
    fixture_pass(fixture, 4 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    record = fixture_run(fixture, &run);
    assert_int_equal(record.run.result.started_at, TICK);
    assert_int_equal(record.run.result.finished_at, TICK + SECOND);
    assert_int_equal(record.run.trigger, TRIGGER_SCHEDULE);
    assert_string_equal(record.run.worker, "node");
    assert_int_equal(fixture->execution_count, 1);
}

static void a_failed_run_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key first, second;

    job.retries =
        (struct retries){.limit = 1, .delay = 2 * SECOND, .backoff = 1, .max_delay = HOUR};
    first = key_of(given_job(fixture, &job), TICK, 1);
    second = key_of(first.job, TICK, 2);
    fixture->plan.exit_code = 1;
    fixture_pass(fixture, MINUTE + 2 * SECOND);
    fixture_expect(fixture, &first, RUN_FAILED, "");
    assert_int_equal(fixture->execution_count, 1);
    fixture->plan.exit_code = 0;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &second, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_run(fixture, &second).run.trigger, TRIGGER_RETRY);
}

static void a_retry_is_given_what_the_run_on_demand_was(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run, again;

    job.retries = (struct retries){.limit = 2, .delay = SECOND, .backoff = 1, .max_delay = HOUR};
    run = fixture_queue_run(fixture, given_job(fixture, &job), "{\"args\":[\"blue\"]}");
    again = key_of(run.job, run.scheduled_at, 3);
    fixture_say(fixture, TASK_RUN, &run);
    fixture->plan.exit_code = 1;
    fixture_pass(fixture, 2 * SECOND);
    assert_string_equal(fixture->argument, "blue");
    fixture->argument[0] = '\0';
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &again, RUN_FAILED, "");
    assert_string_equal(fixture->argument, "blue");
}

static void what_cannot_be_executed_has_failed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture->plan.failure = "exec: No such file or directory";
    fixture_pass(fixture, MINUTE + SECOND);
    fixture_expect(fixture, &run, RUN_FAILED, "exec: No such file or directory");
}

static void a_job_that_was_taken_away_starts_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture_pass(fixture, SECOND);
    fixture_withdraw(fixture, run.job);
    fixture_pass(fixture, 2 * MINUTE);
    assert_int_equal(fixture->execution_count, 0);
}

static bool take_status(void *context, const struct job_record *job)
{
    *(enum job_status *)context = job->status;
    return false;
}

static void a_job_without_further_ticks_is_finished(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@at 2030-01-01T00:01:00Z");
    struct job_query query = job_query_all();
    enum job_status status = JOB_STATUS_COUNT;
    job_id id = given_job(fixture, &job);

    fixture_pass(fixture, MINUTE + 5 * SECOND);
    query.ids = &id;
    query.id_count = 1;
    assert_int_equal(store_read_jobs(fixture->store, &query, take_status, &status, NULL), RC_OK);
    assert_int_equal(status, JOB_FINISHED);
    assert_int_equal(fixture->execution_count, 1);
}

/* ---- runs on demand ------------------------------------------------------------------------ */

static void count_tasks(void *context, const struct task *tasks, size_t count)
{
    (void)tasks;
    *(size_t *)context += count;
}

static void a_run_on_demand_needs_no_task_of_its_job(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run = fixture_queue_run(fixture, fixture_create(fixture, &job), "");
    size_t tasks = 0;

    fixture_say(fixture, TASK_RUN, &run);
    fixture_pass(fixture, 3 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    fixture_crash(fixture);
    assert_int_equal(
        coordination_watch_tasks(fixture->coordination, "node", count_tasks, &tasks, NULL), RC_OK);
    assert_int_equal(tasks, 0); /* it was consumed */
}

static void runs_on_demand_keep_their_order(void **state)
{
    enum { RUNS = 5 };
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key runs[RUNS];
    job_id id;

    job.concurrency = CONCURRENCY_QUEUE;
    id = fixture_create(fixture, &job);
    for (size_t i = 0; i < RUNS; i++) {
        runs[i] = fixture_queue_run(fixture, id, "");
        fixture_say(fixture, TASK_RUN, &runs[i]);
    }
    fixture_pass(fixture, 20 * SECOND);
    assert_int_equal(fixture->execution_count, RUNS);
    for (size_t i = 0; i < RUNS; i++)
        assert_int_equal(run_key_compare(&fixture->executed[i], &runs[i]), 0);
}

static void a_run_may_wait_long_for_its_turn(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key first, second;

    job.concurrency = CONCURRENCY_QUEUE;
    fixture->plan.duration = MINUTE;
    first = fixture_queue_run(fixture, fixture_create(fixture, &job), "");
    second = fixture_queue_run(fixture, first.job, "");
    fixture_say(fixture, TASK_RUN, &first);
    fixture_say(fixture, TASK_RUN, &second);
    fixture_pass(fixture, MINUTE + 5 * SECOND);
    fixture_expect(fixture, &first, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &second, RUN_RUNNING, "");
}

static void a_run_on_demand_of_a_job_that_is_gone_ends(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run = fixture_queue_run(fixture, fixture_create(fixture, &job), "");
    struct store_write purge = {.kind = WRITE_JOB_PURGE, .job.id = run.job};
    size_t tasks = 0;

    fixture_apply(fixture, &purge);
    fixture_say(fixture, TASK_RUN, &run);
    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(fixture->execution_count, 0);
    fixture_crash(fixture);
    assert_int_equal(
        coordination_watch_tasks(fixture->coordination, "node", count_tasks, &tasks, NULL), RC_OK);
    assert_int_equal(tasks, 0);
}

static void a_kill_ends_the_run(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture->plan.duration = HOUR;
    fixture_pass(fixture, MINUTE + SECOND);
    fixture_expect(fixture, &run, RUN_RUNNING, "");
    fixture_say(fixture, TASK_KILL, &run);
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &run, RUN_KILLED, "");
}

static void a_kill_ends_what_waits(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run = fixture_queue_run(fixture, fixture_create(fixture, &job), "");

    fixture_say(fixture, TASK_KILL, &run);
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &run, RUN_KILLED, "killed before it started");
    assert_int_equal(fixture->execution_count, 0);
}

/* ---- what breaks --------------------------------------------------------------------------- */

static void a_run_goes_on_while_the_store_is_away(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture_pass(fixture, MINUTE + 500 * MILLISECOND);
    assert_int_equal(fixture->execution_count, 1);
    fixture->away = true;
    fixture_pass(fixture, MINUTE);
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_run(fixture, &run).run.result.finished_at, TICK + SECOND);
    assert_int_equal(fixture->execution_count, 1);
}

static void an_unknown_outcome_is_asked_for_again(void **state)
{
    static const enum memory_store_fault faults[] = {MEMORY_STORE_FAULT_FAIL,
                                                     MEMORY_STORE_FAULT_UNKNOWN_WRITTEN,
                                                     MEMORY_STORE_FAULT_UNKNOWN_LOST};
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    job_id id = given_job(fixture, &job);

    fixture_pass(fixture, 59 * SECOND + 700 * MILLISECOND);
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct run_key run = key_of(id, TICK + (span_us)i * MINUTE, 1);

        fixture->fault = faults[i]; /* of the claim */
        fixture_pass(fixture, SECOND);
        fixture->fault = faults[i]; /* of the result */
        fixture_pass(fixture, 2 * SECOND);
        fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
        assert_int_equal(fixture->execution_count, i + 1);
        fixture_pass(fixture, 57 * SECOND);
    }
}

static void runs_of_a_guardian_that_died_are_lost(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run;

    job.on_worker_loss = WORKER_LOSS_FAIL;
    run = key_of(given_job(fixture, &job), TICK, 1);
    fixture->plan.duration = HOUR;
    fixture_pass(fixture, MINUTE + SECOND);
    memory_guardian_kill(fixture->guardian);
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &run, RUN_LOST, "the guardian died");
    assert_int_equal(fixture->execution_count, 1);
}

/* From before the claim to behind the result. */
static void a_crash_at_any_time_lets_a_run_be_executed_once(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    job_id id = given_job(fixture, &job);

    fixture_pass(fixture, 59 * SECOND);
    for (int i = 0; i < 15; i++) {
        struct run_key run = key_of(id, TICK + i * MINUTE, 1);
        span_us until = i * 150 * MILLISECOND;

        fixture_pass(fixture, until);
        fixture_crash(fixture);
        fixture_start(fixture);
        fixture_pass(fixture, MINUTE - until);
        fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
        assert_int_equal(fixture->execution_count, i + 1);
    }
}

/* ---- the node ------------------------------------------------------------------------------ */

static bool take_worker(void *context, const struct worker_record *worker)
{
    *(struct worker_record *)context = *worker;
    return false;
}

static void it_gives_signs_of_life(void **state)
{
    struct fixture *fixture = *state;
    struct worker_record record = {0};

    (void)given_first_tick(fixture);
    fixture_pass(fixture, 30 * SECOND);
    assert_int_equal(store_read_workers(fixture->store, take_worker, &record, NULL), RC_OK);
    assert_string_equal(record.name, "node");
    assert_string_equal(record.version, "1.2.3");
    assert_int_equal(record.tasks, 1);
    assert_true(record.lease_until > clock_now(fixture->clock) + 5 * SECOND);
    assert_int_equal(worker_due_next_hour(fixture->worker), 1);
}

static void note_member(void *context, const struct member *member)
{
    if (!strcmp(member->name, "node"))
        *(int *)context += member->gone ? -1 : 1;
}

static void it_joins_when_it_has_recovered(void **state)
{
    struct fixture *fixture = *state;
    int members = 0;

    assert_int_equal(coordination_watch_members(fixture->coordination, note_member, &members, NULL),
                     RC_OK);
    fixture->away = true;
    fixture_pass(fixture, 5 * SECOND);
    assert_int_equal(members, 0);
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    assert_int_equal(members, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_tick_is_executed_when_it_is_due),
        TEST(a_failed_run_is_tried_again),
        TEST(a_retry_is_given_what_the_run_on_demand_was),
        TEST(what_cannot_be_executed_has_failed),
        TEST(a_job_that_was_taken_away_starts_nothing),
        TEST(a_job_without_further_ticks_is_finished),
        TEST(a_run_on_demand_needs_no_task_of_its_job),
        TEST(runs_on_demand_keep_their_order),
        TEST(a_run_may_wait_long_for_its_turn),
        TEST(a_run_on_demand_of_a_job_that_is_gone_ends),
        TEST(a_kill_ends_the_run),
        TEST(a_kill_ends_what_waits),
        TEST(a_run_goes_on_while_the_store_is_away),
        TEST(an_unknown_outcome_is_asked_for_again),
        TEST(runs_of_a_guardian_that_died_are_lost),
        TEST(a_crash_at_any_time_lets_a_run_be_executed_once),
        TEST(it_gives_signs_of_life),
        TEST(it_joins_when_it_has_recovered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
