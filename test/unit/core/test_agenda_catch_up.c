/* SPDX-License-Identifier: Apache-2.0 */
/* Overdue ticks: after a stop, a suspended machine, a clock that jumped. */
#include "agenda_desk.h"

/* The job was last looked at at 00:00:00; then nothing, until `now`. */
static const struct {
    const char *schedule;
    enum catch_up catch_up;
    double window; /* seconds */
    double now;
    const char *expected;
} rows[] = {
    /* one tick, on time */
    {"0 * * * *", CATCH_UP_NONE, 3600, 3605, "claim 1-3600-1 schedule <3635\n"},
    {"0 * * * *", CATCH_UP_LAST, 3600, 3605, "claim 1-3600-1 schedule <3635\n"},
    {"0 * * * *", CATCH_UP_ALL, 3600, 3605, "claim 1-3600-1 schedule <3635\n"},
    {"0 * * * *", CATCH_UP_ALL, 0, 3605, "claim 1-3600-1 schedule <3635\n"},
    /* one tick, late */
    {"0 * * * *", CATCH_UP_NONE, 3600, 3606,
     "record 1-3600-1 missed: overdue, and catch_up is none\n"},
    {"0 * * * *", CATCH_UP_LAST, 3600, 3606, "claim 1-3600-1 catch_up <3636\n"},
    {"0 * * * *", CATCH_UP_ALL, 3600, 3606, "claim 1-3600-1 catch_up <3636\n"},
    {"0 * * * *", CATCH_UP_LAST, 60, 3660, "claim 1-3600-1 catch_up <3690\n"},
    {"0 * * * *", CATCH_UP_LAST, 60, 3661, "record 1-3600-1 missed: older than catch_up_window\n"},
    {"0 * * * *", CATCH_UP_ALL, 60, 3661, "record 1-3600-1 missed: older than catch_up_window\n"},
    /* three ticks, the newest on time */
    {"* * * * *", CATCH_UP_NONE, 3600, 181,
     "record 1-60-1 missed: overdue, and catch_up is none\n"
     "record 1-120-1 missed: overdue, and catch_up is none\n"
     "claim 1-180-1 schedule <211\n"},
    {"* * * * *", CATCH_UP_LAST, 3600, 181,
     "record 1-60-1 missed: superseded by a newer tick\n"
     "record 1-120-1 missed: superseded by a newer tick\n"
     "claim 1-180-1 schedule <211\n"},
    {"* * * * *", CATCH_UP_ALL, 3600, 181, "claim 1-60-1 catch_up <211\n"},
    {"* * * * *", CATCH_UP_ALL, 100, 181,
     "record 1-60-1 missed: older than catch_up_window\n"
     "claim 1-120-1 catch_up <211\n"},
    /* three ticks, the newest late */
    {"* * * * *", CATCH_UP_NONE, 3600, 200,
     "record 1-60-1 missed: overdue, and catch_up is none\n"
     "record 1-120-1 missed: overdue, and catch_up is none\n"
     "record 1-180-1 missed: overdue, and catch_up is none\n"},
    {"* * * * *", CATCH_UP_LAST, 3600, 200,
     "record 1-60-1 missed: superseded by a newer tick\n"
     "record 1-120-1 missed: superseded by a newer tick\n"
     "claim 1-180-1 catch_up <230\n"},
    {"* * * * *", CATCH_UP_LAST, 10, 200,
     "record 1-60-1 missed: older than catch_up_window\n"
     "record 1-120-1 missed: older than catch_up_window\n"
     "record 1-180-1 missed: older than catch_up_window\n"},
    {"* * * * *", CATCH_UP_ALL, 10, 200,
     "record 1-60-1 missed: older than catch_up_window\n"
     "record 1-120-1 missed: older than catch_up_window\n"
     "record 1-180-1 missed: older than catch_up_window\n"},
    /* several ticks of which all are on time */
    {"* * * * * *", CATCH_UP_NONE, 3600, 2,
     "record 1-1-1 missed: overdue, and catch_up is none\n"
     "claim 1-2-1 schedule <32\n"},
    {"* * * * * *", CATCH_UP_ALL, 0, 2, "claim 1-1-1 schedule <32\n"},
    /* a one-time job */
    {"@at 2026-01-05T00:00:10Z", CATCH_UP_LAST, 3600, 3000, "claim 1-10-1 catch_up <3030\n"},
    {"@at 2026-01-05T00:00:10Z", CATCH_UP_LAST, 60, 3000,
     "record 1-10-1 missed: older than catch_up_window\nfinished 1\n"},
};

