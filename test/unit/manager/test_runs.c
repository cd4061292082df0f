/* SPDX-License-Identifier: Apache-2.0 */
/* Runs whose worker is gone. */
#include <string.h>

#include "adapters/memory/clock.h"
#include "fixture.h"

#define LEASE (8 * SECOND)

static const struct claim_token token = {{1, 2, 3}};

static int setup(void **state)
{
    struct fixture *fixture = fixture_new();

    *state = fixture;
    fixture_sign(fixture, "node", START + LEASE, NULL);
    fixture_join(fixture, "node");
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static job_id given_job(struct fixture *fixture, enum worker_loss loss)
{
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);
    job_id id;

    change->job.on_worker_loss = loss;
    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    id = change->id;
    change_free(change);
    return id;
}

/* A tick that the worker has claimed, and started. */
static struct run_key given_running(struct fixture *fixture, job_id job, const char *worker)
{
    struct run_key key = {.scheduled_at = START, .job = job, .attempt = 1};
    struct store_write claim = {.kind = WRITE_RUN_CLAIM}, start = {.kind = WRITE_RUN_STARTED};

    claim.claim = (struct write_claim){.key = key,
                                       .token = token,
                                       .worker = worker,
                                       .revision = 1,
                                       .trigger = TRIGGER_SCHEDULE,
                                       .deadline = INSTANT_MAX};
    start.run = (struct write_run){
        .key = key, .token = token, .result = {.status = RUN_RUNNING, .started_at = START}};
    fixture_apply(fixture, &claim);
    fixture_apply(fixture, &start);
    return key;
}

static enum run_status status_of(struct fixture *fixture, const struct run_key *key)
{
    return fixture_run(fixture, key).run.result.status;
}

static void a_lost_run_is_made_up_for_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "node"), next = key;
    struct run_record run;

    next.attempt = 2;
    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    fixture_leave(fixture, "node");
    fixture_wait(fixture, LEASE - SECOND); /* it may live */
    assert_int_equal(status_of(fixture, &key), RUN_RUNNING);
    fixture_expect(fixture, "other +job 1.1\nnode -job 1.1\n");
    fixture_wait(fixture, 5 * SECOND);
    run = fixture_run(fixture, &key);
    assert_int_equal(run.run.result.status, RUN_LOST);
    assert_int_equal(run.run.result.started_at, START);
    assert_string_equal(run.run.reason, "worker node vanished");
    run = fixture_run(fixture, &next);
    assert_int_equal(run.run.result.status, RUN_QUEUED);
    assert_int_equal(run.run.trigger, TRIGGER_RETRY);
    assert_string_equal(run.run.worker, "other");
    fixture_expect(fixture, "other +run 1-1893456000-2\n");
    assert_int_equal(fixture_job(fixture, job).status, JOB_SCHEDULED);
}

static void or_fails_its_job(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_FAIL);
    struct run_key key = given_running(fixture, job, "node");

    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    fixture_leave(fixture, "node");
    fixture_wait(fixture, LEASE + 5 * SECOND);
    assert_int_equal(status_of(fixture, &key), RUN_LOST);
    assert_int_equal(fixture_count_runs(fixture, job), 1);
    assert_int_equal(fixture_job(fixture, job).status, JOB_ERROR);
    fixture_expect(fixture, "other +job 1.1\nnode -job 1.1\n");
}

/* The lease says that it lives, or coordination does. */
static void one_witness_is_not_enough(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "node");

    fixture_wait(fixture, LEASE + 10 * SECOND);
    assert_int_equal(status_of(fixture, &key), RUN_RUNNING);
    fixture_sign(fixture, "node", START + MINUTE, NULL);
    fixture_leave(fixture, "node");
    fixture_wait(fixture, 20 * SECOND);
    assert_int_equal(status_of(fixture, &key), RUN_RUNNING);
    fixture_join(fixture, "node");
    fixture_wait(fixture, MINUTE);
    assert_int_equal(status_of(fixture, &key), RUN_RUNNING);
}

static void runs_of_a_worker_that_nobody_knows_are_lost(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "stranger");

    fixture_wait(fixture, 2 * MINUTE);
    assert_int_equal(status_of(fixture, &key), RUN_LOST);
}

