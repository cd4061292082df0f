/* SPDX-License-Identifier: Apache-2.0 */
/* A worker among others: its tasks, and coordination that comes and goes. */
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
    struct run_key run = fixture_give_tick(fixture, &job);

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
    assert_int_equal(fixture_count_runs(fixture, run.job), 1);
}

static void of_several_revisions_the_newest_counts(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = fixture_give_first_tick(fixture);
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
    run = fixture_give_tick(fixture, &job);
    fixture_start(fixture);
    fixture_pass(fixture, 2 * MINUTE + 10 * SECOND);
    fixture_withdraw(fixture, run.job);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_count_runs(fixture, run.job), 1);
}

static void a_job_that_was_paused_is_recorded(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run, waits;

    job.concurrency = CONCURRENCY_QUEUE;
    fixture->plan.duration = 90 * SECOND;
    run = fixture_give_tick(fixture, &job);
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

/* ---- runs elsewhere ------------------------------------------------------------------------ */

static const struct claim_token other_token = {{7}};

static void give_to_other(struct fixture *fixture, job_id job)
{
    struct store_write write = {.kind = WRITE_JOB_ASSIGN, .job = {.id = job, .worker = "other"}};

    fixture_apply(fixture, &write);
}

static void claim_queued_elsewhere(struct fixture *fixture, const struct run_key *run)
{
    struct store_write write = {.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = *run,
                                          .token = other_token,
                                          .worker = "other",
                                          .trigger = TRIGGER_RETRY,
                                          .deadline = INSTANT_MAX,
                                          .existing = true}};

    fixture_apply(fixture, &write);
    assert_string_equal(fixture_run(fixture, run).run.worker, "other");
}

static void claim_elsewhere(struct fixture *fixture, const struct run_key *run)
{
    struct store_write write = {.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = *run,
                                          .token = other_token,
                                          .worker = "other",
                                          .revision = 1,
                                          .trigger = TRIGGER_SCHEDULE,
                                          .deadline = INSTANT_MAX}};

    fixture_apply(fixture, &write);
    assert_string_equal(fixture_run(fixture, run).run.worker, "other");
}

static void end_elsewhere(struct fixture *fixture, const struct run_key *run,
                          enum run_status status)
{
    struct store_write write = {.kind = WRITE_RUN_FINISHED,
                                .run = {.key = *run,
                                        .token = other_token,
                                        .result = {.status = status,
                                                   .started_at = run->scheduled_at,
                                                   .finished_at = clock_now(fixture->clock)},
                                        .reason = ""}};

    fixture_apply(fixture, &write);
}

/* The job was another worker's; its last run goes on there. */
static void a_run_that_goes_on_elsewhere_counts_as_active(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run = key_of(fixture_create(fixture, &job), TICK, 1);
    struct run_key forbidden = key_of(run.job, TICK + MINUTE, 1);
    struct run_key next = key_of(run.job, TICK + 2 * MINUTE, 1);

    give_to_other(fixture, run.job);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE);
    claim_elsewhere(fixture, &run);
    fixture_pass(fixture, SECOND);
    fixture_assign(fixture, run.job);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &forbidden, RUN_SKIPPED, AGENDA_ACTIVE);
    end_elsewhere(fixture, &run, RUN_SUCCEEDED);
    fixture_pass(fixture, MINUTE + 2 * SECOND);
    fixture_expect(fixture, &next, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
}

/* It does not know yet that the job is ours. */
static void a_tick_that_another_worker_claims_counts_as_active(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run = fixture_give_tick(fixture, &job);
    struct run_key forbidden = key_of(run.job, TICK + MINUTE, 1);

    fixture_start(fixture);
    fixture_pass(fixture, MINUTE - 250 * MILLISECOND);
    claim_elsewhere(fixture, &run);
    fixture_pass(fixture, MINUTE + SECOND);
    fixture_expect(fixture, &forbidden, RUN_SKIPPED, AGENDA_ACTIVE);
    assert_int_equal(fixture->execution_count, 0);
}