static void overdue_ticks_are_dealt_with_as_catch_up_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, rows[i].schedule);

        print_message("row %zu: %s\n", i, rows[i].schedule);
        job.catch_up = rows[i].catch_up;
        job.catch_up_window = (span_us)rows[i].window * SECOND;
        desk_put(&desk, &job);
        desk_at(&desk, rows[i].now, rows[i].expected);
        desk_release(&desk);

        desk = desk_new();
        desk.now = desk_time(rows[i].now);
        desk_put(&desk, &job);
        desk_at(&desk, rows[i].now, rows[i].expected);
        desk_release(&desk);
    }
}

static void all_runs_one_after_the_other(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.catch_up = CATCH_UP_ALL;
    desk_put(&desk, &job);
    desk_at(&desk, 200, "claim 1-60-1 catch_up <230\n");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_at(&desk, 200, "start 1-60-1 catch_up at 60\n");
    desk_at(&desk, 239, "");
    assert_int_equal(desk_ended(&desk, "1-60-1", RUN_SUCCEEDED), JOB_SCHEDULED);
    desk_at(&desk, 239, "claim 1-120-1 catch_up <269\n");
    desk_claimed(&desk, "1-120-1", CLAIM_TAKEN);
    desk_at(&desk, 241, "claim 1-180-1 catch_up <271\n");
    desk_claimed(&desk, "1-180-1", CLAIM_WON);
    desk_at(&desk, 241,
            "start 1-180-1 catch_up at 180\n"
            "record 1-240-1 skipped: a run of the job was active\n");
    (void)desk_ended(&desk, "1-180-1", RUN_SUCCEEDED);
    desk_next_is(&desk, 300);
    desk_release(&desk);
}

static void all_runs_at_once_where_that_is_allowed(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    job.catch_up = CATCH_UP_ALL;
    job.concurrency = CONCURRENCY_ALLOW;
    desk_put(&desk, &job);
    desk_at(&desk, 200, "claim 1-60-1 catch_up <230\n");
    desk_claimed(&desk, "1-60-1", CLAIM_WON);
    desk_at(&desk, 200, "start 1-60-1 catch_up at 60\nclaim 1-120-1 catch_up <230\n");
    desk_claimed(&desk, "1-120-1", CLAIM_WON);
    desk_at(&desk, 200, "start 1-120-1 catch_up at 120\nclaim 1-180-1 catch_up <230\n");
    desk_claimed(&desk, "1-180-1", CLAIM_WON);
    desk_at(&desk, 200, "start 1-180-1 catch_up at 180\n");
    desk_next_is(&desk, 240);
    desk_release(&desk);
}

static void at_most_so_many_are_caught_up(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * * *");

    (void)state;
    job.catch_up = CATCH_UP_ALL;
    desk_put(&desk, &job);
    desk_at(&desk, 1003,
            "record 1-1-1 missed: too many ticks were overdue\n"
            "record 1-2-1 missed: too many ticks were overdue\n"
            "record 1-3-1 missed: too many ticks were overdue\n"
            "claim 1-4-1 catch_up <1033\n");
    desk_release(&desk);
}

/* Of a year of seconds: one record for all but the newest hundred. */
static void a_long_stretch_is_one_record(void **state)
{
    static const enum catch_up ways[] = {CATCH_UP_NONE, CATCH_UP_LAST, CATCH_UP_ALL};
    const double year = 365.0 * 86400;
    static struct decision decisions[DESK_CAPACITY];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct desk desk = desk_new();
        struct agenda_job job = desk_job(1, "* * * * * *");
        int64_t missed = 365 * 86400 - (ways[i] == CATCH_UP_ALL ? LIMIT_CATCH_UP : 1), rest;
        size_t count;

        job.catch_up = ways[i];
        desk_put(&desk, &job);
        count = agenda_advance(desk.agenda, desk_time(year), decisions, DESK_CAPACITY);
        assert_int_equal(count, 1 + LIMIT_MISSED_ROWS + 1);
        rest = missed - LIMIT_MISSED_ROWS;
        assert_int_equal(decisions[0].kind, DECIDE_RECORD);
        assert_int_equal(decisions[0].run.scheduled_at, desk_time(1));
        assert_int_equal(decisions[0].count, rest);
        assert_int_equal(decisions[0].until, desk_time((double)rest));
        for (int64_t row = 1; row <= LIMIT_MISSED_ROWS; row++) {
            assert_int_equal(decisions[row].kind, DECIDE_RECORD);
            assert_int_equal(decisions[row].count, 1);
            assert_int_equal(decisions[row].run.scheduled_at, desk_time((double)(rest + row)));
        }
        assert_int_equal(decisions[LIMIT_MISSED_ROWS + 1].kind, DECIDE_CLAIM);
        assert_int_equal(decisions[LIMIT_MISSED_ROWS + 1].run.scheduled_at,
                         desk_time((double)(missed + 1)));
        desk_release(&desk);
    }
}

