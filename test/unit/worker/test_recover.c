/* SPDX-License-Identifier: Apache-2.0 */
/* The table of worker/recover.c, row by row: what becomes of a run of a worker that died. */
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

#include "core/agenda.h"

#include "fixture.h"
#include "worker/ledger.h"

static const struct claim_token token = {{0xaa}};

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

/* ---- what the dead one left ---------------------------------------------------------------- */

static void given_claimed(struct fixture *fixture, const struct run_key *run, const char *worker)
{
    struct store_write write = {.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = *run,
                                          .token = token,
                                          .worker = worker,
                                          .revision = 1,
                                          .trigger = TRIGGER_SCHEDULE,
                                          .deadline = INSTANT_MAX}};

    fixture_apply(fixture, &write);
}

static struct run_key claimed_run(struct fixture *fixture, const struct job *job,
                                  const char *worker)
{
    struct run_key run = key_of(fixture_create(fixture, job), TICK, 1);

    fixture_pass(fixture, MINUTE);
    given_claimed(fixture, &run, worker);
    fixture_assign(fixture, run.job);
    return run;
}

/* Its next tick is far away, and a lost run is not run again. */
static struct run_key given_claim(struct fixture *fixture)
{
    struct job job = fixture_job("1 0 * * *");

    job.on_worker_loss = WORKER_LOSS_FAIL;
    return claimed_run(fixture, &job, "node");
}

static void given_in_journal(struct fixture *fixture, const struct run_key *run, bool ended)
{
    struct journal *journal = memory_journal_open(fixture->disk);
    struct write_run result = {.key = *run,
                               .token = token,
                               .result = {.status = RUN_FAILED,
                                          .started_at = TICK,
                                          .finished_at = TICK + SECOND,
                                          .exit_code = 5},
                               .job_status = JOB_ERROR,
                               .reason = "as journaled"};
    struct ledger ledger;

    assert_int_equal(ledger_open(&ledger, journal, NULL), RC_OK);
    assert_int_equal(ledger_start(&ledger, run, &token, NULL), RC_OK);
    if (ended)
        assert_int_equal(ledger_end(&ledger, &result, NULL), RC_OK);
    assert_int_equal(ledger_sync(&ledger, NULL), RC_OK);
    ledger_release(&ledger);
    journal_free(journal);
}

static void count_known(void *context, const struct launch_event *event)
{
    if (event->kind == LAUNCH_KNOWN)
        ++*(size_t *)context;
}

/* How many runs the guardian still has, going on or not acknowledged. */
static size_t guardian_has(struct fixture *fixture)
{
    size_t known = 0;
    struct launcher *launcher = memory_launcher_new(fixture->guardian, count_known, &known);

    launcher_dispatch(launcher);
    launcher_free(launcher);
    return known;
}

static void given_in_guardian(struct fixture *fixture, const struct run_key *run, span_us duration)
{
    size_t known = 0;
    struct launcher *launcher = memory_launcher_new(fixture->guardian, count_known, &known);
    struct launch launch = {.run = *run,
                            .start_at = clock_now(fixture->clock),
                            .account = "alice",
                            .command = "echo",
                            .working_directory = ""};

    launcher_dispatch(launcher);
    fixture->plan.duration = duration;
    assert_int_equal(launcher_start(launcher, &launch, NULL), RC_OK);
    memory_guardian_advance(fixture->guardian);
    launcher_free(launcher);
}

static void recover(struct fixture *fixture)
{
    fixture_start(fixture);
    fixture_pass(fixture, 500 * MILLISECOND);
}

/* ---- the store says: ours, unfinished ------------------------------------------------------ */

static long running_metric(void)
{
    static const char name[] = "\ncronjob_runs_running ";
    AUTO_BUF struct buf buf;
    const char *at;

    buf_init(&buf, (size_t)1 << 20);
    metrics_write(&buf);
    at = strstr(buf.data, name);
    assert_non_null(at);
    return strtol(at + sizeof(name) - 1, NULL, 10);
}

