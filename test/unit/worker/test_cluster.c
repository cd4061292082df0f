/* SPDX-License-Identifier: Apache-2.0 */
/* A worker among others: its tasks, its lease, its clock, its name. */
#include <string.h>

#include "core/agenda.h"

#include "fixture.h"

static int setup(void **state)
{
    *state = fixture_new();
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static struct run_key given_tick(struct fixture *fixture, const struct job *job)
{
    job_id id = fixture_create(fixture, job);

    fixture_assign(fixture, id);
    return key_of(id, TICK, 1);
}

/* One tick, in a minute. */
static struct run_key given_first_tick(struct fixture *fixture)
{
    struct job job = fixture_job("1 0 * * *");

    return given_tick(fixture, &job);
}

static bool count_run(void *context, const struct run_record *run)
{
    (void)run;
    ++*(size_t *)context;
    return true;
}

static size_t runs_of(struct fixture *fixture, job_id job)
{
    struct run_query query = run_query_all();
    size_t count = 0;

    query.job = job;
    assert_int_equal(store_read_runs(fixture->store, &query, count_run, &count, NULL), RC_OK);
    return count;
}

static void expect_unready(struct fixture *fixture, enum rc rc, const char *why)
{
    struct err err = {0};

    assert_int_equal(worker_is_ready(fixture->worker, &err), rc);
    assert_string_equal(err.message, why);
}

/* ---- tasks of jobs ------------------------------------------------------------------------- */

static void assign_all(struct fixture *fixture, const struct task *tasks, size_t count)
{
    assert_int_equal(coordination_assign(fixture->coordination, fixture->lease.epoch, "node", tasks,
                                         count, NULL),
                     RC_OK);
}

static void replace(struct fixture *fixture, job_id id, const struct job *job)
{
    struct store_write write = {.kind = WRITE_JOB_REPLACE,
                                .job = {.id = id,
                                        .at = clock_now(fixture->store_clock),
                                        .job = job,
                                        .document = "{}",
                                        .document_length = 2}};

    fixture_apply(fixture, &write);
}

static void a_changed_job_stays(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run = given_tick(fixture, &job);

    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    job.kill_grace = 3 * SECOND;
    replace(fixture, run.job, &job);
    assign_all(fixture,
               (const struct task[]){
                   {.kind = TASK_JOB, .job = run.job, .revision = 1, .removed = true},
                   {.kind = TASK_JOB, .job = run.job, .revision = 2},
               },
               2);
    fixture_pass(fixture, MINUTE + SECOND);
    assert_int_equal(fixture_run(fixture, &run).run.revision, 2);
    assert_int_equal(runs_of(fixture, run.job), 1);
}

static void of_several_revisions_the_newest_counts(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);
    struct task task = {.kind = TASK_JOB, .job = run.job, .revision = 2};

    fixture_start(fixture);
    assign_all(fixture, &task, 1);
    fixture_pass(fixture, SECOND);
    task.revision = 1;
    task.removed = true;
    assign_all(fixture, &task, 1);
    fixture_pass(fixture, MINUTE + SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

/* Ticks that wait are the next worker's; what is executed goes on. */
static void a_job_that_another_worker_gets_leaves_no_records(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run;

    job.concurrency = CONCURRENCY_QUEUE;
    fixture->plan.duration = 90 * SECOND;
    run = given_tick(fixture, &job);
    fixture_start(fixture);
    fixture_pass(fixture, 2 * MINUTE + 10 * SECOND);
    fixture_withdraw(fixture, run.job);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(runs_of(fixture, run.job), 1);
}

static void a_job_that_was_paused_is_recorded(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run, waits;

    job.concurrency = CONCURRENCY_QUEUE;
    fixture->plan.duration = 90 * SECOND;
    run = given_tick(fixture, &job);
    waits = key_of(run.job, TICK + MINUTE, 1);
    fixture_start(fixture);
    fixture_pass(fixture, 2 * MINUTE + 10 * SECOND);
    job.enabled = false;
    replace(fixture, run.job, &job);
    fixture_withdraw(fixture, run.job);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &waits, RUN_MISSED, AGENDA_REMOVED);
}

/* ---- tasks of runs ------------------------------------------------------------------------- */

static void note_task(void *context, const struct task *task)
{
    (void)task;
    ++*(size_t *)context;
}

static void expect_no_tasks(struct fixture *fixture)
{
    size_t tasks = 0;

    assert_int_equal(
        coordination_read_tasks(fixture->coordination, "node", note_task, &tasks, NULL), RC_OK);
    assert_int_equal(tasks, 0);
}

static struct run_key given_rerun(struct fixture *fixture)
{
    struct job job = fixture_job("@manual");
    struct run_key run = key_of(fixture_create(fixture, &job), START - MINUTE, 2);
    struct store_write write = {.kind = WRITE_RUN_QUEUE,
                                .run = {.key = run,
                                        .trigger = TRIGGER_RETRY,
                                        .result = {.status = RUN_QUEUED,
                                                   .started_at = INSTANT_NONE,
                                                   .finished_at = INSTANT_NONE,
                                                   .exit_code = -1},
                                        .worker = "",
                                        .reason = "",
                                        .request = "",
                                        .count = 1,
                                        .until = run.scheduled_at}};

    fixture_apply(fixture, &write);
    fixture_say(fixture, TASK_RUN, &run);
    return run;
}

/* The manager asks for it when another worker was lost. */
static void a_second_attempt_is_executed_here(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_rerun(fixture);

    fixture_start(fixture);
    fixture_pass(fixture, 3 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_run(fixture, &run).run.trigger, TRIGGER_RETRY);
    assert_string_equal(fixture_run(fixture, &run).run.worker, "node");
    assert_string_equal(fixture->attempt, "2");
    expect_no_tasks(fixture);
}

static void a_run_that_another_has_is_consumed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_rerun(fixture);
    struct store_write claim = {.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = run,
                                          .token = {{7}},
                                          .worker = "other",
                                          .trigger = TRIGGER_MANUAL,
                                          .deadline = INSTANT_MAX,
                                          .existing = true}};

    fixture_apply(fixture, &claim);
    fixture_start(fixture);
    fixture_pass(fixture, 3 * SECOND);
    fixture_expect(fixture, &run, RUN_QUEUED, "");
    assert_int_equal(fixture->execution_count, 0);
    expect_no_tasks(fixture);
}

