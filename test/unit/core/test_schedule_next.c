/* SPDX-License-Identifier: Apache-2.0 */
/* When schedules are due: the calendar, and what changes of local time do to them. */
#include "core/schedule.h"
#include "core/zone.h"

#include "table.h"
#include "zone_load.h"

struct row {
    const char *text;
    const char *zone;
    const char *after;
    const char *ticks; /* the next ones in order; "never" is RC_NEVER */
};

static void append_ticks(struct buf *found, const struct schedule *schedule,
                         const struct zone *zone, instant_us after, int count)
{
    char text[INSTANT_TEXT];
    instant_us tick = after;

    for (int i = 0; i < count; i++) {
        if (schedule_next(schedule, zone, after, tick, &tick) != RC_OK) {
            assert_int_equal(buf_puts(found, i ? " never" : "never"), RC_OK);
            return;
        }
        assert_int_equal(buf_printf(found, i ? " %s" : "%s", instant_format(tick, text)), RC_OK);
    }
}

static void check_row(struct table *table, const struct row *row)
{
    struct zone *zone = zone_load("/usr/share/zoneinfo", row->zone);
    struct schedule schedule;
    instant_us after;
    struct buf found;
    int count = 1;

    for (const char *at = row->ticks; *at; at++)
        count += *at == ' ';
    assert_non_null(zone);
    assert_int_equal(schedule_parse(row->text, 0, &schedule, NULL), RC_OK);
    assert_int_equal(instant_parse(row->after, &after, NULL), RC_OK);
    buf_init(&found, 4096);
    append_ticks(&found, &schedule, zone, after, count);
    table_same(table, row->text, row->ticks, found.data);
    buf_release(&found);
    zone_free(zone);
}

static void check_rows(const char *name, const struct row *rows, size_t count)
{
    struct table table = {name, 0, 0};

    for (size_t i = 0; i < count; i++)
        check_row(&table, &rows[i]);
    table_end(&table);
}