static void one_that_goes_on_is_adopted(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    given_in_guardian(fixture, &run, 10 * SECOND);
    assert_int_equal(running_metric(), 0);
    recover(fixture);
    fixture_expect(fixture, &run, RUN_RUNNING, "");
    assert_int_equal(fixture_run(fixture, &run).run.result.started_at, TICK);
    assert_int_equal(running_metric(), 1);
    fixture_pass(fixture, 10 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(running_metric(), 0);
    assert_int_equal(fixture->execution_count, 1);
    assert_int_equal(guardian_has(fixture), 0);
}

static void one_that_waits_in_the_guardian_is_adopted(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    memory_clock_set(fixture->clock, TICK - SECOND); /* it is handed over ahead of its time */
    given_in_guardian(fixture, &run, SECOND);
    memory_clock_set(fixture->clock, TICK);
    recover(fixture);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
}

static void the_guardian_s_result_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    fixture->plan.exit_code = 3;
    given_in_guardian(fixture, &run, SECOND);
    fixture_pass(fixture, 2 * SECOND);
    assert_int_equal(guardian_has(fixture), 1);
    recover(fixture);
    fixture_expect(fixture, &run, RUN_FAILED, "");
    assert_int_equal(fixture_run(fixture, &run).run.result.exit_code, 3);
    assert_int_equal(guardian_has(fixture), 0);
    assert_int_equal(fixture->execution_count, 1);
}

static void the_guardian_is_believed_before_the_journal(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    given_in_journal(fixture, &run, true);
    given_in_guardian(fixture, &run, SECOND);
    fixture_pass(fixture, 2 * SECOND);
    recover(fixture);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(guardian_has(fixture), 0);
}

static void the_journal_s_result_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    given_in_journal(fixture, &run, true);
    recover(fixture);
    fixture_expect(fixture, &run, RUN_FAILED, "as journaled");
    assert_int_equal(fixture_run(fixture, &run).run.result.exit_code, 5);
    assert_int_equal(fixture->execution_count, 0);
}

static void one_that_was_handed_over_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    given_in_journal(fixture, &run, false);
    recover(fixture);
    fixture_expect(fixture, &run, RUN_LOST, "worker and guardian died while it was executed");
    assert_int_equal(fixture->execution_count, 0);
}

/* As when the data directory is another one. */
static void one_that_was_running_is_lost_also_when_the_journal_is(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);
    struct store_write write = {
        .kind = WRITE_RUN_STARTED,
        .run = {.key = run, .token = token, .reason = "", .result = {.started_at = TICK}}};

    fixture_apply(fixture, &write);
    recover(fixture);
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &run, RUN_LOST, "worker and guardian died while it was executed");
    assert_int_equal(fixture->execution_count, 0);
}

static void one_that_is_lost_is_run_again_when_its_job_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run = claimed_run(fixture, &job, "node"), second = run;

    second.attempt = 2;
    given_in_journal(fixture, &run, false);
    recover(fixture);
    fixture_pass(fixture, 2 * SECOND);
    fixture_expect(fixture, &run, RUN_LOST, "worker and guardian died while it was executed");
    fixture_expect(fixture, &second, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
}

/* Their job is not known as one to be scheduled until both are told of. */
static void one_that_goes_on_is_adopted_beside_one_that_ended(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    struct run_key ended = key_of(fixture_create(fixture, &job), TICK, 1);
    struct run_key going_on = key_of(ended.job, TICK - MINUTE, 1);

    fixture_pass(fixture, MINUTE);
    given_claimed(fixture, &ended, "node");
    given_claimed(fixture, &going_on, "node");
    given_in_guardian(fixture, &going_on, 5 * MINUTE);
    given_in_guardian(fixture, &ended, SECOND);
    fixture_pass(fixture, 2 * SECOND);
    recover(fixture);
    fixture_assign(fixture, ended.job);
    fixture_pass(fixture, MINUTE);
    fixture_expect(fixture, &ended, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &going_on, RUN_RUNNING, "");
    ended.scheduled_at += MINUTE;
    fixture_expect(fixture, &ended, RUN_SKIPPED, AGENDA_ACTIVE);
}

