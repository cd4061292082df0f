/* SPDX-License-Identifier: Apache-2.0 */
/* Concurrency, retries and runs on demand. */
#include "agenda_desk.h"

static void forbid_skips_ticks_while_a_run_is_active(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_at(&desk, 120, "record 1-120-1 skipped: a run of the job was active\n");
    desk_at(&desk, 240,
            "record 1-180-1 skipped: a run of the job was active\n"
            "record 1-240-1 skipped: a run of the job was active\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_starts(&desk, 300, "1-300-1");
    desk_release(&desk);
}

static void allow_runs_side_by_side(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_ALLOW;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_starts(&desk, 120, "1-120-1");
    desk_starts(&desk, 180, "1-180-1");
    assert_int_equal(agenda_active_count(desk.agenda), 3);
    (void)desk_ended(&desk, "1-120-1", RUN_SUCCEEDED);
    assert_int_equal(agenda_active_count(desk.agenda), 2);
    desk_release(&desk);
}

static void queue_waits_its_turn(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_QUEUE;
    job.catch_up = CATCH_UP_NONE;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_is_idle(&desk);
    desk_at(&desk, 190, "");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_at(&desk, 190, "claim 1-120-1 catch_up <220\n");
    desk_claimed(&desk, "1-120-1", CLAIM_WON);
    desk_at(&desk, 190, "start 1-120-1 catch_up at 120\n");
    (void)desk_ended(&desk, "1-120-1", RUN_SUCCEEDED);
    desk_at(&desk, 200, "claim 1-180-1 catch_up <230\n");
    desk_claimed(&desk, "1-180-1", CLAIM_TAKEN);
    desk_next_is(&desk, 240);
    desk_starts(&desk, 240, "1-240-1");
    desk_release(&desk);
}

static void queue_is_bounded_by_the_window(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_QUEUE;
    job.catch_up_window = 100 * SECOND;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_at(&desk, 250, "");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_at(&desk, 250,
            "record 1-120-1 missed: older than catch_up_window\n"
            "claim 1-180-1 catch_up <280\n");
    desk_release(&desk);
}

static void replace_kills_once_the_newer_is_won(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_REPLACE;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_at(&desk, 120, "claim 1-120-1 schedule <150\n");
    desk_claimed(&desk, "1-120-1", CLAIM_WON);
    desk_at(&desk, 120, "kill 1-60-1\n");
    desk_at(&desk, 121, "");
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_KILLED), JOB_SCHEDULED);
    desk_at(&desk, 121, "start 1-120-1 schedule at 120\n");
    desk_at(&desk, 180, "claim 1-180-1 schedule <210\n");
    desk_claimed(&desk, "1-180-1", CLAIM_TAKEN);
    desk_at(&desk, 180, "");
    desk_release(&desk);
}

static void replace_leaves_only_the_newest_waiting(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_REPLACE;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_at(&desk, 120, "claim 1-120-1 schedule <150\n");
    desk_claimed(&desk, "1-120-1", CLAIM_WON);
    desk_at(&desk, 120, "kill 1-60-1\n");
    desk_at(&desk, 180, "claim 1-180-1 schedule <210\n");
    desk_claimed(&desk, "1-180-1", CLAIM_WON);
    desk_at(&desk, 180, "skip 1-120-1 skipped: replaced by a newer run\n");
    (void)desk_ended(&desk, "1-60-1", RUN_KILLED);
    desk_at(&desk, 181, "start 1-180-1 schedule at 180\n");
    desk_release(&desk);
}

static void ask(struct desk *desk, const char *run)
{
    struct run_key key = desk_run(run);

    assert_true(agenda_run(desk->agenda, &key, desk->now));
}

