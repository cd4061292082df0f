/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that come, change, sleep and go, with runs under way. */
#include "agenda_desk.h"

static void jobs_are_counted_and_known_by_revision(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *"), sleeper = desk_job(2, "* * * * *");

    (void)state;
    job.revision = 7;
    sleeper.dormant = true;
    desk_put(&desk, &job);
    desk_put(&desk, &sleeper);
    assert_int_equal(agenda_job_count(desk.agenda), 1);
    assert_int_equal(agenda_revision(desk.agenda, 1), 7);
    assert_int_equal(agenda_revision(desk.agenda, 2), 1);
    assert_int_equal(agenda_revision(desk.agenda, 3), 0);
    agenda_remove(desk.agenda, 1);
    agenda_remove(desk.agenda, 1);
    agenda_remove(desk.agenda, 3);
    assert_int_equal(agenda_job_count(desk.agenda), 0);
    assert_int_equal(agenda_revision(desk.agenda, 1), 0);
    desk_release(&desk);
}

static void an_older_or_equal_revision_changes_nothing(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.revision = 5;
    desk_put(&desk, &job);
    job.schedule = desk_job(1, "*/5 * * * *").schedule;
    desk_put(&desk, &job);
    desk_next_is(&desk, 60);
    job.revision = 4;
    desk_put(&desk, &job);
    desk_next_is(&desk, 60);
    assert_int_equal(agenda_revision(desk.agenda, 1), 5);
    job.revision = 6;
    desk_put(&desk, &job);
    desk_next_is(&desk, 300);
    desk_release(&desk);
}

static void a_sleeping_job_is_not_due_until_it_wakes(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.dormant = true;
    desk_put(&desk, &job);
    desk_is_idle(&desk);
    job.dormant = false;
    desk_put(&desk, &job);
    desk_next_is(&desk, 60);
    assert_int_equal(agenda_job_count(desk.agenda), 1);
    job.dormant = true;
    job.revision = 2;
    desk_put(&desk, &job);
    desk_is_idle(&desk);
    assert_int_equal(agenda_job_count(desk.agenda), 0);
    desk_release(&desk);
}

static void a_sleeping_job_runs_on_demand_and_is_forgotten(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct run_key run = desk_run("1-10-1");

    (void)state;
    job.dormant = true;
    job.status = JOB_FINISHED;
    desk_put(&desk, &job);
    desk_at(&desk, 10, "");
    assert_true(agenda_run(desk.agenda, &run, desk.now));
    desk_at(&desk, 10, "claim! 1-10-1 manual <40\n");
    desk_claimed(&desk, "1-10-1", CLAIM_WON);
    desk_at(&desk, 10, "start 1-10-1 manual at 10\n");
    assert_int_equal(agenda_revision(desk.agenda, 1), 1);
    assert_int_equal(desk_ended(&desk, "1-10-1", RUN_SUCCEEDED), JOB_FINISHED);
    assert_int_equal(agenda_revision(desk.agenda, 1), 0);
    desk_release(&desk);
}

