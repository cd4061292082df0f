/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs whose ticks somebody else calls for. */
#include "agenda_desk.h"

static void a_held_tick_is_due_when_it_is_called_for(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    desk_next_is(&desk, 64);
    desk_at(&desk, 61, "");
    assert_true(agenda_fire(desk.agenda, 1, desk.now));
    desk_at(&desk, 61, "claim 1-60-1 schedule <91\n");
    assert_true(agenda_fire(desk.agenda, 1, desk.now)); /* the same tick: nothing more */
    desk_at(&desk, 61, "");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_at(&desk, 61, "start 1-60-1 schedule at 60\n");
    assert_false(agenda_fire(desk.agenda, 1, desk.now));
    assert_int_equal(agenda_accounted_for(desk.agenda, 1), desk_time(60));
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_SUCCEEDED), JOB_SCHEDULED);
    desk_next_is(&desk, 124); /* the next is held again */
    desk_release(&desk);
}

static void a_tick_that_nobody_calls_for_is_due_by_itself(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct decision decision;

    (void)state;
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    desk_at(&desk, 63.999999, "");
    assert_int_equal(agenda_advance(desk.agenda, desk_time(64), &decision, 1), 1);
    assert_int_equal(decision.kind, DECIDE_CLAIM);
    assert_true(decision.unfired);
    assert_int_equal(decision.trigger, TRIGGER_SCHEDULE);
    desk_release(&desk);
}

static void a_call_before_the_tick_is_for_nothing(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    desk_at(&desk, 59, "");
    assert_false(agenda_fire(desk.agenda, 1, desk.now));
    assert_false(agenda_fire(desk.agenda, 2, desk.now)); /* not known */
    assert_int_equal(agenda_accounted_for(desk.agenda, 2), INSTANT_NONE);
    desk_at(&desk, 60, "");
    desk_release(&desk);
}

static void a_job_that_is_let_go_is_due_at_once(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    desk_at(&desk, 61, "");
    agenda_hold(desk.agenda, 1, false);
    desk_at(&desk, 61, "claim 1-60-1 schedule <91\n");
    desk_release(&desk);
}

/* The worker was away for five minutes: cron's calls went nowhere. */
static void what_passed_unheard_is_made_up_for(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.cursor = desk_time(60);
    desk.now = desk_time(330);
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    desk_at(&desk, 330,
            "record 1-120-1 missed: superseded by a newer tick\n"
            "record 1-180-1 missed: superseded by a newer tick\n"
            "record 1-240-1 missed: superseded by a newer tick\n"
            "claim 1-300-1 catch_up <360\n");
    desk_release(&desk);
}

/* The first hour of this instant comes twice: the clock is set back, and cron calls again. */
static void a_clock_that_is_set_back_runs_nothing_twice(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    desk_at(&desk, 61, "");
    assert_true(agenda_fire(desk.agenda, 1, desk.now));
    desk_starts(&desk, 61, "1-60-1");
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_SUCCEEDED), JOB_SCHEDULED);
    desk_at(&desk, 0.5, "");
    desk_at(&desk, 60.5, "");
    if (agenda_fire(desk.agenda, 1, desk.now)) { /* the store has the key, and refuses */
        desk_at(&desk, 60.5, "claim 1-60-1 schedule <90.5\n");
        desk_claimed(&desk, "1-60-1", CLAIM_TAKEN);
    }
    desk_at(&desk, 63, "");
    desk_next_is(&desk, 124);
    desk_release(&desk);
}

static void a_new_revision_is_not_held(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    agenda_hold(desk.agenda, 1, true);
    job.revision = 2;
    desk_put(&desk, &job);
    desk_next_is(&desk, 60);
    desk_release(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_tick_is_due_when_it_is_called_for),
        cmocka_unit_test(a_tick_that_nobody_calls_for_is_due_by_itself),
        cmocka_unit_test(a_call_before_the_tick_is_for_nothing),
        cmocka_unit_test(a_job_that_is_let_go_is_due_at_once),
        cmocka_unit_test(what_passed_unheard_is_made_up_for),
        cmocka_unit_test(a_clock_that_is_set_back_runs_nothing_twice),
        cmocka_unit_test(a_new_revision_is_not_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
