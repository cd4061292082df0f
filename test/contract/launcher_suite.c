/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/launcher.h, for every launcher. */
#include "launcher_suite.h"

#include <signal.h>

#include "adapters/memory/clock.h"
#include "launcher_fixture.h"
#include "testing.h"

static struct fixture fixture;

static int open_fixture(void **state)
{
    fixture_open(&fixture, *state != NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static void start(job_id job, const char *command)
{
    struct launch launch = launch_of(&fixture, job, command);

    fixture_start(&fixture, &launch);
}

static void tells_how_runs_end(void **state)
{
    const struct heard *heard;

    (void)state;
    start(1, "exit 0");
    start(2, "exit 3");
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.status, RUN_SUCCEEDED);
    assert_int_equal(heard->event.result.exit_code, 0);
    assert_int_equal(heard->event.result.signal, 0);
    assert_string_equal(heard->reason, "");
    assert_true(heard->event.result.started_at <= heard->event.result.finished_at);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    assert_int_equal(heard->event.result.status, RUN_FAILED);
    assert_int_equal(heard->event.result.exit_code, 3);
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 1), 1);
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 2), 1);
    assert_int_equal(fixture_count(&fixture, LAUNCH_FINISHED, 0), 2);
}

static void begins_at_its_instant_and_not_before(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "exit 0");
    const struct heard *heard;

    (void)state;
    launch.start_at += 300 * MILLISECOND;
    fixture_start(&fixture, &launch);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_true(heard->event.result.started_at >= launch.start_at);
    assert_true(heard->event.result.started_at < launch.start_at + SECOND);
}

/* Nobody but a clock in memory is set here. */
static void a_clock_set_back_delays_no_start(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "exit 0");
    mono_us handed = clock_mono(fixture.clock);

    (void)state;
    if (fixture.real)
        skip();
    launch.start_at += 300 * MILLISECOND;
    fixture_start(&fixture, &launch);
    memory_clock_set(fixture.clock, clock_now(fixture.clock) - HOUR);
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    assert_int_equal(clock_mono(fixture.clock) - handed, 300 * MILLISECOND);
}

static void executes_a_key_once(void **state)
{
    (void)state;
    start(1, "sleep 0.1; exit 0");
    start(1, "sleep 0.1; exit 0");
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    start(1, "exit 0");
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    start(1, "exit 0");
    start(2, "exit 0");
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 1), 1);
    assert_int_equal(fixture_count(&fixture, LAUNCH_FINISHED, 1), 1);
}

static void kills_what_runs_and_what_waits(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "sleep 100");
    struct launch later = launch_of(&fixture, 2, "exit 0");
    const struct heard *heard;

    (void)state;
    later.start_at += HOUR;
    fixture_start(&fixture, &launch);
    fixture_start(&fixture, &later);
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    launcher_kill(fixture.launcher, &launch.run);
    launcher_kill(fixture.launcher, &later.run);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.status, RUN_KILLED);
    assert_int_equal(heard->event.result.signal, SIGTERM);
    assert_int_equal(heard->event.result.exit_code, -1);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    assert_int_equal(heard->event.result.status, RUN_KILLED);
    assert_true(heard->event.result.started_at == INSTANT_NONE);
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 2), 0);
}

static void ends_what_runs_too_long(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "sleep 100");
    const struct heard *heard;

    (void)state;
    launch.timeout = 200 * MILLISECOND;
    fixture_start(&fixture, &launch);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.status, RUN_TIMED_OUT);
    assert_int_equal(heard->event.result.signal, SIGTERM);
    assert_true(heard->event.result.finished_at - heard->event.result.started_at >=
                200 * MILLISECOND);
}

/* ---- the fence ----------------------------------------------------------------------------- */

static void start_fenced(job_id job, const char *command)
{
    struct launch launch = launch_of(&fixture, job, command);

    launch.fenced = true;
    fixture_start(&fixture, &launch);
}

static void set_lease(span_us span)
{
    launcher_set_lease(fixture.launcher, clock_mono(fixture.clock) + span);
}

static void expect_fenced(job_id job, bool was_executed)
{
    const struct heard *heard = fixture_expect(&fixture, LAUNCH_FINISHED, job);

    assert_int_equal(heard->event.result.status, RUN_LOST);
    assert_int_equal(heard->event.result.signal, was_executed ? SIGKILL : 0);
    assert_int_equal(heard->event.result.started_at != INSTANT_NONE, was_executed);
    assert_string_equal(heard->reason, LAUNCH_FENCED);
}

static void ends_what_is_fenced_with_the_lease(void **state)
{
    struct launch waits = launch_of(&fixture, 3, "exit 0");

    (void)state;
    waits.fenced = true;
    waits.start_at += HOUR;
    set_lease(700 * MILLISECOND);
    start_fenced(1, "sleep 100");
    start(2, "sleep 1.5; exit 0");
    fixture_start(&fixture, &waits);
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    assert_int_equal(fixture_count(&fixture, LAUNCH_FINISHED, 0), 0);
    expect_fenced(1, true);
    expect_fenced(3, false);
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 3), 0);
    assert_int_equal(fixture_expect(&fixture, LAUNCH_FINISHED, 2)->event.result.status,
                     RUN_SUCCEEDED);
}

