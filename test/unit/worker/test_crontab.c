/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose jobs the node's cron calls for; the test is cron. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define HEAD                                                                                   \
    "# Kept by cronjob's worker: it undoes changes, and takes the file away when `scheduler` " \
    "is\n"                                                                                     \
    "# no longer `crontab`. Each line hands the tick of a job to the worker.\n"                \
    "# Data directory: /d\n"                                                                   \
    "MAILTO=\"\"\n"

/* cron reads its tables within a minute; only then is its silence one. */
#define KNOWN (2 * MINUTE)

static int setup(void **state)
{
    struct fixture *fixture = fixture_new();

    fixture->cron_table = memory_cron_table_new();
    fixture->cron_table->frame = (struct crontab_frame){"root", "/c", "/d"};
    fixture->fires = memory_fires_new();
    fixture_start(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static struct job local_job(const struct fixture *fixture, const char *schedule)
{
    struct job job = fixture_job(schedule);

    job.time_zone = zones_local_name(fixture->zones);
    return job;
}

static job_id give(struct fixture *fixture, const char *schedule)
{
    struct job job = local_job(fixture, schedule);
    job_id id = fixture_create(fixture, &job);

    fixture_assign(fixture, id);
    return id;
}

static enum fire_answer call(struct fixture *fixture, job_id job)
{
    enum fire_answer answer = memory_fires_call(fixture->fires, job);

    fixture_pass(fixture, 0);
    return answer;
}

#define says(fixture, text) \
    assert_string_equal(memory_cron_table_text((fixture)->cron_table), HEAD text)

static bool take_backend(void *context, const struct worker_record *worker)
{
    (void)snprintf(context, 64, "%.63s", worker->backend);
    return false;
}

static void expect_backend(struct fixture *fixture, const char *state)
{
    char text[64] = "", expected[64];

    fixture_pass(fixture, 100 * MILLISECOND);
    (void)snprintf(expected, sizeof(expected), "crontab %s %s", state,
                   zones_local_name(fixture->zones));
    assert_int_equal(store_read_workers(fixture->store, take_backend, text, NULL), RC_OK);
    assert_string_equal(text, expected);
}

/* To the next minute, and so far past it. */
static void pass_to(struct fixture *fixture, instant_us instant)
{
    fixture_pass(fixture, instant - clock_now(fixture->clock));
}

/* ---- what it says -----------------------------------------------------------------------------
 */

static void the_crontab_says_what_the_worker_has(void **state)
{
    struct fixture *fixture = *state;
    struct job job = local_job(fixture, "*/30 * * * * *"), other = local_job(fixture, "5 4 * * *");
    job_id first = give(fixture, "* * * * *");

    fixture_assign(fixture, fixture_create(fixture, &job)); /* no line can say it */
    fixture_pass(fixture, 3 * SECOND);
    says(fixture, "* * * * * root /c fire 1 --data /d\n");
    give(fixture, "@hourly");
    fixture_pass(fixture, SECOND);
    says(fixture, "* * * * * root /c fire 1 --data /d\n"
                  "0 * * * * root /c fire 3 --data /d\n");
    fixture_replace(fixture, first, &other);
    assert_int_equal(
        coordination_assign(fixture->coordination, fixture->lease.epoch, "node",
                            &(struct task){.kind = TASK_JOB, .job = first, .revision = 2}, 1, NULL),
        RC_OK);
    fixture_pass(fixture, SECOND);
    says(fixture, "5 4 * * * root /c fire 1 --data /d\n"
                  "0 * * * * root /c fire 3 --data /d\n");
    fixture_withdraw(fixture, first);
    fixture_pass(fixture, SECOND);
    says(fixture, "0 * * * * root /c fire 3 --data /d\n");
}

static void what_it_should_not_have_goes_at_the_start(void **state)
{
    struct fixture *fixture = *state;

    memory_cron_table_set(fixture->cron_table, "* * * * * root rm -rf /\n");
    fixture_pass(fixture, 6 * SECOND);
    says(fixture, "");
}

static void a_worker_that_starts_waits_for_its_tasks(void **state)
{
    struct fixture *fixture = *state;

    give(fixture, "* * * * *");
    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(memory_cron_table_writes(fixture->cron_table), 1);
    fixture_crash(fixture);
    fixture_start(fixture);
    fixture_pass(fixture, 10 * SECOND);
    says(fixture, "* * * * * root /c fire 1 --data /d\n");
    assert_int_equal(memory_cron_table_writes(fixture->cron_table), 1); /* it was never another */
}

static void changes_by_others_are_undone_within_a_minute(void **state)
{
    struct fixture *fixture = *state;

    give(fixture, "0 0 1 1 *");
    fixture_pass(fixture, 3 * SECOND);
    memory_cron_table_set(fixture->cron_table, "edited\n");
    fixture_pass(fixture, MINUTE);
    says(fixture, "0 0 1 1 * root /c fire 1 --data /d\n");
    memory_cron_table_set(fixture->cron_table, NULL);
    fixture_pass(fixture, MINUTE);
    says(fixture, "0 0 1 1 * root /c fire 1 --data /d\n");
}

static void changes_in_swarms_are_written_together(void **state)
{
    struct fixture *fixture = *state;
    size_t before;

    fixture_pass(fixture, 6 * SECOND);
    before = memory_cron_table_writes(fixture->cron_table);
    for (int i = 0; i < 100; i++)
        give(fixture, "* * * * *");
    fixture_pass(fixture, SECOND);
    assert_int_equal(memory_cron_table_writes(fixture->cron_table), before + 1);
}

/* ---- calls ------------------------------------------------------------------------------------
 */

static void a_call_starts_the_tick_that_has_passed(void **state)
{
    struct fixture *fixture = *state;
    job_id job = give(fixture, "* * * * *");
    struct run_key run = key_of(job, TICK, 1);

    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(call(fixture, job), FIRE_NOT_DUE);
    pass_to(fixture, TICK + SECOND);
    assert_int_equal(fixture->execution_count, 0);
    assert_int_equal(call(fixture, job), FIRE_TAKEN);
    fixture_pass(fixture, 2 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_run(fixture, &run).run.result.started_at, TICK + SECOND);
    assert_int_equal(fixture_run(fixture, &run).run.trigger, TRIGGER_SCHEDULE);
    assert_int_equal(call(fixture, job), FIRE_NOT_DUE);
    assert_int_equal(call(fixture, job + 1), FIRE_UNKNOWN);
    fixture_pass(fixture, 10 * SECOND);
    assert_int_equal(fixture->execution_count, 1);
    expect_backend(fixture, "calls");
}

static void a_call_that_comes_late_finds_the_tick_done(void **state)
{
    struct fixture *fixture = *state;
    job_id job = give(fixture, "* * * * *");

    pass_to(fixture, TICK + 6 * SECOND);
    assert_int_equal(fixture->execution_count, 1);
    assert_int_equal(call(fixture, job), FIRE_NOT_DUE);
    fixture_pass(fixture, 10 * SECOND);
    assert_int_equal(fixture->execution_count, 1);
}

static void a_starting_worker_says_so(void **state)
{
    struct fixture *fixture = *state;
    job_id job = give(fixture, "* * * * *");

    assert_int_equal(call(fixture, job), FIRE_STARTING);
    fixture_pass(fixture, 3 * SECOND);
    assert_int_equal(call(fixture, job), FIRE_NOT_DUE);
}

static void ticks_of_a_worker_that_was_away_are_made_up_for(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = key_of(give(fixture, "* * * * *"), TICK, 1);

    fixture_pass(fixture, 3 * SECOND);
    fixture_crash(fixture);
    pass_to(fixture, TICK + 20 * SECOND);
    fixture_start(fixture);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
    expect_backend(fixture, "waiting"); /* nobody was there to hear of it */
}

/* ---- a cron that does not run -----------------------------------------------------------------
 */

static void silence_is_noticed_and_costs_one_tick_four_seconds(void **state)
{
    struct fixture *fixture = *state;
    job_id job = give(fixture, "* * * * *");
    struct run_key first = key_of(job, TICK + KNOWN, 1),
                   next = key_of(job, first.scheduled_at + MINUTE, 1);
    instant_us started;

    pass_to(fixture, TICK + SECOND);
    (void)call(fixture, job);
    pass_to(fixture, TICK + MINUTE + SECOND);
    (void)call(fixture, job);
    expect_backend(fixture, "calls");
    pass_to(fixture, first.scheduled_at + 6 * SECOND);
    started = fixture_run(fixture, &first).run.result.started_at - first.scheduled_at;
    assert_in_range(started, 3 * SECOND, 4 * SECOND);
    expect_backend(fixture, "silent");
    pass_to(fixture, next.scheduled_at + 2 * SECOND);
    assert_int_equal(fixture_run(fixture, &next).run.result.started_at, next.scheduled_at);
    assert_int_equal(call(fixture, job), FIRE_NOT_DUE); /* it is back */
    expect_backend(fixture, "calls");
    pass_to(fixture, next.scheduled_at + MINUTE + SECOND);
    assert_int_equal(call(fixture, job), FIRE_TAKEN);
}

static void a_new_line_is_given_time_to_be_read(void **state)
{
    struct fixture *fixture = *state;

    give(fixture, "* * * * *");
    pass_to(fixture, TICK + 6 * SECOND);
    assert_int_equal(fixture->execution_count, 1);
    expect_backend(fixture, "waiting");
    pass_to(fixture, TICK + KNOWN + 6 * SECOND);
    expect_backend(fixture, "silent");
}

/* cron goes by another time zone, or somebody plays: that is no sign of life. */
static void a_call_without_a_tick_near_is_none(void **state)
{
    struct fixture *fixture = *state;
    job_id job = give(fixture, "* * * * *"), rare = give(fixture, "0 12 1 1 *");

    pass_to(fixture, TICK + KNOWN + 6 * SECOND);
    expect_backend(fixture, "silent");
    assert_int_equal(call(fixture, rare), FIRE_NOT_DUE);
    expect_backend(fixture, "silent");
    assert_int_equal(call(fixture, job), FIRE_NOT_DUE);
    expect_backend(fixture, "calls");
}

static void a_crontab_that_cannot_be_written_is_the_timers(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run;

    memory_cron_table_fail(fixture->cron_table, RC_FORBIDDEN);
    run = key_of(give(fixture, "* * * * *"), TICK, 1);
    pass_to(fixture, TICK + SECOND + SECOND);
    assert_int_equal(fixture_run(fixture, &run).run.result.started_at, TICK);
    expect_backend(fixture, "unwritten");
    memory_cron_table_fail(fixture->cron_table, RC_OK);
    fixture_pass(fixture, 15 * SECOND);
    says(fixture, "* * * * * root /c fire 1 --data /d\n");
    expect_backend(fixture, "waiting");
}

int main(void)
{
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(the_crontab_says_what_the_worker_has),
        WITH_FIXTURE(what_it_should_not_have_goes_at_the_start),
        WITH_FIXTURE(a_worker_that_starts_waits_for_its_tasks),
        WITH_FIXTURE(changes_by_others_are_undone_within_a_minute),
        WITH_FIXTURE(changes_in_swarms_are_written_together),
        WITH_FIXTURE(a_call_starts_the_tick_that_has_passed),
        WITH_FIXTURE(a_call_that_comes_late_finds_the_tick_done),
        WITH_FIXTURE(a_starting_worker_says_so),
        WITH_FIXTURE(ticks_of_a_worker_that_was_away_are_made_up_for),
        WITH_FIXTURE(silence_is_noticed_and_costs_one_tick_four_seconds),
        WITH_FIXTURE(a_new_line_is_given_time_to_be_read),
        WITH_FIXTURE(a_call_without_a_tick_near_is_none),
        WITH_FIXTURE(a_crontab_that_cannot_be_written_is_the_timers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
