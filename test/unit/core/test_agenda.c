/* SPDX-License-Identifier: Apache-2.0 */
/* One tick's way from due to done, and what the store may answer. */
#include "agenda_desk.h"

static void a_tick_is_claimed_and_started_when_it_is_due(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_next_is(&desk, 60);
    desk_at(&desk, 59.999999, "");
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_is_idle(&desk);
    desk_at(&desk, 61, "");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_next_is(&desk, 61);
    desk_at(&desk, 61, "start 1-60-1 schedule at 60\n");
    assert_int_equal(agenda_active_count(desk.agenda), 1);
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_SUCCEEDED), JOB_SCHEDULED);
    assert_int_equal(agenda_active_count(desk.agenda), 0);
    desk_next_is(&desk, 120);
    desk_at(&desk, 119, "");
    desk_at(&desk, 120, "claim 1-120-1 schedule <150\n");
    desk_release(&desk);
}

static void claims_are_decided_ahead_and_runs_start_at_the_tick(void **state)
{
    struct agenda_config config = {.lead = 200 * MILLISECOND, .boot_at = INSTANT_NONE};
    struct desk desk = {agenda_new(&config), DESK_START, DESK_CAPACITY};
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_next_is(&desk, 59.8);
    desk_at(&desk, 59.79, "");
    desk_at(&desk, 59.8, "claim 1-60-1 schedule <89.8\n");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_at(&desk, 59.81, "start 1-60-1 schedule at 60\n");
    desk_release(&desk);
}

static void a_tick_that_somebody_else_has_is_accounted_for(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_TAKEN);
    assert_int_equal(agenda_active_count(desk.agenda), 0);
    desk_next_is(&desk, 120);
    desk_release(&desk);
}

static void later_ticks_wait_for_the_answer_of_a_claim(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_ALLOW;
    desk_put(&desk, &job);
    desk_at(&desk, 1, "claim 1-1-1 schedule <31\n");
    desk_at(&desk, 2, "");
    desk_claimed(&desk, "1-1-1", CLAIM_WON);
    desk_at(&desk, 2, "start 1-1-1 schedule at 1\nclaim 1-2-1 schedule <32\n");
    desk_release(&desk);
}

static void answers_to_what_was_not_asked_are_ignored(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_claimed(&desk, "2-60-1", CLAIM_WON);
    assert_int_equal(desk_ended(&desk, "2-60-1", RUN_FAILED), JOB_SCHEDULED);
    desk_starts(&desk, 60, "1-60-1");
    desk_claimed(&desk, "1-60-1", CLAIM_VOID);
    assert_int_equal(agenda_active_count(desk.agenda), 1);
    desk_release(&desk);
}

static void a_claim_that_fails_is_tried_again_ever_more_slowly(void **state)
{
    static const double waits[] = {0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");
    double at = 3600;

    (void)state;
    job.catch_up = CATCH_UP_NONE;
    desk_put(&desk, &job);
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        desk_at(&desk, at, "claim 1-3600-1 schedule <3630\n");
        desk_claimed(&desk, "1-3600-1", i % 2 ? CLAIM_FAILED : CLAIM_VOID);
        desk_at(&desk, at + waits[i] * 0.99, "");
        at += waits[i];
    }
    desk_at(&desk, 3630, "record 1-3600-1 missed: the store did not answer\n");
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void a_claim_that_stays_void_is_missed_in_the_end(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.catch_up = CATCH_UP_NONE;
    desk_put(&desk, &job);
    desk_at(&desk, 3600, "claim 1-3600-1 schedule <3630\n");
    desk_claimed(&desk, "1-3600-1", CLAIM_VOID);
    desk_at(&desk, 3630, "record 1-3600-1 missed: not claimed in time\n");
    desk_release(&desk);
}

static void with_catch_up_a_tick_outlasts_an_outage_of_the_store(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 3600, "claim 1-3600-1 schedule <3630\n");
    desk_claimed(&desk, "1-3600-1", CLAIM_FAILED);
    desk_at(&desk, 4200, "claim 1-3600-1 schedule <4230\n");
    desk_claimed(&desk, "1-3600-1", CLAIM_FAILED);
    desk_at(&desk, 7190, "claim 1-3600-1 schedule <7200\n");
    desk_claimed(&desk, "1-3600-1", CLAIM_FAILED);
    desk_at(&desk, 7201,
            "record 1-3600-1 missed: the store did not answer\n"
            "claim 1-7200-1 schedule <7231\n");
    desk_release(&desk);
}

