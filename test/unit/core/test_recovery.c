/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recovery.h"

#include "testing.h"

#define START ((instant_us)1893456000 * SECOND) /* 2030-01-01T00:00:00Z */

/* ---- lost runs ----------------------------------------------------------------------------- */

static struct job_record job_of(enum worker_loss loss, uint32_t retries)
{
    return (struct job_record){
        .id = 1,
        .revision = 3,
        .enabled = true,
        .schedule = "* * * * *",
        .time_zone = "UTC",
        .created_at = START,
        .due_since = START,
        .starts_at = INSTANT_NONE,
        .ends_at = INSTANT_NONE,
        .cursor = INSTANT_NONE,
        .on_worker_loss = loss,
        .retries = {.limit = retries},
    };
}

static struct run run_of(uint32_t attempt)
{
    return (struct run){.key = {.scheduled_at = START, .job = 1, .attempt = attempt},
                        .revision = 3};
}

static void a_lost_run_is_made_up_for(void **state)
{
    struct job_record job = job_of(WORKER_LOSS_RERUN, 0);
    struct run run = run_of(1);
    struct recovery recovery = recovery_decide(&run, &job);

    (void)state;
    assert_true(recovery.reruns);
    assert_false(recovery.sets_status);
    assert_int_equal(recovery.next.attempt, 2);
    assert_int_equal(recovery.next.scheduled_at, START);
    assert_int_equal(recovery.next.job, 1);
}

static void but_not_for_ever(void **state)
{
    struct job_record job = job_of(WORKER_LOSS_RERUN, 2);
    struct run last = run_of(2 + AGENDA_RERUNS), more = run_of(3 + AGENDA_RERUNS);
    struct recovery recovery;

    (void)state;
    assert_true(recovery_decide(&last, &job).reruns);
    recovery = recovery_decide(&more, &job);
    assert_false(recovery.reruns);
    assert_true(recovery.sets_status);
    assert_int_equal(recovery.job_status, JOB_ERROR);
}

static void nor_when_the_job_says_fail(void **state)
{
    struct job_record job = job_of(WORKER_LOSS_FAIL, 5);
    struct run run = run_of(1);
    struct recovery recovery = recovery_decide(&run, &job);

    (void)state;
    assert_false(recovery.reruns);
    assert_true(recovery.sets_status);
    assert_int_equal(recovery.job_status, JOB_ERROR);
}

static void nor_when_nobody_wants_it_any_more(void **state)
{
    struct job_record removed = job_of(WORKER_LOSS_RERUN, 0), paused = removed;
    struct run run = run_of(1);

    (void)state;
    removed.removed = true;
    paused.enabled = false;
    assert_false(recovery_decide(&run, &removed).reruns);
    assert_false(recovery_decide(&run, &removed).sets_status);
    assert_false(recovery_decide(&run, &paused).reruns);
    assert_true(recovery_decide(&run, &paused).sets_status);
    assert_false(recovery_decide(&run, NULL).reruns);
    assert_false(recovery_decide(&run, NULL).sets_status);
}

static void nor_when_the_job_was_changed(void **state)
{
    struct job_record job = job_of(WORKER_LOSS_RERUN, 0);
    struct run run = run_of(1);

    (void)state;
    run.revision = 2;
    assert_false(recovery_decide(&run, &job).reruns);
}

static void the_reason_names_the_worker(void **state)
{
    char text[LIMIT_REASON + 1];

    (void)state;
    assert_string_equal(recovery_reason("worker-2", text), "worker worker-2 vanished");
}

/* ---- ticks that nobody takes --------------------------------------------------------------- */

struct tally {
    bool found;
    struct unclaimed unclaimed;
};

static struct tally tally_of(const struct job_record *job, instant_us now)
{
    struct tally tally = {0};
    struct schedule schedule;

    assert_int_equal(schedule_parse(job->schedule, job->id, &schedule, NULL), RC_OK);
    tally.found = recovery_unclaimed(job, &schedule, zone_utc(), now, &tally.unclaimed);
    return tally;
}

static void ticks_past_catching_up_are_counted(void **state)
{
    struct job_record job = job_of(WORKER_LOSS_RERUN, 0);
    struct tally tally;

    (void)state;
    assert_false(tally_of(&job, START + 2 * MINUTE - 1).found); /* the margin */
    tally = tally_of(&job, START + 2 * MINUTE);
    assert_true(tally.found);
    assert_int_equal(tally.unclaimed.first, START + MINUTE);
    assert_int_equal(tally.unclaimed.last, START + MINUTE);
    assert_int_equal(tally.unclaimed.count, 1);
    job.cursor = START + MINUTE;
    job.catch_up_window = HOUR;
    job.jitter = 30 * SECOND;
    assert_false(tally_of(&job, START + HOUR).found);
    tally = tally_of(&job, START + 2 * HOUR);
    assert_int_equal(tally.unclaimed.first, START + 2 * MINUTE);
    assert_int_equal(tally.unclaimed.last, START + 58 * MINUTE);
    assert_int_equal(tally.unclaimed.count, 57);
}

static void only_within_the_job_s_life(void **state)
{
    struct job_record job = job_of(WORKER_LOSS_RERUN, 0);
    struct tally tally;

    (void)state;
    job.starts_at = START + 10 * MINUTE;
    job.ends_at = START + 12 * MINUTE;
    tally = tally_of(&job, START + HOUR);
    assert_true(tally.found);
    assert_int_equal(tally.unclaimed.first, START + 10 * MINUTE);
    assert_int_equal(tally.unclaimed.last, START + 11 * MINUTE);
    assert_int_equal(tally.unclaimed.count, 2);
    job.cursor = START + 11 * MINUTE;
    assert_false(tally_of(&job, START + HOUR).found);
    job.schedule = "@manual";
    job.cursor = INSTANT_NONE;
    assert_false(tally_of(&job, START + HOUR).found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_run_is_made_up_for),
        cmocka_unit_test(but_not_for_ever),
        cmocka_unit_test(nor_when_the_job_says_fail),
        cmocka_unit_test(nor_when_nobody_wants_it_any_more),
        cmocka_unit_test(nor_when_the_job_was_changed),
        cmocka_unit_test(the_reason_names_the_worker),
        cmocka_unit_test(ticks_past_catching_up_are_counted),
        cmocka_unit_test(only_within_the_job_s_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