/* A run of the schedule is active when one on demand is claimed. */
static void runs_on_demand_follow_the_same_rule(void **state)
{
    static const struct {
        enum concurrency concurrency;
        const char *then, *after;
    } cases[] = {
        {CONCURRENCY_FORBID, "skip 1-70.5-1 skipped: a run of the job was active\n", ""},
        {CONCURRENCY_ALLOW, "start 1-70.5-1 manual at 71\n", ""},
        {CONCURRENCY_QUEUE, "", "start 1-70.5-1 manual at 72\n"},
        {CONCURRENCY_REPLACE, "kill 1-60-1\n", "start 1-70.5-1 manual at 72\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "* * * * *");

        job.concurrency = cases[i].concurrency;
        desk_put(&desk, &job);
        desk_starts(&desk, 60, "1-60-1");
        ask(&desk, "1-70.5-1");
        ask(&desk, "1-70.5-1");
        desk_at(&desk, 71, "claim! 1-70.5-1 manual <101\n");
        desk_claimed(&desk, "1-70.5-1", CLAIM_WON);
        desk_at(&desk, 71, cases[i].then);
        (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
        desk_at(&desk, 72, cases[i].after);
        desk_release(&desk);
    }
}

/* The manager asks for it when the first was lost with its worker. */
static void a_second_attempt_that_is_asked_for_waits_for_an_active_run(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    ask(&desk, "1-30-2");
    desk_at(&desk, 70, "");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_at(&desk, 71, "claim! 1-30-2 retry <101\n");
    desk_claimed(&desk, "1-30-2", CLAIM_WON);
    desk_at(&desk, 71, "start 1-30-2 retry at 71\n");
    desk_release(&desk);
}

static void a_retry_that_is_asked_for_as_well_is_one(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    (void)desk_ended(&desk, "1-60-1", RUN_LOST);
    desk_at(&desk, 61, "claim 1-60-2 retry <91\n");
    ask(&desk, "1-60-2");
    desk_claimed(&desk, "1-60-2", CLAIM_VOID);
    desk_at(&desk, 61.1, "claim! 1-60-2 retry <91.1\n");
    desk_claimed(&desk, "1-60-2", CLAIM_WON);
    desk_at(&desk, 61.1, "start 1-60-2 retry at 61.1\n");
    desk_release(&desk);
}

static void a_run_on_demand_needs_a_known_job(void **state)
{
    struct desk desk = desk_new();
    struct run_key key = desk_run("1-70-1");

    (void)state;
    assert_false(agenda_run(desk.agenda, &key, desk.now));
    desk_release(&desk);
}

static void a_run_on_demand_waits_for_the_store_as_long_as_it_takes(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@manual");

    (void)state;
    desk_put(&desk, &job);
    ask(&desk, "1-1-1");
    desk_at(&desk, 1, "claim! 1-1-1 manual <31\n");
    desk_claimed(&desk, "1-1-1", CLAIM_FAILED);
    for (double at = 10; at < 20000; at += 100) {
        char expected[64];

        (void)snprintf(expected, sizeof(expected), "claim! 1-1-1 manual <%g\n", at + 30);
        desk_at(&desk, at, expected);
        desk_claimed(&desk, "1-1-1", CLAIM_FAILED);
    }
    desk_release(&desk);
}

static void a_run_on_demand_that_is_gone_is_given_up(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@manual");
    struct buf claims AUTO_BUF;
    int count = 0;

    (void)state;
    buf_init(&claims, DESK_TEXT);
    desk_put(&desk, &job);
    ask(&desk, "1-1-1");
    for (double at = 1; at < 100; at += 0.1) {
        buf_reset(&claims);
        desk_decisions(&desk, at, &claims);
        if (claims.length) {
            count++;
            desk_claimed(&desk, "1-1-1", CLAIM_VOID);
        }
    }
    assert_in_range(count, 2, 30);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void two_that_are_won_at_once_do_not_both_start_under_forbid(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    ask(&desk, "1-59.5-1");
    desk_at(&desk, 60, "claim! 1-59.5-1 manual <90\nclaim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_claimed(&desk, "1-59.5-1", CLAIM_WON);
    assert_int_equal(agenda_active_count(desk.agenda), 2);
    desk_at(&desk, 60,
            "start 1-59.5-1 manual at 60\n"
            "skip 1-60-1 skipped: a run of the job was active\n");
    assert_int_equal(agenda_active_count(desk.agenda), 1);
    desk_release(&desk);
}

static void a_failed_run_is_tried_again_after_growing_delays(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.retries.limit = 2;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    desk_at(&desk, 3610, "");
    assert_int_equal(desk_ended(&desk, "1-3600-1", RUN_FAILED), JOB_ERROR);
    desk_next_is(&desk, 3640);
    desk_at(&desk, 3640, "claim 1-3600-2 retry <3670\n");
    desk_claimed(&desk, "1-3600-2", CLAIM_WON);
    desk_at(&desk, 3641, "start 1-3600-2 retry at 3641\n");
    desk_at(&desk, 3650, "");
    assert_int_equal(desk_ended(&desk, "1-3600-2", RUN_TIMED_OUT), JOB_ERROR);
    desk_at(&desk, 3710, "claim 1-3600-3 retry <3740\n");
    desk_claimed(&desk, "1-3600-3", CLAIM_WON);
    desk_at(&desk, 3710, "start 1-3600-3 retry at 3710\n");
    assert_int_equal(desk_ended(&desk, "1-3600-3", RUN_FAILED), JOB_ERROR);
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void only_failures_are_tried_again(void **state)
{
    static const enum run_status others[] = {RUN_SUCCEEDED, RUN_KILLED, RUN_SKIPPED, RUN_MISSED};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "0 * * * *");

        job.retries.limit = 2;
        desk_put(&desk, &job);
        desk_starts(&desk, 3600, "1-3600-1");
        (void)desk_ended(&desk, "1-3600-1", others[i]);
        desk_next_is(&desk, 7200);
        desk_release(&desk);
    }
}

static void a_newer_tick_makes_a_retry_pointless(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.retries =
        (struct retries){.limit = 5, .delay = 100 * SECOND, .backoff = 1, .max_delay = HOUR};
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    (void)desk_ended(&desk, "1-60-1", RUN_FAILED);
    desk_starts(&desk, 120, "1-120-1");
    (void)desk_ended(&desk, "1-120-1", RUN_SUCCEEDED);
    desk_next_is(&desk, 180);
    desk_release(&desk);
}

static void a_run_that_was_overtaken_is_not_tried_again(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.retries.limit = 5;
    job.concurrency = CONCURRENCY_ALLOW;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    desk_starts(&desk, 120, "1-120-1");
    (void)desk_ended(&desk, "1-60-1", RUN_FAILED);
    desk_next_is(&desk, 180);
    (void)desk_ended(&desk, "1-120-1", RUN_FAILED);
    desk_next_is(&desk, 150);
    desk_release(&desk);
}

static void a_retry_waits_for_an_active_run(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.retries.limit = 1;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_FAILED);
    ask(&desk, "1-3610-1");
    desk_at(&desk, 3610, "claim! 1-3610-1 manual <3640\n");
    desk_claimed(&desk, "1-3610-1", CLAIM_WON);
    desk_at(&desk, 3610, "start 1-3610-1 manual at 3610\n");
    desk_at(&desk, 3650, "");
    (void)desk_ended(&desk, "1-3610-1", RUN_SUCCEEDED);
    desk_at(&desk, 3650, "claim 1-3600-2 retry <3680\n");
    desk_release(&desk);
}

static void a_lost_run_is_tried_again_at_once_but_not_for_ever(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_LOST);
    for (uint32_t attempt = 2; attempt <= 1 + AGENDA_RERUNS; attempt++) {
        char run[32], expected[64];

        (void)snprintf(run, sizeof(run), "1-3600-%u", attempt);
        (void)snprintf(expected, sizeof(expected), "claim %s retry <3630\n", run);
        desk_at(&desk, 3600, expected);
        desk_claimed(&desk, run, CLAIM_WON);
        (void)snprintf(expected, sizeof(expected), "start %s retry at 3600\n", run);
        desk_at(&desk, 3600, expected);
        assert_int_equal(desk_ended(&desk, run, RUN_LOST), JOB_ERROR);
    }
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void lost_attempts_do_not_use_up_the_retries(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.retries.limit = 1;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_LOST);
    desk_at(&desk, 3600, "claim 1-3600-2 retry <3630\n");
    desk_claimed(&desk, "1-3600-2", CLAIM_WON);
    desk_at(&desk, 3600, "start 1-3600-2 retry at 3600\n");
    (void)desk_ended(&desk, "1-3600-2", RUN_FAILED);
    desk_next_is(&desk, 3630);
    desk_release(&desk);
}

static void a_lost_run_is_left_where_the_job_says_fail(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.on_worker_loss = WORKER_LOSS_FAIL;
    job.retries.limit = 3;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    assert_int_equal(desk_ended(&desk, "1-3600-1", RUN_LOST), JOB_ERROR);
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void a_retry_that_cannot_be_claimed_is_missed_in_the_end(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.retries.limit = 1;
    job.catch_up_window = 100 * SECOND;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_FAILED);
    desk_at(&desk, 3630, "claim 1-3600-2 retry <3660\n");
    desk_claimed(&desk, "1-3600-2", CLAIM_FAILED);
    desk_at(&desk, 3700, "claim 1-3600-2 retry <3730\n");
    desk_at(&desk, 3731, "");
    desk_claimed(&desk, "1-3600-2", CLAIM_FAILED);
    desk_at(&desk, 3731, "record 1-3600-2 missed: the store did not answer\n");
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void a_retry_that_is_to_go_elsewhere_is_offered_first(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.retries.limit = 2;
    job.retries.elsewhere = true;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_FAILED);
    desk_at(&desk, 3630, "claim? 1-3600-2 retry <3660\n");
    desk_claimed(&desk, "1-3600-2", CLAIM_TAKEN);
    desk_next_is(&desk, 7200);
    desk_starts(&desk, 7200, "1-7200-1");
    (void)desk_ended(&desk, "1-7200-1", RUN_FAILED);
    for (int i = 0; i < AGENDA_OFFERS; i++) { /* nobody wants it */
        char expected[64];

        (void)snprintf(expected, sizeof(expected), "claim? 1-7200-2 retry <%d\n",
                       7230 + 2 * i + 30);
        desk_at(&desk, 7230 + 2 * i, expected);
        desk_claimed(&desk, "1-7200-2", CLAIM_VOID);
    }
    desk_at(&desk, 7250, "claim! 1-7200-2 retry <7280\n");
    desk_claimed(&desk, "1-7200-2", CLAIM_WON);
    desk_at(&desk, 7250, "start 1-7200-2 retry at 7250\n");
    desk_release(&desk);
}

static void a_one_time_job_is_finished_when_its_retry_succeeds(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "@at 2026-01-05T00:01:00Z");

    (void)state;
    job.retries.limit = 1;
    desk_put(&desk, &job);
    desk_starts(&desk, 60, "1-60-1");
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_FAILED), JOB_ERROR);
    desk_at(&desk, 90, "claim 1-60-2 retry <120\n");
    desk_claimed(&desk, "1-60-2", CLAIM_WON);
    desk_at(&desk, 90, "start 1-60-2 retry at 90\n");
    assert_int_equal(desk_ended(&desk, "1-60-2", RUN_SUCCEEDED), JOB_FINISHED);
    desk_is_idle(&desk);
    desk_release(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbid_skips_ticks_while_a_run_is_active),
        cmocka_unit_test(allow_runs_side_by_side),
        cmocka_unit_test(queue_waits_its_turn),
        cmocka_unit_test(queue_is_bounded_by_the_window),
        cmocka_unit_test(replace_kills_once_the_newer_is_won),
        cmocka_unit_test(replace_leaves_only_the_newest_waiting),
        cmocka_unit_test(runs_on_demand_follow_the_same_rule),
        cmocka_unit_test(a_second_attempt_that_is_asked_for_waits_for_an_active_run),
        cmocka_unit_test(a_retry_that_is_asked_for_as_well_is_one),
        cmocka_unit_test(a_run_on_demand_needs_a_known_job),
        cmocka_unit_test(a_run_on_demand_waits_for_the_store_as_long_as_it_takes),
        cmocka_unit_test(a_run_on_demand_that_is_gone_is_given_up),
        cmocka_unit_test(two_that_are_won_at_once_do_not_both_start_under_forbid),
        cmocka_unit_test(a_failed_run_is_tried_again_after_growing_delays),
        cmocka_unit_test(a_retry_that_is_to_go_elsewhere_is_offered_first),
        cmocka_unit_test(only_failures_are_tried_again),
        cmocka_unit_test(a_newer_tick_makes_a_retry_pointless),
        cmocka_unit_test(a_run_that_was_overtaken_is_not_tried_again),
        cmocka_unit_test(a_retry_waits_for_an_active_run),
        cmocka_unit_test(a_lost_run_is_tried_again_at_once_but_not_for_ever),
        cmocka_unit_test(lost_attempts_do_not_use_up_the_retries),
        cmocka_unit_test(a_lost_run_is_left_where_the_job_says_fail),
        cmocka_unit_test(a_retry_that_cannot_be_claimed_is_missed_in_the_end),
        cmocka_unit_test(a_one_time_job_is_finished_when_its_retry_succeeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