static void knows_the_calendar(void **state)
{
    static const struct row rows[] = {
        {"* * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z 2026-01-01T00:02:00Z"},
        {"* * * * *", "UTC", "2026-01-01T00:00:59.999999Z", "2026-01-01T00:01:00Z"},
        {"*/5 * * * *", "UTC", "2026-12-31T23:54:59Z", "2026-12-31T23:55:00Z 2027-01-01T00:00:00Z"},
        {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
        {"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
        {"0 0 */29 2 MON", "UTC", "2026-01-01T00:00:00Z", "2027-02-01T00:00:00Z"},
        {"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z 2026-05-31T00:00:00Z"},
        {"0 0 13 * FRI", "UTC", "2026-11-06T00:00:00Z",
         "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z 2026-11-27T00:00:00Z 2026-12-04T00:00:00Z "
         "2026-12-11T00:00:00Z 2026-12-13T00:00:00Z"},
        {"0 0 */2 * FRI", "UTC", "2026-11-01T00:00:00Z",
         "2026-11-13T00:00:00Z 2026-11-27T00:00:00Z 2026-12-11T00:00:00Z"},
        {"0 0 13 * */5", "UTC", "2026-11-01T00:00:00Z",
         "2026-11-13T00:00:00Z 2026-12-13T00:00:00Z"},
        {"0 0 1-31 * MON", "UTC", "2026-11-01T00:00:00Z",
         "2026-11-02T00:00:00Z 2026-11-03T00:00:00Z"},
        {"0 0 L * *", "UTC", "2024-01-31T00:00:00Z",
         "2024-02-29T00:00:00Z 2024-03-31T00:00:00Z 2024-04-30T00:00:00Z"},
        {"0 0 L-3,15 * *", "UTC", "2026-02-01T00:00:00Z",
         "2026-02-15T00:00:00Z 2026-02-25T00:00:00Z 2026-03-15T00:00:00Z 2026-03-28T00:00:00Z"},
        {"0 0 L-30 * *", "UTC", "2026-02-01T00:00:00Z",
         "2026-03-01T00:00:00Z 2026-05-01T00:00:00Z"},
        {"0 0 LW * *", "UTC", "2026-01-01T00:00:00Z",
         "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z 2026-03-31T00:00:00Z"},
        {"0 0 15W * *", "UTC", "2026-08-01T00:00:00Z",
         "2026-08-14T00:00:00Z 2026-09-15T00:00:00Z 2026-10-15T00:00:00Z 2026-11-16T00:00:00Z"},
        {"0 0 1W * *", "UTC", "2026-07-15T00:00:00Z", "2026-08-03T00:00:00Z 2026-09-01T00:00:00Z"},
        {"0 0 31W * *", "UTC", "2026-05-01T00:00:00Z", "2026-05-29T00:00:00Z 2026-07-31T00:00:00Z"},
        {"0 0 * * 5L", "UTC", "2026-01-31T00:00:00Z", "2026-02-27T00:00:00Z 2026-03-27T00:00:00Z"},
        {"0 0 * * MON#1", "UTC", "2026-01-31T00:00:00Z",
         "2026-02-02T00:00:00Z 2026-03-02T00:00:00Z"},
        {"0 0 * * 1#5", "UTC", "2026-01-01T00:00:00Z", "2026-03-30T00:00:00Z 2026-06-29T00:00:00Z"},
        {"0 0 * 2 0#5", "UTC", "2026-01-01T00:00:00Z", "2032-02-29T00:00:00Z 2060-02-29T00:00:00Z"},
        {"59 59 23 31 12 *", "UTC", "9999-01-01T00:00:00Z", "9999-12-31T23:59:59Z never"},
        {"0 0 * * *", "UTC", "9999-12-31T00:00:00Z", "never"},
        {"0 0 29 2 *", "UTC", "9996-03-01T00:00:00Z", "never"},
        {"15,45 30 8 1 1 * 2026,2030-2031", "UTC", "2026-01-01T08:30:15Z",
         "2026-01-01T08:30:45Z 2030-01-01T08:30:15Z 2030-01-01T08:30:45Z 2031-01-01T08:30:15Z "
         "2031-01-01T08:30:45Z never"},
        {"0 0 0 1 1 * 1999", "UTC", "2026-01-01T00:00:00Z", "never"},
        {"0 0 0 1 1 * 2225", "UTC", "2026-01-01T00:00:00Z", "2225-01-01T00:00:00Z never"},
        {"0 0 0 31 12 ? 1970", "America/New_York", "1970-06-01T00:00:00Z",
         "1970-12-31T05:00:00Z never"},
        {"0 19 31 12 *", "America/New_York", "9999-01-01T00:00:00Z", "never"},
    };

    (void)state;
    check_rows("knows_the_calendar", rows, ARRAY_SIZE(rows));
}

static void fixed_times_wait_for_the_end_of_a_gap(void **state)
{
    static const struct row rows[] = {
        {"30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z",
         "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
        {"0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-30T01:00:00Z"},
        {"0,20,40 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z"},
        {"30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-29T01:30:00Z"},
        {"30 2 8 3 *", "America/New_York", "2026-01-01T00:00:00Z",
         "2026-03-08T07:00:00Z 2027-03-08T07:30:00Z"},
        {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
         "2026-10-03T15:30:00Z 2026-10-04T15:15:00Z"},
        {"0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
         "2011-12-29T19:00:00Z 2011-12-30T10:00:00Z 2011-12-30T19:00:00Z"},
        {"0 0,9 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z",
         "2011-12-30T10:00:00Z 2011-12-30T19:00:00Z"},
        {"30 1 * * *", "Europe/Dublin", "2026-03-28T12:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
        {"30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00:00Z",
         "2026-03-22T02:00:00Z 2026-03-23T01:30:00Z"},
        {"30 0 * * *", "America/St_Johns", "2010-03-13T12:00:00Z",
         "2010-03-14T03:31:00Z 2010-03-15T03:00:00Z"},
        {"10 0 1 1 *", "Asia/Kathmandu", "1985-06-01T00:00:00Z",
         "1985-12-31T18:30:00Z 1986-12-31T18:25:00Z"},
        {"30 0 * * *", "Africa/Monrovia", "1972-01-06T12:00:00Z",
         "1972-01-07T00:44:30Z 1972-01-08T00:30:00Z"},
        {"30 2 * * *", "Europe/Berlin", "2437-03-28T12:00:00Z",
         "2437-03-29T01:00:00Z 2437-03-30T00:30:00Z"},
    };

    (void)state;
    check_rows("fixed_times_wait_for_the_end_of_a_gap", rows, ARRAY_SIZE(rows));
}

static void fixed_times_come_once_in_an_overlap(void **state)
{
    static const struct row rows[] = {
        {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
         "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
        {"0 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
         "2026-10-25T00:00:00Z 2026-10-26T01:00:00Z"},
        {"0 3 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z"},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-26T01:30:00Z"},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-26T01:30:00Z"},
        {"0-59/20 1-2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z",
         "2026-10-25T00:40:00Z 2026-10-26T00:00:00Z"},
        {"30 1 1 11 *", "America/New_York", "2026-01-01T00:00:00Z",
         "2026-11-01T05:30:00Z 2027-11-01T05:30:00Z"},
        {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
         "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z"},
        {"30 1 * * *", "Europe/Dublin", "2026-10-24T12:00:00Z",
         "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
        {"30 2 * * *", "Africa/Casablanca", "2026-02-14T12:00:00Z",
         "2026-02-15T01:30:00Z 2026-02-16T02:30:00Z"},
        {"30 23 * * *", "America/St_Johns", "2010-11-06T12:00:00Z",
         "2010-11-07T02:00:00Z 2010-11-08T03:00:00Z"},
        {"0 0 * * *", "America/St_Johns", "2010-11-06T12:00:00Z",
         "2010-11-07T02:30:00Z 2010-11-08T03:30:00Z"},
    };

    (void)state;
    check_rows("fixed_times_come_once_in_an_overlap", rows, ARRAY_SIZE(rows));
}

static void other_schedules_follow_real_time(void **state)
{
    static const struct row rows[] = {
        {"30 * * * *", "Europe/Berlin", "2026-03-28T23:45:00Z",
         "2026-03-29T00:30:00Z 2026-03-29T01:30:00Z"},
        {"30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z",
         "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-25T02:30:00Z"},
        {"*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z"},
        {"*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
         "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z 2026-10-25T01:00:00Z 2026-10-25T01:30:00Z "
         "2026-10-26T01:00:00Z"},
        {"0 30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
        {"0 30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
         "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-26T01:30:00Z"},
        {"0 30 2 25 10 * 2026", "Europe/Berlin", "2026-10-25T00:30:00Z",
         "2026-10-25T01:30:00Z never"},
        {"0 30 2 29 3 * 2026", "Europe/Berlin", "2026-01-01T00:00:00Z", "never"},
        {"0 30 2 29 3 *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2027-03-29T00:30:00Z"},
        {"0 0 0 1 1 *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-12-31T23:00:00Z"},
        {"0 0 0 29 2 *", "Europe/Berlin", "2025-01-01T00:00:00Z", "2028-02-28T23:00:00Z"},
        {"0 0 0 1 7 *", "Pacific/Apia", "2026-01-01T00:00:00Z", "2026-06-30T11:00:00Z"},
        {"0 */15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:40:00Z",
         "2026-04-04T14:45:00Z 2026-04-04T15:00:00Z 2026-04-04T15:15:00Z"},
        {"*/45 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z",
         "2026-04-04T14:45:00Z 2026-04-04T15:15:00Z 2026-04-05T14:30:00Z"},
        {"0 0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
         "2011-12-29T19:00:00Z 2011-12-30T19:00:00Z"},
        {"0 0 9 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00Z", "2012-12-29T19:00:00Z"},
        {"30 * * * *", "Africa/Monrovia", "1972-01-06T23:00:00Z",
         "1972-01-06T23:14:30Z 1972-01-07T00:14:30Z 1972-01-07T01:30:00Z"},
        {"@hourly", "Europe/Dublin", "2026-10-24T23:30:00Z",
         "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z"},
        {"@daily", "Europe/Berlin", "2026-10-24T12:00:00Z",
         "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"},
        {"0 30 * * * *", "Europe/Berlin", "2437-10-24T23:45:00Z",
         "2437-10-25T00:30:00Z 2437-10-25T01:30:00Z"},
    };

    (void)state;
    check_rows("other_schedules_follow_real_time", rows, ARRAY_SIZE(rows));
}

static void counts_spans_from_the_anchor(void **state)
{
    struct schedule schedule;
    instant_us tick;

    (void)state;
    assert_int_equal(schedule_parse("@every 90s", 0, &schedule, NULL), RC_OK);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 7, 0, &tick), RC_OK);
    assert_int_equal(tick, 90 * SECOND + 7);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 7, 7, &tick), RC_OK);
    assert_int_equal(tick, 90 * SECOND + 7);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 7, 90 * SECOND + 7, &tick), RC_OK);
    assert_int_equal(tick, 180 * SECOND + 7);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 7, 180 * SECOND + 6, &tick), RC_OK);
    assert_int_equal(tick, 180 * SECOND + 7);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 7, INT64_MIN, &tick), RC_OK);
    assert_int_equal(tick, 90 * SECOND + 7);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 7, INSTANT_MAX, &tick), RC_NEVER);
    assert_int_equal(schedule_next(&schedule, zone_utc(), INSTANT_MAX, 0, &tick), RC_NEVER);
}