static void a_run_that_fails_elsewhere_is_tried_again_here(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run, again;

    job.retries = (struct retries){.limit = 1, .delay = SECOND, .backoff = 1, .max_delay = HOUR};
    run = key_of(fixture_create(fixture, &job), TICK, 1);
    again = key_of(run.job, TICK, 2);
    give_to_other(fixture, run.job);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE);
    claim_elsewhere(fixture, &run);
    fixture_assign(fixture, run.job);
    fixture_pass(fixture, 10 * SECOND);
    assert_int_equal(fixture->execution_count, 0);
    end_elsewhere(fixture, &run, RUN_FAILED);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &again, RUN_SUCCEEDED, "");
}

/* It is queued for others; what they do counts. */
static void a_retry_that_is_to_go_elsewhere_goes_there(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run, again, last;

    job.retries = (struct retries){
        .limit = 2, .delay = SECOND, .backoff = 1, .max_delay = HOUR, .elsewhere = true};
    run = fixture_give_tick(fixture, &job);
    again = key_of(run.job, TICK, 2);
    last = key_of(run.job, TICK, 3);
    fixture->plan.exit_code = 1;
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 2500 * MILLISECOND);
    fixture_expect(fixture, &run, RUN_FAILED, "");
    fixture_expect(fixture, &again, RUN_QUEUED, "");
    assert_string_equal(fixture_run(fixture, &again).run.worker, "");
    claim_queued_elsewhere(fixture, &again);
    fixture_pass(fixture, 10 * SECOND);
    end_elsewhere(fixture, &again, RUN_FAILED);
    fixture_pass(fixture, 2500 * MILLISECOND);
    fixture_expect(fixture, &last, RUN_QUEUED, "");
    assert_int_equal(fixture->execution_count, 1);
    fixture_pass(fixture, 10 * SECOND); /* nobody wants it */
    fixture_expect(fixture, &last, RUN_FAILED, "");
    assert_int_equal(fixture->execution_count, 2);
}

static void note_task(void *context, const struct task *task)
{
    (void)task;
    ++*(size_t *)context;
}

static void queue_rerun(struct fixture *fixture, const struct run_key *run)
{
    struct store_write write = {.kind = WRITE_RUN_QUEUE,
                                .run = {.key = *run,
                                        .trigger = TRIGGER_RETRY,
                                        .result = {.status = RUN_QUEUED,
                                                   .started_at = INSTANT_NONE,
                                                   .finished_at = INSTANT_NONE,
                                                   .exit_code = -1},
                                        .worker = "",
                                        .reason = "",
                                        .request = "",
                                        .count = 1,
                                        .until = run->scheduled_at}};

    fixture_apply(fixture, &write);
}

/* We know of the first attempt, and would try again ourselves; the manager asks for the second. */
static void a_run_that_was_lost_elsewhere_is_made_up_for_once(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run = key_of(fixture_create(fixture, &job), TICK, 1);
    struct run_key again = key_of(run.job, TICK, 2);
    size_t tasks = 0;

    fixture_start(fixture);
    give_to_other(fixture, run.job);
    fixture_pass(fixture, MINUTE);
    claim_elsewhere(fixture, &run);
    fixture_assign(fixture, run.job);
    fixture_pass(fixture, 7 * SECOND + 300 * MILLISECOND);
    end_elsewhere(fixture, &run, RUN_LOST);
    queue_rerun(fixture, &again);
    fixture_say(fixture, TASK_RUN, &again);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &again, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
    assert_int_equal(
        coordination_read_tasks(fixture->coordination, "node", note_task, &tasks, NULL), RC_OK);
    assert_int_equal(tasks, 1); /* of the job */
}

static void a_run_elsewhere_that_is_purged_has_ended(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run = key_of(fixture_create(fixture, &job), TICK, 1);
    struct run_key next = key_of(run.job, TICK + MINUTE, 1);
    struct store_write purge = {.kind = WRITE_RUN_PURGE, .run.key = run};

    give_to_other(fixture, run.job);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE);
    claim_elsewhere(fixture, &run);
    fixture_assign(fixture, run.job);
    fixture_pass(fixture, 5 * SECOND);
    fixture_apply(fixture, &purge);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &next, RUN_SUCCEEDED, "");
}

/* ---- tasks of runs ------------------------------------------------------------------------- */

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

    queue_rerun(fixture, &run);
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

struct hearer {
    struct fixture *fixture;
    size_t members;
};