static void an_answer_makes_the_waits_short_again(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_VOID);
    desk_at(&desk, 60.1, "claim 1-60-1 schedule <90.1\n");
    desk_claimed(&desk, "1-60-1", CLAIM_FAILED);
    desk_at(&desk, 61, "claim 1-60-1 schedule <91\n");
    desk_claimed(&desk, "1-60-1", CLAIM_TAKEN);
    desk_at(&desk, 120, "claim 1-120-1 schedule <150\n");
    desk_claimed(&desk, "1-120-1", CLAIM_FAILED);
    desk_next_is(&desk, 120.1);
    desk_release(&desk);
}

static void jitter_moves_the_start_and_not_the_tick(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *"), other = desk_job(2, "0 * * * *");
    struct decision decision;
    instant_us first;

    (void)state;
    job.jitter = other.jitter = 10 * MINUTE;
    desk_put(&desk, &job);
    first = agenda_next(desk.agenda);
    assert_in_range(first, desk_time(3600), desk_time(4200) - 1);
    assert_int_equal(agenda_advance(desk.agenda, first - 1, &decision, 1), 0);
    assert_int_equal(agenda_advance(desk.agenda, first, &decision, 1), 1);
    assert_int_equal(decision.run.scheduled_at, desk_time(3600));
    assert_int_equal(decision.deadline, first + 30 * SECOND);
    desk.now = first;
    desk_claimed(&desk, "1-3600-1", CLAIM_WON);
    assert_int_equal(agenda_advance(desk.agenda, first, &decision, 1), 1);
    assert_int_equal(decision.start_at, first);
    assert_int_equal(decision.trigger, TRIGGER_SCHEDULE);
    assert_int_equal(agenda_next(desk.agenda), first + HOUR);
    desk_release(&desk);

    desk = desk_new();
    desk_put(&desk, &other);
    assert_int_not_equal(agenda_next(desk.agenda), first);
    desk_release(&desk);
}

static void ticks_count_after_due_since_and_from_starts_at_until_before_ends_at(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.due_since = desk_time(120);
    desk.now = desk_time(119);
    desk_put(&desk, &job);
    desk_next_is(&desk, 180);
    agenda_remove(desk.agenda, 1);
    job = desk_job(2, "* * * * *");
    job.starts_at = desk_time(300);
    job.ends_at = desk_time(360);
    desk_put(&desk, &job);
    desk_next_is(&desk, 300);
    desk_starts(&desk, 300, "2-300-1");
    desk_is_idle(&desk);
    assert_int_equal(desk_ended(&desk, "2-300-1", RUN_SUCCEEDED), JOB_FINISHED);
    desk_at(&desk, 400, "");
    desk_release(&desk);
}

static void every_counts_from_its_anchor(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@every 90s");

    (void)state;
    job.anchor = job.starts_at = desk_time(10);
    desk_put(&desk, &job);
    desk_next_is(&desk, 100);
    desk_starts(&desk, 100, "1-100-1");
    desk_next_is(&desk, 190);
    desk_release(&desk);
}

static void the_next_tick_counts_from_the_cursor(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.cursor = desk_time(120);
    desk.now = desk_time(130);
    desk_put(&desk, &job);
    desk_next_is(&desk, 180);
    desk_release(&desk);
}