static void comes_once_or_not_at_all(void **state)
{
    struct schedule at, reboot, manual;
    instant_us tick;

    (void)state;
    assert_int_equal(schedule_parse("@at 1970-01-01T00:00:10Z", 0, &at, NULL), RC_OK);
    assert_int_equal(schedule_next(&at, zone_utc(), 0, 10 * SECOND - 1, &tick), RC_OK);
    assert_int_equal(tick, 10 * SECOND);
    assert_int_equal(schedule_next(&at, zone_utc(), 0, 10 * SECOND, &tick), RC_NEVER);
    assert_int_equal(schedule_parse("@reboot", 0, &reboot, NULL), RC_OK);
    assert_int_equal(schedule_next(&reboot, zone_utc(), 0, 0, &tick), RC_NEVER);
    assert_int_equal(schedule_parse("@manual", 0, &manual, NULL), RC_OK);
    assert_int_equal(schedule_next(&manual, zone_utc(), 0, 0, &tick), RC_NEVER);
}

static void takes_any_instant(void **state)
{
    struct schedule schedule;
    instant_us tick;

    (void)state;
    assert_int_equal(schedule_parse("* * * * *", 0, &schedule, NULL), RC_OK);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 0, INT64_MIN, &tick), RC_OK);
    assert_int_equal(tick, 0);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 0, -1, &tick), RC_OK);
    assert_int_equal(tick, 0);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 0, INT64_MAX, &tick), RC_NEVER);
    assert_int_equal(schedule_next(&schedule, zone_utc(), 0, INSTANT_MAX, &tick), RC_NEVER);
    assert_int_equal(schedule_count(&schedule, zone_utc(), 0, INT64_MIN, INT64_MAX),
                     INSTANT_MAX / MINUTE + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_calendar),
        cmocka_unit_test(fixed_times_wait_for_the_end_of_a_gap),
        cmocka_unit_test(fixed_times_come_once_in_an_overlap),
        cmocka_unit_test(other_schedules_follow_real_time),
        cmocka_unit_test(counts_spans_from_the_anchor),
        cmocka_unit_test(comes_once_or_not_at_all),
        cmocka_unit_test(takes_any_instant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
