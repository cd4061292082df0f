/* SPDX-License-Identifier: Apache-2.0 */
/* H and ~: the same value for ever, inside its bounds, and not the same for all jobs. */
#include "core/schedule.h"

#include "table.h"

/* These must never change: every job with such a schedule would move. */
static const struct {
    const char *text;
    uint64_t identity;
    const char *drawn;
} rows[] = {
    {"H * * * *", 1, "19 * * * *"},
    {"H H * * *", 2, "26 15 * * *"},
    {"H H H H H", 3, "21 9 8 7 1"},
    {"H/15 * * * *", 4, "4-49/15 * * * *"},
    {"H(0-29)/10 H(9-17) * * *", 5, "4-24/10 17 * * *"},
    {"0 ~ * * ~", 6, "0 6 * * 3"},
    {"10~20 * * * MON~FRI", 7, "10 * * * 1"},
    {"~5 20~ * * *", 8, "5 21 * * *"},
    {"H 0 0 H(29-31) 1 ? H(2030-2040)", UINT64_MAX, "56 0 0 29 1 * 2036"},
    {"0 0 * * H(5-7)", 9, "0 0 * * 5"},
    {"H,30 0 * * *", 10, "14,30 0 * * *"},
};

static void stay_as_they_are(void **state)
{
    struct table table = {"stay_as_they_are", 0, 0};
    struct buf printed;

    (void)state;
    buf_init(&printed, SCHEDULE_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct schedule schedule, again;

        buf_reset(&printed);
        assert_int_equal(schedule_parse(rows[i].text, rows[i].identity, &schedule, NULL), RC_OK);
        assert_true(schedule_is_drawn(&schedule));
        assert_int_equal(schedule_print(&schedule, &printed), RC_OK);
        table_same(&table, rows[i].text, rows[i].drawn, printed.data);
        assert_int_equal(schedule_parse(printed.data, 0, &again, NULL), RC_OK);
        assert_true(schedule_equal(&schedule, &again));
        assert_false(schedule_is_drawn(&again));
    }
    buf_release(&printed);
    table_end(&table);
}

static void spread_over_all_values(void **state)
{
    uint64_t minutes = 0;
    uint32_t hours = 0, days = 0;
    uint16_t months = 0;
    uint8_t weekdays = 0;

    (void)state;
    for (uint64_t identity = 0; identity < 2000; identity++) {
        struct schedule schedule;

        assert_int_equal(schedule_parse("H H H H H", identity, &schedule, NULL), RC_OK);
        assert_int_equal(__builtin_popcountll(schedule.minutes), 1);
        minutes |= schedule.minutes;
        hours |= schedule.hours;
        days |= schedule.days;
        months |= schedule.months;
        weekdays |= schedule.weekdays;
    }
    assert_true(minutes == (1ULL << 60) - 1);
    assert_true(hours == (1U << 24) - 1);
    assert_true(days == 0x1ffffffe); /* days that every month has */
    assert_true(months == 0x1ffe);
    assert_true(weekdays == 0x7f);
}

static void start_steps_within_the_first_step(void **state)
{
    (void)state;
    for (uint64_t identity = 0; identity < 500; identity++) {
        struct schedule schedule;

        assert_int_equal(schedule_parse("H/15 * H/31 * *", identity, &schedule, NULL), RC_OK);
        assert_int_equal(__builtin_popcountll(schedule.minutes), 4);
        assert_true(schedule.days & 0x1ffffffe);
        assert_int_equal(schedule_parse("H(10-12)/15 * * * *", identity, &schedule, NULL), RC_OK);
        assert_int_equal(__builtin_popcountll(schedule.minutes & 7 << 10), 1);
        assert_int_equal(__builtin_popcountll(schedule.minutes), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stay_as_they_are),
        cmocka_unit_test(spread_over_all_values),
        cmocka_unit_test(start_steps_within_the_first_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
