/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker among others needs before it may claim: its name, its lease, a clock that is right.
 */
#include <string.h>

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

/* ---- its name ------------------------------------------------------------------------------ */

static void another_of_its_name_takes_the_ticks(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key run = fixture_give_tick(fixture, &job),
                   later = key_of(run.job, TICK + MINUTE, 1);

    fixture->join_rc = RC_CONFLICT;
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 10 * SECOND);
    assert_int_equal(fixture_count_runs(fixture, run.job), 0);
    fixture_expect_unready(fixture, RC_CONFLICT, "another worker lives under this name");
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
    struct run_key run = fixture_give_first_tick(fixture);
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
    fixture_expect_unready(fixture, RC_CONFLICT, "another worker lives under this name");
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
    return fixture_give_tick(fixture, &job);
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
    fixture_expect_unready(fixture, RC_UNAVAILABLE, "the store was not reached for a lease");
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_LOST, LAUNCH_FENCED);
    assert_true(fixture_run(fixture, &run).run.result.finished_at < until - 2 * SECOND);
    fixture_expect(fixture, &again, RUN_RUNNING, "");
    fixture_pass(fixture, 20 * SECOND);
    fixture_expect(fixture, &kept, RUN_SUCCEEDED, "");
}

/* Without the store nobody can take its runs over as long as it is seen to live. */
static void a_member_keeps_its_runs_while_the_store_is_away(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_long_run(fixture, WORKER_LOSS_RERUN);

    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 500 * MILLISECOND);
    fixture->away = true;
    fixture->is_member = true;
    fixture_pass(fixture, 15 * SECOND);
    assert_int_equal(memory_guardian_running(fixture->guardian), 1);
    fixture->is_member = false;
    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(memory_guardian_running(fixture->guardian), 1);
    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(memory_guardian_running(fixture->guardian), 0);
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_LOST, LAUNCH_FENCED);
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
    first = fixture_queue_run(fixture, fixture_create(fixture, &job), "");
    given_up = fixture_queue_run(fixture, first.job, "");
    kept = fixture_queue_run(fixture, first.job, "");
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
    struct run_key run = fixture_give_first_tick(fixture);

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
    struct run_key run = fixture_give_tick(fixture, &job),
                   later = key_of(run.job, TICK + MINUTE, 1);

    fixture_start(fixture);
    fixture_pass(fixture, 30 * SECOND);
    set_clock(fixture, -1100 * MILLISECOND);
    fixture_pass(fixture, 40 * SECOND);
    assert_int_equal(fixture_count_runs(fixture, run.job), 0);
    fixture_expect_unready(fixture, RC_UNAVAILABLE, why);
    assert_int_equal(row_of(fixture).clock_offset, -1100 * MILLISECOND);
    set_clock(fixture, -900 * MILLISECOND);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect_unready(fixture, RC_UNAVAILABLE, why);
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

    (void)fixture_give_first_tick(fixture);
    run = fixture_give_first_tick(fixture);
    set_clock(fixture, MINUTE);
    fixture_start(fixture);
    fixture_pass(fixture, 30 * SECOND);
    assert_int_equal(fixture_count_runs(fixture, run.job), 0);
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
    struct run_key run = fixture_give_first_tick(fixture);

    fixture_start(fixture);
    set_clock(fixture, 500 * MILLISECOND);
    fixture_pass(fixture, MINUTE - 750 * MILLISECOND);
    fixture->fault = MEMORY_STORE_FAULT_LATE;
    fixture_pass(fixture, 550 * MILLISECOND);
    assert_int_equal(fixture->fault, MEMORY_STORE_FAULT_NONE);
    assert_int_equal(fixture_count_runs(fixture, run.job), 0);
    assert_int_equal(memory_store_release_late(fixture->store), 1);
    fixture_expect(fixture, &run, RUN_QUEUED, "");
    fixture_pass(fixture, 2 * MINUTE);
    fixture_expect(fixture, &run, RUN_MISSED, "claimed, but never started");
    assert_int_equal(fixture->execution_count, 0);
}

static void runs_that_go_on_are_not_mistaken_for_such(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = fixture_give_first_tick(fixture);

    fixture->plan.duration = 10 * MINUTE;
    fixture_start(fixture);
    fixture_pass(fixture, 5 * MINUTE);
    fixture_expect(fixture, &run, RUN_RUNNING, "");
}

static void outputs_without_a_run_are_removed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key runs[2] = {fixture_give_first_tick(fixture), key_of(77, TICK, 1)};
    int64_t size;

    fixture->plan.duration = 10 * MINUTE;
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
        TEST(another_of_its_name_takes_the_ticks),
        TEST(runs_of_another_of_its_name_are_left_alone),
        TEST(the_lease_is_by_the_store_s_clock),
        TEST(what_may_be_run_again_dies_before_the_lease_has_passed),
        TEST(a_member_keeps_its_runs_while_the_store_is_away),
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