static void a_kill_of_what_has_ended_is_consumed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_rerun(fixture);

    fixture_start(fixture);
    fixture_pass(fixture, 3 * SECOND);
    fixture_say(fixture, TASK_KILL, &run);
    fixture_pass(fixture, 3 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    expect_no_tasks(fixture);
}

/* ---- coordination -------------------------------------------------------------------------- */

static bool note_name(void *context, const struct worker_record *worker)
{
    *(bool *)context = !strcmp(worker->name, "node");
    return false;
}

static void look_for_its_row(void *context, const struct member *member)
{
    struct fixture *fixture = context;
    bool found = false;

    assert_false(member->gone);
    assert_int_equal(store_read_workers(fixture->store, note_name, &found, NULL), RC_OK);
    assert_true(found);
    fixture->swept_count = 1; /* it was called */
}

static void who_hears_of_it_can_read_what_it_is(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(
        coordination_watch_members(fixture->coordination, look_for_its_row, fixture, NULL), RC_OK);
    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    assert_int_equal(fixture->swept_count, 1);
}

static void give_to_other(struct fixture *fixture, job_id job)
{
    struct store_write write = {.kind = WRITE_JOB_ASSIGN, .job = {.id = job, .worker = "other"}};

    fixture_apply(fixture, &write);
}

/* It knows its jobs by the store, until it hears of its tasks. */
static void it_works_without_coordination(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key kept = given_tick(fixture, &job), moved = given_tick(fixture, &job);

    fixture->is_deaf = true;
    fixture->join_rc = RC_UNAVAILABLE;
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 2 * SECOND);
    fixture_expect(fixture, &kept, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &moved, RUN_SUCCEEDED, "");
    assert_int_equal(worker_is_ready(fixture->worker, NULL), RC_OK);
    give_to_other(fixture, moved.job);
    assign_all(fixture, &(const struct task){.kind = TASK_JOB, .job = moved.job, .removed = true},
               1);
    fixture->join_rc = RC_OK;
    fixture_hear(fixture);
    fixture_pass(fixture, 2 * MINUTE);
    assert_int_equal(runs_of(fixture, kept.job), 3);
    assert_int_equal(runs_of(fixture, moved.job), 1);
}

