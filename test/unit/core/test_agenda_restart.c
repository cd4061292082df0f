/* SPDX-License-Identifier: Apache-2.0 */
/* What a new worker process finds of the one before, and tells its agenda. */
#include "agenda_desk.h"

static void a_run_that_goes_on_is_active(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct run_key run = desk_run("1-60-1");

    (void)state;
    job.cursor = desk_time(60);
    desk.now = desk_time(100);
    desk_put(&desk, &job);
    agenda_adopt(desk.agenda, &run, TRIGGER_SCHEDULE, true, desk.now);
    agenda_adopt(desk.agenda, &run, TRIGGER_SCHEDULE, true, desk.now);
    assert_int_equal(agenda_active_count(desk.agenda), 1);
    desk_at(&desk, 120, "record 1-120-1 skipped: a run of the job was active\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_starts(&desk, 180, "1-180-1");
    desk_release(&desk);
}

static void a_run_that_was_not_started_is_decided_anew(void **state)
{
    static const struct {
        enum catch_up catch_up;
        enum run_trigger trigger;
        double now;
        const char *expected;
    } cases[] = {
        {CATCH_UP_NONE, TRIGGER_SCHEDULE, 80, "start 1-60-1 schedule at 60\n"},
        {CATCH_UP_NONE, TRIGGER_SCHEDULE, 91, "skip 1-60-1 missed: not started in time\n"},
        {CATCH_UP_LAST, TRIGGER_SCHEDULE, 91, "start 1-60-1 schedule at 60\n"},
        {CATCH_UP_LAST, TRIGGER_SCHEDULE, 3661, "skip 1-60-1 missed: not started in time\n"},
        {CATCH_UP_LAST, TRIGGER_MANUAL, 91, "start 1-60-1 manual at 91\n"},
        {CATCH_UP_LAST, TRIGGER_MANUAL, 3661, "skip 1-60-1 missed: not started in time\n"},
        {CATCH_UP_LAST, TRIGGER_RETRY, 9000, "start 1-60-1 retry at 9000\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "0 0 1 1 *");
        struct run_key run = desk_run("1-60-1");

        job.catch_up = cases[i].catch_up;
        desk.now = desk_time(cases[i].now);
        desk_put(&desk, &job);
        agenda_adopt(desk.agenda, &run, cases[i].trigger, false, desk.now);
        desk_at(&desk, cases[i].now, cases[i].expected);
        desk_release(&desk);
    }
}

static void of_a_paused_job_only_runs_on_demand_start(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct run_key tick = desk_run("1-60-1"), retry = desk_run("1-60-2"), run = desk_run("1-61-1");

    (void)state;
    job.dormant = true;
    job.concurrency = CONCURRENCY_ALLOW;
    desk.now = desk_time(62);
    desk_put(&desk, &job);
    agenda_adopt(desk.agenda, &tick, TRIGGER_SCHEDULE, false, desk.now);
    agenda_adopt(desk.agenda, &retry, TRIGGER_RETRY, false, desk.now);
    agenda_adopt(desk.agenda, &run, TRIGGER_MANUAL, false, desk.now);
    desk_at(&desk, 62,
            "skip 1-60-1 skipped: the job was removed or paused\n"
            "skip 1-60-2 skipped: the job was removed or paused\n"
            "start 1-61-1 manual at 62\n");
    desk_release(&desk);
}

static void of_a_job_followed_elsewhere_everything_starts(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");
    struct run_key tick = desk_run("1-60-1");

    (void)state;
    job.dormant = job.elsewhere = true;
    desk.now = desk_time(62);
    desk_put(&desk, &job);
    agenda_adopt(desk.agenda, &tick, TRIGGER_SCHEDULE, false, desk.now);
    desk_at(&desk, 62, "start 1-60-1 schedule at 60\n");
    (void)desk_ended(&desk, "1-60-1", RUN_SUCCEEDED);
    desk_is_idle(&desk);
    desk_release(&desk);
}

static void of_two_found_one_starts_under_forbid(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 0 1 1 *");
    struct run_key first = desk_run("1-60-1"), second = desk_run("1-70-1");

    (void)state;
    desk.now = desk_time(75);
    desk_put(&desk, &job);
    agenda_adopt(desk.agenda, &second, TRIGGER_MANUAL, false, desk.now);
    agenda_adopt(desk.agenda, &first, TRIGGER_SCHEDULE, true, desk.now);
    desk_at(&desk, 75, "skip 1-70-1 skipped: a run of the job was active\n");
    desk_release(&desk);
}

static void what_is_found_of_unknown_jobs_is_ignored(void **state)
{
    struct desk desk = desk_new();
    struct run_key run = desk_run("1-60-1");
    struct run_result result = {.status = RUN_FAILED, .finished_at = DESK_START};

    (void)state;
    agenda_adopt(desk.agenda, &run, TRIGGER_SCHEDULE, true, desk.now);
    agenda_recall(desk.agenda, &run, &result, desk.now);
    assert_int_equal(agenda_active_count(desk.agenda), 0);
    desk_release(&desk);
}

static void a_retry_to_come_is_recalled(void **state)
{
    static const struct {
        enum run_status status;
        const char *run;
        double now, due;
    } cases[] = {
        {RUN_FAILED, "1-60-1", 80, 100},  {RUN_FAILED, "1-60-2", 80, 130},
        {RUN_FAILED, "1-60-3", 80, -1},   {RUN_LOST, "1-60-3", 80, 80},
        {RUN_LOST, "1-60-6", 80, -1},     {RUN_SUCCEEDED, "1-60-1", 80, -1},
        {RUN_FAILED, "1-60-1", 500, 100}, {RUN_FAILED, "1-60-1", 3600, 100},
        {RUN_FAILED, "1-60-1", 3701, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "@manual");
        struct run_key run = desk_run(cases[i].run);
        struct run_result result = {.status = cases[i].status, .finished_at = desk_time(70)};

        job.retries.limit = 2;
        desk.now = desk_time(cases[i].now);
        desk_put(&desk, &job);
        agenda_recall(desk.agenda, &run, &result, desk.now);
        if (cases[i].due < 0)
            desk_is_idle(&desk);
        else
            desk_next_is(&desk, cases[i].due);
        desk_release(&desk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_goes_on_is_active),
        cmocka_unit_test(a_run_that_was_not_started_is_decided_anew),
        cmocka_unit_test(of_a_paused_job_only_runs_on_demand_start),
        cmocka_unit_test(of_a_job_followed_elsewhere_everything_starts),
        cmocka_unit_test(of_two_found_one_starts_under_forbid),
        cmocka_unit_test(what_is_found_of_unknown_jobs_is_ignored),
        cmocka_unit_test(a_retry_to_come_is_recalled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