static void ticks_that_wait_are_recorded_when_the_job_goes(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_QUEUE;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_at(&desk, 60, "start 1-60-1 schedule at 60\n");
    desk_at(&desk, 130, "");
    agenda_remove(desk.agenda, 1);
    desk_at(&desk, 130, "record 1-120-1 missed: " AGENDA_REMOVED "\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void ticks_of_the_old_revision_are_recorded_up_to_the_change(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    job = desk_job(1, "30 * * * *");
    job.revision = 2;
    job.due_since = desk_time(150);
    desk.now = desk_time(200);
    desk_put(&desk, &job);
    desk_next_is(&desk, 200);
    desk_at(&desk, 200,
            "record 1-60-1 missed: the job was changed\n"
            "record 1-120-1 missed: the job was changed\n");
    desk_next_is(&desk, 1800);
    desk_release(&desk);
}

static void new_ticks_count_from_the_change_even_when_it_is_learnt_of_late(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_starts(&desk, 120, "1-120-1");
    (void)desk_ended(&desk, "1-120-1", RUN_SUCCEEDED);
    job = desk_job(1, "*/10 * * * * *");
    job.revision = 2;
    job.due_since = desk_time(101);
    job.catch_up = CATCH_UP_ALL;
    job.concurrency = CONCURRENCY_ALLOW;
    desk.now = desk_time(121);
    desk_put(&desk, &job);
    desk_at(&desk, 121, "claim 1-110-1 catch_up <151\n");
    desk_claimed(&desk, "1-110-1", CLAIM_TAKEN);
    desk_at(&desk, 121, "claim 1-120-1 schedule <151\n");
    desk_release(&desk);
}

static void a_change_of_anything_else_keeps_the_place(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    job.revision = 2;
    job.concurrency = CONCURRENCY_ALLOW;
    job.ends_at = desk_time(121);
    desk_put(&desk, &job);
    desk_next_is(&desk, 120);
    desk_starts(&desk, 120, "1-120-1");
    assert_int_equal(desk_ended(&desk, "1-120-1", RUN_SUCCEEDED), JOB_FINISHED);
    job.revision = 3;
    job.ends_at = INSTANT_NONE;
    desk.now = desk_time(1000);
    desk_put(&desk, &job);
    desk_next_is(&desk, 1020);
    desk_release(&desk);
}

static void an_active_run_outlives_a_change(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    job.revision = 2;
    job.due_since = desk_time(70);
    desk.now = desk_time(70);
    desk_put(&desk, &job);
    desk_at(&desk, 120, "record 1-120-1 skipped: a run of the job was active\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_release(&desk);
}

/* The claim of 00:01:00 is in flight when the job changes at `change`. */
static void a_claim_in_flight_when_the_job_changes(void **state)
{
    static const struct {
        double change;
        const char *schedule;
        enum claim_outcome outcome;
        const char *expected;
    } cases[] = {
        {61, "* * * * *", CLAIM_WON, "start 1-60-1 schedule at 60\n"},
        {61, "* * * * *", CLAIM_TAKEN, ""},
        {61, "* * * * *", CLAIM_VOID, "record 1-60-1 missed: the job was changed\n"},
        {61, "* * * * *", CLAIM_FAILED, "record 1-60-1 missed: the job was changed\n"},
        {59, "* * * * * ", CLAIM_VOID, "claim 1-60-1 schedule <95\n"},
        {59, "* * * * *", CLAIM_FAILED, "claim 1-60-1 schedule <95\n"},
        {59, "* * * * *", CLAIM_WON, "start 1-60-1 schedule at 60\n"},
        {59, "30 * * * *", CLAIM_VOID, "record 1-60-1 missed: the job was changed\n"},
        {59, "30 * * * *", CLAIM_WON, "start 1-60-1 schedule at 60\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "* * * * *");

        print_message("case %zu\n", i);
        desk_put(&desk, &job);
        desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
        job = desk_job(1, cases[i].schedule);
        job.revision = 2;
        job.due_since = desk_time(cases[i].change);
        desk.now = desk_time(62);
        desk_put(&desk, &job);
        desk_at(&desk, 63, "");
        desk_claimed(&desk, "1-60-1", cases[i].outcome);
        desk_at(&desk, 65, cases[i].expected);
        desk_release(&desk);
    }
}

static void a_claim_that_may_have_taken_effect_is_settled_when_the_job_changes(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_FAILED);
    job = desk_job(1, "30 * * * *");
    job.revision = 2;
    job.due_since = desk_time(59.9);
    desk_put(&desk, &job);
    desk_at(&desk, 62, "record 1-60-1 missed: the job was changed\n");
    desk_next_is(&desk, 1800);
    desk_release(&desk);
}

static void a_removed_job_claims_nothing_more_and_its_runs_go_on(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.retries.limit = 3;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    agenda_remove(desk.agenda, 1);
    assert_int_equal(agenda_revision(desk.agenda, 1), 0);
    assert_int_equal(agenda_active_count(desk.agenda), 1);
    desk_at(&desk, 600, "");
    (void)desk_ended(&desk, "1-60-1", RUN_FAILED);
    assert_int_equal(agenda_active_count(desk.agenda), 0);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_claim_in_flight_when_the_job_is_removed(void **state)
{
    static const struct {
        enum claim_outcome outcome;
        const char *expected;
    } cases[] = {
        {CLAIM_WON, "skip 1-60-1 skipped: the job was removed or paused\n"},
        {CLAIM_TAKEN, ""},
        {CLAIM_VOID, "record 1-60-1 missed: the job was removed or paused\n"},
        {CLAIM_FAILED, "record 1-60-1 missed: the job was removed or paused\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "* * * * *");

        desk_put(&desk, &job);
        desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
        agenda_remove(desk.agenda, 1);
        desk_at(&desk, 61, "");
        desk_claimed(&desk, "1-60-1", cases[i].outcome);
        desk_at(&desk, 62, cases[i].expected);
        desk_is_idle(&desk);
        desk_release(&desk);
    }
}

static void a_claim_in_flight_when_a_changed_job_is_removed(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    job = desk_job(1, "0 * * * *");
    job.revision = 2;
    job.due_since = desk_time(60.5);
    desk_put(&desk, &job);
    desk_at(&desk, 61, "");
    agenda_remove(desk.agenda, 1);
    desk_claimed(&desk, "1-60-1", CLAIM_VOID);
    desk_at(&desk, 62, "record 1-60-1 missed: the job was removed or paused\n");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_claim_in_flight_when_the_job_is_paused(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    job.revision = 2;
    job.due_since = desk_time(60.5);
    job.dormant = true;
    desk_put(&desk, &job);
    desk_at(&desk, 61, "");
    desk_claimed(&desk, "1-60-1", CLAIM_VOID);
    desk_at(&desk, 62, "record 1-60-1 missed: the job was removed or paused\n");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_claim_in_flight_when_the_clock_is_set_back_and_the_job_removed(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_at(&desk, 30, "");
    desk_at(&desk, 70, "");
    agenda_remove(desk.agenda, 1);
    desk_at(&desk, 71, "");
    desk_claimed(&desk, "1-60-1", CLAIM_VOID);
    desk_at(&desk, 72, "record 1-60-1 missed: the job was removed or paused\n");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_claim_that_failed_is_recorded_once_when_the_job_is_removed(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_FAILED);
    desk_at(&desk, 60.05, "");
    agenda_remove(desk.agenda, 1);
    desk_at(&desk, 61, "record 1-60-1 missed: the job was removed or paused\n");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void what_waits_when_the_job_is_removed(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct run_key run = desk_run("1-70-1"), later = desk_run("1-80-1");

    (void)state;
    job.concurrency = CONCURRENCY_QUEUE;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    assert_true(agenda_run(desk.agenda, &run, desk.now));
    desk_at(&desk, 70, "claim! 1-70-1 manual <100\n");
    desk_claimed(&desk, "1-70-1", CLAIM_WON);
    assert_true(agenda_run(desk.agenda, &later, desk.now));
    agenda_remove(desk.agenda, 1);
    desk_at(&desk, 80,
            "skip 1-70-1 skipped: the job was removed or paused\n"
            "claim! 1-80-1 manual <110\n");
    desk_claimed(&desk, "1-80-1", CLAIM_WON);
    desk_at(&desk, 80, "");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_at(&desk, 81, "start 1-80-1 manual at 81\n");
    assert_false(agenda_run(desk.agenda, &run, desk.now));
    desk_release(&desk);
}

static void a_job_that_comes_back_finds_its_run_still_active(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    agenda_remove(desk.agenda, 1);
    desk.now = desk_time(100);
    job.due_since = desk_time(100);
    desk_put(&desk, &job);
    assert_int_equal(agenda_job_count(desk.agenda), 1);
    desk_at(&desk, 120, "record 1-120-1 skipped: a run of the job was active\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_starts(&desk, 180, "1-180-1");
    desk_release(&desk);
}

static void a_run_killed_while_it_waits_is_over(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct run_key run = desk_run("1-70-1");

    (void)state;
    job.concurrency = CONCURRENCY_QUEUE;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    assert_true(agenda_run(desk.agenda, &run, desk.now));
    desk_at(&desk, 70, "claim! 1-70-1 manual <100\n");
    desk_claimed(&desk, "1-70-1", CLAIM_WON);
    assert_int_equal(desk_ended(&desk, "1-70-1", RUN_KILLED), JOB_SCHEDULED);
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_at(&desk, 71, "");
    desk_release(&desk);
}

/* ---- another worker's -------------------------------------------------------------------- */

static void a_job_handed_over_claims_nothing_more_and_its_runs_go_on(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.retries.limit = 1;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    agenda_hand_over(desk.agenda, 1);
    assert_int_equal(agenda_job_count(desk.agenda), 0);
    desk_at(&desk, 100, "");
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_FAILED), JOB_ERROR);
    assert_int_equal(agenda_revision(desk.agenda, 1), 0);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_claim_in_flight_when_the_job_is_handed_over(void **state)
{
    static const struct {
        enum claim_outcome outcome;
        const char *expected;
    } cases[] = {
        {CLAIM_WON, "start 1-60-1 schedule at 60\n"},
        {CLAIM_TAKEN, ""},
        {CLAIM_VOID, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "* * * * *");

        desk_put(&desk, &job);
        desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
        agenda_hand_over(desk.agenda, 1);
        desk_claimed(&desk, "1-60-1", cases[i].outcome);
        desk_at(&desk, 62, cases[i].expected);
        desk_is_idle(&desk);
        desk_release(&desk);
    }
}

/* It may overlap with what the other starts. */
static void a_retry_to_come_is_the_other_s_when_the_job_is_handed_over(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.retries.limit = 1;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    (void)desk_ended(&desk, "1-60-1", RUN_FAILED);
    agenda_hand_over(desk.agenda, 1);
    desk_at(&desk, 100, "");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void ticks_that_wait_are_the_other_s_when_the_job_is_handed_over(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_QUEUE;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_at(&desk, 180, "");
    agenda_hand_over(desk.agenda, 1);
    desk_at(&desk, 181, "");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_at(&desk, 240, "");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_one_time_job_handed_over_is_finished_by_its_run(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@at 2026-01-05T00:01:00Z");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    agenda_hand_over(desk.agenda, 1);
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_SUCCEEDED), JOB_FINISHED);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_job_handed_over_may_come_back(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    agenda_hand_over(desk.agenda, 1);
    job.cursor = desk_time(120);
    desk.now = desk_time(121);
    desk_put(&desk, &job);
    assert_int_equal(agenda_job_count(desk.agenda), 1);
    desk_at(&desk, 180, "record 1-180-1 skipped: a run of the job was active\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_starts(&desk, 240, "1-240-1");
    desk_release(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_counted_and_known_by_revision),
        cmocka_unit_test(an_older_or_equal_revision_changes_nothing),
        cmocka_unit_test(a_sleeping_job_is_not_due_until_it_wakes),
        cmocka_unit_test(a_sleeping_job_runs_on_demand_and_is_forgotten),
        cmocka_unit_test(ticks_that_wait_are_recorded_when_the_job_goes),
        cmocka_unit_test(ticks_of_the_old_revision_are_recorded_up_to_the_change),
        cmocka_unit_test(new_ticks_count_from_the_change_even_when_it_is_learnt_of_late),
        cmocka_unit_test(a_change_of_anything_else_keeps_the_place),
        cmocka_unit_test(an_active_run_outlives_a_change),
        cmocka_unit_test(a_claim_in_flight_when_the_job_changes),
        cmocka_unit_test(a_claim_that_may_have_taken_effect_is_settled_when_the_job_changes),
        cmocka_unit_test(a_removed_job_claims_nothing_more_and_its_runs_go_on),
        cmocka_unit_test(a_claim_in_flight_when_the_job_is_removed),
        cmocka_unit_test(a_claim_in_flight_when_a_changed_job_is_removed),
        cmocka_unit_test(a_claim_in_flight_when_the_job_is_paused),
        cmocka_unit_test(a_claim_in_flight_when_the_clock_is_set_back_and_the_job_removed),
        cmocka_unit_test(a_claim_that_failed_is_recorded_once_when_the_job_is_removed),
        cmocka_unit_test(what_waits_when_the_job_is_removed),
        cmocka_unit_test(a_job_that_comes_back_finds_its_run_still_active),
        cmocka_unit_test(a_run_killed_while_it_waits_is_over),
        cmocka_unit_test(a_job_handed_over_claims_nothing_more_and_its_runs_go_on),
        cmocka_unit_test(a_claim_in_flight_when_the_job_is_handed_over),
        cmocka_unit_test(a_retry_to_come_is_the_other_s_when_the_job_is_handed_over),
        cmocka_unit_test(ticks_that_wait_are_the_other_s_when_the_job_is_handed_over),
        cmocka_unit_test(a_one_time_job_handed_over_is_finished_by_its_run),
        cmocka_unit_test(a_job_handed_over_may_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