static void a_cursor_far_ahead_is_lowered_to_now(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.cursor = desk_time(86400);
    desk.now = desk_time(130);
    desk_put(&desk, &job);
    desk_next_is(&desk, 180);
    job = desk_job(2, "* * * * *");
    job.cursor = desk_time(180);
    desk.now = desk_time(176);
    desk_put(&desk, &job);
    agenda_remove(desk.agenda, 1);
    desk_next_is(&desk, 240);
    desk_release(&desk);
}

static void reboot_is_due_once_a_boot_however_late(void **state)
{
    struct agenda_config config = {.boot_at = desk_time(100)};
    struct desk desk = {agenda_new(&config), desk_time(90000), DESK_CAPACITY};
    struct agenda_job job = desk_job(1, "@reboot");

    (void)state;
    job.catch_up = CATCH_UP_NONE;
    desk_put(&desk, &job);
    desk_at(&desk, 90000, "claim 1-100-1 reboot <90030\n");
    desk_claimed(&desk, "1-100-1", CLAIM_WON);
    desk_at(&desk, 90000, "start 1-100-1 reboot at 100\n");
    assert_int_equal(desk_ended(&desk, "1-100-1", RUN_SUCCEEDED), JOB_SCHEDULED);
    desk_is_idle(&desk);
    job = desk_job(2, "@reboot");
    job.cursor = desk_time(100);
    desk_put(&desk, &job);
    job = desk_job(3, "@reboot");
    job.due_since = desk_time(101);
    desk_put(&desk, &job);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void manual_is_never_due_and_ends_with_ends_at(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@manual");

    (void)state;
    desk_put(&desk, &job);
    desk_is_idle(&desk);
    job = desk_job(2, "@manual");
    job.ends_at = desk_time(50);
    desk_put(&desk, &job);
    desk_at(&desk, 49, "");
    desk_at(&desk, 50, "finished 2\n");
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void a_job_without_a_further_tick_is_finished(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@at 2026-01-05T00:01:00Z");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_TAKEN);
    desk_at(&desk, 60, "finished 1\n");
    desk_at(&desk, 61, "");
    job = desk_job(2, "@at 2026-01-05T00:02:00Z");
    desk_put(&desk, &job);
    desk_starts(&desk, 120, "2-120-1");
    desk_at(&desk, 120, "");
    assert_int_equal(desk_ended(&desk, "2-120-1", RUN_SUCCEEDED), JOB_FINISHED);
    desk_at(&desk, 121, "");
    job = desk_job(3, "@at 2026-01-04T00:02:00Z");
    desk_put(&desk, &job);
    desk_at(&desk, 122, "finished 3\n");
    desk_release(&desk);
}

static void a_last_run_that_failed_leaves_the_job_in_error(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@at 2026-01-05T00:01:00Z");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_FAILED), JOB_ERROR);
    desk_at(&desk, 61, "");
    desk_release(&desk);
    desk = desk_new();
    job.status = JOB_ERROR;
    job.cursor = desk_time(60);
    desk.now = desk_time(100);
    desk_put(&desk, &job);
    desk_at(&desk, 101, "");
    desk_release(&desk);
}

static void a_job_in_error_is_well_again_when_a_run_succeeds(void **state)
{
    static const struct {
        enum run_status status;
        enum job_status before, after;
    } rows[] = {
        {RUN_SUCCEEDED, JOB_ERROR, JOB_SCHEDULED},  {RUN_SUCCEEDED, JOB_SCHEDULED, JOB_SCHEDULED},
        {RUN_FAILED, JOB_SCHEDULED, JOB_ERROR},     {RUN_TIMED_OUT, JOB_SCHEDULED, JOB_ERROR},
        {RUN_LOST, JOB_SCHEDULED, JOB_ERROR},       {RUN_KILLED, JOB_SCHEDULED, JOB_SCHEDULED},
        {RUN_KILLED, JOB_ERROR, JOB_ERROR},         {RUN_SKIPPED, JOB_ERROR, JOB_ERROR},
        {RUN_MISSED, JOB_SCHEDULED, JOB_SCHEDULED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "* * * * *");

        job.status = rows[i].before;
        desk_put(&desk, &job);
        desk_starts(&desk, 60, "1-60-1");
        assert_int_equal(desk_ended(&desk, "1-60-1", rows[i].status), rows[i].after);
        desk_release(&desk);
    }
}

static void decisions_that_do_not_fit_come_with_the_next_call(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * * *");
    struct buf all AUTO_BUF, piecemeal AUTO_BUF;

    (void)state;
    buf_init(&all, DESK_TEXT);
    buf_init(&piecemeal, DESK_TEXT);
    desk_put(&desk, &job);
    desk_decisions(&desk, 500, &all);
    desk_release(&desk);

    desk = desk_new();
    desk_put(&desk, &job);
    desk.capacity = 1;
    desk_decisions(&desk, 500, &piecemeal);
    assert_string_equal(all.data, piecemeal.data);
    desk_release(&desk);
}

static void any_instant_is_fine(void **state)
{
    static const instant_us instants[] = {
        INT64_MIN,     INT64_MAX,    0, -1,        DESK_START, INSTANT_MAX,
        INT64_MIN + 1, -INSTANT_MAX, 1, INT64_MAX,
    };
    struct agenda_job job = desk_job(1, "* * * * * *");
    struct decision decisions[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(instants) * ARRAY_SIZE(instants); i++) {
        struct desk desk = desk_new();

        job.due_since = job.cursor = instants[i % ARRAY_SIZE(instants)];
        job.jitter = i % 3 ? 0 : INT64_MAX;
        job.catch_up_window = i % 2 ? INT64_MAX : 0;
        job.catch_up = (enum catch_up)(i % CATCH_UP_COUNT);
        agenda_put(desk.agenda, &job, instants[i / ARRAY_SIZE(instants)]);
        for (size_t j = 0; j < ARRAY_SIZE(instants); j++)
            (void)agenda_advance(desk.agenda, instants[j], decisions, ARRAY_SIZE(decisions));
        desk_release(&desk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_is_claimed_and_started_when_it_is_due),
        cmocka_unit_test(claims_are_decided_ahead_and_runs_start_at_the_tick),
        cmocka_unit_test(a_tick_that_somebody_else_has_is_accounted_for),
        cmocka_unit_test(later_ticks_wait_for_the_answer_of_a_claim),
        cmocka_unit_test(answers_to_what_was_not_asked_are_ignored),
        cmocka_unit_test(a_claim_that_fails_is_tried_again_ever_more_slowly),
        cmocka_unit_test(a_claim_that_stays_void_is_missed_in_the_end),
        cmocka_unit_test(with_catch_up_a_tick_outlasts_an_outage_of_the_store),
        cmocka_unit_test(an_answer_makes_the_waits_short_again),
        cmocka_unit_test(jitter_moves_the_start_and_not_the_tick),
        cmocka_unit_test(ticks_count_after_due_since_and_from_starts_at_until_before_ends_at),
        cmocka_unit_test(every_counts_from_its_anchor),
        cmocka_unit_test(the_next_tick_counts_from_the_cursor),
        cmocka_unit_test(a_cursor_far_ahead_is_lowered_to_now),
        cmocka_unit_test(reboot_is_due_once_a_boot_however_late),
        cmocka_unit_test(manual_is_never_due_and_ends_with_ends_at),
        cmocka_unit_test(a_job_without_a_further_tick_is_finished),
        cmocka_unit_test(a_last_run_that_failed_leaves_the_job_in_error),
        cmocka_unit_test(a_job_in_error_is_well_again_when_a_run_succeeds),
        cmocka_unit_test(decisions_that_do_not_fit_come_with_the_next_call),
        cmocka_unit_test(any_instant_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