static void also_when_nobody_else_is_there(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "node"), next = key;

    next.attempt = 2;
    fixture_leave(fixture, "node");
    fixture_wait(fixture, LEASE + 5 * SECOND);
    assert_int_equal(status_of(fixture, &key), RUN_LOST);
    assert_int_equal(status_of(fixture, &next), RUN_QUEUED);
    buf_reset(&fixture->heard);
    fixture_join(fixture, "other"); /* and gets it */
    fixture_wait(fixture, 4 * SECOND);
    fixture_expect(fixture, "other +job 1.1\nother +run 1-1893456000-2\nnode -job 1.1\n");
}

static void an_unknown_outcome_is_looked_up(void **state)
{
    static const enum memory_store_fault faults[] = {MEMORY_STORE_FAULT_UNKNOWN_WRITTEN,
                                                     MEMORY_STORE_FAULT_UNKNOWN_LOST,
                                                     MEMORY_STORE_FAULT_FAIL};
    struct fixture *fixture = *state;

    fixture_sign(fixture, "other", INSTANT_MAX, NULL);
    fixture_join(fixture, "other");
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        job_id job = given_job(fixture, WORKER_LOSS_RERUN);
        struct run_key key = given_running(fixture, job, "stranger"), next = key;

        next.attempt = 2;
        fixture->fault = faults[i];
        fixture_wait(fixture, 2 * MINUTE);
        fixture->fault = MEMORY_STORE_FAULT_NONE;
        fixture_wait(fixture, 2 * MINUTE);
        assert_int_equal(status_of(fixture, &key), RUN_LOST);
        assert_int_equal(status_of(fixture, &next), RUN_QUEUED);
        assert_int_equal(fixture_count_runs(fixture, job), 2);
    }
}

/* ---- runs that wait, and kills ------------------------------------------------------------- */

static struct run_key run_now(struct fixture *fixture, job_id id)
{
    struct change *change = change_new(CHANGE_RUN_NOW, id);
    struct run_key run;

    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    run = change->run;
    change_free(change);
    return run;
}

static void kill_run(struct fixture *fixture, const struct run_key *run)
{
    struct change *change = change_new(CHANGE_RUN_KILL, 0);

    change->run = *run;
    assert_int_equal(fixture_change(fixture, change), RC_OK);
}

static void what_nobody_has_is_killed_at_once(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key run;

    fixture_leave(fixture, "node");
    run = run_now(fixture, job);
    kill_run(fixture, &run);
    assert_int_equal(status_of(fixture, &run), RUN_KILLED);
}

static void note_task(void *context, const struct task *task)
{
    (void)task;
    ++*(size_t *)context;
}

static size_t count_tasks(struct fixture *fixture, const char *worker)
{
    size_t count = 0;

    assert_int_equal(
        coordination_read_tasks(fixture->coordination, worker, note_task, &count, NULL), RC_OK);
    return count;
}

static void what_nobody_claimed_moves_with_its_kill(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key run = run_now(fixture, job);

    kill_run(fixture, &run);
    assert_int_equal(count_tasks(fixture, "node"), 3);
    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    fixture_leave(fixture, "node");
    fixture_expect(fixture, "other +job 1.1\n"
                            "other +run 1-1893456000.000001-1\n"
                            "other +kill 1-1893456000.000001-1\n"
                            "node -kill 1-1893456000.000001-1\n"
                            "node -run 1-1893456000.000001-1\n"
                            "node -job 1.1\n");
    assert_int_equal(count_tasks(fixture, "node"), 0);
}

static void a_kill_waits_for_a_worker_that_may_come_back(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "node");

    fixture_join(fixture, "other");
    kill_run(fixture, &key);
    fixture_leave(fixture, "node");
    assert_int_equal(count_tasks(fixture, "node"), 1);
    fixture_wait(fixture, LEASE + 5 * SECOND);
    assert_int_equal(status_of(fixture, &key), RUN_LOST);
    fixture_wait(fixture, 2 * MINUTE);
    assert_int_equal(count_tasks(fixture, "node"), 0);
}