static void nothing_stops_when_coordination_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture_start(fixture);
    fixture_pass(fixture, 5 * SECOND);
    fixture->join_rc = RC_UNAVAILABLE;
    coordination_unwatch(fixture->coordination, fixture->worker);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

/* ---- its name ------------------------------------------------------------------------------ */

static void another_of_its_name_takes_the_ticks(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run = given_tick(fixture, &job), later = key_of(run.job, TICK + MINUTE, 1);

    fixture->join_rc = RC_CONFLICT;
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 10 * SECOND);
    assert_int_equal(runs_of(fixture, run.job), 0);
    expect_unready(fixture, RC_CONFLICT, "another worker lives under this name");
    fixture->join_rc = RC_OK;
    fixture_pass(fixture, MINUTE);
    assert_int_equal(worker_is_ready(fixture->worker, NULL), RC_OK);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &later, RUN_SUCCEEDED, "");
}

/* Its runs would look as if they were ours and had never been started. */
static void runs_of_another_of_its_name_are_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);
    struct store_write claim = {.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = run,
                                          .token = {{7}},
                                          .worker = "node",
                                          .revision = 1,
                                          .trigger = TRIGGER_SCHEDULE,
                                          .deadline = INSTANT_MAX}};

    fixture->url = "http://other:1";
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE - SECOND);
    fixture_crash(fixture);
    fixture_pass(fixture, SECOND);
    fixture_apply(fixture, &claim);
    fixture->url = "http://node:1";
    fixture_start(fixture);
    fixture_pass(fixture, 4 * SECOND);
    fixture_expect(fixture, &run, RUN_QUEUED, "");
    expect_unready(fixture, RC_CONFLICT, "another worker lives under this name");
    fixture_pass(fixture, 10 * SECOND);
    assert_int_equal(worker_is_ready(fixture->worker, NULL), RC_OK);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

/* ---- the lease ----------------------------------------------------------------------------- */

static bool take_worker(void *context, const struct worker_record *worker)
{
    *(struct worker_record *)context = *worker;
    return false;
}

static struct worker_record row_of(struct fixture *fixture)
{
    struct worker_record record = {0};

    assert_int_equal(store_read_workers(fixture->store, take_worker, &record, NULL), RC_OK);
    return record;
}

static void the_lease_is_by_the_store_s_clock(void **state)
{
    struct fixture *fixture = *state;
    instant_us left;

    memory_clock_set(fixture->clock, START + 400 * MILLISECOND);
    fixture->is_synchronised = true;
    fixture_start(fixture);
    fixture_pass(fixture, 10 * SECOND);
    left = row_of(fixture).lease_until - clock_now(fixture->store_clock);
    assert_true(left > 5 * SECOND && left <= 8 * SECOND);
    assert_int_equal(row_of(fixture).clock_offset, 400 * MILLISECOND);
    assert_true(row_of(fixture).clock_synchronised);
    assert_string_equal(row_of(fixture).url, "http://node:1");
}

static struct run_key given_long_run(struct fixture *fixture, enum worker_loss on_worker_loss)
{
    struct job job = fixture_job("1 0 * * *");

    job.on_worker_loss = on_worker_loss;
    fixture->plan.duration = 40 * SECOND;
    return given_tick(fixture, &job);
}

static void what_may_be_run_again_dies_before_the_lease_has_passed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_long_run(fixture, WORKER_LOSS_RERUN);
    struct run_key again = key_of(run.job, TICK, 2),
                   kept = given_long_run(fixture, WORKER_LOSS_FAIL);
    instant_us until;

    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 500 * MILLISECOND);
    until = row_of(fixture).lease_until;
    fixture->away = true;
    fixture_pass(fixture, 20 * SECOND);
    assert_int_equal(memory_guardian_running(fixture->guardian), 1);
    expect_unready(fixture, RC_UNAVAILABLE, "the store was not reached for a lease");
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_LOST, LAUNCH_FENCED);
    assert_true(fixture_run(fixture, &run).run.result.finished_at < until - 2 * SECOND);
    fixture_expect(fixture, &again, RUN_RUNNING, "");
    fixture_pass(fixture, 20 * SECOND);
    fixture_expect(fixture, &kept, RUN_SUCCEEDED, "");
}

