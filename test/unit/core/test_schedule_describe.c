/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schedule.h"

#include "table.h"

static const struct {
    const char *text;
    const char *words;
} rows[] = {
    {"* * * * *", "Every minute"},
    {"*/5 * * * *", "Every 5 minutes"},
    {"0 * * * *", "At minute 0 of every hour"},
    {"5 */2 * * *", "At minute 5 of every 2nd hour"},
    {"5 */3 * * *", "At minute 5 of every 3rd hour"},
    {"5,20,40 * * * *", "At minutes 5, 20 and 40 of every hour"},
    {"10-20 * * * *", "At minutes 10 to 20 of every hour"},
    {"7/15 * * * *", "At minutes 7, 22, 37 and 52 of every hour"},
    {"*/7 * * * *", "Every 7th minute of every hour"},
    {"0 0 */2 * *", "At 00:00 on every 2nd day of the month"},
    {"0 2 * * *", "At 02:00"},
    {"0 2,14 * * *", "At 02:00 and 14:00"},
    {"0,30 9,10,11 * * *", "At 09:00, 09:30, 10:00, 10:30, 11:00 and 11:30"},
    {"0 2 * * 1", "At 02:00 on Monday"},
    {"0 2 * * 1-5", "At 02:00 from Monday to Friday"},
    {"0 2 * * 0,6", "At 02:00 on Sunday and Saturday"},
    {"0 2 1 * *", "At 02:00 on day 1 of the month"},
    {"0 2 1,15 * *", "At 02:00 on days 1 and 15 of the month"},
    {"0 2 1-7 * *", "At 02:00 on days 1 to 7 of the month"},
    {"0 2 13 * 5", "At 02:00 on day 13 of the month or on Friday"},
    {"0 2 */2 * 5", "At 02:00 on every 2nd day of the month, when that is on Friday"},
    {"0 2 1-31 * 5", "At 02:00"},
    {"0 2 L * *", "At 02:00 on the last day of the month"},
    {"0 2 1,L * *", "At 02:00 on day 1 of the month and on the last day of the month"},
    {"0 2 L-1,L-3 * *",
     "At 02:00 1 day before the last day of the month and 3 days before the last day of the month"},
    {"0 2 LW * *", "At 02:00 on the last weekday of the month"},
    {"0 2 15W * *", "At 02:00 on the weekday nearest to day 15 of the month"},
    {"0 2 * * 5L", "At 02:00 on the last Friday of the month"},
    {"0 2 * * 1#1,3", "At 02:00 on Wednesday and on the first Monday of the month"},
    {"0 2 * 1 *", "At 02:00 in January"},
    {"0 2 * 1,7 *", "At 02:00 in January and July"},
    {"0 2 * 6-8 *", "At 02:00 from June to August"},
    {"0 0 1 1 *", "At 00:00 on day 1 of the month in January"},
    {"*/10 9-17 * * 1-5", "Every 10 minutes from 09:00 to 17:59 from Monday to Friday"},
    {"*/10 8,12,18 * * *", "Every 10 minutes in hours 8, 12 and 18"},
    {"* 3 * * *", "Every minute in hour 3"},
    {"*/5 */4 * * *", "Every 5 minutes of every 4th hour"},
    {"15 9-17 * * *", "At minute 15 of every hour from 9 to 17"},
    {"15 0,1,2,3,5,8,13 * * *", "At minute 15 of hours 0, 1, 2, 3, 5, 8 and 13"},
    {"* * * * * *", "Every second"},
    {"*/10 * * * * *", "Every 10 seconds"},
    {"30 * * * * *", "At second 30 of every minute"},
    {"30 0 2 * * *", "At 02:00:30"},
    {"*/10 5 * * * *", "Every 10 seconds of minute 5 of every hour"},
    {"*/10 */5 * * * *", "Every 10 seconds of every 5th minute"},
    {"10,20 * 9-17 * * *", "At seconds 10 and 20 of every minute from 09:00 to 17:59"},
    {"0 0 0 1 1 * 2026", "At 00:00 on day 1 of the month in January in 2026"},
    {"0 0 0 1 1 * 2026-2030", "At 00:00 on day 1 of the month in January from 2026 to 2030"},
    {"@every 10s", "Every 10 seconds"},
    {"@every 60", "Every minute"},
    {"@every 90m", "Every 1 hour and 30 minutes"},
    {"@every 1d", "Every day"},
    {"@every 1d1h1m1s", "Every 1 day, 1 hour, 1 minute and 1 second"},
    {"@at 2030-01-31T09:00:00Z", "Once, on 31 January 2030 at 09:00:00 UTC"},
    {"@reboot", "At each boot of its worker's node"},
    {"@manual", "Only on demand"},
};

static void speaks_to_a_person(void **state)
{
    struct table table = {"speaks_to_a_person", 0, 0};
    struct buf words;

    (void)state;
    buf_init(&words, 4096);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct schedule schedule;

        buf_reset(&words);
        assert_int_equal(schedule_parse(rows[i].text, 0, &schedule, NULL), RC_OK);
        assert_int_equal(schedule_describe(&schedule, &words), RC_OK);
        table_same(&table, rows[i].text, rows[i].words, words.data);
    }
    buf_release(&words);
    table_end(&table);
}

static void respects_the_limit(void **state)
{
    struct schedule schedule;
    struct buf words;

    (void)state;
    buf_init(&words, 10);
    assert_int_equal(schedule_parse("*/5 * * * *", 0, &schedule, NULL), RC_OK);
    assert_int_equal(schedule_describe(&schedule, &words), RC_TOO_BIG);
    assert_int_equal(schedule_print(&schedule, &words), RC_TOO_BIG);
    buf_release(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_to_a_person),
        cmocka_unit_test(respects_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