static void look_for_its_row(void *context, const struct member *member)
{
    struct hearer *hearer = context;
    struct fixture *fixture = hearer->fixture;
    bool found = false;

    assert_false(member->gone);
    assert_int_equal(store_read_workers(fixture->store, note_name, &found, NULL), RC_OK);
    assert_true(found);
    hearer->members++;
}

static void who_hears_of_it_can_read_what_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct hearer hearer = {.fixture = fixture};

    assert_int_equal(
        coordination_watch_members(fixture->coordination, look_for_its_row, &hearer, NULL), RC_OK);
    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    assert_int_equal(hearer.members, 1);
}

/* It knows its jobs by the store, until it hears of its tasks. */
static void it_works_without_coordination(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key kept = fixture_give_tick(fixture, &job),
                   moved = fixture_give_tick(fixture, &job);

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
    assert_int_equal(fixture_count_runs(fixture, kept.job), 3);
    assert_int_equal(fixture_count_runs(fixture, moved.job), 1);
}

static void nothing_stops_when_coordination_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = fixture_give_first_tick(fixture);

    fixture_start(fixture);
    fixture_pass(fixture, 5 * SECOND);
    fixture->join_rc = RC_UNAVAILABLE;
    coordination_unwatch(fixture->coordination, fixture->worker);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

/* ---- runs of others ------------------------------------------------------------------------
 */

static const struct claim_token others = {{9, 9, 9}};

static void given_run_of_another(struct fixture *fixture, const struct run_key *run)
{
    struct store_write write = {.kind = WRITE_RUN_CLAIM};

    write.claim = (struct write_claim){.key = *run,
                                       .token = others,
                                       .worker = "other",
                                       .revision = 1,
                                       .trigger = TRIGGER_SCHEDULE,
                                       .deadline = INSTANT_MAX};
    fixture_apply(fixture, &write);
}

static void end_run_of_another(struct fixture *fixture, const struct run_key *run)
{
    struct store_write write = {.kind = WRITE_RUN_FINISHED};

    write.run = (struct write_run){
        .key = *run,
        .token = others,
        .result = {.status = RUN_FAILED, .started_at = START, .finished_at = START},
        .reason = ""};
    fixture_apply(fixture, &write);
}

static void no_run_starts_beside_one_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run, other;

    job.concurrency = CONCURRENCY_FORBID;
    run = fixture_give_tick(fixture, &job);
    other = run;
    other.scheduled_at = START;
    given_run_of_another(fixture, &other);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 10 * SECOND);
    fixture_expect(fixture, &run, RUN_SKIPPED, AGENDA_ACTIVE);
    end_run_of_another(fixture, &other);
    fixture_pass(fixture, MINUTE);
    run.scheduled_at += MINUTE;
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    /* nor is what another ended tried again here */
    assert_int_equal(fixture_count_runs(fixture, run.job), 3);
}

static void a_run_waits_for_one_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run, other;

    job.concurrency = CONCURRENCY_QUEUE;
    run = fixture_give_tick(fixture, &job);
    other = run;
    other.scheduled_at = START;
    given_run_of_another(fixture, &other);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 10 * SECOND);
    assert_int_equal(fixture->execution_count, 0);
    end_run_of_another(fixture, &other);
    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(fixture->execution_count, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_changed_job_stays),
        TEST(of_several_revisions_the_newest_counts),
        TEST(a_job_that_another_worker_gets_leaves_no_records),
        TEST(a_job_that_was_paused_is_recorded),
        TEST(a_run_that_goes_on_elsewhere_counts_as_active),
        TEST(a_tick_that_another_worker_claims_counts_as_active),
        TEST(a_run_that_fails_elsewhere_is_tried_again_here),
        TEST(a_retry_that_is_to_go_elsewhere_goes_there),
        TEST(a_run_that_was_lost_elsewhere_is_made_up_for_once),
        TEST(a_run_elsewhere_that_is_purged_has_ended),
        TEST(a_second_attempt_is_executed_here),
        TEST(a_run_that_another_has_is_consumed),
        TEST(a_kill_of_what_has_ended_is_consumed),
        TEST(who_hears_of_it_can_read_what_it_is),
        TEST(it_works_without_coordination),
        TEST(nothing_stops_when_coordination_is_lost),
        TEST(no_run_starts_beside_one_elsewhere),
        TEST(a_run_waits_for_one_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