static void a_lease_is_prolonged(void **state)
{
    (void)state;
    set_lease(500 * MILLISECOND);
    start_fenced(1, "sleep 1; exit 0");
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    set_lease(HOUR);
    set_lease(0); /* of an older sign: it shortens nothing */
    assert_int_equal(fixture_expect(&fixture, LAUNCH_FINISHED, 1)->event.result.status,
                     RUN_SUCCEEDED);
}

static void without_a_lease_nothing_fenced_is_executed(void **state)
{
    (void)state;
    start_fenced(1, "exit 0");
    expect_fenced(1, false);
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 1), 0);
}

static void a_worker_that_died_prolongs_nothing(void **state)
{
    (void)state;
    set_lease(500 * MILLISECOND);
    start_fenced(1, "sleep 100");
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    fixture_restart_worker(&fixture);
    expect_fenced(1, true);
}

/* ---- connections --------------------------------------------------------------------------- */

static void lets_a_new_worker_adopt_runs(void **state)
{
    struct launch waits = launch_of(&fixture, 3, "exit 0");
    const struct heard *heard;

    (void)state;
    waits.start_at += HOUR;
    fixture_start(&fixture, &waits);
    start(1, "sleep 0.5; exit 4");
    start(2, "exit 5");
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    fixture_restart_worker(&fixture);
    heard = fixture_expect(&fixture, LAUNCH_KNOWN, 1);
    assert_int_equal(heard->event.result.status, RUN_RUNNING);
    heard = fixture_expect(&fixture, LAUNCH_KNOWN, 2);
    assert_int_equal(heard->event.result.status, RUN_FAILED);
    assert_int_equal(heard->event.result.exit_code, 5);
    heard = fixture_expect(&fixture, LAUNCH_KNOWN, 3);
    assert_int_equal(heard->event.result.status, RUN_QUEUED);
    heard = fixture_expect(&fixture, LAUNCH_CONNECTED, 0);
    assert_true(heard - fixture.heard == 3); /* after all that is known */
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    assert_int_equal(heard->event.result.exit_code, 5);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.exit_code, 4);
}

static void repeats_a_result_until_it_is_acknowledged(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "exit 0");

    (void)state;
    fixture_start(&fixture, &launch);
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    fixture_restart_worker(&fixture);
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    fixture_acknowledge(&fixture, &launch.run);
    start(2, "exit 0");
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    fixture_restart_worker(&fixture);
    assert_int_equal(fixture_count(&fixture, LAUNCH_KNOWN, 1), 0);
    assert_int_equal(fixture_count(&fixture, LAUNCH_KNOWN, 2), 1);
}

static void says_when_the_guardian_is_gone(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "sleep 100");

    (void)state;
    fixture_start(&fixture, &launch);
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    fixture_forget(&fixture);
    fixture_kill_guardian(&fixture);
    (void)fixture_expect(&fixture, LAUNCH_DISCONNECTED, 0);
    (void)fixture_expect(&fixture, LAUNCH_CONNECTED, 0);
    assert_int_equal(fixture_count(&fixture, LAUNCH_KNOWN, 0), 0);
    start(2, "exit 0");
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 2);
    assert_int_equal(fixture_count(&fixture, LAUNCH_FINISHED, 1), 0);
}

static void refuses_starts_while_not_connected(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "exit 0");

    (void)state;
    fixture_kill_guardian(&fixture);
    (void)fixture_expect(&fixture, LAUNCH_DISCONNECTED, 0);
    assert_int_equal(fixture.start_while_away, RC_UNAVAILABLE);
    (void)fixture_wait(&fixture, LAUNCH_CONNECTED, 0, 2, 10 * SECOND);
    fixture_start(&fixture, &launch);
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 1);
}

static void says_why_it_cannot_execute(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "fail");
    const struct heard *heard;

    (void)state;
    if (fixture.real)
        launch.working_directory = "/nonexistent";
    fixture_start(&fixture, &launch);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.status, RUN_FAILED);
    assert_int_equal(heard->event.result.exit_code, -1);
    assert_true(heard->event.result.started_at == INSTANT_NONE);
    assert_string_equal(heard->reason,
                        fixture.real ? "working directory /nonexistent: No such file or directory"
                                     : "made to fail");
    assert_int_equal(fixture_count(&fixture, LAUNCH_STARTED, 1), 0);
}

int run_launcher_suite(const char *name, bool real)
{
    static int truth;
    void *is_real = real ? &truth : NULL;
#define CLAUSE(f)                                   \
    {                                               \
#        f, f, open_fixture, close_fixture, is_real \
    }
    const struct CMUnitTest tests[] = {
        CLAUSE(tells_how_runs_end),
        CLAUSE(begins_at_its_instant_and_not_before),
        CLAUSE(a_clock_set_back_delays_no_start),
        CLAUSE(executes_a_key_once),
        CLAUSE(kills_what_runs_and_what_waits),
        CLAUSE(ends_what_runs_too_long),
        CLAUSE(ends_what_is_fenced_with_the_lease),
        CLAUSE(a_lease_is_prolonged),
        CLAUSE(without_a_lease_nothing_fenced_is_executed),
        CLAUSE(a_worker_that_died_prolongs_nothing),
        CLAUSE(lets_a_new_worker_adopt_runs),
        CLAUSE(repeats_a_result_until_it_is_acknowledged),
        CLAUSE(says_when_the_guardian_is_gone),
        CLAUSE(refuses_starts_while_not_connected),
        CLAUSE(says_why_it_cannot_execute),
    };
#undef CLAUSE

    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