static void a_paused_job_is_not_made_up_for(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "node");
    struct change *pause = change_new(CHANGE_JOB_REPLACE, job);

    pause->job.enabled = false;
    fixture_leave(fixture, "node");
    fixture_wait(fixture, LEASE + 5 * SECOND);
    key.attempt = 2;
    assert_int_equal(status_of(fixture, &key), RUN_QUEUED);
    assert_int_equal(fixture_change(fixture, pause), RC_OK);
    assert_int_equal(status_of(fixture, &key), RUN_SKIPPED);
    buf_reset(&fixture->heard);
    fixture_join(fixture, "other");
    fixture_wait(fixture, 2 * MINUTE);
    fixture_expect(fixture, "node -job 1.1\n");
}

/* As a leader leaves it that died when the store had refused to lose the first. */
static void an_attempt_is_taken_back_while_the_one_before_it_goes_on(void **state)
{
    struct fixture *fixture = *state;
    job_id job = given_job(fixture, WORKER_LOSS_RERUN);
    struct run_key key = given_running(fixture, job, "node");
    struct store_write queue = {.kind = WRITE_RUN_QUEUE};

    key.attempt = 2;
    queue.run = (struct write_run){.key = key,
                                   .trigger = TRIGGER_RETRY,
                                   .worker = "",
                                   .reason = "",
                                   .request = "",
                                   .count = 1,
                                   .until = START};
    fixture_apply(fixture, &queue);
    buf_reset(&fixture->heard);
    fixture_wait(fixture, 2 * MINUTE);
    fixture_expect(fixture, "");
    assert_int_equal(fixture_count_runs(fixture, job), 1);
}

static void fail_run(struct fixture *fixture, const struct run_key *key)
{
    struct store_write write = {.kind = WRITE_RUN_FINISHED};

    write.run = (struct write_run){
        .key = *key,
        .token = token,
        .result = {.status = RUN_FAILED, .started_at = START, .finished_at = START},
        .reason = ""};
    fixture_apply(fixture, &write);
}

static void queue_retry(struct fixture *fixture, const struct run_key *key)
{
    struct store_write write = {.kind = WRITE_RUN_QUEUE};

    write.run = (struct write_run){.key = *key,
                                   .trigger = TRIGGER_RETRY,
                                   .worker = "",
                                   .reason = "",
                                   .request = "",
                                   .count = 1,
                                   .until = START};
    fixture_apply(fixture, &write);
}

/* Its worker queued it; it is not to be made there. */
static void a_retry_goes_to_another_worker(void **state)
{
    struct fixture *fixture = *state;
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);
    struct run_key key;

    change->job.retries.elsewhere = true;
    fixture_submit(fixture, change);
    fixture_step(fixture);
    key = given_running(fixture, change->id, "node");
    change_free(change);
    fail_run(fixture, &key);
    fixture_sign(fixture, "other", START + HOUR, NULL);
    fixture_join(fixture, "other");
    fixture_wait(fixture, 5 * SECOND);
    buf_reset(&fixture->heard);
    key.attempt = 2;
    queue_retry(fixture, &key);
    fixture_wait(fixture, 2500 * MILLISECOND);
    fixture_expect(fixture, "other +run 1-1893456000-2\n");
}

static void workers_are_removed_for_good(void **state)
{
    struct fixture *fixture = *state;
    struct change *change = change_new(CHANGE_WORKER_REMOVE, 0);

    change->worker = "node";
    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_CONFLICT);
    change_free(change);
    fixture_leave(fixture, "node");
    fixture_wait(fixture, LEASE + 5 * SECOND);
    change = change_new(CHANGE_WORKER_REMOVE, 0);
    change->worker = "node";
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    change = change_new(CHANGE_WORKER_REMOVE, 0);
    change->worker = "node";
    assert_int_equal(fixture_change(fixture, change), RC_NOT_FOUND);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_lost_run_is_made_up_for_elsewhere),
        TEST(or_fails_its_job),
        TEST(a_retry_goes_to_another_worker),
        TEST(one_witness_is_not_enough),
        TEST(runs_of_a_worker_that_nobody_knows_are_lost),
        TEST(also_when_nobody_else_is_there),
        TEST(an_unknown_outcome_is_looked_up),
        TEST(what_nobody_has_is_killed_at_once),
        TEST(what_nobody_claimed_moves_with_its_kill),
        TEST(a_kill_waits_for_a_worker_that_may_come_back),
        TEST(a_paused_job_is_not_made_up_for),
        TEST(an_attempt_is_taken_back_while_the_one_before_it_goes_on),
        TEST(workers_are_removed_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