static void an_overdue_tick_gives_way_to_a_newer_one_while_the_store_is_away(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "* * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 60, "claim 1-60-1 schedule <90\n");
    desk_claimed(&desk, "1-60-1", CLAIM_FAILED);
    desk_at(&desk, 100, "claim 1-60-1 schedule <130\n");
    desk_claimed(&desk, "1-60-1", CLAIM_FAILED);
    desk_at(&desk, 120,
            "record 1-60-1 missed: the store did not answer\n"
            "claim 1-120-1 schedule <150\n");
    desk_claimed(&desk, "1-120-1", CLAIM_WON);
    desk_at(&desk, 120, "start 1-120-1 schedule at 120\n");
    desk_release(&desk);
}

static void a_clock_set_forward_is_a_stop(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_SUCCEEDED);
    desk_at(&desk, 10900,
            "record 1-7200-1 missed: superseded by a newer tick\n"
            "claim 1-10800-1 catch_up <10930\n");
    desk_release(&desk);
}

static void a_clock_set_back_lets_ticks_count_again(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_SUCCEEDED);
    desk_at(&desk, 3601, "");
    desk_at(&desk, 3599, "");
    desk_next_is(&desk, 7200);
    desk_at(&desk, 1000, "");
    desk_next_is(&desk, 3600);
    desk_at(&desk, 3600, "claim 1-3600-1 schedule <3630\n");
    desk_claimed(&desk, "1-3600-1", CLAIM_TAKEN);
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void a_run_that_is_active_is_not_claimed_again_when_the_clock_is_set_back(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.concurrency = CONCURRENCY_ALLOW;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    desk_at(&desk, 1000, "");
    desk_at(&desk, 3600, "");
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

static void waits_keep_their_length_when_the_clock_is_set_back(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    job.retries.limit = 1;
    desk_put(&desk, &job);
    desk_starts(&desk, 3600, "1-3600-1");
    (void)desk_ended(&desk, "1-3600-1", RUN_FAILED);
    desk_next_is(&desk, 3630);
    desk_at(&desk, 3610, "");
    desk_at(&desk, 1000, "");
    desk_next_is(&desk, 1020);
    desk_at(&desk, 1020, "claim 1-3600-2 retry <1050\n");
    desk_release(&desk);
}

static void a_claim_in_flight_survives_a_clock_set_back(void **state)
{
    struct desk desk = desk_new();
    struct agenda_job job = desk_job(1, "0 * * * *");

    (void)state;
    desk_put(&desk, &job);
    desk_at(&desk, 3600, "claim 1-3600-1 schedule <3630\n");
    desk_at(&desk, 1000, "");
    desk_claimed(&desk, "1-3600-1", CLAIM_WON);
    desk_at(&desk, 1001, "start 1-3600-1 schedule at 1001\n");
    desk_at(&desk, 3600, "");
    desk_next_is(&desk, 7200);
    desk_release(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overdue_ticks_are_dealt_with_as_catch_up_says),
        cmocka_unit_test(all_runs_one_after_the_other),
        cmocka_unit_test(all_runs_at_once_where_that_is_allowed),
        cmocka_unit_test(at_most_so_many_are_caught_up),
        cmocka_unit_test(a_long_stretch_is_one_record),
        cmocka_unit_test(an_overdue_tick_gives_way_to_a_newer_one_while_the_store_is_away),
        cmocka_unit_test(a_clock_set_forward_is_a_stop),
        cmocka_unit_test(a_clock_set_back_lets_ticks_count_again),
        cmocka_unit_test(a_run_that_is_active_is_not_claimed_again_when_the_clock_is_set_back),
        cmocka_unit_test(waits_keep_their_length_when_the_clock_is_set_back),
        cmocka_unit_test(a_claim_in_flight_survives_a_clock_set_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