/* It was claimed before; whether it is still ours is asked before it is started. */
static void what_waits_for_its_turn_outlasts_a_lease(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key first, kept, given_up;
    struct store_write lost = {.kind = WRITE_RUN_LOST,
                               .run = {.result = {.status = RUN_LOST,
                                                  .started_at = INSTANT_NONE,
                                                  .finished_at = START,
                                                  .exit_code = -1},
                                       .reason = "worker node vanished"}};

    job.concurrency = CONCURRENCY_QUEUE;
    job.on_worker_loss = WORKER_LOSS_FAIL;
    fixture->plan.duration = 30 * SECOND;
    first = fixture_queue_run(fixture, fixture_create(fixture, &job));
    given_up = fixture_queue_run(fixture, first.job);
    kept = fixture_queue_run(fixture, first.job);
    fixture_say(fixture, TASK_RUN, &first);
    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    fixture_say(fixture, TASK_RUN, &given_up);
    fixture_say(fixture, TASK_RUN, &kept);
    fixture_pass(fixture, SECOND);
    fixture->away = true;
    fixture_pass(fixture, 15 * SECOND);
    fixture->away = false;
    lost.run.key = given_up;
    lost.run.token = fixture_run(fixture, &given_up).token;
    fixture_apply(fixture, &lost);
    fixture_pass(fixture, 20 * SECOND);
    fixture_expect(fixture, &first, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &kept, RUN_RUNNING, "");
    assert_string_equal(run_status_text(fixture_run(fixture, &given_up).run.result.status), "lost");
    assert_int_equal(fixture->execution_count, 2);
}

static void the_guardian_does_so_when_the_worker_is_dead(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_long_run(fixture, WORKER_LOSS_RERUN);

    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 5 * SECOND);
    fixture_crash(fixture);
    fixture_pass(fixture, 4 * SECOND);
    assert_int_equal(memory_guardian_running(fixture->guardian), 1);
    fixture_pass(fixture, 4 * SECOND);
    assert_int_equal(memory_guardian_running(fixture->guardian), 0);
    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &run, RUN_LOST, LAUNCH_FENCED);
}