static void one_that_was_never_started_is_started(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    recover(fixture);
    fixture_pass(fixture, 2 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
}

static void one_that_was_never_started_in_time_is_missed(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run;

    job.catch_up = CATCH_UP_NONE;
    run = claimed_run(fixture, &job, "node");
    fixture_pass(fixture, MINUTE);
    recover(fixture);
    fixture_pass(fixture, 2 * SECOND);
    fixture_expect(fixture, &run, RUN_MISSED, "not started in time");
    assert_int_equal(fixture->execution_count, 0);
}

static void runs_of_other_workers_are_theirs(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run = claimed_run(fixture, &job, "other");

    recover(fixture);
    fixture_pass(fixture, 2 * SECOND);
    fixture_expect(fixture, &run, RUN_QUEUED, "");
    assert_int_equal(fixture->execution_count, 0);
}

/* ---- the store says: not ours, or finished ------------------------------------------------- */

static void what_the_store_does_not_want_is_killed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = key_of(99, START, 1);

    given_in_guardian(fixture, &run, HOUR);
    assert_int_equal(memory_guardian_running(fixture->guardian), 1);
    recover(fixture);
    assert_int_equal(memory_guardian_running(fixture->guardian), 0);
    assert_int_equal(guardian_has(fixture), 0);
}

static void what_the_store_has_already_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);
    struct store_write write = {
        .kind = WRITE_RUN_FINISHED,
        .run = {
            .key = run,
            .token = token,
            .result = {.status = RUN_SUCCEEDED, .started_at = TICK, .finished_at = TICK + SECOND},
            .reason = ""}};

    given_in_guardian(fixture, &run, SECOND);
    fixture_pass(fixture, 2 * SECOND);
    fixture_apply(fixture, &write);
    recover(fixture);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(guardian_has(fixture), 0);
}

/* ---- the way there ------------------------------------------------------------------------- */

static void it_waits_for_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    given_in_guardian(fixture, &run, SECOND);
    fixture->away = true;
    recover(fixture);
    fixture_pass(fixture, 10 * SECOND);
    assert_int_equal(guardian_has(fixture), 1);
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
    assert_int_equal(guardian_has(fixture), 0);
}

static void what_a_guardian_said_is_forgotten_when_it_dies(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_claim(fixture);

    given_in_journal(fixture, &run, false);
    given_in_guardian(fixture, &run, HOUR);
    fixture->away = true;
    recover(fixture);
    memory_guardian_kill(fixture->guardian);
    fixture_pass(fixture, SECOND);
    fixture->away = false;
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_LOST, "worker and guardian died while it was executed");
    assert_int_equal(fixture->execution_count, 1);
}

static void ticks_missed_while_dead_are_caught_up(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("* * * * *");
    job_id id = fixture_create(fixture, &job);
    struct run_key first = key_of(id, TICK, 1), last = key_of(id, TICK + 9 * MINUTE, 1);

    fixture_assign(fixture, id);
    fixture_pass(fixture, 10 * MINUTE + 30 * SECOND);
    recover(fixture);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &first, RUN_MISSED, "superseded by a newer tick");
    fixture_expect(fixture, &last, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_run(fixture, &last).run.trigger, TRIGGER_CATCH_UP);
    assert_int_equal(fixture->execution_count, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_that_goes_on_is_adopted),
        TEST(one_that_waits_in_the_guardian_is_adopted),
        TEST(the_guardian_s_result_is_stored),
        TEST(the_guardian_is_believed_before_the_journal),
        TEST(the_journal_s_result_is_stored),
        TEST(one_that_was_handed_over_is_lost),
        TEST(one_that_was_running_is_lost_also_when_the_journal_is),
        TEST(one_that_is_lost_is_run_again_when_its_job_says_so),
        TEST(one_that_goes_on_is_adopted_beside_one_that_ended),
        TEST(one_that_was_never_started_is_started),
        TEST(one_that_was_never_started_in_time_is_missed),
        TEST(runs_of_other_workers_are_theirs),
        TEST(what_the_store_does_not_want_is_killed),
        TEST(what_the_store_has_already_is_forgotten),
        TEST(it_waits_for_the_store),
        TEST(what_a_guardian_said_is_forgotten_when_it_dies),
        TEST(ticks_missed_while_dead_are_caught_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