static void a_new_guardian_is_told_of_the_lease(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture_start(fixture);
    fixture_pass(fixture, MINUTE - 210 * MILLISECOND);
    memory_guardian_kill(fixture->guardian);
    fixture_pass(fixture, 2 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

/* The manager has given it up meanwhile. */
static void a_result_that_comes_too_late_is_a_note(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_long_run(fixture, WORKER_LOSS_FAIL);
    struct store_write lost = {.kind = WRITE_RUN_LOST,
                               .run = {.key = run,
                                       .result = {.status = RUN_LOST,
                                                  .started_at = INSTANT_NONE,
                                                  .finished_at = TICK + 15 * SECOND,
                                                  .exit_code = -1},
                                       .reason = "worker node vanished"}};

    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + SECOND);
    fixture_crash(fixture);
    fixture_pass(fixture, 15 * SECOND);
    lost.run.token = fixture_run(fixture, &run).token;
    fixture_start(fixture);
    fixture_pass(fixture, 0);
    memory_clock_advance(fixture->store_clock, 10 * SECOND);
    fixture_apply(fixture, &lost);
    memory_clock_advance(fixture->clock, 10 * SECOND);
    fixture_pass(fixture, 40 * SECOND);
    fixture_expect(fixture, &run, RUN_LOST,
                   "worker node vanished; late result: succeeded, exit code 0");
    assert_int_equal(fixture->execution_count, 1);
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void set_clock(struct fixture *fixture, span_us offset)
{
    memory_clock_set(fixture->clock, clock_now(fixture->store_clock) + offset);
}

static void a_wrong_clock_claims_nothing(void **state)
{
    static const char why[] = "the clock differs from the store's by more than a second";
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run = given_tick(fixture, &job), later = key_of(run.job, TICK + MINUTE, 1);

    fixture_start(fixture);
    fixture_pass(fixture, 30 * SECOND);
    set_clock(fixture, -1100 * MILLISECOND);
    fixture_pass(fixture, 40 * SECOND);
    assert_int_equal(runs_of(fixture, run.job), 0);
    expect_unready(fixture, RC_UNAVAILABLE, why);
    assert_int_equal(row_of(fixture).clock_offset, -1100 * MILLISECOND);
    set_clock(fixture, -900 * MILLISECOND);
    fixture_pass(fixture, 5 * SECOND);
    expect_unready(fixture, RC_UNAVAILABLE, why);
    set_clock(fixture, 700 * MILLISECOND);
    fixture_pass(fixture, MINUTE);
    assert_int_equal(worker_is_ready(fixture->worker, NULL), RC_OK);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &later, RUN_SUCCEEDED, "");
}

static void a_clock_that_is_wrong_at_the_start_claims_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run;

    (void)given_first_tick(fixture);
    run = given_first_tick(fixture);
    set_clock(fixture, MINUTE);
    fixture_start(fixture);
    fixture_pass(fixture, 30 * SECOND);
    assert_int_equal(runs_of(fixture, run.job), 0);
    set_clock(fixture, 0);
    fixture_pass(fixture, 40 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

/* ---- what nobody waits for ----------------------------------------------------------------- */

/*
 * With a clock that is ahead, a claim comes too early for the store; one that hung on the way takes
 * effect later, and the worker's next one finds the tick taken.
 */
static void a_claim_that_takes_effect_unseen_is_ended(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture_start(fixture);
    set_clock(fixture, 500 * MILLISECOND);
    fixture_pass(fixture, MINUTE - 750 * MILLISECOND);
    fixture->fault = MEMORY_STORE_FAULT_LATE;
    fixture_pass(fixture, 550 * MILLISECOND);
    assert_int_equal(fixture->fault, MEMORY_STORE_FAULT_NONE);
    assert_int_equal(runs_of(fixture, run.job), 0);
    assert_int_equal(memory_store_release_late(fixture->store), 1);
    fixture_expect(fixture, &run, RUN_QUEUED, "");
    fixture_pass(fixture, 2 * MINUTE);
    fixture_expect(fixture, &run, RUN_MISSED, "claimed, but never started");
    assert_int_equal(fixture->execution_count, 0);
}

static void runs_that_go_on_are_not_mistaken_for_such(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_first_tick(fixture);

    fixture->plan.duration = 10 * MINUTE;
    fixture_start(fixture);
    fixture_pass(fixture, 5 * MINUTE);
    fixture_expect(fixture, &run, RUN_RUNNING, "");
}

static void outputs_without_a_run_are_removed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key runs[2] = {given_first_tick(fixture), key_of(77, TICK, 1)};
    int64_t size;

    fixture->outputs = memory_outputs_new();
    for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
        memory_outputs_append(fixture->outputs, &runs[i], "x", 1);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 5 * SECOND);
    fixture->swept = runs;
    fixture->swept_count = 2;
    fixture_pass(fixture, 31 * SECOND);
    assert_int_equal(fixture->swept_count, 0);
    assert_int_equal(outputs_size(fixture->outputs, &runs[0], &size, NULL), RC_OK);
    assert_int_equal(outputs_size(fixture->outputs, &runs[1], &size, NULL), RC_NOT_FOUND);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_changed_job_stays),
        TEST(of_several_revisions_the_newest_counts),
        TEST(a_job_that_another_worker_gets_leaves_no_records),
        TEST(a_job_that_was_paused_is_recorded),
        TEST(a_second_attempt_is_executed_here),
        TEST(a_run_that_another_has_is_consumed),
        TEST(a_kill_of_what_has_ended_is_consumed),
        TEST(who_hears_of_it_can_read_what_it_is),
        TEST(it_works_without_coordination),
        TEST(nothing_stops_when_coordination_is_lost),
        TEST(another_of_its_name_takes_the_ticks),
        TEST(runs_of_another_of_its_name_are_left_alone),
        TEST(the_lease_is_by_the_store_s_clock),
        TEST(what_may_be_run_again_dies_before_the_lease_has_passed),
        TEST(what_waits_for_its_turn_outlasts_a_lease),
        TEST(the_guardian_does_so_when_the_worker_is_dead),
        TEST(a_new_guardian_is_told_of_the_lease),
        TEST(a_result_that_comes_too_late_is_a_note),
        TEST(a_wrong_clock_claims_nothing),
        TEST(a_clock_that_is_wrong_at_the_start_claims_nothing),
        TEST(a_claim_that_takes_effect_unseen_is_ended),
        TEST(runs_that_go_on_are_not_mistaken_for_such),
        TEST(outputs_without_a_run_are_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
